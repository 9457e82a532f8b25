//! Whatever happens on the way, the stored token stays, and a new one is stored once or twice the same.

use crate::support::{Rig, TOKEN, due, kind};
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
    rig.fault(read_back.on(Route::Read).about(TOKEN).skip(2).times(1));
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

/// Adds a version between two requests of the run, by hand of a person who signed in meanwhile.
async fn someone_signs_in_before(nth_read: usize) -> (Rig, rotator::report::Row, String) {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let pause = Rule::new(Phase::Before, Fault::Pause(sender)).about(TOKEN);
    rig.fault(if nth_read == 0 {
        pause.on(Route::Write).times(1)
    } else {
        pause.on(Route::Read).skip(nth_read).times(1)
    });
    let world = std::sync::Arc::clone(rig.world());
    let person = tokio::spawn(async move {
        let resume = arrived.recv().await.unwrap();
        let mut state = world.state();
        let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
        state.vault(VAULT).add(TOKEN, Version::new(&value).tagged("by", "ada"));
        resume.send(()).unwrap();
        value
    });
    let row = rig.run_one(&[]).await;
    (rig, row, person.await.unwrap())
}

#[tokio::test]
async fn a_foreign_version_before_the_guard_wins() {
    let (rig, row, theirs) = someone_signs_in_before(1).await;
    assert_eq!(row.outcome, OutcomeName::Superseded);
    assert_eq!((rig.newest_value(TOKEN), rig.version_count(TOKEN)), (theirs, 2));
}

#[tokio::test]
async fn a_foreign_version_between_guard_and_write_is_put_on_top_again() {
    let (rig, row, theirs) = someone_signs_in_before(0).await;
    assert_eq!(row.outcome, OutcomeName::Superseded);
    assert_eq!(rig.newest_value(TOKEN), theirs);
    let state = rig.world().state();
    let newest = state.vaults[VAULT].newest(TOKEN).unwrap();
    assert_eq!(newest.tags.get("by").map(String::as_str), Some("ada"));
    assert_eq!(row.version.as_deref(), Some(newest.id.as_str()));
    assert!(row.retired.is_empty());
}

#[tokio::test]
async fn a_foreign_version_after_the_write_wins() {
    let (rig, row, theirs) = someone_signs_in_before(2).await;
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
        assert!(rig.call(&["run"]).await.stdout.contains(if right == Right::List {
            "note: the right to list"
        } else {
            ""
        }));
    }
}
