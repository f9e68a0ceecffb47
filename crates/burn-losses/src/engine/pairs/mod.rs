//! The executor of pairs: it takes the scores of an anchor with all rows, and gives one value per anchor.

pub(crate) mod anchors;
#[cfg(feature = "cube")]
pub(super) mod cube;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;
pub(crate) mod queue;
mod squares;
mod triplets;

use super::any_tensor::AnyTensor;
use super::machine;
use super::primitives::l2_normalize::l2_normalize;
use super::primitives::labels::same_label;
use super::primitives::order_statistics::argmax_where;
use crate::formula::inlined::{expect_inlined, note};
use crate::formula::{Anchor, AnchorFormula, Counts, Earlier, EarlierRows, Partners, Score, Triplets};
use crate::reduction::Unreduced;
use anchors::{Anchors, LEAST, NeededPartners, Pairs, keep_where, log_sum_exp, mask_to_float, similarities, sums};
use burn::tensor::{Bool, Int, Tensor};

impl<F: AnchorFormula> Anchors for F {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        values(self, embeddings, labels, mask)
    }

    fn accepts(&self, _: usize, size: usize) -> Result<(), String> {
        self.earlier().map_or(Ok(()), |earlier| earlier.accepts(size))
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        AnchorFormula::earlier(self)
    }

    fn partners(&self) -> NeededPartners {
        match self.counts() {
            Counts::One => NeededPartners::Nobody,
            Counts::Pairs => NeededPartners::Any,
            // Without a negative there is nothing to tell the positives apart from.
            _ => NeededPartners::Both,
        }
    }

    fn compares_cosines(&self) -> bool {
        match self.score() {
            Score::Precomputed => false,
            Score::Cosine => true,
            Score::Distance(distance, normalize) => distance.compares_directions(normalize),
        }
    }
}

/// A call of the executor: rows, the rows that each of them is compared with, and a formula of an anchor.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a PairKernel,
    pub(crate) with: With<'a>,
}

/// Which rows each row is compared with.
pub(crate) enum With<'a> {
    /// Embeddings `[N, E]`, each compared with all others.
    All { embeddings: AnyTensor, labels: &'a Tensor<1, Int> },
    /// Embeddings `[2 N, E]`, each compared with the other half. The score is the cosine times a factor, plus a term; both are
    /// `[1, 1]`.
    OtherHalf { embeddings: AnyTensor, labels: &'a Tensor<1, Int>, scaling: &'a [AnyTensor; 2] },
    /// Rows whose scores `[N, M]` with all columns are known already, and the labels of rows and columns. If both are the same
    /// rows (`is_same`), no row is compared with itself.
    Scores { scores: AnyTensor, labels: [&'a Tensor<1, Int>; 2], is_same: bool },
}

/// The result of a call: the values `[N]`, and the normalizer of each.
pub(crate) struct Outcome {
    pub(crate) values: AnyTensor,
    pub(crate) normalizer: AnyTensor,
}

/// An [`AnchorFormula`] as the machines of the fused engine run it.
pub(crate) struct PairKernel {
    #[cfg(feature = "cpu-engine")]
    host: Box<dyn host::Kernel>,
    #[cfg(feature = "cube")]
    record: Box<dyn cube::Record>,
}

impl PairKernel {
    fn run(formula: &impl AnchorFormula, with: With<'_>) -> Option<Unreduced<1>> {
        expect_inlined(formula, |formula, x| {
            let y = formula.term_with(Partners::Positives, formula.exponent(Partners::Negatives, x), x);
            note();
            y
        });
        let kernel = Self {
            #[cfg(feature = "cpu-engine")]
            host: Box::new(formula.clone()),
            #[cfg(feature = "cube")]
            record: Box::new(formula.clone()),
        };
        let call = Call { kernel: &kernel, with };
        let (With::All { embeddings: rows, .. }
        | With::OtherHalf { embeddings: rows, .. }
        | With::Scores { scores: rows, .. }) = &call.with;
        let Outcome { values, normalizer } = machine::run("pairs", rows, |machine| machine.pairs(&call))?;
        Some(Unreduced { values: values.into_rank(), normalizer: Some(normalizer.into_rank()) })
    }
}

/// The values of embeddings in single or double precision; a masked row is no partner of any row.
pub(crate) fn values(
    formula: &impl AnchorFormula,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let (distance, normalize) = match formula.score() {
        Score::Precomputed => panic!(
            "an `AnchorFormula` whose score is `Score::Precomputed` takes scores, not embeddings; allowed here are `Score::Cosine` and \
             `Score::Distance`"
        ),
        Score::Cosine => (None, true),
        Score::Distance(distance, normalize) => (Some(distance), normalize),
    };
    let ready = |rows: Tensor<2>| if normalize { l2_normalize(rows) } else { rows };
    let scores = |rows: Tensor<2>| match distance {
        None => similarities(rows),
        Some(distance) => distance.matrix(ready(rows)),
    };
    if let Some(earlier) = AnchorFormula::earlier(formula) {
        let between = |rows: Tensor<2>, others: Tensor<2>| match distance {
            None => ready(rows).matmul(ready(others).transpose()),
            Some(distance) => distance.between(ready(rows), ready(others)),
        };
        return with_earlier(formula, earlier, (scores, between), embeddings, labels, mask);
    }
    let with = With::All { embeddings: (&embeddings).into(), labels: &labels };
    let reads_embeddings = machine::reads_for_free(&embeddings);
    if mask.is_none()
        && reads_embeddings
        && let Some(values) = PairKernel::run(formula, with)
    {
        return values;
    }
    let scores = scores(embeddings);
    let with = With::Scores { scores: (&scores).into(), labels: [&labels, &labels], is_same: true };
    if mask.is_none()
        && !reads_embeddings
        && let Some(values) = PairKernel::run(formula, with)
    {
        return values;
    }
    of_pairs(formula, scores, Pairs::from_labels(labels, mask))
}

/// The negatives in a batch, or none of them if all negatives are of earlier batches. An empty memory leaves them to the batch.
pub(crate) fn own_negatives(own: Tensor<2, Bool>, filled: &Tensor<1, Bool>, are_all: bool) -> Tensor<2, Bool> {
    if !are_all {
        return own;
    }
    let is_empty = filled.clone().any().bool_not().unsqueeze::<2>().expand(own.dims());
    own.bool_and(is_empty)
}

/// The values of embeddings that are compared with each other and with the rows of earlier batches. The scores are those of a batch
/// with itself, and of a batch with other rows.
fn with_earlier(
    formula: &impl AnchorFormula,
    earlier: &dyn EarlierRows,
    (scores, between): (impl Fn(Tensor<2>) -> Tensor<2>, impl Fn(Tensor<2>, Tensor<2>) -> Tensor<2>),
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let Earlier { rows, labels: known, filled, are_all_negatives } = earlier.rows(&embeddings, mask);
    let shape = [embeddings.dims()[0], rows.dims()[0]];
    let own = Pairs::from_labels(labels.clone(), mask);
    let mut there = filled.clone().unsqueeze::<2>().expand(shape);
    if let Some(mask) = mask {
        there = there.bool_and(mask.clone().unsqueeze_dim::<2>(1).expand(shape));
    }
    let same = same_label(labels.clone(), known);
    let own_negatives = own_negatives(own.negative, &filled, are_all_negatives);
    let pairs = Pairs {
        positive: Tensor::cat(vec![own.positive, same.clone().bool_and(there.clone())], 1),
        negative: Tensor::cat(vec![own_negatives, same.bool_not().bool_and(there)], 1),
    };
    let scores = Tensor::cat(vec![scores(embeddings.clone()), between(embeddings.clone(), rows)], 1);
    earlier.after_step(&embeddings, &labels, mask);
    of_pairs(formula, scores, pairs)
}

/// The values of embeddings that are each compared with the other half. The score is the cosine times a factor, plus a term; both
/// are `[1, 1]`.
pub(crate) fn of_views(
    formula: &impl AnchorFormula,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    scaling: [Tensor<2>; 2],
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let any_scaling = scaling.each_ref().map(AnyTensor::from);
    let with = With::OtherHalf { embeddings: (&embeddings).into(), labels: &labels, scaling: &any_scaling };
    if mask.is_none()
        && machine::reads_for_free(&embeddings)
        && let Some(values) = PairKernel::run(formula, with)
    {
        return values;
    }
    let half = labels.dims()[0] / 2;
    let unit = l2_normalize(embeddings);
    let [first, second] = [0, half].map(|start| unit.clone().narrow(0, start, half));
    let [first_labels, second_labels] = [0, half].map(|start| labels.clone().narrow(0, start, half));
    let [factor, term] = scaling.map(|number| number.expand([half, half]));
    let scores = first.matmul(second.transpose()) * factor + term;
    let valid = mask.map(|mask| [0, half].map(|start| mask.clone().narrow(0, start, half)));
    let swapped = valid.clone().map(|[first, second]| [second, first]);
    let rows = of_scores(formula, scores.clone(), [first_labels.clone(), second_labels.clone()], valid);
    let columns = of_scores(formula, scores.transpose(), [second_labels, first_labels], swapped);
    let normalizer = rows.normalizer.zip(columns.normalizer).map(|(rows, columns)| Tensor::cat(vec![rows, columns], 0));
    Unreduced { values: Tensor::cat(vec![rows.values, columns.values], 0), normalizer }
}

/// The values of rows whose scores with all columns are given: a column with the label of a row is a positive of it. Rows and
/// columns may be masked.
pub(crate) fn of_scores(
    formula: &impl AnchorFormula,
    scores: Tensor<2>,
    [rows, columns]: [Tensor<1, Int>; 2],
    valid: Option<[Tensor<1, Bool>; 2]>,
) -> Unreduced<1> {
    let with = With::Scores { scores: (&scores).into(), labels: [&rows, &columns], is_same: false };
    if valid.is_none()
        && let Some(values) = PairKernel::run(formula, with)
    {
        return values;
    }
    of_pairs(formula, scores, Pairs::between([rows, columns], valid))
}

/// The values of rows whose scores with all columns are given, and whose positives and negatives are.
pub(crate) fn of_pairs<F: AnchorFormula>(formula: &F, scores: Tensor<2>, pairs: Pairs) -> Unreduced<1> {
    let mut all = All { formula, scores, pairs, triplets: None };
    let values = formula.eval(&mut all);
    let All { scores, pairs, triplets, .. } = all;
    let [triplets, active_triplets] = triplets.unwrap_or_else(|| core::array::from_fn(|_| values.zeros_like()));
    let number = |mask: Tensor<2, Bool>| mask_to_float(mask, &scores).sum_dim(1).squeeze_dim::<1>(1);
    match formula.counts() {
        Counts::One => values.into(),
        Counts::Pairs => Unreduced { values, normalizer: Some(number(pairs.positive.bool_or(pairs.negative))) },
        Counts::Positives => Unreduced { values, normalizer: Some(number(pairs.positive)) },
        Counts::WithPositive => keep_where(values, pairs.has_partners().0),
        Counts::WithBoth => keep_where(values, pairs.has_both()),
        Counts::Active => {
            // A NaN counts, so that it stays visible.
            let active = values.clone().detach().lower_equal_scalar(0.0).bool_not();
            let complete = pairs.has_both();
            let normalizer = keep_where(values.clone(), complete.clone().bool_and(active)).normalizer;
            Unreduced { values: keep_where(values, complete).values, normalizer }
        }
        Counts::Triplets => Unreduced { values, normalizer: Some(triplets) },
        Counts::ActiveTriplets => Unreduced { values, normalizer: Some(active_triplets) },
    }
}

/// All anchors at once, as tensors: the row that a formula of an anchor sees.
struct All<'a, F> {
    formula: &'a F,
    scores: Tensor<2>,
    pairs: Pairs,
    /// How many triplets each anchor has, and how many of these have a term that is not 0.
    triplets: Option<[Tensor<1>; 2]>,
}

impl<F> All<'_, F> {
    fn mask(&self, partners: Partners) -> Tensor<2, Bool> {
        let Pairs { positive, negative } = self.pairs.clone();
        match partners {
            Partners::Positives => positive,
            Partners::Negatives => negative,
            Partners::All => positive.bool_or(negative),
        }
    }

    /// The scores of the partners, and 0 in place of the others, so that no slope of the others is infinite.
    fn scores_of(&self, partners: Partners) -> Tensor<2> {
        self.scores.clone().mask_fill(self.mask(partners).bool_not(), 0.0)
    }

    /// The largest of the scores times `sign`, the first one at ties: only that score gets the gradient.
    fn extreme(&self, partners: Partners, sign: f64) -> Tensor<1> {
        let partners = self.mask(partners);
        let place = argmax_where(self.scores.clone().detach() * sign, partners.clone());
        let found = self.scores.clone().gather(1, place.unsqueeze_dim(1));
        found.mask_fill(partners.bool_not().all_dim(1), LEAST * sign).squeeze_dim(1)
    }
}

impl<F: AnchorFormula> Anchor for All<'_, F> {
    type Number = Tensor<1>;

    fn log_sum_exp(&mut self, partners: Partners) -> Tensor<1> {
        log_sum_exp(self.formula.exponent(partners, self.scores.clone()), self.mask(partners))
    }
    fn sum(&mut self, partners: Partners) -> Tensor<1> {
        sums(self.formula.term(partners, self.scores_of(partners)), self.mask(partners))
    }
    fn mean(&mut self, partners: Partners) -> Tensor<1> {
        let count = mask_to_float(self.mask(partners), &self.scores).sum_dim(1).squeeze_dim::<1>(1);
        self.sum(partners) / count.clamp_min(1.0)
    }
    fn sum_with(&mut self, partners: Partners, other: Tensor<1>) -> Tensor<1> {
        let other = other.unsqueeze_dim::<2>(1).expand(self.scores.dims());
        let other = other.mask_fill(self.mask(partners).bool_not(), 0.0);
        sums(self.formula.term_with(partners, self.scores_of(partners), other), self.mask(partners))
    }
    fn largest(&mut self, partners: Partners) -> Tensor<1> {
        self.extreme(partners, 1.0)
    }
    fn smallest(&mut self, partners: Partners) -> Tensor<1> {
        self.extreme(partners, -1.0)
    }
    fn triplets(&mut self, chosen: Triplets) -> Tensor<1> {
        let (sum, counts) = triplets::sum(self.formula, self.scores.clone(), &self.pairs, chosen);
        self.triplets = Some(counts);
        sum
    }
}
