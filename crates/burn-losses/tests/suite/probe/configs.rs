//! Configs for testing every loss.

use burn::tensor::Device;
use burn_losses::config::{Field, Table, Value};
use burn_losses::prelude::*;
use burn_losses::signature::Shape;
use burn_losses::{AnyLoss, LossInfo, extend::Anchors};
use core::mem::discriminant;

/// The config of a loss with one field set.
pub(crate) fn with_field(info: &LossInfo, field: &str, value: &Value) -> Result<LossConfig, String> {
    LossConfig::from_value(table_with(info, field, value).into()).map_err(|error| error.to_string())
}

pub(crate) fn table_with(info: &LossInfo, field: &str, value: &Value) -> Table {
    let mut table = info.example();
    if info.family == "heads" {
        // The lists of these tests have three numbers, one per class.
        table.insert("num_classes", 3);
        table.insert("embedding_dim", 4);
    }
    make_windows_small(info, &mut table);
    table.insert(field, value.clone());
    table
}

/// The images of these tests are small. A field of the same name but of another type is something else.
fn make_windows_small(info: &LossInfo, table: &mut Table) {
    for (name, small) in [("window", 3.into()), ("weights", Value::from(vec![0.4, 0.6]))] {
        let is_alike = |field: &Field| field.name == name && discriminant(&field.example) == discriminant(&small);
        if info.fields.iter().any(is_alike) {
            table.insert(name, small);
        }
    }
}

/// The default config, but with small windows.
pub(crate) fn default_of(info: &LossInfo) -> LossConfig {
    let mut table = info.example();
    make_windows_small(info, &mut table);
    LossConfig::from_value(table.into()).expect("the default is valid")
}

/// Fields for the shape and the initial value of a parameter, for the order of the axes, and for what a label may be: a probe supplies its tensors.
pub(crate) const SHAPES: [&str; 6] = ["num_classes", "embedding_dim", "div_value", "initializer", "layout", "blank"];

/// The default config, with the sizes that [`with_field`] sets.
pub(crate) fn base(info: &LossInfo) -> LossConfig {
    with_field(info, "reduction", &"mean".into()).expect("the default is valid")
}

/// Whether the loss takes four rows: two views of two rows cannot be cut into more parts than two.
fn takes_four_rows(config: &LossConfig) -> bool {
    match config.init(&Device::flex()) {
        AnyLoss::Metric(loss) => loss.accepts(4, 4).is_ok() || loss.accepts(4, loss_size(&loss)).is_ok(),
        _ => true,
    }
}

/// The size of the embeddings that a loss with vectors of its own takes.
fn loss_size(loss: &burn_losses::metric::AnyMetricLoss) -> usize {
    loss.class_vectors().map_or(4, |(_, vectors)| vectors.dims()[1])
}

/// Whether an image may be small: one that need not be takes a thousand times as long.
pub(crate) fn takes_small_images(config: &LossConfig) -> bool {
    let signatures = config.init(&Device::flex()).signatures();
    !matches!(signatures[0][0].shape, Shape::Pictures(least) if least > 12)
}

/// Every config that differs from the default in one field.
pub(crate) fn variants(info: &LossInfo) -> Vec<LossConfig> {
    let mut variants = vec![base(info)];
    for field in info.fields.iter().filter(|field| !SHAPES.contains(&field.name)) {
        for sample in &field.samples {
            let variant = with_field(info, field.name, sample).unwrap_or_else(|error| panic!("{error}"));
            if takes_four_rows(&variant) && takes_small_images(&variant) {
                variants.push(variant);
            }
        }
    }
    variants
}
