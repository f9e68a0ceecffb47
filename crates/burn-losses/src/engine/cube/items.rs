//! Pairs of items: some numbers of one tensor and some of another give one value.

use super::emit;
use super::launch::Work;
use super::reduce::{Count, cube_sum, finished};
use super::tensors::{Grid, elem, empty, number, vector_size};
use crate::formula::program::Program;
use crate::formula::record::Recording;
use crate::reduction::Reduction;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::TensorSpec;
use cubecl::prelude::*;
use cubecl::std::tensor::layout::linear::LinearView;

/// A formula on all items of two tensors. The inputs are these two tensors and, if there are any, the weights.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Items {
    /// The program takes the numbers of both items. It gives the value and, if gradients are wanted, the derivatives with respect
    /// to the numbers of the first item.
    pub(in crate::engine) recording: Recording,
    /// How many numbers an item of each tensor has.
    pub(in crate::engine) widths: (usize, usize),
    /// How many items there are.
    pub(in crate::engine) count: usize,
    /// The shape and type of the first tensor.
    pub(in crate::engine) shape: Vec<usize>,
    pub(in crate::engine) shape_of_values: Vec<usize>,
    pub(in crate::engine) dtype: DType,
    /// How many items share a weight.
    pub(in crate::engine) per_weight: usize,
    pub(in crate::engine) wanted: Wanted,
}

/// Which results are wanted: the values, or a reduction of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::engine) enum Wanted {
    /// All values.
    Values,
    /// The sum of the values, times a number.
    Times(f64),
    /// The sum of the values, divided by the sum of the weights, in which each weight counts this many times.
    PerWeight(f64),
    /// The sum of the values, divided by the number of positive targets.
    PerPositive,
}

impl Wanted {
    /// The way to reduce `count` values of this many samples. `per_weight` is how many times each weight counts, if there are
    /// weights.
    pub(in crate::engine) fn reduced(
        reduction: Reduction,
        count: f64,
        samples: usize,
        per_weight: Option<f64>,
    ) -> Self {
        let over = |divisor: f64| Self::Times(if divisor == 0.0 { 0.0 } else { 1.0 / divisor });
        match (reduction, per_weight) {
            (Reduction::Sum, _) => Self::Times(1.0),
            (Reduction::BatchMean, _) => over(samples as f64),
            (Reduction::WeightedMean, Some(per_weight)) => Self::PerWeight(per_weight),
            (Reduction::Mean | Reduction::WeightedMean, _) => over(count),
            (Reduction::Positives, _) => {
                panic!("reduction: `positives` needs the number of positive targets as `divisor`")
            }
        }
    }

    /// Whether the slopes still have to be multiplied by a factor: one that only the device knows, or one that would make them
    /// too small for their type.
    pub(in crate::engine) fn scales_later(self, dtype: DType) -> bool {
        match self {
            Self::Values => false,
            Self::Times(_) => dtype == DType::F16,
            Self::PerWeight(_) | Self::PerPositive => true,
        }
    }

    /// The factor of the sum of the values, or of the sum of the weights.
    pub(in crate::engine) fn factor(self) -> f64 {
        match self {
            Self::Values | Self::PerPositive => 1.0,
            Self::Times(factor) | Self::PerWeight(factor) => factor,
        }
    }
}

impl Items {
    pub(in crate::engine) fn is_tracked(&self) -> bool {
        self.recording.program.outputs().len() > 1
    }

    pub(in crate::engine) fn is_reduced(&self) -> bool {
        self.wanted != Wanted::Values
    }

    fn scales_later(&self) -> bool {
        self.is_tracked() && self.wanted.scales_later(self.dtype)
    }

    fn counted(&self) -> Count {
        match self.wanted {
            Wanted::Values | Wanted::Times(_) => Count::Nothing,
            Wanted::PerWeight(_) => Count::Weights,
            Wanted::PerPositive => Count::Positives,
        }
    }
}

impl Work for Items {
    const NAME: &'static str = "burn_losses::items";

    /// The values or the one value, the slopes, and the factor by which the slopes still have to be multiplied.
    fn outputs(&self) -> Vec<TensorSpec> {
        let one = || TensorSpec::new(Shape::from([1]), DType::F32);
        let values = match self.wanted {
            Wanted::Values => TensorSpec::new(Shape::from(self.shape_of_values.clone()), DType::F32),
            _ => one(),
        };
        let slopes = self.is_tracked().then(|| TensorSpec::new(Shape::from(self.shape.clone()), self.dtype));
        [Some(values), slopes, self.scales_later().then(one)].into_iter().flatten().collect()
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let mut inputs = inputs.into_iter();
        let (first, targets) = (inputs.next().expect("two tensors"), inputs.next().expect("two tensors"));
        let weights = inputs.next();
        let client = first.client.clone();
        let slopes = self.is_tracked().then(|| empty(&first, &self.shape, self.dtype));
        let size = match self.widths {
            (1, 1) => {
                let part = if weights.is_some() && self.per_weight > 1 { self.per_weight } else { self.count };
                let per_value = weights.iter().filter(|_| self.per_weight == 1);
                vector_size([&first, &targets].into_iter().chain(per_value).chain(&slopes), part)
            }
            _ => 1,
        };
        let length = self.count / size;
        let grid = Grid::new(&client, length);
        let values = (!self.is_reduced()).then(|| empty(&first, &self.shape_of_values, DType::F32));
        let columns = if self.counted() == Count::Nothing { 1 } else { 2 };
        let partial = self.is_reduced().then(|| empty(&first, &[columns * grid.cubes], DType::F32));
        let factor = if self.scales_later() { 1.0 } else { self.wanted.factor() };
        let weight_type = weights.as_ref().map_or(DType::F32, |weights| weights.dtype);
        let (per_value, per_sample) = if self.per_weight == 1 { (weights, None) } else { (None, weights) };
        let addresses = [Some(&first), Some(&targets), slopes.as_ref()].into_iter().flatten();
        let addresses = addresses.map(CubeTensor::required_address_type).max().unwrap_or_default();
        let types = [first.dtype, targets.dtype, weight_type, DType::F32].map(elem);
        items::launch(
            &client,
            grid.count(),
            grid.dim(),
            addresses,
            size,
            first.into_linear_view(),
            targets.into_linear_view(),
            per_value.map(CubeTensor::into_linear_view).into(),
            per_sample.map(CubeTensor::into_linear_view).into(),
            values.clone().map(CubeTensor::into_tensor_arg).into(),
            slopes.clone().map(CubeTensor::into_tensor_arg).into(),
            partial.clone().map(CubeTensor::into_tensor_arg).into(),
            self.recording.parameters.iter().map(|parameter| number(*parameter)).collect(),
            number(factor),
            length,
            self.per_weight / size.min(self.per_weight),
            self.recording.program.clone(),
            self.widths,
            self.counted(),
            grid.units,
            types,
        );
        let Some(partial) = partial else {
            return values.into_iter().chain(slopes).collect();
        };
        let (value, scale) = finished(partial, &grid, self.counted(), self.wanted.factor(), self.scales_later());
        [Some(value), slopes, scale].into_iter().flatten().collect()
    }
}

#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
pub(super) fn items<S: Float, T: Float, W: Float, F: Float, N: Size>(
    first: LinearView<'_, Vector<S, N>>,
    targets: LinearView<'_, Vector<T, N>>,
    weights: ComptimeOption<LinearView<'_, Vector<W, N>>>,
    sample_weights: ComptimeOption<LinearView<'_, W>>,
    mut values: ComptimeOption<&mut Tensor<Vector<F, N>>>,
    mut slopes: ComptimeOption<&mut Tensor<Vector<S, N>>>,
    mut partial: ComptimeOption<&mut Tensor<F>>,
    parameters: &Sequence<InputScalar>,
    factor: InputScalar,
    length: usize,
    per_sample: usize,
    #[comptime] program: Program,
    #[comptime] widths: (usize, usize),
    #[comptime] count: Count,
    #[comptime] units: usize,
    #[define(S, T, W, F)] _dtypes: [ElemType; 4],
) {
    let mut sum = Vector::<F, N>::new(F::new(0.0_f32));
    let mut counted = Vector::<F, N>::new(F::new(0.0_f32));
    let step = CUBE_COUNT * units;
    let mut i = ABSOLUTE_POS;
    while i < length {
        let mut inputs = Sequence::<Vector<F, N>>::new();
        #[unroll]
        for column in 0..widths.0 {
            inputs.push(Vector::cast_from(first.read(i * widths.0 + column)));
        }
        #[unroll]
        for column in 0..widths.1 {
            inputs.push(Vector::cast_from(targets.read(i * widths.1 + column)));
        }
        let outputs = emit::run::<F, N>(&inputs, parameters, program.clone());
        let value = *outputs.index(0);
        let mut weight = Vector::<F, N>::new(F::new(1.0_f32));
        #[comptime]
        if let ComptimeOption::Some(weights) = &weights {
            weight = Vector::cast_from(weights.read(i));
        }
        #[comptime]
        if let ComptimeOption::Some(weights) = &sample_weights {
            weight = Vector::new(F::cast_from(weights.read(i / per_sample)));
        }
        // A value of weight 0 counts as 0, even if it is NaN or infinite.
        let zero = Vector::new(F::new(0.0_f32));
        let counts = weight.not_equal(&zero);
        #[comptime]
        if let ComptimeOption::Some(values) = &mut values {
            values[i] = value;
        }
        #[comptime]
        if let ComptimeOption::Some(slopes) = &mut slopes {
            let factor = weight * Vector::new(factor.get::<F>());
            #[unroll]
            for column in 0..widths.0 {
                let slope = *outputs.index(column + 1) * factor;
                slopes[i * widths.0 + column] = Vector::cast_from(select_many(counts, slope, zero));
            }
        }
        sum += select_many(counts, value * weight, zero);
        if comptime!(count == Count::Weights) {
            counted += weight;
        }
        if comptime!(count == Count::Positives) {
            let target = *inputs.index(widths.0);
            let is_positive = target.greater_than(&Vector::new(F::new(0.5_f32)));
            counted += select_many(is_positive, Vector::new(F::new(1.0_f32)), Vector::new(F::new(0.0_f32)));
        }
        i += step;
    }
    #[comptime]
    if let ComptimeOption::Some(partial) = &mut partial {
        let sum = cube_sum::<F, N>(sum, units);
        if UNIT_POS == 0 {
            partial[CUBE_POS] = sum;
        }
        if comptime!(count != Count::Nothing) {
            let counted = cube_sum::<F, N>(counted, units);
            if UNIT_POS == 0 {
                partial[CUBE_COUNT + CUBE_POS] = counted;
            }
        }
    }
}
