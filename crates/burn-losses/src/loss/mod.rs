//! The properties of every loss, whatever its family.

mod around;
#[cfg(feature = "schema")]
pub(crate) mod schema;

use crate::config::Value;
use crate::field::Record;
use crate::reduction::Reduction;
use burn::module::{Content, DisplaySettings, ModuleDisplay, ModuleDisplayDefault};
use core::fmt;

pub(crate) use around::{Mined, Weighted};

/// The properties that every loss has, whatever its family.
pub trait Loss {
    /// The `kind`, which errors name.
    fn kind(&self) -> &'static str;

    /// How the per-element losses are reduced to a scalar.
    fn reduction(&self) -> Reduction;

    /// The config, for [`diagnose`](crate::diagnose).
    #[doc(hidden)]
    fn settings(&self) -> Value {
        Value::Null
    }
}

/// The settings for printing a loss in one line.
pub(crate) fn one_line() -> DisplaySettings {
    DisplaySettings::new().with_new_line_after_attribute(false)
}

/// Adds the fields of a config to the printed form of its module.
pub(crate) fn with_fields(content: Content, config: &dyn Record) -> Content {
    struct Shown<'a>(&'a dyn fmt::Debug);
    impl fmt::Debug for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }
    let mut content = Some(content);
    config.visit(&mut |info, field| {
        content = content.take().map(|content| content.add_debug_attribute(info.name, &Shown(&field)));
    });
    content.expect("it is put back")
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
