//! The executor of heads: it takes embeddings, labels and a weight `[C, E]`, and gives one value per row: the cross-entropy of
//! logits whose target has a margin.

mod any_head;
pub(super) mod chunks;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;
mod margin;
mod sampled;
mod work;

use super::any_tensor::AnyTensor;
pub(crate) use super::primitives::labels::Labels;
use super::{clean_weightless, rows};
use crate::check::{Reference, widen};
use crate::error::InputError;
use crate::formula::{Real, RowFormula};
use crate::reduction::{Extras, Reduction, Unreduced};
#[cfg(all(test, feature = "cube"))]
pub(in crate::engine) use any_head::AnyHead;
#[cfg(not(all(test, feature = "cube")))]
use any_head::AnyHead;
use burn::tensor::{Bool, Int, Tensor};
use work::{Batch, Work, products};

pub(crate) use sampled::{Targets, classes_or_none, values_of_sampled};

/// How a head of the family `heads` turns cosines into logits.
pub trait Head: Clone + Send + Sync + 'static {
    /// Whether embeddings and rows of the weight are scaled to length 1, and the factor of the logits.
    fn scaling(&self) -> Scaling;

    /// The target's cosine with its margin; `modulation` is the number that [`modulation`](Self::modulation) returns for its row.
    fn margin<R: Real>(&self, cosine: R, modulation: Option<R>) -> R {
        let _ = modulation;
        cosine
    }

    /// Whether [`margin`](Self::margin) changes the cosine.
    fn has_margin(&self) -> bool {
        true
    }

    /// The margins that are angles in radians, each with the name of its field. The default is right for a head without such
    /// margins.
    fn angular_margins(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The margins between cosines, each with the name of its field. The default is right for a head without such margins.
    fn cosine_margins(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The quantity that the margin depends on beside the cosine, such as the progress of a schedule or the quality of a row: one
    /// number per row, without a gradient. On a device with autodiff, which means training, the call also updates the state
    /// behind it.
    fn modulation(&self, embeddings: &Tensor<2>, uncounted: Tensor<1, Bool>) -> Option<Tensor<1>> {
        let _ = (embeddings, uncounted);
        None
    }

    /// The number of rows of the weight for each class; only the nearest one counts.
    fn centers_per_class(&self) -> usize {
        1
    }
}

/// A head as the executor takes it: everything that the executor needs beside the margin. Every loss of the family `heads` is
/// one.
pub(crate) trait Layer: Head {
    /// The loss of a row of logits.
    type CrossEntropy: RowFormula;

    /// The loss of a row of logits.
    fn cross_entropy(&self) -> &Self::CrossEntropy;

    /// The number of classes.
    fn num_classes(&self) -> usize;

    /// The most rows that have their logits in memory at one time; `None` leaves the number to the engine.
    fn chunk_rows(&self) -> Option<usize>;

    /// The classes that this step takes into the softmax, in addition to the labels of the batch; `None` means all classes.
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
        let _ = (labels, training);
        None
    }

    /// The unreduced values with these parameters, if the executor does not compute them. The reduced value then comes from them.
    fn own_values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Option<Unreduced<1>> {
        let _ = (parameters, embeddings, labels);
        None
    }
}

/// Which vectors are scaled to length 1, and the factor of the logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Whether the embeddings are scaled to length 1.
    pub embeddings: bool,
    /// Whether the rows of the weight are scaled to length 1.
    pub weight: bool,
    /// The factor of the logits.
    pub scale: f64,
}

impl Scaling {
    /// The logits are products of the unscaled vectors.
    pub const NONE: Self = Self { embeddings: false, weight: false, scale: 1.0 };

    /// The logits are cosines times `scale`.
    pub const fn cosines(scale: f64) -> Self {
        Self { embeddings: true, weight: true, scale }
    }
}

/// The parameters of a head.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// One row per class, or per center of a class.
    pub weight: Tensor<2>,
    /// One number per class.
    pub bias: Option<Tensor<1>>,
}

/// Checks the arguments of a head; every forward method does this first.
pub(crate) fn check(
    head: &dyn AnyHead,
    parameters: &Parameters,
    embeddings: Reference<'_, 2>,
    labels: Option<&Tensor<1, Int>>,
    extras: &Extras,
) -> Result<(), InputError> {
    let [count, size] = embeddings.tensor.dims();
    let [rows_of_weight, expected] = parameters.weight.dims();
    let centers = head.centers_per_class();
    if rows_of_weight == 0 || expected == 0 || !rows_of_weight.is_multiple_of(centers) {
        let expected = match centers {
            0 => "at least one row for each class: `centers_per_class` is 0".into(),
            1 => "[C, E] (at least one class, and one number per embedding)".into(),
            _ => format!(
                "[{centers} C, E] ({centers} rows for each class, at least one class and one number per embedding)"
            ),
        };
        return Err(embeddings.shape_error("weight", &parameters.weight.dims(), expected));
    }
    let classes = rows_of_weight / centers;
    if size != expected {
        let expected = format!("{expected} numbers per embedding, as `embedding_dim` says");
        return Err(embeddings.shape_error(embeddings.name, &[count, size], expected));
    }
    embeddings.same_device("weight", &parameters.weight)?;
    if let Some(wanted) = head.class_factors().map(<[f64]>::len).filter(|wanted| *wanted != classes) {
        let expected = format!("{wanted} classes, as `class_weights` has");
        return Err(embeddings.shape_error("weight", &[rows_of_weight, size], expected));
    }
    if let Some(bias) = parameters.bias.as_ref().filter(|bias| bias.dims() != [classes]) {
        let expected = format!("[{classes}] (one number per class)");
        return Err(embeddings.shape_error("bias", &bias.dims(), expected));
    }
    if let Some(labels) = labels {
        embeddings.companion("labels", labels, [count], "one label per embedding")?;
    }
    embeddings.extras(&[count], extras)
}

/// The logits without a margin: `[N, C]`.
pub(crate) fn logits(head: &dyn AnyHead, parameters: Parameters, embeddings: Tensor<2>) -> Tensor<2> {
    let batch = Batch::new(head, parameters, widen(embeddings));
    head.of_products(products(head, batch.embeddings, batch.weight, batch.bias))
}

/// A call of the executor: rows `[N, E]`, a weight `[C K, E]`, and possibly a bias `[1, C]`. The reduced value is wanted.
pub(crate) struct Call<'a> {
    pub(crate) kernel: &'a rows::RowKernel,
    pub(crate) ignore_index: Option<i64>,
    pub(crate) margin: Option<&'a rows::Margin<'a>>,
    pub(crate) inputs: &'a [AnyTensor],
    /// The factor of the products of rows and weight.
    pub(crate) scale: f64,
    /// K, the number of rows of the weight for each class; the largest of their products is the logit.
    pub(crate) centers: usize,
    /// Whether the margin depends on the lengths of the rows, and of the rows of the weight.
    pub(crate) lengths: [bool; 2],
    pub(crate) labels: &'a Tensor<1, Int>,
    /// The most rows that have their logits in memory at one time, if there is a limit.
    pub(crate) most_rows: Option<usize>,
    pub(crate) reduce: &'a rows::Reduce,
}

/// The unreduced values, computed in at least single precision.
pub(crate) fn values(
    head: &dyn AnyHead,
    parameters: Parameters,
    embeddings: Tensor<2>,
    labels: Labels<1>,
) -> Unreduced<1> {
    let [count, _] = embeddings.dims();
    if count == 0 {
        return widen(embeddings).reshape([0]).into();
    }
    if let Some(sampled) = head.sampled_classes(&labels.of, embeddings.device().is_autodiff()) {
        return values_of_sampled(head, parameters, embeddings, labels, sampled);
    }
    let work = Work::new(head, parameters, embeddings, labels);
    let chunked = head
        .chunk_rows()
        .filter(|size| *size < count)
        .and_then(|size| chunks::values(size, &work.inputs(), work.part(head)));
    chunked.unwrap_or_else(|| work.part(head)(0..count, work.inputs()))
}

/// The reduced value of the batch. In chunks, the gradients are computed in the forward pass.
pub(crate) fn reduced(
    head: &dyn AnyHead,
    reduction: Reduction,
    parameters: Parameters,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    extras: Extras,
) -> Tensor<1> {
    let [count, _] = embeddings.dims();
    let (labels, extras) = Labels::with_extras(labels, head.ignore_index(), extras);
    let embeddings = clean_weightless(embeddings, extras.weightless().as_ref());
    if count == 0 {
        return extras.reduce(reduction, values(head, parameters, embeddings, labels));
    }
    if let Some(values) = head.own_values(parameters.clone(), embeddings.clone(), labels.clone()) {
        return extras.reduce(reduction, values);
    }
    if let Some(sampled) = head.sampled_classes(&labels.of, embeddings.device().is_autodiff()) {
        return extras.reduce(reduction, values_of_sampled(head, parameters, embeddings, labels, sampled));
    }
    let work = Work::new(head, parameters, embeddings, labels);
    let size = head.chunk_rows().filter(|size| *size < count);
    if let Some(value) = work.fused(head, size, reduction, &extras) {
        return value;
    }
    #[cfg(feature = "cube")]
    if size.is_none()
        && let Some(value) = work.fused_rows(head, reduction, &extras)
    {
        return value;
    }
    let Some(size) = size else {
        return extras.reduce(reduction, work.part(head)(0..count, work.inputs()));
    };
    let like = &work.batch.embeddings;
    let factors = match &extras.weights {
        Some(weights) => widen(weights.clone()).cast(like.dtype()),
        None => Tensor::ones([count], (&like.device(), like.dtype())),
    };
    match chunks::total(size, &work.inputs(), factors, work.part(head)) {
        None => extras.reduce(reduction, work.part(head)(0..count, work.inputs())),
        Some((total, unreduced)) => {
            let divisor = extras.counted(reduction);
            reduction.divide(total, unreduced, extras.weights.map(widen), divisor)
        }
    }
}
