//! The report as Markdown, for job summaries and tickets.

use std::fmt::Write as _;

use crate::report::{Report, Row};

pub(super) fn render(report: &Report) -> String {
    let mut text =
        String::from("| token | outcome | days left | health | MFA | what to do |\n|---|---|---:|---|---|---|\n");
    let mut rows: Vec<&Row> = report.tokens.iter().collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.aside.code), row.days_left, row.name.clone()));
    for row in rows {
        let days = row.days_left.map_or_else(|| "?".to_owned(), |days| days.to_string());
        let _ = writeln!(
            text,
            "| {} | {} | {days} | {} | {} | {} |",
            cell(&row.name),
            row.outcome.as_str(),
            row.health.as_str(),
            row.mfa.as_str(),
            cell(&todo(row))
        );
    }
    let remarks = report.apps.iter().filter_map(|app| Some((app, app.remark()?)));
    for (app, (remark, fix)) in remarks {
        let _ = writeln!(text, "\nApp {}: {remark} — `{fix}`", cell(&app.name));
    }
    let _ = writeln!(text, "\nExit code {} · run `{}`", report.summary.exit_code, report.run_id);
    text
}

fn todo(row: &Row) -> String {
    let notes: Vec<String> = row.aside.notes.iter().map(crate::model::outcome::Note::text).collect();
    match &row.failure {
        Some(failure) => format!("`{}`: {} — {}", failure.kind, failure.message, failure.hint),
        None => row.aside.hold.iter().cloned().chain(notes).collect::<Vec<_>>().join("; "),
    }
}

/// Keeps a text inside its cell.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(super::cell("a|b\nc<d>"), "a\\|b c&lt;d>");
    }
}
