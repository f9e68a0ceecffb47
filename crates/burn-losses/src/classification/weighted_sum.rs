//! A weighted sum.

use super::{
    AnyClassificationLoss, ClassificationLoss, ClassificationLossConfig, CrossEntropyLossConfig, FocalLossConfig,
    SoftTargets,
};
use crate::engine::curved_rows::RowPart;
use crate::engine::rows::{self, Rows};
use crate::error::ConfigError;
use crate::reduction::Unreduced;
use crate::terms::{ByTerm, Terms, find_setting, sum_unreduced};
use burn::tensor::{Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// A sum of losses of this family, each with its weight.
///
/// # Formula
/// ```text
/// sum_k w_k l_k
/// ```
/// where l_k are the unreduced values of term k. Their sum is reduced once, by the `reduction` of this config: a term has none
/// of its own. A mean divides by sum_k |w_k| n_k / sum_k |w_k|, where n_k is the divisor of the mean of term k alone: the
/// number of its values, of its pairs, or the sum of its class weights. So a sum of one term of weight 1 is that term.
/// `JointLossConfig` adds up means that each have their own divisor.
///
/// # When to use
/// For several objectives on the same logits with fixed weights and one reduction, such as
/// [`CrossEntropyLoss`](super::CrossEntropyLoss) with [`MultiMarginLoss`](super::MultiMarginLoss).
/// [`JointLossConfig`](crate::composition::JointLossConfig) has terms of several families, weights that change during training,
/// and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::classification::{MultiMarginLossConfig, WeightedSumLossConfig, ZeroOneLossConfig};
/// use burn_losses::{composition::Terms, prelude::*};
///
/// let terms = Terms::new().with("margin", 0.5, MultiMarginLossConfig::new()).with("errors", 1.0, ZeroOneLossConfig::new());
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let logits = Tensor::<2>::from_floats([[0.0, 1.0]], &Device::flex());
/// // The margin to the wrong class is missed by 2.
/// let value = loss.forward(logits, Tensor::<1, burn::tensor::Int>::from_ints([0], &Device::flex()));
/// assert_eq!(value.into_scalar::<f32>(), 0.5 * 2.0 + 1.0);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. In PyTorch a sum is written in the training loop; Keras has `loss_weights`, one number per
/// output of a model.
#[loss(classification, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyClassificationLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config(check = check)]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("cross_entropy", 1.0, CrossEntropyLossConfig::new()).with("focal", 1.0, FocalLossConfig::new()))]
    pub terms: Terms<ClassificationLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

fn check(config: &WeightedSumLossConfig) -> Result<(), ConfigError> {
    config.terms.check_same("kind", |loss| Some(input(loss).into()))?;
    config.terms.check_same("ignore_index", |loss| find_setting(loss, "ignore_index"))?;
    match config.terms.iter().find(|(_, term)| matches!(term.loss, ClassificationLossConfig::Ohem(_))) {
        None => Ok(()),
        Some((name, _)) => Err(ConfigError::InvalidValue {
            loss: "weighted_sum",
            field: format!("terms.{name}.kind"),
            value: "`ohem`".into(),
            allowed: "losses of single rows; `ohem` goes around the sum".into(),
        }),
    }
}

/// The kind of a loss by its first argument, as errors name it.
fn input(loss: &ClassificationLossConfig) -> &'static str {
    match loss {
        ClassificationLossConfig::Nll(_) => "a loss of log-probabilities",
        ClassificationLossConfig::Ohem(ohem) => input(&ohem.loss),
        ClassificationLossConfig::WeightedSum(sum) => {
            sum.terms.iter().next().map_or("no loss", |(_, term)| input(&term.loss))
        }
        _ => "a loss of logits",
    }
}

impl WeightedSumLoss {
    fn sum(&self, values: impl Iterator<Item = Unreduced<1>>) -> Unreduced<1> {
        sum_unreduced(self.config.terms.weigh(values))
    }
}

impl Rows for WeightedSumLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        // An ignored row has the label 0 here, and is dropped afterwards.
        self.sum(self.losses.iter().map(|loss| rows::valid_values(loss, logits.clone(), labels.clone())))
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let values = self.losses.iter().map(|loss| loss.soft_rows(logits.clone(), probabilities.clone()));
        Some(self.sum(values.collect::<Option<Vec<_>>>()?.into_iter()))
    }

    fn parts(&self, logits: &Tensor<2>, labels: &Tensor<1, Int>) -> Option<Vec<RowPart>> {
        let mut all = Vec::new();
        for (weight, parts) in self.config.terms.weigh(self.losses.iter().map(|loss| loss.parts(logits, labels))) {
            all.extend(parts?.into_iter().map(|part| part.times(weight)));
        }
        Some(all)
    }

    fn classes(&self) -> Option<usize> {
        self.losses.iter().find_map(Rows::classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.losses[0].ignore_index()
    }

    fn takes_probabilities(&self) -> bool {
        self.losses.iter().all(Rows::takes_probabilities)
    }

    fn takes_any_scores(&self) -> bool {
        self.losses.iter().all(Rows::takes_any_scores)
    }
}

impl ClassificationLoss for WeightedSumLoss {
    fn input(&self) -> &'static str {
        self.losses[0].input()
    }
}

impl SoftTargets for WeightedSumLoss {}
