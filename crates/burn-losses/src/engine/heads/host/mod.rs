//! Rows, a weight and labels -> value and gradients, some rows at a time.
//!
//! The logits exist for these rows alone, and become their own gradient in place. What remains is three products of matrices.

mod centers;
mod lengths;

use super::Call;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use crate::engine::host::blocks::{BLOCK, divided, factor_of, par_blocks, par_rows, part};
use crate::engine::host::memory::{Memory, Pooled, Weights, in_precision, scalar, stale, tensor};
use crate::engine::host::simd::Float;
use crate::engine::host::unsafe_calls::{Matrix, product};
use crate::engine::pointwise::host as pointwise;
use crate::engine::rows::host::{BatchLabels, Run, Targets, Task, divisor};
use centers::Nearest;
use lengths::Lengths;

/// The number of logits that exist at one time. With too few, the weight is packed for its product again and again; too many take
/// much memory.
const LOGITS: usize = 1 << 24;

/// The reduced value, in the graph of the inputs.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<AnyTensor> {
    // With several centers per class, a class does not have one length.
    if call.labels.dims() == [0] || (call.centers > 1 && call.lengths[1]) {
        return None;
    }
    in_precision!(call.inputs[0].dtype(), T => run_in::<T>(call))
}

fn run_in<T: Float>(call: &Call<'_>) -> Option<AnyTensor>
where
    dyn pointwise::Kernels: pointwise::Kernel<T>,
{
    let &Call { kernel, margin, inputs, scale, centers, reduce, .. } = call;
    let memory: Vec<Memory> = inputs.iter().map(Memory::new).collect::<Option<_>>()?;
    let numbers: Vec<&[T]> = memory.iter().map(Memory::numbers_of::<T>).collect::<Option<_>>()?;
    let shapes: Vec<Vec<usize>> = inputs.iter().map(AnyTensor::shape).collect();
    let (count, size, columns) = (shapes[0][0], shapes[0][1], shapes[1][0]);
    let classes = columns / centers;
    let weights = Weights::<T>::of_some(reduce.weights.as_ref(), count)?;
    let BatchLabels { labels, normalizers } = BatchLabels::new(&*kernel.host, call.ignore_index, call.labels, classes);
    let divisor = divisor(count, normalizers.as_deref(), reduce, weights.as_ref());
    let factor = factor_of(divisor);

    let is_tracked = inputs.iter().any(AnyTensor::is_tracked);
    let of_input =
        |(input, shape): (&AnyTensor, &Vec<usize>)| input.is_tracked().then(|| stale::<T>(shape.iter().product()));
    let mut gradients: Vec<Option<Pooled<T>>> = inputs.iter().zip(&shapes).map(of_input).collect();
    let lengths = Lengths::new(call.lengths, [numbers[0], numbers[1]], size, &labels);
    let mut by_length = vec![T::default(); lengths.of_rows().map_or(0, <[f64]>::len)];
    let mut of_bias = vec![0.0; gradients.get(2).and_then(Option::as_ref).map_or(0, |gradient| gradient.len())];
    let most_rows = (LOGITS / classes).max(256).min(call.most_rows.unwrap_or(count)).min(count);
    let mut scratch = stale::<T>(most_rows * classes);
    let mut nearest = Nearest::new(centers, most_rows * classes);
    // The center with this number, of every class.
    let weight = |center: usize| Matrix::one_in(centers, &numbers[1][center * size..], size);
    let mut sum = 0.0;
    for start in (0..count).step_by(most_rows) {
        let rows = start..count.min(start + most_rows);
        let logits = &mut scratch[..rows.len() * classes];
        let embeddings = Matrix::rows(&numbers[0][rows.start * size..rows.end * size], size);
        product(embeddings, weight(0).transposed(), scale, (logits, classes), false);
        for center in 1..centers {
            let products = nearest.scratch(logits.len());
            product(embeddings, weight(center).transposed(), scale, (products, classes), false);
            nearest.compare(center, logits);
        }
        if let Some(bias) = numbers.get(2) {
            par_rows(logits, classes, (BLOCK / classes).max(1), &|_, logits| add(logits, bias));
        }
        let block_rows = (BLOCK / classes).max(1);
        let by_length = by_length.get_mut(rows.clone()).filter(|_| is_tracked);
        let outputs = [Some(&mut *logits), by_length];
        sum += par_blocks(rows.len(), block_rows, outputs, [classes, 1], &|block, [logits, by_length]| {
            let mut scratch = Vec::new();
            let labels = part(&labels[rows.clone()], block, block_rows, 1);
            let start = rows.start + block * block_rows;
            let weights = weights.as_ref().map(|weights| weights.part(start, labels.len(), &mut scratch));
            let lengths = lengths.of_rows().map(|lengths| &lengths[start..start + labels.len()]);
            let logits = logits.expect("an output");
            let (logits, slopes) = if is_tracked { (None, Some(logits)) } else { (Some(&*logits), None) };
            T::dispatch(Run(Task {
                kernel,
                start,
                classes,
                logits,
                target: Targets::Labels(labels),
                margin,
                lengths,
                weights,
                factor,
                values: None,
                slopes,
                by_length,
            }))
        });
        if !is_tracked {
            continue;
        }
        if !of_bias.is_empty() {
            add_rows(&mut of_bias, logits);
        }
        for center in 0..centers {
            let slopes = if centers > 1 { nearest.slopes(center, logits) } else { &*logits };
            let slopes = Matrix::rows(slopes, classes);
            if let Some(gradient) = &mut gradients[0] {
                product(slopes, weight(center), scale, (&mut gradient[rows.start * size..], size), center > 0);
            }
            if let Some(gradient) = &mut gradients[1] {
                let output = (&mut gradient[center * size..], centers * size);
                product(slopes.transposed(), embeddings, scale, output, start > 0);
            }
        }
    }
    let [of_rows, of_weight, ..] = &mut gradients[..] else { unreachable!("rows and a weight") };
    lengths.add([of_rows, of_weight], [numbers[0], numbers[1]], size, &labels, &by_length);
    if let Some(Some(gradient)) = gradients.get_mut(2) {
        gradient.iter_mut().zip(of_bias).for_each(|(slope, sum)| *slope = T::from_f64(sum));
    }

    let device = inputs[0].inner_device();
    let value = scalar::<T>(divided(sum, divisor), &device);
    custom_backward(value, inputs, move |upstream| {
        let all = gradients.into_iter().zip(shapes);
        let gradient =
            |numbers, shape: Vec<usize>| tensor::<T>(numbers, &shape, &device).scale_by_upstream(upstream.clone());
        all.map(|(numbers, shape)| numbers.map(|numbers| gradient(numbers, shape))).collect()
    })
}

fn add<T: Float>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = T::from_f64(to.to_f64() + from.to_f64()));
}

/// Adds rows to the sums, one column for each sum; each column is added from the first row to the last.
fn add_rows<T: Float>(sums: &mut [f64], rows: &[T]) {
    /// The columns that one task adds.
    const COLUMNS: usize = 256;
    let width = sums.len();
    par_rows(sums, COLUMNS, 1, &|part, sums| {
        for row in rows.chunks_exact(width) {
            let row = &row[part * COLUMNS..];
            sums.iter_mut().zip(row).for_each(|(sum, slope)| *sum += slope.to_f64());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many small slopes follow a large one: a sum in single precision would lose them.
    #[test]
    fn columns_are_summed_in_double_precision() {
        let (rows, columns) = (1000, 700);
        let mut slopes = vec![1e-8f32; rows * columns];
        slopes[..columns].fill(1.0);
        let mut sums = vec![0.0; columns];
        add_rows(&mut sums, &slopes);
        let expected = 1.0 + 999.0 * f64::from(1e-8f32);
        assert!(sums.iter().all(|sum| (sum - expected).abs() < 1e-12), "{sums:?}");
    }
}
