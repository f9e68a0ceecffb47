//! Pairs of vectors `[N, E]`, row by row, and one value per row. The value of a row does not depend on the other rows.
//!
//! `cosine` and `euclidean` can be swapped for one another in a config file; `cosine_embedding` also takes the labels of the pairs:
//! see [`VectorsLossConfig`]. For losses of the vectors of a batch with each other, see [`metric`](crate::metric).
//!
//! [`VectorLoss`] is for losses of one's own, of vectors that have a few numbers. The losses of boxes are the family
//! [`boxes`](crate::boxes), and those of the parameters of a distribution the family [`likelihood`](crate::likelihood).

mod cosine;
mod cosine_embedding;
mod euclidean;
mod fixed;
mod signature;
#[cfg(test)]
pub mod template;

use crate::check::{Reference, widen};
use crate::engine::machine::has_kernels;
use crate::engine::primitives::centers::half_squared_distances;
use crate::engine::primitives::l2_normalize::{NO_LENGTH, l2_normalize};
use crate::engine::primitives::p_norm::p_norm;
use crate::engine::rows::valid_rows;
use crate::engine::{with_zero_gradient, without_weightless};
use crate::error::{InputError, InputProblem, expect};
use crate::loss::Loss;
use crate::reduction::{Extras, ShapedExtras, Unreduced, cleaned};
use burn::tensor::{Bool, Tensor};
use burn_losses_derive::{family, inherent};

pub use cosine::{CosineLoss, CosineLossConfig, TargetGradient};
pub use cosine_embedding::{CosineEmbeddingLoss, CosineEmbeddingLossConfig};
pub use euclidean::{EuclideanLoss, EuclideanLossConfig};
pub use fixed::VectorLoss;

/// A loss of pairs of vectors.
///
/// Half-precision inputs are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait VectorsLoss: Loss {
    /// The values `[N]` of vectors in single or double precision; neither N nor E is 0. `dissimilar` is there if the loss
    /// [needs](Self::needs_dissimilar) it.
    fn rows(&self, first: Tensor<2>, second: Tensor<2>, dissimilar: Option<Tensor<1>>) -> Tensor<1>;

    /// Whether the loss needs to know which pairs are dissimilar.
    fn needs_dissimilar(&self) -> bool {
        false
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - first, second: `[N, E]`
    /// - output: `[1]`
    fn forward(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        self.forward_with(first, second, Extras::new())
    }

    /// Like `forward`, with weights `[N]`, a mask `[N]` of the rows that are valid, or a divisor: see [`Extras`].
    fn forward_with(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&first, &second, &extras));
        let (values, extras) = values_of(self, [first, second], None, extras);
        extras.reduce(self.reduction(), values)
    }

    /// One value per row.
    fn forward_no_reduction(&self, first: Tensor<2>, second: Tensor<2>) -> Tensor<1> {
        self.forward_unreduced(first, second, Extras::new()).values
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced(&self, first: Tensor<2>, second: Tensor<2>, extras: impl Into<Extras>) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check(&first, &second, &extras));
        let (values, extras) = values_of(self, [first, second], None, extras);
        extras.apply(values)
    }

    /// The value of pairs that are labeled as similar or dissimilar, reduced as the config says. Only a loss that
    /// [needs](Self::needs_dissimilar) such labels takes them: `cosine_embedding`.
    ///
    /// # Shapes
    /// - first, second: `[N, E]`
    /// - dissimilar: `[N]`, 1 where a pair is dissimilar and 0 where it is similar
    fn forward_pairs(&self, first: Tensor<2>, second: Tensor<2>, dissimilar: Tensor<1>) -> Tensor<1> {
        self.forward_pairs_with(first, second, dissimilar, Extras::new())
    }

    /// Like `forward_pairs`, with weights `[N]`, a mask `[N]` of the pairs that are valid, or a divisor: see [`Extras`].
    fn forward_pairs_with(
        &self,
        first: Tensor<2>,
        second: Tensor<2>,
        dissimilar: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check_pairs(&first, &second, &dissimilar, &extras));
        let (values, extras) = values_of(self, [first, second], Some(dissimilar), extras);
        extras.reduce(self.reduction(), values)
    }

    /// Like `forward_unreduced`, with the labels of the pairs.
    fn forward_pairs_unreduced(
        &self,
        first: Tensor<2>,
        second: Tensor<2>,
        dissimilar: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check_pairs(&first, &second, &dissimilar, &extras));
        let (values, extras) = values_of(self, [first, second], Some(dissimilar), extras);
        extras.apply(values)
    }

    /// Like `check`, for the arguments of the methods with labels of the pairs.
    fn check_pairs(
        &self,
        first: &Tensor<2>,
        second: &Tensor<2>,
        dissimilar: &Tensor<1>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "first", tensor: first };
        if !self.needs_dissimilar() {
            let why = "the loss compares all pairs in the same way: call `forward`";
            return Err(reference.error("dissimilar", InputProblem::Unsupported(why.into())));
        }
        check_vectors(reference, second, extras)?;
        reference.companion("dissimilar", dissimilar, [first.dims()[0]], "one number per pair")
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check(&self, first: &Tensor<2>, second: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
        let reference = Reference { loss: self.kind(), name: "first", tensor: first };
        if self.needs_dissimilar() {
            let why = "the loss needs to know which pairs are dissimilar: call `forward_pairs`";
            return Err(reference.error("dissimilar", InputProblem::Missing(why.into())));
        }
        check_vectors(reference, second, extras)
    }
}

fn check_vectors(first: Reference<'_, 2>, second: &Tensor<2>, extras: &Extras) -> Result<(), InputError> {
    let [count, size] = first.tensor.dims();
    if size == 0 {
        return Err(first.shape_error(first.name, &[count, size], "at least one number per vector".into()));
    }
    first.same("second", second)?;
    first.extras(&[count], extras)
}

/// The unreduced values; a masked row is 0 and does not count.
fn values<L: VectorsLoss + ?Sized>(
    loss: &L,
    [first, second]: [Tensor<2>; 2],
    dissimilar: Option<Tensor<1>>,
    mask: Option<&Tensor<1, Bool>>,
) -> Unreduced<1> {
    if first.dims()[0] == 0 {
        return widen(first).reshape([0]).into();
    }
    let [first, second] = [first, second].map(|rows| widen(valid_rows(rows, mask)));
    let dissimilar = dissimilar.map(|dissimilar| widen(cleaned(dissimilar, mask)));
    let values = loss.rows(first.clone(), second, dissimilar);
    Unreduced::from(with_zero_gradient(values, first)).masked(mask)
}

/// The values of a batch that has been checked, and the extras for their shape.
fn values_of<L: VectorsLoss + ?Sized>(
    loss: &L,
    pair: [Tensor<2>; 2],
    dissimilar: Option<Tensor<1>>,
    extras: Extras,
) -> (Unreduced<1>, ShapedExtras<1>) {
    let extras = extras.for_shape([pair[0].dims()[0]]);
    let pair = pair.map(|rows| without_weightless(rows, &extras));
    let dissimilar = dissimilar.map(|numbers| without_weightless(numbers, &extras));
    (values(loss, pair, dissimilar, extras.mask.as_ref()), extras)
}

/// The length below which a vector never has a direction, whatever `eps` is.
const SHORTEST: f64 = NO_LENGTH;

/// One minus the cosine of the angle between two vectors, for each row. A vector that is shorter than `eps` has no direction: the
/// value is 1, without a gradient.
///
/// It is computed as half the squared distance of the normalized vectors, which is accurate for nearly equal directions, too.
fn cosine_distances(first: Tensor<2>, second: Tensor<2>, eps: f64) -> Tensor<1> {
    let is_short = |rows: &Tensor<2>| p_norm(rows.clone().detach(), 2.0).lower_scalar(eps.max(SHORTEST));
    let none = is_short(&first).bool_or(is_short(&second));
    let [first, second] = [first, second].map(l2_normalize);
    let half_squares = if has_kernels(&first) {
        // The second vectors are the centers of the first ones.
        let places = Tensor::arange(0..first.dims()[0] as i64, &first.device());
        half_squared_distances(first, second, places)
    } else {
        let difference = first - second;
        (difference.clone() * difference).sum_dim(1).squeeze_dim::<1>(1) * 0.5
    };
    half_squares.mask_fill(none, 1.0)
}

/// The config of any loss of this family; its `kind` says which.
#[family(vectors, makes = AnyVectorsLoss)]
pub enum VectorsLossConfig {
    #[kind("cosine")]
    Cosine(CosineLossConfig),
    #[kind("cosine_embedding")]
    CosineEmbedding(CosineEmbeddingLossConfig),
    #[kind("euclidean")]
    Euclidean(EuclideanLossConfig),
}
