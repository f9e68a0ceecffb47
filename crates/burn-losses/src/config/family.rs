//! The configs of a family, told apart by their `kind`.

use super::{About, Describe, LossInfo, describe};
use crate::error::{ConfigError, nearest};
use crate::field::{self, MaybeSchema, Table, Value};
use core::fmt;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The names of a kind.
#[derive(Debug)]
pub struct KindNames {
    /// The name in a config file.
    pub kind: &'static str,
    /// Other names that a config file may use.
    pub aliases: &'static [&'static str],
}

/// The config of any loss of one family.
pub trait FamilyConfig: Clone + PartialEq + fmt::Debug + Serialize + DeserializeOwned + MaybeSchema + 'static {
    /// The family, which is the name of the folder.
    const FAMILY: &'static str;
    /// Every kind.
    const NAMES: &'static [KindNames];

    /// A complete config of the kind at this place in the table of names.
    fn example_at(at: usize) -> Self;

    /// The config of the loss.
    fn loss(&self) -> &dyn Describe;
    /// The config of the loss, to fill it in.
    fn loss_mut(&mut self) -> &mut dyn Describe;
}

/// The names of a family, without the aliases.
pub(crate) fn kinds<C: FamilyConfig>() -> Vec<&'static str> {
    C::NAMES.iter().map(|names| names.kind).collect()
}

/// The config of the loss of this kind, with its defaults.
pub(crate) fn of_kind<C: FamilyConfig>(kind: &str) -> Result<C, ConfigError> {
    from_table(kind, &Table::new())
}

/// The config of the loss of this kind, with examples for fields without a default.
pub(crate) fn example_of<C: FamilyConfig>(kind: &str) -> Result<C, ConfigError> {
    Ok(C::example_at(place_of::<C>(kind)?))
}

pub(crate) fn family_from_value<C: FamilyConfig>(value: Value) -> Result<C, ConfigError> {
    let (kind, table) = split_tag(value, "kind", C::FAMILY, || kinds::<C>())?;
    from_table(&kind, &table)
}

fn from_table<C: FamilyConfig>(kind: &str, table: &Table) -> Result<C, ConfigError> {
    let mut config = C::example_at(place_of::<C>(kind)?);
    describe::read(config.loss_mut(), table)?;
    Ok(config)
}

pub(crate) fn family_to_value<C: FamilyConfig>(config: &C) -> Value {
    tagged_value(config.loss())
}

fn tagged_value(config: &dyn Describe) -> Value {
    let mut table = Table::from_iter([("kind", config.about().kind)]);
    field::to_table(config).into_iter().for_each(|(key, value)| table.insert(key, value));
    table.into()
}

/// Everything there is to know of the losses of a family.
pub(crate) fn infos<C: FamilyConfig>() -> Vec<LossInfo> {
    (0..).zip(C::NAMES).map(|(at, names)| LossInfo::from_example(C::example_at(at).loss(), names.aliases)).collect()
}

fn place_of<C: FamilyConfig>(kind: &str) -> Result<usize, ConfigError> {
    place(kind, C::FAMILY, C::NAMES, &|at| C::example_at(at).loss().about())
}

fn place(
    kind: &str,
    family: &'static str,
    names: &'static [KindNames],
    about: &dyn Fn(usize) -> &'static About,
) -> Result<usize, ConfigError> {
    let found = names.iter().position(|names| names.kind == kind || names.aliases.contains(&kind));
    found.ok_or_else(|| ConfigError::UnknownKind {
        tag: "kind",
        family,
        given: kind.to_owned(),
        allowed: names.iter().map(|names| names.kind).collect(),
        suggestion: meant(kind, names, about),
    })
}

/// The kind that was meant perhaps: it is also found by the name of its type, or by its name in another library.
fn meant(given: &str, names: &[KindNames], about: &dyn Fn(usize) -> &'static About) -> Option<&'static str> {
    let twin = (0..names.len()).map(about).find(|about| about.twins.iter().any(|twin| twin.is_called(given)));
    if let Some(about) = twin {
        return Some(about.kind);
    }
    let bare = given.strip_suffix("Config").unwrap_or(given);
    let bare = ["Loss", "_loss", "-loss"].iter().find_map(|suffix| bare.strip_suffix(suffix)).unwrap_or(bare);
    let all = names.iter().flat_map(|names| [names.kind].into_iter().chain(names.aliases.iter().copied()));
    let near = nearest(bare, all)?;
    names.iter().find(|names| names.kind == near || names.aliases.contains(&near)).map(|names| names.kind)
}

/// Splits a table into the name under `tag` and the rest.
pub(crate) fn split_tag(
    value: Value,
    tag: &'static str,
    family: &'static str,
    allowed: impl FnOnce() -> Vec<&'static str>,
) -> Result<(String, Table), ConfigError> {
    if let Value::Table(mut table) = value {
        match table.remove(tag) {
            Some(Value::Text(name)) => return Ok((name, table)),
            None | Some(Value::Null) => {}
            Some(other) => {
                let (given, allowed) = (other.to_string(), allowed());
                return Err(ConfigError::UnknownKind { tag, family, given, allowed, suggestion: None });
            }
        }
    }
    Err(ConfigError::MissingKind { tag, family, allowed: allowed() })
}

/// A loss inside another one reduces nothing: a `reduction` of its own would have no effect.
pub(crate) fn check_nested<C: FamilyConfig>(config: &C, loss: &'static str, field: &str) -> Result<(), ConfigError> {
    check_inner(config.loss(), loss, field)
}

fn check_inner(config: &dyn Describe, loss: &'static str, field: &str) -> Result<(), ConfigError> {
    describe::validate(config)?;
    let reduction = field::value_of(config, "reduction").filter(|reduction| *reduction != "mean".into());
    reduction.map_or(Ok(()), |reduction| {
        Err(ConfigError::InvalidValue {
            loss,
            field: format!("{field}.reduction"),
            value: reduction.to_string(),
            allowed: format!("nothing: the `reduction` of `{loss}` itself applies"),
        })
    })
}
