//! No token, secret or assertion in any output at any level.

use crate::support::{Outcome, Rig, TOKEN, due};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::pipeline;
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{Fate, Seed};
use rotator::sandbox::setting;

/// Everything that must not be shown: refresh tokens, client secrets, access tokens of vaults, their signed parts.
pub(crate) fn secrets(rig: &Rig) -> Vec<String> {
    let state = rig.world().state();
    let stored = state.vaults.values().flat_map(|vault| vault.secrets.values()).flat_map(|secret| &secret.versions);
    let mut all: Vec<String> = stored.map(|version| version.value.clone()).collect();
    all.extend(state.directory.refresh_tokens.keys().cloned());
    all.extend(state.access.keys().cloned());
    all.extend(state.directory.given.iter().cloned());
    all.extend(state.directory.codes.keys().chain(state.directory.devices.keys()).cloned());
    all.extend([rotator::sandbox::IDENTITY_HEADER, setting::JOB_SECRET, pipeline::BEARER].map(str::to_owned));
    // The lines of keys in files; a program is no secret.
    let files = state.files.values().filter(|file| !file.program);
    all.extend(
        files.flat_map(|file| file.content.lines().map(str::to_owned)).filter(|line| !line.starts_with("-----")),
    );
    all.retain(|value| value.len() > 10);
    all.sort();
    all.dedup();
    assert!(all.len() >= 4, "there is something to look for");
    all
}

/// The secrets that a text shows, in whole, in part, or as a form sends them.
fn shown<'s>(text: &str, secrets: &'s [String]) -> Vec<&'s str> {
    let forms = |secret: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let middle = secret.len() / 2;
        [secret.to_owned(), encoded, secret[middle - 5..].chars().take(24).collect()]
    };
    secrets.iter().map(String::as_str).filter(|secret| forms(secret).iter().any(|form| text.contains(form))).collect()
}

pub(crate) fn check(what: &str, outcome: &Outcome, secrets: &[String]) {
    for (stream, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let found = shown(text, secrets);
        assert!(found.is_empty(), "{what}: {stream} shows {} secrets: {text}", found.len());
    }
}

#[tokio::test]
async fn no_credential_is_shown_at_trace() {
    let settings = [
        &setting::CLUSTER,
        &setting::PIPELINES,
        &setting::GITHUB,
        &setting::FEDERATED_IDENTITY,
        &setting::SECRET_AND_CERTIFICATE,
        &setting::CERTIFICATES,
        &setting::CLI_AND_PUBLIC,
    ];
    for setting in settings {
        for fault in [None, Some(Rule::new(Phase::After, Fault::Half).on(Route::Pipeline))] {
            let rig = Rig::within(setting, &due(), |_| {}).await;
            if let Some(fault) = fault {
                rig.fault(fault);
            }
            let outcome = rig.call(&["run", "--log-level", "trace", "--deadline", "2s"]).await;
            assert!(outcome.stderr.contains("TRACE"), "{}", outcome.stderr);
            check(setting.vault, &outcome, &secrets(&rig));
        }
    }
}

#[tokio::test]
async fn nothing_is_shown_at_trace_in_any_form() {
    let seeds = [
        Seed::new("due").days_old(8).older(3),
        Seed::new("young").days_old(1),
        Seed::new("revoked").days_old(8).fate(Fate::Revoked),
        Seed::new("damaged").days_old(8).older(1).fate(Fate::Damaged),
        Seed::new("legacy").days_old(8).legacy(),
    ];
    for log_format in ["text", "json"] {
        for output in ["text", "json", "markdown"] {
            let rig = Rig::new(&seeds).await;
            for command in ["run", "status"] {
                let log = ["--log-level", "trace", "--log-format", log_format];
                let outcome = rig.call(&[&[command, "--output", output], &log[..]].concat()).await;
                assert!(outcome.stderr.contains("TRACE") || outcome.stderr.contains("DEBUG"), "{}", outcome.stderr);
                check(&format!("{command} {output} {log_format}"), &outcome, &secrets(&rig));
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_shown_when_answers_are_broken() {
    for route in [Route::Identity, Route::Versions, Route::Read, Route::Token, Route::Write] {
        for fault in [Fault::Half, Fault::Cut, Fault::Garble { from: "\":\"".into(), to: "\":7,\"".into() }] {
            let rig = Rig::new(&due()).await;
            rig.fault(Rule::new(Phase::After, fault).on(route));
            let outcome = rig.call(&["run", "--log-level", "trace", "--deadline", "1s"]).await;
            check(&format!("{route}"), &outcome, &secrets(&rig));
        }
    }
}

/// A parser that quotes what it cannot read must not quote a secret.
#[tokio::test]
async fn nothing_is_shown_when_an_answer_is_a_bare_secret() {
    for route in [Route::Identity, Route::Versions, Route::Read, Route::Token, Route::Write, Route::Update] {
        for status in [200, 400, 403, 500] {
            let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).older(3)]).await;
            let body = format!("\"{}\"", rig.newest_value(TOKEN));
            let bare = Fault::Answer { status, headers: vec![], content_type: "application/json".into(), body };
            rig.fault(Rule::new(Phase::Before, bare).on(route));
            let outcome = rig.call(&["run", "--log-level", "trace", "--deadline", "1s"]).await;
            check(&format!("{route} {status}"), &outcome, &secrets(&rig));
        }
    }
}

#[tokio::test]
async fn the_scanner_finds_what_is_planted() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).fate(Fate::Revoked)]).await;
    let secret = rig.newest_value(TOKEN);
    // The one way a user can have a value printed: to write it where reports say what a token is for.
    rig.configure(&rig.config_text().replace("name = ", &format!("purpose = \"{secret}\"\nname = ")));
    let outcome = rig.call(&["run"]).await;
    assert_eq!(shown(&outcome.stdout, &secrets(&rig)), [secret.as_str()]);
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    assert_eq!(shown(&encoded, &secrets(&rig)), [secret.as_str()]);
    assert_eq!(shown("nothing here", &secrets(&rig)), [""; 0]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_core_is_dumped() {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Signal(sender)).on(Route::Token));
    let mut child = rig.start(&["run"]);
    crate::support::soon(arrived.recv()).await.unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id().unwrap())).unwrap();
    let core: Vec<&str> =
        limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().split_whitespace().collect();
    assert_eq!(&core[4..6], ["0", "0"]);
    child.kill().await.unwrap();
}
