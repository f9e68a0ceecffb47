//! Metric learning, and heads with a margin.

use super::{F64, assert_near, flex, ints, is_finite, list, matrix, number};
use crate::devices;
use crate::probe::default_of;
use burn::module::Module;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use burn_losses::config::{Format, from_str};
use burn_losses::eval::Inputs;
use burn_losses::extend::{Anchors, NeededPartners};
use burn_losses::heads::ArcfaceLossConfig;
use burn_losses::metric::{CenterLossConfig, Distance, Mining, TripletLossConfig};
use burn_losses::prelude::*;
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry};

/// The metric losses of pairs of rows, and their weighted sum.
fn of_pairs() -> impl Iterator<Item = LossInfo> {
    let other = [NeededPartners::Nobody, NeededPartners::OtherView];
    metric()
        .filter(move |(info, partners)| info.kind == "weighted_sum" || !other.contains(partners))
        .map(|(info, _)| info)
}

/// The metric losses of two views.
fn of_views() -> impl Iterator<Item = LossInfo> {
    metric().filter(|(_, partners)| *partners == NeededPartners::OtherView).map(|(info, _)| info)
}

/// The metric losses, each with the partners that a row needs in the batch.
fn metric() -> impl Iterator<Item = (LossInfo, NeededPartners)> {
    registry().into_iter().filter_map(|info| match default_of(&info).init(&Device::flex()) {
        AnyLoss::Metric(loss) => Some((info, loss.partners())),
        _ => None,
    })
}

fn inputs(embeddings: &[[f64; 2]], labels: &[i64]) -> Inputs {
    let embeddings = TensorData::new(embeddings.concat(), [embeddings.len(), 2]);
    Inputs::from([
        ("embeddings".into(), embeddings),
        ("labels".into(), TensorData::new(labels.to_vec(), [labels.len()])),
    ])
}

#[test]
fn t50_a_batch_without_pairs_is_zero_with_a_live_graph() {
    for target in devices::all() {
        for info in of_pairs() {
            let (kind, loss) = (info.kind, default_of(&info).init(&target.device));
            for labels in [&[0, 0, 0][..], &[0, 1, 2], &[5]] {
                // Contrastive loss has a value for pairs of only one kind, and the supervised losses have one for positives only.
                let some = match kind {
                    "contrastive" | "weighted_sum" => labels.len() > 1,
                    "sup_con" | "nt_xent" => labels == [0, 0, 0],
                    _ => false,
                };
                let rows = [[1.0, 0.5], [-0.5, 1.0], [0.3, 0.3]];
                let got = loss.evaluate(&inputs(&rows[..labels.len()], labels), &target.device, target.dtype).unwrap();
                let gradient: Vec<f64> = got.gradients["embeddings"].iter().collect();
                assert!(got.loss.is_finite() && gradient.iter().all(|x| x.is_finite()), "{kind} {labels:?}");
                assert!(some || got.loss == 0.0 && gradient.iter().all(|x| *x == 0.0), "{kind} on {}", target.name);
            }
        }
    }
}

#[test]
fn t51_t53_identical_and_zero_embeddings_have_finite_gradients() {
    let half = |name, dtype| devices::Target { name, device: Device::flex(), dtype, tolerance: 1e-3 };
    for target in devices::all().into_iter().chain([half("flex f16", FloatDType::F16)]) {
        for info in of_pairs().chain(of_views()) {
            let gpu = target.name.starts_with("wgpu");
            let configs = if gpu { vec![default_of(&info)] } else { crate::probe::variants(&info) };
            for config in configs {
                let loss = config.init(&target.device);
                for rows in [[[0.6, 0.8]; 4], [[0.0, 0.0]; 4], [[0.6, 0.8], [0.6, 0.8], [0.0, 0.0], [1e3, 0.0]]] {
                    // A memory takes rows of four numbers.
                    let wide: Vec<f64> = rows.iter().flat_map(|[x, y]| [*x, *y, 0.0, 0.0]).collect();
                    let mut inputs = inputs(&rows, &[0, 0, 1, 1]);
                    inputs.insert("embeddings".into(), TensorData::new(wide, [4, 4]));
                    let got = loss.evaluate(&inputs, &target.device, target.dtype).unwrap();
                    assert!(is_finite(&got), "{config:?} on {}: {rows:?}", target.name);
                }
            }
        }
    }
}

/// A distance does not depend on the sign of a difference.
#[test]
fn t52_distances_are_symmetric_and_positive() {
    let device = flex();
    for distance in [Distance::Euclidean, Distance::SquaredEuclidean, Distance::Cosine] {
        let config = TripletLossConfig::new().with_distance(distance).with_normalize(false).with_margin(0.0);
        let loss = config.init(&device);
        let (a, b) = (matrix(&[[3.0, -1.0]], &device, F64), matrix(&[[-1.0, 2.0]], &device, F64));
        // The positive at distance 0 adds nothing; the negative at distance 0 adds all of D.
        let there = number(loss.forward_triplets(a.clone(), b.clone(), a.clone()));
        let back = number(loss.forward_triplets(b.clone(), a.clone(), b.clone()));
        assert_near(there, back);
        assert!(there > 0.0);
        assert_eq!(number(loss.forward_triplets(a.clone(), a, b)), 0.0);
    }
}

#[test]
fn t54_cosines_of_one_and_minus_one_are_finite_in_every_precision() {
    let half = |name, dtype| devices::Target { name, device: Device::flex(), dtype, tolerance: 1e-3 };
    let extra = [half("flex f16", FloatDType::F16), half("flex bf16", FloatDType::BF16)];
    for target in devices::all().into_iter().chain(extra) {
        for info in registry().into_iter().filter(|info| info.family == "heads") {
            let mut table = info.example();
            table.insert("num_classes", 3);
            table.insert("embedding_dim", 2);
            if info.fields.iter().any(|field| field.name == "num_sampled") {
                // A sum of 100 logits of 10,000 is infinite in half precision.
                table.insert("num_sampled", 5);
            }
            let loss = LossConfig::from_value(table.into()).unwrap().init(&target.device);
            let mut inputs = inputs(&[[0.6, 0.8], [-0.6, -0.8], [0.0, 0.0], [6e3, 8e3]], &[0, 0, 0, 1]);
            let AnyLoss::Heads(head) = &loss else { panic!("a head") };
            let weight =
                [0.6, 0.8, -0.8, 0.6].iter().cycle().take(2 * head.weight().dims()[0]).copied().collect::<Vec<_>>();
            inputs.insert("weight".into(), TensorData::new(weight, head.weight().dims()));
            let got = loss.evaluate(&inputs, &target.device, target.dtype).unwrap();
            assert!(is_finite(&got), "{} on {}", info.kind, target.name);
        }
    }
}

/// Mining uses masks and no list of indices, so the number of triplets does not have to fit an integer.
#[test]
fn t58_hard_mining_of_many_rows_is_that_of_their_distances() {
    let device = flex();
    let count = 300;
    let rows: Vec<f64> = crate::probe::numbers(count * 2, 3);
    let labels: Vec<i64> = (0..count as i64).map(|i| i % 7).collect();
    let embeddings = Tensor::<2>::from_data(TensorData::new(rows.clone(), [count, 2]), (&device, F64));
    let config = TripletLossConfig::new().with_normalize(false).with_mining(Mining::Hard).with_margin(10.0);
    let got = number(config.init(&device).forward(embeddings, ints(&labels, &device)));
    let distance = |i: usize, j: usize| (rows[2 * i] - rows[2 * j]).hypot(rows[2 * i + 1] - rows[2 * j + 1]);
    let mean = (0..count)
        .map(|a| {
            let of = |same: bool| {
                (0..count).filter(move |&j| j != a && (j % 7 == a % 7) == same).map(move |j| distance(a, j))
            };
            10.0 + of(true).fold(0.0, f64::max) - of(false).fold(f64::MAX, f64::min)
        })
        .sum::<f64>()
        / count as f64;
    assert_near(got, mean);
}

#[test]
fn t59_t61_margins_are_whole_numbers_or_radians() {
    let error = |kind: &str, margin: &str| {
        let text = format!("kind = '{kind}'\nmargin = {margin}\nnum_classes = 3\nembedding_dim = 2");
        from_str::<HeadLossConfig>(&text, Format::Toml).unwrap_err().to_string()
    };
    for kind in ["l_softmax", "a_softmax"] {
        let expected = format!("line 2: {kind}: `margin` has the wrong type: 2.5, allowed: an integer in [1, 16]");
        assert_eq!(error(kind, "2.5"), expected);
    }
    // 28.6 degrees are half a radian.
    assert_eq!(
        error("arcface", "28.6"),
        "line 2: arcface: `margin` is 28.6, allowed: a number in [0, 3.141592653589793)"
    );
}

#[test]
fn t60_centers_move_by_the_rule_of_the_paper() {
    for target in devices::all() {
        let device = target.device.clone().autodiff();
        let config = CenterLossConfig::new(3, 2).with_center_lr(0.5);
        let loss = config.init(&device);
        let dtype = DType::from(target.dtype);
        let rows = matrix(&[[2.0, 0.0], [4.0, 2.0], [1.0, 1.0]], &device, dtype);
        let step = || number(loss.forward(rows.clone(), ints(&[0, 0, 2], &device)));
        assert!((step() - (2.0 + 10.0 + 1.0) / 3.0).abs() < 1e-6);
        // Class 0 occurs twice: 1/2 (6, 2) / (1 + 2); class 2 once: 1/2 (1, 1) / 2; class 1 does not move.
        let expected = [1.0, 1.0 / 3.0, 0.0, 0.0, 0.25, 0.25];
        let near = |got: Vec<f64>| got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(list(loss.centers())), "{}", target.name);

        // After saving and loading, the next step is the same; without autodiff nothing moves.
        let loaded = config.init(&device).load_record(loss.clone().into_record());
        assert!(near(list(loaded.centers())), "{}", target.name);
        let evaluated = loss.forward(rows.clone().without_autodiff(), ints(&[0, 0, 2], &target.device));
        let next = step();
        assert_eq!(number(evaluated), next);
        assert_eq!(number(loaded.forward(rows.clone(), ints(&[0, 0, 2], &device))), next);
        assert_eq!(list(loaded.centers()), list(loss.centers()));
    }
}

/// The margin makes the target harder: the value is larger, while the logits for inference are the same.
#[test]
fn logits_have_no_margin() {
    let device = flex();
    let rows = matrix(&[[1.0, -0.5], [0.3, 0.8]], &device, DType::F32);
    let weight = matrix(&[[1.0, 0.0], [0.0, 1.0]], &device, DType::F32);
    let head = |margin| {
        let config = ArcfaceLossConfig::new(2, 2).with_scale(4.0).with_margin(margin);
        config.init(&device).with_weight(weight.clone())
    };
    assert_eq!(list(head(0.0).logits(rows.clone())), list(head(0.5).logits(rows.clone())));
    let value = |margin| number(head(margin).forward(rows.clone(), ints(&[0, 1], &device)));
    assert!(value(0.5) > value(0.0));
}

/// A run that has diverged does not look like a perfect one.
#[test]
fn embeddings_that_are_no_numbers_have_no_value() {
    for target in devices::cpu() {
        for info in of_pairs() {
            for config in crate::probe::variants(&info) {
                let loss = config.init(&target.device);
                let mut inputs = inputs(&[[f64::NAN; 2]; 4], &[0, 0, 1, 1]);
                inputs.insert("embeddings".into(), TensorData::new(vec![f64::NAN; 16], [4, 4]));
                let got = loss.evaluate(&inputs, &target.device, target.dtype).unwrap();
                assert!(got.loss.is_nan(), "{config:?} on {}: {}", target.name, got.loss);
            }
        }
    }
}

/// A row that is not finite moves neither the center of its class nor those of other classes.
#[test]
fn t60_a_row_that_is_not_finite_moves_no_center() {
    let device = flex().autodiff();
    let loss = CenterLossConfig::new(3, 2).init(&device);
    for bad in [f64::INFINITY, f64::NAN] {
        let rows = matrix(&[[bad, 2.0], [3.0, 4.0]], &device, DType::F32);
        loss.forward(rows, ints(&[0, 1], &device));
    }
    assert_eq!(list(loss.centers())[..2], [0.0, 0.0]);
    assert!(list(loss.centers()).iter().all(|x| x.is_finite()) && list(loss.centers())[2] > 0.0);
}

/// Labels of a small integer type work with more classes than the type can count.
#[test]
fn labels_of_eight_bits_are_classes() {
    let device = flex();
    let head = burn_losses::heads::SoftmaxLossConfig::new(300, 2).init(&device);
    let rows = matrix(&[[1.0, -0.5], [0.3, 0.8]], &device, DType::F32);
    let labels = ints(&[1, 100], &device);
    let narrow = labels.clone().cast(burn::tensor::IntDType::U8);
    assert_eq!(number(head.forward(rows.clone(), labels)), number(head.forward(rows, narrow)));
}

/// The metric losses with a memory.
fn with_memory() -> impl Iterator<Item = LossInfo> {
    metric().map(|(info, _)| info).filter(|info| info.fields.iter().any(|field| field.name == "memory"))
}

/// The slots of a memory that are not filled are no partners, although they hold zeros; and a row is never compared with itself. So the
/// first step is that without a memory. An evaluation adds nothing; a step does.
#[test]
fn a_memory_begins_empty_and_is_filled_in_training_alone() {
    let config = |info: &LossInfo, size: usize| {
        let memory = format!("memory: {{ size: {size} }}");
        let text = format!("family: metric\nkind: {}\n{}", info.kind, if size == 0 { "" } else { &memory });
        from_str::<LossConfig>(&text, Format::Yaml).unwrap()
    };
    assert!(with_memory().count() > 6);
    for target in devices::cpu() {
        for info in with_memory() {
            let rows = [[1.0, 0.5], [-0.5, 1.0], [0.9, 0.4], [-0.4, 1.2]];
            let value = |loss: &AnyLoss, labels: &[i64]| {
                loss.evaluate(&inputs(&rows, labels), &target.device, target.dtype).unwrap().loss
            };
            let place = format!("{} on {}", info.kind, target.name);
            let loss = config(&info, 8).init(&target.device);
            let without = value(&config(&info, 0).init(&target.device), &[0, 1, 0, 1]);
            let differs = |value: f64| (value - without).abs() > 10.0 * target.tolerance * (1.0 + without.abs());
            assert!(!differs(value(&loss, &[0, 1, 0, 1])), "{place}");
            assert!(differs(value(&loss, &[2, 3, 2, 3])), "{place}");

            let device = Device::flex();
            let AnyLoss::Metric(loss) = config(&info, 8).init(&device) else { panic!("a metric loss") };
            let forward = || {
                let rows = Tensor::<2>::from_floats(rows.map(|row| row.map(|x| x as f32)), &device);
                loss.forward(rows, Tensor::from_ints([0, 1, 0, 1], &device)).into_scalar::<f32>()
            };
            assert_eq!(forward(), forward(), "{place}");
        }
    }
}

/// What is given to a memory is a partner from the next step on, without a gradient; a loss without a memory says so.
#[test]
fn a_memory_takes_what_is_given() {
    let device = Device::flex();
    let text = "family: metric\nkind: info_nce\ntemperature: 1.0\nmemory: { size: 4, from: given, negatives: memory }";
    let AnyLoss::Metric(loss) = from_str::<LossConfig>(text, Format::Yaml).unwrap().init(&device) else {
        panic!("metric")
    };
    let rows = |rows: [[f32; 2]; 2]| Tensor::<2>::from_floats(rows, &device);
    let labels = |labels: [i32; 2]| Tensor::<1, burn::tensor::Int>::from_ints(labels, &device);
    let value = || loss.forward(rows([[1.0, 0.0], [1.0, 0.0]]), labels([0, 0])).into_scalar::<f32>();
    assert_eq!(value(), 0.0);
    // One key at a right angle, and one of the same label, which is no negative.
    loss.enqueue(rows([[0.0, 3.0], [5.0, 0.0]]), labels([1, 0]));
    assert!((value() - (1.0 + (-1f32).exp()).ln()).abs() < 1e-6);

    let without = burn_losses::metric::NtXentLossConfig::new().init(&device);
    let error = std::panic::catch_unwind(|| without.enqueue(rows([[0.0, 3.0], [5.0, 0.0]]), labels([1, 0])));
    let message = error.unwrap_err();
    assert!(message.downcast_ref::<String>().unwrap().contains("nt_xent: `memory` is not set"));
}
