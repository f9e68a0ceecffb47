//! T83: the accuracy does not depend on the number of rows.
//!
//! These are computed in parts, or in another way from some size on:
//!
//! | what | size |
//! |---|---|
//! | distances and their gradient, as tensor operations | parts of 2^22 differences |
//! | triplets, as tensor operations | parts of 2^22 triplets |
//! | anchors, rows and lanes of a kernel of pairs | 8, 16 and 32 rows, 16 numbers |
//! | products of pairs | strips of 128 rows |
//! | groups and blocks of pointwise kernels | 256 and 2^14 numbers |
//! | sums | parts of 4096 numbers |
//! | the k-th largest number | digits from 2^18 numbers on: the same number exactly |
//! | logits of a head | chunks of 2^24 logits |
//!
//! Only the last digits of a sum may depend on these sizes.

use super::{evaluate, flex_f64, floats};
use crate::devices::{self, Target};
use crate::golden::rounded;
use crate::probe::{numbers, variants};
use burn::tensor::TensorData;
use burn_losses::eval::Inputs;
use burn_losses::{LossConfig, registry, with_tensor_operations};

/// Tight groups of eight rows per label, far from each other, as metric learning produces them.
fn groups(rows: usize, size: usize) -> Inputs {
    const GROUP: usize = 32;
    let (noise, centers) = (numbers(rows * size, 5), numbers(rows.div_ceil(GROUP) * size, 6));
    let at = |row: usize, k: usize| 1000.0 * centers[row / GROUP * size + k] + 0.05 * noise[row * size + k];
    let embeddings: Vec<f64> = (0..rows * size).map(|i| at(i / size, i % size)).collect();
    let labels: Vec<i64> = (0..rows).map(|row| (row / 4) as i64).collect();
    rounded(Inputs::from([
        ("embeddings".into(), TensorData::new(embeddings, [rows, size])),
        ("labels".into(), TensorData::new(labels, [rows])),
    ]))
}

fn assert_exact(config: &LossConfig, inputs: &Inputs, target: &Target, is_fused: bool) {
    let run = |target: &Target| evaluate(&config.init(&target.device), inputs, target);
    let expected = run(&flex_f64());
    let got = if is_fused { run(target) } else { with_tensor_operations(|| run(target)) };
    let shape = inputs["embeddings"].shape().to_vec();
    let place = format!("{config:?} of {shape:?}, fused: {is_fused}, on {}", target.name);
    let (got, expected) = [&got, &expected]
        .map(|all| (vec![all.loss], floats(&all.unreduced), floats(&all.gradients["embeddings"])))
        .into();
    for (what, got, expected) in
        [("loss", &got.0, &expected.0), ("values", &got.1, &expected.1), ("gradient", &got.2, &expected.2)]
    {
        let scale = expected.iter().fold(1e-6, |most: f64, x| most.max(x.abs()));
        let error = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale;
        // The cosine of rows that are alike is rounded like 1.
        assert!(error <= 2e-4, "{place}: {what} is off by {error:.1e}");
    }
}

/// The metric losses of distances, with those of the mined triplets.
fn of_distances() -> Vec<LossConfig> {
    let metric = registry().into_iter().filter(|info| info.family == "metric");
    let mined = ["all", "hard", "semi_hard", "semi_hard_closest", "easy"].map(|mining| {
        serde_yaml_ng::from_str(&format!("family: metric\nkind: triplet\nmining: {mining}\nnormalize: false"))
            .expect("a config")
    });
    metric.flat_map(|info| variants(&info)).chain(mined).filter(is_of_distances).collect()
}

/// Whether the loss is of single distances: it also takes given pairs or triplets, and embeddings that are all moved alike have the same
/// values. A loss that takes embeddings of another size is none.
fn is_of_distances(config: &LossConfig) -> bool {
    let target = flex_f64();
    let loss = config.init(&target.device);
    let values = |shift: f64| {
        let embeddings: Vec<f64> = numbers(24, 5).into_iter().map(|x| x + shift).collect();
        let inputs = Inputs::from([
            ("embeddings".into(), TensorData::new(embeddings, [8, 3])),
            ("labels".into(), TensorData::new(vec![0i64, 1, 0, 1, 0, 1, 0, 1], [8])),
        ]);
        let evaluation = loss.evaluate(&inputs, &target.device, target.dtype).ok()?;
        Some(floats(&evaluation.unreduced))
    };
    let (Some(one), Some(other)) = (values(0.0), values(7.0)) else { return false };
    loss.signatures().len() > 1 && one.iter().zip(&other).all(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + a.abs()))
}

#[test]
fn t83_sizes() {
    let single = |target: &Target| target.tolerance > 1e-9;
    for target in devices::cpu().into_iter().filter(single) {
        for (rows, size) in [(15, 3), (16, 16), (17, 17), (127, 8), (128, 8), (129, 9), (256, 64), (257, 64)] {
            let inputs = groups(rows, size);
            for config in of_distances() {
                assert_exact(&config, &inputs, &target, true);
                // N^3 triplets take a long time.
                if rows < 200 || target.name.starts_with("flex") {
                    assert_exact(&config, &inputs, &target, false);
                }
            }
        }
    }
}

/// With 774 rows of 7 numbers the distances were right, and with 775 they were wrong.
#[test]
fn t83_distances_of_many_rows() {
    let target = devices::cpu().remove(1);
    let config = |mining: &str| {
        serde_yaml_ng::from_str::<LossConfig>(&format!(
            "family: metric\nkind: triplet\nmining: {mining}\nnormalize: false"
        ))
        .expect("a config")
    };
    for rows in [774, 775, 776] {
        assert_exact(&config("semi_hard_closest"), &groups(rows, 7), &target, true);
        assert_exact(&config("hard"), &groups(rows, 7), &target, false);
    }
}

#[test]
fn t83_sizes_on_the_gpu() {
    let Some(target) = devices::gpu() else { return };
    for rows in [256, 257] {
        for mining in ["hard", "semi_hard_closest"] {
            let text = format!("family: metric\nkind: triplet\nmining: {mining}\nnormalize: false");
            assert_exact(&serde_yaml_ng::from_str(&text).expect("a config"), &groups(rows, 64), &target, true);
        }
    }
}
