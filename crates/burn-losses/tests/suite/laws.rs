//! The laws that every registered loss keeps, on every CPU device and in both precisions.

use crate::devices::{self, Target};
use crate::probe::{SHAPES, base, batch, default_of, numbers, renamed, variants, weighted, with_field};
use burn::module::Module;
use burn::tensor::{Device, FloatDType, TensorData};
use burn_losses::config::{Field, Format, Value, from_str, to_string};
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::{AnyLoss, LossConfig, Reduction, registry};

fn every_variant(mut check: impl FnMut(&LossConfig)) {
    for info in registry() {
        variants(&info).iter().for_each(&mut check);
    }
}

fn evaluate(loss: &AnyLoss, inputs: &Inputs, target: &Target) -> Evaluation {
    loss.evaluate(inputs, &target.device, target.dtype).unwrap_or_else(|error| panic!("{}: {error}", target.name))
}

fn flex_f64() -> Target {
    devices::cpu().remove(0)
}

fn floats(data: &TensorData) -> Vec<f64> {
    data.clone().convert::<f64>().iter().collect()
}

fn assert_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-9, |most: f64, x| most.max(x.abs()));
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}: at {i} {a} against {b}");
    }
}

fn all_finite(what: &str, evaluation: &Evaluation) {
    assert!(evaluation.loss.is_finite(), "{what}: loss {}", evaluation.loss);
    assert!(floats(&evaluation.unreduced).iter().all(|x| x.is_finite()), "{what}: unreduced values");
    for (name, gradient) in &evaluation.gradients {
        // With respect to a target the slope of a square is the square of a logit: too large for an f16, and of no use.
        let counts = name != "targets" || !what.contains("f16");
        assert!(!counts || floats(gradient).iter().all(|x| x.is_finite()), "{what}: gradient of {name}");
    }
}

#[test]
fn t71_configs_survive_a_round_trip_in_three_formats() {
    every_variant(|config| {
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            let text = to_string(config, format).expect("every config can be written");
            let back: LossConfig = from_str(&text, format).unwrap_or_else(|error| panic!("{error} in\n{text}"));
            assert_eq!(&back, config, "{format:?}:\n{text}");
        }
    });
}

#[test]
fn t14_the_kind_alone_gives_the_defaults_and_they_run() {
    for info in registry() {
        for name in [&[info.kind], info.aliases].concat() {
            let text = format!("family = '{}'\nkind = '{name}'", info.family);
            let config: LossConfig = from_str(&text, Format::Toml).unwrap();
            assert_eq!(config, default_of(&info));
            assert_eq!(config.kind(), info.kind);
        }
        let loss = default_of(&info).init(&Device::flex());
        evaluate(&loss, &batch(&loss, 4, 2.0, &[], 1), &flex_f64());
        // The fields that are described are those that are written.
        let Value::Mapping(table) = serde_yaml_ng::to_value(default_of(&info)).unwrap() else { panic!("a table") };
        let mut written: Vec<_> = table.keys().map(|key| key.as_str().unwrap().to_owned()).collect();
        written.retain(|key| key != "family" && key != "kind");
        let described: Vec<_> = info.fields.iter().map(|field| field.name.to_owned()).collect();
        assert_eq!(written, described, "{}/{}", info.family, info.kind);
    }
}

#[test]
fn unknown_keys_are_refused() {
    for info in registry() {
        let error = with_field(&info, "no_such_key", &1.into()).unwrap_err();
        assert!(error.starts_with(&format!("{}: unknown key `no_such_key`, allowed: ", info.kind)), "{error}");
        for field in &info.fields {
            assert!(error.contains(field.name), "{error}");
        }
    }
}

/// NaN, infinities, numbers out of range, words that do not exist: each is refused by an error that names loss and field.
#[test]
fn values_that_are_not_allowed_are_refused() {
    for info in registry() {
        for field in &info.fields {
            assert!(!field.refused.is_empty(), "{}/{}: anything goes", info.kind, field.name);
            for refused in &field.refused {
                let error = with_field(&info, field.name, refused)
                    .expect_err(&format!("{}/{}: {refused:?} is allowed", info.kind, field.name));
                // An error inside a nested loss names that loss.
                let nested = ["loss", "terms"].contains(&field.name);
                assert!(
                    nested || (error.starts_with(info.kind) && error.contains(&format!("`{}", field.name))),
                    "{error}"
                );
            }
        }
    }
}

/// Value, unreduced values and gradients on several batches, in order, so that state counts too.
fn fingerprint(config: &LossConfig, default: &LossConfig) -> Vec<f64> {
    let target = flex_f64();
    let loss = config.init(&target.device);
    // The batches are those of the default config, whatever this one says of them.
    let default = default.init(&target.device);
    let shapes: [(usize, f64, &[usize], u64); 6] = [
        (12, 3.0, &[], 3),
        (12, 3.0, &[2], 7),
        (4, 1.0, &[3], 9),
        (4, 1.0, &[], 5),
        (2, 1.0, &[], 5),
        (1, 1.0, &[], 5),
    ];
    let mut fingerprint = Vec::new();
    for (rows, scale, extra, seed) in shapes {
        let inputs = weighted(&default, batch(&default, rows, scale, extra, seed), seed + 4);
        let inputs = renamed(&inputs, &default, &loss);
        let got = evaluate(&loss, &inputs, &target);
        fingerprint.push(got.loss);
        fingerprint.extend(floats(&got.unreduced));
        got.gradients.values().for_each(|gradient| fingerprint.extend(floats(gradient)));
    }
    fingerprint
}

/// Every knob matters: two different values of a field never give the same numbers.
#[test]
fn t72_every_field_changes_the_numbers() {
    for info in registry() {
        for Field { name, default, samples, .. } in &info.fields {
            // Of the score alone: see cdiou.rs. Of the memory alone: see chunks.rs. Of what an optimizer moves alone.
            let elsewhere =
                (info.kind, *name) == ("cdiou", "lambda") || ["chunk_rows", "learned", "sample_rate"].contains(name);
            if elsewhere || SHAPES.contains(name) {
                continue;
            }
            let mut values = vec![default.clone()];
            samples.iter().filter(|sample| !values.contains(sample)).cloned().collect::<Vec<_>>().into_iter().for_each(
                |sample| {
                    if !values.contains(&sample) {
                        values.push(sample);
                    }
                },
            );
            assert!(values.len() > 1, "{}/{name}: only one value is tried", info.kind);
            let configs: Vec<_> = values.iter().map(|value| with_field(&info, name, value).unwrap()).collect();
            let prints: Vec<_> = configs.iter().map(|config| fingerprint(config, &base(&info))).collect();
            for i in 0..values.len() {
                for j in 0..i {
                    // With one value per sample these two are the same by definition.
                    let means = [&values[i], &values[j]]
                        .iter()
                        .all(|value| matches!(value.as_str(), Some("mean" | "batch_mean")));
                    if ["boxes", "heads", "metric"].contains(&info.family) && means {
                        continue;
                    }
                    let same = configs[i] != configs[j] && prints[i] == prints[j];
                    assert!(
                        !same,
                        "{}/{}/{name}: {:?} and {:?} give the same",
                        info.family, info.kind, values[i], values[j]
                    );
                }
            }
        }
    }
}

/// A sum is the sum of the unreduced values; a mean with weights is linear in them.
#[test]
fn t70_reduced_is_the_reduction_of_unreduced() {
    for target in devices::cpu() {
        for info in registry() {
            let place = format!("{}/{} on {}", info.family, info.kind, target.name);
            let config = |reduction: &str| with_field(&info, "reduction", &reduction.into()).unwrap();
            let run =
                |reduction: &str, inputs: &Inputs| evaluate(&config(reduction).init(&target.device), inputs, &target);
            let inputs = batch(&config("sum").init(&target.device), 6, 2.0, &[], 11);

            let sum = run("sum", &inputs);
            let values = floats(&sum.unreduced);
            assert_close(&place, &[sum.loss], &[values.iter().sum()], 10.0 * target.tolerance);
            // Every value counts 1 in these batches; where mining drops some, only the others do.
            let counted = match info.kind {
                "ohem" => values.iter().filter(|value| **value != 0.0).count(),
                _ => values.len(),
            };
            // In metric learning an anchor counts as many as it has pairs or triplets: see the golden values.
            if info.family != "metric" {
                let mean = run("mean", &inputs);
                assert_close(&place, &[mean.loss * counted as f64], &[sum.loss], 10.0 * target.tolerance);
            }
            let batch_mean = run("batch_mean", &inputs);
            assert_close(&place, &[batch_mean.loss * 6.0], &[sum.loss], 10.0 * target.tolerance);

            let loss = config("sum").init(&target.device);
            let one = weighted(&loss, inputs.clone(), 1);
            let two = weighted(&loss, inputs.clone(), 2);
            let mut both = inputs.clone();
            let total: Vec<f64> =
                floats(&one["weights"]).iter().zip(floats(&two["weights"])).map(|(a, b)| a + b).collect();
            both.insert("weights".into(), TensorData::new(total, one["weights"].shape().clone()));
            for reduction in ["sum", "mean", "batch_mean"] {
                let apart = run(reduction, &one).loss + run(reduction, &two).loss;
                assert_close(&place, &[run(reduction, &both).loss], &[apart], 10.0 * target.tolerance);
            }
        }
    }
}

/// Swapping samples swaps values and gradients and leaves the loss as it is.
#[test]
fn samples_can_be_permuted() {
    let target = flex_f64();
    every_variant(|config| {
        // Its negatives are drawn for each row, by its place.
        if config.kind() == "negative_sampling" {
            return;
        }
        let rows = 8;
        let loss = config.init(&target.device);
        let inputs = batch(&loss, rows, 2.0, &[], 21);
        // A weight of the loss's own has no samples.
        let turn = |name: &str, data: &TensorData| {
            if ["weight", "bias", "proxies"].contains(&name) { data.clone() } else { reverse(data, rows) }
        };
        let turned: Inputs = inputs.iter().map(|(name, data)| (name.clone(), turn(name, data))).collect();
        let straight = evaluate(&loss, &inputs, &target);
        let turned = evaluate(&config.init(&target.device), &turned, &target);
        let place = format!("{config:?}");
        if config.kind() == "ohem" {
            // At ties those that come first are kept: the values are the same, at other places.
            let sorted = |data: &TensorData| {
                let mut data = floats(data);
                data.sort_by(f64::total_cmp);
                data
            };
            assert_close(&place, &sorted(&turned.unreduced), &sorted(&straight.unreduced), 1e-12);
            return;
        }
        assert_close(&place, &[turned.loss], &[straight.loss], 1e-12);
        assert_close(&place, &floats(&turned.unreduced), &floats(&reverse(&straight.unreduced, rows)), 1e-12);
        for (name, gradient) in &straight.gradients {
            assert_close(&place, &floats(&turned.gradients[name]), &floats(&turn(name, gradient)), 1e-12);
        }
    });
}

/// The samples in reverse order.
fn reverse(data: &TensorData, rows: usize) -> TensorData {
    let shape = data.shape().clone();
    if data.dtype().is_float() {
        let data = floats(data);
        TensorData::new(data.chunks(data.len() / rows).rev().flatten().copied().collect::<Vec<_>>(), shape)
    } else {
        let data: Vec<i64> = data.clone().convert::<i64>().iter().collect();
        TensorData::new(data.chunks(data.len() / rows).rev().flatten().copied().collect::<Vec<_>>(), shape)
    }
}

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

/// Finite in, finite out: at logits of +-50 and +-1e4, errors of 1e4, with soft and hard targets, in every precision.
#[test]
fn extreme_inputs_have_finite_values_and_gradients() {
    for target in devices::cpu().into_iter().chain(half_precision()) {
        every_variant(|config| {
            for (scale, seed) in [(50.0, 41), (1e4, 42), (0.0, 43)] {
                let loss = config.init(&target.device);
                let got = evaluate(&loss, &batch(&loss, 6, scale, &[], seed), &target);
                all_finite(&format!("{config:?} on {} at {scale}", target.name), &got);
            }
        });
    }
}

/// A batch of nothing has the value 0 and a live graph.
#[test]
fn an_empty_batch_is_zero() {
    for target in devices::all() {
        every_variant(|config| {
            let loss = config.init(&target.device);
            let got = evaluate(&loss, &batch(&loss, 0, 1.0, &[], 51), &target);
            assert_eq!(got.loss, 0.0, "{config:?} on {}", target.name);
            for (name, gradient) in &got.gradients {
                let nothing = gradient.num_elements() == 0;
                assert!(
                    nothing
                        || ["weight", "bias", "proxies"].contains(&name.as_str())
                            && floats(gradient).iter().all(|x| *x == 0.0),
                    "{config:?}: {name}"
                );
            }
        });
    }
}

fn half_precision() -> Vec<Target> {
    // A gradient is rounded to half precision once: to half a unit in the last place.
    let target = |name, dtype, tolerance| Target { name, device: Device::flex(), dtype, tolerance };
    vec![target("flex f16", FloatDType::F16, 1e-3), target("flex bf16", FloatDType::BF16, 8e-3)]
}

/// Half precision is computed in f32: the value is that of the rounded inputs to f32's own error, the gradient to the
/// rounding of the half type.
#[test]
fn half_precision_is_within_its_budget() {
    let exact = flex_f64();
    for target in half_precision() {
        every_variant(|config| {
            let loss = config.init(&target.device);
            let inputs: Inputs = batch(&loss, 6, 3.0, &[], 61)
                .into_iter()
                .map(|(name, data)| match (data.dtype().is_float(), target.dtype) {
                    (false, _) => (name, data),
                    (true, FloatDType::F16) => (name, data.convert::<half::f16>().convert::<f64>()),
                    (true, _) => (name, data.convert::<half::bf16>().convert::<f64>()),
                })
                .collect();
            let got = evaluate(&loss, &inputs, &target);
            let expected = evaluate(&config.init(&exact.device), &inputs, &exact);
            let place = format!("{config:?} on {}", target.name);
            // The scale of a head or of circle loss multiplies the rounding of a cosine.
            let budget = if config.kind() == "circle" { 1e-4 } else { 5e-6 };
            assert_close(&place, &[got.loss], &[expected.loss], budget);
            assert_close(&place, &floats(&got.unreduced), &floats(&expected.unreduced), budget);
            for (name, gradient) in &expected.gradients {
                assert_close(&place, &floats(&got.gradients[name]), &floats(gradient), target.tolerance);
            }
        });
    }
}

/// A divisor of the caller's replaces the count: two halves of a batch add up to the whole.
#[test]
fn micro_batches_add_up() {
    use burn::tensor::Tensor;
    let values = Tensor::<1>::from_floats(numbers(10, 71).as_slice(), &Device::flex());
    let part = |from: usize| Reduction::Mean.apply(values.clone().narrow(0, from, 5), None, Some(10usize.into()));
    let whole: f32 = Reduction::Mean.apply(values.clone(), None, None).into_scalar();
    let sum: f32 = (part(0) + part(5)).into_scalar();
    assert!((whole - sum).abs() < 1e-7);
}

/// A NaN that goes in comes out: a model that has diverged shall not look well. (Counting wrong answers, a NaN is one.)
#[test]
fn nan_in_nan_out() {
    for target in devices::all() {
        for info in registry().iter().filter(|info| info.kind != "zero_one") {
            let loss = default_of(info).init(&target.device);
            let mut inputs = batch(&loss, 6, 2.0, &[], 81);
            let mut first = floats(&inputs[loss.input()]);
            let width = first.len() / 6;
            first[width..2 * width].fill(f64::NAN); // one sample
            let shape = inputs[loss.input()].shape().clone();
            inputs.insert(loss.input().into(), TensorData::new(first, shape));
            let got = evaluate(&loss, &inputs, &target);
            assert!(got.loss.is_nan(), "{}/{} on {}: {}", info.family, info.kind, target.name, got.loss);
        }
    }
}

/// What a loss keeps from step to step is saved with it: a run that goes on from a record, taken right after a step, takes the same next
/// step.
#[test]
fn a_restart_goes_on_where_it_was() {
    for target in devices::cpu() {
        every_variant(|config| {
            // Draws begin anew, which the docs say.
            let text = serde_yaml_ng::to_string(config).unwrap();
            let draws = ["kind: sampled_softmax", "kind: negative_sampling", "sample_rate: 0"];
            if draws.iter().any(|draw| text.contains(draw)) {
                return;
            }
            let device = target.device.clone().autodiff();
            let loss = config.init(&device);
            let inputs = |seed| batch(&loss, 6, 2.0, &[], seed);
            evaluate(&loss, &inputs(61), &target);
            evaluate(&loss, &inputs(62), &target);
            let resumed = config.init(&device).load_record(loss.clone().into_record());
            let [next, resumed] = [&loss, &resumed].map(|loss| evaluate(loss, &inputs(63), &target));
            assert_eq!(next.loss, resumed.loss, "{config:?}");
            assert_eq!(next.gradients, resumed.gradients, "{config:?}");
        });
    }
}
