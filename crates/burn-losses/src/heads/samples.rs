//! What the heads have in common that draw classes for all rows together, and that know how often each class is expected.

use super::sampler::Draws;
use super::{HeadLoss, NceLoss, SampledSoftmaxLoss, sampled, values_of};
use crate::check::Reference;
use crate::engine::heads::{self, Labels, Parameters, Targets, classes_or_none};
use crate::engine::primitives::gathered_matmul::gathered_matmul;
use crate::engine::primitives::labels::same_label;
use crate::error::{InputError, expect};
use crate::formula::Real;
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Wanted, forward};
use burn::tensor::{Bool, Int, IntDType, Tensor};
use burn_losses_derive::inherent;

/// How a head draws classes for all rows together.
pub struct Sampling<'a> {
    /// The number of classes that are drawn.
    pub(super) count: usize,
    /// How often each class is expected among them.
    pub(super) expected: &'a Tensor<1>,
    /// Whether the logarithms of the expected counts are subtracted from the logits.
    pub(super) subtract_log_q: bool,
    /// Whether a drawn class that is a row's label is left out for that row.
    pub(super) remove_accidental_hits: bool,
}

/// A head that draws classes for all rows together. Its methods are methods of [`NceLoss`] and [`SampledSoftmaxLoss`] too.
#[inherent]
pub trait SharedSamples: HeadLoss {
    /// What is drawn, and what the draws are for.
    #[doc(hidden)]
    fn sampling(&self) -> Sampling<'_>;

    /// The values of logits in at least single precision, `[N, 1 + S]`: first the one of the label, then those of the classes that were
    /// drawn. `hits` are the drawn classes, `[N, S]`, that are left out.
    #[doc(hidden)]
    fn values_of_logits(&self, logits: Tensor<2>, labels: &Tensor<1, Int>, hits: Option<Tensor<2, Bool>>) -> Tensor<1>;

    /// The value of the batch with classes that the caller has drawn, and with [`Extras`], reduced as the config says.
    ///
    /// # Shapes
    /// - sampled: `[S]`; a number that is out of range makes every value NaN
    /// - expected_counts: `[C]`, how often each class is expected among the S
    fn forward_with_samples(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<1, Int>,
        expected_counts: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = checked(self, embeddings, labels, (sampled, expected_counts), extras.into());
        extras.reduce(self.reduction(), values)
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    fn forward_with_samples_unreduced(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<1, Int>,
        expected_counts: Tensor<1>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = checked(self, embeddings, labels, (sampled, expected_counts), extras.into());
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments.
    fn check_samples(
        &self,
        embeddings: &Tensor<2>,
        labels: &Tensor<1, Int>,
        sampled: &Tensor<1, Int>,
        expected_counts: &Tensor<1>,
        extras: &Extras,
    ) -> Result<(), InputError> {
        self.check(embeddings, labels, extras)?;
        let reference = Reference { loss: self.kind(), name: "embeddings", tensor: embeddings };
        reference.same_device("sampled", sampled)?;
        let classes = self.num_classes();
        if sampled.dims() == [0] {
            return Err(reference.shape_error("sampled", &[0], "[S] (at least one class)".into()));
        }
        if expected_counts.dims() != [classes] {
            let expected = format!("[{classes}] (one number per class)");
            return Err(reference.shape_error("expected_counts", &expected_counts.dims(), expected));
        }
        reference.same_device("expected_counts", expected_counts)
    }
}
shared_samples_methods!(NceLoss, SampledSoftmaxLoss);

/// The values of arguments that are checked first, and the extras for their shape.
#[track_caller]
fn checked(
    head: &impl SharedSamples,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    (sampled, expected_counts): (Tensor<1, Int>, Tensor<1>),
    extras: Extras,
) -> (Unreduced<1>, ShapedExtras<1>) {
    expect(head.check_samples(&embeddings, &labels, &sampled, &expected_counts, &extras));
    values_of(head, embeddings, labels, extras, |parameters, embeddings, labels| {
        values(head, parameters, embeddings, labels, sampled, expected_counts)
    })
}

/// One value per row, with classes that are drawn now.
pub(super) fn values_of_draws(
    head: &impl SharedSamples,
    draws: &Draws,
    parameters: Parameters,
    embeddings: Tensor<2>,
    labels: Labels<1>,
) -> Unreduced<1> {
    let Sampling { count, expected, .. } = head.sampling();
    let sampled = draws.next(count, embeddings.device().is_autodiff(), &labels.of);
    values(head, parameters, embeddings, labels, sampled, expected.clone())
}

/// One value per row, with classes that have been drawn.
fn values<H: SharedSamples>(
    head: &H,
    parameters: Parameters,
    embeddings: Tensor<2>,
    labels: Labels<1>,
    sampled: Tensor<1, Int>,
    expected_counts: Tensor<1>,
) -> Unreduced<1> {
    if embeddings.dims()[0] == 0 {
        return heads::values(head, parameters, embeddings, labels);
    }
    let Sampling { subtract_log_q, remove_accidental_hits, .. } = head.sampling();
    let (embeddings, targets) = Targets::new(head, embeddings, labels);
    let labels = targets.safe.clone();
    let sampled = sampled.cast(IntDType::from(labels.dtype()));
    let (sampled, invalid) = classes_or_none(sampled, head.num_classes());
    let expected_counts = subtract_log_q.then_some(expected_counts);
    let logits = logits(parameters, embeddings, &labels, &sampled, expected_counts);
    let hits = remove_accidental_hits.then(|| same_label(labels.clone(), sampled.clone()));
    let values = head.values_of_logits(logits, &labels, hits);
    let rows = values.dims();
    targets.finish(values.mask_fill(invalid.any().expand(rows), f64::NAN))
}

/// The classes that were drawn, and how often each class is expected, as arguments.
pub(super) fn arguments(head: &impl SharedSamples) -> Vec<Argument> {
    vec![sampled(head, 1), Argument::state("expected_counts", &[head.num_classes()]).required()]
}

/// Calls a head with the arguments of classes that were drawn.
pub(super) fn call(
    head: &impl SharedSamples,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    extras: Extras,
    (arguments, wanted): (&mut Arguments<'_>, Wanted),
) -> Result<Called, EvalError> {
    let (sampled, expected) = (arguments.labels("sampled"), arguments.float("expected_counts"));
    head.check_samples(&embeddings, &labels, &sampled, &expected, &extras)?;
    Ok(forward!(head, wanted, extras; forward_with_samples, forward_with_samples_unreduced;
        embeddings, labels, sampled, expected))
}

/// The logits of each row's label and of the classes that were drawn: `[N, 1 + S]`, less the logarithms of the expected counts if
/// these are given. All classes are in range.
fn logits(
    Parameters { weight, bias }: Parameters,
    embeddings: Tensor<2>,
    labels: &Tensor<1, Int>,
    sampled: &Tensor<1, Int>,
    expected_counts: Option<Tensor<1>>,
) -> Tensor<2> {
    let shape = [embeddings.dims()[0], 1 + sampled.dims()[0]];
    let weight = weight.cast(embeddings.dtype());
    let own = labels.clone().unsqueeze_dim::<2>(1);
    let mut logits = gathered_matmul(embeddings, weight, own, Some(sampled.clone()));
    let per_class = |values: Tensor<1>| {
        let values = values.cast(logits.dtype());
        let of_label = values.clone().select(0, labels.clone()).unsqueeze_dim::<2>(1);
        let of_sampled = values.select(0, sampled.clone()).unsqueeze::<2>().expand([shape[0], shape[1] - 1]);
        Tensor::cat(vec![of_label, of_sampled], 1)
    };
    let of_classes = [bias.map(&per_class), expected_counts.map(|counts| -per_class(counts.detach().log()))];
    for of_class in of_classes.into_iter().flatten() {
        logits = logits + of_class;
    }
    logits
}

/// The logistic losses of the label, `[N]`, and of the other classes, `[N, S]`: the label's logit is the first of `[N, 1 + S]`. A hit has
/// the loss 0.
pub(super) fn logistic(logits: Tensor<2>, hits: Option<Tensor<2, Bool>>) -> (Tensor<1>, Tensor<2>) {
    let [_, columns] = logits.dims();
    let label = Real::softplus(-logits.clone().narrow(1, 0, 1)).squeeze_dim::<1>(1);
    let others = Real::softplus(logits.narrow(1, 1, columns - 1));
    (label, hits.into_iter().fold(others, |others, hits| others.mask_fill(hits, 0.0)))
}
