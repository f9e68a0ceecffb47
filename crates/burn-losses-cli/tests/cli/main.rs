//! The command as its users run it.

mod check;
mod diagnose;
mod eval;
mod list;
mod plot;
mod schema;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::process::Command;
use tempfile::TempDir;

/// A folder of its own, in which a test puts files and runs the command.
struct Folder(TempDir);

/// What the command says and how it ends.
#[derive(Debug, PartialEq)]
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn answer(code: i32, stdout: &str, stderr: &str) -> Answer {
    Answer { code: Some(code), stdout: stdout.into(), stderr: stderr.into() }
}

/// Tensors to be written: name, type, shape and bytes.
type Named<'a> = (&'a str, Dtype, Vec<usize>, Vec<u8>);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.0.path().join(name), content).unwrap();
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

    fn run(&self, arguments: &str) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_burn-losses"))
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        Answer {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
