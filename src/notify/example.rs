//! A digest that says that it is an example: for trying receivers, and for seeing what they would get.

use time::OffsetDateTime;

use super::digest::{self, Digest, Fact, Notice, Subject};
use crate::model::alert::{Before, Class, Condition, Severity, Standing, Told};

/// The end of what an example said, for receivers that keep state.
#[must_use]
pub fn end(example: Digest) -> Digest {
    let over = |mut notice: Notice| {
        let told = |Fact { condition, since, .. }: Fact| Told {
            class: Class::Holds(condition.severity),
            code: condition.code.to_owned(),
            since,
            to: Vec::new(),
        };
        notice.ended = std::mem::take(&mut notice.facts).into_iter().map(told).collect();
        notice
    };
    Digest { notices: example.notices.into_iter().map(over).collect(), ..example }
}

/// One notice of each severity, about tokens that do not exist.
#[must_use]
pub fn digest(run_id: &str, now: OffsetDateTime) -> Digest {
    let conditions = [
        (
            Severity::Critical,
            "entra.revoked",
            "the sign-in was revoked: sessions were revoked or an administrator reset the password",
        ),
        (Severity::Warning, "token.aging", "30 days left: it was not renewed when it was due"),
        (Severity::Info, "token.recovered", "the newest value was damaged, and the version before took its place"),
    ];
    let notices = conditions.into_iter().filter_map(|(severity, code, what)| notice(run_id, severity, code, what, now));
    Digest { run_id: run_id.to_owned(), at: now, notices: notices.collect(), healthy: Vec::new() }
}

fn notice(run_id: &str, severity: Severity, code: &'static str, what: &str, now: OffsetDateTime) -> Option<Notice> {
    let name = format!("test-{}", severity.as_str());
    let subject = Subject {
        key: format!("rotator/test/{}", severity.as_str()),
        tokens: vec![name.clone()],
        place: format!("{name} in test.example"),
        is_app: false,
        // Each test is told apart from the one before.
        version: run_id.to_owned(),
        days_left: Some(30),
        purpose: Some("nothing: this is a test".to_owned()),
        owner: None,
        name,
    };
    let condition = Condition {
        severity,
        code,
        what: format!("TEST, nothing happened: {what}"),
        fix: "nothing: this is a test".to_owned(),
    };
    digest::notice(subject, vec![condition], &Before::Known(Standing::default()), (|_: &Told| true, true), now)
}
