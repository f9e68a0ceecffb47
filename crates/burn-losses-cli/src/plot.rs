//! `burn-losses plot`: a loss as a picture.

use crate::config::Place;
use crate::error::Error;
use burn_losses_plot::Picture;
use clap::Args;
use std::path::PathBuf;

/// Draws losses: value and gradient as curves, the value of two arguments as a map
///
/// The x axis depends on the family: error, logit, angle, position of a box, .. Several configs
/// come into one picture, which names the fields in which they differ. An error goes to stderr, with exit code 2.
#[derive(Debug, Args)]
pub(crate) struct Plot {
    /// The config of a loss (.json, .toml, .yaml); several are drawn over the same axes
    #[arg(long, value_name = "FILE", required = true)]
    config: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// The picture (.svg, .png)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Its width in pixels [default: its own; without a height, the height follows]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(200..=10_000))]
    width: Option<u32>,
    /// Its height in pixels [default: its own; without a width, the width follows]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(100..=10_000))]
    height: Option<u32>,
}

impl Plot {
    /// Draws the losses and says where.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let error = |problem: String| Error::File { path: self.output.clone(), problem };
        let extension = self.output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !["svg", "png"].contains(&extension) {
            return Err(error("the format is not known, allowed extensions: `.svg`, `.png`".to_owned()));
        }
        let configs = self.config.iter().map(|path| self.place.load(path)).collect::<Result<Vec<_>, _>>()?;
        let picture = Picture::new(&configs)?;
        let size = self.size(picture.size());
        let file = if extension == "svg" { picture.svg(size).into_bytes() } else { picture.png(size) };
        std::fs::write(&self.output, file).map_err(|source| error(source.to_string()))?;
        Ok(self.output.display().to_string())
    }

    /// Width and height, one after the other where only one is given.
    fn size(&self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        let scaled = |given: u32, numerator: u32, denominator: u32| {
            (f64::from(given) * f64::from(numerator) / f64::from(denominator)).round().max(1.0) as u32
        };
        match (self.width, self.height) {
            (None, None) => None,
            (Some(given), None) => Some((given, scaled(given, height, width))),
            (None, Some(given)) => Some((scaled(given, width, height), given)),
            (Some(width), Some(height)) => Some((width, height)),
        }
    }
}
