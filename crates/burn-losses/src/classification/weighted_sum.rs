//! A weighted sum.

use super::{ClassificationLoss, ClassificationLossConfig};
use crate::engine::rows::{self, Rows};
use crate::error::ConfigError;
use crate::macros::{kind_and_reduction, weighted_sum};
use crate::reduction::Unreduced;
use crate::terms::{said, sum_unreduced};
use burn::tensor::{Int, Tensor};

weighted_sum! {
    classification: AnyClassificationLoss, ClassificationLossConfig, [cross_entropy: CrossEntropyLossConfig, focal: FocalLossConfig];

    /// # Example
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use burn_losses::classification::{MultiMarginLossConfig, WeightedSumLossConfig, ZeroOneLossConfig};
    /// use burn_losses::{composition::Terms, prelude::*};
    ///
    /// let terms = Terms::new().with("margin", 0.5, MultiMarginLossConfig::new()).with("errors", 1.0, ZeroOneLossConfig::new());
    /// let loss = WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    /// let logits = Tensor::<2>::from_floats([[0.0, 1.0]], &Device::flex());
    /// // The margin to the wrong class is missed by 2.
    /// let value = loss.forward(logits, Tensor::<1, burn::tensor::Int>::from_ints([0], &Device::flex()));
    /// assert_eq!(value.into_scalar::<f32>(), 0.5 * 2.0 + 1.0);
    /// ```
    validate |config| {
        config.terms.agree("kind", |loss| Some(input(loss)))?;
        config.terms.agree("ignore_index", |loss| said(loss, "ignore_index"))?;
        match config.terms.iter().find(|(_, term)| matches!(term.loss, ClassificationLossConfig::Ohem(_))) {
            None => Ok(()),
            Some((name, _)) => Err(ConfigError::InvalidValue {
                loss: "weighted_sum",
                field: format!("terms.{name}.kind"),
                value: "`ohem`".into(),
                allowed: "losses of single rows; `ohem` goes around the sum".into(),
            }),
        }
    };
}

/// What the first argument of a loss is.
fn input(loss: &ClassificationLossConfig) -> &'static str {
    match loss {
        ClassificationLossConfig::Nll(_) => "a loss of log-probabilities",
        ClassificationLossConfig::Ohem(ohem) => input(&ohem.loss),
        ClassificationLossConfig::WeightedSum(sum) => sum.terms.losses().next().map_or("no loss", input),
        _ => "a loss of logits",
    }
}

impl WeightedSumLoss {
    fn sum(&self, values: impl Iterator<Item = Unreduced<1>>) -> Unreduced<1> {
        sum_unreduced(self.config.terms.weigh(values))
    }
}

impl Rows for WeightedSumLoss {
    fn rows(&self, logits: Tensor<2>, labels: Tensor<1, Int>) -> Unreduced<1> {
        // An ignored row comes here as one of class 0, and is dropped afterwards.
        self.sum(self.losses.iter().map(|loss| rows::valid_values(loss, logits.clone(), labels.clone())))
    }

    fn soft_rows(&self, logits: Tensor<2>, probabilities: Tensor<2>) -> Option<Unreduced<1>> {
        let values = self.losses.iter().map(|loss| loss.soft_rows(logits.clone(), probabilities.clone()));
        Some(self.sum(values.collect::<Option<Vec<_>>>()?.into_iter()))
    }

    fn classes(&self) -> Option<usize> {
        self.losses.iter().find_map(Rows::classes)
    }

    fn ignore_index(&self) -> Option<i64> {
        self.losses[0].ignore_index()
    }

    fn takes_probabilities(&self) -> bool {
        self.losses.iter().all(Rows::takes_probabilities)
    }

    fn takes_any_scores(&self) -> bool {
        self.losses.iter().all(Rows::takes_any_scores)
    }
}

impl ClassificationLoss for WeightedSumLoss {
    kind_and_reduction!("weighted_sum");
    fn input(&self) -> &'static str {
        self.losses[0].input()
    }
}
