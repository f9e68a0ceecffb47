//! Words: choices among named behaviors.

use super::{Unreadable, Value};
use crate::error::{did_you_mean, nearest};

/// The words of an enum, each with its documentation.
pub(crate) struct Choice {
    #[cfg_attr(not(feature = "schema"), allow(dead_code))]
    pub(crate) doc: &'static str,
    pub(crate) words: &'static [(&'static str, &'static str)],
    /// Words that some users write, and what to write instead.
    pub(crate) instead: &'static [(&'static str, &'static str)],
}

impl Choice {
    /// Which word a value is.
    pub(crate) fn index_of(&self, value: &Value) -> Result<usize, Unreadable> {
        let word = match value {
            Value::Text(word) => word,
            Value::Null => "none",
            _ => return Err(Unreadable::Type),
        };
        let found = self.words.iter().position(|(other, _)| other == &word);
        found.ok_or_else(|| match value {
            Value::Null => Unreadable::Type,
            _ => Unreadable::Word { hint: self.hint(word) },
        })
    }

    fn hint(&self, word: &str) -> Option<String> {
        let instead = self.instead.iter().find(|(other, _)| *other == word);
        let near = || nearest(word, self.words.iter().map(|(word, _)| *word)).map(did_you_mean);
        instead.map(|(_, instead)| (*instead).to_owned()).or_else(near)
    }

    pub(crate) fn allowed(&self) -> String {
        crate::error::quoted(&self.words.iter().map(|(word, _)| *word).collect::<Vec<_>>())
    }

    pub(crate) fn samples(&self) -> Vec<Value> {
        self.words.iter().map(|(word, _)| Value::from(*word)).collect()
    }

    pub(crate) fn refused(&self) -> Vec<Value> {
        vec!["no such word".into(), 1.into()]
    }

    #[cfg(feature = "schema")]
    pub(crate) fn schema(&self) -> schemars::Schema {
        use serde_json::json;
        let word =
            |(word, doc): &(&str, &str)| json!({ "description": paragraphs(doc), "type": "string", "const": word });
        let mut words: Vec<_> = self.words.iter().map(word).collect();
        if self.words.iter().any(|(word, _)| *word == "none") {
            words.push(json!({ "description": "The same as `none`.", "type": "null" }));
        }
        schemars::json_schema!({ "description": paragraphs(self.doc), "oneOf": words })
    }
}

/// The documentation as plain text.
#[cfg(feature = "schema")]
fn paragraphs(doc: &str) -> String {
    doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}
