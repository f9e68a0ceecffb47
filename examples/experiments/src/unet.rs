//! A small network from images to logits of the same size.

use burn::module::Module;
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor};

use crate::convolution::{Convolution, grow, shrink};
use crate::rng::Rng;

/// A U-Net (Ronneberger, Fischer and Brox 2015, [arXiv 1505.04597](https://arxiv.org/abs/1505.04597)) of three sizes with a
/// convolution each. The features at a half and at a quarter of the size are brought back to every pixel. There they are added
/// to the features of the larger size, which takes a third of the time that concatenation takes.
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

    /// Maps `[tiles, 1, rows, columns]` to logits of the same shape; rows and columns are multiples of 4.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let full = tanh(self.enter.forward(images.permute([1, 2, 3, 0])));
        let half = tanh(self.half.forward(shrink(full.clone())));
        let quarter = tanh(self.quarter.forward(shrink(half.clone())));
        let half = tanh(self.back.forward(grow(quarter) + half));
        let full = tanh(self.leave.forward(grow(self.narrow.forward(half)) + full));
        self.head.forward(full).permute([3, 0, 1, 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
