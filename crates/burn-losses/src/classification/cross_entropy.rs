//! Cross-entropy.

use crate::ConfigError;
use crate::config::{FieldType, Range, Value};
use crate::engine::classes::per_class;
use crate::engine::rows::{Number3, Row, RowFormula, RowKernel, Rows, Sums, pick};
use crate::formula::Real;
use crate::macros::loss;
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor, activation::log_softmax};
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::key_within("epsilon", EPSILON)))]
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

impl CrossEntropyLoss {
    /// One weight per class, where there are any.
    fn weights(&self, like: &Tensor<2>) -> Option<Tensor<1>> {
        let weights = self.config.class_weights.as_deref()?;
        Some(per_class(weights, like))
    }

    /// z_loss ln(sum e^x)^2, from any one logit and its log-probability: their difference is ln(sum e^x).
    fn z_loss(&self, log_partition: Tensor<1>) -> Tensor<1> {
        log_partition.square() * self.config.z_loss
    }
}

/// The formula of a row, for the fused engine.
struct OfRow {
    config: CrossEntropyLossConfig,
    keep: f64,
    floor: f64,
    /// The sum of the class weights.
    weights: f64,
}

impl RowFormula for OfRow {
    fn eval(&self, row: &Row) -> Number3 {
        let weight = self.mass(row.label).unwrap_or(1.0);
        let mut value = (row.log_total - row.target) * (self.keep * weight);
        if self.floor > 0.0 {
            value = value + (row.log_total * self.weights - row.sum) * self.floor;
        }
        if self.config.z_loss > 0.0 {
            value = value + (row.log_total + row.largest).square() * (self.config.z_loss * weight);
        }
        value
    }

    fn sums(&self) -> Sums<'_> {
        match &self.config.class_weights {
            _ if self.floor == 0.0 => Sums::Nothing,
            None => Sums::All,
            Some(weights) => Sums::Weighted(weights),
        }
    }

    fn mass(&self, label: usize) -> Option<f64> {
        self.config.class_weights.as_ref().map(|weights| weights[label])
    }
}

impl CrossEntropyLoss {
    pub(crate) fn row_formula(&self, classes: usize) -> impl RowFormula + 'static {
        let config = self.config.clone();
        let (keep, floor) = match config.label_smoothing.epsilon > 0.0 {
            true => config.label_smoothing.weights(classes),
            false => (1.0, 0.0),
        };
        let weights = config.class_weights.as_ref().map_or(classes as f64, |weights| weights.iter().sum());
        OfRow { config, keep, floor, weights }
    }
}

impl Rows for CrossEntropyLoss {
        fn kernel(&self, classes: usize) -> Option<RowKernel> {
        Some(RowKernel::of(self.row_formula(classes)))
    }

    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let [rows, classes] = logits.dims();
        let log_p = log_softmax(logits.clone(), 1);
        let weights = self.weights(&logits);
        let mass = weights
            .clone()
            .map(|weights| weights.select(0, labels.clone()));
        let weigh = |values: Tensor<1>| match &mass {
            Some(mass) => values * mass.clone(),
            None => values,
        };

        let picked = pick(log_p.clone(), labels.clone());
        let mut values = weigh(-picked.clone());
        if self.config.label_smoothing.epsilon > 0.0 {
            let (keep, floor) = self.config.label_smoothing.weights(classes);
            let all = match weights {
                Some(weights) => log_p * weights.unsqueeze::<2>().expand([rows, classes]),
                None => log_p,
            };
            values = values * keep - all.sum_dim(1).squeeze_dim::<1>(1) * floor;
        }
        if self.config.z_loss > 0.0 {
            values = values + weigh(self.z_loss(pick(logits, labels) - picked));
        }
        Unreduced { values, mass }
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let [rows, classes] = logits.dims();
        let log_p = log_softmax(logits.clone(), 1);
        let (keep, floor) = self.config.label_smoothing.weights(classes);
        let weights = self
            .weights(&logits)
            .map(|weights| weights.unsqueeze::<2>().expand([rows, classes]));
        let mass = weights.clone().map(|weights| {
            (probabilities.clone() * weights)
                .sum_dim(1)
                .squeeze_dim::<1>(1)
        });

        let mut each = (probabilities * keep + floor) * -log_p.clone();
        if let Some(weights) = weights {
            each = each * weights;
        }
        let mut values = each.sum_dim(1).squeeze_dim::<1>(1);
        if self.config.z_loss > 0.0 {
            let log_partition = (logits - log_p).narrow(1, 0, 1).squeeze_dim::<1>(1);
            let z_loss = self.z_loss(log_partition);
            values = values
                + match &mass {
                    Some(mass) => z_loss * mass.clone(),
                    None => z_loss,
                };
        }
        Some(Unreduced { values, mass })
    }

    fn classes(&self) -> Option<usize> {
        self.config.class_weights.as_ref().map(Vec::len)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.config.ignore_index
    }

    fn takes_probabilities(&self) -> bool {
        true
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
