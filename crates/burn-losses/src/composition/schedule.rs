//! Weights that change while training.

use crate::config::{FieldType, Range, Table, Unreadable, Value};
use crate::error::ConfigError;
use crate::field::Keys;
use crate::formula::Real;
use burn::tensor::{DType, Int, Tensor};
use burn_losses_derive::ByValue;

/// The weight of a term, or a field of a loss: a number, or a schedule over the steps of training.
///
/// ```toml
/// weight = 0.003
/// weight = { kind = "linear", from = 0.0, to = 1.0, steps = 1000 }
/// weight = { kind = "cosine", from = 1e-4, to = 0.0, steps = 20000 }
/// weight = { kind = "step", from = 1.0, factor = 0.1, every = 5000 }
/// weight = { kind = "exponential", from = 1.0, factor = 0.999 }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
#[non_exhaustive]
pub enum Weight {
    /// Always the same.
    Constant(f64),
    /// A schedule.
    Schedule(Schedule),
}

/// How a weight changes from step to step; t counts the steps from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "kind", rename_all = "snake_case", deny_unknown_fields, transform = crate::field::schema::key_within("steps", COUNT), transform = crate::field::schema::key_within("every", COUNT), transform = crate::field::schema::key_within("factor", FACTOR)))]
#[non_exhaustive]
pub enum Schedule {
    /// from + (to - from) min(t / steps, 1).
    Linear {
        /// The weight of the first step.
        from: f64,
        /// The weight after `steps`.
        to: f64,
        /// How many steps it takes.
        steps: usize,
    },
    /// to + (from - to) (1 + cos(pi min(t / steps, 1))) / 2.
    Cosine {
        /// The weight of the first step.
        from: f64,
        /// The weight after `steps`.
        to: f64,
        /// How many steps it takes.
        steps: usize,
    },
    /// from factor^floor(t / every).
    Step {
        /// The weight of the first step.
        from: f64,
        /// The factor of each change.
        factor: f64,
        /// The number of steps between two changes.
        every: usize,
    },
    /// from factor^t.
    Exponential {
        /// The weight of the first step.
        from: f64,
        /// The factor of each step.
        factor: f64,
    },
}

const COUNT: Range = Range::AtLeast(1.0);
const FACTOR: Range = Range::Greater(0.0);

impl From<f64> for Weight {
    fn from(weight: f64) -> Self {
        Self::Constant(weight)
    }
}

impl From<Schedule> for Weight {
    fn from(schedule: Schedule) -> Self {
        Self::Schedule(schedule)
    }
}

impl Schedule {
    /// The number of step t, which is counted from 0.
    pub fn at(&self, step: usize) -> f64 {
        self.after(match *self {
            Self::Linear { steps, .. } | Self::Cosine { steps, .. } => step.min(steps) as f64 / steps.max(1) as f64,
            Self::Step { every, .. } => (step / every.max(1)) as f64,
            Self::Exponential { .. } => step as f64,
        })
    }

    /// The weight of step t, `[1]`; it is computed on the device, and nothing is read back.
    ///
    /// Steps are counted and divided as integers: a quotient of floats may reach a whole number too late or too early.
    fn on_device(&self, step: Tensor<1, Int>, dtype: DType) -> Tensor<1> {
        let number = |step: Tensor<1, Int>| step.float().cast(dtype);
        self.after(match *self {
            Self::Linear { steps, .. } | Self::Cosine { steps, .. } => {
                number(step.clamp_max(count(steps))) / steps as f64
            }
            Self::Step { every, .. } => number(step / count(every)),
            Self::Exponential { .. } => number(step),
        })
    }

    /// The number after a share of the steps, or after so many changes.
    fn after<R: Real>(&self, progress: R) -> R {
        match *self {
            Self::Linear { from, to, .. } => progress * (to - from) + from,
            Self::Cosine { from, to, .. } => {
                ((progress * core::f64::consts::PI).cos() + 1.0) * ((from - to) / 2.0) + to
            }
            Self::Step { from, factor, .. } | Self::Exponential { from, factor } => {
                (progress * factor.ln()).exp() * from
            }
        }
    }

    fn numbers(&self) -> [(&'static str, f64, Range); 2] {
        match *self {
            Self::Linear { from, to, .. } | Self::Cosine { from, to, .. } => {
                [("from", from, Range::Finite), ("to", to, Range::Finite)]
            }
            Self::Step { from, factor, .. } | Self::Exponential { from, factor } => {
                [("from", from, Range::Finite), ("factor", factor, FACTOR)]
            }
        }
    }

    /// The number of steps: a float would round a large one.
    fn steps(&self) -> Option<(&'static str, usize)> {
        match *self {
            Self::Linear { steps, .. } | Self::Cosine { steps, .. } => Some(("steps", steps)),
            Self::Step { every, .. } => Some(("every", every)),
            Self::Exponential { .. } => None,
        }
    }
}

/// A number of steps that the integers of every device can hold; more steps than that are never taken.
fn count(steps: usize) -> i64 {
    steps.min(i32::MAX as usize) as i64
}

impl Weight {
    /// The number of step t, which is counted from 0. With it any field of a loss follows a schedule that a config file chooses.
    ///
    /// ```
    /// use burn_losses::composition::{Schedule, Weight};
    ///
    /// let gamma = Weight::from(Schedule::Linear { from: 0.0, to: 2.0, steps: 100 });
    /// assert_eq!([0, 50, 200].map(|step| gamma.at(step)), [0.0, 1.0, 2.0]);
    /// assert_eq!(Weight::from(1.5).at(50), 1.5);
    /// ```
    pub fn at(&self, step: usize) -> f64 {
        match self {
            Self::Constant(number) => *number,
            Self::Schedule(schedule) => schedule.at(step),
        }
    }

    /// `value` times the weight of a step; a weight that does not change is a plain number.
    pub(crate) fn times(&self, value: Tensor<1>, step: &Tensor<1, Int>) -> Tensor<1> {
        match self {
            Self::Constant(weight) => value * *weight,
            Self::Schedule(schedule) => {
                let weight = schedule.on_device(step.clone(), value.dtype());
                value * weight
            }
        }
    }
}

impl FieldType for Weight {
    const KIND: &'static str = "number or table";

    fn to_value(&self) -> Value {
        let kind = match self {
            Self::Constant(weight) => return (*weight).into(),
            Self::Schedule(Schedule::Linear { .. }) => "linear",
            Self::Schedule(Schedule::Cosine { .. }) => "cosine",
            Self::Schedule(Schedule::Step { .. }) => "step",
            Self::Schedule(Schedule::Exponential { .. }) => "exponential",
        };
        let mut table = Table::from_iter([("kind", kind)]);
        if let Self::Schedule(schedule) = self {
            schedule.numbers().into_iter().for_each(|(name, number, _)| table.insert(name, number));
            schedule.steps().into_iter().for_each(|(name, steps)| table.insert(name, steps));
        }
        table.into()
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        if let Some(weight) = value.as_f64() {
            return Ok(Self::Constant(weight));
        }
        let kind = value.get("kind").and_then(Value::as_str);
        let keys: &[&str] = match kind {
            Some("linear" | "cosine") => &["kind", "from", "to", "steps"],
            Some("step") => &["kind", "from", "factor", "every"],
            Some("exponential") => &["kind", "from", "factor"],
            _ => return Err(Unreadable::Type),
        };
        let keys = Keys::new(value, keys)?;
        let from = keys.require("from")?;
        Ok(Self::Schedule(match kind {
            Some("linear") => {
                Schedule::Linear { from, to: keys.require("to")?, steps: keys.require_in("steps", COUNT)? }
            }
            Some("cosine") => {
                Schedule::Cosine { from, to: keys.require("to")?, steps: keys.require_in("steps", COUNT)? }
            }
            Some("step") => {
                Schedule::Step { from, factor: keys.require("factor")?, every: keys.require_in("every", COUNT)? }
            }
            _ => Schedule::Exponential { from, factor: keys.require("factor")? },
        }))
    }
    fn allowed(_: Range) -> String {
        "a finite number, or a table whose `kind` is one of `linear`, `cosine` (`from`, `to`, `steps`), `step` (`from`, `factor`, `every`), \
         `exponential` (`from`, `factor`)"
            .into()
    }
    fn samples(_: Range) -> Vec<Value> {
        vec![0.5.into(), Self::Schedule(Schedule::Exponential { from: 1.0, factor: 0.5 }).to_value()]
    }
    fn refused(_: Range) -> Vec<Value> {
        vec![f64::NAN.into(), "heavy".into()]
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        match self {
            Self::Constant(weight) => weight.check(loss, field, Range::Finite),
            Self::Schedule(schedule) => {
                let key = |name: &str| format!("{field}.{name}");
                let mut numbers = schedule.numbers().into_iter();
                numbers.try_for_each(|(name, number, range)| number.check(loss, &key(name), range))?;
                schedule.steps().map_or(Ok(()), |(name, steps)| steps.check(loss, &key(name), COUNT))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn at(schedule: Schedule, step: i64) -> f32 {
        let step = Tensor::<1, Int>::from_ints([step], &Device::flex());
        schedule.on_device(step, DType::F32).into_scalar()
    }

    #[test]
    fn the_host_and_the_device_say_the_same() {
        let schedules = [
            Schedule::Linear { from: 1.0, to: 3.0, steps: 7 },
            Schedule::Cosine { from: 1.0, to: 0.1, steps: 41 },
            Schedule::Step { from: 2.0, factor: 0.5, every: 41 },
            Schedule::Exponential { from: 2.0, factor: 0.9 },
        ];
        for schedule in schedules {
            for step in [0, 1, 6, 7, 40, 41, 82, 100] {
                let (host, device) = (schedule.at(step), f64::from(at(schedule, step as i64)));
                assert!((host - device).abs() <= 1e-5 * host.abs(), "{schedule:?}, {step}: {host}, {device}");
            }
        }
    }

    /// T79: as a quotient of floats, t / every is one step late for 41, 47, 55 and others, and steps are lost beyond 2^24.
    #[test]
    fn t79_a_step_comes_when_it_is_due() {
        for every in (1..300).chain([1 << 24, (1 << 24) + 1, 1 << 30]) {
            let schedule = Schedule::Step { from: 1.0, factor: 0.5, every: every as usize };
            for times in [1, 2, 3, 7].into_iter().filter(|times| times * every < 1 << 31) {
                let expected = 0.5f32.powi(times as i32);
                for (t, expected) in [(times * every - 1, 2.0 * expected), (times * every, expected)] {
                    assert!((at(schedule, t) / expected - 1.0).abs() < 1e-6, "{t} of {every}: {}", at(schedule, t));
                }
            }
        }
    }

    /// A number of steps that no float can hold is written as it is.
    #[test]
    fn steps_survive_a_round_trip() {
        let weight = Weight::Schedule(Schedule::Step { from: 0.5, factor: 1.0, every: 9_372_036_854_775_807 });
        assert_eq!(Weight::from_value(&weight.to_value()), Ok(weight));
    }

    /// T79: a schedule is as long as the config says, however long that is.
    #[test]
    fn t79_schedules_end_when_they_are_over() {
        for steps in [41usize, 1000, 1 << 24, (1 << 24) + 1, usize::MAX] {
            let linear = Schedule::Linear { from: 1.0, to: 0.0, steps };
            assert_eq!(at(linear, 0), 1.0);
            assert_eq!(at(linear, count(steps)) == 0.0, steps < 1 << 31, "{steps}");
        }
    }

    #[test]
    fn each_schedule_by_hand() {
        let linear = Schedule::Linear { from: 1.0, to: 3.0, steps: 4 };
        assert_eq!([0, 1, 4, 9].map(|step| at(linear, step)), [1.0, 1.5, 3.0, 3.0]);
        let cosine = Schedule::Cosine { from: 1.0, to: 0.0, steps: 10 };
        for (step, expected) in [(0, 1.0), (5, 0.5), (10, 0.0), (99, 0.0)] {
            assert!((at(cosine, step) - expected).abs() < 1e-6, "{step}");
        }
        let step = Schedule::Step { from: 2.0, factor: 0.5, every: 3 };
        for (t, expected) in [(0, 2.0), (2, 2.0), (3, 1.0), (6, 0.5)] {
            assert!((at(step, t) - expected).abs() < 1e-6, "{t}");
        }
        let falling = Schedule::Exponential { from: 2.0, factor: 0.9 };
        assert!((at(falling, 2) - 1.62).abs() < 1e-6);
    }
}
