//! The limits of receivers, with more than anybody has: 500 tokens, long names, quotes, emoji, markup.

use rotator::model::alert::{Before, Condition, Severity};
use rotator::model::receiver::{Address, Email, MailSecurity, MailServer, ReceiverKind};
use rotator::notify::digest::{Digest, Notice, Subject, notice};
use rotator::notify::message::Message;
use rotator::notify::receiver::{Opened, messages};
use rotator::secret::{ClientSecret, ReceiverAddress};
use serde_json::Value;
use time::macros::datetime;
use url::Url;

const NASTY: &str =
    "\"quotes\" 'and' <b>markup</b> &amp; *stars* _lines_ `ticks` [links](x) \\ # 🔥👩‍💻 日本語 \u{202e}turned";

fn worst(nth: usize) -> Notice {
    let long = |length: usize| NASTY.chars().cycle().take(length).collect::<String>();
    let subject = Subject {
        key: format!("rotator/{}.vault.azure.net/{:0>127}", "v".repeat(24), nth),
        name: format!("{:n<120}-{nth}", ""),
        tokens: Vec::new(),
        is_app: false,
        place: format!("{:s<127} in {:v<24}.vault.azure.net", "", ""),
        version: "f".repeat(32),
        days_left: Some(-1),
        purpose: Some(long(2_000)),
        owner: Some(long(500)),
    };
    let conditions = (0..6).map(|nth| Condition {
        severity: if nth % 2 == 0 { Severity::Critical } else { Severity::Warning },
        code: "entra.client-secret.expired",
        what: long(2_000),
        fix: long(1_000),
    });
    notice(
        subject,
        conditions.collect(),
        &Before::Unknown,
        (|_: &rotator::model::alert::Told| true, true),
        datetime!(2026-11-24 05:17 UTC),
    )
    .unwrap()
}

fn digest(count: usize) -> Digest {
    let notices = (0..count).map(worst).collect();
    Digest { run_id: "r".repeat(36), at: datetime!(2026-11-24 05:17 UTC), notices, healthy: Vec::new() }
}

fn bodies(kind: &ReceiverKind, count: usize) -> Vec<String> {
    let opened = Opened {
        url: Some(ReceiverAddress::new("https://receiver.example/hook".into())),
        key: Some(ClientSecret::new("k".repeat(32))),
    };
    let text = |message| match message {
        Message::Post(post) => post.body,
        Message::Mail(mail) => format!("{}\n{}", mail.subject, mail.text),
        Message::Input { text, .. } => text,
    };
    messages(kind, &digest(count), opened).0.into_iter().map(text).collect()
}

fn plain() -> Address {
    Address::Plain(Url::parse("https://receiver.example/hook").unwrap())
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[test]
fn teams_takes_28_kilobytes() {
    for count in [1, 3, 500] {
        let bodies = bodies(&ReceiverKind::Teams { url: plain() }, count);
        assert_eq!(bodies.len(), 1);
        assert!(bodies[0].len() <= 28 * 1024, "{count}: {}", bodies[0].len());
        let card = &json(&bodies[0])["attachments"][0]["content"];
        assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
        let shown = card["body"].as_array().unwrap().iter().filter(|item| item["type"] == "Container").count();
        assert!(shown >= 1, "{count}");
        let last = card["body"].as_array().unwrap().last().unwrap().clone();
        if count > shown {
            assert_eq!(last["text"], format!("and {} more, told by the next run; now: rotator status", count - shown));
        }
    }
}

#[test]
fn slack_takes_50_blocks_of_3000_characters() {
    for count in [1, 48, 49, 500] {
        let message = json(&bodies(&ReceiverKind::Slack { url: plain() }, count)[0]);
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50, "{count}: {}", blocks.len());
        for block in blocks {
            let text = block["text"]["text"].as_str().unwrap();
            let most = if block["type"] == "header" { 150 } else { 3_000 };
            assert!((1..=most).contains(&text.chars().count()) && !text.contains("<b>"), "{text}");
        }
        assert_eq!(blocks.len() == 50, count > 48);
    }
}

#[test]
fn pager_duty_takes_512_kilobytes_and_short_summaries() {
    let key = rotator::model::credential::SecretSource::Env("KEY".into());
    let url = Url::parse("https://events.pagerduty.com/v2/enqueue").unwrap();
    let bodies = bodies(&ReceiverKind::PagerDuty { url, routing_key: key }, 500);
    let keys: std::collections::HashSet<String> = bodies
        .iter()
        .map(|body| {
            assert!(body.len() <= 512 * 1024);
            let event = json(body);
            let summary = event["payload"]["summary"].as_str().unwrap();
            assert!((1..=1_024).contains(&summary.chars().count()));
            assert!(["critical", "error", "warning", "info"].contains(&event["payload"]["severity"].as_str().unwrap()));
            let key = event["dedup_key"].as_str().unwrap().to_owned();
            assert!(key.len() <= 255 && event["routing_key"].as_str().unwrap().len() == 32);
            key
        })
        .collect();
    assert_eq!((bodies.len(), keys.len()), (500, 500));
}

#[test]
fn a_mail_has_one_line_for_a_subject() {
    let server = MailServer { host: "mail.example".into(), port: 465, security: MailSecurity::Tls };
    let email =
        Email { server, username: None, password: None, from: "a@b.example".into(), to: vec!["c@d.example".into()] };
    for count in [1, 500] {
        let text = &bodies(&ReceiverKind::Email(email.clone()), count)[0];
        let subject = text.lines().next().unwrap();
        assert!(subject.starts_with("rotator: ") && subject.chars().count() <= 200, "{subject}");
        assert_eq!(text.contains("and 400 more, told by the next run"), count == 500);
    }
}

#[test]
fn events_and_alerts_hold_everything() {
    let event = json(&bodies(&ReceiverKind::Webhook { url: plain(), signing_key: None }, 500)[0]);
    assert_eq!(event["data"]["alerts"].as_array().unwrap().len(), 500);
    let alerts = json(&bodies(&ReceiverKind::Alertmanager { url: plain() }, 500)[0]);
    assert_eq!(alerts.as_array().unwrap().len(), 3_000);
}
