//! The losses and penalties in a joint loss, and how to get at them.

use super::{JointLoss, TermConfig};
use crate::error::{ConfigError, quoted};
use crate::registry::AnyLoss;
use crate::regularization::AnyRegularizer;
use burn::module::Module;
use burn::tensor::Device;

/// What a term is made of: one of the two, or neither.
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

    /// A penalty has its weight alone: what balances losses knows nothing of it.
    pub(super) fn is_balanced(&self) -> bool {
        self.regularizer.is_none()
    }
}

impl JointLoss {
    fn part(&self, name: &str) -> Option<&Part> {
        let at = self.names.iter().position(|known| known == name)?;
        self.parts.get(at)
    }

    /// The loss of a term, of whatever family; `None` if it is none.
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

macro_rules! terms_of_families {
    ($($method:ident = $variant:ident: $any:path;)+) => {
        impl JointLoss {
            $(
                #[doc = concat!("The loss of a term, of the family `", stringify!($method), "`.")]
                ///
                /// # Panics
                /// If there is no such term, or if it is something else.
                #[track_caller]
                pub fn $method(&self, name: &str) -> &$any {
                    match self.loss(name) {
                        Some(AnyLoss::$variant(loss)) => loss,
                        _ => self.is_not(name, stringify!($method)),
                    }
                }
            )+
        }
    };
}

terms_of_families! {
    regression = Regression: crate::regression::AnyRegressionLoss;
    binary = Binary: crate::binary::AnyBinaryLoss;
    classification = Classification: crate::classification::AnyClassificationLoss;
    distribution = Distribution: crate::distribution::AnyDistributionLoss;
    segmentation = Segmentation: crate::segmentation::AnySegmentationLoss;
    boxes = Boxes: crate::boxes::AnyBoxesLoss;
    heads = Heads: crate::heads::AnyHeadLoss;
    metric = Metric: crate::metric::AnyMetricLoss;
}
