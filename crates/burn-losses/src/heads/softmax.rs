//! Softmax loss with its own weight.

use crate::engine::heads::{Head, Scaling};
use burn::module::Param;
use burn::tensor::Tensor;

head_loss! {
    "softmax": "cross-entropy of a linear layer of its own";

    /// The softmax loss: a linear layer, and cross-entropy.
    ///
    /// # Formula
    /// `-ln softmax(W x + b)_y`, smoothed and weighted as [`CrossEntropyLoss`](crate::classification::CrossEntropyLoss).
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Int, Tensor};
    /// use burn_losses::{heads::SoftmaxLossConfig, prelude::*};
    ///
    /// let device = Device::flex();
    /// let head = SoftmaxLossConfig::new().with_num_classes(4).with_embedding_dim(2).init(&device);
    /// // Nothing known: every class is as likely.
    /// let embeddings = Tensor::<2>::zeros([3, 2], &device);
    /// let value = head.forward(embeddings.clone(), Tensor::<1, Int>::from_ints([0, 3, 1], &device));
    /// assert!((value.into_scalar::<f32>() - 4f32.ln()).abs() < 1e-6);
    /// assert_eq!(head.logits(embeddings).dims(), [3, 4]);
    /// ```
    ///
    /// # Elsewhere
    /// PyTorch: `torch.nn.Linear`, then `CrossEntropyLoss`.
    pub struct SoftmaxLoss {
        /// One number per class.
        bias: Option<Param<Tensor<1>>> = |config, device| {
            config.bias.then(|| Param::from_tensor(Tensor::zeros([config.num_classes], device)))
        },
    }

    /// Config of [`SoftmaxLoss`].
    pub struct SoftmaxLossConfig {
        /// Whether there is a bias.
        bias: bool = false;
    }
    bias bias;
}

impl Head for SoftmaxLoss {
    fn scaling(&self) -> Scaling {
        Scaling::NONE
    }
    fn has_margin(&self) -> bool {
        false
    }
}
