//! Any loss on named tensors: what the command `burn-losses eval` runs, and every golden test.
//!
//! The names are those of the arguments: `predictions` and `targets`, `logits` and `labels`, `weights`, ..; see
//! [`AnyLoss::signatures`]. Every number comes out of the public forward methods.

use crate::error::{InputError, InputProblem};
use crate::heads::HeadLoss;
use crate::registry::AnyLoss;
use crate::second_order::{SecondOrder, SecondOrderConfig};
use crate::signature::{
    Argument, Arguments, Called, Kind, Leaves, Role, Signature, Valid, Wanted, integers, place, read,
};
use burn::module::Module;
use burn::tensor::{Device, FloatDType, TensorData};
use std::collections::BTreeMap;

pub use crate::signature::{EvalError, Inputs};

/// The results of a loss on its inputs.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The reduced value.
    pub loss: f64,
    /// The unreduced values, without weights, as f64.
    pub unreduced: TensorData,
    /// The gradient of the reduced value with respect to each float input, as f64.
    pub gradients: BTreeMap<String, TensorData>,
}

/// The roles of the arguments with respect to which training differentiates a loss.
const TRAINED: &[Role] = &[Role::Prediction, Role::Parameter];

/// The roles of the arguments with respect to which a loss can be differentiated.
const ALL: &[Role] = &[Role::Prediction, Role::Parameter, Role::Target, Role::Weight];

impl AnyLoss {
    /// The name of the first argument: `predictions`, `logits`, ..
    pub fn input(&self) -> &'static str {
        self.signatures()[0][0].name
    }

    /// The arguments of each way to call the loss, the usual one first.
    pub fn signatures(&self) -> Vec<Signature> {
        self.as_family().signatures()
    }

    /// The signature that has most of these tensors; of those whose tensors are all there, if there is one.
    pub fn signature(&self, inputs: &Inputs) -> Signature {
        let is_given = |argument: &&Argument| inputs.contains_key(argument.name);
        let fitting = |signature: &Signature| {
            let is_complete = signature.iter().all(|argument| argument.optional || is_given(&argument));
            (is_complete, signature.iter().filter(is_given).count())
        };
        // Of several equal ones, `max_by_key` takes the last, which is the first in the original order.
        self.signatures().into_iter().rev().max_by_key(fitting).expect("a loss has a signature")
    }

    /// Checks that every label is a class or the ignored label, for every argument that holds labels.
    ///
    /// A loss does not read its labels to check them, since on a GPU it would have to wait. Here waiting does no harm.
    pub fn check_labels(&self, inputs: &Inputs) -> Result<(), EvalError> {
        let signature = self.signature(inputs);
        let Some(first) = inputs.get(signature[0].name) else { return Ok(()) };
        let prediction = first.shape().to_vec();
        for argument in &signature {
            let (Kind::Labels { classes, ignored }, Some(labels)) = (argument.kind, inputs.get(argument.name)) else {
                continue;
            };
            let (shape, dtype) = (labels.shape().to_vec(), labels.dtype());
            // A wrong shape or type is refused by the loss itself.
            let fits = argument.shape.resolve(&prediction).is_none_or(|expected| expected == shape);
            let Some(number) = classes.number(&prediction).filter(|_| fits && (dtype.is_int() || dtype.is_uint()))
            else {
                continue;
            };
            let valid = Valid::new(inputs, &shape);
            let is_wrong =
                |label: i128| ignored.map(i128::from) != Some(label) && !(0..number as i128).contains(&label);
            if let Some((at, label)) =
                integers(labels).enumerate().find(|(at, label)| is_wrong(*label) && valid.contains(*at))
            {
                let (loss, name, index) = (self.kind(), argument.name.to_owned(), place(at, &shape));
                return Err(match classes.is_length() {
                    true => EvalError::Length { loss, name, length: label, index, most: number - 1 },
                    false => EvalError::NoClass { loss, name, label, index, classes: number, ignored },
                });
            }
        }
        Ok(())
    }

    /// Evaluates the loss on named tensors, on `device` and with floats of type `dtype`, and differentiates it.
    ///
    /// The values, and the gradients of predictions and parameters, are those of training, where no other tensor needs a
    /// gradient. The gradients of targets and weights come from a second run, in which all floats need one.
    ///
    /// A loss with state (GHM) takes a step, as in training.
    pub fn evaluate(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluation, EvalError> {
        let device = device.clone().autodiff();
        // Every call is a step of a loss with state, so all calls but one are made on a copy.
        let [before, again] = [(); 2].map(|()| self.copy(&device));
        let run = |loss: &Self, wanted, roles| loss.run(inputs, &device, dtype, wanted, roles);
        let (values, _) = run(&before, Wanted::Values, TRAINED)?;
        let (loss, leaves) = run(&self.clone().fork(&device), Wanted::Loss, TRAINED)?;
        let mut gradients = leaves.differentiate(&loss.numbers);
        if self.signature(inputs).iter().any(|argument| argument.is_constant() && inputs.contains_key(argument.name)) {
            let (loss, leaves) = run(&again, Wanted::Loss, ALL)?;
            for (name, gradient) in leaves.differentiate(&loss.numbers) {
                gradients.entry(name).or_insert(gradient);
            }
        }
        Ok(evaluation(loss, values, gradients))
    }

    /// The unreduced values with their gradients and curvatures, as f64: see [`second_order`](crate::second_order). Weights multiply
    /// all three. It is no step.
    pub fn evaluate_second_order(
        &self,
        inputs: &Inputs,
        device: &Device,
        dtype: FloatDType,
        options: &SecondOrderConfig,
    ) -> Result<SecondOrder<TensorData>, EvalError> {
        let device = device.clone().without_autodiff();
        let (loss, signature) = (self.copy(&device), self.signature(inputs));
        let mut arguments = Arguments::new(self.kind(), &signature, inputs, &device, dtype, &[])?;
        let called = loss.as_family().call_second_order(&mut arguments, options).unwrap_or_else(|| {
            let why = "only losses of the families `regression`, `binary` and `classification` have second derivatives";
            let problem = InputProblem::Unsupported(why.into());
            Err(InputError { loss: self.kind(), argument: "curvature", problem }.into())
        })?;
        let data = |Called { numbers, shape }| TensorData::new(read(numbers).iter::<f64>().collect::<Vec<_>>(), shape);
        let [values, gradient, curvature] = called.map(data);
        Ok(SecondOrder { values, gradient, curvature })
    }

    /// The gradients of training, without a step.
    pub(crate) fn gradients(
        &self,
        inputs: &Inputs,
        device: &Device,
        dtype: FloatDType,
    ) -> Result<BTreeMap<String, TensorData>, EvalError> {
        let device = device.clone().autodiff();
        let (loss, leaves) = self.copy(&device).run(inputs, &device, dtype, Wanted::Loss, TRAINED)?;
        Ok(leaves.differentiate(&loss.numbers))
    }

    /// The values without gradients and without a step.
    pub(crate) fn compute(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluation, EvalError> {
        let device = device.clone().without_autodiff();
        let loss = self.copy(&device);
        let [values, loss] = [Wanted::Values, Wanted::Loss].map(|wanted| loss.run(inputs, &device, dtype, wanted, &[]));
        Ok(evaluation(loss?.0, values?.0, BTreeMap::new()))
    }

    /// Calls the loss, with a gradient for the tensors that have one of these roles.
    fn run(
        &self,
        inputs: &Inputs,
        device: &Device,
        dtype: FloatDType,
        wanted: Wanted,
        differentiated: &[Role],
    ) -> Result<(Called, Leaves), EvalError> {
        let signature = self.signature(inputs);
        let mut arguments = Arguments::new(self.kind(), &signature, inputs, device, dtype, differentiated)?;
        let called = self.as_family().call(&mut arguments, wanted)?;
        Ok((called, arguments.into_leaves()))
    }

    /// The loss with a state of its own, on a device. (A clone shares its state.)
    fn copy(&self, device: &Device) -> Self {
        let mut copy = self.valid().to_device(device);
        if let Self::Heads(head) = &mut copy {
            head.own_draws();
        }
        copy
    }
}

fn evaluation(loss: Called, values: Called, gradients: BTreeMap<String, TensorData>) -> Evaluation {
    let unreduced = TensorData::new(read(values.numbers).iter::<f64>().collect::<Vec<_>>(), values.shape);
    Evaluation { loss: loss.numbers.into_scalar(), unreduced, gradients }
}
