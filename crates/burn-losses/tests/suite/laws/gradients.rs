//! Gradients are the slopes of the values.

use super::{assert_close, evaluate, every_variant, flex_f64, floats};
use crate::probe::{base, batch, weighted, with_field};
use burn::tensor::{Device, TensorData};
use burn_losses::{LossConfig, registry};

/// The gradient with respect to the first argument is the true one, by central differences in f64.
#[test]
fn gradients_match_central_differences() {
    every_variant(|config| {
        // The scale of a batch, and the weights of GHM within a bin, are constants for the gradient by definition: with
        // the first the difference quotient is another number.
        // So are the factors that a config detaches: their golden values freeze them.
        let text = serde_yaml_ng::to_string(config).unwrap();
        let frozen = [
            "scale: mad",
            "_gradient: detached",
            "aspect_gradient: scaled",
            "base: ciou",
            "kind: circle",
            "kind: adaface",
            "kind: proxy_anchor",
        ];
        if !frozen.iter().any(|constant| text.contains(constant)) {
            assert_true_gradient(config, config.init(&Device::flex()).input());
        }
    });
}

/// So is that with respect to the parameters of a head.
#[test]
fn gradients_of_parameters_match_central_differences() {
    for info in registry().into_iter().filter(|info| info.family == "heads") {
        assert_true_gradient(&base(&info), "weight");
        if info.fields.iter().any(|field| field.name == "bias") {
            assert_true_gradient(&with_field(&info, "bias", &true.into()).unwrap(), "bias");
        }
    }
}

fn assert_true_gradient(config: &LossConfig, name: &str) {
    let target = flex_f64();
    let loss = config.init(&target.device);
    let inputs = weighted(&loss, batch(&loss, 5, 2.0, &[], 31), 32);
    let gradient = floats(&evaluate(&loss, &inputs, &target).gradients[name]);
    let first = floats(&inputs[name]);
    let step = 1e-6;
    let at = |i: usize, offset: f64| {
        let mut moved = first.clone();
        moved[i] += offset;
        let mut inputs = inputs.clone();
        inputs.insert(name.into(), TensorData::new(moved, inputs[name].shape().clone()));
        evaluate(&config.init(&target.device), &inputs, &target).loss
    };
    let differences: Vec<f64> = (0..first.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect();
    assert_close(&format!("{config:?}: {name}"), &gradient, &differences, 1e-6);
}
