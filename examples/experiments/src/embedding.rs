//! Networks from images to embeddings.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::tanh;
use burn::tensor::{Device, Tensor};

use crate::convolution::{Convolution, shrink};
use crate::data::SIDE;
use crate::model::{Mlp, linear};
use crate::rng::Rng;

/// A network from images, `[rows, pixels]`, to embeddings, `[rows, size]`.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // only one of it exists at a time
pub enum EmbeddingNetwork {
    /// Linear layers.
    Mlp(Mlp),
    /// Convolutions, followed by a linear layer.
    Convolutions(ConvNet),
}

impl EmbeddingNetwork {
    /// The embeddings.
    pub fn forward(&self, pictures: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Mlp(network) => network.forward(pictures),
            Self::Convolutions(network) => network.forward(pictures),
        }
    }
}

/// Two convolutions, at a half and at a quarter of the images' size, and a linear layer.
#[derive(Module, Debug)]
pub struct ConvNet {
    half: Convolution,
    quarter: Convolution,
    last: Linear,
}

impl ConvNet {
    /// A network with this many channels at half the size, and twice as many at a quarter of the size.
    ///
    /// The weights are drawn on the host, so the same seed gives the same network on every device.
    pub fn new(channels: usize, size: usize, seed: u64, device: &Device) -> Self {
        let mut rng = Rng::new(seed);
        let features = 2 * channels * (SIDE / 4) * (SIDE / 4);
        Self {
            half: Convolution::new(1, channels, 3, &mut rng, device),
            quarter: Convolution::new(channels, 2 * channels, 3, &mut rng, device),
            last: linear(rng.weights(features * size, features), rng.weights(size, features), device),
        }
    }

    /// Maps `[rows, pixels]` to `[rows, size]`.
    pub fn forward(&self, pictures: Tensor<2>) -> Tensor<2> {
        let [rows, _] = pictures.dims();
        let pictures = pictures.transpose().reshape([1, SIDE, SIDE, rows]);
        let half = tanh(self.half.forward(shrink(pictures)));
        let quarter = tanh(self.quarter.forward(shrink(half)));
        self.last.forward(quarter.reshape([-1, rows as i32]).transpose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_an_embedding_of_its_own() {
        let device = Device::flex();
        let network = ConvNet::new(2, 3, 1, &device);
        let pixels = Rng::new(2).weights(2 * SIDE * SIDE, 1);
        let pictures = Tensor::<1>::from_floats(pixels.as_slice(), &device).reshape([2, SIDE * SIDE]);
        let both: Vec<f32> = network.forward(pictures.clone()).to_data().iter().collect();
        let second: Vec<f32> = network.forward(pictures.narrow(0, 1, 1)).to_data().iter().collect();
        assert_eq!((both.len(), second.len()), (6, 3));
        assert!(both[3..].iter().zip(&second).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(both[..3] != both[3..]);
    }
}
