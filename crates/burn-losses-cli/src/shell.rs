//! `burn-losses completions` and `burn-losses man`: what a shell and `man` know about the command.

use crate::error::Error;
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses completions bash > ~/.local/share/bash-completion/completions/burn-losses
  burn-losses completions zsh > ~/.zfunc/_burn-losses
  burn-losses completions fish > ~/.config/fish/completions/burn-losses.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// The script for the shell.
    pub(crate) fn run(&self, mut command: Command) -> String {
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        String::from_utf8_lossy(&script).trim_end().to_owned()
    }
}

/// Print the manual page, or write the pages of all subcommands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses man | man -l -
  burn-losses man --output-dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write a page for the command and for each subcommand into this folder
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

impl Man {
    /// The page, or the folder that the pages were written to.
    pub(crate) fn run(&self, command: Command) -> Result<String, Error> {
        let Some(folder) = &self.output_dir else {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(command).render(&mut page);
            rendered.expect("a page is written into memory");
            return Ok(String::from_utf8_lossy(&page).trim_end().to_owned());
        };
        let failed = |error| Error::file(folder, error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(command, folder).map_err(failed)?;
        Ok(folder.display().to_string())
    }
}
