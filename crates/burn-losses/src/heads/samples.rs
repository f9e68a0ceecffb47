//! What the heads have in common that draw classes for all rows together, and that know how often each class is expected.

use super::{HeadLoss, NceLoss, SampledSoftmaxLoss, labels_with_extras, parameters, sampled};
use crate::check::Reference;
use crate::engine::clean_weightless;
use crate::engine::heads::{Labels, Parameters};
use crate::engine::primitives::gathered_matmul::gathered_matmul;
use crate::error::{InputError, expect};
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use crate::signature::{Argument, Arguments, Called, EvalError, Wanted};
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::inherent;

/// A head that draws classes for all rows together. Its methods are methods of [`NceLoss`] and [`SampledSoftmaxLoss`] too.
#[inherent]
pub trait SharedSamples: HeadLoss {
    /// One value per row and its normalizer.
    #[doc(hidden)]
    fn values_with_samples(
        &self,
        parameters: Parameters,
        embeddings: Tensor<2>,
        labels: Labels<1>,
        sampled: Tensor<1, Int>,
        expected_counts: Tensor<1>,
    ) -> Unreduced<1>;

    /// The value of the batch with classes that the caller has drawn, and with [`Extras`], reduced as the config says.
    ///
    /// # Shapes
    /// - sampled: `[S]`; a number that is out of range makes every value NaN
    /// - expected_counts: `[C]`, how often each class is expected among the S
    ///
    /// # Panics
    /// With the message of [`check_samples`](Self::check_samples)'s error.
    #[track_caller]
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

    /// One value per row, times its weight and divided by the divisor of the extras, and its normalizer: the number that it adds
    /// to the divisor of a mean.
    ///
    /// # Panics
    /// With the message of [`check_samples`](Self::check_samples)'s error.
    #[track_caller]
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
    let (labels, extras) = labels_with_extras(head, labels, extras);
    let embeddings = clean_weightless(embeddings, extras.weightless().as_ref());
    (head.values_with_samples(parameters(head), embeddings, labels, sampled, expected_counts), extras)
}

/// The classes that were drawn, and how often each class is expected, as arguments.
pub(super) fn arguments(head: &impl SharedSamples) -> Vec<Argument> {
    let expected = Argument::state("expected_counts", &[head.num_classes()]);
    vec![sampled(head, 1), Argument { optional: false, ..expected }]
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
    Ok(match wanted {
        Wanted::Values => {
            let extras = extras.mask_alone();
            head.forward_with_samples_unreduced(embeddings, labels, sampled, expected, extras).values.into()
        }
        Wanted::Loss => head.forward_with_samples(embeddings, labels, sampled, expected, extras).into(),
    })
}

/// The logits of each row's label and of the classes that were drawn: `[N, 1 + S]`, less the logarithms of the expected counts if
/// these are given. All classes are in range.
pub(super) fn logits(
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

/// Which drawn classes are the label of a row by accident: `[N, S]`.
pub(super) fn accidental_hits(labels: &Tensor<1, Int>, sampled: &Tensor<1, Int>) -> Tensor<2, Bool> {
    let shape = [labels.dims()[0], sampled.dims()[0]];
    sampled.clone().unsqueeze::<2>().expand(shape).equal(labels.clone().unsqueeze_dim::<2>(1).expand(shape))
}
