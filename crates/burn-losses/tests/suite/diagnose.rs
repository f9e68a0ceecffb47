//! `diagnose` on tensors by name, for all losses and any tensors.

use crate::devices;
use crate::probe::{base, batch, default_of, variants, weighted};
use crate::properties::cases;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::config::{Table, Value};
use burn_losses::eval::Inputs;
use burn_losses::metric::{AnyMetricLoss, ProxyAnchorLossConfig};
use burn_losses::signature::{Classes, Kind, Role};
use burn_losses::{AnyLoss, LossConfig, registry};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Every loss, once.
fn losses() -> Vec<AnyLoss> {
    registry().iter().map(|info| base(info).init(&Device::flex())).collect()
}

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

const NAMES: [&str; 24] = [
    "predictions",
    "targets",
    "logits",
    "labels",
    "weights",
    "probabilities",
    "log_probabilities",
    "mask",
    "masks",
    "embeddings",
    "weight",
    "bias",
    "proxies",
    "sampled",
    "expected_counts",
    "centers",
    "first",
    "second",
    "dissimilar",
    "anchors",
    "positives",
    "negatives",
    "valid",
    "something",
];

pub(crate) const FLOATS: [f64; 12] =
    [0.0, 1.0, 0.5, -0.5, 3.0, -100.0, 1e30, -1e200, 1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

const INTEGERS: [i64; 10] = [0, 1, 2, -1, -100, 255, i64::MIN, i64::MAX, i32::MAX as i64, 3];

/// A tensor of any type with numbers chosen by `seeds`; `shape` may have an axis of 0 or be empty.
fn tensor(shape: &[usize], dtype: usize, seeds: &[usize]) -> TensorData {
    let count = shape.iter().product::<usize>();
    let seed = |at: usize| seeds[at % seeds.len()];
    let floats = || (0..count).map(|at| FLOATS[seed(at) % FLOATS.len()]).collect::<Vec<_>>();
    let integers = || (0..count).map(|at| INTEGERS[seed(at) % INTEGERS.len()]).collect::<Vec<_>>();
    let of = |dtype| TensorData::new(floats(), shape.to_vec()).convert_dtype(dtype);
    match dtype % 9 {
        0 | 1 => of(DType::F32),
        2 => of(DType::F64),
        3 => of(DType::F16),
        4 => of(DType::BF16),
        5 => TensorData::new(integers(), shape.to_vec()),
        6 => TensorData::new(integers().iter().map(|x| *x as u64).collect::<Vec<_>>(), shape.to_vec()),
        7 => TensorData::new(integers().iter().map(|x| *x as i8).collect::<Vec<_>>(), shape.to_vec()),
        _ => TensorData::new(integers().iter().map(|x| x % 2 == 0).collect::<Vec<_>>(), shape.to_vec()),
    }
}

fn seeds() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..1000usize, 1..40)
}

fn names() -> impl Strategy<Value = BTreeMap<&'static str, (Vec<usize>, usize, Vec<usize>)>> {
    let tensor = (prop::collection::vec(0..4usize, 0..5), 0..9usize, seeds());
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), tensor, 0..6)
}

/// A mask that is longer than the tensors is refused like any other wrong shape.
#[test]
fn a_mask_of_another_length_is_an_error() {
    for (family, kind, target) in [
        ("regression", "mse", TensorData::from([1.0f32])),
        ("classification", "cross_entropy", TensorData::from([1i64])),
    ] {
        let loss = LossConfig::from_kind(family, kind).unwrap().init(&Device::flex());
        let signature = loss.signature(&Inputs::new());
        let first = if kind == "mse" { TensorData::from([1.0f32]) } else { TensorData::from([[1.0f32, 2.0]]) };
        let inputs = Inputs::from([
            (signature[0].name.to_owned(), first),
            (signature[1].name.to_owned(), target),
            ("mask".to_owned(), TensorData::from([false, false, true])),
        ]);
        assert!(loss.diagnose(&inputs, &Device::flex()).has_errors(), "{kind}");
    }
}

const ALL_IGNORED: &str = "every row is ignored; nothing counts, and every gradient is 0: fine for a batch of padding";

/// A mask that leaves nothing is all that is said of a batch, whatever the masked entries hold.
#[test]
fn t73_a_batch_that_is_all_masked_has_one_finding() {
    for config in registry().iter().flat_map(variants) {
        let loss = config.init(&Device::flex());
        let mut inputs = batch(&loss, 12, 3.0, &[], 1);
        let signature = loss.signature(&inputs);
        let first = signature[0].name;
        let shape = inputs[first].shape().to_vec();
        let mask = signature.iter().find(|argument| argument.name == "mask").expect("every loss takes a mask");
        let of_mask = mask.shape.resolve(&shape).expect("a shape that follows from the prediction's");
        let none = TensorData::new(vec![false; of_mask.iter().product()], of_mask);
        inputs.insert("mask".into(), none);
        for number in [None, Some(0.0), Some(f64::NAN)] {
            if let Some(number) = number {
                let numbers = TensorData::new(vec![number; shape.iter().product()], shape.clone());
                inputs.insert(first.to_owned(), numbers);
            }
            let expected = format!("{}: 1 warning\nwarning: `mask`: {ALL_IGNORED}", config.kind());
            assert_eq!(loss.diagnose(&inputs, &Device::flex()).to_string(), expected, "{config:?} {number:?}");
        }
    }
}

fn report_of(toml: &str, inputs: &[(&str, TensorData)]) -> String {
    let inputs = inputs.iter().map(|(name, data)| ((*name).to_owned(), data.clone())).collect();
    let config: LossConfig = burn_losses::config::from_str(toml, burn_losses::config::Format::Toml).unwrap();
    config.init(&Device::flex()).diagnose(&inputs, &Device::flex()).to_string()
}

/// A row is ignored if the mask or its label says so, or both do.
#[test]
fn t73_a_mask_and_an_ignored_label_go_together() {
    let of = |logits: [[f32; 2]; 4], labels: [i64; 4], mask: [bool; 4]| {
        let inputs = [
            ("logits", TensorData::from(logits)),
            ("labels", TensorData::from(labels)),
            ("mask", TensorData::from(mask)),
        ];
        report_of("family = 'classification'\nkind = 'cross_entropy'\nignore_index = -100", &inputs)
    };
    let logits = [[1.0, 2.0], [f32::NAN, 1.0], [0.0, 1.0], [3.0, 2.0]];
    let nothing = "cross_entropy: nothing found";
    assert_eq!(of(logits, [0, -100, 1, 0], [true, true, true, false]), nothing);
    // The first row that the mask leaves has the ignored label.
    assert_eq!(of(logits, [7, -100, 1, 0], [false, true, true, true]), nothing);
    let all = of(logits, [7, -100, -100, -100], [false, true, true, true]);
    assert!(all.starts_with("cross_entropy: 1 warning") && all.ends_with(ALL_IGNORED), "{all}");
    let last = [[1.0, 2.0], [0.5, 1.0], [0.0, 1.0], [f32::NAN, 2.0]];
    let wrong = "error: `logits`: NaN (1 of 8, first at [3, 0])";
    assert!(of(last, [0, -100, 1, 0], [true; 4]).contains(wrong));
}

/// Nothing is said of what takes the place of a masked entry: neither its place nor its number is that of the batch.
#[test]
fn t73_masked_places_are_not_counted() {
    let inputs = [
        ("predictions", TensorData::from([0.5f32, f32::NAN, 1.0])),
        ("targets", TensorData::from([0.0f32, 1.0, 2.0])),
        ("mask", TensorData::from([false, true, false])),
    ];
    assert_eq!(report("regression", "mse", &inputs), "mse: 1 error\nerror: `predictions`: NaN (1 of 3, first at [1])");
    // The weight of a masked row is none.
    let weights = |weights: [f32; 3]| {
        let inputs = [
            ("predictions", TensorData::from([0.5f32, 0.25, 1.0])),
            ("targets", TensorData::from([0.0f32, 1.0, 2.0])),
            ("weights", TensorData::from(weights)),
            ("mask", TensorData::from([false, true, true])),
        ];
        report("regression", "mse", &inputs)
    };
    assert_eq!(weights([f32::NAN, 1.0, 2.0]), "mse: nothing found");
    assert!(weights([1.0, 0.0, 0.0]).contains("`weights`: all weights are 0"));
    // Without the masked row no label is there twice.
    let inputs = [
        ("embeddings", TensorData::from([[1.0f32, 0.5], [0.5, -1.0], [0.25, 1.0]])),
        ("labels", TensorData::from([0i64, 1, 1])),
        ("mask", TensorData::from([true, true, false])),
    ];
    let found = report("metric", "triplet", &inputs);
    assert!(found.contains("`labels`: no row has another row of its label"), "{found}");
    // One row alone is not a batch of one class.
    let inputs = [
        ("logits", TensorData::from([0.5f32, -1.0])),
        ("targets", TensorData::from([0.0f32, 1.0])),
        ("mask", TensorData::from([true, false])),
    ];
    assert!(!report("binary", "bce", &inputs).contains("every row that counts"));
}

/// T77: positives that a mask leaves out are named, like those that weights or `valid` leave out.
#[test]
fn t77_masked_positives_are_named() {
    let inputs = [
        ("logits", TensorData::from([0.5f32, -1.0])),
        ("targets", TensorData::from([1.0f32, 0.0])),
        ("mask", TensorData::from([false, true])),
    ];
    let found = report_of("family = 'binary'\nkind = 'focal'\nreduction = 'positives'", &inputs);
    let ignored = "there are positives, and none of them counts";
    assert!(found.contains(&format!("warning: `targets`: {ignored}; the mask leaves out all of them")), "{found}");

    let dice = |mask: TensorData| {
        let inputs = [
            ("logits", TensorData::new(vec![0.5f32, -1.0, 2.0, 1.0], [1, 1, 4])),
            ("masks", TensorData::new(vec![0.0f32, 1.0, 0.0, 1.0], [1, 1, 4])),
            ("mask", mask),
        ];
        report("segmentation", "dice", &inputs)
    };
    let found = dice(TensorData::new(vec![true, false, true, false], [1, 1, 4]));
    assert!(found.contains(&format!("warning: `masks`: {ignored}; no foreground is left")), "{found}");
    assert!(!dice(TensorData::new(vec![true, false, true, true], [1, 1, 4])).contains(ignored));
}

proptest! {
    #![proptest_config(cases(24))]

    /// `diagnose` does not panic, whatever the names, shapes and types are.
    #[test]
    fn no_tensors_make_it_panic(names in names()) {
        let inputs: Inputs = names
            .iter()
            .map(|(name, (shape, dtype, seeds))| ((*name).to_owned(), tensor(shape, *dtype, seeds)))
            .collect();
        for loss in losses() {
            let _ = loss.diagnose(&inputs, &Device::flex()).to_string();
        }
    }

    /// With the right names and ranks, and any numbers, types and a few wrong sizes, the checks get further before an error.
    #[test]
    fn no_numbers_make_it_panic(rows in 0..5usize, cut in 0..8usize, dtype in 0..5usize, seeds in seeds()) {
        for loss in losses() {
            let inputs: Inputs = weighted(&loss, batch(&loss, rows.max(1), 3.0, &[], 1), 2)
                .into_iter()
                .enumerate()
                .map(|(at, (name, data))| {
                    let mut shape = data.shape().to_vec();
                    if rows == 0 || at == cut {
                        shape[0] = 0;
                    }
                    let dtype = if data.dtype().is_float() { dtype } else { 7 };
                    (name, tensor(&shape, dtype, &seeds))
                })
                .collect();
            let diagnosis = loss.diagnose(&inputs, &Device::flex());
            prop_assert!(
                !diagnosis.to_string().contains("the computation fails"), "{diagnosis}\n{inputs:?}"
            );
        }
    }
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
