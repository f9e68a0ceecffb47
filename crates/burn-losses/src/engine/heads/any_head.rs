//! A head whose type the compiler does not know.

use super::margin::with_margin;
use super::{Head, Labels, Layer, Parameters, Scaling};
use crate::engine::rows;
use crate::formula::{Dual, RowFormula};
#[cfg(feature = "cube")]
use crate::formula::{Real, record::Recording};
use crate::reduction::Unreduced;
use burn::tensor::{Bool, Int, Tensor};
use std::sync::Arc;

/// A head as the code of the executor takes it: that code is compiled once for all heads.
pub(crate) trait AnyHead: Send + Sync {
    fn scaling(&self) -> Scaling;
    fn has_margin(&self) -> bool;
    fn modulation(&self, embeddings: &Tensor<2>, uncounted: Tensor<1, Bool>) -> Option<Tensor<1>>;
    fn centers_per_class(&self) -> usize;
    fn num_classes(&self) -> usize;
    fn chunk_rows(&self) -> Option<usize>;
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>>;
    fn own_values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Option<Unreduced<1>>;
    /// The label logits of many rows, with their margins; `margin` is for one row.
    fn margins(&self, logits: Tensor<1>, lengths: Tensor<1>, modulation: Option<Tensor<1>>) -> Tensor<1>;
    fn margin(&self, logit: Dual<f64, 2>, length: Dual<f64, 2>, modulation: Option<Dual<f64, 2>>) -> Dual<f64, 2>;
    /// The logit with its margin as data: a program of the logit and, if the head has them, of the modulation and the length. It
    /// also gives the derivatives with respect to the logit and the length if they are wanted.
    #[cfg(feature = "cube")]
    fn recorded_margin(&self, has_modulation: bool, has_length: bool, has_slopes: bool) -> Recording;
    /// The loss of a row of logits as a kernel. The methods after it give its values, its ignored label, and the factors
    /// and offsets of its classes.
    fn row_kernel(&self) -> rows::RowKernel;
    fn row_values(&self, logits: Tensor<2>, labels: Labels<1>) -> Unreduced<1>;
    /// Products of embeddings and weight as the logits that the softmax is taken of.
    fn of_products(&self, products: Tensor<2>) -> Tensor<2>;
    fn ignore_index(&self) -> Option<i64>;
    fn class_factors(&self) -> Option<&[f64]>;
    fn class_offsets(&self) -> Option<&[f64]>;
    /// A shared copy, which a graph can keep.
    fn to_shared(&self) -> Arc<dyn AnyHead>;
}

impl<H: Layer> AnyHead for H {
    fn scaling(&self) -> Scaling {
        Head::scaling(self)
    }
    fn has_margin(&self) -> bool {
        Head::has_margin(self)
    }
    fn modulation(&self, embeddings: &Tensor<2>, uncounted: Tensor<1, Bool>) -> Option<Tensor<1>> {
        Head::modulation(self, embeddings, uncounted)
    }
    fn centers_per_class(&self) -> usize {
        Head::centers_per_class(self)
    }
    fn num_classes(&self) -> usize {
        Layer::num_classes(self)
    }
    fn chunk_rows(&self) -> Option<usize> {
        Layer::chunk_rows(self)
    }
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
        Layer::sampled_classes(self, labels, training)
    }
    fn own_values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Option<Unreduced<1>> {
        Layer::own_values(self, parameters, embeddings, labels)
    }
    fn margins(&self, logits: Tensor<1>, lengths: Tensor<1>, modulation: Option<Tensor<1>>) -> Tensor<1> {
        with_margin(self, logits, lengths, modulation)
    }
    fn margin(&self, logit: Dual<f64, 2>, length: Dual<f64, 2>, modulation: Option<Dual<f64, 2>>) -> Dual<f64, 2> {
        with_margin(self, logit, length, modulation)
    }
    #[cfg(feature = "cube")]
    fn recorded_margin(&self, has_modulation: bool, has_length: bool, has_slopes: bool) -> Recording {
        Recording::of_slice(1 + usize::from(has_modulation) + usize::from(has_length), |numbers| {
            let logit = Dual::<_, 2>::variable(numbers[0], 0);
            let modulation = has_modulation.then(|| Dual::constant(numbers[1]));
            let length = match numbers.last() {
                Some(length) if has_length => Dual::variable(*length, 1),
                _ => logit.lit(1.0),
            };
            let target = with_margin(self, logit, length, modulation);
            let slopes = [has_slopes, has_slopes && has_length].into_iter().zip(target.slope);
            let slopes = slopes.filter_map(|(is_wanted, slope)| is_wanted.then_some(slope));
            core::iter::once(target.value).chain(slopes).collect()
        })
    }
    fn row_kernel(&self) -> rows::RowKernel {
        rows::RowKernel::new(self.cross_entropy())
    }
    fn row_values(&self, logits: Tensor<2>, labels: Labels<1>) -> Unreduced<1> {
        rows::values(self.cross_entropy(), logits, labels)
    }
    fn of_products(&self, products: Tensor<2>) -> Tensor<2> {
        rows::of_logits(self.cross_entropy(), products)
    }
    fn ignore_index(&self) -> Option<i64> {
        RowFormula::ignore_index(self.cross_entropy())
    }
    fn class_factors(&self) -> Option<&[f64]> {
        self.cross_entropy().class_factors()
    }
    fn class_offsets(&self) -> Option<&[f64]> {
        self.cross_entropy().class_offsets()
    }
    fn to_shared(&self) -> Arc<dyn AnyHead> {
        Arc::new(self.clone())
    }
}
