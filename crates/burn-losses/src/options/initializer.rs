//! How a head's weight begins.

use burn::module::Param;
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

crate::choice! {
    /// How a head's weight begins; the schemes are those of [`Initializer`].
    #[derive(Copy, Eq)]
    pub enum WeightInitializer {
        /// Uniform in +-sqrt(6 / (C + E)).
        #[default]
        XavierUniform = "xavier_uniform",
        /// Normal, with the variance 2 / (C + E).
        XavierNormal = "xavier_normal",
        /// Normal, with the standard deviation 0.01.
        Normal = "normal",
    }
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
