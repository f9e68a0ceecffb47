//! Triplet loss.

use super::{Distance, MetricLoss};
use crate::check::{Reference, widen};
use crate::config::Range;
use crate::engine::pairs;
use crate::engine::pairs::anchors::{Anchors, LEAST, NeededPartners, Pairs, everywhere};
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::engine::rows::valid_rows;
use crate::error::{InputError, expect};
use crate::formula::{Anchor, AnchorFormula, Counts, Dual, Partners, Real, Score};
use crate::macros::loss;
use crate::reduction::{Extras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Shape, Signature, Wanted};
use burn::tensor::{Bool, Int, Tensor};

crate::choice! {
    /// Which triplets of the batch count.
    #[derive(Copy, Eq)]
    pub enum Mining {
        /// All.
        #[default]
        All = "all",
        /// Per anchor the farthest positive and the nearest negative ("batch hard").
        Hard = "hard",
        /// Those whose negative is farther than the positive, but by no more than the margin.
        SemiHard = "semi_hard",
        /// Per anchor and positive the nearest negative that is farther than the positive, else the farthest (FaceNet).
        SemiHardClosest = "semi_hard_closest",
        /// Per anchor the nearest positive and the nearest negative (Xuan et al. 2020,
        /// [arXiv 1904.04370](https://arxiv.org/abs/1904.04370)).
        Easy = "easy",
    }
}

crate::choice! {
    /// What a mean divides by.
    #[derive(Copy, Eq)]
    pub enum Average {
        /// The triplets with a positive loss.
        #[default]
        Active = "active",
        /// All triplets that were chosen.
        Valid = "valid",
    }
}

loss! {
    metric "triplet": "a positive is nearer than a negative by a margin, with mining inside the batch";

    /// Triplet loss (Schroff et al. 2015, FaceNet, [arXiv 1503.03832](https://arxiv.org/abs/1503.03832); Hermans et al. 2017,
    /// [arXiv 1703.07737](https://arxiv.org/abs/1703.07737)).
    ///
    /// # Formula
    /// ```text
    /// max(0, D(a, p) - D(a, n) + margin)
    /// softplus(D(a, p) - D(a, n) + margin)     with soft
    /// ```
    /// of an anchor a, a positive p (the same label) and a negative n (another). The value of an anchor is the sum over its triplets,
    /// and it counts as many as there are: the mean is that of the triplets.
    ///
    /// # Numerics
    /// Which triplets are chosen is a constant for the gradient. `hard` and `easy` take memory for a few `[N, N]` matrices. The
    /// others look at N^3 triplets, a part of them at a time; what is kept for the gradient is one `[N, N]` matrix.
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
    /// PyTorch: `torch.nn.TripletMarginLoss` takes triplets ([`forward_triplets`](Self::forward_triplets)), adds 1e-6 to every
    /// difference, and has no mining.
    pub struct TripletLoss;

    /// Config of [`TripletLoss`].
    pub struct TripletLossConfig {
        /// By how much a positive has to be nearer than a negative.
        margin: f64 = 0.2, Range::AtLeast(0.0);
        /// Which triplets of the batch count.
        mining: Mining = Mining::All;
        /// Whether a mean is that of the triplets with a positive loss, or of all chosen ones.
        average: Average = Average::Active;
        /// How far apart two embeddings are.
        distance: Distance = Distance::Euclidean;
        /// Whether embeddings are brought to length 1 first.
        normalize: bool = true;
        /// Softplus instead of the hinge.
        soft: bool = false;
    }
}

/// Triplets looked at together: about as many numbers as this.
const TOGETHER: usize = 1 << 22;

impl TripletLoss {
    /// The value of triplets whose difference D(a, p) - D(a, n) is `difference`.
    #[inline(always)]
    fn value<R: Real>(&self, difference: R) -> R {
        let excess = difference + self.config.margin;
        if self.config.soft { excess.softplus() } else { excess.relu() }
    }

    /// 1 where a triplet counts.
    fn counts<const D: usize>(&self, values: Tensor<D>, chosen: Tensor<D, Bool>) -> Tensor<D> {
        let counting = match self.config.average {
            // Of a softplus none is 0; what is not a number counts, so that nobody takes it for nothing.
            Average::Active if !self.config.soft => chosen.bool_and(values.clone().lower_equal_scalar(0.0).bool_not()),
            _ => chosen,
        };
        values.zeros_like().mask_fill(counting, 1.0)
    }

    /// One negative per anchor and positive.
    fn closest(&self, distances: Tensor<2>, pairs: &Pairs) -> Unreduced<1> {
        let [count, _] = distances.dims();
        let known = distances.clone().detach();
        let farthest = known.clone().mask_fill(pairs.negative.clone().bool_not(), LEAST).argmax(1);
        let parts = self.parts(count).map(|(from, size)| {
            let shape = [count, size, count];
            let positive = known.clone().narrow(1, from, size).unsqueeze_dim::<3>(2).expand(shape);
            let negative = known.clone().unsqueeze_dim::<3>(1).expand(shape);
            let chosen = pairs.negative.clone().unsqueeze_dim::<3>(1).expand(shape);
            let chosen = chosen.bool_and(negative.clone().greater(positive));
            let (least, place) = negative.mask_fill(chosen.bool_not(), -LEAST).min_dim_with_indices(2);
            let none = least.greater_equal_scalar(-LEAST).squeeze_dim::<2>(2);
            place.squeeze_dim::<2>(2).mask_where(none, farthest.clone().expand([count, size]))
        });
        let place = Tensor::cat(parts.collect(), 1);
        let values = self.value(distances.clone() - distances.gather(1, place));
        let (_, has_negative) = pairs.there();
        let chosen = pairs.positive.clone().bool_and(has_negative.unsqueeze_dim::<2>(1).expand([count, count]));
        let mass = self.counts(values.clone().detach(), chosen.clone());
        let values = values.mask_fill(chosen.bool_not(), 0.0);
        Unreduced { values: values.sum_dim(1).squeeze_dim(1), mass: Some(mass.sum_dim(1).squeeze_dim(1)) }
    }

    /// All triplets, or the semi-hard ones.
    ///
    /// The values and their slopes are computed without a graph, a part at a time. The slopes add up to one number per distance,
    /// which is all that the gradient needs.
    fn many(&self, distances: Tensor<2>, pairs: &Pairs) -> Unreduced<1> {
        let [count, _] = distances.dims();
        let known = distances.clone().detach().without_autodiff();
        let (positives, negatives) = (pairs.positive.clone(), pairs.negative.clone());
        let zeros = || known.zeros_like();
        let (mut values, mut mass, mut slopes) = (zeros().narrow(1, 0, 1), zeros().narrow(1, 0, 1), zeros());
        let mut positive_slopes = Vec::new();
        for (from, size) in self.parts(count) {
            let shape = [count, size, count];
            let positive = known.clone().narrow(1, from, size).unsqueeze_dim::<3>(2).expand(shape);
            let negative = known.clone().unsqueeze_dim::<3>(1).expand(shape);
            let mut chosen = positives.clone().narrow(1, from, size).unsqueeze_dim::<3>(2).expand(shape);
            chosen = chosen.bool_and(negatives.clone().unsqueeze_dim::<3>(1).expand(shape));
            if self.config.mining == Mining::SemiHard {
                // By what it is not: what is not a number is neither, and has to be seen.
                let easy = negative.clone().greater(positive.clone() + self.config.margin);
                let hard = negative.clone().lower_equal(positive.clone());
                chosen = chosen.bool_and(easy.bool_or(hard).bool_not());
            }
            let Dual { value, slope: [slope] } = self.value(Dual::<_, 1>::variable(positive - negative, 0));
            let dropped = chosen.clone().bool_not();
            let counts = self.counts(value.clone(), chosen);
            values = values + value.mask_fill(dropped.clone(), 0.0).sum_dim(2).sum_dim(1).reshape([count, 1]);
            mass = mass + counts.sum_dim(2).sum_dim(1).reshape([count, 1]);
            let slope = slope.mask_fill(dropped, 0.0);
            positive_slopes.push(slope.clone().sum_dim(2).reshape([count, size]));
            slopes = slopes - slope.sum_dim(1).reshape([count, count]);
        }
        slopes = slopes + Tensor::cat(positive_slopes, 1);
        let device = distances.device();
        let attach = |tensor: Tensor<2>| if device.is_autodiff() { tensor.to_device(&device) } else { tensor };
        let (values, mass, slopes) = (attach(values), attach(mass), attach(slopes));
        // The value is the one above; the gradient is that of slopes * distances.
        let live = slopes * (distances.clone() - distances.detach());
        Unreduced { values: (values + live.sum_dim(1)).squeeze_dim(1), mass: Some(mass.squeeze_dim(1)) }
    }

    /// The columns of the positives, in parts: (from, size).
    fn parts(&self, count: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let size = (TOGETHER / (count * count)).clamp(1, count);
        (0..count).step_by(size).map(move |from| (from, size.min(count - from)))
    }

    /// The value of given triplets, reduced as the config says: `[M, E]` each. `mining` has no part in it.
    ///
    /// # Panics
    /// With the message of [`check_triplets`](Self::check_triplets)'s error.
    #[track_caller]
    pub fn forward_triplets(&self, anchors: Tensor<2>, positives: Tensor<2>, negatives: Tensor<2>) -> Tensor<1> {
        self.forward_triplets_with(anchors, positives, negatives, Extras::new())
    }

    /// The same with weights `[M]`, a mask `[M]` of the triplets that are valid, or a divisor: see [`Extras`].
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
        let extras = extras.into();
        expect(self.check_triplets(&anchors, &positives, &negatives, &extras));
        let given = extras.given([anchors.dims()[0]]);
        let values = self.values_of_triplets([anchors, positives, negatives], given.mask.as_ref());
        given.reduce(self.config.reduction, values)
    }

    /// One value per triplet, times its weight and divided by the divisor, and what each counts in a mean.
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
        let extras = extras.into();
        expect(self.check_triplets(&anchors, &positives, &negatives, &extras));
        let given = extras.given([anchors.dims()[0]]);
        let values = self.values_of_triplets([anchors, positives, negatives], given.mask.as_ref());
        given.apply(values)
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
        let distance = self.config.distance;
        let values = self.value(distance.rows(anchors.clone(), positives) - distance.rows(anchors, negatives));
        let mass = self.counts(values.clone().detach(), everywhere(&values));
        Unreduced { values, mass: Some(mass) }.masked(mask)
    }

    /// What is wrong with given triplets: their shapes, types and devices.
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
    kind_and_settings!("triplet");

    fn tuples(&self) -> Option<Signature> {
        let anchors = Argument::prediction("anchors", Shape::MATRIX);
        let [positives, negatives] = ["positives", "negatives"].map(|name| Argument::prediction(name, Shape::Same));
        let extras = [Argument::weights(Shape::First(1)), Argument::mask("mask", Shape::First(1))];
        Some([anchors, positives, negatives].into_iter().chain(extras).collect())
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

impl Anchors for TripletLoss {
    fn anchors(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, mask: Option<&Tensor<1, Bool>>) -> Unreduced<1> {
        if let Mining::Hard | Mining::Easy = self.config.mining {
            return pairs::values(&OneEach(self.clone()), embeddings, labels, mask);
        }
        let embeddings = if self.config.normalize { l2_normalize(embeddings) } else { embeddings };
        let distances = self.config.distance.matrix(embeddings);
        let pairs = Pairs::of(labels, mask);
        match self.config.mining {
            Mining::SemiHardClosest => self.closest(distances, &pairs),
            _ => self.many(distances, &pairs),
        }
    }

    fn partners(&self) -> NeededPartners {
        NeededPartners::Both
    }

    fn compares_cosines(&self) -> bool {
        self.config.distance.compares_directions(self.config.normalize)
    }
}

/// One triplet per anchor: of the nearest negative, and the farthest positive or, if it is to be easy, the nearest.
#[derive(Debug, Clone)]
struct OneEach(TripletLoss);

impl AnchorFormula for OneEach {
    fn score(&self) -> Score {
        Score::Distance(self.0.config.distance, self.0.config.normalize)
    }

    #[inline(always)]
    fn eval<A: Anchor>(&self, anchor: &mut A) -> A::Number {
        let positive = match self.0.config.mining {
            Mining::Hard => anchor.largest(Partners::Positives),
            _ => anchor.smallest(Partners::Positives),
        };
        self.0.value(positive - anchor.smallest(Partners::Negatives))
    }

    fn counts(&self) -> Counts {
        match self.0.config.average {
            // Of a softplus none is 0.
            Average::Active if !self.0.config.soft => Counts::Active,
            _ => Counts::WithBoth,
        }
    }
}

/// What a triplet is to the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TripletKind {
    /// The negative is farther than the positive by more than the margin: nothing to learn.
    Easy,
    /// The negative is farther than the positive, but by no more than the margin.
    SemiHard,
    /// The negative is no farther than the positive.
    Hard,
}

/// Which of the three each triplet is, as `[M]` integers 0 (easy), 1 (semi-hard) and 2 (hard), from the distances `[M]` of the
/// anchors to their positives and negatives: see [`TripletKind`].
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
