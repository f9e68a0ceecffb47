//! Regions and masks -> sums over their pixels -> the values of a formula, for every sample and class.
//!
//! Nothing of the size of the logits is kept for the backward pass, which computes the probabilities again.

mod kernel;
mod pixel;

use super::{Call, Outcome};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::cube::launch::Work;
use crate::engine::cube::tensors::{Grid, elem, empty, number};
use crate::engine::cube::{Primitive, launch, primitive};
use crate::engine::custom_backward::custom_backward;
use crate::formula::record::Recording;
use crate::formula::{Dual, Overlap, OverlapFormula, Real};
use crate::options::{Activation, Denominator, RegionOptions, SumOver};
use burn::tensor::{Bool, DType, Shape, Tensor};
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::TensorSpec;
use core::slice::from_ref;
use kernel::{Structure, finish, gradient, of_batch, sums, totals};
use pixel::SizesLaunch;

/// A formula that can be recorded.
pub(crate) trait Record {
    /// The formula as data, with its derivatives with respect to the first two sums if wanted. The masks have no gradient.
    fn recording(&self, has_slopes: bool) -> Recording;
    /// The value and the derivatives for given numbers, which the program of the recording has to reproduce.
    #[cfg(test)]
    fn exact(&self, sums: &[f64]) -> Vec<f64>;
}

impl<F: OverlapFormula> Record for F {
    fn recording(&self, has_slopes: bool) -> Recording {
        let results = if has_slopes { 3 } else { 1 };
        Recording::of_slice(3, |sums| value_and_slopes(self, sums)[..results].to_vec())
    }
    #[cfg(test)]
    fn exact(&self, sums: &[f64]) -> Vec<f64> {
        value_and_slopes(self, sums)
    }
}

/// The value for some sums, and its derivatives with respect to the first two.
fn value_and_slopes<R: Real + Copy>(formula: &impl OverlapFormula, sums: &[R]) -> Vec<R> {
    let [both, prediction] = [0, 1].map(|i| Dual::<_, 2>::variable(sums[i], i));
    let y = formula.eval(Overlap { both, prediction, target: Dual::constant(sums[2]) });
    core::iter::once(y.value).chain(y.slope).collect()
}

/// A batch. The first inputs of a kernel are its logits, its masks and, if some pixels are ignored, its mask of valid pixels.
#[derive(Debug, Clone)]
struct Batch {
    /// `[N, C, pixels]`.
    shape: [usize; 3],
    dtype: DType,
    activation: Activation,
    is_squared: bool,
    is_of_batch: bool,
    has_valid: bool,
}

impl Batch {
    fn structure(&self, units: usize) -> Structure {
        let Self { activation, is_squared, is_of_batch, .. } = *self;
        Structure { activation, is_squared, is_of_batch, units }
    }

    fn sizes(&self) -> SizesLaunch {
        let [samples, classes, pixels] = self.shape;
        SizesLaunch::new(samples, classes, pixels)
    }

    /// The number of rows of sums that the formula is computed for.
    fn rows(&self) -> usize {
        let [samples, classes, _] = self.shape;
        if self.is_of_batch { classes } else { samples * classes }
    }
}

/// The first inputs of a [`Batch`].
struct Pixels {
    logits: CubeTensor,
    masks: CubeTensor,
    valid: Option<CubeTensor>,
}

impl Pixels {
    fn from_inputs(batch: &Batch, inputs: &mut impl Iterator<Item = CubeTensor>) -> Self {
        let mut next = || inputs.next().expect("an input");
        Self { logits: next(), masks: next(), valid: batch.has_valid.then(next) }
    }

    /// The types of the numbers of all inputs, and the type that the kernel computes with.
    fn types(&self) -> [ElemType; 4] {
        let valid = self.valid.as_ref().map_or(DType::U32, |valid| valid.dtype);
        [self.logits.dtype, self.masks.dtype, valid, DType::F32].map(elem)
    }
}

/// The forward pass: the values of a formula, or the sums.
#[derive(Debug)]
struct Forward {
    batch: Batch,
    recording: Option<Recording>,
    is_tracked: bool,
}

impl Forward {
    fn shape_of_values(&self) -> Vec<usize> {
        let [samples, classes, _] = self.batch.shape;
        if self.recording.is_some() { vec![samples, classes] } else { vec![samples, classes, 3] }
    }

    fn has_slopes(&self) -> bool {
        self.is_tracked && self.recording.is_some()
    }
}

impl Work for Forward {
    const NAME: &'static str = "burn_losses::regions";

    /// The values or the sums, and the derivatives of the values with respect to the sums.
    fn outputs(&self) -> Vec<TensorSpec> {
        let single = |shape: Vec<usize>| TensorSpec::new(Shape::from(shape), DType::F32);
        let slopes = self.has_slopes().then(|| single(vec![self.batch.rows(), 2]));
        [Some(single(self.shape_of_values())), slopes].into_iter().flatten().collect()
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let Self { batch, recording, .. } = self;
        let [samples, classes, pixels] = batch.shape;
        let given = Pixels::from_inputs(batch, &mut inputs.into_iter());
        let types = given.types();
        let Pixels { logits, masks, valid } = given;
        let client = logits.client.clone();
        let single = |shape: &[usize]| empty(&logits, shape, DType::F32);
        let address = logits.required_address_type().max(masks.required_address_type());

        let of_softmax = (batch.activation == Activation::Softmax).then(|| single(&[2, samples, pixels]));
        if let Some(of_softmax) = &of_softmax {
            let grid = Grid::new(&client, samples * pixels);
            totals::launch(
                &client,
                grid.count(),
                grid.dim(),
                address,
                logits.clone().into_tensor_arg(),
                valid.clone().map(CubeTensor::into_tensor_arg).into(),
                of_softmax.clone().into_tensor_arg(),
                batch.sizes(),
                grid.units,
                [types[0], types[2], types[3]],
            );
        }

        // A cube has no more units than there are pixels, and each unit has several pixels.
        const PIXELS_OF_UNIT: usize = 16;
        let most = Grid::new(&client, 1).units;
        let units = pixels.next_power_of_two().clamp(32.min(most), most);
        let pieces = pixels.div_ceil(units * PIXELS_OF_UNIT).min(Grid::MOST_CUBES.div_ceil(samples * classes));
        let jobs = samples * classes * pieces;
        let partial = single(&[3 * jobs]);
        sums::launch(
            &client,
            CubeCount::new_1d(jobs.min(Grid::MOST_CUBES) as u32),
            CubeDim::new_1d(units as u32),
            address,
            logits.clone().into_tensor_arg(),
            masks.into_tensor_arg(),
            valid.map(CubeTensor::into_tensor_arg).into(),
            of_softmax.map(CubeTensor::into_tensor_arg).into(),
            partial.clone().into_tensor_arg(),
            batch.sizes(),
            pieces,
            pixels.div_ceil(pieces),
            batch.structure(units),
            types,
        );

        let values = single(&self.shape_of_values());
        let slopes = self.has_slopes().then(|| single(&[batch.rows(), 2]));
        let parts = jobs / batch.rows();
        let units = parts.next_power_of_two().min(most);
        finish::launch(
            &client,
            CubeCount::new_1d(batch.rows().min(Grid::MOST_CUBES) as u32),
            CubeDim::new_1d(units as u32),
            partial.required_address_type(),
            partial.into_tensor_arg(),
            values.clone().into_tensor_arg(),
            slopes.clone().map(CubeTensor::into_tensor_arg).into(),
            recording.iter().flat_map(|recording| &recording.parameters).map(|x| number(*x)).collect(),
            batch.sizes(),
            pieces,
            recording.as_ref().map(|recording| recording.program.clone()),
            batch.is_of_batch,
            units,
            elem(DType::F32),
        );
        [Some(values), slopes].into_iter().flatten().collect()
    }
}

/// The backward pass: the gradient of the logits, from that of the values and the derivatives of the values with respect to the
/// sums, or from that of the sums.
#[derive(Debug)]
struct Backward {
    batch: Batch,
    has_slopes: bool,
}

impl Work for Backward {
    const NAME: &'static str = "burn_losses::regions_backward";

    fn outputs(&self) -> Vec<TensorSpec> {
        vec![TensorSpec::new(Shape::from(self.batch.shape), self.batch.dtype)]
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let batch = &self.batch;
        let [samples, _, pixels] = batch.shape;
        let mut inputs = inputs.into_iter();
        let given = Pixels::from_inputs(batch, &mut inputs);
        let types = given.types();
        let Pixels { logits, masks, valid } = given;
        let slopes = self.has_slopes.then(|| inputs.next().expect("slopes"));
        let mut upstream = into_contiguous(inputs.next().expect("a gradient"));
        let client = logits.client.clone();
        if batch.is_of_batch && samples > 1 {
            let columns = upstream.meta.shape().num_elements() / samples;
            let all = empty(&logits, &[columns], DType::F32);
            let grid = Grid::new(&client, columns);
            of_batch::launch(
                &client,
                grid.count(),
                grid.dim(),
                upstream.required_address_type(),
                upstream.into_tensor_arg(),
                all.clone().into_tensor_arg(),
                samples,
                columns,
                grid.units,
                elem(DType::F32),
            );
            upstream = all;
        }
        let output = empty(&logits, &batch.shape, batch.dtype);
        let grid = Grid::new(&client, samples * pixels);
        let addresses = [&logits, &masks, &output].map(CubeTensor::required_address_type);
        gradient::launch(
            &client,
            grid.count(),
            grid.dim(),
            addresses.into_iter().max().unwrap_or_default(),
            logits.into_tensor_arg(),
            masks.into_tensor_arg(),
            valid.map(CubeTensor::into_tensor_arg).into(),
            slopes.map(CubeTensor::into_tensor_arg).into(),
            upstream.into_tensor_arg(),
            output.clone().into_tensor_arg(),
            batch.sizes(),
            batch.structure(grid.units),
            types,
        );
        vec![output]
    }
}

/// Logits, masks, and which pixels count, without a graph.
fn inputs(logits: &AnyTensor, masks: &AnyTensor, valid: Option<&Tensor<3, Bool>>) -> Option<Vec<Primitive>> {
    let valid = match valid {
        None => None,
        Some(valid) => Some(valid.clone().without_autodiff().try_into_primitive::<burn::backend::Cube>().ok()?),
    };
    Some([primitive(logits)?, primitive(masks)?].into_iter().chain(valid).collect())
}

/// The values of a formula, or the sums, in the graph of the logits. Kernels compute no gradient with respect to the masks.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<Outcome> {
    let Call { regions, logits, masks, valid, record } = call;
    if masks.is_tracked() || !matches!(masks.dtype(), DType::F32 | DType::F16 | DType::BF16) {
        return None;
    }
    let &RegionOptions { activation, denominator, over, .. } = *regions;
    let batch = Batch {
        shape: logits.shape().try_into().expect("[N, C, pixels]"),
        dtype: logits.dtype(),
        activation,
        is_squared: denominator == Denominator::Squared,
        is_of_batch: over == SumOver::Batch,
        has_valid: valid.is_some(),
    };
    let is_tracked = logits.is_tracked();
    let recording = record.map(|record| record.recording(is_tracked));
    let has_slopes = is_tracked && recording.is_some();
    let outcome = if recording.is_some() { Outcome::Values } else { Outcome::Sums };
    let given = inputs(logits, masks, *valid)?;
    let mut outputs = launch(Forward { batch: batch.clone(), recording, is_tracked }, given).into_iter();
    let (values, slopes) = (outputs.next()?, outputs.next());
    if !is_tracked {
        return Some(outcome(logits.lift(values)));
    }
    let known = (logits.clone().without_autodiff(), masks.clone().without_autodiff(), valid.cloned());
    let values = custom_backward(values, from_ref(logits), move |upstream| {
        let (logits, masks, valid) = known;
        let given = inputs(&logits, &masks, valid.as_ref()).expect("what it was before");
        let rest = slopes.iter().chain([&upstream]);
        let rest = rest.map(|input| primitive(input).expect("a gradient is where its tensor is"));
        vec![launch(Backward { batch, has_slopes }, given.into_iter().chain(rest).collect()).pop()]
    })?;
    Some(outcome(values))
}
