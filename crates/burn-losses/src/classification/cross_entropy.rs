//! Cross-entropy.

use crate::ConfigError;
use crate::config::{FieldType, Range, Value};
use crate::formula::safe::weighted;
use crate::formula::{Real, RowFormula};
use crate::macros::loss;
use serde::{Deserialize, Serialize};

crate::choice! {
    /// Over which classes label smoothing spreads epsilon.
    #[derive(Copy, Eq)]
    pub enum Spread {
        /// Over all C: the true class gets 1 - e + e/C, each other e/C (Szegedy et al. 2016, PyTorch).
        #[default]
        All = "all",
        /// Over the C - 1 others: the true class gets 1 - e, each other e/(C - 1).
        Others = "others",
    }
}

/// Label smoothing: how much of each target goes to other classes, and to which.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::field::schema::key_within("epsilon", EPSILON)))]
pub struct LabelSmoothing {
    /// The share that is spread, in [0, 1). Default: 0.
    pub epsilon: f64,
    /// Over which classes.
    pub spread: Spread,
}

impl LabelSmoothing {
    /// How much of a target q stays, and what every class gets: q becomes `keep q + floor`.
    fn weights(&self, classes: usize) -> (f64, f64) {
        let (e, c) = (self.epsilon, classes as f64);
        match self.spread {
            Spread::All => (1.0 - e, e / c),
            // (1 - e) q + e (1 - q) / (C - 1); one class alone has no others.
            Spread::Others if classes > 1 => (1.0 - e - e / (c - 1.0), e / (c - 1.0)),
            Spread::Others => (1.0, 0.0),
        }
    }
}

const EPSILON: Range = Range::HalfOpen(0.0, 1.0);

impl FieldType for LabelSmoothing {
    const KIND: &'static str = "table";

    fn allowed(_: Range) -> String {
        format!("{{ epsilon: {EPSILON}, spread: {} }}", Spread::allowed(Range::Finite))
    }
    fn samples(_: Range) -> Vec<Value> {
        [Spread::All, Spread::Others]
            .map(|spread| LabelSmoothing { epsilon: 0.1, spread })
            .map(|smoothing| serde_yaml_ng::to_value(smoothing).unwrap_or(Value::Null))
            .to_vec()
    }
    fn refused(_: Range) -> Vec<Value> {
        let spread = Spread::All;
        let tables = [1.0, -0.1, f64::NAN, f64::INFINITY].map(|epsilon| LabelSmoothing { epsilon, spread });
        let mut refused = tables
            .map(|smoothing| serde_yaml_ng::to_value(smoothing).unwrap_or(Value::Null))
            .to_vec();
        refused.push(0.1.into());
        refused
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        self.epsilon.check(loss, &format!("{field}.epsilon"), EPSILON)
    }
}

loss! {
    classification "cross_entropy": "softmax cross-entropy, with class weights, label smoothing, ignored labels, soft targets";

    /// Softmax cross-entropy.
    ///
    /// # Formula
    /// ```text
    /// sum_c w_c q_c (-ln softmax(x)_c)  +  w_y z_loss ln(sum_c e^x_c)^2
    /// ```
    /// with the class weights w (1 where none are given) and the smoothed target q. The mean divides by the sum of w_y over the rows
    /// that are not ignored, as PyTorch does.
    ///
    /// Soft targets: q is the given row of probabilities, smoothed to (1 - e) q + e/C, or (1 - e) q + e (1 - q)/(C - 1) for `spread =
    /// "others"`; w_y becomes sum_c w_c q_c, with the q that was given.
    ///
    /// # Numerics
    /// The largest logit is subtracted first: a shift of all logits of a row by 1e4 changes nothing. A batch whose rows are all
    /// ignored has the value 0 and the gradient 0. An ignored row may hold anything, NaN included.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::{classification::CrossEntropyLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let loss = CrossEntropyLossConfig::new().with_ignore_index(-100).init(&device);
    /// let logits = Tensor::<2>::from_floats([[2.0, 0.0, 0.0], [9.0, 9.0, 9.0]], &device);
    /// let value = loss.forward(logits, Tensor::<1, burn::tensor::Int>::from_ints([0, -100], &device));
    /// assert!((value.into_scalar::<f32>() - 0.239_545).abs() < 1e-5);
    /// ```
    ///
    /// # Elsewhere
    /// PyTorch: `torch.nn.CrossEntropyLoss`, the same for labels. For soft targets with class weights PyTorch's mean divides by N. Its
    /// mean of ignored rows alone is NaN.
    pub struct CrossEntropyLoss;

    /// Config of [`CrossEntropyLoss`].
    pub struct CrossEntropyLossConfig {
        /// One weight per class.
        class_weights: Option<Vec<f64>> = None, Range::AtLeast(0.0);
        /// The label of rows that count nothing.
        ignore_index: Option<i64> = None;
        /// How much of each target goes to other classes, and to which.
        label_smoothing: LabelSmoothing = LabelSmoothing::default();
        /// The weight of the squared logarithm of the partition function, which keeps logits from drifting (PaLM, 1e-4).
        z_loss: f64 = 0.0, Range::AtLeast(0.0);
    }
}

impl RowFormula for CrossEntropyLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, log_p: R, share: R) -> R {
        weighted(share, -log_p)
    }

    #[inline(always)]
    fn penalty<R: Real>(&self, log_total: R) -> Option<R> {
        (self.config.z_loss > 0.0).then(|| log_total.square() * self.config.z_loss)
    }

    fn class_factors(&self) -> Option<&[f64]> {
        self.config.class_weights.as_deref()
    }

    fn factors_count(&self) -> bool {
        true
    }

    fn smoothing(&self, classes: usize) -> (f64, f64) {
        self.config.label_smoothing.weights(classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(spread: Spread) -> Vec<f64> {
        let smoothing = LabelSmoothing { epsilon: 0.1, spread };
        let (keep, floor) = smoothing.weights(5);
        [0.0, 1.0, 0.0, 0.0, 0.0].map(|q| keep * q + floor).to_vec()
    }

    #[test]
    fn t9_a_smoothed_row_sums_to_one_in_both_conventions() {
        let close = |a: &[f64], b: [f64; 5]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(&smoothed(Spread::All), [0.02, 0.92, 0.02, 0.02, 0.02]));
        assert!(close(&smoothed(Spread::Others), [0.025, 0.9, 0.025, 0.025, 0.025]));
        // They agree after e' = e (C - 1) / C.
        let all = LabelSmoothing { epsilon: 0.1, spread: Spread::All };
        let others = LabelSmoothing { epsilon: 0.1 * 4.0 / 5.0, spread: Spread::Others };
        let ((a, b), (c, d)) = (all.weights(5), others.weights(5));
        assert!((a - c).abs() < 1e-15 && (b - d).abs() < 1e-15);
    }
}
