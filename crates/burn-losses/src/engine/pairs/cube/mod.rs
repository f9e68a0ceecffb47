//! Scores and labels -> value, for every anchor. The products of embeddings and their gradients are Burn's.

mod kernel;
mod record;
mod statistic;

use super::{Call, Outcome, With};
use crate::engine::cube::launch::Work;
use crate::engine::cube::tensors::{Grid, elem, empty, number};
use crate::engine::cube::{in_graph, launch, primitive};
use crate::engine::primitives::labels::widen_labels;
use crate::formula::record::Recording;
use burn::tensor::{DType, Int, IntDType, Shape, Tensor};
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::TensorSpec;
use kernel::{NumbersLaunch, Structure, Term, anchors};
use record::{Recorded, Statistic};

pub(in crate::engine) use record::Record;

/// The work on all rows of some scores.
#[derive(Debug)]
struct Anchors {
    recorded: Recorded,
    shape: [usize; 2],
    dtype: DType,
    is_same: bool,
    is_tracked: bool,
}

impl Work for Anchors {
    const NAME: &'static str = "burn_losses::pairs";

    /// The values, the slopes, and the normalizer of each value.
    fn outputs(&self) -> Vec<TensorSpec> {
        let single = || TensorSpec::new(Shape::from([self.shape[0]]), DType::F32);
        let slopes = self.is_tracked.then(|| TensorSpec::new(Shape::from(self.shape), self.dtype));
        [Some(single()), slopes, Some(single())].into_iter().flatten().collect()
    }

    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        let Recorded { statistics, finish, counts } = &self.recorded;
        let [rows, columns] = self.shape;
        let mut inputs = inputs.into_iter();
        let scores = inputs.next().expect("scores");
        let [labels, others] = [(); 2].map(|()| into_contiguous(inputs.next().expect("labels")));
        let client = scores.client.clone();
        let single = || empty(&scores, &[rows], DType::F32);
        let (values, normalizers) = (single(), single());
        let slopes = self.is_tracked.then(|| empty(&scores, &self.shape, self.dtype));
        let most = Grid::new(&client, 1).units;
        // A cube needs no more units than there are columns.
        let units = columns.next_power_of_two().clamp(32.min(most), most);
        let term = |Statistic { kind, partners, program }: &Statistic| Term {
            kind: *kind,
            partners: *partners,
            program: program.as_ref().map(|program| program.program.clone()),
        };
        let structure = Structure {
            first: term(&statistics[0]),
            second: statistics.get(1).map(term),
            finish: finish.program.clone(),
            counts: *counts,
            is_same: self.is_same,
            units,
        };
        let numbers = |recording: Option<&Recording>| {
            recording.into_iter().flat_map(|recording| &recording.parameters).map(|x| number(*x)).collect()
        };
        let of = |place: usize| statistics.get(place).and_then(|statistic| statistic.program.as_ref());
        let arguments = NumbersLaunch::new(numbers(of(0)), numbers(of(1)), numbers(Some(finish)), rows, columns);
        let types = [scores.dtype, labels.dtype, DType::F32].map(elem);
        let addresses = [Some(&scores), slopes.as_ref()].into_iter().flatten();
        let addresses = addresses.map(CubeTensor::required_address_type).max().unwrap_or_default();
        anchors::launch(
            &client,
            CubeCount::new_1d(rows.min(Grid::MOST_CUBES) as u32),
            CubeDim::new_1d(units as u32),
            addresses,
            scores.clone().into_tensor_arg(),
            labels.into_tensor_arg(),
            others.into_tensor_arg(),
            values.clone().into_tensor_arg(),
            normalizers.clone().into_tensor_arg(),
            slopes.clone().map(CubeTensor::into_tensor_arg).into(),
            arguments,
            structure,
            types,
        );
        [Some(values), slopes, Some(normalizers)].into_iter().flatten().collect()
    }
}

/// The values, in the graph of the scores.
pub(in crate::engine) fn run(call: &Call<'_>) -> Option<Outcome> {
    let With::Scores { scores, labels, is_same } = &call.with else { return None };
    let recorded = call.kernel.record.recorded()?;
    let rows = widen_labels(labels[0].clone()).without_autodiff();
    let columns = widen_labels(labels[1].clone()).without_autodiff().cast(IntDType::from(rows.dtype()));
    let of = |labels: Tensor<1, Int>| labels.try_into_primitive::<burn::backend::Cube>().ok();
    let inputs = vec![primitive(scores)?, of(rows)?, of(columns)?];
    let shape: [usize; 2] = scores.shape().try_into().expect("[N, M]");
    let is_tracked = scores.is_tracked();
    let work = Anchors { recorded, shape, dtype: scores.dtype(), is_same: *is_same, is_tracked };
    let mut outputs = launch(work, inputs);
    let normalizer = scores.lift(outputs.pop()?);
    let values = in_graph(outputs, vec![(scores.clone(), shape[1])], false)?;
    Some(Outcome { values, normalizer })
}
