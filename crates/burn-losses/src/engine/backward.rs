//! A value with a backward pass of its own.

use burn::tensor::Tensor;

/// Puts `value`, computed without a graph, into the graph of `parents`: `backward` makes their gradients, where they need any, from
/// the gradient of the value.
///
/// `None` on a device whose backend this crate was not built for (its features name them): the caller computes there with a graph.
pub(crate) fn attach<const V: usize, const P: usize>(
    value: Tensor<V>,
    parents: &[Tensor<P>],
    backward: impl FnOnce(Tensor<V>) -> Vec<Option<Tensor<P>>> + Send + 'static,
) -> Option<Tensor<V>> {
    graph::attach(&value, parents, &graph::State::new(backward))
}

/// A value on the device of an input, with autodiff if it has it.
pub(crate) fn like<const V: usize, const I: usize>(input: &Tensor<I>, value: Tensor<V>) -> Tensor<V> {
    if input.device().is_autodiff() { value.autodiff() } else { value }
}

/// A gradient that was computed for an upstream of 1.
#[cfg(feature = "cpu-engine")]
pub(crate) fn times<const D: usize>(gradient: Tensor<D>, upstream: Tensor<1>) -> Tensor<D> {
    match upstream.into_scalar::<f64>() {
        1.0 => gradient,
        upstream => gradient * upstream,
    }
}

// Without a backend there is no graph.
#[cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "cube")),
    allow(dead_code, unused_imports, unused_variables)
)]
mod graph {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing};
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{Autodiff, AutodiffBackend, Backend, DispatchKindConversion, DispatchTensor};
    use burn::tensor::Tensor;
    use core::fmt;
    use std::sync::{Arc, Mutex, PoisonError};

    type OfParents<const V: usize, const P: usize> = dyn FnOnce(Tensor<V>) -> Vec<Option<Tensor<P>>> + Send;

    /// What is kept for the backward pass, which uses it up: a gradient can be changed in place.
    #[derive(Clone)]
    pub(super) struct State<const V: usize, const P: usize>(Arc<Mutex<Option<Box<OfParents<V, P>>>>>);

    impl<const V: usize, const P: usize> State<V, P> {
        pub(super) fn new(backward: impl FnOnce(Tensor<V>) -> Vec<Option<Tensor<P>>> + Send + 'static) -> Self {
            Self(Arc::new(Mutex::new(Some(Box::new(backward)))))
        }

        fn run(&self, upstream: Tensor<V>) -> Vec<Option<Tensor<P>>> {
            let backward = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            backward.expect("Burn runs the backward pass of a node once")(upstream)
        }
    }

    impl<const V: usize, const P: usize> fmt::Debug for State<V, P> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("State")
        }
    }

    #[derive(Debug)]
    struct Own<const V: usize, const P: usize>;

    impl<B: Backend, const V: usize, const P: usize, const N: usize> Backward<B, N> for Own<V, P>
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        type State = State<V, P>;

        fn backward(self, ops: Ops<State<V, P>, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let upstream = Tensor::<V>::from_primitive::<B>(gradients.consume::<B>(&ops.node));
            for (parent, gradient) in ops.parents.into_iter().zip(ops.state.run(upstream)) {
                if let (Some(parent), Some(gradient)) = (parent, gradient) {
                    let gradient = gradient.try_into_primitive::<B>().expect("a gradient is where its tensor is");
                    gradients.register::<B>(parent.id, gradient);
                }
            }
        }
    }

    /// The value in the graph, if its backend is `B` and its graph keeps or recomputes what `C` says.
    fn on<B: Backend, C: CheckpointStrategy, const V: usize, const P: usize>(
        value: &Tensor<V>,
        parents: &[Tensor<P>],
        state: &State<V, P>,
    ) -> Option<Tensor<V>>
    where
        DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B, C>>,
    {
        let value = value.clone().try_into_primitive::<B>().ok()?;
        let node = |parent: &Tensor<P>| {
            let tracked = parent.clone().try_into_primitive::<Autodiff<B, C>>().ok();
            let constant = || parent.clone().try_into_primitive::<B>().ok().map(Autodiff::<B, C>::from_inner);
            Some(tracked.or_else(constant)?.node())
        };
        let value = match parents {
            [a] => finish::<B, C, V, P, 1>([node(a)?], state, value),
            [a, b] => finish::<B, C, V, P, 2>([node(a)?, node(b)?], state, value),
            [a, b, c] => finish::<B, C, V, P, 3>([node(a)?, node(b)?, node(c)?], state, value),
            _ => unreachable!("one to three parents"),
        };
        Some(Tensor::from_primitive::<Autodiff<B, C>>(value))
    }

    fn finish<B: Backend, C: CheckpointStrategy, const V: usize, const P: usize, const N: usize>(
        parents: [NodeGuard; N],
        state: &State<V, P>,
        value: FloatTensor<B>,
    ) -> FloatTensor<Autodiff<B, C>>
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        match Backward::<B, N>::prepare::<C>(Own::<V, P>, parents).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(state.clone(), value),
            OpsKind::UnTracked(prepared) => prepared.finish(value),
        }
    }

    pub(super) fn attach<const V: usize, const P: usize>(
        value: &Tensor<V>,
        parents: &[Tensor<P>],
        state: &State<V, P>,
    ) -> Option<Tensor<V>> {
        macro_rules! first_of {
            ($($(#[$built:meta])* $backend:ident),+) => {
                $($(#[$built])* #[allow(deprecated)] { // upstream's, not ours: burn-ndarray is part of what we support
                    use burn::backend::$backend;
                    if let Some(value) = on::<$backend, NoCheckpointing, V, P>(value, parents, state)
                        .or_else(|| on::<$backend, BalancedCheckpointing, V, P>(value, parents, state))
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
            #[cfg(feature = "cube")]
            Cube
        );
        None
    }
}
