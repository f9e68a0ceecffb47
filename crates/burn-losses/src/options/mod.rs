//! The words that configs and the engine share.

mod box_format;
mod distribution;
mod divide_by;
mod factor_gradient;
mod hard_examples;
mod initializer;
mod label_smoothing;
mod memory;
mod prior;
mod regions;
mod second_order;

pub use box_format::{BoxFormat, BoxFormat3d};
pub use distribution::{DistributionInput, TargetForm};
pub use divide_by::DivideBy;
pub use factor_gradient::FactorGradient;
pub use hard_examples::{HardExamples, MinedOver};
pub use initializer::WeightInitializer;
pub use label_smoothing::{LabelSmoothing, Spread};
pub use memory::{Memory, MemoryFrom, MemoryNegatives};
pub(crate) use prior::log_prior;
pub use regions::{AbsentClasses, Activation, Background, Denominator, FOREGROUND, RegionOptions, SumOver};
pub use second_order::{Curvature, SecondOrderConfig};
