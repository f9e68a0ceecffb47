//! How a kernel gets into the queue of a device, with Burn's fusion and without.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, BackendTypes};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use burn_fusion::custom::{CustomOpIr, HandleContainer, Operation, OperationIr, StreamId, TensorIr, TensorSpec};
use burn_fusion::{ExecutionError, Fusion, FusionBackend, FusionRuntime};
use core::fmt;
use core::marker::PhantomData;

/// An operation on some tensors, which runs when its turn in the queue comes: one or more launches.
///
/// It holds no tensor. The numbers of a config are part of it, so they are those of this call, even if fusion reuses the rest of
/// an earlier call.
pub(in crate::engine) trait Work: fmt::Debug + Send + Sync + 'static {
    /// The name of the operation in Burn's queue.
    const NAME: &'static str;

    /// Shape and type of each result.
    fn outputs(&self) -> Vec<TensorSpec>;

    /// Runs the operation. Labels are inputs too: on the device every tensor has the same Rust type.
    fn run(&self, inputs: Vec<CubeTensor>) -> Vec<CubeTensor>;
}

/// A backend that is built on CubeCL.
pub(in crate::engine) trait Launch: Backend {
    /// The results of some work, which are computed when they are first needed.
    fn launch<W: Work>(work: W, inputs: Vec<FloatTensor<Self>>) -> Vec<FloatTensor<Self>>;
}

impl Launch for CubeBackend {
    fn launch<W: Work>(work: W, inputs: Vec<CubeTensor>) -> Vec<CubeTensor> {
        work.run(inputs)
    }
}

// Which of these two backends `Cube` is depends on the features of Burn, which any crate of a build can turn on.
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
