//! Laws of every config: it survives a round trip, refuses values that are not allowed, and each of its fields has an effect.

use super::{evaluate, every_variant, flex_f64, floats};
use crate::devices;
use crate::probe::{
    SHAPES, base, batch, default_of, other_batches, renamed, table_with, takes_small_images, weighted, with_field,
};
use burn::tensor::Device;
use burn_losses::config::{Field, Format, Value, from_str, to_string};
use burn_losses::extend::{Anchors, Boxes};
use burn_losses::{AnyLoss, LossConfig, LossInfo, registry};

/// A config that is written as JSON, YAML or TOML and read again is equal to the one before.
#[test]
fn t71_configs_survive_a_round_trip_in_three_formats() {
    every_variant(|config| {
        for format in [Format::Json, Format::Toml, Format::Yaml] {
            let text = to_string(config, format).expect("every config can be written");
            let back: LossConfig = from_str(&text, format).unwrap_or_else(|error| panic!("{error} in\n{text}"));
            assert_eq!(&back, config, "{format:?}:\n{text}");
        }
    });
}

/// A config file of `kind` and the sizes alone has the default of every other field, and computes.
#[test]
fn t14_the_kind_alone_gives_the_defaults_and_they_run() {
    for info in registry() {
        let whole = LossConfig::example(info.family, info.kind).expect("the default is valid");
        for name in [&[info.kind], info.aliases].concat() {
            let mut table = info.example();
            table.insert("kind", name);
            let text = to_string(&table, Format::Toml).unwrap();
            let config: LossConfig = from_str(&text, Format::Toml).unwrap();
            assert_eq!(config, whole);
            assert_eq!(config.kind(), info.kind);
        }
        let loss = default_of(&info).init(&Device::flex());
        evaluate(&loss, &batch(&loss, 4, 2.0, &[], 1), &flex_f64());
        // The described fields are exactly the written ones.
        let Value::Table(table) = whole.to_value() else { panic!("a table") };
        let mut written: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
        written.retain(|key| key != "family" && key != "kind");
        let described: Vec<_> = info.fields.iter().map(|field| field.name.to_owned()).collect();
        assert_eq!(written, described, "{}/{}", info.family, info.kind);
    }
}

/// A key that is no field is refused, by an error that names the loss and the key.
#[test]
fn unknown_keys_are_refused() {
    for info in registry() {
        let error = with_field(&info, "no_such_key", &1.into()).unwrap_err();
        assert!(error.starts_with(&format!("{}: unknown key `no_such_key`, allowed: ", info.kind)), "{error}");
        for field in &info.fields {
            assert!(error.contains(field.name), "{error}");
        }
    }
}

/// NaN, infinities, numbers out of range, words that do not exist: each is refused by an error that names loss and field.
#[test]
fn values_that_are_not_allowed_are_refused() {
    for info in registry() {
        for field in &info.fields {
            assert!(!field.refused.is_empty(), "{}/{}: anything goes", info.kind, field.name);
            for refused in &field.refused {
                let error = with_field(&info, field.name, refused)
                    .expect_err(&format!("{}/{}: {refused:?} is allowed", info.kind, field.name));
                // An error inside a nested loss names that loss.
                let nested = ["loss", "terms"].contains(&field.name);
                assert!(
                    nested || (error.starts_with(info.kind) && error.contains(&format!("`{}", field.name))),
                    "{error}"
                );
            }
        }
    }
}

/// Value, unreduced values and gradients on several batches in sequence, so that state is covered too.
fn fingerprint(config: &LossConfig, default: &LossConfig) -> Vec<f64> {
    let target = flex_f64();
    let loss = config.init(&target.device);
    // The batches are those of the default config, whatever this config asks for.
    let default = default.init(&target.device);
    // Boxes of another width inside a loss need batches of their own.
    let has_other_targets = match (&default, &loss) {
        (AnyLoss::Boxes(default), AnyLoss::Boxes(loss)) => default.targets() != loss.targets(),
        _ => false,
    };
    let default = if has_other_targets { config.init(&target.device) } else { default };
    let shapes: [(usize, f64, &[usize], u64); 6] = [
        (12, 3.0, &[], 3),
        (12, 3.0, &[2], 7),
        (4, 1.0, &[3], 9),
        (4, 1.0, &[], 5),
        (2, 1.0, &[], 5),
        (1, 1.0, &[], 5),
    ];
    let mut fingerprint = Vec::new();
    for (rows, scale, extra, seed) in shapes {
        let inputs = weighted(&default, batch(&default, rows, scale, extra, seed), seed + 4);
        let inputs = renamed(&inputs, &default, &loss);
        if let AnyLoss::Metric(loss) = &loss
            && loss.accepts(inputs["labels"].shape()[0], inputs["embeddings"].shape()[1]).is_err()
        {
            // Its rows cannot be cut into so many parts.
            continue;
        }
        let got = evaluate(&loss, &inputs, &target);
        fingerprint.push(got.loss);
        fingerprint.extend(floats(&got.unreduced));
        got.gradients.values().for_each(|gradient| fingerprint.extend(floats(gradient)));
    }
    fingerprint
}

/// The same for the other ways to call the loss, as far as the config has them.
fn other_fingerprint(config: &LossConfig, default: &LossConfig) -> Vec<f64> {
    let target = flex_f64();
    let (loss, default) = (config.init(&target.device), default.init(&target.device));
    let batches = other_batches(&default);
    let evaluations = batches.iter().filter_map(|inputs| loss.evaluate(inputs, &target.device, target.dtype).ok());
    evaluations.flat_map(|got| [vec![got.loss], floats(&got.unreduced)].concat()).collect()
}

/// Whether two values of a field give different numbers beside another value of one other field, such as the word that says which
/// formula the field belongs to.
fn differ_beside_another_field(info: &LossInfo, name: &str, [one, other]: [&Value; 2]) -> bool {
    let print = |beside: &str, sample: &Value, value: &Value| {
        let mut table = table_with(info, beside, sample);
        table.insert(name, value.clone());
        LossConfig::from_value(table.into()).ok().map(|config| fingerprint(&config, &base(info)))
    };
    let beside = info.fields.iter().filter(|field| field.name != name && !SHAPES.contains(&field.name));
    beside.flat_map(|field| field.samples.iter().map(move |sample| (field.name, sample))).any(|(beside, sample)| {
        let prints = [one, other].map(|value| print(beside, sample, value));
        prints.iter().all(Option::is_some) && prints[0] != prints[1]
    })
}

/// Every field has an effect: two different values of a field never give the same numbers, whatever the other fields are.
#[test]
fn t72_every_field_changes_the_numbers() {
    for info in registry() {
        let table = base(&info).to_value();
        for Field { name, example, samples, .. } in &info.fields {
            // Some fields affect only the score (see cdiou.rs), given triplets (see the golden values), the memory (see chunks.rs), or
            // what an optimizer moves.
            let elsewhere = [
                ("cdiou", "lambda"),
                ("triplet", "swap"),
                ("triplet", "p"),
                ("lambda_rank", "mu"),
                ("ctc", "zero_infinity"),
                ("cosine", "eps"),
            ]
            .contains(&(info.kind, *name))
                || ["chunk_rows", "learned", "sample_rate"].contains(name)
                // With their defaults huber is smooth_l1, and lp is mse.
                || (info.family, info.kind, *name) == ("regression", "ohem", "loss");
            if elsewhere || SHAPES.contains(name) {
                continue;
            }
            let mut values = vec![table.get(name).unwrap_or(example).clone()];
            samples.iter().filter(|sample| !values.contains(sample)).cloned().collect::<Vec<_>>().into_iter().for_each(
                |sample| {
                    if !values.contains(&sample) {
                        values.push(sample);
                    }
                },
            );
            assert!(values.len() > 1, "{}/{name}: only one value is tried", info.kind);
            values.retain(|value| takes_small_images(&with_field(&info, name, value).unwrap()));
            let configs: Vec<_> = values.iter().map(|value| with_field(&info, name, value).unwrap()).collect();
            let prints: Vec<_> = configs.iter().map(|config| fingerprint(config, &base(&info))).collect();
            for i in 0..values.len() {
                for j in 0..i {
                    // With one value per sample, these two reductions are the same by definition.
                    let means = [&values[i], &values[j]]
                        .iter()
                        .all(|value| matches!(value.as_str(), Some("mean" | "batch_mean")));
                    if has_one_value_per_sample(&info) && means {
                        continue;
                    }
                    let others = || [i, j].map(|at| other_fingerprint(&configs[at], &base(&info)));
                    let same = configs[i] != configs[j] && prints[i] == prints[j] && {
                        let [one, other] = others();
                        one == other
                    };
                    assert!(
                        !same || differ_beside_another_field(&info, name, [&values[i], &values[j]]),
                        "{}/{}/{name}: {:?} and {:?} give the same",
                        info.family,
                        info.kind,
                        values[i],
                        values[j]
                    );
                }
            }
        }
    }
}

/// Whether there is one value for each sample, however many axes the inputs have.
fn has_one_value_per_sample(info: &LossInfo) -> bool {
    let target = flex_f64();
    let loss = base(info).init(&target.device);
    evaluate(&loss, &batch(&loss, 4, 1.0, &[3], 9), &target).unreduced.shape().len() == 1
}

/// T69: a loss leaves every setting of its device unchanged, and tensors that need a gradient still get one.
#[test]
fn t69_a_loss_changes_no_setting() {
    use burn::tensor::Tensor;
    for target in devices::cpu() {
        let device = target.device.clone().autodiff();
        let settings = format!("{:?}", device.settings());
        every_variant(|config| {
            let loss = config.init(&target.device);
            evaluate(&loss, &batch(&loss, 4, 2.0, &[], 3), &target);
            assert_eq!(format!("{:?}", device.settings()), settings, "{config:?} on {}", target.name);
            let leaf = Tensor::<1>::from_floats([2.0], &device).require_grad();
            assert!((leaf.clone() * leaf.clone()).sum().is_tracked(), "{config:?} on {}", target.name);
        });
    }
}
