//! The traits that hold the forward methods and those that hold `diagnose`, the configs of the families, the reduction, the extras and
//! the errors.

pub use crate::binary::{BinaryLoss, BinaryLossConfig};
pub use crate::boxes::{BoxesLoss, BoxesLossConfig};
pub use crate::classification::{ClassificationLoss, ClassificationLossConfig, SoftTargets};
pub use crate::diagnose::{
    BinaryDiagnosis, BoxesDiagnosis, ClassificationDiagnosis, DistributionDiagnosis, HeadDiagnosis,
    LikelihoodDiagnosis, MetricDiagnosis, RegressionDiagnosis, SegmentationDiagnosis,
};
pub use crate::distribution::{DistributionLoss, DistributionLossConfig, HardLabels};
pub use crate::error::{ConfigError, InputError};
pub use crate::generative::{GenerativeLoss, GenerativeLossConfig};
pub use crate::heads::{HeadLoss, HeadLossConfig};
pub use crate::image::{ImageLoss, ImageLossConfig};
pub use crate::likelihood::{LikelihoodLoss, LikelihoodLossConfig};
pub use crate::loss::Loss;
pub use crate::metric::{MetricLoss, MetricLossConfig};
pub use crate::preference::{PreferenceLoss, PreferenceLossConfig};
pub use crate::ranking::{RankedPairs, RankingLoss, RankingLossConfig};
pub use crate::reduction::{Extras, Reduction};
pub use crate::registry::LossConfig;
pub use crate::regression::{RegressionLoss, RegressionLossConfig};
pub use crate::regularization::{Regularizer, RegularizerConfig};
pub use crate::segmentation::{SegmentationLoss, SegmentationLossConfig};
pub use crate::self_supervised::{SelfSupervisedLoss, SelfSupervisedLossConfig};
pub use crate::sequence::{SequenceLoss, SequenceLossConfig};
pub use crate::vectors::{VectorsLoss, VectorsLossConfig};
