//! Heads: losses with a weight `[C, E]` of their own, which take embeddings `[N, E]` and labels `[N]`, and give one value per
//! row.
//!
//! All losses here can be swapped for one another in a config file: see [`HeadLossConfig`]. A head is the last layer of a network and
//! its loss: [`logits`](HeadLoss::logits) is the layer without the margin, for inference and accuracy.

mod a_softmax;
mod adaface;
mod adaptive_softmax;
mod am_softmax;
mod annealing;
mod arcface;
mod combined_margin;
mod cosface;
mod l_softmax;
mod layer;
mod nce;
mod negative_sampling;
mod normalized_softmax;
mod sampled_softmax;
mod sampler;
mod samples;
mod signature;
mod softmax;
mod sub_center_arcface;
#[cfg(test)]
pub mod template;

use crate::check::Reference;
use crate::classification::CrossEntropyLoss;
use crate::engine::clean_weightless;
use crate::engine::heads::{self, Head, Labels, Parameters, Scaling};
use crate::engine::rows::Rows;
use crate::error::{InputError, expect};
use crate::formula::Real;
use crate::loss::Loss;
use crate::reduction::{Extras, ShapedExtras, Unreduced};
use crate::signature::{Argument, Arguments, Called, Classes, EvalError, Role, Shape, Wanted, forward};
use burn::module::Param;
use burn::tensor::{Bool, Int, Tensor};
use burn_losses_derive::{dispatch, family, inherent};
use layer::HeadLayer;

pub use crate::options::WeightInitializer;
pub use a_softmax::{ASoftmaxLoss, ASoftmaxLossConfig};
pub use adaface::{AdafaceLoss, AdafaceLossConfig};
pub use adaptive_softmax::{AdaptiveSoftmaxLoss, AdaptiveSoftmaxLossConfig};
pub use am_softmax::{AmSoftmaxLoss, AmSoftmaxLossConfig};
pub use annealing::Annealing;
pub use arcface::{ArcfaceLoss, ArcfaceLossConfig, Beyond};
pub use combined_margin::{CombinedMarginLoss, CombinedMarginLossConfig};
pub use cosface::{CosfaceLoss, CosfaceLossConfig};
pub use l_softmax::{LSoftmaxLoss, LSoftmaxLossConfig};
pub use layer::HeadOptions;
pub use nce::{NceLoss, NceLossConfig};
pub use negative_sampling::{NegativeSamplingLoss, NegativeSamplingLossConfig};
pub use normalized_softmax::{NormalizedSoftmaxLoss, NormalizedSoftmaxLossConfig};
pub use sampled_softmax::{SampledSoftmaxLoss, SampledSoftmaxLossConfig};
pub use sampler::Sampler;
pub use samples::SharedSamples;
pub use softmax::{SoftmaxLoss, SoftmaxLossConfig};
pub use sub_center_arcface::{SubCenterArcfaceLoss, SubCenterArcfaceLossConfig};

/// A classifier's last layer with its loss.
///
/// Labels are in 0..C, or the `ignore_index` of the config; a row with any other label has the value NaN. Half-precision embeddings
/// are computed and returned in f32; their gradients come back in half precision.
#[inherent]
pub trait HeadLoss: Head + Loss {
    /// The number of classes.
    fn num_classes(&self) -> usize {
        self.weight().dims()[0].checked_div(self.centers_per_class()).unwrap_or(0)
    }

    /// The cross-entropy of the head's logits: class weights, ignored labels and smoothing.
    fn cross_entropy(&self) -> &CrossEntropyLoss;

    /// The label to ignore.
    fn ignore_index(&self) -> Option<i64> {
        Rows::ignore_index(self.cross_entropy())
    }

    /// The parameters of a head of this crate, with its options. The type has no public name.
    #[doc(hidden)]
    fn layer(&self) -> Option<&HeadLayer> {
        None
    }

    #[doc(hidden)]
    fn layer_mut(&mut self) -> Option<&mut HeadLayer> {
        None
    }

    /// The largest number of rows whose logits are in memory at one time; `None`: as many as is fast.
    fn chunk_rows(&self) -> Option<usize> {
        self.layer()?.chunk_rows
    }

    /// Whether the head overrides [`values`](Self::values): the reduced value then comes from it. Other crates cannot override
    /// it, since the types of its parameters have no public name.
    #[doc(hidden)]
    fn has_own_values(&self) -> bool {
        false
    }

    /// The classes that this step takes into the softmax beside the labels of the batch; `None`: all.
    #[doc(hidden)]
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
        let layer = self.layer()?;
        layer.draws.share(layer.sample_rate, training, labels)
    }

    /// The unreduced values with these parameters, computed in at least single precision; the arguments have been checked.
    #[doc(hidden)]
    fn values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Unreduced<1> {
        heads::values(self, parameters, embeddings, labels)
    }

    /// The weight, `[num_classes, embedding_dim]`: one row per class.
    fn weight(&self) -> Tensor<2>;

    /// The head with another weight of the same shape, as a new parameter.
    ///
    /// # Panics
    /// If the shape differs.
    #[track_caller]
    fn with_weight(self, weight: Tensor<2>) -> Self;

    /// The bias, `[num_classes]`, of a head that has one.
    fn bias(&self) -> Option<Tensor<1>> {
        self.layer()?.bias.as_ref().map(Param::val)
    }

    /// The head with another bias of the same shape, as a new parameter.
    ///
    /// # Panics
    /// If the head has no bias, or the shape differs.
    #[track_caller]
    fn with_bias(self, bias: Tensor<1>) -> Self {
        panic!("{}: the head has no bias, but one of shape {:?} was given", self.kind(), bias.dims())
    }

    /// The arguments for parameters beside the weight and the bias.
    #[doc(hidden)]
    fn more_parameters(&self) -> Vec<Argument> {
        Vec::new()
    }

    /// The head with the parameters beside the weight and the bias that are among the arguments.
    #[doc(hidden)]
    fn with_more_parameters(self, arguments: &mut Arguments<'_>) -> Self {
        let _ = arguments;
        self
    }

    /// The arguments for classes that the caller has drawn, if the head draws classes.
    #[doc(hidden)]
    fn samples(&self) -> Vec<Argument> {
        let labels = Tensor::zeros([0], &self.weight().device());
        self.sampled_classes(&labels, false).map(|_| sampled(self, 1)).into_iter().collect()
    }

    /// How many classes each row draws for itself; `None`: a step draws for all rows together, or draws nothing.
    fn draws_per_row(&self) -> Option<usize> {
        None
    }

    /// Calls the loss with the classes in these arguments; all other arguments have been checked.
    #[doc(hidden)]
    fn call_samples(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        extras: Extras,
        (arguments, wanted): (&mut Arguments<'_>, Wanted),
    ) -> Result<Called, EvalError> {
        let sampled = arguments.labels("sampled");
        reference(self, &embeddings).same_device("sampled", &sampled)?;
        Ok(forward!(self, wanted, extras; forward_with_classes, forward_with_classes_unreduced;
            embeddings, labels, sampled))
    }

    /// Gives the head its own draws. They go on from the point that the draws it shared with its clones have reached.
    #[doc(hidden)]
    fn own_draws(&mut self) {
        if let Some(layer) = self.layer_mut() {
            layer.draws = layer.draws.fork();
        }
    }

    /// The logits without a margin: for inference and accuracy.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - output: `[N, C]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error.
    #[track_caller]
    fn logits(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let parameters = parameters(self);
        expect(heads::check(self, &parameters, reference(self, &embeddings), None, &Extras::new()));
        heads::logits(self, parameters, embeddings)
    }

    /// The value of the batch, reduced as the config says.
    ///
    /// # Shapes
    /// - embeddings: `[N, E]`
    /// - labels: `[N]`
    /// - output: `[1]`
    fn forward(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_with(embeddings, labels, Extras::new())
    }

    /// Like `forward`, with weights, a mask of the rows that are valid, or a divisor: see [`Extras`].
    ///
    /// # Shapes
    /// - weights, mask: `[N]`
    fn forward_with(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>, extras: impl Into<Extras>) -> Tensor<1> {
        let extras = extras.into();
        expect(self.check(&embeddings, &labels, &extras));
        heads::reduced(self, self.reduction(), parameters(self), embeddings, labels, extras)
    }

    /// One value per row: `[N]`.
    fn forward_no_reduction(&self, embeddings: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        self.forward_unreduced(embeddings, labels, Extras::new()).values
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras. [`Reduction::reduce`](crate::Reduction::reduce) takes both values and normalizers.
    fn forward_unreduced(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let extras = extras.into();
        expect(self.check(&embeddings, &labels, &extras));
        let values = |parameters, embeddings, labels| self.values(parameters, embeddings, labels);
        let (values, extras) = values_of(self, embeddings, labels, extras, values);
        extras.apply(values)
    }

    /// The value of the softmax over the labels of the batch and classes that the caller has drawn, as a `sample_rate` (Partial FC) draws
    /// them, with [`Extras`], reduced as the config says.
    ///
    /// # Shapes
    /// - sampled: `[S]`, for all rows; a number that is out of range makes every value NaN
    /// - weights, mask: `[N]`
    ///
    /// # Panics
    /// With the message of [`check`](Self::check)'s error, or if `sampled` is on another device.
    #[track_caller]
    fn forward_with_classes(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<1, Int>,
        extras: impl Into<Extras>,
    ) -> Tensor<1> {
        let (values, extras) = values_with_classes(self, embeddings, labels, sampled, extras.into());
        extras.reduce(self.reduction(), values)
    }

    /// One value per row, with its normalizer: the number that it adds to the divisor of a mean. Each value is multiplied by its weight,
    /// and divided by the divisor of the extras.
    ///
    /// # Panics
    /// As [`forward_with_classes`](Self::forward_with_classes).
    #[track_caller]
    fn forward_with_classes_unreduced(
        &self,
        embeddings: Tensor<2>,
        labels: Tensor<1, Int>,
        sampled: Tensor<1, Int>,
        extras: impl Into<Extras>,
    ) -> Unreduced<1> {
        let (values, extras) = values_with_classes(self, embeddings, labels, sampled, extras.into());
        extras.apply(values)
    }

    /// Checks the shapes, types and devices of the arguments, but not their values, which are not read.
    fn check(&self, embeddings: &Tensor<2>, labels: &Tensor<1, Int>, extras: &Extras) -> Result<(), InputError> {
        heads::check(self, &parameters(self), reference(self, embeddings), Some(labels), extras)
    }
}

/// The values of a batch and of classes that are checked first, and the extras for their shape.
#[track_caller]
fn values_with_classes<H: HeadLoss>(
    head: &H,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    sampled: Tensor<1, Int>,
    extras: Extras,
) -> (Unreduced<1>, ShapedExtras<1>) {
    expect(head.check(&embeddings, &labels, &extras));
    expect(reference(head, &embeddings).same_device("sampled", &sampled));
    values_of(head, embeddings, labels, extras, |parameters, embeddings, labels| match embeddings.dims()[0] {
        0 => head.values(parameters, embeddings, labels),
        _ => heads::values_of_sampled(head, parameters, embeddings, labels, sampled),
    })
}

/// The values of a batch that has been checked, and the extras for their shape.
fn values_of<H: HeadLoss>(
    head: &H,
    embeddings: Tensor<2>,
    labels: Tensor<1, Int>,
    extras: Extras,
    values: impl FnOnce(Parameters, Tensor<2>, Labels<1>) -> Unreduced<1>,
) -> (Unreduced<1>, ShapedExtras<1>) {
    let (labels, extras) = Labels::with_extras(labels, head.ignore_index(), extras);
    let embeddings = clean_weightless(embeddings, extras.weightless().as_ref());
    (values(parameters(head), embeddings, labels), extras)
}

impl<H: HeadLoss> heads::Layer for H {
    type CrossEntropy = CrossEntropyLoss;

    fn cross_entropy(&self) -> &CrossEntropyLoss {
        HeadLoss::cross_entropy(self)
    }
    fn num_classes(&self) -> usize {
        HeadLoss::num_classes(self)
    }
    fn chunk_rows(&self) -> Option<usize> {
        HeadLoss::chunk_rows(self)
    }
    fn sampled_classes(&self, labels: &Tensor<1, Int>, training: bool) -> Option<Tensor<1, Int>> {
        HeadLoss::sampled_classes(self, labels, training)
    }
    fn own_values(&self, parameters: Parameters, embeddings: Tensor<2>, labels: Labels<1>) -> Option<Unreduced<1>> {
        self.has_own_values().then(|| HeadLoss::values(self, parameters, embeddings, labels))
    }
}

fn parameters<H: HeadLoss>(head: &H) -> Parameters {
    Parameters { weight: head.weight(), bias: head.bias() }
}

fn reference<'a, H: HeadLoss>(head: &H, embeddings: &'a Tensor<2>) -> Reference<'a, 2> {
    Reference { loss: head.kind(), name: "embeddings", tensor: embeddings }
}

/// The argument `sampled`: classes that the caller has drawn.
fn sampled<H: HeadLoss>(head: &H, most_axes: usize) -> Argument {
    let classes = Classes::Number(head.num_classes());
    Argument { role: Role::State, ..Argument::labels("sampled", Shape::Axes(1, most_axes), classes, None) }
}

/// The config of any module of this family, told apart by `kind`.
#[family(heads, makes = AnyHeadLoss)]
pub enum HeadLossConfig {
    #[kind("softmax")]
    Softmax(SoftmaxLossConfig),
    #[kind("normalized_softmax")]
    NormalizedSoftmax(NormalizedSoftmaxLossConfig),
    #[kind("l_softmax")]
    LSoftmax(LSoftmaxLossConfig),
    #[kind("a_softmax", alias = "sphereface")]
    ASoftmax(ASoftmaxLossConfig),
    #[kind("am_softmax")]
    AmSoftmax(AmSoftmaxLossConfig),
    #[kind("cosface", alias = "lmcl")]
    Cosface(CosfaceLossConfig),
    #[kind("arcface", alias = "aam_softmax")]
    Arcface(ArcfaceLossConfig),
    #[kind("combined_margin")]
    CombinedMargin(CombinedMarginLossConfig),
    #[kind("sub_center_arcface")]
    SubCenterArcface(SubCenterArcfaceLossConfig),
    #[kind("adaface")]
    Adaface(AdafaceLossConfig),
    #[kind("adaptive_softmax")]
    AdaptiveSoftmax(AdaptiveSoftmaxLossConfig),
    #[kind("sampled_softmax")]
    SampledSoftmax(SampledSoftmaxLossConfig),
    #[kind("negative_sampling", alias = "sgns")]
    NegativeSampling(NegativeSamplingLossConfig),
    #[kind("nce")]
    Nce(NceLossConfig),
}

#[dispatch]
impl Head for AnyHeadLoss {
    fn scaling(&self) -> Scaling;
    fn has_margin(&self) -> bool;
    fn modulation(&self, embeddings: &Tensor<2>, uncounted: Tensor<1, Bool>) -> Option<Tensor<1>>;
    fn centers_per_class(&self) -> usize;
    fn angular_margins(&self) -> Vec<(&'static str, f64)>;
    fn cosine_margins(&self) -> Vec<(&'static str, f64)>;
    fn margin<R: Real>(&self, cosine: R, modulation: Option<R>) -> R;
}
