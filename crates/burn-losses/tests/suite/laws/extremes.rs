//! T86: values at the ends of their ranges.

use super::{assert_close, evaluate, every_case, flex_f64, floats, on_the_gpu};
use crate::devices::{self, Target};
use crate::probe::batch;
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use burn_losses::{AnyLoss, LossConfig, with_tensor_operations};

/// An outlier of 1e19 does not reduce the precision of the others: the same values are chosen as with a small outlier.
#[test]
fn t86_outliers() {
    let of = |text: &str| serde_yaml_ng::from_str::<LossConfig>(text).expect("a config");
    let tukey = of("family: regression\nkind: tukey_biweight\nscale: mad\nreduction: sum");
    let ohem = of("family: binary\nkind: ohem\nloss: { kind: hinge }\nkeep: { count: 3 }\nreduction: sum");
    let numbers = |outlier: f64| vec![0.1, 0.2, -0.3, 0.4, outlier, 0.05, -0.15, 0.25];
    for target in devices::all() {
        for (config, first) in [(&tukey, "predictions"), (&ohem, "logits")] {
            let run = |outlier: f64| {
                let inputs = Inputs::from([
                    (first.into(), TensorData::new(numbers(outlier), [8])),
                    ("targets".into(), TensorData::new(vec![0.0; 8], [8])),
                ]);
                let gradient = evaluate(&config.init(&target.device), &inputs, &target);
                floats(&gradient.gradients[first])
            };
            let expected = run(1e3);
            for outlier in [1e19, 1e30] {
                for (path, got) in [("fused", run(outlier)), ("tensor", with_tensor_operations(|| run(outlier)))] {
                    let place = format!("{config:?}, {path} on {}", target.name);
                    assert_close(&place, &got, &expected, 10.0 * target.tolerance);
                }
            }
        }
    }
}

fn check_long_embeddings(config: &LossConfig, target: &Target) {
    let loss = config.init(&target.device);
    let scaled = |factor: f64| {
        let mut inputs = batch(&loss, 6, 1.0, &[], 17);
        let data = inputs["embeddings"].clone();
        let numbers: Vec<f64> = floats(&data).iter().map(|x| x * factor).collect();
        inputs.insert("embeddings".into(), TensorData::new(numbers, data.shape().clone()));
        inputs
    };
    // Some heads multiply by the length, or choose the margin by it, on purpose: twice the length gives other values.
    let ignores_lengths = || {
        let exact = flex_f64();
        let values = |factor| floats(&evaluate(&config.init(&exact.device), &scaled(factor), &exact).unreduced);
        values(1.0).iter().zip(values(2.0)).all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a.abs()))
    };
    let looks_at_directions = match &loss {
        AnyLoss::Metric(loss) => {
            burn_losses::extend::Anchors::compares_cosines(loss) && config.kind() != "weighted_sum"
        }
        AnyLoss::Heads(head) => burn_losses::extend::Head::scaling(head).embeddings && ignores_lengths(),
        _ => false,
    };
    if !looks_at_directions {
        return;
    }
    let run = |factor: f64| evaluate(&config.init(&target.device), &scaled(factor), target);
    let expected = run(1.0);
    for factor in [1e-8, 1e25] {
        for (path, got) in [("fused", run(factor)), ("tensor", with_tensor_operations(|| run(factor)))] {
            let place = format!("{config:?} times {factor}, {path} on {}", target.name);
            assert_close(&place, &[got.loss], &[expected.loss], 100.0 * target.tolerance);
            let gradient: Vec<f64> = floats(&got.gradients["embeddings"]).iter().map(|x| x * factor).collect();
            assert_close(&place, &gradient, &floats(&expected.gradients["embeddings"]), 500.0 * target.tolerance);
        }
    }
}

/// The direction of an embedding does not depend on its length, whether that is 1e-8 or 1e25.
#[test]
fn t86_long_embeddings() {
    every_case(check_long_embeddings);
}

/// The same holds on a GPU.
#[test]
fn t86_long_embeddings_on_the_gpu() {
    on_the_gpu(check_long_embeddings);
}

/// A negative whose distance is infinite in the type of the embeddings is a negative like others: it is farther than any positive.
#[test]
fn t86_an_infinite_distance() {
    let inputs = Inputs::from([
        ("embeddings".into(), TensorData::new(vec![0.0, 0.5, 1.0, 0.5, 1e25, 0.0, 0.25, 0.0], [4, 2])),
        ("labels".into(), TensorData::new(vec![0i64, 0, 9, 0], [4])),
    ]);
    for mining in ["all", "hard", "semi_hard", "semi_hard_closest", "easy"] {
        for distance in ["euclidean", "squared_euclidean"] {
            let text =
                format!("family: metric\nkind: triplet\nmining: {mining}\ndistance: {distance}\nnormalize: false");
            let config: LossConfig = serde_yaml_ng::from_str(&text).expect("a config");
            for target in devices::all() {
                let run = || evaluate(&config.init(&target.device), &inputs, &target);
                for (path, got) in [("fused", run()), ("tensor", with_tensor_operations(run))] {
                    let place = format!("{text}, {path} on {}", target.name);
                    let gradient = floats(&got.gradients["embeddings"]);
                    assert!(got.loss == 0.0 && gradient.iter().all(|slope| *slope == 0.0), "{place}: {got:?}");
                }
            }
        }
    }
}

/// Inside the range of a field, nothing overflows.
#[test]
fn t86_ranges() {
    for (kind, field) in [
        ("nt_xent", "temperature"),
        ("sup_con", "temperature"),
        ("multi_similarity", "alpha"),
        ("multi_similarity", "beta"),
    ] {
        let error = serde_yaml_ng::from_str::<LossConfig>(&format!("family: metric\nkind: {kind}\n{field}: 1e-40"))
            .map_err(|error| error.to_string())
            .and_then(|config| {
                config.try_init(&devices::cpu()[0].device).map(|_| ()).map_err(|error| error.to_string())
            })
            .expect_err("1e-40 is refused");
        assert!(error.contains(field) && error.contains("0.001"), "{error}");
    }
    for (text, most) in [
        ("family: metric\nkind: multi_similarity\nbase: 1e30", "[-1, 1]"),
        ("family: metric\nkind: nca\nsoftmax_scale: 1e30", "(0, 1000000000000]"),
        ("family: distribution\nkind: distillation\ntemperature: 1e20", "[0.001, 1000000]"),
    ] {
        let error = serde_yaml_ng::from_str::<LossConfig>(text)
            .map_err(|error| error.to_string())
            .and_then(|config| {
                config.try_init(&devices::cpu()[0].device).map(|_| ()).map_err(|error| error.to_string())
            })
            .expect_err("a number beyond the range is refused");
        assert!(error.contains(most), "{error}");
    }
}

/// At the ends of these ranges, values and gradients are finite.
#[test]
fn t86_ends_of_ranges() {
    for (text, scale) in [
        ("family: metric\nkind: multi_similarity\nbase: 1.0", 1.0),
        ("family: metric\nkind: multi_similarity\nbase: -1.0", 1.0),
        ("family: metric\nkind: nca\nsoftmax_scale: 1e12\nnormalize: false", 1.0),
        ("family: metric\nkind: nca\nsoftmax_scale: 1e12", 1.0),
        // The exponents are below those that stand for an empty sum.
        ("family: metric\nkind: nca\nsoftmax_scale: 1e12\nnormalize: false", 1e10),
        ("family: distribution\nkind: distillation\ntemperature: 1e6\ninput: logits", 1.0),
        ("family: distribution\nkind: distillation\ntemperature: 0.001\ninput: logits", 1.0),
    ] {
        let config: LossConfig = serde_yaml_ng::from_str(text).expect("a config");
        for target in devices::cpu() {
            let loss = config.init(&target.device);
            let mut inputs = batch(&loss, 6, 2.0, &[], 17);
            if scale != 1.0 {
                let data = &inputs["embeddings"];
                let numbers: Vec<f64> = floats(data).iter().map(|number| number * scale).collect();
                let scaled = TensorData::new(numbers, data.shape().clone());
                inputs.insert("embeddings".into(), scaled);
            }
            let run = || evaluate(&loss, &inputs, &target);
            for (path, got) in [("fused", run()), ("tensor", with_tensor_operations(run))] {
                let gradients = got.gradients.values().flat_map(floats);
                let is_finite = got.loss.is_finite() && gradients.into_iter().all(f64::is_finite);
                assert!(is_finite, "{text}, times {scale}, {path} on {}: {got:?}", target.name);
            }
        }
    }
}

/// The range of `psnr` adds a number of decibels, however large or small it is, and does not change the gradient.
#[test]
fn t86_the_range_of_psnr() {
    let of = |range: f64| -> LossConfig {
        serde_yaml_ng::from_str(&format!("family: image\nkind: psnr\nrange: {range:e}")).expect("a config")
    };
    for target in devices::cpu() {
        let run = |range: f64| {
            let loss = of(range).init(&target.device);
            evaluate(&loss, &batch(&loss, 3, 1.0, &[], 17), &target)
        };
        let one = run(1.0);
        for range in [255.0, 1e-4, 1e-30, 1e-300, 1e14, 1e30, 1e300] {
            for (path, got) in [("fused", run(range)), ("tensor", with_tensor_operations(|| run(range)))] {
                let place = format!("{range:e}, {path} on {}", target.name);
                assert_close(&place, &[got.loss], &[one.loss - 20.0 * range.log10()], 10.0 * target.tolerance);
                let [got, expected] = [&got, &one].map(|results| floats(&results.gradients["predictions"]));
                assert_close(&place, &got, &expected, 10.0 * target.tolerance);
            }
        }
    }
}

/// The error for an expected count of 0 names that number.
#[test]
fn t86_an_expected_count_of_zero() {
    let device = devices::cpu().remove(0).device;
    let text = "family: heads\nkind: sampled_softmax\nnum_classes: 3\nembedding_dim: 2";
    let loss = serde_yaml_ng::from_str::<LossConfig>(text).expect("a config").init(&device);
    let inputs = Inputs::from([
        ("embeddings".into(), TensorData::new(vec![0.5, -0.5, 1.0, 0.25], [2, 2])),
        ("labels".into(), TensorData::new(vec![0i64, 1], [2])),
        ("sampled".into(), TensorData::new(vec![1i64, 2], [2])),
        ("expected_counts".into(), TensorData::new(vec![0.5, 0.0, 0.5], [3])),
    ]);
    let said = loss.diagnose(&inputs, &device).to_string();
    assert!(said.contains("`expected_counts`: 0 is not greater than 0 (1 of 3, first at [1])"), "{said}");
}

/// A head whose margin depends on the lengths of the embeddings has a finite gradient at any length: the logit of the label has more digits
/// than the others, and what rounding adds to it is not a difference of logits.
#[test]
fn t86_a_margin_of_long_embeddings() {
    let text = "family: heads\nkind: l_softmax\nnum_classes: 4\nembedding_dim: 3\n\
                lambda: { base: 3.0, gamma: 0.0, power: 1.0, minimum: 3.0 }";
    let config: LossConfig = serde_yaml_ng::from_str(text).expect("a config");
    let weight = vec![0.11, -0.23, 0.973, 0.7, 0.31, -0.21, -0.37, 0.9, -0.53, 0.2, -0.6, -0.71];
    for target in devices::cpu() {
        for length in [1e7, 1e8, 1e9, 3e9, 7e9, 1e10, 1.3e10, 4e10, 1e11, 7e11, 1e12, 1e13] {
            for label in 0..4i64 {
                let inputs = Inputs::from([
                    ("embeddings".into(), TensorData::new(vec![-1.0568, -1.5466, 0.8819, 0.62, -1.5, length], [2, 3])),
                    ("labels".into(), TensorData::new(vec![1, label], [2])),
                    ("weight".into(), TensorData::new(weight.clone(), [4, 3])),
                ]);
                let got = evaluate(&config.init(&target.device), &inputs, &target);
                let is_finite = got.gradients.values().flat_map(floats).all(f64::is_finite);
                assert!(
                    got.loss.is_finite() && got.loss >= 0.0 && is_finite,
                    "{length:e}, label {label} on {}: {got:?}",
                    target.name
                );
            }
        }
    }
}
