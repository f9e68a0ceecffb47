//! The softmax of a row of logits, and the terms of its classes, with their second derivatives.

use super::{Curved, CurvedRow};
use crate::formula::Real;
use std::sync::Arc;

/// Which entries of a Hessian are wanted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Entries {
    Diagonal,
    All,
}

impl Entries {
    /// The columns of a row.
    pub(super) fn columns(self, class: usize, classes: usize) -> core::ops::Range<usize> {
        match self {
            Self::Diagonal => class..class + 1,
            Self::All => 0..classes,
        }
    }
}

/// The softmax of a row of logits, or of a function of them.
pub(super) struct Softmax {
    /// The derivatives of the function of each logit; empty if there is none.
    of_logits: Vec<[f64; 2]>,
    log_p: Vec<f64>,
    pub(super) p: Vec<f64>,
    /// 1 - p, with all its digits.
    not_p: Vec<f64>,
    log_total: f64,
}

impl Softmax {
    /// The softmax of a function of each logit, to which the offset of its class is added.
    pub(super) fn new(formula: &CurvedRow, logits: &[f64]) -> Self {
        let of_each = |function: &Arc<dyn Curved>| logits.iter().map(|logit| function.at(*logit, 0.0)).collect();
        let functions: Option<Vec<[f64; 3]>> = formula.logit.as_ref().map(of_each);
        let values = functions.as_ref().map(|all| all.iter().map(|[value, ..]| *value).collect::<Vec<f64>>());
        let values = values.as_deref().unwrap_or(logits);
        let of_logits = functions.iter().flatten().map(|[_, slope, curvature]| [*slope, *curvature]).collect();
        let softmax = match formula.settings.class_offsets() {
            None => Self::from_numbers(values),
            Some(offsets) => {
                Self::from_numbers(&values.iter().zip(offsets).map(|(x, offset)| x + offset).collect::<Vec<_>>())
            }
        };
        Self { of_logits, ..softmax }
    }

    fn from_numbers(logits: &[f64]) -> Self {
        if logits.iter().any(|logit| logit.is_nan()) {
            let nan = vec![f64::NAN; logits.len()];
            return Self { of_logits: Vec::new(), log_p: nan.clone(), p: nan.clone(), not_p: nan, log_total: f64::NAN };
        }
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Classes with the largest logit share everything if it is infinite.
        let offset = |logit: f64| if logit == most { 0.0 } else { logit - most };
        let limited = |logit: f64| if most.is_infinite() && logit < most { f64::NEG_INFINITY } else { offset(logit) };
        let offsets: Vec<f64> = logits.iter().map(|logit| limited(*logit)).collect();
        let powers: Vec<f64> = offsets.iter().map(|offset| offset.exp()).collect();
        let best = offsets.iter().position(|offset| *offset == 0.0).unwrap_or(0);
        let others: f64 = powers.iter().enumerate().filter(|(class, _)| *class != best).map(|(_, power)| power).sum();
        let (total, log_total) = (1.0 + others, others.ln_1p());
        let p: Vec<f64> = powers.iter().map(|power| power / total).collect();
        let not_p = (0..).zip(&p).map(|(class, p)| if class == best { others / total } else { 1.0 - p }).collect();
        let log_p = offsets.iter().map(|offset| offset - log_total).collect();
        Self { of_logits: Vec::new(), log_p, p, not_p, log_total: most + log_total }
    }
}

/// The terms of a row with their derivatives with respect to the log-probabilities.
pub(super) struct Terms {
    pub(super) value: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    /// The sums of both.
    sums: [f64; 2],
    /// The first and the second derivative of the penalty.
    penalty: [f64; 2],
}

impl Terms {
    pub(super) fn new(formula: &CurvedRow, softmax: &Softmax, label: usize) -> Self {
        let classes = softmax.p.len();
        let (keep, floor) = formula.settings.smoothing(classes);
        let factors = formula.settings.class_factors();
        let mut terms = Self {
            value: 0.0,
            first: Vec::with_capacity(classes),
            second: Vec::with_capacity(classes),
            sums: [0.0; 2],
            penalty: [0.0; 2],
        };
        for (class, log_p) in softmax.log_p.iter().enumerate() {
            let share = if class == label { keep + floor } else { floor };
            let share = factors.map_or(share, |factors| factors[class].weigh(share));
            let [value, first, second] = formula.class.at(*log_p, share);
            terms.value += value;
            terms.first.push(first);
            terms.second.push(second);
            terms.sums[0] += first;
            terms.sums[1] += second;
        }
        if let Some(penalty) = &formula.penalty {
            let [value, first, second] = penalty.at(softmax.log_total, 0.0);
            let counts = factors.filter(|_| formula.settings.factors_count()).map_or(1.0, |factors| factors[label]);
            terms.value += counts.weigh(value);
            terms.penalty = [counts.weigh(first), counts.weigh(second)];
        }
        terms
    }

    /// The derivative with respect to a logit.
    pub(super) fn gradient(&self, softmax: &Softmax, class: usize) -> f64 {
        let through_softmax = self.slope(softmax, class);
        softmax.of_logits.get(class).map_or(through_softmax, |[slope, _]| slope.weigh(through_softmax))
    }

    /// The derivative with respect to what the softmax is taken of: that of its log-probability is 1 - p, and -p for all other
    /// classes.
    fn slope(&self, softmax: &Softmax, class: usize) -> f64 {
        let (p, not_p, own) = (softmax.p[class], softmax.not_p[class], self.first[class]);
        not_p.weigh(own) + p.weigh(self.penalty[0] - (self.sums[0] - own))
    }

    /// Gives the wanted entries of the Hessian to `add`.
    pub(super) fn hessian(&self, softmax: &Softmax, entries: Entries, add: &mut dyn FnMut(usize, usize, f64)) {
        let Softmax { p, not_p, .. } = softmax;
        let [first, second] = self.sums;
        let [slope, bend] = self.penalty;
        for a in 0..p.len() {
            let own = self.second[a];
            for b in entries.columns(a, p.len()) {
                let both = p[a] * p[b];
                let entry = if a == b {
                    let through_softmax = (p[a] * not_p[a]).weigh(slope - first);
                    not_p[a].weigh(not_p[a].weigh(own)) + both.weigh(second - own + bend) + through_softmax
                } else {
                    let other = self.second[b];
                    let of_both = (not_p[a] * p[b]).weigh(own) + (not_p[b] * p[a]).weigh(other);
                    both.weigh(second - own - other + bend + first - slope) - of_both
                };
                let entry = match (softmax.of_logits.get(a), softmax.of_logits.get(b)) {
                    (Some([of_a, bend]), Some([of_b, _])) => {
                        let own = if a == b { bend.weigh(self.slope(softmax, a)) } else { 0.0 };
                        (of_a * of_b).weigh(entry) + own
                    }
                    _ => entry,
                };
                add(a, b, entry);
            }
        }
    }
}
