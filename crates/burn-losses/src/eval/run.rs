//! What all families need: tensors by name, their gradients, and the numbers of both.

use super::{EvalError, Evaluation, Inputs};
use crate::check::Reference;
use crate::engine::machine::has_kernels;
use crate::error::quoted;
use crate::reduction::Unreduced;
use burn::tensor::{DType, Device, FloatDType, Gradients, Int, Tensor, TensorData};
use std::collections::BTreeMap;

/// One evaluation of a loss.
pub(super) struct Run<'a> {
    /// The loss, by its kind.
    pub(super) loss: &'static str,
    /// What its first argument is called.
    pub(super) first: &'static str,
    pub(super) inputs: &'a Inputs,
    pub(super) device: Device,
    pub(super) dtype: FloatDType,
}

impl Run<'_> {
    /// The tensors have these names and no others; those that are needed are there.
    pub(super) fn takes(&self, names: &[&str], needed: &[&str]) -> Result<(), EvalError> {
        if let Some(name) = self.inputs.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(EvalError::Unknown { loss: self.loss, name: name.clone(), expected: quoted(names) });
        }
        self.needs(needed, names)
    }

    pub(super) fn needs(&self, needed: &[&str], names: &[&str]) -> Result<(), EvalError> {
        match needed.iter().find(|name| !self.has(name)) {
            None => Ok(()),
            Some(name) => Err(EvalError::Missing { loss: self.loss, name: name.to_string(), expected: quoted(names) }),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.inputs.contains_key(name)
    }

    pub(super) fn rank(&self, name: &str) -> usize {
        self.inputs[name].shape().len()
    }

    pub(super) fn rank_error(&self, name: &str, expected: impl Into<String>) -> EvalError {
        let shape = self.inputs[name].shape().to_vec();
        EvalError::Rank { loss: self.loss, name: name.to_owned(), shape, expected: expected.into() }
    }

    /// The first argument, as errors name it.
    pub(super) fn reference<'t, const D: usize>(&self, name: &'static str, tensor: &'t Tensor<D>) -> Reference<'t, D> {
        Reference { loss: self.loss, name, tensor }
    }

    pub(super) fn data<const D: usize>(
        &self,
        name: &str,
        fits: fn(&DType) -> bool,
        expected: &'static str,
    ) -> Result<TensorData, EvalError> {
        let data = &self.inputs[name];
        if data.shape().len() != D {
            return Err(self.rank_error(name, format!("{D} {}", if D == 1 { "axis" } else { "axes" })));
        }
        if !fits(&data.dtype()) {
            let (loss, name, given) = (self.loss, name.to_owned(), data.dtype());
            return Err(EvalError::Type { loss, name, given, expected });
        }
        Ok(data.clone())
    }

    pub(super) fn float<const D: usize>(&self, name: &str, leaves: &mut Leaves) -> Result<Tensor<D>, EvalError> {
        let data = self.data::<D>(name, DType::is_float, "a float type")?;
        let tensor = Tensor::<D>::from_data(data, (&self.device, DType::from(self.dtype)));
        if !self.device.is_autodiff() {
            return Ok(tensor);
        }
        let tensor = tensor.require_grad();
        let leaf = tensor.clone();
        leaves.0.push((name.to_owned(), Box::new(move |gradients| gradient_of(leaf, gradients))));
        Ok(tensor)
    }

    pub(super) fn optional_float<const D: usize>(
        &self,
        name: &str,
        leaves: &mut Leaves,
    ) -> Result<Option<Tensor<D>>, EvalError> {
        self.has(name).then(|| self.float(name, leaves)).transpose()
    }

    pub(super) fn int<const D: usize>(&self, name: &str) -> Result<Tensor<D, Int>, EvalError> {
        let fits = |dtype: &DType| dtype.is_int() || dtype.is_uint();
        let data = self.data::<D>(name, fits, "an integer type")?;
        let bits = DType::from(self.device.settings().int_dtype).size() * 8;
        let limit = 1_i128 << (bits - 1);
        let is_too_large = |label: &i128| !(-limit..limit).contains(label);
        let found = match data.dtype() {
            DType::U64 => data.iter::<u64>().map(i128::from).find(is_too_large),
            _ => data.iter::<i64>().map(i128::from).find(is_too_large),
        };
        if let Some(label) = found {
            return Err(EvalError::Label { loss: self.loss, name: name.to_owned(), label, bits });
        }
        Ok(Tensor::from_data(data, &self.device))
    }

    /// A parameter has the shape that the config says.
    pub(super) fn same_shape(&self, name: &str, given: &Tensor<2>, own: [usize; 2]) -> Result<(), EvalError> {
        if given.dims() == own {
            return Ok(());
        }
        let expected = format!("{own:?}, as the config says");
        Err(EvalError::Rank { loss: self.loss, name: name.to_owned(), shape: given.dims().to_vec(), expected })
    }
}

/// Calls a method with the rank of a tensor as its constant parameter.
macro_rules! with_rank {
    ($self:ident.$method:ident $args:tt, $name:expr) => {
        $crate::eval::run::with_rank!(
            $self.$method $args, $name, [1 => 1; 2 => 2; 3 => 3; 4 => 4; 5 => 5; 6 => 6;], "1 to 6 axes"
        )
    };
    ($self:ident.$method:ident $args:tt, $name:expr, [$($d:literal => $($param:tt),+;)+], $expected:literal) => {
        match $self.rank($name) {
            $($d => $self.$method::<$($param),+, _> $args,)+
            _ => Err($self.rank_error($name, $expected)),
        }
    };
}
pub(super) use with_rank;

/// Calls a method with two constant parameters: the rank of a tensor, and the rank without its class axis.
macro_rules! with_class_axis {
    ($self:ident.$method:ident $args:tt, $name:expr) => {
        $crate::eval::run::with_rank!(
            $self.$method $args,
            $name,
            [2 => 2, 1; 3 => 3, 2; 4 => 4, 3; 5 => 5, 4; 6 => 6, 5;],
            "2 to 6 axes, the classes on axis 1"
        )
    };
}
pub(super) use with_class_axis;

/// Reads one gradient out of all.
type Gradient = Box<dyn FnOnce(&Gradients) -> TensorData>;

/// Float inputs as leaves of the graph, and how to read their gradients.
#[derive(Default)]
pub(super) struct Leaves(Vec<(String, Gradient)>);

impl Leaves {
    pub(super) fn differentiate<const D: usize>(
        self,
        unreduced: Unreduced<D>,
        reduce: impl FnOnce(Unreduced<D>) -> Tensor<1>,
    ) -> Evaluation {
        let values = read(unreduced.values.clone());
        let loss = reduce(unreduced);
        if self.0.is_empty() {
            return Evaluation { loss: loss.into_scalar(), unreduced: values, gradients: BTreeMap::new() };
        }
        let gradients = loss.backward();
        Evaluation {
            loss: loss.into_scalar(),
            unreduced: values,
            gradients: self.0.into_iter().map(|(name, read)| (name, read(&gradients))).collect(),
        }
    }
}

/// The same numbers without a gradient. (`detach` leaves a leaf that needs one what it is.)
pub(super) fn constant<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    tensor.without_autodiff().autodiff()
}

/// The value, the values and the gradient of the first argument once more where nothing else needs a gradient, as in training:
/// those of the fused engine, where that applies.
pub(super) fn in_training<const D: usize, const V: usize>(
    evaluation: &mut Evaluation,
    name: &str,
    first: &Tensor<D>,
    values: impl FnOnce(Tensor<D>) -> Tensor<V>,
    value: impl FnOnce(Tensor<D>) -> Tensor<1>,
) {
    if !first.is_autodiff() || !has_kernels(first) {
        return;
    }
    let leaf = first.clone().detach().require_grad();
    evaluation.unreduced = read(values(leaf.clone()));
    let loss = value(leaf.clone());
    let gradients = loss.backward();
    evaluation.gradients.insert(name.to_owned(), gradient_of(leaf, &gradients));
    evaluation.loss = loss.into_scalar();
}

/// The gradient of a leaf: 0 where the loss does not depend on it.
fn gradient_of<const D: usize>(leaf: Tensor<D>, gradients: &Gradients) -> TensorData {
    read(leaf.grad(gradients).unwrap_or_else(|| leaf.without_autodiff().zeros_like()))
}

/// The numbers of a tensor as f64, copied at once: on wgpu the memory behind what was read may be used again while the
/// device goes on, and would then show later results.
fn read<const D: usize>(tensor: Tensor<D>) -> TensorData {
    let data = tensor.into_data();
    TensorData::new(data.iter::<f64>().collect::<Vec<_>>(), data.shape().clone())
}
