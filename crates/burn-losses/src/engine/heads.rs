//! Embeddings, labels and a weight `[C, E]` in, one value per row out: cross-entropy of logits whose target has a margin.

use super::anchors::unit;
use super::rows::{self, one_hot, pick};
use crate::check::{Reference, widen};
use crate::classification::CrossEntropyLoss;
use crate::error::{InputError, InputProblem};
use crate::formula::Real;
use crate::heads::Annealing;
use crate::reduction::Unreduced;
use burn::tensor::{Int, Tensor};

/// How a head of the family `heads` turns cosines into logits.
pub trait Head: Sized {
    /// Whether embeddings and the rows of the weight are brought to length 1, and the factor of the logits then.
    fn scaling(&self) -> Scaling;

    /// The target's cosine with its margin; `annealing` is lambda of the schedule, where there is one.
    fn margin<R: Real>(&self, cosine: R, annealing: Option<R>) -> R {
        let _ = annealing;
        cosine
    }

    /// Whether [`margin`](Self::margin) does anything.
    fn has_margin(&self) -> bool {
        true
    }

    /// Class weights, ignored labels and smoothing.
    fn rows(&self) -> &CrossEntropyLoss;

    /// The schedule of lambda, and the number of this step, `[1]`; it is counted when `training`.
    fn anneal(&self, training: bool) -> Option<(Annealing, Tensor<1>)> {
        let _ = training;
        None
    }
}

/// What is brought to length 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// The embeddings.
    pub embeddings: bool,
    /// The rows of the weight.
    pub weight: bool,
    /// The factor of the logits.
    pub scale: f64,
}

/// The parameters of a head.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    pub(crate) weight: Tensor<2>,
    pub(crate) bias: Option<Tensor<1>>,
}

/// Checks the arguments of a head: what the forward methods do first.
pub(crate) fn check<H: Head>(
    head: &H,
    parameters: &Parameters,
    embeddings: Reference<'_, 2>,
    labels: Option<&Tensor<1, Int>>,
    weights: Option<&Tensor<1>>,
) -> Result<(), InputError> {
    let [count, size] = embeddings.tensor.dims();
    let [classes, expected] = parameters.weight.dims();
    if size != expected {
        let expected = format!("{expected} numbers per embedding, as `embedding_dim` says");
        return Err(embeddings.error(
            embeddings.name,
            InputProblem::Shape { given: vec![count, size], expected },
        ));
    }
    embeddings.same_device("weight", &parameters.weight)?;
    if let Some(wanted) = rows::Rows::classes(head.rows()).filter(|wanted| *wanted != classes) {
        let expected = format!("{wanted} classes, as `class_weights` has");
        return Err(embeddings.shape_error("weight", &[classes, size], expected));
    }
    if let Some(labels) = labels {
        if labels.dims() != [count] {
            let expected = format!("[{count}] (one label per embedding)");
            return Err(embeddings.shape_error("labels", &labels.dims(), expected));
        }
        embeddings.same_device("labels", labels)?;
    }
    weights.map_or(Ok(()), |weights| embeddings.weights([count], weights))
}

/// The logits without a margin: `[N, C]`.
pub(crate) fn logits<H: Head>(head: &H, parameters: Parameters, embeddings: Tensor<2>) -> Tensor<2> {
    Products::of(head.scaling(), parameters, widen(embeddings)).logits
}

/// Rows of embeddings times rows of the weight.
struct Products {
    /// The logits without a margin.
    logits: Tensor<2>,
    /// What divides a logit into a cosine, as a factor for each row and for each class; 1 where it is none.
    row_length: Option<Tensor<2>>,
    class_length: Option<Tensor<2>>,
    scale: f64,
}

impl Products {
    fn of(scaling: Scaling, Parameters { weight, bias }: Parameters, embeddings: Tensor<2>) -> Self {
        let weight = weight.cast(embeddings.dtype());
        let length = |rows: &Tensor<2>| Real::safe_sqrt((rows.clone() * rows.clone()).sum_dim(1));
        let (embeddings, row_length) = match scaling.embeddings {
            true => (unit(embeddings), None),
            false => (embeddings.clone(), Some(length(&embeddings))),
        };
        let (weight, class_length) = match scaling.weight {
            true => (unit(weight), None),
            false => (weight.clone(), Some(length(&weight))),
        };
        let mut logits = embeddings.matmul(weight.transpose());
        if scaling.scale != 1.0 {
            logits = logits * scaling.scale;
        }
        if let Some(bias) = bias {
            let shape = logits.dims();
            logits = logits.clone() + bias.cast(logits.dtype()).unsqueeze::<2>().expand(shape);
        }
        Self { logits, row_length, class_length, scale: scaling.scale }
    }

    /// The logits with the margin of the target.
    fn with_margin<H: Head>(self, head: &H, labels: Tensor<1, Int>, annealing: Option<(Annealing, Tensor<1>)>) -> Tensor<2> {
        let [count, classes] = self.logits.dims();
        let plain = pick(self.logits.clone(), labels.clone());
        let mut length = plain.ones_like().detach() * self.scale;
        if let Some(rows) = self.row_length {
            length = length * rows.squeeze_dim::<1>(1);
        }
        if let Some(class) = self.class_length {
            length = length * class.squeeze_dim::<1>(1).select(0, labels.clone());
        }
        // Of a vector without a length the cosine is 0.
        let none = length.clone().detach().lower_scalar(1e-12);
        let cosine = (plain / length.clone().mask_fill(none.clone(), 1.0)).mask_fill(none, 0.0);
        let annealing = annealing.map(|(schedule, step)| schedule.at(step.cast(cosine.dtype())).expand([count]));
        let target = head.margin(cosine, annealing) * length;
        let target = target.unsqueeze_dim::<2>(1).expand([count, classes]);
        self.logits.mask_where(one_hot(labels, classes), target)
    }
}

/// The unreduced values, computed in at least single precision.
pub(crate) fn values<H: Head>(
    head: &H,
    parameters: Parameters,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
) -> Unreduced<1> {
    let shape = embeddings.dims();
    if shape[0] == 0 {
        return widen(embeddings).reshape([0]).into();
    }
    let classes = parameters.weight.dims()[0] as i64;
    // An ignored row takes no part, also not in the gradient of the weight; a label that is no class becomes NaN later.
    let outside = labels.clone().lower_elem(0).bool_or(labels.clone().greater_equal_elem(classes));
    let ignored = rows::ignored(head.rows(), &labels);
    let embeddings = match &ignored {
        None => widen(embeddings),
        Some(ignored) => widen(embeddings).mask_fill(ignored.clone().unsqueeze_dim::<2>(1).expand(shape), 0.0),
    };
    let annealing = head.anneal(embeddings.device().is_autodiff());
    let products = Products::of(head.scaling(), parameters, embeddings);
    let logits = match head.has_margin() {
        false => products.logits,
        true => products.with_margin(head, labels.clone().mask_fill(outside, 0), annealing),
    };
    rows::values(head.rows(), logits, labels)
}
