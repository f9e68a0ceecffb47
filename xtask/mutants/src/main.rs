//! Mutation testing: `cargo xtask mutants --help`.
//!
//! The library takes minutes to compile, so there is one build for all mutants of a sample. [`finder`] finds expressions that can
//! be changed, [`sample`] draws some, [`rewrite`] puts a switch into each, and [`compile`] takes out those that are not Rust.
//! [`coverage`] records which test reaches which mutant, [`trial`] runs those tests, and [`report`] says what was caught.

mod changes;
mod compile;
mod coverage;
mod finder;
mod mutant;
mod options;
mod project;
mod report;
mod rewrite;
mod runner;
mod sample;
mod session;
#[cfg(test)]
mod tests;
mod trial;

use std::process::ExitCode;

use options::Options;
use project::Project;
use report::Reasons;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, String> {
    let options = Options::parse(std::env::args().skip(1))?;
    if options.help {
        print!("{}", options::HELP);
        return Ok(true);
    }
    let project = Project::own()?;
    if options.list {
        session::list(&project, &options)?;
        return Ok(true);
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("reasons.toml");
    session::run(&project, &options, &Reasons::parse(&project::read(&path)?)?)
}
