//! Transducer loss.

use super::{Alignment, Lattice, Normalize, SequenceInput, SequenceLayout, SequenceLoss};
use crate::config::Limit;
use burn_losses_derive::{loss, loss_config};

/// Loss of the recurrent neural network transducer (Graves 2012, [arXiv 1211.3711](https://arxiv.org/abs/1211.3711)).
///
/// The predictions are `[N, T, L + 1, C]`: one row of classes for each step and each number of labels so far.
///
/// # Formula
/// ```text
/// -ln sum_a prod_i p(a_i | t_i, u_i)
/// ```
/// over all paths a from (0, 0) that emit all L labels and T blanks. At step t, after u labels, a path either emits the label u + 1 and
/// stays at the step, or it emits a blank and moves to the next step. The last emission is a blank.
///
/// `fast_emit` changes the gradient and not the value: the derivative with respect to the log-probability of a label is multiplied by
/// 1 + `fast_emit` (Yu et al. 2021, [arXiv 2010.11148](https://arxiv.org/abs/2010.11148)), so that labels come earlier. A usual number
/// is 0.001 to 0.01. `clamp` bounds every derivative of the value of a sequence, before `normalize`, weights and `reduction` act on it.
///
/// # When to use
/// For streaming speech recognition: the prediction of a label depends on the audio so far and on the labels before it. If a prediction
/// does not need the labels before it, take [`CtcLoss`](super::CtcLoss), which needs one row of classes per step in place of one per step
/// and label.
///
/// # Numerics
/// On CPUs all sums are in f64, and the gradient is computed in the same pass, by the forward-backward algorithm. On other devices the
/// sums are T + L steps of tensor operations. A sequence without steps has no path: its value is infinite, and its gradient is 0.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{prelude::*, sequence::RnntLossConfig};
///
/// let device = Device::flex();
/// let loss = RnntLossConfig::new().init(&device);
/// // Two steps, one label: two paths of three emissions, each with the probability 1/2.
/// let logits = Tensor::<4>::zeros([1, 2, 2, 2], &device);
/// let labels = Tensor::<2, Int>::from_ints([[1]], &device);
/// let [steps, count] = [2, 1].map(|length| Tensor::<1, Int>::from_ints([length], &device));
/// let value = loss.forward(logits, labels, steps, count);
/// assert!((value.into_scalar::<f32>() + 0.25f32.ln()).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torchaudio.transforms.RNNTLoss`: the same values with `blank` set; its `clamp` is the same, where -1 is none.
/// - `burn.nn.loss.RNNTLoss`: the same values.
#[loss(sequence, "rnnt", "Likelihood of labels over all paths of a transducer: streaming speech recognition")]
pub struct RnntLoss {
    config: RnntLossConfig,
}

/// Config of [`RnntLoss`].
#[loss_config]
pub struct RnntLossConfig {
    /// The class that is no label.
    #[field(default = 0)]
    pub blank: usize,
    /// The form of the predictions.
    #[field(default = SequenceInput::Logits)]
    pub input: SequenceInput,
    /// The number that the value of a sequence is divided by.
    #[field(default = Normalize::None)]
    pub normalize: Normalize,
    /// How much larger the gradient of a label is made: it is multiplied by 1 plus this number, and that of a blank is not.
    #[field(default = 0.0, range = ">= 0")]
    pub fast_emit: f64,
    /// The greatest size of the derivative of a sequence's value with respect to a prediction. Without `fast_emit` none is above 1.
    #[field(default = Limit::None, range = "(0, 1]")]
    pub clamp: Limit,
}

impl SequenceLoss for RnntLoss {
    fn alignment(&self) -> Alignment {
        let RnntLossConfig { blank, input, normalize, fast_emit, .. } = self.config;
        let clamp = match self.config.clamp {
            Limit::Number(bound) => Some(bound),
            Limit::None => None,
        };
        let (lattice, layout) = (Lattice::Transducer, SequenceLayout::Ntc);
        Alignment { lattice, input, layout, blank, zero_infinity: false, normalize, fast_emit, clamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reduction::Extras;
    use burn::tensor::{Device, Int, Tensor, TensorData};

    /// Minus the log-likelihood of the labels from a place on, as the sum over every path.
    fn by_paths(log_p: &dyn Fn(usize, usize, usize) -> f64, labels: &[usize], [step, state]: [usize; 2]) -> f64 {
        let mut total = 0.0;
        if state < labels.len() {
            total += (log_p(step, state, labels[state]) - by_paths(log_p, labels, [step, state + 1])).exp();
        }
        if step < 2 {
            total += (log_p(step, state, 0) - by_paths(log_p, labels, [step + 1, state])).exp();
        } else if state == labels.len() {
            total += log_p(step, state, 0).exp();
        }
        -total.ln()
    }

    #[test]
    fn every_path_is_summed_on_both_paths() {
        let device = Device::flex();
        let numbers: Vec<f64> = (0..27).map(|place| -0.1 - f64::from(place * 7 % 11) / 4.0).collect();
        let log_p = |step: usize, state: usize, class: usize| numbers[(step * 3 + state) * 3 + class];
        for labels in [vec![], vec![1], vec![2, 1], vec![1, 1]] {
            let predictions = Tensor::<4>::from_data(TensorData::new(numbers.clone(), [1, 3, 3, 3]), &device);
            let padded: Vec<i64> = labels.iter().map(|label| *label as i64).chain([-7; 2]).take(2).collect();
            let padded = Tensor::<2, Int>::from_data(TensorData::new(padded, [1, 2]), &device);
            let length = |length: usize| Tensor::<1, Int>::from_ints([length as i64], &device);
            let loss = RnntLossConfig::new().with_input(SequenceInput::LogProbabilities).init(&device);
            let run = || loss.forward(predictions.clone(), padded.clone(), length(3), length(labels.len()));
            let expected = by_paths(&log_p, &labels, [0, 0]);
            for got in [run(), crate::with_tensor_operations(run)].map(|value| value.into_scalar::<f64>()) {
                assert!((got - expected).abs() < 1e-6, "{labels:?}: {got}, not {expected}");
            }
        }
    }

    /// The gradient of the predictions of one sequence, and the value.
    fn gradient(config: RnntLossConfig) -> (Vec<f64>, f64) {
        let device = Device::flex().autodiff();
        let numbers: Vec<f64> = (0..12).map(|place| f64::from(place * 5 % 7) / 3.0).collect();
        let data = TensorData::new(numbers, [1, 2, 2, 3]);
        let predictions = Tensor::<4>::from_data(data, (&device, burn::tensor::DType::F64)).require_grad();
        let [steps, count] = [2, 1].map(|length| Tensor::<1, Int>::from_ints([length], &device));
        let labels = Tensor::<2, Int>::from_ints([[2]], &device);
        let value = config.init(&device).forward(predictions.clone(), labels, steps, count);
        let gradient = predictions.grad(&value.backward()).expect("a gradient");
        (gradient.into_data().iter().collect(), value.into_scalar())
    }

    #[test]
    fn the_gradient_of_labels_is_larger_and_that_of_blanks_is_not() {
        let config = || RnntLossConfig::new().with_input(SequenceInput::LogProbabilities);
        let run =
            |config: RnntLossConfig| [gradient(config.clone()), crate::with_tensor_operations(|| gradient(config))];
        for ((plain, value), (got, same)) in run(config()).into_iter().zip(run(config().with_fast_emit(0.5))) {
            assert!((same - value).abs() < 1e-12, "{same}, not {value}");
            for (place, (plain, got)) in plain.iter().zip(&got).enumerate() {
                let factor = if place % 3 == 2 { 1.5 } else { 1.0 };
                assert!((got - factor * plain).abs() < 1e-12, "{place}: {got} beside {plain}");
            }
        }
    }

    #[test]
    fn derivatives_are_bounded_before_the_value_is_divided() {
        let config = || RnntLossConfig::new().with_clamp(0.125);
        let run =
            |config: RnntLossConfig| [gradient(config.clone()), crate::with_tensor_operations(|| gradient(config))];
        let plain = run(RnntLossConfig::new());
        let (by_steps, bounded) = (run(config().with_normalize(Normalize::InputLength)), run(config()));
        for ((plain, value), ((got, same), (half, _))) in plain.into_iter().zip(bounded.into_iter().zip(by_steps)) {
            assert!((same - value).abs() < 1e-12, "{same}, not {value}");
            assert!(plain.iter().any(|slope| slope.abs() > 0.125), "{plain:?}");
            for (plain, (got, half)) in plain.iter().zip(got.iter().zip(&half)) {
                assert!((got - plain.clamp(-0.125, 0.125)).abs() < 1e-12, "{got} beside {plain}");
                assert!((got - 2.0 * half).abs() < 1e-12, "{got} beside {half}");
            }
        }
    }

    /// The axis of the labels has one entry more than there are labels, and not as many.
    #[test]
    fn the_axis_of_labels_has_one_entry_more() {
        let device = Device::flex();
        let loss = RnntLossConfig::new().init(&device);
        let labels = Tensor::<2, Int>::from_ints([[1, 2]], &device);
        let check = |entries: usize| {
            let [steps, count] = [3, 2].map(|length| Tensor::<1, Int>::from_ints([length], &device));
            loss.check(&Tensor::<4>::zeros([1, 3, entries, 4], &device), &labels, &steps, &count, &Extras::new())
        };
        assert!(check(3).is_ok());
        let error = check(2).unwrap_err().to_string();
        assert!(error.contains("[1, 3, 3, 4]: one entry more than there are labels on axis 2"), "{error}");
    }
}
