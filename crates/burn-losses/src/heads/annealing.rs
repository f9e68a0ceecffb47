//! A margin that comes in slowly.

use crate::config::{FieldType, Range, Unreadable, Value};
use crate::engine::steps::Steps;
use crate::error::ConfigError;
use crate::field::{Keys, table};
use crate::formula::Real;
use burn::tensor::Tensor;
use burn_losses_derive::ByValue;

/// The schedule of lambda, by which a head goes from the plain cosine to its margin:
/// lambda = max(minimum, base (1 + gamma step)^(-power)), and the target is (lambda cos + psi) / (1 + lambda). In a config file
/// `lambda = "off"` is short for `base = 0` and `minimum = 0`: the margin alone, from the first step.
#[derive(Debug, Clone, Copy, PartialEq, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(default, deny_unknown_fields, transform = crate::field::schema::within(RANGE), transform = crate::field::schema::or_word(OFF)))]
pub struct Annealing {
    /// lambda at the first step.
    pub base: f64,
    /// How soon lambda falls.
    pub gamma: f64,
    /// How steeply lambda falls.
    pub power: f64,
    /// The lowest lambda; 0 is the margin alone.
    pub minimum: f64,
}

/// The word for [`Annealing::none`].
const OFF: &str = "off";
/// The range of each of the four numbers.
const RANGE: Range = Range::AtLeast(0.0);

impl Default for Annealing {
    /// The schedule of the authors' SphereFace.
    fn default() -> Self {
        Self { base: 1000.0, gamma: 0.12, power: 1.0, minimum: 5.0 }
    }
}

impl Annealing {
    /// No schedule: lambda is 0, and the margin is there from the first step.
    pub fn none() -> Self {
        Self { base: 0.0, minimum: 0.0, ..Self::default() }
    }

    /// lambda after `step` steps, `[1]`; it is computed on the device, and nothing is read back.
    pub(crate) fn at(&self, step: Tensor<1>) -> Tensor<1> {
        let falling = Real::powf(step * self.gamma + 1.0, -self.power) * self.base;
        falling.clamp_min(self.minimum)
    }

    /// lambda of this step for each row; counts the step in training.
    pub(crate) fn step(&self, steps: &Steps, embeddings: &Tensor<2>) -> Tensor<1> {
        let device = embeddings.device();
        let step = steps.count(&device).float().cast(embeddings.dtype());
        let lambda = self.at(step).expand([embeddings.dims()[0]]);
        if device.is_autodiff() {
            steps.advance(&device);
        }
        lambda
    }
}

impl FieldType for Annealing {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        table([
            ("base", self.base.into()),
            ("gamma", self.gamma.into()),
            ("power", self.power.into()),
            ("minimum", self.minimum.into()),
        ])
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        if value.as_str() == Some(OFF) {
            return Ok(Self::none());
        }
        let (keys, default) = (Keys::new(value, &["base", "gamma", "power", "minimum"])?, Self::default());
        Ok(Self {
            base: keys.get("base")?.unwrap_or(default.base),
            gamma: keys.get("gamma")?.unwrap_or(default.gamma),
            power: keys.get("power")?.unwrap_or(default.power),
            minimum: keys.get("minimum")?.unwrap_or(default.minimum),
        })
    }
    fn allowed(_: Range) -> String {
        "a table of `base`, `gamma`, `power` and `minimum`, each a number >= 0, or `off`".into()
    }
    fn samples(_: Range) -> Vec<Value> {
        let samples = [
            Self { base: 3.0, minimum: 0.5, ..Self::default() },
            Self { base: 3.0, minimum: 0.0, gamma: 1.0, ..Self::default() },
            Self { base: 0.0, minimum: 0.0, ..Self::default() },
        ];
        samples.iter().map(|sample| sample.to_value()).chain([OFF.into()]).collect()
    }
    fn refused(_: Range) -> Vec<Value> {
        let samples = [
            Self { base: -1.0, ..Self::default() },
            Self { gamma: f64::NAN, ..Self::default() },
            Self { power: f64::INFINITY, ..Self::default() },
            Self { minimum: -0.1, ..Self::default() },
        ];
        samples.iter().map(|sample| sample.to_value()).chain(["slow".into()]).collect()
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        let numbers = [("base", self.base), ("gamma", self.gamma), ("power", self.power), ("minimum", self.minimum)];
        numbers.iter().try_for_each(|(name, number)| number.check(loss, &format!("{field}.{name}"), RANGE))
    }
}

/// psi as a function of cos(theta), for an integer margin m: (-1)^k cos(m theta) - 2k on [k pi/m, (k+1) pi/m].
///
/// cos(m theta) is Chebyshev's polynomial of the cosine. No angle is needed, so nothing is infinite at cos = +-1.
pub(crate) fn psi<R: Real>(cosine: R, margin: usize) -> R {
    // T_0 = 1, T_1 = c, T_(n+1) = 2 c T_n - T_(n-1).
    let (mut before, mut chebyshev) = (cosine.lit(1.0), cosine.clone());
    for _ in 1..margin {
        let next = chebyshev.clone() * cosine.clone() * 2.0 - before;
        (before, chebyshev) = (chebyshev, next);
    }
    // Beyond each angle k pi/m the sign changes, and another 2 is subtracted.
    let (mut sign, mut shift) = (cosine.lit(1.0), cosine.lit(0.0));
    for k in 1..margin {
        let bound = (core::f64::consts::PI * k as f64 / margin as f64).cos();
        let beyond = (-cosine.clone()).gt_lit(-bound);
        sign = R::select(&beyond, -sign.clone(), sign);
        shift = R::select(&beyond, shift.clone() + 2.0, shift);
    }
    sign * chebyshev - shift
}

/// (lambda cos + psi) / (1 + lambda).
pub(crate) fn annealed<R: Real>(cosine: R, margin: usize, lambda: Option<R>) -> R {
    let psi = psi(cosine.clone(), margin);
    match lambda {
        None => psi,
        Some(lambda) => (lambda.clone() * cosine + psi) / (lambda + 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Dual;

    #[test]
    fn psi_is_its_definition_and_falls() {
        for margin in 1..=5 {
            let mut last = f64::INFINITY;
            for i in 0..=400 {
                let theta = core::f64::consts::PI * f64::from(i) / 400.0;
                let k = ((theta * margin as f64 / core::f64::consts::PI).floor()).min(margin as f64 - 1.0);
                let expected = (-1f64).powf(k) * (margin as f64 * theta).cos() - 2.0 * k;
                let got = psi(theta.cos(), margin);
                assert!((got - expected).abs() < 1e-12, "{margin} {theta}: {got} {expected}");
                assert!(got <= last + 1e-12);
                last = got;
            }
            assert!(psi(Dual::<f64, 1>::variable(1.0, 0), margin).slope[0].is_finite());
            assert!(psi(Dual::<f64, 1>::variable(-1.0, 0), margin).slope[0].is_finite());
        }
    }

    #[test]
    fn off_is_the_margin_alone() {
        let off = Annealing::from_value(&"off".into()).unwrap();
        assert_eq!((off.base, off.minimum), (0.0, 0.0));
        assert_eq!(Annealing::from_value(&off.to_value()).unwrap(), Annealing::none());
        assert!(Annealing::from_value(&"of".into()).is_err());
        let device = burn::tensor::Device::flex();
        assert_eq!(off.at(Tensor::from_floats([7.0], &device)).into_scalar::<f32>(), 0.0);
        for cosine in [-0.9, 0.1, 0.8] {
            assert_eq!(annealed(cosine, 4, Some(0.0)), psi(cosine, 4));
        }
    }

    #[test]
    fn the_schedule_by_hand() {
        let device = burn::tensor::Device::flex();
        let lambda = |step: f32| Annealing::default().at(Tensor::from_floats([step], &device)).into_scalar::<f32>();
        assert_eq!(lambda(0.0), 1000.0);
        assert!((lambda(100.0) - 1000.0 / 13.0).abs() < 1e-3);
        assert_eq!(lambda(1e6), 5.0);
    }
}
