//! The process is killed at every request, before it has an effect and after: a second run always converges.

use crate::support::{Rig, TOKEN, soon};
use rotator::report::OutcomeName;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::seed::{Fate, Seed};

/// Kills a run at its `nth` request, and runs again.
async fn killed_at(seed: &Seed, nth: usize, phase: Phase) {
    let what = format!("killed {phase:?} request {nth}");
    let rig = Rig::new(std::slice::from_ref(seed)).await;
    let versions = rig.version_count(TOKEN);
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    rig.fault(Rule::new(phase, Fault::Signal(sender)).skip(nth).times(1));
    let mut child = rig.start(&["run"]);
    soon(arrived.recv()).await.unwrap();
    child.kill().await.unwrap();

    let row = rig.run_one(&[]).await;
    let converged = [OutcomeName::Rotated, OutcomeName::Probed, OutcomeName::Recovered];
    assert!(converged.contains(&row.outcome), "{what}: {:?} {:?}", row.outcome, row.failure);
    assert!(rig.accepted(TOKEN), "{what}: the newest version is not accepted");
    assert!(row.issued_at.is_some(), "{what}: the age is not known");
    assert!(rig.version_count(TOKEN) <= versions + 2, "{what}: {} versions", rig.version_count(TOKEN));
}

async fn killed_anywhere(name: &str, seed: Seed) {
    let clean = Rig::new(std::slice::from_ref(&seed)).await;
    clean.run_one(&[]).await;
    let requests = clean.world().journal().entries().len();
    println!("{name}: {requests} requests, killed before and after each");
    let at = (0..requests).flat_map(|nth| [(nth, Phase::Before), (nth, Phase::After)]);
    let seed = &seed;
    futures::future::join_all(at.map(|(nth, phase)| killed_at(seed, nth, phase))).await;
}

#[tokio::test]
async fn while_rotating() {
    killed_anywhere("rotate", Seed::new(TOKEN).days_old(8).older(2)).await;
}

#[tokio::test]
async fn while_probing() {
    killed_anywhere("probe", Seed::new(TOKEN).days_old(1)).await;
}

#[tokio::test]
async fn while_recovering() {
    killed_anywhere("recover", Seed::new(TOKEN).days_old(8).older(1).fate(Fate::Damaged)).await;
}
