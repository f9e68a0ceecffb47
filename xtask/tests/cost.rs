//! `cargo xtask cost`, with a crate of a few lines in the place of burn-losses.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn a_crate_is_measured_in_both_profiles() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cost");
    let _ = fs::remove_dir_all(&folder);
    let library = folder.join("crates/burn-losses");
    fs::create_dir_all(library.join("src")).unwrap();
    let manifest = "[package]\nname = \"burn-losses\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                    [features]\nflex = []\nndarray = []\ntoml = []\nyaml = []\n\n[workspace]\n";
    fs::write(library.join("Cargo.toml"), manifest).unwrap();
    fs::write(library.join("src/lib.rs"), "pub fn answer() -> u32 { 42 }\n").unwrap();

    let json = folder.join("cost.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["cost", "--sets", "none,flex+ndarray", "--library"]).arg(&library).arg("--json").arg(&json);
    let output = command.env("CARGO_TARGET_DIR", folder.join("target")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("| burn-losses with | release, CPU | release, size | dev, CPU | dev, size |"), "{said}");

    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let figures = report["figures"].as_array().unwrap();
    let named: Vec<_> = figures.iter().map(|figure| [&figure["what"], &figure["profile"]]).collect();
    let expected = [["none", "release"], ["flex+ndarray", "release"], ["none", "dev"], ["flex+ndarray", "dev"]];
    assert_eq!(named, expected);
    for figure in figures {
        let (seconds, bytes) = (figure["cpu_seconds"].as_f64().unwrap(), figure["bytes"].as_u64().unwrap());
        assert!(seconds > 0.0 && seconds < 60.0, "{figure}");
        assert!(bytes > 500, "{figure}");
    }
}
