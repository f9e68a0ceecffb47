//! Second derivatives: values, gradients and curvatures, for Newton's method and for boosted trees.
//!
//! [`regression`](crate::regression), [`binary`](crate::binary) and [`classification`](crate::classification) have the method
//! `forward_second_order`. It gives one value, one gradient and one curvature for each prediction; of classes, the curvature is the
//! diagonal of the Hessian, and `forward_hessian` gives all of it.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_losses::{Curvature, SecondOrderConfig, binary::BceLossConfig};
//!
//! let device = Device::flex();
//! let loss = BceLossConfig::new().init(&device);
//! let logits = Tensor::<1>::from_floats([0.0, 3.0], &device);
//! let targets = Tensor::from_floats([1.0, 0.0], &device);
//! let all = loss.forward_second_order(logits.clone(), targets.clone());
//! let newton_step = -all.gradient / all.curvature;
//! assert_eq!(newton_step.into_data().to_vec::<f32>().unwrap()[0], 2.0);
//!
//! // A quarter is never too little.
//! let options = SecondOrderConfig::new().with_curvature(Curvature::Majorizer);
//! let all = loss.forward_second_order_with(logits, targets, &options, burn_losses::Extras::new());
//! let curvature = all.curvature.into_data().to_vec::<f32>().unwrap();
//! assert!(curvature.iter().all(|curvature| (curvature - 0.25).abs() < 1e-6));
//! ```
//!
//! # An objective for boosted trees
//! Libraries of boosted trees ask for the gradient and the curvature of every row. [`SecondOrder::new`] computes both from slices,
//! without a tensor.
//!
//! ```
//! use burn_losses::SecondOrder;
//! use burn_losses::regression::LogCoshLossConfig;
//!
//! fn objective(predictions: &[f64], labels: &[f64]) -> (Vec<f64>, Vec<f64>) {
//!     let loss = LogCoshLossConfig::new().init(&burn::tensor::Device::flex());
//!     let all = SecondOrder::new(&loss, predictions, labels);
//!     (all.gradient, all.curvature)
//! }
//!
//! let (gradient, curvature) = objective(&[0.5, 2.0], &[0.5, 0.0]);
//! assert_eq!((gradient[0], curvature[0]), (0.0, 1.0));
//! assert!((curvature[1] - (1.0 - 2f64.tanh().powi(2))).abs() < 1e-12);
//! ```
//!
//! # What is computed
//! - The formula of a loss runs on nested [`Dual`](crate::formula::Dual) numbers: no derivative is written by hand.
//! - All three results are unreduced. Weights multiply all of them, a divisor divides them, and a mask makes them 0.
//! - What a batch decides is a constant: the weights of GHM, the balance of classes, the scale of Tukey's biweight. A value that hard
//!   example mining drops is 0, its curvature too, whatever the floor. No loss with state takes a step.
//! - A loss without curvature (`mae`, `quantile`, `hinge`, ..) is an error, unless the floor is above 0.
//! - Far from the minimum the exact curvature may be negative (`focal`, `tukey_biweight`), and Newton's step then leads uphill:
//!   take a floor, or the majorizer.
//! - It is computed on the host in double precision, on all threads, and rounded to the type of the input. Tensors on another device
//!   are read back.

mod pairs;
mod rows;

use crate::check::widen;
use crate::engine::curved::{Lacking, Model};
use crate::engine::pointwise::{Pointwise, numbers};
use crate::error::{InputError, InputProblem, expect};
use crate::formula::Real;
use crate::loss::Loss;
use crate::reduction::{Divisor, ShapedExtras};

pub use crate::options::{Curvature, SecondOrderConfig};
pub(crate) use pairs::{Pairs, on_host};
pub(crate) use rows::LabeledRows;

/// Values with their gradients and curvatures, none of them reduced: see [`second_order`](crate::second_order).
///
/// Of tensors, all have the shape of the predictions; the values of classes have that of the labels. [`new`](Self::new) computes
/// slices.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondOrder<V, G = V> {
    /// The values.
    pub values: V,
    /// The first derivative of each value with respect to its own prediction.
    pub gradient: G,
    /// The second derivative of each value with respect to its own prediction, or what [`Curvature`] asks for in its place.
    pub curvature: G,
}

impl SecondOrder<Vec<f64>> {
    /// The values, gradients and exact curvatures of a loss of the families `regression` or `binary`: what an objective of boosted
    /// trees returns. With other options it is `forward_second_order_on_host` of the loss.
    ///
    /// # Panics
    /// If there are not as many targets as predictions, and for a loss whose curvature is 0 everywhere.
    #[track_caller]
    pub fn new(loss: &(impl Pointwise + Loss), predictions: &[f64], targets: &[f64]) -> Self {
        expect(on_host(loss, Model::Likelihood, [predictions, targets], None, &SecondOrderConfig::new()))
    }
}

/// An error of the options, or of a loss that has no such derivatives.
fn unsupported(loss: &'static str, argument: &'static str, why: impl Into<String>) -> InputError {
    InputError { loss, argument, problem: InputProblem::Unsupported(why.into()) }
}

fn lacking(loss: &'static str, why: Lacking) -> InputError {
    let why = match why {
        Lacking::Flat => "the second derivative of this loss is 0 everywhere; allowed with a `floor` > 0",
        Lacking::NoModel => {
            "`expected` needs a loss that says what its predictions expect: allowed are `exact` and `majorizer`"
        }
        Lacking::Unbounded => {
            "`majorizer` needs a second derivative with an upper bound, and that of this loss has none: allowed are `exact` and `expected`"
        }
    };
    unsupported(loss, "curvature", why)
}

const NONE: &str = "this loss has no formula of single values, and so no second derivative";

fn check_options(loss: &'static str, options: &SecondOrderConfig) -> Result<(), InputError> {
    let error = |_| unsupported(loss, "floor", format!("it is {}, allowed: a number >= 0", options.floor));
    options.validate().map_err(error)
}

/// The curvature, at least the floor. A NaN stays.
fn floored(curvature: f64, floor: f64) -> f64 {
    if floor > 0.0 && curvature < floor { floor } else { curvature }
}

/// The factor of each value: its weight over the divisor. `None`: 1.
fn factors<const V: usize>(extras: &ShapedExtras<V>, shape: [usize; V]) -> Option<Vec<f64>> {
    let divisor = extras.divisor.clone().map(|divisor| match divisor {
        Divisor::Number(number) => number,
        Divisor::Tensor(tensor) => numbers(*tensor)[0],
    });
    let weights = extras.weights.clone().map(|weights| numbers(widen(weights).expand(shape)));
    let count = shape.iter().product();
    let weights = match (weights, divisor) {
        (None, None) => return None,
        (weights, divisor) => {
            let share = divisor.map_or(1.0, |divisor| if divisor == 0.0 { 0.0 } else { 1.0 / divisor });
            let weights = weights.unwrap_or_else(|| vec![1.0; count]);
            weights.into_iter().map(|weight| share.weigh(weight)).collect()
        }
    };
    Some(weights)
}
