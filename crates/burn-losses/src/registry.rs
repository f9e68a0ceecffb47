//! Every loss of every family, for tools, docs and laws.

use crate::binary::{AnyBinaryLoss, BinaryLossConfig};
use crate::boxes::{AnyBoxesLoss, BoxesLossConfig};
use crate::classification::{AnyClassificationLoss, ClassificationLossConfig};
use crate::config::{LossInfo, Table, Value, example_of, family_from_value, infos, split_tag};
use crate::distribution::{AnyDistributionLoss, DistributionLossConfig};
use crate::error::{ConfigError, nearest};
use crate::heads::{AnyHeadLoss, HeadLossConfig};
use crate::metric::{AnyMetricLoss, MetricLossConfig};
use crate::regression::{AnyRegressionLoss, RegressionLossConfig};
use crate::segmentation::{AnySegmentationLoss, SegmentationLossConfig};
use crate::signature::Family;
use burn::tensor::Device;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! families {
    ($($variant:ident = $name:literal: $config:ident, $any:ident;)+) => {
        /// The config of any loss of any family, told apart by `family` and `kind`.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum LossConfig {
            $(#[doc = concat!("The family `", $name, "`.")] $variant($config),)+
        }

        /// Any loss of any family: what a [`LossConfig`] makes.
        #[derive(burn::module::Module, Debug)]
        #[allow(clippy::large_enum_variant)] // a run makes a few of them
        pub enum AnyLoss {
            $(#[doc = concat!("The family `", $name, "`.")] $variant($any),)+
        }

        /// Every loss, family by family.
        pub fn registry() -> Vec<LossInfo> {
            [$(infos::<$config>()),+].concat()
        }

        impl AnyLoss {
            /// The `family`.
            pub fn family(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            /// The `kind`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(loss) => loss.kind(),)+
                }
            }

            /// The loss, as tools for all losses see it.
            pub(crate) fn as_family(&self) -> &dyn Family {
                match self {
                    $(Self::$variant(loss) => loss,)+
                }
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for LossConfig {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                "LossConfig".into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::field::schema::one_of(
                    "A loss of any family, told apart by `family` and `kind`.",
                    vec![$(crate::field::schema::tagged(
                        <$config as schemars::JsonSchema>::json_schema(generator),
                        "family",
                        &[$name],
                    )),+],
                )
            }
        }

        /// Every family with what makes the schema of its files.
        #[cfg(feature = "schema")]
        pub(crate) const FAMILY_SCHEMAS: &[(&str, fn() -> schemars::Schema)] =
            &[$(($name, crate::field::schema::file::<$config>)),+];

        impl LossConfig {
            const FAMILIES: &'static [&'static str] = &[$($name),+];

            /// Reads the config from plain values.
            pub fn from_value(value: Value) -> Result<Self, ConfigError> {
                let (family, table) = split_tag(value, "family", "", || Self::FAMILIES.to_vec())?;
                match family.as_str() {
                    $($name => family_from_value(table.into()).map(Self::$variant),)+
                    _ => Err(unknown_family(&family, Self::FAMILIES)),
                }
            }

            /// The config as plain values.
            pub fn to_value(&self) -> Value {
                with_family(self.family(), match self { $(Self::$variant(config) => config.to_value(),)+ })
            }

            /// The config of the loss `kind` of `family`, with its defaults. What has no default is missing, which is an error.
            pub fn of(family: &str, kind: &str) -> Result<Self, ConfigError> {
                Self::from_value(Table::from_iter([("family", family), ("kind", kind)]).into())
            }

            /// The same with examples of what has no default, for tools that try every loss.
            pub fn example(family: &str, kind: &str) -> Result<Self, ConfigError> {
                match family {
                    $($name => example_of(kind).map(Self::$variant),)+
                    _ => Err(unknown_family(family, Self::FAMILIES)),
                }
            }

            /// The `family`.
            pub fn family(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            /// The `kind`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(config) => config.kind(),)+
                }
            }

            /// The first field whose value is not allowed, as an error that names it.
            pub fn validate(&self) -> Result<(), ConfigError> {
                match self {
                    $(Self::$variant(config) => config.validate(),)+
                }
            }

            /// Makes the loss on a device, or says which field is not allowed and why.
            pub fn try_init(&self, device: &Device) -> Result<AnyLoss, ConfigError> {
                Ok(match self {
                    $(Self::$variant(config) => AnyLoss::$variant(config.try_init(device)?),)+
                })
            }

            /// Makes the loss on a device.
            ///
            /// # Panics
            /// With the message of [`try_init`](Self::try_init)'s error.
            #[track_caller]
            pub fn init(&self, device: &Device) -> AnyLoss {
                crate::error::expect(self.try_init(device))
            }
        }
    };
}

families! {
    Regression = "regression": RegressionLossConfig, AnyRegressionLoss;
    Binary = "binary": BinaryLossConfig, AnyBinaryLoss;
    Classification = "classification": ClassificationLossConfig, AnyClassificationLoss;
    Distribution = "distribution": DistributionLossConfig, AnyDistributionLoss;
    Segmentation = "segmentation": SegmentationLossConfig, AnySegmentationLoss;
    Boxes = "boxes": BoxesLossConfig, AnyBoxesLoss;
    Heads = "heads": HeadLossConfig, AnyHeadLoss;
    Metric = "metric": MetricLossConfig, AnyMetricLoss;
}

pub(crate) fn unknown_family(family: &str, families: &[&'static str]) -> ConfigError {
    let suggestion = nearest(family, families.iter().copied());
    let (given, allowed) = (family.to_owned(), families.to_vec());
    ConfigError::UnknownKind { tag: "family", family: "", given, allowed, suggestion }
}

/// The keys of a loss behind its family.
fn with_family(family: &'static str, loss: Value) -> Value {
    let mut table = Table::from_iter([("family", family)]);
    if let Value::Table(loss) = loss {
        loss.into_iter().for_each(|(key, value)| table.insert(key, value));
    }
    table.into()
}

impl Serialize for LossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::config::deserialize(deserializer, Self::from_value)
    }
}

impl burn::config::Config for LossConfig {}
