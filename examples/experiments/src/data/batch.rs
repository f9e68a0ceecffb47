//! Batches: from rows to tensors on a device.

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{Sample, TILE};

/// Rows and the class of each.
#[derive(Debug, Clone)]
pub struct ClassBatch {
    /// The features, `[rows, width]`.
    pub inputs: Tensor<2>,
    /// The class indices, `[rows]`.
    pub labels: Tensor<1, Int>,
}

/// Makes [`ClassBatch`]es.
#[derive(Debug, Clone, Default)]
pub struct ClassBatcher;

impl Batcher<Sample, ClassBatch> for ClassBatcher {
    fn batch(&self, samples: Vec<Sample>, device: &Device) -> ClassBatch {
        let labels: Vec<i32> = samples.iter().map(|s| s.targets[0] as i32).collect();
        ClassBatch {
            labels: Tensor::from_data(TensorData::new(labels, [samples.len()]), device),
            inputs: rows(&samples, |s| &s.inputs, device),
        }
    }
}

/// Rows and the value (or the label in `{0, 1}`) of each.
#[derive(Debug, Clone)]
pub struct ValueBatch {
    /// The features, `[rows, width]`.
    pub inputs: Tensor<2>,
    /// The values, `[rows, 1]`.
    pub targets: Tensor<2>,
}

/// Makes [`ValueBatch`]es.
#[derive(Debug, Clone, Default)]
pub struct ValueBatcher;

impl Batcher<Sample, ValueBatch> for ValueBatcher {
    fn batch(&self, samples: Vec<Sample>, device: &Device) -> ValueBatch {
        ValueBatch { inputs: rows(&samples, |s| &s.inputs, device), targets: rows(&samples, |s| &s.targets, device) }
    }
}

/// Images and the mask of each.
#[derive(Debug, Clone)]
pub struct MaskBatch {
    /// The pixels, `[tiles, 1, TILE, TILE]`.
    pub images: Tensor<4>,
    /// 1 for a pixel of the target region, else 0; in the shape of the images.
    pub masks: Tensor<4>,
}

/// Makes [`MaskBatch`]es.
#[derive(Debug, Clone, Default)]
pub struct MaskBatcher;

impl Batcher<Sample, MaskBatch> for MaskBatcher {
    fn batch(&self, samples: Vec<Sample>, device: &Device) -> MaskBatch {
        let images = |rows: Tensor<2>| rows.reshape([samples.len(), 1, TILE, TILE]);
        MaskBatch {
            images: images(rows(&samples, |s| &s.inputs, device)),
            masks: images(rows(&samples, |s| &s.targets, device)),
        }
    }
}

fn rows(samples: &[Sample], values: impl Fn(&Sample) -> &Vec<f32>, device: &Device) -> Tensor<2> {
    let flat: Vec<f32> = samples.iter().flat_map(values).copied().collect();
    let width = flat.len() / samples.len().max(1);
    Tensor::from_data(TensorData::new(flat, [samples.len(), width]), device)
}
