//! Maps of the boxes' errors: a dot at every starting point, colored by the error that remains.

use std::path::Path;

use burn_losses_plot::color::viridis;
use plotters::prelude::*;

use crate::Error;
use crate::plot::{Area, Drawn, FONT};
use crate::squares;

const SCALE_WIDTH: u32 = 220;
/// The colors range from 10^-3 to 10^1.
const POWERS: (f64, f64) = (-3.0, 1.0);

/// The map of one loss.
pub(crate) struct Map {
    /// The title above the map.
    pub(crate) title: String,
    /// `(x, y, error)`.
    pub(crate) points: Vec<(f64, f64, f64)>,
}

/// Draws maps side by side, with the scale of the colors.
pub(crate) fn draw(path: &Path, maps: &[Map]) -> Result<(), Error> {
    squares::draw(path, maps, draw_map, (SCALE_WIDTH, scale))
}

fn draw_map(area: &Area, map: &Map) -> Drawn {
    let reach = map.points.iter().map(|p| p.0.hypot(p.1)).fold(0.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(&map.title, (FONT, 30))
        .margin(16)
        .build_cartesian_2d(-reach..reach, -reach..reach)?;
    let dot = |&(x, y, error): &(f64, f64, f64)| Circle::new((x, y), 20, color(error).filled());
    chart.draw_series(map.points.iter().map(dot))?;
    chart.draw_series([Cross::new((0.0, 0.0), 12, BLACK.stroke_width(3))])?;
    Ok(())
}

fn scale(area: &Area) -> Drawn {
    const STEPS: i32 = 48;
    const HEIGHT: i32 = 7;
    let power = |step: i32| POWERS.1 - (POWERS.1 - POWERS.0) * f64::from(step) / f64::from(STEPS);
    for step in 0..=STEPS {
        let (y, power) = (56 + HEIGHT * step, power(step));
        area.draw(&Rectangle::new([(24, y), (64, y + HEIGHT)], color(10f64.powf(power)).filled()))?;
        if power.fract() == 0.0 {
            area.draw(&Text::new(format!("{}", 10f64.powf(power)), (76, y - 10), (FONT, 26)))?;
        }
    }
    Ok(())
}

/// The color of an error.
fn color(error: f64) -> RGBColor {
    let [red, green, blue] = viridis((error.max(1e-300).log10() - POWERS.0) / (POWERS.1 - POWERS.0));
    RGBColor(red, green, blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_by_hand() {
        assert_eq!(color(0.0), RGBColor(68, 1, 84));
        assert_eq!(color(0.1), RGBColor(33, 145, 140));
        assert_eq!(color(1e9), RGBColor(253, 231, 37));
    }

    #[test]
    fn maps_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.svg");
        let map = || Map { title: "iou".to_string(), points: vec![(1.0, 0.0, 2.0), (0.0, -1.0, 0.01)] };
        draw(&path, &[map(), map(), map(), map(), map()]).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        assert!(svg.contains(">0.001<") || svg.contains("0.001"));
        assert_eq!(svg.matches("<circle").count(), 10);
    }
}
