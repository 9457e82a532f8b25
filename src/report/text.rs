//! The report for a person: worst first, days left as a bar, and what to do next.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crate::model::health::{self, Health};
use crate::report::{Aside, Report, Row, Style};

const BAR: usize = 20;
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const GREEN: &str = "\u{1b}[32m";
const RESET: &str = "\u{1b}[0m";

pub(super) fn render(report: &Report, style: Style) -> String {
    let rows = by_urgency(report);
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in &rows {
        token(&mut text, row, width, style);
    }
    for app in &report.apps {
        if let Some((remark, fix)) = app.remark() {
            let _ = writeln!(text, "app {}: {remark}\n  → {fix}", app.name);
        }
    }
    for not_told in &report.not_told {
        let _ = writeln!(text, "{not_told}");
    }
    if !rows.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

/// The tokens, the most urgent first.
pub(super) fn by_urgency(report: &Report) -> Vec<&Row> {
    let mut rows: Vec<&Row> = report.tokens.iter().collect();
    rows.sort_by_key(|row| (Reverse(urgency(row)), row.days_left, row.name.clone()));
    rows
}

/// 3 a person must act, 2 try again later, 1 worth a look, 0 fine.
pub(super) fn urgency(row: &Row) -> u8 {
    match row.aside.code {
        3 => 3,
        4 => 2,
        _ => u8::from(row.is_warning()),
    }
}

fn token(text: &mut String, row: &Row, width: usize, style: Style) {
    let colour = match urgency(row) {
        3 => RED,
        1 | 2 => YELLOW,
        _ => GREEN,
    };
    let (on, off) = if style.colour { (colour, RESET) } else { ("", "") };
    let outcome = row.outcome.as_str();
    let left = left(row);
    let health = if row.health == Health::Unknown || row.is_dead() { "" } else { row.health.as_str() };
    let line = format!("{:width$}  {on}{outcome:<10}{off}  {}  {left:>9}  {health}", row.name, bar(row));
    let _ = writeln!(text, "{}", line.trim_end());
    for detail in details(row) {
        let _ = writeln!(text, "  {detail}");
    }
}

/// Days left against the token's life: `█` for what is left, a mark where a person is told.
fn bar(row: &Row) -> String {
    let policy = &row.aside.policy;
    if row.is_dead() {
        return format!("{:^BAR$}", "not accepted");
    }
    let Some(days_left) = row.days_left else { return "?".repeat(BAR) };
    let life = policy.expire_after.as_secs() / 86_400;
    let cells = |days: u64| usize::try_from(days * BAR as u64 / life.max(1)).unwrap_or(BAR).min(BAR);
    let filled = cells(u64::try_from(days_left).unwrap_or_default());
    let warn = cells(policy.warn_before.as_secs() / 86_400);
    (0..BAR)
        .map(|cell| {
            if cell < filled {
                '█'
            } else if cell == warn {
                '┊'
            } else {
                '░'
            }
        })
        .collect()
}

pub(super) fn left(row: &Row) -> String {
    match row.days_left {
        _ if row.is_dead() => "dead".to_owned(),
        None => "age ?".to_owned(),
        Some(days) => health::days(days),
    }
}

pub(super) fn details(row: &Row) -> Vec<String> {
    let Aside { notes, hold, owner, purpose, noted, .. } = &row.aside;
    let mut details = Vec::new();
    details.extend(hold.clone());
    if let Some((_, Some(hint))) = noted {
        details.push(format!("→ {hint}"));
    }
    if let Some(failure) = &row.failure {
        details.push(format!("{} at {}: {}", failure.kind, failure.stage.as_str(), failure.message));
        if let Some(purpose) = purpose {
            details.push(format!("breaks: {purpose}"));
        }
        details.push(format!("→ {}", failure.hint));
        if let Some(owner) = owner {
            details.push(format!("owner: {owner}"));
        }
        let ids = [("correlation id", &failure.correlation_id), ("trace id", &failure.trace_id)];
        let ids: Vec<String> =
            ids.iter().filter_map(|(what, id)| Some(format!("{what} {}", (*id).as_ref()?))).collect();
        if !ids.is_empty() {
            details.push(ids.join(", "));
        }
    } else if row.is_aging() {
        details.push(format!("→ rotate it now: rotator run --only {} --force", row.name));
    }
    if !row.retired.is_empty() {
        let count = row.retired.len();
        details.push(format!("disabled {count} old version{}", if count == 1 { "" } else { "s" }));
    }
    details.extend(notes.iter().map(|note| format!("note: {}", note.text())));
    details
}

pub(super) fn summary(report: &Report) -> String {
    let summary = &report.summary;
    let counts = [
        (summary.rotated, "rotated"),
        (summary.probed, "probed"),
        (summary.held, "held"),
        (summary.superseded, "superseded"),
        (summary.recovered, "recovered"),
        (summary.failed, "failed"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let verdict = match summary.exit_code {
        0 => "every token is safe",
        3 => "a person must act",
        _ => "try again later",
    };
    let took = (report.finished - report.started).whole_seconds();
    let tokens = if summary.total == 1 { "1 token".to_owned() } else { format!("{} tokens", summary.total) };
    format!(
        "{tokens}: {} in {took} s: {verdict} (exit {}, run {})",
        counts.join(", "),
        summary.exit_code,
        report.run_id
    )
}
