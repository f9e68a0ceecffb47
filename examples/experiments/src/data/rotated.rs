//! Garments at any angle, made from Fashion-MNIST, and the rotated box around each.

use std::f64::consts::PI;

use super::{DataError, Samples, Split, fashion, halve, moments};
use crate::rng::Rng;

const SIDE: usize = 14;
const PIXELS: usize = SIDE * SIDE;
/// The classes with a long side: trousers and dresses.
const KINDS: [u8; 2] = [1, 3];
/// The largest width of a garment, over its height.
const WIDEST: f64 = 0.7;
/// The sides of a garment, over those in the original image.
const SCALE: (f64, f64) = (0.6, 0.8);
/// The largest offset from the middle, in pixels.
const OFFSET: f64 = 2.0;
/// The brightness from which on a pixel belongs to the garment.
const EDGE: f64 = 25.0;
/// How often each image is drawn to train on, and to test with.
const TIMES: [usize; 2] = [4, 1];
const TRAIN: usize = 8000;

/// A box `(cx, cy, w, h, angle)`: the middle of the image is the origin, its sides are 2 long, and y grows downwards.
pub const BOX: usize = 5;
/// The length of a pixel in the units of a box.
pub const PIXEL: f64 = 2.0 / SIDE as f64;
/// The width and the height of a garment that says nothing.
pub const ANCHOR: [f64; 2] = [0.5, 1.3];

/// Draws the garments, each at a random angle.
pub(super) fn load() -> Result<Split, DataError> {
    let (images, labels) = fashion::pixels()?;
    let images = halve(&images, 2 * SIDE);
    let mut rng = Rng::new(0);
    let mut draw = |rows: std::ops::Range<usize>, times: usize| {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for row in rows.filter(|&row| KINDS.contains(&labels[row])) {
            let garment = Garment::new(&images[row * PIXELS..(row + 1) * PIXELS]);
            let times = if garment.is_long() { times } else { 0 };
            for _ in 0..times {
                let pose = Pose::draw(&mut rng);
                inputs.extend(garment.draw(&pose));
                targets.extend(garment.target(&pose));
            }
        }
        (inputs, targets)
    };
    let (train, held_out) = (draw(0..TRAIN, TIMES[0]), draw(TRAIN..10_000, TIMES[1]));
    let (mean, deviation) = moments(&train.0);
    let samples = |(inputs, targets): (Vec<f64>, Vec<f32>)| {
        let scaled = inputs.iter().map(|pixel| ((pixel - mean) / deviation) as f32).collect();
        Samples::new(PIXELS, scaled, targets)
    };
    Ok(Split { train: samples(train), held_out: samples(held_out) })
}

/// Where a garment is drawn.
struct Pose {
    angle: f64,
    scale: f64,
    /// The middle of the garment, in pixels from the middle of the image.
    middle: [f64; 2],
}

impl Pose {
    fn draw(rng: &mut Rng) -> Self {
        let mut offset = || (2.0 * rng.uniform() - 1.0) * OFFSET;
        let middle = [offset(), offset()];
        let scale = SCALE.0 + (SCALE.1 - SCALE.0) * rng.uniform();
        Self { angle: (rng.uniform() - 0.5) * PI, scale, middle }
    }
}

/// An upright garment, and the upright box around it.
struct Garment<'a> {
    pixels: &'a [f64],
    /// The middle of the box, as a place among the pixels.
    middle: [f64; 2],
    /// Width and height of the box, in pixels.
    sides: [f64; 2],
}

impl<'a> Garment<'a> {
    fn new(pixels: &'a [f64]) -> Self {
        let bright: Vec<usize> = (0..PIXELS).filter(|&at| pixels[at] > EDGE).collect();
        let ends = |axis: fn(usize) -> usize| {
            let places = bright.iter().map(|&at| axis(at));
            [places.clone().min().unwrap_or(0) as f64, places.max().unwrap_or(0) as f64]
        };
        let [x, y] = [ends(|at| at % SIDE), ends(|at| at / SIDE)];
        let middle = |[low, high]: [f64; 2]| 0.5 * (low + high);
        let side = |[low, high]: [f64; 2]| high - low + 1.0;
        Self { pixels, middle: [middle(x), middle(y)], sides: [side(x), side(y)] }
    }

    fn is_long(&self) -> bool {
        self.sides[0] <= WIDEST * self.sides[1]
    }

    /// The image with the garment at a pose.
    fn draw(&self, pose: &Pose) -> Vec<f64> {
        let (sin, cos) = pose.angle.sin_cos();
        let half = 0.5 * (SIDE as f64 - 1.0);
        let pixel = |at: usize| {
            let [x, y] = [(at % SIDE) as f64 - half - pose.middle[0], (at / SIDE) as f64 - half - pose.middle[1]];
            let [u, v] = [(cos * x + sin * y) / pose.scale, (cos * y - sin * x) / pose.scale];
            self.at(self.middle[0] + u, self.middle[1] + v)
        };
        (0..PIXELS).map(pixel).collect()
    }

    /// The brightness between the pixels, by bilinear interpolation; 0 beyond them.
    fn at(&self, x: f64, y: f64) -> f64 {
        let pixel = |x: f64, y: f64| {
            let inside = |place: f64| (0.0..SIDE as f64).contains(&place);
            if inside(x) && inside(y) { self.pixels[y as usize * SIDE + x as usize] } else { 0.0 }
        };
        let (left, top) = (x.floor(), y.floor());
        let (right, lower) = (x - left, y - top);
        let line = |y: f64| (1.0 - right) * pixel(left, y) + right * pixel(left + 1.0, y);
        (1.0 - lower) * line(top) + lower * line(top + 1.0)
    }

    /// The box around the garment at a pose.
    fn target(&self, pose: &Pose) -> [f32; BOX] {
        let [x, y] = pose.middle.map(|place| place * PIXEL);
        let [w, h] = self.sides.map(|side| side * pose.scale * PIXEL);
        [x, y, w, h, pose.angle].map(|number| number as f32)
    }
}

#[cfg(test)]
mod tests {
    use burn::data::dataset::Dataset;

    use super::*;

    /// A garment of two columns, from the third line to the last but two.
    fn bar() -> Vec<f64> {
        (0..PIXELS)
            .map(|at| if (6..8).contains(&(at % SIDE)) && (2..12).contains(&(at / SIDE)) { 100.0 } else { 0.0 })
            .collect()
    }

    #[test]
    fn a_box_by_hand() {
        let pixels = bar();
        let garment = Garment::new(&pixels);
        assert_eq!((garment.middle, garment.sides, garment.is_long()), ([6.5, 6.5], [2.0, 10.0], true));
        let pose = Pose { angle: 0.0, scale: 1.0, middle: [0.0, 0.0] };
        assert_eq!(garment.draw(&pose), pixels);
        let [x, y, w, h, angle] = garment.target(&pose).map(f64::from);
        assert!([x, y, angle] == [0.0; 3] && (w - 2.0 * PIXEL).abs() < 1e-6 && (h - 10.0 * PIXEL).abs() < 1e-6);
    }

    /// Three eighths of half a turn: the moments of the drawn pixels have the angle of the box.
    #[test]
    fn the_angle_is_that_of_the_pixels() {
        let pixels = bar();
        let pose = Pose { angle: 0.375 * PI, scale: 0.8, middle: [1.0, -0.5] };
        let drawn = Garment::new(&pixels).draw(&pose);
        let total: f64 = drawn.iter().sum();
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            let sum: f64 = drawn.iter().enumerate().map(|(at, p)| p * of((at % SIDE) as f64, (at / SIDE) as f64)).sum();
            sum / total
        };
        let (x, y) = (mean(&|x, _| x), mean(&|_, y| y));
        assert!((x - 6.5 - 1.0).abs() < 0.05 && (y - 6.5 + 0.5).abs() < 0.05, "{x} {y}");
        let [xx, yy, xy] =
            [mean(&|a, _| (a - x).powi(2)), mean(&|_, b| (b - y).powi(2)), mean(&|a, b| (a - x) * (b - y))];
        // The direction of the long side, which is the height: a quarter of a turn from the angle.
        let long = 0.5 * (2.0 * xy).atan2(xx - yy);
        let error = (long - pose.angle - 0.5 * PI).rem_euclid(PI);
        assert!(error.min(PI - error) < 0.02, "{error}");
    }

    #[test]
    fn held_out_garments_are_others() {
        let split = load().unwrap();
        assert_eq!(split.train.width(), PIXELS);
        assert!(
            split.train.len() > 3000 && split.held_out.len() > 200,
            "{} {}",
            split.train.len(),
            split.held_out.len()
        );
        let angles = split.train.targets().chunks(BOX).map(|target| f64::from(target[4]));
        assert!(angles.clone().all(|angle| angle.abs() <= 0.5 * PI));
        assert!((angles.map(f64::abs).sum::<f64>() / split.train.len() as f64 - 0.25 * PI).abs() < 0.05);
    }
}
