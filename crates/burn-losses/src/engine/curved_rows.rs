//! Rows of scores with their second derivatives, in double precision on the host.

mod scores;
mod softmax;

use self::scores::CurvedScores;
use self::softmax::{Entries, Softmax, Terms};
use super::curved::Curved;
use super::rows::{RowKernel, RowSettings};
use crate::formula::{AnchorFormula, Real};
use crate::options::Curvature;
use core::fmt;
use std::sync::Arc;

/// A [`RowFormula`](crate::formula::RowFormula), compiled with its derivatives.
pub(in crate::engine) struct CurvedRow {
    pub(in crate::engine) settings: Arc<dyn RowSettings>,
    /// What the softmax is taken of; `None`: the logit itself.
    pub(in crate::engine) logit: Option<Arc<dyn Curved>>,
    /// The term of a class, of its log-probability and its share.
    pub(in crate::engine) class: Arc<dyn Curved>,
    /// The penalty on the logarithm of the sum.
    pub(in crate::engine) penalty: Option<Arc<dyn Curved>>,
}

/// A part of the values of a batch of rows: a formula of each row, times a factor that does not depend on the logits.
#[derive(Clone)]
pub struct RowPart {
    of: RowCurve,
    weight: f64,
    /// One factor per row.
    factors: Option<Arc<[f64]>>,
}

#[derive(Clone)]
enum RowCurve {
    Softmax(Arc<CurvedRow>),
    Scores(Arc<dyn CurvedScores>),
    /// Values whose derivatives are 0.
    Constant(Arc<[f64]>),
}

impl fmt::Debug for RowPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowPart").field("weight", &self.weight).finish_non_exhaustive()
    }
}

impl RowPart {
    fn from_curve(of: RowCurve) -> Self {
        Self { of, weight: 1.0, factors: None }
    }

    /// The formula of a kernel.
    pub(crate) fn new(kernel: &RowKernel) -> Self {
        Self::from_curve(RowCurve::Softmax(kernel.curved.clone()))
    }

    /// A formula of scores, in which the class of the label is the only positive.
    pub(crate) fn of_scores(formula: &impl AnchorFormula) -> Self {
        Self::from_curve(RowCurve::Scores(Arc::new(formula.clone())))
    }

    /// Values whose derivatives are 0.
    pub(crate) fn constant(values: &[f64]) -> Self {
        Self::from_curve(RowCurve::Constant(values.into()))
    }

    /// The same part, times a number.
    pub(crate) fn times(self, weight: f64) -> Self {
        Self { weight: self.weight * weight, ..self }
    }

    /// The same part, times a factor for each row.
    pub(crate) fn with_factors(self, factors: &[f64]) -> Self {
        let factors = match self.factors {
            None => factors.into(),
            Some(own) => own.iter().zip(factors).map(|(a, b)| a.weigh(*b)).collect(),
        };
        Self { factors: Some(factors), ..self }
    }

    fn factor(&self, row: usize) -> f64 {
        self.factors.as_ref().map_or(self.weight, |factors| self.weight.weigh(factors[row]))
    }

    /// Whether the curvature is 0 in all of many rows.
    fn is_flat(&self) -> bool {
        let rows = [[0.0, 0.3, -0.7], [2.0, -1.0, 0.5], [0.1, 0.1, 0.2], [-3.0, 4.0, 1.0]];
        let of_row = |logits: &[f64], label: usize| match &self.of {
            RowCurve::Constant(_) => true,
            RowCurve::Scores(scores) => (0..logits.len()).all(|class| scores.at(logits, label, [class; 2])[2] == 0.0),
            RowCurve::Softmax(_) => false,
        };
        rows.iter().all(|row| (0..row.len()).all(|label| of_row(row, label)))
    }

    /// Whether the loss takes the softmax of its logits, and so knows what labels they expect.
    fn has_model(&self) -> bool {
        !matches!(self.of, RowCurve::Scores(_))
    }
}

/// Why there is no curvature of the wanted kind.
pub(crate) use super::curved::Lacking;

/// The parts of the values of a batch of rows, and which curvature is wanted of them.
pub(crate) struct RowCurves {
    parts: Vec<RowPart>,
    curvature: Curvature,
}

/// The results of a row. Every part of its value adds to them.
pub(crate) struct Results<'a> {
    pub(crate) value: &'a mut f64,
    pub(crate) gradient: &'a mut [f64],
    pub(crate) curvature: &'a mut [f64],
}

impl RowCurves {
    /// Checks that there is a curvature of the wanted kind. With a floor it may be 0 everywhere.
    pub(crate) fn new(parts: Vec<RowPart>, (curvature, has_floor): (Curvature, bool)) -> Result<Self, Lacking> {
        if !has_floor && parts.iter().all(RowPart::is_flat) {
            return Err(Lacking::Flat);
        }
        if curvature == Curvature::Expected && !parts.iter().all(RowPart::has_model) {
            return Err(Lacking::NoModel);
        }
        Ok(Self { parts, curvature })
    }

    /// Whether a row counts: otherwise all its derivatives are 0.
    pub(crate) fn counts(&self, row: usize) -> bool {
        self.parts.iter().any(|part| part.factor(row) != 0.0)
    }

    /// Adds the value, the gradient and the diagonal of a row.
    pub(crate) fn add(&self, row: usize, logits: &[f64], label: usize, results: Results<'_>) {
        let Results { value, gradient, curvature } = results;
        let mut wanted = |part: &RowPart, factor: f64| {
            let mut hessian = |class: usize, other: usize, entry: f64| match self.curvature {
                Curvature::Majorizer => curvature[class] += factor.abs().weigh(entry.abs()),
                _ if class == other => curvature[class] += factor.weigh(entry),
                _ => {}
            };
            let is_exact = self.curvature != Curvature::Expected;
            let entries = if self.curvature == Curvature::Majorizer { Entries::All } else { Entries::Diagonal };
            match &part.of {
                RowCurve::Constant(values) => *value += factor.weigh(values[row]),
                RowCurve::Scores(scores) => {
                    for (class, sum) in gradient.iter_mut().enumerate() {
                        let [own, slope, _] = scores.at(logits, label, [class; 2]);
                        if class == 0 {
                            *value += factor.weigh(own);
                        }
                        *sum += factor.weigh(slope);
                        for other in entries.columns(class, logits.len()) {
                            hessian(class, other, scores.at(logits, label, [class, other])[2]);
                        }
                    }
                }
                RowCurve::Softmax(formula) => {
                    let softmax = Softmax::new(formula, logits);
                    let terms = Terms::new(formula, &softmax, label);
                    *value += factor.weigh(terms.value);
                    for (class, sum) in gradient.iter_mut().enumerate() {
                        *sum += factor.weigh(terms.gradient(&softmax, class));
                    }
                    if is_exact {
                        terms.hessian(&softmax, entries, &mut hessian);
                        return;
                    }
                    for (expected, p) in softmax.p.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                        let terms = Terms::new(formula, &softmax, expected);
                        terms.hessian(&softmax, Entries::Diagonal, &mut |class, other, entry| {
                            hessian(class, other, p.weigh(entry));
                        });
                    }
                }
            }
        };
        for part in &self.parts {
            let factor = part.factor(row);
            if factor != 0.0 {
                wanted(part, factor);
            }
        }
    }

    /// Adds the Hessian of a row, `[C, C]`.
    pub(crate) fn add_hessian(&self, row: usize, logits: &[f64], label: usize, to: &mut [f64]) {
        let classes = logits.len();
        for part in &self.parts {
            let factor = part.factor(row);
            let mut add = |class: usize, other: usize, entry: f64| to[class * classes + other] += factor.weigh(entry);
            match &part.of {
                _ if factor == 0.0 => {}
                RowCurve::Constant(_) => {}
                RowCurve::Scores(scores) => {
                    for class in 0..classes {
                        for other in 0..classes {
                            add(class, other, scores.at(logits, label, [class, other])[2]);
                        }
                    }
                }
                RowCurve::Softmax(formula) => {
                    let softmax = Softmax::new(formula, logits);
                    Terms::new(formula, &softmax, label).hessian(&softmax, Entries::All, &mut add);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::RowFormula;

    /// A formula with a function of each logit, an offset for each class, smoothing and a penalty.
    #[derive(Debug, Clone)]
    struct Everything;

    impl RowFormula for Everything {
        #[inline(always)]
        fn eval<R: Real>(&self, log_p: R, share: R) -> R {
            share * -log_p
        }
        #[inline(always)]
        fn logit<R: Real>(&self, logit: R) -> Option<R> {
            Some((logit * 0.5).tanh() * 2.0)
        }
        #[inline(always)]
        fn penalty<R: Real>(&self, log_total: R) -> Option<R> {
            Some(log_total.square() * 0.1)
        }
        fn class_offsets(&self) -> Option<&[f64]> {
            Some(&[0.3, -0.2, 1.0])
        }
        fn smoothing(&self, _: usize) -> (f64, f64) {
            (0.9, 0.1 / 3.0)
        }
    }

    #[test]
    fn the_derivatives_are_those_of_the_whole_row() {
        let part = RowPart::new(&RowKernel::new(&Everything));
        let curves = RowCurves::new(vec![part], (Curvature::Exact, false)).expect("a curvature");
        let at = |logits: &[f64]| {
            let (mut value, mut gradient, mut curvature) = (0.0, [0.0; 3], [0.0; 3]);
            let results = Results { value: &mut value, gradient: &mut gradient, curvature: &mut curvature };
            curves.add(0, logits, 1, results);
            (value, gradient, curvature)
        };
        let logits = [0.5, -1.2, 2.0];
        let (_, gradient, curvature) = at(&logits);
        let mut hessian = [0.0; 9];
        curves.add_hessian(0, &logits, 1, &mut hessian);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-8;
        for (class, gradient) in gradient.into_iter().enumerate() {
            let moved = |offset: f64| {
                let mut logits = logits;
                logits[class] += offset;
                at(&logits)
            };
            let (high, low) = (moved(1e-6), moved(-1e-6));
            assert!(near(gradient, (high.0 - low.0) / 2e-6), "{class}");
            for other in 0..3 {
                let slope = (high.1[other] - low.1[other]) / 2e-6;
                assert!(near(hessian[class * 3 + other], slope), "{class} {other}");
            }
            assert_eq!(hessian[class * 4], curvature[class]);
        }
    }
}
