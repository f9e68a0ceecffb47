//! Properties of every loss of the registry, tested on random batches of random configs: `laws` tests the same on batches of its
//! own, and has the functions that check a single batch.
//!
//! The cases are the same in every run, so that what fails is a change. With `BURN_LOSSES_FULL=1` there are a hundred times as many,
//! and other ones in each run.

mod batches;
mod joint;
mod slopes;
mod values;

use crate::devices::{self, Target};
use crate::probe::variants;
use burn_losses::{LossConfig, registry};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::sync::LazyLock;

/// The default config of every loss, and every config that differs from it in one field.
static VARIANTS: LazyLock<Vec<LossConfig>> = LazyLock::new(|| registry().iter().flat_map(variants).collect());

/// A config, and what a batch for it is made from.
#[derive(Debug, Clone)]
struct Case {
    config: LossConfig,
    rows: usize,
    /// The size of the numbers.
    scale: f64,
    seed: u64,
}

/// A config of any loss, with a batch of numbers up to this size.
fn any_case(scale: f64) -> impl Strategy<Value = Case> {
    any_case_of(&VARIANTS, scale)
}

/// One of these configs, with a batch of numbers up to this size.
fn any_case_of(configs: &'static [LossConfig], scale: f64) -> impl Strategy<Value = Case> {
    let of = move |(at, rows, power, seed): (usize, usize, f64, u64)| {
        let config = configs[at].clone();
        Case { config, rows, scale: 10f64.powf(power), seed }
    };
    ((0..configs.len()), 2usize..10, -1.0..=scale.log10(), 0u64..1 << 32).prop_map(of)
}

/// A device of the CPU, with a precision.
fn any_target() -> impl Strategy<Value = usize> {
    0..devices::cpu().len()
}

fn target(at: usize) -> Target {
    devices::cpu().remove(at)
}

/// So many cases in the tests, which are the same in every run; a hundred times as many in the long run, which draws new ones.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    let is_long = std::env::var("BURN_LOSSES_FULL").is_ok();
    let (factor, rng_seed) = if is_long { (100, RngSeed::Random) } else { (1, RngSeed::Fixed(1)) };
    ProptestConfig { cases: factor * count, max_shrink_iters: 200, rng_seed, ..ProptestConfig::default() }
}
