//! Embeddings and labels -> products or distances of all pairs -> value, for every anchor.
//!
//! The pass over an anchor's scores writes the slopes of its value ([`anchor`]). The slopes belong to pairs; the backward pass
//! turns them into the gradient of the embeddings ([`vectors`]).

mod anchor;
mod pull;
mod scratch;
mod squares;
mod triplets;
mod vectors;

use super::{Call, Outcome, With};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::host::blocks::par_blocks;
use crate::engine::host::memory::{Memory, Pooled, in_precision, stale, tensor, with_slopes};
use crate::engine::host::simd::{Float, MOST_LANES};
use crate::engine::host::vectors::dot;
use crate::formula::{Distance, Score};
use anchor::{RESULTS, Run, Side};
use burn::tensor::{Int, Tensor};
use core::array;
use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Mutex;
use vectors::{Against, Vectors};

pub(super) use anchor::Kernel;

/// The number of anchors that are computed together.
const ANCHORS: usize = MOST_LANES;

/// The values, in the graph of the tensors that they are computed from.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<Outcome> {
    let kernel = &*call.kernel.host;
    match &call.with {
        With::All { embeddings, labels } => {
            in_precision!(embeddings.dtype(), T => of_embeddings::<T>(kernel, embeddings, labels, Against::All, None))
        }
        With::OtherHalf { embeddings, labels, scaling } => {
            let symmetric = kernel.is_symmetric();
            let against = Against::OtherHalf { symmetric };
            in_precision!(embeddings.dtype(), T => of_embeddings::<T>(kernel, embeddings, labels, against, Some(scaling)))
        }
        With::Scores { is_same: true, .. } => None,
        With::Scores { scores, labels, .. } => {
            in_precision!(scores.dtype(), T => of_scores::<T>(kernel, scores, *labels))
        }
    }
}

fn of_embeddings<T: Float>(
    kernel: &dyn Kernel,
    embeddings: &AnyTensor,
    labels: &Tensor<1, Int>,
    against: Against,
    scaling: Option<&[AnyTensor; 2]>,
) -> Option<Outcome> {
    let memory = Memory::new(embeddings)?;
    let mut scratch = Vec::new();
    let numbers = memory.numbers()?;
    let numbers = T::read(numbers, 0..numbers.len(), &mut scratch);
    let shape: [usize; 2] = embeddings.shape().try_into().expect("[N, E]");
    let count = shape[0];
    let vectors = Vectors::new(numbers, shape, kernel.score(), against);
    let products = vectors.products();
    let scales = scaling.map(|scaling| scaling.each_ref().map(AnyTensor::number));
    let parents: Vec<_> = core::iter::once(embeddings).chain(scaling.into_iter().flatten()).cloned().collect();
    let needed: Vec<_> = parents.iter().map(AnyTensor::is_tracked).collect();

    let is_same = against == Against::All;
    let is_symmetric = against == Against::OtherHalf { symmetric: true };
    let rows = if is_symmetric { vectors.columns() } else { count };
    let mut results = Results::<T>::new(count, [rows, vectors.columns()], needed.contains(&true));
    let labels = read(labels);
    for anchors in vectors.sides().take_while(|side| side.start < rows) {
        let others = &labels[vectors.others(anchors.start)];
        let side = Side { labels: &labels[anchors.clone()], others, is_same, is_symmetric };
        results.run(kernel, &side, scales, anchors.clone(), &|block| {
            vectors.read(&products, anchors.start + block.start..anchors.start + block.end)
        });
    }

    let by_scaling = needed[1..].contains(&true).then(|| results.by_scaling());
    let (Outcome { values, normalizer }, slopes) = results.finish(embeddings);
    let Some(slopes) = slopes else { return Some(Outcome { values: embeddings.lift(values), normalizer }) };
    let (device, dtype) = (embeddings.inner_device(), embeddings.dtype());
    let values = custom_backward(values, &parents, move |upstream| {
        let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
        let number = |number| Some(tensor(vec![T::from_f64(number)], &[1, 1], &device));
        let of_scaling = |by: [Vec<f64>; 2]| by.map(|by| number(dot(&by, &upstream)));
        let of_scaling = by_scaling.map(of_scaling).into_iter().flatten();
        let embeddings = needed[0].then(|| {
            let factor = scales.map_or(1.0, |[factor, _]| factor);
            let upstream: Vec<f64> = upstream.iter().map(|upstream| upstream * factor).collect();
            tensor(vectors.gradient(&slopes, &upstream), &shape, &device).cast(dtype)
        });
        core::iter::once(embeddings).chain(of_scaling).collect()
    })?;
    Some(Outcome { values, normalizer })
}

/// The squared distances of every row to every row, `[N, N]`, in the graph of the rows.
pub(in crate::engine) fn squares(rows: &AnyTensor) -> Option<AnyTensor> {
    in_precision!(rows.dtype(), T => squares_in::<T>(rows))
}

fn squares_in<T: Float>(rows: &AnyTensor) -> Option<AnyTensor> {
    if rows.count() == 0 {
        return None;
    }
    let memory = Memory::new(rows)?;
    let mut scratch = Vec::new();
    let numbers = memory.numbers()?;
    let numbers = T::read(numbers, 0..numbers.len(), &mut scratch);
    let shape: [usize; 2] = rows.shape().try_into().expect("[N, E]");
    let (count, device, dtype) = (shape[0], rows.inner_device(), rows.dtype());
    let score = Score::Distance(Distance::SquaredEuclidean, false);
    let vectors = Vectors::new(numbers, shape, score, Against::All);
    let halves = vectors.products();
    let mut squares = stale::<T>(count * count);
    par_blocks(count, ANCHORS, [Some(&mut squares), None], [count, 0], &|block, [squares, _]| {
        let (squares, start) = (squares.expect("an output"), block * ANCHORS);
        let known = vectors.read(&halves, start..start + squares.len() / count);
        squares.iter_mut().zip(known).for_each(|(to, square)| *to = T::from_f64(square));
        0.0
    });
    let squares = tensor(squares, &[count, count], &device).cast(dtype);
    custom_backward(squares, core::slice::from_ref(rows), move |upstream| {
        let memory = Memory::new(&upstream).expect("in memory");
        let slopes = memory.numbers_of::<T>().expect("of the type of the value");
        vec![Some(tensor(vectors.gradient(slopes, &vec![1.0; count]), &shape, &device).cast(dtype))]
    })
}

fn of_scores<T: Float>(kernel: &dyn Kernel, scores: &AnyTensor, labels: [&Tensor<1, Int>; 2]) -> Option<Outcome> {
    let memory = Memory::new(scores)?;
    let mut scratch = Vec::new();
    let numbers = memory.numbers()?;
    let numbers = T::read(numbers, 0..numbers.len(), &mut scratch);
    let shape: [usize; 2] = scores.shape().try_into().expect("[N, M]");
    let [count, columns] = shape;
    let [labels, others] = labels.map(read);
    let mut results = Results::<T>::new(count, shape, scores.is_tracked());
    let side = Side { labels: &labels, others: &others, is_same: false, is_symmetric: false };
    results.run(kernel, &side, None, 0..count, &|block| {
        numbers[block.start * columns..block.end * columns].iter().map(|number| number.to_f64()).collect()
    });
    let (Outcome { values, normalizer }, slopes) = results.finish(scores);
    let Some(slopes) = slopes else { return Some(Outcome { values: scores.lift(values), normalizer }) };
    Some(Outcome { values: with_slopes(scores, values, slopes, false)?, normalizer })
}

fn read(labels: &Tensor<1, Int>) -> Vec<i64> {
    labels.clone().without_autodiff().into_data().iter::<i64>().collect()
}

/// The results of the anchors.
struct Results<T: Float> {
    /// The [`RESULTS`] numbers of each anchor.
    values: Vec<T>,
    /// The derivatives with respect to the numbers that the scores are computed from, one row per anchor; in the symmetric case
    /// only for the anchors of the first half.
    slopes: Option<Pooled<T>>,
    columns: usize,
}

impl<T: Float> Results<T> {
    /// Space for the results of `count` anchors, with this many rows and columns of slopes.
    fn new(count: usize, [rows, columns]: [usize; 2], is_tracked: bool) -> Self {
        Self { values: vec![T::default(); RESULTS * count], slopes: is_tracked.then(|| stale(rows * columns)), columns }
    }

    /// Computes some anchors and, in the symmetric case, the values of the rows that they are compared with, which come next in
    /// `values`. `read` returns the numbers that the scores of a block of anchors are computed from, one row per anchor.
    ///
    /// The computation is in double precision: exponents of a steep softmax are large, and the slopes of an anchor's pairs nearly
    /// cancel.
    fn run(
        &mut self,
        kernel: &dyn Kernel,
        side: &Side<'_>,
        scaling: Option<[f64; 2]>,
        anchors: Range<usize>,
        read: &(dyn Fn(Range<usize>) -> Vec<f64> + Sync),
    ) {
        let (count, columns) = (anchors.len(), self.columns);
        let (values, of_others) = self.values[RESULTS * anchors.start..].split_at_mut(RESULTS * count);
        let sums_of_others = Mutex::new(BTreeMap::new());
        let slopes = self.slopes.as_mut().map(|slopes| &mut slopes[anchors.start * columns..anchors.end * columns]);
        let is_tracked = slopes.is_some();
        par_blocks(count, ANCHORS, [Some(values), slopes], [RESULTS, columns], &|block, [values, mut slopes]| {
            let (values, start) = (values.expect("an output"), block * ANCHORS);
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
            let sums = kernel.run(Run { side, anchors, is_tracked, numbers, scaling, write: &mut write });
            if side.is_symmetric {
                sums_of_others.lock().expect("no panic").insert(block, sums);
            }
            0.0
        });
        // The sums are added in order, so that the result has the same bits on any number of threads.
        let sums_of_others = sums_of_others.into_inner().expect("no panic");
        if side.is_symmetric {
            for (other, results) in of_others.chunks_mut(RESULTS).enumerate() {
                let [value, by_factor, by_term] =
                    array::from_fn(|result| sums_of_others.values().map(|sums| sums[result][other]).sum());
                results.copy_from_slice(&[value, 1.0, by_factor, by_term].map(T::from_f64));
            }
        }
    }

    /// The derivatives with respect to the factor and the term of the scaling.
    fn by_scaling(&self) -> [Vec<f64>; 2] {
        [2, 3].map(|result| self.column(result).map(Float::to_f64).collect())
    }

    fn column(&self, result: usize) -> impl Iterator<Item = T> {
        self.values.iter().skip(result).step_by(RESULTS).copied()
    }

    /// The values, without a graph, with their normalizers; and the slopes.
    fn finish(self, inputs: &AnyTensor) -> (Outcome, Option<Pooled<T>>) {
        let (device, count) = (inputs.inner_device(), self.values.len() / RESULTS);
        let column = |result| tensor(self.column(result).collect::<Vec<_>>(), &[count], &device);
        (Outcome { values: column(0), normalizer: inputs.lift(column(1)) }, self.slopes)
    }
}
