//! Receivers that keep the state of each token by themselves: they are told of all that stands in every run.

use super::{events, revoked, rig};
use crate::support::{Rig, TOKEN};
use rotator::sandbox::entra::directory::USER;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, Fate, Seed, VAULT};
use serde_json::Value;

fn with_pager_duty(rig: &Rig, lines: &str) {
    let text = rig.config_text();
    let url = text.lines().find(|line| line.contains("/ops\"")).unwrap().replace("/ops", "/pd");
    let table = format!(
        "[[notify]]\ntype = \"pagerduty\"\n{url}\nrouting_key = {{ env = \"ROUTING_KEY\" }}\n{lines}\n[heartbeat]"
    );
    rig.configure(&text.replace("[heartbeat]", &table));
}

async fn paged(seeds: &[Seed], lines: &str) -> Rig {
    let rig = rig(seeds).await.env("ROUTING_KEY", "R0UT1NG");
    with_pager_duty(&rig, lines);
    rig
}

/// Action and token of each event.
fn pages(rig: &Rig) -> Vec<String> {
    let name = |event: &Value| event["dedup_key"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let text = |event: &Value| format!("{} {}", event["event_action"].as_str().unwrap(), name(event));
    let mut pages: Vec<String> = events(rig, "/pd").iter().map(text).collect();
    // They are sent at once.
    pages.sort();
    pages
}

#[tokio::test]
async fn an_incident_is_triggered_in_every_run_until_it_is_resolved_in_every_run() {
    let rig = paged(&revoked(), "").await;
    for _ in 0..2 {
        rig.run(&[]).await;
        assert_eq!(pages(&rig), ["resolve partner".to_owned(), format!("trigger {TOKEN}")]);
    }
    // A run that did not come to look neither triggers nor resolves.
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Token));
    rig.run(&["--deadline", "1s"]).await;
    assert!(!pages(&rig).iter().any(|page| page.ends_with(TOKEN)));
    rig.world().heal();
    let token = rig.world().state().directory.issue(CLIENT, USER, true, time::Duration::ZERO);
    crate::consent::import(&rig, &token, &[]).await;
    for _ in 0..2 {
        rig.run(&[]).await;
        assert_eq!(pages(&rig), [format!("resolve {TOKEN}"), "resolve partner".to_owned()]);
    }
}

/// What is left is not of interest to it, so its incident is over.
#[tokio::test]
async fn an_incident_is_resolved_by_what_is_less_urgent() {
    let rig = paged(&[Seed::new(TOKEN).days_old(1).fate(Fate::Revoked)], "min_severity = \"critical\"").await;
    rig.run(&[]).await;
    assert!(pages(&rig).contains(&format!("trigger {TOKEN}")));
    let token = rig.world().state().directory.issue(CLIENT, USER, false, time::Duration::ZERO);
    crate::consent::import(&rig, &token, &["--allow-no-mfa"]).await;
    rig.run(&[]).await;
    assert!(pages(&rig).contains(&format!("resolve {TOKEN}")));
}

/// Where the run saw nothing of a token, or did not redeem it, nobody can say that an incident is over.
#[tokio::test]
async fn an_incident_is_not_resolved_by_a_run_that_saw_nothing() {
    let rig = paged(&revoked(), "min_severity = \"critical\"").await;
    rig.run(&[]).await;
    assert!(pages(&rig).contains(&format!("trigger {TOKEN}")));
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Versions));
    rig.run(&["--deadline", "1s"]).await;
    assert!(!pages(&rig).iter().any(|page| page.ends_with(TOKEN)));
    rig.world().heal();
    // Nobody could note it, and it is not probed.
    rig.world().state().vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap().tags.remove("rotator-state");
    rig.configure(&rig.config_text().replace("purpose =", "probe = \"never\"\nrotate_after = \"20d\"\npurpose ="));
    rig.run(&[]).await;
    assert!(!pages(&rig).iter().any(|page| page.ends_with(TOKEN)));
}

/// One event that is refused keeps none of the others back.
#[tokio::test]
async fn one_refused_event_holds_up_no_other() {
    let seeds: Vec<Seed> = (0..40).map(|nth| Seed::new(&format!("t{nth}")).days_old(1)).collect();
    let rig = paged(&seeds, "").await;
    rig.fault(Rule::new(Phase::Before, Fault::status(400)).on(Route::Receiver).about("/pd").times(1));
    assert_eq!(rig.run(&[]).await.report.notify_failed, ["pagerduty"]);
    assert_eq!(pages(&rig).len(), 40, "40 tokens and their app, without the one that was refused");
}

/// Somebody else stores a version while the run works: it is worth a note, and no incident.
#[tokio::test]
async fn what_happened_is_no_state() {
    let rig = paged(&[Seed::new(TOKEN).days_old(8).older(1).fate(Fate::Damaged)], "min_severity = \"info\"").await;
    rig.run(&[]).await;
    assert!(pages(&rig).contains(&format!("resolve {TOKEN}")));
}
