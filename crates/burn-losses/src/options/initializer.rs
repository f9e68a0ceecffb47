//! The initializer of a head's weight.

use burn::module::Param;
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use burn_losses_derive::Choice;

/// The initializer of a head's weight; the schemes are those of [`Initializer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum WeightInitializer {
    /// Uniform in +-sqrt(6 / (C + E)).
    #[default]
    XavierUniform,
    /// Normal, with the variance 2 / (C + E).
    XavierNormal,
    /// Normal, with the standard deviation 0.01.
    Normal,
}

impl WeightInitializer {
    pub(crate) fn init(self, classes: usize, size: usize, device: &Device) -> Param<Tensor<2>> {
        let scheme = match self {
            Self::XavierUniform => Initializer::XavierUniform { gain: 1.0 },
            Self::XavierNormal => Initializer::XavierNormal { gain: 1.0 },
            Self::Normal => Initializer::Normal { mean: 0.0, std: 0.01 },
        };
        scheme.init_with([classes, size], Some(size), Some(classes), device)
    }
}
