//! The command `burn-losses`: it lists losses, checks config files, evaluates losses on given tensors, and draws
//! their graphs. `burn-losses --help` shows examples.

mod batches;
mod catalog;
mod check;
mod compare;
mod config;
mod convert;
mod describe;
mod device;
mod diagnose;
mod error;
mod eval;
mod explain;
mod find;
#[cfg(test)]
mod fuzz;
mod gallery;
mod hints;
mod init;
mod list;
mod penalty;
mod plot;
mod report;
mod runnable;
mod schema;
mod shell;
mod style;
mod table;
mod tensors;

use burn_losses::config::write_file;
use clap::{CommandFactory, Parser, Subcommand};
use error::Error;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// Loss functions for the Burn deep-learning framework: find them, check their config files, evaluate, compare and draw them
#[derive(Parser)]
#[command(
    name = "burn-losses",
    version,
    after_help = "\
Examples:
  burn-losses find imbalance
  burn-losses explain focal
  burn-losses init binary/focal > loss.toml
  burn-losses check loss.toml
  burn-losses eval --config loss.toml --input batch.safetensors
  burn-losses plot binary/focal --set gamma=0,1,2,5

Exit codes:
  0  success
  1  check: a file is invalid; diagnose: the tensors have an error; compare: values differ; find: no loss matches
  2  a file cannot be read or written, or an option is invalid"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to use colors; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    color: style::Color,
}

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Find(find::Find),
    Explain(explain::Explain),
    Init(init::Init),
    Convert(convert::Convert),
    Check(check::Check),
    Schema(schema::Schema),
    Eval(eval::Eval),
    Compare(compare::Compare),
    Diagnose(diagnose::Diagnose),
    Plot(plot::Plot),
    Gallery(gallery::Gallery),
    Completions(shell::Completions),
    Man(shell::Man),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    style::choose(cli.color);
    let result = match cli.command {
        Command::List(list) => list.run(),
        Command::Find(find) => find.run(),
        Command::Explain(explain) => explain.run(),
        Command::Init(init) => init.run(),
        Command::Convert(convert) => convert.run(),
        Command::Schema(schema) => schema.run(),
        Command::Eval(eval) => eval.run(),
        Command::Plot(plot) => plot.run(),
        Command::Gallery(gallery) => gallery.run(),
        Command::Completions(completions) => Ok(completions.run(Cli::command())),
        Command::Man(man) => man.run(Cli::command()),
        // These commands return an exit code of their own.
        Command::Check(check) => return code(check.run()),
        Command::Compare(compare) => return code(compare.run()),
        Command::Diagnose(diagnose) => return code(diagnose.run()),
    };
    code(result.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS))
}

/// The exit code of a result; an error is printed.
fn code(result: Result<ExitCode, Error>) -> ExitCode {
    result.unwrap_or_else(|error| {
        style::error(&error.to_string(), error.hint());
        ExitCode::from(error.code())
    })
}

/// Prints a text. It is no error if nobody reads it to the end, as in `burn-losses list | head`.
fn print(text: &str) -> Result<(), Error> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(problem) if problem.kind() != ErrorKind::BrokenPipe => Err(Error::file("stdout", problem)),
        _ => Ok(()),
    }
}

/// Writes a file, whole or not at all.
fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    write_file(path, bytes).map_err(|problem| Error::file(path, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;
    use std::fs;
    use std::path::PathBuf;

    /// The calls of this command in a Markdown text: lines of blocks of code, and what stands between backticks.
    fn calls(text: &str) -> Vec<&str> {
        let mut calls = Vec::new();
        for (part, before) in text.split("```").zip(['`', '\n'].into_iter().cycle()) {
            let starts =
                part.match_indices("burn-losses ").map(|(at, _)| at).filter(|&at| part[..at].ends_with(before));
            calls.extend(starts.filter_map(|at| part[at..].split(['`', '\n', '#', '>', '|']).next()));
        }
        calls
    }

    /// The Markdown files of a folder; none where the package was unpacked outside the repository.
    fn pages(folder: PathBuf) -> Vec<PathBuf> {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
    }

    #[test]
    fn every_call_that_a_page_shows_is_understood() {
        assert_eq!(
            calls("`burn-losses list`\n```sh\nburn-losses man # a\n```\n"),
            ["burn-losses list", "burn-losses man "]
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folders =
            ["", "docs/src", "docs/src/losses", "crates/burn-losses-cli", "crates/burn-losses/gallery", "reference"];
        for page in folders.into_iter().flat_map(|folder| pages(root.join(folder))) {
            let text = fs::read_to_string(&page).unwrap();
            // `COMMAND` stands for any of them, and the line of a manifest is no call.
            let is_call =
                |call: &&str| call["burn-losses ".len()..].starts_with(|first: char| first.is_ascii_lowercase());
            for call in calls(&text).into_iter().filter(is_call) {
                // A sentence may name a command without the arguments that it needs.
                let is_whole = |error: &clap::Error| error.kind() != ErrorKind::MissingRequiredArgument;
                let wrong = Cli::try_parse_from(call.split_whitespace()).err().filter(is_whole);
                assert!(wrong.is_none(), "{}: `{call}`: {}", page.display(), wrong.unwrap());
            }
        }
    }
}
