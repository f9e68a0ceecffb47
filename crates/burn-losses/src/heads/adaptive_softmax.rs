//! Adaptive softmax.

mod clusters;

use super::layer::{HeadLayer, layer_methods};
use super::sampler::Draws;
use super::{HeadLoss, WeightInitializer, parameters};
use crate::engine::heads::{self, Head, Labels, Parameters, Scaling, Targets};
use crate::engine::machine::has_kernels;
use crate::engine::primitives::order_statistics::argmax;
use crate::engine::primitives::softmax::log_softmax_of_rows;
use crate::error::{ConfigError, expect};
use crate::field::ClassCounts;
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments};
use burn::module::Param;
use burn::tensor::{Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};
use clusters::{Cluster, log_p_of, of_own_rows};

/// Adaptive softmax (Grave et al. 2017, [arXiv 1609.04309](https://arxiv.org/abs/1609.04309)): frequent classes first, rare ones in
/// clusters with smaller vectors.
///
/// # Formula
/// ```text
/// -ln p_head(y)                                  y before the first cutoff
/// -ln p_head(cluster k) - ln p_k(y in cluster)   y in cluster k
/// ```
/// `p_head` is the softmax of `W x + b` over the classes before the first cutoff and one entry for each cluster; `p_k` is the softmax
/// of `T_k P_k x` over the classes of cluster k, where P_k makes vectors of `embedding_dim / div_value^k` numbers (rounded down, at
/// least 1; k from 1).
///
/// # When to use
/// For language models with a large vocabulary whose words are numbered by falling frequency: most words need the head alone, so a
/// step takes a fraction of the time of the full softmax, and the probabilities are exact.
/// [`check_counts`](AdaptiveSoftmaxLossConfig::check_counts) says whether the classes are in that order. Where memory alone is the
/// problem take [`SoftmaxLoss`](super::SoftmaxLoss) in chunks, for training on samples of the classes
/// [`SampledSoftmaxLoss`](super::SampledSoftmaxLoss).
///
/// # Numerics
/// The logarithms are added, no probability is multiplied. On the CPU each cluster sees only its own rows. Elsewhere the labels are
/// not read, so each cluster sees all rows. A cluster without a row has the gradient 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{heads::AdaptiveSoftmaxLossConfig, prelude::*};
///
/// let device = Device::flex();
/// // 1000 words: the 100 most frequent ones, 300, and 600.
/// let head = AdaptiveSoftmaxLossConfig::new(1000, 64, [100, 400]).init(&device);
/// let embeddings = Tensor::<2>::ones([2, 64], &device);
/// let value = head.forward(embeddings.clone(), Tensor::<1, Int>::from_ints([3, 987], &device));
/// assert!(value.into_scalar::<f32>() > 0.0);
/// let log_p = head.log_probabilities(embeddings);
/// assert_eq!(log_p.dims(), [2, 1000]);
/// assert!((log_p.exp().sum().into_scalar::<f32>() - 2.0).abs() < 1e-4);
/// ```
///
/// # Elsewhere
/// - `torch.nn.AdaptiveLogSoftmaxWithLoss`: the same; its values are the negatives, and a cluster whose vectors would have no numbers
///   has one here.
/// - `fairseq.modules.AdaptiveSoftmax`: its `factor` is `div_value`; it has dropout, and can tie weights.
#[loss(heads, "adaptive_softmax", "Exact softmax with clusters of rare classes, for large vocabularies")]
pub struct AdaptiveSoftmaxLoss {
    config: AdaptiveSoftmaxLossConfig,
    #[module(flatten)]
    layer: HeadLayer,
    /// P_1, P_2, ..: one below the other.
    projections: Param<Tensor<2>>,
    /// T_1, T_2, ..: one row per class, one after the other.
    tails: Param<Tensor<1>>,
}

/// Config of [`AdaptiveSoftmaxLoss`].
#[loss_config(check = check)]
pub struct AdaptiveSoftmaxLossConfig {
    /// The number of classes.
    #[field(example = 10, range = ">= 2")]
    pub num_classes: usize,
    /// The size of the embeddings: the columns of the weight.
    #[field(example = 16, range = ">= 1")]
    pub embedding_dim: usize,
    /// The first class of each cluster, in rising order: the classes before the first cutoff are the head.
    #[field(example = vec![1, 2], range = ">= 1")]
    pub cutoffs: Vec<usize>,
    /// The factor by which the embedding size shrinks from one cluster to the next.
    #[field(default = 4.0, range = ">= 1")]
    pub div_value: f64,
    /// Whether the head has a bias.
    #[field(default = false)]
    pub head_bias: bool,
    /// The initializer of the weights.
    #[field(default = WeightInitializer::XavierUniform)]
    pub initializer: WeightInitializer,
    /// The label to ignore.
    #[field(default = None)]
    pub ignore_index: Option<i64>,
}

fn check(config: &AdaptiveSoftmaxLossConfig) -> Result<(), ConfigError> {
    let AdaptiveSoftmaxLossConfig { cutoffs, num_classes, .. } = config;
    let rises = cutoffs.windows(2).all(|pair| pair[0] < pair[1]);
    if rises && cutoffs.last().is_some_and(|last| last < num_classes) {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss: "adaptive_softmax",
        field: "cutoffs".into(),
        value: format!("{cutoffs:?}"),
        allowed: format!("classes in rising order, each below `num_classes`, which is {num_classes}"),
    })
}

impl AdaptiveSoftmaxLossConfig {
    fn build(&self, device: &Device) -> AdaptiveSoftmaxLoss {
        let clusters = self.clusters();
        let rows = self.cutoffs[0] + clusters.len();
        let new = |rows, columns| self.initializer.init(rows, columns, device).val();
        let projections = clusters.iter().map(|cluster| new(cluster.size, self.embedding_dim));
        let tails = clusters.iter().map(|cluster| new(cluster.classes, cluster.size).reshape([-1]));
        let weight = self.initializer.init(rows, self.embedding_dim, device);
        let draws = Draws::of_classes(self.num_classes);
        AdaptiveSoftmaxLoss {
            config: self.clone(),
            layer: HeadLayer::plain(weight, draws, self.ignore_index, device).with_bias(self.head_bias, rows, device),
            projections: Param::from_tensor(Tensor::cat(projections.collect(), 0).detach()),
            tails: Param::from_tensor(Tensor::cat(tails.collect(), 0).detach()),
        }
    }

    /// Whether the classes are in the order that the clusters need: none of them is more frequent than one before it.
    ///
    /// # Errors
    /// If there is not one count per class, or a count is larger than the one before it.
    pub fn check_counts(&self, counts: &ClassCounts) -> Result<(), ConfigError> {
        let wrong = |value: String, allowed: String| {
            Err(ConfigError::InvalidValue { loss: "adaptive_softmax", field: "counts".into(), value, allowed })
        };
        let counts = counts.counts();
        if counts.len() != self.num_classes {
            let allowed = format!("one number per class: `num_classes` is {}", self.num_classes);
            return wrong(format!("{} numbers", counts.len()), allowed);
        }
        match counts.windows(2).position(|pair| pair[0] < pair[1]) {
            None => Ok(()),
            Some(at) => wrong(
                format!("{} for class {} after {} for class {at}", counts[at + 1], at + 1, counts[at]),
                "counts that do not rise: number the classes by falling frequency".into(),
            ),
        }
    }
}

impl HeadLoss for AdaptiveSoftmaxLoss {
    fn num_classes(&self) -> usize {
        self.config.num_classes
    }
    layer_methods!();
    fn more_parameters(&self) -> Vec<Argument> {
        let (projections, tails) = (self.projections.dims(), self.tails.dims());
        vec![Argument::parameter("projections", &projections), Argument::parameter("tails", &tails)]
    }
    fn with_more_parameters(mut self, arguments: &mut Arguments<'_>) -> Self {
        if let Some(projections) = arguments.optional_float("projections") {
            self.projections = Param::from_tensor(projections);
        }
        if let Some(tails) = arguments.optional_float("tails") {
            self.tails = Param::from_tensor(tails);
        }
        self
    }
    /// The logarithms of the probabilities, whose softmax are the probabilities.
    fn logits(&self, embeddings: Tensor<2>) -> Tensor<2> {
        self.log_probabilities(embeddings)
    }
    fn has_own_values(&self) -> bool {
        true
    }
    fn values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Unreduced<1> {
        if embeddings.dims()[0] == 0 {
            return heads::values(self, parameters, embeddings, labels);
        }
        let (embeddings, targets) = Targets::new(self, embeddings, labels);
        let (labels, first) = (targets.safe.clone(), self.config.cutoffs[0]);
        let clusters = self.clusters_like(&embeddings);
        let of_head = head_logits(parameters, embeddings.clone());
        // The entry of the head: the class itself, or its cluster.
        let mut entries = labels.clone();
        for (Cluster { number, first: from, .. }, _) in &clusters {
            let is_later = labels.clone().greater_equal_elem(*from as i64);
            entries = entries.mask_fill(is_later, (first + number) as i64);
        }
        let log_p = log_p_of(of_head, entries);
        let log_p = if has_kernels(&embeddings) {
            log_p + of_own_rows(&clusters, &embeddings, &labels)
        } else {
            clusters.iter().fold(log_p, |log_p, (cluster, weights)| {
                let (from, last) = (cluster.first as i64, cluster.classes as i64 - 1);
                let within = labels.clone() - from;
                let is_other = within.clone().lower_elem(0).bool_or(within.clone().greater_elem(last));
                let of_cluster = weights.logits(embeddings.clone());
                log_p + log_p_of(of_cluster, within.mask_fill(is_other.clone(), 0)).mask_fill(is_other, 0.0)
            })
        };
        targets.finish(-log_p)
    }
}

impl Head for AdaptiveSoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}

fn head_logits(Parameters { weight, bias }: Parameters, embeddings: Tensor<2>) -> Tensor<2> {
    let (rows, entries) = (embeddings.dims()[0], weight.dims()[0]);
    let logits = embeddings.clone().matmul(weight.cast(embeddings.dtype()).transpose());
    match bias {
        None => logits,
        Some(bias) => logits + bias.cast(embeddings.dtype()).unsqueeze::<2>().expand([rows, entries]),
    }
}

impl AdaptiveSoftmaxLoss {
    /// The logarithm of the probability of every class.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - output: `[N, C]`
    ///
    /// # Panics
    /// With the message of the error of `check`, of the embeddings alone.
    #[track_caller]
    pub fn log_probabilities(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let reference = crate::check::Reference { loss: self.kind(), name: "embeddings", tensor: &embeddings };
        expect(heads::check(self, &parameters(self), reference, None, &Extras::new()));
        let embeddings = crate::check::widen(embeddings);
        let (rows, first) = (embeddings.dims()[0], self.config.cutoffs[0]);
        let of_head = log_softmax_of_rows(head_logits(parameters(self), embeddings.clone()));
        let mut all = vec![of_head.clone().narrow(1, 0, first)];
        for (Cluster { number, classes, .. }, weights) in self.clusters_like(&embeddings) {
            let of_cluster = of_head.clone().narrow(1, first + number, 1).expand([rows, classes]);
            all.push(log_softmax_of_rows(weights.logits(embeddings.clone())) + of_cluster);
        }
        Tensor::cat(all, 1)
    }

    /// The most probable class of each row: `[N]`.
    ///
    /// # Panics
    /// As [`log_probabilities`](Self::log_probabilities).
    #[track_caller]
    pub fn predict(&self, embeddings: Tensor<2>) -> Tensor<1, Int> {
        argmax(self.log_probabilities(embeddings).detach())
    }

    /// The projections of the clusters, one below the other: the vectors of cluster k have `embedding_dim / div_value^k` numbers.
    pub fn projections(&self) -> Tensor<2> {
        self.projections.val()
    }

    /// The vectors of the classes of the clusters, row by row, one cluster after the other.
    pub fn tails(&self) -> Tensor<1> {
        self.tails.val()
    }

    /// The head with other parameters of the clusters, of the same shapes, as new parameters.
    ///
    /// # Panics
    /// If a shape differs.
    #[track_caller]
    pub fn with_clusters(self, projections: Tensor<2>, tails: Tensor<1>) -> Self {
        assert_eq!(projections.dims(), self.projections.dims(), "{}: the shape of the projections", self.kind());
        assert_eq!(tails.dims(), self.tails.dims(), "{}: the shape of the tails", self.kind());
        Self { projections: Param::from_tensor(projections), tails: Param::from_tensor(tails), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::machine::with_tensor_operations;
    use crate::engine::primitives::gather::gather;
    use burn::tensor::Distribution;

    fn head() -> AdaptiveSoftmaxLoss {
        AdaptiveSoftmaxLossConfig::new(7, 4, [2, 4]).with_div_value(2.0).with_head_bias(true).init(&Device::flex())
    }

    /// Each value is the logarithm of the class among all probabilities, whether the labels are read or not.
    #[test]
    fn values_are_those_of_all_probabilities() {
        let head = head();
        let embeddings = Tensor::<2>::random([5, 4], Distribution::Normal(0.0, 3.0), &Device::flex());
        let labels = || Tensor::<1, Int>::from_ints([0, 6, 3, 1, 4], &Device::flex());
        let log_p = head.log_probabilities(embeddings.clone());
        let sums: Vec<f32> = log_p.clone().exp().sum_dim(1).into_data().try_to_vec().unwrap();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{sums:?}");
        let expected: Vec<f32> = (-gather(log_p.clone(), labels())).into_data().try_to_vec().unwrap();
        let values = |_: ()| -> Vec<f32> {
            head.forward_no_reduction(embeddings.clone(), labels()).into_data().try_to_vec().unwrap()
        };
        for values in [values(()), with_tensor_operations(|| values(()))] {
            assert!(values.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{values:?} {expected:?}");
        }
        let predicted: Vec<i64> = head.predict(embeddings).into_data().iter().collect();
        let best: Vec<i64> = log_p.argmax(1).into_data().iter().collect();
        assert_eq!(predicted, best);
    }

    /// A batch without a word of a cluster trains the head, and leaves the cluster as it is.
    #[test]
    fn a_cluster_without_rows_has_no_slope() {
        let device = Device::flex().autodiff();
        let head = AdaptiveSoftmaxLossConfig::new(7, 4, [2, 4]).init(&device);
        let embeddings = Tensor::<2>::ones([2, 4], &device).require_grad();
        let value = head.forward(embeddings.clone(), Tensor::<1, Int>::from_ints([0, 1], &device));
        let gradients = value.backward();
        let is_zero = |gradient: Option<Tensor<2>>| {
            gradient.is_none_or(|gradient| gradient.abs().max().into_scalar::<f32>() == 0.0)
        };
        assert!(is_zero(head.projections().grad(&gradients)));
        assert!(!is_zero(head.weight().grad(&gradients)) && !is_zero(embeddings.grad(&gradients)));
    }

    #[test]
    fn cutoffs_and_counts_are_checked() {
        let new = |cutoffs: Vec<usize>| AdaptiveSoftmaxLossConfig::new(10, 4, cutoffs);
        for cutoffs in [vec![4, 4], vec![5, 2], vec![10], vec![2, 11]] {
            let error = new(cutoffs.clone()).validate().unwrap_err().to_string();
            let expected = format!(
                "adaptive_softmax: `cutoffs` is {cutoffs:?}, allowed: classes in rising order, each below `num_classes`, which is 10"
            );
            assert_eq!(error, expected);
        }
        let config = AdaptiveSoftmaxLossConfig::new(3, 4, [1, 2]);
        assert!(config.check_counts(&ClassCounts::from_labels([0, 0, 1, 1, 2])).is_ok());
        let error = config.check_counts(&ClassCounts::from_labels([0, 1, 2, 2])).unwrap_err().to_string();
        assert!(error.contains("2 for class 2 after 1 for class 1"), "{error}");
        assert!(config.check_counts(&ClassCounts::from_labels([0, 1])).is_err());
    }
}
