//! Questions to a person at a terminal.

use std::io::{self, IsTerminal as _};

use crate::command::{Usage, stdout};

/// Asks whether to go on; a script must say `--yes`.
pub(super) async fn confirmed(question: &str) -> Result<bool, Usage> {
    if !io::stdin().is_terminal() {
        return Err(Usage(format!("{question}\n    fix: nothing was changed; add --yes to do it without being asked")));
    }
    stdout::ask(&format!("{question} [y/N] "));
    let answer = line().await.unwrap_or_default();
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The next line of stdin, if there is one. It is read by a thread of its own, since nothing ends such a read: whoever stops
/// waiting for it is not kept by it.
pub(super) async fn line() -> Option<String> {
    let (sender, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = io::stdin().read_line(&mut text);
        let _ = sender.send(read.is_ok_and(|length| length > 0).then_some(text));
    });
    line.await.ok().flatten()
}
