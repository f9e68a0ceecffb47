//! A value with a backward pass of its own.

use burn::tensor::Tensor;

/// Puts `value`, computed without a graph, into the graph of `parents`: `backward` makes their gradients, where they need any, from
/// the gradient of the value.
///
/// `None` on a device whose backend this crate was not built for (its features name them): the caller computes there with a graph.
pub(crate) fn attach(
    value: Tensor<1>,
    parents: &[Tensor<2>],
    backward: impl Fn(Tensor<1>) -> Vec<Option<Tensor<2>>> + Send + Sync + 'static,
) -> Option<Tensor<1>> {
    #[cfg(feature = "autodiff")]
    {
        graph::attach(&value, parents, &graph::State::new(backward))
    }
    #[cfg(not(feature = "autodiff"))]
    {
        let _ = (parents, backward);
        Some(value)
    }
}

#[cfg(feature = "autodiff")]
mod graph {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing};
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, AutodiffBackend, Backend, DispatchKindConversion, DispatchTensor};
    use burn::tensor::Tensor;
    use core::fmt;
    use std::sync::Arc;

    type OfParents = dyn Fn(Tensor<1>) -> Vec<Option<Tensor<2>>> + Send + Sync;

    /// What is kept for the backward pass.
    #[derive(Clone)]
    pub(super) struct State(Arc<OfParents>);

    impl State {
        pub(super) fn new(backward: impl Fn(Tensor<1>) -> Vec<Option<Tensor<2>>> + Send + Sync + 'static) -> Self {
            Self(Arc::new(backward))
        }
    }

    impl fmt::Debug for State {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("State")
        }
    }

    #[derive(Debug)]
    struct Own;

    impl<B: Backend, const N: usize> Backward<B, N> for Own
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        type State = State;

        fn backward(self, ops: Ops<State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let upstream = Tensor::<1>::from_primitive::<B>(gradients.consume::<B>(&ops.node));
            for (parent, gradient) in ops.parents.into_iter().zip((ops.state.0)(upstream)) {
                if let (Some(parent), Some(gradient)) = (parent, gradient) {
                    let gradient = gradient.try_into_primitive::<B>().expect("a gradient is where its tensor is");
                    gradients.register::<B>(parent.id, gradient);
                }
            }
        }
    }

    /// The value in the graph, if its backend is `B` and its graph keeps or recomputes what `C` says.
    fn on<B: Backend, C: CheckpointStrategy>(
        value: &Tensor<1>,
        parents: &[Tensor<2>],
        state: &State,
    ) -> Option<Tensor<1>>
    where
        DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B, C>>,
    {
        let value = value.clone().try_into_primitive::<B>().ok()?;
        let node = |parent: &Tensor<2>| {
            let tracked = parent.clone().try_into_primitive::<Autodiff<B, C>>().ok();
            let constant = || parent.clone().try_into_primitive::<B>().ok().map(Autodiff::<B, C>::from_inner);
            Some(tracked.or_else(constant)?.node())
        };
        let value = match parents {
            [a] => finish::<B, C, 1>([node(a)?], state, value),
            [a, b] => finish::<B, C, 2>([node(a)?, node(b)?], state, value),
            [a, b, c] => finish::<B, C, 3>([node(a)?, node(b)?, node(c)?], state, value),
            _ => unreachable!("one to three parents"),
        };
        Some(Tensor::from_primitive::<Autodiff<B, C>>(value))
    }

    fn finish<B: Backend, C: CheckpointStrategy, const N: usize>(
        parents: [NodeGuard; N],
        state: &State,
        value: FloatTensor<B>,
    ) -> FloatTensor<Autodiff<B, C>>
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        match Backward::<B, N>::prepare::<C>(Own, parents).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(state.clone(), value),
            OpsKind::UnTracked(prepared) => prepared.finish(value),
        }
    }

    pub(super) fn attach(value: &Tensor<1>, parents: &[Tensor<2>], state: &State) -> Option<Tensor<1>> {
        macro_rules! first_of {
            ($($(#[$built:meta])* $backend:ident),+) => {
                $($(#[$built])* #[allow(deprecated)] { // upstream's, not ours: burn-ndarray is part of what we support
                    use burn::backend::$backend;
                    if let Some(value) = on::<$backend, NoCheckpointing>(value, parents, state)
                        .or_else(|| on::<$backend, BalancedCheckpointing>(value, parents, state))
                    {
                        return Some(value);
                    }
                })+
            };
        }
        first_of!(
            #[cfg(feature = "flex")]
            Flex,
            #[cfg(feature = "ndarray")]
            NdArray,
            #[cfg(any(
                feature = "wgpu",
                feature = "vulkan",
                feature = "metal",
                feature = "webgpu",
                feature = "cuda",
                feature = "rocm",
                feature = "cpu"
            ))]
            Cube
        );
        None
    }
}
