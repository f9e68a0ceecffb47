//! Measures what the papers of the losses claim, as far as a small machine can: `cargo run -p papers`.
//!
//! Each claim has a paper, a number, the band around it, and a function that measures it with the public API. The exit code is 1
//! if a number is outside its band.

mod call;
mod claim;
mod claims;
mod page;

use std::process::ExitCode;
use std::time::Instant;

use claim::{Claim, Measured};
use clap::Parser;

/// The exit code if a number is outside its band.
const EXIT_MISSED: u8 = 1;
/// The exit code if `--only` names no claim.
const EXIT_USAGE: u8 = 2;

/// Measure what the papers of the losses claim.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measure only the claims whose loss, paper or text contains this (may be given several times).
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// Leave out the claims that need a training or a simulation.
    #[arg(long)]
    quick: bool,
    /// Print the results as JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the page of the guide, docs/src/papers.md.
    #[arg(long)]
    markdown: bool,
}

impl Arguments {
    fn wants(&self, claim: &Claim) -> bool {
        let text = format!("{} {} {}", claim.loss, claim.paper.name, claim.what).to_lowercase();
        let is_named = self.only.is_empty() || self.only.iter().any(|word| text.contains(&word.to_lowercase()));
        is_named && !(self.quick && claim.is_long)
    }
}

fn measure(claim: &'static Claim) -> Measured {
    let start = Instant::now();
    let value = (claim.measure)();
    let measured = Measured { claim, value, seconds: start.elapsed().as_secs_f64() };
    let (verdict, seconds) = (measured.verdict(), measured.seconds);
    eprintln!("{verdict:6} {seconds:5.1} s  {}: {}", claim.loss, claim.what);
    measured
}

fn print_table(all: &[Measured]) {
    let mut table = experiments::report::table();
    table.set_header(["loss", "paper", "claim", "claimed", "measured", ""]);
    for measured in all {
        let claim = measured.claim;
        let (claimed, value) = (claim.claimed.to_string(), measured.shown());
        table.add_row([claim.loss, claim.paper.name, claim.what, &claimed, &value, measured.verdict()]);
    }
    println!("{table}");
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted: Vec<_> = claims::all().filter(|claim| arguments.wants(claim)).collect();
    if wanted.is_empty() {
        eprintln!("error: no claim contains {:?}", arguments.only);
        return ExitCode::from(EXIT_USAGE);
    }
    let start = Instant::now();
    let mut all: Vec<Measured> = Vec::with_capacity(wanted.len());
    for claim in &wanted {
        let measured = measure(claim);
        let is_long = measured.seconds > 2.0;
        all.push(measured);
        if is_long {
            eprintln!("       {}", experiments::progress::left(all.len(), wanted.len(), start.elapsed()));
        }
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&all).expect("results are JSON");
        println!("{text}");
    } else if arguments.markdown {
        print!("{}", page::page(&all));
    } else {
        print_table(&all);
    }
    let missed = all.iter().filter(|measured| !measured.holds()).count();
    let seconds: f64 = all.iter().map(|measured| measured.seconds).sum();
    eprintln!("{} claims in {seconds:.0} s, {missed} outside of their bands", all.len());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_MISSED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The claims that take no time hold in every run of the tests.
    #[test]
    fn the_short_claims_hold() {
        let short = claims::all().filter(|claim| !claim.is_long);
        let missed: Vec<_> = short.map(measure).filter(|measured| !measured.holds()).collect();
        let lines = missed.iter().map(|m| format!("{}: {}: {}", m.claim.loss, m.claim.what, m.shown()));
        assert!(missed.is_empty(), "{:#?}", lines.collect::<Vec<_>>());
    }

    #[test]
    fn every_claim_is_about_a_loss_of_the_registry() {
        let known: Vec<String> =
            burn_losses::registry().iter().map(|info| format!("{}/{}", info.family, info.kind)).collect();
        for claim in claims::all() {
            assert!(known.iter().any(|name| name == claim.loss), "{}: {}", claim.loss, claim.what);
        }
    }

    #[test]
    fn claims_are_chosen_by_words() {
        let only = |word: &str| Arguments { only: vec![word.into()], quick: false, json: false, markdown: false };
        let count = |arguments: Arguments| claims::all().filter(|claim| arguments.wants(claim)).count();
        assert!(count(only("Barron")) >= 5);
        assert_eq!(count(only("no such word")), 0);
        let all = Arguments { only: Vec::new(), ..only("") };
        assert_eq!(count(all), claims::all().count());
    }
}
