//! The losses and penalties in a joint loss, and access to them.

use super::{JointLoss, TermConfig};
use crate::binary::AnyBinaryLoss;
use crate::boxes::AnyBoxesLoss;
use crate::classification::AnyClassificationLoss;
use crate::distribution::AnyDistributionLoss;
use crate::error::{ConfigError, quoted};
use crate::generative::AnyGenerativeLoss;
use crate::heads::AnyHeadLoss;
use crate::image::AnyImageLoss;
use crate::likelihood::AnyLikelihoodLoss;
use crate::metric::AnyMetricLoss;
use crate::preference::AnyPreferenceLoss;
use crate::ranking::AnyRankingLoss;
use crate::registry::AnyLoss;
use crate::regression::AnyRegressionLoss;
use crate::regularization::AnyRegularizer;
use crate::segmentation::AnySegmentationLoss;
use crate::self_supervised::AnySelfSupervisedLoss;
use crate::sequence::AnySequenceLoss;
use crate::vectors::AnyVectorsLoss;
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

/// One method for each family: the loss of a term of that family.
macro_rules! of_family {
    ($($family:ident: $variant:ident($loss:ty),)+) => {
        impl JointLoss {
            $(
                #[doc = concat!("The loss of a term, of the family `", stringify!($family), "`.")]
                ///
                /// # Panics
                /// If there is no such term, or if it is something else.
                #[track_caller]
                pub fn $family(&self, name: &str) -> &$loss {
                    match self.loss(name) {
                        Some(AnyLoss::$variant(loss)) => loss,
                        _ => self.is_not(name, stringify!($family)),
                    }
                }
            )+
        }
    };
}

of_family! {
    regression: Regression(AnyRegressionLoss),
    likelihood: Likelihood(AnyLikelihoodLoss),
    binary: Binary(AnyBinaryLoss),
    classification: Classification(AnyClassificationLoss),
    distribution: Distribution(AnyDistributionLoss),
    segmentation: Segmentation(AnySegmentationLoss),
    boxes: Boxes(AnyBoxesLoss),
    heads: Heads(AnyHeadLoss),
    metric: Metric(AnyMetricLoss),
    image: Image(AnyImageLoss),
    generative: Generative(AnyGenerativeLoss),
    sequence: Sequence(AnySequenceLoss),
    vectors: Vectors(AnyVectorsLoss),
    self_supervised: SelfSupervised(AnySelfSupervisedLoss),
    ranking: Ranking(AnyRankingLoss),
    preference: Preference(AnyPreferenceLoss),
}
