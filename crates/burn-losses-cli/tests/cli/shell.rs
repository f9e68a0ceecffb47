//! `completions`, `man`, help and colors.

use crate::Folder;

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = Folder::new().run("--help").text();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(["list", "gallery", "man"].iter().all(|name| names.iter().any(|listed| listed == name)), "{help}");
    names
}

#[test]
fn every_help_has_examples_that_are_commands() {
    let (folder, commands) = (Folder::new(), commands());
    let names = || commands.iter().map(String::as_str);
    for command in names().map(Some).chain([None]) {
        let help = folder.run(&format!("{} --help", command.unwrap_or_default())).text();
        let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  burn-losses ")).collect();
        assert!(help.contains("Examples:\n") && examples.len() >= 2, "{help}");
        for example in examples {
            let words: Vec<_> = example.split_whitespace().collect();
            assert!(names().any(|name| name == words[1]), "{example}");
            assert!(command.is_none_or(|command| words.contains(&command)), "{example}");
        }
    }
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Folder::new().run(&format!("completions {shell}")).text();
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
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
    for command in commands() {
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

/// What cannot be printed is an error, and a text that nobody reads to its end is none.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_and_a_closed_pipe() {
    let folder = Folder::new().file("a.toml", "family = 'regression'\nkind = 'huber'\n");
    for arguments in ["list", "explain huber", "init huber", "schema", "man", "completions bash", "check a.toml"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let answer = crate::Answer::from(folder.command(arguments).stdout(full).output().unwrap());
        assert_eq!(
            answer,
            crate::answer(2, "", "error: stdout: No space left on device (os error 28)\n"),
            "{arguments}"
        );

        let mut command = folder.command(arguments);
        let command = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{arguments}");
    }
}

/// Every command that writes a file, the file, and its arguments.
#[cfg(unix)]
const WRITING: [(&str, &str); 6] = [
    ("out.yaml", "convert a.toml out.yaml"),
    ("out.svg", "plot huber --output out.svg"),
    ("out.html", "gallery huber --output out.html"),
    ("out/binary.schema.json", "schema --output-dir out"),
    ("out/burn-losses.1", "man --output-dir out"),
    ("out.safetensors", "eval --config a.toml --input in.safetensors --output out.safetensors"),
];

/// A folder with what these commands read.
#[cfg(unix)]
fn readable() -> Folder {
    let numbers = |name| crate::eval::f64s(name, &[200], &[1.0; 200]);
    Folder::new()
        .file("a.toml", "family = 'regression'\nkind = 'huber'\n")
        .tensors("in.safetensors", &[numbers("predictions"), numbers("targets")])
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    for (file, arguments) in WRITING {
        let folder = readable();
        let path = folder.0.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let answer = folder.run(arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""), "{arguments}");
        assert_eq!(answer.stderr, format!("error: {file}: No space left on device (os error 28)\n"), "{arguments}");
    }
}

/// After an error the earlier file is there, whole, and nothing else.
#[cfg(unix)]
#[test]
fn a_file_is_written_whole_or_not_at_all() {
    for (file, arguments) in WRITING.into_iter().filter(|(file, _)| !file.ends_with(".yaml")) {
        let folder = readable().file(file, "earlier");
        let before = std::fs::read_dir(folder.0.path()).unwrap().count();
        // A process whose files end after a block.
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_burn-losses")]);
        command.args(arguments.split_whitespace()).current_dir(folder.0.path());
        let answer = crate::Answer::from(command.output().unwrap());
        assert!(answer.code == Some(2) && answer.stderr.starts_with("error: out"), "{arguments}: {}", answer.stderr);
        assert_eq!(folder.read(file), b"earlier", "{arguments}");
        assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), before, "{arguments}");
    }
}
