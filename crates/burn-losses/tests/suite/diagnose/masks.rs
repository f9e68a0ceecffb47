//! What `diagnose` says of a batch with a mask.

use super::report;
use crate::probe::{batch, variants};
use burn::tensor::{Device, TensorData};
use burn_losses::eval::Inputs;
use burn_losses::{LossConfig, registry};

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
