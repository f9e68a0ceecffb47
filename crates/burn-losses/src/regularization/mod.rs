//! Differentiable penalties on the parameters of a module, in addition to the optimizer's own weight decay.
//!
//! All of them can be swapped for one another in a config file: see [`RegularizerConfig`].
//!
//! ```
//! use burn::{nn::LinearConfig, tensor::Device};
//! use burn_losses::{prelude::*, regularization::{ElasticNetConfig, Parameters}};
//!
//! let device = Device::flex().autodiff();
//! let model = LinearConfig::new(3, 2).init(&device);
//! let penalty = ElasticNetConfig::new().with_weight(1e-4).with_parameters(Parameters::Weights).init(&device);
//! let gradients = penalty.forward(&model).backward();
//! assert!(model.weight.grad(&gradients).is_some() && model.bias.unwrap().grad(&gradients).is_none());
//! ```
//!
//! Only trained parameters are penalized; frozen parameters and buffers (the running statistics of a normalization, the state
//! of a loss) are not. In half precision the sums are computed in f32.

mod elastic_net;
mod group_lasso;
mod l1;
mod l2;
mod parameters;

use crate::error::{InputError, expect};
use burn::module::Module;
use burn::tensor::Tensor;
use burn_losses_derive::{family, inherent};

pub use elastic_net::{ElasticNet, ElasticNetConfig};
pub use group_lasso::{GroupLasso, GroupLassoConfig};
pub use l1::{L1, L1Config};
pub use l2::{L2, L2Config};
pub use parameters::Parameters;
use parameters::Penalties;

/// A penalty on the parameters of a module.
#[inherent]
pub trait Regularizer {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// The factor of the penalty.
    fn weight(&self) -> f64;

    /// Which parameters are penalized.
    fn parameters(&self) -> &Parameters;

    /// The penalty of one parameter, `[1]`, in at least single precision.
    fn penalty<const D: usize>(&self, parameter: Tensor<D>) -> Tensor<1>;

    /// The penalty of all parameters of the module that the config chooses: `[1]`, on the device of the first of them.
    fn forward<M: Module>(&self, module: &M) -> Tensor<1>
    where
        Self: Sized,
    {
        expect(Penalties::sum(self, module))
    }

    /// Checks that the config chooses at least one parameter of the module.
    fn check<M: Module>(&self, module: &M) -> Result<(), InputError>
    where
        Self: Sized,
    {
        Penalties::sum(self, module).map(drop)
    }
}

/// The config of any penalty of this family; its `kind` says which.
#[family(regularization, makes = AnyRegularizer)]
pub enum RegularizerConfig {
    #[kind("l1")]
    L1(L1Config),
    #[kind("l2")]
    L2(L2Config),
    #[kind("elastic_net")]
    ElasticNet(ElasticNetConfig),
    #[kind("group_lasso")]
    GroupLasso(GroupLassoConfig),
}

impl RegularizerConfig {
    /// The factor of the penalty.
    pub fn weight(&self) -> f64 {
        match self {
            Self::L1(config) => config.weight,
            Self::L2(config) => config.weight,
            Self::ElasticNet(config) => config.weight,
            Self::GroupLasso(config) => config.weight,
        }
    }

    /// The kind and the fields of every penalty.
    pub fn all() -> Vec<crate::config::LossInfo> {
        crate::config::infos::<Self>()
    }
}
