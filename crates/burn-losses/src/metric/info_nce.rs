//! InfoNCE.

mod queries;

use super::MetricLoss;
use super::views;
use crate::engine::clean_weightless;
use crate::engine::pairs::anchors::{Anchors, NeededPartners, Pairs};
use crate::engine::pairs::queue::Queue;
use crate::engine::pairs::{self, own_negatives};
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::formula::{Anchor, AnchorFormula, Counts, Earlier, EarlierRows, Partners, Real, Score};
use crate::options::Memory;
use crate::reduction::Unreduced;
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{loss, loss_config};
pub use queries::Candidates;

/// InfoNCE (van den Oord et al. 2018, [arXiv 1807.03748](https://arxiv.org/abs/1807.03748)): each query identifies its key among all
/// keys. It is the in-batch softmax of retrieval, and with keys of earlier batches the loss of MoCo (He et al. 2020,
/// [arXiv 1911.05722](https://arxiv.org/abs/1911.05722)).
///
/// # Formula
/// ```text
/// -ln(e^(s_ii) / sum_j e^(s_ij))      s_ij = cos(q_i, k_j) / temperature - log_q_j
/// ```
/// for the queries q and the keys k, of which the key i belongs to the query i; without `normalize`, the cosine is a dot product. With
/// `both_ways` the value is the mean with the loss of the key among all queries, as in [`ClipLoss`](super::ClipLoss) with a fixed scale.
/// With `parts`, the batch is cut into that many parts of the same size, one after the other, and the sum runs over the keys of the
/// part of i.
///
/// [`forward_queries`](Self::forward_queries) takes queries and keys; [`forward_queries_with`](Self::forward_queries_with) also their
/// [`Candidates`]: the logarithms `log_q` of the probabilities with which keys get into a batch, and `ids`. Keys of equal ids are no
/// negatives of each other's queries (`remove_accidental_hits`). [`forward_with_negatives`](Self::forward_with_negatives) takes
/// negatives `[M, E]` that all queries share; there the keys of the other queries are no negatives, and the memory is not used.
///
/// With `memory`, keys of earlier batches are further negatives, in the direction from queries to keys. In training the keys of a batch
/// are added after its loss; with `from = "given"`, by [`enqueue`](MetricLoss::enqueue), as MoCo adds those of its momentum encoder.
///
/// With embeddings and labels, the first half of the rows holds the queries, the second half the keys. The positives of a query are the
/// keys of its label; its value is the sum over its positives, and a mean counts positives. The rows of the keys have the value 0 and
/// do not count, unless the loss goes `both_ways`.
///
/// # When to use
/// For retrieval with two towers (queries and items, questions and documents), where only one direction is searched; and for
/// representations of predictive coding. With item frequencies that differ much, give `log_q`: without it, frequent items are pushed
/// away too often. For two modalities that are searched both ways take [`ClipLoss`](super::ClipLoss), whose temperature is learned; for
/// two views of one kind, [`NtXentLoss`](super::NtXentLoss).
///
/// # Numerics
/// It is computed as softplus(LSE of the negatives - s_ii), which keeps the digits of a small loss. A query without a negative, as in a
/// part of one row, has the value 0. `log_q` is subtracted, and only in the direction from queries to keys.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::metric::InfoNceLossConfig;
///
/// let device = Device::flex();
/// let loss = InfoNceLossConfig::new().with_temperature(1.0).init(&device);
/// let queries = Tensor::<2>::from_floats([[2.0, 0.0], [0.0, 3.0]], &device);
/// let keys = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
/// let value: f32 = loss.forward_queries(queries, keys).into_scalar();
/// assert!((value - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `tensorflow_recommenders.tasks.Retrieval`: with a temperature of 1 and `normalize = false` the same formula, summed over the
///   batch; `candidate_sampling_probability` is e^`log_q`.
/// - `mmpretrain.models.heads.ContrastiveHead`: one positive and negatives from a queue; its temperature is 0.1.
/// - `sentence_transformers.losses.MultipleNegativesRankingLoss`: with `scale` = 1 / temperature, 20 by default.
#[loss(metric, "info_nce", "InfoNCE: each query identifies its key among the keys of the batch (retrieval, MoCo)")]
pub struct InfoNceLoss {
    config: InfoNceLossConfig,
    memory: Option<Queue>,
}

/// Config of [`InfoNceLoss`].
#[loss_config]
pub struct InfoNceLossConfig {
    /// The divisor of the cosines or dot products.
    #[field(default = 0.07, range = "> 0")]
    pub temperature: f64,
    /// Whether queries and keys are L2-normalized first.
    #[field(default = true)]
    pub normalize: bool,
    /// Whether keys also identify their queries.
    #[field(default = false)]
    pub both_ways: bool,
    /// The number of equal parts that the batch is split into.
    #[field(default = 1, range = ">= 1")]
    pub parts: usize,
    /// Whether keys with the same label or id are excluded from the negatives.
    #[field(default = true)]
    pub remove_accidental_hits: bool,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl InfoNceLossConfig {
    fn build(&self, device: &Device) -> InfoNceLoss {
        InfoNceLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl InfoNceLoss {
    /// Checks that so many queries can be cut into parts.
    fn fits(&self, queries: usize) -> Result<(), String> {
        let parts = self.config.parts;
        if queries.is_multiple_of(parts) {
            Ok(())
        } else {
            Err(format!("a number of queries that `parts` = {parts} divides"))
        }
    }

    /// Rows as their scores are computed.
    fn ready(&self, rows: Tensor<2>) -> Tensor<2> {
        if self.config.normalize { l2_normalize(rows) } else { rows }
    }

    /// The scores of some rows with others.
    fn scores(&self, rows: Tensor<2>, others: Tensor<2>) -> Tensor<2> {
        rows.matmul(others.transpose()) * (1.0 / self.config.temperature)
    }

    /// The values of rows whose scores with all columns are given: a column with the label of a row is a positive of it. The rows may be
    /// compared with keys of earlier batches too: then they are given themselves, with their ids.
    fn values(
        &self,
        formula: &impl AnchorFormula,
        scores: Tensor<2>,
        labels: [Tensor<1, Int>; 2],
        valid: Option<[Tensor<1, Bool>; 2]>,
        earlier: Option<(&Earlier, Tensor<2>, Option<Tensor<1, Int>>)>,
    ) -> Unreduced<1> {
        let Some((earlier, rows, ids)) = earlier else { return pairs::of_scores(formula, scores, labels, valid) };
        let Earlier { rows: keys, labels: known, filled, are_all_negatives } = earlier.clone();
        let shape = [rows.dims()[0], keys.dims()[0]];
        let mut there = filled.clone().unsqueeze::<2>().expand(shape);
        if let Some(ids) = ids {
            let hits = ids.unsqueeze_dim::<2>(1).expand(shape).equal(known.unsqueeze::<2>().expand(shape));
            there = there.bool_and(hits.bool_not());
        }
        if let Some([valid, _]) = &valid {
            there = there.bool_and(valid.clone().unsqueeze_dim::<2>(1).expand(shape));
        }
        let own = Pairs::between(labels, valid);
        let never = there.clone().bool_and(there.clone().bool_not());
        let negatives = own_negatives(own.negative, &filled, are_all_negatives);
        let all = Pairs {
            positive: Tensor::cat(vec![own.positive, never], 1),
            negative: Tensor::cat(vec![negatives, there], 1),
        };
        let scores = Tensor::cat(vec![scores, self.scores(rows, self.ready(keys))], 1);
        pairs::of_pairs(formula, scores, all)
    }
}

/// The cross-entropy of each positive against the negatives.
#[derive(Debug, Clone)]
pub(super) struct OfNegatives;

impl AnchorFormula for OfNegatives {
    fn score(&self) -> Score {
        Score::Precomputed
    }

    #[inline(always)]
    fn term_with<R: Real>(&self, _: Partners, score: R, negatives: R) -> R {
        (negatives - score).softplus()
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let negatives = anchor.log_sum_exp(Partners::Negatives);
        anchor.sum_with(Partners::Positives, negatives)
    }

    fn counts(&self) -> Counts {
        Counts::Positives
    }
}

/// The cross-entropy of each positive against all others, the other positives among them.
#[derive(Debug, Clone)]
struct OfAll;

impl AnchorFormula for OfAll {
    fn score(&self) -> Score {
        Score::Precomputed
    }

    #[inline(always)]
    fn term_with<R: Real>(&self, _: Partners, score: R, all: R) -> R {
        all - score
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let all = anchor.log_sum_exp(Partners::All);
        anchor.sum_with(Partners::Positives, all)
    }

    fn counts(&self) -> Counts {
        Counts::Positives
    }
}

impl Anchors for InfoNceLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let half = labels.dims()[0] / 2;
        let size = half / self.config.parts;
        let keys = embeddings.clone().narrow(0, half, half);
        let earlier = self.memory.as_ref().map(|memory| memory.all(&keys));
        let embeddings = self.ready(embeddings);
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for start in (0..half).step_by(size) {
            let [queries, keys] = [start, half + start].map(|start| embeddings.clone().narrow(0, start, size));
            let [of_queries, of_keys] = [start, half + start].map(|start| labels.clone().narrow(0, start, size));
            let valid = mask.map(|mask| [start, half + start].map(|start| mask.clone().narrow(0, start, size)));
            let swapped = valid.clone().map(|[queries, keys]| [keys, queries]);
            let scores = self.scores(queries.clone(), keys);
            if self.config.both_ways {
                let labels = [of_keys.clone(), of_queries.clone()];
                backward.push(self.of_labels(scores.clone().transpose(), labels, swapped, None));
            }
            let ids = self.config.remove_accidental_hits.then(|| of_queries.clone());
            let earlier = earlier.as_ref().map(|earlier| (earlier, queries, ids));
            forward.push(self.of_labels(scores, [of_queries, of_keys], valid, earlier));
        }
        if !self.config.both_ways {
            let nothing = Tensor::zeros([half], (&embeddings.device(), embeddings.dtype()));
            backward.push(Unreduced { values: nothing.clone(), normalizer: Some(nothing) });
        }
        if let Some(memory) = &self.memory {
            let mask = mask.map(|mask| mask.clone().narrow(0, half, half));
            memory.after_step(&keys, &labels.narrow(0, half, half), mask.as_ref());
        }
        let parts = forward.into_iter().chain(backward);
        let (values, normalizers) =
            parts.map(|part| (part.values, part.normalizer.expect("positives are counted"))).unzip();
        Unreduced { values: Tensor::cat(values, 0), normalizer: Some(Tensor::cat(normalizers, 0)) }
    }

    fn accepts(&self, rows: usize, size: usize) -> Result<(), String> {
        views::accepts(rows)?;
        self.fits(rows / 2)?;
        self.memory.as_ref().map_or(Ok(()), |memory| memory.accepts(size))
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::OtherView
    }

    fn compares_cosines(&self) -> bool {
        self.config.normalize
    }

    /// A query is compared with keys alone, unless the loss goes both ways; a key is a negative of other queries.
    fn without_weightless(
        &self,
        embeddings: Tensor<2>,
        _: &Tensor<1, Int>,
        weightless: &Tensor<1, Bool>,
        _: Option<&Tensor<1, Bool>>,
    ) -> Tensor<2> {
        if self.config.both_ways {
            return embeddings;
        }
        let half = embeddings.dims()[0] / 2;
        let [queries, keys] = [0, half].map(|start| embeddings.clone().narrow(0, start, half));
        let queries = clean_weightless(queries, Some(&weightless.clone().narrow(0, 0, half)));
        Tensor::cat(vec![queries, keys], 0)
    }
}

impl InfoNceLoss {
    /// Like `values`; with accidental hits, the other positives of a row are its negatives too.
    fn of_labels(
        &self,
        scores: Tensor<2>,
        labels: [Tensor<1, Int>; 2],
        valid: Option<[Tensor<1, Bool>; 2]>,
        earlier: Option<(&Earlier, Tensor<2>, Option<Tensor<1, Int>>)>,
    ) -> Unreduced<1> {
        if self.config.remove_accidental_hits {
            self.values(&OfNegatives, scores, labels, valid, earlier)
        } else {
            self.values(&OfAll, scores, labels, valid, earlier)
        }
    }
}

impl MetricLoss for InfoNceLoss {
    fn tuples(&self) -> Vec<Signature> {
        queries::signatures()
    }

    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        queries::call(self, arguments, wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::ClipLossConfig;
    use crate::reduction::Extras;
    use burn::tensor::Device;

    fn views(device: &Device) -> [Tensor<2>; 2] {
        let queries = [[1.0, 0.2, 0.1], [-0.3, 0.8, 0.5], [0.9, -0.4, 0.3], [0.1, 0.7, -0.6]];
        let keys = [[0.8, 0.1, 0.3], [0.2, 0.9, 0.4], [0.7, -0.2, -0.5], [0.3, 0.5, -0.9]];
        [Tensor::from_floats(queries, device), Tensor::from_floats(keys, device)]
    }

    fn numbers(tensor: Tensor<1>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    fn assert_close(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} {expected:?}");
    }

    /// Both ways it is CLIP's loss with a fixed scale.
    #[test]
    fn both_ways_is_clip() {
        let device = Device::flex();
        let [queries, keys] = views(&device);
        let clip = ClipLossConfig::new().with_learned(false).with_temperature(0.3).init(&device);
        let loss = InfoNceLossConfig::new().with_both_ways(true).with_temperature(0.3).init(&device);
        let expected = numbers(clip.forward_views(queries.clone(), keys.clone()));
        assert_close(&numbers(loss.forward_queries(queries.clone(), keys.clone())), &expected);
        let (rows, labels) = views::joined(queries, keys);
        assert_close(&numbers(loss.forward(rows, labels)), &expected);
    }

    /// Each part is a batch of its own; a part of one row has nothing to tell apart.
    #[test]
    fn parts_are_batches() {
        let device = Device::flex();
        let [queries, keys] = views(&device);
        let run = |parts: usize, from: usize, rows: usize| {
            let loss = InfoNceLossConfig::new().with_parts(parts).init(&device);
            let [queries, keys] = [&queries, &keys].map(|all| all.clone().narrow(0, from, rows));
            numbers(loss.forward_queries_unreduced(queries, keys, Candidates::new(), Extras::new()).values)
        };
        assert_close(&run(2, 0, 4), &[run(1, 0, 2), run(1, 2, 2)].concat());
        assert_eq!(run(4, 0, 4), [0.0; 4]);
        let loss = InfoNceLossConfig::new().with_parts(3).init(&device);
        let error = loss.check_queries(&queries, &keys, &Candidates::new(), &Extras::new()).unwrap_err();
        let expected = "info_nce: `queries` has shape [4, 3], expected a number of queries that `parts` = 3 divides";
        assert_eq!(error.to_string(), expected);
    }

    /// The logarithm of a key's probability is subtracted: a frequent key is a weaker negative.
    #[test]
    fn log_q_is_subtracted() {
        let device = Device::flex();
        let ones = || Tensor::<2>::ones([2, 1], &device);
        let loss = InfoNceLossConfig::new().with_normalize(false).with_temperature(1.0).init(&device);
        let log_q = Tensor::<1>::from_floats([0.0, 2.0], &device);
        let values = loss.forward_queries_unreduced(ones(), ones(), Candidates::new().with_log_q(log_q), Extras::new());
        assert_close(&numbers(values.values), &[(-2f32).exp().ln_1p(), 2f32.exp().ln_1p()]);
    }

    /// Equal ids are no negatives, whether or not they stand at the positive's place.
    #[test]
    fn accidental_hits() {
        let device = Device::flex();
        let [queries, keys] = views(&device);
        let run = |remove: bool| {
            let loss = InfoNceLossConfig::new().with_remove_accidental_hits(remove).init(&device);
            let candidates = Candidates::new().with_ids(Tensor::from_ints([5, 5, 5, 5], &device));
            loss.forward_queries_with(queries.clone(), keys.clone(), candidates, Extras::new()).into_scalar::<f32>()
        };
        assert_eq!(run(true), 0.0);
        assert!(run(false) > 0.0);
    }

    /// Negatives that all queries share: the positives of other queries are none.
    #[test]
    fn shared_negatives() {
        let device = Device::flex();
        let ones = |rows: usize| Tensor::<2>::ones([rows, 2], &device);
        let loss = InfoNceLossConfig::new().init(&device);
        let value = loss.forward_with_negatives(ones(3), ones(3), ones(5)).into_scalar::<f32>();
        assert!((value - 6f32.ln()).abs() < 1e-5);
        assert_eq!(loss.forward_with_negatives(ones(3), ones(3), ones(0)).into_scalar::<f32>(), 0.0);
    }
}
