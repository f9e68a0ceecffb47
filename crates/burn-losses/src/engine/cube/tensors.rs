//! Tensors of a device: their types, their layout, and how many units work on them.

use burn::tensor::{BoolStore, DType, Shape};
use burn_cubecl::cubecl;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::ir::{ElemType, FloatKind, IntKind, UIntKind};
use cubecl::prelude::{CubeCount, CubeDim, InputScalar};

/// The type of a tensor's numbers in a kernel.
pub(in crate::engine) fn elem(dtype: DType) -> ElemType {
    match dtype {
        DType::F16 => ElemType::Float(FloatKind::F16),
        DType::BF16 => ElemType::Float(FloatKind::BF16),
        DType::I64 => ElemType::Int(IntKind::I64),
        DType::I32 => ElemType::Int(IntKind::I32),
        DType::U64 => ElemType::UInt(UIntKind::U64),
        DType::U32 | DType::Bool(BoolStore::U32) => ElemType::UInt(UIntKind::U32),
        DType::U8 | DType::Bool(BoolStore::U8) => ElemType::UInt(UIntKind::U8),
        _ => ElemType::Float(FloatKind::F32),
    }
}

/// A number as an argument of a kernel.
pub(in crate::engine) fn number(value: f64) -> InputScalar {
    InputScalar::new(value, elem(DType::F32))
}

/// A new tensor on the device of another one; its numbers are not written yet.
pub(in crate::engine) fn empty(like: &CubeTensor, shape: &[usize], dtype: DType) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape.to_vec()), dtype)
}

/// How many numbers of these tensors a unit may read at once: a power of two that divides `part`.
pub(in crate::engine) fn vector_size<'a>(tensors: impl Iterator<Item = &'a CubeTensor>, part: usize) -> usize {
    let most = |tensor: &CubeTensor| {
        if !tensor.is_contiguous() {
            return 1;
        }
        let sizes = tensor.client.io_optimized_vector_sizes(tensor.dtype.size());
        sizes.filter(|size| part.is_multiple_of(*size)).max().unwrap_or(1)
    };
    tensors.map(most).min().unwrap_or(1)
}

/// How a launch over `length` items is spread: over cubes of `units` units, each of which works on some items one after the
/// other.
pub(in crate::engine) struct Grid {
    pub(in crate::engine) cubes: usize,
    pub(in crate::engine) units: usize,
}

impl Grid {
    /// The most cubes of a launch: enough for every device, and few enough for one cube to add up their partial sums.
    pub(in crate::engine) const MOST_CUBES: usize = 1024;

    pub(in crate::engine) fn new(client: &Client, length: usize) -> Self {
        let units = units(client);
        Self { cubes: length.div_ceil(units).clamp(1, Self::MOST_CUBES), units }
    }

    pub(in crate::engine) fn count(&self) -> CubeCount {
        CubeCount::new_1d(self.cubes as u32)
    }

    pub(in crate::engine) fn dim(&self) -> CubeDim {
        CubeDim::new_1d(self.units as u32)
    }
}

/// The number of units of a cube: a power of two.
fn units(client: &Client) -> usize {
    let most = client.properties().hardware.max_units_per_cube.clamp(1, 256);
    1 << most.ilog2()
}
