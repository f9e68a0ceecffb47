//! Runs the command as its users do.

mod check;
mod compare;
mod convert;
mod diagnose;
mod eval;
mod explain;
mod families;
mod find;
mod gallery;
mod hints;
mod init;
mod joint;
mod list;
mod plot;
mod questions;
mod schema;
mod shell;
mod tensors;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A temporary folder, in which a test writes files and runs the command.
struct Folder(TempDir);

/// The output of the command, and its exit code.
#[derive(Debug, PartialEq)]
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn answer(code: i32, stdout: &str, stderr: &str) -> Answer {
    Answer { code: Some(code), stdout: stdout.into(), stderr: stderr.into() }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Answer {
    /// What the command prints on stdout, if it succeeds.
    fn text(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// What the command prints, read as JSON.
    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

/// A tensor to write: name, type, shape and bytes.
type Named<'a> = (&'a str, Dtype, Vec<usize>, Vec<u8>);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn tensors(self, name: &str, tensors: &[Named]) -> Self {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
            (*name, view)
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        self.file(name, bytes)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// The command with these arguments, separated by spaces, in a pipe.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_burn-losses"));
        command.current_dir(self.0.path()).args(arguments.split_whitespace()).env_remove("COLUMNS");
        command
    }

    fn run(&self, arguments: &str) -> Answer {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the command with some bytes on stdin.
    fn run_with(&self, arguments: &str, stdin: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        child.wait_with_output().unwrap().into()
    }
}
