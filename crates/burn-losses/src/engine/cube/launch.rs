//! How a kernel gets into the queue of a device, with Burn's fusion and without.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, BackendTypes};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::{CustomOpIr, HandleContainer, Operation, OperationIr, StreamId, TensorIr, TensorSpec};
use burn_fusion::{ExecutionError, Fusion, FusionBackend, FusionRuntime};
use core::fmt;
use core::marker::PhantomData;

/// What is done with some tensors when it is their turn: one or more launches.
///
/// It holds no tensor. The numbers of a config are in it, so they are those of this call, whatever fusion keeps of the others.
pub(in crate::engine) trait Work: fmt::Debug + Send + Sync + 'static {
    /// What it is called in Burn's queue.
    const NAME: &'static str;

    /// Shape and type of each result.
    fn outputs(&self) -> Vec<TensorSpec>;

    /// Labels are inputs too: on the device every tensor is of one type.
    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor>;
}

/// A backend made of CubeCL.
pub(in crate::engine) trait Launch: Backend {
    /// The results of some work, as soon as somebody asks for them.
    fn launch<W: Work>(work: W, inputs: Vec<FloatTensor<Self>>) -> Vec<FloatTensor<Self>>;
}

impl Launch for CubeBackend {
    fn launch<W: Work>(work: W, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        work.run(inputs)
    }
}

// Which of the two `Cube` is depends on the features of Burn, which any crate of a build can turn on.
impl<B> Launch for Fusion<B>
where
    B: FusionBackend + BackendTypes<FloatTensorPrimitive = CubeTensor>,
{
    fn launch<W: Work>(work: W, inputs: Vec<FloatTensor<Self>>) -> Vec<FloatTensor<Self>> {
        let client = inputs[0].client.clone();
        let inputs: Vec<TensorIr> = inputs.into_iter().map(|input| input.into_ir()).collect();
        let output = |spec: TensorSpec| TensorIr::uninit(client.create_empty_handle(), spec.shape, spec.dtype);
        let outputs: Vec<TensorIr> = work.outputs().into_iter().map(output).collect();
        let description = CustomOpIr::new(W::NAME, &inputs, &outputs);
        let queued = Queued::<B, W> { description: description.clone(), work, backend: PhantomData };
        client.register(StreamId::current(), OperationIr::Custom(description), queued)
    }
}

/// Work that waits in the queue of fusion.
#[derive(Debug)]
struct Queued<B, W> {
    description: CustomOpIr,
    work: W,
    backend: PhantomData<B>,
}

impl<B, W: Work> Operation<B::FusionRuntime> for Queued<B, W>
where
    B: FusionBackend + BackendTypes<FloatTensorPrimitive = CubeTensor>,
{
    fn execute(
        &self,
        handles: &mut HandleContainer<<B::FusionRuntime as FusionRuntime>::FusionHandle>,
    ) -> Result<(), ExecutionError> {
        let inputs = self.description.inputs.iter().map(|input| handles.get_float_tensor::<B>(input)).collect();
        let outputs = self.work.run(inputs);
        for (output, tensor) in self.description.outputs.iter().zip(outputs) {
            handles.register_float_tensor::<B>(&output.id, tensor);
        }
        Ok(())
    }
}
