//! Quantile loss of several levels.

use super::{Likelihood, LikelihoodLoss, Taus};
use crate::check::Reference;
use crate::engine::outlined::Outlined;
use crate::engine::vectors::VectorKernel;
use crate::error::{InputError, expect};
use crate::formula::{Real, VectorFormula};
use burn::tensor::Tensor;
use burn_losses_derive::{Choice, loss, loss_config};

/// How the values of the levels are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum LevelSum {
    /// Their sum.
    #[default]
    Sum,
    /// Their sum, over the number of levels.
    Mean,
}

/// Quantile loss of several levels at once (Koenker and Bassett 1978, [doi 10.2307/1913643](https://doi.org/10.2307/1913643)).
///
/// A model predicts K numbers for one target; the k-th becomes the tau_k-quantile of the target.
///
/// # Formula
/// ```text
/// sum_k q(tau_k, e_k) + crossing sum_k max(0, p_k - p_(k+1))       e_k = target - p_k
///
/// q(tau, e) = max(tau e, (tau - 1) e)                              delta = 0
/// q(tau, e) = |tau - [e < 0]| h(e) / delta                         delta > 0, h the Huber loss of that delta
/// ```
/// `over = "mean"` divides the whole value by K, including the penalty for crossings. With delta > 0 it is the loss of QR-DQN (Dabney et
/// al. 2018, [arXiv 1710.10044](https://arxiv.org/abs/1710.10044)).
///
/// # When to use
/// For prediction intervals: the quantiles 0.1 and 0.9 bound an interval of 80 %. One model with K outputs is cheaper than K models, and
/// `crossing` keeps its outputs in order. `delta` makes the loss smooth, as for the critics of distributional reinforcement learning. For
/// one level, take [`QuantileLoss`](crate::regression::QuantileLoss).
///
/// # Shapes
/// - parameters: `[N, K, d1, ..]`, with K the number of `taus`
/// - targets: `[N, d1, ..]`; with `forward_pairs` several targets for each row of predictions
///
/// # Numerics
/// With the mean over many levels, twice this loss tends to the continuous ranked probability score (CRPS).
/// If `delta` and `crossing` are 0, the gradient of the k-th prediction is -tau_k below the target, 1 - tau_k above the target, and 0
/// where both are equal. Two equal predictions do not cross. The fused engine has kernels for 1, 2, 3, 5, 7 and 9 levels; other numbers
/// of levels run as tensor operations.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{likelihood::MultiQuantileLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = MultiQuantileLossConfig::new([0.25, 0.5, 0.75]).init(&device);
/// let predictions = Tensor::<2>::from_floats([[0.0, 1.0, 3.0]], &device);
/// let value = loss.forward(predictions, Tensor::<1>::from_floats([1.0], &device));
/// assert_eq!(value.into_scalar::<f32>(), 0.25 + 0.0 + 0.25 * 2.0);
/// ```
///
/// # Elsewhere
/// - `sklearn.metrics.mean_pinball_loss`: of one level; the reference values are its sum.
/// - `pytorch_forecasting.metrics.QuantileLoss`: twice this loss, with the levels along the last axis, and no penalty of
///   crossings.
/// - `catboost.MultiQuantile`: its mean over the levels, `over = "mean"`.
///
/// XGBoost: `reg:quantileerror`, with a list as `quantile_alpha`. PyTorch has none.
#[loss(likelihood, "multi_quantile", "Pinball loss of several levels: estimates quantiles of the target together")]
pub struct MultiQuantileLoss {
    config: MultiQuantileLossConfig,
}

/// Config of [`MultiQuantileLoss`].
#[loss_config]
pub struct MultiQuantileLossConfig {
    /// The levels, in the order of the predictions.
    #[field(example = Taus::new([0.1, 0.5, 0.9]), range = "(0, 1)")]
    pub taus: Taus,
    /// How the values of the levels are combined.
    #[field(default = LevelSum::Sum)]
    pub over: LevelSum,
    /// The error up to which the loss is quadratic, in the units of the target; 0 means never.
    #[field(default = 0.0, range = ">= 0")]
    pub delta: f64,
    /// The weight of the penalty for crossings: how far each prediction is above the next one.
    #[field(default = 0.0, range = ">= 0")]
    pub crossing: f64,
}

impl MultiQuantileLoss {
    /// The value of the batch, where each row of predictions is compared with M targets, as with the samples or the quantiles of
    /// another distribution (QR-DQN): the values of a row are averaged over its targets, and the rows reduced as the config says.
    ///
    /// # Shapes
    /// - predictions: `[N, K]`
    /// - targets: `[N, M]`, with M at least 1
    /// - output: `[1]`
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let values = self.forward_pairs_no_reduction(predictions, targets);
        self.config.reduction.reduce(values.into(), None, None)
    }

    /// One value per row of predictions: the mean over its targets.
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs_no_reduction(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        expect(self.check_pairs(&predictions, &targets));
        let ([rows, levels], [_, count]) = (predictions.dims(), targets.dims());
        let predictions = predictions.unsqueeze_dim::<3>(2).expand([rows, levels, count]);
        self.forward_no_reduction::<3, 2>(predictions, targets).mean_dim(1).squeeze_dim(1)
    }

    /// Checks the arguments of [`forward_pairs`](Self::forward_pairs).
    pub fn check_pairs(&self, predictions: &Tensor<2>, targets: &Tensor<2>) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        let ([rows, levels], [_, count]) = (predictions.dims(), targets.dims());
        if levels != self.parameters() {
            let expected = format!("{} levels on axis 1", self.parameters());
            return Err(first.shape_error(first.name, &[rows, levels], expected));
        }
        if count == 0 {
            return Err(first.shape_error("targets", &targets.dims(), "at least one target per row on axis 1".into()));
        }
        first.companion("targets", targets, [rows, count], "some targets per row of `predictions`")
    }

    /// The value of one target. The number of levels is that of the config.
    #[inline(always)]
    fn value<R: Real>(&self, levels: &[R], target: &R) -> R {
        let MultiQuantileLossConfig { over, crossing, .. } = self.config;
        let taus = self.config.taus.levels();
        let mut sum = self.of_level(taus[0], levels[0].clone(), target.clone());
        let mut level = 1;
        while level < levels.len() {
            sum = sum + self.of_level(taus[level], levels[level].clone(), target.clone());
            if crossing != 0.0 {
                sum = sum + (levels[level - 1].clone() - levels[level].clone()).relu() * crossing;
            }
            level += 1;
        }
        match over {
            LevelSum::Sum => sum,
            LevelSum::Mean => sum * (1.0 / levels.len() as f64),
        }
    }

    /// The value of one level.
    #[inline(always)]
    fn of_level<R: Real>(&self, tau: f64, prediction: R, target: R) -> R {
        let error = target - prediction;
        let (above, below) = (error.clone().relu(), (-error).relu());
        self.smooth(above) * tau + self.smooth(below) * (1.0 - tau)
    }

    /// The Huber loss of a number that is not negative, over its delta; the number itself if there is no delta.
    #[inline(always)]
    fn smooth<R: Real>(&self, error: R) -> R {
        let delta = self.config.delta;
        if delta == 0.0 {
            return error;
        }
        let near = error.clone().minimum(error.lit(delta));
        near.clone().square() * (0.5 / delta) + (error - near)
    }
}

/// The loss of this number of levels.
#[derive(Debug, Clone)]
struct Levels<const K: usize>(MultiQuantileLoss);

impl<const K: usize> VectorFormula<K, 1> for Levels<K> {
    #[inline(always)]
    fn eval<R: Real>(&self, levels: [R; K], [target]: [R; 1]) -> R {
        self.0.value(&levels, &target)
    }
}

impl Likelihood for MultiQuantileLoss {
    fn parameters(&self) -> usize {
        self.config.taus.levels().len()
    }

    fn rows(&self, parameters: Tensor<2>, targets: Tensor<1>) -> Tensor<1> {
        let column = |level: usize| Outlined(parameters.clone().narrow(1, level, 1).squeeze_dim(1));
        let levels: Vec<_> = (0..self.parameters()).map(column).collect();
        self.value(&levels, &Outlined(targets)).0
    }

    fn kernel(&self) -> Option<VectorKernel> {
        Some(match self.parameters() {
            1 => VectorKernel::new(&Levels::<1>(self.clone())),
            2 => VectorKernel::new(&Levels::<2>(self.clone())),
            3 => VectorKernel::new(&Levels::<3>(self.clone())),
            5 => VectorKernel::new(&Levels::<5>(self.clone())),
            7 => VectorKernel::new(&Levels::<7>(self.clone())),
            9 => VectorKernel::new(&Levels::<9>(self.clone())),
            _ => return None,
        })
    }
}

impl LikelihoodLoss for MultiQuantileLoss {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;
    use crate::{watched, with_tensor_operations};
    use burn::tensor::Device;

    fn loss(taus: &[f64]) -> MultiQuantileLoss {
        MultiQuantileLossConfig::new(taus).init(&Device::flex())
    }

    #[test]
    fn a_level_is_the_quantile_loss() {
        use crate::formula::Formula;
        use crate::regression::QuantileLossConfig;
        let levels = [0.1, 0.5, 0.9];
        let predictions = [-0.5, 0.25, 3.0];
        let each = levels
            .iter()
            .zip(predictions)
            .map(|(tau, p)| QuantileLossConfig::new().with_tau(*tau).init(&Device::flex()).eval(p, 1.0));
        let value = loss(&levels).value(&predictions, &1.0);
        assert!((value - each.sum::<f64>()).abs() < 1e-15);
    }

    #[test]
    fn crossings_cost_what_they_cross_by() {
        let with = |crossing: f64, over| {
            let config = MultiQuantileLossConfig::new([0.2, 0.4]).with_crossing(crossing).with_over(over);
            config.init(&Device::flex()).value(&[3.0, 1.0], &0.0)
        };
        assert!((with(0.5, LevelSum::Sum) - with(0.0, LevelSum::Sum) - 1.0).abs() < 1e-15);
        assert!((with(0.5, LevelSum::Mean) - with(0.5, LevelSum::Sum) / 2.0).abs() < 1e-15);
    }

    /// Of the uniform distribution on [0, 1], whose quantiles are the levels.
    #[test]
    fn twice_the_mean_over_many_levels_is_the_ranked_probability_score() {
        let taus: Vec<f64> = (1..2000).map(|level| f64::from(level) / 2000.0).collect();
        let loss = MultiQuantileLossConfig::new(taus.clone()).with_over(LevelSum::Mean).init(&Device::flex());
        for target in [0.0, 0.3, 0.75] {
            let score = (target * target * target + (1.0 - target) * (1.0 - target) * (1.0 - target)) / 3.0;
            assert!((2.0 * loss.value(&taus, &target) - score).abs() < 1e-3, "{target}");
        }
    }

    #[test]
    fn delta_is_the_quantile_huber_loss() {
        let at = |prediction: f64| {
            let loss = MultiQuantileLossConfig::new([0.25]).with_delta(2.0).init(&Device::flex());
            loss.value(&[Dual::<f64, 1>::variable(prediction, 0)], &Dual::constant(0.0))
        };
        assert_eq!((at(1.0).value, at(1.0).slope), (0.75 * 0.5 / 2.0, [0.75 / 2.0]));
        assert_eq!((at(-4.0).value, at(-4.0).slope), (0.25 * 2.0 * (4.0 - 1.0) / 2.0, [-0.25]));
        assert_eq!((at(0.0).value, at(0.0).slope), (0.0, [0.0]));
    }

    #[test]
    fn kernels_and_tensor_operations_agree_for_every_number_of_levels() {
        let device = Device::flex().autodiff();
        for count in 1..=12 {
            let taus: Vec<f64> = (1..=count).map(|level| level as f64 / (count + 1) as f64).collect();
            let loss = MultiQuantileLossConfig::new(taus).with_crossing(0.3).with_delta(0.5).init(&device);
            let numbers: Vec<f32> = (0..20 * count).map(|at| ((at * 37 % 19) as f32 - 9.0) * 0.3).collect();
            let parameters = Tensor::<1>::from_floats(numbers.as_slice(), &device).reshape([20, count]);
            let targets = Tensor::<1>::from_floats(&numbers[..20], &device);
            let run = || {
                let leaf = parameters.clone().require_grad();
                let value = loss.forward(leaf.clone(), targets.clone() * 0.7);
                let gradients = value.backward();
                let gradient = leaf.grad(&gradients).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>();
                (value.into_scalar::<f32>(), gradient)
            };
            let ((value, gradient), paths) = watched(run);
            assert_eq!(paths.fused.is_empty(), ![1, 2, 3, 5, 7, 9].contains(&count), "{count} levels");
            let (expected, slopes) = with_tensor_operations(run);
            assert!((value - expected).abs() < 1e-5 * expected.abs(), "{count} levels: {value} {expected}");
            assert!(gradient.iter().zip(slopes).all(|(a, b)| (a - b).abs() < 1e-6), "{count} levels");
        }
    }

    #[test]
    fn pairs_are_averaged_over_the_targets_of_a_row() {
        let device = Device::flex();
        let config = MultiQuantileLossConfig::new([0.25, 0.75]).with_delta(1.0);
        let loss = config.clone().init(&device);
        let predictions = Tensor::<2>::from_floats([[0.0, 1.0], [2.0, -1.0]], &device);
        let targets = Tensor::<2>::from_floats([[0.5, 2.0, -1.0], [0.0, 1.0, 4.0]], &device);
        let values = loss.forward_pairs_no_reduction(predictions.clone(), targets.clone());
        let expected: Vec<f64> = [([0.0, 1.0], [0.5, 2.0, -1.0]), ([2.0, -1.0], [0.0, 1.0, 4.0])]
            .map(|(levels, targets)| targets.iter().map(|target| loss.value(&levels, target)).sum::<f64>() / 3.0)
            .to_vec();
        for (got, expected) in values.into_data().iter::<f64>().zip(&expected) {
            assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        }
        let sum = config.with_reduction(crate::Reduction::Sum).init(&device);
        let total = sum.forward_pairs(predictions.clone(), targets).into_scalar::<f64>();
        assert!((total - expected.iter().sum::<f64>()).abs() < 1e-6);
        let error = loss.check_pairs(&predictions, &Tensor::zeros([3, 2], &device)).unwrap_err();
        let expected =
            "multi_quantile: `targets` has shape [3, 2], expected [2, 2] (some targets per row of `predictions`)";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn levels_increase() {
        let error = |taus: &[f64]| MultiQuantileLossConfig::new(taus).validate().unwrap_err().to_string();
        let allowed = "allowed: at least one level, each a number in (0, 1) and larger than the one before";
        assert_eq!(error(&[0.5, 0.1]), format!("multi_quantile: `taus[1]` is 0.1, {allowed}"));
        assert_eq!(error(&[0.5, 0.5]), format!("multi_quantile: `taus[1]` is 0.5, {allowed}"));
        assert_eq!(error(&[]), format!("multi_quantile: `taus` is an empty list, {allowed}"));
        assert_eq!(error(&[0.5, 1.0]), "multi_quantile: `taus[1]` is 1, allowed: a number in (0, 1)");
    }

    #[test]
    fn the_first_batch_shows_another_number_of_levels() {
        let device = Device::flex();
        let two = Tensor::<2>::zeros([4, 2], &device);
        let error = loss(&[0.1, 0.5, 0.9]).check(&two, &Tensor::<1>::zeros([4], &device), &crate::Extras::new());
        let expected = "multi_quantile: `parameters` has shape [4, 2], expected 3 parameters on axis 1";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }

    #[test]
    fn there_is_no_mean_and_no_spread() {
        let mean = || Tensor::<1>::zeros([4], &Device::flex());
        let error = loss(&[0.1, 0.9]).check_parts(&mean(), &mean(), &mean(), &crate::Extras::new()).unwrap_err();
        assert!(error.to_string().starts_with("multi_quantile: `mean` is not supported: "), "{error}");
    }
}
