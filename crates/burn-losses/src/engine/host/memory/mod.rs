//! The memory of tensors.

#[cfg(feature = "ndarray")]
mod ndarray;
mod pool;

use super::blocks::{BLOCK, par_rows, part};
use super::simd::Float;
use super::unsafe_calls;
use crate::engine::any_tensor::AnyTensor;
use crate::engine::custom_backward::custom_backward;
use burn::tensor::{DType, Device, Tensor, TensorData};
use core::marker::PhantomData;
use core::ops::Range;
use core::slice::from_ref;
use half::slice::HalfFloatSliceExt;

pub(crate) use pool::{BufferPool, Pooled, release, set_limit, waiting_bytes};

#[cfg(feature = "flex")]
use burn::backend::{Flex, tensor::FloatTensor};
#[cfg(feature = "ndarray")]
use ndarray::Array;

/// A tensor whose numbers lie in the memory of this process.
pub(crate) enum Memory {
    #[cfg(feature = "flex")]
    Flex(FloatTensor<Flex>),
    #[cfg(feature = "ndarray")]
    NdArray(Array),
}

impl Memory {
    /// The numbers of `tensor`, in order; `None` on other devices. The numbers are copied only if they lie in another order.
    pub(crate) fn new(tensor: &AnyTensor) -> Option<Self> {
        let tensor = tensor.clone().without_autodiff();
        #[cfg(feature = "flex")]
        if let Ok(flex) = tensor.tensor().try_into_primitive::<Flex>() {
            return Some(Self::Flex(flex.to_contiguous()));
        }
        #[cfg(feature = "ndarray")]
        if let Some(array) = Array::new(&tensor) {
            return Some(Self::NdArray(array));
        }
        None
    }

    /// Whether the numbers of `tensor` lie in the memory of this process.
    pub(crate) fn is_host_resident(tensor: &AnyTensor) -> bool {
        let tensor = tensor.clone().without_autodiff();
        #[cfg(feature = "ndarray")]
        if Array::is_host_resident(&tensor) {
            return true;
        }
        #[cfg(feature = "flex")]
        if tensor.tensor().try_into_primitive::<Flex>().is_ok() {
            return true;
        }
        false
    }

    /// The numbers in their own type; `None` for types without kernels.
    pub(crate) fn numbers(&self) -> Option<Numbers<'_>> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex(tensor) => match tensor.dtype() {
                DType::F32 => tensor.as_slice().map(Numbers::F32),
                DType::F64 => tensor.as_slice().map(Numbers::F64),
                DType::F16 => tensor.as_slice().map(Numbers::F16),
                DType::BF16 => tensor.as_slice().map(Numbers::BF16),
                _ => None,
            },
            #[cfg(feature = "ndarray")]
            Self::NdArray(array) => array.numbers(),
        }
    }

    /// The numbers, if they are of this type.
    pub(crate) fn numbers_of<T: Float>(&self) -> Option<&[T]> {
        T::slice(self.numbers()?)
    }
}

/// Numbers in the type that a tensor stores.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    F16(&'a [half::f16]),
    BF16(&'a [half::bf16]),
}

impl<'a> Numbers<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F64(numbers) => numbers.len(),
            Self::F16(numbers) => numbers.len(),
            Self::BF16(numbers) => numbers.len(),
        }
    }

    /// Some of the numbers in single precision; `scratch` is used if they have to be converted.
    pub(crate) fn singles(self, range: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        scratch.resize(if let Self::F32(_) = self { 0 } else { range.len() }, 0.0);
        match self {
            Self::F32(numbers) => return &numbers[range],
            Self::F64(numbers) => scratch.iter_mut().zip(&numbers[range]).for_each(|(to, from)| *to = *from as f32),
            Self::F16(numbers) => numbers[range].convert_to_f32_slice(scratch),
            Self::BF16(numbers) => numbers[range].convert_to_f32_slice(scratch),
        }
        scratch
    }

    /// Some of the numbers in double precision; `scratch` is used if they have to be converted.
    pub(crate) fn doubles(self, range: Range<usize>, scratch: &'a mut Vec<f64>) -> &'a [f64] {
        if let Self::F64(numbers) = self {
            return &numbers[range];
        }
        let mut singles = Vec::new();
        scratch.clear();
        scratch.extend(self.singles(range, &mut singles).iter().map(|number| f64::from(*number)));
        scratch
    }
}

/// Compiles code that is generic in the type of float for single and double precision, and runs the version that suits the type
/// of a tensor's numbers; `None` for other types.
macro_rules! in_precision {
    ($dtype:expr, $float:ident => $call:expr) => {
        match $dtype {
            burn::tensor::DType::F64 => {
                type $float = f64;
                $call
            }
            burn::tensor::DType::F32 | burn::tensor::DType::F16 | burn::tensor::DType::BF16 => {
                type $float = f32;
                $call
            }
            _ => None,
        }
    };
}
pub(crate) use in_precision;

/// Memory for results, all 0.
pub(crate) fn zeros<T: Float>(count: usize) -> Pooled<T> {
    let Some(mut pooled) = T::pool().take(count) else { return new(count) };
    par_rows(&mut pooled, BLOCK, 1, &|_, numbers| numbers.fill(T::default()));
    pooled.into()
}

/// Memory for results, which may hold old numbers: every number has to be written, and none may be read before.
pub(crate) fn stale<T: Float>(count: usize) -> Pooled<T> {
    let mut numbers = T::pool().take(count).map_or_else(|| new(count), Pooled::from);
    if cfg!(debug_assertions) {
        // The NaN reveals a number that is never written.
        numbers.fill(T::from_f64(f64::NAN));
    }
    numbers
}

fn new<T: Float>(count: usize) -> Pooled<T> {
    let mut zeros = vec![T::default(); count];
    unsafe_calls::request_large_pages(&mut zeros);
    zeros.into()
}

/// Makes a tensor of numbers: they are not copied, and their memory goes back to the pool when the tensor is dropped.
pub(crate) fn tensor<T: Float>(numbers: impl Into<Pooled<T>>, shape: &[usize], device: &Device) -> AnyTensor {
    let numbers = numbers.into();
    let shape = shape.to_vec();
    let data = match BufferPool::<T>::is_large(numbers.len()) {
        true => TensorData::from_bytes(unsafe_calls::bytes(numbers), shape, T::dtype()),
        false => TensorData::new(numbers.into_vec(), shape),
    };
    data_tensor(data, device)
}

/// A float tensor of the data, in their own type.
pub(crate) fn data_tensor(data: TensorData, device: &Device) -> AnyTensor {
    let options = (device, data.dtype());
    match data.shape().len() {
        1 => Tensor::<1>::from_data(data, options).into(),
        2 => Tensor::<2>::from_data(data, options).into(),
        3 => Tensor::<3>::from_data(data, options).into(),
        4 => Tensor::<4>::from_data(data, options).into(),
        5 => Tensor::<5>::from_data(data, options).into(),
        6 => Tensor::<6>::from_data(data, options).into(),
        7 => Tensor::<7>::from_data(data, options).into(),
        8 => Tensor::<8>::from_data(data, options).into(),
        rank => unreachable!("a tensor of {rank} axes"),
    }
}

/// One number as a tensor `[1]`.
pub(crate) fn scalar<T: Float>(number: f64, device: &Device) -> AnyTensor {
    tensor(vec![T::from_f64(number)], &[1], device)
}

/// Puts a value into the graph of the tensor that it is computed from. The slopes are those for an upstream gradient of 1. The
/// value is one number, or one for each row of the slopes.
pub(crate) fn with_slopes<T: Float>(
    of: &AnyTensor,
    value: AnyTensor,
    slopes: Pooled<T>,
    is_reduced: bool,
) -> Option<AnyTensor> {
    let (shape, device, dtype) = (of.shape(), of.inner_device(), of.dtype());
    custom_backward(value, from_ref(of), move |upstream| {
        let gradient = match is_reduced {
            true => tensor(slopes, &shape, &device).scale_by_upstream(upstream),
            false => scaled_rows(slopes, &upstream, &shape, &device),
        };
        vec![Some(gradient.cast(dtype))]
    })
}

/// The gradient of `[M, C]` rows whose values have these slopes: each row times the upstream gradient of its value.
pub(crate) fn scaled_rows<T: Float>(
    mut slopes: Pooled<T>,
    upstream: &AnyTensor,
    shape: &[usize],
    device: &Device,
) -> AnyTensor {
    let memory = Memory::new(upstream).expect("an upstream gradient is where its value is");
    let mut scratch = Vec::new();
    let upstream = memory.numbers().expect("of a float type");
    let upstream = T::read(upstream, 0..upstream.len(), &mut scratch);
    let width = slopes.len() / upstream.len();
    if width == 1 {
        par_rows(&mut slopes, BLOCK, 1, &|block, slopes| {
            slopes
                .iter_mut()
                .zip(part(upstream, block, BLOCK, 1))
                .for_each(|(slope, factor)| *slope = if factor.to_f64() == 0.0 { *factor } else { *slope * *factor });
        });
    } else {
        par_rows(&mut slopes, width, (BLOCK / width).max(1), &|row, slopes| {
            let factor = upstream[row];
            if factor.to_f64() == 0.0 {
                slopes.fill(factor);
            } else if factor.to_f64() != 1.0 {
                slopes.iter_mut().for_each(|slope| *slope = *slope * factor);
            }
        });
    }
    tensor(slopes, shape, device)
}

/// Weights, one per value or one per sample, in the type of the computation.
pub(crate) struct Weights<T> {
    memory: Memory,
    /// How many values share a weight.
    each: usize,
    number: PhantomData<T>,
}

impl<T: Float> Weights<T> {
    /// Reads the weights; `None` if they need a gradient or lie on another device.
    pub(crate) fn new(weights: &AnyTensor, values: usize) -> Option<Self> {
        if weights.is_tracked() {
            return None;
        }
        let memory = Memory::new(&weights.clone().cast(T::dtype()))?;
        let each = values / memory.numbers_of::<T>()?.len().max(1);
        Some(Self { memory, each, number: PhantomData })
    }

    /// Reads weights that may be missing, as [`new`](Self::new) does: the outer `None` is that of `new`.
    pub(crate) fn of_some(weights: Option<&AnyTensor>, values: usize) -> Option<Option<Self>> {
        match weights {
            None => Some(None),
            Some(weights) => Self::new(weights, values).map(Some),
        }
    }

    fn numbers(&self) -> &[T] {
        self.memory.numbers_of().expect("of this type")
    }

    pub(crate) fn sum(&self) -> f64 {
        self.numbers().iter().map(|weight| weight.to_f64()).sum::<f64>() * self.each as f64
    }

    /// The weights of `count` values, from value `start` on; written to `scratch` where several values share a weight.
    pub(crate) fn part<'a>(&'a self, start: usize, count: usize, scratch: &'a mut Vec<T>) -> &'a [T] {
        let numbers = self.numbers();
        if self.each == 1 {
            return &numbers[start..start + count];
        }
        scratch.clear();
        scratch.extend((start..start + count).map(|value| numbers[value / self.each]));
        scratch
    }
}
