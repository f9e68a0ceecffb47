//! Contrastive loss.

use super::{Distance, MetricLoss};
use crate::check::{Reference, widen};
use crate::engine::pairs::queue::Queue;
use crate::engine::pointwise;
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::engine::rows::valid_rows;
use crate::engine::without_weightless;
use crate::error::{InputError, expect};
use crate::formula::{Anchor, AnchorFormula, Counts, EarlierRows, Formula, Partners, Real, Score};
use crate::options::Memory;
use crate::reduction::{Extras, ShapedExtras, Unreduced, cleaned};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted};
use burn::tensor::{Bool, Device, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// How a pair's value grows with its distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum ContrastiveForm {
    /// Half the square of the distance (Hadsell et al.).
    #[default]
    Squared,
    /// The distance itself.
    Linear,
}

/// Contrastive loss (Hadsell et al. 2006, [doi 10.1109/CVPR.2006.100](https://doi.org/10.1109/CVPR.2006.100)).
///
/// # Formula
/// ```text
/// (1 - y) D^2 / 2 + y max(0, margin - D)^2 / 2     squared
/// (1 - y) D + y max(0, margin - D)                 linear
/// ```
/// D is the Euclidean distance of a pair; **y = 0: similar, y = 1: dissimilar**. In a batch every row makes a pair with every
/// other row; per anchor, the loss is the sum over its N - 1 pairs; the mean is taken over pairs, not anchors.
///
/// # When to use
/// For pairs that are labeled as similar or dissimilar, in siamese networks: verification of signatures and faces, search for
/// duplicates. It draws all similar pairs to the distance 0. In batches with class labels [`TripletLoss`](super::TripletLoss) and
/// [`MultiSimilarityLoss`](super::MultiSimilarityLoss) leave a class its spread, and learn more from hard pairs.
///
/// # Numerics
/// The gradient of a distance of 0 is 0, so the gradient of identical embeddings is finite.
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
/// - `pytorch_metric_learning.losses.ContrastiveLoss`: it is linear, normalizes embeddings, and averages the similar and the
///   dissimilar pairs apart, each without its zeros.
/// - `sentence_transformers.losses.ContrastiveLoss`: the squared form, on given pairs ([`forward_pairs`](Self::forward_pairs)),
///   with 0 and 1 exchanged in y; its distance is one minus the cosine, its margin 0.5.
/// - `torch.nn.HingeEmbeddingLoss`: the linear form of [`forward_distances`](Self::forward_distances); y = 1 is similar, y = -1
///   dissimilar, the other way round.
/// - `burn.nn.loss.HingeEmbeddingLoss`: the linear form of [`forward_distances`](Self::forward_distances); y = 1 is similar, y = -1
///   dissimilar, the other way round.
///
/// For cosines in place of distances, as in `torch.nn.CosineEmbeddingLoss`, take
/// [`CosineEmbeddingLoss`](crate::vectors::CosineEmbeddingLoss).
///
/// Many implementations exchange 0 and 1 in y. MONAI's `ContrastiveLoss` is [`NtXentLoss`](super::NtXentLoss).
#[loss(metric, "contrastive", "Pulls similar pairs together and pushes dissimilar pairs beyond a margin")]
pub struct ContrastiveLoss {
    config: ContrastiveLossConfig,
    memory: Option<Queue>,
}

/// Config of [`ContrastiveLoss`].
#[loss_config]
pub struct ContrastiveLossConfig {
    /// The distance that dissimilar pairs have to keep.
    #[field(default = 1.0, range = "> 0")]
    pub margin: f64,
    /// Whether distances are squared.
    #[field(default = ContrastiveForm::Squared)]
    pub form: ContrastiveForm,
    /// Whether the embeddings are L2-normalized first.
    #[field(default = false)]
    pub normalize: bool,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl ContrastiveLossConfig {
    fn build(&self, device: &Device) -> ContrastiveLoss {
        ContrastiveLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl Formula for ContrastiveLoss {
    #[inline(always)]
    fn eval<R: Real>(&self, distance: R, dissimilar: R) -> R {
        let near = self.near(distance.clone());
        (-dissimilar.clone() + 1.0) * near + dissimilar * self.far(distance)
    }
}

impl ContrastiveLoss {
    /// The value of a similar pair at this distance.
    #[inline(always)]
    fn near<R: Real>(&self, distance: R) -> R {
        match self.config.form {
            ContrastiveForm::Squared => distance.square() * 0.5,
            ContrastiveForm::Linear => distance,
        }
    }

    /// The value of a dissimilar pair at this distance.
    #[inline(always)]
    fn far<R: Real>(&self, distance: R) -> R {
        self.near((-distance + self.config.margin).relu())
    }

    fn ready(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let embeddings = widen(embeddings);
        if self.config.normalize { l2_normalize(embeddings) } else { embeddings }
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
        self.forward_pairs_with(first, second, dissimilar, Extras::new())
    }

    /// Like [`forward_pairs`](Self::forward_pairs), with weights `[M]`, a mask `[M]` of the pairs that are valid, or a divisor:
    /// see [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs_with(
        &self,
        first: Tensor<2>,
        second: Tensor<2>,
        dissimilar: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = self.checked_pairs([first, second], dissimilar, extras.into());
        extras.reduce(self.config.reduction, values)
    }

    /// One value per pair, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_pairs`](Self::check_pairs)'s error.
    #[track_caller]
    pub fn forward_pairs_unreduced(
        &self,
        first: Tensor<2>,
        second: Tensor<2>,
        dissimilar: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = self.checked_pairs([first, second], dissimilar, extras.into());
        extras.apply(values)
    }

    /// The value of pairs whose distances are known, reduced as the config says. `normalize` has no effect on it. With
    /// `form = "linear"` it is the hinge embedding loss.
    ///
    /// # Shapes
    /// - distances: `[M]`
    /// - dissimilar: `[M]`, 1 where a pair is dissimilar and 0 where it is similar
    ///
    /// # Panics
    /// With the message of [`check_distances`](Self::check_distances)'s error.
    #[track_caller]
    pub fn forward_distances(&self, distances: Tensor<1>, dissimilar: Tensor<1>) -> Tensor<1> {
        self.forward_distances_with(distances, dissimilar, Extras::new())
    }

    /// Like [`forward_distances`](Self::forward_distances), with weights `[M]`, a mask `[M]` of the pairs that are valid, or a
    /// divisor: see [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check_distances`](Self::check_distances)'s error.
    #[track_caller]
    pub fn forward_distances_with(
        &self,
        distances: Tensor<1>,
        dissimilar: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_distances(&distances, &dissimilar, &extras));
        pointwise::reduce(self, self.config.reduction, distances, dissimilar, extras)
    }

    /// One value per distance, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_distances`](Self::check_distances)'s error.
    #[track_caller]
    pub fn forward_distances_unreduced(
        &self,
        distances: Tensor<1>,
        dissimilar: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check_distances(&distances, &dissimilar, &extras));
        pointwise::unreduced(self, distances, dissimilar, extras)
    }

    /// Checks the shapes, types and devices of given distances.
    pub fn check_distances(
        &self,
        distances: &Tensor<1>,
        dissimilar: &Tensor<1>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "distances", tensor: distances };
        let [count] = distances.dims();
        reference.companion("dissimilar", dissimilar, [count], "one number per distance")?;
        reference.extras(&[count], extras)
    }

    /// The values of pairs that are checked first, and the extras for their shape.
    #[track_caller]
    fn checked_pairs(
        &self,
        pair: [Tensor<2>; 2],
        dissimilar: Tensor<1>,
        extras: Extras,
    ) -> (Unreduced<1>, ShapedExtras<1>) {
        expect(self.check_pairs(&pair[0], &pair[1], &dissimilar, &extras));
        let extras = extras.for_shape(dissimilar.dims());
        let pair = pair.map(|rows| without_weightless(rows, &extras));
        let dissimilar = without_weightless(dissimilar, &extras);
        (self.values_of_pairs(pair, dissimilar, extras.mask.as_ref()), extras)
    }

    fn values_of_pairs(
        &self,
        pair: [Tensor<2>; 2],
        dissimilar: Tensor<1>,
        mask: Option<&Tensor<1, Bool>>,
    ) -> Unreduced<1> {
        if pair[0].dims()[0] == 0 {
            let [first, _] = pair;
            return widen(first).reshape([0]).into();
        }
        let [first, second] = pair.map(|rows| self.ready(valid_rows(rows, mask)));
        let distance = Distance::Euclidean.rows(first, second);
        Unreduced::from(Formula::eval(self, distance, cleaned(widen(dissimilar), mask))).masked(mask)
    }

    /// Checks the shapes, types and devices of given pairs.
    pub fn check_pairs(
        &self,
        first: &Tensor<2>,
        second: &Tensor<2>,
        dissimilar: &Tensor<1>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "first", tensor: first };
        let [count, _] = first.dims();
        reference.same("second", second)?;
        reference.companion("dissimilar", dissimilar, [count], "one number per pair")?;
        reference.extras(&[count], extras)
    }
}

impl MetricLoss for ContrastiveLoss {
    fn tuples(&self) -> Vec<Signature> {
        let (first, second) =
            (Argument::prediction("first", Shape::MATRIX), Argument::prediction("second", Shape::Same));
        let distances = Argument::prediction("distances", Shape::Axes(1, 1));
        let of = |compared: Vec<Argument>| {
            let extras = [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
            let dissimilar = Argument::target("dissimilar", Shape::First(1));
            compared.into_iter().chain([dissimilar]).chain(extras).collect()
        };
        vec![of(vec![first, second]), of(vec![distances])]
    }

    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        if arguments.has("distances") {
            let (distances, dissimilar) = (arguments.float("distances"), arguments.float("dissimilar"));
            let extras = arguments.extras::<1, 1>();
            self.check_distances(&distances, &dissimilar, &extras)?;
            return Ok(match wanted {
                Wanted::Values => {
                    let extras = extras.mask_alone();
                    self.forward_distances_unreduced(distances, dissimilar, extras).values.into()
                }
                Wanted::Loss => self.forward_distances_with(distances, dissimilar, extras).into(),
            });
        }
        let (first, second) = (arguments.float("first"), arguments.float("second"));
        let dissimilar = arguments.float("dissimilar");
        let extras = arguments.extras::<1, 1>();
        self.check_pairs(&first, &second, &dissimilar, &extras)?;
        Ok(match wanted {
            Wanted::Values => {
                self.forward_pairs_unreduced(first, second, dissimilar, extras.mask_alone()).values.into()
            }
            Wanted::Loss => self.forward_pairs_with(first, second, dissimilar, extras).into(),
        })
    }
}

impl AnchorFormula for ContrastiveLoss {
    fn score(&self) -> Score {
        Score::Distance(Distance::Euclidean, self.config.normalize)
    }

    #[inline(always)]
    fn term<R: Real>(&self, partners: Partners, distance: R) -> R {
        if partners == Partners::Positives { self.near(distance) } else { self.far(distance) }
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        anchor.sum(Partners::Positives) + anchor.sum(Partners::Negatives)
    }

    fn counts(&self) -> Counts {
        Counts::Pairs
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// PyTorch's `HingeEmbeddingLoss`, where y = 1 is similar and y = -1 dissimilar: 0 and 1 here.
    #[test]
    fn hinge_embedding() {
        let device = Device::flex();
        let loss = ContrastiveLossConfig::new().with_form(ContrastiveForm::Linear).init(&device);
        let distances = Tensor::<1>::from_floats([0.25, 0.25, 3.0], &device);
        let dissimilar = Tensor::<1>::from_floats([0.0, 1.0, 1.0], &device);
        let values = loss.forward_distances_unreduced(distances.clone(), dissimilar.clone(), Extras::new()).values;
        assert_eq!(values.into_data().iter::<f32>().collect::<Vec<_>>(), [0.25, 0.75, 0.0]);
        let error = loss.check_distances(&distances, &Tensor::ones([2], &device), &Extras::new()).unwrap_err();
        let expected = "contrastive: `dissimilar` has shape [2], expected [3] (one number per distance)";
        assert_eq!(error.to_string(), expected);
    }
}
