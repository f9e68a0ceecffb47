//! How a loss of this family computes its values.

use crate::check::{Reference, pictures as shapes, widen};
use crate::engine::rows::valid_rows;
use crate::engine::{with_zero_gradient, without_weightless};
use crate::error::InputError;
use crate::reduction::{Extras, ShapedExtras, Unreduced, row_sums};
use burn::tensor::{Bool, Tensor};

/// How a loss of the family `image` computes its values.
///
/// Whatever axes the inputs have, they are passed as [`Pictures`]: so the code is compiled once, not for each number of axes.
pub trait Images: Sized {
    /// The `[N]` values of images in single or double precision; N is not 0.
    fn values(&self, predictions: Pictures, targets: Pictures) -> Tensor<1>;

    /// The length that each side of an image needs at least.
    fn least_side(&self) -> usize {
        1
    }

    /// Whether the values depend on the targets.
    fn needs_targets(&self) -> bool {
        true
    }
}

/// The channels of images of one size.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// The pixels of each channel of each image: `[N C, pixels]`.
    pub pixels: Tensor<2>,
    /// The number of channels of an image.
    pub channels: usize,
    /// The sides of an image: height and width, after the depth if there is one.
    pub sides: Vec<usize>,
}

impl Pictures {
    /// The images in the rows of `[N, pixels of all channels]`.
    fn new(rows: Tensor<2>, shape: &[usize]) -> Self {
        let (channels, sides) = (shape[1], shape[2..].to_vec());
        let pixels = widen(rows).reshape([shape[0] * channels, sides.iter().product()]);
        Self { pixels, channels, sides }
    }

    /// The number of images.
    pub fn count(&self) -> usize {
        self.pixels.dims()[0] / self.channels
    }

    /// The pixels, with the axis of one side in the middle: `[outer, side, inner]`.
    pub fn along(&self, axis: usize) -> Tensor<3> {
        let [channels, _] = self.pixels.dims();
        let outer = channels * self.sides[..axis].iter().product::<usize>();
        let inner = self.sides[axis + 1..].iter().product();
        self.pixels.clone().reshape([outer, self.sides[axis], inner])
    }

    /// The same images with other pixels along one axis, as [`along`](Self::along) gives them.
    #[must_use]
    pub fn with_pixels_along(mut self, axis: usize, pixels: Tensor<3>) -> Self {
        let [channels, _] = self.pixels.dims();
        self.sides[axis] = pixels.dims()[1];
        self.pixels = pixels.reshape([channels, self.sides.iter().product()]);
        self
    }

    /// The mean of the numbers of each channel: `[N C]`.
    pub fn mean_of_channels(numbers: Tensor<2>) -> Tensor<1> {
        let pixels = numbers.dims()[1];
        row_sums(numbers).squeeze_dim::<1>(1) * (1.0 / pixels as f64)
    }

    /// The mean over the channels of each image: `[N]`.
    pub fn mean_of_images(&self, numbers: Tensor<1>) -> Tensor<1> {
        let count = self.count();
        Self::mean_of_channels(numbers.reshape([count, self.channels]))
    }
}

/// Checks the arguments of a loss; every forward method does this first.
pub(super) fn check<L: Images, const D: usize>(
    loss: &L,
    predictions: Reference<'_, D>,
    targets: &Tensor<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    let (shape, least) = (predictions.tensor.dims(), loss.least_side());
    let has_sides = || shape[2..].iter().all(|side| *side >= least.max(1));
    if !(4..=5).contains(&D) || shape[1] == 0 || !has_sides() {
        return Err(predictions.shape_error(predictions.name, &shape, shapes(least)));
    }
    predictions.same("targets", targets)?;
    predictions.extras(&shape[..1], extras)
}

/// The images as rows; a masked image is 0.
fn rows<const D: usize>(images: Tensor<D>, mask: Option<&Tensor<1, Bool>>) -> Tensor<2> {
    let shape = images.dims();
    valid_rows(images.reshape([shape[0], shape[1..].iter().product()]), mask)
}

/// The unreduced values, computed in at least single precision; a masked value is 0 and does not count.
fn values<L: Images, const D: usize>(
    loss: &L,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let shape = predictions.dims();
    if shape[0] == 0 {
        return widen(predictions).reshape([0]).into();
    }
    let (predictions, targets) = (rows(predictions, mask), rows(targets, mask));
    let values = loss.values(Pictures::new(predictions.clone(), &shape), Pictures::new(targets, &shape));
    Unreduced::from(with_zero_gradient(values, predictions)).masked(mask)
}

/// The values of a batch that has been checked, and the extras for their shape.
pub(super) fn values_of<L: Images, const D: usize>(
    loss: &L,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    extras: Extras,
) -> (Unreduced<1>, ShapedExtras<1>) {
    let extras = extras.for_shape([predictions.dims()[0]]);
    let [predictions, targets] = [predictions, targets].map(|images| without_weightless(images, &extras));
    (values(loss, predictions, targets, extras.mask.as_ref()), extras)
}
