//! `burn-losses plot`: draws a loss.

use crate::catalog::{self, REGULARIZATION};
use crate::config::{Document, Place};
use crate::error::Error;
use crate::penalty;
use burn_losses::config::Value;
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{LossConfig, LossInfo};
use burn_losses_plot::Picture;
use clap::Args;
use std::path::PathBuf;
use std::process::Command;

/// Draw losses: value and gradient as curves, the value of two arguments as a map
///
/// The x axis depends on the family: error, logit, angle, position of a box, score of an item, .. Several configs, or several values
/// of a field, are drawn in one picture, whose labels name the fields that differ.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  burn-losses plot binary/focal --set gamma=0,1,2,5
  burn-losses plot huber --output huber.png --width 1200
  burn-losses plot --config a.toml --config b.toml --output both.svg
  burn-losses plot --config run.toml --at loss --set delta=0.5,2")]
pub(crate) struct Plot {
    /// A kind or `FAMILY/KIND`, instead of a config file
    #[arg(value_name = "KIND", required_unless_present = "config", conflicts_with_all = ["config", "at", "family"])]
    name: Option<String>,
    /// The config of a loss (.json, .toml, .yaml); several are drawn on the same axes
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Set a field; each of several values, separated by commas, is a loss of its own
    #[arg(long, value_name = "FIELD=VALUES", value_parser = setting)]
    set: Vec<(String, Vec<Value>)>,
    /// The picture (.svg, .png) [default: KIND.svg]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The width in pixels; without --height, the height follows [default: as drawn]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(200..=10_000))]
    width: Option<u32>,
    /// The height in pixels; without --width, the width follows [default: as drawn]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(100..=10_000))]
    height: Option<u32>,
}

impl Plot {
    /// Draws the losses, and returns where the picture is.
    pub(crate) fn run(&self) -> Result<String, Error> {
        let drawn = self.drawn()?;
        let output = self.output.clone().unwrap_or_else(|| format!("{}.svg", drawn[0].kind()).into());
        let extension = output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !["svg", "png"].contains(&extension) {
            return Err(Error::file(&output, "the format is not known, allowed extensions: `.svg`, `.png`"));
        }
        let picture = picture(&drawn)?;
        let size = self.size(picture.size());
        let file = if extension == "svg" { picture.svg(size).into_bytes() } else { picture.png(size) };
        crate::write(&output, file)?;
        Ok(output.display().to_string())
    }

    /// The configs to draw: every config with every value that is set.
    pub(crate) fn drawn(&self) -> Result<Vec<Document>, Error> {
        let mut drawn = match &self.name {
            Some(name) => vec![default_of(catalog::one(name)?)?],
            None => self.config.iter().map(|path| self.place.load_drawn(path)).collect::<Result<Vec<_>, _>>()?,
        };
        for (at, (field, values)) in self.set.iter().enumerate() {
            if self.set[..at].iter().any(|(earlier, _)| earlier == field) {
                return Err(Error::Option(format!(
                    "`--set {field}=` is there twice: one takes several values, as `1,2`"
                )));
            }
            let with = |one: &Document| values.iter().map(|value| one.with(field, value)).collect::<Vec<_>>();
            drawn = drawn.iter().flat_map(with).collect::<Result<Vec<_>, _>>()?;
        }
        Ok(drawn)
    }

    /// Width and height; if only one is given, the other follows from the proportions.
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

/// The loss or the penalty with its defaults, and with examples for fields without a default.
fn default_of(loss: &LossInfo) -> Result<Document, Error> {
    Ok(match loss.family {
        REGULARIZATION => Document::Penalty(RegularizerConfig::from_kind(loss.kind)?),
        family => Document::Loss(LossConfig::example(family, loss.kind)?),
    })
}

/// The picture of losses, or of penalties.
pub(crate) fn picture(drawn: &[Document]) -> Result<Picture, Error> {
    let (mut losses, mut penalties) = (Vec::new(), Vec::new());
    for document in drawn {
        match document {
            Document::Loss(config) => losses.push(config.clone()),
            Document::Penalty(config) => penalties.push(config.clone()),
            Document::Joint(_) => {}
        }
    }
    match (losses.is_empty(), penalties.is_empty()) {
        (false, false) => Err(Error::Option("a loss and a penalty are not drawn over the same axes".to_owned())),
        (true, _) => Ok(penalty::picture(&penalties)?),
        (false, true) => Ok(Picture::new(&losses)?),
    }
}

/// Reads `gamma=0,1,2`: a field and its values.
fn setting(text: &str) -> Result<(String, Vec<Value>), String> {
    let (field, values) = text.split_once('=').ok_or("expected FIELD=VALUES")?;
    let values: Vec<_> = items(values).into_iter().map(value).collect();
    Ok((field.trim().to_owned(), values))
}

/// The parts between commas that are not inside brackets.
fn items(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_between = |letter: char| {
        depth += match letter {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        };
        letter == ',' && depth == 0
    };
    text.split(is_between).map(str::trim).collect()
}

/// Reads a number, `true`, a list or a table, as JSON writes them; anything else is a word.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Draws a loss into the folder of temporary files, and opens the picture in the viewer of the desktop.
pub(crate) fn open(loss: &LossInfo) -> Result<PathBuf, Error> {
    let picture = picture(&[default_of(loss)?])?;
    let path = std::env::temp_dir().join(format!("burn-losses-{}-{}.svg", loss.family, loss.kind));
    crate::write(&path, picture.svg(None))?;
    let mut viewer = match std::env::consts::OS {
        "macos" => Command::new("open"),
        "windows" => Command::new("explorer"),
        _ => Command::new("xdg-open"),
    };
    let program = viewer.get_program().to_string_lossy().into_owned();
    let failed =
        |problem: String| Error::file(&path, format!("the picture is there, but `{program}` fails: {problem}"));
    match viewer.arg(&path).status() {
        // The exit code of the Windows Explorer says nothing.
        Ok(status) if status.success() || std::env::consts::OS == "windows" => Ok(path),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
