//! `diagnose` on tensors by name, for all losses and any tensors.

pub(crate) mod any_tensors;
mod masks;

use crate::devices;
use crate::probe::{batch, default_of, variants, weighted};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::config::{Table, Value};
use burn_losses::eval::Inputs;
use burn_losses::metric::{AnyMetricLoss, ProxyAnchorLossConfig};
use burn_losses::signature::{Classes, Kind, Role};
use burn_losses::{AnyLoss, LossConfig, registry};
use std::collections::BTreeMap;

#[test]
fn a_good_batch_has_no_error() {
    for target in devices::cpu().into_iter().take(2) {
        for config in registry().iter().flat_map(variants) {
            let loss = config.init(&target.device);
            // With these seeds, no target box is inverted.
            for (extra, seed) in [(&[][..], 3), (&[2, 3][..], 4)] {
                let inputs = weighted(&loss, batch(&loss, 12, 3.0, extra, seed), 5);
                let inputs: Inputs = inputs
                    .into_iter()
                    .map(|(name, data)| {
                        let is_float = data.dtype().is_float();
                        (name, if is_float { data.convert_dtype(target.dtype.into()) } else { data })
                    })
                    .collect();
                let diagnosis = loss.diagnose(&inputs, &target.device);
                assert!(!diagnosis.has_errors(), "{config:?}\n{diagnosis}");
            }
        }
    }
}

#[test]
fn a_spoiled_batch_has_an_error() {
    for info in registry() {
        let loss = default_of(&info).init(&Device::flex());
        let inputs = batch(&loss, 12, 3.0, &[], 1);
        for name in inputs.keys() {
            let mut inputs = inputs.clone();
            let mut numbers: Vec<f64> = inputs[name].iter().collect();
            let is_float = inputs[name].dtype().is_float();
            numbers[1] = if is_float { f64::NAN } else { 1e6 };
            let shape = inputs[name].shape().clone();
            let data = TensorData::new(numbers, shape);
            inputs.insert(name.clone(), if is_float { data } else { data.convert_dtype(DType::I64) });
            let diagnosis = loss.diagnose(&inputs, &Device::flex());
            // If labels only say which rows belong together, any label is valid; the entropy does not use targets.
            let signatures = loss.signatures();
            let argument = signatures.iter().flatten().find(|argument| argument.name == name).expect("an argument");
            let any = match argument.kind {
                Kind::Labels { classes, .. } => classes == Classes::Any,
                Kind::Mask => true,
                Kind::Float => argument.optional && argument.role == Role::Target,
            };
            let named = diagnosis.findings.iter().any(|finding| finding.argument == *name);
            assert_eq!(diagnosis.has_errors() && named, !any, "{} {name}\n{diagnosis}", info.kind);
        }
    }
}

fn report(family: &str, kind: &str, inputs: &[(&str, TensorData)]) -> String {
    let inputs = inputs.iter().map(|(name, data)| ((*name).to_owned(), data.clone())).collect();
    let loss = LossConfig::example(family, kind).unwrap().init(&Device::flex());
    loss.diagnose(&inputs, &Device::flex()).to_string()
}

#[test]
fn names_and_types_that_are_refused() {
    let mse = |inputs: &[(&str, TensorData)]| report("regression", "mse", inputs);
    let floats = || TensorData::from([0.5, 1.0]);
    let expected = "expected: `predictions`, `targets`, `weights`, `mask`";
    assert_eq!(mse(&[]), format!("mse: 1 error\nerror: mse: tensor `predictions` is missing, {expected}"));
    assert_eq!(
        mse(&[("predictions", floats()), ("targets", floats()), ("logits", floats())]),
        format!("mse: 1 error\nerror: mse: tensor `logits` is not an argument of this loss, {expected}")
    );
    assert_eq!(
        mse(&[("predictions", TensorData::new(vec![0.5], [0; 0])), ("targets", floats())]),
        "mse: 1 error\nerror: mse: `predictions` has shape [], expected 1 to 6 axes"
    );
    assert_eq!(
        mse(&[("predictions", TensorData::from([1i64, 2])), ("targets", floats())]),
        "mse: 1 error\nerror: mse: `predictions` has type I64, expected a float type"
    );
    let huge = TensorData::from([u64::MAX]);
    assert_eq!(
        report("classification", "focal", &[("logits", TensorData::from([[0.5f32, -1.0]])), ("labels", huge)]),
        "focal: 2 errors\n\
         error: focal: `labels` holds 18446744073709551615, but the integers of this device have 32 bits\n\
         error: `labels`: 9223372036854775807 is out of range, allowed: 0 <= label < 2 (1 of 1, first at [0])"
    );
}

#[test]
fn segmentation_by_labels() {
    let logits = TensorData::from([[[0.5f32, -1.0], [2.0, -3.0]]]);
    assert_eq!(
        report("segmentation", "lovasz", &[("logits", logits), ("labels", TensorData::from([[1i64, 255]]))]),
        "lovasz: 1 error\n\
         error: `labels`: 255 is out of range, allowed: 0 <= label < 2 (1 of 2, first at [0, 1]); \
         rows to leave out? Set `ignore_index = 255`"
    );
}

#[test]
fn the_parameters_of_a_loss_are_looked_at() {
    let given =
        [("embeddings", TensorData::from([[1.0f32, 0.5], [0.5, 1.0]])), ("labels", TensorData::from([0i64, 1]))];
    let inputs: Inputs = given.into_iter().map(|(name, data)| (name.to_owned(), data)).collect();
    let device = Device::flex();
    let config = ProxyAnchorLossConfig::new(2, 2);
    let of = |proxies: [[f32; 2]; 2]| {
        let loss = config.init(&device).with_proxies(Tensor::from_floats(proxies, &device));
        AnyLoss::Metric(AnyMetricLoss::ProxyAnchor(loss)).diagnose(&inputs, &device).to_string()
    };
    assert_eq!(of([[1.0, 0.0], [0.0, 1.0]]), "proxy_anchor: nothing found");
    assert_eq!(
        of([[0.0, 0.0], [f32::NAN, 1.0]]),
        "proxy_anchor: 2 errors\n\
         error: `proxies`: NaN (1 of 4, first at [1, 0])\n\
         error: `proxies`: a vector of length 0, which has no cosine (1 of 2, first at [0]); \
         all its cosines count as 0: a dead layer, or padding?"
    );
}

#[test]
fn pairs_are_looked_at() {
    let row = |x: f32| TensorData::from([[x, 0.5]]);
    let pairs =
        |x, dissimilar: f32| [("first", row(1.0)), ("second", row(x)), ("dissimilar", TensorData::from([dissimilar]))];
    assert_eq!(report("metric", "contrastive", &pairs(0.5, 1.0)), "contrastive: nothing found");
    assert_eq!(
        report("metric", "contrastive", &pairs(f32::NAN, 2.0)),
        "contrastive: 2 errors\n\
         error: `second`: NaN (1 of 2, first at [0, 0])\n\
         error: `dissimilar`: 2 is outside [0, 1] (1 of 1, first at [0]); 1 is a dissimilar pair, and 0 a similar one"
    );
}

/// Findings serialize to JSON, for tools.
#[test]
fn findings_are_data() {
    let inputs = BTreeMap::from([
        ("predictions".to_owned(), TensorData::from([f32::NAN])),
        ("targets".to_owned(), TensorData::from([0f32])),
    ]);
    let loss = LossConfig::from_kind("regression", "mae").unwrap().init(&Device::flex());
    let json = serde_json::to_value(loss.diagnose(&inputs, &Device::flex())).unwrap();
    let finding = serde_json::json!({
        "severity": "error", "argument": "predictions", "index": [0], "count": 1, "of": 1,
        "problem": { "kind": "nan" }, "advice": "",
    });
    assert_eq!(json, serde_json::json!({ "loss": "mae", "findings": [finding] }));
}

/// Lengths are told from labels, and a sequence that is too short for its labels is named.
#[test]
fn lengths_of_sequences() {
    let device = Device::flex();
    let config = |zero_infinity: bool| {
        let zero_infinity = ("zero_infinity", zero_infinity.into());
        let table = Table::from_iter([("family", Value::from("sequence")), ("kind", "ctc".into()), zero_infinity]);
        LossConfig::from_value(table.into()).unwrap().init(&device)
    };
    let inputs = |labels: [i64; 3], steps: i64, count: i64| {
        Inputs::from([
            ("logits".to_owned(), TensorData::new(vec![0.0f32; 12], [1, 4, 3])),
            ("labels".to_owned(), TensorData::from([labels])),
            ("input_lengths".to_owned(), TensorData::from([steps])),
            ("label_lengths".to_owned(), TensorData::from([count])),
        ])
    };
    let says = |inputs: Inputs| config(false).diagnose(&inputs, &device).to_string();
    assert_eq!(says(inputs([1, 1, 2], 4, 3)), "ctc: nothing found");
    assert_eq!(
        says(inputs([1, 1, 2], 3, 3)),
        "ctc: 1 error\nerror: `input_lengths`: 3 is too few steps: the labels and the blanks between equal ones need 4 \
         (1 of 1, first at [0]); longer inputs, or `zero_infinity = true`"
    );
    let zeroed = config(true).diagnose(&inputs([1, 1, 2], 3, 3), &device);
    assert!(!zeroed.has_errors() && zeroed.to_string().contains("makes the value of such a sequence 0"), "{zeroed}");
    let refused = |inputs: Inputs| {
        let loss = config(false);
        let evaluated = loss.check_labels(&inputs).and_then(|()| loss.evaluate(&inputs, &device, FloatDType::F32));
        evaluated.unwrap_err().to_string()
    };
    let steps = "ctc: `input_lengths` is 5 at [0], allowed: 0 <= length <= 4";
    assert_eq!(refused(inputs([1, 1, 2], 5, 3)), steps);
    let found = says(inputs([1, 1, 2], 5, 3));
    assert!(found.contains("`input_lengths`: 5 is out of range, allowed: 0 <= length <= 4"), "{found}");
    assert!(!found.contains("Subtract 1"), "{found}");
    assert_eq!(refused(inputs([1, 1, 2], 4, 4)), "ctc: `label_lengths` is 4 at [0], allowed: 0 <= length <= 3");
    assert_eq!(refused(inputs([1, 0, 2], 4, 3)), "ctc: `labels` is 0 at [0, 1], but 0 is the blank, which is no label");
    assert_eq!(refused(inputs([1, 3, 2], 4, 3)), "ctc: `labels` is 3 at [0, 1], allowed: 0 <= label < 3");
}
