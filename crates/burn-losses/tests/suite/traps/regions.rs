//! Regions.

use super::{F64, assert_near, flex, list, matrix, number};
use crate::devices;
use crate::properties::cases;
use burn::tensor::{DType, Int, Tensor, TensorData};
use burn_losses::config::{Format, from_str};
use burn_losses::eval::Inputs;
use burn_losses::prelude::*;
use burn_losses::segmentation::{
    AbsentClasses, Activation, DiceLossConfig, GeneralizedDiceLossConfig, JaccardLossConfig, LovaszActivation,
    LovaszLossConfig, Masks, TverskyLossConfig,
};
use burn_losses::{LossConfig, LossInfo, Reduction, registry};
use proptest::prelude::*;

/// Half of an image of `side` x `side`, predicted with p = 1/2: 1 - 2 (n/4) / (n/2 + n/2) = 1/2.
#[test]
fn t24_half_precision_sums_do_not_overflow() {
    let device = flex();
    for (side, dtype) in [(512, DType::F16), (2048, DType::F16), (512, DType::BF16)] {
        let logits = Tensor::<4>::zeros([1, 1, side, side], (&device, dtype)).require_grad();
        let half = [1, 1, side / 2, side];
        let masks = Tensor::cat(vec![Tensor::ones(half, (&device, dtype)), Tensor::zeros(half, (&device, dtype))], 2);
        let value = DiceLossConfig::new().init(&device).forward(logits.clone(), masks);
        let gradients = value.backward();
        assert!((number(value) - 0.5).abs() < 1e-5, "{side} {dtype:?}");
        assert!(list(logits.grad(&gradients).unwrap()).iter().all(|x| x.is_finite()), "{side} {dtype:?}");
    }
}

/// Of more classes than a block has numbers, a piece of work still has a pixel.
#[test]
fn more_classes_than_a_block_has_numbers() {
    let device = flex();
    let classes = (1 << 14) + 1;
    let logits = Tensor::<3>::zeros([1, classes, 2], (&device, DType::F32)).require_grad();
    let loss = DiceLossConfig::new().with_smooth(0.0).init(&device);
    // Of two pixels with p = 1/2, both are in the region: 1 - 2 / (1 + 2).
    let value = loss.forward(logits.clone(), logits.clone().detach().ones_like());
    let gradients = value.backward();
    assert!((number(value) - 1.0 / 3.0).abs() < 1e-5);
    assert!(list(logits.grad(&gradients).unwrap()).iter().all(|slope| *slope < 0.0));
}

/// Sums over pixels keep their precision, whatever the number of pixels.
#[test]
fn t24_sums_over_many_pixels_are_precise() {
    for target in devices::cpu() {
        for side in [1000, 3000] {
            let fill = |x: f64| Tensor::<4>::full([1, 1, side, side], x, (&target.device, DType::from(target.dtype)));
            let loss = DiceLossConfig::new().with_activation(Activation::None).init(&target.device);
            let value = number(loss.forward(fill(0.1), fill(0.3)));
            let pixels = (side * side) as f64;
            let expected = 1.0 - (0.06 * pixels + 1.0) / (0.4 * pixels + 1.0);
            assert!((value - expected).abs() < 1e-5, "{} at {side}: {value} {expected}", target.name);
        }
    }
}

/// The config of a loss with these fields; for a sum, its terms have them.
fn with_fields(kind: &str, fields: &str) -> String {
    let term = |name: &str, kind: &str| format!("[terms.{name}]\nkind = '{kind}'\nweight = 0.5\n{fields}");
    match kind {
        "weighted_sum" => format!("kind = '{kind}'\n{}\n{}", term("one", "dice"), term("other", "jaccard")),
        _ => format!("kind = '{kind}'\n{fields}"),
    }
}

/// A small object in an image, wrong in every pixel: the value is near 1 for every loss of areas, and learning can begin.
#[test]
fn pictures_that_are_all_wrong_have_a_value_near_one() {
    let device = flex();
    let (side, object) = (256, 60);
    let mask = (0..side * side).map(|i| f64::from(i32::from(i / side < object && i % side < object)));
    let masks = Tensor::<1>::from_data(TensorData::new(mask.collect::<Vec<_>>(), [side * side]), (&device, DType::F32));
    let masks = masks.reshape([1, 1, side, side]);
    // A cross-entropy has no largest value.
    let is_of_areas = |info: &&LossInfo| info.family == "segmentation" && info.kind != "asymmetric_focal";
    for info in registry().iter().filter(is_of_areas) {
        // A softmax of one channel is constant.
        let text = with_fields(info.kind, "activation = 'sigmoid'");
        let loss = from_str::<SegmentationLossConfig>(&text, Format::Toml).unwrap().init(&device);
        let wrong = number(loss.forward((masks.clone() - 0.5) * -20.0, masks.clone()));
        assert!((0.98..=1.0).contains(&wrong), "{}: {wrong}", info.kind);
        let leaf = masks.zeros_like().require_grad();
        let gradients = loss.forward(leaf.clone(), masks.clone()).backward();
        let largest = list(leaf.grad(&gradients).unwrap()).into_iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        assert!(largest > 1e-6, "{}: {largest}", info.kind);
    }
}

#[test]
fn masks_need_to_say_what_is_ignored() {
    let device = flex();
    let loss = DiceLossConfig::new().with_ignore_index(255).init(&device);
    let zeros = || Tensor::<3>::zeros([1, 2, 3], &device);
    let error = loss.check(&zeros(), &zeros().into(), &Extras::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "dice: `masks` is not supported: `ignore_index` is a label: make masks of labels with `masks_of`, or say which \
         pixels are `valid`"
    );
    let error = from_str::<SegmentationLossConfig>(
        "kind = 'dice'\nsmooth = { numerator = 1.0, denominator = 0.0 }",
        Format::Toml,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "line 2: dice: `smooth.numerator` is 1, allowed: at most the denominator's 0, or the loss would be negative"
    );
}

/// The losses that are a quotient of areas.
fn of_ratios() -> impl Iterator<Item = &'static str> {
    let has_smooth = |info: &LossInfo| info.fields.iter().any(|field| field.name == "smooth");
    registry().into_iter().filter(has_smooth).map(|info| info.kind)
}

#[test]
fn t25_empty_masks() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for kind in of_ratios() {
            let loss = SegmentationLossConfig::from_kind(kind).unwrap().init(&device);
            let run = |logit: f64| {
                let logits = Tensor::<3>::full([1, 1, 6], logit, (&device, DType::from(target.dtype))).require_grad();
                let value = loss.forward(logits.clone(), logits.zeros_like().detach());
                let gradients = value.backward();
                (number(value), list(logits.grad(&gradients).unwrap()))
            };
            let (nothing, gradient) = run(-1e4);
            assert_eq!(nothing, 0.0, "{kind} on {}", target.name);
            assert!(gradient.iter().all(|x| *x == 0.0));
            let (something, gradient) = run(1.0);
            assert!(something > 0.5 && gradient.iter().all(|x| *x > 0.0), "{kind} on {}", target.name);
        }
    }
}

#[test]
fn t26_t31_ignored_pixels_change_nothing_and_one_hot_is_exact() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        let labels = || Tensor::<2, Int>::from_data(TensorData::new(vec![0i64, 1, 255, 2, 255, 1], [1, 6]), &device);
        let masks: Masks<3> = Masks::from_labels(labels(), 3, Some(255));
        let exact: Vec<f64> = (0..18).map(|i| f64::from(i32::from([0, 7, 15, 11].contains(&i)))).collect();
        assert_eq!(list(masks.masks), exact, "{}", target.name);

        for info in registry().iter().filter(|info| info.family == "segmentation") {
            for activation in ["sigmoid", "softmax"] {
                let text = with_fields(info.kind, &format!("activation = '{activation}'\nignore_index = 255"));
                let loss = from_str::<SegmentationLossConfig>(&text, Format::Toml).unwrap().init(&device);
                let run = |ignored: f64| {
                    let mut logits: Vec<f64> = (0..18).map(|i| f64::from(i) * 0.3 - 2.0).collect();
                    [2, 4, 8, 10, 14, 16].iter().for_each(|&i| logits[i] = ignored);
                    let data = TensorData::new(logits, [1, 3, 6]);
                    let logits = Tensor::<3>::from_data(data, (&device, DType::from(target.dtype))).require_grad();
                    let value = loss.forward(logits.clone(), loss.masks_of(labels(), &logits));
                    let gradients = value.backward();
                    (number(value), list(logits.grad(&gradients).unwrap()))
                };
                let (value, gradient) = run(0.0);
                assert!(value.is_finite() && gradient[2] == 0.0 && gradient[0] != 0.0, "{text} on {}", target.name);
                for ignored in [1e30, f64::NAN, f64::INFINITY] {
                    assert_eq!(run(ignored), (value, gradient.clone()), "{text} on {}", target.name);
                }
            }
        }
    }
}

#[test]
fn a_label_that_is_no_class_makes_its_sample_nan() {
    let device = flex();
    let labels = Tensor::<2, Int>::from_ints([[0, 3], [1, 0]], &device);
    for info in registry().iter().filter(|info| info.family == "segmentation") {
        let text = format!("family = 'segmentation'\nkind = '{}'", info.kind);
        let config: LossConfig = from_str(&text, Format::Toml).unwrap();
        let LossConfig::Segmentation(config) = config else { panic!("segmentation") };
        let loss = config.init(&device);
        let logits = Tensor::<3>::zeros([2, 2, 2], (&device, F64));
        let values = loss.forward_no_reduction(logits.clone(), loss.masks_of(labels.clone(), &logits));
        let values = list(values);
        assert!(values[0].is_nan() && values[1].is_nan(), "{text}: {values:?}");
        // If the sums go over the batch, the whole batch is NaN.
        assert_eq!(values[2].is_nan(), info.kind == "lovasz", "{text}: {values:?}");
    }
}

#[test]
fn t27_the_weight_of_an_absent_class_is_finite() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        for absent in [AbsentClasses::Count, AbsentClasses::Skip] {
            let loss = GeneralizedDiceLossConfig::new().with_absent_classes(absent).with_smooth(0.0).init(&device);
            // The first sample lacks one class, and the second has no class at all.
            let masks = vec![1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            let masks = Tensor::<3>::from_data(TensorData::new(masks, [2, 2, 3]), (&device, DType::from(target.dtype)));
            let logits = masks.zeros_like().require_grad();
            let values = loss.forward_no_reduction(logits.clone(), masks);
            let gradients = values.clone().sum().backward();
            let gradient = list(logits.grad(&gradients).unwrap());
            let values = list(values);
            assert!(values.iter().chain(&gradient).all(|x| x.is_finite()), "{absent:?} on {}", target.name);
            // The class that is present has the weight 1/4, and so has the absent one if it counts.
            let expected = match absent {
                AbsentClasses::Count => 1.0 - 2.0 * 1.0 / (3.5 + 1.5),
                AbsentClasses::Skip => 1.0 - 2.0 * 1.0 / 3.5,
            };
            assert!((values[0] - expected).abs() < 1e-6, "{absent:?}: {} {expected}", values[0]);
            assert_eq!(values[2], if absent == AbsentClasses::Count { 1.0 } else { 0.0 });
        }
    }
}

fn regions(seed: u64) -> Tensor<3> {
    let numbers = crate::probe::numbers(24, seed).into_iter().map(|u| (u + 1.0) / 2.0).collect::<Vec<_>>();
    Tensor::from_data(TensorData::new(numbers, [2, 3, 4]), (&flex(), F64))
}

#[test]
fn t28_tversky_weighs_what_it_says() {
    let device = flex();
    let tversky = |fp: f64, fn_: f64, smooth: f64| {
        let config = TverskyLossConfig::new().with_fp_weight(fp).with_fn_weight(fn_).with_smooth(smooth);
        config.with_activation(Activation::None).init(&device)
    };
    let (p, t) = (regions(1), regions(2));
    let values = |fp, fn_, smooth| list(tversky(fp, fn_, smooth).forward_no_reduction(p.clone(), t.clone()));
    // Swapping the weights swaps false positives and false negatives, that is, prediction and truth.
    let swapped = list(tversky(0.2, 0.9, 1.0).forward_no_reduction(t.clone(), p.clone()));
    values(0.9, 0.2, 1.0).iter().zip(swapped).for_each(|(a, b)| assert_near(*a, b));
    assert_ne!(values(0.9, 0.2, 1.0), values(0.2, 0.9, 1.0));

    let none = Activation::None;
    let dice = DiceLossConfig::new().with_activation(none).with_smooth(2.0).init(&device);
    let dice = list(dice.forward_no_reduction(p.clone(), t.clone()));
    values(0.5, 0.5, 1.0).iter().zip(dice).for_each(|(a, b)| assert_near(*a, b));
    let jaccard = JaccardLossConfig::new().with_activation(none).init(&device);
    let jaccard = list(jaccard.forward_no_reduction(p.clone(), t.clone()));
    values(1.0, 1.0, 1.0).iter().zip(jaccard).for_each(|(a, b)| assert_near(*a, b));
}

#[test]
fn t30_absent_classes_are_in_the_mean_or_not() {
    let device = flex();
    let masks = || matrix(&[[1.0, 1.0], [0.0, 0.0]], &device, F64).reshape([1, 2, 2]);
    let p = || matrix(&[[1.0, 0.0], [0.5, 0.5]], &device, F64).reshape([1, 2, 2]);
    let value = |absent| {
        let config = DiceLossConfig::new().with_activation(Activation::None).with_absent_classes(absent);
        number(config.init(&device).forward(p(), masks()))
    };
    let (there, absent) = (1.0 - 3.0 / 4.0, 1.0 - 1.0 / 2.0);
    assert_near(value(AbsentClasses::Count), (there + absent) / 2.0);
    assert_near(value(AbsentClasses::Skip), there);
}

proptest! {
    #![proptest_config(cases(64))]

    /// Any probabilities and masks, where masks may be hard, soft or empty.
    #[test]
    fn t29_overlap_losses_stay_in_the_unit_interval(
        numbers in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0, 0.0..1e-6], 36),
        smooth in prop_oneof![Just(0.0), Just(1.0), 1e-6..10.0],
    ) {
        for target in devices::cpu() {
            for kind in of_ratios().chain(["lovasz"]) {
                let smooth = if kind == "lovasz" { String::new() } else { format!("smooth: {smooth:?}") };
                let text = format!("family: segmentation\nkind: {kind}\nactivation: none\n{smooth}");
                let loss = from_str::<LossConfig>(&text, Format::Yaml).unwrap().init(&target.device);
                let tensor = |part: &[f64]| TensorData::new(part.to_vec(), [2, 3, 3]);
                let inputs = Inputs::from([
                    ("probabilities".into(), tensor(&numbers[..18])),
                    ("masks".into(), tensor(&numbers[18..])),
                ]);
                let got = loss.evaluate(&inputs, &target.device, target.dtype).unwrap();
                for value in got.unreduced.iter::<f64>() {
                    prop_assert!((-1e-6..=1.0 + 1e-6).contains(&value), "{text} on {}: {value}", target.name);
                }
                for (name, gradient) in &got.gradients {
                    prop_assert!(gradient.iter::<f64>().all(|x| x.is_finite()), "{text} on {}: {name}", target.name);
                }
            }
        }
    }
}

/// For errors of 0 and 1, the Lovasz loss is the Jaccard loss; in between it is linear while the order of the errors is the same.
#[test]
fn lovasz_extends_the_jaccard_loss_on_every_device() {
    for target in devices::all() {
        let device = target.device.clone();
        // 37 pixels are not a power of two, and take more than one round of the sorting network.
        let bits = |seed: u64| crate::probe::numbers(37, seed).into_iter().map(|u| f64::from(i32::from(u > 0.2)));
        let (p, t): (Vec<f64>, Vec<f64>) = (bits(1).collect(), bits(2).collect());
        let both = p.iter().zip(&t).filter(|(p, t)| **p == 1.0 && **t == 1.0).count() as f64;
        let jaccard = 1.0 - both / (p.iter().sum::<f64>() + t.iter().sum::<f64>() - both);
        let tensor =
            |data| Tensor::<3>::from_data(TensorData::new(data, [1, 1, 37]), (&device, DType::from(target.dtype)));
        let loss = LovaszLossConfig::new().with_activation(LovaszActivation::None).init(&device);
        let value = number(loss.forward(tensor(p), tensor(t)));
        assert!((value - jaccard).abs() < 1e-6, "{}: {value} {jaccard}", target.name);
    }
}

#[test]
fn wrong_regions_are_named() {
    let device = flex();
    let zeros = |shape: [usize; 3]| Tensor::<3>::zeros(shape, &device);
    let dice = DiceLossConfig::new();
    let check = |config: &DiceLossConfig, logits: [usize; 3], masks: [usize; 3]| {
        let masks = zeros(masks).into();
        config.init(&device).check(&zeros(logits), &masks, &Extras::new()).unwrap_err().to_string()
    };
    assert_eq!(
        check(&dice, [2, 3, 4], [2, 1, 4]),
        "dice: `masks` has shape [2, 1, 4], expected [2, 3, 4] (that of `logits`)"
    );
    let softmax = dice.clone().with_activation(Activation::Softmax);
    assert_eq!(
        check(&softmax, [2, 1, 4], [2, 1, 4]),
        "dice: `logits` has shape [2, 1, 4], expected at least 2 classes on axis 1: the softmax of one is always 1"
    );
    let weights = Tensor::<2>::ones([2, 4], &device);
    let error = dice.init(&device).check(&zeros([2, 3, 4]), &zeros([2, 3, 4]).into(), &weights.into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "dice: `weights` has shape [2, 4], expected [2, 3] (one weight per value) or [2, 1] (one per sample)"
    );
    assert_eq!(dice.reduction, Reduction::Mean);
}
