//! Losses of several terms.
//!
//! - `kind = "weighted_sum"`, in the families `regression`, `binary`, `classification`, `distribution`, `segmentation`, `boxes`, `metric`
//!   and `image`: a sum of losses of the same arguments, itself a loss of that family. (A head owns the last layer of the network: two
//!   of them are two layers, hence no sum.)
//! - [`JointLossConfig`]: terms of any families and penalties on parameters, with weights that may change while training, and one
//!   number per term for the dashboard.
//! - [`DeepSupervision`]: one loss of several outputs of a network, each of another resolution.
//! - [`LossScale`]: a factor for any of them in half precision.

mod balance;
mod deep_supervision;
mod joint;
mod loss_scale;
mod loss_terms;
mod schedule;

pub use crate::terms::{Term, Terms};
pub use balance::Balance;
pub use deep_supervision::{DeepSupervision, resize_nearest};
pub(crate) use joint::JOINT;
pub use joint::{Joint, JointError, JointLoss, JointLossConfig, JointTerm, TermConfig};
pub use loss_scale::LossScale;
pub use loss_terms::LossTerms;
pub use schedule::{Schedule, Weight};
