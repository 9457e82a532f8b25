//! The report for Nagios and what speaks its way (the Monitoring Plugins' guidelines): one line, then details, then performance data.

use std::fmt::Write as _;

use crate::model::health::{self, Health};
use crate::report::{Report, Row, told};

/// The text, and the exit code of the convention: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
#[must_use]
pub fn render(report: &Report) -> (String, u8) {
    let state = |row: &Row| match () {
        () if row.is_critical() => 2,
        // What may be safe or not comes after what is known to be bad, and before what is fine.
        () if row.aside.code == 4 || row.health == Health::Unknown && !row.aside.quiet => 3,
        () if row.is_warning() => 1,
        () => 0,
    };
    let apps = report.apps.iter().filter_map(|app| {
        let worst = match app.health {
            Health::Expiring | Health::Expired => 2,
            Health::Aging => 1,
            _ => return None,
        };
        Some((worst, format!("app {}: {}", app.name, app.remark()?.0)))
    });
    let tokens = report.tokens.iter().map(|row| (state(row), line(row)));
    let mut all: Vec<(u8, String)> = tokens.chain(apps).collect();
    all.sort_by_key(|(state, _)| rank(*state));
    let worst = all.first().map_or(0, |(state, _)| *state);
    let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::from(worst)];
    let bad: Vec<&String> = all.iter().filter(|(state, _)| *state != 0).map(|(_, line)| line).collect();
    let first = match bad.as_slice() {
        [] if report.tokens.len() == 1 => "1 token is safe".to_owned(),
        [] => format!("{} tokens are safe", report.tokens.len()),
        [only] => (*only).clone(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    };
    let mut text = format!("ROTATOR {word} - {} | {}\n", plain(&first), performance(report));
    for line in bad {
        let _ = writeln!(text, "{}", plain(line));
    }
    (text, worst)
}

/// The worst first.
const fn rank(state: u8) -> u8 {
    match state {
        2 => 0,
        3 => 1,
        1 => 2,
        _ => 3,
    }
}

fn line(row: &Row) -> String {
    let left = row.days_left.map_or_else(|| "age unknown".to_owned(), |days| format!("{} left", health::days(days)));
    match (&row.failure, &row.aside.noted) {
        (Some(failure), _) => format!("{}: {} ({left}): {}", row.name, failure.kind, failure.message),
        (None, Some((noted, _))) => format!("{}: {} ({left})", row.name, told::text(noted)),
        (None, None) => format!("{}: {left}", row.name),
    }
}

/// A bar would begin the performance data.
fn plain(text: &str) -> String {
    text.replace(['|', '\n'], "/")
}

/// Days left, with the thresholds below which somebody is told.
fn performance(report: &Report) -> String {
    let of = |row: &Row| {
        let policy = &row.aside.policy;
        let days = |time: std::time::Duration| time.as_secs() / 86_400;
        let (warn, critical) = (days(policy.warn_before), days(policy.critical_before));
        Some(format!("'{}'={};{warn}:;{critical}:;;{}", row.name, row.days_left?, days(policy.expire_after)))
    };
    report.tokens.iter().filter_map(of).collect::<Vec<_>>().join(" ")
}
