//! Who is told what, when, and how often.

mod memory;
mod receivers;
mod state;

use crate::support::{Rig, TOKEN, due, kind};
use rotator::report::OutcomeName;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, Fate, Seed, VAULT};
use rotator::sandbox::setting;
use rotator::sandbox::state::{Received, State};
use rotator::sandbox::vault::right::Right;
use serde_json::Value;

async fn rig(seeds: &[Seed]) -> Rig {
    Rig::within(&setting::TOLD, seeds, |_| {}).await
}

/// What arrived at a path since the last look, as JSON.
fn events(rig: &Rig, path: &str) -> Vec<Value> {
    let mut state = rig.world().state();
    let (mine, others): (Vec<Received>, Vec<Received>) =
        std::mem::take(&mut state.received).into_iter().partition(|received| received.path == path);
    state.received = others;
    mine.iter().map(|received| serde_json::from_str(&received.body).unwrap()).collect()
}

/// Severity and code of each fact, and names of what is over.
fn facts(event: &Value) -> Vec<String> {
    let alerts = event["data"]["alerts"].as_array().unwrap();
    let of = |alert: &Value| -> Vec<String> {
        let name = alert["name"].as_str().unwrap().to_owned();
        if alert["status"] == "resolved" {
            return vec![format!("{name} fine")];
        }
        let facts = alert["facts"].as_array().unwrap().iter();
        facts.map(|fact| format!("{} {}", fact["severity"].as_str().unwrap(), fact["code"].as_str().unwrap())).collect()
    };
    alerts.iter().flat_map(of).collect()
}

fn told(rig: &Rig) -> Vec<Vec<String>> {
    events(rig, "/ops").iter().map(facts).collect()
}

fn state_tag(rig: &Rig) -> Option<String> {
    rig.world().state().vault(VAULT).newest(TOKEN).unwrap().tags.get("rotator-state").cloned()
}

fn revoked() -> Vec<Seed> {
    vec![
        Seed::new(TOKEN)
            .days_old(8)
            .fate(Fate::Revoked)
            .line("purpose = \"nightly report\"")
            .line("owner = \"identity\""),
    ]
}

#[tokio::test]
async fn what_changes_is_told_once_and_what_is_over_as_well() {
    let rig = rig(&revoked()).await;
    assert_eq!(kind(&rig.run_one(&[]).await), "entra.revoked");
    let events = events(&rig, "/ops");
    let alert = &events[0]["data"]["alerts"][0];
    assert_eq!((events.len(), facts(&events[0])), (1, vec!["critical entra.revoked".to_owned()]));
    assert_eq!(
        (&alert["purpose"], &alert["owner"], &alert["days_left"]),
        (&"nightly report".into(), &"identity".into(), &82.into())
    );
    assert_eq!(alert["facts"][0]["fix"], format!("sign in again as the same user, with MFA: rotator consent {TOKEN}"));
    assert!(state_tag(&rig).unwrap().starts_with("critical entra.revoked 20"));
    for _ in 0..3 {
        rig.run_one(&[]).await;
        assert_eq!(told(&rig), [[""; 0]; 0]);
    }
    let status = rig.call(&["status"]).await.stdout;
    assert!(status.contains("told: critical entra.revoked since 20"), "{status}");
    // Somebody signs in again.
    let token = rig.world().state().directory.issue(
        CLIENT,
        rotator::sandbox::entra::directory::USER,
        true,
        time::Duration::ZERO,
    );
    crate::consent::import(&rig, &token, &[]).await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed);
    assert_eq!(told(&rig), [[format!("{TOKEN} fine")]]);
    // So that its return on this version is no repetition.
    assert!(state_tag(&rig).unwrap().starts_with("over entra.revoked 20"));
    rig.run_one(&[]).await;
    assert_eq!(told(&rig), [[""; 0]; 0]);
    assert!(rig.call(&["status"]).await.stdout.contains("age only"));
}

/// A run that did not come to redeem the token does not know that it is accepted again.
#[tokio::test]
async fn what_was_not_looked_at_is_not_over() {
    let rig = rig(&revoked()).await;
    rig.run_one(&[]).await;
    assert_eq!(told(&rig), [["critical entra.revoked"]]);
    let text = rig.config_text();
    for (config, fault) in [
        (text.clone(), Some(Rule::new(Phase::Before, Fault::status(503)).on(Route::Token))),
        (text.replace("purpose =", "suspended_until = 2099-01-01\npurpose ="), None),
        (text.replace("purpose =", "probe = \"never\"\nrotate_after = \"20d\"\npurpose ="), None),
    ] {
        rig.configure(&config);
        if let Some(fault) = fault {
            rig.fault(fault);
        }
        rig.run(&["--deadline", "1s"]).await;
        assert_eq!(told(&rig), [[""; 0]; 0], "{config}");
        assert!(state_tag(&rig).unwrap().starts_with("critical entra.revoked"), "{config}");
        rig.world().heal();
    }
}

/// One that hangs takes its time, and what the others were told is noted all the same.
#[tokio::test]
async fn a_receiver_that_hangs_makes_no_other_hear_twice() {
    let rig = rig(&revoked()).await;
    with_second(&rig, "");
    rig.fault(Rule::new(Phase::Before, Fault::Hang).on(Route::Receiver).about("/second"));
    let mut child = rig.start(&["run"]);
    tokio::time::timeout(std::time::Duration::from_secs(60), child.wait()).await.unwrap().unwrap();
    assert_eq!(told(&rig).len(), 1);
    let tag = state_tag(&rig).unwrap();
    assert_eq!((tag.split(' ').count(), tag.contains(',')), (4, false), "{tag}");
}

/// The scheduler stops the job: people are told all the same.
#[cfg(unix)]
#[tokio::test]
async fn a_run_that_is_stopped_tells_what_it_found() {
    let seeds = [Seed::new("dead").days_old(8).fate(Fate::Revoked), Seed::new("slow").days_old(8)];
    let rig = rig(&seeds).await;
    let mut paused = rig.pause(|rule| rule.on(Route::Read).about("slow"));
    let mut child = rig.start(&["run"]);
    let go_on = paused.arrived().await;
    let id = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    drop(go_on);
    crate::support::soon(child.wait()).await.unwrap();
    let told = told(&rig);
    assert_eq!(told, [["critical entra.revoked"]]);
}

/// All that is new goes in one message.
#[tokio::test]
async fn one_message_tells_of_the_whole_fleet() {
    let rig = rig(&[
        Seed::new("dead").days_old(8).fate(Fate::Revoked),
        Seed::new("old").days_old(61).fate(Fate::RefusedWith(90_033)),
        Seed::new("fine").days_old(1),
        Seed::new("no-mfa").days_old(1).without_mfa(),
        Seed::new("legacy").days_old(1).legacy(),
    ])
    .await;
    rig.run(&[]).await;
    let told = told(&rig);
    assert_eq!(told.len(), 1);
    let expected = [
        "critical entra.revoked",
        "critical entra.client-secret.expired",
        "critical app.expired",
        "warning token.waiting",
        "warning token.aging",
        "warning token.mfa",
    ];
    assert_eq!(told[0], expected);
}

/// A failure that passes is not told before it has kept a due token waiting for two days; then by how near the end is.
#[tokio::test]
async fn what_passes_is_told_when_it_does_not() {
    for (age, expected) in [
        (1, vec![]),
        (8, vec![]),
        (9, vec!["warning token.waiting"]),
        (61, vec!["warning token.waiting", "warning token.aging"]),
        (77, vec!["critical token.waiting", "critical token.expiring"]),
    ] {
        let rig = rig(&[Seed::new(TOKEN).days_old(age)]).await;
        rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Token));
        rig.run(&["--deadline", "1s"]).await;
        let told = told(&rig);
        assert_eq!(told.concat(), expected, "{age} days");
    }
}

#[tokio::test]
async fn each_condition_has_its_code() {
    let no_change: fn(&mut State) = |_| {};
    let disabled: fn(&mut State) = |_| {};
    let soon: fn(&mut State) = |state| {
        let expires = (time::OffsetDateTime::now_utc() + time::Duration::days(20)).unix_timestamp();
        state.vault(VAULT).secret_mut("partner-client-secret").versions[0].expires = Some(expires);
    };
    let seed = || Seed::new(TOKEN).days_old(1);
    for (seed, prepare, expected) in [
        (seed().disabled(), disabled, "critical vault.secret.disabled"),
        (seed(), soon, "warning app.aging"),
        (
            seed().line("reconsent_after = \"1d\""),
            (|state| {
                let version = state.vault(VAULT).secret_mut(TOKEN).versions.last_mut().unwrap();
                version.tags.insert("rotator-consented".to_owned(), "2026-01-02T03:04:05Z".to_owned());
            }) as fn(&mut State),
            "warning token.reconsent",
        ),
        (
            seed().days_old(8).older(1).fate(Fate::Damaged),
            (|state| {
                let versions = &mut state.vault(VAULT).secret_mut(TOKEN).versions;
                let tags = versions[0].tags.clone();
                versions[1].tags.insert("rotator-identity".to_owned(), tags["rotator-identity"].clone());
            }) as fn(&mut State),
            "",
        ),
        (seed().older(400), no_change, "warning vault.versions"),
    ] {
        let rig = Rig::within(&setting::TOLD, &[seed], prepare).await;
        rig.run(&[]).await;
        // What is only worth a note is not told to one who asked for warnings.
        assert_eq!(told(&rig).concat().join(" "), expected);
    }
}

#[tokio::test]
async fn notes_are_told_to_those_who_ask_for_them() {
    let rig = rig(&[Seed::new(TOKEN).days_old(8).older(1).fate(Fate::Damaged)]).await;
    rig.configure(&rig.config_text().replace("name = \"ops\"", "name = \"ops\"\nmin_severity = \"info\""));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Recovered);
    assert_eq!(told(&rig), [["info token.recovered"]]);
    assert_eq!(state_tag(&rig), None);
}

#[tokio::test]
async fn a_version_that_somebody_stored_meanwhile_is_told_to_those_who_ask_for_notes() {
    let rig = rig(&due()).await;
    rig.configure(&rig.config_text().replace("name = \"ops\"", "name = \"ops\"\nmin_severity = \"info\""));
    let theirs = crate::foreign::signs_in(&rig, |pause| pause.on(Route::Read).skip(1));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Superseded);
    theirs.await.unwrap();
    assert_eq!(told(&rig), [["info token.superseded"]]);
}

/// A second receiver of the same kind at another path.
fn with_second(rig: &Rig, lines: &str) {
    let text = rig.config_text();
    let url = text.lines().find(|line| line.contains("/ops\"")).unwrap().replace("/ops", "/second");
    rig.configure(&text.replace(
        "[heartbeat]",
        &format!("[[notify]]\ntype = \"webhook\"\nname = \"second\"\n{url}\n{lines}\n[heartbeat]"),
    ));
}

#[tokio::test]
async fn one_that_is_down_hides_no_other_and_is_told_when_it_is_back() {
    let rig = rig(&revoked()).await;
    with_second(&rig, "");
    rig.fault(Rule::new(Phase::Before, Fault::status(410)).on(Route::Receiver).about("/second"));
    let ran = rig.run(&[]).await;
    assert_eq!(ran.report.notify_failed, ["second"]);
    assert_eq!(told(&rig).len(), 1);
    let tag = state_tag(&rig).unwrap();
    assert_eq!((tag.split(' ').count(), tag.contains(',')), (4, false), "one of two knows: {tag}");
    rig.run(&[]).await;
    assert_eq!((told(&rig).len(), events(&rig, "/second").len()), (0, 0));
    rig.world().heal();
    let ran = rig.run(&[]).await;
    assert_eq!((ran.report.notify_failed.len(), told(&rig).len(), events(&rig, "/second").len()), (0, 0, 1));
    rig.run(&[]).await;
    assert_eq!((told(&rig).len(), events(&rig, "/second").len()), (0, 0));
}

#[tokio::test]
async fn a_receiver_that_fails_fails_no_rotation() {
    let rig = rig(&[Seed::new(TOKEN).days_old(8).without_mfa()]).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(403)).on(Route::Receiver).about("/ops"));
    let ran = rig.run(&[]).await;
    assert_eq!((ran.report.tokens[0].outcome, ran.outcome.code), (OutcomeName::Rotated, Some(0)));
    assert_eq!(ran.report.notify_failed, ["ops"]);
    assert!(ran.outcome.stderr.contains("notify.failed") && ran.outcome.stderr.contains("notify.refused"));
    let text = rig.call(&["run", "--fail-on", "notify"]).await;
    assert_eq!(text.code, Some(4), "{text:?}");
    assert!(text.stdout.contains("ops was not told: notify.refused: 127.0.0.1 answered HTTP 403"), "{text:?}");
    // One that passes is tried again in the same run.
    rig.world().heal();
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Receiver).about("/ops").times(2));
    assert_eq!(rig.run(&[]).await.report.notify_failed, [""; 0]);
    assert_eq!(told(&rig), [["warning token.mfa"]]);
}

/// Where the note cannot be written the next run tells again, and the receiver can know it for a repetition.
#[tokio::test]
async fn what_was_not_noted_is_repeated_with_the_same_id() {
    let rig = rig(&revoked()).await;
    rig.world().state().vault(VAULT).rights.denied.insert(Right::Update);
    rig.run(&[]).await;
    rig.run(&[]).await;
    let twice = events(&rig, "/ops");
    assert_eq!((twice.len(), &twice[0]["id"]), (2, &twice[1]["id"]));
    assert_eq!(twice[0]["data"]["alerts"][0]["facts"][0]["id"], twice[1]["data"]["alerts"][0]["facts"][0]["id"]);
    rig.world().state().vault(VAULT).rights.denied.clear();
    rig.run(&[]).await;
    rig.run(&[]).await;
    assert_eq!(events(&rig, "/ops").len(), 1);
}

/// A token that cannot be looked at has no note: it is told in every run, and nothing else is disturbed.
#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let rig = rig(&due()).await;
    rig.world().state().vault(VAULT).rights.denied.extend([Right::Get, Right::List]);
    for _ in 0..2 {
        rig.run(&[]).await;
        assert_eq!(told(&rig), [["critical vault.forbidden.rbac"]]);
    }
}

#[tokio::test]
async fn severity_and_names_choose_who_is_told() {
    let rig =
        rig(&[Seed::new("a-dead").days_old(8).fate(Fate::Revoked), Seed::new("b-no-mfa").days_old(1).without_mfa()])
            .await;
    for (lines, expected) in [
        ("min_severity = \"critical\"", vec!["critical entra.revoked"]),
        ("tokens = [\"b-*\"]", vec!["warning token.mfa"]),
        ("tokens = [\"c\"]", vec![]),
        ("tokens = [\"a-dead\", \"b-no-mfa\"]", vec!["critical entra.revoked", "warning token.mfa"]),
    ] {
        for secret in ["a-dead", "b-no-mfa"] {
            rig.world()
                .state()
                .vault(VAULT)
                .secret_mut(secret)
                .versions
                .last_mut()
                .unwrap()
                .tags
                .remove("rotator-state");
        }
        let text = rig.config_text();
        with_second(&rig, lines);
        rig.run(&[]).await;
        let second: Vec<String> = events(&rig, "/second").iter().flat_map(facts).collect();
        assert_eq!(second, expected, "{lines}");
        rig.configure(&text);
    }
}

#[tokio::test]
async fn the_heartbeat_says_that_it_began_and_how_it_ended() {
    for (seeds, code) in [(due(), "0"), (revoked(), "3")] {
        let rig = rig(&seeds).await;
        let ran = rig.run(&[]).await;
        let run_id = ran.report.run_id.clone();
        let beats: Vec<Received> = {
            let state = rig.world().state();
            state.received.iter().filter(|received| received.path.starts_with("/beat")).cloned().collect()
        };
        let paths: Vec<&str> = beats.iter().map(|beat| beat.path.as_str()).collect();
        assert_eq!(paths, ["/beat/start", &format!("/beat/{code}")]);
        assert!(beats[1].body.contains(TOKEN) && beats[1].body.contains(&run_id), "{}", beats[1].body);
        // A part of the fleet is no sign that the job runs.
        rig.world().state().received.clear();
        rig.run(&["--only", TOKEN]).await;
        assert!(!rig.world().state().received.iter().any(|received| received.path.starts_with("/beat")));
    }
    // Where nobody takes it the job does its work all the same.
    let rig = rig(&due()).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(404)).on(Route::Receiver).about("/beat"));
    let ran = rig.run(&[]).await;
    assert!(ran.outcome.code == Some(0) && ran.outcome.stderr.contains("heartbeat.failed"), "{:?}", ran.outcome);
}

#[tokio::test]
async fn a_dry_run_tells_nobody() {
    let rig = rig(&revoked()).await;
    rig.run(&["--dry-run"]).await;
    assert!(rig.world().state().received.is_empty());
}
