//! How a loss of any family is called.

use super::{Arguments, EvalError, Signature};
use crate::options::SecondOrderConfig;
use burn::tensor::Tensor;

/// A family of losses, as tools for all losses see it.
///
/// [`call`](Self::call) calls the public forward methods of the loss, and computes nothing itself: such a tool sees exactly the
/// results that a user gets.
pub trait Family {
    /// The arguments of each way to call the loss, the usual one first.
    fn signatures(&self) -> Vec<Signature>;

    /// Calls the loss with the arguments of one of its signatures.
    fn call(&self, arguments: &mut Arguments<'_>, wanted: Wanted) -> Result<Called, EvalError>;

    /// Calls the method that gives values, gradients and curvatures, in this order; `None` if the family has none.
    fn call_second_order(
        &self,
        arguments: &mut Arguments<'_>,
        options: &SecondOrderConfig,
    ) -> Option<Result<[Called; 3], EvalError>> {
        let _ = (arguments, options);
        None
    }
}

/// Which of the forward methods is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The method that gives the reduced value, with weights if there are any.
    Loss,
    /// The method that gives the unreduced values, without weights.
    Values,
}

/// The result of a forward method.
#[derive(Debug, Clone)]
pub struct Called {
    /// The numbers of the result, in one row.
    pub numbers: Tensor<1>,
    /// The shape of the result.
    pub shape: Vec<usize>,
}

impl<const D: usize> From<Tensor<D>> for Called {
    fn from(tensor: Tensor<D>) -> Self {
        let shape = tensor.dims();
        let numbers = match shape.iter().product::<usize>() {
            // In `reshape`, a size of 0 stands for the size that the tensor has.
            0 => Tensor::zeros([0], (&tensor.device(), tensor.dtype())),
            count => tensor.reshape([count]),
        };
        Self { numbers, shape: shape.to_vec() }
    }
}

/// Runs code with the rank of the prediction as a constant; with two names, also with the rank without the class axis.
macro_rules! with_rank {
    ($arguments:ident, |$rank:ident| $run:expr) => {
        $crate::signature::with_rank!(@ $arguments, $run; $rank: 1, 2, 3, 4, 5, 6)
    };
    ($arguments:ident, |$rank:ident, $without:ident| $run:expr) => {
        $crate::signature::with_rank!(@ $arguments, {
            const $without: usize = $rank - 1;
            $run
        }; $rank: 2, 3, 4, 5, 6)
    };
    (@ $arguments:ident, $run:expr; $rank:ident: $($number:literal),+) => {
        match $arguments.rank() {
            $($number => {
                const $rank: usize = $number;
                $run
            })+
            rank => unreachable!("the rank has been checked: {rank}"),
        }
    };
}
pub(crate) use with_rank;

/// Calls `forward` or `forward_no_reduction`, or with extras `forward_with` or `forward_unreduced`; or the two methods that are named,
/// which take extras.
macro_rules! forward {
    ($loss:expr, $wanted:expr, $extras:expr; $($argument:ident),+) => {{
        let extras: $crate::Extras = $extras;
        match $wanted {
            $crate::signature::Wanted::Loss if extras.is_empty() => $loss.forward($($argument),+).into(),
            $crate::signature::Wanted::Loss => $loss.forward_with($($argument,)+ extras).into(),
            $crate::signature::Wanted::Values => match extras.mask_alone() {
                mask if mask.is_empty() => $loss.forward_no_reduction($($argument),+).into(),
                mask => $loss.forward_unreduced($($argument,)+ mask).values.into(),
            },
        }
    }};
    ($loss:expr, $wanted:expr, $extras:expr; $with:ident, $unreduced:ident; $($argument:ident),+) => {
        match $wanted {
            $crate::signature::Wanted::Loss => $loss.$with($($argument,)+ $extras).into(),
            $crate::signature::Wanted::Values => $loss.$unreduced($($argument,)+ $extras.mask_alone()).values.into(),
        }
    };
}
pub(crate) use forward;
