//! A weighted sum.

use super::values::Formatted;
use super::{
    AnyBoxesLoss, BoxFormat, BoxTargets, BoxUnit, Boxes, BoxesLoss, BoxesLossConfig, CiouLossConfig, GiouLossConfig,
};
use crate::engine::vectors;
use crate::error::ConfigError;
use crate::terms::{ByTerm, Terms, find_setting, sum};
use burn::tensor::{Bool, Device, Tensor};
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
/// To optimize several criteria of one family at once, such as [`CiouLoss`](super::CiouLoss) and, for tiny objects,
/// [`NwdLoss`](super::NwdLoss), from one config. [`JointLossConfig`](crate::composition::JointLossConfig) has terms of several
/// families, weights that change during training, and one curve per term.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{boxes::{GiouLossConfig, IouLossConfig, WeightedSumLossConfig}, composition::Terms, prelude::*};
///
/// let terms = Terms::new().with("iou", 0.5, IouLossConfig::new()).with("giou", 1.0, GiouLossConfig::new());
/// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
/// let boxes = |numbers: [f32; 4]| Tensor::<2>::from_floats([numbers], &Device::flex());
/// let value = loss.forward(boxes([0.0, 0.0, 1.0, 1.0]), boxes([1.0, 0.0, 2.0, 1.0]));
/// assert!((value.into_scalar::<f32>() - 1.5).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. Elsewhere one adds reduced values by hand, which is what
/// [`JointLossConfig`](crate::composition::JointLossConfig) does.
#[loss(boxes, "weighted_sum", "Weighted sum of losses of this family")]
pub struct WeightedSumLoss {
    config: WeightedSumLossConfig,
    losses: ByTerm<AnyBoxesLoss>,
}

/// Config of [`WeightedSumLoss`].
#[loss_config(check = check)]
pub struct WeightedSumLossConfig {
    /// The losses by name, each with a `weight` (1 where it is not given).
    #[field(default = Terms::new().with("ciou", 1.0, CiouLossConfig::new()).with("giou", 1.0, GiouLossConfig::new()))]
    pub terms: Terms<BoxesLossConfig>,
}

impl WeightedSumLossConfig {
    fn build(&self, device: &Device) -> WeightedSumLoss {
        let losses = self.terms.modules(|loss| loss.init(device));
        WeightedSumLoss { config: self.clone(), losses }
    }
}

fn check(config: &WeightedSumLossConfig) -> Result<(), ConfigError> {
    config.terms.check_same("format", |loss| find_setting(loss, "format"))?;
    match config.terms.iter().find(|(_, term)| matches!(term.loss, BoxesLossConfig::Ohem(_))) {
        None => Ok(()),
        Some((name, _)) => Err(ConfigError::InvalidValue {
            loss: "weighted_sum",
            field: format!("terms.{name}.kind"),
            value: "`ohem`".into(),
            allowed: "losses of single boxes; `ohem` goes around the sum".into(),
        }),
    }
}

impl Boxes for WeightedSumLoss {
    fn values(
        &self,
        predictions: Tensor<2>,
        targets: Tensor<2>,
        format: BoxFormat,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Tensor<1> {
        let values_of =
            |loss| vectors::values(&Formatted(loss, format), predictions.clone(), targets.clone(), mask).values;
        let values = self.losses.iter().map(values_of);
        sum(self.config.terms.weigh(values))
    }

    fn mixes_boxes(&self) -> bool {
        self.losses.iter().any(Boxes::mixes_boxes)
    }

    fn accepts(&self, width: usize) -> Result<(), String> {
        self.losses.iter().try_for_each(|loss| loss.accepts(width))
    }

    /// All terms have the same kind of targets, since predictions of boxes and of bins differ in width.
    fn targets(&self) -> BoxTargets {
        self.losses[0].targets()
    }
}

impl BoxesLoss for WeightedSumLoss {
    fn format(&self) -> BoxFormat {
        self.losses[0].format()
    }
    fn units(&self) -> Vec<BoxUnit> {
        self.losses.iter().flat_map(BoxesLoss::units).collect()
    }
}
