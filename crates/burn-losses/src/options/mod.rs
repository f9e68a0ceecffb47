//! The words that configs and the engine share.

mod box_format;
mod distribution;
mod hard_examples;
mod initializer;
mod label_smoothing;
mod regions;

pub use box_format::BoxFormat;
pub use distribution::{DistributionInput, TargetForm};
pub use hard_examples::HardExamples;
pub use initializer::WeightInitializer;
pub use label_smoothing::{LabelSmoothing, Spread};
pub use regions::{AbsentClasses, Activation, Background, Denominator, FOREGROUND, RegionOptions, SumOver};
