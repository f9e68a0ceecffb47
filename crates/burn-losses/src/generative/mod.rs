//! Generative models: the scores of a discriminator, and the latent Gaussians of an encoder.
//!
//! The losses of this family take two tensors of the same shape, but what these are depends on the loss: see
//! [`GenerativeLossConfig`] and the names of the arguments.

mod adversarial;
mod kl_gaussian;
mod signature;
#[cfg(test)]
pub mod template;
mod values;

use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Reduction, Unreduced};
use crate::signature::{Arguments, Called, EvalError, Signature, Wanted};
use burn::tensor::Tensor;
use burn_losses_derive::{dispatch, family, inherent};

pub use adversarial::{AdversarialForm, AdversarialLoss, AdversarialLossConfig, GeneratorForm};
pub use kl_gaussian::{KlGaussianLoss, KlGaussianLossConfig, OtherGaussian};
pub use values::Generative;

/// A loss of a generative model.
///
/// The first and the second argument have names of their own, which errors and [`eval`](crate::eval) use: `real` and `fake` scores, or
/// `mean` and `log_variance`. Both are outputs of the model, so training differentiates the loss with respect to both. A loss that can
/// be called in another way too has a method of its own for that, such as
/// [`forward_generator`](AdversarialLoss::forward_generator).
///
/// `V` is the rank of the values: that of the inputs, or 1 for a loss that gives one value per row.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait GenerativeLoss: Generative + Loss {
    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - first, second: `[N, ..]`, of the same shape
    /// - output: `[1]`
    fn forward<const D: usize>(&self, first: Tensor<D>, second: Tensor<D>) -> Tensor<1> {
        self.forward_with(first, second, Extras::new())
    }

    /// Like `forward`, with weights, a mask of what is valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: the shape of the values, or one per sample: `[N, 1, ..]`
    fn forward_with<const D: usize>(
        &self,
        first: Tensor<D>,
        second: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&first, &second, &extras));
        let [first, second] = [first, second].map(values::rows);
        self.reduce(self.reduction(), first, second, extras)
    }

    /// The values: one per score, or one per row.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or if `V` is not the number of axes of the values.
    #[track_caller]
    fn forward_no_reduction<const D: usize, const V: usize>(&self, first: Tensor<D>, second: Tensor<D>) -> Tensor<V> {
        self.forward_unreduced(first, second, Extras::new()).values
    }

    /// The values, each times its weight and divided by the divisor of the extras, and their normalizers: the numbers that they
    /// add to the divisor of a mean. [`Reduction::reduce`](crate::Reduction::reduce) takes both.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or if `V` is not the number of axes of the values.
    #[track_caller]
    fn forward_unreduced<const D: usize, const V: usize>(
        &self,
        first: Tensor<D>,
        second: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<V> {
        let extras = extras.into();
        expect(self.check(&first, &second, &extras));
        let shape = first.dims();
        let [first, second] = [first, second].map(values::rows);
        values::in_shape(self, &shape, self.unreduced(first, second, extras))
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(&self, first: &Tensor<D>, second: &Tensor<D>, extras: &Extras) -> Result<(), InputError> {
        values::check(self, first, second, extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(generative, makes = AnyGenerativeLoss)]
pub enum GenerativeLossConfig {
    #[kind("adversarial", alias = "gan")]
    Adversarial(AdversarialLossConfig),
    #[kind("kl_gaussian")]
    KlGaussian(KlGaussianLossConfig),
}

#[dispatch]
impl Generative for AnyGenerativeLoss {
    fn arguments(&self) -> [&'static str; 2];
    fn is_per_row(&self) -> bool;
    fn needs(&self) -> Option<(&'static str, &'static str)>;
    fn unreduced(&self, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Unreduced<2>;
    fn reduce(&self, reduction: Reduction, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Tensor<1>;
    fn other_signature(&self) -> Option<Signature>;
    fn call_other(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError>;
}
