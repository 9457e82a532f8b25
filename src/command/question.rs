//! Questions to a person at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::command::{Usage, stdout};

/// Whether somebody is there to be asked; a script must say `--yes`. Looked at before anything is sent.
pub(super) fn attended() -> Result<(), Usage> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Usage("nobody is at the terminal to be asked\n    fix: add --yes to do it without being asked".to_owned()))
}

/// Asks whether to go on.
pub(super) async fn confirmed(question: &str) -> bool {
    stdout::ask(&format!("{question} [y/N] "));
    let answer = line().await.unwrap_or_default();
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// The next line of stdin, if there is one. It is read by a thread of its own, since nothing ends such a read: whoever stops
/// waiting for it is not kept by it.
pub(super) async fn line() -> Option<String> {
    let (sender, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_until(b'\n', &mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = sender.send(read.is_ok_and(|length| length > 0).then_some(text));
    });
    line.await.ok().flatten()
}
