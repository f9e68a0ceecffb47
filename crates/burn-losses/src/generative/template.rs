//! TODO: its name.

use super::{Generative, GenerativeLoss};
use crate::engine::pointwise;
use crate::formula::{Formula, Real};
use crate::reduction::{Extras, Reduction, Unreduced};
use burn::tensor::Tensor;
use burn_losses_derive::{loss, loss_config};

/// TODO: its name (authors, year, link).
///
/// # Formula
/// `scale (x - y)^2`, with the first and the second argument. TODO: with the paper's symbols.
///
/// # When to use
/// TODO: in one to three sentences, and what to take instead.
///
/// # Numerics
/// TODO: what is stabilized, and the gradient at kinks.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::{generative::TemplateLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TemplateLossConfig::new().with_scale(3.0).init(&device);
/// let zero = Tensor::<1>::zeros([2], &device);
/// assert_eq!(loss.forward(zero.ones_like(), zero).into_scalar::<f32>(), 3.0);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TODO`: TODO: in what it differs; or `the same.`, where the golden values come from it.
#[loss(generative, "template", "TODO: what it is for, in one line")]
pub struct TemplateLoss {
    config: TemplateLossConfig,
}

/// Config of [`TemplateLoss`].
#[loss_config]
pub struct TemplateLossConfig {
    /// TODO: what it means.
    #[field(default = 1.0, range = "> 0")]
    pub scale: f64,
}

impl GenerativeLoss for TemplateLoss {}

impl Formula for TemplateLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, first: R, second: R) -> R {
        (first - second).square() * self.config.scale
    }
}

impl Generative for TemplateLoss {
    fn arguments(&self) -> [&'static str; 2] {
        ["first", "second"]
    }

    fn unreduced(&self, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Unreduced<2> {
        pointwise::unreduced(self, first, second, extras)
    }

    fn reduce(&self, reduction: Reduction, first: Tensor<2>, second: Tensor<2>, extras: Extras) -> Tensor<1> {
        pointwise::reduce(self, reduction, first, second, extras)
    }
}
