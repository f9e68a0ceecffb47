//! `completions`, `man`, help and colors.

use crate::Folder;

const COMMANDS: [&str; 13] = [
    "list",
    "find",
    "explain",
    "init",
    "convert",
    "check",
    "schema",
    "eval",
    "compare",
    "diagnose",
    "plot",
    "completions",
    "man",
];

#[test]
fn every_help_has_examples_that_are_commands() {
    let folder = Folder::new();
    for command in COMMANDS.map(Some).into_iter().chain([None]) {
        let help = folder.run(&format!("{} --help", command.unwrap_or_default())).text();
        let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  burn-losses ")).collect();
        assert!(help.contains("Examples:\n") && examples.len() >= 2, "{help}");
        for example in examples {
            let words: Vec<_> = example.split_whitespace().collect();
            assert!(COMMANDS.contains(&words[1]), "{example}");
            assert!(command.is_none_or(|command| words.contains(&command)), "{example}");
        }
    }
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Folder::new().run(&format!("completions {shell}")).text();
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(Folder::new().run("completions dos").code, Some(2));
}

#[test]
fn manual_pages() {
    let folder = Folder::new();
    let page = folder.run("man").text();
    assert!(page.contains(".TH burn-losses 1") && page.contains("EXIT") || page.contains("Exit codes"), "{page}");
    assert_eq!(folder.run("man --output-dir man").text(), "man\n");
    for command in COMMANDS {
        let page = String::from_utf8(folder.read(&format!("man/burn-losses-{command}.1"))).unwrap();
        assert!(page.contains(&format!("burn-losses-{command}")), "{page}");
    }
}

#[test]
fn colors_only_where_they_are_wanted() {
    let folder = Folder::new().file("a.toml", "family = 'regression'\nkind = 'huber'\n");
    let is_colored = |arguments: &str, no_color: bool| {
        let mut command = folder.command(arguments);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let output = command.output().unwrap();
        output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
    };
    for arguments in ["check a.toml", "list", "explain huber", "find outliers", "list zebra"] {
        // The output of a test does not go to a terminal.
        assert!(!is_colored(arguments, false), "{arguments}");
        assert!(is_colored(&format!("{arguments} --color always"), true), "{arguments}");
        assert!(!is_colored(&format!("{arguments} --color never"), false), "{arguments}");
    }
}

/// `script` of util-linux runs the command in a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_colors_and_no_color_is_heard() {
    let folder = Folder::new();
    let run = |no_color: &str| {
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &format!("{} list focal", env!("CARGO_BIN_EXE_burn-losses")), "/dev/null"]);
        script.current_dir(folder.0.path()).env("NO_COLOR", no_color).env("TERM", "xterm").env_remove("COLUMNS");
        Some(script.stdin(std::process::Stdio::null()).output().ok()?.stdout)
    };
    let Some(colored) = run("") else {
        eprintln!("skipped: there is no command `script` here");
        return;
    };
    assert!(colored.contains(&0x1b), "{}", String::from_utf8_lossy(&colored));
    assert!(!run("1").unwrap().contains(&0x1b));
}
