//! Config files as people write them: nested in their own configs, partly filled, and wrong.

use burn::config::Config;
use burn_losses::composition::JointLossConfig;
use burn_losses::config::{Format, from_str, load};
use burn_losses::prelude::*;
use burn_losses::registry;
use serde::{Deserialize, Serialize};

fn error(toml: &str) -> String {
    crate::schema::refuses_too(toml);
    from_str::<LossConfig>(toml, Format::Toml).expect_err("this is wrong").to_string()
}

/// The kinds of a family, as errors list them.
fn kinds(family: &str) -> String {
    let of_family = registry().into_iter().filter(|loss| loss.family == family);
    of_family.map(|loss| format!("`{}`", loss.kind)).collect::<Vec<_>>().join(", ")
}

#[test]
fn six_classes_of_error_are_readable() {
    assert_eq!(
        error("family = 'binary'\nkind = 'focal'\ngama = 2.0"),
        "line 3: focal: unknown key `gama` (did you mean `gamma`?), allowed: `gamma`, `alpha`, `reduction`"
    );
    assert_eq!(
        error("family = 'binary'\nkind = 'vocal'"),
        format!(
            "line 2: unknown kind `vocal` of family `binary` (did you mean `focal`?), allowed: {}",
            kinds("binary")
        )
    );
    assert_eq!(
        error("family = 'binary'\nkind = 'focal'\n\ngamma = nan"),
        "line 4: focal: `gamma` is NaN, allowed: a number >= 0"
    );
    assert_eq!(
        error("family = 'binary'\nkind = 'focal'\ngamma = -0.5"),
        "line 3: focal: `gamma` is -0.5, allowed: a number >= 0"
    );
    assert_eq!(
        error("family = 'regression'\nkind = 'quantile'\ntau = 1.5"),
        "line 3: quantile: `tau` is 1.5, allowed: a number in (0, 1)"
    );
    assert_eq!(
        error("family = 'regression'\nkind = 'huber'\ndelta = 'wide'"),
        "line 3: huber: `delta` has the wrong type: \"wide\", allowed: a number > 0"
    );
}

#[test]
fn what_is_missing_is_said_too() {
    let mut families: Vec<_> = registry().into_iter().map(|loss| format!("`{}`", loss.family)).collect();
    families.dedup();
    let allowed = families.join(", ");
    assert_eq!(error("kind = 'focal'"), format!("config: missing key `family`, allowed: {allowed}"));
    assert_eq!(
        error("family = 'regression'\nbeta = 1"),
        format!("config: missing key `kind` of family `regression`, allowed: {}", kinds("regression"))
    );
    assert!(error("family = 'statistics'").starts_with("line 1: unknown family `statistics`, allowed: `regression`"));
    assert!(error("family = \n").starts_with("line 1: "), "{}", error("family = \n"));
}

#[test]
fn errors_in_nested_losses_and_tables_name_their_place() {
    assert_eq!(
        error("family = 'binary'\nkind = 'ohem'\n[loss]\nkind = 'focal'\ngamma = -1"),
        "line 5: focal: `gamma` is -1, allowed: a number >= 0"
    );
    assert_eq!(
        error("family = 'binary'\nkind = 'ohem'\nkeep = { ratio = 2.0 }"),
        "line 3: ohem: `keep.ratio` is 2, allowed: a number in (0, 1]"
    );
    assert_eq!(
        error("family = 'classification'\nkind = 'cross_entropy'\nlabel_smoothing = { epsilon = 1.0 }"),
        "line 3: cross_entropy: `label_smoothing.epsilon` is 1, allowed: a number in [0, 1)"
    );
    assert_eq!(
        error("family = 'classification'\nkind = 'cross_entropy'\nclass_weights = [1, -2]"),
        "line 3: cross_entropy: `class_weights[1]` is -2, allowed: a number >= 0"
    );
}

/// T72: an option without an effect is an error.
#[test]
fn t72_options_without_effect_are_refused() {
    assert_eq!(
        error("family = 'binary'\nkind = 'ohem'\nloss = { kind = 'bce', reduction = 'sum' }"),
        "line 3: ohem: `loss.reduction` is \"sum\", allowed: nothing: the `reduction` of `ohem` itself applies"
    );
    assert_eq!(
        error("family = 'classification'\nkind = 'multi_margin'\nvariant = 'crammer_singer'\ndivide_by_classes = true"),
        "line 4: multi_margin: `divide_by_classes` is true, allowed: false: `crammer_singer` adds nothing up over the \
         classes"
    );
    assert_eq!(
        error("family = 'regression'\nkind = 'mae'\nreduction = 'positives'"),
        "line 3: mae: `reduction` is `positives`, allowed: `mean`, `sum`, `batch_mean`, `weighted_mean`"
    );
}

#[test]
fn the_same_error_in_three_formats_and_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("loss.toml", "family = \"binary\"\nkind = \"focal\"\ngamma = -2\n"),
        ("loss.json", "{\"family\": \"binary\",\n \"kind\": \"focal\",\n \"gamma\": -2}\n"),
        ("loss.yaml", "family: binary\nkind: focal\ngamma: -2\n"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = load::<LossConfig>(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}:3: focal: `gamma` is -2, allowed: a number >= 0", path.display()));
        assert!(matches!(error.kind(), ConfigError::InvalidValue { loss: "focal", .. }));
    }
    let missing = folder.path().join("missing.toml");
    assert!(load::<LossConfig>(&missing).unwrap_err().to_string().contains("missing.toml"));
    let odd = folder.path().join("loss.ini");
    assert!(load::<LossConfig>(&odd).unwrap_err().to_string().contains("allowed extensions: `.json`"));
}

/// A config can be a field of a user's config, whether that derives serde's traits or Burn's.
#[test]
fn configs_nest_in_the_users_own() {
    #[derive(Config, Debug)]
    struct TrainingConfig {
        loss: ClassificationLossConfig,
        #[config(default = 8)]
        epochs: usize,
    }

    let loss = ClassificationLossConfig::from_kind("cross_entropy").unwrap();
    let config = TrainingConfig::new(loss).with_epochs(3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.json");
    config.save(&path).unwrap();
    let back = TrainingConfig::load(&path).unwrap();
    assert_eq!((back.epochs, back.loss), (3, config.loss));

    std::fs::write(&path, r#"{"epochs": 3, "loss": {"kind": "focal", "gamma": -1.0}}"#).unwrap();
    let error = TrainingConfig::load(&path).unwrap_err().to_string();
    assert!(error.contains("focal: `gamma` is -1, allowed: a number >= 0"), "{error}");

    #[derive(Serialize, Deserialize, Debug)]
    struct Experiment {
        title: String,
        loss: RegressionLossConfig,
    }
    let toml = "title = 'robust'\n[loss]\nkind = 'huber'\ndelta = 0\n";
    let error = from_str::<Experiment>(toml, Format::Toml).unwrap_err().to_string();
    assert_eq!(error, "line 4: huber: `delta` is 0, allowed: a number > 0");
}

/// `init` panics with exactly the message that `try_init` returns.
#[test]
fn init_and_try_init_say_the_same() {
    let device = burn::tensor::Device::flex();
    let config = burn_losses::regression::QuantileLossConfig::new().with_tau(f64::NAN);
    let message = config.try_init(&device).unwrap_err().to_string();
    assert_eq!(message, "quantile: `tau` is NaN, allowed: a number in (0, 1)");
    let panic = std::panic::catch_unwind(|| config.init(&device)).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&message));
}

/// A module is printed as its config.
#[test]
fn a_module_displays_its_config() {
    let device = burn::tensor::Device::flex();
    let loss = burn_losses::regression::HuberLossConfig::new().with_delta(0.5).init(&device);
    assert_eq!(loss.to_string(), "HuberLoss {delta: 0.5, reduction: Mean}");
}

/// A loss inside a loss inside a loss is read in linear time.
#[test]
fn deep_nesting_is_read_quickly() {
    let mut text = String::from("{\"kind\": \"bce\"}");
    for _ in 0..40 {
        text = format!("{{\"kind\": \"ohem\", \"loss\": {text}}}");
    }
    let config: BinaryLossConfig = from_str(&text, Format::Json).unwrap();
    assert_eq!(config.kind(), "ohem");
    let wrong = text.replace("\"bce\"", "\"bc\"");
    let error = from_str::<BinaryLossConfig>(&wrong, Format::Json).unwrap_err().to_string();
    assert!(error.contains("unknown kind `bc`"), "{error}");
}

/// Errors for values of the wrong type use the words of the config, not of Rust.
#[test]
fn wrong_words_tables_and_lists_say_what_is_allowed() {
    let classification = |line: &str| error(&format!("family = 'classification'\nkind = 'cross_entropy'\n{line}"));
    assert_eq!(
        classification("reduction = 'avg'"),
        "line 3: cross_entropy: `reduction` is \"avg\", allowed: `mean`, `sum`, `batch_mean`, `weighted_mean`"
    );
    assert_eq!(
        classification("label_smoothing = 'much'"),
        "line 3: cross_entropy: `label_smoothing` has the wrong type: \"much\", allowed: a number in [0, 1), or \
         { epsilon: a number in [0, 1), spread: `all`, `others` }"
    );
    assert_eq!(
        classification("class_weights = []"),
        "line 3: cross_entropy: `class_weights` is an empty list, allowed: one number per class, each a number >= 0"
    );
}

/// Errors for misspelled names suggest the right ones.
#[test]
fn errors_guess_what_was_meant() {
    let guess = |family: &str, kind: &str| {
        let error = error(&format!("family = '{family}'\nkind = '{kind}'"));
        let (_, guess) = error.split_once("did you mean `").unwrap_or_else(|| panic!("{error}"));
        guess.split('`').next().unwrap().to_owned()
    };
    for (family, kind, expected) in [
        ("binary", "vocal", "focal"),
        ("binary", "FocalLoss", "focal"),
        ("binary", "FocalLossConfig", "focal"),
        ("binary", "BCEWithLogitsLoss", "bce"),
        ("binary", "softmargin", "logistic"),
        ("regression", "L1Loss", "mae"),
        ("regression", "smoothl1", "smooth_l1"),
        ("classification", "CrossEntropyLoss", "cross_entropy"),
        ("classification", "cross-entropy", "cross_entropy"),
        ("distribution", "KLDivLoss", "kl_divergence"),
        ("metric", "TripletMarginLoss", "triplet"),
        ("heads", "ArcFace", "arcface"),
        ("segmentation", "DiceLoss", "dice"),
        ("classificaton", "focal", "classification"),
    ] {
        assert_eq!(guess(family, kind), expected, "{family}/{kind}");
    }
    // There is no suggestion without a similar name.
    assert!(!error("family = 'binary'\nkind = 'huber'").contains("did you mean"));
    assert_eq!(
        error("family = 'classification'\nkind = 'cross_entropy'\nreduction = 'sums'"),
        "line 3: cross_entropy: `reduction` is \"sums\" (did you mean `sum`?), allowed: `mean`, `sum`, `batch_mean`, `weighted_mean`"
    );
    assert_eq!(
        error("family = 'regression'\nkind = 'mae'\nreduction = 'none'"),
        "line 3: mae: `reduction` is \"none\" (for one value each, call `forward_no_reduction`), allowed: `mean`, `sum`, \
         `batch_mean`, `weighted_mean`"
    );
    let bare = error("family = 'regression'\nkind = 'mae'\nreduction = sum");
    assert!(bare.starts_with("line 3: ") && bare.ends_with("(a word stands in quotes: \"sum\")"), "{bare}");
}

/// A field without a sensible default has to be given.
#[test]
fn what_has_no_default_is_missed() {
    assert_eq!(
        error("family = 'heads'\nkind = 'arcface'\nembedding_dim = 2"),
        "config: arcface: missing key `num_classes`, which has no default, allowed: an integer >= 1"
    );
    assert_eq!(
        error("family = 'boxes'\nkind = 'mpdiou'"),
        "config: mpdiou: missing key `image_width`, which has no default, allowed: a number >= 1e-15"
    );
}

/// `null`, `"none"` and a missing key mean the same.
#[test]
fn nothing_is_spelled_in_three_ways() {
    let read = |field: &str| {
        let text = format!("{{\"kind\": \"focal\", \"alpha\": {field}}}");
        from_str::<ClassificationLossConfig>(&text, Format::Json).unwrap()
    };
    assert_eq!(read("null"), read("\"none\""));
    assert_eq!(read("null"), ClassificationLossConfig::from_kind("focal").unwrap());
    let ignored =
        |line: &str| from_str::<ClassificationLossConfig>(&format!("kind: nll\n{line}"), Format::Yaml).unwrap();
    assert_eq!(ignored("ignore_index: null"), ignored("ignore_index: none"));
    assert_eq!(ignored("class_weights: none"), ignored(""));
}

/// Label smoothing may be a number or a table, in every family that has it.
#[test]
fn label_smoothing_is_a_number_or_a_table() {
    for start in [
        "family = 'classification'\nkind = 'cross_entropy'",
        "family = 'classification'\nkind = 'asymmetric'",
        "family = 'binary'\nkind = 'bce'",
        "family = 'heads'\nkind = 'softmax'\nnum_classes = 3\nembedding_dim = 2",
    ] {
        let read = |smoothing: &str| {
            from_str::<LossConfig>(&format!("{start}\nlabel_smoothing = {smoothing}"), Format::Toml).unwrap()
        };
        assert_eq!(read("0.1"), read("{ epsilon = 0.1, spread = 'all' }"));
        assert_ne!(read("0.1"), read("{ epsilon = 0.1, spread = 'others' }"));
        assert_eq!(
            error(&format!("{start}\nlabel_smoothing = 1.5")).split_once("is ").unwrap().1,
            "1.5, allowed: a number in [0, 1)"
        );
    }
}

/// `with_` methods take the types that people write.
#[test]
fn with_methods_take_simpler_spellings() {
    use burn_losses::{binary, classification, heads};
    let config = binary::FocalLossConfig::new().with_gamma(2).with_alpha(0.5f32);
    assert_eq!(config, binary::FocalLossConfig::new().with_gamma(2.0).with_alpha(binary_alpha(0.5)));
    let weights =
        classification::CrossEntropyLossConfig::new().with_class_weights([1.0, 2.0]).with_label_smoothing(0.1);
    assert_eq!(weights.class_weights, Some(vec![1.0, 2.0]));
    assert_eq!(weights.label_smoothing.epsilon, 0.1);
    let inner = binary::OhemLossConfig::new().with_loss(binary::HingeLossConfig::new());
    assert_eq!(inner.loss.kind(), "hinge");
    let head = heads::ArcfaceLossConfig::new(10, 4).with_margin(0.3f32).with_chunk_rows(64);
    assert_eq!((head.num_classes, head.options.chunk_rows), (10, Some(64)));
}

fn binary_alpha(alpha: f64) -> burn_losses::config::Alpha {
    burn_losses::config::Alpha::Number(alpha)
}

/// A config of an earlier version: the file of this repository that contained it, and its keys.
#[derive(Deserialize)]
struct Earlier {
    from: String,
    config: serde_json::Value,
}

/// A config that was once valid is still valid, or the error says what to write instead. This holds for every config file, and
/// for every kind by each of its names, with all of its defaults.
#[test]
fn earlier_configs_are_read_or_told_what_to_write() {
    let lines = include_str!("../earlier_configs.jsonl").lines();
    let mut refused = std::collections::BTreeMap::<String, Vec<String>>::new();
    for line in lines {
        let Earlier { from, config } = serde_json::from_str(line).unwrap();
        let text = config.to_string();
        let read = match config.get("terms") {
            Some(_) if config.get("family").is_none() => from_str::<JointLossConfig>(&text, Format::Json).map(drop),
            _ => from_str::<LossConfig>(&text, Format::Json).map(drop),
        };
        if let Err(error) = read {
            refused.entry(error.to_string()).or_default().push(from);
        }
    }
    // Sizes no longer have a default.
    refused.retain(|error, _| !(error.contains("missing key `") && error.contains("which has no default, allowed: ")));
    assert_eq!(refused, Default::default());
}
