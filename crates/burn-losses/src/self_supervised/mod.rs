//! Self-supervised learning without negatives: two views `[N, E]` of the same N things, compared by the statistics of the batch.
//!
//! All losses here can be swapped for one another in a config file: see [`SelfSupervisedLossConfig`]. The value is one number of the
//! whole batch, which every row carries. For losses with negatives, see [`metric`](crate::metric); for those that compare row by
//! row, as BYOL and SimSiam do, see [`vectors`](crate::vectors).

mod barlow_twins;
mod signature;
mod statistics;
#[cfg(test)]
pub mod template;
mod vicreg;

use crate::check::{Reference, widen};
use crate::engine::rows::valid_rows;
use crate::engine::with_zero_gradient;
use crate::error::{InputError, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{family, inherent};

pub use barlow_twins::{BarlowTwinsLoss, BarlowTwinsLossConfig, Variance};
pub use statistics::View;
pub use vicreg::{VarianceSum, VicregLoss, VicregLossConfig};

/// A loss of two views of the same things, as a whole.
///
/// A masked row does not enter the statistics. Weights multiply the value that every row carries, and do not change the statistics.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait SelfSupervisedLoss: Loss {
    /// The value `[1]` of the batch, in single or double precision.
    fn of_batch(&self, first: &View, second: &View) -> Tensor<1>;

    /// The value of the batch, reduced as the config says. A mean is the value itself.
    ///
    /// # Shapes
    /// - first, second: `[N, E]`, with at least two rows
    /// - output: `[1]`
    fn forward(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        self.forward_with(first, second, Extras::new())
    }

    /// Like `forward`, with weights `[N]`, a mask `[N]` of the rows that are valid, or a divisor: see [`Extras`].
    fn forward_with(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Tensor<1> {
        let (values, extras) = checked(self, [first, second], extras.into());
        extras.reduce(self.reduction(), values)
    }

    /// The value of the batch, once for every row.
    fn forward_no_reduction(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        self.forward_unreduced(first, second, Extras::new()).values
    }

    /// The value of the batch for every row, times the row's weight and divided by the divisor of the extras, and its normalizer:
    /// the number that it adds to the divisor of a mean. [`Reduction::reduce`](crate::Reduction::reduce) takes both.
    fn forward_unreduced(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Unreduced<1> {
        let (values, extras) = checked(self, [first, second], extras.into());
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check(&self, first: &Tensor<2>, second: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "first", tensor: first };
        let [count, size] = first.dims();
        if size == 0 {
            return Err(reference.shape_error("first", &[count, size], "at least one number per row".into()));
        }
        if count == 1 {
            let expected = "at least two rows: one row alone has no variance";
            return Err(reference.shape_error("first", &[count, size], expected.into()));
        }
        reference.same("second", second)?;
        reference.extras(&[count], extras)
    }
}

/// The values of arguments that are checked first, and the extras for their shape.
#[track_caller]
fn checked<L: SelfSupervisedLoss + ?Sized>(
    loss: &L,
    [first, second]: [Tensor<2>; 2],
    extras: Extras,
) -> (Unreduced<1>, ShapedExtras<1>) {
    expect(loss.check(&first, &second, &extras));
    let extras = extras.for_shape([first.dims()[0]]);
    (values(loss, [first, second], extras.mask.as_ref()), extras)
}

/// The unreduced values: that of the batch for every row that is valid.
fn values<L: SelfSupervisedLoss + ?Sized>(
    loss: &L,
    [first, second]: [Tensor<2>; 2],
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    let [count, _] = first.dims();
    if count == 0 {
        return widen(first).reshape([0]).into();
    }
    let [first, second] = [first, second].map(|rows| widen(valid_rows(rows, mask)));
    let value = loss.of_batch(&View::new(first.clone(), mask), &View::new(second, mask));
    Unreduced::from(with_zero_gradient(value, first).expand([count])).masked(mask)
}

/// The config of any loss of this family; its `kind` says which.
#[family(self_supervised, makes = AnySelfSupervisedLoss)]
pub enum SelfSupervisedLossConfig {
    #[kind("vicreg")]
    Vicreg(VicregLossConfig),
    #[kind("barlow_twins")]
    BarlowTwins(BarlowTwinsLossConfig),
}
