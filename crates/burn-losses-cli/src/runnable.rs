//! What a config file describes, ready to run on named tensors: a loss, a joint loss or a penalty.

use crate::catalog::{JOINT, REGULARIZATION};
use crate::config::Document;
use crate::error::quoted;
use crate::penalty;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::composition::{JointLoss, JointLossConfig, TermConfig};
use burn_losses::diagnose::Diagnosis;
use burn_losses::eval::{EvalError, Inputs};
use burn_losses::regularization::AnyRegularizer;
use burn_losses::{AnyLoss, ConfigError, SecondOrder, SecondOrderConfig};
use std::collections::BTreeMap;

/// A loss, a joint loss or a penalty on its device.
pub(crate) enum Runnable {
    Loss(Box<AnyLoss>),
    /// A joint loss. The names of its tensors begin with that of a term: `classes.logits`.
    Joint(Box<JointLoss>),
    /// A penalty. Every tensor is a parameter, by its path.
    Penalty(AnyRegularizer),
}

/// The results of an evaluation.
pub(crate) struct Evaluated {
    /// The reduced value.
    pub(crate) loss: f64,
    /// The terms of a joint loss.
    pub(crate) terms: BTreeMap<String, Term>,
    /// The unreduced values; `None` for a joint loss and a penalty.
    pub(crate) unreduced: Option<TensorData>,
    /// The gradients of the reduced value.
    pub(crate) gradients: BTreeMap<String, TensorData>,
    /// The unreduced values with their gradients and curvatures, if they are asked for.
    pub(crate) second_order: Option<SecondOrder<TensorData>>,
}

/// One term of a joint loss.
#[derive(serde::Serialize)]
pub(crate) struct Term {
    /// The value of the term, without its weight.
    pub(crate) loss: f64,
    /// The factor of the value in this step.
    pub(crate) weight: f64,
}

/// Why an evaluation has no result.
pub(crate) enum Problem {
    /// Tensors that do not fit a loss; the string is the term, if there are several.
    Eval(String, Box<EvalError>),
    /// Any other problem with the tensors.
    Other(String),
}

impl From<EvalError> for Problem {
    fn from(error: EvalError) -> Self {
        Self::Eval(String::new(), Box::new(error))
    }
}

impl Runnable {
    pub(crate) fn new(document: &Document, device: &Device) -> Result<Self, ConfigError> {
        Ok(match document {
            Document::Loss(config) => Self::Loss(Box::new(config.try_init(device)?)),
            // Joint losses count a step only on a device with autodiff.
            Document::Joint(config) => Self::Joint(Box::new(config.try_init(&device.clone().autodiff())?)),
            Document::Penalty(config) => Self::Penalty(config.try_init(device)?),
        })
    }

    /// The name of the loss, for errors.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Loss(loss) => loss.kind(),
            Self::Joint(_) => JOINT,
            Self::Penalty(_) => REGULARIZATION,
        }
    }

    /// Computes the value and its gradients. A loss with state takes a step.
    pub(crate) fn evaluate(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluated, Problem> {
        match self {
            Self::Loss(loss) => Ok(of_loss(loss, inputs, device, dtype)?),
            Self::Joint(joint) => of_joint(joint, inputs, device, dtype),
            Self::Penalty(penalty) => penalty::evaluate(penalty, inputs, device, dtype),
        }
    }

    /// Computes the unreduced values with their gradients and curvatures. It is no step.
    pub(crate) fn second_order(
        &self,
        inputs: &Inputs,
        device: &Device,
        dtype: FloatDType,
        options: &SecondOrderConfig,
    ) -> Result<SecondOrder<TensorData>, Problem> {
        match self {
            Self::Loss(loss) => {
                loss.check_labels(inputs)?;
                Ok(loss.evaluate_second_order(inputs, device, dtype, options)?)
            }
            Self::Joint(_) => Err(Problem::Other("a joint loss has second derivatives only by its terms".to_owned())),
            Self::Penalty(_) => Err(Problem::Other("a penalty has no unreduced values to differentiate".to_owned())),
        }
    }

    /// The findings about the tensors, each with the name of its term.
    pub(crate) fn diagnose(&self, inputs: &Inputs, device: &Device) -> Result<Vec<(String, Diagnosis)>, Problem> {
        match self {
            Self::Loss(loss) => Ok(vec![(String::new(), loss.diagnose(inputs, device))]),
            Self::Joint(joint) => {
                let (parts, _) = split(joint.config(), inputs)?;
                let losses = parts.iter().filter_map(|(name, inputs)| Some((name, joint.loss(name)?, inputs)));
                Ok(losses.map(|(name, loss, inputs)| (name.clone(), loss.diagnose(inputs, device))).collect())
            }
            Self::Penalty(_) => Err(Problem::Other("a penalty has no batch to diagnose".to_owned())),
        }
    }
}

fn of_loss(loss: &AnyLoss, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluated, EvalError> {
    loss.check_labels(inputs)?;
    let evaluation = loss.evaluate(inputs, device, dtype)?;
    Ok(Evaluated {
        loss: evaluation.loss,
        terms: BTreeMap::new(),
        unreduced: Some(evaluation.unreduced),
        gradients: evaluation.gradients,
        second_order: None,
    })
}

/// The tensors of each term that is a loss or a penalty, and the values of the others.
type Parts = (BTreeMap<String, Inputs>, BTreeMap<String, f64>);

fn split(config: &JointLossConfig, inputs: &Inputs) -> Result<Parts, Problem> {
    let (mut parts, mut given) = Parts::default();
    for (name, term) in &config.terms {
        if term.term != TermConfig::Given {
            parts.insert(name.clone(), Inputs::new());
        }
    }
    for (name, data) in inputs {
        if config.terms.get(name).is_some_and(|term| term.term == TermConfig::Given) {
            let value = data.iter::<f64>().next().filter(|_| data.num_elements() == 1);
            let wrong =
                || Problem::Other(format!("`{name}` has shape {:?}, expected one number", data.shape().to_vec()));
            given.insert(name.clone(), value.ok_or_else(wrong)?);
            continue;
        }
        // The name of a term may have dots too.
        let of_term = |term: &String| {
            let argument = name.strip_prefix(term.as_str())?.strip_prefix('.')?;
            Some((term.clone(), argument.to_owned()))
        };
        let Some((term, argument)) = parts.keys().filter_map(of_term).max_by_key(|(term, _)| term.len()) else {
            return Err(Problem::Other(format!(
                "tensor `{name}` belongs to no term, expected: {}",
                quoted(&names(config))
            )));
        };
        parts.entry(term).or_default().insert(argument, data.clone());
    }
    match config.terms.keys().find(|name| !parts.contains_key(*name) && !given.contains_key(*name)) {
        Some(name) => Err(Problem::Other(format!("term `{name}` has no value: a tensor `{name}` with one number"))),
        None => Ok((parts, given)),
    }
}

/// The names that the tensors of each term may have.
fn names(config: &JointLossConfig) -> Vec<String> {
    let name = |(name, term): (&String, &burn_losses::composition::JointTerm)| match term.term {
        TermConfig::Given => name.clone(),
        TermConfig::Loss(_) => format!("{name}.ARGUMENT"),
        _ => format!("{name}.PARAMETER"),
    };
    config.terms.iter().map(name).collect()
}

fn of_joint(joint: &JointLoss, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluated, Problem> {
    let (parts, mut values) = split(joint.config(), inputs)?;
    let mut gradients = BTreeMap::new();
    for (name, inputs) in &parts {
        let evaluated = match joint.loss(name) {
            Some(loss) => {
                of_loss(loss, inputs, device, dtype).map_err(|error| Problem::Eval(name.clone(), Box::new(error)))?
            }
            None => penalty::evaluate(joint.regularizer(name), inputs, device, dtype)?,
        };
        values.insert(name.clone(), evaluated.loss);
        gradients.insert(name.clone(), evaluated.gradients);
    }
    let on = (&device.clone().autodiff(), DType::from(dtype));
    let tensor = |value: f64| Tensor::<1>::from_data(TensorData::from([value]), on);
    let output = joint.combine(values.iter().map(|(name, value)| (name.as_str(), tensor(*value))));
    let weights: Vec<f64> = output.weights.values().into_data().iter().collect();
    let terms = joint.names().iter().zip(weights);
    let terms: BTreeMap<_, _> =
        terms.map(|(name, weight)| (name.clone(), Term { loss: values[name], weight })).collect();
    // The gradients with respect to the tensors treat the weight as a constant.
    let scaled = gradients.into_iter().flat_map(|(term, gradients)| {
        let weight = terms[&term].weight;
        gradients.into_iter().map(move |(name, gradient)| (format!("{term}.{name}"), times(&gradient, weight)))
    });
    Ok(Evaluated {
        loss: output.total.into_scalar(),
        unreduced: None,
        gradients: scaled.collect(),
        terms,
        second_order: None,
    })
}

fn times(data: &TensorData, factor: f64) -> TensorData {
    TensorData::new(data.iter::<f64>().map(|x| x * factor).collect::<Vec<_>>(), data.shape().clone())
}
