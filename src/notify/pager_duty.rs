//! PagerDuty's Events API v2 (developer.pagerduty.com/docs/events-api-v2): one incident for each token or app, triggered while
//! something holds, resolved by every run in which nothing does.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::digest::{Digest, Fact, Notice, Subject};
use super::message::{Message, Post};
use super::words;
use crate::secret::{ClientSecret, ReceiverAddress};

const LONGEST_SUMMARY: usize = 1_024;
const LONGEST_KEY: usize = 255;

pub(super) fn messages(digest: &Digest, url: &Url, key: Option<&ClientSecret>) -> Vec<Message> {
    let routing_key = key.map(ClientSecret::expose).unwrap_or_default();
    let post = |event: Value| Message::Post(Post::json(ReceiverAddress::new(url.to_string()), event.to_string()));
    let firing = digest.notices.iter().filter(|notice| !notice.facts.is_empty());
    let triggers = firing.map(|notice| trigger(digest, notice, routing_key));
    triggers.chain(digest.healthy.iter().map(|subject| resolve(subject, routing_key))).map(post).collect()
}

fn trigger(digest: &Digest, notice: &Notice, routing_key: &str) -> Value {
    let subject = &notice.subject;
    let code = notice.facts.first().map(|fact| fact.condition.code);
    json!({
        "routing_key": routing_key, "event_action": "trigger", "dedup_key": words::cut(&subject.key, LONGEST_KEY),
        "client": "rotator",
        "payload": {
            "summary": words::cut(&words::headline(notice), LONGEST_SUMMARY),
            "source": subject.place, "severity": notice.severity().as_str(), "component": subject.name, "class": code,
            "timestamp": digest.at.format(&Rfc3339).unwrap_or_default(),
            "custom_details": {
                "facts": notice.facts.iter().map(detail).collect::<Vec<_>>(),
                "days_left": subject.days_left, "purpose": subject.purpose, "owner": subject.owner, "run_id": digest.run_id,
            },
        },
    })
}

fn detail(fact: &Fact) -> Value {
    let condition = &fact.condition;
    json!({
        "code": condition.code, "what": condition.what, "fix": condition.fix,
        "since": fact.since.format(&Rfc3339).unwrap_or_default(),
    })
}

fn resolve(subject: &Subject, routing_key: &str) -> Value {
    json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": words::cut(&subject.key, LONGEST_KEY) })
}
