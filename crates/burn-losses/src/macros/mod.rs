//! What every loss and every family would otherwise repeat.

mod family;
mod loss;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod weighted_sum;

use crate::config::{Field, FieldType, Range, Value};
use crate::{ConfigError, Reduction};
use burn::module::{Content, DisplaySettings, ModuleDisplay, ModuleDisplayDefault};
use core::fmt;

pub(crate) use family::{dispatch, family, kind_and_reduction, tagged};
#[cfg(doc)]
pub(crate) use loss::picture;
pub(crate) use loss::{config, loss, module, range};
pub(crate) use weighted_sum::weighted_sum;

/// A config as plain values.
pub(crate) fn settings<T: serde::Serialize>(config: &T) -> Value {
    serde_yaml_ng::to_value(config).unwrap_or(Value::Null)
}

/// The description of one field.
pub(crate) fn field<T: FieldType>(name: &'static str, doc: &[&str], default: &T, range: Range) -> Field {
    Field {
        name,
        summary: doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
        kind: T::KIND,
        default: serde_yaml_ng::to_value(default).unwrap_or(Value::Null),
        range: T::allowed(range),
        samples: T::samples(range),
        refused: T::refused(range),
    }
}

/// How a loss is printed: in one line.
pub(crate) fn one_line() -> DisplaySettings {
    DisplaySettings::new().with_new_line_after_attribute(false)
}

/// Adds the fields of a config to what is printed of its module.
pub(crate) fn with_fields(content: Content, fields: &[(&'static str, &dyn fmt::Debug)]) -> Content {
    struct Shown<'a>(&'a dyn fmt::Debug);
    impl fmt::Debug for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }
    fields.iter().fold(content, |content, (name, value)| content.add_debug_attribute(name, &Shown(*value)))
}

/// Prints a module as Burn does, by code that is compiled once for all modules.
pub(crate) fn display(module: &dyn ModuleDisplay, name: &'static str, settings: DisplaySettings) -> String {
    struct Named<'a>(&'a dyn ModuleDisplay, &'static str);
    impl Named<'_> {
        fn named(&self, content: Content) -> Content {
            content.set_top_level_type(self.1)
        }
    }
    impl ModuleDisplayDefault for Named<'_> {
        fn content(&self, content: Content) -> Option<Content> {
            self.0.content(content).map(|content| self.named(content))
        }
        fn num_params(&self) -> usize {
            self.0.num_params()
        }
    }
    impl ModuleDisplay for Named<'_> {
        fn custom_settings(&self) -> Option<DisplaySettings> {
            self.0.custom_settings()
        }
        fn custom_content(&self, content: Content) -> Option<Content> {
            self.0.custom_content(content).map(|content| self.named(content))
        }
    }
    Named(module, name).format(settings)
}

/// The descriptions of a config's fields: the reduction `positives` has a meaning in the family `binary` alone.
pub(crate) fn of_family(mut fields: Vec<Field>, family: &str) -> Vec<Field> {
    for field in fields.iter_mut().filter(|field| field.name == "reduction" && family != "binary") {
        let positives = Value::from("positives");
        field.samples.retain(|sample| *sample != positives);
        field.range = field.range.replace(", `positives`", "");
        field.refused.push(positives);
    }
    fields
}

pub(crate) fn check_reduction(reduction: Reduction, family: &str, loss: &'static str) -> Result<(), ConfigError> {
    if reduction != Reduction::Positives || family == "binary" {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss,
        field: "reduction".into(),
        value: "`positives`".into(),
        allowed: Reduction::allowed(Range::Finite).replace(", `positives`", ""),
    })
}

/// A loss inside another one reduces nothing: a `reduction` of its own would have no effect.
pub(crate) fn check_inner_reduction(reduction: Reduction, loss: &'static str, field: &str) -> Result<(), ConfigError> {
    if reduction == Reduction::Mean {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss,
        field: format!("{field}.reduction"),
        value: serde_json::to_string(&reduction).unwrap_or_default(),
        allowed: format!("nothing: the `reduction` of `{loss}` itself applies"),
    })
}
