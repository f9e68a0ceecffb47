//! The range of values, and in which direction they change.

use super::{Case, VARIANTS, any_case_of, any_target, cases, target};
use crate::devices::Target;
use crate::laws::{assert_close, evaluate, flex_f64, floats};
use crate::probe::{base, batch, with_field};
use burn::tensor::TensorData;
use burn_losses::config::Value;
use burn_losses::{LossConfig, LossInfo, registry};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Whether a number that is added to all scores of a row changes nothing: a softmax or differences take them.
fn is_shift_invariant(config: &LossConfig) -> bool {
    // A penalty on the partition function and a bound of the logits see them as they are.
    let table = config.to_value();
    let has = |name: &str| table.get(name).is_some_and(|value| !value.is_none() && value.as_f64() != Some(0.0));
    if has("z_loss") || has("softcap") {
        return false;
    }
    let input = config.init(&flex_f64().device).input();
    match config.family() {
        "classification" | "distribution" => input == "logits",
        "ranking" => input == "scores",
        _ => false,
    }
}

/// Losses with values below 0: differences, logarithms of densities and of ratios, weights below 0, and formulas outside of the range
/// that their papers have in mind.
const NEGATIVE: [&str; 10] = [
    "adaptive_wing",
    "adversarial",
    "balanced_l1",
    "gaussian_distance",
    "mean_bias",
    "nt_xent",
    "poisson_nll",
    "psnr",
    "tweedie_nll",
    "weighted_sum",
];

/// The largest unreduced value of a loss, if none is negative.
fn bound(config: &LossConfig) -> Option<f64> {
    let is_hinge = || config.to_value().get("activation").and_then(Value::as_str) == Some("hinge");
    let is_logarithm = || config.to_value().get("form").and_then(Value::as_str) == Some("log");
    let is_entropy = || config.kind() == "asymmetric_focal";
    let table = config.to_value();
    let inner = table.get("loss").and_then(|loss| loss.get("kind")).and_then(Value::as_str);
    match config.family() {
        _ if NEGATIVE.contains(&config.kind()) || inner.is_some_and(|kind| NEGATIVE.contains(&kind)) => None,
        // The batches have no logarithms of probabilities for a sequence.
        "likelihood" | "sequence" => None,
        "segmentation" if !is_hinge() && !is_entropy() && !is_logarithm() => Some(1.0),
        _ => Some(f64::INFINITY),
    }
}

static SHIFT_INVARIANT: LazyLock<Vec<LossConfig>> = LazyLock::new(|| having(is_shift_invariant));

static BOUNDED: LazyLock<Vec<LossConfig>> = LazyLock::new(|| having(|config| bound(config).is_some()));

fn having(property: impl Fn(&LossConfig) -> bool) -> Vec<LossConfig> {
    VARIANTS.iter().filter(|config| property(config)).cloned().collect()
}

/// The heads with a margin.
static MARGINS: LazyLock<Vec<LossInfo>> = LazyLock::new(|| {
    let has_margin = |info: &LossInfo| info.fields.iter().any(|field| is_margin(field.name));
    registry().into_iter().filter(|info| info.family == "heads" && has_margin(info)).collect()
});

fn is_margin(name: &str) -> bool {
    name.contains("margin")
}

/// Checks a batch beside one whose rows have other shifts.
fn assert_shift_invariant(Case { config, rows, scale, seed }: &Case, shift: f64) {
    // In single precision, the shift rounds differences to ties.
    let target = flex_f64();
    let loss = config.init(&target.device);
    let inputs = batch(&loss, *rows, *scale, &[], *seed);
    let name = loss.input();
    let data = &inputs[name];
    let width = data.num_elements() / data.shape()[0];
    let moved = floats(data).iter().enumerate().map(|(at, x)| x + shift * (1 + at / width) as f64).collect::<Vec<_>>();
    let mut other = inputs.clone();
    other.insert(name.into(), TensorData::new(moved, data.shape().clone()));
    let [one, other] = [&inputs, &other].map(|inputs| evaluate(&config.init(&target.device), inputs, &target));
    let place = format!("{config:?} with a shift of {shift}");
    // A shifted logit is rounded as the shift is.
    let tolerance = 100.0 * target.tolerance * (1.0 + shift.abs());
    assert_close(&place, &floats(&other.unreduced), &floats(&one.unreduced), tolerance);
    let gradient = floats(&one.gradients[name]);
    assert_close(&place, &floats(&other.gradients[name]), &gradient, tolerance);
    let size = gradient.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    for row in gradient.chunks(width) {
        assert_close(&place, &[row.iter().sum(), size], &[0.0, size], 10.0 * target.tolerance);
    }
}

fn assert_bounded(Case { config, rows, scale, seed }: &Case, target: &Target) {
    let loss = config.init(&target.device);
    let (most, slack) = (bound(config).expect("a bound"), 10.0 * target.tolerance);
    for value in floats(&evaluate(&loss, &batch(&loss, *rows, *scale, &[], *seed), target).unreduced) {
        assert!((-slack..=most + slack).contains(&value), "{config:?} on {}: {value}", target.name);
    }
}

/// Checks the values of a head with two margins, in order.
fn assert_monotone(info: &LossInfo, name: &str, margins: [f64; 2], seed: u64) {
    let target = flex_f64();
    let inputs = batch(&base(info).init(&target.device), 6, 1.0, &[], seed);
    let values = margins.map(|margin| {
        let config = with_field(info, name, &Value::from(margin)).ok()?;
        Some(floats(&evaluate(&config.init(&target.device), &inputs, &target).unreduced))
    });
    // A margin may have to be an integer.
    let [Some(less), Some(more)] = values else { return };
    for (less, more) in less.iter().zip(&more) {
        assert!(*more >= less - 1e-9 * less.abs(), "{}: {name} of {margins:?} gives {less} and {more}", info.kind);
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// A number that is added to all logits of a row changes neither values nor gradients, and the gradients of a row add up
    /// to 0.
    #[test]
    fn softmax_losses_do_not_see_a_shift(case in any_case_of(&SHIFT_INVARIANT, 10.0), shift in -100.0f64..100.0) {
        assert_shift_invariant(&case, shift);
    }

    /// Values are within the bounds of their formula.
    #[test]
    fn values_are_within_bounds(case in any_case_of(&BOUNDED, 100.0), at in any_target()) {
        assert_bounded(&case, &target(at));
    }

    /// A head with a larger margin has no smaller loss.
    #[test]
    fn a_larger_margin_is_a_larger_loss(
        at in 0..MARGINS.len(),
        one in 0.0f64..1.0,
        other in 0.0f64..1.0,
        seed in 0u64..1 << 32,
    ) {
        let info = &MARGINS[at];
        for field in info.fields.iter().filter(|field| is_margin(field.name)) {
            assert_monotone(info, field.name, [one.min(other), one.max(other)], seed);
        }
    }
}
