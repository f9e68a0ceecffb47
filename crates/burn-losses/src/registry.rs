//! Every loss of every family, for tools, docs and laws.

use crate::binary::{AnyBinaryLoss, BinaryLossConfig};
use crate::boxes::{AnyBoxesLoss, BoxesLossConfig};
use crate::classification::{AnyClassificationLoss, ClassificationLossConfig};
use crate::config::{Table, Value};
use crate::distribution::{AnyDistributionLoss, DistributionLossConfig};
use crate::error::{ConfigError, nearest};
use crate::generative::{AnyGenerativeLoss, GenerativeLossConfig};
use crate::heads::{AnyHeadLoss, HeadLossConfig};
use crate::image::{AnyImageLoss, ImageLossConfig};
use crate::likelihood::{AnyLikelihoodLoss, LikelihoodLossConfig};
use crate::metric::{AnyMetricLoss, MetricLossConfig};
use crate::preference::{AnyPreferenceLoss, PreferenceLossConfig};
use crate::ranking::{AnyRankingLoss, RankingLossConfig};
use crate::regression::{AnyRegressionLoss, RegressionLossConfig};
use crate::segmentation::{AnySegmentationLoss, SegmentationLossConfig};
use crate::self_supervised::{AnySelfSupervisedLoss, SelfSupervisedLossConfig};
use crate::sequence::{AnySequenceLoss, SequenceLossConfig};
use crate::vectors::{AnyVectorsLoss, VectorsLossConfig};
use burn_losses_derive::families;

/// The config of any loss of any family, told apart by `family` and `kind`.
#[families]
pub enum LossConfig {
    Regression(RegressionLossConfig),
    Likelihood(LikelihoodLossConfig),
    Binary(BinaryLossConfig),
    Classification(ClassificationLossConfig),
    Distribution(DistributionLossConfig),
    Segmentation(SegmentationLossConfig),
    Boxes(BoxesLossConfig),
    Heads(HeadLossConfig),
    Metric(MetricLossConfig),
    Image(ImageLossConfig),
    Generative(GenerativeLossConfig),
    Sequence(SequenceLossConfig),
    Vectors(VectorsLossConfig),
    SelfSupervised(SelfSupervisedLossConfig),
    Ranking(RankingLossConfig),
    Preference(PreferenceLossConfig),
}

pub(crate) fn unknown_family(family: &str, families: &[&'static str]) -> ConfigError {
    let suggestion = nearest(family, families.iter().copied());
    let (given, allowed) = (family.to_owned(), families.to_vec());
    ConfigError::UnknownKind { tag: "family", family: "", given, allowed, suggestion }
}

/// The keys of a loss, after the key of its family.
fn with_family(family: &'static str, loss: Value) -> Value {
    let mut table = Table::from_iter([("family", family)]);
    if let Value::Table(loss) = loss {
        loss.into_iter().for_each(|(key, value)| table.insert(key, value));
    }
    table.into()
}
