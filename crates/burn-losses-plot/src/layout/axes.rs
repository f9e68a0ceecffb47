//! The axes of a panel.

use super::{NORMAL, SMALL};
use crate::canvas::{Anchor, BLACK, Canvas, GRAY, GRID, ZERO};
use crate::ticks::{degrees, label, ticks};

/// The margins around a panel's axes: left, right, above, below.
pub(super) const AROUND: [f64; 4] = [52.0, 14.0, 26.0, 40.0];

/// A rectangle in the picture.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The axes of a panel, and the numbers at them.
pub(super) struct Axes {
    pub(super) area: Area,
    x: (f64, f64),
    y: (f64, f64),
}

impl Axes {
    pub(super) fn new(area: Area, right: f64, x: (f64, f64), y: (f64, f64)) -> Self {
        let [left, _, above, below] = AROUND;
        let area = Area {
            x: area.x + left,
            y: area.y + above,
            width: area.width - left - right,
            height: area.height - above - below,
        };
        Self { area, x, y }
    }

    pub(super) fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let Area { x: left, y: top, width, height } = self.area;
        (left + part(x, self.x) * width, top + (1.0 - part(y, self.y)) * height)
    }

    /// Draws the grid, the numbers and the names.
    pub(super) fn draw(&self, canvas: &mut Canvas, title: &str, x_name: &str, grid: bool) {
        let Area { x: left, y: top, width: wide, height: high } = self.area;
        canvas.text((left, top - 9.0), title, NORMAL, Anchor::Start, BLACK).bold = true;
        let (xs, x_step) = match x_name.ends_with("degrees") {
            true => degrees(self.x.0, self.x.1),
            false => ticks(self.x.0, self.x.1, (wide / 36.0).max(3.0) as usize),
        };
        let (ys, y_step) = ticks(self.y.0, self.y.1, (high / 28.0).max(3.0) as usize);
        for x in xs {
            let place = self.at((x, self.y.0)).0.clamp(left, left + wide);
            if grid {
                canvas.line(&[(place, top), (place, top + high)], if x == 0.0 { ZERO } else { GRID }, 1.0);
            } else {
                canvas.line(&[(place, top + high), (place, top + high + 4.0)], ZERO, 1.0);
            }
            canvas.text((place, top + high + 15.0), &label(x, x_step), SMALL, Anchor::Middle, GRAY);
        }
        for y in ys {
            let place = self.at((self.x.0, y)).1.clamp(top, top + high);
            if grid {
                canvas.line(&[(left, place), (left + wide, place)], if y == 0.0 { ZERO } else { GRID }, 1.0);
            } else {
                canvas.line(&[(left - 4.0, place), (left, place)], ZERO, 1.0);
            }
            canvas.text((left - 6.0, place + 4.0), &label(y, y_step), SMALL, Anchor::End, GRAY);
        }
        canvas.text((left + wide / 2.0, top + high + 31.0), x_name, NORMAL, Anchor::Middle, BLACK);
    }
}
