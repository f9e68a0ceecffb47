//! A sum of losses, whatever their family.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, LossConfig};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A loss and its weight in a sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The weight, more than 0.
    #[serde(default = "one")]
    pub weight: f64,
    /// The loss: `family` (`binary` or `segmentation`), `kind`, and that loss's own settings.
    pub loss: LossConfig,
}

fn one() -> f64 {
    1.0
}

/// What is wrong with the terms of a sum.
pub fn check(terms: &[Term]) -> Result<(), String> {
    if terms.is_empty() {
        return Err("there has to be a term".to_string());
    }
    for Term { weight, loss } in terms {
        if !matches!(loss, LossConfig::Binary(_) | LossConfig::Segmentation(_)) {
            return Err(format!("terms are of the family binary or segmentation, not {}", loss.family()));
        }
        if !(*weight > 0.0 && weight.is_finite()) {
            return Err(format!("the weight of a term is {weight}, allowed: a number > 0"));
        }
    }
    Ok(())
}

/// The sum: of losses per pixel (family `binary`) and per region (family `segmentation`).
#[derive(Module, Debug)]
pub struct WeightedSum {
    losses: Vec<AnyLoss>,
    weights: Vec<f64>,
}

impl WeightedSum {
    /// The sum of these terms.
    pub fn new(terms: &[Term], device: &Device) -> Result<Self, Error> {
        check(terms).map_err(Error::new)?;
        let losses = terms.iter().map(|term| term.loss.try_init(device));
        Ok(Self {
            losses: losses.collect::<Result<_, _>>().map_err(Error::new)?,
            weights: terms.iter().map(|term| term.weight).collect(),
        })
    }

    /// Its value for `[tiles, 1, rows, columns]` logits and masks.
    pub fn forward(&self, logits: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
        let value = |(loss, weight): (&AnyLoss, &f64)| {
            let (logits, masks) = (logits.clone(), masks.clone());
            let value = match loss {
                AnyLoss::Binary(loss) => loss.forward(logits, masks),
                AnyLoss::Segmentation(loss) => loss.forward(logits, masks),
                _ => unreachable!("checked when it was made"),
            };
            value * *weight
        };
        let values = self.losses.iter().zip(&self.weights).map(value);
        values.reduce(|sum, value| sum + value).expect("checked when it was made")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<Term> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_sum_by_hand() {
        let terms = terms(
            r#"[{"loss": {"family": "binary", "kind": "bce"}},
                {"weight": 0.5, "loss": {"family": "segmentation", "kind": "dice", "smooth": 0.0}}]"#,
        );
        let device = Device::flex();
        let sum = WeightedSum::new(&terms, &device).unwrap();
        let logits = Tensor::<4>::zeros([1, 1, 2, 2], &device);
        let masks = Tensor::<4>::from_floats([[[[1.0, 1.0], [1.0, 0.0]]]], &device);
        // BCE of logit 0 is ln 2; p = 1/2: TP = 3/2, P = 2, T = 3.
        let expected = 2f64.ln() + 0.5 * (1.0 - 3.0 / 5.0);
        let got: f64 = sum.forward(logits, masks).into_scalar();
        assert!((got - expected).abs() < 1e-6, "{got}");
    }

    #[test]
    fn what_is_not_allowed() {
        assert!(check(&[]).is_err());
        let family = check(&terms(r#"[{"loss": {"family": "regression", "kind": "mse"}}]"#)).unwrap_err();
        assert!(family.contains("regression"), "{family}");
        let weight = check(&terms(r#"[{"weight": 0.0, "loss": {"family": "binary", "kind": "bce"}}]"#));
        assert!(weight.unwrap_err().contains("the weight of a term is 0"));
    }
}
