//! Ranking: its output, and NDCG.

use super::figure::{EpochFigure, EpochMetric, Share};
use super::output::submitted;
use crate::ranking::{Gain, Relevance, ndcg_and_counts};
use burn::tensor::{ExecutionError, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};

/// The output of a step of ranking; for Burn's `LossMetric` and [`NdcgMetric`].
#[derive(Debug, Clone)]
pub struct RankingOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The scores, `[N, L]`.
    pub scores: Tensor<2>,
    /// The relevance of the items, `[N, L]`, and which of them are there.
    pub relevance: Relevance,
}

impl RankingOutput {
    /// From the loss, the scores and the relevance.
    ///
    /// # Panics
    /// If the shapes of the scores and the relevance differ.
    #[track_caller]
    pub fn new(loss: Tensor<1>, scores: Tensor<2>, relevance: impl Into<Relevance>) -> Self {
        let relevance = relevance.into();
        let (given, expected) = (relevance.relevance.dims(), scores.dims());
        assert!(given == expected, "RankingOutput: `relevance` has shape {given:?}, expected {expected:?}");
        Self { loss, scores, relevance }
    }
}

impl ItemLazy for RankingOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self {
            loss: submitted(self.loss)?,
            scores: self.scores.without_autodiff(),
            relevance: Relevance {
                relevance: self.relevance.relevance.without_autodiff(),
                valid: self.relevance.valid.map(Tensor::without_autodiff),
            },
        })
    }
}

impl Adaptor<LossInput> for RankingOutput {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// The input of [`NdcgMetric`].
pub struct RankingInput {
    scores: Tensor<2>,
    relevance: Relevance,
}

impl Adaptor<RankingInput> for RankingOutput {
    fn adapt(&self) -> RankingInput {
        RankingInput { scores: self.scores.clone(), relevance: self.relevance.clone() }
    }
}

/// The mean NDCG of lists.
#[derive(Debug, Clone)]
pub struct Ndcg {
    k: Option<usize>,
    gain: Gain,
}

/// The mean NDCG of the lists of an epoch, as [`ndcg`](crate::ranking::ndcg) has it. Lists without a relevant item do not count.
pub type NdcgMetric = EpochMetric<Ndcg>;

impl NdcgMetric {
    /// NDCG of all items, with the gain 2^r - 1.
    pub fn new() -> Self {
        Ndcg { k: None, gain: Gain::Exponential }.into()
    }

    /// NDCG of the first k items.
    ///
    /// # Panics
    /// If k is 0.
    #[track_caller]
    pub fn at(k: usize) -> Self {
        assert!(k > 0, "NdcgMetric: `k` is 0, allowed: an integer >= 1");
        Ndcg { k: Some(k), gain: Gain::Exponential }.into()
    }

    /// With the gain r.
    pub fn linear(self) -> Self {
        Ndcg { gain: Gain::Linear, ..self.figure }.into()
    }
}

impl Default for NdcgMetric {
    fn default() -> Self {
        Self::new()
    }
}

impl EpochFigure for Ndcg {
    type Input = RankingInput;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        let first = self.k.map_or_else(String::new, |k| format!("@{k}"));
        let gain = if self.gain == Gain::Linear { " (linear gain)" } else { "" };
        format!("NDCG{first}{gain}")
    }

    fn description(&self) -> String {
        match self.k {
            None => "The discounted gain of the lists by their scores, over that of the best order.".into(),
            Some(k) => {
                format!("The discounted gain of the first {k} items by their scores, over that of the best order.")
            }
        }
    }

    fn count(&self, input: &RankingInput) -> Result<Share, TensorReadError> {
        if input.scores.shape().num_elements() == 0 {
            return Ok(Share::default());
        }
        let (values, counts) = ndcg_and_counts(input.scores.clone(), input.relevance.clone(), self.gain, self.k);
        let values: Vec<f64> = values.try_into_vec_as()?;
        let of: i64 = counts.int().sum().try_into_scalar()?;
        Ok(Share { sum: values.into_iter().sum(), of: of as usize })
    }

    fn value(&self, counts: &Share) -> Result<f64, TensorReadError> {
        Ok(counts.value())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch_values;
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn input<const N: usize>(scores: [[f32; 3]; N], relevance: [[f32; 3]; N]) -> RankingInput {
        let device = Device::flex();
        let [scores, relevance] =
            [scores, relevance].map(|rows| Tensor::<2>::from_data(TensorData::from(rows), &device));
        RankingOutput::new(Tensor::zeros([1], &device), scores, relevance).adapt()
    }

    #[test]
    fn the_mean_of_the_lists_with_a_relevant_item() {
        let second = 1.0 / 3f64.log2();
        let first = || input([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let rest = || input([[1.0, 0.0, 2.0]; 2], [[0.0, 0.0, 0.0], [0.0, 0.0, 4.0]]);
        let (each, all) = epoch_values(NdcgMetric::new(), vec![first(), rest()]);
        assert!((each[0] - (1.0 + second) / 2.0).abs() < 1e-6 && each[1] == 1.0, "{each:?}");
        assert!((all - (2.0 + second) / 3.0).abs() < 1e-6, "{all}");
        assert_eq!(epoch_values(NdcgMetric::at(1), vec![first()]).1, 0.5);
        assert!(epoch_values(NdcgMetric::at(1).linear(), vec![input([[0.0; 3]], [[0.0; 3]])]).1.is_nan());
    }
}
