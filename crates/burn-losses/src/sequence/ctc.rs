//! Connectionist temporal classification.

use super::{Alignment, Lattice, Normalize, SequenceInput, SequenceLayout, SequenceLoss};
use burn_losses_derive::{loss, loss_config};

/// Connectionist temporal classification (Graves et al. 2006, [doi 10.1145/1143844.1143891](https://doi.org/10.1145/1143844.1143891)).
///
/// # Formula
/// ```text
/// -ln sum_a prod_t p(a_t | t)
/// ```
/// over all alignments a of T steps. An alignment becomes the labels if repeated classes are merged first and blanks are removed then.
///
/// The derivative with respect to a log-probability is minus the posterior probability that the step emits this class, given the labels.
/// The derivative with respect to a logit is p minus that posterior probability.
///
/// # When to use
/// For speech recognition, handwriting and printed text, where the order of the labels is known but not their positions. The loss
/// assumes that each step can be predicted without the labels before it. If a prediction depends on the labels so far, take
/// [`RnntLoss`](super::RnntLoss). If the positions are known, take [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss).
///
/// # Numerics
/// On CPUs all sums are in f64, and the gradient is computed in the same pass, by the forward-backward algorithm. On other devices the
/// sums are T steps of tensor operations. A sequence with fewer steps than labels plus repetitions has no alignment: its value is
/// infinite, or 0 with `zero_infinity`, and its gradient is 0 in both cases.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{prelude::*, sequence::CtcLossConfig};
///
/// let device = Device::flex();
/// let loss = CtcLossConfig::new().init(&device);
/// // Two steps with equal probabilities of the blank and of label 1: three of four alignments say "1".
/// let logits = Tensor::<3>::zeros([1, 2, 2], &device);
/// let labels = Tensor::<2, Int>::from_ints([[1]], &device);
/// let [steps, count] = [2, 1].map(|length| Tensor::<1, Int>::from_ints([length], &device));
/// let value = loss.forward(logits, labels, steps, count);
/// assert!((value.into_scalar::<f32>() + 0.75f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.CTCLoss`: takes log-probabilities `[T, N, C]`, as `input = "log_probabilities"` and `layout = "tnc"` do here, and its
///   `mean` divides each value by the number of labels, as `normalize = "label_length"` does. What it returns as the gradient of
///   the log-probabilities is that of the logits.
/// - `optax.losses.ctc_loss`: the same values, from logits `[N, T, C]` and paddings in place of lengths.
/// - `burn.nn.loss.CTCLoss`: the same values, from log-probabilities `[T, N, C]`; its mean divides each value by the number of
///   labels, and is NaN where there are none.
/// - `keras.losses.CTC`: the same formula, from logits, not compared by a test; class 0 is the blank, every step counts, and a row of
///   labels is as long as it has labels other than 0.
#[loss(sequence, "ctc", "Likelihood of labels over all their alignments with the steps: speech, handwriting")]
pub struct CtcLoss {
    config: CtcLossConfig,
}

/// Config of [`CtcLoss`].
#[loss_config]
pub struct CtcLossConfig {
    /// The class that is no label.
    #[field(default = 0)]
    pub blank: usize,
    /// The form of the predictions.
    #[field(default = SequenceInput::Logits)]
    pub input: SequenceInput,
    /// The order of the first two axes of the predictions.
    #[field(default = SequenceLayout::Ntc)]
    pub layout: SequenceLayout,
    /// Whether a sequence without an alignment has the value 0 in place of infinity.
    #[field(default = false)]
    pub zero_infinity: bool,
    /// The number that the value of a sequence is divided by.
    #[field(default = Normalize::None)]
    pub normalize: Normalize,
}

impl SequenceLoss for CtcLoss {
    fn alignment(&self) -> Alignment {
        let CtcLossConfig { blank, input, layout, zero_infinity, normalize, .. } = self.config;
        let (lattice, fast_emit, clamp) = (Lattice::Ctc, 0.0, None);
        Alignment { lattice, input, layout, blank, zero_infinity, normalize, fast_emit, clamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int, Tensor, TensorData};

    /// Minus the log-likelihood, as the sum over every sequence of classes.
    fn by_enumeration(log_p: &[[f64; 3]], labels: &[usize]) -> f64 {
        let steps = log_p.len() as u32;
        let mut total = 0.0;
        for number in 0..3usize.pow(steps) {
            let path: Vec<usize> = (0..steps).map(|step| number / 3usize.pow(step) % 3).collect();
            let mut joined = path.clone();
            joined.dedup();
            joined.retain(|class| *class != 0);
            if joined == labels {
                total += path.iter().zip(log_p).map(|(class, log_p)| log_p[*class]).sum::<f64>().exp();
            }
        }
        -total.ln()
    }

    #[test]
    fn every_alignment_is_summed_on_both_paths() {
        let device = Device::flex();
        let log_p = [[-0.5, -1.5, -2.0], [-1.0, -0.25, -3.0], [-2.0, -1.25, -0.75], [-0.1, -2.5, -3.5]];
        for labels in [vec![], vec![1], vec![1, 2], vec![1, 1], vec![2, 1, 2], vec![1, 1, 1], vec![2, 1, 1, 1]] {
            let numbers = Tensor::<1>::from_data(TensorData::from(log_p.as_flattened()), &device).reshape([1, 4, 3]);
            let padded: Vec<i64> = labels.iter().map(|label| *label as i64).chain([-7; 4]).take(4).collect();
            let padded = Tensor::<2, Int>::from_data(TensorData::new(padded, [1, 4]), &device);
            let length = |length: usize| Tensor::<1, Int>::from_ints([length as i64], &device);
            let loss = CtcLossConfig::new().with_input(SequenceInput::LogProbabilities).init(&device);
            let run = || loss.forward(numbers.clone(), padded.clone(), length(4), length(labels.len()));
            let expected = by_enumeration(&log_p, &labels);
            for got in [run(), crate::with_tensor_operations(run)].map(|value| value.into_scalar::<f64>()) {
                assert!(got == expected || (got - expected).abs() < 1e-6, "{labels:?}: {got}, not {expected}");
            }
        }
    }
}
