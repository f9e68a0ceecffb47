//! Reads and writes safetensors files.

use crate::error::Error;
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads all tensors of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Inputs, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|source| format!("not a safetensors file: {source}"))?;
    let tensors = file.iter().map(|(name, view)| match data(&view) {
        Ok(data) => Ok((name.to_owned(), data)),
        Err(problem) => Err(format!("tensor `{name}` {problem}")),
    });
    tensors.collect()
}

/// A tensor of a file as Burn's data; safetensors are little-endian.
fn data(view: &TensorView) -> Result<TensorData, String> {
    macro_rules! numbers {
        ($number:ty) => {{
            let (numbers, _) = view.data().as_chunks();
            let numbers = numbers.iter().map(|bytes| <$number>::from_le_bytes(*bytes));
            Ok(TensorData::new(numbers.collect::<Vec<_>>(), view.shape()))
        }};
    }
    match view.dtype() {
        Dtype::F64 => numbers!(f64),
        Dtype::F32 => numbers!(f32),
        Dtype::F16 => numbers!(f16),
        Dtype::BF16 => numbers!(bf16),
        Dtype::I64 => numbers!(i64),
        Dtype::I32 => numbers!(i32),
        Dtype::I16 => numbers!(i16),
        Dtype::I8 => numbers!(i8),
        Dtype::U64 => numbers!(u64),
        Dtype::U32 => numbers!(u32),
        Dtype::U16 => numbers!(u16),
        Dtype::U8 => numbers!(u8),
        Dtype::BOOL => Ok(TensorData::new(view.data().iter().map(|byte| *byte != 0).collect::<Vec<_>>(), view.shape())),
        other => Err(format!("has type {other:?}, allowed: F64, F32, F16, BF16, I64 to I8, U64 to U8, BOOL")),
    }
}

/// Writes tensors as f64.
pub(crate) fn write(path: &Path, tensors: &BTreeMap<String, TensorData>) -> Result<(), Error> {
    let bytes: Vec<_> =
        tensors.values().map(|data| data.iter::<f64>().flat_map(f64::to_le_bytes).collect::<Vec<u8>>()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, data), bytes)| {
        let view = TensorView::new(Dtype::F64, data.shape().to_vec(), bytes);
        (name.as_str(), view.expect("as many bytes as the shape says"))
    });
    let file = safetensors::serialize(views, None).map_err(|error| Error::file(path, error))?;
    crate::write(path, file)
}
