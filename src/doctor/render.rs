//! The findings for a person: what is fine in one line each, what is not with its fix.

use std::fmt::Write as _;

use super::{Check, Findings, Status, Subject};
use crate::report::Style;

const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const GREEN: &str = "\u{1b}[32m";
const RESET: &str = "\u{1b}[0m";
/// So many that are fine are named one by one.
const NAMED: usize = 4;

/// The findings as text, ending in a line break.
#[must_use]
pub fn render(findings: &Findings, style: Style) -> String {
    let mut text = String::new();
    let mut rest = findings.checks.as_slice();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|check| check.check == first.check).count();
        let (group, after) = rest.split_at(same);
        section(&mut text, first.check, group, style);
        rest = after;
    }
    let _ = writeln!(text, "\n{}", verdict(findings));
    text
}

fn section(text: &mut String, subject: Subject, group: &[Check], style: Style) {
    let quiet = |check: &&Check| matches!(check.status, Status::Ok | Status::Skip);
    let fine: Vec<&Check> = group.iter().filter(quiet).collect();
    if fine.len() > NAMED {
        let what = format!("{} of {} are fine or were not looked at", fine.len(), group.len());
        line(text, subject, Status::Ok, &what, style);
    } else {
        for check in fine {
            line(text, subject, check.status, &format!("{}: {}", check.of, check.detail), style);
        }
    }
    for check in group.iter().filter(|check| !quiet(check)) {
        let slug = check.kind.as_deref().map(|kind| format!("{kind}: ")).unwrap_or_default();
        line(text, subject, check.status, &format!("{}: {slug}{}", check.of, check.detail), style);
        if let Some(hint) = &check.hint {
            let _ = writeln!(text, "      → {hint}");
        }
    }
}

fn line(text: &mut String, subject: Subject, status: Status, what: &str, style: Style) {
    let (colour, word) = match status {
        Status::Ok => (GREEN, "ok"),
        Status::Warn => (YELLOW, "warn"),
        Status::Fail => (RED, "fail"),
        Status::Skip => ("", "skip"),
    };
    let (on, off) = if style.colour && !colour.is_empty() { (colour, RESET) } else { ("", "") };
    let _ = writeln!(text, "{on}{word:<4}{off}  {:<16}  {what}", subject.as_str());
}

fn verdict(findings: &Findings) -> String {
    let count = |status| findings.checks.iter().filter(|check| check.status == status).count();
    let counts =
        format!("{} ok, {} to look at, {} broken", count(Status::Ok), count(Status::Warn), count(Status::Fail));
    match findings.first_failure.and_then(|first| findings.checks.get(first)) {
        Some(first) => {
            format!("{counts}; first broken: {} of {} (exit {})", first.check.as_str(), first.of, findings.exit_code)
        }
        None => format!("{counts}: the job can do its work (exit {})", findings.exit_code),
    }
}
