//! The path when everything goes well, and what it leaves in the vault.

use crate::support::{Rig, TOKEN, due, kind};
use rotator::model::health::Health;
use rotator::model::identity::Mfa;
use rotator::report::OutcomeName;
use rotator::sandbox::seed::{CLIENT, Seed, VAULT};
use rotator::sandbox::vault::store::Version;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

#[tokio::test]
async fn a_due_token_is_rotated() {
    let rig = Rig::new(&due()).await;
    let before = rig.newest_value(TOKEN);
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, row.health, row.mfa), (OutcomeName::Rotated, Health::Fresh, Mfa::Yes));
    assert_eq!(row.days_left, Some(90));
    assert_eq!(row.versions, Some(2));
    assert_ne!(rig.newest_value(TOKEN), before);
    assert!(rig.accepted(TOKEN));
}

#[tokio::test]
async fn the_new_version_carries_age_identity_and_origin() {
    let rig = Rig::with(&due(), |state| {
        let versions = &mut state.vault(VAULT).secret_mut(TOKEN).versions;
        versions[0].tags.insert("cost-centre".into(), "42".into());
        versions[0].tags.insert("rotator-consented".into(), "2026-01-02T03:04:05Z".into());
    })
    .await;
    let ran = rig.run(&[]).await;
    let (run_id, row) = (ran.report.run_id.clone(), ran.only());
    let state = rig.world().state();
    let [base, new] = state.vaults[VAULT].versions(TOKEN) else { panic!("two versions") };
    assert_eq!(row.version.as_deref(), Some(new.id.as_str()));
    assert_eq!(row.previous_version.as_deref(), Some(base.id.as_str()));
    let tag = |name: &str| new.tags.get(name).map(String::as_str).unwrap_or_default();
    assert_eq!(tag("cost-centre"), "42");
    assert_eq!(tag("rotator-consented"), "2026-01-02T03:04:05Z");
    assert_eq!(tag("rotator-run"), format!("{run_id} {}", base.id));
    assert_eq!(tag("rotator-mfa"), "yes");
    assert_eq!(tag("rotator-scope"), "https://api.partnercenter.microsoft.com/user_impersonation");
    assert!(tag("rotator-identity").ends_with(&format!("/{CLIENT}")), "{}", tag("rotator-identity"));
    let issued = OffsetDateTime::parse(tag("rotator-issued"), &Rfc3339).unwrap();
    assert!((OffsetDateTime::now_utc() - issued).abs() < Duration::minutes(1));
    let expires = new.expires.unwrap();
    assert!((expires - (issued + Duration::days(90)).unix_timestamp()).abs() <= 1);
    assert_eq!(new.content_type.as_deref(), Some("application/x-refresh-token"));
    assert!(base.enabled, "the version before stays within keep_versions");
}

#[tokio::test]
async fn the_new_token_was_redeemed_before_it_was_stored() {
    let rig = Rig::new(&due()).await;
    rig.run_one(&[]).await;
    let lines = rig.world().journal().lines();
    let redeemed = lines.iter().filter(|line| line.ends_with("/oauth2/v2.0/token 200")).count();
    assert_eq!(redeemed, 2);
}

#[tokio::test]
async fn a_token_that_is_not_due_is_probed_and_not_stored() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(2)]).await;
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, row.days_left), (OutcomeName::Probed, Some(88)));
    assert_eq!(rig.version_count(TOKEN), 1);
    let row = rig.run_one(&["--force"]).await;
    assert_eq!((row.outcome, rig.version_count(TOKEN)), (OutcomeName::Rotated, 2));
}

#[tokio::test]
async fn without_probe_a_token_that_is_not_due_is_held() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(2).line("probe = \"never\"")]).await;
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, kind(&row)), (OutcomeName::Held, ""));
    assert!(rig.world().journal().lines().iter().all(|line| !line.contains("/oauth2/")));
}

#[tokio::test]
async fn verify_claims_saves_the_second_redemption() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).line("verify = \"claims\"")]).await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    let lines = rig.world().journal().lines();
    assert_eq!(lines.iter().filter(|line| line.contains("/token 200") && line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn a_token_written_by_hand_is_due_and_is_trusted_at_first() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(1).untagged()], |state| {
        // As `--file` stores it: with the file's last line break.
        state.vault(VAULT).secret_mut(TOKEN).versions[0].value.push('\n');
    })
    .await;
    let row = rig.run_one(&[]).await;
    assert_eq!(row.outcome, OutcomeName::Rotated);
    assert!(rig.call(&["status"]).await.stdout.contains("90 days"));
}

#[tokio::test]
async fn old_versions_of_ours_are_disabled_and_foreign_ones_are_left() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).older(4)], |state| {
        let value = state.directory.issue(CLIENT, rotator::sandbox::entra::directory::USER, true, Duration::days(20));
        let foreign = Version::new(&value).aged(Duration::days(20));
        state.vault(VAULT).secret_mut(TOKEN).versions.insert(3, foreign);
    })
    .await;
    let row = rig.run_one(&[]).await;
    assert_eq!(row.retired.len(), 4);
    let state = rig.world().state();
    let versions = state.vaults[VAULT].versions(TOKEN);
    let enabled: Vec<bool> = versions.iter().map(|version| version.enabled).collect();
    assert_eq!(enabled, [false, false, false, true, false, true, true]);
    assert!(versions[0].tags.contains_key("rotator-issued"), "a retired version keeps its tags");
}

#[tokio::test]
async fn within_the_grace_nothing_is_disabled() {
    let seeds = [Seed::new(TOKEN).days_old(8).older(4).line("grace = \"365d\"")];
    assert_eq!(Rig::new(&seeds).await.run_one(&[]).await.retired.len(), 0);
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let rig = Rig::new(&[Seed::new("due").days_old(8), Seed::new("young").days_old(1)]).await;
    let outcome = rig.call(&["run", "--dry-run"]).await;
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("would rotate") && outcome.stdout.contains("would probe"), "{}", outcome.stdout);
    let lines = rig.world().journal().lines();
    assert!(lines.iter().all(|line| line.starts_with("GET ") && !line.contains("/secrets/due/ ")), "{lines:?}");
}

#[tokio::test]
async fn a_dry_run_does_not_call_an_expired_token_safe() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(97)]).await;
    assert_eq!(rig.call(&["run", "--dry-run"]).await.code, Some(3));
}

#[tokio::test]
async fn only_those_named_are_looked_after() {
    let rig = Rig::new(&[Seed::new("one").days_old(8), Seed::new("two").days_old(8)]).await;
    let row = rig.run_one(&["--only", "two"]).await;
    assert_eq!((row.name.as_str(), rig.version_count("one")), ("two", 1));
}

#[tokio::test]
async fn a_fleet_is_rotated_at_once() {
    let seeds: Vec<Seed> = (0..60).map(|nth| Seed::new(&format!("customer-{nth:02}")).days_old(8)).collect();
    let rig = Rig::new(&seeds).await;
    let ran = rig.run(&[]).await;
    assert_eq!((ran.report.summary.total, ran.report.summary.rotated, ran.outcome.code), (60, 60, Some(0)));
    assert!(seeds.iter().enumerate().all(|(nth, _)| rig.accepted(&format!("customer-{nth:02}"))));
    let client_secrets = rig.world().journal().lines().iter().filter(|l| l.contains("/partner-client-secret")).count();
    assert!(client_secrets <= 2, "the client secret was read {client_secrets} times");
}

#[tokio::test]
async fn status_reads_nothing_and_redeems_nothing() {
    let seeds = [Seed::new("old").days_old(61), Seed::new("by-hand").untagged(), Seed::new("late").days_old(80)];
    let rig = Rig::with(&seeds, |state| {
        use rotator::sandbox::vault::right::Right;
        state.vault(VAULT).rights.denied.extend([Right::Get, Right::Set, Right::Update]);
    })
    .await;
    let outcome = rig.call(&["status", "--output", "json"]).await;
    let report: rotator::report::Report = serde_json::from_str(&outcome.stdout).unwrap();
    let health: Vec<Health> = report.tokens.iter().map(|row| row.health).collect();
    assert_eq!((health, outcome.code), (vec![Health::Aging, Health::Unknown, Health::Expiring], Some(0)));
    let lines = rig.world().journal().lines();
    assert!(lines.iter().all(|line| line.contains("/versions ") || line.contains("/msi/token ")), "{lines:?}");
    let outcome = rig.call(&["status", "--fail-on", "warning"]).await;
    assert_eq!(outcome.code, Some(3));
    assert!(!outcome.stdout.contains("not due") && outcome.stdout.contains("29 days"), "{}", outcome.stdout);
}

#[tokio::test]
async fn missing_mfa_is_stored_and_said() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).without_mfa()]).await;
    let outcome = rig.call(&["run"]).await;
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("without MFA"), "{}", outcome.stdout);
    assert_eq!(rig.call(&["run", "--fail-on", "warning"]).await.code, Some(3));
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).without_mfa().line("require_mfa = false")]).await;
    assert_eq!(rig.call(&["run", "--fail-on", "warning"]).await.code, Some(0));
}

#[tokio::test]
async fn the_client_secret_may_come_from_the_environment_or_a_file() {
    for place in ["env", "file"] {
        let rig = Rig::new(&due()).await;
        let secret = rig.newest_value("partner-client-secret");
        let file = rig.sandbox.folder().join("client-secret");
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let reference = match place {
            "env" => "env = \"PARTNER_SECRET\"".to_owned(),
            _ => format!("file = '{}'", file.display()),
        };
        rig.configure(&rig.config_text().replace("vault_secret = \"partner-client-secret\"", &reference));
        let row = rig.run_one(&[]).await;
        if place == "env" {
            assert_eq!(kind(&row), "app.secret.env");
            let row = rig.env("PARTNER_SECRET", &secret).run_one(&[]).await;
            assert_eq!(row.outcome, OutcomeName::Rotated);
        } else {
            assert_eq!(row.outcome, OutcomeName::Rotated);
            std::fs::remove_file(&file).unwrap();
            assert_eq!(kind(&rig.run_one(&[]).await), "app.secret.file");
        }
    }
}
