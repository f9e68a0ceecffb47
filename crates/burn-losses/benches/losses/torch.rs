//! Runs PyTorch beside this process: `reference/bench_torch.py`.

use crate::cases::Case;
use crate::results::OfTorch;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The variable that names a Python with PyTorch; without it, PyTorch is left out.
const PYTHON: &str = "BURN_LOSSES_PYTHON";

/// PyTorch's process.
pub(crate) struct Torch {
    /// The version of PyTorch.
    pub(crate) version: Option<String>,
    _process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl OfTorch {
    /// The median of all rounds; the compiled version was measured in the last one.
    pub(crate) fn median(mut rounds: Vec<Self>) -> Option<Self> {
        let last = rounds.last()?.clone();
        rounds.sort_by(|a, b| a.eager_ms.partial_cmp(&b.eager_ms).expect("no NaN"));
        Some(Self { eager_ms: rounds[rounds.len() / 2].eager_ms, ..last })
    }
}

impl Torch {
    /// Starts PyTorch on a device, `cpu` or `cuda`.
    pub(crate) fn start(device: &str) -> Option<Self> {
        let Some(python) = std::env::var_os(PYTHON) else {
            eprintln!("{PYTHON} names no Python: PyTorch is left out");
            return None;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/bench_torch.py");
        let threads = rayon::current_num_threads().to_string();
        let arguments = [script, "--threads", &threads, "--device", device];
        let listed = Command::new(&python).args(arguments).arg("--list").stdout(Stdio::null()).status();
        if !listed.is_ok_and(|status| status.success()) {
            eprintln!("{}: no Python with PyTorch for the device {device}; it is left out", python.display());
            return None;
        }
        let version = version(&python);
        let process = Command::new(python).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("{PYTHON} does not start: {error}"));
        let requests = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut torch = Self { version, _process: process, requests, answers };
        // This waits for the first answer, so that later measurements do not run during PyTorch's start.
        torch.ask("", [0, 0], false);
        Some(torch)
    }

    pub(crate) fn measure(&mut self, case: &Case, compile: bool) -> Option<OfTorch> {
        let answer = self.ask(&case.name, case.rows_and_columns(), compile);
        answer.eager_ms.is_some().then_some(answer)
    }

    fn ask(&mut self, name: &str, [rows, columns]: [usize; 2], compile: bool) -> OfTorch {
        let request =
            serde_json::json!({ "name": name, "rows": rows, "columns": columns, "runs": 3, "compile": compile });
        writeln!(self.requests, "{request}").expect("PyTorch's side is there");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        serde_json::from_str(&answer).expect("an answer of PyTorch's side")
    }
}

/// The version of PyTorch, which Python reads without loading it.
fn version(python: &OsStr) -> Option<String> {
    let print = "from importlib.metadata import version; print(version('torch'))";
    let output = Command::new(python).args(["-c", print]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
