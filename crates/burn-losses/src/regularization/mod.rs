//! Penalties on the parameters of a module: differentiable, beside the optimizer's own weight decay.
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
//! Only what is trained is penalised: parameters that are frozen and buffers (the running statistics of a normalisation, the state of
//! a loss) are not. In half precision the sums are computed in f32.

mod parameters;

use crate::error::{InputError, expect};
use crate::macros::{dispatch, tagged};
use burn::module::Module;
use burn::tensor::Tensor;

pub use parameters::Parameters;
use parameters::Penalties;

/// A penalty on the parameters of a module.
pub trait Regularizer {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// What the penalty is multiplied by.
    fn weight(&self) -> f64;

    /// Which parameters are penalised.
    fn parameters(&self) -> &Parameters;

    /// The penalty of one parameter, `[1]`, in at least single precision.
    fn penalty<const D: usize>(&self, parameter: Tensor<D>) -> Tensor<1>;

    /// The penalty of all parameters of the module that the config chooses: `[1]`, on the device of the first of them.
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn forward<M: Module>(&self, module: &M) -> Tensor<1>
    where
        Self: Sized,
    {
        expect(self.penalties(module).sum(self))
    }

    /// An error where the config chooses no parameter of the module.
    fn check<M: Module>(&self, module: &M) -> Result<(), InputError>
    where
        Self: Sized,
    {
        self.penalties(module).sum(self).map(drop)
    }

    #[doc(hidden)]
    fn penalties<'a, M: Module>(&'a self, module: &M) -> Penalties<'a, Self>
    where
        Self: Sized,
    {
        let mut penalties = Penalties::new(self);
        module.visit(&mut penalties);
        penalties
    }
}

/// Declares a penalty: its module and its config, which also gets `weight` and `parameters`.
macro_rules! regularizer {
    (
        $kind:literal: $summary:literal;
        $(#[$module_meta:meta])*
        pub struct $module:ident;
        $(#[$config_meta:meta])*
        pub struct $config:ident { $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr $(, $range:expr)?;)* }
    ) => {
        $crate::macros::config! {
            regularization $kind: $summary;
            $(#[$config_meta])*
            pub struct $config {
                /// What the penalty is multiplied by.
                weight: f64 = 1.0, $crate::config::Range::AtLeast(0.0);
                $($(#[doc = $doc])+ $field: $type = $default $(, $range)?;)*
                /// Which parameters are penalised.
                parameters: $crate::regularization::Parameters = $crate::regularization::Parameters::Weights;
            }
        }

        $crate::macros::module! {
            $(#[$module_meta])*
            pub struct $module of $config { weight, $($field,)* parameters }
        }

        impl $module {
            const KIND: &'static str = $kind;
        }
    };
}

/// Implements [`Regularizer`] with the penalty of one parameter.
macro_rules! penalise {
    ($module:ident, |$self:ident, $parameter:ident| $penalty:expr) => {
        impl $crate::regularization::Regularizer for $module {
            fn kind(&self) -> &'static str {
                Self::KIND
            }
            fn weight(&self) -> f64 {
                self.config.weight
            }
            fn parameters(&self) -> &$crate::regularization::Parameters {
                &self.config.parameters
            }
            fn penalty<const D: usize>(&$self, $parameter: Tensor<D>) -> Tensor<1> {
                $penalty
            }
        }
    };
}

macro_rules! implement {
    (loss $loss:ident, $kind:expr) => {};
    (any $any:ident, $config:ident, $($variant:ident),+) => {
        dispatch! {
            $any [$($variant),+]
            impl Regularizer {
                fn kind(&self) -> &'static str;
                fn weight(&self) -> f64;
                fn parameters(&self) -> &Parameters;
                fn penalty<const D: usize>(&self, parameter: Tensor<D>) -> Tensor<1>;
            }
        }

        impl $config {
            /// What the penalty is multiplied by.
            pub fn weight(&self) -> f64 {
                match self {
                    $(Self::$variant(config) => config.weight,)+
                }
            }

            /// Every penalty: its kind, its fields.
            pub fn all() -> Vec<crate::config::LossInfo> {
                Self::infos()
            }
        }
    };
}

tagged! {
    regularization, RegularizerConfig => AnyRegularizer, implement;
    l1: L1 as L1;
    l2: L2 as L2;
    elastic_net: ElasticNet as ElasticNet;
    group_lasso: GroupLasso as GroupLasso;
}
