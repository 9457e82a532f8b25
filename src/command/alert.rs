//! `rotator alert`: whether the receivers take what they are sent, and what that is.

use std::fmt::Write as _;

use crate::cli::{Alert as What, AlertPreview, AlertTest};
use crate::clock::Clock;
use crate::command::alerts::Office;
use crate::command::{Usage, connect, stdout};
use crate::config::{Config, Source};
use crate::model::alert::Severity;
use crate::model::kind::Remedy;
use crate::model::receiver::Receiver;
use crate::notify::message::Message;
use crate::notify::missed::Missed;
use crate::notify::receiver::{self, Opened};
use crate::notify::tell::Told;
use crate::notify::{example, filter};
use crate::secret::{ClientSecret, ReceiverAddress};

pub(super) async fn alert(source: &Source, what: &What) -> Result<u8, Usage> {
    match what {
        What::Test(arguments) => test(source, arguments).await,
        What::Preview(arguments) => preview(source, arguments),
    }
}

async fn test(source: &Source, arguments: &AlertTest) -> Result<u8, Usage> {
    let config = source.load()?;
    let receivers = chosen(&config, arguments.receiver.as_deref())?;
    let connected = connect::open(&config, arguments.deadline)?;
    let office = Office::open(&config, &connected)?;
    let told = office.test(&receivers).await;
    let mut text = String::new();
    for told in &told {
        match &told.result {
            Ok(()) => {
                let _ = writeln!(text, "{}: taken ({} sent)", told.receiver, told.messages);
            }
            Err(Missed { cause, hint }) => {
                let slug = cause.kind.slug();
                let _ = writeln!(text, "{}: {slug}: {cause}\n  → {hint}", told.receiver);
            }
        }
    }
    stdout::print(&text);
    Ok(exit_code(&told))
}

/// 3 where a person must put something right, 4 where only what passes is in the way.
fn exit_code(told: &[Told]) -> u8 {
    let passes = told
        .iter()
        .filter_map(|told| told.result.as_ref().err())
        .map(|missed| missed.cause.kind.remedy() == Remedy::Retry);
    match passes.reduce(|one, other| one && other) {
        None => 0,
        Some(true) => 4,
        Some(false) => 3,
    }
}

fn preview(source: &Source, arguments: &AlertPreview) -> Result<u8, Usage> {
    let config = source.load()?;
    let digest = example::digest("00000000-0000-0000-0000-000000000000", Clock::system().now());
    let mut text = String::new();
    for receiver in chosen(&config, arguments.receiver.as_deref())? {
        let Some(digest) = filter::of(&receiver, &digest) else { continue };
        // Keys and addresses are left out.
        let opened = Opened {
            url: Some(ReceiverAddress::new("https://receiver.example/…".to_owned())),
            key: Some(ClientSecret::new("…".to_owned())),
        };
        let _ = writeln!(text, "== {} ({})", receiver.name, receiver.kind.as_str());
        for message in receiver::messages(&receiver.kind, &digest, opened).0 {
            shown(&mut text, &message);
        }
    }
    stdout::print(&text);
    Ok(0)
}

fn shown(text: &mut String, message: &Message) {
    let pretty = |body: &str| match serde_json::from_str::<serde_json::Value>(body) {
        Ok(json) => format!("{json:#}"),
        Err(_) => body.trim_end().to_owned(),
    };
    let _ = match message {
        Message::Post(post) => writeln!(text, "{}", pretty(&post.body)),
        Message::Mail(mail) => {
            writeln!(
                text,
                "From: {}\nTo: {}\nSubject: {}\n\n{}",
                mail.from,
                mail.to.join(", "),
                mail.subject,
                mail.text
            )
        }
        Message::Input { words, text: input } => writeln!(text, "$ {}\n{}", words.join(" "), pretty(input)),
    };
}

/// The receiver that was named, or all; each is shown everything.
fn chosen(config: &Config, name: Option<&str>) -> Result<Vec<Receiver>, Usage> {
    let known: Vec<&str> = config.receivers.iter().map(|receiver| receiver.name.as_str()).collect();
    if known.is_empty() {
        let fix = "add [[notify]] with type and url: rotator config example";
        return Err(Usage(format!("the configuration names no receiver\n    fix: {fix}")));
    }
    let wanted = |receiver: &&Receiver| name.is_none_or(|name| receiver.name == name);
    let chosen: Vec<Receiver> = config
        .receivers
        .iter()
        .filter(wanted)
        .map(|receiver| Receiver { min_severity: Severity::Info, tokens: Vec::new(), ..receiver.clone() })
        .collect();
    match (chosen.is_empty(), name) {
        (true, Some(name)) => {
            Err(Usage(format!("{name}: there is no such receiver\n    fix: known receivers: {}", known.join(", "))))
        }
        _ => Ok(chosen),
    }
}
