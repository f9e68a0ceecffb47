//! Second derivatives: against independent formulas, as laws over the registry, and their traps.

mod golden;
mod laws;
mod traps;

use crate::probe::{batch, variants};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use burn_losses::eval::{EvalError, Inputs};
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, SecondOrder, SecondOrderConfig, registry};

type Data = SecondOrder<TensorData>;

fn floats(data: &TensorData) -> Vec<f64> {
    data.iter::<f64>().collect()
}

fn f32s<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn flex() -> Device {
    Device::flex()
}

fn evaluate(loss: &AnyLoss, inputs: &Inputs, options: &SecondOrderConfig) -> Result<Data, EvalError> {
    loss.evaluate_second_order(inputs, &flex(), FloatDType::F64, options)
}

/// The result with the exact curvature; `None` for a loss whose curvature is 0 everywhere, and for one without a formula.
fn exact(loss: &AnyLoss, inputs: &Inputs) -> Option<Data> {
    match evaluate(loss, inputs, &SecondOrderConfig::new()) {
        Ok(all) => Some(all),
        Err(error) => {
            let text = error.to_string();
            let is_known = text.contains("0 everywhere") || text.contains("no formula of single values");
            assert!(is_known && error.argument() == "curvature", "{text}");
            None
        }
    }
}

/// Every config of the three families.
fn every_variant(mut check: impl FnMut(&LossConfig)) {
    let families = ["regression", "binary", "classification"];
    for info in registry().iter().filter(|info| families.contains(&info.family)) {
        variants(info).iter().for_each(&mut check);
    }
}

/// Every loss of the three families, with a batch.
fn every_loss(mut check: impl FnMut(&LossConfig, &AnyLoss, Inputs)) {
    every_variant(|config| {
        let loss = config.init(&flex());
        let inputs = batch(&loss, 6, 2.0, &[], 77);
        check(config, &loss, inputs);
    });
}
