//! The report as one page for people: bars of days left against the thresholds, the worst first, and what to do. It needs nothing
//! else, runs nothing, and can be printed.

use askama::Template;
use time::format_description::well_known::Rfc3339;

use crate::report::{Report, Row, text};

const STYLE: &str = include_str!("page.css");

#[derive(Template)]
#[template(path = "report/page.html", config = "src/askama.toml")]
struct Page<'a> {
    report: &'a Report,
    rows: Vec<Bar<'a>>,
    apps: Vec<(&'a str, String, String)>,
    verdict: String,
    finished: String,
    style: &'static str,
}

/// One token, with what its bar shows in hundredths of its life.
struct Bar<'a> {
    row: &'a Row,
    class: &'static str,
    left: u64,
    warn: u64,
    critical: u64,
    days: String,
    details: Vec<String>,
}

pub(super) fn render(report: &Report) -> String {
    let apps = report.apps.iter().filter_map(|app| {
        let (remark, fix) = app.remark()?;
        Some((app.name.as_str(), remark, fix))
    });
    let page = Page {
        report,
        rows: text::by_urgency(report).into_iter().map(bar).collect(),
        apps: apps.collect(),
        verdict: text::summary(report),
        finished: report.finished.format(&Rfc3339).unwrap_or_default(),
        style: STYLE,
    };
    page.render().unwrap_or_default()
}

fn bar(row: &Row) -> Bar<'_> {
    let policy = &row.aside.policy;
    let life = policy.expire_after.as_secs().max(1);
    let share = |part: u64| (part * 100 / life).min(100);
    let left = row.days_left.and_then(|days| u64::try_from(days).ok()).unwrap_or_default() * 86_400;
    Bar {
        row,
        class: match text::urgency(row) {
            3 => "bad",
            1 | 2 => "warn",
            _ => "good",
        },
        left: if row.is_dead() { 0 } else { share(left) },
        warn: share(policy.warn_before.as_secs()),
        critical: share(policy.critical_before.as_secs()),
        days: text::left(row),
        details: text::details(row),
    }
}
