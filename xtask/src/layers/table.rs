//! The layers of `burn-losses`. This table is all that the check knows.

/// The modules, from the lowest layer to the highest: a module imports from layers before its own.
///
/// `a::b` is a module with a layer of its own inside `a`. What the table names need not be there yet.
pub(super) const LAYERS: &[&[&str]] = &[
    &["error", "field"],
    &["formula"],
    &["check", "config", "options"],
    &["reduction"],
    &["engine", "signature", "terms"],
    &["loss"],
    &[
        "regression",
        "binary",
        "classification",
        "distribution",
        "segmentation",
        "boxes",
        "vectors",
        "heads",
        "metric",
        "regularization",
    ],
    &["composition", "from_burn", "registry"],
    &["eval", "diagnose", "schema"],
    &["prelude"],
    &["train"],
];

/// What modules of one layer import from each other.
///
/// A field answers with the errors. The loss of a head's logits is the cross-entropy. The terms of a joint loss are of any family.
/// A diagnosis evaluates the loss.
pub(super) const WITHIN: &[(&str, &str)] =
    &[("field", "error"), ("heads", "classification"), ("composition", "registry"), ("diagnose", "eval")];

/// The arrows that are not yet mended, from a module to the one that it imports. An arrow that is gone has to go here too,
/// so this list only becomes shorter.
pub(super) const KNOWN: &[(&str, &str)] = &[];
