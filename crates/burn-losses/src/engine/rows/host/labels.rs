//! The labels of a batch, and how much each row counts.

use super::Kernel;
use crate::engine::host::blocks::divisor_of;
use crate::engine::host::memory::Weights;
use crate::engine::host::simd::Float;
use crate::engine::rows::Reduce;
use burn::tensor::{Int, Tensor};

/// The label of a row.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Label {
    Of(usize),
    Ignored,
    /// The label is out of range.
    Wrong,
}

/// The labels of a batch, and the normalizers of its rows.
pub(in crate::engine) struct BatchLabels {
    pub(in crate::engine) labels: Vec<Label>,
    /// How much each row counts; `None` if all rows count 1.
    pub(in crate::engine) normalizers: Option<Vec<f64>>,
}

impl BatchLabels {
    pub(in crate::engine) fn new(
        kernel: &dyn Kernel,
        ignore_index: Option<i64>,
        labels: &Tensor<1, Int>,
        classes: usize,
    ) -> Self {
        let label = |label: i64| match usize::try_from(label) {
            _ if Some(label) == ignore_index => Label::Ignored,
            Ok(label) if label < classes => Label::Of(label),
            _ => Label::Wrong,
        };
        let labels: Vec<_> = labels.clone().without_autodiff().into_data().iter::<i64>().map(label).collect();
        let factors = kernel.class_factors().filter(|_| kernel.factors_count());
        let normalizer = |label: &Label| match *label {
            Label::Of(label) => factors.map_or(1.0, |factors| factors[label]),
            Label::Ignored => 0.0,
            Label::Wrong => 1.0,
        };
        let is_counted = ignore_index.is_some() || factors.is_some();
        let normalizers = is_counted.then(|| labels.iter().map(normalizer).collect());
        Self { labels, normalizers }
    }
}

/// The normalizers of rows with one probability per class: the sum of the factors of the classes, each times its probability.
pub(super) fn of_probabilities(kernel: &dyn Kernel, probabilities: &Tensor<2>, rows: usize) -> Option<Vec<f64>> {
    let factors = kernel.class_factors().filter(|_| kernel.factors_count())?;
    let data = probabilities.clone().without_autodiff().into_data();
    let numbers: Vec<f64> = data.iter::<f64>().collect();
    let of_row = |row: &[f64]| row.iter().zip(factors).map(|(q, factor)| q * factor).sum();
    Some(numbers.chunks(numbers.len() / rows).map(of_row).collect())
}

/// The divisor of the sum of the values.
pub(in crate::engine) fn divisor<T: Float>(
    rows: usize,
    normalizers: Option<&[f64]>,
    reduce: &Reduce,
    weights: Option<&Weights<T>>,
) -> Option<f64> {
    let count = normalizers.map_or(rows as f64, |normalizers| normalizers.iter().sum());
    let weight = weights.map(|weights| match normalizers {
        None => weights.sum(),
        Some(normalizers) => {
            let mut scratch = Vec::new();
            let weights = weights.part(0, rows, &mut scratch);
            weights.iter().zip(normalizers).map(|(weight, normalizer)| weight.to_f64() * normalizer).sum()
        }
    });
    divisor_of(reduce.reduction, count, reduce.samples, weight)
}
