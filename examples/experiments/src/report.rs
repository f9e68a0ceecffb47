//! The output of a run: a table per experiment on the terminal, and a folder with numbers, plots and a page.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::Error;
use crate::config::Experiment;
use crate::data;
use crate::map::{self, Map};
use crate::page::{Section, escape, image, page};
use crate::picture;
use crate::runs::RunResult;
use crate::trajectory::{Comparison, Trajectories};
use crate::{panels, plot, scatter, story};

/// An empty table in the style that all tables share.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table
}

/// The figures of one experiment, with a row per config file.
pub fn result_table(experiment: Experiment, results: &[RunResult]) -> Table {
    let rows = || results.iter().filter(|r| r.experiment == experiment);
    let mut names: Vec<&str> = Vec::new();
    for figure in rows().flat_map(|r| &r.outcome.figures) {
        if !names.contains(&figure.name) {
            names.push(figure.name);
        }
    }
    let mut table = table();
    let ends = ["seconds", "expectations"];
    table.set_header(["run"].iter().chain(&names).chain(&ends));
    for result in rows() {
        let mut row = vec![format!("{}/{}", experiment, result.config)];
        for name in &names {
            let figure = result.outcome.figures.iter().find(|f| f.name == *name);
            row.push(figure.map_or(String::new(), |f| format!("{:.5}", f.value)));
        }
        row.push(format!("{:.1}", result.seconds));
        row.push(result.verdict().to_string());
        table.add_row(row);
    }
    table
}

/// All results on one device, as written to `report.json`.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// The device.
    pub device: &'a str,
    /// Whether only a few steps were taken.
    pub quick: bool,
    /// The results, one per config file.
    pub results: &'a [RunResult],
    /// How far the losses are from those on another device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<&'a Comparison>,
}

impl Report<'_> {
    /// Writes `report.json`, `trajectories.json`, the plots and `index.html` into a folder.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let plots = folder.join("plots");
        std::fs::create_dir_all(&plots).map_err(|error| Error::file(&plots, error))?;
        Trajectories::new(self.device, self.quick, self.results).save(&folder.join("trajectories.json"))?;
        let json = serde_json::to_string_pretty(self).map_err(Error::new)?;
        crate::write(&folder.join("report.json"), json)?;

        let mut sections = Vec::new();
        for experiment in Experiment::ALL {
            let results: Vec<&RunResult> = self.results.iter().filter(|r| r.experiment == experiment).collect();
            if results.is_empty() {
                continue;
            }
            let mut images = String::new();
            for (name, panels) in panels::from_results(&results)? {
                let file = format!("{experiment}-{name}.svg");
                plot::draw(&plots.join(&file), &panels)?;
                images.push_str(&image(&file, "plot"));
            }
            images.push_str(&scatters(experiment, &results, &plots)?);
            images.push_str(&maps(&results, &plots)?);
            images.push_str(&tiles(&results, &plots)?);
            sections.push(Section { experiment, results, text: story::text(experiment), plots: images });
        }
        let distance = |comparison: &Comparison| {
            let (reference, table) = (escape(&comparison.reference), escape(&comparison.table().to_string()));
            format!("<section id=\"distance\"><h2>Distance from {reference}</h2><pre>{table}</pre></section>")
        };
        let page = page(self.device, self.quick, &sections, &self.comparison.map(distance).unwrap_or_default());
        crate::write(&folder.join("index.html"), page)
    }
}

/// Draws the held-out images in a plane, if these are results with embeddings.
fn scatters(experiment: Experiment, results: &[&RunResult], plots: &Path) -> Result<String, Error> {
    let scatters = results.iter().filter_map(|r| Some((r.config.as_str(), r.outcome.scatter.as_ref()?)));
    let scatters: Vec<_> = scatters.collect();
    let Some(set) = results.iter().find_map(|r| r.outcome.set).filter(|_| !scatters.is_empty()) else {
        return Ok(String::new());
    };
    let file = format!("{experiment}-pictures.svg");
    scatter::draw(&plots.join(&file), &scatters, &set.classes())?;
    Ok(format!(
        "<p>The held-out pictures of {}. {}</p>{}",
        set.name(),
        story::scatters(experiment),
        image(&file, "plot")
    ))
}

/// Draws the maps of the boxes' errors, if these are results with boxes.
fn maps(results: &[&RunResult], plots: &Path) -> Result<String, Error> {
    let map = |result: &&RunResult| {
        let points = result.outcome.boxes.as_ref()?.map.clone();
        Some(Map { title: result.config.clone(), points })
    };
    let maps: Vec<Map> = results.iter().filter_map(map).collect();
    if maps.is_empty() {
        return Ok(String::new());
    }
    let file = "boxes-map.svg";
    map::draw(&plots.join(file), &maps)?;
    Ok(format!("<p>{}</p>{}", story::MAPS, image(file, "")))
}

/// Draws the held-out tiles, if these are results with tiles: all losses side by side, and a file for each loss.
fn tiles(results: &[&RunResult], plots: &Path) -> Result<String, Error> {
    let of = |result: &&RunResult| Some((result.config.clone(), result.outcome.logits.clone()?));
    let logits: Vec<(String, Vec<f32>)> = results.iter().filter_map(of).collect();
    if logits.is_empty() {
        return Ok(String::new());
    }
    let held_out = data::nuclei()?.held_out;
    let mask = held_out.targets();
    let truth = [picture::gray(held_out.inputs()), picture::gray(mask)];
    let (mut names, mut columns) = ("<th>picture</th><th>cores</th>".to_string(), truth.to_vec());
    for (name, logits) in &logits {
        let file = format!("segmentation-{name}.png");
        let found = [picture::probabilities(logits), picture::comparison(logits, mask)];
        picture::save(&plots.join(&file), &[&truth[..], &found].concat())?;
        let _ = write!(names, "<th><a href=\"plots/{file}\">{}</a></th>", escape(name));
        columns.push(picture::comparison(logits, mask));
    }
    picture::save(&plots.join("segmentation-tiles.png"), &columns)?;
    let width = columns.len() * picture::CELL;
    let image = image("segmentation-tiles.png", "");
    Ok(format!(
        "<p>{}</p><table class=\"tiles\" style=\"width:{width}px\"><tr>{names}</tr></table>{image}",
        story::TILES
    ))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The error of a full disk names the file that is not written.
    #[test]
    fn a_report_on_a_full_disk() {
        let report = Report { device: "a device", quick: true, results: &[], comparison: None };
        for file in ["trajectories.json", "report.json", "index.html"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            std::os::unix::fs::symlink("/dev/full", &path).unwrap();
            let error = report.save(folder.path()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{}: No space left on device", path.display())), "{error}");
        }
    }
}
