//! Checks what the documentation shows of each config, in the pages that rustdoc has written.

use crate::cargo::metadata;
use std::fs;
use std::path::Path;

/// One of these texts stands beside every field of a config.
const SAID: [&str; 3] = ["Default: ", "No default: ", "In a config file its fields stand beside the others."];

/// Fails if a field of a config shows no default, no range or no key.
pub(crate) fn check() -> Result<(), String> {
    let target = metadata()?.target_directory;
    let (mut configs, mut wrong) = (0, Vec::new());
    let library = target.join("doc/burn_losses");
    for family in files(&library)?.into_iter().filter(|path| path.is_dir()) {
        for page in files(&family)? {
            let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_config = name.starts_with("struct.") && name.ends_with("Config.html");
            if is_config {
                let text = fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
                wrong.extend(silent_fields(&text).into_iter().map(|field| format!("{name}: `{field}`")));
                configs += 1;
            }
        }
    }
    match (configs, wrong.is_empty()) {
        (0, _) => Err(format!("{}: no config has a page", library.display())),
        (_, true) => Ok(()),
        (_, false) => Err(format!("fields without default, range or key:\n{}", wrong.join("\n"))),
    }
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
}

/// The public fields on the page of a struct that do not show a default, allowed values and a key.
fn silent_fields(page: &str) -> Vec<&str> {
    let fields = page.split("id=\"structfield.").skip(1).filter_map(|rest| rest.split_once('"'));
    let is_silent = |(name, text): &(&str, &str)| {
        let key = format!("In a config file: <code>{name}</code>");
        let is_flat = text.contains(SAID[2]);
        let is_said =
            SAID[..2].iter().any(|words| text.contains(words)) && text.contains("Allowed: ") && text.contains(&key);
        !is_flat && !is_said
    };
    fields.filter(is_silent).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::silent_fields;

    #[test]
    fn a_field_says_its_default_its_range_and_its_key() {
        let field = |name: &str, text: &str| format!("<span id=\"structfield.{name}\"></span><div>{text}</div>");
        let full = field("delta", "Default: <code>1.0</code>. Allowed: &gt; 0. In a config file: <code>delta</code>.");
        assert!(silent_fields(&full).is_empty());
        let flat = field("options", "In a config file its fields stand beside the others.");
        assert!(silent_fields(&flat).is_empty());
        let without_range = field("delta", "Default: <code>1.0</code>. In a config file: <code>delta</code>.");
        assert_eq!(silent_fields(&without_range), ["delta"]);
        let other_key = field("delta", "No default. Allowed: any. In a config file: <code>beta</code>.");
        assert_eq!(silent_fields(&(full + &other_key + &field("gamma", ""))), ["delta", "gamma"]);
    }
}
