//! Probabilities that are right as often as they say.

use crate::engine::{new_state, state_on};
use burn::module::{Module, RunningState};
use burn::tensor::{Device, Int, Tensor};

/// Temperature scaling (Guo et al. 2017, [arXiv 1706.04599](https://arxiv.org/abs/1706.04599)): all logits of a trained network are
/// divided by one number.
///
/// # Formula
/// With the logits x of held-out rows and their labels y:
/// ```text
/// x / T,  T = argmin sum_i -ln softmax(x_i / T)_(y_i)
/// ```
/// No class changes its rank, so no prediction changes; only its probability does.
///
/// # When to use
/// After training, where probabilities are used as such: networks say 0.99 and are right nine times out of ten. Take rows that the
/// network was not trained on. `ExpectedCalibrationErrorMetric` of the feature `train` measures what is gained.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::classification::TemperatureScaling;
///
/// let device = Device::flex();
/// // The network is sure that all four rows are class 0, and is right in three of them.
/// let logits = Tensor::<2>::from_floats([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]], &device);
/// let labels = Tensor::<1, Int>::from_ints([0, 0, 0, 1], &device);
/// let temperature = TemperatureScaling::fit(logits.clone(), labels);
/// let scaled = TemperatureScaling::new(temperature, &device).forward(logits);
/// let probabilities = burn::tensor::activation::softmax(scaled, 1);
/// assert!((probabilities.into_data().try_to_vec::<f32>().unwrap()[0] - 0.75).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct TemperatureScaling {
    /// `[1]`; saved with the module.
    temperature: RunningState<Tensor<1>>,
}

impl TemperatureScaling {
    /// The lowest temperature that [`fit`](Self::fit) returns.
    pub const LOWEST: f64 = 0.01;
    /// The highest temperature that [`fit`](Self::fit) returns.
    pub const HIGHEST: f64 = 100.0;

    /// A module that divides by this temperature. It keeps the temperature in its record, in single precision.
    ///
    /// # Panics
    /// If the temperature is no finite number above 0.
    #[track_caller]
    pub fn new(temperature: f64, device: &Device) -> Self {
        assert!(
            temperature > 0.0 && temperature.is_finite(),
            "TemperatureScaling: `temperature` is {temperature}, allowed: a number > 0"
        );
        Self { temperature: new_state([1], temperature as f32, device) }
    }

    /// The temperature with the lowest cross-entropy of these rows, between [`LOWEST`](Self::LOWEST) and [`HIGHEST`](Self::HIGHEST).
    ///
    /// The rows are read to the host, and all is computed in double precision. Log-probabilities do as well as logits. A row does not
    /// count if its label is outside of 0..C, or is a class with a logit of minus infinity.
    ///
    /// The lowest temperature means that every label has the greatest logit of its row, so no temperature is too low. The highest one
    /// means that the logits say nothing about the labels.
    ///
    /// # Shapes
    /// - logits: `[N, C]`
    /// - labels: `[N]`
    ///
    /// # Panics
    /// If there is not one label per row, if no row counts, or if a logit is NaN or plus infinity.
    #[track_caller]
    pub fn fit(logits: Tensor<2>, labels: Tensor<1, Int>) -> f64 {
        let ([rows, classes], given) = (logits.dims(), labels.dims());
        assert!(given == [rows], "TemperatureScaling: `labels` has shape {given:?}, expected [{rows}] (one per row)");
        let logits: Vec<f64> = logits.into_data().iter::<f64>().collect();
        let labels: Vec<i64> = labels.into_data().iter::<i64>().collect();
        assert!(
            logits.iter().all(|logit| *logit < f64::INFINITY),
            "TemperatureScaling: `logits` has a NaN or an infinity, allowed: numbers and minus infinity"
        );
        let rows: Vec<(&[f64], f64)> = logits
            .chunks_exact(classes.max(1))
            .zip(labels)
            .filter_map(|(row, label)| Some((row, *row.get(usize::try_from(label).ok()?)?)))
            .filter(|(_, right)| right.is_finite())
            .collect();
        assert!(!rows.is_empty(), "TemperatureScaling: `labels` has no label in 0..{classes}, expected at least one");

        // The cross-entropy is convex in 1 / T, and this slope rises with it.
        let slope = |temperature: f64| rows.iter().map(|(row, right)| excess(row, *right, temperature)).sum::<f64>();
        if slope(Self::LOWEST) <= 0.0 {
            return Self::LOWEST;
        }
        if slope(Self::HIGHEST) >= 0.0 {
            return Self::HIGHEST;
        }
        let (mut low, mut high) = (Self::LOWEST.ln(), Self::HIGHEST.ln());
        // Each step halves an interval of length 9.
        for _ in 0..45 {
            let middle = (low + high) / 2.0;
            if slope(middle.exp()) > 0.0 { low = middle } else { high = middle }
        }
        ((low + high) / 2.0).exp()
    }

    /// The logits divided by the temperature.
    pub fn forward<const D: usize>(&self, logits: Tensor<D>) -> Tensor<D> {
        let temperature = state_on(&self.temperature, &logits.device()).cast(logits.dtype());
        let shape = logits.dims();
        logits / temperature.reshape([1; D]).expand(shape)
    }
}

/// By how much the mean logit, with the probabilities at this temperature, is above that of the label: the slope of the row's
/// cross-entropy by 1 / T.
fn excess(row: &[f64], right: f64, temperature: f64) -> f64 {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut total, mut mean) = (0.0, 0.0);
    for below in row.iter().map(|logit| logit - top).filter(|below| below.is_finite()) {
        let share = (below / temperature).exp();
        total += share;
        mean += share * below;
    }
    mean / total - (right - top)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit<const N: usize, const C: usize>(logits: [[f32; C]; N], labels: [i64; N]) -> f64 {
        let device = Device::flex();
        TemperatureScaling::fit(Tensor::from_floats(logits, &device), Tensor::from_ints(labels, &device))
    }

    #[test]
    fn temperatures_by_hand() {
        // softmax(4 / T, 0) = 3/4 where 4 / T = ln 3.
        assert!((fit([[4.0, 0.0]; 4], [0, 0, 0, 1]) - 4.0 / 3f64.ln()).abs() < 1e-9);
        // e^(2 / T) / (e^(2 / T) + 2) = 1/2 where 2 / T = ln 2; the same below 1.
        assert!((fit([[2.0, 0.0, 0.0]; 2], [0, 1]) - 2.0 / 2f64.ln()).abs() < 1e-9);
        assert!((fit([[0.25, 0.0, 0.0]; 2], [0, 2]) - 0.25 / 2f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_count() {
        let inf = f32::INFINITY;
        // An ignored row, a row whose label cannot be, and a class that is masked.
        let rows =
            [[4.0, 0.0, -inf], [4.0, 0.0, -inf], [4.0, 0.0, -inf], [0.0, 4.0, -inf], [9.0, 1.0, 5.0], [1.0, 0.0, -inf]];
        assert!((fit(rows, [0, 0, 1, 1, -100, 2]) - 4.0 / 3f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn the_bounds() {
        assert_eq!(fit([[1.0, 0.0], [0.0, 3.0]], [0, 1]), TemperatureScaling::LOWEST);
        assert_eq!(fit([[1.0, 0.0], [0.0, 3.0]], [1, 0]), TemperatureScaling::HIGHEST);
    }

    #[test]
    fn logits_are_divided_and_the_temperature_is_saved() {
        let device = Device::flex();
        let scaling =
            TemperatureScaling::new(1.0, &device).load_record(TemperatureScaling::new(4.0, &device).into_record());
        let scaled = scaling.forward(Tensor::<3>::from_floats([[[2.0, -8.0]]], &device));
        assert_eq!(scaled.into_data().try_to_vec::<f32>().unwrap(), [0.5, -2.0]);
    }

    #[test]
    #[should_panic(expected = "`logits` has a NaN")]
    fn nan_has_no_temperature() {
        fit([[f32::NAN, 0.0]], [0]);
    }

    #[test]
    #[should_panic(expected = "no label in 0..2")]
    fn nothing_has_no_temperature() {
        fit([[1.0, 0.0]], [2]);
    }

    #[test]
    #[should_panic(expected = "`temperature` is 0, allowed: a number > 0")]
    fn a_temperature_of_zero() {
        TemperatureScaling::new(0.0, &Device::flex());
    }
}
