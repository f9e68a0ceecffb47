//! What is left after a run: a table per experiment on the terminal, and a folder with numbers, plots and a page.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::Error;
use crate::config::Experiment;
use crate::data::{LineData, LineSet};
use crate::plot::{self, Panel, Series};
use crate::runs::{FittedLine, RunResult};
use crate::trajectory::{Comparison, Trajectories};

/// A table in the style of all others.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table
}

/// The figures of one experiment, a row per config file.
pub fn result_table(experiment: Experiment, results: &[RunResult]) -> Table {
    let rows = || results.iter().filter(|r| r.experiment == experiment);
    let mut names: Vec<&str> = Vec::new();
    for figure in rows().flat_map(|r| &r.figures) {
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
            let figure = result.figures.iter().find(|f| f.name == *name);
            row.push(figure.map_or(String::new(), |f| format!("{:.5}", f.value)));
        }
        row.push(format!("{:.1}", result.seconds));
        row.push(result.verdict().to_string());
        table.add_row(row);
    }
    table
}

/// Everything of one device, as it is written to `report.json`.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// The device.
    pub device: &'a str,
    /// Whether only a few steps were taken.
    pub quick: bool,
    /// One per config file.
    pub results: &'a [RunResult],
    /// How far the losses are from those of another device.
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
        write(&folder.join("report.json"), &json)?;

        let mut page = String::from(HEAD);
        let quick = if self.quick { ", a few steps only" } else { "" };
        let _ = write!(page, "<h1>Experiments on {}{quick}</h1>", escape(self.device));
        for experiment in Experiment::ALL {
            let results: Vec<&RunResult> = self.results.iter().filter(|r| r.experiment == experiment).collect();
            if results.is_empty() {
                continue;
            }
            let _ = write!(page, "<h2>{experiment}</h2>");
            page.push_str(&figures_html(&results));
            for (name, panels) in self.plots(&results)? {
                let file = format!("{experiment}-{name}.svg");
                plot::draw(&plots.join(&file), &panels)?;
                let _ = write!(page, "<img src=\"plots/{file}\" alt=\"{experiment}: {name}\">");
            }
        }
        if let Some(comparison) = self.comparison {
            let _ = write!(
                page,
                "<h2>Distance from {}</h2><pre>{}</pre>",
                escape(&comparison.reference),
                escape(&comparison.table().to_string())
            );
        }
        write(&folder.join("index.html"), &page)
    }

    fn plots(&self, results: &[&RunResult]) -> Result<Vec<(String, Vec<Panel>)>, Error> {
        let mut plots = vec![("training".to_string(), training(results))];
        for set in [LineSet::StarsCyg, LineSet::Engel] {
            let lines: Vec<(&RunResult, FittedLine)> =
                results.iter().filter_map(|r| r.line.filter(|l| l.set == set).map(|line| (*r, line))).collect();
            if !lines.is_empty() {
                plots.push((set.name().to_string(), vec![line_panel(set, &lines)?]));
            }
        }
        plots.push(("losses".to_string(), curves(results)));
        Ok(plots)
    }
}

/// The training loss along the steps, and a metric along the epochs.
fn training(results: &[&RunResult]) -> Vec<Panel> {
    let longest = results.iter().map(|r| r.history.steps.len()).max();
    let window = (longest.unwrap_or(0) / 40).max(1);
    let losses = series(results, |r| {
        let first = r.history.steps.first().copied().unwrap_or(1.0);
        let relative: Vec<f64> = r.history.steps.iter().map(|l| l / first).collect();
        plot::smooth(&relative, window)
    });
    let held_out = &results[0].history.held_out;
    let metric = held_out.keys().find(|name| *name != "Loss");
    let metric = metric.cloned().unwrap_or_else(|| "Loss".to_string());
    let epochs = series(results, |r| {
        let values = r.history.held_out.get(&metric);
        let values = values.into_iter().flatten().enumerate();
        values.map(|(i, &v)| (i as f64 + 1.0, v)).collect()
    });
    vec![
        Panel {
            title: format!("training loss, relative to the first step (mean of {window})"),
            x: "step".to_string(),
            y: "loss / first loss".to_string(),
            series: losses,
            dots: Vec::new(),
            limit: Some(2.0),
        },
        Panel {
            title: format!("{metric} after each epoch"),
            x: "epoch".to_string(),
            y: metric,
            series: epochs,
            dots: Vec::new(),
            limit: None,
        },
    ]
}

fn line_panel(set: LineSet, lines: &[(&RunResult, FittedLine)]) -> Result<Panel, Error> {
    let data = LineData::load(set)?;
    let (left, right) = extent(&data.x);
    let (bottom, top) = extent(&data.y);
    let line = |(result, line): &(&RunResult, FittedLine)| {
        // The stretch of the line that lies among the points.
        let at = |y: f64| (y - line.intercept) / line.slope;
        let (one, other) = (at(bottom), at(top));
        let ends = [left.max(one.min(other)), right.min(one.max(other))];
        let points = ends.map(|x| (x, line.intercept + line.slope * x));
        Series { name: result.config.clone(), points: points.to_vec() }
    };
    let (x, y) = set.axes();
    Ok(Panel {
        title: format!("{}: the points, and the line of each loss", set.name()),
        x: x.to_string(),
        y: y.to_string(),
        series: lines.iter().map(line).collect(),
        dots: data.x.iter().copied().zip(data.y).collect(),
        limit: None,
    })
}

/// The smallest and the largest of some numbers.
fn extent(values: &[f64]) -> (f64, f64) {
    let both = |(low, high): (f64, f64), &v: &f64| (low.min(v), high.max(v));
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), both)
}

fn curves(results: &[&RunResult]) -> Vec<Panel> {
    let x = match results[0].experiment {
        Experiment::Images => "logit of the label, the others being 0",
        Experiment::Regression => "prediction - target, in units of the scale",
        Experiment::Imbalanced => "logit of a positive row",
    };
    let panel = |title: &str, y: &dyn Fn(&RunResult) -> Vec<f64>| Panel {
        title: title.to_string(),
        x: x.to_string(),
        y: title.to_string(),
        series: series(results, |r| r.curve.at.iter().copied().zip(y(r)).collect()),
        dots: Vec::new(),
        limit: Some(7.0),
    };
    vec![panel("loss", &|r| r.curve.value.clone()), panel("gradient of the loss", &|r| r.curve.gradient.clone())]
}

fn series(results: &[&RunResult], points: impl Fn(&RunResult) -> Vec<(f64, f64)>) -> Vec<Series> {
    let one = |result: &&RunResult| Series { name: result.config.clone(), points: points(result) };
    results.iter().map(one).collect()
}

fn figures_html(results: &[&RunResult]) -> String {
    let mut html = String::from("<table><tr><th>run</th><th>what</th><th>figures</th></tr>");
    for result in results {
        let figures = result.figures.iter();
        let figures: Vec<String> = figures.map(|f| format!("{} <b>{:.5}</b>", f.name, f.value)).collect();
        let missed = result.missed.iter().map(|m| format!("<br>missed: {}", escape(m)));
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}{}</td></tr>",
            escape(&result.config),
            escape(&result.title),
            figures.join(", "),
            missed.collect::<String>()
        );
    }
    html + "</table>"
}

const HEAD: &str = "<!doctype html><meta charset=\"utf-8\"><title>burn-losses: experiments</title><style>\
body{font:15px/1.5 sans-serif;max-width:1220px;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;border-bottom:1px solid #ddd}\
img{display:block;max-width:100%;margin:1em 0}</style>";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| Error::file(path, error))
}
