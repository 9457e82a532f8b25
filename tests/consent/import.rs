//! A refresh token that somebody brings in.

use std::process::Stdio;

use crate::redaction;
use crate::support::{Outcome, Rig, TOKEN, due, soon};
use rotator::sandbox::entra::directory::{TENANT, USER};
use rotator::sandbox::seed::{CLIENT, LEGACY_CLIENT, VAULT};
use rotator::sandbox::state::State;
use time::Duration;
use tokio::io::AsyncWriteExt as _;

pub(crate) async fn import(rig: &Rig, token: &str, arguments: &[&str]) -> Outcome {
    let arguments = [&["consent", TOKEN, "--import", "--yes", "--log-level", "trace"], arguments].concat();
    let mut child = rig.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).await.unwrap();
    let output = soon(child.wait_with_output()).await.unwrap();
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    redaction::check("import", &outcome, &redaction::secrets(rig));
    outcome
}

pub(super) fn issue(state: &mut State, client: &str, mfa: bool) -> String {
    state.directory.issue(client, USER, mfa, Duration::days(30))
}

fn revoked(state: &mut State) -> String {
    let token = issue(state, CLIENT, true);
    state.directory.refresh_tokens.get_mut(&token).unwrap().refused_with = Some(50_173);
    token
}

#[tokio::test]
async fn it_is_proved_renewed_and_stored() {
    let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).secrets.remove(TOKEN))).await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    let outcome = import(&rig, &format!("{token}\r\n"), &[]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("the token is stored"), "{outcome:?}");
    // What is stored is the renewed one, which lives from now.
    assert!(rig.accepted(TOKEN) && rig.newest_value(TOKEN) != token);
    assert!(rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags.contains_key("rotator-consented"));
}

#[tokio::test]
async fn what_is_not_accepted_changes_nothing() {
    let rig = Rig::new(&due()).await;
    let (revoked, of_another) = {
        let mut state = rig.world().state();
        let revoked = revoked(&mut state);
        (revoked, issue(&mut state, LEGACY_CLIENT, true))
    };
    for (token, code, said) in [
        (revoked.as_str(), 3, "entra.revoked"),
        (&of_another, 3, "AADSTS70000"),
        ("0.AXoA_no-token-at-all", 3, "AADSTS9002313"),
        ("", 2, "holds no refresh token"),
        ("two words", 2, "holds no refresh token"),
    ] {
        let outcome = import(&rig, token, &[]).await;
        assert!(outcome.code == Some(code) && outcome.stderr.contains(said), "{said}: {outcome:?}");
    }
    assert_eq!(rig.version_count(TOKEN), 1);
}

/// The token was accepted, and what it gave is not.
#[tokio::test]
async fn what_cannot_be_proved_is_not_stored() {
    let rig = Rig::new(&due()).await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    rig.world().state().directory.quirks.dead_tokens = true;
    let outcome = import(&rig, &token, &[]).await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("entra.proof at prove"), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing of this sign-in is kept"), "{outcome:?}");
    assert_eq!(rig.version_count(TOKEN), 1);
}

/// Whether a value that leaked is still accepted can be asked without storing it.
#[tokio::test]
async fn it_can_be_tried_without_being_stored() {
    let rig = Rig::new(&due()).await;
    let (good, revoked) = {
        let mut state = rig.world().state();
        let revoked = revoked(&mut state);
        (issue(&mut state, CLIENT, true), revoked)
    };
    let outcome = import(&rig, &good, &["--dry-run"]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("accepts the token"), "{outcome:?}");
    let outcome = import(&rig, &revoked, &["--dry-run"]).await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("entra.revoked"), "{outcome:?}");
    assert!(!rig.world().journal().lines().iter().any(|line| line.starts_with("PUT") || line.starts_with("PATCH")));
    // It is accepted whatever else there is to say of it.
    let without_mfa = issue(&mut rig.world().state(), CLIENT, false);
    let outcome = import(&rig, &without_mfa, &["--dry-run"]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("would not be stored: consent.mfa"), "{outcome:?}");
    rig.world().state().vault(VAULT).delete(TOKEN);
    let outcome = import(&rig, &good, &["--dry-run"]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("accepts the token"), "{outcome:?}");
    assert!(rig.world().state().vault(VAULT).newest(TOKEN).is_none());
    let outcome = import(&rig, "", &["--dry-run"]).await;
    assert!(outcome.stderr.contains("--import --dry-run <") && !outcome.stderr.contains("--yes"), "{outcome:?}");
}

/// A person is not where the job runs, and has neither its identity nor its files.
#[tokio::test]
async fn whoever_signs_in_elsewhere_has_other_credentials() {
    let rig = Rig::new(&due()).await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    let text = rig.config_text().replacen("credential = \"managed-identity\"", "credential = \"workload-identity\"", 1);
    let text = text
        .replace("{ secret = { vault_secret = \"partner-client-secret\" } }", "{ federated = \"workload-identity\" }");
    assert!(text.matches("workload-identity").count() == 2, "{text}");
    rig.configure(&text);
    assert_eq!(import(&rig, &token, &[]).await.code, Some(2));
    let elsewhere = ["--vault-credential", "managed-identity", "--client-secret-vault-secret", "partner-client-secret"];
    let outcome = import(&rig, &token, &elsewhere).await;
    assert!(outcome.code == Some(0) && rig.accepted(TOKEN), "{outcome:?}");
    let arguments = [&["token", TOKEN, "--for", "partner-center"], &elsewhere[..]].concat();
    assert_eq!(rig.call(&arguments).await.code, Some(0));
    let scope = ["--scope", "https://api.partnercenter.microsoft.com/.default"];
    let arguments = [&["token", TOKEN], &scope[..], &elsewhere].concat();
    assert_eq!(rig.call(&arguments).await.code, Some(0));
    let outcome = import(&rig, &token, &[&elsewhere[..], &["--client-secret-env", "X"]].concat()).await;
    assert!(outcome.code == Some(2) && outcome.stderr.contains("--client-secret-env: an app"), "{outcome:?}");
    // What the vault's table says that is for the other credential too is kept.
    let id = "00000000-0000-0000-0000-0000000000d1";
    let line = format!("credential = \"workload-identity\"\ntenant_id = \"{TENANT}\"\nclient_id = \"{id}\"");
    rig.configure(&rig.config_text().replacen("credential = \"workload-identity\"", &line, 1));
    let outcome = rig.call(&["mfa", TOKEN, "--vault-credential", "client-secret", elsewhere[2], elsewhere[3]]).await;
    assert!(outcome.stderr.contains("client_secret") && !outcome.stderr.contains("tenant_id"), "{outcome:?}");
    // The job itself goes by its file.
    for arguments in [&["run"][..], &["status"], &["doctor"]] {
        let outcome = rig.call(&[arguments, &elsewhere].concat()).await;
        assert!(outcome.code == Some(2) && outcome.stderr.contains("a file is named as well"), "{outcome:?}");
    }
    let outcome = import(&rig, &token, &["--vault-credential", "managed-identity", "--tenant-id", "x"]).await;
    assert!(outcome.code == Some(2) && outcome.stderr.contains("a file is named as well"), "{outcome:?}");
    // A variable is not typed: it changes nothing unseen.
    let rig = rig.env("ROTATOR_VAULT_CREDENTIAL", "managed-identity");
    let outcome = rig.call(&["retire", TOKEN, "--yes"]).await;
    assert!(outcome.code == Some(2) && outcome.stderr.contains("a file is named as well"), "{outcome:?}");
}
