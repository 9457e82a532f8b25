//! Webhooks: one CloudEvents 1.0 event in structured mode (cloudevents.io), signed after the Standard Webhooks specification
//! (standardwebhooks.com) where there is a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::digest::{Digest, Fact, Notice};
use super::message::{Message, Post};
use super::words;
use crate::model::alert::{Severity, Told};
use crate::secret::{ClientSecret, ReceiverAddress};

pub(super) fn message(digest: &Digest, url: ReceiverAddress, key: Option<&ClientSecret>) -> Message {
    let event = event(digest);
    let body = event.to_string();
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    let mut headers = vec![("Content-Type", "application/cloudevents+json; charset=utf-8".to_owned())];
    if let Some(key) = key {
        let at = digest.at.unix_timestamp();
        headers.push(("webhook-signature", format!("v1,{}", signature(key, &id, at, &body))));
        headers.push(("webhook-timestamp", at.to_string()));
        headers.push(("webhook-id", id));
    }
    Message::Post(Post { url, headers, body })
}

/// A key that begins with `whsec_` is base64 after that, as the specification's own libraries make them; others are taken as they are.
fn signature(key: &ClientSecret, id: &str, at: i64, body: &str) -> String {
    let key = key.expose();
    let bytes = key.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, bytes.as_deref().unwrap_or(key.as_bytes()));
    STANDARD.encode(hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes()))
}

/// The event.
pub(super) fn event(digest: &Digest) -> Value {
    json!({
        "specversion": "1.0",
        "id": digest.id(),
        "source": "/rotator",
        "type": "io.rotator.alert.v1",
        "subject": digest.notices.first().map(|notice| notice.subject.name.as_str()),
        "time": digest.at.format(&Rfc3339).unwrap_or_default(),
        "datacontenttype": "application/json",
        "data": {
            "run_id": digest.run_id,
            "title": words::title(digest),
            "alerts": digest.notices.iter().map(alert).collect::<Vec<_>>(),
        },
    })
}

fn alert(notice: &Notice) -> Value {
    let subject = &notice.subject;
    json!({
        "key": subject.key,
        "name": subject.name,
        "kind": if subject.is_app { "app" } else { "token" },
        "place": subject.place,
        "severity": notice.severity().as_str(),
        "status": if notice.is_over() { "resolved" } else { "firing" },
        "days_left": subject.days_left,
        "purpose": subject.purpose,
        "owner": subject.owner,
        "facts": notice.facts.iter().map(fact).collect::<Vec<_>>(),
        "unseen": notice.unseen.iter().map(unseen).collect::<Vec<_>>(),
        "ended": notice.ended.iter().map(|told| &told.code).collect::<Vec<_>>(),
    })
}

/// What stands, though this run did not come to look at it.
fn unseen(told: &Told) -> Value {
    let severity = told.severity().map(Severity::as_str);
    json!({ "severity": severity, "code": told.code, "since": told.since.format(&Rfc3339).unwrap_or_default() })
}

fn fact(fact: &Fact) -> Value {
    let condition = &fact.condition;
    json!({
        "id": fact.id, "severity": condition.severity.as_str(), "code": condition.code, "what": condition.what,
        "since": fact.since.format(&Rfc3339).unwrap_or_default(), "fix": condition.fix,
    })
}
