//! From rows to tensors on a device.

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::Sample;

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
        let labels: Vec<i32> = samples.iter().map(|s| s.target as i32).collect();
        ClassBatch {
            labels: Tensor::from_data(TensorData::new(labels, [samples.len()]), device),
            inputs: inputs(samples, device),
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
        let targets: Vec<f32> = samples.iter().map(|s| s.target).collect();
        ValueBatch {
            targets: Tensor::from_data(TensorData::new(targets, [samples.len(), 1]), device),
            inputs: inputs(samples, device),
        }
    }
}

fn inputs(samples: Vec<Sample>, device: &Device) -> Tensor<2> {
    let rows = samples.len();
    let flat: Vec<f32> = samples.into_iter().flat_map(|s| s.inputs).collect();
    let width = flat.len() / rows.max(1);
    Tensor::from_data(TensorData::new(flat, [rows, width]), device)
}
