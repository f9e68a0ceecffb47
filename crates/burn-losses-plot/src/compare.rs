//! How configs differ from each other.

use crate::probe::fields;
use burn_losses::LossConfig;
use serde_json::Value;

/// A space at which a line does not break.
pub(crate) const NO_BREAK: &str = "\u{a0}";

/// A name for each config: its kind, if the kinds differ, and the fields in which it differs from others of its kind.
pub(crate) fn names(configs: &[LossConfig]) -> Vec<String> {
    let kinds_differ = configs.iter().any(|config| config.kind() != configs[0].kind());
    let name = |config: &LossConfig| {
        let others = || configs.iter().filter(|other| other.kind() == config.kind()).map(fields);
        let differing =
            fields(config).into_iter().filter(|(field, value)| others().any(|other| other.get(field) != Some(value)));
        let kind = kinds_differ.then(|| config.kind().to_owned());
        kind.into_iter()
            .chain(differing.map(|(field, value)| format!("{field} = {}", shown(&value))))
            .collect::<Vec<_>>()
            .join(", ")
    };
    configs.iter().map(name).collect()
}

/// The numeric fields of a config, as `delta = 1, ..`, without those that are 0 or guards against it. No line breaks within a part.
pub(crate) fn parameters(config: &LossConfig) -> String {
    let number = |(field, value): (String, Value)| {
        let is_shown = value.as_f64().is_some_and(|number| number.abs() >= 1e-4);
        is_shown.then(|| format!("{field} = {}", shown(&value)).replace(' ', NO_BREAK))
    };
    // These describe the data.
    let left_out = ["seed", "num_classes", "embedding_dim", "image_width", "image_height"];
    let numbers = fields(config).into_iter().filter(|(field, _)| !left_out.contains(&field.as_str()));
    numbers.filter_map(number).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map(digits).unwrap_or_default(),
        other => other.to_string().replace('"', "").replace(':', ": ").replace(',', ", "),
    }
}

/// A number with at most four digits, and without a row of zeros.
fn digits(number: f64) -> String {
    if number != 0.0 && !(1e-4..1e7).contains(&number.abs()) {
        return format!("{number:e}");
    }
    let places = if number == 0.0 { 0 } else { (3 - number.abs().log10().floor() as i32).max(0) as usize };
    let text = format!("{number:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_losses::binary::FocalLossConfig;
    use burn_losses::regression::{HuberLossConfig, MaeLossConfig, RegressionLossConfig};

    #[test]
    fn by_hand() {
        let focal = |gamma| LossConfig::Binary(FocalLossConfig::new().with_gamma(gamma).into());
        assert_eq!(names(&[focal(0.0), focal(2.0)]), ["gamma = 0", "gamma = 2"]);
        assert_eq!(parameters(&focal(2.0)).replace(NO_BREAK, " "), "alpha = 0.25, gamma = 2");
        assert_eq!(parameters(&focal(0.0)).replace(NO_BREAK, " "), "alpha = 0.25");
        assert_eq!(
            [4.0 / 3.0, 0.35, 256.0, 12345.6, 0.0005, -4.0].map(digits),
            ["1.333", "0.35", "256", "12346", "0.0005", "-4"]
        );
        assert_eq!([1e-300, 2.5e7].map(digits), ["1e-300", "2.5e7"]);
        let losses: [RegressionLossConfig; 3] =
            [HuberLossConfig::new().into(), MaeLossConfig::new().into(), HuberLossConfig::new().with_delta(2.0).into()];
        assert_eq!(names(&losses.map(LossConfig::Regression)), ["huber, delta = 1", "mae", "huber, delta = 2"]);
    }
}
