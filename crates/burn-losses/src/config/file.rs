//! Config files.

use super::format::{self, Format};
use crate::error::ConfigError;
use crate::field::{Value, take_error};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads a config, or a struct of yours with configs inside, from a file; its extension says the format.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T, ConfigError> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::File(format!("{}: {error}", path.display())))?;
    from_str(&text, format).map_err(|error| match error {
        ConfigError::At { line, source, .. } => ConfigError::At { path: path.to_owned(), line, source },
        other => ConfigError::At { path: path.to_owned(), line: None, source: Box::new(other) },
    })
}

/// Reads a config, or a struct of yours with configs inside, from a text.
///
/// The key `$schema` of a JSON file is for editors: it is left out where `T` has no such key.
pub fn from_str<T: DeserializeOwned>(text: &str, format: Format) -> Result<T, ConfigError> {
    // Some editors begin a file with a byte order mark, which says nothing of UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = format::parse(text, format)?;
    take_error();
    let mut result = T::deserialize(value.clone());
    if let (Err(_), Some(value)) = (&result, without_schema(value, format)) {
        take_error();
        result = T::deserialize(value);
    }
    result.map_err(|error| in_text(text, &error.to_string()))
}

/// A JSON text without its key `$schema`, if it has one: the key is for the editor.
fn without_schema(value: Value, format: Format) -> Option<Value> {
    let Value::Table(mut table) = value else { return None };
    let is_named = format == Format::Json && table.remove("$schema")?.as_str().is_some();
    is_named.then_some(Value::Table(table))
}

/// The error in a text, with its line if that is certain.
fn in_text(text: &str, message: &str) -> ConfigError {
    let error = take_error().unwrap_or_else(|| ConfigError::Syntax(message.to_owned()));
    ConfigError::At { path: PathBuf::new(), line: line_of(text, &error), source: Box::new(error) }
}

/// Writes a config as text.
pub fn to_string<T: Serialize>(config: &T, format: Format) -> Result<String, ConfigError> {
    format::write(config, format)
}

/// Writes a config to a file; its extension says the format.
pub fn save<T: Serialize>(config: &T, path: impl AsRef<Path>) -> Result<(), ConfigError> {
    let path = path.as_ref();
    let text = to_string(config, Format::from_path(path)?)?;
    write_file(path, text).map_err(|error| ConfigError::File(format!("{}: {error}", path.display())))
}

/// Writes a file whole or not at all.
///
/// The bytes go into a new file beside it, which gets the name only when all of them are on the disk. After an error, or after the end
/// of the process at any moment, the file is what it was before. The file behind a link is replaced, not the link. What is no
/// file, such as `/dev/stdout`, is written directly.
///
/// # Errors
/// If the file cannot be written, or if it may only be read.
pub fn write_file(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let path = fs::canonicalize(&path).unwrap_or_else(|_| path.as_ref().to_owned());
    let before = fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return fs::write(&path, bytes);
    }
    let permissions = before.map(|before| before.permissions());
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let part = path.with_file_name(format!(".{}-{count}.part", std::process::id()));
    let write = || {
        let mut file = File::create(&part)?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        file.write_all(bytes.as_ref())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&part, &path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// The line of the key that an error is about, if only one line has that key.
fn line_of(text: &str, error: &ConfigError) -> Option<usize> {
    let key = match error {
        ConfigError::InvalidValue { field, .. }
        | ConfigError::WrongType { field, .. }
        | ConfigError::UnknownField { field, .. } => field.split(['.', '[']).next().unwrap_or(field),
        ConfigError::UnknownKind { given, .. } => given,
        // A struct of the caller names the key that it does not have.
        ConfigError::Syntax(message) => message.strip_prefix("unknown field `")?.split('`').next()?,
        _ => return None,
    };
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let has_key = |line: &str| {
        line.match_indices(key)
            .any(|(at, _)| !line[..at].ends_with(is_word) && !line[at + key.len()..].starts_with(is_word))
    };
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| has_key(line));
    match (lines.next(), lines.next()) {
        (Some((number, _)), None) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_file(&path, "1").unwrap();
        write_file(&path, "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        // A file that may only be read stays as it is, and a folder is no file.
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(write_file(&path, "3").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(write_file(folder.path(), "3").is_err());
        assert!(write_file(folder.path().join("none").join("a.json"), "3").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        // Nothing else is left in the folder.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_permissions_and_its_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.json"), folder.path().join("b.json"));
        write_file(&file, "1").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_file(&link, "2").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "2");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.json");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let error = save(&Value::from(1.0), &path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: No space left on device", path.display())), "{error}");
    }

    #[test]
    fn a_line_is_named_only_when_it_is_certain() {
        let error = |field: &str| ConfigError::UnknownField {
            loss: "focal",
            field: field.into(),
            allowed: vec![],
            suggestion: None,
        };
        let text = "kind = 'focal'\ngamma_2 = 1\ngamma = 2\nx = 1\n[b]\nx = 1\n";
        assert_eq!(line_of(text, &error("gamma")), Some(3));
        assert_eq!(line_of(text, &error("x")), None);
        assert_eq!(line_of(text, &error("absent")), None);
    }
}
