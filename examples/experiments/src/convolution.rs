//! Convolutions that are fast on Burn's CPU backends.
//!
//! They are matrix products with the nine shifted images. The CPU backends take minutes for the gradients of the same
//! network made of `Conv2d`, since they correlate whole images with each other for the gradient of the weights.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::rng::Rng;

/// A convolution that leaves the size as it is.
///
/// Images come as `[channels, rows, columns, tiles]`, so that a shift moves long contiguous parts of memory, whatever the size.
#[derive(Module, Debug)]
pub(crate) struct Convolution {
    /// `[output channels, kernel rows x kernel columns x input channels]`.
    weight: Param<Tensor<2>>,
    /// `[output channels, 1]`.
    bias: Param<Tensor<2>>,
    /// The side of the kernel.
    side: usize,
}

impl Convolution {
    /// A convolution from `input` to `output` channels; the weights are drawn on the host.
    pub(crate) fn new(input: usize, output: usize, side: usize, rng: &mut Rng, device: &Device) -> Self {
        let fan_in = side * side * input;
        let mut draw = |width: usize| {
            let weights = TensorData::new(rng.weights(output * width, fan_in), [output, width]);
            Param::from_tensor(Tensor::from_data(weights, device))
        };
        Self { weight: draw(fan_in), bias: draw(1), side }
    }

    /// Maps `[input channels, rows, columns, tiles]` to the same number of pixels in the output channels.
    pub(crate) fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let [channels, rows, columns, tiles] = images.dims();
        let margin = self.side / 2;
        let (width, pixels) = (columns * tiles, rows * columns * tiles);
        let shifted = match self.side {
            1 => images.reshape([channels, pixels]),
            side => {
                let padded = images.reshape([channels, rows, width]);
                let padded = padded.pad((margin * tiles, margin * tiles, margin, margin), 0.0);
                let sideways = shift(padded, 2, tiles, side);
                let lines = sideways.reshape([channels * side, (rows + 2 * margin) * width]);
                shift(lines, 1, width, side)
            }
        };
        let outputs = self.weight.val().matmul(shifted) + self.bias.val();
        outputs.reshape([-1, rows as i32, columns as i32, tiles as i32])
    }
}

/// An axis shifted by 0, 1, .. steps; the shifted parts are concatenated along the channels.
fn shift<const D: usize>(images: Tensor<D>, axis: usize, step: usize, count: usize) -> Tensor<D> {
    let length = images.dims()[axis] - (count - 1) * step;
    Tensor::cat((0..count).map(|by| images.clone().narrow(axis, by * step, length)).collect(), 0)
}

/// Halves images: every square of four pixels becomes one pixel, their mean.
pub(crate) fn shrink(images: Tensor<4>) -> Tensor<4> {
    let [channels, rows, columns, tiles] = images.dims();
    let lower = images.reshape([channels * rows / 2, 2, columns * tiles]).mean_dim(1);
    let narrower = lower.reshape([channels * rows / 2 * columns / 2, 2, tiles]).mean_dim(1);
    narrower.reshape([channels, rows / 2, columns / 2, tiles])
}

/// Doubles images: every pixel becomes a square of four.
pub(crate) fn grow(images: Tensor<4>) -> Tensor<4> {
    let [channels, rows, columns, tiles] = images.dims();
    let (pixels, lines) = (channels * rows * columns, channels * rows);
    let wider = images.reshape([pixels, 1, tiles]).expand([pixels, 2, tiles]);
    let width = 2 * columns * tiles;
    let higher = wider.reshape([lines, 1, width]).expand([lines, 2, width]);
    higher.reshape([channels, 2 * rows, 2 * columns, tiles])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_and_growing_by_hand() {
        let device = Device::flex();
        let image = Tensor::<2>::from_floats([[1.0, 2.0, 5.0, 5.0], [3.0, 6.0, 5.0, 5.0]], &device);
        // A second image follows, ten times as bright.
        let both = Tensor::stack::<3>(vec![image.clone(), image * 10.0], 2).reshape([1, 2, 4, 2]);
        let small = shrink(both);
        assert_eq!(small.to_data().iter::<f32>().collect::<Vec<_>>(), [3.0, 30.0, 5.0, 50.0]);
        let large = grow(small).to_data().iter::<f32>().collect::<Vec<_>>();
        let line = [3.0, 30.0, 3.0, 30.0, 5.0, 50.0, 5.0, 50.0];
        assert_eq!(large, [line, line].concat());
    }

    #[test]
    fn a_convolution_is_that_of_burn() {
        use burn::tensor::{Tolerance, module::conv2d, ops::ConvOptions};
        let device = Device::flex();
        let (input, output, tiles, rows, columns) = (2, 3, 2, 4, 5);
        let layer = Convolution::new(input, output, 3, &mut Rng::new(1), &device);
        let pixels = Rng::new(2).weights(input * tiles * rows * columns, 1);
        let images = Tensor::<4>::from_data(TensorData::new(pixels, [input, rows, columns, tiles]), &device);
        let weight = layer.weight.val().reshape([output, 3, 3, input]).permute([0, 3, 1, 2]);
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let expected =
            conv2d(images.clone().permute([3, 0, 1, 2]), weight, Some(layer.bias.val().reshape([output])), options);
        let got = layer.forward(images).permute([3, 0, 1, 2]).into_data();
        got.assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }
}
