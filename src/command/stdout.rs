//! The streams: data goes to stdout, everything else to stderr.

use std::io::{IsTerminal as _, Write as _};

use crate::config::refer;
use crate::report::Style;

/// Writes data. A reader that went away is not an error: there is nobody left to tell.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes what must arrive.
pub(super) fn deliver(text: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush())
}

/// Writes for a person who made a mistake.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Colours on a terminal, unless NO_COLOR is set (no-color.org).
pub(super) fn style() -> Style {
    let wanted = refer::env("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { colour: wanted && std::io::stdout().is_terminal() }
}

/// Asks a question, which the answer is to stand behind.
pub(super) fn ask(question: &str) {
    let mut error = std::io::stderr().lock();
    let _ = error.write_all(question.as_bytes()).and_then(|()| error.flush());
}
