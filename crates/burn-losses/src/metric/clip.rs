//! CLIP's loss.

use super::views::{self, Views, forward_views};
use crate::config::Range;
use crate::engine::anchors::{Anchors, everywhere, log_sum_exp, ones, only, sums};
use crate::macros::loss;
use crate::reduction::Unreduced;
use burn::module::Param;
use burn::tensor::{Int, Tensor};

loss! {
    metric "clip": "picks the partner out of the other view's rows, both ways";

    /// CLIP's symmetric cross-entropy of two views (Radford et al. 2021, [arXiv 2103.00020](https://arxiv.org/abs/2103.00020)).
    ///
    /// # Formula
    /// The first half of the rows is one view, the second half the other. For a row i with its partners P(i), the rows of the other half
    /// that have its label,
    /// ```text
    /// -1/|P(i)| sum_(p in P(i)) ln softmax_j(cos_ij / temperature)_p
    /// ```
    /// over all rows j of the other half. With labels that occur once per view, the mean is CLIP's loss. A row without a partner counts
    /// nothing. `learned`: the cosines get a further factor e^t, t a parameter that begins at 0; e^t / temperature is at most 100.
    ///
    /// The negatives are those of the batch on this device: nothing is gathered from other devices.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::metric::ClipLossConfig;
    ///
    /// let device = Device::flex();
    /// let loss = ClipLossConfig::new().with_temperature(1.0).init(&device);
    /// let images = Tensor::<2>::from_floats([[2.0, 0.0], [0.0, 3.0]], &device);
    /// let texts = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
    /// let value: f32 = loss.forward_views(images, texts).into_scalar();
    /// assert!((value - (1.0 + (-1f32).exp()).ln()).abs() < 1e-5);
    /// ```
    ///
    /// # Elsewhere
    /// open_clip: `ClipLoss`, with normalised features.
    pub struct ClipLoss {
        /// t of the factor e^t, where it is learned.
        scale: Option<Param<Tensor<1>>> = |config, device| config.learned.then(|| views::number(device)),
    }

    /// Config of [`ClipLoss`].
    pub struct ClipLossConfig {
        /// What divides the cosines.
        temperature: f64 = 0.07, Range::AtLeast(0.01);
        /// Whether a further factor is learned.
        learned: bool = true;
    }
}

forward_views!(ClipLoss);

impl Anchors for ClipLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let Views { cosines, partners } = Views::of(embeddings, labels);
        let scores = views::scaled(cosines, self.scale.as_ref(), self.config.temperature);
        let anchors = Views::both_ways(scores, partners, |scores, partners| {
            let there = partners.clone().any_dim(1).squeeze_dim::<1>(1);
            let count = ones(partners.clone(), &scores).sum_dim(1).squeeze_dim::<1>(1).clamp_min(1.0);
            let others = log_sum_exp(scores.clone(), everywhere(&scores));
            (others - sums(scores, partners) / count, there)
        });
        let [(first, first_there), (second, second_there)] = anchors;
        only(Tensor::cat(vec![first, second], 0), Tensor::cat(vec![first_there, second_there], 0))
    }

    fn accepts(&self, rows: usize, _: usize) -> Result<(), String> {
        views::accepts(rows)
    }
}
