//! A value with a backward pass of its own.

use super::any_tensor::AnyTensor;

/// Puts `value`, computed without a graph, into the graph of `parents`: `backward` computes the gradients of those parents that
/// need one from the gradient of the value.
///
/// If no parent is tracked, the value is returned without a graph.
///
/// `None` on a device whose backend this crate was not built for (its features name them): the caller then computes with a graph.
pub(crate) fn custom_backward(
    value: AnyTensor,
    parents: &[AnyTensor],
    backward: impl FnOnce(AnyTensor) -> Vec<Option<AnyTensor>> + Send + 'static,
) -> Option<AnyTensor> {
    if !parents.iter().any(AnyTensor::is_tracked) {
        return Some(parents[0].lift(value));
    }
    graph::custom_backward(&value, parents, &graph::State::new(Box::new(backward)))
}

// Without a backend there is no graph.
#[cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "cube")),
    allow(dead_code, unused_imports, unused_variables)
)]
mod graph {
    use super::AnyTensor;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing};
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, AutodiffBackend, Backend, DispatchKindConversion, DispatchTensor};
    use burn::tensor::Tensor;
    use core::fmt;
    use std::sync::{Arc, Mutex, PoisonError};

    type OfParents = dyn FnOnce(AnyTensor) -> Vec<Option<AnyTensor>> + Send;

    /// What is kept for the backward pass. The backward pass takes it out, so that a gradient can be changed in place.
    #[derive(Clone)]
    pub(super) struct State(Arc<Mutex<Option<Box<OfParents>>>>);

    impl State {
        pub(super) fn new(backward: Box<OfParents>) -> Self {
            Self(Arc::new(Mutex::new(Some(backward))))
        }

        fn run(&self, upstream: AnyTensor) -> Vec<Option<AnyTensor>> {
            let backward = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            backward.expect("Burn runs the backward pass of a node once")(upstream)
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
            let of_parents = ops.state.run(AnyTensor::from_tensor(upstream));
            for (parent, gradient) in ops.parents.into_iter().zip(of_parents) {
                if let (Some(parent), Some(gradient)) = (parent, gradient) {
                    let gradient = gradient.tensor().try_into_primitive::<B>();
                    gradients.register::<B>(parent.id, gradient.expect("a gradient is where its tensor is"));
                }
            }
        }
    }

    /// The value in the graph, if its backend is `B` and its graph has the checkpoint strategy `C`.
    fn on<B: Backend, C: CheckpointStrategy>(
        value: &AnyTensor,
        parents: &[AnyTensor],
        state: &State,
    ) -> Option<AnyTensor>
    where
        DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B, C>>,
    {
        let value = value.tensor().try_into_primitive::<B>().ok()?;
        let node = |parent: &AnyTensor| {
            let tracked = parent.tensor().try_into_primitive::<Autodiff<B, C>>().ok();
            let constant = || parent.tensor().try_into_primitive::<B>().ok().map(Autodiff::<B, C>::from_inner);
            Some(tracked.or_else(constant)?.node())
        };
        let value = match parents {
            [a] => finish::<B, C, 1>([node(a)?], state, value),
            [a, b] => finish::<B, C, 2>([node(a)?, node(b)?], state, value),
            [a, b, c] => finish::<B, C, 3>([node(a)?, node(b)?, node(c)?], state, value),
            _ => unreachable!("one to three parents"),
        };
        Some(AnyTensor::from_tensor(Tensor::from_primitive::<Autodiff<B, C>>(value)))
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

    /// The value in the graph, if its backend is `B`.
    fn on_backend<B: Backend>(value: &AnyTensor, parents: &[AnyTensor], state: &State) -> Option<AnyTensor>
    where
        DispatchTensor: DispatchKindConversion<B>
            + DispatchKindConversion<Autodiff<B, NoCheckpointing>>
            + DispatchKindConversion<Autodiff<B, BalancedCheckpointing>>,
    {
        on::<B, NoCheckpointing>(value, parents, state)
            .or_else(|| on::<B, BalancedCheckpointing>(value, parents, state))
    }

    pub(super) fn custom_backward(value: &AnyTensor, parents: &[AnyTensor], state: &State) -> Option<AnyTensor> {
        #[cfg(feature = "flex")]
        if let Some(value) = on_backend::<burn::backend::Flex>(value, parents, state) {
            return Some(value);
        }
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)] // Burn deprecates burn-ndarray, which we still support
        if let Some(value) = on_backend::<burn::backend::NdArray>(value, parents, state) {
            return Some(value);
        }
        #[cfg(feature = "cube")]
        if let Some(value) = on_backend::<burn::backend::Cube>(value, parents, state) {
            return Some(value);
        }
        None
    }
}
