//! What to do about an error, for users of another library.

use crate::catalog::{self, full_name};
use crate::error::quoted;
use burn_losses::ConfigError;
use burn_losses::eval::EvalError;

/// The names of an argument in PyTorch or another library, the field that replaces it here, and how to write its value.
struct Argument {
    theirs: &'static [&'static str],
    ours: &'static str,
    words: &'static str,
}

const fn argument(theirs: &'static [&'static str], ours: &'static str, words: &'static str) -> Argument {
    Argument { theirs, ours, words }
}

/// Where a name has several entries, the first one applies whose field the loss has.
const ARGUMENTS: &[Argument] = &[
    argument(&["weight", "weights"], "class_weights", "one number per class"),
    argument(&["alpha"], "fp_weight", "the weight of false positives"),
    argument(&["beta"], "fn_weight", "the weight of false negatives"),
    argument(&["alpha"], "class_weights", "one number per class"),
    argument(&["alpha"], "pos_weight", "one number per class"),
    argument(&["alpha", "hard_label_weight"], "hard_weight", "the weight of the labels"),
    argument(&["beta", "threshold"], "delta", "where the square ends"),
    argument(&["delta", "threshold"], "beta", "where the square ends"),
    argument(&["q", "quantile", "quantiles", "alpha"], "tau", "one quantile; `multi_quantile` takes several"),
    argument(&["eps", "epsilon"], "epsilon", "the width of the bend"),
    argument(&["eps", "epsilon", "smooth_nr", "smooth_dr"], "smooth", "what is added to numerator and denominator"),
    argument(&["eps", "smoothing", "epsilon"], "label_smoothing", "a number"),
    argument(
        &["ignore_label", "pad_tokens", "padding_idx", "ignored_index"],
        "ignore_index",
        "the label that does not count",
    ),
    argument(&["from_logits", "logits", "with_logits"], "input", "what the model gives"),
    argument(
        &["sigmoid", "softmax", "from_logits", "with_logits", "mode"],
        "activation",
        "how a logit becomes a probability",
    ),
    argument(&["log_target"], "target", "`log_probabilities` in place of `log_target=True`"),
    argument(&["include_background"], "background", "`included` or `excluded`"),
    argument(&["squared_pred", "squared"], "denominator", "`squared` in place of `squared_pred=True`"),
    argument(&["batch", "batchwise"], "over", "`batch` in place of `batch=True`"),
    argument(&["p", "distance_function"], "distance", "`euclidean` is p = 2"),
    argument(&["s"], "scale", "the factor of the cosines"),
    argument(&["temperature", "temp"], "scale", "1 / temperature"),
    argument(&["temp", "t", "tau"], "temperature", "a number"),
    argument(&["m"], "margin", "in radians where the loss is angular"),
    argument(&["num_features", "in_features", "embedding_size", "feat_dim", "d_input"], "embedding_dim", "an integer"),
    argument(&["out_features", "classes", "n_classes", "num_class", "d_output"], "num_classes", "an integer"),
    argument(&["negative_samples", "num_negatives", "num_samples"], "negatives", "an integer"),
    argument(&["negative_samples", "num_negatives", "num_samples"], "num_sampled", "an integer"),
    argument(
        &["size_average", "reduce"],
        "reduction",
        "`mean` or `sum`; for one value each, call `forward_no_reduction`",
    ),
];

/// Names that the loss has no field for, since they are arguments or are written differently; each with what to do instead.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["weight", "weights", "sample_weight"],
        "weights of samples are no field: hand them in as the argument `weights` (in a file of tensors, the tensor `weights`)",
    ),
    (
        &["ignore_index", "mask"],
        "this loss takes a mask of what counts: the argument `mask` (in a file of tensors, the tensor `mask`)",
    ),
    (
        &["swap", "eps", "log_input", "full"],
        "this loss has no such choice; `burn-losses explain KIND` shows all fields",
    ),
];

/// What to do about an error in a config.
pub(crate) fn of_config(error: &ConfigError) -> Option<String> {
    match error.kind() {
        ConfigError::UnknownField { field, allowed, .. } => of_field(field, allowed),
        ConfigError::UnknownKind { tag: "kind", family, given, .. } => elsewhere(family, given),
        ConfigError::MissingKind { tag: "family", .. } => {
            Some("say it in the file, or by `--family`; `burn-losses list` shows all losses".to_owned())
        }
        _ => None,
    }
}

fn of_field(field: &str, allowed: &[&str]) -> Option<String> {
    let field = field.rsplit('.').next()?;
    let known = ARGUMENTS.iter().find(|known| known.theirs.contains(&field) && allowed.contains(&known.ours));
    let ours = known.filter(|known| known.ours != field);
    if let Some(Argument { ours, words, .. }) = ours {
        return Some(format!("what other libraries call `{field}` is `{ours}` here: {words}"));
    }
    ELSEWHERE.iter().find(|(names, _)| names.contains(&field)).map(|(_, words)| (*words).to_owned())
}

/// The losses of other families that have the kind.
fn elsewhere(family: &str, kind: &str) -> Option<String> {
    let others: Vec<_> = catalog::named(kind).ok()?.into_iter().filter(|loss| loss.family != family).collect();
    let names: Vec<_> = others.into_iter().map(full_name).collect();
    (!names.is_empty()).then(|| format!("another family has it: {}", quoted(&names)))
}

/// What to do about tensors that do not fit a loss.
pub(crate) fn of_input(error: &EvalError) -> Option<String> {
    let EvalError::Unknown { name, expected, .. } = error else { return None };
    let names: &[&str] = match name.as_str() {
        "input" | "x" | "pred" | "preds" | "prediction" | "output" | "outputs" | "y_pred" => {
            &["logits", "predictions", "log_probabilities", "probabilities", "embeddings"]
        }
        "target" | "y" | "label" | "labels" | "y_true" | "gt" => &["labels", "targets"],
        "weight" | "sample_weight" => &["weights"],
        "anchor" => &["anchors"],
        "positive" => &["positives"],
        "negative" => &["negatives"],
        "input1" | "x1" => &["first"],
        "input2" | "x2" => &["second"],
        _ => return Some("`--rename OLD=NEW` gives a tensor another name".to_owned()),
    };
    let ours = names.iter().find(|ours| expected.contains(&format!("`{ours}`")))?;
    Some(format!("`--rename {name}={ours}` gives the tensor the name that it has here"))
}
