//! Detection: its output, and how far boxes overlap.

use super::figure::{EpochFigure, EpochMetric, Share};
use super::output::submitted;
use crate::boxes::{BoxFormat, Geometry, corners};
use crate::reduction::sum;
use burn::tensor::{Bool, ExecutionError, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};

/// The output of a step of detection: boxes that are matched already; for Burn's `LossMetric` and [`BoxIouMetric`].
#[derive(Debug, Clone)]
pub struct DetectionOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// The predicted boxes, `[M, 4]`.
    pub predictions: Tensor<2>,
    /// The box that each predicted box is matched with, `[M, 4]`.
    pub targets: Tensor<2>,
    /// Which pairs count, `[M]`: false for pairs that only pad the batch. `None`: all.
    pub valid: Option<Tensor<1, Bool>>,
    /// The format of the boxes.
    pub format: BoxFormat,
}

impl DetectionOutput {
    /// From the loss, the predicted boxes and the boxes they are matched with, as corners. All pairs count.
    ///
    /// # Panics
    /// If the boxes are not `[M, 4]` both.
    #[track_caller]
    pub fn new(loss: Tensor<1>, predictions: Tensor<2>, targets: Tensor<2>) -> Self {
        let [count, _] = predictions.dims();
        for (name, boxes) in [("predictions", &predictions), ("targets", &targets)] {
            let given = boxes.dims();
            assert!(
                given == [count, 4],
                "DetectionOutput: `{name}` has shape {given:?}, expected {:?} (4 numbers per box)",
                [count, 4]
            );
        }
        Self { loss, predictions, targets, valid: None, format: BoxFormat::Xyxy }
    }

    /// Sets the format of boxes that are not given as corners.
    pub fn with_format(self, format: BoxFormat) -> Self {
        Self { format, ..self }
    }

    /// Only the pairs of this mask, `[M]`, count.
    ///
    /// # Panics
    /// If the mask is of another length.
    #[track_caller]
    pub fn with_valid(self, valid: Tensor<1, Bool>) -> Self {
        let [count, _] = self.predictions.dims();
        assert!(
            valid.dims() == [count],
            "DetectionOutput: `valid` has shape {:?}, expected {:?} (one per pair)",
            valid.dims(),
            [count]
        );
        Self { valid: Some(valid), ..self }
    }
}

impl ItemLazy for DetectionOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        Ok(Self {
            loss: submitted(self.loss)?,
            predictions: self.predictions.without_autodiff(),
            targets: self.targets.without_autodiff(),
            valid: self.valid.map(Tensor::without_autodiff),
            ..self
        })
    }
}

impl Adaptor<LossInput> for DetectionOutput {
    fn adapt(&self) -> LossInput {
        LossInput::new(self.loss.clone())
    }
}

/// The input of [`BoxIouMetric`].
pub struct BoxesInput {
    predictions: Tensor<2>,
    targets: Tensor<2>,
    valid: Option<Tensor<1, Bool>>,
    format: BoxFormat,
}

impl Adaptor<BoxesInput> for DetectionOutput {
    fn adapt(&self) -> BoxesInput {
        BoxesInput {
            predictions: self.predictions.clone(),
            targets: self.targets.clone(),
            valid: self.valid.clone(),
            format: self.format,
        }
    }
}

/// The mean IoU of matched boxes.
#[derive(Debug, Clone)]
pub struct BoxIou;

/// The mean over all matched pairs of boxes of the intersection divided by the union.
pub type BoxIouMetric = EpochMetric<BoxIou>;

impl BoxIouMetric {
    /// The metric.
    pub fn new() -> Self {
        BoxIou.into()
    }
}

impl Default for BoxIouMetric {
    fn default() -> Self {
        Self::new()
    }
}

impl EpochFigure for BoxIou {
    type Input = BoxesInput;
    type Counts = Share;
    const HIGHER_IS_BETTER: bool = true;

    fn name(&self) -> String {
        "Box IoU".to_string()
    }

    fn description(&self) -> String {
        "The mean over matched pairs of boxes of intersection / union.".to_string()
    }

    fn count(&self, input: &BoxesInput) -> Result<Share, TensorReadError> {
        let [count, _] = input.predictions.dims();
        if count == 0 {
            return Ok(Share::default());
        }
        let [first, second] = [&input.predictions, &input.targets].map(|boxes| corners(boxes.clone(), input.format));
        let iou = Geometry::new(first, second).iou;
        let Some(valid) = &input.valid else {
            return Ok(Share { sum: sum(iou).try_into_scalar()?, of: count });
        };
        let total = sum(iou.mask_fill(valid.clone().bool_not(), 0.0)).try_into_scalar()?;
        let of: i64 = valid.clone().int().sum().try_into_scalar()?;
        Ok(Share { sum: total, of: of as usize })
    }

    fn value(&self, counts: &Share) -> Result<f64, TensorReadError> {
        Ok(counts.value())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::epoch_values;
    use super::*;
    use burn::tensor::Device;

    fn output<const M: usize>(predictions: [[f32; 4]; M], targets: [[f32; 4]; M]) -> DetectionOutput {
        let device = Device::flex();
        let boxes = |boxes: [[f32; 4]; M]| Tensor::from_floats(boxes, &device);
        DetectionOutput::new(Tensor::zeros([1], &device), boxes(predictions), boxes(targets))
    }

    #[test]
    fn overlap_by_hand() {
        // 1, 1/4 and 0 in one batch, 1/4 in the next.
        let (whole, quarter, away) = ([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 6.0, 6.0]);
        let first = output([whole, quarter, away], [whole; 3]);
        let (each, all) = epoch_values(BoxIouMetric::new(), vec![first.adapt(), output([quarter], [whole]).adapt()]);
        assert!((each[0] - 1.25 / 3.0).abs() < 1e-6 && (each[1] - 0.25).abs() < 1e-6, "{each:?}");
        assert!((all - 1.5 / 4.0).abs() < 1e-6, "{all}");

        let valid = Tensor::<1>::from_floats([0.0, 1.0, 0.0], &Device::flex()).bool();
        let some = output([[f32::NAN; 4], quarter, away], [whole; 3]).with_valid(valid);
        let one = epoch_values(BoxIouMetric::new(), vec![some.adapt()]).1;
        assert!((one - 0.25).abs() < 1e-6, "{one}");
        let centered = output([[1.0, 1.0, 2.0, 2.0]], [whole]).with_format(BoxFormat::Cxcywh);
        let seventh = epoch_values(BoxIouMetric::new(), vec![centered.adapt()]).1;
        assert!((seventh - 1.0 / 7.0).abs() < 1e-6, "{seventh}");
        assert!(epoch_values(BoxIouMetric::new(), vec![output([], []).adapt()]).1.is_nan());
    }

    #[test]
    #[should_panic(expected = "`targets` has shape [1, 4], expected [2, 4]")]
    fn boxes_that_are_not_matched() {
        let device = Device::flex();
        DetectionOutput::new(
            Tensor::zeros([1], &device),
            Tensor::zeros([2, 4], &device),
            Tensor::zeros([1, 4], &device),
        );
    }
}
