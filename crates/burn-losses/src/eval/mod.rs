//! Any loss on named tensors: what the command `burn-losses eval` runs, and every golden test.
//!
//! The names are those of the arguments: `predictions`, `targets`, `logits`, `labels`, `weights`, ..

mod boxes;
mod classification;
mod distribution;
mod elementwise;
mod error;
mod heads;
mod metric;
mod run;
mod segmentation;

use crate::prelude::*;
use crate::registry::AnyLoss;
use burn::tensor::{Device, FloatDType, TensorData};
use run::Run;
use std::collections::BTreeMap;

pub use error::EvalError;

/// Tensors by name.
pub type Inputs = BTreeMap<String, TensorData>;

/// What a loss makes of its inputs.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The reduced value.
    pub loss: f64,
    /// The unreduced values, without weights, as f64.
    pub unreduced: TensorData,
    /// The gradient of the reduced value with respect to each float input, as f64.
    pub gradients: BTreeMap<String, TensorData>,
}

impl AnyLoss {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Regression(loss) => loss.kind(),
            Self::Binary(loss) => loss.kind(),
            Self::Classification(loss) => loss.kind(),
            Self::Distribution(loss) => loss.kind(),
            Self::Segmentation(loss) => loss.kind(),
            Self::Boxes(loss) => loss.kind(),
            Self::Heads(loss) => loss.kind(),
            Self::Metric(loss) => loss.kind(),
        }
    }

    /// What the first argument is called: `predictions`, `logits`, ..
    pub fn input(&self) -> &'static str {
        match self {
            Self::Regression(_) | Self::Boxes(_) => "predictions",
            Self::Binary(loss) => loss.input(),
            Self::Classification(loss) => loss.input(),
            Self::Distribution(loss) => loss.input().name(),
            Self::Segmentation(loss) => loss.input(),
            Self::Heads(_) | Self::Metric(_) => "embeddings",
        }
    }

    /// Evaluates the loss on named tensors, on `device` and with floats of type `dtype`, and differentiates it.
    ///
    /// A loss with state (GHM) takes a step, as in training.
    pub fn evaluate(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluation, EvalError> {
        self.compute(inputs, &device.clone().autodiff(), dtype)
    }

    /// [`evaluate`](Self::evaluate); on a device without autodiff there are no gradients, and no step is taken.
    pub(crate) fn compute(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluation, EvalError> {
        let run = Run { loss: self.kind(), first: self.input(), inputs, device: device.clone(), dtype };
        match self {
            Self::Regression(loss) => run.elementwise(loss, loss.reduction()),
            Self::Binary(loss) => run.elementwise(loss, loss.reduction()),
            Self::Classification(loss) => run.classification(loss),
            Self::Distribution(loss) => run.distribution(loss),
            Self::Segmentation(loss) => run.segmentation(loss),
            Self::Boxes(loss) => run.boxes(loss),
            Self::Heads(loss) => run.heads(loss),
            Self::Metric(loss) => run.metric(loss),
        }
    }
}
