//! What `docs/migrating` promises, with the configurations that stand there.

use super::configurations;
use crate::consent::import;
use crate::support::Rig;
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::USER;
use rotator::sandbox::seed::{CLIENT, Seed, VAULT};

use rotator::sandbox::vault::store::{Vault, Version};
use time::{Duration, OffsetDateTime};

/// A world in which somebody else's automation stored a token, and the configuration of the page.
async fn rig(page: &str, host: &str, secret: &str, client_secret: &str) -> Rig {
    let rig = Rig::with(&[Seed::new(secret).untagged().days_old(5)], |state| {
        let mut vault = std::mem::take(state.vault(VAULT));
        let version = vault.versions("partner-client-secret")[0].clone();
        vault.add(client_secret, version);
        *state.vault(host) = vault;
    })
    .await;
    let (name, text) = configurations().into_iter().find(|(name, _)| name == page).unwrap();
    assert!(text.contains(&format!("\"https://{host}\"")), "{name}");
    rig.configure(&format!("{text}\n[network]\nca_file = '{}'\n", rig.sandbox.ca_file()));
    rig
}

/// What the other automation does once a week.
fn renewed_by_another(rig: &Rig, host: &str, secret: &str) {
    let mut state = rig.world().state();
    let value = state.directory.issue(CLIENT, USER, true, Duration::ZERO);
    state.vault(host).add(secret, Version::new(&value));
}

fn look<T>(rig: &Rig, host: &str, at: impl FnOnce(&Vault) -> T) -> T {
    at(rig.world().state().vault(host))
}

#[tokio::test]
async fn beside_cipp_both_go_on_writing() {
    let host = "cippabcde.vault.azure.net";
    let rig = rig("docs/migrating/cipp.md", host, "RefreshToken", "ApplicationSecret").await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
    renewed_by_another(&rig, host, "RefreshToken");
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, row.retired.len()), (OutcomeName::Rotated, 0));
    look(&rig, host, |vault| {
        let versions = vault.versions("RefreshToken");
        assert_eq!((versions.len(), versions.iter().filter(|version| version.enabled).count()), (4, 4));
        assert!(versions[3].expires.is_some() && versions[3].tags["rotator-mfa"] == "yes");
    });
}

#[tokio::test]
async fn the_token_of_the_module_is_brought_in_and_used() {
    let rig = rig("docs/migrating/partner-center-module.md", VAULT, "old-secret", "partner-client-secret").await;
    let old = rig.newest_value("old-secret");
    let outcome = import::import(&rig, &old, &[]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
    let outcome = rig.call(&["token", "contoso-partner", "--for", "partner-center"]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[tokio::test]
async fn in_place_of_a_runbook_nobody_signs_in_and_readers_notice_nothing() {
    let rig = rig("docs/migrating/runbook.md", VAULT, "RefreshToken", "automation-client-secret").await;
    // An access token's hour, as some runbooks set it.
    rig.world().state().vault(VAULT).secret_mut("RefreshToken").versions[0].expires =
        Some((OffsetDateTime::now_utc() + Duration::hours(1)).unix_timestamp());
    assert_eq!(rig.call(&["doctor"]).await.code, Some(0));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    assert!(rig.call(&["status"]).await.stdout.contains("90 days"));
    renewed_by_another(&rig, VAULT, "RefreshToken");
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    let row = rig.run_one(&["--force", "--retire-foreign"]).await;
    // The others are younger than the grace.
    assert_eq!((row.outcome, row.retired.len()), (OutcomeName::Rotated, 1));
    look(&rig, VAULT, |vault| assert!(!vault.versions("RefreshToken")[0].enabled));
    assert!(rig.accepted("RefreshToken"));
}
