//! The losses and penalties in a joint loss, and access to them.

use super::{JointLoss, TermConfig};
use crate::binary::AnyBinaryLoss;
use crate::boxes::AnyBoxesLoss;
use crate::classification::AnyClassificationLoss;
use crate::distribution::AnyDistributionLoss;
use crate::error::{ConfigError, quoted};
use crate::heads::AnyHeadLoss;
use crate::metric::AnyMetricLoss;
use crate::registry::AnyLoss;
use crate::regression::AnyRegressionLoss;
use crate::regularization::AnyRegularizer;
use crate::segmentation::AnySegmentationLoss;
use burn::module::Module;
use burn::tensor::Device;

/// The module of a term: a loss, a penalty, or neither.
#[derive(Module, Debug)]
pub(super) struct Part {
    loss: Option<AnyLoss>,
    regularizer: Option<AnyRegularizer>,
}

impl Part {
    pub(super) fn new(config: &TermConfig, device: &Device) -> Result<Self, ConfigError> {
        let (mut loss, mut regularizer) = (None, None);
        match config {
            TermConfig::Given => {}
            TermConfig::Loss(config) => loss = Some(config.try_init(device)?),
            TermConfig::Regularizer(config) => regularizer = Some(config.try_init(device)?),
        }
        Ok(Self { loss, regularizer })
    }

    /// Whether the balance applies to it. A penalty has its weight alone.
    pub(super) fn is_balanced(&self) -> bool {
        self.regularizer.is_none()
    }
}

impl JointLoss {
    fn part(&self, name: &str) -> Option<&Part> {
        let at = self.names.iter().position(|known| known == name)?;
        self.parts.get(at)
    }

    /// The loss of a term, of any family; `None` if the term is not a loss.
    pub fn loss(&self, name: &str) -> Option<&AnyLoss> {
        self.part(name)?.loss.as_ref()
    }

    /// The penalty of a term.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn regularizer(&self, name: &str) -> &AnyRegularizer {
        match self.part(name).and_then(|part| part.regularizer.as_ref()) {
            Some(penalty) => penalty,
            None => self.is_not(name, "regularization"),
        }
    }

    #[track_caller]
    fn is_not(&self, name: &str, family: &str) -> ! {
        let is = match self.part(name) {
            None => format!("no term, expected one of {}", quoted(&self.names)),
            Some(Part { loss: Some(loss), .. }) => format!("a loss of the family `{}`", loss.family()),
            Some(Part { regularizer: Some(_), .. }) => "a penalty of the family `regularization`".into(),
            Some(_) => "handed in by the caller: its config has no `family` and `kind`".into(),
        };
        panic!("joint: `{name}` is asked for as a loss of the family `{family}`, but is {is}")
    }
}

impl JointLoss {
    /// The loss of a term, of the family `regression`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn regression(&self, name: &str) -> &AnyRegressionLoss {
        match self.loss(name) {
            Some(AnyLoss::Regression(loss)) => loss,
            _ => self.is_not(name, "regression"),
        }
    }

    /// The loss of a term, of the family `binary`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn binary(&self, name: &str) -> &AnyBinaryLoss {
        match self.loss(name) {
            Some(AnyLoss::Binary(loss)) => loss,
            _ => self.is_not(name, "binary"),
        }
    }

    /// The loss of a term, of the family `classification`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn classification(&self, name: &str) -> &AnyClassificationLoss {
        match self.loss(name) {
            Some(AnyLoss::Classification(loss)) => loss,
            _ => self.is_not(name, "classification"),
        }
    }

    /// The loss of a term, of the family `distribution`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn distribution(&self, name: &str) -> &AnyDistributionLoss {
        match self.loss(name) {
            Some(AnyLoss::Distribution(loss)) => loss,
            _ => self.is_not(name, "distribution"),
        }
    }

    /// The loss of a term, of the family `segmentation`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn segmentation(&self, name: &str) -> &AnySegmentationLoss {
        match self.loss(name) {
            Some(AnyLoss::Segmentation(loss)) => loss,
            _ => self.is_not(name, "segmentation"),
        }
    }

    /// The loss of a term, of the family `boxes`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn boxes(&self, name: &str) -> &AnyBoxesLoss {
        match self.loss(name) {
            Some(AnyLoss::Boxes(loss)) => loss,
            _ => self.is_not(name, "boxes"),
        }
    }

    /// The loss of a term, of the family `heads`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn heads(&self, name: &str) -> &AnyHeadLoss {
        match self.loss(name) {
            Some(AnyLoss::Heads(loss)) => loss,
            _ => self.is_not(name, "heads"),
        }
    }

    /// The loss of a term, of the family `metric`.
    ///
    /// # Panics
    /// If there is no such term, or if it is something else.
    #[track_caller]
    pub fn metric(&self, name: &str) -> &AnyMetricLoss {
        match self.loss(name) {
            Some(AnyLoss::Metric(loss)) => loss,
            _ => self.is_not(name, "metric"),
        }
    }
}
