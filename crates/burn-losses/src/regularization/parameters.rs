//! Which parameters of a module are penalized, and the walk over them.

use super::Regularizer;
use crate::check::widen;
use crate::config::{FieldType, Range, Unreadable, Value};
use crate::error::{ConfigError, InputError, InputProblem};
use crate::field::table;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn_losses_derive::ByValue;

/// Which parameters of a module are penalized. Frozen parameters and buffers never are.
///
/// ```toml
/// parameters = "weights"                                        # the default
/// parameters = "all"
/// parameters = { paths = ["encoder", "head.weight"] }           # these, and all below them
/// parameters = { except = ["encoder.embedding"] }               # all but these, and all below them
/// ```
#[derive(Debug, Clone, PartialEq, Eq, ByValue)]
pub enum Parameters {
    /// Parameters with at least two axes: weights, not biases.
    Weights,
    /// Every parameter.
    All,
    /// Parameters whose path, or the beginning of it, is one of these. A path is the names of the fields, joined by dots.
    Paths(Vec<String>),
    /// All parameters except those whose path, or the beginning of it, is one of these.
    Except(Vec<String>),
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Parameters {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Parameters".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let paths =
            serde_json::json!({ "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } });
        let table = |key: &str| {
            serde_json::json!({
                "type": "object", "properties": { key: paths }, "required": [key], "additionalProperties": false
            })
        };
        schemars::json_schema!({ "anyOf": [{ "enum": ["weights", "all"] }, table("paths"), table("except")] })
    }
}

impl Parameters {
    /// Whether a parameter with `rank` axes is penalized; `path` is the names of the fields that lead to it.
    pub fn contain(&self, path: &[String], rank: usize) -> bool {
        let within = |paths: &[String]| {
            let path = path.join(".");
            paths.iter().any(|start| {
                path.strip_prefix(start.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        match self {
            Self::Weights => rank >= 2,
            Self::All => true,
            Self::Paths(paths) => within(paths),
            Self::Except(paths) => !within(paths),
        }
    }
}

fn paths(key: &str, paths: &[&str]) -> Value {
    table([(key, paths.to_vec().into())])
}

impl FieldType for Parameters {
    const KIND: &'static str = "word or table";

    fn to_value(&self) -> Value {
        match self {
            Self::Weights => "weights".into(),
            Self::All => "all".into(),
            Self::Paths(paths) => table([("paths", paths.clone().into())]),
            Self::Except(paths) => table([("except", paths.clone().into())]),
        }
    }
    fn from_value(value: &Value) -> Result<Self, Unreadable> {
        let paths = |paths: &Value| -> Result<Vec<String>, Unreadable> {
            let paths = paths.as_list().ok_or(Unreadable::Type)?.iter();
            paths.map(|path| path.as_str().map(str::to_owned).ok_or(Unreadable::Type)).collect()
        };
        match value {
            Value::Text(word) if word == "weights" => Ok(Self::Weights),
            Value::Text(word) if word == "all" => Ok(Self::All),
            Value::Table(lists) => match lists.iter().collect::<Vec<_>>()[..] {
                [("paths", list)] => paths(list).map(Self::Paths),
                [("except", list)] => paths(list).map(Self::Except),
                _ => Err(Unreadable::Type),
            },
            _ => Err(Unreadable::Type),
        }
    }
    fn allowed(_: Range) -> String {
        "`weights`, `all`, or a table of `paths` or `except`: a list of at least one path of names joined by dots"
            .into()
    }
    fn samples(_: Range) -> Vec<Value> {
        vec!["all".into(), paths("paths", &["first"]), paths("except", &["first", "second.weight"])]
    }
    fn refused(_: Range) -> Vec<Value> {
        vec!["biases".into(), paths("paths", &[]), paths("except", &[""]), paths("only", &["first"])]
    }
    fn check(&self, loss: &'static str, field: &str, range: Range) -> Result<(), ConfigError> {
        let (Self::Paths(paths) | Self::Except(paths)) = self else { return Ok(()) };
        if !paths.is_empty() && paths.iter().all(|path| !path.is_empty()) {
            return Ok(());
        }
        let value = Value::from(paths.clone()).to_string();
        Err(ConfigError::InvalidValue { loss, field: field.to_owned(), value, allowed: Self::allowed(range) })
    }
}

/// A walk over a module that adds up penalties.
#[derive(Debug)]
pub(super) struct Penalties<'a, R> {
    regularizer: &'a R,
    path: Vec<String>,
    total: Option<Tensor<1>>,
    /// The paths of all parameters that are trained.
    seen: Vec<String>,
}

impl<'a, R: Regularizer> Penalties<'a, R> {
    /// The sum over a module times the weight, or an error that lists the parameters to choose from if none was chosen.
    pub(super) fn sum(regularizer: &'a R, module: &impl Module) -> Result<Tensor<1>, InputError> {
        let mut walk = Self { regularizer, path: Vec::new(), total: None, seen: Vec::new() };
        module.visit(&mut walk);
        let Self { total, seen, .. } = walk;
        total.map(|total| total * regularizer.weight()).ok_or_else(|| {
            let chosen = regularizer.parameters().to_value();
            let there = if seen.is_empty() { "none that is trained".into() } else { seen.join(", ") };
            let problem = InputProblem::Missing(format!("no parameter is one of {chosen}; the module has: {there}"));
            InputError { loss: regularizer.kind(), argument: "module", problem }
        })
    }
}

impl<R: Regularizer> ModuleVisitor for Penalties<'_, R> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if !is_trained(parameter) {
            return;
        }
        self.seen.push(self.path.join("."));
        if !self.regularizer.parameters().contain(&self.path, D) || parameter.dims().contains(&0) {
            return;
        }
        let penalty = self.regularizer.penalty(widen(parameter.val()));
        self.total = Some(match self.total.take() {
            None => penalty,
            // The parameters of a model may be spread over devices.
            Some(total) => {
                let (device, dtype) = (total.device(), total.dtype());
                total + penalty.to_device(&device).cast(dtype)
            }
        });
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// Whether the parameter is one that an optimizer moves, also while the module is used for validation.
fn is_trained<const D: usize>(parameter: &Param<Tensor<D>>) -> bool {
    let value = parameter.val();
    if value.is_autodiff() { value.is_require_grad() } else { parameter.clone().train().val().is_require_grad() }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Model {
        first: Linear,
        norm: BatchNorm,
        second: Linear,
    }

    fn model(device: &Device) -> Model {
        let filled = |layer: Linear, weight: f32| Linear {
            weight: Param::from_tensor(layer.weight.val().zeros_like().detach() + weight),
            bias: layer.bias.map(|bias| Param::from_tensor(bias.val().zeros_like().detach() + 1.0)),
        };
        Model {
            first: filled(LinearConfig::new(2, 3).init(device), -2.0),
            norm: BatchNormConfig::new(3).init(device),
            second: filled(LinearConfig::new(3, 1).init(device), 0.5),
        }
    }

    fn value(config: impl Into<RegularizerConfig>) -> f32 {
        let device = Device::flex().autodiff();
        config.into().init(&device).forward(&model(&device)).into_scalar()
    }

    #[test]
    fn each_penalty_by_hand() {
        // 6 weights of -2 and 3 of 0.5.
        assert_eq!(value(L1Config::new()), 13.5);
        assert_eq!(value(L2Config::new().with_weight(2.0)), 2.0 * 24.75);
        assert_eq!(value(L2Config::new().with_half(true)), 24.75 / 2.0);
        assert_eq!(value(ElasticNetConfig::new().with_l1_ratio(0.25)), 0.25 * 13.5 + 0.75 * 24.75 / 2.0);
        let groups = 2.0 * 3f32.sqrt() * 12f32.sqrt() + 3.0 * 0.5;
        assert!((value(GroupLassoConfig::new()) - groups).abs() < 1e-5);
        let groups = 3.0 * 2f32.sqrt() * 8f32.sqrt() + 3f32.sqrt() * 0.75f32.sqrt();
        assert!((value(GroupLassoConfig::new().with_axis(1_usize)) - groups).abs() < 1e-5);
    }

    /// The biases, and gamma (1) and beta (0) of the normalization, but not its running mean and variance.
    #[test]
    fn parameters_are_chosen_by_rank_and_by_path() {
        let of = |parameters| value(L1Config::new().with_parameters(parameters));
        let list = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(Parameters::All), 13.5 + 4.0 + 3.0);
        assert_eq!(of(Parameters::Paths(list(&["first", "second.bias"]))), 12.0 + 3.0 + 1.0);
        assert_eq!(of(Parameters::Except(list(&["first", "norm"]))), 1.5 + 1.0);
    }

    #[test]
    #[should_panic(
        expected = "l1: `module` is missing: no parameter is one of {\"paths\":[\"fir\"]}; the module has: first.weight, first.bias, \
                    norm.gamma, norm.beta, second.weight, second.bias"
    )]
    fn a_path_that_chooses_nothing_is_an_error() {
        value(L1Config::new().with_parameters(Parameters::Paths(vec!["fir".into()])));
    }

    #[test]
    fn what_is_frozen_is_not_penalized_and_validation_has_the_same_value() {
        let device = Device::flex().autodiff();
        let mut model = model(&device);
        let penalty = L1Config::new().init(&device);
        assert_eq!(penalty.forward(&model.valid()).into_scalar::<f32>(), 13.5);
        model.first = model.first.no_grad();
        assert_eq!(penalty.forward(&model).into_scalar::<f32>(), 1.5);
        assert_eq!(penalty.forward(&model.valid()).into_scalar::<f32>(), 1.5);
    }

    #[test]
    fn gradients_reach_the_parameters() {
        let device = Device::flex().autodiff();
        let model = model(&device);
        let gradients = L2Config::new().with_half(true).with_weight(3.0).init(&device).forward(&model).backward();
        let gradient = model.first.weight.grad(&gradients).expect("a gradient");
        assert!(gradient.equal_scalar(-6.0).all().into_scalar::<bool>());
        let zero =
            Model { first: Linear { weight: Param::from_tensor(Tensor::zeros([2, 3], &device)), bias: None }, ..model };
        let gradients = GroupLassoConfig::new().init(&device).forward(&zero).backward();
        let gradient = zero.first.weight.grad(&gradients).expect("a gradient");
        assert!(gradient.equal_scalar(0.0).all().into_scalar::<bool>());
    }
}
