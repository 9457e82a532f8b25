//! Whatever happens on the way, the stored token stays, and a new one is stored once or twice the same.

use crate::support::{Rig, TOKEN, due, kind, soon};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::USER;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, Fate, Seed, VAULT};
use rotator::sandbox::state::State;
use rotator::sandbox::vault::right::Right;
use rotator::sandbox::vault::store::Version;

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

/// Adds a version before the nth read of the token, by hand of a person who signed in meanwhile.
async fn someone_signs_in_before_read(nth: usize) -> (Rig, rotator::report::Row, String) {
    let rig = Rig::new(&due()).await;
    let theirs = signs_in(&rig, |pause| pause.on(Route::Read).skip(nth));
    let row = rig.run_one(&[]).await;
    (rig, row, theirs.await.unwrap())
}

/// A person who stores a version of their own while the run waits at the request that `at` chooses.
fn signs_in(rig: &Rig, at: impl FnOnce(Rule) -> Rule) -> tokio::task::JoinHandle<String> {
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(at(Rule::new(Phase::Before, Fault::Pause(sender)).about(TOKEN)).times(1));
    let world = std::sync::Arc::clone(rig.world());
    tokio::spawn(async move {
        let resume = soon(arrived.recv()).await.unwrap();
        let value = {
            let mut state = world.state();
            let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
            state.vault(VAULT).add(TOKEN, Version::new(&value).tagged("by", "ada"));
            value
        };
        resume.send(()).unwrap();
        value
    })
}
#[tokio::test]
async fn a_foreign_version_before_the_first_read_is_the_one_that_is_rotated() {
    let (rig, row, theirs) = someone_signs_in_before_read(0).await;
    assert_eq!(row.outcome, OutcomeName::Rotated);
    assert!(rig.accepted(TOKEN));
    assert_eq!(rig.version_count(TOKEN), 3);
    assert_ne!(rig.newest_value(TOKEN), theirs);
    let state = rig.world().state();
    assert_eq!(state.vaults[VAULT].newest(TOKEN).unwrap().tags["by"], "ada", "their tags are carried over");
}

#[tokio::test]
async fn a_version_that_a_person_replaced_at_once_does_not_come_back() {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Read).about(TOKEN).times(1));
    let world = std::sync::Arc::clone(rig.world());
    let person = tokio::spawn(async move {
        let resume = soon(arrived.recv()).await.unwrap();
        {
            let mut state = world.state();
            let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
            let wrong = Version::new("pasted by mistake").aged(time::Duration::minutes(1));
            state.vault(VAULT).add(TOKEN, wrong);
            state.vault(VAULT).add(TOKEN, Version::new(&value));
        }
        resume.send(()).unwrap();
    });
    let row = rig.run_one(&[]).await;
    person.await.unwrap();
    assert_eq!(row.outcome, OutcomeName::Rotated);
    assert!(rig.accepted(TOKEN));
}

#[tokio::test]
async fn a_foreign_version_before_the_guard_wins() {
    let (rig, row, theirs) = someone_signs_in_before_read(1).await;
    assert_eq!(row.outcome, OutcomeName::Superseded);
    assert_eq!((rig.newest_value(TOKEN), rig.version_count(TOKEN)), (theirs, 2));
}

#[tokio::test]
async fn a_foreign_version_between_guard_and_write_is_put_on_top_again() {
    let rig = Rig::new(&due()).await;
    let theirs = signs_in(&rig, |pause| pause.on(Route::Write));
    let row = rig.run_one(&[]).await;
    let theirs = theirs.await.unwrap();
    assert_eq!(row.outcome, OutcomeName::Superseded);
    assert_eq!(rig.newest_value(TOKEN), theirs);
    let state = rig.world().state();
    let newest = state.vaults[VAULT].newest(TOKEN).unwrap();
    assert_eq!(newest.tags.get("by").map(String::as_str), Some("ada"));
    assert_eq!(row.version.as_deref(), Some(newest.id.as_str()));
    assert!(row.retired.is_empty());
}

#[tokio::test]
async fn a_foreign_version_that_a_killed_run_left_covered_is_put_on_top_by_the_next_one() {
    let rig = Rig::with(&due(), |state| {
        // Made in another second than what covers it, as it is when a person signs in.
        state.vault(VAULT).secret_mut(TOKEN).versions[0].created -= 60;
    })
    .await;
    let theirs = signs_in(&rig, |pause| pause.on(Route::Write));
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Signal(sender)).on(Route::Write).times(1));
    let mut child = rig.start(&["run"]);
    let theirs = theirs.await.unwrap();
    soon(arrived.recv()).await.unwrap();
    child.kill().await.unwrap();
    assert_ne!(rig.newest_value(TOKEN), theirs, "theirs is covered");
    let row = rig.run_one(&[]).await;
    assert_eq!((row.outcome, rig.newest_value(TOKEN)), (OutcomeName::Superseded, theirs));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated, "it is due, as every version by hand");
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

#[tokio::test]
async fn a_version_stored_with_tags_copied_from_ours_is_somebody_elses() {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Write).times(1));
    let world = std::sync::Arc::clone(rig.world());
    let copied = tokio::spawn(async move {
        let resume = soon(arrived.recv()).await.unwrap();
        let mut state = world.state();
        let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
        let tags = state.vault(VAULT).newest(TOKEN).unwrap().tags.clone();
        state.vault(VAULT).add(TOKEN, Version { tags, ..Version::new(&value) });
        drop(state);
        resume.send(()).unwrap();
        value
    });
    let row = rig.run_one(&[]).await;
    let theirs = copied.await.unwrap();
    assert_eq!((row.outcome, rig.newest_value(TOKEN)), (OutcomeName::Superseded, theirs));
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

/// A second person signs in while the version of the first one is put on top again.
#[tokio::test]
async fn two_foreign_versions_one_after_the_other() {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Write).times(2));
    let world = std::sync::Arc::clone(rig.world());
    let people = tokio::spawn(async move {
        let mut last = String::new();
        for _ in 0..2 {
            let resume = soon(arrived.recv()).await.unwrap();
            let mut state = world.state();
            last = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
            state.vault(VAULT).add(TOKEN, Version::new(&last));
            drop(state);
            resume.send(()).unwrap();
        }
        last
    });
    let row = rig.run_one(&[]).await;
    let last = people.await.unwrap();
    assert_eq!((row.outcome, rig.newest_value(TOKEN)), (OutcomeName::Superseded, last));
}

#[tokio::test]
async fn a_version_disabled_in_the_middle_of_a_run_is_held() {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Read).about(TOKEN).times(1));
    let world = std::sync::Arc::clone(rig.world());
    tokio::spawn(async move {
        let resume = soon(arrived.recv()).await.unwrap();
        world.state().vault(VAULT).secret_mut(TOKEN).versions[0].enabled = false;
        resume.send(()).unwrap();
    });
    let row = rig.run_one(&[]).await;
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
async fn a_foreign_version_after_the_write_wins() {
    let (rig, row, theirs) = someone_signs_in_before_read(2).await;
    assert_eq!((row.outcome, rig.newest_value(TOKEN)), (OutcomeName::Superseded, theirs));
    assert_eq!(rig.version_count(TOKEN), 3);
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
