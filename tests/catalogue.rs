//! Every kind of failure: seen in a transcript, and with a fix that works.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser as _;

use crate::support::transcripts;
use rotator::cli::Cli;
use rotator::clock::Clock;
use rotator::config;
use rotator::credential::{Host, Proofs};
use rotator::entra::answer::RawAnswer;
use rotator::entra::catalogue;
use rotator::entra::request::TokenRequest;
use rotator::model::failure::Cause;
use rotator::model::kind::Kind;
use rotator::model::name::SecretName;
use rotator::model::outcome::Note;
use rotator::model::version::{Change, Draft, Stored, Version, VersionId};
use rotator::ports::{Entra, Vault};
use rotator::renew::{self, Options, Run};
use rotator::report::{self, Facts, Output, Style};
use rotator::wire::deadline::Deadline;
use rotator::wire::transport::Transport;

#[test]
fn every_slug_has_a_transcript_and_every_transcript_a_slug() {
    let text = transcripts();
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '.' || c == '-'));
    let words: HashSet<String> = words.map(|word| word.trim_end_matches('.').to_owned()).collect();
    let kinds: BTreeSet<String> = Kind::ALL.iter().map(|kind| kind.slug().to_owned()).collect();
    let unseen: Vec<&String> = kinds.iter().filter(|slug| !words.contains(*slug)).collect();
    assert!(unseen.is_empty(), "without a transcript: {unseen:?}");
    let is_slug = |line: &&str| line.starts_with("  ") && line.contains(" at ") && line.contains(": ");
    let shown = text.lines().filter(is_slug).filter_map(|line| line.split_whitespace().next());
    let shown: BTreeSet<&str> = shown.filter(|word| word.contains('.') && !word.ends_with(':')).collect();
    let unknown: Vec<&&str> = shown.iter().filter(|slug| !kinds.contains(**slug)).collect();
    assert!(unknown.is_empty(), "no kinds: {unknown:?}");
    println!("{} kinds of failure, {} of them shown by a token's row, all in a transcript", kinds.len(), shown.len());
}

/// The commands of rotator in a hint: from the name to the end of the clause.
fn commands(hint: &str) -> Vec<String> {
    let starts = hint.match_indices("rotator ").filter(|(at, _)| *at == 0 || " `(".contains(&hint[at - 1..*at]));
    let ends = [';', '`', ')', ','];
    starts.map(|(at, _)| hint[at..].split(ends).next().unwrap().trim().to_owned()).collect()
}

#[test]
fn every_command_in_a_hint_is_one_that_rotator_has() {
    let fixes = catalogue::rows().into_iter().filter_map(|row| row.fix);
    let notes = [Note::MfaMissing, Note::RetiredScope, Note::ReconsentDue(1), Note::ManyVersions(400)];
    let hints = Kind::ALL.iter().map(|kind| kind.hint().to_owned()).chain(fixes.map(str::to_owned));
    let hints: Vec<String> = hints.chain(notes.iter().map(Note::text)).collect();
    let mut tried = 0;
    for hint in &hints {
        for command in commands(&hint.replace("{name}", "contoso-partner")) {
            let words = command.split_whitespace();
            assert!(Cli::try_parse_from(words).is_ok(), "{command:?} in {hint:?}");
            tried += 1;
        }
    }
    println!("{tried} commands in {} hints", hints.len());
    assert!(tried >= 3);
    assert_eq!(
        commands("try `rotator status`; or (rotator run --only a), then stop"),
        ["rotator status", "rotator run --only a"]
    );
}

/// A vault with a bug.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Vault for Broken {
    async fn versions(&self, _: &SecretName) -> Result<Vec<Version>, Cause> {
        panic!("index out of bounds: the len is 0 but the index is 0")
    }

    async fn read(&self, _: &SecretName, _: Option<&VersionId>) -> Result<Stored, Cause> {
        unreachable!()
    }

    async fn write(&self, _: &SecretName, _: Draft<'_>) -> Result<Version, Cause> {
        unreachable!()
    }

    async fn recover(&self, _: &SecretName) -> Result<(), Cause> {
        unreachable!()
    }

    async fn update(&self, _: &SecretName, _: &VersionId, _: &Change) -> Result<Version, Cause> {
        unreachable!()
    }
}

#[async_trait]
impl Entra for Broken {
    async fn send(&self, _: &TokenRequest) -> Result<RawAnswer, Cause> {
        unreachable!()
    }
}

/// No input is known that makes the job panic, so its own code is run on a vault that does.
#[tokio::test]
async fn a_panic_is_the_failure_of_one_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = config::load_text("example", config::EXAMPLE).unwrap();
    let (clock, deadline) = (Clock::system(), Deadline::after(Duration::from_secs(5)));
    let outer = rotator::wire::client::identity().unwrap();
    let identity = azure_core::http::Transport::new(Arc::new(Transport(outer.clone())));
    let run = Arc::new(Run {
        id: "00000000-0000-0000-0000-0000000000ff".into(),
        clock,
        deadline: deadline.clone(),
        entra: Arc::new(Broken),
        vaults: HashMap::from([("default".to_owned(), Arc::new(Broken) as Arc<dyn Vault>)]),
        proofs: Proofs::of_apps([], Host { outer, identity, deadline, clock }),
    });
    let outcomes = renew::run(&config.targets, &run, Options::default(), |_| {}).await;
    let now = clock.now();
    let tokens = config.targets.iter().zip(outcomes).collect();
    let expiries = HashMap::from([("partner".to_owned(), Some(now + time::Duration::days(200)))]);
    let report = report::report(Facts {
        run_id: &run.id,
        started: now,
        finished: now,
        fail_on_warning: false,
        fail_on_notify: false,
        is_whole_run: true,
        not_told: Vec::new(),
        tokens,
        apps: report::app::rows(&config.targets, &expiries, now),
    });
    let expected = std::fs::read_to_string("tests/transcripts/panicked.txt").unwrap();
    assert_eq!(report.render(Output::Text, Style::default()), expected);
}
