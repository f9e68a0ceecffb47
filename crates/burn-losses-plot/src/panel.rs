//! The parts of a picture.

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The name in the legend: lines of the same name have the same color.
    pub name: String,
    /// The variant of what is named: lines of the same variant have the same dashes. It is empty if there is only one.
    pub variant: String,
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
    /// Whether the derivatives differ from the slopes of the values at a fifth of the points. A kink lies between two points.
    /// `unit` is how much of what the derivatives are taken by one unit of `at` is.
    pub(crate) fn treats_a_part_as_constant(&self, unit: f64) -> bool {
        let largest = self.gradient.iter().fold(0.0f64, |largest, slope| largest.max(slope.abs()));
        let is_wrong = |i: &usize| {
            let quotient = (self.value[i + 1] - self.value[i - 1]) / (self.at[i + 1] - self.at[i - 1]);
            (quotient - self.gradient[*i] * unit).abs() > 0.05 * largest * unit
        };
        let count = self.at.len();
        count > 2 && 5 * (1..count - 1).filter(is_wrong).count() > count
    }

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
    /// Lines.
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
        let named: Vec<_> = curves.iter().map(|curve| (curve.name.clone(), String::new(), curve.clone())).collect();
        Self::variants(x, ["value", gradient], &named)
    }

    /// The same for curves with a name and a variant of their own, and with a title for each panel.
    pub(crate) fn variants(x: &str, titles: [&str; 2], curves: &[(String, String, Curve)]) -> [Self; 2] {
        let panel = |title: &str, of: fn(&Curve) -> &[f64]| Self::Lines {
            title: title.to_owned(),
            x: x.to_owned(),
            lines: curves
                .iter()
                .map(|(name, variant, curve)| Line {
                    name: name.clone(),
                    variant: variant.clone(),
                    points: curve.at.iter().copied().zip(of(curve).iter().copied()).collect(),
                })
                .collect(),
        };
        [panel(titles[0], |curve| &curve.value), panel(titles[1], |curve| &curve.gradient)]
    }
}
