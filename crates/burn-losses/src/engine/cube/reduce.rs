//! The way from the partial sums of a kernel to one number, and the product of a gradient with the upstream gradient.

use super::launch::Work;
use super::tensors::{Grid, elem, empty, number, vector_size};
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::TensorSpec;
use cubecl::prelude::*;
use cubecl::std::tensor::layout::linear::LinearView;

/// Multiplies a gradient by the upstream gradient, which is one number, and by the third input, if there is one. The gradient is
/// changed in place.
#[derive(Debug)]
pub(in crate::engine) struct Scale {
    pub(in crate::engine) shape: Vec<usize>,
    pub(in crate::engine) dtype: DType,
}

impl Work for Scale {
    const NAME: &'static str = "burn_losses::scale";

    fn outputs(&self) -> Vec<TensorSpec> {
        vec![TensorSpec::new(Shape::from(self.shape.clone()), self.dtype)]
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let mut inputs = inputs.into_iter();
        let (slopes, upstream) = (own(inputs.next()), inputs.next().expect("two tensors"));
        let client = slopes.client.clone();
        let count = self.shape.iter().product();
        let size = vector_size([&slopes].into_iter(), count);
        let grid = Grid::new(&client, count / size);
        let types = [slopes.dtype, upstream.dtype, DType::F32].map(elem);
        scale::launch(
            &client,
            grid.count(),
            grid.dim(),
            slopes.required_address_type(),
            size,
            slopes.clone().into_tensor_arg(),
            upstream.into_tensor_arg(),
            inputs.next().map(CubeTensor::into_tensor_arg).into(),
            count / size,
            grid.units,
            types,
        );
        vec![slopes]
    }
}

/// Multiplies the gradients of items, `width` numbers each, by the upstream gradients of their values. They are changed in place.
#[derive(Debug)]
pub(in crate::engine) struct ScaleEach {
    pub(in crate::engine) shape: Vec<usize>,
    pub(in crate::engine) dtype: DType,
    pub(in crate::engine) width: usize,
}

impl Work for ScaleEach {
    const NAME: &'static str = "burn_losses::scale_each";

    fn outputs(&self) -> Vec<TensorSpec> {
        vec![TensorSpec::new(Shape::from(self.shape.clone()), self.dtype)]
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let mut inputs = inputs.into_iter();
        let (slopes, upstream) = (own(inputs.next()), inputs.next().expect("two tensors"));
        let client = slopes.client.clone();
        let count: usize = self.shape.iter().product();
        let size = if self.width == 1 { vector_size([&slopes, &upstream].into_iter(), count) } else { 1 };
        let grid = Grid::new(&client, count / size);
        scale_each::launch(
            &client,
            grid.count(),
            grid.dim(),
            slopes.required_address_type(),
            size,
            slopes.clone().into_tensor_arg(),
            upstream.clone().into_linear_view(),
            count / size,
            self.width,
            grid.units,
            [slopes.dtype, upstream.dtype, DType::F32].map(elem),
        );
        vec![slopes]
    }
}

/// The tensor itself if it may be changed, else a copy.
fn own(tensor: Option<CubeTensor>) -> CubeTensor {
    let tensor = tensor.expect("a tensor");
    if tensor.handle.can_mut() { tensor } else { tensor.copy() }
}

/// The sum over all units of a cube and over their lanes. The number of units is a power of two.
#[cube]
pub(in crate::engine) fn cube_sum<F: Float, N: Size>(own: Vector<F, N>, #[comptime] units: usize) -> F {
    let mut sums = Shared::<[Vector<F, N>]>::new_slice(units);
    let unit = UNIT_POS as usize;
    sums[unit] = own;
    sync_cube();
    let mut active = (units / 2).runtime();
    while active > 0 {
        if unit < active {
            let other = sums[unit + active];
            sums[unit] += other;
        }
        sync_cube();
        active /= 2;
    }
    let all = sums[0];
    let mut sum = F::new(0.0_f32);
    #[unroll]
    for lane in 0..N::value() {
        sum += all.extract(lane);
    }
    sum
}

/// The value that the partial sums of a launch add up to. The partial counts follow these sums in `partial`. The second result is
/// the factor of the slopes, if it is wanted.
pub(in crate::engine) fn finished(
    partial: CubeTensor,
    grid: &Grid,
    count: Count,
    factor: f64,
    has_scale: bool,
) -> (CubeTensor, Option<CubeTensor>) {
    let one = || empty(&partial, &[1], DType::F32);
    let (value, scale) = (one(), has_scale.then(one));
    finish::launch(
        &partial.client.clone(),
        CubeCount::new_1d(1),
        grid.dim(),
        partial.required_address_type(),
        partial.into_tensor_arg(),
        value.clone().into_tensor_arg(),
        scale.clone().map(CubeTensor::into_tensor_arg).into(),
        number(factor),
        grid.cubes,
        count,
        grid.units,
        elem(DType::F32),
    );
    (value, scale)
}

/// What a kernel counts beside the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::engine) enum Count {
    Nothing,
    Weights,
    /// The targets above one half; at least one is counted.
    Positives,
}

/// Computes the value and the factor of the slopes, in one cube.
#[cube(launch, address_type = "dynamic")]
#[expect(clippy::too_many_arguments)] // a kernel takes its arguments one by one
fn finish<F: Float>(
    partial: &Tensor<F>,
    value: &mut Tensor<F>,
    mut scale: ComptimeOption<&mut Tensor<F>>,
    factor: InputScalar,
    length: usize,
    #[comptime] count: Count,
    #[comptime] units: usize,
    #[define(F)] _dtype: ElemType,
) {
    let mut sum = Vector::<F, Const<1>>::new(F::new(0.0_f32));
    let mut counted = Vector::<F, Const<1>>::new(F::new(0.0_f32));
    let mut i = UNIT_POS as usize;
    while i < length {
        sum += Vector::new(partial[i]);
        if comptime!(count != Count::Nothing) {
            counted += Vector::new(partial[length + i]);
        }
        i += units;
    }
    let sum = cube_sum::<F, Const<1>>(sum, units);
    let mut by = factor.get::<F>();
    if comptime!(count != Count::Nothing) {
        let mut counted = cube_sum::<F, Const<1>>(counted, units) * factor.get::<F>();
        if comptime!(count == Count::Positives) {
            counted = select(counted > F::new(1.0_f32), counted, F::new(1.0_f32));
        }
        // The mean of no values is 0.
        let is_nothing = counted == F::new(0.0_f32);
        by = F::new(1.0_f32) / select(is_nothing, F::new(1.0_f32), counted);
        by = select(is_nothing, F::new(0.0_f32), by);
    }
    if UNIT_POS == 0 {
        value[0] = select(by == F::new(0.0_f32), F::new(0.0_f32), sum * by);
        #[comptime]
        if let ComptimeOption::Some(scale) = &mut scale {
            scale[0] = by;
        }
    }
}

/// Multiplies a gradient by the upstream gradient, unless that is 1.
#[cube(launch, address_type = "dynamic")]
fn scale<S: Float, U: Float, F: Float, N: Size>(
    slopes: &mut Tensor<Vector<S, N>>,
    upstream: &Tensor<U>,
    scale: ComptimeOption<&Tensor<F>>,
    length: usize,
    #[comptime] units: usize,
    #[define(S, U, F)] _dtypes: [ElemType; 3],
) {
    let mut factor = F::cast_from(upstream[0]);
    #[comptime]
    if let ComptimeOption::Some(scale) = &scale {
        // The gradient of the mean of no values is 0.
        let scale = scale[0];
        factor = select(scale == F::new(0.0_f32), scale, factor * scale);
    }
    // The comparison is "equal": some drivers do not call a NaN unequal.
    let is_one = factor == F::new(1.0_f32);
    if !is_one {
        let step = CUBE_COUNT * units;
        let mut i = ABSOLUTE_POS;
        while i < length {
            slopes[i] = Vector::cast_from(Vector::<F, N>::cast_from(slopes[i]) * Vector::new(factor));
            i += step;
        }
    }
}

/// Multiplies the gradient of each item by the upstream gradient of its value.
#[cube(launch, address_type = "dynamic")]
fn scale_each<S: Float, U: Float, F: Float, N: Size>(
    slopes: &mut Tensor<Vector<S, N>>,
    upstream: LinearView<'_, Vector<U, N>>,
    length: usize,
    #[comptime] width: usize,
    #[comptime] units: usize,
    #[define(S, U, F)] _dtypes: [ElemType; 3],
) {
    let step = CUBE_COUNT * units;
    let mut i = ABSOLUTE_POS;
    while i < length {
        let factor = Vector::<F, N>::cast_from(upstream.read(i / width));
        slopes[i] = Vector::cast_from(Vector::<F, N>::cast_from(slopes[i]) * factor);
        i += step;
    }
}
