//! What every loss and every family would otherwise repeat.

/// Declares a loss: its module and its config.
///
/// ```text
/// loss! {
///     regression "huber": "the meaning in one line";
///     /// Documentation of the module.
///     pub struct HuberLoss { field: Type = |config, device| initial value, .. }
///     /// Documentation of the config.
///     pub struct HuberLossConfig {
///         /// The meaning of the field.
///         delta: f64 = 1.0, Range::Greater(0.0);
///     }
/// }
/// ```
///
/// The module's own fields are state and parameters; most losses have none. Every config also gets `reduction`. After the
/// config, `validate |config| ..;` checks what concerns several fields together.
macro_rules! loss {
    (
        $family:ident $kind:literal: $summary:literal;
        $(#[$module_meta:meta])*
        pub struct $module:ident $({
            $($(#[$state_meta:meta])* $state:ident: $state_type:ty
                = |$state_config:ident, $state_device:ident| $state_init:expr),+ $(,)?
        })? $(;)?
        $(#[$config_meta:meta])*
        pub struct $config:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr $(, $range:expr)?;)*
        }
        $(validate $validate:expr;)?
    ) => {
        $(#[$module_meta])*
        #[cfg_attr(doc, doc = $crate::macros::picture!($family $kind))]
        #[derive(::burn::module::Module, Debug)]
        #[module(custom_display)]
        pub struct $module {
            #[module(skip)]
            config: $config,
            $($($(#[$state_meta])* $state: $state_type,)+)?
        }

        $(#[$config_meta])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $config {
            $($(#[doc = $doc])+ pub $field: $type,)*
            /// How the unreduced values become one number. Default: the mean.
            pub reduction: $crate::Reduction,
        }

        impl Default for $config {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    reduction: $crate::Reduction::Mean,
                }
            }
        }

        impl ::burn::config::Config for $config {}

        impl $config {
            /// The config with its defaults.
            pub fn new() -> Self {
                Self::default()
            }

            ::pastey::paste! {
                $(
                    #[doc = "Sets `" $field "`."]
                    pub fn [<with_ $field>](mut self, $field: impl $crate::config::IntoField<$type>) -> Self {
                        self.$field = $field.into_field();
                        self
                    }
                )*
            }

            /// Sets `reduction`.
            pub fn with_reduction(mut self, reduction: $crate::Reduction) -> Self {
                self.reduction = reduction;
                self
            }

            /// Makes the loss on a device, or says which field is not allowed and why.
            pub fn try_init(
                &self,
                device: &::burn::tensor::Device,
            ) -> Result<$module, $crate::ConfigError> {
                $crate::config::Describe::validate(self)?;
                let _ = device;
                Ok($module {
                    $($($state: {
                        let ($state_config, $state_device) = (self, device);
                        let _ = ($state_config, $state_device);
                        $state_init
                    },)+)?
                    config: self.clone(),
                })
            }

            /// Makes the loss on a device.
            ///
            /// # Panics
            /// With the message of [`try_init`](Self::try_init)'s error.
            #[track_caller]
            pub fn init(&self, device: &::burn::tensor::Device) -> $module {
                $crate::error::expect(self.try_init(device))
            }
        }

        impl $crate::config::Describe for $config {
            const FAMILY: &'static str = stringify!($family);
            const KIND: &'static str = $kind;
            const SUMMARY: &'static str = $summary;

            fn fields() -> Vec<$crate::config::Field> {
                #[allow(unused_variables)]
                let default = Self::default();
                vec![
                    $($crate::macros::field(
                        stringify!($field),
                        &[$($doc),+],
                        &default.$field,
                        $crate::macros::range!($($range)?),
                    ),)*
                    $crate::macros::reduction_field(Self::FAMILY),
                ]
            }

            fn validate(&self) -> Result<(), $crate::ConfigError> {
                $($crate::config::FieldType::check(
                    &self.$field,
                    $kind,
                    stringify!($field),
                    $crate::macros::range!($($range)?),
                )?;)*
                $({
                    let validate: fn(&Self) -> Result<(), $crate::ConfigError> = $validate;
                    validate(self)?;
                })?
                $crate::macros::check_reduction(self.reduction, Self::FAMILY, $kind)
            }
        }

        impl $module {
            /// The config that this loss was made from.
            pub fn config(&self) -> &$config {
                &self.config
            }
        }

        impl ::burn::module::ModuleDisplay for $module {
            fn custom_settings(&self) -> Option<::burn::module::DisplaySettings> {
                ::burn::module::DisplaySettings::new()
                    .with_new_line_after_attribute(false)
                    .optional()
            }

            fn custom_content(
                &self,
                content: ::burn::module::Content,
            ) -> Option<::burn::module::Content> {
                content
                    $(.add_debug_attribute(stringify!($field), &self.config.$field))*
                    .add_debug_attribute("reduction", &self.config.reduction)
                    .optional()
            }
        }
    };
}
pub(crate) use loss;

/// The picture of a loss, for its page in the documentation: `cargo xtask gallery` writes it.
#[cfg(doc)]
macro_rules! picture {
    ($family:ident $kind:literal) => {
        concat!(
            "# Picture\n",
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/gallery/", stringify!($family), "/", $kind, ".svg"))
        )
    };
}
#[cfg(doc)]
pub(crate) use picture;

macro_rules! range {
    () => {
        $crate::config::Range::Finite
    };
    ($range:expr) => {
        $range
    };
}
pub(crate) use range;

use crate::config::{Field, FieldType, Range, Value};
use crate::{ConfigError, Reduction};

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

/// The description of `reduction`: `positives` has a meaning in the family `binary` alone.
pub(crate) fn reduction_field(family: &str) -> Field {
    let mut field =
        field("reduction", &["How the unreduced values become one number."], &Reduction::Mean, Range::Finite);
    if family != "binary" {
        let positives = Value::from("positives");
        field.samples.retain(|sample| *sample != positives);
        field.range = field.range.replace(", `positives`", "");
        field.refused.push(positives);
    }
    field
}

pub(crate) fn check_reduction(reduction: Reduction, family: &str, loss: &'static str) -> Result<(), ConfigError> {
    if reduction != Reduction::Positives || family == "binary" {
        return Ok(());
    }
    Err(ConfigError::InvalidValue {
        loss,
        field: "reduction".into(),
        value: "`positives`".into(),
        allowed: reduction_field(family).range,
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

/// Declares a family: its files, the enum of its configs, the enum of its modules, its part of the registry.
///
/// One line per loss: `file: Variant, aliases;`. The trait is implemented for each through `$implement!`.
macro_rules! family {
    (
        $family:ident, $config:ident => $any:ident, $implement:ident;
        $($file:ident: $variant:ident $(, alias $alias:literal)*;)+
    ) => {
        $(mod $file;)+
        ::pastey::paste! {
            $(pub use $file::{[<$variant Loss>], [<$variant LossConfig>]};)+

            #[doc = "The config of any loss of this family, told apart by `kind`."]
            #[derive(Debug, Clone, PartialEq, ::serde::Serialize)]
            #[serde(tag = "kind", rename_all = "snake_case")]
            #[non_exhaustive]
            #[allow(missing_docs)]
            pub enum $config {
                $($variant([<$variant LossConfig>]),)+
            }

            #[doc = "Any loss of this family: what a [`" $config "`] makes."]
            #[derive(::burn::module::Module, Debug)]
            #[allow(missing_docs, clippy::large_enum_variant)] // a run makes a few of them
            pub enum $any {
                $($variant([<$variant Loss>]),)+
            }

            impl $config {
                const KINDS: &'static [&'static str] = &[$(stringify!($file)),+];

                /// The config of the loss of this `kind`, with its defaults.
                pub fn of(kind: &str) -> Result<Self, $crate::ConfigError> {
                    Self::from_table(kind, Default::default())
                }

                fn from_table(
                    kind: &str,
                    table: $crate::config::Table,
                ) -> Result<Self, $crate::ConfigError> {
                    match kind {
                        $(stringify!($file) $(| $alias)* => {
                            $crate::config::read(table).map(Self::$variant)
                        })+
                        _ => Err($crate::ConfigError::UnknownKind {
                            tag: "kind",
                            family: stringify!($family),
                            given: kind.to_owned(),
                            allowed: Self::KINDS.to_vec(),
                        }),
                    }
                }

                pub(crate) fn from_value(
                    value: $crate::config::Value,
                ) -> Result<Self, $crate::ConfigError> {
                    let (kind, table) = $crate::config::split_tag(
                        value, "kind", stringify!($family), Self::KINDS,
                    )?;
                    Self::from_table(&kind, table)
                }

                /// The `kind`: the name of the loss in a config file.
                pub fn kind(&self) -> &'static str {
                    match self {
                        $(Self::$variant(_) => stringify!($file),)+
                    }
                }

                /// How the unreduced values become one number.
                pub fn reduction(&self) -> $crate::Reduction {
                    match self {
                        $(Self::$variant(config) => config.reduction,)+
                    }
                }

                /// Reads the config from a `.json`, `.toml` or `.yaml` file.
                pub fn load(
                    path: impl AsRef<::std::path::Path>,
                ) -> Result<Self, $crate::ConfigError> {
                    $crate::config::load(path)
                }

                /// Writes the config to a `.json`, `.toml` or `.yaml` file.
                pub fn save(
                    &self,
                    path: impl AsRef<::std::path::Path>,
                ) -> Result<(), $crate::ConfigError> {
                    $crate::config::save(self, path)
                }

                /// The first field whose value is not allowed, as an error that names it.
                pub fn validate(&self) -> Result<(), $crate::ConfigError> {
                    match self {
                        $(Self::$variant(config) => $crate::config::Describe::validate(config),)+
                    }
                }

                /// Makes the loss on a device, or says which field is not allowed and why.
                pub fn try_init(
                    &self,
                    device: &::burn::tensor::Device,
                ) -> Result<$any, $crate::ConfigError> {
                    Ok(match self {
                        $(Self::$variant(config) => $any::$variant(config.try_init(device)?),)+
                    })
                }

                /// Makes the loss on a device.
                ///
                /// # Panics
                /// With the message of [`try_init`](Self::try_init)'s error.
                #[track_caller]
                pub fn init(&self, device: &::burn::tensor::Device) -> $any {
                    $crate::error::expect(self.try_init(device))
                }

                pub(crate) fn infos() -> Vec<$crate::config::LossInfo> {
                    vec![$($crate::config::LossInfo::of::<[<$variant LossConfig>]>(
                        &[$($alias),*],
                    )),+]
                }
            }

            impl $any {
                /// The config that this loss was made from.
                pub fn config(&self) -> $config {
                    match self {
                        $(Self::$variant(loss) => $config::$variant(loss.config().clone()),)+
                    }
                }
            }

            $(impl From<[<$variant LossConfig>]> for $config {
                fn from(config: [<$variant LossConfig>]) -> Self {
                    Self::$variant(config)
                }
            })+

            $($implement!(loss [<$variant Loss>], stringify!($file));)+
            $implement!(any $any, $config, $($variant),+);
        }

        impl<'de> ::serde::Deserialize<'de> for $config {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let value = $crate::config::Value::deserialize(deserializer)?;
                Self::from_value(value).map_err($crate::config::as_parser_error)
            }
        }

        impl ::burn::config::Config for $config {}

        impl $crate::config::FieldType for Box<$config> {
            const KIND: &'static str = "config of a loss of this family";

            fn allowed(_: $crate::config::Range) -> String {
                let kinds = $config::KINDS.iter().map(|kind| format!("`{kind}`"));
                format!("a table whose `kind` is one of {}", kinds.collect::<Vec<_>>().join(", "))
            }
            fn samples(_: $crate::config::Range) -> Vec<$crate::config::Value> {
                let table = |kind: &&str| {
                    let tag = [("kind".into(), (*kind).into())];
                    $crate::config::Value::Mapping(tag.into_iter().collect())
                };
                $config::KINDS.iter().map(table).collect()
            }
            fn refused(_: $crate::config::Range) -> Vec<$crate::config::Value> {
                vec!["bce".into(), $crate::config::Value::Mapping(Default::default())]
            }
            fn check(
                &self,
                loss: &'static str,
                field: &str,
                _: $crate::config::Range,
            ) -> Result<(), $crate::ConfigError> {
                self.validate()?;
                $crate::macros::check_inner_reduction(self.reduction(), loss, field)
            }
        }
    };
}
pub(crate) use family;
