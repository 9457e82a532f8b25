//! A bar on stderr while many tokens are under way, for a person who watches.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Fewer than this are done before a bar would be read.
const MANY: usize = 5;

/// A bar for `total` tokens; it draws nothing where nobody watches or few are under way.
#[must_use]
pub fn bar(total: usize) -> ProgressBar {
    if total < MANY || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} tokens  {elapsed}  {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

/// A line on stderr that tells how long something is waited for; it draws nothing where nobody watches.
#[must_use]
pub fn waiting() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        line.set_style(style);
    }
    line
}
