//! `burn-losses gallery`: a page with every loss.

use crate::error::Error;
use burn_losses::registry;
use burn_losses_plot::interactive;
use clap::Args;
use std::path::PathBuf;

/// Write one page that shows every loss, with a slider for each field
///
/// The page is one file for a browser, and needs no server or network. Its curves are computed by the library.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses gallery
  burn-losses gallery binary/focal huber --output two.html")]
pub(crate) struct Gallery {
    /// The losses, each as a kind or `FAMILY/KIND` [default: all]
    #[arg(value_name = "KIND")]
    names: Vec<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = "gallery.html")]
    output: PathBuf,
}

impl Gallery {
    /// Writes the page, and returns where it is.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let mut losses = registry();
        if !self.names.is_empty() {
            let wanted = self.names.iter().map(|name| crate::catalog::one(name)).collect::<Result<Vec<_>, _>>()?;
            losses.retain(|info| wanted.iter().any(|one| (one.family, one.kind) == (info.family, info.kind)));
        }
        crate::write(&self.output, interactive(&losses)?)?;
        Ok(self.output.display().to_string())
    }
}
