//! Tokens that are out of service, suspended, or to be consented to again; and credentials that end.

use crate::support::{Rig, TOKEN, due, kind};
use rotator::model::health::Health;
use rotator::report::{AppRow, OutcomeName};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{Fate, Seed, VAULT};
use rotator::sandbox::setting;
use rotator::sandbox::state::State;
use rotator::sandbox::vault::store::Version;
use time::Duration;

fn old() -> Vec<Seed> {
    vec![Seed::new(TOKEN).days_old(80).older(2)]
}

#[tokio::test]
async fn a_token_out_of_service_has_no_enabled_version_no_expiry_and_no_alarm() {
    for keeps_expiry in [false, true] {
        let rig = Rig::with(&old(), |state| {
            for version in &mut state.vault(VAULT).secret_mut(TOKEN).versions {
                version.keeps_expiry = keeps_expiry;
            }
        })
        .await;
        let outcome = rig.call(&["retire", TOKEN, "--yes"]).await;
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        for part in ["disabled 3 of 3 versions", "Disabling revokes nothing", "Remove its [[token]]"] {
            assert!(outcome.stdout.contains(part), "{}", outcome.stdout);
        }
        for version in rig.world().state().vault(VAULT).versions(TOKEN) {
            assert!(!version.enabled);
            let far = (time::OffsetDateTime::now_utc() + Duration::weeks(52 * 100)).unix_timestamp();
            assert!(version.expires.is_none_or(|expires| keeps_expiry && expires > far), "{version:?}");
        }
        for command in [&["run", "--force"][..], &["status"]] {
            let outcome = rig.call(&[command, &["--output", "json", "--fail-on", "warning"]].concat()).await;
            assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
            assert!(!outcome.stderr.contains("token.critical"), "{}", outcome.stderr);
            let text = rig.call(command).await.stdout;
            assert!(text.contains("out of service since 20"), "{text}");
        }
        let again = rig.call(&["retire", TOKEN, "--yes"]).await;
        assert!(again.stdout.contains("disabled 0 of 3 versions"), "{}", again.stdout);
    }
}

#[tokio::test]
async fn a_token_that_is_enabled_again_is_in_service_again() {
    let rig = Rig::new(&old()).await;
    assert_eq!(rig.call(&["retire", TOKEN, "--yes"]).await.code, Some(0));
    rig.world().state().vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap().enabled = true;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
}

#[tokio::test]
async fn versions_of_one_second_are_all_marked() {
    let rig = Rig::with(&old(), |state| {
        let newest = state.vault(VAULT).newest(TOKEN).unwrap().clone();
        let by_hand = Version { created: newest.created, expires: None, ..Version::new(&newest.value) };
        state.vault(VAULT).add(TOKEN, by_hand);
    })
    .await;
    assert_eq!(rig.call(&["retire", TOKEN, "--yes"]).await.code, Some(0));
    let row = rig.run_one(&["--fail-on", "warning"]).await;
    assert_eq!((row.outcome, kind(&row)), (OutcomeName::Held, ""));
}

#[tokio::test]
async fn a_version_that_a_run_stores_while_a_token_is_retired_is_retired_as_well() {
    let rig = Rig::new(&old()).await;
    let stored = rig.meanwhile(
        |pause| pause.on(Route::Update),
        |state| {
            state.vault(VAULT).add(TOKEN, Version::new("stored meanwhile"));
        },
    );
    let outcome = rig.call(&["retire", TOKEN, "--yes"]).await;
    stored.await.unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(rig.world().state().vault(VAULT).versions(TOKEN).iter().all(|version| !version.enabled));
    assert_eq!(kind(&rig.run_one(&[]).await), "", "the newest is marked");
}

#[tokio::test]
async fn fifteen_tags_of_others_leave_no_room_for_a_mark_and_that_is_said() {
    let rig = Rig::with(&old(), |state| {
        let version = state.vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap();
        version.tags = (0..15).map(|nth| (format!("tag-{nth}"), "x".to_owned())).collect();
    })
    .await;
    let outcome = rig.call(&["retire", TOKEN, "--yes"]).await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("left no room for a mark"), "{}", outcome.stdout);
    assert!(rig.world().state().vault(VAULT).versions(TOKEN).iter().all(|version| !version.enabled));
}

#[tokio::test]
async fn retiring_is_asked_for_twice_or_not_done() {
    let rig = Rig::new(&old()).await;
    let outcome = rig.call(&["retire", TOKEN]).await;
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("add --yes"), "{}", outcome.stderr);
    assert_eq!(rig.call(&["retire", "nobody", "--yes"]).await.code, Some(2));
    assert!(rig.accepted(TOKEN));
}

#[tokio::test]
async fn a_retirement_that_was_cut_off_is_finished_by_the_next_call() {
    let rig = Rig::new(&old()).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Update).skip(1));
    let outcome = rig.call(&["retire", TOKEN, "--yes", "--deadline", "1s"]).await;
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("versions disabled so far: 1; the same command goes on"), "{}", outcome.stderr);
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Held, "nothing touches it from here on");
    rig.world().heal();
    assert_eq!(rig.call(&["retire", TOKEN, "--yes"]).await.code, Some(0));
    assert!(rig.world().state().vault(VAULT).versions(TOKEN).iter().all(|version| !version.enabled));
}

#[tokio::test]
async fn a_right_that_retiring_needs_is_named() {
    use rotator::sandbox::vault::right::Right;
    let rig = Rig::with(&old(), |state| state.vault(VAULT).rights.denied.extend([Right::Update])).await;
    let outcome = rig.call(&["retire", TOKEN, "--yes"]).await;
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.stderr.contains("vault.forbidden.rbac at retire"), "{}", outcome.stderr);
}

#[tokio::test]
async fn a_suspended_token_is_left_alone_until_its_day() {
    let days = |count| (time::OffsetDateTime::now_utc() + Duration::days(count)).date().to_string();
    let seed =
        |day: String| Seed::new(TOKEN).days_old(88).fate(Fate::Revoked).line(&format!("suspended_until = {day}"));
    let rig = Rig::new(&[seed(days(30))]).await;
    let outcome = rig.call(&["run", "--fail-on", "warning"]).await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert!(outcome.stdout.contains(&format!("suspended until {}", days(30))), "{}", outcome.stdout);
    assert_eq!(rig.call(&["status", "--fail-on", "warning"]).await.code, Some(0));
    let rig = Rig::new(&[seed(days(0))]).await;
    assert_eq!(kind(&rig.run_one(&[]).await), "entra.revoked");
}

#[tokio::test]
async fn a_sign_in_of_long_ago_is_a_warning() {
    let consented = |days: i64| {
        move |state: &mut State| {
            let at = (time::OffsetDateTime::now_utc() - Duration::days(days)).replace_nanosecond(0).unwrap();
            let text = at.format(&time::format_description::well_known::Rfc3339).unwrap();
            state.vault(VAULT).secret_mut(TOKEN).versions[0].tags.insert("rotator-consented".into(), text);
        }
    };
    let seeds = [Seed::new(TOKEN).days_old(1).line("reconsent_after = \"180d\"")];
    let rig = Rig::with(&seeds, consented(181)).await;
    let outcome = rig.call(&["run"]).await;
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("the sign-in is 181 days old"), "{}", outcome.stdout);
    assert_eq!(rig.call(&["run", "--fail-on", "warning"]).await.code, Some(3));
    let rig = Rig::with(&seeds, consented(179)).await;
    assert!(!rig.call(&["run"]).await.stdout.contains("days old"));
    let outcome = Rig::new(&seeds).await.call(&["run", "--fail-on", "warning"]).await;
    assert_eq!(outcome.code, Some(0), "what is not known is said, and is no reason to fail: {}", outcome.stdout);
    assert!(outcome.stdout.contains("no tag tells when the person signed in"), "{}", outcome.stdout);
}

#[tokio::test]
async fn old_foreign_versions_are_disabled_where_that_is_asked_for() {
    for (arguments, left) in [(&[][..], 3), (&["--retire-foreign"], 2)] {
        let rig = Rig::with(&due(), |state| {
            let versions = &mut state.vault(VAULT).secret_mut(TOKEN).versions;
            versions.insert(0, Version::new("by hand").aged(Duration::days(40)));
        })
        .await;
        assert_eq!(rig.run_one(arguments).await.outcome, OutcomeName::Rotated);
        let enabled = rig.world().state().vault(VAULT).versions(TOKEN).iter().filter(|version| version.enabled).count();
        assert_eq!(enabled, left, "{arguments:?}");
    }
}

/// What a run and `status` say of the app's credential.
async fn app(rig: &Rig) -> [AppRow; 2] {
    let run = rig.run(&[]).await.report.apps.remove(0);
    let status = rig.call(&["status", "--output", "json"]).await;
    let mut report: rotator::report::Report = serde_json::from_str(&status.stdout).unwrap();
    [run, report.apps.remove(0)]
}

#[tokio::test]
async fn the_end_of_a_client_secret_is_judged_like_the_age_of_a_token() {
    let in_days = |days| (time::OffsetDateTime::now_utc() + Duration::days(days)).unix_timestamp();
    for (days, health) in [(200, Health::Fresh), (29, Health::Aging), (13, Health::Expiring), (-1, Health::Expired)] {
        let rig = Rig::with(&due(), |state| {
            state.vault(VAULT).secret_mut("partner-client-secret").versions[0].expires = Some(in_days(days));
        })
        .await;
        for row in app(&rig).await {
            assert_eq!((row.health, row.days_left, row.credential.as_str()), (health, Some(days), "client secret"));
        }
        let text = rig.call(&["run"]).await.stdout;
        assert_eq!(text.contains("app partner: its client secret"), health != Health::Fresh, "{text}");
        let strict = rig.call(&["run", "--fail-on", "warning"]).await.code;
        assert_eq!(strict, Some(if health == Health::Fresh { 0 } else { 3 }));
    }
}

#[tokio::test]
async fn who_knows_when_a_credential_ends_is_asked_in_order() {
    let unknown = |state: &mut State| {
        state.vault(VAULT).secret_mut("partner-client-secret").versions[0].expires = None;
    };
    let rig = Rig::with(&due(), unknown).await;
    for row in app(&rig).await {
        assert_eq!((row.health, row.expires_at), (Health::Unknown, None));
    }
    let text = rig.call(&["run"]).await.stdout;
    assert!(text.contains("nobody says when its client secret ends"), "{text}");
    let with_day =
        rig.config_text().replacen("\ncredential = {", "\ncredential_expires = 2200-05-01\ncredential = {", 1);
    rig.configure(&with_day);
    for row in app(&rig).await {
        assert_eq!(row.expires_at.map(|at| at.date().to_string()).as_deref(), Some("2200-05-01"));
    }
    // The certificate's own word counts before the vault's.
    let rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |state| {
        setting::certificate(state, Duration::days(20));
        let version = state.vault(VAULT).secret_mut("partner-certificate").versions.last_mut().unwrap();
        version.expires = version.expires.map(|expires| expires + 86_400 * 100);
    })
    .await;
    let [run, _] = app(&rig).await;
    assert_eq!((run.days_left, run.health, run.credential.as_str()), (Some(20), Health::Aging, "certificate"));
    // One in a file is read by `status` as well: that needs no request.
    let rig = Rig::within(&setting::CERTIFICATES, &due(), |_| {}).await;
    for row in app(&rig).await {
        assert_eq!(row.days_left, Some(200));
    }
    let rig = Rig::within(&setting::FEDERATED_IDENTITY, &due(), |_| {}).await;
    for row in app(&rig).await {
        assert_eq!(
            (row.expires_at, row.health, row.credential.as_str()),
            (None, Health::Fresh, "federated credential")
        );
    }
}
