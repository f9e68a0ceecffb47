//! Against independent formulas.

use super::{evaluate, flex, floats};
use crate::golden::{tensor, whole};
use burn::tensor::{DType, Int, Tensor};
use burn_losses::eval::Inputs;
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, SecondOrderConfig};
use serde_json::Value;
use std::path::Path;

fn assert_near(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let allowed = 1e-9 * expected.abs() + 1e-12 * largest.max(1.0);
        assert!((got - expected).abs() <= allowed, "{what}: at {i} {got:e} against {expected:e}");
    }
}

#[test]
fn golden_second_derivatives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_order");
    let mut count = 0;
    for family in ["regression", "binary", "classification"] {
        let text = std::fs::read_to_string(folder.join(format!("{family}.json"))).expect("a golden file");
        let content: Value = serde_json::from_str(&text).expect("JSON");
        for case in content["cases"].as_array().expect("cases") {
            let kind = case["kind"].as_str().expect("a kind");
            let config: LossConfig = serde_json::from_value(whole(family, kind, &case["config"])).expect("a config");
            let options: SecondOrderConfig = serde_json::from_value(case["options"].clone()).expect("options");
            let of = |(name, value): (&String, &Value)| {
                let data = tensor(value);
                let is_label = name == "labels";
                (name.clone(), if is_label { data.convert::<i64>() } else { data.convert::<f64>() })
            };
            let inputs: Inputs = case["inputs"].as_object().expect("inputs").iter().map(of).collect();
            let place = format!("{family}/{kind}/{}", case["name"]);
            let loss = config.init(&flex());
            let got = evaluate(&loss, &inputs, &options).unwrap_or_else(|error| panic!("{place}: {error}"));
            for (name, got) in [("values", &got.values), ("gradient", &got.gradient), ("curvature", &got.curvature)] {
                let expected = tensor(&case[name]).convert::<f64>();
                assert_eq!(got.shape(), expected.shape(), "{place}: {name}");
                assert_near(&format!("{place}: {name}"), &floats(got), &floats(&expected));
            }
            if let (AnyLoss::Classification(loss), Some(hessian)) = (&loss, case.get("hessian")) {
                let logits = Tensor::<2>::from_data(inputs["logits"].clone(), (&flex(), DType::F64));
                let labels = Tensor::<1, Int>::from_data(inputs["labels"].clone(), &flex());
                let got = loss.forward_hessian(logits, labels).into_data();
                let expected = tensor(hessian).convert::<f64>();
                assert_eq!(got.shape(), expected.shape(), "{place}: hessian");
                assert_near(&format!("{place}: hessian"), &floats(&got), &floats(&expected));
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count} cases");
}
