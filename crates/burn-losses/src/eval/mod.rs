//! Any loss on named tensors: what the command `burn-losses eval` runs, and every golden test.
//!
//! The names are those of the arguments: `predictions`, `targets`, `logits`, `labels`, `weights`, ..

use crate::binary::BinaryLoss;
use crate::boxes::BoxesLoss;
use crate::classification::ClassificationLoss;
use crate::distribution::{DistributionInput, DistributionLoss};
use crate::engine::{distributions, heads, is_fused, overlap, pointwise, rows};
use crate::error::InputError;
use crate::heads::{AnyHeadLoss, HeadLoss};
use crate::metric::{AnyMetricLoss, MetricLoss};
use crate::reduction::{Reduction, Unreduced};
use crate::registry::AnyLoss;
use crate::regression::RegressionLoss;
use crate::segmentation::{Masks, SegmentationLoss};
use burn::tensor::{Bool, DType, Device, FloatDType, Gradients, Int, Tensor, TensorData};
use std::collections::BTreeMap;
use thiserror::Error;

/// Tensors by name.
pub type Inputs = BTreeMap<String, TensorData>;

/// What a loss makes of its inputs.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The reduced value.
    pub loss: f64,
    /// The unreduced values, without weights, as f64.
    pub unreduced: TensorData,
    /// The gradient of the reduced value with respect to each float input, as f64.
    pub gradients: BTreeMap<String, TensorData>,
}

/// Why a loss cannot be evaluated on given tensors.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A tensor is missing.
    #[error("{loss}: tensor `{name}` is missing, expected: {expected}")]
    Missing {
        /// The loss.
        loss: &'static str,
        /// The missing tensor.
        name: String,
        /// All tensors that the loss takes.
        expected: String,
    },
    /// A tensor that the loss does not take.
    #[error("{loss}: tensor `{name}` is not an argument of this loss, expected: {expected}")]
    Unknown {
        /// The loss.
        loss: &'static str,
        /// The superfluous tensor.
        name: String,
        /// All tensors that the loss takes.
        expected: String,
    },
    /// A tensor has a rank that fits no argument.
    #[error("{loss}: `{name}` has shape {shape:?}, expected {expected}")]
    Rank {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The ranks that fit.
        expected: String,
    },
    /// A tensor has a type that fits no argument.
    #[error("{loss}: `{name}` has type {given:?}, expected {expected}")]
    Type {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// Its type.
        given: DType,
        /// The types that fit.
        expected: &'static str,
    },
    /// An integer that the integers of the device cannot hold.
    #[error("{loss}: `{name}` holds {label}, but the integers of this device have {bits} bits")]
    Label {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        name: String,
        /// The integer.
        label: i128,
        /// What the device has.
        bits: usize,
    },
    /// A shape, type or device that the loss itself refuses.
    #[error(transparent)]
    Input(#[from] InputError),
}

impl EvalError {
    /// The tensor that it is about.
    pub fn argument(&self) -> &str {
        match self {
            Self::Missing { name, .. }
            | Self::Unknown { name, .. }
            | Self::Rank { name, .. }
            | Self::Type { name, .. }
            | Self::Label { name, .. } => name,
            Self::Input(error) => error.argument,
        }
    }
}

impl AnyLoss {
    /// What the first argument is called: `predictions`, `logits`, ..
    pub fn input(&self) -> &'static str {
        match self {
            Self::Regression(_) | Self::Boxes(_) => "predictions",
            Self::Binary(loss) => loss.input(),
            Self::Classification(loss) => loss.input(),
            Self::Distribution(loss) => loss.input().name(),
            Self::Segmentation(loss) => loss.input(),
            Self::Heads(_) | Self::Metric(_) => "embeddings",
        }
    }

    /// Evaluates the loss on named tensors, on `device` and with floats of type `dtype`, and differentiates it.
    ///
    /// A loss with state (GHM) takes a step, as in training.
    pub fn evaluate(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluation, EvalError> {
        self.compute(inputs, &device.clone().autodiff(), dtype)
    }

    /// [`evaluate`](Self::evaluate); on a device without autodiff there are no gradients, and no step is taken.
    pub(crate) fn compute(&self, inputs: &Inputs, device: &Device, dtype: FloatDType) -> Result<Evaluation, EvalError> {
        let run = |loss| Run { loss, first: self.input(), inputs, device: device.clone(), dtype };
        match self {
            Self::Regression(loss) => run(loss.kind()).elementwise(loss, loss.reduction()),
            Self::Binary(loss) => run(loss.kind()).elementwise(loss, loss.reduction()),
            Self::Classification(loss) => run(loss.kind()).classification(loss),
            Self::Distribution(loss) => run(loss.kind()).distribution(loss),
            Self::Segmentation(loss) => run(loss.kind()).segmentation(loss),
            Self::Boxes(loss) => run(loss.kind()).boxes(loss),
            Self::Heads(loss) => run(loss.kind()).heads(loss),
            Self::Metric(loss) => run(loss.kind()).metric(loss),
        }
    }
}

/// Calls a method with the rank of a tensor as its constant parameter.
macro_rules! with_rank {
    ($rank:expr, $self:ident.$method:ident $args:tt, [$($d:literal => $($param:tt),+;)+], $error:expr) => {
        match $rank {
            $($d => $self.$method::<$($param),+, _> $args,)+
            _ => Err($error),
        }
    };
}

struct Run<'a> {
    loss: &'static str,
    first: &'static str,
    inputs: &'a Inputs,
    device: Device,
    dtype: FloatDType,
}

/// Reads one gradient out of all.
type Gradient = Box<dyn FnOnce(&Gradients) -> TensorData>;

/// Float inputs as leaves of the graph, and how to read their gradients.
#[derive(Default)]
struct Leaves(Vec<(String, Gradient)>);

impl<'a> Run<'a> {
    fn only(&self, names: &[&str]) -> Result<(), EvalError> {
        match self.inputs.keys().find(|name| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(EvalError::Unknown { loss: self.loss, name: name.clone(), expected: quoted(names) }),
        }
    }

    fn get(&self, name: &str, all: &[&str]) -> Result<&TensorData, EvalError> {
        self.inputs.get(name).ok_or_else(|| EvalError::Missing {
            loss: self.loss,
            name: name.to_owned(),
            expected: quoted(all),
        })
    }

    fn rank_error(&self, name: &str, expected: impl Into<String>) -> EvalError {
        let shape = self.inputs[name].shape().to_vec();
        EvalError::Rank { loss: self.loss, name: name.to_owned(), shape, expected: expected.into() }
    }

    fn data<const D: usize>(
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

    fn float<const D: usize>(&self, name: &str, leaves: &mut Leaves) -> Result<Tensor<D>, EvalError> {
        let data = self.data::<D>(name, DType::is_float, "a float type")?;
        let tensor = Tensor::<D>::from_data(data, (&self.device, DType::from(self.dtype)));
        if !self.device.is_autodiff() {
            return Ok(tensor);
        }
        let tensor = tensor.require_grad();
        let leaf = tensor.clone();
        leaves.0.push((
            name.to_owned(),
            Box::new(move |gradients| {
                read(leaf.grad(gradients).unwrap_or_else(|| leaf.clone().without_autodiff().zeros_like()))
            }),
        ));
        Ok(tensor)
    }

    fn int<const D: usize>(&self, name: &str) -> Result<Tensor<D, Int>, EvalError> {
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

    fn optional_weights<const D: usize>(&self, leaves: &mut Leaves) -> Result<Option<Tensor<D>>, EvalError> {
        self.inputs.contains_key("weights").then(|| self.float("weights", leaves)).transpose()
    }

    fn elementwise<P: pointwise::Pointwise>(&self, loss: &P, reduction: Reduction) -> Result<Evaluation, EvalError> {
        let names = [self.first, "targets", "weights"];
        self.only(&names)?;
        let rank = self.get(self.first, &names)?.shape().len();
        self.get("targets", &names)?;
        with_rank!(
            rank,
            self.elementwise_of(loss, reduction),
            [1 => 1; 2 => 2; 3 => 3; 4 => 4; 5 => 5; 6 => 6;],
            self.rank_error(self.first, "1 to 6 axes")
        )
    }

    fn elementwise_of<const D: usize, P: pointwise::Pointwise>(
        &self,
        loss: &P,
        reduction: Reduction,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let first = self.float::<D>(self.first, &mut leaves)?;
        let targets = self.float::<D>("targets", &mut leaves)?;
        let weights = self.optional_weights::<D>(&mut leaves)?;
        let reference = crate::check::Reference { loss: self.loss, name: self.first, tensor: &first };
        pointwise::check(loss, reference, &targets, weights.as_ref())?;
        let divisor = (reduction == Reduction::Positives).then(|| pointwise::positives(targets.clone()));
        let constants = (constant(targets.clone()), weights.clone().map(constant));
        let unreduced = pointwise::values(loss, first.clone(), targets);
        let mut evaluation = leaves.differentiate(unreduced, |values| reduction.reduce(values, weights, divisor));
        if loss.kernel().is_some() {
            let (targets, weights) = constants;
            let values = |first| pointwise::values(loss, first, targets.clone()).values;
            let value = |first| pointwise::reduce(loss, reduction, first, targets.clone(), weights.clone());
            in_training(&mut evaluation, self.first, &first, values, value);
        }
        Ok(evaluation)
    }

    fn distribution<L: DistributionLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        // A tensor `logits` says itself what it holds: its log-softmax is taken also where the config has log-probabilities.
        let logits = self.inputs.contains_key("logits") && !self.inputs.contains_key("log_probabilities");
        let input = if logits { DistributionInput::Logits } else { loss.input() };
        let first = input.name();
        let mut names = vec![first, "targets", "weights"];
        if loss.needs_labels() {
            names.push("labels");
        }
        self.only(&names)?;
        let rank = self.get(first, &names)?.shape().len();
        if loss.needs_labels() {
            self.get("labels", &names)?;
        }
        // The entropy needs no targets.
        if loss.kind() != "entropy" {
            self.get("targets", &names)?;
        }
        with_rank!(
            rank,
            self.distribution_of(loss, input),
            [2 => 2, 1; 3 => 3, 2; 4 => 4, 3; 5 => 5, 4; 6 => 6, 5;],
            self.rank_error(first, "2 to 6 axes, the classes on axis 1")
        )
    }

    fn distribution_of<const D: usize, const K: usize, L: DistributionLoss>(
        &self,
        loss: &L,
        input: DistributionInput,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let first = self.float::<D>(input.name(), &mut leaves)?;
        let targets = match self.inputs.contains_key("targets") {
            true => self.float::<D>("targets", &mut leaves)?,
            false => first.zeros_like(),
        };
        let weights = self.optional_weights::<K>(&mut leaves)?;
        let reference = || crate::check::Reference { loss: self.loss, name: input.name(), tensor: &first };
        distributions::check(reference(), &targets)?;
        let shape: [usize; K] = rows::without_class_axis(first.dims());
        weights.as_ref().map_or(Ok(()), |weights| reference().weights(shape, weights))?;
        let labels = match loss.needs_labels() {
            false => None,
            true => {
                let labels = self.int::<K>("labels")?;
                reference().labels(&labels, shape)?;
                Some(labels.reshape([shape.iter().product::<usize>()]))
            }
        };
        let constants = (constant(targets.clone()), weights.clone().map(constant));
        let is_plain = labels.is_none() && loss.kernel().is_some();
        let values = distributions::values(loss, input, first.clone(), targets, labels).reshape(shape);
        let reduction = loss.reduction();
        let mut evaluation = leaves.differentiate(values.into(), |values| reduction.reduce::<K>(values, weights, None));
        if is_plain {
            let (targets, weights) = constants;
            let values = |first| distributions::values(loss, input, first, targets.clone(), None).reshape(shape);
            let value = |first| distributions::reduce(loss, input, reduction, first, targets.clone(), weights.clone());
            in_training::<D, K>(&mut evaluation, input.name(), &first, values, value);
        }
        Ok(evaluation)
    }

    fn segmentation<L: SegmentationLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        let second = if self.inputs.contains_key("labels") { "labels" } else { "masks" };
        let names = [self.first, second, "weights"];
        self.only(&names)?;
        let rank = self.get(self.first, &names)?.shape().len();
        self.get(second, &names)?;
        with_rank!(
            rank,
            self.segmentation_of(loss),
            [2 => 2, 1; 3 => 3, 2; 4 => 4, 3; 5 => 5, 4; 6 => 6, 5;],
            self.rank_error(self.first, "2 to 6 axes, the classes on axis 1")
        )
    }

    fn segmentation_of<const D: usize, const K: usize, L: SegmentationLoss>(
        &self,
        loss: &L,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let logits = self.float::<D>(self.first, &mut leaves)?;
        let masks: Masks<D> = if self.inputs.contains_key("labels") {
            let labels = self.int::<K>("labels")?;
            let reference = crate::check::Reference { loss: self.loss, name: self.first, tensor: &logits };
            reference.labels(&labels, rows::without_class_axis(logits.dims()))?;
            loss.masks_of(labels, &logits)
        } else {
            self.float::<D>("masks", &mut leaves)?.into()
        };
        let weights = self.optional_weights::<2>(&mut leaves)?;
        loss.check(&logits, &masks, weights.as_ref())?;
        let constants = Masks { masks: constant(masks.masks.clone()), valid: masks.valid.clone() };
        let of_weights = weights.clone().map(constant);
        let reduce = |values, weights| loss.reduction().reduce(values, weights, None);
        let unreduced = overlap::values(loss, &loss.regions(), logits.clone(), masks);
        let mut evaluation = leaves.differentiate(unreduced, |values| reduce(values, weights));
        if loss.kernel().is_some() {
            let unreduced = |logits| overlap::values(loss, &loss.regions(), logits, constants.clone());
            let value = |logits| reduce(unreduced(logits), of_weights.clone());
            in_training(&mut evaluation, self.first, &logits, |logits| unreduced(logits).values, value);
        }
        Ok(evaluation)
    }

    fn boxes<L: BoxesLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        let names = ["predictions", "targets", "weights"];
        self.only(&names)?;
        self.get("predictions", &names)?;
        self.get("targets", &names)?;
        let mut leaves = Leaves::default();
        let predictions = self.float::<2>("predictions", &mut leaves)?;
        let targets = self.float::<2>("targets", &mut leaves)?;
        let weights = self.optional_weights::<1>(&mut leaves)?;
        loss.check(&predictions, &targets, weights.as_ref())?;
        let constants = (constant(targets.clone()), weights.clone().map(constant));
        let unreduced = loss.forward_unreduced(predictions.clone(), targets);
        let mut evaluation = leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None));
        if loss.kernel().is_some() {
            let (targets, weights) = constants;
            let values = |predictions| loss.forward_no_reduction(predictions, targets.clone());
            let value = |predictions| match weights.clone() {
                None => loss.forward(predictions, targets.clone()),
                Some(weights) => loss.forward_weighted(predictions, targets.clone(), weights),
            };
            in_training(&mut evaluation, "predictions", &predictions, values, value);
        }
        Ok(evaluation)
    }

    /// A head with its own parameters, or those that are given; with its own samples, or those that are given.
    fn heads(&self, loss: &AnyHeadLoss) -> Result<Evaluation, EvalError> {
        let mut names = vec!["embeddings", "labels", "weights", "weight"];
        names.extend(loss.bias().map(|_| "bias"));
        names.extend(match loss {
            AnyHeadLoss::SampledSoftmax(_) => &["sampled", "expected_counts"][..],
            AnyHeadLoss::NegativeSampling(_) => &["sampled"],
            loss if loss.sampled_classes(&Tensor::zeros([0], &self.device), false).is_some() => &["sampled"],
            _ => &[],
        });
        self.only(&names)?;
        self.get("embeddings", &names)?;
        self.get("labels", &names)?;
        let mut leaves = Leaves::default();
        let embeddings = self.float::<2>("embeddings", &mut leaves)?;
        let labels = self.int::<1>("labels")?;
        let weights = self.optional_weights::<1>(&mut leaves)?;
        let given = |name: &str| self.inputs.contains_key(name);
        let weight = if given("weight") { Some(self.float::<2>("weight", &mut leaves)?) } else { None };
        let bias = if given("bias") { Some(self.float::<1>("bias", &mut leaves)?) } else { None };
        let weight = weight.unwrap_or_else(|| loss.weight().to_device(&self.device));
        let bias = bias.or_else(|| loss.bias().map(|bias| bias.to_device(&self.device)));
        self.same_shape("weight", &weight, loss.weight().dims())?;
        let parameters = heads::Parameters { weight, bias };
        let reference = crate::check::Reference { loss: self.loss, name: "embeddings", tensor: &embeddings };
        heads::check(loss, &parameters, reference, Some(&labels), weights.as_ref())?;
        let unreduced = match loss {
            AnyHeadLoss::SampledSoftmax(loss) if given("sampled") || given("expected_counts") => {
                self.get("sampled", &names)?;
                self.get("expected_counts", &names)?;
                let sampled = self.int::<1>("sampled")?;
                let expected = self.float::<1>("expected_counts", &mut Leaves::default())?;
                loss.check_samples(&embeddings, &labels, &sampled, &expected)?;
                loss.values_with_samples(parameters, embeddings, labels, sampled, expected)
            }
            AnyHeadLoss::NegativeSampling(loss) if given("sampled") => {
                let sampled = self.int::<2>("sampled")?;
                loss.check_samples(&embeddings, &labels, &sampled)?;
                loss.values_with_samples(parameters, embeddings, labels, sampled)
            }
            loss if given("sampled") => {
                let sampled = self.int::<1>("sampled")?;
                reference.same_device("sampled", &sampled)?;
                heads::values_of_sampled(loss, parameters, embeddings, labels, sampled)
            }
            loss => loss.values(parameters, embeddings, labels),
        };
        Ok(leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None)))
    }

    /// A parameter has the shape that the config says.
    fn same_shape(&self, name: &str, given: &Tensor<2>, own: [usize; 2]) -> Result<(), EvalError> {
        if given.dims() == own {
            return Ok(());
        }
        let expected = format!("{own:?}, as the config says");
        Err(EvalError::Rank { loss: self.loss, name: name.to_owned(), shape: given.dims().to_vec(), expected })
    }

    /// A loss with its own proxies, or those that are given.
    fn metric(&self, loss: &AnyMetricLoss) -> Result<Evaluation, EvalError> {
        let own = match loss {
            AnyMetricLoss::ProxyAnchor(loss) => Some(loss),
            _ => None,
        };
        let mut names = vec!["embeddings", "labels", "weights"];
        names.extend(own.map(|_| "proxies"));
        self.only(&names)?;
        self.get("embeddings", &names)?;
        self.get("labels", &names)?;
        let mut leaves = Leaves::default();
        let embeddings = self.float::<2>("embeddings", &mut leaves)?;
        let labels = self.int::<1>("labels")?;
        let weights = self.optional_weights::<1>(&mut leaves)?;
        loss.check(&embeddings, &labels, weights.as_ref())?;
        let unreduced = match own {
            Some(own) if self.inputs.contains_key("proxies") => {
                let proxies = self.float::<2>("proxies", &mut leaves)?;
                self.same_shape("proxies", &proxies, own.proxies().dims())?;
                own.values_with_proxies(proxies, embeddings, labels)
            }
            _ => loss.forward_unreduced(embeddings, labels),
        };
        Ok(leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None)))
    }

    fn classification<L: ClassificationLoss>(&self, loss: &L) -> Result<Evaluation, EvalError> {
        let soft = self.inputs.contains_key("probabilities");
        let names: &[&str] =
            if soft { &[self.first, "probabilities", "mask", "weights"] } else { &[self.first, "labels", "weights"] };
        self.only(names)?;
        let rank = self.get(self.first, names)?.shape().len();
        self.get(names[1], names)?;
        let error = || self.rank_error(self.first, "2 to 6 axes, the classes on axis 1");
        if soft {
            with_rank!(
                rank,
                self.soft_of(loss),
                [2 => 2, 1; 3 => 3, 2; 4 => 4, 3; 5 => 5, 4; 6 => 6, 5;],
                error()
            )
        } else {
            with_rank!(
                rank,
                self.labelled_of(loss),
                [2 => 2, 1; 3 => 3, 2; 4 => 4, 3; 5 => 5, 4; 6 => 6, 5;],
                error()
            )
        }
    }

    fn labelled_of<const D: usize, const K: usize, L: ClassificationLoss>(
        &self,
        loss: &L,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let logits = self.float::<D>(self.first, &mut leaves)?;
        let labels = self.int::<K>("labels")?;
        let weights = self.optional_weights::<K>(&mut leaves)?;
        loss.check(&logits, &labels, weights.as_ref())?;
        let of_weights = weights.clone().map(constant);
        let unreduced = rows::values(loss, logits.clone(), labels.clone());
        let mut evaluation = leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None));
        if loss.kernel(logits.dims()[1]).is_some() {
            let values = |logits| rows::values(loss, logits, labels.clone()).values;
            let value = |logits| rows::reduce(loss, loss.reduction(), logits, labels.clone(), of_weights.clone());
            in_training(&mut evaluation, self.first, &logits, values, value);
        }
        Ok(evaluation)
    }

    fn soft_of<const D: usize, const K: usize, L: ClassificationLoss>(
        &self,
        loss: &L,
    ) -> Result<Evaluation, EvalError> {
        let mut leaves = Leaves::default();
        let logits = self.float::<D>(self.first, &mut leaves)?;
        let probabilities = self.float::<D>("probabilities", &mut leaves)?;
        let mask = match self.inputs.contains_key("mask") {
            false => None,
            true => {
                let data = self.data::<K>("mask", DType::is_bool, "a boolean type")?;
                Some(Tensor::<K, Bool>::from_data(data, &self.device))
            }
        };
        let weights = self.optional_weights::<K>(&mut leaves)?;
        loss.check_soft(&logits, &probabilities, mask.as_ref(), weights.as_ref())?;
        let unreduced = rows::soft_values::<_, D, K>(loss, logits, probabilities, mask);
        Ok(leaves.differentiate(unreduced, |values| loss.reduction().reduce(values, weights, None)))
    }
}

impl Leaves {
    fn differentiate<const D: usize>(
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
fn constant<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    tensor.without_autodiff().autodiff()
}

/// The value, the values and the gradient of the first argument once more where nothing else needs a gradient, as in training:
/// those of the fused engine, where that applies.
fn in_training<const D: usize, const V: usize>(
    evaluation: &mut Evaluation,
    name: &str,
    first: &Tensor<D>,
    values: impl FnOnce(Tensor<D>) -> Tensor<V>,
    value: impl FnOnce(Tensor<D>) -> Tensor<1>,
) {
    if !first.is_autodiff() || !is_fused(first) {
        return;
    }
    let leaf = first.clone().detach().require_grad();
    evaluation.unreduced = read(values(leaf.clone()));
    let loss = value(leaf.clone());
    let gradients = loss.backward();
    let gradient = leaf.grad(&gradients).unwrap_or_else(|| leaf.without_autodiff().zeros_like());
    evaluation.gradients.insert(name.to_owned(), read(gradient));
    evaluation.loss = loss.into_scalar();
}

/// The numbers of a tensor as f64, copied at once: on wgpu the memory behind what was read may be used again while the
/// device goes on, and would then show later results.
fn read<const D: usize>(tensor: Tensor<D>) -> TensorData {
    let data = tensor.into_data();
    TensorData::new(data.iter::<f64>().collect::<Vec<_>>(), data.shape().clone())
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
