//! Terms of several families in one loss.

mod config;
mod file;
mod parts;
#[cfg(feature = "schema")]
mod schema;

use super::balance::Factors;
use super::loss_terms::LossTerms;
use super::schedule::Weight;
use crate::check::widened;
use crate::engine::steps::Steps;
use crate::error::{expect, quoted};
use crate::formula::Real;
use crate::terms::ByTerm;
use burn::module::Module;
use burn::tensor::{Int, Tensor};
use parts::Part;
use std::sync::Arc;
use thiserror::Error;

pub use config::{JointLossConfig, JointTerm, TermConfig};

/// The name of a joint loss in errors.
pub(crate) const JOINT: &str = "joint";

/// Terms of any families, added up with their weights: the training objective, and the value of each term.
///
/// The terms take different arguments, so the caller computes each and hands in its value. Losses and penalties that the config names
/// are a part of this module, and are saved, moved and resumed with it, under the names of their terms. So are the number of steps,
/// which schedules depend on, and what a [`Balance`](super::Balance) remembers. Only training counts steps: a forward pass on a device
/// with autodiff.
///
/// # Formula
/// ```text
/// sum_k w_k(t) f_k l_k
/// ```
/// of the values l_k, their weights at step t, and the factors of the [`Balance`](super::Balance) (1 without one). A term of weight 0
/// adds 0, even if its value is NaN. Where the config has the number 0, the term has no gradient; where a schedule has reached 0, its
/// gradient is 0 times that of its value.
///
/// # Example
/// ```
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_losses::config::{Format, from_str};
/// use burn_losses::{composition::JointLossConfig, prelude::*};
///
/// let config: JointLossConfig = from_str(
///     "
///     [terms.classes]
///     family = 'classification'
///     kind = 'cross_entropy'
///     [terms.penalty]
///     family = 'regularization'
///     kind = 'l2'
///     weight = { kind = 'linear', from = 0.0, to = 1e-2, steps = 100 }
///     ",
///     Format::Toml,
/// )?;
/// let device = Device::flex().autodiff();
/// let (joint, layer) = (config.try_init(&device)?, LinearConfig::new(2, 3).init(&device));
///
/// let logits = layer.forward(Tensor::<2>::from_floats([[0.5, -1.0]], &device));
/// let labels = Tensor::<1, Int>::from_ints([2], &device);
/// let output = joint.combine([
///     ("classes", joint.classification("classes").forward(logits, labels)),
///     ("penalty", joint.regularizer("penalty").forward(&layer)),
/// ]);
/// let gradients = output.total.backward();
/// assert_eq!(output.terms.names(), ["classes", "penalty"]); // and their values, for the dashboard
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Module, Debug)]
pub struct JointLoss {
    #[module(skip)]
    config: JointLossConfig,
    #[module(skip)]
    names: Arc<[String]>,
    parts: ByTerm<Part>,
    factors: ByTerm<Factors>,
    steps: Steps,
}

/// The value of a joint loss and its terms.
#[derive(Debug, Clone)]
pub struct Joint {
    /// The value, `[1]`: what is differentiated.
    pub total: Tensor<1>,
    /// The value of each term, without its weight.
    pub terms: LossTerms,
    /// The factor that each term was multiplied by.
    pub weights: LossTerms,
}

/// An error of the values handed to a joint loss.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JointError {
    /// A value for a term that does not exist.
    #[error("joint: `{name}` is no term, expected: {}", quoted(.expected))]
    Unknown {
        /// The name.
        name: String,
        /// The names of all terms.
        expected: Vec<String>,
    },
    /// A term without a value.
    #[error("joint: term `{name}` has no value")]
    Missing {
        /// The name.
        name: String,
    },
    /// A term with two values.
    #[error("joint: term `{name}` has two values")]
    Twice {
        /// The name.
        name: String,
    },
    /// A value that is not one number.
    #[error("joint: term `{name}` has shape [{size}], expected [1]: reduce it first")]
    Shape {
        /// The name.
        name: String,
        /// How many numbers there are.
        size: usize,
    },
}

impl JointLoss {
    /// The config that this loss was made from.
    pub fn config(&self) -> &JointLossConfig {
        &self.config
    }

    /// The names of the terms, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many steps have been taken, `[1]`.
    pub fn steps(&self) -> Tensor<1, Int> {
        self.steps.value()
    }

    /// The logarithm of each term's variance, where `balance` is `uncertainty`: a parameter, `[terms without penalties]`.
    pub fn log_variances(&self) -> Option<Tensor<1>> {
        self.factors[0].log_variance.as_ref().map(|parameter| parameter.val())
    }

    /// The total of the values of all terms, and the value and factor of each. In training this is one step of the schedules.
    ///
    /// # Panics
    /// With the message of [`try_combine`](Self::try_combine)'s error.
    #[track_caller]
    pub fn combine<'a>(&self, values: impl IntoIterator<Item = (&'a str, Tensor<1>)>) -> Joint {
        expect(self.try_combine(values))
    }

    /// Fallible version of `combine`: errors on a missing, unexpected or non-scalar value.
    pub fn try_combine<'a>(&self, values: impl IntoIterator<Item = (&'a str, Tensor<1>)>) -> Result<Joint, JointError> {
        let mut given: Vec<Option<Tensor<1>>> = vec![None; self.names.len()];
        for (name, value) in values {
            let at = self.names.iter().position(|known| known == name);
            let at = at.ok_or_else(|| JointError::Unknown { name: name.into(), expected: self.names.to_vec() })?;
            let [size] = value.dims();
            match given[at] {
                _ if size != 1 => return Err(JointError::Shape { name: name.into(), size }),
                Some(_) => return Err(JointError::Twice { name: name.into() }),
                None => given[at] = Some(value),
            }
        }
        let given = self
            .names
            .iter()
            .zip(given)
            .map(|(name, value)| value.ok_or_else(|| JointError::Missing { name: name.clone() }));
        Ok(self.step(given.collect::<Result<_, _>>()?))
    }

    /// The values, those of terms whose weight is the number 0 without their graph: even if such a value is NaN, there is no
    /// gradient of it. If all weights are 0, the values keep their graph, so that the total has one.
    fn without_weightless(&self, values: &[Tensor<1>]) -> Vec<Tensor<1>> {
        let is_weightless = |term: &JointTerm| term.weight == Weight::Constant(0.0);
        let terms = || self.config.terms.values().zip(values);
        if !terms().any(|(term, value)| !is_weightless(term) && value.is_tracked()) {
            return values.to_vec();
        }
        terms().map(|(term, value)| if is_weightless(term) { value.clone().detach() } else { value.clone() }).collect()
    }

    fn step(&self, given: Vec<Tensor<1>>) -> Joint {
        // Weights and factors have more digits than half precision holds.
        let (device, dtype) = (given[0].device(), widened(given[0].dtype()));
        let values: Vec<_> = given.into_iter().map(|value| value.to_device(&device).cast(dtype)).collect();
        let step = self.steps.count(&device);

        let balanced: Vec<_> = self
            .parts
            .iter()
            .zip(&values)
            .filter(|(part, _)| part.is_balanced())
            .map(|(_, value)| value.clone())
            .collect();
        let one = values[0].ones_like().detach();
        let (factors, extra) = match balanced.is_empty() {
            true => (one.clone(), None),
            false => self.factors[0].weigh(self.config.balance, Tensor::cat(balanced, 0), &step),
        };
        let mut at = 0;
        let weights: Vec<_> = self
            .config
            .terms
            .values()
            .zip(self.parts.iter())
            .map(|(term, part)| {
                let factor = match part.is_balanced() {
                    false => one.clone(),
                    true => {
                        at += 1;
                        factors.clone().narrow(0, at - 1, 1)
                    }
                };
                term.weight.times(factor, &step)
            })
            .collect();

        let weighed = self.without_weightless(&values);
        let (values, weights) = (Tensor::cat(values, 0), Tensor::cat(weights, 0));
        // 0 times a NaN is 0 too.
        let total = weights.clone().weigh(Tensor::cat(weighed, 0)).sum();
        if device.is_autodiff() {
            self.steps.advance(&device);
        }
        Joint {
            total: match extra {
                None => total,
                Some(extra) => total + extra,
            },
            terms: LossTerms::from_tensor(self.names.clone(), values),
            weights: LossTerms::from_tensor(self.names.clone(), weights),
        }
    }
}
