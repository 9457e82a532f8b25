//! The sentences that receivers for people have in common.

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::macros::format_description;

use super::digest::{Digest, Fact, Notice, Subject};
use crate::model::alert::Severity;

/// `rotator: 1 critical, 2 warnings`
#[must_use]
pub fn title(digest: &Digest) -> String {
    let count =
        |severity| digest.notices.iter().filter(|notice| !notice.is_over() && notice.severity() == severity).count();
    let over = digest.notices.iter().filter(|notice| notice.is_over()).count();
    let some = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let parts = [
        some(count(Severity::Critical), "critical", "critical"),
        some(count(Severity::Warning), "warning", "warnings"),
        some(count(Severity::Info), "note", "notes"),
        some(over, "fine again", "fine again"),
    ];
    format!("rotator: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// `contoso-partner`, or `app partner`.
#[must_use]
pub fn name(subject: &Subject) -> String {
    if subject.is_app { format!("app {}", subject.name) } else { subject.name.clone() }
}

/// `contoso-partner: fine again`
#[must_use]
pub fn over(notice: &Notice) -> String {
    let end = match notice.besides {
        None => "fine again",
        Some(Severity::Info) => "fine again, with a note",
        Some(_) => "nothing critical any more, though warnings are left: rotator status",
    };
    format!("{}: {end}", name(&notice.subject))
}

/// `contoso-partner: entra.revoked is over, this is left`
#[must_use]
pub fn eased(notice: &Notice) -> String {
    let codes = notice.news_of_ends();
    let verb = if codes.len() == 1 { "is" } else { "are" };
    format!("{}: {} {verb} over, this is left", name(&notice.subject), codes.join(", "))
}

/// What holds, in one line.
#[must_use]
pub fn headline(notice: &Notice) -> String {
    match notice.facts.as_slice() {
        [] => over(notice),
        [only] => format!("{}: {}", name(&notice.subject), only.condition.what),
        [worst, rest @ ..] => format!("{}: {} (and {} more)", name(&notice.subject), worst.condition.what, rest.len()),
    }
}

/// What a person wants to know besides: what stands unseen, days left, what breaks, who is asked, where it lies.
#[must_use]
pub fn circumstances(notice: &Notice) -> Vec<(&'static str, String)> {
    let Notice { subject, unseen, .. } = notice;
    let unseen: Vec<&str> = unseen.iter().map(|told| told.code.as_str()).collect();
    let left = subject.days_left.map(|days| days.to_string());
    [
        ("Not looked at, and stands", (!unseen.is_empty()).then(|| unseen.join(", "))),
        ("Days left", left),
        ("Breaks", subject.purpose.clone()),
        ("Owner", subject.owner.clone()),
        ("Lies in", (!subject.is_app).then(|| subject.place.clone())),
        ("Client id", subject.is_app.then(|| subject.place.clone())),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value?)))
    .collect()
}

/// `since 24 November 2026`
#[must_use]
pub fn since(at: OffsetDateTime) -> String {
    let form = format_description!("[day padding:none] [month repr:long] [year]");
    format!("since {}", at.format(form).unwrap_or_default())
}

/// One notice as plain text.
#[must_use]
pub fn text(notice: &Notice) -> String {
    let mut text = String::new();
    if notice.is_over() {
        let _ = writeln!(text, "{}", over(notice));
        return text;
    }
    if !notice.news_of_ends().is_empty() {
        let _ = writeln!(text, "{}", eased(notice));
    }
    for Fact { condition, since: at, .. } in &notice.facts {
        let severity = condition.severity.as_str().to_uppercase();
        let _ = writeln!(text, "{severity} {}: {}", name(&notice.subject), condition.what);
        let _ = writeln!(text, "  {}, {}", condition.code, since(*at));
        let _ = writeln!(text, "  → {}", condition.fix);
    }
    for (label, value) in circumstances(notice) {
        let _ = writeln!(text, "  {label}: {value}");
    }
    text
}

/// Not longer than `most` characters, with a mark where something was cut.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// How many are left out, where not all fit.
#[must_use]
pub fn more(count: usize) -> String {
    format!("and {count} more, told by the next run; now: rotator status")
}
