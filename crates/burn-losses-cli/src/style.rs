//! How text is printed: its colors, and the width of the terminal.

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use std::io::IsTerminal;
use std::sync::OnceLock;

/// When to use colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The choice of colors in this run.
static COLOR: OnceLock<Color> = OnceLock::new();

/// Sets when to use colors; only the first call has an effect.
pub(crate) fn choose(color: Color) {
    let _ = COLOR.set(color);
}

fn is_colored(stream: &impl IsTerminal) -> bool {
    match COLOR.get() {
        Some(Color::Always) => true,
        Some(Color::Never) => false,
        Some(Color::Auto) | None => {
            let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            stream.is_terminal() && !is_refused && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

fn paint(style: Style, text: &str, stream: &impl IsTerminal) -> String {
    if is_colored(stream) { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// A heading or a name on stdout.
pub(crate) fn bold(text: &str) -> String {
    paint(Style::new().bold(), text, &std::io::stdout())
}

/// A positive result, on stdout.
pub(crate) fn good(text: &str) -> String {
    paint(AnsiColor::Green.on_default().bold(), text, &std::io::stdout())
}

/// A negative result, on stdout.
pub(crate) fn bad(text: &str) -> String {
    paint(AnsiColor::Red.on_default().bold(), text, &std::io::stdout())
}

/// Text of less importance, on stdout.
pub(crate) fn faint(text: &str) -> String {
    paint(Style::new().dimmed(), text, &std::io::stdout())
}

/// Prints an error and a hint on stderr.
pub(crate) fn error(message: &str, hint: Option<String>) {
    let stderr = std::io::stderr();
    eprintln!("{} {message}", paint(AnsiColor::Red.on_default().bold(), "error:", &stderr));
    self::hint(hint);
}

/// Prints a hint on stderr.
pub(crate) fn hint(hint: Option<String>) {
    if let Some(hint) = hint {
        eprintln!("{} {hint}", paint(AnsiColor::Cyan.on_default().bold(), "hint:", &std::io::stderr()));
    }
}

/// The width of the terminal: from `COLUMNS`, or from the terminal on stdout. A pipe has no width.
pub(crate) fn width() -> Option<usize> {
    let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    given.or_else(|| comfy_table::Table::new().width().map(usize::from)).filter(|width| *width >= 20)
}

/// The width at which text is wrapped.
pub(crate) fn text_width() -> usize {
    width().unwrap_or(100)
}

/// A line, cut to at most `width` letters.
pub(crate) fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(2)).collect::<String>().trim_end().to_owned() + ".."
}

/// Wraps text at the terminal's width, and begins each line with `indent` spaces.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let space = text_width().saturating_sub(indent).max(20);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= space {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| format!("{:indent$}{line}", "")).collect::<Vec<_>>().join("\n")
}
