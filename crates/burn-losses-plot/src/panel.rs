//! The parts of a picture.

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The name in the legend.
    pub name: String,
    /// The points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A named function of one number, with its derivative.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The name in the legend.
    pub name: String,
    /// Where.
    pub at: Vec<f64>,
    /// The value there.
    pub value: Vec<f64>,
    /// The derivative there.
    pub gradient: Vec<f64>,
}

impl Curve {
    /// Whether two curves would lie on each other.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let size = self.value.iter().chain(&self.gradient).fold(0.0f64, |size, v| size.max(v.abs()));
        let near = |one: &[f64], other: &[f64]| one.iter().zip(other).all(|(a, b)| (a - b).abs() <= 1e-9 * size);
        near(&self.value, &other.value) && near(&self.gradient, &other.gradient)
    }
}

/// A function of two numbers, at the points of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// The line above it.
    pub title: String,
    /// What runs to the right, and from where to where.
    pub x: (String, f64, f64),
    /// What runs upwards, and from where to where.
    pub y: (String, f64, f64),
    /// The number of columns.
    pub columns: usize,
    /// The values, row by row from the bottom.
    pub values: Vec<f64>,
    /// Lines across the map, dotted.
    pub cuts: Vec<[(f64, f64); 2]>,
}

/// A pair of axes, and what is in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// Lines, the `n`-th of every panel in the same color.
    Lines {
        /// The line above it: what runs upwards.
        title: String,
        /// What runs to the right.
        x: String,
        /// The lines.
        lines: Vec<Line>,
    },
    /// A map.
    Map(Map),
}

impl Panel {
    /// A panel of values and a panel of derivatives.
    pub fn curves(x: &str, gradient: &str, curves: &[Curve]) -> [Self; 2] {
        let panel = |title: &str, of: fn(&Curve) -> &[f64]| Self::Lines {
            title: title.to_owned(),
            x: x.to_owned(),
            lines: curves
                .iter()
                .map(|curve| Line {
                    name: curve.name.clone(),
                    points: curve.at.iter().copied().zip(of(curve).iter().copied()).collect(),
                })
                .collect(),
        };
        [panel("value", |curve| &curve.value), panel(gradient, |curve| &curve.gradient)]
    }
}
