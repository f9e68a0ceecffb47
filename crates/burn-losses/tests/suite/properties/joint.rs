//! A joint loss is the sum of its parts.

use super::{Case, any_case, cases};
use crate::laws::{assert_close, evaluate, flex_f64};
use crate::probe::batch;
use burn::tensor::{DType, Device, Tensor, TensorData};
use burn_losses::composition::JointLossConfig;
use burn_losses::config::{Format, from_str, to_string};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(200))]

    /// The total is the sum of the values of its terms, each with its weight, also after a round trip through a file.
    #[test]
    fn a_joint_loss_is_the_sum_of_its_parts(
        parts in proptest::collection::vec((any_case(10.0), -3.0f64..3.0), 1..5),
    ) {
        let target = flex_f64();
        let mut config = JointLossConfig::new();
        for (at, (case, weight)) in parts.iter().enumerate() {
            config = config.with(format!("term{at}"), *weight, case.config.clone());
        }
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            let text = to_string(&config, format).expect("every config can be written");
            prop_assert_eq!(&from_str::<JointLossConfig>(&text, format).expect("it can be read"), &config);
        }
        let device = Device::flex().autodiff();
        let joint = config.init(&device);
        let (mut expected, mut size) = (0.0, 0.0);
        let mut values = Vec::new();
        for (at, (Case { rows, scale, seed, .. }, weight)) in parts.iter().enumerate() {
            let name = format!("term{at}");
            let loss = joint.loss(&name).expect("a term");
            let value = evaluate(loss, &batch(loss, *rows, *scale, &[], *seed), &target).loss;
            expected += weight * value;
            size += (weight * value).abs();
            values.push((name, value));
        }
        let tensor = |value: f64| Tensor::<1>::from_data(TensorData::from([value]), (&device, DType::F64));
        let output = joint.combine(values.iter().map(|(name, value)| (name.as_str(), tensor(*value))));
        let total: f64 = output.total.into_scalar();
        assert_close(&format!("{config:?}"), &[total, size], &[expected, size], 1e-12);
    }
}
