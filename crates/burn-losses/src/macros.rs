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
        $crate::macros::config! {
            $family $kind: $summary;
            $(#[$config_meta])*
            pub struct $config {
                $($(#[doc = $doc])+ $field: $type = $default $(, $range)?;)*
                /// How the unreduced values become one number.
                reduction: $crate::Reduction = $crate::Reduction::Mean;
            }
            validate |config| {
                $({
                    let validate: fn(&$config) -> Result<(), $crate::ConfigError> = $validate;
                    validate(config)?;
                })?
                $crate::macros::check_reduction(config.reduction, stringify!($family), $kind)
            };
        }

        $crate::macros::module! {
            $(#[$module_meta])*
            #[cfg_attr(doc, doc = $crate::macros::picture!($family $kind))]
            pub struct $module $({ $($(#[$state_meta])* $state: $state_type = |$state_config, $state_device| $state_init),+ })?
            of $config { $($field,)* reduction }
        }
    };
}
pub(crate) use loss;

/// The config half of [`loss!`]: a struct that a file can hold, and what it says of itself.
macro_rules! config {
    (
        $family:ident $kind:literal: $summary:literal;
        $(#[$config_meta:meta])*
        pub struct $config:ident {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr $(, $range:expr)?;)*
        }
        $(validate $validate:expr;)?
    ) => {
        $(#[$config_meta])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $config {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl Default for $config {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
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
        }

        impl $crate::config::Describe for $config {
            const FAMILY: &'static str = stringify!($family);
            const KIND: &'static str = $kind;
            const SUMMARY: &'static str = $summary;

            fn fields() -> Vec<$crate::config::Field> {
                let default = Self::default();
                let fields = vec![
                    $($crate::macros::field(
                        stringify!($field),
                        &[$($doc),+],
                        &default.$field,
                        $crate::macros::range!($($range)?),
                    ),)*
                ];
                $crate::macros::of_family(fields, Self::FAMILY)
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
                Ok(())
            }
        }

        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for $config {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($config).into()
            }
            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($config)).into()
            }
            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                let values = vec![
                    $($crate::schema::values::<$type>($crate::macros::range!($($range)?), generator),)*
                    $crate::schema::values::<$crate::Reduction>($crate::config::Range::Finite, generator),
                ];
                $crate::schema::table::<Self>(values, generator)
            }
        }
    };
}
pub(crate) use config;

/// The module half of [`loss!`]: its config, which is no part of a record, and its state.
macro_rules! module {
    (
        $(#[$module_meta:meta])*
        pub struct $module:ident $({
            $($(#[$state_meta:meta])* $state:ident: $state_type:ty
                = |$state_config:ident, $state_device:ident| $state_init:expr),+ $(,)?
        })?
        of $config:ident { $($field:ident),* }
    ) => {
        $(#[$module_meta])*
        #[derive(::burn::module::Module, Debug)]
        #[module(custom_display)]
        pub struct $module {
            #[module(skip)]
            config: $config,
            $($($(#[$state_meta])* $state: $state_type,)+)?
        }

        impl $config {
            /// Makes the module on a device, or says which field is not allowed and why.
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

            /// Makes the module on a device.
            ///
            /// # Panics
            /// With the message of [`try_init`](Self::try_init)'s error.
            #[track_caller]
            pub fn init(&self, device: &::burn::tensor::Device) -> $module {
                $crate::error::expect(self.try_init(device))
            }
        }

        impl $module {
            /// The config that this module was made from.
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
                    .optional()
            }
        }
    };
}
pub(crate) use module;

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

/// Declares a family of losses: its files, the enum of its configs, the enum of its modules, its part of the registry.
///
/// One line per loss: `file: Variant, aliases;`. The trait is implemented for each through `$implement!`.
macro_rules! family {
    (
        $family:ident, $config:ident => $any:ident, $implement:ident;
        $($file:ident: $variant:ident $(, alias $alias:literal)*;)+
    ) => {
        ::pastey::paste! {
            $crate::macros::tagged! {
                $family, $config => $any, $implement;
                $($file: [<$variant Loss>] as $variant $(, alias $alias)*;)+
            }
        }

        impl $config {
            /// How the unreduced values become one number.
            pub fn reduction(&self) -> $crate::Reduction {
                match self {
                    $(Self::$variant(config) => config.reduction,)+
                }
            }
        }

        impl $crate::composition::Nested for $config {
            const KINDS: &'static [&'static str] = $config::KINDS;

            fn from_value(value: $crate::config::Value) -> Result<Self, $crate::ConfigError> {
                $config::from_value(value)
            }
            fn check_nested(&self, loss: &'static str, field: &str) -> Result<(), $crate::ConfigError> {
                self.validate()?;
                $crate::macros::check_inner_reduction(self.reduction(), loss, field)
            }
        }
    };
}
pub(crate) use family;

/// An enum of configs, told apart by `kind`, and the enum of the modules that they make.
macro_rules! tagged {
    (
        $family:ident, $config:ident => $any:ident, $implement:ident;
        $($file:ident: $module:ident as $variant:ident $(, alias $alias:literal)*;)+
    ) => {
        $(mod $file;)+
        ::pastey::paste! {
            $(pub use $file::{$module, [<$module Config>]};)+

            #[doc = "The config of any module of this family, told apart by `kind`."]
            #[derive(Debug, Clone, PartialEq, ::serde::Serialize)]
            #[serde(tag = "kind", rename_all = "snake_case")]
            #[non_exhaustive]
            #[allow(missing_docs)]
            pub enum $config {
                $($variant([<$module Config>]),)+
            }

            #[doc = "Any module of this family: what a [`" $config "`] makes."]
            #[derive(::burn::module::Module, Debug)]
            #[allow(missing_docs, clippy::large_enum_variant)] // a run makes a few of them
            pub enum $any {
                $($variant($module),)+
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
                    vec![$($crate::config::LossInfo::of::<[<$module Config>]>(
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

            #[cfg(feature = "schema")]
            impl ::schemars::JsonSchema for $config {
                fn schema_name() -> ::std::borrow::Cow<'static, str> {
                    stringify!($config).into()
                }
                fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                    $crate::schema::one_of(
                        concat!("A loss of the family `", stringify!($family), "`, told apart by `kind`."),
                        vec![$($crate::schema::tagged(
                            <[<$module Config>] as ::schemars::JsonSchema>::json_schema(generator),
                            "kind",
                            &[stringify!($file), $($alias),*],
                        )),+],
                    )
                }
            }

            $(impl From<[<$module Config>]> for $config {
                fn from(config: [<$module Config>]) -> Self {
                    Self::$variant(config)
                }
            })+

            $($implement!(loss $module, stringify!($file));)+
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
    };
}
pub(crate) use tagged;

/// Implements traits for an enum of modules: each method is that of the module in it.
macro_rules! dispatch {
    (
        $any:ident $variants:tt
        $(impl $trait:ident {
            $(fn $method:ident $(<const $rank:ident: usize>)? (&$self:ident $(, $argument:ident: $type:ty)*) -> $output:ty;)+
        })+
    ) => {$(
        impl $trait for $any {
            $(fn $method $(<const $rank: usize>)? (&$self $(, $argument: $type)*) -> $output {
                $crate::macros::dispatch!(match $self $variants module => $trait::$method(module $(, $argument)*))
            })+
        }
    )+};
    (match $self:ident [$($variant:ident),+] $module:ident => $call:expr) => {
        match $self {
            $(Self::$variant($module) => $call,)+
        }
    };
}
pub(crate) use dispatch;

/// What every loss says of itself, in its `impl` of the trait of its family.
macro_rules! kind_and_reduction {
    ($kind:expr) => {
        fn kind(&self) -> &'static str {
            $kind
        }
        fn reduction(&self) -> $crate::Reduction {
            self.config().reduction
        }
    };
}
pub(crate) use kind_and_reduction;
