//! A small network from pictures to pictures.
//!
//! Convolutions are matrix products of the nine shifted pictures here: Burn's CPU backends take minutes for the gradients of
//! the same network made of `Conv2d`, as they correlate whole pictures with each other for the weights.

use burn::module::{Module, Param};
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor, TensorData};

use crate::rng::Rng;

/// A U-Net (Ronneberger, Fischer and Brox 2015, [arXiv 1505.04597](https://arxiv.org/abs/1505.04597)) of three sizes with a
/// convolution each: what is seen at a half and at a quarter of the size comes back to every pixel. There it is added to what
/// the larger size saw, not set beside it: that needs a third of the time.
#[derive(Module, Debug)]
pub struct UNet {
    enter: Convolution,
    half: Convolution,
    quarter: Convolution,
    back: Convolution,
    narrow: Convolution,
    leave: Convolution,
    head: Convolution,
}

impl UNet {
    /// A network with this many channels at full size, and twice as many at the smaller ones.
    ///
    /// The weights are drawn on the host, so the same seed gives the same network on every device.
    pub fn new(channels: usize, seed: u64, device: &Device) -> Self {
        let mut rng = Rng::new(seed);
        let mut layer = |input, output, side| Convolution::new(input, output, side, &mut rng, device);
        let (full, small) = (channels, 2 * channels);
        Self {
            enter: layer(1, full, 3),
            half: layer(full, small, 3),
            quarter: layer(small, small, 3),
            back: layer(small, small, 3),
            narrow: layer(small, full, 1),
            leave: layer(full, full, 3),
            head: layer(full, 1, 1),
        }
    }

    /// `[tiles, 1, rows, columns]` to logits of the same shape; rows and columns are multiples of 4.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let shape = images.dims();
        let [tiles, _, rows, columns] = shape;
        let full = tanh(self.enter.forward(images.reshape([1, tiles, rows, columns])));
        let half = tanh(self.half.forward(shrink(full.clone())));
        let quarter = tanh(self.quarter.forward(shrink(half.clone())));
        let half = tanh(self.back.forward(grow(quarter) + half));
        let full = tanh(self.leave.forward(grow(self.narrow.forward(half)) + full));
        self.head.forward(full).reshape(shape)
    }
}

/// A convolution that leaves the size as it is. Channels come first: `[channels, tiles, rows, columns]`.
#[derive(Module, Debug)]
struct Convolution {
    /// `[output channels, kernel rows x kernel columns x input channels]`.
    weight: Param<Tensor<2>>,
    /// `[output channels, 1]`.
    bias: Param<Tensor<2>>,
    /// The side of the kernel.
    side: usize,
}

impl Convolution {
    fn new(input: usize, output: usize, side: usize, rng: &mut Rng, device: &Device) -> Self {
        let fan_in = side * side * input;
        let mut draw = |width: usize| {
            let weights = TensorData::new(rng.weights(output * width, fan_in), [output, width]);
            Param::from_tensor(Tensor::from_data(weights, device))
        };
        Self { weight: draw(fan_in), bias: draw(1), side }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let [_, tiles, rows, columns] = images.dims();
        let margin = self.side / 2;
        let shifted = match self.side {
            1 => images,
            side => {
                let padded = images.pad((margin, margin, margin, margin), 0.0);
                shift(shift(padded, 3, side), 2, side)
            }
        };
        let [inputs, ..] = shifted.dims();
        let outputs = self.weight.val().matmul(shifted.reshape([inputs, tiles * rows * columns])) + self.bias.val();
        outputs.reshape([-1, tiles as i32, rows as i32, columns as i32])
    }
}

/// Pictures shifted by 0, 1, .. pixels along an axis, one after the other in the channels.
fn shift(images: Tensor<4>, axis: usize, count: usize) -> Tensor<4> {
    let length = images.dims()[axis] + 1 - count;
    Tensor::cat((0..count).map(|by| images.clone().narrow(axis, by, length)).collect(), 0)
}

/// Every square of four pixels becomes one, their mean.
fn shrink(images: Tensor<4>) -> Tensor<4> {
    let [channels, tiles, rows, columns] = images.dims();
    let squares = images.reshape([channels, tiles, rows / 2, 2, columns / 2, 2]);
    squares.mean_dims(&[3, 5]).reshape([channels, tiles, rows / 2, columns / 2])
}

/// Every pixel becomes a square of four.
fn grow(images: Tensor<4>) -> Tensor<4> {
    let [channels, tiles, rows, columns] = images.dims();
    let squares = images.reshape([channels, tiles, rows, 1, columns, 1]);
    squares.expand([channels, tiles, rows, 2, columns, 2]).reshape([channels, tiles, 2 * rows, 2 * columns])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_and_growing_by_hand() {
        let device = Device::flex();
        let image = Tensor::<4>::from_floats([[[[1.0, 2.0, 5.0, 5.0], [3.0, 6.0, 5.0, 5.0]]]], &device);
        let small = shrink(image);
        assert_eq!(small.to_data().iter::<f32>().collect::<Vec<_>>(), [3.0, 5.0]);
        let large: Vec<f32> = grow(small).to_data().iter().collect();
        assert_eq!(large, [3.0, 3.0, 5.0, 5.0, 3.0, 3.0, 5.0, 5.0]);
    }

    #[test]
    fn a_convolution_is_that_of_burn() {
        use burn::tensor::{Tolerance, module::conv2d, ops::ConvOptions};
        let device = Device::flex();
        let (input, output, tiles, rows, columns) = (2, 3, 2, 4, 5);
        let layer = Convolution::new(input, output, 3, &mut Rng::new(1), &device);
        let pixels = Rng::new(2).weights(input * tiles * rows * columns, 1);
        let images = Tensor::<4>::from_data(TensorData::new(pixels, [input, tiles, rows, columns]), &device);
        let weight = layer.weight.val().reshape([output, 3, 3, input]).permute([0, 3, 1, 2]);
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let expected =
            conv2d(images.clone().swap_dims(0, 1), weight, Some(layer.bias.val().reshape([output])), options);
        let got = layer.forward(images).swap_dims(0, 1).into_data();
        got.assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }

    #[test]
    fn logits_have_the_shape_of_the_pictures() {
        let device = Device::flex();
        let images = Tensor::ones([2, 1, 8, 12], &device);
        let logits = |seed| UNet::new(2, seed, &device).forward(images.clone());
        assert_eq!(logits(1).dims(), [2, 1, 8, 12]);
        assert_eq!(logits(1).to_data(), logits(1).to_data());
        assert_ne!(logits(1).to_data(), logits(2).to_data());
    }
}
