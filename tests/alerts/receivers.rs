//! Where receivers have their addresses and keys from, and whether they take what they are sent.

use super::{revoked, rig, told};
use crate::redaction;
use crate::support::due;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::VAULT;
use rotator::sandbox::vault::store::Version;

/// The address of a webhook is as good as a password, and the key that signs is one.
#[tokio::test]
async fn addresses_and_keys_are_not_shown_at_trace() {
    let path = "/services/T0SECRET/B0SECRET/0123456789abcdefSECRET";
    for (status, form) in [(200, "text"), (404, "json"), (503, "text")] {
        let rig = rig(&revoked()).await;
        let text = rig.config_text().replace("/ops\"", &format!("{path}\"")).replace("/beat\"", &format!("{path}\""));
        rig.configure(&text.replace("[heartbeat]", "signing_key = { env = \"HOOK_KEY\" }\n[heartbeat]"));
        rig.fault(Rule::new(Phase::Before, Fault::status(status)).on(Route::Receiver).about("SECRET"));
        let rig = rig.env("HOOK_KEY", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=");
        let outcome = rig.call(&["run", "--log-level", "trace", "--log-format", form, "--output", form]).await;
        redaction::check("alerts", &outcome, &redaction::secrets(&rig));
        for secret in ["SECRET", "whsec_", "c2VjcmV0"] {
            assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{secret} {outcome:?}");
        }
    }
}

/// An address and keys from the vault, and what is wrong with them.
#[tokio::test]
async fn an_address_may_be_kept_in_the_vault() {
    let rig = rig(&revoked()).await;
    let text = rig.config_text();
    let url = text.lines().find(|line| line.contains("/ops\"")).unwrap().to_owned();
    let address = url.split('"').nth(1).unwrap().to_owned();
    rig.configure(&text.replace(&url, "url = { vault_secret = \"hook-address\" }"));
    for (value, slug) in [
        (None, "app.secret.missing"),
        (Some("nonsense"), "notify.address"),
        (Some("http://example.com/x"), "notify.address"),
    ] {
        if let Some(value) = value {
            rig.world().state().vault(VAULT).add("hook-address", Version::new(value));
        }
        let outcome = rig.call(&["alert", "test"]).await;
        assert!(outcome.code == Some(3) && outcome.stdout.contains(&format!("ops: {slug}: ")), "{outcome:?}");
        if value.is_none() {
            let fix = "az keyvault secret set --vault-name contoso-kv --name hook-address --file <file>";
            assert!(outcome.stdout.contains(fix), "{outcome:?}");
        }
    }
    rig.world().state().vault(VAULT).add("hook-address", Version::new(&address));
    rig.run(&[]).await;
    assert_eq!(told(&rig).len(), 1);
}

#[tokio::test]
async fn a_test_says_that_it_is_one_and_a_preview_sends_nothing() {
    let rig = rig(&due()).await;
    let outcome = rig.call(&["alert", "preview"]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("TEST, nothing happened"), "{outcome:?}");
    assert!(rig.world().state().received.is_empty());
    let outcome = rig.call(&["alert", "test", "ops"]).await;
    assert!(outcome.code == Some(0) && outcome.stdout.contains("ops: taken"), "{outcome:?}");
    assert_eq!(told(&rig), [["critical entra.revoked", "warning token.aging", "info token.recovered"]]);
    let outcome = rig.call(&["alert", "test", "nobody"]).await;
    assert!(outcome.code == Some(2) && outcome.stderr.contains("known receivers: ops"), "{outcome:?}");
    rig.fault(Rule::new(Phase::Before, Fault::status(410)).on(Route::Receiver));
    let outcome = rig.call(&["alert", "test"]).await;
    assert!(outcome.code == Some(3) && outcome.stdout.contains("notify.refused"), "{outcome:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_gets_it_on_its_stdin() {
    use super::facts;
    use crate::support::TOKEN;
    let rig = rig(&revoked()).await;
    let file = rig.sandbox.folder().join("ticket");
    let command = format!(
        "[[notify]]\ntype = \"command\"\ncommand = [\"/bin/sh\", \"-c\", \"cat > '{}'; exit $CODE\"]\n",
        file.display()
    );
    rig.configure(&format!("{}\n{command}", rig.config_text()));
    let rig = rig.env("CODE", "0");
    let ran = rig.run(&[]).await;
    assert_eq!(ran.report.notify_failed, [""; 0]);
    let event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(facts(&event), ["critical entra.revoked"]);
    rig.world().state().vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap().tags.remove("rotator-state");
    let rig = rig.env("CODE", "7");
    assert_eq!(rig.run(&[]).await.report.notify_failed, ["command"]);
}
