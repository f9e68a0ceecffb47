//! Weights that are found while training.

use crate::config::{FieldType, Range, Unreadable, Value};
use crate::engine::{set_state, state_on};
use crate::error::ConfigError;
use crate::field::{Keys, table};
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Int, Tensor};
use burn_losses_derive::ByValue;

/// The further factors of the terms of a [`JointLoss`](super::JointLoss), beside their weights. Penalties on parameters are left
/// out: they keep their weights.
///
/// ```toml
/// balance = { kind = "uncertainty" }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, ByValue)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(tag = "kind", rename_all = "snake_case", deny_unknown_fields, transform = crate::field::schema::key_within("temperature", TEMPERATURE), transform = crate::field::schema::key_within("period", PERIOD)))]
#[non_exhaustive]
pub enum Balance {
    /// No further factors: the weights alone.
    #[default]
    Fixed,
    /// Learned uncertainty (Kendall et al. 2018, [arXiv 1705.07115](https://arxiv.org/abs/1705.07115)): every term has a
    /// parameter s = ln(sigma^2), and adds exp(-s)/2 l + s/2. The parameters are a part of the module, so the optimizer of the
    /// model updates them.
    Uncertainty {
        /// s at the beginning.
        #[cfg_attr(feature = "schema", schemars(default))]
        initial: f64,
    },
    /// Dynamic weight average (Liu et al. 2019, [arXiv 1803.10704](https://arxiv.org/abs/1803.10704)): with K terms, a term's
    /// factor is K softmax(r / temperature), where r is the term's mean value in the last period divided by that in the period
    /// before. Every factor is 1 until two periods are over.
    Dwa {
        /// How even the factors are.
        #[cfg_attr(feature = "schema", schemars(default = "two"))]
        temperature: f64,
        /// How many steps a period has: an epoch, in the paper.
        period: usize,
    },
}

const TEMPERATURE: Range = Range::Greater(0.0);
const PERIOD: Range = Range::AtLeast(1.0);

fn two() -> f64 {
    2.0
}

impl FieldType for Balance {
    const KIND: &'static str = "table";

    fn to_value(&self) -> Value {
        match *self {
            Self::Fixed => table([("kind", "fixed".into())]),
            Self::Uncertainty { initial } => table([("kind", "uncertainty".into()), ("initial", initial.into())]),
            Self::Dwa { temperature, period } => {
                table([("kind", "dwa".into()), ("temperature", temperature.into()), ("period", period.into())])
            }
        }
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        match value.get("kind").and_then(Value::as_str) {
            Some("fixed") => Keys::new(value, &["kind"]).map(|_| Self::Fixed),
            Some("uncertainty") => {
                let keys = Keys::new(value, &["kind", "initial"])?;
                Ok(Self::Uncertainty { initial: keys.get("initial")?.unwrap_or(0.0) })
            }
            Some("dwa") => {
                let keys = Keys::new(value, &["kind", "temperature", "period"])?;
                let temperature = keys.get("temperature")?.unwrap_or_else(two);
                Ok(Self::Dwa { temperature, period: keys.require_in("period", PERIOD)? })
            }
            _ => Err(Unreadable::Type),
        }
    }
    fn allowed(_: Range) -> String {
        "a table whose `kind` is one of `fixed`, `uncertainty` (`initial`), `dwa` (`temperature`, `period`)".into()
    }
    fn samples(_: Range) -> Vec<Value> {
        vec![Self::Uncertainty { initial: 0.0 }.to_value(), Self::Dwa { temperature: 2.0, period: 10 }.to_value()]
    }
    fn refused(_: Range) -> Vec<Value> {
        vec!["fixed".into(), table([("kind", "dwa".into())])]
    }
    fn check(&self, loss: &'static str, field: &str, _: Range) -> Result<(), ConfigError> {
        match self {
            Self::Fixed => Ok(()),
            Self::Uncertainty { initial } => initial.check(loss, &format!("{field}.initial"), Range::Finite),
            Self::Dwa { temperature, period } => {
                temperature.check(loss, &format!("{field}.temperature"), TEMPERATURE)?;
                period.check(loss, &format!("{field}.period"), PERIOD)
            }
        }
    }
}

/// The state of a [`Balance`].
#[derive(Module, Debug)]
pub(crate) struct Factors {
    /// s of each term.
    pub(crate) log_variance: Option<Param<Tensor<1>>>,
    /// `[3, terms]`: the sum of this period's values, the mean of the last one's, and of the one before.
    periods: Option<RunningState<Tensor<2>>>,
}

impl Factors {
    pub(crate) fn new(balance: Balance, terms: usize, device: &Device) -> Self {
        let mut factors = Self { log_variance: None, periods: None };
        match balance {
            Balance::Fixed => {}
            Balance::Uncertainty { initial } => {
                factors.log_variance = Some(Param::from_tensor(Tensor::full([terms], initial, device)));
            }
            Balance::Dwa { .. } => factors.periods = Some(crate::engine::new_state([3, terms], 0.0, device)),
        }
        factors
    }

    /// The factor of each value, and the number that is added to the sum. In training the values are remembered.
    pub(crate) fn weigh(
        &self,
        balance: Balance,
        values: Tensor<1>,
        step: &Tensor<1, Int>,
    ) -> (Tensor<1>, Option<Tensor<1>>) {
        let dtype = values.dtype();
        match (balance, &self.log_variance, &self.periods) {
            (Balance::Uncertainty { .. }, Some(log_variance), _) => {
                let log_variance = log_variance.val().to_device(&values.device()).cast(dtype);
                ((-log_variance.clone()).exp() * 0.5, Some(log_variance.sum() * 0.5))
            }
            (Balance::Dwa { temperature, period }, _, Some(periods)) => {
                let terms = values.dims()[0];
                let state = state_on(periods, &values.device());
                let row = |i| state.clone().narrow(0, i, 1).reshape([terms]);
                let (running, last, before) = (row(0), row(1), row(2));
                let unknown = before.clone().lower_equal_scalar(0.0).bool_or(last.clone().lower_equal_scalar(0.0));
                let left = last.clone() / before.clone().mask_fill(unknown.clone(), 1.0);
                let shares = burn::tensor::activation::softmax(left.mask_fill(unknown, 1.0) * (1.0 / temperature), 0);
                let none_yet = before.clone().equal_scalar(0.0).all().expand([terms]);
                let factors = (shares * terms as f64).mask_fill(none_yet, 1.0);

                if values.device().is_autodiff() {
                    let values = values.detach().cast(state.dtype());
                    // A value that is not finite is replaced by the mean of the last period.
                    let not_finite = values.clone().is_nan().bool_or(values.clone().is_inf());
                    let running = running + values.mask_where(not_finite, last.clone());
                    let period_of_ints = i64::try_from(period).unwrap_or(i64::MAX).min(i32::MAX.into());
                    let over = (step.clone() + 1).remainder_scalar(period_of_ints).equal_elem(0).expand([terms]);
                    let mean = running.clone() * (1.0 / period as f64);
                    let rows = [
                        running.mask_fill(over.clone(), 0.0),
                        last.clone().mask_where(over.clone(), mean),
                        before.mask_where(over, last),
                    ];
                    set_state(periods, Tensor::stack(rows.to_vec(), 0));
                }
                (factors.cast(dtype), None)
            }
            _ => (values.ones_like().detach(), None),
        }
    }
}
