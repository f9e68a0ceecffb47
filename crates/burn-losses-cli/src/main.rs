//! The command `burn-losses`: what losses there are, whether config files are right, what a loss makes of given tensors,
//! and what it looks like.
//!
//! ```text
//! burn-losses list binary
//! burn-losses check configs/*.toml
//! burn-losses eval --config focal.toml --input batch.safetensors
//! burn-losses schema binary
//! burn-losses diagnose --config focal.toml --input batch.safetensors
//! burn-losses plot --config focal.toml --output focal.svg
//! ```

mod batches;
mod check;
mod config;
mod device;
mod diagnose;
mod error;
mod eval;
mod list;
mod plot;
mod report;
mod schema;
mod table;
mod tensors;

use clap::{Parser, Subcommand};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Loss functions for the Burn deep-learning framework: list them, check their config files, evaluate and draw them.
#[derive(Parser)]
#[command(name = "burn-losses", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Check(check::Check),
    Eval(eval::Eval),
    Schema(schema::Schema),
    Diagnose(diagnose::Diagnose),
    Plot(plot::Plot),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::List(list) => list.run(),
        Command::Check(check) => return check.run(),
        Command::Eval(eval) => eval.run(),
        Command::Schema(schema) => schema.run(),
        Command::Diagnose(diagnose) => return diagnose.run(),
        Command::Plot(plot) => plot.run(),
    };
    match result {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints a line or several. That nobody reads on (`burn-losses list | head`) is no error.
fn print(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("error: {error}");
    }
}
