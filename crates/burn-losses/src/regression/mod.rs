//! Regression: predictions and targets of the same shape.
//!
//! All losses here can be swapped for one another in a config file: see [`RegressionLossConfig`]. For a prediction with its
//! uncertainty, or several quantiles at once, see [`likelihood`](crate::likelihood); for whole images [`image`](crate::image).
//!
//! What a loss estimates shows in the constant that fits best. Nine of ten targets are 150, and the others are about 15: the
//! absolute error says 150, the median, and the squared error says 136.5, the mean. Huber loss is between.
//! ```
//! use burn::tensor::Device;
//! use burn_losses::formula::Formula;
//! use burn_losses::regression::{HuberLossConfig, MaeLossConfig, MseLossConfig};
//!
//! let others = (0..10).map(|i| 1.5 + 3.0 * f64::from(i));
//! let targets: Vec<f64> = [150.0; 90].into_iter().chain(others).collect();
//!
//! fn best_constant(loss: &impl Formula, targets: &[f64]) -> f64 {
//!     let total = |constant: f64| targets.iter().map(|target| loss.eval(constant, *target)).sum::<f64>();
//!     let (mut low, mut high) = (0.0, 200.0);
//!     while high - low > 1e-5 {
//!         let third = (high - low) / 3.0;
//!         if total(low + third) < total(high - third) { high -= third } else { low += third }
//!     }
//!     low
//! }
//!
//! let device = Device::flex();
//! assert!((best_constant(&MaeLossConfig::new().init(&device), &targets) - 150.0).abs() < 1e-3);
//! assert!((best_constant(&MseLossConfig::new().init(&device), &targets) - 136.5).abs() < 1e-3);
//! let huber = HuberLossConfig::new().with_delta(45.0).init(&device);
//! assert!((best_constant(&huber, &targets) - 145.0).abs() < 1e-3);
//! ```

mod adaptive_wing;
mod balanced_l1;
mod barron;
mod cauchy;
mod charbonnier;
mod epsilon_insensitive;
mod expectile;
mod focal_l1;
mod geman_mcclure;
mod ghm_r;
mod huber;
mod log_cosh;
mod lp;
mod mae;
mod mape;
mod mean_bias;
mod mse;
mod msle;
mod ohem;
mod poisson_nll;
mod quantile;
mod robust;
mod signature;
mod smape;
mod smooth_l1;
#[cfg(test)]
pub mod template;
mod tukey_biweight;
mod tweedie_nll;
mod weighted_sum;
mod welsch;
mod wing;

use crate::check::Reference;
use crate::engine::curved::{Model, Part};
use crate::engine::pointwise::{self, BatchKernel, PointKernel, Pointwise};
use crate::error::{InputError, expect};
use crate::loss::Loss;
pub use crate::options::{DivideBy, HardExamples, MinedOver};
use crate::reduction::{Extras, Unreduced};
use crate::second_order::{Pairs, SecondOrder, SecondOrderConfig, on_host};
pub use adaptive_wing::{AdaptiveWingLoss, AdaptiveWingLossConfig};
pub use balanced_l1::{BalancedL1Loss, BalancedL1LossConfig};
pub use barron::{BarronAlpha, BarronLoss, BarronLossConfig};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{dispatch, family, inherent};
pub use cauchy::{CauchyLoss, CauchyLossConfig};
pub use charbonnier::{CharbonnierLoss, CharbonnierLossConfig, CharbonnierScale};
pub use epsilon_insensitive::{EpsilonInsensitiveLoss, EpsilonInsensitiveLossConfig};
pub use expectile::{ExpectileLoss, ExpectileLossConfig};
pub use focal_l1::{FocalL1Form, FocalL1Loss, FocalL1LossConfig};
pub use geman_mcclure::{GemanMcclureLoss, GemanMcclureLossConfig};
pub use ghm_r::{GhmRLoss, GhmRLossConfig};
pub use huber::{HuberLoss, HuberLossConfig};
pub(crate) use log_cosh::ln_cosh;
pub use log_cosh::{LogCoshLoss, LogCoshLossConfig};
pub use lp::{LpLoss, LpLossConfig};
pub use mae::{MaeLoss, MaeLossConfig};
pub use mape::{MapeLoss, MapeLossConfig};
pub use mean_bias::{MeanBiasLoss, MeanBiasLossConfig};
pub use mse::{MseLoss, MseLossConfig};
pub use msle::{LogDomain, MsleLoss, MsleLossConfig};
pub use ohem::{OhemLoss, OhemLossConfig};
pub use poisson_nll::{PoissonNllLoss, PoissonNllLossConfig};
pub use quantile::{QuantileLoss, QuantileLossConfig};
pub use robust::RobustForm;
pub use smape::{SmapeLoss, SmapeLossConfig};
pub use smooth_l1::{SmoothL1Loss, SmoothL1LossConfig};
pub use tukey_biweight::{TukeyBiweightLoss, TukeyBiweightLossConfig, TukeyScale};
pub use tweedie_nll::{TweedieNllLoss, TweedieNllLossConfig};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};
pub use welsch::{WelschLoss, WelschLossConfig};
pub use wing::{WingLoss, WingLossConfig};

/// A loss of predictions and targets of the same shape.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait RegressionLoss: Pointwise + Loss {
    /// Whether targets below 0 have a meaning: for the likelihood of counts they have none. `diagnose` reports them then.
    fn takes_negative_targets(&self) -> bool {
        true
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[...]`, of the same shape
    /// - output: `[1]`
    fn forward<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the valid values, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the predictions, or `[N, 1, ..]` for one per sample
    fn forward_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        pointwise::reduce(self, self.reduction(), predictions, targets, extras)
    }

    /// One value per prediction.
    fn forward_no_reduction<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        self.forward_unreduced(predictions, targets, Extras::new()).values
    }

    /// One value per element, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<D> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        pointwise::unreduced(self, predictions, targets, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        pointwise::check(self, first, targets, extras)
    }

    /// One value, one gradient and one curvature per prediction: see [`second_order`](crate::second_order).
    ///
    /// It is computed on the host in double precision. The results carry no graph.
    fn forward_second_order<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
    ) -> SecondOrder<Tensor<D>> {
        self.forward_second_order_with(predictions, targets, &SecondOrderConfig::new(), Extras::new())
    }

    /// Like `forward_second_order`, with another [`Curvature`](crate::Curvature) or a floor; and with weights, which multiply all
    /// three results, a divisor, which divides them, or a mask, which makes them 0.
    fn forward_second_order_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        options: &SecondOrderConfig,
        extras: impl Into<Extras>,
    ) -> SecondOrder<Tensor<D>> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: &predictions };
        expect(Pairs::new(self, Model::Likelihood, first, &targets, extras.into(), options)).results()
    }

    /// Like `forward_second_order_with`, for slices of numbers.
    ///
    /// # Panics
    /// If the lengths differ, or if the loss has no such curvature.
    #[track_caller]
    fn forward_second_order_on_host(
        &self,
        predictions: &[f64],
        targets: &[f64],
        weights: Option<&[f64]>,
        options: &SecondOrderConfig,
    ) -> SecondOrder<Vec<f64>> {
        expect(on_host(self, Model::Likelihood, [predictions, targets], weights, options))
    }

    /// Checks the arguments of `forward_second_order_with`, and that the loss has such a curvature: one that is 0 everywhere is an
    /// error, unless the floor is above 0.
    fn check_second_order<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        options: &SecondOrderConfig,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        Pairs::new(self, Model::Likelihood, first, targets, extras.clone(), options).map(|_| ())
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(regression, makes = AnyRegressionLoss)]
pub enum RegressionLossConfig {
    #[kind("mae", alias = "l1")]
    Mae(MaeLossConfig),
    #[kind("mse", alias = "l2")]
    Mse(MseLossConfig),
    #[kind("mean_bias")]
    MeanBias(MeanBiasLossConfig),
    #[kind("lp")]
    Lp(LpLossConfig),
    #[kind("smooth_l1")]
    SmoothL1(SmoothL1LossConfig),
    #[kind("huber")]
    Huber(HuberLossConfig),
    #[kind("charbonnier")]
    Charbonnier(CharbonnierLossConfig),
    #[kind("balanced_l1")]
    BalancedL1(BalancedL1LossConfig),
    #[kind("epsilon_insensitive")]
    EpsilonInsensitive(EpsilonInsensitiveLossConfig),
    #[kind("log_cosh")]
    LogCosh(LogCoshLossConfig),
    #[kind("quantile", alias = "pinball")]
    Quantile(QuantileLossConfig),
    #[kind("expectile")]
    Expectile(ExpectileLossConfig),
    #[kind("msle")]
    Msle(MsleLossConfig),
    #[kind("mape")]
    Mape(MapeLossConfig),
    #[kind("smape")]
    Smape(SmapeLossConfig),
    #[kind("poisson_nll")]
    PoissonNll(PoissonNllLossConfig),
    #[kind("tweedie_nll")]
    TweedieNll(TweedieNllLossConfig),
    #[kind("barron")]
    Barron(BarronLossConfig),
    #[kind("cauchy")]
    Cauchy(CauchyLossConfig),
    #[kind("geman_mcclure")]
    GemanMcclure(GemanMcclureLossConfig),
    #[kind("welsch")]
    Welsch(WelschLossConfig),
    #[kind("tukey_biweight")]
    TukeyBiweight(TukeyBiweightLossConfig),
    #[kind("focal_l1")]
    FocalL1(FocalL1LossConfig),
    #[kind("wing")]
    Wing(WingLossConfig),
    #[kind("adaptive_wing")]
    AdaptiveWing(AdaptiveWingLossConfig),
    #[kind("ghm_r")]
    GhmR(GhmRLossConfig),
    #[kind("ohem")]
    Ohem(OhemLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Pointwise for AnyRegressionLoss {
    fn values(&self, first: Tensor<3>, targets: Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Unreduced<3>;
    fn kernel(&self) -> Option<PointKernel>;
    fn kernel_of_batch(&self, first: &Tensor<3>, targets: &Tensor<3>) -> Option<BatchKernel>;
    fn parts(&self, first: &Tensor<3>, targets: &Tensor<3>, mask: Option<&Tensor<3, Bool>>) -> Option<Vec<Part>>;
    fn accepts(&self, shape: &[usize]) -> Result<(), String>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::{Dual, Formula};
    use burn::tensor::Device;

    /// Where the slope of the sum over all targets changes its sign.
    fn best_constant(loss: &impl Formula, targets: &[f64]) -> f64 {
        let slope = |constant: f64| -> f64 {
            targets.iter().map(|t| loss.eval(Dual::<f64, 1>::variable(constant, 0), Dual::constant(*t)).slope[0]).sum()
        };
        let (mut low, mut high) = (0.0, 2000.0);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if slope(middle) < 0.0 { low = middle } else { high = middle }
        }
        low
    }

    /// A constant fitted by MAE is the median, and by MSE the mean; Huber loss and expectiles are between, quantiles follow tau.
    #[test]
    fn what_a_constant_fitted_by_each_loss_is() {
        let device = Device::flex();
        let others = (0..10).map(|i| 1.5 + 3.0 * f64::from(i));
        let few_low: Vec<f64> = [150.0; 90].into_iter().chain(others).collect();
        let few_lower: Vec<f64> = [1000.0; 95].into_iter().chain([10.0; 5]).collect();
        let close = |loss: &dyn Fn(&[f64]) -> f64, expected: [f64; 2]| {
            for (targets, expected) in [&few_low, &few_lower].into_iter().zip(expected) {
                assert!((loss(targets) - expected).abs() < 1e-9, "{} against {expected}", loss(targets));
            }
        };
        let mae = MaeLossConfig::new().init(&device);
        close(&|targets| best_constant(&mae, targets), [150.0, 1000.0]);
        let mse = MseLossConfig::new().init(&device);
        close(&|targets| best_constant(&mse, targets), [136.5, 950.5]);
        // The many are off by x with slope x each, the few by more than delta with slope delta each.
        let huber = HuberLossConfig::new().with_delta(45.0).init(&device);
        close(&|targets| best_constant(&huber, targets), [150.0 - 10.0 / 90.0 * 45.0, 1000.0 - 5.0 / 95.0 * 45.0]);
        let median = QuantileLossConfig::new().init(&device);
        close(&|targets| best_constant(&median, targets), [150.0, 1000.0]);
        let mean = ExpectileLossConfig::new().init(&device);
        close(&|targets| best_constant(&mean, targets), [136.5, 950.5]);
        let low = QuantileLossConfig::new().with_tau(0.025).init(&device);
        close(&|targets| best_constant(&low, targets), [7.5, 10.0]);
    }
}
