//! Likelihoods: parameters of a distribution `[N, K, d1, ..]` and targets `[N, d1, ..]`, one value per target.
//!
//! All losses of the same number K of parameters can be swapped for one another in a config file: see
//! [`LikelihoodLossConfig`].

mod gaussian_nll;
mod laplace_nll;
mod multi_quantile;
mod signature;
mod spread;
mod student_t_nll;
mod taus;
#[cfg(test)]
pub mod template;
mod values;

use crate::engine::vectors::VectorKernel;
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::Tensor;
use burn_losses_derive::{dispatch, family, inherent};
use values::Rows;

pub use gaussian_nll::{GaussianNllLoss, GaussianNllLossConfig};
pub use laplace_nll::{LaplaceNllLoss, LaplaceNllLossConfig};
pub use multi_quantile::{LevelSum, MultiQuantileLoss, MultiQuantileLossConfig};
pub use spread::SpreadForm;
pub use student_t_nll::{StudentTNllLoss, StudentTNllLossConfig};
pub use taus::Taus;
pub use values::Likelihood;

/// A loss of the K predicted parameters of a distribution and of the number that was drawn from it.
///
/// The parameters are on axis 1: `[N, K]` parameters take `[N]` targets, `[N, K, H, W]` parameters take `[N, H, W]` targets; `L` is
/// the rank of the targets and of the values, one less than `D`.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait LikelihoodLoss: Likelihood + Loss {
    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - parameters: `[N, K, d1, ..]`
    /// - targets: `[N, d1, ..]`
    /// - output: `[1]`
    fn forward<const D: usize, const L: usize>(&self, parameters: Tensor<D>, targets: Tensor<L>) -> Tensor<1> {
        self.forward_with(parameters, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the values that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the targets, or `[N, 1, ..]` for one per sample
    fn forward_with<const D: usize, const L: usize>(
        &self,
        parameters: Tensor<D>,
        targets: Tensor<L>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&parameters, &targets, &extras));
        Rows::new(parameters, targets).reduce(self, self.reduction(), extras)
    }

    /// One value per target.
    fn forward_no_reduction<const D: usize, const L: usize>(
        &self,
        parameters: Tensor<D>,
        targets: Tensor<L>,
    ) -> Tensor<L> {
        self.forward_unreduced(parameters, targets, Extras::new()).values
    }

    /// One value per target, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced<const D: usize, const L: usize>(
        &self,
        parameters: Tensor<D>,
        targets: Tensor<L>,
        extras: impl Into<Extras>,
    ) -> Unreduced<L> {
        let extras = extras.into();
        expect(self.check(&parameters, &targets, &extras));
        Rows::new(parameters, targets).unreduced(self, extras)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize, const L: usize>(
        &self,
        parameters: &Tensor<D>,
        targets: &Tensor<L>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        values::check(self, self.kind(), parameters, targets, extras)
    }

    /// The value of the batch, where the mean and the spread are two tensors: for the losses of these two parameters.
    ///
    /// # Shapes
    /// - mean, spread, targets: `[...]`, of the same shape
    /// - output: `[1]`
    fn forward_parts<const L: usize>(&self, mean: Tensor<L>, spread: Tensor<L>, targets: Tensor<L>) -> Tensor<1> {
        self.forward_parts_with(mean, spread, targets, Extras::new())
    }

    /// Like `forward_parts`, with weights, a mask of the values that are valid, or a divisor: see [`Extras`].
    fn forward_parts_with<const L: usize>(
        &self,
        mean: Tensor<L>,
        spread: Tensor<L>,
        targets: Tensor<L>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_parts(&mean, &spread, &targets, &extras));
        Rows::from_parts(mean, spread, targets).reduce(self, self.reduction(), extras)
    }

    /// Like `forward_unreduced`, where the mean and the spread are two tensors.
    fn forward_parts_unreduced<const L: usize>(
        &self,
        mean: Tensor<L>,
        spread: Tensor<L>,
        targets: Tensor<L>,
        extras: impl Into<Extras>,
    ) -> Unreduced<L> {
        let extras = extras.into();
        expect(self.check_parts(&mean, &spread, &targets, &extras));
        Rows::from_parts(mean, spread, targets).unreduced(self, extras)
    }

    /// Like `check`, for the arguments of the methods of a mean and a spread.
    fn check_parts<const L: usize>(
        &self,
        mean: &Tensor<L>,
        spread: &Tensor<L>,
        targets: &Tensor<L>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        values::check_parts(self, self.kind(), mean, [spread, targets], extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(likelihood, makes = AnyLikelihoodLoss)]
pub enum LikelihoodLossConfig {
    #[kind("gaussian_nll")]
    GaussianNll(GaussianNllLossConfig),
    #[kind("laplace_nll")]
    LaplaceNll(LaplaceNllLossConfig),
    #[kind("student_t_nll")]
    StudentTNll(StudentTNllLossConfig),
    #[kind("multi_quantile")]
    MultiQuantile(MultiQuantileLossConfig),
}

#[dispatch]
impl Likelihood for AnyLikelihoodLoss {
    fn parameters(&self) -> usize;
    fn has_parts(&self) -> bool;
    fn rows(&self, parameters: Tensor<2>, targets: Tensor<1>) -> Tensor<1>;
    fn kernel(&self) -> Option<VectorKernel>;
}
