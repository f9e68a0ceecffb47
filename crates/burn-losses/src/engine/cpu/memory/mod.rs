//! The memory of tensors.

mod kept;
#[cfg(feature = "ndarray")]
mod ndarray;

use super::lanes::Float;
use super::{PIECE, raw};
use crate::check::widen;
use burn::tensor::{DType, Device, Element, Tensor, TensorData};
use core::marker::PhantomData;
use core::ops::Mul;
use pulp::bytemuck::Pod;
use rayon::prelude::*;

pub(crate) use kept::{Kept, Lent};

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
    /// The numbers of `tensor`, in order; `None` on other devices. Nothing is copied, unless they lie in another order.
    pub(crate) fn of<const D: usize>(tensor: &Tensor<D>) -> Option<Self> {
        let tensor = tensor.clone().without_autodiff();
        #[cfg(feature = "flex")]
        if let Ok(flex) = tensor.clone().try_into_primitive::<Flex>() {
            return Some(Self::Flex(flex.to_contiguous()));
        }
        #[cfg(feature = "ndarray")]
        if let Some(array) = Array::of(tensor) {
            return Some(Self::NdArray(array));
        }
        None
    }

    /// Whether there are such numbers of `tensor`.
    pub(crate) fn has<const D: usize>(tensor: &Tensor<D>) -> bool {
        let tensor = tensor.clone().without_autodiff();
        #[cfg(feature = "ndarray")]
        if Array::has(tensor.clone()) {
            return true;
        }
        #[cfg(feature = "flex")]
        if tensor.try_into_primitive::<Flex>().is_ok() {
            return true;
        }
        false
    }

    /// The numbers, if they are of this type.
    pub(crate) fn numbers<T: Number>(&self) -> Option<&[T]> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex(tensor) => tensor.as_slice(),
            #[cfg(feature = "ndarray")]
            Self::NdArray(array) => T::of_array(array),
        }
    }
}

/// A float as tensors store it.
pub(crate) trait Number: Element + Pod + Send + Sync {
    /// The type to compute in.
    type Wide: Float + Number<Wide = Self::Wide> + Mul<Output = Self::Wide>;

    /// The numbers of an array of this type.
    #[cfg(feature = "ndarray")]
    fn of_array(array: &Array) -> Option<&[Self]> {
        let _ = array;
        None
    }
    /// The numbers in the type to compute in, which may take `room`.
    fn widen<'a>(numbers: &'a [Self], room: &'a mut Vec<Self::Wide>) -> &'a [Self::Wide];
}

macro_rules! number {
    ($number:ident) => {
        impl Number for $number {
            type Wide = $number;

            #[cfg(feature = "ndarray")]
            fn of_array(array: &Array) -> Option<&[Self]> {
                array.$number()
            }
            fn widen<'a>(numbers: &'a [Self], _: &'a mut Vec<Self>) -> &'a [Self] {
                numbers
            }
        }
    };
}
number!(f32);
number!(f64);

macro_rules! half {
    ($half:ty) => {
        impl Number for $half {
            type Wide = f32;

            fn widen<'a>(numbers: &'a [Self], room: &'a mut Vec<f32>) -> &'a [f32] {
                use half::slice::HalfFloatSliceExt;
                room.resize(numbers.len(), 0.0);
                numbers.convert_to_f32_slice(room);
                room
            }
        }
    };
}
half!(half::f16);
half!(half::bf16);

/// Calls what is generic in the [`Number`] type of a tensor; `None` for other types.
macro_rules! of_type {
    ($dtype:expr, $number:ident => $call:expr) => {{
        macro_rules! call {
            ($type:ty) => {{
                type $number = $type;
                $call
            }};
        }
        match $dtype {
            burn::tensor::DType::F32 => call!(f32),
            burn::tensor::DType::F64 => call!(f64),
            burn::tensor::DType::F16 => call!(half::f16),
            burn::tensor::DType::BF16 => call!(half::bf16),
            _ => None,
        }
    }};
}
pub(crate) use of_type;

/// Runs a function of numbers in either precision; `None` on other devices, and for other types.
macro_rules! with_numbers {
    ($tensor:expr, |$numbers:ident| $result:expr) => {{
        let tensor = $tensor;
        let memory = if crate::engine::cpu::is_off() { None } else { crate::engine::cpu::memory::Memory::of(tensor) }?;
        match tensor.dtype() {
            burn::tensor::DType::F32 => {
                let $numbers = memory.numbers::<f32>()?;
                Some($result)
            }
            burn::tensor::DType::F64 => {
                let $numbers = memory.numbers::<f64>()?;
                Some($result)
            }
            _ => None,
        }
    }};
}
pub(crate) use with_numbers;

/// Memory for results, all 0.
pub(crate) fn zeros<T: Float>(count: usize) -> Lent<T> {
    let Some(mut kept) = T::kept().take(count) else { return new(count) };
    kept.par_chunks_mut(PIECE).for_each(|numbers| numbers.fill(T::default()));
    kept.into()
}

/// Memory for results: every number has to be written, and none to be read before.
pub(crate) fn unwritten<T: Float>(count: usize) -> Lent<T> {
    let mut numbers = T::kept().take(count).map_or_else(|| new(count), Lent::from);
    if cfg!(debug_assertions) {
        // Whoever does not write one is found out.
        numbers.fill(T::from_f64(f64::NAN));
    }
    numbers
}

fn new<T: Float>(count: usize) -> Lent<T> {
    let mut zeros = vec![T::default(); count];
    raw::request_large(&mut zeros);
    zeros.into()
}

/// Numbers as a tensor: they are not copied, and their memory is kept when the tensor is dropped.
pub(crate) fn tensor<T: Float + Element + Pod, const D: usize>(
    numbers: impl Into<Lent<T>>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let numbers = numbers.into();
    let data = match Kept::<T>::is_large(numbers.len()) {
        true => TensorData::from_bytes(raw::bytes(numbers), shape, T::dtype()),
        false => TensorData::new(numbers.into_vec(), shape),
    };
    Tensor::from_data(data, (device, T::dtype()))
}

/// Gives the memory that is kept back to the system.
pub(crate) fn release() {
    f32::kept().release();
    f64::kept().release();
}

/// The gradient of rows `[M, C]` whose values have these slopes, each row times what its value has from upstream.
pub(crate) fn scaled_rows<T: Float + Element + Pod + Mul<Output = T>>(
    mut slopes: Lent<T>,
    upstream: Tensor<1>,
    shape: [usize; 2],
    device: &Device,
) -> Tensor<2> {
    let upstream: Vec<f64> = upstream.into_data().iter::<f64>().collect();
    let rows = slopes.par_chunks_mut(shape[1]).zip(upstream).with_min_len((super::PIECE / shape[1]).max(1));
    rows.filter(|(_, factor)| *factor != 1.0).for_each(|(row, factor)| {
        let factor = T::from_f64(factor);
        row.iter_mut().for_each(|slope| *slope = *slope * factor);
    });
    tensor(slopes, shape, device)
}

/// Weights, one per value or one per sample, in the type that is computed in.
pub(crate) struct Weights<T> {
    memory: Memory,
    /// How many values share one.
    each: usize,
    number: PhantomData<T>,
}

impl<T: Float + Number<Wide = T>> Weights<T> {
    /// `None` if they need a gradient, or lie elsewhere.
    pub(crate) fn of<const D: usize>(weights: &Tensor<D>, values: usize) -> Option<Self> {
        if weights.is_tracked() {
            return None;
        }
        let memory = Memory::of(&widen(weights.clone()).cast(float(T::dtype())))?;
        let each = values / memory.numbers::<T>()?.len().max(1);
        Some(Self { memory, each, number: PhantomData })
    }

    fn numbers(&self) -> &[T] {
        self.memory.numbers().expect("of this type")
    }

    pub(crate) fn sum(&self) -> f64 {
        self.numbers().iter().map(|weight| weight.to_f64()).sum::<f64>() * self.each as f64
    }

    /// Those of `count` values from number `start` on, which may take `room`.
    pub(crate) fn part<'a>(&'a self, start: usize, count: usize, room: &'a mut Vec<T>) -> &'a [T] {
        let numbers = self.numbers();
        if self.each == 1 {
            return &numbers[start..start + count];
        }
        room.clear();
        room.extend((start..start + count).map(|value| numbers[value / self.each]));
        room
    }
}

/// What can be cast to.
fn float(dtype: DType) -> burn::tensor::FloatDType {
    if dtype == DType::F64 { burn::tensor::FloatDType::F64 } else { burn::tensor::FloatDType::F32 }
}
