//! SigLIP's loss.

use super::MetricLoss;
use super::views::{self, TwoViews};
use crate::engine::pairs;
use crate::engine::pairs::anchors::{Anchors, NeededPartners};
use crate::formula::{Anchor, AnchorFormula, Counts, Partners, Real, Score};
use crate::reduction::Unreduced;
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::module::Param;
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// SigLIP's pairwise sigmoid loss of two views (Zhai et al. 2023, [arXiv 2303.15343](https://arxiv.org/abs/2303.15343)).
///
/// # Formula
/// The first half of the rows is one view, the second half the other. For a row i, over the rows j of the other half,
/// ```text
/// sum_j ln(1 + e^(-y_ij (cos_ij / temperature + bias)))      y_ij = 1 for the same label, else -1
/// ```
/// If each label occurs once per view, the mean is SigLIP's loss. With `learned`, the cosines are also multiplied by e^t, and an
/// offset is added to the bias. t and the offset are parameters that begin at 0; e^t / temperature is at most 100.
///
/// # When to use
/// To align two modalities, such as images and texts, for retrieval and zero-shot classification: every pair is a yes-or-no
/// question of its own, so it also works with small batches, and a row may have several partners. In [`ClipLoss`](super::ClipLoss)
/// the pairs of a row compete in a softmax.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::metric::SiglipLossConfig;
///
/// let device = Device::flex();
/// let loss = SiglipLossConfig::new().with_temperature(1.0).with_bias(0.0).init(&device);
/// let view = Tensor::<2>::from_floats([[2.0, 0.0]], &device);
/// let value: f32 = loss.forward_views(view.clone(), view).into_scalar();
/// assert!((value - (1.0 + (-1f32).exp()).ln()).abs() < 1e-5);
/// ```
///
/// # Elsewhere
/// - `open_clip.loss.SigLipLoss`: for features that are already normalized, with `logit_scale` = e^t / temperature and
///   `logit_bias` as arguments.
#[loss(metric, "siglip", "Pairwise sigmoid loss between two views (SigLIP)")]
pub struct SiglipLoss {
    config: SiglipLossConfig,
    /// The parameter t of the factor e^t; `None` if it is not learned.
    scale: Option<Param<Tensor<1>>>,
    /// The offset that is added to the bias; `None` if it is not learned.
    offset: Option<Param<Tensor<1>>>,
}

/// Config of [`SiglipLoss`].
#[loss_config]
pub struct SiglipLossConfig {
    /// The divisor of the cosines.
    #[field(default = 0.1, range = ">= 0.01")]
    pub temperature: f64,
    /// The bias that is added to the divided cosines.
    #[field(default = -10.0)]
    pub bias: f64,
    /// Whether a further factor and a further bias are learned.
    #[field(default = true)]
    pub learned: bool,
}

impl SiglipLossConfig {
    fn build(&self, device: &Device) -> SiglipLoss {
        SiglipLoss {
            config: self.clone(),
            scale: self.learned.then(|| views::number(device)),
            offset: self.learned.then(|| views::number(device)),
        }
    }
}

impl MetricLoss for SiglipLoss {
    fn tuples(&self) -> Vec<Signature> {
        vec![views::signature()]
    }

    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        views::call(self, arguments, wanted)
    }
}

impl TwoViews for SiglipLoss {}

/// A sigmoid for each pair of a row.
#[derive(Debug, Clone)]
struct PairSigmoid;

impl AnchorFormula for PairSigmoid {
    fn score(&self) -> Score {
        Score::Precomputed
    }

    #[inline(always)]
    fn term<R: Real>(&self, partners: Partners, score: R) -> R {
        if partners == Partners::Positives { (-score).softplus() } else { score.softplus() }
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        anchor.sum(Partners::Positives) + anchor.sum(Partners::Negatives)
    }

    fn counts(&self) -> Counts {
        Counts::One
    }

    fn is_symmetric(&self) -> bool {
        true
    }
}

impl Anchors for SiglipLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let factor = views::factor(self.scale.as_ref(), self.config.temperature, &embeddings);
        let mut bias = views::constant(self.config.bias, &embeddings);
        if let Some(offset) = &self.offset {
            bias = bias + offset.val().cast(embeddings.dtype()).reshape([1, 1]);
        }
        pairs::of_views(&PairSigmoid, embeddings, labels, [factor, bias], mask)
    }

    fn accepts(&self, rows: usize, _: usize) -> Result<(), String> {
        views::accepts(rows)
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::OtherView
    }

    fn compares_cosines(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// The slopes of the learned scale and offset agree with differences over the temperature and the bias of the config. Beyond
    /// the limit of the factor the slope is still there.
    #[test]
    fn what_is_learned_has_the_slope_of_the_config() {
        let device = Device::flex().autodiff();
        let rows = [[1.0f32, 0.2], [-0.3, 0.8], [0.9, 0.1], [-0.5, 0.4]];
        let labels = Tensor::<1, Int>::from_ints([0, 1, 0, 1], &device);
        let forward = |loss: &SiglipLoss| loss.forward(Tensor::<2>::from_floats(rows, &device), labels.clone());
        let at = |temperature: f64, bias: f64| {
            let config = SiglipLossConfig::new().with_temperature(temperature).with_bias(bias);
            forward(&config.init(&device)).into_scalar::<f32>()
        };
        let loss = SiglipLossConfig::new().with_temperature(0.5).with_bias(-1.0).init(&device);
        let slopes = |loss: &SiglipLoss| {
            let gradients = forward(loss).backward();
            [&loss.scale, &loss.offset].map(|number| {
                let number = number.as_ref().expect("it is learned").val();
                number.grad(&gradients).expect("a gradient").into_scalar::<f32>()
            })
        };
        let [scale, offset] = slopes(&loss);
        let step = 1e-2f64;
        // e^t / T: a step of t is a factor of 1/T.
        let of_scale = (at(0.5 * (-step).exp(), -1.0) - at(0.5 * step.exp(), -1.0)) / (2.0 * step) as f32;
        let of_offset = (at(0.5, -1.0 + step) - at(0.5, -1.0 - step)) / (2.0 * step) as f32;
        assert!(
            (scale - of_scale).abs() < 1e-3 && (offset - of_offset).abs() < 1e-3,
            "{scale} {of_scale} {offset} {of_offset}"
        );

        let mut beyond = loss;
        beyond.scale = Some(Param::from_tensor(Tensor::from_data(TensorData::from([6f32]), &device)));
        assert!(slopes(&beyond)[0] != 0.0);
    }
}
