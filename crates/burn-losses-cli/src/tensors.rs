//! Named tensors from a file.

use crate::error::Error;
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// Reads all tensors of a safetensors file.
pub(crate) fn read(path: &Path) -> Result<Inputs, Error> {
    let error = |problem: String| Error::File { path: path.to_owned(), problem };
    let bytes = std::fs::read(path).map_err(|source| error(source.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| error(format!("not a safetensors file: {source}")))?;
    file.iter()
        .map(|(name, view)| match data(&view) {
            Ok(data) => Ok((name.to_owned(), data)),
            Err(problem) => Err(error(format!("tensor `{name}` {problem}"))),
        })
        .collect()
}

/// The same values in Burn's form; safetensors are little-endian.
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
