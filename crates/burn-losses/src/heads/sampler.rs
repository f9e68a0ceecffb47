//! How classes are drawn.

use crate::config::{FieldType, Range, Unreadable, Value};
use crate::engine::is_held;
use crate::error::ConfigError;
use crate::field::{Keys, list_of_numbers, table};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_losses_derive::ByValue;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The distribution from which classes are drawn, with replacement.
#[derive(Debug, Clone, PartialEq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "kind", rename_all = "snake_case", deny_unknown_fields, transform = crate::field::schema::key_within("counts", COUNT), transform = crate::field::schema::key_within("power", POWER)))]
pub enum Sampler {
    /// Every class is equally likely.
    Uniform {},
    /// Class k of C has the probability ln((k + 2) / (k + 1)) / ln(C + 1): for a vocabulary sorted by falling frequency.
    LogUniform {},
    /// Classes are drawn in proportion to counts^power.
    Unigram {
        /// How often each class is seen.
        counts: Vec<f64>,
        /// The exponent that flattens the counts: 1 leaves them as they are, and 0.75 is word2vec's.
        #[cfg_attr(feature = "schema", schemars(default = "one"))]
        power: f64,
    },
}

const COUNT: Range = Range::Greater(0.0);
const POWER: Range = Range::AtLeast(0.0);

#[cfg(feature = "schema")]
fn one() -> f64 {
    1.0
}

impl Sampler {
    /// The probability of each of the classes.
    fn probabilities(&self, classes: usize) -> Vec<f64> {
        let rank = |class: usize| class as f64;
        match self {
            Self::Uniform {} => vec![1.0 / classes as f64; classes],
            Self::LogUniform {} => {
                let total = (rank(classes) + 1.0).ln();
                (0..classes).map(|class| (1.0 / (rank(class) + 1.0)).ln_1p() / total).collect()
            }
            Self::Unigram { counts, power } => {
                // The counts are relative to the largest, and no class is so rare that the logarithm of its probability is
                // infinite.
                let most = counts.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
                let weights: Vec<f64> = counts.iter().map(|count| (count / most).powf(*power).max(1e-30)).collect();
                let total: f64 = weights.iter().sum();
                weights.iter().map(|weight| weight / total).collect()
            }
        }
    }

    /// Whether there is one count for each class.
    pub(super) fn check_classes(&self, loss: &'static str, classes: usize) -> Result<(), ConfigError> {
        match self {
            Self::Unigram { counts, .. } if counts.len() != classes => Err(ConfigError::InvalidValue {
                loss,
                field: "sampler.counts".into(),
                value: format!("{} numbers", counts.len()),
                allowed: format!("one number per class: `num_classes` is {classes}"),
            }),
            _ => Ok(()),
        }
    }
}

impl FieldType for Sampler {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        match self {
            Self::Uniform {} => table([("kind", "uniform".into())]),
            Self::LogUniform {} => table([("kind", "log_uniform".into())]),
            Self::Unigram { counts, power } => {
                table([("kind", "unigram".into()), ("counts", counts.clone().into()), ("power", (*power).into())])
            }
        }
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let tag = value.get("kind").and_then(Value::as_str);
        let keys: &[&str] = if tag == Some("unigram") { &["kind", "counts", "power"] } else { &["kind"] };
        let keys = Keys::new(value, keys)?;
        match tag {
            Some("uniform") => Ok(Self::Uniform {}),
            Some("log_uniform") => Ok(Self::LogUniform {}),
            Some("unigram") => {
                let counts = list_of_numbers(value.get("counts").ok_or(Unreadable::Type)?)?;
                Ok(Self::Unigram { counts, power: keys.get("power")?.unwrap_or(1.0) })
            }
            _ => Err(Unreadable::Type),
        }
    }
    fn allowed(_: Range) -> String {
        "a table of `kind`: `uniform`, `log_uniform`, or `unigram` with `counts`, one number > 0 per class, and `power` >= 0".into()
    }
    fn samples(_: Range) -> Vec<Value> {
        let unigram = |power| Self::Unigram { counts: vec![1.0, 4.0, 0.5], power };
        let samples = [Self::Uniform {}, Self::LogUniform {}, unigram(1.0), unigram(0.25)];
        samples.iter().map(|sample| sample.to_value()).collect()
    }
    fn refused(_: Range) -> Vec<Value> {
        let unigram = |counts: &[f64], power| Self::Unigram { counts: counts.to_vec(), power };
        let samples = [
            unigram(&[], 1.0),
            unigram(&[1.0, 2.0], 1.0),
            unigram(&[1.0, 0.0, 2.0], 1.0),
            unigram(&[1.0, f64::NAN, 2.0], 1.0),
            unigram(&[1.0, 1.0, 2.0], -1.0),
            unigram(&[1.0, 1.0, 2.0], f64::INFINITY),
        ];
        samples.iter().map(|sample| sample.to_value()).chain(["fair".into()]).collect()
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        let Self::Unigram { counts, power } = self else { return Ok(()) };
        for (index, count) in counts.iter().enumerate() {
            count.check(loss, &format!("{field}.counts[{index}]"), COUNT)?;
        }
        power.check(loss, &format!("{field}.power"), POWER)
    }
}

/// Draws the classes of each step, on the host, so that every device trains with the same classes.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    classes: usize,
    seed: u64,
    /// For each class, the probability of this class or one before it; `None`: every class is equally likely.
    cumulative: Option<Arc<Vec<f64>>>,
    /// The number of training steps so far; the clones of a module share it.
    steps: Arc<AtomicU64>,
}

impl Draws {
    /// Draws in which every class has the same chance.
    pub(super) fn of_classes(classes: usize) -> Self {
        Self::new(&Sampler::Uniform {}, classes, 0)
    }

    pub(super) fn new(sampler: &Sampler, classes: usize, seed: usize) -> Self {
        let cumulative = (*sampler != Sampler::Uniform {}).then(|| {
            let add = |sum: &mut f64, p: f64| {
                *sum += p;
                Some(*sum)
            };
            Arc::new(sampler.probabilities(classes).into_iter().scan(0.0, add).collect())
        });
        Self { classes, seed: seed as u64, cumulative, steps: Arc::default() }
    }

    /// A copy that goes on with the same draws, but counts its steps by itself.
    pub(super) fn fork(&self) -> Self {
        let steps = self.steps.load(Ordering::Relaxed);
        Self { steps: Arc::new(AtomicU64::new(steps)), ..self.clone() }
    }

    /// `count` classes: new ones at each step of training, and those of the first step elsewhere.
    pub(super) fn next(&self, count: usize, training: bool, like: &Tensor<1, Int>) -> Tensor<1, Int> {
        let mut rng = self.rng(training);
        let drawn: Vec<i64> = (0..count).map(|_| self.class(&mut rng) as i64).collect();
        Tensor::from_data(TensorData::new(drawn, [count]), (&like.device(), like.dtype()))
    }

    /// `count` different classes in rising order, all equally likely: new ones at each step of training.
    fn subset(&self, count: usize, training: bool, like: &Tensor<1, Int>) -> Tensor<1, Int> {
        let mut rng = self.rng(training);
        let mut chosen = Vec::with_capacity(count);
        for class in 0..self.classes {
            // A class is taken with the probability (classes still wanted) / (classes left).
            if rng.random_range(0..self.classes - class) < count - chosen.len() {
                chosen.push(class as i64);
            }
        }
        Tensor::from_data(TensorData::new(chosen, [count]), (&like.device(), like.dtype()))
    }

    /// The share `rate` of the classes, drawn as in [`subset`](Self::subset); `None` where it is all of them.
    pub(super) fn share(&self, rate: f64, training: bool, like: &Tensor<1, Int>) -> Option<Tensor<1, Int>> {
        let count = (rate * self.classes as f64).ceil() as usize;
        (rate < 1.0).then(|| self.subset(count.min(self.classes), training, like))
    }

    fn rng(&self, training: bool) -> Xoshiro256PlusPlus {
        let step = match training {
            true if is_held() => self.steps.load(Ordering::Relaxed),
            true => self.steps.fetch_add(1, Ordering::Relaxed),
            false => 0,
        };
        // The factor is large, so that the steps of one seed do not meet those of the next.
        Xoshiro256PlusPlus::seed_from_u64(self.seed.wrapping_add(step.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    fn class(&self, rng: &mut impl Rng) -> usize {
        match &self.cumulative {
            None => rng.random_range(0..self.classes),
            Some(cumulative) => {
                let at = rng.random::<f64>();
                cumulative.partition_point(|sum| *sum <= at).min(self.classes - 1)
            }
        }
    }
}

/// How often each class is expected among `count` drawn ones.
pub(super) fn expected_counts(sampler: &Sampler, classes: usize, count: usize, device: &Device) -> Tensor<1> {
    let expected: Vec<f64> = sampler.probabilities(classes).iter().map(|p| p * count as f64).collect();
    Tensor::from_data(TensorData::new(expected, [classes]), (device, DType::F32))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes are drawn with the probabilities that the correction uses.
    #[test]
    fn frequencies_are_the_expected_ones() {
        let device = Device::flex();
        let counts = vec![8.0, 1.0, 4.0, 2.0, 1.0];
        let samplers = [Sampler::Uniform {}, Sampler::LogUniform {}, Sampler::Unigram { counts, power: 0.75 }];
        for sampler in samplers {
            let draws = Draws::new(&sampler, 5, 7);
            let like = Tensor::<1, Int>::zeros([1], &device);
            let drawn: Vec<i64> = draws.next(100_000, true, &like).into_data().iter().collect();
            let expected: Vec<f64> = expected_counts(&sampler, 5, 100_000, &device).into_data().iter().collect();
            assert!((expected.iter().sum::<f64>() - 1e5).abs() < 0.1);
            for (class, expected) in expected.iter().enumerate() {
                let got = drawn.iter().filter(|drawn| **drawn == class as i64).count() as f64;
                // Five standard deviations of a binomial.
                assert!((got - expected).abs() < 5.0 * expected.sqrt(), "{sampler:?} {class}: {got} {expected}");
            }
        }
    }

    #[test]
    fn each_step_has_its_own_draws_and_each_run_the_same() {
        let like = Tensor::<1, Int>::zeros([1], &Device::flex());
        let draws = || Draws::new(&Sampler::Uniform {}, 1000, 3);
        let run = |draws: &Draws, training| draws.next(8, training, &like).into_data().iter().collect::<Vec<i64>>();
        let one = draws();
        let (first, second) = (run(&one, true), run(&one, true));
        assert_ne!(first, second);
        let other = draws();
        assert_eq!([run(&other, true), run(&other, true)], [first.clone(), second]);
        assert_eq!([run(&other, false), run(&other, false)], [first.clone(), first]);
    }
}
