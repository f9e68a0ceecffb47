//! Penalties on parameters: on named tensors, and as a picture.

use crate::describe::toml;
use crate::error::quoted;
use crate::runnable::{Evaluated, Problem};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::ConfigError;
use burn_losses::config::Table;
use burn_losses::eval::Inputs;
use burn_losses::regularization::{AnyRegularizer, Regularizer, RegularizerConfig};
use burn_losses_plot::{Curve, Panel, Picture};
use std::collections::BTreeMap;

/// The sum over all parameters that the penalty chooses by their names, and its gradients.
pub(crate) fn evaluate(
    penalty: &AnyRegularizer,
    parameters: &Inputs,
    device: &Device,
    dtype: FloatDType,
) -> Result<Evaluated, Problem> {
    // In half precision the sums are computed in single precision.
    let dtype = if dtype == FloatDType::F64 { dtype } else { FloatDType::F32 };
    let on = (&device.clone().autodiff(), DType::from(dtype));
    let (mut loss, mut gradients) = (0.0, BTreeMap::new());
    for (name, data) in parameters {
        let rank = data.shape().len();
        let path: Vec<_> = name.split('.').map(str::to_owned).collect();
        if !penalty.parameters().contain(&path, rank) {
            continue;
        }
        let (value, gradient) = match rank {
            1 => of_parameter::<1>(penalty, data, on),
            2 => of_parameter::<2>(penalty, data, on),
            3 => of_parameter::<3>(penalty, data, on),
            4 => of_parameter::<4>(penalty, data, on),
            5 => of_parameter::<5>(penalty, data, on),
            6 => of_parameter::<6>(penalty, data, on),
            _ => return Err(Problem::Other(format!("`{name}` has {rank} axes, expected 1 to 6"))),
        };
        loss += value;
        gradients.insert(name.clone(), gradient);
    }
    if gradients.is_empty() {
        let names: Vec<_> = parameters.keys().collect();
        let chosen = penalty.parameters();
        return Err(Problem::Other(format!("no parameter is one of {chosen:?}; the file has: {}", quoted(&names))));
    }
    Ok(Evaluated { loss, terms: BTreeMap::new(), unreduced: None, gradients, second_order: None })
}

/// The penalty of one parameter, and its gradient.
fn of_parameter<const D: usize>(
    penalty: &AnyRegularizer,
    data: &TensorData,
    on: (&Device, DType),
) -> (f64, TensorData) {
    let parameter = Tensor::<D>::from_data(data.clone(), on).require_grad();
    let value = penalty.penalty(parameter.clone()) * penalty.weight();
    let gradient = parameter.grad(&value.backward()).map(|gradient| gradient.into_data());
    let gradient = gradient.unwrap_or_else(|| parameter.zeros_like().into_data());
    let gradient = TensorData::new(gradient.iter::<f64>().collect::<Vec<_>>(), data.shape().clone());
    (value.into_scalar(), gradient)
}

/// Draws the penalties on a parameter that is a single number.
pub(crate) fn picture(configs: &[RegularizerConfig]) -> Result<Picture, ConfigError> {
    let curves = configs.iter().zip(names(configs)).map(|(config, name)| curve(config, name));
    let curves = curves.collect::<Result<Vec<_>, _>>()?;
    let mut kinds: Vec<_> = configs.iter().map(RegularizerConfig::kind).collect();
    kinds.dedup();
    let info = RegularizerConfig::all().into_iter().find(|info| configs.len() == 1 && info.kind == kinds[0]);
    Ok(Picture {
        title: format!("regularization / {}", kinds.join(", ")),
        subtitle: info.map(|info| info.summary.to_owned()).unwrap_or_default(),
        panels: Panel::curves("parameter", "gradient of the parameter", &curves).into(),
        note: "one parameter, which is a single number".to_owned(),
    })
}

fn curve(config: &RegularizerConfig, name: String) -> Result<Curve, ConfigError> {
    const POINTS: i32 = 100;
    let device = Device::flex();
    let penalty = config.try_init(&device)?;
    let at: Vec<_> = (-POINTS..=POINTS).map(|point| 2.0 * f64::from(point) / f64::from(POINTS)).collect();
    let on = (&device.autodiff(), DType::F64);
    let of = |x: &f64| {
        let (value, gradient) = of_parameter::<2>(&penalty, &TensorData::from([[*x]]), on);
        (value, gradient.iter::<f64>().sum::<f64>())
    };
    let (value, gradient) = at.iter().map(of).unzip();
    Ok(Curve { name, at, value, gradient })
}

/// The names that distinguish the penalties: the kind, and the fields in which they differ.
fn names(configs: &[RegularizerConfig]) -> Vec<String> {
    let fields: Vec<Table> = configs.iter().filter_map(|config| config.to_value().into_table()).collect();
    let name = |own: &Table| {
        let differs = |key: &str| fields.iter().any(|other| other.get(key) != own.get(key));
        let entries = own.iter().filter(|(key, _)| differs(key));
        entries.map(|(key, value)| format!("{key} = {}", toml(value).replace('"', ""))).collect::<Vec<_>>().join(", ")
    };
    fields.iter().map(name).collect()
}
