//! `burn-losses completions` and `burn-losses man`: what a shell and `man` know about the command.

use crate::error::Error;
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print the completion script of a shell
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

/// Print the manual page, or write the pages of all commands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses man | man -l -
  burn-losses man --output-dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write one page for the command and one for each subcommand into this folder
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

impl Man {
    /// The page, or the folder that the pages were written to.
    pub(crate) fn run(&self, command: Command) -> Result<String, Error> {
        let Some(folder) = &self.output_dir else {
            return Ok(String::from_utf8_lossy(&text(&clap_mangen::Man::new(command))).trim_end().to_owned());
        };
        std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        let mut command = command.disable_help_subcommand(true);
        command.build();
        pages(&command)
            .into_iter()
            .try_for_each(|page| crate::write(&folder.join(page.get_filename()), text(&page)))?;
        Ok(folder.display().to_string())
    }
}

/// The pages of a command and of all its subcommands.
fn pages(command: &Command) -> Vec<clap_mangen::Man> {
    let page = clap_mangen::Man::new(command.clone());
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).flat_map(pages).chain([page]).collect()
}

fn text(page: &clap_mangen::Man) -> Vec<u8> {
    let mut text = Vec::new();
    page.render(&mut text).expect("a page is written into memory");
    text
}
