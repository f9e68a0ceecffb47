//! The table of all losses in the README is that of the registry.

use burn_losses::config::{Table, Value};
use crate::repository::repository;
use burn_losses::{LossInfo, registry};
use std::fmt::Write;

/// Of a loss inside a loss the kind says enough.
fn in_short(value: &Value) -> Value {
    match (value.get("kind"), value) {
        (Some(kind), _) => kind.clone(),
        (None, Value::Table(table)) => Table::from_iter(table.iter().map(|(key, value)| (key, in_short(value)))).into(),
        (None, other) => other.clone(),
    }
}

fn table() -> String {
    let mut table = String::from("\n| family | kind | fields (default) | meaning |\n|---|---|---|---|\n");
    for LossInfo { family, kind, aliases, summary, fields } in registry() {
        let names = [&[kind], aliases].concat().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let fields: Vec<_> = fields
            .iter()
            .filter(|field| field.name != "reduction")
            .map(|field| {
                let Some(default) = &field.default else { return format!("`{}` (required)", field.name) };
                let default = in_short(default).to_string();
                let default = default.replace('"', "").replace("null", "none").replace(':', ": ").replace(',', ", ");
                format!("`{}` ({default})", field.name)
            })
            .collect();
        writeln!(table, "| {family} | {names} | {} | {} |", fields.join(", "), summary.replace('|', "\\|"))
            .expect("a string");
    }
    table
}

/// Run with `BURN_LOSSES_WRITE=1` to write it.
#[test]
fn generated_table_of_the_readme() {
    let Some(repository) = repository() else { return };
    let path = repository.join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (begin, end) = ("<!-- losses -->", "<!-- /losses -->");
    let (head, rest) = readme.split_once(begin).expect("the begin of the table");
    let (written, tail) = rest.split_once(end).expect("the end of the table");
    if std::env::var("BURN_LOSSES_WRITE").as_deref() == Ok("1") {
        std::fs::write(&path, format!("{head}{begin}{}{end}{tail}", table())).expect("a writable README");
    } else {
        assert_eq!(written, table(), "the table in README.md is old: run this test with BURN_LOSSES_WRITE=1");
    }
}
