//! PyTorch, which runs beside: `reference/bench_torch.py`.

use crate::cases::Case;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Names the Python that has PyTorch; without it, PyTorch is left out.
const PYTHON: &str = "BURN_LOSSES_PYTHON";

pub(crate) struct Torch {
    _process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Milliseconds of a forward and a backward pass.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
pub(crate) struct OfTorch {
    pub(crate) eager_ms: Option<f64>,
    pub(crate) compiled_ms: Option<f64>,
    pub(crate) eager_peak_bytes: Option<f64>,
}

impl OfTorch {
    /// Of all rounds; what is compiled was measured in the last one.
    pub(crate) fn median(mut rounds: Vec<Self>) -> Option<Self> {
        let last = rounds.last()?.clone();
        rounds.sort_by(|a, b| a.eager_ms.partial_cmp(&b.eager_ms).expect("no NaN"));
        Some(Self { eager_ms: rounds[rounds.len() / 2].eager_ms, ..last })
    }
}

impl Torch {
    pub(crate) fn start() -> Option<Self> {
        let Some(python) = std::env::var_os(PYTHON) else {
            eprintln!("{PYTHON} names no Python: PyTorch is left out");
            return None;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/bench_torch.py");
        let threads = rayon::current_num_threads().to_string();
        let arguments = [script, "--threads", &threads];
        let listed = Command::new(&python).args(arguments).arg("--list").stdout(Stdio::null()).status();
        if !listed.is_ok_and(|status| status.success()) {
            eprintln!("{}: no Python with PyTorch; it is left out", python.display());
            return None;
        }
        let process = Command::new(python).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("{PYTHON} does not start: {error}"));
        let requests = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut torch = Self { _process: process, requests, answers };
        // Its first answer: what is measured from here on does not run beside its start.
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
