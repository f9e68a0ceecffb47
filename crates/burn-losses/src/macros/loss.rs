//! What a loss is declared with.

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
                    $($crate::field::schema::values::<$type>($crate::macros::range!($($range)?), generator),)*
                    $crate::field::schema::values::<$crate::Reduction>($crate::config::Range::Finite, generator),
                ];
                $crate::macros::schema::table::<Self>(values, generator)
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
            fn format(&self, settings: ::burn::module::DisplaySettings) -> String {
                $crate::macros::display(self, stringify!($module), settings)
            }

            fn custom_settings(&self) -> Option<::burn::module::DisplaySettings> {
                Some($crate::macros::one_line())
            }

            fn custom_content(
                &self,
                content: ::burn::module::Content,
            ) -> Option<::burn::module::Content> {
                Some($crate::macros::with_fields(content, &[$((stringify!($field), &self.config.$field)),*]))
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
