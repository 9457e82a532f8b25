//! Whatever happens on the way, the stored token stays, and a new one is stored once or twice the same.

use crate::support::{Rig, TOKEN, due, kind};
use rotator::report::OutcomeName;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{Fate, Seed, VAULT};
use rotator::sandbox::state::State;
use rotator::sandbox::vault::right::Right;

/// The run fails for this reason and changes nothing.
async fn stays(prepare: impl FnOnce(&mut State), expected: &str) -> Rig {
    let rig = Rig::with(&due(), prepare).await;
    let before = rig.newest_value(TOKEN);
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, kind(&row)), (OutcomeName::Failed, expected));
    assert_eq!(row.previous_version, None, "nothing was replaced");
    assert_eq!((rig.newest_value(TOKEN), rig.version_count(TOKEN)), (before, 1));
    rig
}

#[tokio::test]
async fn an_answer_without_a_refresh_token() {
    let rig = stays(|state| state.directory.quirks.no_refresh_token = true, "entra.answer.no-refresh-token").await;
    assert!(rig.accepted(TOKEN));
}

#[tokio::test]
async fn a_refresh_token_that_does_not_fit() {
    stays(|state| state.directory.quirks.long_tokens = Some(26_000), "entra.answer.too-long").await;
}

#[tokio::test]
async fn a_failed_proof() {
    stays(|state| state.directory.quirks.dead_tokens = true, "entra.proof").await;
}

#[tokio::test]
async fn a_read_back_that_differs() {
    let rig = Rig::new(&due()).await;
    let read_back = Rule::new(Phase::After, Fault::Garble { from: "AgABAwEA".into(), to: "other".into() });
    rig.fault(read_back.clone().on(Route::Read).about(TOKEN).skip(2).times(1));
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, rig.version_count(TOKEN)), (OutcomeName::Rotated, 3), "it is written once more");
    let rig = Rig::new(&due()).await;
    rig.fault(read_back.on(Route::Read).about(TOKEN).skip(2).times(2));
    let row = rig.run_one(&[]).await;
    assert_eq!(kind(&row), "vault.read-back");
    assert_eq!(row.retired.len(), 0);
    assert!(rig.accepted(TOKEN), "the version before is enabled, and so is the new one");
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
}

#[tokio::test]
async fn a_write_that_was_refused() {
    let rig = stays(|state| state.vault(VAULT).rights.denied.extend([Right::Set]), "vault.forbidden.rbac").await;
    assert!(rig.accepted(TOKEN));
}

async fn written_once_or_twice(fault: Fault, phase: Phase) -> usize {
    let rig = Rig::new(&due()).await;
    rig.fault(Rule::new(phase, fault).on(Route::Write).times(1));
    let row = rig.run_one(&[]).await;
    assert_eq!(row.outcome, OutcomeName::Rotated);
    assert!(rig.accepted(TOKEN));
    let state = rig.world().state();
    let new: Vec<&str> =
        state.vaults[VAULT].versions(TOKEN)[1..].iter().map(|version| version.value.as_str()).collect();
    assert!(new.iter().all(|value| *value == new[0]), "all new versions are equal");
    new.len()
}

#[tokio::test]
async fn a_write_that_was_stored_but_whose_answer_was_lost() {
    for fault in [Fault::status(503), Fault::status(500), Fault::Reset, Fault::Cut, Fault::Half, Fault::page(200)] {
        assert_eq!(written_once_or_twice(fault, Phase::After).await, 1);
    }
}

#[tokio::test]
async fn a_write_that_was_not_stored() {
    for fault in [Fault::status(503), Fault::Reset, Fault::throttled(1)] {
        assert_eq!(written_once_or_twice(fault, Phase::Before).await, 1);
    }
}

#[tokio::test]
async fn many_tags_of_others_neither_make_ours_foreign_nor_are_they_lost() {
    for count in [9, 12, 14, 15] {
        let rig = Rig::with(&due(), |state| {
            let version = &mut state.vault(VAULT).secret_mut(TOKEN).versions[0];
            version.tags.retain(|name, _| name == "rotator-issued" && count < 15);
            version.tags.extend((0..count).map(|nth| (format!("tag-{nth}"), "x".to_owned())));
        })
        .await;
        let outcome = rig.call(&["run"]).await;
        assert!(outcome.stdout.contains("rotated"), "{count}: {}", outcome.stdout);
        assert_eq!(outcome.stdout.contains("Key Vault allows 15 tags"), count > 9, "{count}: {}", outcome.stdout);
        let tags = rig.world().state().vaults[VAULT].newest(TOKEN).unwrap().tags.clone();
        assert_eq!(tags.keys().filter(|name| name.starts_with("tag-")).count(), count);
        assert_eq!(tags.contains_key("rotator-issued"), count < 15);
        // The expiry still tells when it was issued.
        let row = rig.run_one(&[]).await;
        assert_eq!((row.outcome, row.days_left), (OutcomeName::Probed, Some(90)), "{count}");
    }
}

/// What a person sets as the expiry says nothing of the issue.
#[tokio::test]
async fn a_token_stored_by_hand_with_an_expiry_is_due_all_the_same() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(0).untagged()], |state| {
        let version = &mut state.vault(VAULT).secret_mut(TOKEN).versions[0];
        version.expires = Some(version.created + 90 * 86_400);
    })
    .await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
}

#[tokio::test]
async fn a_version_disabled_in_the_middle_of_a_run_is_held() {
    let rig = Rig::new(&due()).await;
    let disabled = rig.meanwhile(
        |pause| pause.on(Route::Read).about(TOKEN),
        |state| state.vault(VAULT).secret_mut(TOKEN).versions[0].enabled = false,
    );
    let row = rig.run_one(&[]).await;
    disabled.await.unwrap();
    assert_eq!((row.outcome, kind(&row)), (OutcomeName::Held, "vault.secret.disabled"));
}

#[tokio::test]
async fn a_version_that_was_written_is_named_whatever_fails_afterwards() {
    let rig = Rig::new(&due()).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Read).about(TOKEN).skip(2));
    let row = rig.run_one(&["--deadline", "3s"]).await;
    assert_eq!((row.outcome, kind(&row), row.days_left), (OutcomeName::Failed, "vault.unavailable", Some(90)));
    let newest = rig.world().state().vaults[VAULT].newest(TOKEN).unwrap().id.clone();
    assert_eq!(row.version, Some(newest));
    let rig = Rig::new(&due()).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Versions).skip(1));
    let row = rig.run_one(&[]).await;
    assert_eq!(row.outcome, OutcomeName::Rotated, "the list after the write is not what keeps a token alive");
}

#[tokio::test]
async fn a_failed_proof_for_another_reason_keeps_that_reason() {
    let rig = Rig::new(&due()).await;
    let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: x","error_codes":[7000222]}"#;
    let expired =
        Fault::Answer { status: 401, headers: vec![], content_type: "application/json".into(), body: body.into() };
    rig.fault(Rule::new(Phase::Before, expired).on(Route::Token).skip(1));
    let row = rig.run_one(&[]).await;
    assert_eq!((kind(&row), rig.version_count(TOKEN)), ("entra.client-secret.expired", 1));
}

#[tokio::test]
async fn a_recovery_that_fails_for_a_passing_reason_is_tried_again() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).older(1).fate(Fate::Damaged)]).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Token).skip(1).times(4));
    let row = rig.run_one(&[]).await;
    assert_eq!(kind(&row), "entra.unavailable");
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Recovered);
}

#[tokio::test]
async fn the_same_refresh_token_again_is_no_new_one() {
    let rig = Rig::new(&due()).await;
    let old = rig.newest_value(TOKEN);
    let body = format!("{{\"access_token\":\"a\",\"refresh_token\":\"{old}\"}}");
    let same = Fault::Answer { status: 200, headers: vec![], content_type: "application/json".into(), body };
    rig.fault(Rule::new(Phase::Before, same).on(Route::Token));
    let row = rig.run_one(&[]).await;
    assert_eq!((kind(&row), rig.version_count(TOKEN)), ("entra.answer.same-refresh-token", 1));
}

#[tokio::test]
async fn a_tag_from_the_future_does_not_make_a_token_young() {
    for issued in ["9999-12-31T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let rig = Rig::with(&due(), |state| {
            let version = &mut state.vault(VAULT).secret_mut(TOKEN).versions[0];
            version.tags.insert("rotator-issued".into(), issued.into());
        })
        .await;
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated, "{issued}");
    }
}

#[tokio::test]
async fn two_runs_at_once_leave_an_accepted_token() {
    let rig = Rig::new(&due()).await;
    let (one, two) = tokio::join!(rig.run(&["--force"]), rig.run(&["--force"]));
    for ran in [one, two] {
        assert!(matches!(ran.only().outcome, OutcomeName::Rotated | OutcomeName::Superseded));
    }
    assert!(rig.accepted(TOKEN));
    assert!(rig.version_count(TOKEN) <= 3);
}

#[tokio::test]
async fn a_damaged_value_is_replaced_from_the_version_before() {
    let seeds = [Seed::new(TOKEN).days_old(2).older(1).fate(Fate::Damaged)];
    let rig = Rig::new(&seeds).await;
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, row.health.as_str()), (OutcomeName::Recovered, "fresh"));
    assert!(rig.accepted(TOKEN));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
}

#[tokio::test]
async fn a_damaged_value_of_another_consent_is_not_replaced() {
    let seeds = [Seed::new(TOKEN).days_old(8).older(1).fate(Fate::Damaged)];
    let rig = Rig::with(&seeds, |state| {
        let newest = &mut state.vault(VAULT).secret_mut(TOKEN).versions[1];
        newest.tags.insert("rotator-consented".into(), "2026-11-01T00:00:00Z".into());
    })
    .await;
    let row = rig.run_one(&[]).await;
    assert_eq!((kind(&row), rig.version_count(TOKEN)), ("entra.bad-token", 2));
}

#[tokio::test]
async fn expired_and_revoked_tokens_are_not_replaced_by_older_ones() {
    for fate in [Fate::Revoked, Fate::RefusedWith(53_003)] {
        let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).older(2).fate(fate)]).await;
        rig.run_one(&[]).await;
        let lines = rig.world().journal().lines();
        assert_eq!(lines.iter().filter(|line| line.contains("/oauth2/")).count(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn optional_rights_may_be_missing() {
    let seeds = [Seed::new(TOKEN).days_old(8).older(3)];
    for right in [Right::List, Right::Update] {
        let rig = Rig::with(&seeds, |state| state.vault(VAULT).rights.denied.extend([right])).await;
        let row = rig.run_one(&[]).await;
        assert_eq!((row.outcome, row.retired.len()), (OutcomeName::Rotated, 0), "{right:?}");
        let note = if right == Right::List { "note: the right to list" } else { "note: old versions could not be" };
        let stdout = rig.call(&["run", "--force"]).await.stdout;
        assert!(stdout.contains(note), "{stdout}");
    }
}
