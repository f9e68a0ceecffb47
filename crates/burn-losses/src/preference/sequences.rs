//! Log-probabilities of whole answers.

use crate::check::Reference;
use crate::classification::{CrossEntropyLoss, CrossEntropyLossConfig};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::heads::{self, Head, Labels, Layer, Parameters, Scaling};
use crate::engine::{rows, with_zero_gradient};
use crate::error::{InputError, expect};
use crate::reduction::{Extras, Unreduced, row_sums};
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::Choice;

/// How the log-probabilities of the tokens are combined into that of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum SequenceAverage {
    /// Their sum: the logarithm of the probability of the answer, for [`DpoLoss`](super::DpoLoss) and [`KtoLoss`](super::KtoLoss).
    #[default]
    Sum,
    /// Their mean over the tokens that count, for [`SimpoLoss`](super::SimpoLoss) and [`OrpoLoss`](super::OrpoLoss).
    Mean,
}

/// The log-probability of each answer: the sum or the mean over its tokens of `ln softmax(logits)_label`.
///
/// The mask is true for the tokens of the answer, and false for the prompt and for padding, where the labels and logits may hold
/// anything. `logits[n, t]` are the logits of the token `labels[n, t]`. The logits of a causal language model are those of the next
/// token, so shift them by one. An answer without a token has the value 0. A label that is out of range gives NaN.
///
/// The result is minus the cross-entropy of the tokens, and the same kernel computes it. Half precision is computed and returned in f32.
///
/// # Shapes
/// - logits: `[N, T, C]`
/// - labels, mask: `[N, T]`
/// - output: `[N]`
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::preference::{SequenceAverage, sequence_log_probabilities};
///
/// let device = Device::flex();
/// // Every token is one of 4 that are equally likely.
/// let logits = Tensor::<3>::zeros([1, 3, 4], &device);
/// let labels = Tensor::<2, Int>::from_ints([[2, 0, -100]], &device);
/// let mask = labels.clone().greater_equal_elem(0);
/// let log_p = sequence_log_probabilities(logits, labels, Some(mask), SequenceAverage::Sum);
/// assert!((log_p.into_scalar::<f32>() + 2.0 * 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit, or the tensors are on several devices.
#[track_caller]
pub fn sequence_log_probabilities(
    logits: Tensor<3>,
    labels: Tensor<2, Int>,
    mask: impl Into<Option<Tensor<2, Bool>>>,
    average: SequenceAverage,
) -> Tensor<1> {
    let (mask, [count, length, classes]) = (mask.into(), logits.dims());
    let first = Reference { loss: "sequence_log_probabilities", name: "logits", tensor: &logits };
    expect(check(first, &labels, mask.as_ref()));
    if classes < 2 {
        let expected = "at least 2 classes on axis 2: the softmax of one is always 1";
        expect(Err::<(), _>(first.shape_error("logits", &[count, length, classes], expected.into())));
    }
    let tokens = count * length;
    let logits = logits.reshape([tokens, classes]);
    let Unreduced { values, .. } = rows::values(&cross_entropy(), logits, flat(labels, mask.clone()));
    of_sequences(values.reshape([count, length]), mask, average)
}

/// The log-probability of each answer, from the hidden states of the model and the weight of its last layer: the same as
/// [`sequence_log_probabilities`] of the logits, which exist for `chunk_rows` tokens at a time. The backward pass computes them again.
///
/// # Shapes
/// - hidden: `[N, T, E]`
/// - weight: `[C, E]`
/// - labels, mask: `[N, T]`
/// - output: `[N]`
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::preference::{SequenceAverage, sequence_log_probabilities_in_chunks};
///
/// let device = Device::flex();
/// let (hidden, weight) = (Tensor::<3>::zeros([2, 3, 5], &device), Tensor::<2>::ones([4, 5], &device));
/// let labels = Tensor::<2, Int>::zeros([2, 3], &device);
/// let log_p = sequence_log_probabilities_in_chunks(hidden, weight, labels, None, SequenceAverage::Mean, 2);
/// assert!((log_p.into_data().to_vec::<f32>().unwrap()[1] + 4f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes do not fit, if the tensors are on several devices, or if `chunk_rows` is 0.
#[track_caller]
pub fn sequence_log_probabilities_in_chunks(
    hidden: Tensor<3>,
    weight: Tensor<2>,
    labels: Tensor<2, Int>,
    mask: impl Into<Option<Tensor<2, Bool>>>,
    average: SequenceAverage,
    chunk_rows: usize,
) -> Tensor<1> {
    assert!(chunk_rows > 0, "sequence_log_probabilities: `chunk_rows` is 0, allowed: an integer >= 1");
    let (mask, [count, length, size]) = (mask.into(), hidden.dims());
    let first = Reference { loss: "sequence_log_probabilities", name: "hidden", tensor: &hidden };
    expect(check(first, &labels, mask.as_ref()));
    let [classes, columns] = weight.dims();
    if columns != size || classes < 2 {
        let expected = format!("[C, {size}] (one number per number of `hidden`, and at least 2 classes)");
        expect(Err::<(), _>(first.shape_error("weight", &[classes, columns], expected)));
    }
    expect(first.same_device("weight", &weight));
    let labels = flat(labels, mask.clone());
    let layer = LastLayer { rows: cross_entropy(), classes, chunk_rows };
    let parameters = Parameters { weight, bias: None };
    let hidden = hidden.reshape([count * length, size]);
    let Unreduced { values, .. } = heads::values(&layer, parameters, hidden, labels);
    of_sequences(values.reshape([count, length]), mask, average)
}

fn cross_entropy() -> CrossEntropyLoss {
    CrossEntropyLoss::new(CrossEntropyLossConfig::new())
}

fn check(first: Reference<'_, 3>, labels: &Tensor<2, Int>, mask: Option<&Tensor<2, Bool>>) -> Result<(), InputError> {
    let [count, length, _] = first.tensor.dims();
    let reason = format!("one per token of `{}`", first.name);
    first.companion("labels", labels, [count, length], &reason)?;
    mask.map_or(Ok(()), |mask| first.companion("mask", mask, [count, length], &reason))
}

/// The labels of all tokens; those that are masked are ignored.
fn flat(labels: Tensor<2, Int>, mask: Option<Tensor<2, Bool>>) -> Labels<1> {
    let tokens = labels.shape().num_elements();
    let extras = mask.map_or_else(Extras::new, |mask| mask.reshape([tokens]).into());
    Labels::with_extras(labels.reshape([tokens]), None, extras).0
}

/// The log-probabilities of answers from the cross-entropies of their tokens.
fn of_sequences(values: Tensor<2>, mask: Option<Tensor<2, Bool>>, average: SequenceAverage) -> Tensor<1> {
    let [count, length] = values.dims();
    if count == 0 || length == 0 {
        let zeros = Tensor::<1>::zeros([count], (&values.device().without_autodiff(), values.dtype()));
        return with_zero_gradient(AnyTensor::from(&values).lift(zeros.into()).into_rank::<1>(), values);
    }
    let total = -row_sums(values).squeeze_dim::<1>(1);
    match (average, mask) {
        (SequenceAverage::Sum, _) => total,
        (SequenceAverage::Mean, None) => total * (1.0 / length as f64),
        (SequenceAverage::Mean, Some(mask)) => {
            let tokens = mask.int().sum_dim(1).squeeze_dim::<1>(1).clamp_min(1);
            let dtype = total.dtype();
            total / tokens.float().cast(dtype)
        }
    }
}

/// The last layer of a language model.
#[derive(Clone)]
struct LastLayer {
    rows: CrossEntropyLoss,
    classes: usize,
    chunk_rows: usize,
}

impl Head for LastLayer {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}

impl Layer for LastLayer {
    type CrossEntropy = CrossEntropyLoss;

    fn cross_entropy(&self) -> &CrossEntropyLoss {
        &self.rows
    }
    fn num_classes(&self) -> usize {
        self.classes
    }
    fn chunk_rows(&self) -> Option<usize> {
        Some(self.chunk_rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    const SHAPE: [usize; 2] = [3, 4];
    const SIZE: usize = 5;
    const CLASSES: usize = 7;

    fn numbers(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 7919 + salt * 31) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter().collect()
    }

    /// Logits, labels and mask, and the log-softmax by Burn.
    fn batch(device: &Device) -> (Tensor<3>, Tensor<2>, Tensor<2, Int>, Tensor<2, Bool>) {
        let [count, length] = SHAPE;
        let hidden = TensorData::new(numbers(count * length * SIZE, 1), [count, length, SIZE]);
        let weight = TensorData::new(numbers(CLASSES * SIZE, 2), [CLASSES, SIZE]);
        let labels: Vec<i64> = (0..count * length).map(|at| (at * 3 % CLASSES) as i64).collect();
        // The last answer has no token.
        let mask: Vec<bool> = (0..count * length).map(|at| at % 5 != 1 && at < 8).collect();
        (
            Tensor::from_data(hidden, device),
            Tensor::from_data(weight, device),
            Tensor::from_data(TensorData::new(labels, SHAPE), device),
            Tensor::from_data(TensorData::new(mask, SHAPE), device),
        )
    }

    fn logits(hidden: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
        let [count, length] = SHAPE;
        hidden.reshape([count * length, SIZE]).matmul(weight.transpose()).reshape([count, length, CLASSES])
    }

    #[test]
    fn they_are_sums_and_means_of_a_log_softmax() {
        let device = Device::flex();
        let (hidden, weight, labels, mask) = batch(&device);
        let logits = logits(hidden, weight);
        let log_p = burn::tensor::activation::log_softmax(logits.clone(), 2);
        let picked = log_p.gather(2, labels.clone().unsqueeze_dim::<3>(2)).squeeze_dim::<2>(2);
        let sums = floats(picked.mask_fill(mask.clone().bool_not(), 0.0).sum_dim(1));
        let tokens: Vec<i64> = mask.clone().int().sum_dim(1).into_data().iter().collect();
        // What is masked may hold anything.
        let noise = labels.clone().mask_fill(mask.clone().bool_not(), -100);
        let of =
            |average| floats(sequence_log_probabilities(logits.clone(), noise.clone(), Some(mask.clone()), average));
        for (at, (sum, mean)) in of(SequenceAverage::Sum).iter().zip(of(SequenceAverage::Mean)).enumerate() {
            assert!((sum - sums[at]).abs() < 1e-5, "{sum} {}", sums[at]);
            assert!((mean - sums[at] / tokens[at].max(1) as f32).abs() < 1e-5, "{mean}");
        }
        assert_eq!(of(SequenceAverage::Mean)[2], 0.0);
    }

    #[test]
    fn chunks_have_the_same_values_and_gradients() {
        let device = Device::flex().autodiff();
        for average in [SequenceAverage::Sum, SequenceAverage::Mean] {
            let run = |chunks: Option<usize>| {
                let (hidden, weight, labels, mask) = batch(&device);
                let (hidden, weight) = (hidden.require_grad(), weight.require_grad());
                let (own, of_layer) = (hidden.clone(), weight.clone());
                let log_p = match chunks {
                    None => sequence_log_probabilities(logits(own, of_layer), labels, mask, average),
                    Some(rows) => sequence_log_probabilities_in_chunks(own, of_layer, labels, mask, average, rows),
                };
                let factors = Tensor::<1>::from_floats([1.0, -2.0, 3.0], &device);
                let gradients = (log_p.clone() * factors).sum().backward();
                let of_hidden = floats(hidden.grad(&gradients).expect("a gradient"));
                (floats(log_p), of_hidden, floats(weight.grad(&gradients).expect("a gradient")))
            };
            let expected = run(None);
            for rows in [1, 5, 100] {
                let got = run(Some(rows));
                for (got, expected) in [(&got.0, &expected.0), (&got.1, &expected.1), (&got.2, &expected.2)] {
                    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
                    assert!(got.iter().zip(expected).all(close), "{rows}: {got:?} {expected:?}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "sequence_log_probabilities: `labels` has shape [3, 5], expected [3, 4]")]
    fn labels_of_another_length() {
        let device = Device::flex();
        let labels = Tensor::<2, Int>::zeros([3, 5], &device);
        sequence_log_probabilities(Tensor::zeros([3, 4, 2], &device), labels, None, SequenceAverage::Sum);
    }
}
