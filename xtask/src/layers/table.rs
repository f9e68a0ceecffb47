//! The layers of `burn-losses`. The check knows nothing else.

/// The modules, from the lowest layer to the highest: a module imports from layers before its own.
///
/// `a::b` is a module with a layer of its own inside `a`. Modules in the table need not exist yet.
pub(super) const LAYERS: &[&[&str]] = &[
    &["error", "field"],
    &["formula"],
    &["check", "config", "options"],
    &["reduction"],
    &["engine", "signature", "terms"],
    &["loss"],
    &["second_order"],
    &[
        "regression",
        "likelihood",
        "binary",
        "classification",
        "distribution",
        "segmentation",
        "sequence",
        "boxes",
        "vectors",
        "heads",
        "metric",
        "self_supervised",
        "ranking",
        "preference",
        "image",
        "generative",
        "regularization",
    ],
    &["composition", "from_burn", "registry"],
    &["eval", "diagnose", "schema"],
    &["prelude"],
    &["train"],
];

/// The imports that are allowed between modules of one layer.
///
/// The error of a field refers to the errors of configs. The loss of a head's logits is the cross-entropy. The terms of a joint
/// loss are of any family. ListNet and the log-probabilities of answers are cross-entropies. The log-cosh of a region's score is that
/// of an error. A diagnosis evaluates the loss.
pub(super) const WITHIN: &[(&str, &str)] = &[
    ("field", "error"),
    ("heads", "classification"),
    ("ranking", "classification"),
    ("preference", "classification"),
    ("segmentation", "regression"),
    ("composition", "registry"),
    ("diagnose", "eval"),
];

/// The arrows that are not yet removed, from a module to the one that it imports. An arrow that is gone has to be deleted here
/// too, so this list only becomes shorter.
pub(super) const KNOWN: &[(&str, &str)] = &[];
