//! Embeddings and labels -> products or distances of all pairs -> value, for every anchor.
//!
//! The pass over an anchor's scores writes what its value changes by ([`anchor`]), and the backward pass turns these slopes, which belong
//! to pairs, into the gradient of the embeddings ([`vectors`]).

mod anchor;
mod pull;
mod squares;
mod vectors;

use super::in_pieces;
use super::lanes::{Float, MOST_LANES, dispatch_longest};
use super::memory::{Lent, Memory, Number, of_type, scaled_rows, tensor, unwritten};
use super::unit::dot;
use crate::engine::backward::{attach, like};
use crate::formula::{AnchorFormula, Score};
use crate::reduction::Unreduced;
use anchor::{RESULTS, Run, Side};
use burn::tensor::{Int, Tensor};
use core::array;
use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Mutex;
use vectors::{Against, Vectors};

/// Anchors that are looked at together.
const ANCHORS: usize = MOST_LANES;

/// The values `[N]` of `[N, E]`, in the graph of the embeddings. `None` where there is no kernel for these tensors.
pub(crate) fn values(
    formula: &impl AnchorFormula,
    embeddings: &Tensor<2>,
    labels: &Tensor<1, Int>,
) -> Option<Unreduced<1>> {
    if super::is_off() || formula.score() == Score::Given {
        return None;
    }
    of_type!(embeddings.dtype(), N => values_of::<N>(formula, embeddings, labels, Against::All, None))
}

/// The values of embeddings each of which is compared with the other half, by its cosine times a factor, plus a term; both `[1, 1]`.
/// `is_mutual`: a value is the sum of its pairs' terms, each the same for both of its rows.
pub(crate) fn of_views(
    formula: &impl AnchorFormula,
    embeddings: &Tensor<2>,
    labels: &Tensor<1, Int>,
    scaling: &[Tensor<2>; 2],
    is_mutual: bool,
) -> Option<Unreduced<1>> {
    if super::is_off() {
        return None;
    }
    let against = if is_mutual { Against::OtherHalfMutually } else { Against::OtherHalf };
    of_type!(embeddings.dtype(), N => values_of::<N>(formula, embeddings, labels, against, Some(scaling)))
}

/// The values of rows whose scores with all columns are given, in the graph of the scores.
pub(crate) fn of_scores(
    formula: &impl AnchorFormula,
    scores: &Tensor<2>,
    labels: [&Tensor<1, Int>; 2],
) -> Option<Unreduced<1>> {
    if super::is_off() {
        return None;
    }
    of_type!(scores.dtype(), N => of_scores_of::<N>(formula, scores, labels))
}

fn values_of<N: Number>(
    formula: &impl AnchorFormula,
    embeddings: &Tensor<2>,
    labels: &Tensor<1, Int>,
    against: Against,
    scaling: Option<&[Tensor<2>; 2]>,
) -> Option<Unreduced<1>> {
    let memory = Memory::of(embeddings)?;
    let mut room = Vec::new();
    let numbers = N::widen(memory.numbers::<N>()?, &mut room);
    let shape @ [count, _] = embeddings.dims();
    let vectors = Vectors::of(numbers, shape, formula.score(), against);
    let products = vectors.products();
    let number = |number: &Tensor<2>| number.clone().into_scalar::<f64>();
    let scales = scaling.map(|scaling| scaling.each_ref().map(number));
    let parents: Vec<_> = core::iter::once(embeddings).chain(scaling.into_iter().flatten()).cloned().collect();
    let needed: Vec<_> = parents.iter().map(Tensor::is_tracked).collect();

    let (is_same, is_mutual) = (against == Against::All, against == Against::OtherHalfMutually);
    let rows = if is_mutual { vectors.columns() } else { count };
    let mut results = Results::<N::Wide>::of(count, [rows, vectors.columns()], needed.contains(&true));
    let labels = read(labels);
    for anchors in vectors.sides().take_while(|side| side.start < rows) {
        let others = &labels[vectors.others(anchors.start)];
        let side = Side { labels: &labels[anchors.clone()], others, is_same, is_mutual };
        results.run(formula, &side, scales, anchors.clone(), |piece| {
            vectors.read(&products, anchors.start + piece.start..anchors.start + piece.end)
        });
    }

    let by_scaling = needed[1..].contains(&true).then(|| results.by_scaling());
    let (Unreduced { values, mass }, slopes) = results.finish(embeddings);
    let Some(slopes) = slopes else { return Some(Unreduced { values: like(embeddings, values), mass }) };
    let (device, dtype) = (values.device(), embeddings.dtype());
    let values = attach(values, &parents, move |upstream: Tensor<1>| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        let number = |number| Some(tensor(vec![N::Wide::from_f64(number)], [1, 1], &device));
        let of_scaling = |by: [Vec<f64>; 2]| by.map(|by| number(dot(&by, &upstream)));
        let of_scaling = by_scaling.map(of_scaling).into_iter().flatten();
        let embeddings = needed[0].then(|| {
            let factor = scales.map_or(1.0, |[factor, _]| factor);
            let upstream: Vec<f64> = upstream.iter().map(|upstream| upstream * factor).collect();
            tensor(vectors.gradient(&slopes, &upstream), shape, &device).cast(dtype)
        });
        core::iter::once(embeddings).chain(of_scaling).collect()
    })?;
    Some(Unreduced { values, mass })
}

fn of_scores_of<N: Number>(
    formula: &impl AnchorFormula,
    scores: &Tensor<2>,
    labels: [&Tensor<1, Int>; 2],
) -> Option<Unreduced<1>> {
    let memory = Memory::of(scores)?;
    let mut room = Vec::new();
    let numbers = N::widen(memory.numbers::<N>()?, &mut room);
    let shape @ [count, columns] = scores.dims();
    let [labels, others] = labels.map(read);
    let mut results = Results::<N::Wide>::of(count, shape, scores.is_tracked());
    let side = Side { labels: &labels, others: &others, is_same: false, is_mutual: false };
    results.run(formula, &side, None, 0..count, |piece| {
        numbers[piece.start * columns..piece.end * columns].iter().map(|number| number.to_f64()).collect()
    });
    let (Unreduced { values, mass }, slopes) = results.finish(scores);
    let Some(slopes) = slopes else { return Some(Unreduced { values: like(scores, values), mass }) };
    let (device, dtype) = (values.device(), scores.dtype());
    let values = attach(values, core::slice::from_ref(scores), move |upstream: Tensor<1>| {
        vec![Some(scaled_rows(slopes, upstream, shape, &device).cast(dtype))]
    })?;
    Some(Unreduced { values, mass })
}

fn read(labels: &Tensor<1, Int>) -> Vec<i64> {
    labels.clone().without_autodiff().into_data().iter::<i64>().collect()
}

/// What comes of the anchors.
struct Results<T: Float> {
    /// [`RESULTS`] of each.
    values: Vec<T>,
    /// The derivatives by the scores' numbers, one row per anchor; where that is mutual, per anchor of the first half.
    slopes: Option<Lent<T>>,
    columns: usize,
}

impl<T: Float + Number> Results<T> {
    /// Of so many anchors, with so many rows and columns of slopes.
    fn of(count: usize, [rows, columns]: [usize; 2], is_tracked: bool) -> Self {
        Self {
            values: vec![T::default(); RESULTS * count],
            slopes: is_tracked.then(|| unwritten(rows * columns)),
            columns,
        }
    }

    /// Some anchors, and where that is mutual those that they are compared with, which come next; `read` gives the numbers that the
    /// scores of a piece of the anchors are made of, in rows.
    ///
    /// In double precision: exponents of a steep softmax are large, and the slopes of an anchor's pairs nearly cancel.
    fn run(
        &mut self,
        formula: &impl AnchorFormula,
        side: &Side<'_>,
        scaling: Option<[f64; 2]>,
        anchors: Range<usize>,
        read: impl Fn(Range<usize>) -> Vec<f64> + Send + Sync,
    ) {
        let (count, columns) = (anchors.len(), self.columns);
        let (values, of_others) = self.values[RESULTS * anchors.start..].split_at_mut(RESULTS * count);
        let sums_of_others = Mutex::new(BTreeMap::new());
        let slopes = self.slopes.as_mut().map(|slopes| &mut slopes[anchors.start * columns..anchors.end * columns]);
        let is_tracked = slopes.is_some();
        in_pieces(count, ANCHORS, [Some(values), slopes], [RESULTS, columns], |piece, [values, mut slopes]| {
            let (values, start) = (values.expect("an output"), piece * ANCHORS);
            let mut write = |anchor: usize, results: [f64; RESULTS], of_pairs: &[f64]| {
                let place = anchor - start;
                values[RESULTS * place..][..RESULTS].copy_from_slice(&results.map(T::from_f64));
                if let Some(slopes) = &mut slopes {
                    let row = &mut slopes[place * columns..][..columns];
                    match of_pairs {
                        [] => row.fill(T::default()),
                        _ => row.iter_mut().zip(of_pairs).for_each(|(to, of_pair)| *to = T::from_f64(*of_pair)),
                    }
                }
            };
            let anchors = start..count.min(start + ANCHORS);
            let numbers = &read(anchors.clone());
            let run = Run { formula, side, anchors, is_tracked, numbers, scaling, write: &mut write };
            let sums = dispatch_longest(run);
            if side.is_mutual {
                sums_of_others.lock().expect("no panic").insert(piece, sums);
            }
            0.0
        });
        // In order: the same bits whatever the threads did.
        let sums_of_others = sums_of_others.into_inner().expect("no panic");
        if side.is_mutual {
            for (other, results) in of_others.chunks_mut(RESULTS).enumerate() {
                let [value, by_factor, by_term] =
                    array::from_fn(|result| sums_of_others.values().map(|sums| sums[result][other]).sum());
                results.copy_from_slice(&[value, 1.0, by_factor, by_term].map(T::from_f64));
            }
        }
    }

    /// The derivatives by what the scores' numbers are multiplied by, and by what is added then.
    fn by_scaling(&self) -> [Vec<f64>; 2] {
        [2, 3].map(|result| self.column(result).map(Float::to_f64).collect())
    }

    fn column(&self, result: usize) -> impl Iterator<Item = T> {
        self.values.iter().skip(result).step_by(RESULTS).copied()
    }

    /// The values, not yet in a graph, and what they count; and the slopes.
    fn finish(self, inputs: &Tensor<2>) -> (Unreduced<1>, Option<Lent<T>>) {
        let (device, count) = (inputs.clone().without_autodiff().device(), self.values.len() / RESULTS);
        let column = |result| tensor(self.column(result).collect::<Vec<_>>(), [count], &device);
        (Unreduced { values: column(0), mass: Some(like(inputs, column(1))) }, self.slopes)
    }
}
