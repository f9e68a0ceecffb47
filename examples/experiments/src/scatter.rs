//! Images in a plane: a dot for each, colored by its class.

use std::path::Path;

use plotters::prelude::*;

use crate::Error;
use crate::embedded::Embedded;
use crate::plot::{Area, Drawn, FONT, color};
use crate::squares;

/// The most dots in a plot; more would only hide each other.
const DOTS: usize = 1000;
const LEGEND: u32 = 200;

/// The dots of a plot, with the centers of the classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    dots: Vec<(f64, f64)>,
    /// The class of each dot.
    classes: Vec<usize>,
    /// The center of each class.
    crosses: Vec<(f64, f64)>,
}

impl Scatter {
    /// Embeddings of two numbers, unchanged, and the mean of each class.
    pub fn plane(embedded: &Embedded) -> Self {
        let means = embedded.means();
        let crosses = means.values().map(|mean| (mean[0], mean[1])).collect();
        Self { crosses, ..Self::dots(&embedded.some(DOTS)) }
    }

    /// The directions of embeddings, along the two axes on which they vary most.
    pub fn directions(embedded: &Embedded) -> Self {
        Self::dots(&embedded.some(DOTS).directions())
    }

    fn dots(embedded: &Embedded) -> Self {
        let classes = embedded.labels().to_vec();
        Self { dots: embedded.plane(), classes, crosses: Vec::new() }
    }
}

/// Draws each of the named scatters in a square, with a legend of the classes.
pub(crate) fn draw(path: &Path, scatters: &[(&str, &Scatter)], classes: &[&str]) -> Result<(), Error> {
    let shown = |class: usize| scatters.iter().any(|(_, scatter)| scatter.classes.contains(&class));
    let legend = |area: &Area| -> Drawn {
        let shown = classes.iter().enumerate().filter(|(class, _)| shown(*class));
        for (row, (class, name)) in shown.enumerate() {
            let y = 60 + 36 * row as i32;
            area.draw(&Circle::new((24, y), 8, color(class).filled()))?;
            area.draw(&Text::new(*name, (44, y - 12), (FONT, 26)))?;
        }
        Ok(())
    };
    squares::draw(path, scatters, |area, (name, scatter)| draw_one(area, name, scatter), (LEGEND, legend))
}

fn draw_one(area: &Area, name: &str, scatter: &Scatter) -> Drawn {
    let extent = |of: fn(&(f64, f64)) -> f64| {
        let both = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let (low, high) = scatter.dots.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), both);
        ((low + high) / 2.0, (high - low) / 2.0)
    };
    let ((x, width), (y, height)) = (extent(|dot| dot.0), extent(|dot| dot.1));
    let reach = 1.05 * width.max(height).max(1e-6);
    let mut chart = ChartBuilder::on(area)
        .caption(name, (FONT, 30))
        .margin(16)
        .build_cartesian_2d(x - reach..x + reach, y - reach..y + reach)?;
    let dots = scatter.dots.iter().zip(&scatter.classes);
    chart.draw_series(dots.map(|(&dot, &class)| Circle::new(dot, 3, color(class).filled())))?;
    chart.draw_series(scatter.crosses.iter().map(|&at| Cross::new(at, 8, BLACK.stroke_width(3))))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn() {
        let embedded = Embedded::new(2, &[3.0, 4.0, 3.0, 2.0, 0.0, -2.0], &[0.0, 0.0, 1.0]);
        let plane = Scatter::plane(&embedded);
        assert_eq!(plane.crosses, [(3.0, 3.0), (0.0, -2.0)]);
        let directions = Scatter::directions(&embedded);
        assert_eq!((directions.dots[0], directions.dots[2]), ((0.6, 0.8), (0.0, -1.0)));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scatter.svg");
        draw(&path, &[("plane", &plane), ("directions", &directions)], &["bag", "boot", "coat"]).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        assert_eq!(svg.matches("<circle").count(), 6 + 2);
        assert!(svg.contains("boot") && !svg.contains("coat"));
    }
}
