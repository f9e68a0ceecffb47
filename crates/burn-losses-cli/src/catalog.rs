//! The catalog: the losses of all families and the penalties on parameters, by all of their names.

use crate::error::Error;
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{ConfigError, LossConfig, LossInfo, registry};
use std::sync::OnceLock;

/// The family of penalties.
pub(crate) const REGULARIZATION: &str = "regularization";
/// The name that stands for a joint loss where a family is expected.
pub(crate) const JOINT: &str = "joint";

/// Every loss, family by family, then the penalties.
pub(crate) fn all() -> &'static [LossInfo] {
    static ALL: OnceLock<Vec<LossInfo>> = OnceLock::new();
    ALL.get_or_init(|| [registry(), RegularizerConfig::all()].concat())
}

/// The families, in the order of the catalog.
pub(crate) fn families() -> Vec<&'static str> {
    let mut families: Vec<_> = all().iter().map(|loss| loss.family).collect();
    families.dedup();
    families
}

/// The full name of a loss: `FAMILY/KIND`.
pub(crate) fn full_name(loss: &LossInfo) -> String {
    format!("{}/{}", loss.family, loss.kind)
}

/// Whether a config file may use this `kind` for the loss.
pub(crate) fn has_kind(loss: &LossInfo, kind: &str) -> bool {
    loss.kind == kind || loss.aliases.contains(&kind)
}

/// The losses that have a name: `focal`, `binary/focal`, an alias, the name of a type, or a name in another library.
pub(crate) fn named(name: &str) -> Result<Vec<&'static LossInfo>, Error> {
    let (family, kind) = match name.split_once('/') {
        Some((family, kind)) => (Some(family), kind),
        None => (None, name),
    };
    let losses: Vec<_> = all().iter().filter(|loss| family.is_none_or(|family| family == loss.family)).collect();
    let is_twin = |loss: &LossInfo, is_same: bool| {
        loss.twins.iter().any(|twin| twin.is_called(kind) && (!is_same || twin.differs.is_none()))
    };
    let ways: [&dyn Fn(&LossInfo) -> bool; 4] = [
        &|loss| has_kind(loss, kind),
        &|loss| letters(loss.kind) == letters(without_suffix(kind)),
        &|loss| is_twin(loss, true),
        &|loss| is_twin(loss, false),
    ];
    for is_meant in ways {
        let found: Vec<_> = losses.iter().copied().filter(|loss| is_meant(loss)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let suggestions = match family {
        Some(family) if !families().contains(&family) => {
            named(kind).map_or_else(|_| near(None, kind), |losses| losses.into_iter().map(full_name).collect())
        }
        family => near(family, kind),
    };
    Err(Error::UnknownName { name: name.to_owned(), suggestions })
}

/// The loss that has a name; several losses with this name are an error.
pub(crate) fn one(name: &str) -> Result<&'static LossInfo, Error> {
    match named(name)?.as_slice() {
        [loss] => Ok(*loss),
        several => {
            let names = several.iter().map(|loss| full_name(loss)).collect();
            Err(Error::SeveralNames { name: name.to_owned(), names })
        }
    }
}

/// The loss whose type has this name.
pub(crate) fn of_type(name: &str) -> Option<&'static LossInfo> {
    let name = name.strip_suffix("Config").unwrap_or(name);
    all().iter().find(|loss| config_type(loss).strip_suffix("Config") == Some(name))
}

/// The losses whose kinds are similar to `kind`, as suggestions, in the order of the families.
pub(crate) fn near(family: Option<&str>, kind: &str) -> Vec<String> {
    let families = families().into_iter().filter(|known| family.is_none_or(|family| family == *known));
    families.filter_map(|family| Some(format!("{family}/{}", nearest(family, kind)?))).collect()
}

/// The kind of a family that is most similar to `kind`.
fn nearest(family: &str, kind: &str) -> Option<&'static str> {
    match unknown(family, kind) {
        Some(ConfigError::UnknownKind { suggestion, tag: "kind", .. }) => suggestion,
        _ => None,
    }
}

/// The error of the library for a family or a kind that it does not know.
pub(crate) fn unknown(family: &str, kind: &str) -> Option<ConfigError> {
    match family {
        REGULARIZATION => RegularizerConfig::from_kind(kind).err(),
        family => LossConfig::from_kind(family, kind).err(),
    }
}

/// The name of the loss's config type.
pub(crate) fn config_type(loss: &LossInfo) -> String {
    let capitalized = |word: &str| word[..1].to_uppercase() + &word[1..];
    let name: String = loss.kind.split('_').map(capitalized).collect();
    let suffix = if loss.family == REGULARIZATION { "Config" } else { "LossConfig" };
    name + suffix
}

/// The address of the loss's documentation.
pub(crate) fn documentation(loss: &LossInfo) -> String {
    format!("https://docs.rs/burn-losses/latest/burn_losses/{}/struct.{}.html", loss.family, config_type(loss))
}

fn letters(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A name without its suffix: `FocalLossConfig` and `focal_loss` become `Focal` and `focal`.
fn without_suffix(name: &str) -> &str {
    let name = name.strip_suffix("Config").unwrap_or(name);
    ["Loss", "_loss", "-loss"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
