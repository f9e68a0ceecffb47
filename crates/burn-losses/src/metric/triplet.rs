//! Triplet loss.

use super::{Distance, MetricLoss};
use crate::check::{Reference, widen};
use crate::engine::pairs::queue::Queue;
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::engine::primitives::p_norm::p_norm;
use crate::engine::rows::valid_rows;
use crate::engine::without_weightless;
use crate::error::{InputError, expect};
use crate::formula::{Anchor, AnchorFormula, Counts, EarlierRows, Partners, Real, Score, Triplets};
use crate::options::Memory;
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted};
use burn::tensor::{Bool, Device, Int, Tensor};
use burn_losses_derive::{Choice, loss, loss_config};

/// Which triplets of the batch count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Mining {
    /// All triplets.
    #[default]
    All,
    /// Per anchor the farthest positive and the nearest negative ("batch hard").
    Hard,
    /// The triplets whose negative is farther than the positive, but by no more than the margin.
    SemiHard,
    /// Per anchor and positive the nearest negative that is farther than the positive; if there is none, the farthest negative
    /// (FaceNet).
    SemiHardClosest,
    /// Per anchor the nearest positive and the nearest negative (Xuan et al. 2020,
    /// [arXiv 1904.04370](https://arxiv.org/abs/1904.04370)).
    Easy,
}

/// Which triplets a mean counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum Average {
    /// The triplets with a positive loss.
    #[default]
    Active,
    /// All triplets that were chosen.
    Valid,
}

/// Triplet loss (Schroff et al. 2015, FaceNet, [arXiv 1503.03832](https://arxiv.org/abs/1503.03832); Hermans et al. 2017,
/// [arXiv 1703.07737](https://arxiv.org/abs/1703.07737)).
///
/// # Formula
/// ```text
/// max(0, D(a, p) - D(a, n) + margin)
/// softplus(D(a, p) - D(a, n) + margin)     with soft
/// ```
/// of an anchor a, a positive p (the same label) and a negative n (another). Per anchor, the loss is the sum over its triplets;
/// the mean is taken over triplets, not anchors.
///
/// # When to use
/// For face recognition, person re-identification and retrieval where the classes in use are not those of the training.
/// `mining = "hard"` learns fast from clean labels; `semi_hard` tolerates noisy labels better and is less prone to collapse at
/// the beginning. Where the classes are a fixed list, [`ProxyAnchorLoss`](super::ProxyAnchorLoss) and
/// [`ArcfaceLoss`](crate::heads::ArcfaceLoss) need no mining and converge faster.
///
/// # Numerics
/// No gradient flows through the choice of the triplets. `hard` and `easy` take memory for a few `[N, N]` matrices. The other
/// kinds of mining look at N^3 triplets, a part of them at a time, and keep one `[N, N]` matrix for the gradient.
///
/// # Example
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::{metric::TripletLossConfig, prelude::*};
///
/// let device = Device::flex();
/// let loss = TripletLossConfig::new().with_normalize(false).with_margin(1.0).init(&device);
/// let embeddings = Tensor::<2>::from_floats([[0.0], [2.0], [2.5]], &device);
/// // Of the first two rows each is the other's positive; the third is a negative at distance 2.5 and 0.5.
/// let value = loss.forward(embeddings, Tensor::<1, Int>::from_ints([7, 7, 9], &device));
/// assert!((value.into_scalar::<f32>() - (0.5 + 2.5) / 2.0).abs() < 1e-6);
/// ```
///
/// # Elsewhere
/// - `torch.nn.TripletMarginLoss`: it takes triplets ([`forward_triplets`](Self::forward_triplets)) with `p` and `swap`, adds 1e-6 to
///   every difference, and has no mining. Its margin is 1, nothing is normalized, and its mean counts all triplets
///   (`average = "valid"`).
/// - `torch.nn.TripletMarginWithDistanceLoss`: it takes triplets ([`forward_triplets`](Self::forward_triplets)) and any function as the
///   distance, where `distance` is one of three here. Its margin is 1, nothing is normalized, and its mean counts all triplets
///   (`average = "valid"`).
/// - `burn.nn.loss.TripletMarginLoss`: it takes triplets ([`forward_triplets`](Self::forward_triplets)) with `p`, and has no mining. Its
///   margin is 1, nothing is normalized, and its mean counts all triplets (`average = "valid"`).
/// - `pytorch_metric_learning.losses.TripletMarginLoss`: the same formula; its margin is 0.05, and mining is an object of its
///   own.
/// - `sentence_transformers.losses.TripletLoss`: it takes triplets ([`forward_triplets`](Self::forward_triplets)). Its margin is
///   5, nothing is normalized, and its mean counts all triplets.
/// - `sentence_transformers.losses.BatchAllTripletLoss`: with a margin of 5 and `normalize = false`.
/// - `sentence_transformers.losses.BatchHardTripletLoss`: `mining = "hard"` with a margin of 5 and `normalize = false`; its mean
///   also counts anchors without a partner.
/// - `sentence_transformers.losses.BatchHardSoftMarginTripletLoss`: `mining = "hard"` with `soft`, a margin of 0 and
///   `normalize = false`; its mean also counts anchors without a partner.
/// - `sentence_transformers.losses.BatchSemiHardTripletLoss`: `mining = "semi_hard_closest"` with `average = "valid"`, a margin
///   of 5 and `normalize = false`.
/// - `mmdet.models.losses.TripletLoss`: `mining = "hard"` with `average = "valid"`, a margin of 0.3 and `normalize = false`; an
///   anchor may be its own positive.
/// - `optax.losses.triplet_margin_loss`: it takes triplets, adds 1e-6 under the root, and has no mining; its margin is 1, and
///   nothing is normalized.
#[loss(metric, "triplet", "A positive is nearer than a negative by a margin, with mining inside the batch")]
pub struct TripletLoss {
    config: TripletLossConfig,
    memory: Option<Queue>,
}

/// Config of [`TripletLoss`].
#[loss_config]
pub struct TripletLossConfig {
    /// The margin by which a positive has to be nearer than a negative.
    #[field(default = 0.2, range = ">= 0")]
    pub margin: f64,
    /// Which triplets of the batch count.
    #[field(default = Mining::All)]
    pub mining: Mining,
    /// Whether a mean counts the triplets with a positive loss, or all chosen ones.
    #[field(default = Average::Active)]
    pub average: Average,
    /// How far apart two embeddings are.
    #[field(default = Distance::Euclidean)]
    pub distance: Distance,
    /// Whether the embeddings are L2-normalized first.
    #[field(default = true)]
    pub normalize: bool,
    /// Whether softplus replaces the hinge.
    #[field(default = false)]
    pub soft: bool,
    /// For given triplets: whether the negative is compared with the nearer of the anchor and the positive. Mining in a batch compares it
    /// with the anchor.
    #[field(default = false)]
    pub swap: bool,
    /// For given triplets: the exponent of the norm. Mining in a batch takes the Euclidean norm.
    #[field(default = 2.0, range = ">= 1")]
    pub p: f64,
    /// The memory of earlier batches that each row is compared with too.
    #[field(default = None)]
    pub memory: Option<Memory>,
}

impl TripletLossConfig {
    fn build(&self, device: &Device) -> TripletLoss {
        TripletLoss { config: self.clone(), memory: self.memory.map(|memory| Queue::new(memory, device)) }
    }
}

impl TripletLoss {
    /// The value of triplets whose difference D(a, p) - D(a, n) is `difference`.
    #[inline(always)]
    fn value<R: Real>(&self, difference: R) -> R {
        let excess = difference + self.config.margin;
        if self.config.soft { excess.softplus() } else { excess.relu() }
    }

    /// The distance of given rows.
    fn distance(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        let TripletLossConfig { distance, p, .. } = self.config;
        match distance {
            Distance::Euclidean if p != 2.0 => p_norm(first - second, p),
            Distance::SquaredEuclidean if p != 2.0 => p_norm(first - second, p).square(),
            _ => distance.rows(first, second),
        }
    }

    /// Whether triplets whose value is 0 do not count. With a softplus no value is 0.
    fn counts_active(&self) -> bool {
        self.config.average == Average::Active && !self.config.soft
    }

    /// The value of given triplets, reduced as the config says: `[M, E]` each. `mining` has no effect on it.
    ///
    /// # Panics
    /// With the message of [`check_triplets`](Self::check_triplets)'s error.
    #[track_caller]
    pub fn forward_triplets(&self, anchors: Tensor<2>, positives: Tensor<2>, negatives: Tensor<2>) -> Tensor<1> {
        self.forward_triplets_with(anchors, positives, negatives, Extras::new())
    }

    /// Like [`forward_triplets`](Self::forward_triplets), with weights `[M]`, a mask `[M]` of the triplets that are valid, or a
    /// divisor: see [`Extras`].
    ///
    /// # Panics
    /// With the message of [`check_triplets`](Self::check_triplets)'s error.
    #[track_caller]
    pub fn forward_triplets_with(
        &self,
        anchors: Tensor<2>,
        positives: Tensor<2>,
        negatives: Tensor<2>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = self.checked_triplets([anchors, positives, negatives], extras.into());
        extras.reduce(self.config.reduction, values)
    }

    /// One value per triplet, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its
    /// weight, and divided by the divisor of the extras.
    ///
    /// # Panics
    /// With the message of [`check_triplets`](Self::check_triplets)'s error.
    #[track_caller]
    pub fn forward_triplets_unreduced(
        &self,
        anchors: Tensor<2>,
        positives: Tensor<2>,
        negatives: Tensor<2>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = self.checked_triplets([anchors, positives, negatives], extras.into());
        extras.apply(values)
    }

    /// The values of triplets that are checked first, and the extras for their shape.
    #[track_caller]
    fn checked_triplets(&self, triplets: [Tensor<2>; 3], extras: Extras) -> (Unreduced<1>, ShapedExtras<1>) {
        let [anchors, positives, negatives] = &triplets;
        expect(self.check_triplets(anchors, positives, negatives, &extras));
        let extras = extras.for_shape([anchors.dims()[0]]);
        let triplets = triplets.map(|rows| without_weightless(rows, &extras));
        (self.values_of_triplets(triplets, extras.mask.as_ref()), extras)
    }

    fn values_of_triplets(&self, triplets: [Tensor<2>; 3], mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        if triplets[0].dims()[0] == 0 {
            let [anchors, ..] = triplets;
            return widen(anchors).reshape([0]).into();
        }
        let [anchors, positives, negatives] = triplets.map(|rows| {
            let rows = valid_rows(widen(rows), mask);
            if self.config.normalize { l2_normalize(rows) } else { rows }
        });
        let mut far = self.distance(anchors.clone(), negatives.clone());
        if self.config.swap {
            far = far.minimum(self.distance(positives.clone(), negatives));
        }
        let values = self.value(self.distance(anchors, positives) - far);
        let ones = values.ones_like().detach();
        let normalizer = match self.counts_active() {
            true => ones.mask_fill(values.clone().detach().lower_equal_scalar(0.0), 0.0),
            false => ones,
        };
        Unreduced { values, normalizer: Some(normalizer) }.masked(mask)
    }

    /// Checks the shapes, types and devices of given triplets.
    pub fn check_triplets(
        &self,
        anchors: &Tensor<2>,
        positives: &Tensor<2>,
        negatives: &Tensor<2>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let first = Reference { loss: self.kind(), name: "anchors", tensor: anchors };
        first.same("positives", positives)?;
        first.same("negatives", negatives)?;
        first.extras(&[anchors.dims()[0]], extras)
    }
}

impl MetricLoss for TripletLoss {
    fn tuples(&self) -> Vec<Signature> {
        let anchors = Argument::prediction("anchors", Shape::MATRIX);
        let [positives, negatives] = ["positives", "negatives"].map(|name| Argument::prediction(name, Shape::Same));
        let extras = [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
        vec![[anchors, positives, negatives].into_iter().chain(extras).collect()]
    }

    fn call_tuples(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError> {
        let [anchors, positives, negatives] = ["anchors", "positives", "negatives"].map(|name| arguments.float(name));
        let extras = arguments.extras::<1, 1>();
        self.check_triplets(&anchors, &positives, &negatives, &extras)?;
        Ok(match wanted {
            Wanted::Values => {
                self.forward_triplets_unreduced(anchors, positives, negatives, extras.mask_alone()).values.into()
            }
            Wanted::Loss => self.forward_triplets_with(anchors, positives, negatives, extras).into(),
        })
    }
}

impl AnchorFormula for TripletLoss {
    fn score(&self) -> Score {
        Score::Distance(self.config.distance, self.config.normalize)
    }

    #[inline(always)]
    fn term_with<R: Real>(&self, _: Partners, negative: R, positive: R) -> R {
        self.value(positive - negative)
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let positive = match self.config.mining {
            Mining::Hard => anchor.largest(Partners::Positives),
            Mining::Easy => anchor.smallest(Partners::Positives),
            Mining::All => return anchor.triplets(Triplets::All),
            Mining::SemiHard => return anchor.triplets(Triplets::Within(self.config.margin)),
            Mining::SemiHardClosest => return anchor.triplets(Triplets::Nearest),
        };
        self.value(positive - anchor.smallest(Partners::Negatives))
    }

    fn counts(&self) -> Counts {
        let is_one = matches!(self.config.mining, Mining::Hard | Mining::Easy);
        match (self.counts_active(), is_one) {
            (true, true) => Counts::Active,
            (false, true) => Counts::WithBoth,
            (true, false) => Counts::ActiveTriplets,
            (false, false) => Counts::Triplets,
        }
    }

    fn earlier(&self) -> Option<&dyn EarlierRows> {
        self.memory.as_ref().map(|queue| queue as &dyn EarlierRows)
    }
}

/// How the distances of a triplet compare with the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TripletKind {
    /// The negative is farther than the positive by more than the margin: nothing to learn.
    Easy,
    /// The negative is farther than the positive, but by no more than the margin.
    SemiHard,
    /// The negative is no farther than the positive.
    Hard,
}

/// The kind of each triplet, as `[M]` integers 0 (easy), 1 (semi-hard) and 2 (hard), from the distances `[M]` of the anchors to
/// their positives and negatives: see [`TripletKind`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_losses::metric::{TripletKind, triplet_kinds};
///
/// let device = Device::flex();
/// let positive = Tensor::<1>::from_floats([1.0, 1.0, 1.0], &device);
/// let kinds = triplet_kinds(positive, Tensor::from_floats([2.0, 1.1, 0.5], &device), 0.2);
/// let expected = [TripletKind::Easy, TripletKind::SemiHard, TripletKind::Hard].map(|kind| kind as i64);
/// assert_eq!(kinds.into_data().iter::<i64>().collect::<Vec<_>>(), expected);
/// ```
pub fn triplet_kinds(positive: Tensor<1>, negative: Tensor<1>, margin: f64) -> Tensor<1, Int> {
    let hard = negative.clone().lower_equal(positive.clone());
    let within = negative.lower_equal(positive + margin);
    within.int() + hard.int()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// The negative is nearer to the positive than to the anchor.
    #[test]
    fn swapped_triplets() {
        let device = Device::flex();
        let config = TripletLossConfig::new().with_normalize(false).with_margin(1.0);
        let row = |x: f32| Tensor::<2>::from_floats([[x, 2.0 * x]], &device);
        let value = |config: TripletLossConfig| {
            config.init(&device).forward_triplets(row(0.0), row(1.0), row(1.5)).into_scalar::<f32>()
        };
        // Distances 3 and 4.5 from the anchor, and 1.5 between the others.
        let config = config.with_p(1.0);
        assert_eq!((value(config.clone()), value(config.with_swap(true))), (0.0, 2.5));
    }

    #[test]
    fn given_triplets_by_hand() {
        let device = Device::flex();
        let config = TripletLossConfig::new().with_normalize(false).with_margin(1.0);
        let row = |x: f32| Tensor::<2>::from_floats([[x, 0.0], [x, 0.0]], &device);
        let negatives = Tensor::<2>::from_floats([[1.5, 0.0], [9.0, 0.0]], &device);
        let value = |average| {
            let loss = config.clone().with_average(average).init(&device);
            loss.forward_triplets(row(0.0), row(1.0), negatives.clone()).into_scalar::<f32>()
        };
        assert_eq!((value(Average::Active), value(Average::Valid)), (0.5, 0.25));
    }
}
