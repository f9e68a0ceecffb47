//! The laws of compositions of losses.

use super::{assert_close, evaluate, every_case, every_variant, everywhere_else, floats};
use crate::devices::{self, Target};
use crate::probe::{batch, other_batches, weighted};
use burn_losses::config::{Table, Value};
use burn_losses::eval::Inputs;
use burn_losses::signature::Role;
use burn_losses::{LossConfig, LossInfo, registry, with_tensor_operations};
use serde::Deserialize;

/// A config as a table.
fn table(config: &LossConfig) -> Table {
    serde_json::from_str(&serde_json::to_string(config).expect("a config")).expect("a table")
}

/// The sum of one term with the weight 1, reduced as the term is; `None` if a sum refuses such a term and states why.
fn sum_of(config: &LossConfig) -> Option<LossConfig> {
    let mut term = table(config);
    let family = term.remove("family").expect("a family");
    let reduction = term.remove("reduction").expect("a reduction");
    // A value that is absent is not written.
    let term: Table = term.into_iter().filter(|(_, value)| *value != Value::Null).collect();
    let terms = Table::from_iter([("only", term)]);
    let sum = [("family", family), ("kind", "weighted_sum".into()), ("reduction", reduction), ("terms", terms.into())];
    match LossConfig::deserialize(Value::from(Table::from_iter(sum))) {
        Ok(sum) => Some(sum),
        Err(error) => {
            let error = error.to_string();
            let is_stated = ["`ohem` goes around the sum", "a sum has no labels"].iter().any(|why| error.contains(why));
            assert!(is_stated, "{config:?}: {error}");
            None
        }
    }
}

/// Compares a loss with the sum of it alone, and returns for how many batches.
fn compare(config: &LossConfig, target: &Target) -> usize {
    let has_sum = |info: &LossInfo| info.family == config.family() && info.kind == "weighted_sum";
    if !registry().iter().any(has_sum) {
        return 0;
    }
    let Some(sum) = sum_of(config) else { return 0 };
    let place = format!("{config:?} on {}", target.name);
    let [term, sum] = [config, &sum].map(|config| config.init(&target.device));
    let parameters = |inputs: &Inputs| {
        term.signature(inputs)
            .into_iter()
            .any(|argument| argument.role == Role::Parameter && inputs.contains_key(argument.name))
    };
    let one = batch(&term, 6, 2.0, &[], 11);
    // Batches with an even seed have masks, and those with an odd seed have labels.
    let masks = (config.family() == "segmentation").then(|| batch(&term, 6, 2.0, &[], 12));
    let batches = [one.clone(), weighted(&term, one, 5)].into_iter().chain(masks);
    let mut compared = 0;
    for inputs in batches.chain(other_batches(&term)) {
        // A sum has no parameters or pairs of its own.
        let known: Vec<_> = sum.signature(&inputs).into_iter().map(|argument| argument.name).collect();
        if parameters(&inputs) || !inputs.keys().all(|name| known.contains(&name.as_str())) {
            continue;
        }
        let check = || {
            let [term, sum] = [&term, &sum].map(|loss| evaluate(loss, &inputs, target));
            let close = |a: &[f64], b: &[f64]| assert_close(&place, a, b, 2.0 * target.tolerance);
            close(&[sum.loss], &[term.loss]);
            close(&floats(&sum.unreduced), &floats(&term.unreduced));
            for (name, gradient) in &term.gradients {
                close(&floats(&sum.gradients[name]), &floats(gradient));
            }
        };
        check();
        // The same tensor operations run on both CPU devices.
        if !target.name.starts_with("ndarray") {
            with_tensor_operations(check);
        }
        compared += 1;
    }
    compared
}

/// T75: a sum of one term is equal to that term: values, divisors, weights, masks and gradients.
#[test]
fn t75_a_sum_of_one_term_is_the_term() {
    let mut compared = 0;
    every_case(|config, target| compared += compare(config, target));
    assert!(compared > 200, "{compared}");
}

/// The same holds in half precision and on a GPU.
#[test]
fn t75_a_sum_of_one_term_is_the_term_everywhere_else() {
    everywhere_else(|config, target| _ = compare(config, target));
}

/// T75: two halves of a term with equal weights are the term, and a term of weight 0 does not count.
#[test]
fn t75_terms_that_count_alike_keep_what_they_divide_by() {
    use burn::tensor::{Device, Int, Tensor};
    use burn_losses::classification::{CrossEntropyLossConfig, FocalLossConfig, WeightedSumLossConfig};
    use burn_losses::composition::Terms;
    use burn_losses::prelude::*;

    let device = Device::flex();
    let logits = || Tensor::<2>::from_floats([[2.0, -1.0, 0.5], [0.1, 0.3, -0.2], [1.0, 1.0, 3.0]], &device);
    let labels = || Tensor::<1, Int>::from_ints([0, 2, 1], &device);
    let value = |loss: &dyn Fn() -> Tensor<1>| loss().into_scalar::<f64>();
    let cross_entropy = || CrossEntropyLossConfig::new().with_class_weights(vec![0.1, 7.0, 0.4]);
    let whole = value(&|| cross_entropy().init(&device).forward(logits(), labels()));
    let of = |terms: Terms<ClassificationLossConfig>| {
        value(&|| WeightedSumLossConfig::new().with_terms(terms.clone()).init(&device).forward(logits(), labels()))
    };
    let halves = of(Terms::new().with("a", 0.5, cross_entropy()).with("b", 0.5, cross_entropy()));
    let beside = of(Terms::new().with("a", 1.0, cross_entropy()).with("b", 0.0, FocalLossConfig::new()));
    let negated = of(Terms::new().with("a", -1.0, cross_entropy()));
    for (got, expected) in [(halves, whole), (beside, whole), (negated, -whole)] {
        assert!((got - expected).abs() < 1e-6, "{got} against {expected}");
    }
}

/// T75: mining that keeps every value is equal to the loss inside.
#[test]
fn t75_mining_that_keeps_all_is_the_loss_inside() {
    let target = devices::cpu().remove(0);
    let mut compared = 0;
    every_variant(|config| {
        let has_mining = ["regression", "binary", "classification", "boxes"].contains(&config.family());
        if !has_mining || ["ohem", "weighted_sum"].contains(&config.kind()) {
            return;
        }
        let mut inner = table(config);
        let family = inner.remove("family").expect("a family");
        let reduction = inner.remove("reduction").expect("a reduction");
        let inner: Table = inner.into_iter().filter(|(_, value)| *value != Value::Null).collect();
        let keep = Table::from_iter([("ratio", 1.0)]);
        let ohem = [
            ("family", family),
            ("kind", "ohem".into()),
            ("reduction", reduction),
            ("keep", keep.into()),
            ("loss", inner.into()),
        ];
        let Ok(ohem) = LossConfig::deserialize(Value::from(Table::from_iter(ohem))) else { return };
        let [loss, ohem] = [config, &ohem].map(|config| config.init(&target.device));
        let inputs = batch(&loss, 6, 2.0, &[], 11);
        let [loss, ohem] = [loss, ohem].map(|loss| evaluate(&loss, &inputs, &target));
        assert_close(&format!("{config:?}"), &[ohem.loss], &[loss.loss], 1e-12);
        assert_close(&format!("{config:?}"), &floats(&ohem.unreduced), &floats(&loss.unreduced), 1e-12);
        compared += 1;
    });
    assert!(compared > 40, "{compared}");
}

/// T75: a row of a class whose weight is 0 has a value where the target is smoothed. Mining ranks and keeps it like any other row, for
/// labels and for soft targets.
#[test]
fn t75_mining_keeps_a_row_that_has_a_value_but_does_not_count() {
    use burn::tensor::{Device, Int, Tensor};
    use burn_losses::classification::{CrossEntropyLossConfig, HardExamples, OhemLossConfig};

    let device = Device::flex().autodiff();
    let inner = CrossEntropyLossConfig::new()
        .with_class_weights(vec![1.0, 2.0, 0.0])
        .with_label_smoothing(0.3)
        .with_ignore_index(-100);
    let ohem = |keep| OhemLossConfig::new().with_loss(inner.clone()).with_keep(keep).init(&device);
    let logits =
        || Tensor::<2>::from_floats([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [5.0, 0.0, 9.0]], &device).require_grad();
    let labels = || Tensor::<1, Int>::from_ints([0, 2, -100], &device);
    let run = |loss: &dyn Fn(Tensor<2>) -> Tensor<1>| {
        let logits = logits();
        let value = loss(logits.clone());
        let gradient = logits.grad(&value.backward()).expect("a gradient");
        let gradient: Vec<f64> = gradient.into_data().convert::<f64>().iter().collect();
        (value.into_scalar::<f64>(), gradient)
    };
    let check = || {
        let plain = inner.init(&device);
        let expected = run(&|logits| plain.forward(logits, labels()));
        assert!((expected.0 - 1.016_88).abs() < 1e-5, "{}", expected.0);
        for keep in [HardExamples::Ratio(1.0), HardExamples::Count(2), HardExamples::Threshold(0.0)] {
            let ohem = ohem(keep);
            let got = run(&|logits| ohem.forward(logits, labels()));
            assert_close("value", &[got.0], &[expected.0], 1e-6);
            assert_close("gradient", &got.1, &expected.1, 1e-6);
        }
        let second = |loss: &dyn Fn(Tensor<2>) -> [Tensor<2>; 2]| {
            loss(logits()).map(|numbers| numbers.into_data().convert::<f64>().iter().collect::<Vec<f64>>())
        };
        let all = ohem(HardExamples::Ratio(1.0));
        let [got, expected] = [
            second(&|logits| {
                let all = all.forward_second_order(logits, labels());
                [all.gradient, all.curvature]
            }),
            second(&|logits| {
                let all = plain.forward_second_order(logits, labels());
                [all.gradient, all.curvature]
            }),
        ];
        assert_close("gradient of the second order", &got[0], &expected[0], 1e-6);
        assert_close("curvature", &got[1], &expected[1], 1e-6);
        // An ignored row is still never kept, though three rows are asked for.
        let values = ohem(HardExamples::Count(3)).forward_no_reduction(logits(), labels());
        let values: Vec<f64> = values.into_data().convert::<f64>().iter().collect();
        assert!(values[0] > 0.0 && values[1] > 0.0 && values[2] == 0.0, "{values:?}");
    };
    check();
    with_tensor_operations(check);

    let inner = CrossEntropyLossConfig::new().with_class_weights(vec![1.0, 2.0, 0.0]).with_label_smoothing(0.3);
    let ohem = OhemLossConfig::new().with_loss(inner.clone()).with_keep(HardExamples::Ratio(1.0)).init(&device);
    let inner = inner.init(&device);
    let soft = || Tensor::<2>::from_floats([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]], &device);
    let expected = run(&|logits| inner.forward_soft(logits, soft()));
    let got = run(&|logits| ohem.forward_soft(logits, soft()));
    assert_close("value of soft targets", &[got.0], &[expected.0], 1e-6);
    assert_close("gradient of soft targets", &got.1, &expected.1, 1e-6);
}
