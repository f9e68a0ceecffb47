//! Values, unreduced values and gradients against independent libraries: see `reference/`.

use crate::devices::{self, Target};
use burn::tensor::TensorData;
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::signature::Kind;
use burn_losses::{AnyLoss, LossConfig, registry, with_tensor_operations};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every golden file: (family, kind, content).
pub(crate) fn files() -> Vec<(String, String, Value)> {
    let mut files = Vec::new();
    for family in std::fs::read_dir(folder()).expect("the golden folder") {
        let family = family.expect("a folder").path();
        for file in std::fs::read_dir(&family).expect("a folder per family") {
            let path = file.expect("a file").path();
            let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let content = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push((name(&family), name(&path), content));
        }
    }
    files.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    files
}

/// A tensor of a golden file as Burn's data.
pub(crate) fn tensor(value: &Value) -> TensorData {
    let shape: Vec<usize> =
        value["shape"].as_array().expect("a shape").iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let data = value["data"].as_array().expect("data");
    if !data.is_empty() && data.iter().all(|x| x.is_i64()) {
        TensorData::new(data.iter().map(|x| x.as_i64().unwrap()).collect::<Vec<_>>(), shape)
    } else {
        TensorData::new(data.iter().map(|x| x.as_f64().expect("a number")).collect::<Vec<_>>(), shape)
    }
}

/// The inputs of a step, each of the kind that the signature of the loss says, whatever the numbers look like.
fn inputs(loss: &AnyLoss, step: &Value) -> Inputs {
    let inputs = step["inputs"].as_object().expect("inputs");
    let mut inputs: Inputs = inputs.iter().map(|(name, value)| (name.clone(), tensor(value))).collect();
    for argument in loss.signature(&inputs) {
        if let Some(data) = inputs.get_mut(argument.name) {
            *data = match argument.kind {
                Kind::Labels { .. } => data.clone().convert::<i64>(),
                Kind::Mask => data.clone().convert::<bool>(),
                Kind::Float => data.clone().convert::<f64>(),
            };
        }
    }
    inputs
}

/// The config of a case: fields that the case does not set are as in the example of the kind.
pub(crate) fn whole(family: &str, kind: &str, fields: &Value) -> Value {
    let info = registry().into_iter().find(|info| info.family == family && info.kind == kind).expect("registered");
    let mut config = serde_json::to_value(info.example()).expect("a table");
    for (key, value) in fields.as_object().expect("a table") {
        config[key] = value.clone();
    }
    config
}

fn config(family: &str, kind: &str, fields: &Value) -> LossConfig {
    let config = whole(family, kind, fields);
    serde_json::from_value(config).unwrap_or_else(|error| panic!("{family}/{kind}: {error}"))
}

/// The largest difference, relative to the largest number; absolute if only rounding noise is expected.
fn difference(got: &TensorData, expected: &TensorData, noise: f64) -> f64 {
    assert_eq!(got.shape(), expected.shape());
    let (got, expected): (Vec<f64>, Vec<f64>) = (got.iter().collect(), expected.iter().collect());
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let worst = got.iter().zip(&expected).fold(0.0, |most: f64, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_nan() { f64::INFINITY } else { most.max(difference) }
    });
    worst / if largest < noise { 1.0 } else { largest }
}

fn check(place: &str, target: &Target, got: &Evaluation, step: &Value, failures: &mut Vec<String>) {
    let scalar = |x: f64| TensorData::new(vec![x], [1]);
    let mut compare = |what: &str, got: &TensorData, expected: &TensorData| {
        let difference = difference(got, expected, target.tolerance);
        if difference > target.tolerance {
            failures.push(format!("{place} on {}: {what} differs by {difference:.1e}", target.name));
        }
    };
    compare("loss", &scalar(got.loss), &scalar(step["loss"].as_f64().expect("a number")));
    compare("unreduced", &got.unreduced.clone().convert::<f64>(), &tensor(&step["unreduced"]).convert::<f64>());
    for (name, expected) in step["gradients"].as_object().expect("gradients") {
        let gradient = got.gradients[name].clone().convert::<f64>();
        compare(&format!("gradient of {name}"), &gradient, &tensor(expected).convert::<f64>());
    }
}

/// The inputs, rounded to single precision. A test in single precision compares with results for the rounded inputs in double
/// precision, which [`golden_on_flex_f64`] compares with the files.
pub(crate) fn rounded(inputs: Inputs) -> Inputs {
    let round = |data: TensorData| if data.dtype().is_float() { data.convert::<f32>().convert::<f64>() } else { data };
    inputs.into_iter().map(|(name, data)| (name, round(data))).collect()
}

fn as_step(expected: Evaluation) -> Value {
    let tensor = |data: &TensorData| {
        let numbers: Vec<f64> = data.iter().collect();
        json!({ "shape": data.shape().to_vec(), "data": numbers })
    };
    let gradients = expected.gradients.iter().map(|(name, data)| (name.clone(), tensor(data)));
    let gradients: serde_json::Map<_, _> = gradients.collect();
    json!({ "loss": expected.loss, "unreduced": tensor(&expected.unreduced), "gradients": gradients })
}

/// The first case of a file, and the case that sets the most other fields; in the long run more cases, until every field is set once.
/// A software GPU compiles a kernel in about a second, so all cases would take a quarter of an hour.
fn few(cases: &[Value]) -> Vec<Value> {
    let fields = |case: &Value| case["config"].as_object().expect("a table").keys().cloned().collect::<BTreeSet<_>>();
    let most = if std::env::var("BURN_LOSSES_FULL").is_ok() { cases.len() } else { 2 };
    let mut few = vec![cases[0].clone()];
    let mut seen = fields(&cases[0]);
    let new = |case: &&Value, seen: &BTreeSet<String>| fields(case).difference(seen).count();
    while few.len() < most {
        // Of several cases that set as many, the first one is taken.
        let Some(case) = cases.iter().rev().max_by_key(|case| new(case, &seen)) else { break };
        if new(&case, &seen) == 0 {
            break;
        }
        seen.extend(fields(case));
        few.push(case.clone());
    }
    few
}

fn run(target: &Target) {
    let mut failures = Vec::new();
    for (family, kind, content) in files() {
        let mut cases = content["cases"].as_array().expect("cases").clone();
        if target.dtype != devices::cpu()[0].dtype {
            cases.retain(|case| case.get("in_double").is_none());
        }
        if target.name.starts_with("wgpu") {
            cases = few(&cases);
        }
        // On the CPU, the fused engine and tensor operations are both tested; on the GPU, what users run.
        let paths: &[bool] = if target.name.starts_with("wgpu") { &[true] } else { &[true, false] };
        let runs = cases.iter().flat_map(|case| paths.iter().map(move |is_fused| (case, *is_fused)));
        for (case, is_fused) in runs {
            let path = if is_fused { "fused" } else { "tensor operations" };
            let place = format!("{family}/{kind}/{} ({}), {path}", case["name"], case["oracle"]);
            let loss = config(&family, &kind, &case["config"]).init(&target.device);
            let exact = devices::cpu().remove(0);
            let reference = config(&family, &kind, &case["config"]).init(&exact.device);
            for step in case["steps"].as_array().expect("steps") {
                let inputs = inputs(&reference, step);
                let (inputs, step) = if target.dtype == exact.dtype {
                    (inputs, step.clone())
                } else {
                    let inputs = rounded(inputs);
                    let expected = with_tensor_operations(|| reference.evaluate(&inputs, &exact.device, exact.dtype));
                    let expected = expected.expect("a value");
                    (inputs, as_step(expected))
                };
                let evaluate = || loss.evaluate(&inputs, &target.device, target.dtype);
                match if is_fused { evaluate() } else { with_tensor_operations(evaluate) } {
                    Ok(got) => check(&place, target, &got, &step, &mut failures),
                    Err(error) => failures.push(format!("{place}: {error}")),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} golden values differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn golden_on_flex_f64() {
    run(&devices::cpu()[0]);
}

#[test]
fn golden_on_flex_f32() {
    run(&devices::cpu()[1]);
}

#[test]
fn golden_on_ndarray_f64() {
    run(&devices::cpu()[2]);
}

#[test]
fn golden_on_ndarray_f32() {
    run(&devices::cpu()[3]);
}

#[test]
fn golden_on_wgpu() {
    if let Some(gpu) = devices::gpu() {
        run(&gpu);
    }
}

/// A loss cannot be registered without golden values, and every golden file belongs to a loss.
#[test]
fn every_loss_has_golden_values() {
    let files: BTreeSet<_> = files().into_iter().map(|(family, kind, _)| (family, kind)).collect();
    let registered: BTreeSet<_> =
        registry().into_iter().map(|info| (info.family.to_owned(), info.kind.to_owned())).collect();
    assert_eq!(files, registered);
}

/// Every case names its oracle, and for every field of every loss, some case has a value other than the default.
#[test]
fn every_field_has_golden_values() {
    for (family, kind, content) in files() {
        let cases = content["cases"].as_array().expect("cases");
        let info = registry().into_iter().find(|info| info.family == family && info.kind == kind).expect("registered");
        for case in cases {
            assert!(case["oracle"].as_str().is_some_and(|oracle| oracle.len() > 3), "{family}/{kind}: no oracle");
        }
        for field in info.fields {
            let default = serde_json::to_value(&field.example).expect("a default");
            let same = |value: &Value| *value == default || value.as_f64().is_some_and(|x| Some(x) == default.as_f64());
            let set = cases.iter().any(|case| case["config"].get(field.name).is_some_and(|value| !same(value)));
            assert!(set, "{family}/{kind}: no golden case has another `{}` than the default", field.name);
        }
    }
}
