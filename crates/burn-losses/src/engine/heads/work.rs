//! A batch of rows and the weight of a head, with the ways to compute their values.

use super::margin::{fused, lengths, logits_with_margin, with_row_margin};
use super::{AnyHead, Call, Labels, Parameters, Scaling, chunks};
use crate::check::widen;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::primitives::l2_normalize::l2_normalize;
use crate::engine::primitives::labels::{is_out_of_range, widen_labels};
use crate::engine::{machine, rows};
use crate::reduction::{Divisor, Reduction, ShapedExtras};
use burn::tensor::Tensor;

/// Embeddings and parameters; the vectors are scaled to length 1 if the head wants it.
pub(super) struct Batch {
    pub(super) embeddings: Tensor<2>,
    pub(super) weight: Tensor<2>,
    pub(super) bias: Option<Tensor<2>>,
}

impl Batch {
    pub(super) fn new(head: &dyn AnyHead, Parameters { weight, bias }: Parameters, embeddings: Tensor<2>) -> Self {
        let dtype = embeddings.dtype();
        let scaled = |rows, wanted| if wanted { l2_normalize(rows) } else { rows };
        let Scaling { embeddings: unit_rows, weight: unit_classes, .. } = head.scaling();
        Self {
            weight: scaled(weight.cast(dtype), unit_classes),
            bias: bias.map(|bias| bias.cast(dtype).unsqueeze()),
            embeddings: scaled(embeddings, unit_rows),
        }
    }
}

/// The logits without a margin.
pub(super) fn products(
    head: &dyn AnyHead,
    embeddings: Tensor<2>,
    weight: Tensor<2>,
    bias: Option<Tensor<2>>,
) -> Tensor<2> {
    let mut logits = embeddings.matmul(weight.transpose());
    let [rows, columns] = logits.dims();
    let centers = head.centers_per_class();
    if centers > 1 {
        logits = logits.reshape([rows, columns / centers, centers]).max_dim(2).squeeze_dim(2);
    }
    let scale = head.scaling().scale;
    if scale != 1.0 {
        logits = logits * scale;
    }
    match bias {
        None => logits,
        Some(bias) => logits + bias.expand([rows, columns]),
    }
}

/// Everything that the values of a batch are computed from.
pub(super) struct Work {
    pub(super) batch: Batch,
    labels: Labels<1>,
    /// The result of [`Head::modulation`](super::Head::modulation).
    modulation: Option<Tensor<1>>,
}

impl Work {
    pub(super) fn new(head: &dyn AnyHead, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Self {
        let (labels, ignore_index) = (widen_labels(labels.of), labels.ignore_index);
        let ignored = rows::ignored(ignore_index, &labels);
        // An ignored row must not take part, not even in the gradient of the weight.
        let embeddings = match &ignored {
            None => widen(embeddings),
            Some(ignored) => rows::zero_rows(widen(embeddings), ignored.clone()),
        };
        let wrong = is_out_of_range(&labels, head.num_classes());
        let uncounted = ignored.map_or(wrong.clone(), |ignored| wrong.bool_or(ignored));
        let modulation = head.modulation(&embeddings.clone().detach(), uncounted).map(Tensor::without_autodiff);
        let labels = Labels { of: labels.without_autodiff(), ignore_index };
        Self { batch: Batch::new(head, parameters, embeddings), labels, modulation }
    }

    /// The inputs that may need a gradient: the embeddings, the weight and, if there is one, the bias.
    pub(super) fn inputs(&self) -> Vec<Tensor<2>> {
        let Batch { embeddings, weight, bias } = &self.batch;
        [embeddings, weight].into_iter().chain(bias).cloned().collect()
    }

    /// The reduced value of the batch by the fused engine.
    pub(super) fn fused(
        &self,
        head: &dyn AnyHead,
        most_rows: Option<usize>,
        reduction: Reduction,
        extras: &ShapedExtras<1>,
    ) -> Option<Tensor<1>> {
        let inputs: Vec<AnyTensor> = self.inputs().into_iter().map(AnyTensor::from).collect();
        if !machine::has_kernels(inputs[0].clone()) {
            return None;
        }
        let kernel = head.row_kernel();
        let (reduce, divisor) = rows::Reduce::new(reduction, extras);
        let value = with_row_margin(head, self.modulation.as_ref(), |margin| {
            let call = Call {
                kernel: &kernel,
                ignore_index: self.labels.ignore_index,
                margin,
                inputs: &inputs,
                scale: head.scaling().scale,
                centers: head.centers_per_class(),
                lengths: lengths(head),
                labels: &self.labels.of,
                most_rows,
                reduce: &reduce,
            };
            machine::run("heads", &inputs[0], |machine| machine.heads(&call)).map(AnyTensor::into_rank)
        });
        Some(Divisor::divide_by(divisor, value?))
    }

    /// The reduced value of the batch if Burn computes the products and a kernel the rest.
    #[cfg(feature = "cube")]
    pub(super) fn fused_rows(
        &self,
        head: &dyn AnyHead,
        reduction: Reduction,
        extras: &ShapedExtras<1>,
    ) -> Option<Tensor<1>> {
        let Batch { embeddings, weight, bias } = &self.batch;
        let needs_slopes = extras.weights.as_ref().is_some_and(Tensor::is_tracked);
        if machine::has_kernels(embeddings) || !machine::is_any(embeddings) || needs_slopes {
            return None;
        }
        let logits = products(head, embeddings.clone(), weight.clone(), bias.clone());
        let (reduce, divisor) = rows::Reduce::new(reduction, extras);
        let tensors = [&logits, embeddings, weight];
        let value = fused(head, tensors, &self.labels, self.modulation.as_ref(), Some(&reduce))?.values;
        Some(Divisor::divide_by(divisor, value))
    }

    /// The values of some rows of the inputs.
    pub(super) fn part(&self, head: &dyn AnyHead) -> impl chunks::Part {
        let (head, labels, modulation) = (head.to_shared(), self.labels.clone(), self.modulation.clone());
        move |range, inputs: Vec<Tensor<2>>| {
            let labels = Labels { of: labels.of.clone().narrow(0, range.start, range.len()), ..labels };
            let mut inputs = inputs.into_iter();
            let (embeddings, weight) = (inputs.next().expect("embeddings"), inputs.next().expect("a weight"));
            let mut logits = products(&*head, embeddings.clone(), weight.clone(), inputs.next());
            if head.has_margin() {
                let modulation = modulation.clone().map(|all| all.narrow(0, range.start, range.len()));
                let tensors = [&logits, &embeddings, &weight];
                if let Some(values) = fused(&*head, tensors, &labels, modulation.as_ref(), None) {
                    return values;
                }
                logits = logits_with_margin(&*head, logits, embeddings, weight, labels.of.clone(), modulation);
            }
            head.row_values(logits, labels)
        }
    }
}
