//! Somebody else stores a version while a run is under way: it is never lost, and never left covered.

use crate::support::{Rig, TOKEN, due, soon};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::USER;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, VAULT};
use rotator::sandbox::vault::store::Version;

/// Adds a version before the nth read of the token, by hand of a person who signed in meanwhile.
async fn someone_signs_in_before_read(nth: usize) -> (Rig, rotator::report::Row, String) {
    let rig = Rig::new(&due()).await;
    let theirs = signs_in(&rig, |pause| pause.on(Route::Read).skip(nth));
    let row = rig.run_one(&[]).await;
    (rig, row, theirs.await.unwrap())
}

/// A person who stores a version of their own while the run waits at the request that `at` chooses.
pub(crate) fn signs_in(rig: &Rig, at: impl FnOnce(Rule) -> Rule) -> tokio::task::JoinHandle<String> {
    rig.meanwhile(
        |pause| at(pause.about(TOKEN)),
        |state| {
            let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
            state.vault(VAULT).add(TOKEN, Version::new(&value).tagged("by", "ada"));
            value
        },
    )
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
    let person = rig.meanwhile(
        |pause| pause.on(Route::Read).about(TOKEN),
        |state| {
            let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
            let wrong = Version::new("pasted by mistake").aged(time::Duration::minutes(1));
            state.vault(VAULT).add(TOKEN, wrong);
            state.vault(VAULT).add(TOKEN, Version::new(&value));
        },
    );
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
async fn a_version_stored_with_tags_copied_from_ours_is_somebody_elses() {
    let rig = Rig::new(&due()).await;
    let copied = rig.meanwhile(
        |pause| pause.on(Route::Write),
        |state| {
            let value = state.directory.issue(CLIENT, USER, true, time::Duration::ZERO);
            let tags = state.vault(VAULT).newest(TOKEN).unwrap().tags.clone();
            state.vault(VAULT).add(TOKEN, Version { tags, ..Version::new(&value) });
            value
        },
    );
    let row = rig.run_one(&[]).await;
    let theirs = copied.await.unwrap();
    assert_eq!((row.outcome, rig.newest_value(TOKEN)), (OutcomeName::Superseded, theirs));
}

/// A second person signs in while the version of the first one is put on top again.
#[tokio::test]
async fn two_foreign_versions_one_after_the_other() {
    let rig = Rig::new(&due()).await;
    let mut paused = rig.pause(|rule| rule.on(Route::Write).times(2));
    let world = std::sync::Arc::clone(rig.world());
    let people = tokio::spawn(async move {
        let mut last = String::new();
        for _ in 0..2 {
            let resume = paused.arrived().await;
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
async fn a_foreign_version_after_the_write_wins() {
    let (rig, row, theirs) = someone_signs_in_before_read(2).await;
    assert_eq!((row.outcome, rig.newest_value(TOKEN)), (OutcomeName::Superseded, theirs));
    assert_eq!(rig.version_count(TOKEN), 3);
}
