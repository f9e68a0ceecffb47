//! What a family is declared with.

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

        impl $crate::terms::Nested for $config {
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
            pub enum $config {
                $(#[doc = "The kind `" $file "`."] $variant([<$module Config>]),)+
            }

            #[doc = "Any module of this family: what a [`" $config "`] makes."]
            #[derive(::burn::module::Module, Debug)]
            #[allow(clippy::large_enum_variant)] // a run makes a few of them
            pub enum $any {
                $(#[doc = "The kind `" $file "`."] $variant($module),)+
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
                    $crate::field::schema::one_of(
                        concat!("A loss of the family `", stringify!($family), "`, told apart by `kind`."),
                        vec![$($crate::field::schema::tagged(
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

/// Implements traits for an enum of modules: each method is that of the module in it. What is not so simple stands in braces, behind
/// the others.
macro_rules! dispatch {
    (
        $any:ident $variants:tt
        $(impl $trait:ident {
            $(fn $method:ident $(<const $rank:ident: usize>)? (&$self:ident $(, $argument:ident: $type:ty)*) -> $output:ty;)+
            $({ $($rest:tt)* })?
        })+
    ) => {$(
        impl $trait for $any {
            $(fn $method $(<const $rank: usize>)? (&$self $(, $argument: $type)*) -> $output {
                $crate::macros::dispatch!(match $self $variants module => $trait::$method(module $(, $argument)*))
            })+
            $($($rest)*)?
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
