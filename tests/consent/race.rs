//! A sign-in and a run of the job at the same time: the sign-in is on top at the end, whatever came first.

use super::import::{import, issue};
use crate::support::{Rig, TOKEN, due, soon};
use rotator::report::{OutcomeName, Report};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, VAULT};

/// When the last sign-in was, as the newest version says.
fn consented(rig: &Rig) -> Option<String> {
    rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags.get("rotator-consented").cloned()
}

#[tokio::test]
async fn a_sign_in_during_a_run_is_put_on_top_again() {
    let rig = Rig::new(&due()).await;
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Write).times(1));
    let job = rig.start(&["run", "--output", "json"]);
    let resume = soon(arrived.recv()).await.unwrap();
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
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Write).times(1));
    let mut job = rig.start(&["run"]);
    let resume = soon(arrived.recv()).await.unwrap();
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
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(Route::Read).about(TOKEN).times(1));
    let (outcome, ()) = tokio::join!(import(&rig, &token, &[]), async {
        let resume = soon(arrived.recv()).await.unwrap();
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
        resume.send(()).unwrap();
    });
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(consented(&rig).is_some() && rig.accepted(TOKEN));
    assert_eq!(rig.version_count(TOKEN), 3);
}
