//! Segmentation: its output, IoU and Dice.

use super::figure::{EpochCounts, EpochFigure, EpochMetric};
use super::output::submitted;
use crate::segmentation::{FOREGROUND, Masks};
use burn::tensor::{ExecutionError, Int, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};
use std::ops::Range;

/// The class number of a pixel that does not count.
const IGNORED: i64 = -1;

/// The output of a step of segmentation; for Burn's `LossMetric`, [`IouMetric`] and [`DiceMetric`].
#[derive(Debug, Clone)]
pub struct SegmentationOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The predicted class of every pixel, all pixels in one row.
    pub predictions: Tensor<1, Int>,
    /// The true class of every pixel, in the same order.
    pub targets: Tensor<1, Int>,
    /// The classes that the metrics are about.
    pub classes: Range<usize>,
    /// Pixels of this class do not count.
    pub ignore_index: Option<i64>,
}

impl SegmentationOutput {
    /// One of C classes per pixel: from the loss, logits `[N, C, ..]` and labels `[N, ..]`.
    ///
    /// # Panics
    /// If there is not one label for every pixel.
    #[track_caller]
    pub fn of_classes<const D: usize, const K: usize>(
        loss: Tensor<1>,
        logits: Tensor<D>,
        labels: Tensor<K, Int>,
    ) -> Self {
        let shape = logits.dims();
        let expected: Vec<usize> = shape[..1].iter().chain(&shape[2..]).copied().collect();
        assert!(
            labels.dims()[..] == expected,
            "SegmentationOutput: `labels` has shape {:?}, expected {expected:?} (that of `logits` without axis 1)",
            labels.dims()
        );
        let predictions = logits.detach().argmax(1).reshape([-1]);
        Self { loss, predictions, targets: labels.reshape([-1]), classes: 0..shape[1], ignore_index: None }
    }

    /// One mask, or several that may overlap: from the loss, logits and masks of the same shape. The metrics are about the
    /// foreground of all masks together: mask values above [`FOREGROUND`], and logits above 0. Pixels that are not `valid` do not
    /// count.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn of_masks<const D: usize>(loss: Tensor<1>, logits: Tensor<D>, masks: impl Into<Masks<D>>) -> Self {
        let Masks { masks, valid } = masks.into();
        let (shape, given) = (logits.dims(), masks.dims());
        assert!(
            shape == given,
            "SegmentationOutput: `masks` has shape {given:?}, expected {shape:?} (that of `logits`)"
        );
        let targets = masks.greater_scalar(FOREGROUND).int();
        let (targets, ignore_index) = match valid {
            Some(valid) => (targets.mask_fill(valid.bool_not(), IGNORED), Some(IGNORED)),
            None => (targets, None),
        };
        let predictions = logits.greater_scalar(0.0).int().reshape([-1]);
        Self { loss, predictions, targets: targets.reshape([-1]), classes: 1..2, ignore_index }
    }

    /// Pixels with this label do not count.
    pub fn with_ignore_index(self, label: i64) -> Self {
        Self { ignore_index: Some(label), ..self }
    }

    /// Class 0 has no figure of its own; pixels that are taken for another class, or missed, count all the same.
    pub fn without_background(self) -> Self {
        Self { classes: self.classes.start.max(1)..self.classes.end, ..self }
    }
}

impl ItemLazy for SegmentationOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self {
            loss: submitted(self.loss)?,
            predictions: self.predictions.without_autodiff(),
            targets: self.targets.without_autodiff(),
            ..self
        })
    }
}

impl Adaptor<LossInput> for SegmentationOutput {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// The input of [`IouMetric`] and [`DiceMetric`].
pub struct PixelsInput {
    predictions: Tensor<1, Int>,
    targets: Tensor<1, Int>,
    classes: Range<usize>,
    ignore_index: Option<i64>,
}

impl Adaptor<PixelsInput> for SegmentationOutput {
    fn adapt(&self) -> PixelsInput {
        PixelsInput {
            predictions: self.predictions.clone(),
            targets: self.targets.clone(),
            classes: self.classes.clone(),
            ignore_index: self.ignore_index,
        }
    }
}

/// For each class, how many pixels are both predicted and present, how many are predicted, and how many are present.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassCounts {
    classes: Vec<[u64; 3]>,
    pixels: usize,
}

impl EpochCounts for ClassCounts {
    fn add(&mut self, batch: Self) {
        self.classes.resize(self.classes.len().max(batch.classes.len()), [0; 3]);
        for (class, more) in self.classes.iter_mut().zip(batch.classes) {
            *class = [0, 1, 2].map(|i| class[i] + more[i]);
        }
        self.pixels += batch.pixels;
    }

    fn size(&self) -> usize {
        self.pixels
    }
}

impl ClassCounts {
    /// Counts on the device; only three numbers per class are read.
    fn from_input(input: &PixelsInput) -> Result<Self, TensorReadError> {
        if input.predictions.dims() == [0] {
            return Ok(Self::default());
        }
        let valid = match input.ignore_index {
            Some(label) => input.targets.clone().not_equal_elem(label),
            None => input.targets.clone().equal(input.targets.clone()),
        };
        let mut counts = vec![valid.clone().int().sum()];
        for class in input.classes.clone() {
            let [predicted, present] = [&input.predictions, &input.targets]
                .map(|pixels| pixels.clone().equal_elem(class as i64).bool_and(valid.clone()));
            let both = predicted.clone().bool_and(present.clone());
            counts.extend([both, predicted, present].map(|pixels| pixels.int().sum()));
        }
        let counts: Vec<i64> = Tensor::cat(counts, 0).try_into_vec_as()?;
        let classes = counts[1..].chunks_exact(3).map(|class| [0, 1, 2].map(|i| class[i] as u64)).collect();
        Ok(Self { classes, pixels: counts[0] as usize })
    }

    /// The mean over the classes that are predicted or present, of a figure of (both, predicted, present).
    fn mean(&self, figure: impl Fn(f64, f64, f64) -> f64) -> f64 {
        let seen = self.classes.iter().filter(|[_, predicted, present]| predicted + present > 0);
        let (sum, count) = seen.fold((0.0, 0.0), |(sum, count), [both, predicted, present]| {
            (sum + figure(*both as f64, *predicted as f64, *present as f64), count + 1.0)
        });
        sum / count
    }
}

/// A mean over the classes of a share of their pixels.
trait ShareOfClasses: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    const DESCRIPTION: &'static str;

    /// The share of a class, from its numbers of pixels.
    fn of_class(both: f64, predicted: f64, present: f64) -> f64;
}

impl<S: ShareOfClasses> EpochFigure for S {
    type Input = PixelsInput;
    type Counts = ClassCounts;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        S::NAME.to_owned()
    }

    fn description(&self) -> String {
        S::DESCRIPTION.to_owned()
    }

    fn count(&self, input: &PixelsInput) -> Result<ClassCounts, TensorReadError> {
        ClassCounts::from_input(input)
    }

    fn value(&self, counts: &ClassCounts) -> Result<f64, TensorReadError> {
        Ok(counts.mean(S::of_class))
    }
}

/// The mean over the classes of intersection / union, also called Jaccard index.
#[derive(Debug, Clone)]
pub struct Iou;

/// The mean over the classes of intersection / union, also called Jaccard index.
///
/// It is computed from the counts of the whole epoch. A class that is neither predicted nor present does not count.
pub type IouMetric = EpochMetric<Iou>;

impl IouMetric {
    /// The metric.
    pub fn new() -> Self {
        Iou.into()
    }
}

impl Default for IouMetric {
    fn default() -> Self {
        Self::new()
    }
}

impl ShareOfClasses for Iou {
    const NAME: &'static str = "IoU";
    const DESCRIPTION: &'static str = "The mean over the classes of intersection / union, also called Jaccard index.";

    fn of_class(both: f64, predicted: f64, present: f64) -> f64 {
        both / (predicted + present - both)
    }
}

/// The mean over the classes of 2 intersection / (predicted + present), also called F1.
#[derive(Debug, Clone)]
pub struct Dice;

/// The mean over the classes of 2 intersection / (predicted + present), also called F1.
///
/// It is computed from the counts of the whole epoch. A class that is neither predicted nor present does not count.
pub type DiceMetric = EpochMetric<Dice>;

impl DiceMetric {
    /// The metric.
    pub fn new() -> Self {
        Dice.into()
    }
}

impl Default for DiceMetric {
    fn default() -> Self {
        Self::new()
    }
}

impl ShareOfClasses for Dice {
    const NAME: &'static str = "Dice";
    const DESCRIPTION: &'static str =
        "The mean over the classes of 2 intersection / (predicted + present), also called F1.";

    fn of_class(both: f64, predicted: f64, present: f64) -> f64 {
        2.0 * both / (predicted + present)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch_values;
    use super::*;
    use burn::tensor::Device;

    /// Logits that predict these classes, `[1, 3, pixels]`, and labels.
    fn output<const P: usize>(predicted: [usize; P], labels: [i32; P]) -> SegmentationOutput {
        let device = Device::flex();
        let logit = |i: usize| if predicted[i % P] == i / P { 1.0 } else { -1.0 };
        let logits: Vec<f32> = (0..3 * P).map(logit).collect();
        let logits = Tensor::<1>::from_floats(logits.as_slice(), &device).reshape([1, 3, P]);
        let labels = Tensor::<1, Int>::from_ints(labels, &device).reshape([1, P]);
        SegmentationOutput::of_classes(Tensor::zeros([1], &device), logits, labels)
    }

    fn near(got: f64, expected: f64) -> bool {
        (got - expected).abs() < 1e-12
    }

    #[test]
    fn iou_and_dice_by_hand() {
        // (both, predicted, present): 0: (1, 2, 1), 1: (1, 1, 2); then 1: (0, 1, 0), 2: (0, 0, 1).
        let first = || output([0, 0, 1], [0, 1, 1]).adapt();
        let second = || output([1], [2]).adapt();
        let (each, all) = epoch_values(IouMetric::new(), vec![first(), second()]);
        assert!(near(each[0], 0.5) && near(each[1], 0.0), "{each:?}");
        assert!(near(all, (1.0 / 2.0 + 1.0 / 3.0 + 0.0) / 3.0), "{all}, not a mean of the batches' 0.5 and 0");
        let (each, all) = epoch_values(DiceMetric::new(), vec![first(), second()]);
        assert!(near(each[0], 2.0 / 3.0) && near(each[1], 0.0), "{each:?}");
        assert!(near(all, (2.0 / 3.0 + 2.0 / 4.0 + 0.0) / 3.0), "{all}");
    }

    #[test]
    fn the_order_of_pixels_is_that_of_the_labels() {
        let device = Device::flex();
        // Two images of 1 x 2 pixels, two classes.
        let logits = Tensor::from_floats([[[[1.0, -1.0]], [[0.0, 0.0]]], [[[-1.0, 1.0]], [[0.0, 0.0]]]], &device);
        let labels = Tensor::<3, Int>::from_ints([[[0, 1]], [[1, 0]]], &device);
        let output = SegmentationOutput::of_classes::<4, 3>(Tensor::zeros([1], &device), logits, labels);
        assert_eq!(epoch_values(IouMetric::new(), vec![output.adapt()]).1, 1.0);
    }

    #[test]
    fn what_is_ignored_does_not_count() {
        let some = output([0, 0, 1, 2], [0, 0, -100, -100]).with_ignore_index(-100);
        assert_eq!(epoch_values(IouMetric::new(), vec![some.adapt()]).1, 1.0);
        let all = output([0, 1], [-100, -100]).with_ignore_index(-100);
        assert!(epoch_values(DiceMetric::new(), vec![all.adapt()]).1.is_nan());
        // Without `ignore_index` these pixels are wrong: 1 of 2 for class 0, 0 of 1 for class 1.
        assert_eq!(epoch_values(IouMetric::new(), vec![output([0, 0, 1], [0, -100, -100]).adapt()]).1, 0.25);
    }

    #[test]
    fn without_background_by_hand() {
        let some = || output([0, 0, 0, 1, 1], [0, 0, 0, 1, 0]);
        assert!(near(epoch_values(IouMetric::new(), vec![some().adapt()]).1, (3.0 / 4.0 + 1.0 / 2.0) / 2.0));
        assert_eq!(epoch_values(IouMetric::new(), vec![some().without_background().adapt()]).1, 0.5);
    }

    #[test]
    fn masks_by_hand() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[2.0, 1.0, -1.0, -2.0]], &device);
        let masks = Tensor::from_floats([[1.0, 0.0, 1.0, 1.0]], &device);
        let output = SegmentationOutput::of_masks(Tensor::zeros([1], &device), logits, masks);
        // One pixel is a hit, two are predicted, three are present.
        assert!(near(epoch_values(DiceMetric::new(), vec![output.adapt()]).1, 0.4));
        assert!(near(epoch_values(IouMetric::new(), vec![output.adapt()]).1, 0.25));
    }

    /// T80: 0.99 is no background, nor is 255, and a boolean is as good as a float.
    #[test]
    fn t80_every_kind_of_mask_has_the_same_foreground() {
        let device = Device::flex();
        let logits = || Tensor::<2>::from_floats([[2.0, 1.0, -1.0, -2.0]], &device);
        let dice = |masks: Masks<2>| {
            let output = SegmentationOutput::of_masks(Tensor::zeros([1], &device), logits(), masks);
            epoch_values(DiceMetric::new(), vec![output.adapt()]).1
        };
        let floats = |numbers: [f32; 4]| Tensor::<2>::from_floats([numbers], &device);
        for numbers in [[1.0, 0.0, 1.0, 1.0], [0.99, 0.01, 0.51, 0.7], [255.0, 0.0, 255.0, 255.0]] {
            assert!(near(dice(floats(numbers).into()), 0.4), "{numbers:?}");
        }
        let hard = || floats([1.0, 0.0, 1.0, 1.0]);
        assert!(near(dice(Masks::from_bool(hard().greater_scalar(0.5))), 0.4));
        assert!(near(dice(Masks::from_ints(hard().int() * 255)), 0.4));
        // Without the first pixel, there is no hit, one pixel is predicted, and two are present.
        let valid = floats([0.0, 1.0, 1.0, 1.0]).greater_scalar(0.5);
        assert!(near(dice(Masks { masks: hard(), valid: Some(valid) }), 0.0));
    }

    #[test]
    #[should_panic(expected = "`labels` has shape [1, 3], expected [1, 2]")]
    fn labels_of_another_size() {
        let device = Device::flex();
        let labels = Tensor::<2, Int>::zeros([1, 3], &device);
        SegmentationOutput::of_classes::<3, 2>(Tensor::zeros([1], &device), Tensor::zeros([1, 4, 2], &device), labels);
    }
}
