//! Rows of logits and their targets -> value: a softmax, and a formula of each class.

mod kernel;
mod margin;
mod row_target;

use super::{Call, Outcome, RowSettings, Target};
use crate::engine::any_tensor::AnyTensor;
use crate::engine::cube::items::Wanted;
use crate::engine::cube::launch::Work;
use crate::engine::cube::reduce::{Count, finished};
use crate::engine::cube::tensors::{Grid, elem, empty, number};
use crate::engine::cube::{in_graph, launch, primitive};
use crate::engine::primitives::labels::{fits, widen_labels};
use crate::formula::record::{Recorder, Recording};
use crate::formula::{Dual, RowFormula};
use crate::reduction::Reduction;
use burn::tensor::{DType, FloatDType, Shape, Tensor, TensorData};
use burn_cubecl::cubecl::ir::ElemType;
use burn_cubecl::cubecl::prelude::InputScalar;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::TensorSpec;
use kernel::{Kind, NumbersLaunch, Structure, rows};

/// The parts of a [`RowFormula`] that a kernel needs beside the formula of a class.
pub(in crate::engine) trait Record: RowSettings {
    fn penalty(&self, log_total: Recorder) -> Option<Dual<Recorder, 1>>;
    fn has_penalty(&self) -> bool;
}

impl<F: RowFormula> Record for F {
    fn penalty(&self, log_total: Recorder) -> Option<Dual<Recorder, 1>> {
        self.penalty(Dual::variable(log_total, 0))
    }
    fn has_penalty(&self) -> bool {
        self.penalty(0.0).is_some()
    }
}

/// The logit of a label with its margin, as data.
pub(crate) struct RecordedMargin {
    /// A program. It takes the logit and, if the margin depends on them, the modulation of the row and the length that is a
    /// factor of the logit beside the cosine and the scale. It gives the logit with its margin and, if gradients are wanted, its
    /// derivatives with respect to the logit and the length.
    pub(crate) recording: Recording,
    /// The modulations, which have no gradient, and the lengths: both `[M]`.
    pub(crate) modulation: Option<Tensor<1>>,
    pub(crate) lengths: Option<Tensor<1>>,
}

/// All rows of a batch. The inputs are the logits and the targets and, if there are any, the factors and the offsets of the
/// classes, the quantities that margins depend on, and the weights.
#[derive(Debug)]
struct Rows {
    kind: Kind,
    classes: Recording,
    penalty: Option<Recording>,
    margin: Option<Recording>,
    /// Whether margins depend on a modulation, and on a length.
    margin_needs: [bool; 2],
    /// The shape of the logits: the second axis is the class axis.
    shape: [usize; 3],
    /// The shape of the gradient of the logits, which may have fewer axes.
    shape_of_slopes: Vec<usize>,
    dtype: DType,
    /// `keep` and `floor`, for the shares.
    smoothing: (f64, f64),
    sharpness: f64,
    ignored: Option<i64>,
    has_factors: bool,
    has_offsets: bool,
    factors_count: bool,
    /// How many rows share a weight; `None` if there are no weights.
    per_weight: Option<usize>,
    wanted: Wanted,
    /// Whether a mean divides by the sum of the weights.
    weights_count: bool,
}

impl Rows {
    fn is_tracked(&self) -> bool {
        self.classes.program.outputs().len() > 1
    }

    fn has_slopes_of_lengths(&self) -> bool {
        self.is_tracked() && self.margin_needs[1]
    }

    fn is_counted(&self) -> bool {
        self.ignored.is_some() || (self.has_factors && self.factors_count)
    }

    fn count(&self) -> usize {
        self.shape[0] * self.shape[2]
    }

    fn scales_later(&self) -> bool {
        self.is_tracked() && self.wanted.scales_later(self.dtype)
    }

    /// The number of units that work on a row. Neighboring units read neighboring numbers of memory.
    fn units_of_row(&self, most: usize) -> usize {
        const CLASSES_OF_UNIT: usize = 16;
        match self.shape {
            [_, classes, 1] if classes > 4 * CLASSES_OF_UNIT => {
                classes.div_ceil(CLASSES_OF_UNIT).next_power_of_two().min(most)
            }
            _ => 1,
        }
    }
}

impl Work for Rows {
    const NAME: &'static str = "burn_losses::rows";

    /// The values or the one value, the slopes, the slopes with respect to the lengths, the factor by which the slopes still have
    /// to be multiplied, and the normalizers of the rows.
    fn outputs(&self) -> Vec<TensorSpec> {
        let single = |count: usize| TensorSpec::new(Shape::from([count]), DType::F32);
        let is_reduced = self.wanted != Wanted::Values;
        let values = single(if is_reduced { 1 } else { self.count() });
        let slopes = self.is_tracked().then(|| TensorSpec::new(Shape::from(self.shape_of_slopes.clone()), self.dtype));
        let by_length = self.has_slopes_of_lengths().then(|| single(self.count()));
        let normalizers = (!is_reduced && self.is_counted()).then(|| single(self.count()));
        let scale = self.scales_later().then(|| single(1));
        [Some(values), slopes, by_length, scale, normalizers].into_iter().flatten().collect()
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let mut inputs = inputs.into_iter();
        let (logits, mut target) = (inputs.next().expect("logits"), inputs.next().expect("a target"));
        let factors = self.has_factors.then(|| inputs.next().expect("factors"));
        let offsets = self.has_offsets.then(|| inputs.next().expect("offsets"));
        let [modulation, lengths] =
            self.margin_needs.map(|needs| needs.then(|| into_contiguous(inputs.next().expect("numbers"))));
        let weights = inputs.next().map(into_contiguous);
        if let Kind::Label | Kind::Smoothed = self.kind {
            target = into_contiguous(target);
        }
        let client = logits.client.clone();
        let most_units = Grid::new(&client, 1).units;
        let per_row = self.units_of_row(most_units);
        let grid = Grid::new(&client, self.count() * per_row);
        let rows_at_once = grid.cubes * grid.units / per_row;
        let is_reduced = self.wanted != Wanted::Values;
        let single = |count: usize| empty(&logits, &[count], DType::F32);
        let values = (!is_reduced).then(|| single(self.count()));
        let normalizers = (!is_reduced && self.is_counted()).then(|| single(self.count()));
        let slopes = self.is_tracked().then(|| empty(&logits, &self.shape_of_slopes, self.dtype));
        let by_length = self.has_slopes_of_lengths().then(|| single(self.count()));
        let partial = is_reduced.then(|| single(2 * grid.cubes));
        let label_type = match target.dtype {
            DType::I64 | DType::U64 | DType::U32 if matches!(self.kind, Kind::Label | Kind::Smoothed) => {
                elem(target.dtype)
            }
            _ => elem(DType::I32),
        };
        let weight_type = weights.as_ref().map_or(DType::F32, |weights| weights.dtype);
        let types: [ElemType; 5] =
            [elem(logits.dtype), label_type, elem(target.dtype), elem(weight_type), elem(DType::F32)];
        let structure = Structure {
            kind: self.kind,
            classes: self.classes.program.clone(),
            penalty: self.penalty.as_ref().map(|penalty| penalty.program.clone()),
            margin: self.margin.as_ref().map(|margin| margin.program.clone()),
            has_ignored: self.ignored.is_some(),
            factors_count: self.factors_count,
            weights_count: self.weights_count,
            units: grid.units,
            per_row,
        };
        let numbers = |recording: Option<&Recording>| {
            recording.into_iter().flat_map(|recording| &recording.parameters).map(|x| number(*x)).collect()
        };
        let arguments = NumbersLaunch::new(
            numbers(Some(&self.classes)),
            numbers(self.penalty.as_ref()),
            numbers(self.margin.as_ref()),
            number(self.smoothing.0),
            number(self.smoothing.1),
            number(self.sharpness),
            number(if self.scales_later() { 1.0 } else { self.wanted.factor() }),
            InputScalar::new(self.ignored.unwrap_or(0), label_type),
            number(f64::NAN),
            self.count(),
            self.shape[1],
            self.shape[2],
            self.count().div_ceil(rows_at_once),
            self.per_weight.unwrap_or(1),
        );
        let (labels, targets) =
            if let Kind::Label | Kind::Smoothed = self.kind { (Some(target), None) } else { (None, Some(target)) };
        let addresses = [Some(&logits), slopes.as_ref()].into_iter().flatten();
        let addresses = addresses.map(CubeTensor::required_address_type).max().unwrap_or_default();
        rows::launch(
            &client,
            grid.count(),
            grid.dim(),
            addresses,
            logits.clone().into_tensor_arg(),
            labels.map(CubeTensor::into_tensor_arg).into(),
            targets.map(CubeTensor::into_tensor_arg).into(),
            factors.map(CubeTensor::into_tensor_arg).into(),
            offsets.map(CubeTensor::into_tensor_arg).into(),
            modulation.map(CubeTensor::into_tensor_arg).into(),
            lengths.map(CubeTensor::into_tensor_arg).into(),
            weights.map(CubeTensor::into_tensor_arg).into(),
            values.clone().map(CubeTensor::into_tensor_arg).into(),
            normalizers.clone().map(CubeTensor::into_tensor_arg).into(),
            slopes.clone().map(CubeTensor::into_tensor_arg).into(),
            by_length.clone().map(CubeTensor::into_tensor_arg).into(),
            partial.clone().map(CubeTensor::into_tensor_arg).into(),
            arguments,
            structure,
            types,
        );
        let Some(partial) = partial else {
            return [values, slopes, by_length, normalizers].into_iter().flatten().collect();
        };
        let count = if let Wanted::PerWeight(_) = self.wanted { Count::Weights } else { Count::Nothing };
        let (value, scale) = finished(partial, &grid, count, self.wanted.factor(), self.scales_later());
        [Some(value), slopes, by_length, scale].into_iter().flatten().collect()
    }
}

/// The values or the reduced value, in the graph of the logits and the lengths. Kernels compute no gradient with respect to the
/// targets and weights.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<Outcome> {
    let &Call { kernel, ref logits, target, margin, recorded, reduce } = call;
    let weights = reduce.and_then(|reduce| reduce.weights.as_ref());
    // A kernel would have to compute the function of each logit several times.
    if kernel.logits.is_some() {
        return None;
    }
    if margin.is_some() || logits.count() == 0 || weights.is_some_and(AnyTensor::is_tracked) {
        return None;
    }
    let shape = match logits.shape()[..] {
        [count, classes] => [count, classes, 1],
        [samples, classes, rest] => [samples, classes, rest],
        _ => unreachable!("logits have two axes, or three"),
    };
    let [count, classes] = [shape[0] * shape[2], shape[1]];
    let (keep, floor) = kernel.record.smoothing(classes);
    let factors = kernel.record.class_factors();
    let offsets = kernel.record.class_offsets();
    let (mut sharpness, mut ignored) = (1.0, None);
    let float = |tensor: &Tensor<2>| (!tensor.is_tracked()).then(|| AnyTensor::from(tensor.clone()));
    let three_axes = |tensor: &Tensor<2>| float(tensor).map(|tensor| tensor.reshape(shape));
    let (kind, given) = match target {
        Target::Labels { of, ignore_index } => {
            let labels = widen_labels(of.clone()).without_autodiff();
            ignored = ignore_index.filter(|index| fits(*index, labels.dtype()));
            (
                if floor > 0.0 || kernel.record.every_class_counts() { Kind::Smoothed } else { Kind::Label },
                labels.try_into_primitive::<burn::backend::Cube>().ok()?,
            )
        }
        // The normalizers of such rows would be sums over the classes, which this kernel does not compute.
        Target::Probabilities(_) if factors.is_some() && kernel.record.factors_count() => return None,
        Target::Probabilities(of) => (Kind::Probabilities, primitive(&three_axes(of)?)?),
        Target::Teacher { of, sharpness: by, is_logarithm } => {
            sharpness = *by;
            (Kind::Teacher { is_logarithm: *is_logarithm }, primitive(&three_axes(of)?)?)
        }
        Target::Bins(of) => (Kind::Bins, primitive(&float(of)?)?),
    };
    let is_tracked = logits.is_tracked();
    let is_counted = ignored.is_some() || (factors.is_some() && kernel.record.factors_count());
    let wanted = reduce.map_or(Wanted::Values, |reduce| match reduce.reduction {
        Reduction::Mean if is_counted => Wanted::PerWeight(1.0),
        reduction => {
            let per_weight = (is_counted || weights.is_some()).then_some(1.0);
            Wanted::reduced(reduction, count as f64, reduce.samples, per_weight)
        }
    });
    let work = Rows {
        kind,
        classes: kernel.classes.recording(is_tracked),
        penalty: kernel.record.has_penalty().then(|| {
            Recording::new(|[log_total]| {
                let y = kernel.record.penalty(log_total).expect("a penalty");
                [y.value, y.slope[0]]
            })
        }),
        shape,
        margin: recorded.map(|margin| margin.recording.clone()),
        margin_needs: recorded.map_or([false; 2], |margin| [margin.modulation.is_some(), margin.lengths.is_some()]),
        shape_of_slopes: logits.shape(),
        dtype: logits.dtype(),
        smoothing: (keep, floor),
        sharpness,
        ignored,
        has_factors: factors.is_some(),
        has_offsets: offsets.is_some(),
        factors_count: kernel.record.factors_count(),
        per_weight: weights.map(|weights| count / weights.count().max(1)),
        wanted,
        weights_count: reduce.is_some_and(|reduce| reduce.reduction == Reduction::WeightedMean),
    };
    let logits_of_rows = logits.clone().without_autodiff().reshape(shape);
    let mut inputs = vec![primitive(&logits_of_rows)?, given];
    for numbers in [factors, offsets].into_iter().flatten() {
        let data = TensorData::new(numbers.to_vec(), [classes]);
        let numbers = Tensor::<1>::from_data(data, (&logits.inner_device(), DType::F32));
        inputs.push(primitive(&numbers.into())?);
    }
    let single = |tensor: &Tensor<1>| AnyTensor::from(tensor.clone().cast(FloatDType::F32));
    let lengths = recorded.and_then(|margin| margin.lengths.as_ref()).map(single);
    let modulation = recorded.and_then(|margin| margin.modulation.as_ref()).map(single);
    for numbers in modulation.iter().chain(&lengths) {
        inputs.push(primitive(numbers)?);
    }
    if let Some(weights) = weights {
        inputs.push(primitive(weights)?);
    }
    let has_normalizers = wanted == Wanted::Values && is_counted;
    let mut outputs = launch(work, inputs);
    let normalizer = if has_normalizers { outputs.pop().map(|normalizers| logits.lift(normalizers)) } else { None };
    let parents: Vec<_> =
        [Some((logits.clone(), classes)), lengths.map(|lengths| (lengths, 1))].into_iter().flatten().collect();
    let values = in_graph(outputs, parents, wanted != Wanted::Values)?;
    Some(Outcome { values, normalizer })
}
