//! What a config file holds, and where: in the whole file, or in a table in the config of a training run.

use crate::catalog::{self, JOINT, REGULARIZATION, has_kind};
use crate::error::{Error, quoted};
use burn_losses::composition::{JointLossConfig, TermConfig};
use burn_losses::config::{Format, Table, Value, from_str, load};
use burn_losses::regularization::RegularizerConfig;
use burn_losses::{ConfigError, LossConfig};
use clap::Args;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

/// The options that say where in a file the loss stands.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The table that contains the loss, as `loss` or `terms.classes` [default: the whole file]
    #[arg(long, value_name = "TABLE")]
    at: Option<String>,
    /// The family, if the file does not name it; `joint` and `regularization` are allowed too
    #[arg(long)]
    family: Option<String>,
}

/// What a config file can hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// A loss of any family.
    Loss(LossConfig),
    /// Several terms.
    Joint(JointLossConfig),
    /// A penalty on parameters.
    Penalty(RegularizerConfig),
}

impl Document {
    /// The name of the loss or penalty, as `binary/focal`.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Loss(config) => format!("{}/{}", config.family(), config.kind()),
            Self::Joint(config) => {
                let names: Vec<_> = config.terms.keys().collect();
                format!("{JOINT} of {}", quoted(&names))
            }
            Self::Penalty(config) => format!("{REGULARIZATION}/{}", config.kind()),
        }
    }

    /// The `kind` of the loss or penalty.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Loss(config) => config.kind(),
            Self::Joint(_) => JOINT,
            Self::Penalty(config) => config.kind(),
        }
    }

    /// The same loss or penalty with another value of a field.
    pub(crate) fn with(&self, field: &str, value: &Value) -> Result<Self, ConfigError> {
        let with = |whole: Value| {
            let mut table = whole.into_table().unwrap_or_default();
            table.insert(field, value.clone());
            Value::from(table)
        };
        match self {
            Self::Loss(config) => LossConfig::from_value(with(config.to_value())).map(Self::Loss),
            Self::Joint(config) => Ok(Self::Joint(config.clone())),
            Self::Penalty(config) => RegularizerConfig::from_value(with(config.to_value())).map(Self::Penalty),
        }
    }
}

/// The place of this run. It is a static, since serde passes no arguments to a type that it reads.
static PLACE: OnceLock<Place> = OnceLock::new();

impl Place {
    /// The whole of a file, with any family.
    pub(crate) const WHOLE: Self = Self { at: None, family: None };

    /// Reads what stands at this place of a file; `-` is stdin.
    pub(crate) fn load(&self, path: &Path) -> Result<Document, ConfigError> {
        PLACE.get_or_init(|| self.clone());
        let placed: Placed = if is_stdin(path) { from_stdin(&stdin()?)? } else { load(path)? };
        Ok(placed.0)
    }

    /// Reads what stands at this place of the text on stdin.
    pub(crate) fn load_text(&self, text: &str) -> Result<Document, ConfigError> {
        PLACE.get_or_init(|| self.clone());
        from_stdin::<Placed>(text).map(|placed| placed.0)
    }

    /// Reads what stands at this place of a text.
    pub(crate) fn read(&self, text: &str, format: Format) -> Result<Document, ConfigError> {
        PLACE.get_or_init(|| self.clone());
        from_str::<Placed>(text, format).map(|placed| placed.0)
    }

    /// Reads a loss or a penalty, which can be drawn; a joint loss is an error.
    pub(crate) fn load_drawn(&self, path: &Path) -> Result<Document, Error> {
        match self.load(path)? {
            Document::Joint(config) => {
                let terms = config.terms.iter().filter(|(_, term)| term.term != TermConfig::Given);
                let terms: Vec<_> = terms.map(|(name, _)| format!("--at terms.{name}")).collect();
                let problem = format!("a joint loss has no picture of its own: choose a term by {}", quoted(&terms));
                Err(Error::file(path, problem))
            }
            document => Ok(document),
        }
    }

    /// Whether something at this place is meant to be a loss.
    pub(crate) fn is_a_loss(&self, path: &Path) -> bool {
        // A file that cannot be read is not skipped: its error is reported.
        load::<Value>(path).map_or(true, |value| self.find(value).is_ok_and(|(table, _)| has_tags(&table)))
    }

    /// The table at this place, and whether it is a term of a joint loss.
    fn find(&self, mut value: Value) -> Result<(Table, bool), String> {
        let (mut is_term, mut parent) = (false, "");
        for key in self.at.iter().flat_map(|at| at.split('.')) {
            let table = if let Value::Table(table) = &mut value { table.remove(key) } else { None };
            value = table.ok_or_else(|| format!("missing table `{key}`"))?;
            (is_term, parent) = (parent == "terms", key);
        }
        match value {
            Value::Table(table) => Ok((table, is_term)),
            other => Err(format!("expected a table, got {other}")),
        }
    }
}

/// Whether a table says which loss it is.
fn has_tags(table: &Table) -> bool {
    ["kind", "terms"].iter().any(|key| table.get(key).is_some()) || table.get("family").is_some_and(is_family)
}

fn is_family(name: &Value) -> bool {
    name.as_str().is_some_and(|name| catalog::families().contains(&name))
}

/// Whether a path stands for stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The text on stdin.
pub(crate) fn stdin() -> Result<String, ConfigError> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| ConfigError::File(format!("stdin: {error}")))?;
    Ok(text)
}

/// Reads the text on stdin, which is TOML or JSON.
pub(crate) fn from_stdin<T: DeserializeOwned>(text: &str) -> Result<T, ConfigError> {
    let format = if text.trim_start().starts_with('{') { Format::Json } else { Format::Toml };
    from_str(text, format).map_err(|error| match error {
        ConfigError::At { line, source, .. } => ConfigError::At { path: "stdin".into(), line, source },
        other => other,
    })
}

/// The loss or penalty at the [`PLACE`] of this run.
struct Placed(Document);

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = PLACE.get().ok_or_else(|| D::Error::custom("no place is set"))?;
        let (mut table, is_term) = place.find(Value::deserialize(deserializer)?).map_err(D::Error::custom)?;
        if is_term {
            // The weight belongs to the joint loss, not to the term.
            table.remove("weight");
        }
        document(table, place.family.as_deref()).map(Self).map_err(D::Error::custom)
    }
}

/// Reads a table; `family` is its family if it does not name one. The library keeps the typed error behind the message.
fn document(mut table: Table, family: Option<&str>) -> Result<Document, String> {
    let family = match (table.get("family"), family) {
        (Some(named), _) => named.as_str().filter(|named| *named == REGULARIZATION),
        (None, Some(family)) => Some(family),
        (None, None) => family_of(&table)?,
    }
    .map(str::to_owned);
    let read = match family.as_deref() {
        Some(JOINT) => JointLossConfig::deserialize(Value::from(table)).map(Document::Joint),
        Some(REGULARIZATION) => {
            table.remove("family");
            RegularizerConfig::deserialize(Value::from(table)).map(Document::Penalty)
        }
        family => {
            if let Some(family) = family {
                table.insert("family", family);
            }
            LossConfig::deserialize(Value::from(table)).map(Document::Loss)
        }
    };
    read.map_err(|error| error.to_string())
}

/// The family of a table that does not name one: if only one family has the kind, it is that one.
fn family_of(table: &Table) -> Result<Option<&'static str>, String> {
    let Some(kind) = table.get("kind").and_then(Value::as_str) else {
        return if table.get("terms").is_some() { Ok(Some(JOINT)) } else { nested(table) };
    };
    let families: Vec<_> = catalog::all().iter().filter(|loss| has_kind(loss, kind)).collect();
    match families.as_slice() {
        [] => match catalog::near(None, kind).as_slice() {
            [] => Ok(None),
            near => Err(format!(
                "missing key `family`, and no family has the kind `{kind}`: did you mean {}?",
                quoted(near)
            )),
        },
        [loss] => Ok(Some(loss.family)),
        several => {
            let options: Vec<_> = several.iter().map(|loss| format!("--family {}", loss.family)).collect();
            Err(format!(
                "missing key `family`: several families have the kind `{kind}`, choose one by {}",
                quoted(&options)
            ))
        }
    }
}

/// An error where a table inside this one is a loss.
fn nested(table: &Table) -> Result<Option<&'static str>, String> {
    match path_of_loss(table) {
        Some(path) => Err(format!("no loss here, but the table `{path}` is one: use `--at {path}`")),
        None => Ok(None),
    }
}

/// The path of the first table in this one that is a loss.
fn path_of_loss(table: &Table) -> Option<String> {
    table.iter().filter_map(|(key, value)| Some((key, value.as_table()?))).find_map(|(key, inner)| {
        if has_tags(inner) { Some(key.to_owned()) } else { Some(format!("{key}.{}", path_of_loss(inner)?)) }
    })
}
