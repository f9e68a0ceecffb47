//! Boxes.

use super::{F64, flex, is_finite, list, matrix, number, vector};
use crate::devices::{self, Target};
use crate::probe::default_of;
use crate::properties::cases;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::boxes::{
    AspectGradient, BoxFormat, CiouLossConfig, FactorGradient, FocalEiouLossConfig, Geometry, GiouLossConfig, IouForm,
    IouLossConfig, convert, pairwise_iou,
};
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::extend::{BoxTargets, Boxes};
use burn_losses::formula::BoxFormula;
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry};
use proptest::prelude::*;

/// Every loss of two boxes.
fn of_boxes() -> impl Iterator<Item = LossInfo> {
    registry().into_iter().filter(|info| match default_of(info).init(&Device::flex()) {
        AnyLoss::Boxes(loss) => loss.targets() == BoxTargets::Boxes,
        _ => false,
    })
}

/// The modules of these losses, by kind.
fn losses(device: &Device) -> Vec<(&'static str, AnyLoss)> {
    of_boxes().map(|info| (info.kind, default_of(&info).init(device))).collect()
}

fn evaluate(loss: &AnyLoss, predictions: &[[f64; 4]], targets: &[[f64; 4]], target: &Target) -> Evaluation {
    let tensor = |rows: &[[f64; 4]]| TensorData::new(rows.concat(), [rows.len(), 4]);
    let inputs = Inputs::from([("predictions".into(), tensor(predictions)), ("targets".into(), tensor(targets))]);
    loss.evaluate(&inputs, &target.device, target.dtype).unwrap()
}

fn numbers(data: &TensorData) -> Vec<f64> {
    data.iter().collect()
}

fn with_half() -> Vec<Target> {
    let half = |name, dtype| Target { name, device: Device::flex(), dtype, tolerance: 1e-3 };
    let mut all = devices::all();
    all.extend([half("flex f16", FloatDType::F16), half("flex bf16", FloatDType::BF16)]);
    all
}

#[test]
fn t32_identical_boxes_are_perfect_at_every_size() {
    let sizes = [1.0, 4.0, 10.0, 100.0, 1e4, 1e-3].map(|size| [0.5 * size, 0.25 * size, 1.5 * size, 0.75 * size]);
    for target in with_half() {
        for (kind, loss) in losses(&target.device) {
            let got = evaluate(&loss, &sizes, &sizes, &target);
            assert_eq!(numbers(&got.unreduced), [0.0; 6], "{kind} on {}", target.name);
            // A perfect fit has no gradient.
            let still = numbers(&got.gradients["predictions"]).iter().all(|slope| slope.abs() < 1e-4);
            assert!(still, "{kind} on {}: {:?}", target.name, got.gradients);
        }
    }
}

#[test]
fn t33_degenerate_boxes_are_finite() {
    let proper = [1.0, 2.0, 4.0, 8.0];
    let odd = [
        [1.0, 2.0, 1.0, 8.0], // no width
        [1.0, 2.0, 4.0, 2.0], // no height
        [2.0, 3.0, 2.0, 3.0], // a point
        [4.0, 8.0, 1.0, 2.0], // inverted
        [4.0, 2.0, 1.0, 8.0], // inverted along x
        [9.0, 9.0, 9.5, 9.5], // disjoint
        [4.0, 2.0, 6.0, 8.0], // touching
        [0.0, 0.0, 0.0, 0.0],
    ];
    let mut pairs = Vec::new();
    for a in odd.into_iter().chain([proper]) {
        pairs.extend(odd.into_iter().chain([proper]).map(|b| (a, b)));
    }
    let (predictions, targets): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for target in with_half() {
        for info in of_boxes() {
            let configs =
                if target.name.starts_with("wgpu") { vec![default_of(&info)] } else { crate::probe::variants(&info) };
            for config in configs {
                let loss = config.init(&target.device);
                // The loss inside another one may take boxes of another width.
                if !matches!(&loss, AnyLoss::Boxes(loss) if loss.targets() == BoxTargets::Boxes) {
                    continue;
                }
                let got = evaluate(&loss, &predictions, &targets, &target);
                assert!(is_finite(&got), "{config:?} on {}", target.name);
            }
        }
    }
}

/// A NaN is neither an error that ends the program nor hidden: the value of its box is NaN, and that of the others is not.
#[test]
fn t34_a_nan_is_reported_in_its_box_alone() {
    let target = devices::cpu().remove(0);
    let fine = [0.0, 0.0, 1.0, 1.0];
    for place in 0..4 {
        let mut not_finite = fine;
        not_finite[place] = f64::NAN;
        for (kind, loss) in losses(&target.device) {
            for (a, b) in [(not_finite, fine), (fine, not_finite)] {
                let got = numbers(&evaluate(&loss, &[a, fine], &[b, [0.5, 0.0, 1.5, 1.0]], &target).unreduced);
                // Boxes of a batch share only their weights.
                assert!(got[0].is_nan() && (got[1].is_finite() || kind == "focal_eiou"), "{kind}: {got:?}");
            }
        }
    }
}

#[test]
fn t35_large_areas_in_half_precision() {
    let (a, b) = ([0.0, 0.0, 300.0, 300.0], [150.0, 0.0, 450.0, 300.0]);
    let exact = devices::cpu().remove(0);
    for target in with_half() {
        for (kind, loss) in losses(&target.device) {
            let got = evaluate(&loss, &[a], &[b], &target);
            let expected = evaluate(&loss, &[a], &[b], &exact);
            assert!(is_finite(&got) && (got.loss / expected.loss - 1.0).abs() < 1e-5, "{kind} on {}", target.name);
        }
    }
}

#[test]
fn t36_both_gradients_of_ciou_have_the_same_value() {
    let (p, t) = ([0.0, 0.0, 3.0, 1.0], [0.5, -0.5, 2.0, 3.0]);
    let device = Device::flex();
    let value = |config: CiouLossConfig| config.init(&device).eval(p, t);
    // IoU = 1.5 / (3 + 5.25 - 1.5); the centers are (1.5, .5) and (1.25, 1.25), and the enclosing box is 3 x 3.5.
    let iou: f64 = 1.5 / 6.75;
    let v = 4.0 / std::f64::consts::PI.powi(2) * ((1.5f64 / 3.5).atan() - 3f64.atan()).powi(2);
    let expected = 1.0 - iou + (0.0625 + 0.5625) / (9.0 + 12.25) + v * v / (1.0 - iou + v);
    for config in [
        CiouLossConfig::new(),
        CiouLossConfig::new().with_alpha_gradient(FactorGradient::Full),
        CiouLossConfig::new().with_aspect_gradient(AspectGradient::Scaled),
    ] {
        assert!((value(config) - expected).abs() < 1e-14);
    }
}

#[test]
fn t38_eps_is_used_wherever_something_is_divided() {
    let device = Device::flex();
    let (p, t) = ([0.0, 0.0, 0.1, 0.1], [0.05, 0.0, 0.15, 0.1]);
    // The enclosing box is .15 x .1; a third of it is the intersection.
    let iou = IouLossConfig::new().with_eps(2.0).init(&device).eval(p, t);
    assert!((iou - (1.0 - 1.0 / 3.0 / 2.0)).abs() < 1e-14);
    let log = IouLossConfig::new().with_eps(0.4).with_form(IouForm::Log).init(&device).eval(p, t);
    assert!((log + 0.4f64.ln()).abs() < 1e-14);
    let far = [1.0, 1.0, 1.1, 1.1];
    let giou = GiouLossConfig::new().with_eps(2.0).init(&device).eval(p, far);
    assert!((giou - (1.0 + (1.21 - 0.02) / 1.21 / 2.0)).abs() < 1e-14);
}

#[test]
fn t39_inverted_boxes_have_an_aspect_in_range_and_agree_on_every_device() {
    let boxes = [[4.0, 8.0, 1.0, 2.0], [4.0, 2.0, 1.0, 8.0], [1.0, 8.0, 4.0, 2.0], [1.0, 2.0, 4.0, 8.0]];
    for p in boxes {
        for t in boxes {
            let v = Geometry::new(p, t).aspect(false);
            assert!((0.0..=1.0).contains(&v), "{p:?} {t:?}: {v}");
        }
    }
    let exact = devices::cpu().remove(0);
    let targets = [[0.0, 1.0, 3.0, 9.0]; 4];
    for target in devices::all() {
        for (kind, loss) in losses(&target.device) {
            let got = evaluate(&loss, &boxes, &targets, &target);
            let expected = evaluate(&loss, &boxes, &targets, &exact);
            for (name, gradient) in &expected.gradients {
                for (a, b) in numbers(&got.gradients[name]).into_iter().zip(numbers(gradient)) {
                    assert!((a - b).abs() < 1e-5, "{kind} on {}: {name} {a} {b}", target.name);
                }
            }
        }
    }
}

/// There is one weight per box; four per box are refused (in Rust they do not compile).
#[test]
fn t40_weights_are_one_per_box() {
    let target = devices::cpu().remove(0);
    let tensor = |shape: &[usize]| TensorData::new(vec![0.5; shape.iter().product()], shape.to_vec());
    let loss = LossConfig::from_kind("boxes", "giou").unwrap().init(&target.device);
    let inputs = |weights: &[usize]| {
        Inputs::from([
            ("predictions".into(), tensor(&[2, 4])),
            ("targets".into(), tensor(&[2, 4])),
            ("weights".into(), tensor(weights)),
        ])
    };
    let error = loss.evaluate(&inputs(&[2, 4]), &target.device, target.dtype).unwrap_err();
    assert_eq!(error.to_string(), "giou: `weights` has shape [2, 4], expected [2] (one weight per value)");
    let error = loss.evaluate(&inputs(&[4]), &target.device, target.dtype).unwrap_err();
    assert_eq!(error.to_string(), "giou: `weights` has shape [4], expected [2] (one weight per value)");
    assert!(loss.evaluate(&inputs(&[2]), &target.device, target.dtype).is_ok());
}

/// Compares the tools for boxes with the losses, and converts back and forth between all formats, on every device.
#[test]
fn tools_agree_with_the_losses() {
    let formats = [BoxFormat::Xyxy, BoxFormat::Cxcywh, BoxFormat::Xywh, BoxFormat::Ltrb];
    let rows = [[1.0, 2.0, 4.0, 8.0], [0.0, 1.0, 2.0, 3.0], [3.0, 3.0, 3.0, 5.0], [4.0, 8.0, 1.0, 2.0]];
    let others = [[1.5, 2.0, 4.0, 7.0], [9.0, 9.0, 9.5, 9.5]];
    for target in devices::all() {
        let device = target.device.clone();
        let tensor = |rows: &[[f64; 4]]| matrix(rows, &device, DType::from(target.dtype));
        let pairs = list(pairwise_iou(tensor(&rows), tensor(&others), BoxFormat::Xyxy));
        for (i, row) in rows.iter().enumerate() {
            for (j, other) in others.iter().enumerate() {
                let expected = 1.0 - IouLossConfig::new().init(&device).eval(*row, *other);
                assert!((pairs[i * 2 + j] - expected).abs() < 1e-6, "{i} {j} on {}", target.name);
            }
        }
        for from in formats {
            for to in formats {
                let there = convert(tensor(&rows), from, to);
                let back = list(convert(there, to, from));
                assert!(back.iter().zip(rows.concat()).all(|(a, b)| (a - b).abs() < 1e-6), "{from:?} {to:?}");
            }
        }
        let nothing = Tensor::<2>::zeros([0, 4], (&device, DType::from(target.dtype)));
        assert_eq!(pairwise_iou(nothing, tensor(&others), BoxFormat::Xyxy).dims(), [0, 2]);
    }
    // The sum of the corners is larger than an f16 can hold.
    let large =
        Tensor::<2>::from_data(TensorData::new(vec![4e4, 4e4, 5e4, 6e4], [1, 4]), (&Device::flex(), DType::F16));
    let center = list(convert(large, BoxFormat::Xyxy, BoxFormat::Cxcywh));
    assert!(center.iter().all(|x| x.is_finite()), "{center:?}");
}

#[test]
fn t41_no_boxes_are_zero_with_a_graph() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        let nothing = || Tensor::<2>::zeros([0, 4], (&device, DType::from(target.dtype)));
        let leaf = nothing().require_grad();
        let value = GiouLossConfig::new().init(&device).forward(leaf.clone(), nothing());
        let gradients = value.backward();
        assert_eq!(number(value), 0.0, "{}", target.name);
        assert_eq!(leaf.grad(&gradients).unwrap().dims(), [0, 4]);
    }
}

#[test]
fn t42_focal_eiou_at_no_overlap() {
    // The paper's quotient does not vanish with a large power: a single box has its own EIoU.
    let steep = FocalEiouLossConfig::new().with_gamma(8.0).init(&Device::flex());
    let row = |numbers: [f64; 4]| matrix(&[numbers], &Device::flex(), DType::F32);
    let (p, t) = ([0.0, 0.0, 1.0, 1.0], [0.99, 0.99, 2.0, 2.0]);
    let eiou = burn_losses::boxes::EiouLossConfig::new().init(&Device::flex()).eval(p, t);
    assert!((number(steep.forward(row(p), row(t))) - eiou).abs() < 1e-5);

    let device = flex();
    let rows = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 2.0, 2.0]];
    let targets = [[2.0, 2.0, 3.0, 3.0], [1.0, 0.0, 3.0, 2.0]];
    for gradient in [FactorGradient::Detached, FactorGradient::Full] {
        let loss = FocalEiouLossConfig::new().with_weight_gradient(gradient).init(&device);
        let leaf = matrix(&rows, &device, F64).require_grad();
        let values = loss.forward_no_reduction(leaf.clone(), matrix(&targets, &device, F64));
        let gradients = values.clone().sum().backward();
        let (values, gradient) = (list(values), list(leaf.grad(&gradients).unwrap()));
        // The disjoint pair has the weight 0, so the other one has the weight 2 out of 2.
        assert_eq!(values[0], 0.0);
        assert!((values[1] - 2.0 * (1.0 - 1.0 / 3.0 + 1.0 / 13.0)).abs() < 1e-14);
        assert!(gradient[..4].iter().all(|x| *x == 0.0) && gradient[4..].iter().all(|x| x.is_finite()));
    }
    // The weights are frozen: the gradient is that of the weighted sum with the weights as numbers.
    let loss = FocalEiouLossConfig::new().with_normalize(false).init(&device);
    let at = |moved: f64| vector(&[moved, 0.0, 2.0, 2.0], &device, F64).reshape([1, 4]);
    let target = || vector(&[1.0, 0.0, 3.0, 2.0], &device, F64).reshape([1, 4]);
    let leaf = at(0.3).require_grad();
    let gradients = loss.forward(leaf.clone(), target()).backward();
    let weight = Geometry::new([0.3, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]).iou.sqrt();
    let eiou = burn_losses::boxes::EiouLossConfig::new().init(&device);
    let slope =
        (number(eiou.forward(at(0.3 + 1e-6), target())) - number(eiou.forward(at(0.3 - 1e-6), target()))) / 2e-6;
    assert!((list(leaf.grad(&gradients).unwrap())[0] - weight * slope).abs() < 1e-8);
}

fn coordinate(largest: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (-4..=4i32).prop_map(f64::from),
        3 => -10.0..10.0,
        1 => -1e-3..1e-3,
        1 => -1e-18..1e-18,
        1 => -largest..largest,
    ]
}

fn any_box(largest: f64) -> impl Strategy<Value = [f64; 4]> {
    prop::array::uniform4(coordinate(largest))
}

/// Boxes of ordinary size with corners in any order, which may touch, be equal, or lie apart.
fn box_of_size() -> impl Strategy<Value = [f64; 4]> {
    let corner = prop_oneof![(-4..=4i32).prop_map(f64::from), -4.0..4.0];
    let side = prop_oneof![(1..=4i32).prop_map(f64::from), 0.1..4.0];
    (corner.clone(), corner, side.clone(), side).prop_map(|(x, y, w, h)| [x, y, x + w, y + h])
}

fn bound(kind: &str) -> f64 {
    match kind {
        "iou" | "nwd" => 1.0,
        "giou" | "diou" => 2.0,
        "ciou" | "siou" => 3.0,
        "eiou" => 4.0,
        "cdiou" => 3.0,
        "alpha_iou" => 1.0,
        _ => f64::INFINITY,
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn any_two_boxes_have_a_finite_value_and_gradient_within_bounds(
        pairs in prop::collection::vec((any_box(1e15), any_box(1e15)), 1..12),
        same in any_box(1e15),
    ) {
        let (mut predictions, mut targets): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        predictions.push(same);
        targets.push(same);
        for target in devices::cpu() {
            for (kind, loss) in losses(&target.device) {
                let got = evaluate(&loss, &predictions, &targets, &target);
                prop_assert!(is_finite(&got), "{kind} on {}: {got:?}", target.name);
                for value in numbers(&got.unreduced) {
                    prop_assert!((-1e-6..=bound(kind) + 1e-5).contains(&value), "{kind} on {}: {value}", target.name);
                }
            }
        }
    }

    #[test]
    fn losses_do_not_depend_on_place_and_size(
        pairs in prop::collection::vec((box_of_size(), box_of_size()), 1..12),
        scale in prop_oneof![1e-6..1e-3, 0.01..100.0, 1e5..1e8], x in -5.0..5.0, y in -5.0..5.0,
    ) {
        let (predictions, targets): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let target = devices::cpu().remove(0);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        for (kind, loss) in losses(&target.device) {
            let values = |p: &[[f64; 4]], t: &[[f64; 4]]| numbers(&evaluate(&loss, p, t, &target).unreduced);
            let straight = values(&predictions, &targets);
            let move_ = |rows: &[[f64; 4]], by: [f64; 2]| -> Vec<[f64; 4]> {
                rows.iter().map(|[a, b, c, d]| [a + by[0], b + by[1], c + by[0], d + by[1]]).collect()
            };
            let moved = values(&move_(&predictions, [x, y]), &move_(&targets, [x, y]));
            prop_assert!(close(&straight, &moved), "{kind}: moved");
            if !["mpdiou", "nwd"].contains(&kind) {
                let grow = |rows: &[[f64; 4]]| rows.iter().map(|row| row.map(|x| x * scale)).collect::<Vec<_>>();
                prop_assert!(close(&straight, &values(&grow(&predictions), &grow(&targets))), "{kind}: scaled");
            }
            prop_assert!(close(&straight, &values(&targets, &predictions)), "{kind}: swapped");
        }
    }
}
