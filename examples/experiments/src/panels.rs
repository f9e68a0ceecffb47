//! The contents of each experiment's plots.

use crate::Error;
use crate::config::Experiment;
use crate::curves::Curve;
use crate::data::{LineData, LineSet};
use crate::plot::{self, Panel, Series};
use crate::runs::{Chart, FittedLine, RunResult};

/// The plots of some results of one experiment: the name of each, and its panels.
pub(crate) fn from_results(results: &[&RunResult]) -> Result<Vec<(&'static str, Vec<Panel>)>, Error> {
    let mut plots = match results[0].experiment {
        Experiment::Boxes => vec![("errors", errors(results))],
        _ => vec![("training", training(results))],
    };
    for set in [LineSet::StarsCyg, LineSet::Engel] {
        let lines: Vec<(&RunResult, FittedLine)> =
            results.iter().filter_map(|r| r.outcome.line.filter(|l| l.set == set).map(|line| (*r, line))).collect();
        if !lines.is_empty() {
            plots.push((set.name(), vec![line_panel(set, &lines)?]));
        }
    }
    if results.iter().any(|r| r.outcome.curve.is_some()) {
        plots.push(("losses", curves(results)));
    }
    if let Some(chart) = results.iter().find_map(|r| r.outcome.chart.as_ref()) {
        plots.push(("results", vec![chart_panel(chart, results)]));
    }
    Ok(plots)
}

/// The training loss along the steps, and a metric along the epochs.
fn training(results: &[&RunResult]) -> Vec<Panel> {
    let longest = results.iter().map(|r| r.outcome.history.steps.len()).max();
    let window = (longest.unwrap_or(0) / 40).max(1);
    let losses = series(results, |r| {
        let first = r.outcome.history.steps.first().copied().unwrap_or(1.0);
        let relative: Vec<f64> = r.outcome.history.steps.iter().map(|l| l / first).collect();
        plot::smooth(&relative, window)
    });
    let held_out = &results[0].outcome.history.held_out;
    let metric = held_out.keys().find(|name| *name != "Loss");
    let metric = metric.cloned().unwrap_or_else(|| "Loss".to_string());
    let name = metric.split(" @ ").next().unwrap_or_default(); // the threshold of a score does not fit in
    let epochs = series(results, |r| {
        let values = r.outcome.history.held_out.get(&metric);
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
            title: format!("{name} after each epoch"),
            x: "epoch".to_string(),
            y: name.to_string(),
            series: epochs,
            dots: Vec::new(),
            limit: None,
        },
    ]
}

/// The mean error of the boxes along the steps, on a linear and on a logarithmic scale.
fn errors(results: &[&RunResult]) -> Vec<Panel> {
    let panel = |y: &str, scale: fn(f64) -> f64| Panel {
        title: y.to_string(),
        x: "step".to_string(),
        y: y.to_string(),
        series: series(results, |r| {
            let errors = r.outcome.boxes.iter().flat_map(|boxes| &boxes.errors);
            errors.enumerate().map(|(step, &error)| (step as f64, scale(error))).collect()
        }),
        dots: Vec::new(),
        limit: None,
    };
    vec![panel("mean error of all boxes", |error| error), panel("mean error of all boxes, power of ten", f64::log10)]
}

fn line_panel(set: LineSet, lines: &[(&RunResult, FittedLine)]) -> Result<Panel, Error> {
    let data = LineData::load(set)?;
    let (left, right) = extent(&data.x);
    let (bottom, top) = extent(&data.y);
    let line = |(result, line): &(&RunResult, FittedLine)| {
        // The part of the line that lies among the points.
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

/// The lines of all runs in one plot.
fn chart_panel(chart: &Chart, results: &[&RunResult]) -> Panel {
    Panel {
        title: chart.title.to_string(),
        x: chart.x.to_string(),
        y: chart.y.to_string(),
        series: series(results, |r| r.outcome.chart.iter().flat_map(|chart| &chart.points).copied().collect()),
        dots: Vec::new(),
        limit: None,
    }
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
        Experiment::Boxes => "offset of a 2 x 2 box from its target",
        _ => "", // the other experiments have no curve
    };
    let panel = |title: &str, y: fn(&Curve) -> &Vec<f64>| Panel {
        title: title.to_string(),
        x: x.to_string(),
        y: title.to_string(),
        series: series(results, |r| {
            r.outcome.curve.iter().flat_map(|curve| curve.at.iter().copied().zip(y(curve).iter().copied())).collect()
        }),
        dots: Vec::new(),
        limit: Some(7.0),
    };
    vec![panel("loss", |curve| &curve.value), panel("gradient of the loss", |curve| &curve.gradient)]
}

fn series(results: &[&RunResult], points: impl Fn(&RunResult) -> Vec<(f64, f64)>) -> Vec<Series> {
    let one = |result: &&RunResult| Series { name: result.config.clone(), points: points(result) };
    results.iter().map(one).collect()
}
