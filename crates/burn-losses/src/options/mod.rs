//! The words that configs and the engine share.

mod box_format;
mod distribution;
mod initializer;
mod keep;
mod label_smoothing;
mod regions;

pub use box_format::BoxFormat;
pub use distribution::{DistributionInput, TargetForm};
pub use initializer::WeightInitializer;
pub use keep::Keep;
pub use label_smoothing::{LabelSmoothing, Spread};
pub use regions::{AbsentClasses, Activation, Background, Denominator, FOREGROUND, Over, Regions};
