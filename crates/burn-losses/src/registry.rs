//! Every loss of every family, for tools, docs and laws.

use crate::ConfigError;
use crate::binary::{AnyBinaryLoss, BinaryLoss, BinaryLossConfig};
use crate::boxes::{AnyBoxesLoss, BoxesLoss, BoxesLossConfig};
use crate::classification::{AnyClassificationLoss, ClassificationLoss, ClassificationLossConfig};
use crate::config::{LossInfo, Table, Value, as_parser_error, split_tag};
use crate::distribution::{AnyDistributionLoss, DistributionLoss, DistributionLossConfig};
use crate::heads::{AnyHeadLoss, HeadLoss, HeadLossConfig};
use crate::metric::{AnyMetricLoss, MetricLoss, MetricLossConfig};
use crate::regression::{AnyRegressionLoss, RegressionLoss, RegressionLossConfig};
use crate::segmentation::{AnySegmentationLoss, SegmentationLoss, SegmentationLossConfig};
use crate::signature::Family;
use burn::tensor::Device;
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! families {
    ($($variant:ident = $name:literal: $config:ident, $any:ident;)+) => {
        /// The config of any loss of any family, told apart by `family` and `kind`.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "family", rename_all = "snake_case")]
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
            [$($config::infos()),+].concat()
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

            pub(crate) fn from_value(value: Value) -> Result<Self, ConfigError> {
                let (family, table) = split_tag(value, "family", "", Self::FAMILIES)?;
                match family.as_str() {
                    $($name => $config::from_value(Value::Mapping(table)).map(Self::$variant),)+
                    _ => Err(ConfigError::UnknownKind {
                        tag: "family",
                        family: "",
                        given: family,
                        allowed: Self::FAMILIES.to_vec(),
                    }),
                }
            }

            /// The config of the loss `kind` of `family`, with its defaults.
            pub fn of(family: &str, kind: &str) -> Result<Self, ConfigError> {
                let tags = [("family", family), ("kind", kind)];
                Self::from_value(Value::Mapping(Table::from_iter(
                    tags.map(|(tag, name)| (tag.into(), name.into())),
                )))
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

impl<'de> Deserialize<'de> for LossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(as_parser_error)
    }
}

impl burn::config::Config for LossConfig {}
