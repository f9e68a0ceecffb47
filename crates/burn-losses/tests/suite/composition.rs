//! Sums within a family, and joint losses of several families.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use burn_losses::composition::{Balance, JointLoss, JointLossConfig, Schedule, TermConfig, Terms, Weight};
use burn_losses::config::{Format, from_str, to_string};
use burn_losses::metric::CenterLossConfig;
use burn_losses::prelude::*;
use burn_losses::regression::{GhmRLossConfig, HuberLossConfig, MseLossConfig, WeightedSumLossConfig};
use burn_losses::regularization::L2Config;

fn device() -> Device {
    Device::flex().autodiff()
}

fn number(value: f64, device: &Device) -> Tensor<1> {
    Tensor::from_floats([value as f32], device)
}

fn read(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

pub(crate) const EXAMPLE: &str = "
[balance]
kind = 'dwa'
period = 3

[terms.classes]
family = 'classification'
kind = 'cross_entropy'
ignore_index = -100
label_smoothing = { epsilon = 0.1, spread = 'all' }

[terms.center]
family = 'metric'
kind = 'center'
num_classes = 3
embedding_dim = 2
weight = 0.003

[terms.penalty]
family = 'regularization'
kind = 'elastic_net'
weight = { kind = 'cosine', from = 1e-4, to = 0.0, steps = 2000 }
parameters = { except = ['embedding'] }

[terms.reconstruction]
weight = 0.5
";

#[test]
fn a_joint_config_survives_a_round_trip_in_three_formats() {
    let config: JointLossConfig = from_str(EXAMPLE, Format::Toml).expect("a config");
    assert_eq!(config.balance, Balance::Dwa { temperature: 2.0, period: 3 });
    assert_eq!(config.terms["reconstruction"].term, TermConfig::Given);
    assert_eq!(config.terms["penalty"].weight, Weight::Schedule(Schedule::Cosine { from: 1e-4, to: 0.0, steps: 2000 }));
    for format in [Format::Json, Format::Toml, Format::Yaml] {
        let text = to_string(&config, format).expect("every config can be written");
        let back: JointLossConfig = from_str(&text, format).unwrap_or_else(|error| panic!("{error} in\n{text}"));
        assert_eq!(back, config, "{text}");
    }
}

pub(crate) const WRONG: &[(&str, &str)] = &[
    ("", "joint: `terms` is an empty table, allowed: at least one term"),
    ("[term.a]\nweight = 1", "line 1: joint: unknown key `term` (did you mean `terms`?), allowed: `terms`, `balance`"),
    ("terms = 3", "line 1: joint: `terms` has the wrong type: 3, allowed: a table"),
    ("[terms.a]\nweight = nan", "joint: `terms.a.weight` is NaN, allowed: a finite number"),
    (
        "[terms.a]\nweight = { kind = 'linear', from = 1, to = 0, steps = 0 }",
        "joint: `terms.a.weight.steps` is 0, allowed: an integer >= 1",
    ),
    (
        "[terms.a]\nfamily = 'binary'\nkind = 'fokal'",
        "unknown kind `fokal` of family `binary` (did you mean `focal`?), allowed: ",
    ),
    ("[terms.a]\nkind = 'mse'", "missing key `family`, allowed: "),
    ("[terms.a]\nfamily = 'regression'\nkind = 'huber'\ndelta = -1", "huber: `delta` is -1, allowed: a number > 0"),
    (
        "[terms.a]\nfamily = 'regularization'\nkind = 'l3'",
        "unknown kind `l3` of family `regularization`, allowed: `l1`, `l2`, `elastic_net`, `group_lasso`",
    ),
    ("balance = { kind = 'dwa', period = 0 }\n[terms.a]", "joint: `balance.period` is 0, allowed: an integer >= 1"),
    (
        "balance = { kind = 'fair' }\n[terms.a]",
        "joint: `balance` has the wrong type: {\"kind\":\"fair\"}, allowed: a table whose",
    ),
    (
        "[terms.a]\nweight = 'much'",
        "joint: `terms.a.weight` has the wrong type: \"much\", allowed: a finite number, or a table",
    ),
];

#[test]
fn wrong_joint_configs_are_refused() {
    let error = |text: &str| from_str::<JointLossConfig>(text, Format::Toml).expect_err(text).to_string();
    for (text, expected) in WRONG {
        assert!(error(text).contains(expected), "{text}:\n{}", error(text));
    }
    let penalty = RegularizerConfig::from(L2Config::new().with_weight(2.0));
    let error = JointLossConfig::new().with("a", 1.0, penalty).validate().unwrap_err().to_string();
    assert_eq!(error, "joint: `terms.a.term.weight` is 2, allowed: 1: the weight of the term is that of the penalty");
}

fn two(balance: Balance) -> JointLossConfig {
    JointLossConfig::new().with("a", 2.0, TermConfig::Given).with("b", 0.5, TermConfig::Given).with_balance(balance)
}

fn step(joint: &JointLoss, a: f64, b: f64) -> (f32, Vec<f32>) {
    let device = device();
    let joint = joint.combine([("b", number(b, &device)), ("a", number(a, &device))]);
    assert_eq!(read(&joint.terms.values()), [a as f32, b as f32]);
    (joint.total.into_scalar(), read(&joint.weights.values()))
}

/// A term of weight 0 adds nothing, even if it is NaN, and has no gradient.
#[test]
fn t84_a_term_of_weight_zero_adds_nothing() {
    let device = device();
    let reached = Schedule::Linear { from: 0.0, to: 1.0, steps: 10 };
    for weight in [Weight::Constant(0.0), reached.into()] {
        let config = JointLossConfig::new().with("a", weight, TermConfig::Given).with("b", 0.5, TermConfig::Given);
        let joint = config.init(&device);
        let x = Tensor::<1>::from_floats([-4.0], &device).require_grad();
        // The square root of a negative number.
        let output = joint.combine([("a", x.clone().sqrt()), ("b", x.clone() * 3.0)]);
        let gradient = x.grad(&output.total.clone().backward()).expect("a gradient");
        assert_eq!(read(&output.total), [-6.0]);
        assert!(read(&output.terms.values())[0].is_nan());
        if weight == Weight::Constant(0.0) {
            assert_eq!(read(&gradient), [1.5]);
        }
    }
    // A total of such terms alone still has a graph.
    let x = Tensor::<1>::from_floats([2.0], &device).require_grad();
    let output = JointLossConfig::new().with("a", 0.0, TermConfig::Given).init(&device).combine([("a", x.clone())]);
    let gradient = x.grad(&output.total.clone().backward()).expect("a gradient");
    assert_eq!((read(&output.total), read(&gradient)), (vec![0.0], vec![0.0]));
}

#[test]
fn the_total_is_the_sum_of_weighted_terms() {
    let (total, weights) = step(&two(Balance::Fixed).init(&device()), 3.0, -4.0);
    assert_eq!((total, weights), (2.0 * 3.0 - 0.5 * 4.0, vec![2.0, 0.5]));
}

#[test]
fn every_term_needs_one_value() {
    let device = device();
    let joint = two(Balance::Fixed).init(&device);
    let error = |names: &[&str], size: usize| {
        let values = names.iter().map(|name| (*name, Tensor::<1>::zeros([size], &device)));
        joint.try_combine(values).map(drop).unwrap_err().to_string()
    };
    assert_eq!(error(&["a"], 1), "joint: term `b` has no value");
    assert_eq!(error(&["a", "c"], 1), "joint: `c` is no term, expected: `a`, `b`");
    assert_eq!(error(&["a", "a"], 1), "joint: term `a` has two values");
    assert_eq!(error(&["a", "b"], 3), "joint: term `a` has shape [3], expected [1]: reduce it first");
}

#[test]
#[should_panic(expected = "joint: `a` is asked for as a loss of the family `metric`, but is handed in by the caller")]
fn a_term_of_another_family_is_named() {
    two(Balance::Fixed).init(&device()).metric("a");
}

#[test]
fn schedules_count_the_steps_of_training_and_go_on_after_a_restart() {
    let config = JointLossConfig::new().with("a", Schedule::Linear { from: 1.0, to: 0.0, steps: 4 }, TermConfig::Given);
    let device = device();
    let joint = config.init(&device);
    let weight =
        |joint: &JointLoss, device: &Device| read(&joint.combine([("a", number(1.0, device))]).weights.values())[0];
    assert_eq!([0; 2].map(|_| weight(&joint, &device)), [1.0, 0.75]);
    // A value on a device without autodiff, as in validation, is not a step.
    let plain = Device::flex();
    assert_eq!([0; 2].map(|_| weight(&joint.valid(), &plain)), [0.5, 0.5]);
    let resumed = config.init(&device).load_record(joint.clone().into_record());
    for joint in [&joint, &resumed] {
        assert_eq!([0; 3].map(|_| weight(joint, &device)), [0.5, 0.25, 0.0]);
    }
}

/// At the optimum of s the term is 1/2 + s/2 with exp(s) = l: the gradient is 0 there.
#[test]
fn uncertainty_is_a_parameter_with_its_optimum_at_the_value() {
    let device = device();
    let l = 3.0_f64;
    let config = JointLossConfig::new()
        .with("a", 1.0, TermConfig::Given)
        .with("penalty", 0.25, RegularizerConfig::from(L2Config::new()))
        .with_balance(Balance::Uncertainty { initial: l.ln() });
    let joint = config.init(&device);
    let output = joint.combine([("a", number(l, &device)), ("penalty", number(8.0, &device))]);
    assert!((output.total.clone().into_scalar::<f64>() - (0.5 + l.ln() / 2.0 + 2.0)).abs() < 1e-6);
    let gradients = output.total.backward();
    let gradient = joint.log_variances().expect("a parameter").grad(&gradients).expect("a gradient");
    assert!(gradient.into_scalar::<f64>().abs() < 1e-6);
}

#[test]
fn dynamic_weights_follow_the_pace_of_the_terms() {
    let balance = Balance::Dwa { temperature: 2.0, period: 2 };
    let joint = two(balance).init(&device());
    // These are two periods, with the means (4, 1) and (2, 1).
    for (a, b) in [(5.0, 1.0), (3.0, 1.0), (3.0, 0.5), (1.0, 1.5)] {
        assert_eq!(step(&joint, a, b).1, [2.0, 0.5]);
    }
    let (quick, slow) = ((0.5_f64 / 2.0).exp(), (1.0_f64 / 2.0).exp());
    let expected = [2.0 * 2.0 * quick / (quick + slow), 0.5 * 2.0 * slow / (quick + slow)];
    let close = |weights: &[f32]| weights.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6);
    // A NaN is not stored.
    step_of_nan(&joint);
    let resumed = two(balance).init(&device()).load_record(joint.clone().into_record());
    for joint in [&joint, &resumed] {
        let (_, weights) = step(joint, 2.0, 1.0);
        assert!(close(&weights), "{weights:?}");
        // The next period has the means (2, 1) as well, so no term decreases.
        let (_, weights) = step(joint, 2.0, 1.0);
        assert_eq!(weights, [2.0, 0.5]);
    }
}

fn step_of_nan(joint: &JointLoss) {
    let device = device();
    joint.combine([("a", number(f64::NAN, &device)), ("b", number(f64::NAN, &device))]);
}

#[test]
fn losses_of_a_joint_config_are_trained_saved_and_found_by_family() {
    let device = device();
    let center = CenterLossConfig::new(2, 2);
    let config = JointLossConfig::new().with("center", 0.1, LossConfig::Metric(center.into())).with(
        "fit",
        1.0,
        LossConfig::Regression(HuberLossConfig::new().into()),
    );
    let joint = config.init(&device);
    let embeddings = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 2.0]], &device).require_grad();
    let labels = Tensor::<1, Int>::from_ints([0, 1], &device);
    let run = |joint: &JointLoss| {
        let fit = joint.regression("fit").forward(embeddings.clone(), embeddings.zeros_like());
        joint.combine([("center", joint.metric("center").forward(embeddings.clone(), labels.clone())), ("fit", fit)])
    };
    let first = run(&joint);
    assert!(embeddings.grad(&first.total.backward()).is_some());
    // The centers have moved, and they are saved.
    let resumed = config.init(&device).load_record(joint.clone().into_record());
    let (next, resumed) = (run(&joint), run(&resumed));
    let center = |joint: &burn_losses::composition::Joint| read(&joint.terms.get("center").expect("a term"));
    assert_eq!(center(&next), center(&resumed));
    assert_ne!(center(&next), center(&first));
}

#[test]
fn the_terms_of_a_sum_read_the_same_arguments() {
    let error = |family: &str, text: &str| {
        let text = format!("family = '{family}'\nkind = 'weighted_sum'\n{text}");
        from_str::<LossConfig>(&text, Format::Toml).expect_err(&text).to_string()
    };
    for (family, text, expected) in [
        ("regression", "[terms]", "weighted_sum: `terms` is an empty table, allowed: a table of at least one name"),
        (
            "regression",
            "[terms.a]\nkind = 'mse'\nreduction = 'sum'",
            "weighted_sum: `terms.a.reduction` is \"sum\", allowed: nothing: the `reduction` of `weighted_sum` itself applies",
        ),
        (
            "regression",
            "[terms.a]\nkind = 'mse'\nweight = 'x'",
            "weighted_sum: `terms.a.weight` has the wrong type: \"x\"",
        ),
        ("regression", "[terms.a]\nkind = 'focal'", "unknown kind `focal` of family `regression`, allowed: "),
        ("regression", "[terms.a]\nkind = 'huber'\ndelta = 0", "huber: `delta` is 0, allowed: a number > 0"),
        (
            "binary",
            "[terms.a]\nkind = 'focal'\n[terms.b]\nkind = 'bce'\ninput = 'probabilities'",
            "weighted_sum: `terms.b.input` is \"probabilities\", allowed: \"logits\", as in `terms.a`: all terms read the same arguments",
        ),
        (
            "classification",
            "[terms.a]\nkind = 'nll'\n[terms.b]\nkind = 'focal'",
            "weighted_sum: `terms.b.kind` is \"a loss of logits\", allowed: \"a loss of log-probabilities\", as in `terms.a`",
        ),
        (
            "classification",
            "[terms.a]\nkind = 'ohem'",
            "weighted_sum: `terms.a.kind` is `ohem`, allowed: losses of single rows; `ohem` goes around the sum",
        ),
        (
            "segmentation",
            "[terms.a]\nkind = 'dice'\n[terms.b]\nkind = 'dice'\nignore_index = 255",
            "weighted_sum: `terms.b.ignore_index` is 255, allowed: null, as in `terms.a`",
        ),
        (
            "distribution",
            "[terms.a]\nkind = 'distillation'\nhard_weight = 0.5",
            "weighted_sum: `terms.a.hard_weight` is more than 0, allowed: 0: a sum has no labels",
        ),
        (
            "boxes",
            "[terms.a]\nkind = 'iou'\nformat = 'xywh'\n[terms.b]\nkind = 'nwd'",
            "`terms.b.format` is \"xyxy\", allowed: \"xywh\"",
        ),
        (
            "boxes",
            "[terms.a]\nkind = 'ohem'",
            "weighted_sum: `terms.a.kind` is `ohem`, allowed: losses of single boxes; `ohem` goes around the sum",
        ),
    ] {
        assert!(error(family, text).contains(expected), "{text}:\n{}", error(family, text));
    }
}

/// A sum inside a sum, and mining of a sum.
#[test]
fn sums_nest() {
    let inner = burn_losses::regression::WeightedSumLossConfig::new();
    let terms = Terms::new().with("inner", 2.0, inner).with("more", 1.0, MseLossConfig::new());
    let loss = burn_losses::regression::WeightedSumLossConfig::new().with_terms(terms).init(&Device::flex());
    let predictions = Tensor::<1>::from_floats([3.0], &Device::flex());
    let value: f32 = loss.forward(predictions.clone(), predictions.zeros_like()).into_scalar();
    assert_eq!(value, 2.0 * (9.0 + 3.0) + 9.0);

    let text = "kind = 'ohem'\nkeep = { count = 1 }\n[loss]\nkind = 'weighted_sum'\n[loss.terms.a]\nkind = 'hinge'\nweight = 3.0";
    let loss = from_str::<BinaryLossConfig>(text, Format::Toml).expect("a config").init(&Device::flex());
    let logits = Tensor::<1>::from_floats([-1.0, 0.0], &Device::flex());
    let value: f32 = loss.forward(logits.clone(), logits.ones_like()).into_scalar();
    assert_eq!(value, 6.0);
}

/// T79: values in half precision do not lower the precision of steps and weights; an f16 counts to 2048 only.
#[test]
fn t79_half_precision_keeps_the_steps_of_a_schedule() {
    use burn::tensor::DType;
    let steps = 4097;
    let weight = Schedule::Linear { from: 1.0, to: 0.0, steps };
    let joint = JointLossConfig::new().with("a", weight, TermConfig::Given).init(&device());
    for step in 0..2060 {
        let value = Tensor::<1>::from_data([2.0], (&device(), DType::F16));
        let output = joint.combine([("a", value)]);
        let expected = 1.0 - step as f32 / steps as f32;
        assert_eq!(output.total.dtype(), DType::F32);
        assert!((read(&output.weights.values())[0] - expected).abs() < 1e-6, "{step}: {output:?}");
    }
    assert_eq!(joint.steps().into_scalar::<i64>(), 2060);
}

/// A record knows the terms by their names: a state is never loaded into another term. Terms without a state may come and go.
#[test]
fn a_record_knows_its_terms_by_their_names() {
    let device = device();
    let centers = |names: &[&str]| {
        let center = || LossConfig::Metric(CenterLossConfig::new(2, 2).into());
        names.iter().fold(JointLossConfig::new(), |config, name| config.with(*name, 1.0, center()))
    };
    let load = |from: JointLossConfig, into: JointLossConfig| {
        into.init(&device)
            .try_load_record(from.init(&device).into_record())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let fit = |config: JointLossConfig, name: &str| config.with(name, 1.0, TermConfig::Given);
    assert_eq!(load(fit(centers(&["a", "b"]), "fit"), fit(centers(&["a", "b"]), "aaa")), Ok(()));
    for (names, missing) in [(&["a", "c"][..], "c"), (&["a", "aa", "b"], "aa"), (&["a"], "b")] {
        let error = load(centers(&["a", "b"]), centers(names)).unwrap_err();
        assert!(error.contains(&format!("\"parts.{missing}.loss.Metric.Center.")), "{error}");
    }
    // The factors of a balance are of all its terms together.
    for balance in [Balance::Uncertainty { initial: 0.0 }, Balance::Dwa { temperature: 2.0, period: 2 }] {
        let of = |names: [&str; 2]| {
            names.iter().fold(JointLossConfig::new(), |config, name| fit(config, name)).with_balance(balance)
        };
        assert_eq!(load(of(["a", "b"]), of(["b", "a"])), Ok(()));
        let error = load(of(["a", "b"]), of(["b", "c"])).unwrap_err();
        assert!(error.contains("\"factors.b, c."), "{error}");
    }
}

#[test]
fn a_record_knows_the_terms_of_a_sum_by_their_names() {
    let device = device();
    let sum = |name: &str| {
        let terms = Terms::new().with(name, 1.0, GhmRLossConfig::new()).with("m", 1.0, GhmRLossConfig::new());
        WeightedSumLossConfig::new().with_terms(terms).init(&device)
    };
    assert!(sum("a").try_load_record(sum("a").into_record()).is_ok());
    let error = sum("z").try_load_record(sum("a").into_record()).unwrap_err().to_string();
    assert!(error.contains("\"losses.z.GhmR."), "{error}");
}
