//! The fused engine: when it runs, that it agrees with tensor operations, and that it gives the same bits every time.

use crate::devices::{self, Target};
use crate::probe::{batch, default_of, numbers, unreduced};
use crate::repository::repository;
use burn::tensor::{DType, FloatDType, Int, Tensor, TensorData};
use burn_losses::binary::{BalancedBceLossConfig, GhmCLossConfig, HardExamples, OhemLossConfig};
use burn_losses::eval::{Evaluation, Inputs};
use burn_losses::metric::{CenterLossConfig, CenterUpdate};
use burn_losses::prelude::*;
use burn_losses::regression::HuberLossConfig;
use burn_losses::signature::{Arguments, Role, Wanted};
use burn_losses::{AnyLoss, LossInfo, Reduction, extend::Boxes, registry, watched, with_tensor_operations};
use rayon::ThreadPoolBuilder;
use std::collections::BTreeSet;

fn floats(data: &TensorData) -> Vec<f64> {
    data.clone().convert::<f64>().iter().collect()
}

/// The reduced value, the unreduced values, and the gradient of the first argument.
fn results(evaluation: &Evaluation, loss: &AnyLoss) -> [Vec<f64>; 3] {
    [vec![evaluation.loss], floats(&evaluation.unreduced), floats(&evaluation.gradients[loss.input()])]
}

/// At most `most` rows, or fewer for losses that compare all rows with one another.
fn rows(info: &LossInfo, most: usize) -> usize {
    match info.family {
        "metric" | "heads" => most.min(301),
        "image" => most.min(9),
        _ => most,
    }
}

/// As in training, on every CPU device: kernels compute the values, the reduced value and the gradient of every loss, and nothing
/// silently falls back to tensor operations.
#[test]
fn every_loss_runs_on_kernels() {
    let trained = [Role::Prediction, Role::Parameter];
    let (mut failures, mut without) = (Vec::new(), BTreeSet::new());
    for target in devices::cpu() {
        let device = target.device.clone().autodiff();
        for info in registry() {
            let loss = default_of(&info).init(&device);
            let inputs = batch(&loss, rows(&info, 300), 3.0, &[], 2);
            let signature = loss.signature(&inputs);
            for wanted in [Wanted::Values, Wanted::Loss] {
                let train = || {
                    let arguments = Arguments::new(info.kind, &signature, &inputs, &device, target.dtype, &trained);
                    let mut arguments = arguments.expect("arguments of the loss");
                    let called = loss.as_family().call(&mut arguments, wanted).expect("a value");
                    arguments.into_leaves().differentiate(&called.numbers.sum());
                };
                let (_, paths) = watched(train);
                let (_, off) = watched(|| with_tensor_operations(train));
                if [&paths.fused, &paths.tensor, &off.fused].iter().all(|paths| paths.is_empty()) {
                    without.insert(info.kind.to_owned());
                    continue;
                }
                if paths.fused.is_empty() || !paths.tensor.is_empty() || !off.fused.is_empty() {
                    let place = format!("{}/{} on {}, {wanted:?}", info.family, info.kind, target.name);
                    failures.push(format!("{place}: {paths:?}, turned off: {off:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    if let Some(repository) = repository() {
        // Others ask for no kernel, and the page of limits lists them.
        let page = std::fs::read_to_string(repository.join("docs/src/limits.md")).expect("the page of limits");
        assert_eq!(without, listed_kinds(&page, "- These losses have no kernel on CPUs: "));
    }
}

/// The kinds in a list of a page, from its first words to the end of the sentence.
pub(crate) fn listed_kinds(page: &str, beginning: &str) -> BTreeSet<String> {
    let (_, list) = page.split_once(beginning).expect("a list");
    let (list, _) = list.split_once('.').expect("the end of the list");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A second run gives the same bits as the first.
#[test]
fn a_second_run_gives_the_same_bits() {
    for target in devices::cpu() {
        for info in registry() {
            let config = default_of(&info);
            let inputs = batch(&config.init(&target.device), rows(&info, 300), 3.0, &[], 2);
            // Each run has a new loss, since some losses keep state between steps.
            let run = || results(&loss_on(&config, &target, &inputs), &config.init(&target.device));
            assert!(run() == run(), "{}/{} on {}: other bits", info.family, info.kind, target.name);
        }
    }
}

/// The engine is as precise as tensor operations, on every CPU device.
#[test]
fn the_engine_is_as_precise_as_tensor_operations() {
    let single = |target: &Target| target.dtype == FloatDType::F32;
    let targets: Vec<_> = devices::cpu().into_iter().filter(single).collect();
    let failures: Vec<_> = registry().iter().flat_map(|info| imprecise(info, &targets)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The cases in which the fused engine is less precise than allowed, on many numbers, among them those where formulas are
/// delicate. It may be as far from the truth (tensor operations in double precision) as tensor operations are, plus four units.
/// The error of one batch is chance in part: tensor operations may make theirs in the same batch with every number moved by its
/// last place, too.
pub(crate) fn imprecise(info: &LossInfo, targets: &[Target]) -> Vec<String> {
    let mut failures = Vec::new();
    let full = std::env::var("BURN_LOSSES_FULL").is_ok();
    let exact = devices::cpu().remove(0);
    let config = default_of(info);
    let loss = config.init(&exact.device);
    let pointwise = ["regression", "binary"].contains(&info.family);
    for (scale, seed) in [(1.0, 2), (30.0, 4), (1e4, 6)] {
        let rows = if full && pointwise { 350_000 } else { rows(info, 2000) };
        let mut inputs = batch(&loss, rows, scale, &[], seed);
        if pointwise {
            let first = inputs.get_mut(loss.input()).expect("the first argument");
            let mut changed = floats(first);
            let special = [0.0, -0.0, 1e-38, -1e-20, 1.0, -1.0, 87.0, -88.5, 1e4, -1e4];
            changed.iter_mut().zip(special).for_each(|(number, special)| *number = special);
            *first = TensorData::new(changed, first.shape().clone());
        }
        let inputs = crate::golden::rounded(inputs);
        let on = |target: &Target, inputs: &Inputs| results(&loss_on(&config, target, inputs), &loss);
        let truth = with_tensor_operations(|| on(&exact, &inputs));
        let moved = moved_inputs(&inputs);
        let moved_truths: Vec<_> = with_tensor_operations(|| moved.iter().map(|inputs| on(&exact, inputs)).collect());
        let mut units = units(&truth, &moved_truths);
        // The gradient of a box or of an embedding is one vector with one error; single components may be 0.
        let width = match &loss {
            AnyLoss::Boxes(loss) => loss.targets().width(),
            AnyLoss::Likelihood(_) | AnyLoss::Metric(_) | AnyLoss::Heads(_) => inputs[loss.input()].shape()[1],
            _ => 1,
        };
        for (units, gradient) in units[2].chunks_mut(width).zip(truth[2].chunks(width)) {
            let most = gradient.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            units.iter_mut().for_each(|unit| *unit = unit.max(most * f64::from(f32::EPSILON)));
        }
        for target in targets {
            let plain = with_tensor_operations(|| on(target, &inputs));
            let fused = on(target, &inputs);
            for (i, what) in ["value", "values", "gradient"].into_iter().enumerate() {
                let (plain, fused) = (worst(&plain[i], &truth[i], &units[i]), worst(&fused[i], &truth[i], &units[i]));
                let of_moved = |inputs: &Inputs| {
                    let inputs = crate::golden::rounded(inputs.clone());
                    let [truth, plain] =
                        [&exact, target].map(|on_target| with_tensor_operations(|| on(on_target, &inputs)));
                    worst(&plain[i], &truth[i], &units[i])
                };
                if fused > plain + 4.0 && moved.iter().map(of_moved).all(|plain| fused > plain + 4.0) {
                    let place = format!("{}/{} on {} at {scale}: {what}", info.family, info.kind, target.name);
                    failures.push(format!("{place}: off by {fused:.1} units, tensor operations by {plain:.1}"));
                }
            }
        }
    }
    failures
}

pub(crate) fn loss_on(config: &LossConfig, target: &Target, inputs: &Inputs) -> Evaluation {
    config.init(&target.device).evaluate(inputs, &target.device, target.dtype).expect("a value")
}

/// The unit of error for each result: its last place as an `f32`, plus how far it moves when the arguments move by their own last
/// places. No implementation can avoid the second part: s(x) - y has no digits where the two are equal.
fn units(truth: &[Vec<f64>; 3], moved: &[[Vec<f64>; 3]]) -> [Vec<f64>; 3] {
    let epsilon = f64::from(f32::EPSILON);
    let mut units = truth.each_ref().map(|numbers| {
        let most = numbers.iter().fold(1e-30, |most: f64, x| most.max(x.abs()));
        numbers.iter().map(|x| x.abs().max(most * 1e-2) * epsilon).collect::<Vec<_>>()
    });
    // The moves of one argument are alternatives, those of several arguments come together.
    for of_argument in moved.chunks(MOVES as usize) {
        for (i, units) in units.iter_mut().enumerate() {
            for (at, unit) in units.iter_mut().enumerate() {
                let move_of = |moved: &[Vec<f64>; 3]| (moved[i][at] - truth[i][at]).abs();
                *unit += of_argument.iter().map(move_of).fold(0.0, f64::max);
            }
        }
    }
    units
}

/// How often each argument is moved.
const MOVES: u64 = 4;

/// The inputs with one argument moved by its last place, for every argument several times.
fn moved_inputs(inputs: &Inputs) -> Vec<Inputs> {
    movable(inputs).flat_map(|name| (0..MOVES).map(move |seed| moved(inputs, name, seed))).collect()
}

fn movable(inputs: &Inputs) -> impl Iterator<Item = &String> {
    inputs.iter().filter(|(_, data)| data.dtype().is_float()).map(|(name, _)| name)
}

/// The inputs, where each number of the argument `name` has moved by its last place as an `f32`, up or down.
fn moved(inputs: &Inputs, name: &str, seed: u64) -> Inputs {
    let data = &inputs[name];
    let signs = numbers(data.num_elements(), seed);
    let move_by = |(x, sign): (&f64, f64)| x * (1.0 + f64::from(f32::EPSILON).copysign(sign));
    let moved: Vec<f64> = floats(data).iter().zip(signs).map(move_by).collect();
    let mut inputs = inputs.clone();
    inputs.insert(name.to_owned(), TensorData::new(moved, data.shape().clone()));
    inputs
}

/// The largest error, in units.
fn worst(got: &[f64], truth: &[f64], units: &[f64]) -> f64 {
    let error = |((got, truth), unit): ((&f64, &f64), &f64)| (got - truth).abs() / unit;
    got.iter().zip(truth).zip(units).map(error).fold(0.0, f64::max)
}

/// Sums are added up in parts of a fixed size and in order, so the bits do not depend on the number of threads.
#[test]
fn the_same_bits_whatever_the_number_of_threads() {
    let target = devices::cpu().remove(1);
    for info in registry() {
        let config = default_of(&info);
        let inputs = batch(&config.init(&target.device), rows(&info, 30_011), 3.0, &[], 2);
        let run = |threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            // Each run has a new loss, since some losses keep state between steps.
            let loss = config.init(&target.device);
            let evaluation = pool.install(|| loss.evaluate(&inputs, &target.device, target.dtype).expect("a value"));
            results(&evaluation, &loss)
        };
        let one = run(1);
        for threads in [2, 5] {
            assert!(run(threads) == one, "{}/{} on {threads} threads: other bits", info.family, info.kind);
        }
    }
}

/// Targets that need a gradient, weights that need one, and broadcast inputs.
#[test]
fn what_no_kernel_takes_runs_on_tensors() {
    for target in devices::cpu() {
        let device = target.device.clone().autodiff();
        let loss = HuberLossConfig::new().init(&device);
        let tensor = |seed| {
            let data = TensorData::new(numbers(60, seed).iter().map(|x| 3.0 * x).collect::<Vec<_>>(), [20, 3]);
            Tensor::<2>::from_data(data, (&device, DType::from(target.dtype)))
        };
        let close = |a: Tensor<2>, b: Tensor<2>| {
            let (a, b) = (floats(&a.into_data()), floats(&b.into_data()));
            a.iter().zip(b).all(|(a, b)| (a - b).abs() <= target.tolerance)
        };
        let (predictions, targets) = (tensor(1).require_grad(), tensor(2).require_grad());
        let gradients = loss.forward(predictions.clone(), targets.clone()).backward();
        // The loss depends on a difference, so both gradients are equal except for their sign.
        let of = |leaf: &Tensor<2>| leaf.grad(&gradients).expect("a gradient");
        assert!(close(of(&predictions), -of(&targets)), "{}", target.name);
        let fused = loss.forward(predictions.clone(), tensor(2)).backward();
        assert!(close(of(&predictions), predictions.grad(&fused).expect("a gradient")), "{}", target.name);

        let weights = (tensor(3) + 4.0).require_grad();
        let gradients = loss.forward_with(predictions.clone(), tensor(2), weights.clone()).backward();
        let expected = loss.forward_no_reduction(tensor(1), tensor(2)) * (1.0 / 60.0);
        let got = weights.grad(&gradients).expect("a gradient");
        assert!(close(got, expected.without_autodiff()), "{}", target.name);

        let row = tensor(4).narrow(0, 0, 1);
        let broadcast = loss.forward(row.clone().expand([20, 3]), tensor(2)).into_scalar::<f64>();
        let whole = Tensor::<2>::from_data(row.expand([20, 3]).into_data(), (&device, DType::from(target.dtype)));
        let expected = loss.forward(whole, tensor(2)).into_scalar::<f64>();
        assert!((broadcast - expected).abs() <= target.tolerance, "{}", target.name);
    }
}

/// The steps of centers, and their gradient: with labels out of range, classes without a row, and a row of NaN.
#[test]
fn centers_are_those_of_tensor_operations() {
    let (count, size, classes) = (301, 19, 21);
    let labels: Vec<i64> = (0..count as i64).map(|row| row * row % 23 - 1).collect();
    let mut rows = numbers(count * size, 4);
    rows[7 * size + 3] = f64::INFINITY;
    for target in devices::cpu() {
        let device = target.device.clone().autodiff();
        let rows = TensorData::new(rows.clone(), [count, size]);
        let rows = Tensor::<2>::from_data(rows, (&device, DType::from(target.dtype))).require_grad();
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels.clone(), [count]), &device);
        let centers = |update| {
            let config = CenterLossConfig::new(classes, size).with_update(update);
            let loss = config.init(&device);
            let mut gradients = loss.forward(rows.clone(), labels.clone()).backward();
            for _ in 0..2 {
                gradients = loss.forward(rows.clone(), labels.clone()).backward();
            }
            let centers = loss.centers();
            let numbers =
                if update == CenterUpdate::Paper { centers } else { centers.grad(&gradients).expect("learned") };
            [numbers, rows.grad(&gradients).expect("a gradient")].map(|numbers| floats(&numbers.into_data()))
        };
        for update in [CenterUpdate::Paper, CenterUpdate::Gradient] {
            let (fused, plain) = (centers(update), with_tensor_operations(|| centers(update)));
            for (fused, plain) in fused.iter().flatten().zip(plain.iter().flatten()) {
                let agrees = fused == plain || (fused - plain).abs() <= target.tolerance;
                assert!(agrees, "{update:?} on {}: {fused}, {plain}", target.name);
            }
        }
    }
}

/// Half-precision numbers are converted to single precision at the start, and only the gradient is converted back.
#[test]
fn halves_are_computed_in_single_precision() {
    let device = burn::tensor::Device::flex().autodiff();
    let mut tested = 0;
    let of_two_tensors = ["regression", "binary", "classification", "distribution", "boxes"];
    for info in registry().into_iter().filter(|info| of_two_tensors.contains(&info.family)) {
        let name = format!("{}/{}", info.family, info.kind);
        let loss = default_of(&info).init(&device);
        let mut inputs = batch(&loss, 700, 2.0, &[], 2);
        let first = inputs.remove(loss.input()).expect("the first argument");
        let second = inputs.into_values().next().expect("the second argument");
        // A count over the batch may put a number into another bin if its last place changes.
        let leaf = Tensor::<2>::from_data(first.clone(), (&device, DType::F32));
        let (_, paths) = watched(|| unreduced(&loss, leaf, &second));
        if paths.fused.len() > 1 {
            continue;
        }
        tested += 1;
        for dtype in [DType::F16, DType::BF16] {
            let leaf = || Tensor::<2>::from_data(first.clone(), (&device, dtype)).require_grad();
            let run = || {
                let leaf = leaf();
                let values = unreduced(&loss, leaf.clone(), &second);
                let shown = values.clone().into_data();
                let gradients = values.sum().backward();
                let gradient = leaf.grad(&gradients).expect("a gradient");
                assert_eq!((shown.dtype(), gradient.dtype()), (DType::F32, dtype), "{name}");
                (floats(&shown), floats(&gradient.into_data()))
            };
            let ((values, gradient), (plain, plain_gradient)) = (run(), with_tensor_operations(run));
            let close = |a: &[f64], b: &[f64], tolerance: f64| {
                a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * (1.0 + b.abs()))
            };
            assert!(close(&values, &plain, 1e-5), "{name}");
            assert!(close(&gradient, &plain_gradient, 1e-2), "{name}");
        }
    }
    assert!(tested >= 34, "of {tested} losses alone the values come from one kernel");
}

/// What a loss computes from the whole batch (counts, shares, which values are kept) is the same for every type of the inputs and
/// for every reduction.
#[test]
fn constants_of_a_batch_are_those_of_tensor_operations() {
    let keep = |keep| move |reduction| OhemLossConfig::new().with_keep(keep).with_reduction(reduction);
    let device = burn::tensor::Device::flex();
    constants_agree(|reduction| BalancedBceLossConfig::new().with_reduction(reduction).init(&device));
    constants_agree(|reduction| GhmCLossConfig::new().with_reduction(reduction).init(&device));
    // 0.29 of 50 values is 14.5, whose rounding depends on the type.
    for keep in [HardExamples::Ratio(0.29), HardExamples::Count(7), HardExamples::Threshold(0.1)].map(keep) {
        constants_agree(|reduction| keep(reduction).init(&device));
    }

    // There are more positives than half precision can count.
    let ones = Tensor::<1>::ones([70_000], (&device, DType::F16));
    let value = BalancedBceLossConfig::new().init(&device).forward(ones.clone() * 3.0, ones).into_scalar::<f32>();
    assert!((0.0..1e-3).contains(&value), "{value}");
}

fn constants_agree<L: BinaryLoss>(init: impl Fn(Reduction) -> L) {
    let device = burn::tensor::Device::flex();
    let logits: Vec<f64> = numbers(50, 1).iter().map(|x| 3.0 * x).collect();
    let targets: Vec<f64> = numbers(50, 2).iter().map(|x| f64::from(*x > 0.2)).collect();
    let of =
        |numbers: &Vec<f64>, dtype| Tensor::<2>::from_data(TensorData::new(numbers.clone(), [25, 2]), (&device, dtype));
    use DType::{BF16, F16, F32, F64};
    for [first, second] in [[F32, F32], [F16, F32], [F32, BF16], [BF16, BF16], [F64, F64]] {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::BatchMean, Reduction::WeightedMean] {
            // Each run has a new loss, since some losses keep state between steps.
            let value = || init(reduction).forward(of(&logits, first), of(&targets, second)).into_scalar::<f64>();
            let (fused, plain) = (value(), with_tensor_operations(value));
            let loss = init(reduction);
            let place = format!("{}, {first:?} and {second:?}, {reduction:?}", loss.kind());
            assert!((fused - plain).abs() <= 1e-5 * (1.0 + plain.abs()), "{place}: {fused} {plain}");
        }
    }
}
