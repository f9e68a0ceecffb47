//! Plots as SVG. They need no fonts, no display and no other program.

use std::error::Error as StdError;
use std::ops::Range;
use std::path::Path;

use burn_losses_plot::color::LINES;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::Error;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Drawn = Result<(), Box<dyn StdError>>;

/// The size, twice that on a page: coordinates are whole numbers, and lines would otherwise look like stairs.
const SIZE: (u32, u32) = (2360, 880);
const LEGEND: u32 = 460;
pub(crate) const FONT: &str = "sans-serif";
/// The color of a line. No experiment has more lines than there are colors.
pub(crate) fn color(line: usize) -> RGBColor {
    let [red, green, blue] = LINES[line % LINES.len()];
    RGBColor(red, green, blue)
}

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A pair of axes with lines in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The title above the panel.
    pub title: String,
    /// The label of the horizontal axis.
    pub x: String,
    /// The label of the vertical axis.
    pub y: String,
    /// The lines; the `n`-th of every panel has the same color.
    pub series: Vec<Series>,
    /// Dots, drawn behind the lines.
    pub dots: Vec<(f64, f64)>,
    /// The largest distance from zero that the vertical axis shows.
    pub limit: Option<f64>,
}

/// Draws panels side by side, with the legend of the first one at the right.
pub fn draw(path: &Path, panels: &[Panel]) -> Result<(), Error> {
    let mut svg = String::new();
    draw_svg(&mut svg, panels).map_err(|error| Error::file(path, error))?;
    crate::write(path, svg)
}

fn draw_svg(svg: &mut String, panels: &[Panel]) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 - LEGEND);
    for (area, panel) in left.split_evenly((1, panels.len())).iter().zip(panels) {
        draw_panel(area, panel)?;
    }
    if let Some(first) = panels.first() {
        legend(&right, &first.series)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel(area: &Area, panel: &Panel) -> Drawn {
    let lines = || panel.series.iter().flat_map(|s| &s.points);
    let points: Vec<(f64, f64)> = lines().chain(&panel.dots).copied().collect();
    let xs = range(points.iter().map(|p| p.0), 0.0);
    let limit = panel.limit.unwrap_or(f64::INFINITY);
    // If there are dots, they set the range, and a line may leave it.
    let shown = if panel.dots.is_empty() { &points } else { &panel.dots };
    let ys = range(shown.iter().map(|p| p.1.clamp(-limit, limit)), 0.06);

    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, (FONT, 34))
        .margin(20)
        .x_label_area_size(84)
        .y_label_area_size(120)
        .build_cartesian_2d(xs, ys.clone())?;
    chart
        .configure_mesh()
        .x_desc(&panel.x)
        .y_desc(&panel.y)
        .x_labels(7)
        .y_labels(7)
        .label_style((FONT, 26))
        .axis_desc_style((FONT, 28))
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(230, 230, 230))
        .draw()?;
    let dot = |&point: &(f64, f64)| Circle::new(point, 6, RGBColor(170, 170, 170).filled());
    chart.draw_series(panel.dots.iter().map(dot))?;
    for (i, series) in panel.series.iter().enumerate() {
        for part in inside(&series.points, &ys) {
            chart.draw_series(LineSeries::new(part, color(i).stroke_width(4)))?;
        }
    }
    Ok(())
}

fn legend(area: &Area, series: &[Series]) -> Drawn {
    for (row, series) in series.iter().enumerate() {
        let y = 96 + 48 * row as i32;
        let stroke = color(row).stroke_width(6);
        area.draw(&PathElement::new(vec![(16, y), (68, y)], stroke))?;
        area.draw(&Text::new(series.name.clone(), (84, y - 14), (FONT, 28)))?;
    }
    Ok(())
}

/// The label of a number at an axis, without needless digits.
fn label(value: &f64) -> String {
    format!("{}", (value * 1e4).round() / 1e4 + 0.0)
}

/// The range of the values, extended on both sides by `share` of its length.
fn range(values: impl Iterator<Item = f64>, share: f64) -> Range<f64> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let padding = if high > low { share * (high - low) } else { 0.5 };
    low - padding..high + padding
}

/// The parts of a line within a range; plotters would draw the rest over the neighboring panels.
fn inside(points: &[(f64, f64)], range: &Range<f64>) -> Vec<Vec<(f64, f64)>> {
    points
        .split(|p| !(range.start..=range.end).contains(&p.1))
        .filter(|part| part.len() > 1)
        .map(<[_]>::to_vec)
        .collect()
}

/// Moving means of `window` neighbors, which reduce the noise of batches.
pub fn smooth(values: &[f64], window: usize) -> Vec<(f64, f64)> {
    let window = window.clamp(1, values.len().max(1));
    let mean = |(i, w): (usize, &[f64])| {
        let middle = i as f64 + 0.5 * (window + 1) as f64;
        (middle, w.iter().sum::<f64>() / window as f64)
    };
    values.windows(window).enumerate().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_edge() {
        let points = [(0.0, 0.0), (1.0, 1.0), (2.0, 9.0), (3.0, 1.0), (4.0, 0.0)];
        let parts = inside(&points, &(0.0..2.0));
        assert_eq!(parts, [points[..2].to_vec(), points[3..].to_vec()]);
    }

    #[test]
    fn smoothing_by_hand() {
        assert_eq!(smooth(&[1.0, 3.0, 5.0], 2), [(1.5, 2.0), (2.5, 4.0)]);
        assert_eq!(smooth(&[1.0], 5), [(1.0, 1.0)]);
        assert!(smooth(&[], 3).is_empty());
    }

    #[test]
    fn a_plot_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        let panel = Panel {
            title: "a & b".to_string(),
            x: "x".to_string(),
            y: "y".to_string(),
            series: vec![Series { name: "line".to_string(), points: vec![(0.0, 0.0), (1.0, 2.0)] }],
            dots: vec![(0.5, 0.5)],
            limit: None,
        };
        draw(&path, &[panel.clone(), panel]).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("a &amp; b"));
    }

    #[test]
    fn labels_by_hand() {
        assert_eq!([label(&100.0), label(&0.30000000000000004), label(&-0.0)], ["100", "0.3", "0"]);
    }
}
