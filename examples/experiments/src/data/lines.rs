//! Two small sets of points, to fit a straight line to.

use serde::{Deserialize, Serialize};

use super::{DataError, Samples, moments};

/// One of the two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineSet {
    /// 47 stars: light against temperature. Four giants are leverage points, for which least squares even gets the sign of
    /// the slope wrong.
    StarsCyg,
    /// 235 Belgian households of 1857: expenditure on food against income. The spread grows with income.
    Engel,
}

impl LineSet {
    fn csv(self) -> &'static str {
        match self {
            Self::StarsCyg => include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/stars-cyg/stars_cyg.csv")),
            Self::Engel => include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/engel/engel.csv")),
        }
    }

    /// The set's name, as the config files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::StarsCyg => "stars_cyg",
            Self::Engel => "engel",
        }
    }

    /// The labels of the two axes of a plot.
    pub fn axes(self) -> (&'static str, &'static str) {
        match self {
            Self::StarsCyg => ("log temperature", "log light"),
            Self::Engel => ("income", "spent on food"),
        }
    }
}

/// Points `(x, y)` in their own units.
#[derive(Debug, Clone, PartialEq)]
pub struct LineData {
    /// The predictor.
    pub x: Vec<f64>,
    /// The response.
    pub y: Vec<f64>,
}

impl LineData {
    /// Reads a set.
    pub fn load(set: LineSet) -> Result<Self, DataError> {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for record in csv::Reader::from_reader(set.csv().as_bytes()).deserialize::<(u32, f64, f64)>() {
            let (_, a, b) = record.map_err(|error| DataError::new(set.name(), error))?;
            x.push(a);
            y.push(b);
        }
        Ok(Self { x, y })
    }

    /// The rows that a network trains on: `x` has mean 0 and variance 1, and `y` is divided by the scale.
    pub fn samples(&self, scaling: &Scaling) -> Samples {
        let inputs = self.x.iter().map(|x| scaling.input(*x) as f32).collect();
        let targets = self.y.iter().map(|y| (y / scaling.scale) as f32).collect();
        Samples::new(1, inputs, targets)
    }
}

/// How [`LineData`] is scaled for training, and how a trained line is converted back to the data's own units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    mean: f64,
    deviation: f64,
    /// The unit in which residuals are measured, and with them the threshold of a loss.
    pub scale: f64,
}

impl Scaling {
    /// A scaling by the mean and the deviation of `x`, and by `scale` or else the deviation of `y`.
    pub fn new(data: &LineData, scale: Option<f64>) -> Self {
        let (mean, deviation) = moments(&data.x);
        Self { mean, deviation, scale: scale.unwrap_or_else(|| moments(&data.y).1) }
    }

    fn input(&self, x: f64) -> f64 {
        (x - self.mean) / self.deviation
    }

    /// `(bias, weight)` of the scaled problem for a line `(intercept, slope)` in the data's units.
    pub fn to_scaled(&self, (intercept, slope): (f64, f64)) -> (f64, f64) {
        let bias = (intercept + slope * self.mean) / self.scale;
        (bias, slope * self.deviation / self.scale)
    }

    /// The line `(intercept, slope)` in the data's units.
    pub fn to_line(&self, (bias, weight): (f64, f64)) -> (f64, f64) {
        let slope = weight * self.scale / self.deviation;
        (bias * self.scale - slope * self.mean, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::super::crc32;
    use super::*;

    #[test]
    fn sizes_and_checksums() {
        assert_eq!(LineData::load(LineSet::StarsCyg).unwrap().x.len(), 47);
        assert_eq!(LineData::load(LineSet::Engel).unwrap().y.len(), 235);
        assert_eq!(crc32(LineSet::StarsCyg.csv().as_bytes()), 0x86F7_F7D6);
        assert_eq!(crc32(LineSet::Engel.csv().as_bytes()), 0x24ED_F9EA);
    }

    #[test]
    fn scaling_goes_there_and_back() {
        let data = LineData::load(LineSet::StarsCyg).unwrap();
        let scaling = Scaling::new(&data, Some(0.4));
        let (a, b) = scaling.to_line(scaling.to_scaled((-5.0, 2.2)));
        assert!((a + 5.0).abs() < 1e-12 && (b - 2.2).abs() < 1e-12);
    }
}
