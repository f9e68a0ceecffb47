//! Contrastive loss.

use super::{Distance, MetricLoss};
use crate::check::{Reference, widen};
use crate::config::Range;
use crate::engine::anchors::{Anchors, Pairs, sums, unit};
use crate::error::{InputError, expect};
use crate::formula::{Formula, Real};
use crate::macros::loss;
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

crate::choice! {
    /// How a pair's value grows with its distance.
    #[derive(Copy, Eq)]
    pub enum ContrastiveForm {
        /// Half the square: Hadsell et al.
        #[default]
        Squared = "squared",
        /// The distance itself.
        Linear = "linear",
    }
}

loss! {
    metric "contrastive": "similar pairs come together, dissimilar ones keep a margin";

    /// Contrastive loss (Hadsell et al. 2006, [doi 10.1109/CVPR.2006.100](https://doi.org/10.1109/CVPR.2006.100)).
    ///
    /// # Formula
    /// ```text
    /// (1 - y) D^2 / 2 + y max(0, margin - D)^2 / 2     squared
    /// (1 - y) D + y max(0, margin - D)                 linear
    /// ```
    /// D the Euclidean distance of a pair; **y = 0: similar, y = 1: dissimilar**. In a batch every row makes a pair with every other;
    /// the value of an anchor is the sum over its N - 1 pairs, and it counts as many: the mean is that of the pairs.
    ///
    /// # Numerics
    /// The gradient of a distance 0 is 0: identical embeddings are finite.
    ///
    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::metric::ContrastiveLossConfig;
    ///
    /// let device = Device::flex();
    /// let loss = ContrastiveLossConfig::new().with_margin(2.0).init(&device);
    /// let first = Tensor::<2>::from_floats([[0.0, 0.0], [0.0, 0.0]], &device);
    /// let second = Tensor::from_floats([[3.0, 4.0], [0.0, 1.0]], &device);
    /// let value = loss.forward_pairs(first, second, Tensor::from_floats([0.0, 1.0], &device));
    /// assert!((value.into_scalar::<f32>() - (12.5 + 0.5) / 2.0).abs() < 1e-6);
    /// ```
    ///
    /// # Elsewhere
    /// Many implementations have y the other way round. pytorch-metric-learning: `ContrastiveLoss` is linear, and averages the
    /// similar and the dissimilar pairs apart, each without its zeros.
    pub struct ContrastiveLoss;

    /// Config of [`ContrastiveLoss`].
    pub struct ContrastiveLossConfig {
        /// The distance that dissimilar pairs have to keep.
        margin: f64 = 1.0, Range::Greater(0.0);
        /// Whether distances are squared.
        form: ContrastiveForm = ContrastiveForm::Squared;
        /// Whether embeddings are brought to length 1 first.
        normalize: bool = false;
    }
}

impl Formula for ContrastiveLoss {
    fn eval<R: Real>(&self, distance: R, dissimilar: R) -> R {
        let gap = (-distance.clone() + self.config.margin).relu();
        let (near, far) = match self.config.form {
            ContrastiveForm::Squared => (distance.square() * 0.5, gap.square() * 0.5),
            ContrastiveForm::Linear => (distance, gap),
        };
        (-dissimilar.clone() + 1.0) * near + dissimilar * far
    }
}

impl ContrastiveLoss {
    fn ready(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let embeddings = widen(embeddings);
        if self.config.normalize { unit(embeddings) } else { embeddings }
    }

    /// The value of given pairs, reduced as the config says.
    ///
    /// # Shapes
    /// - first, second: `[M, E]`
    /// - dissimilar: `[M]`, 1 where a pair is dissimilar and 0 where it is similar
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs(&self, first: Tensor<2>, second: Tensor<2>, dissimilar: Tensor<1>) -> Tensor<1> {
        let values = self.forward_pairs_no_reduction(first, second, dissimilar);
        self.config.reduction.apply(values, None, None)
    }

    /// One value per pair.
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs_no_reduction(
        &self,
        first: Tensor<2>,
        second: Tensor<2>,
        dissimilar: Tensor<1>,
    ) -> Tensor<1> {
        expect(self.check_pairs(&first, &second, &dissimilar));
        if first.dims()[0] == 0 {
            return widen(first).reshape([0]);
        }
        let distance = Distance::Euclidean.rows(self.ready(first), self.ready(second));
        self.eval(distance, widen(dissimilar))
    }

    /// What is wrong with given pairs: their shapes, types and devices.
    pub fn check_pairs(
        &self,
        first: &Tensor<2>,
        second: &Tensor<2>,
        dissimilar: &Tensor<1>,
    ) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "first", tensor: first };
        reference.same("second", second)?;
        reference.companion("dissimilar", dissimilar, [first.dims()[0]], "one number per pair")
    }
}

impl Anchors for ContrastiveLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        let [count] = labels.dims();
        let distances = Distance::Euclidean.matrix(self.ready(embeddings));
        let Pairs { positive, negative } = Pairs::of(labels);
        let dissimilar = distances.zeros_like().mask_fill(negative.clone(), 1.0);
        let values = sums(self.eval(distances, dissimilar), positive.bool_or(negative));
        let mass = values.zeros_like().detach() + (count - 1) as f64;
        Unreduced { values, mass: Some(mass) }
    }
}
