//! Center loss.

use super::{MetricLoss, accepts_size};
use crate::engine::pairs::anchors::{Anchors, NeededPartners};
use crate::engine::primitives::centers;
use crate::engine::primitives::labels::without_class;
use crate::engine::{clean_weightless, new_state, set_state, state_on, without_gradient};
use crate::reduction::Unreduced;
use crate::signature::{Argument, Role};
use burn::module::{Param, RunningState};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// How the centers move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum CenterUpdate {
    /// They move by the paper's rule, at every forward pass in training, outside the optimizer.
    #[default]
    Paper,
    /// They are parameters: the optimizer moves them.
    Gradient,
}

/// Center loss (Wen et al. 2016, [doi 10.1007/978-3-319-46478-7_31](https://doi.org/10.1007/978-3-319-46478-7_31)).
///
/// # Formula
/// `1/2 |x - c_y|^2`. After each training step, with n_j the number of rows of class j in the batch,
/// ```text
/// c_j <- c_j - center_lr sum_(y = j) (c_j - x) / (1 + n_j)
/// ```
/// A class that is not in the batch does not move. The centers begin at 0 and are saved with the module. A step is a
/// forward pass on a device with autodiff.
///
/// # When to use
/// Beside a cross-entropy, with a small weight, to make the features of each class compact, as in face recognition and to detect
/// outliers and unknown classes. Alone it lets all embeddings collapse into one point. [`ArcfaceLoss`](crate::heads::ArcfaceLoss)
/// makes classes compact without a second loss to weigh. The paper recognizes more faces with it than without; in our experiment
/// with digits and garments the accuracy is about the same.
///
/// # Numerics
/// A row whose label is out of range has the value NaN and moves no center. Nor does a row that is not finite.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::CenterLossConfig, prelude::*};
///
/// let device = Device::flex().autodiff();
/// let loss = CenterLossConfig::new(2, 2).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[3.0, 4.0]], &device);
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([1], &device));
/// assert_eq!(value.into_scalar::<f32>(), 12.5);
/// // A quarter of the way: 0.5 / (1 + 1).
/// let centers = loss.centers().into_data().iter::<f32>().collect::<Vec<_>>();
/// assert_eq!(centers, [0.0, 0.0, 0.75, 1.0]);
/// ```
///
/// # Elsewhere
/// No library that we know of has it. The usual PyTorch implementation has no 1/2, and moves the centers by a separate optimizer.
#[loss(metric, "center", "Squared distance of each embedding to the center of its class")]
pub struct CenterLoss {
    config: CenterLossConfig,
    /// The centers that move by the paper's rule.
    moving: Option<RunningState<Tensor<2>>>,
    /// The centers that are learned.
    learned: Option<Param<Tensor<2>>>,
}

/// Config of [`CenterLoss`].
#[loss_config]
pub struct CenterLossConfig {
    /// The number of classes.
    #[field(example = 10, range = ">= 1")]
    pub num_classes: usize,
    /// The size of the embeddings.
    #[field(example = 2, range = ">= 1")]
    pub embedding_dim: usize,
    /// The paper's alpha: how far the centers move in a step. (With `gradient`, the learning rate of the optimizer applies
    /// instead.)
    #[field(default = 0.5, range = "(0, 1]")]
    pub center_lr: f64,
    /// How the centers move.
    #[field(default = CenterUpdate::Paper)]
    pub update: CenterUpdate,
}

impl CenterLossConfig {
    fn build(&self, device: &Device) -> CenterLoss {
        CenterLoss {
            config: self.clone(),
            moving: (self.update == CenterUpdate::Paper)
                .then(|| new_state([self.num_classes, self.embedding_dim], 0.0, device)),
            learned: (self.update == CenterUpdate::Gradient)
                .then(|| Param::from_tensor(Tensor::zeros([self.num_classes, self.embedding_dim], device))),
        }
    }
}

impl CenterLoss {
    /// The centers as they are now: `[num_classes, embedding_dim]`.
    pub fn centers(&self) -> Tensor<2> {
        match (&self.moving, &self.learned) {
            (Some(moving), _) => moving.value_sync(),
            (None, Some(learned)) => learned.val(),
            (None, None) => unreachable!("one of them is there"),
        }
    }

    /// The loss with other centers of the same shape: as a new parameter, or as a new state that it shares with no other loss.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    pub fn with_centers(mut self, centers: Tensor<2>) -> Self {
        assert_eq!(centers.dims(), self.centers().dims(), "center: the shape of the centers");
        match &mut self.learned {
            Some(learned) => *learned = Param::from_tensor(centers),
            None => self.moving = Some(RunningState::new(centers.detach())),
        }
        self
    }
}

impl MetricLoss for CenterLoss {
    fn class_vectors(&self) -> Option<(Argument, Tensor<2>)> {
        let centers = self.centers();
        let argument = Argument::parameter("centers", &centers.dims());
        Some((if self.learned.is_some() { argument } else { Argument { role: Role::State, ..argument } }, centers))
    }

    fn with_class_vectors(self, centers: Tensor<2>) -> Self {
        self.with_centers(centers)
    }
}

impl Anchors for CenterLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        let labels = without_class(labels, mask);
        let centers = match &self.moving {
            Some(moving) => state_on(moving, &embeddings.device()),
            None => self.centers(),
        };
        let centers = centers.cast(embeddings.dtype());
        if let Some(moving) = self.moving.as_ref().filter(|_| embeddings.device().is_autodiff()) {
            let rows = embeddings.clone().detach();
            set_state(moving, centers::moved(centers.clone(), rows, labels.clone(), self.config.center_lr));
        }
        centers::half_squared_distances(embeddings, centers, labels).into()
    }

    fn accepts(&self, _: usize, size: usize) -> Result<(), String> {
        accepts_size(self.config.embedding_dim, size)
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::Nobody
    }

    fn compares_cosines(&self) -> bool {
        false
    }

    fn without_weightless(
        &self,
        embeddings: Tensor<2>,
        _: &Tensor<1, Int>,
        weightless: &Tensor<1, Bool>,
        _: Option<&Tensor<1, Bool>>,
    ) -> Tensor<2> {
        if self.learned.is_some() {
            return clean_weightless(embeddings, Some(weightless));
        }
        // By the paper's rule a row that is not finite moves no center, so it must not become finite.
        let shape = embeddings.dims();
        without_gradient(embeddings, weightless.clone().unsqueeze_dim::<2>(1).expand(shape))
    }
}
