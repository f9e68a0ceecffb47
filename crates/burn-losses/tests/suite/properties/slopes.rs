//! Gradients and limits at random points.

use super::{Case, any_case, any_target, cases, target};
use crate::laws::gradients::{assert_true_gradient, has_true_gradient};
use crate::laws::infinities;
use burn::tensor::Device;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(120))]

    /// The gradient agrees with differences of the value.
    #[test]
    fn gradients_match_central_differences(Case { config, seed, .. } in any_case(1.0)) {
        if has_true_gradient(&config) {
            assert_true_gradient(&config, config.init(&Device::flex()).input(), seed);
        }
    }

    /// T74: the result for an infinity is the limit.
    #[test]
    fn infinities_give_the_limit(Case { config, seed, .. } in any_case(1.0), place in 0usize..10, at in any_target()) {
        let mut failures = Vec::new();
        infinities::check(&config, (&[place], seed), &target(at), &mut failures);
        infinities::assert_none(&failures);
    }
}
