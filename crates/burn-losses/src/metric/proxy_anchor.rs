//! Proxy anchor loss.

use super::{MetricLoss, accepts_size};
use crate::engine::pairs::anchors::{Anchors, NeededPartners};
use crate::engine::primitives::labels::{is_out_of_range, widen_labels, without_class};
use crate::engine::primitives::proxies;
use crate::options::WeightInitializer;
use crate::reduction::Unreduced;
use crate::signature::Argument;
use burn::module::Param;
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};

/// Proxy anchor loss (Kim et al. 2020, [arXiv 2003.13911](https://arxiv.org/abs/2003.13911)).
///
/// # Formula
/// With a proxy p for each of the C classes, and P+ the classes that are in the batch,
/// ```text
/// 1/|P+| sum_(p in P+) ln(1 + sum_(x of p) e^(-alpha (cos - margin)))  +  1/C sum_p ln(1 + sum_(x not of p) e^(alpha (cos + margin)))
/// ```
/// is the mean of the batch. The value of one row is N times its share of it: each logarithm is split among the rows of its sum in
/// proportion to their exponentials; the shares have no gradient.
///
/// # When to use
/// For retrieval and fine-grained recognition with a fixed list of classes and small batches: rows are compared with the proxies
/// of all classes, so it converges fast and needs no mining. Where classes are unknown or too many, take
/// [`MultiSimilarityLoss`](super::MultiSimilarityLoss) or [`TripletLoss`](super::TripletLoss); where rows are to be classified as
/// well, [`ArcfaceLoss`](crate::heads::ArcfaceLoss).
///
/// # Numerics
/// A row whose label is out of range has the value NaN.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::ProxyAnchorLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = ProxyAnchorLossConfig::new(3, 2).init(&device);
/// let value = loss.forward(Tensor::ones([2, 2], &device), Tensor::<1, Int>::from_ints([0, 2], &device));
/// assert!(value.into_scalar::<f32>() > 0.0);
/// ```
///
/// # Elsewhere
/// - `pytorch_metric_learning.losses.ProxyAnchorLoss`: the same.
#[loss(metric, "proxy_anchor", "One learned proxy per class attracts its rows and repels all others")]
pub struct ProxyAnchorLoss {
    config: ProxyAnchorLossConfig,
    /// One row per class.
    proxies: Param<Tensor<2>>,
}

/// Config of [`ProxyAnchorLoss`].
#[loss_config]
pub struct ProxyAnchorLossConfig {
    /// The number of classes.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The margin of the cosines (the paper's delta).
    #[field(default = 0.1, range = ">= 0")]
    pub margin: f64,
    /// How strongly hard rows are emphasized.
    #[field(default = 32.0, range = "> 0")]
    pub alpha: f64,
    /// The initializer of the proxies.
    #[field(default = WeightInitializer::XavierNormal)]
    pub initializer: WeightInitializer,
}

impl ProxyAnchorLossConfig {
    fn build(&self, device: &Device) -> ProxyAnchorLoss {
        ProxyAnchorLoss {
            config: self.clone(),
            proxies: self.initializer.init(self.num_classes, self.embedding_dim, device),
        }
    }
}

impl ProxyAnchorLoss {
    /// The proxies as they are now: `[num_classes, embedding_dim]`.
    pub fn proxies(&self) -> Tensor<2> {
        self.proxies.val()
    }

    /// The loss with other proxies of the same shape, as a new parameter.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn with_proxies(mut self, proxies: Tensor<2>) -> Self {
        assert_eq!(proxies.dims(), self.proxies.dims(), "proxy_anchor: the shape of the proxies");
        self.proxies = Param::from_tensor(proxies);
        self
    }
}

impl MetricLoss for ProxyAnchorLoss {
    fn class_vectors(&self) -> Option<(Argument, Tensor<2>)> {
        let proxies = self.proxies();
        Some((Argument::parameter("proxies", &proxies.dims()), proxies))
    }

    fn with_class_vectors(self, proxies: Tensor<2>) -> Self {
        self.with_proxies(proxies)
    }
}

impl Anchors for ProxyAnchorLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let labels = widen_labels(without_class(labels, mask));
        let ProxyAnchorLossConfig { margin, alpha, num_classes, .. } = self.config;
        let proxies = self.proxies().cast(embeddings.dtype());
        let outside = is_out_of_range(&labels, num_classes);
        proxies::values(proxies, embeddings, labels, mask, [margin, alpha]).mask_fill(outside, f64::NAN).into()
    }

    fn accepts(&self, _: usize, size: usize) -> Result<(), String> {
        accepts_size(self.config.embedding_dim, size)
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::Nobody
    }

    fn compares_cosines(&self) -> bool {
        true
    }
}
