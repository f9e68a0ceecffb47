//! Angular loss.

use super::MetricLoss;
use crate::engine::pairs::anchors::{Anchors, NeededPartners, Pairs, mask_to_float, similarities, sums};
use crate::formula::Real;
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Angular loss (Wang et al. 2017, [arXiv 1708.01682](https://arxiv.org/abs/1708.01682)).
///
/// # Formula
/// ```text
/// ln(1 + sum_n e^(4 t (a + p) . n - 2 (1 + t) a . p))      t = tan(degrees)^2
/// ```
/// of an anchor a, a positive p and the negatives n, all brought to length 1. The value of an anchor is the sum over its positives; the
/// mean is taken over positives, not anchors.
///
/// # When to use
/// For retrieval, in place of a triplet loss or beside one: it bounds the angle at the negative in the triangle of anchor, positive and
/// negative, which does not depend on the scale. 36 to 55 degrees are usual. [`TripletLoss`](super::TripletLoss) can mine hard
/// triplets.
///
/// # Numerics
/// The sums over negatives are products of matrices: no N^3 numbers are kept. An anchor without a negative has the value 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::AngularLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = AngularLossConfig::new().with_degrees(45.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([0, 0, 1], &device));
/// assert!((value.into_scalar::<f32>() - (-4f32).exp().ln_1p()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.AngularLoss`: for rows of length 1 the same, since it does not normalize the negatives; its angle is
///   `alpha`, in degrees.
#[loss(metric, "angular", "Bounds the angle at the negative of each triangle of anchor, positive and negative")]
pub struct AngularLoss {
    config: AngularLossConfig,
}

/// Config of [`AngularLoss`].
#[loss_config]
pub struct AngularLossConfig {
    /// The bound of the angle, in degrees.
    #[field(default = 40.0, range = "(0, 60]")]
    pub degrees: f64,
}

impl MetricLoss for AngularLoss {}

impl Anchors for AngularLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let t = self.config.degrees.to_radians().tan().powi(2);
        let cosines = similarities(embeddings);
        let pairs = Pairs::from_labels(labels, mask);
        // e^(4 t (a + p) . n) is a product of two exponentials, so that its sum over n is a product of matrices. The exponents are at
        // most 0, and at least -24.
        let exponentials = ((cosines.clone() - 1.0) * (4.0 * t)).exp();
        let of_negatives = exponentials.clone().mask_fill(pairs.negative.clone().bool_not(), 0.0);
        let sum = of_negatives.matmul(exponentials.transpose());
        let none = pairs.has_both().bool_not().unsqueeze_dim::<2>(1).expand(cosines.dims());
        let exponents = sum.mask_fill(none.clone(), 1.0).log() + 8.0 * t - cosines * (2.0 * (1.0 + t));
        let values = Real::softplus(exponents).mask_fill(none, 0.0);
        let count = mask_to_float(pairs.positive.clone(), &values).sum_dim(1).squeeze_dim(1);
        Unreduced { values: sums(values, pairs.positive), normalizer: Some(count) }
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::Both
    }

    fn compares_cosines(&self) -> bool {
        true
    }
}
