//! Formulas with their second derivatives, in double precision on the host.

use super::pointwise::PointKernel;
use crate::formula::near::derivatives;
use crate::formula::{Formula, Real};
use crate::options::Curvature;
use core::fmt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// A formula of two numbers, compiled with its derivatives.
pub(crate) trait Curved: Send + Sync {
    /// The value, and the first and the second derivative with respect to `first`.
    fn at(&self, first: f64, target: f64) -> [f64; 3];
}

impl<F: Formula> Curved for F {
    fn at(&self, first: f64, target: f64) -> [f64; 3] {
        derivatives(self, first, target)
    }
}

/// A sum of formulas, each times its weight.
pub(crate) struct Sum(pub(crate) Vec<(f64, Arc<dyn Curved>)>);

impl Curved for Sum {
    fn at(&self, first: f64, target: f64) -> [f64; 3] {
        let terms = self.0.iter().map(|(weight, term)| (*weight, term.as_ref()));
        sum(terms, |term| term.at(first, target))
    }
}

/// The sum of the derivatives of all terms, each times its weight. A term of weight 0 is not computed.
fn sum<T>(terms: impl Iterator<Item = (f64, T)>, at: impl Fn(T) -> [f64; 3]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for (weight, term) in terms.filter(|(weight, _)| *weight != 0.0) {
        for (sum, number) in sum.iter_mut().zip(at(term)) {
            *sum += weight.weigh(number);
        }
    }
    sum
}

/// A part of the values of a batch: a formula of each pair of numbers, times a factor that does not depend on the predictions.
#[derive(Clone)]
pub struct Part {
    formula: Arc<dyn Curved>,
    weight: f64,
    /// One factor per value.
    factors: Option<Arc<[f64]>>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("weight", &self.weight).finish_non_exhaustive()
    }
}

impl Part {
    /// The formula of a kernel, without factors.
    pub(crate) fn new(kernel: &PointKernel) -> Self {
        Self { formula: kernel.curved.clone(), weight: 1.0, factors: None }
    }

    /// The same part, times a number.
    pub(crate) fn times(self, weight: f64) -> Self {
        Self { weight: self.weight * weight, ..self }
    }

    /// The same part, times a factor for each value.
    pub(crate) fn with_factors(self, factors: &[f64]) -> Self {
        let factors = match self.factors {
            None => factors.into(),
            Some(own) => own.iter().zip(factors).map(|(a, b)| a.weigh(*b)).collect(),
        };
        Self { factors: Some(factors), ..self }
    }

    fn factor(&self, index: usize) -> f64 {
        self.factors.as_ref().map_or(self.weight, |factors| self.weight.weigh(factors[index]))
    }
}

/// The parts of a sum of losses, each times its weight; `None` if one of them has none.
pub(crate) fn sum_of_parts(terms: impl Iterator<Item = (f64, Option<Vec<Part>>)>) -> Option<Vec<Part>> {
    let mut all = Vec::new();
    for (weight, parts) in terms {
        all.extend(parts?.into_iter().map(|part| part.times(weight)));
    }
    Some(all)
}

/// What is known of the targets that a prediction expects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Model {
    /// The target is 1 with the probability sigmoid(x), else 0.
    Logit,
    /// The target is 1 with the probability x, else 0.
    Probability,
    /// The loss is the likelihood of an exponential family: its derivative is a straight line in the target, and 0 at the mean of the
    /// target.
    Likelihood,
}

/// Why there is no curvature of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// It is 0 everywhere.
    Flat,
    /// The loss is no likelihood, so that nothing is expected of the targets.
    NoModel,
    /// The second derivative has no upper bound.
    Unbounded,
}

/// The parts of a batch's values, and which curvature is wanted of them.
pub(crate) struct Curves {
    parts: Vec<Part>,
    curvature: Curvature,
    model: Model,
    /// For each part its bounds, if they are wanted.
    bounds: Vec<Bounds>,
}

impl Curves {
    /// Checks that there is a curvature of the wanted kind. With a floor it may be 0 everywhere.
    pub(crate) fn new(
        parts: Vec<Part>,
        (curvature, has_floor): (Curvature, bool),
        model: Model,
        targets: &[f64],
    ) -> Result<Self, Lacking> {
        if !has_floor && parts.iter().all(|part| is_flat(part.formula.as_ref())) {
            return Err(Lacking::Flat);
        }
        let is_likelihood = || parts.iter().all(|part| is_linear_in_target(part.formula.as_ref()));
        if curvature == Curvature::Expected && model == Model::Likelihood && !is_likelihood() {
            return Err(Lacking::NoModel);
        }
        let bounds = match curvature {
            Curvature::Majorizer => parts.iter().map(|part| Bounds::new(part, targets)).collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        Ok(Self { parts, curvature, model, bounds })
    }

    /// Whether the value of this index counts: otherwise all its derivatives are 0.
    pub(crate) fn counts(&self, index: usize) -> bool {
        self.parts.iter().any(|part| part.factor(index) != 0.0)
    }

    fn exact(&self, index: usize, first: f64, target: f64) -> [f64; 3] {
        let parts = self.parts.iter().map(|part| (part.factor(index), part.formula.as_ref()));
        sum(parts, |formula| formula.at(first, target))
    }

    /// The value, the slope, and the wanted curvature.
    pub(crate) fn at(&self, index: usize, first: f64, target: f64) -> [f64; 3] {
        let [value, slope, exact] = self.exact(index, first, target);
        let curvature = |target| self.exact(index, first, target)[2];
        let curvature = match (self.curvature, self.model) {
            (Curvature::Exact, _) => exact,
            (Curvature::Expected, Model::Likelihood) => {
                let slope = |target| self.exact(index, first, target)[1];
                let [low, high] = [0.5, 2.0];
                let [at_low, at_high] = [low, high].map(slope);
                curvature(low - at_low * (high - low) / (at_high - at_low))
            }
            (Curvature::Expected, model) => {
                let [p, not_p] = if model == Model::Logit { first.sigmoids() } else { [first, 1.0 - first] };
                p.weigh(curvature(1.0)) + not_p.weigh(curvature(0.0))
            }
            (Curvature::Majorizer, _) => {
                let bound = self.parts.iter().zip(&self.bounds).map(|(part, bounds)| {
                    let factor = part.factor(index);
                    let [least, most] = bounds.for_target(target);
                    factor.weigh(if factor > 0.0 { most } else { least })
                });
                let bound = bound.sum::<f64>();
                // The search for the bound may have missed its last digits.
                if exact > bound { exact } else { bound }
            }
        };
        [value, slope, curvature]
    }
}

/// Offsets from 0 of many sizes, in order: dense between 1e-3 and 1e3 in size.
fn offsets() -> Vec<f64> {
    let dense = (-40..=40).map(|quarter| f64::from(quarter) / 4.0);
    let powers = [-100.0, -66.0, -40.0, -30.0, -20.0, -15.0].into_iter().chain(dense).chain([12.0, 16.0, 20.0, 30.0]);
    let above: Vec<f64> = powers.map(f64::exp2).collect();
    above.iter().rev().map(|x| -x).chain([0.0]).chain(above.iter().copied()).collect()
}

/// Targets of every kind: classes, soft ones, counts and measurements.
const TARGETS: [f64; 6] = [0.0, 1.0, 0.3, 2.5, -1.5, 40.0];

/// Whether the curvature is 0 at all of many points.
fn is_flat(formula: &dyn Curved) -> bool {
    let offsets = offsets();
    TARGETS.into_iter().all(|target| {
        let points = offsets.iter().flat_map(|offset| [target + offset, *offset]);
        points.map(|x| formula.at(x, target)[2]).all(|curvature| curvature == 0.0 || curvature.is_nan())
    })
}

/// Whether the slope is a straight line in the target, and no constant.
fn is_linear_in_target(formula: &dyn Curved) -> bool {
    [0.25, 0.5, 1.0, 2.0, 4.0].into_iter().all(|x| {
        let slope = |target: f64| formula.at(x, target)[1];
        let (at, growth) = (slope(0.5), (slope(2.0) - slope(0.5)) / 1.5);
        [1.0, 3.0, 7.5, 1e4, 1e8].into_iter().all(|target| {
            let expected = at + (target - 0.5) * growth;
            growth != 0.0 && (slope(target) - expected).abs() <= 1e-9 * (at.abs() + growth.abs() * target)
        })
    })
}

/// The least and the largest curvature of a formula over all predictions.
enum Bounds {
    /// They are the same for every target.
    Same([f64; 2]),
    /// They depend on the target, which is given by its bits.
    ByTarget(HashMap<u64, [f64; 2]>),
}

impl Bounds {
    fn new(part: &Part, targets: &[f64]) -> Result<Self, Lacking> {
        let formula = part.formula.as_ref();
        let at = |x: f64, target: f64| formula.at(x, target)[2];
        let same = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
        // Whether the formula is one of the difference, or does not depend on the target.
        let is_shifted = |shift: fn(f64) -> f64| {
            let shifted = |target: f64| move |x: f64| (x, x + shift(target), target);
            let points =
                [1.0, 2.5, 10.0].into_iter().flat_map(|target| [0.0, 0.3, 1.5, 4.0, -0.7].map(shifted(target)));
            points.into_iter().all(|(x, moved, target)| same(at(x, 0.0), at(moved, target)))
        };
        if is_shifted(|target| target) || is_shifted(|_| 0.0) {
            return Ok(Self::Same(search(&|x| at(x, 0.0), 0.0)?));
        }
        let mut found = HashMap::new();
        for target in targets.iter().filter(|target| target.is_finite()) {
            if let Entry::Vacant(place) = found.entry(target.to_bits()) {
                place.insert(search(&|x| at(x, *target), *target)?);
            }
        }
        Ok(Self::ByTarget(found))
    }

    fn for_target(&self, target: f64) -> [f64; 2] {
        match self {
            Self::Same(bounds) => *bounds,
            Self::ByTarget(found) => found.get(&target.to_bits()).copied().unwrap_or([f64::NAN; 2]),
        }
    }
}

/// The least and the largest value of a function of all numbers, which is smooth near both 0 and `center` and between powers of 2.
fn search(curvature: &dyn Fn(f64) -> f64, center: f64) -> Result<[f64; 2], Lacking> {
    let offsets = offsets();
    let mut points: Vec<f64> = offsets.iter().flat_map(|offset| [*offset, center + offset]).collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let all: Vec<f64> = points.iter().map(|x| curvature(*x)).collect();
    let last = points.len() - 1;
    let extreme = |sign: f64| {
        let value = |at: usize| sign * all[at];
        let larger = |best: usize, at: usize| if value(at) > value(best) || value(best).is_nan() { at } else { best };
        let best = (0..points.len()).fold(0, larger);
        let grows = |at: usize, inside: usize| value(at) > value(inside) * (1.0 + 1e-9) + 1e-9;
        let is_at_the_end = (best == 0 && grows(0, 1)) || (best == last && grows(last, last - 1));
        if value(best) == f64::INFINITY || is_at_the_end {
            return Err(Lacking::Unbounded);
        }
        // The golden section between the neighbors.
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let (mut low, mut high) = (points[best.saturating_sub(1)], points[(best + 1).min(last)]);
        let mut most = value(best);
        for _ in 0..40 {
            let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            let (at_a, at_b) = (sign * curvature(a), sign * curvature(b));
            most = most.max(at_a).max(at_b);
            if at_a > at_b { high = b } else { low = a }
        }
        Ok(sign * most)
    };
    let [least, most] = [extreme(-1.0), extreme(1.0)];
    Ok([least.unwrap_or(f64::NEG_INFINITY), most?])
}

/// Writes a row of `width` numbers for each index, in parallel where the machine can.
pub(crate) fn fill_rows(count: usize, width: usize, work: &(dyn Fn(usize, &mut [f64]) + Sync)) -> Vec<f64> {
    let mut numbers = vec![0.0; count * width];
    if width == 0 {
        return numbers;
    }
    #[cfg(feature = "cpu-engine")]
    super::host::blocks::par_rows(&mut numbers, width, (4096 / width).max(1), work);
    #[cfg(not(feature = "cpu-engine"))]
    numbers.chunks_mut(width).enumerate().for_each(|(row, numbers)| work(row, numbers));
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (x - t)^2 / (1 + (x - t)^2), whose curvature is 2 at 0 and negative far away.
    #[derive(Debug, Clone)]
    struct Bounded;

    impl Formula for Bounded {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            let square = (first - target).square();
            square.clone() / (square + 1.0)
        }
    }

    /// The likelihood of a count.
    #[derive(Debug, Clone)]
    struct Poisson;

    impl Formula for Poisson {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            first.clone().exp() - target * first
        }
    }

    #[derive(Debug, Clone)]
    struct Absolute;

    impl Formula for Absolute {
        #[inline(always)]
        fn eval<R: Real>(&self, first: R, target: R) -> R {
            (first - target).abs()
        }
    }

    fn curves(formula: impl Formula, curvature: Curvature) -> Result<Curves, Lacking> {
        let parts = vec![Part::new(&PointKernel::new(&formula))];
        Curves::new(parts, (curvature, false), Model::Likelihood, &[0.0, 3.0])
    }

    #[test]
    fn what_is_flat_or_unbounded_or_no_likelihood_is_told() {
        assert_eq!(curves(Absolute, Curvature::Exact).err(), Some(Lacking::Flat));
        assert_eq!(curves(Absolute, Curvature::Majorizer).err(), Some(Lacking::Flat));
        assert_eq!(curves(Bounded, Curvature::Expected).err(), Some(Lacking::NoModel));
        assert_eq!(curves(Poisson, Curvature::Majorizer).err(), Some(Lacking::Unbounded));
    }

    #[test]
    fn the_bound_is_the_largest_curvature() {
        let curves = curves(Bounded, Curvature::Majorizer).unwrap();
        for (x, target) in [(0.0, 0.0), (5.0, 3.0), (-1e6, 3.0)] {
            assert!((curves.at(0, x, target)[2] - 2.0).abs() < 1e-9);
        }
        // The least one is at |d| = 1.
        let Bounds::Same([least, _]) = curves.bounds[0] else { panic!("a formula of the difference") };
        assert!((least + 0.5).abs() < 1e-9, "{least}");
    }

    #[test]
    fn the_expected_curvature_of_a_count_is_its_rate() {
        let curves = curves(Poisson, Curvature::Expected).unwrap();
        let [value, slope, curvature] = curves.at(0, 2.0, 3.0);
        assert_eq!((value, slope), (2f64.exp() - 6.0, 2f64.exp() - 3.0));
        assert!((curvature - 2f64.exp()).abs() < 1e-12);
    }
}
