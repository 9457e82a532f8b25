//! A sign-in and a run of the job at the same time: the sign-in is on top at the end, whatever came first.

use super::import::{import, issue};
use crate::support::{Rig, TOKEN, due, soon};
use rotator::report::{OutcomeName, Report};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, VAULT};
use rotator::sandbox::vault::store::Version;

/// When the last sign-in was, as the newest version says.
fn consented(rig: &Rig) -> Option<String> {
    rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags.get("rotator-consented").cloned()
}

#[tokio::test]
async fn a_sign_in_during_a_run_is_put_on_top_again() {
    let rig = Rig::new(&due()).await;
    let mut paused = rig.pause(|rule| rule.on(Route::Write).times(1));
    let job = rig.start(&["run", "--output", "json"]);
    let resume = paused.arrived().await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    assert_eq!(import(&rig, &token, &[]).await.code, Some(0));
    let signed_in = consented(&rig);
    assert!(signed_in.is_some());
    resume.send(()).unwrap();
    let output = soon(job.wait_with_output()).await.unwrap();
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.tokens[0].outcome, OutcomeName::Superseded, "{report:?}");
    assert_eq!(consented(&rig), signed_in);
    assert!(rig.accepted(TOKEN));
    let before = rig.version_count(TOKEN);
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
    assert_eq!(rig.version_count(TOKEN), before);
}

#[tokio::test]
async fn a_run_that_is_killed_after_covering_it_is_repaired_by_the_next() {
    let rig = Rig::new(&due()).await;
    let mut paused = rig.pause(|rule| rule.on(Route::Write).times(1));
    let mut job = rig.start(&["run"]);
    let resume = paused.arrived().await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    assert_eq!(import(&rig, &token, &[]).await.code, Some(0));
    let signed_in = consented(&rig);
    let (sender, mut written) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Signal(sender)).on(Route::Read).times(1));
    resume.send(()).unwrap();
    soon(written.recv()).await.unwrap();
    job.kill().await.unwrap();
    assert_eq!(consented(&rig), None);
    rig.world().heal();
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Superseded);
    assert_eq!(consented(&rig), signed_in);
    assert!(rig.accepted(TOKEN));
}

#[tokio::test]
async fn a_run_during_a_sign_in_is_covered_by_it() {
    let rig = Rig::new(&due()).await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    // The sign-in has looked at the versions, and is about to make sure that nothing came on top of them.
    let mut paused = rig.pause(|rule| rule.on(Route::Read).about(TOKEN).times(1));
    let (outcome, ()) = tokio::join!(import(&rig, &token, &[]), async {
        let resume = paused.arrived().await;
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
        resume.send(()).unwrap();
    });
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(consented(&rig).is_some() && rig.accepted(TOKEN));
    assert_eq!(rig.version_count(TOKEN), 3);
}

/// The last sign-in is noted on the version that both begin with, and on what the job makes of it.
#[tokio::test]
async fn a_run_in_the_middle_of_the_write_does_not_come_back_later() {
    let rig = Rig::with(&due(), |state| {
        let version = state.vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap();
        version.tags.insert("rotator-consented".to_owned(), "2026-01-02T03:04:05Z".to_owned());
    })
    .await;
    let token = issue(&mut rig.world().state(), CLIENT, true);
    let mut paused = rig.pause(|rule| rule.on(Route::Write).times(1));
    let (outcome, ()) = tokio::join!(import(&rig, &token, &[]), async {
        let resume = paused.arrived().await;
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
        resume.send(()).unwrap();
    });
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let signed_in = consented(&rig);
    assert!(signed_in.as_deref() > Some("2026-01-02T03:04:05Z"));
    for _ in 0..2 {
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
        assert_eq!((consented(&rig), rig.version_count(TOKEN)), (signed_in.clone(), 3));
    }
}

/// What the person was asked about is not there any more.
#[tokio::test]
async fn what_somebody_else_stored_while_it_went_on_is_not_covered() {
    for how in ["by hand", "by hand, and renewed", "by a sign-in"] {
        let rig = Rig::new(&due()).await;
        let (mine, theirs) = {
            let mut state = rig.world().state();
            (issue(&mut state, CLIENT, true), issue(&mut state, CLIENT, true))
        };
        let mut paused = rig.pause(|rule| rule.on(Route::Token).times(1));
        let (outcome, newest) = tokio::join!(import(&rig, &mine, &[]), async {
            let resume = paused.arrived().await;
            if how == "by a sign-in" {
                assert_eq!(import(&rig, &theirs, &[]).await.code, Some(0));
            } else {
                rig.world().state().vault(VAULT).add(TOKEN, Version::new(&theirs));
            }
            if how == "by hand, and renewed" {
                assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
            }
            let newest = rig.newest_value(TOKEN);
            resume.send(()).unwrap();
            newest
        });
        assert!(outcome.code == Some(3) && outcome.stderr.contains("somebody else stored version"), "{outcome:?}");
        assert_eq!(rig.newest_value(TOKEN), newest, "{how}");
    }
}

/// Two people sign in at the same moment, each over the same version: the later one stays.
#[tokio::test]
async fn of_two_sign_ins_in_one_moment_one_is_on_top_and_the_other_is_told() {
    let rig = Rig::new(&due()).await;
    let (mine, theirs) = {
        let mut state = rig.world().state();
        (issue(&mut state, CLIENT, true), issue(&mut state, CLIENT, true))
    };
    let mut paused = rig.pause(|rule| rule.on(Route::Write).times(1));
    let (first, second) = tokio::join!(import(&rig, &mine, &[]), async {
        let resume = paused.arrived().await;
        let second = import(&rig, &theirs, &[]).await;
        resume.send(()).unwrap();
        second
    });
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{first:?} {second:?}");
    assert!(rig.accepted(TOKEN));
    let newest = rig.newest_value(TOKEN);
    for _ in 0..2 {
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
        assert_eq!(rig.newest_value(TOKEN), newest);
    }
}

/// Fifteen tags hold two of ours besides thirteen of others: the sign-in is one of them.
#[tokio::test]
async fn a_sign_in_is_known_as_one_whatever_tags_there_are() {
    for count in [0, 9, 11, 12, 13, 14] {
        let rig = Rig::with(&due(), |state| {
            let version = state.vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap();
            version.tags.retain(|name, _| name == "rotator-issued");
            version.tags.extend((0..count).map(|nth| (format!("cost-centre-{nth}"), nth.to_string())));
        })
        .await;
        let mut paused = rig.pause(|rule| rule.on(Route::Write).times(1));
        let job = rig.start(&["run", "--output", "json"]);
        let resume = paused.arrived().await;
        let token = issue(&mut rig.world().state(), CLIENT, true);
        assert_eq!(import(&rig, &token, &[]).await.code, Some(0));
        let signed_in = rig.newest_value(TOKEN);
        resume.send(()).unwrap();
        let output = soon(job.wait_with_output()).await.unwrap();
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report.tokens[0].outcome, OutcomeName::Superseded, "{count}");
        assert_eq!(rig.newest_value(TOKEN), signed_in, "{count}");
    }
}
