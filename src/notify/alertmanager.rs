//! Alertmanager's API v2 (github.com/prometheus/alertmanager, api/v2/openapi.yaml): all that stands is posted in every run, with
//! an end well after the next one, so that it neither flaps between two runs nor stays when the job is gone.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::digest::{Digest, Fact, Notice, Subject};
use super::message::{Message, Post};
use super::words;
use crate::model::alert::{Severity, Told};
use crate::secret::ReceiverAddress;

/// A job that runs daily may miss one run.
const STANDS_FOR: Duration = Duration::hours(50);

pub(super) fn message(digest: &Digest, url: &ReceiverAddress) -> Message {
    let alerts: Vec<Value> = digest.notices.iter().flat_map(|notice| of(notice, digest.at)).collect();
    let url = ReceiverAddress::new(format!("{}/api/v2/alerts", url.expose().trim_end_matches('/')));
    Message::Post(Post::json(url, Value::from(alerts).to_string()))
}

fn of(notice: &Notice, at: OffsetDateTime) -> Vec<Value> {
    let Notice { subject, facts, ended: ended_before, unseen, .. } = notice;
    let firing = facts.iter().map(|fact| firing(subject, fact, at));
    let still = |(severity, told): (Severity, &Told)| {
        json!({
            "labels": labels(subject, severity, &told.code), "startsAt": time(told.since), "endsAt": time(at + STANDS_FOR),
            "annotations": { "summary": format!("{}: {}, not looked at in the last run", words::name(subject), told.code) },
        })
    };
    let ended = |(severity, told): (Severity, &Told)| {
        json!({
            "labels": labels(subject, severity, &told.code), "startsAt": time(told.since), "endsAt": time(at),
        })
    };
    firing.chain(held(unseen).map(still)).chain(held(ended_before).map(ended)).collect()
}

/// How urgent something was told, where that is known.
fn held(all: &[Told]) -> impl Iterator<Item = (Severity, &Told)> {
    all.iter().filter_map(|told| Some((told.severity()?, told)))
}

fn firing(subject: &Subject, fact: &Fact, at: OffsetDateTime) -> Value {
    let condition = &fact.condition;
    json!({
        "labels": labels(subject, condition.severity, condition.code),
        "annotations": {
            "summary": format!("{}: {}", words::name(subject), condition.what), "description": condition.fix,
            "days_left": subject.days_left.map(|days| days.to_string()).unwrap_or_default(),
            "purpose": subject.purpose.clone().unwrap_or_default(), "owner": subject.owner.clone().unwrap_or_default(),
        },
        "startsAt": time(fact.since), "endsAt": time(at + STANDS_FOR),
    })
}

/// They name an alert, so nothing that changes between two runs stands in them.
fn labels(subject: &Subject, severity: Severity, code: &str) -> Value {
    json!({
        "alertname": "RefreshToken", "job": "rotator", "severity": severity.as_str(), "code": code,
        (if subject.is_app { "app" } else { "token" }): subject.name, "place": subject.place,
    })
}

fn time(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
