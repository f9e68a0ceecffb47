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
    /// The arguments.
    pub at: Vec<f64>,
    /// The value at each argument.
    pub value: Vec<f64>,
    /// The derivative at each argument.
    pub gradient: Vec<f64>,
}

impl Curve {
    /// Whether two curves would cover each other.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let size = self.value.iter().chain(&self.gradient).fold(0.0f64, |size, v| size.max(v.abs()));
        let near = |one: &[f64], other: &[f64]| one.iter().zip(other).all(|(a, b)| (a - b).abs() <= 1e-9 * size);
        near(&self.value, &other.value) && near(&self.gradient, &other.gradient)
    }
}

/// A function of two numbers, at the points of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// The title above the map.
    pub title: String,
    /// The label of the horizontal axis, and its range.
    pub x: (String, f64, f64),
    /// The label of the vertical axis, and its range.
    pub y: (String, f64, f64),
    /// The number of columns.
    pub columns: usize,
    /// The values, row by row from the bottom.
    pub values: Vec<f64>,
    /// Dotted lines across the map.
    pub cuts: Vec<[(f64, f64); 2]>,
}

/// A pair of axes, and its content.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// Lines; the `n`-th line of every panel has the same color.
    Lines {
        /// The title above the panel: the label of the vertical axis.
        title: String,
        /// The label of the horizontal axis.
        x: String,
        /// The lines.
        lines: Vec<Line>,
    },
    /// A map.
    Map(Map),
}

impl Panel {
    /// A panel with the values and a panel with the derivatives.
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
