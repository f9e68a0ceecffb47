//! The library whose mutants are tested: its files, and a copy of its workspace.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::finder::find;
use crate::mutant::Mutant;
use crate::options::fits;

/// A library in a workspace.
#[derive(Debug)]
pub(crate) struct Project {
    /// The root of the workspace, a git repository.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// The name of the package.
    pub(crate) package: String,
    /// The folder of the package, from the root.
    pub(crate) folder: String,
    /// The features that the tests are built with.
    pub(crate) features: String,
    /// Tests that are not run.
    pub(crate) skipped: Vec<String>,
}

/// Folders of the sources in which every function is arithmetic. In the folder of a family, signatures say which are.
const ENGINE: [&str; 2] = ["engine", "formula"];

/// Folders beside those of the families that have arithmetic.
const BESIDE: [&str; 1] = ["reduction"];

/// Parts of paths that are left out unless they are asked for: tests, templates, and kernels of a GPU, for which there may be none.
const LEFT_OUT: [&str; 5] = ["cube", "cube.rs", "template.rs", "tests", "tests.rs"];

impl Project {
    /// This repository.
    pub(crate) fn own() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
        let mut command = cargo(&root);
        let output = output(command.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: serde_json::Value =
            serde_json::from_str(&output).map_err(|error| format!("cargo metadata: {error}"))?;
        let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target folder")?;
        Ok(Self {
            root,
            target: target.into(),
            package: "burn-losses".into(),
            folder: "crates/burn-losses".into(),
            // Those that the whole workspace has, so that Burn is not built again.
            features: "flex,ndarray,schema,train,wgpu,fusion".into(),
            // It compares the sizes of formulas with a table that the formulas write: it notices changes, and no errors.
            skipped: vec!["engine::cube::tests::programs_stay_small".into()],
        })
    }

    /// The folder of what this program writes.
    pub(crate) fn work(&self) -> PathBuf {
        self.target.join("mutants")
    }

    /// The folder of the copy.
    pub(crate) fn copy(&self) -> PathBuf {
        self.work().join("copy")
    }

    /// The path of a source, from the root.
    pub(crate) fn source(&self, file: &str) -> String {
        format!("{}/src/{file}", self.folder)
    }

    /// All mutants of the files that fit one of the patterns; without patterns, of those that have arithmetic.
    pub(crate) fn mutants(&self, patterns: &[String]) -> Result<Vec<Mutant>, String> {
        let sources = self.source("");
        let mut mutants = Vec::new();
        let files = self.files()?;
        let files: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix(&sources)).collect();
        for file in files.iter().filter(|file| file.ends_with(".rs")) {
            let folder = file.split('/').next().unwrap_or_default();
            let is_engine = ENGINE.contains(&folder);
            let is_wanted = if patterns.is_empty() {
                let is_family = files.contains(&format!("{folder}/signature.rs").as_str());
                let is_left_out = file.split('/').any(|part| LEFT_OUT.contains(&part));
                (is_engine || is_family || BESIDE.contains(&folder)) && !is_left_out
            } else {
                patterns.iter().any(|pattern| fits(pattern, file))
            };
            if is_wanted {
                mutants.extend(find(file, &read(&self.root.join(self.source(file)))?, is_engine)?);
            }
        }
        Ok(mutants)
    }

    /// The files of the repository, from the root.
    fn files(&self) -> Result<Vec<String>, String> {
        let mut command = Command::new("git");
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&self.root);
        let output = output(&mut command)?;
        let files: BTreeSet<&str> = output.split('\0').filter(|file| !file.is_empty()).collect();
        Ok(files.into_iter().filter(|file| self.root.join(file).is_file()).map(str::to_owned).collect())
    }

    /// Makes the copy equal to the workspace, except for the files that `changed` has the text of.
    ///
    /// Cargo looks at the times of files. What does not change keeps its time, and so does what is new in the copy.
    pub(crate) fn write_copy(&self, changed: &HashMap<String, String>) -> Result<(), String> {
        let copy = self.copy();
        fs::create_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        // Cargo reads the configs of all folders above, and would take the flags twice.
        let inherits = copy.canonicalize().is_ok_and(|copy| copy.starts_with(&self.root));
        let mut files: BTreeSet<String> = self.files()?.into_iter().collect();
        files.retain(|file| !(inherits && file.starts_with(".cargo/")));
        for file in &files {
            let (from, to) = (self.root.join(file), copy.join(file));
            let failed = |error: io::Error| format!("{}: {error}", to.display());
            let bytes = match changed.get(file) {
                Some(text) => text.clone().into_bytes(),
                None => fs::read(&from).map_err(failed)?,
            };
            write(&from, &to, &bytes).map_err(failed)?;
        }
        for (file, text) in changed.iter().filter(|(file, _)| !files.contains(*file)) {
            let to = copy.join(file);
            write(&to, &to, text.as_bytes()).map_err(|error| format!("{}: {error}", to.display()))?;
        }
        remove_others(&copy, &copy, &|file| files.contains(file) || changed.contains_key(file))
            .map_err(|error| format!("{}: {error}", copy.display()))
    }
}

/// Writes a file unless it has these bytes. A new file has the time of `from`.
fn write(from: &Path, to: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::read(to) {
        Ok(old) if old == bytes => return Ok(()),
        Ok(_) => return fs::write(to, bytes),
        Err(_) => {}
    }
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::write(to, bytes)?;
    let time = fs::metadata(from)?.modified()?;
    fs::File::options().write(true).open(to)?.set_modified(time)
}

/// Removes the files of a folder that do not stay.
fn remove_others(root: &Path, folder: &Path, stays: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(root, &path, stays)?;
            continue;
        }
        let parts = path.strip_prefix(root).unwrap_or(&path).components();
        let parts: Vec<_> = parts.map(|part: Component<'_>| part.as_os_str().to_string_lossy()).collect();
        if !stays(&parts.join("/")) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A call of cargo in a folder. What `cargo run` has set for this program is not passed on.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    for (name, _) in env::vars_os() {
        let is_set_by_cargo = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(|name| is_set_by_cargo(name) || name.starts_with("BURN_LOSSES_WRITE")) {
            command.env_remove(name);
        }
    }
    command
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| format!("{program} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
