//! The executor of regions: predicted regions and masks in, one value per sample and class out.

#[cfg(feature = "cube")]
pub(super) mod cube;
#[cfg(feature = "cpu-engine")]
pub(super) mod host;
mod masks;

use super::any_tensor::AnyTensor;
use super::{machine, tracked_targets, with_zero_gradient, without_gradient};
use crate::check::{Reference, widen};
use crate::engine::primitives::softmax::softmax;
use crate::error::{InputError, InputProblem};
use crate::formula::{Overlap, OverlapFormula, Real};
use crate::options::{AbsentClasses, Activation, Background, Denominator, RegionOptions, SumOver};
use crate::reduction::{Extras, ShapedExtras, Unreduced, cleaned, row_sums};
use burn::tensor::{Bool, Tensor};

pub use masks::Masks;

/// How a loss of the family `segmentation` computes its values.
///
/// Every [`OverlapFormula`] is one. Losses that need more than sums over the pixels implement it themselves.
pub trait Segmentation: Sized {
    /// The `[N, C]` values of the pixels of all samples and classes; a value that does not count is dropped afterwards.
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2>;
}

/// Logits or probabilities, and masks, as `[N, C, pixels]`.
#[derive(Debug, Clone)]
pub struct Pixels {
    logits: Tensor<3>,
    masks: Tensor<3>,
    valid: Option<Tensor<3, Bool>>,
}

impl Pixels {
    /// The logits of the model, in single or double precision. An ignored pixel has the logit 0, so that nothing of it comes
    /// through, not even a NaN.
    pub fn logits(&self) -> Tensor<3> {
        cleaned(widen(self.logits.clone()), self.valid.as_ref())
    }

    /// The masks of the true regions, in single or double precision; 0 where a pixel is ignored.
    pub fn masks(&self) -> Tensor<3> {
        cleaned(widen(self.masks.clone()), self.valid.as_ref())
    }

    /// Which pixels count: false where a pixel is ignored. `None` if no pixel is ignored.
    pub fn valid(&self) -> Option<&Tensor<3, Bool>> {
        self.valid.as_ref()
    }

    /// The probabilities; 0 where a pixel is ignored.
    pub fn probabilities(&self, activation: Activation) -> Tensor<3> {
        let logits = self.logits();
        let probabilities = match activation {
            Activation::Sigmoid => Real::sigmoid(logits),
            Activation::Softmax => softmax(logits),
            Activation::None => logits,
        };
        match &self.valid {
            Some(valid) => probabilities.mask_fill(valid.clone().bool_not(), 0.0),
            None => probabilities,
        }
    }
}

/// Sums over the pixels, or over the pixels of the whole batch: `[N, C]`; sums over the batch are the same for every sample.
pub(crate) fn total(values: Tensor<3>, over: SumOver) -> Tensor<2> {
    let [samples, classes, pixels] = values.dims();
    let sums = row_sums(values.reshape([samples * classes, pixels])).reshape([samples, classes]);
    match over {
        SumOver::Sample => sums,
        SumOver::Batch => sums.sum_dim(0).expand([samples, classes]),
    }
}

/// A call of the executor: the values `[N, C]` of a formula are wanted of `[N, C, pixels]`, or the sums that it takes.
pub(crate) struct Call<'a> {
    pub(crate) regions: &'a RegionOptions,
    pub(crate) logits: AnyTensor,
    pub(crate) masks: AnyTensor,
    /// Which pixels count: false ignores a pixel, whatever its logit and its mask are.
    pub(crate) valid: Option<&'a Tensor<3, Bool>>,
    /// The formula; `None` if the sums are wanted.
    #[cfg(feature = "cube")]
    pub(crate) record: Option<&'a dyn cube::Record>,
}

impl<'a> Call<'a> {
    /// A call that wants the sums.
    fn new(regions: &'a RegionOptions, Pixels { logits, masks, valid }: &'a Pixels) -> Self {
        Self {
            regions,
            logits: logits.into(),
            masks: masks.into(),
            valid: valid.as_ref(),
            #[cfg(feature = "cube")]
            record: None,
        }
    }

    fn run(&self) -> Option<Outcome> {
        machine::run("regions", &self.logits, |machine| machine.regions(self))
    }
}

/// The result of a call.
pub(crate) enum Outcome {
    /// The values `[N, C]` of the formula.
    #[cfg(feature = "cube")]
    Values(AnyTensor),
    /// The sums `[N, C, 3]` of p t, of p, and of t, or of their squares.
    Sums(AnyTensor),
}

/// The sums over the pixels of each sample and class.
pub(crate) fn sums(regions: &RegionOptions, pixels: &Pixels) -> Overlap<Tensor<2>> {
    match Call::new(regions, pixels).run() {
        Some(Outcome::Sums(sums)) => each_sum(sums),
        _ => tensor_sums(regions, pixels),
    }
}

fn each_sum(sums: AnyTensor) -> Overlap<Tensor<2>> {
    let sums = sums.into_rank::<3>();
    let [both, prediction, target] = [0, 1, 2].map(|number| sums.clone().narrow(2, number, 1).squeeze_dim(2));
    Overlap { both, prediction, target }
}

fn tensor_sums(regions: &RegionOptions, pixels: &Pixels) -> Overlap<Tensor<2>> {
    let sum = |values| total(values, regions.over);
    let probabilities = pixels.probabilities(regions.activation);
    let [both, prediction, target] = of_pixel(regions.denominator, probabilities, pixels.masks()).map(sum);
    Overlap { both, prediction, target }
}

/// The contribution of a pixel with this probability and mask to each number of an [`Overlap`].
#[inline(always)]
fn of_pixel<R: Real>(denominator: Denominator, p: R, t: R) -> [R; 3] {
    let both = p.clone() * t.clone();
    match denominator {
        Denominator::Linear => [both, p, t],
        Denominator::Squared => [both, p.square(), t.square()],
    }
}

impl<F: OverlapFormula> Segmentation for F {
    fn values(&self, regions: &RegionOptions, pixels: Pixels) -> Tensor<2> {
        let outcome = Call {
            #[cfg(feature = "cube")]
            record: Some(self),
            ..Call::new(regions, &pixels)
        }
        .run();
        match outcome {
            #[cfg(feature = "cube")]
            Some(Outcome::Values(values)) => values.into_rank(),
            Some(Outcome::Sums(sums)) => self.eval(each_sum(sums)),
            None => self.eval(tensor_sums(regions, &pixels)),
        }
    }
}

/// Checks the arguments of a loss; every forward method does this first.
pub(crate) fn check<const D: usize>(
    regions: &RegionOptions,
    logits: Reference<'_, D>,
    masks: &Masks<D>,
    extras: &Extras,
) -> Result<(), InputError> {
    const { assert!(D >= 2, "segmentation needs the axes [N, C, ..]") };
    let dims = logits.tensor.dims();
    let least = |classes: usize, why: &str| {
        let expected = format!("at least {classes} {why}");
        Err(logits.shape_error(logits.name, &dims, expected))
    };
    match dims[1] {
        0 => return least(1, "class on axis 1"),
        1 if regions.activation == Activation::Softmax => {
            return least(2, "classes on axis 1: the softmax of one is always 1");
        }
        1 if regions.background == Background::Excluded => {
            return least(2, "classes on axis 1, since the first is the background");
        }
        _ => {}
    }
    if regions.ignore_index.is_some() && masks.valid.is_none() {
        let why = "`ignore_index` is a label: make masks of labels with `masks_of`, or say which pixels are `valid`";
        return Err(logits.error("masks", InputProblem::Unsupported(why.into())));
    }
    logits.same("masks", &masks.masks)?;
    if let Some(valid) = &masks.valid {
        logits.same("valid", valid)?;
    }
    logits.extras_of_elements(&dims[..2], extras)
}

/// The `[N, C]` values of the pixels.
pub(crate) fn of_pixels<S: Segmentation>(loss: &S, regions: &RegionOptions, pixels: Pixels) -> Tensor<2> {
    let Pixels { logits, masks, valid } = pixels;
    let of_each = |logits, masks| loss.values(regions, Pixels { logits, masks, valid: valid.clone() }).into();
    with_zero_gradient(tracked_targets::values(logits.clone(), masks, of_each).values, logits)
}

/// Moves the mask of the extras into the masks: its pixels do not count. Also returns the extras for the values `[N, C]`, in
/// which a value without a pixel that counts is masked too.
fn split<const D: usize>(masks: Masks<D>, extras: Extras) -> (Masks<D>, ShapedExtras<2>) {
    let dims = masks.masks.dims();
    let shape = [dims[0], dims[1]];
    let (mask, extras) = extras.split_mask(dims);
    let Some(mask) = mask else { return (masks, extras.for_shape(shape)) };
    let extras = extras.with_mask(has_pixel(mask.clone()));
    let valid = match masks.valid {
        None => mask,
        Some(valid) => valid.bool_and(mask),
    };
    (Masks { valid: Some(valid), ..masks }, extras.for_shape(shape))
}

/// Which samples and classes have a pixel that counts: `[N, C]`.
fn has_pixel<const D: usize>(valid: Tensor<D, Bool>) -> Tensor<2, Bool> {
    let dims = valid.dims();
    let [samples, classes, pixels] = [dims[0], dims[1], dims[2..].iter().product()];
    if pixels == 0 {
        return Tensor::<2>::zeros([samples, classes], &valid.device()).equal_scalar(0.0);
    }
    valid.reshape([samples, classes, pixels]).any_dim(2).squeeze_dim(2)
}

/// The same regions, but without a gradient in a sample of weight 0, or in a class of weight 0 that holds a NaN. (In a class without a
/// NaN the gradient may be that of another class.) Sums over the batch are in the value of every sample, whatever its weight is.
fn of_own_weight<const D: usize>(
    regions: &RegionOptions,
    logits: Tensor<D>,
    masks: Masks<D>,
    extras: &ShapedExtras<2>,
) -> (Tensor<D>, Masks<D>) {
    let dims = logits.dims();
    let is_needed = (logits.is_tracked() || masks.masks.is_tracked()) && !dims.contains(&0);
    let weights = extras.weights.as_ref().filter(|_| is_needed && regions.over == SumOver::Sample);
    let Some(weights) = weights else { return (logits, masks) };
    let [samples, classes] = [dims[0], dims[1]];
    let weightless = weights.clone().without_autodiff().equal_scalar(0.0);
    let mut dropped = weightless.clone().all_dim(1).expand([samples, classes]);
    // In a softmax a NaN is in all classes.
    if weightless.dims()[1] > 1 && regions.activation != Activation::Softmax {
        let has_nan = |pixels: &Tensor<D>| {
            let pixels = cleaned(pixels.clone().detach(), masks.valid.as_ref()).without_autodiff();
            let shape = [samples, classes, dims[2..].iter().product()];
            pixels.is_nan().reshape(shape).any_dim(2).reshape([samples, classes])
        };
        dropped = dropped.bool_or(weightless.bool_and(has_nan(&logits).bool_or(has_nan(&masks.masks))));
    }
    let per_class: [usize; D] = core::array::from_fn(|axis| if axis < 2 { dims[axis] } else { 1 });
    let dropped = dropped.reshape(per_class).expand(dims);
    let Masks { masks, valid } = masks;
    let [logits, masks] = [logits, masks].map(|pixels| without_gradient(pixels, dropped.clone()));
    (logits, Masks { masks, valid })
}

/// The values of a batch that has been checked, and the extras for their shape.
pub(crate) fn values_of<S: Segmentation, const D: usize>(
    loss: &S,
    regions: &RegionOptions,
    logits: Tensor<D>,
    masks: Masks<D>,
    extras: Extras,
) -> (Unreduced<2>, ShapedExtras<2>) {
    let (masks, extras) = split(masks, extras);
    let (logits, masks) = of_own_weight(regions, logits, masks, &extras);
    (values(loss, regions, logits, masks).masked(extras.mask.as_ref()), extras)
}

/// The unreduced values, computed in at least single precision.
pub(crate) fn values<S: Segmentation, const D: usize>(
    loss: &S,
    regions: &RegionOptions,
    logits: Tensor<D>,
    masks: Masks<D>,
) -> Unreduced<2> {
    let dims = logits.dims();
    let [samples, classes] = [dims[0], dims[1]];
    let shape = [samples, classes, dims[2..].iter().product()];
    if shape.contains(&0) {
        // A batch without a sample or without a pixel is not an error.
        let logits = widen(logits);
        return if samples == 0 {
            logits.reshape([samples, classes])
        } else {
            (logits.sum() + 0.0).reshape([1, 1]).expand([samples, classes])
        }
        .into();
    }
    let valid = masks.valid.map(|valid| valid.reshape(shape));
    let pixels = Pixels { logits: logits.reshape(shape), masks: masks.masks.reshape(shape), valid };

    let mut dropped = None;
    let mut drop = |mask: Tensor<2, Bool>| {
        dropped = Some(match dropped.take() {
            Some(other) => mask.bool_or(other),
            None => mask,
        });
    };
    if regions.absent_classes == AbsentClasses::Skip {
        drop(total(pixels.masks().detach(), regions.over).equal_scalar(0.0));
    }
    if regions.background == Background::Excluded {
        let class = Tensor::<1, burn::tensor::Int>::arange(0..classes as i64, &pixels.masks.device());
        drop(class.equal_elem(0).unsqueeze::<2>().expand([samples, classes]));
    }
    let values = of_pixels(loss, regions, pixels);
    Unreduced::from(values).masked(dropped.map(Tensor::bool_not).as_ref())
}
