//! Images: predictions and targets `[N, C, H, W]` or `[N, C, D, H, W]`, one value per image.
//!
//! All losses here can be swapped for one another in a config file: see [`ImageLossConfig`]. Therefore a loss of the predictions alone
//! takes targets too, but does not use them.
//!
//! For losses per pixel, use the family `regression`, for instance `charbonnier`.

mod ms_ssim;
mod options;
mod pictures;
mod psnr;
mod signature;
mod silog;
mod similarity;
mod ssim;
#[cfg(test)]
pub mod template;
mod total_variation;
mod weighted_sum;

use crate::check::Reference;
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, Unreduced};
use burn::tensor::Tensor;
use burn_losses_derive::{dispatch, family, inherent};

pub use ms_ssim::{MsSsimLoss, MsSsimLossConfig};
pub use options::{Covariance, LevelWeights, Padding, Sigma, SimilarityForm, SimilarityOptions};
pub use pictures::{Images, Pictures};
pub use psnr::{PsnrLoss, PsnrLossConfig};
pub use silog::{SilogLoss, SilogLossConfig};
pub use ssim::{SsimLoss, SsimLossConfig};
pub use total_variation::{TotalVariationLoss, TotalVariationLossConfig, VariationAverage, VariationNorm};
pub use weighted_sum::{WeightedSumLoss, WeightedSumLossConfig};

/// A loss of images, or of volumes.
///
/// The channels are on axis 1: `[N, C, H, W]` and `[N, C, D, H, W]` give `[N]`.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait ImageLoss: Images + Loss {
    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - predictions, targets: `[N, C, H, W]` or `[N, C, D, H, W]`, of the same shape
    /// - output: `[1]`
    fn forward<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_with(predictions, targets, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the images that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    fn forward_with<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        let (values, extras) = pictures::values_of(self, predictions, targets, extras);
        extras.reduce(self.reduction(), values)
    }

    /// One value per image: `[N]`.
    fn forward_no_reduction<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.forward_unreduced(predictions, targets, Extras::new()).values
    }

    /// One value per image, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: Tensor<D>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check(&predictions, &targets, &extras));
        let (values, extras) = pictures::values_of(self, predictions, targets, extras);
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check<const D: usize>(
        &self,
        predictions: &Tensor<D>,
        targets: &Tensor<D>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "predictions", tensor: predictions };
        pictures::check(self, first, targets, extras)
    }
}

/// The config of any loss of this family; its `kind` says which.
#[family(image, makes = AnyImageLoss)]
pub enum ImageLossConfig {
    #[kind("ssim")]
    Ssim(SsimLossConfig),
    #[kind("ms_ssim")]
    MsSsim(MsSsimLossConfig),
    #[kind("total_variation", alias = "tv")]
    TotalVariation(TotalVariationLossConfig),
    #[kind("psnr")]
    Psnr(PsnrLossConfig),
    #[kind("silog")]
    Silog(SilogLossConfig),
    #[kind("weighted_sum")]
    WeightedSum(WeightedSumLossConfig),
}

#[dispatch]
impl Images for AnyImageLoss {
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1>;
    fn least_side(&self) -> usize;
    fn needs_targets(&self) -> bool;
}
