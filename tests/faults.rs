//! What the network and the services do on bad days: each fault on each route, with the real binary.

use std::time::{Duration, Instant};

use crate::support::{Rig, TOKEN, due, kind};
use rotator::report::OutcomeName;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{Seed, VAULT};

const ENTRA: &str = "login.microsoftonline.com";
const ROUTES: [Route; 6] = [Route::Identity, Route::Versions, Route::Read, Route::Token, Route::Write, Route::Update];

/// Old enough versions that one is disabled in the end.
fn seeds() -> Vec<Seed> {
    vec![Seed::new(TOKEN).days_old(8).older(1)]
}

fn passing() -> Vec<(&'static str, Phase, Fault)> {
    vec![
        ("429 and Retry-After", Phase::Before, Fault::throttled(1)),
        ("500 before", Phase::Before, Fault::status(500)),
        ("503 before", Phase::Before, Fault::status(503)),
        ("503 after", Phase::After, Fault::status(503)),
        ("reset before", Phase::Before, Fault::Reset),
        ("reset after", Phase::After, Fault::Reset),
        ("cut off", Phase::After, Fault::Cut),
        ("truncated JSON", Phase::After, Fault::Half),
        ("HTML", Phase::Before, Fault::page(200)),
        ("HTML 502", Phase::Before, Fault::page(502)),
        ("wrong content type", Phase::After, Fault::Label("text/plain".into())),
        ("10 MB", Phase::Before, Fault::Flood),
    ]
}

/// A fault that strikes once is ridden out on every route.
#[tokio::test]
async fn a_fault_that_passes_is_ridden_out() {
    let cases = ROUTES.iter().flat_map(|route| passing().into_iter().map(move |case| (*route, case)));
    let checks = cases.map(|(route, (name, phase, fault))| async move {
        let rig = Rig::new(&seeds()).await;
        rig.fault(Rule::new(phase, fault).on(route).times(1));
        let row = rig.run_one(&[]).await;
        assert_eq!(row.outcome, OutcomeName::Rotated, "{name} on {route}: {:?}", row.failure);
        assert!(rig.accepted(TOKEN), "{name} on {route}");
        let new = rig.version_count(TOKEN) - 2;
        assert!((1..=2).contains(&new), "{name} on {route}: {new} new versions");
    });
    let count = futures::future::join_all(checks).await.len();
    println!("{count} passing faults");
}

/// A fault that stays ends in "try again later" within the deadline, with the stored token as it was.
#[tokio::test]
async fn a_fault_that_stays_ends_within_the_deadline() {
    let lasting = || {
        [
            ("503", Phase::Before, Fault::status(503)),
            ("reset", Phase::Before, Fault::Reset),
            ("hang", Phase::Before, Fault::Hang),
            ("HTML", Phase::Before, Fault::page(200)),
            ("429 for an hour", Phase::Before, Fault::throttled(3600)),
        ]
    };
    let routes = [Route::Identity, Route::Versions, Route::Read, Route::Token, Route::Write];
    let cases = routes.iter().flat_map(|route| lasting().into_iter().map(move |case| (*route, case)));
    let checks = cases.map(|(route, (name, phase, fault))| async move {
        let rig = Rig::new(&due()).await;
        let before = rig.newest_value(TOKEN);
        rig.fault(Rule::new(phase, fault).on(route));
        let begun = Instant::now();
        let ran = rig.run(&["--deadline", "4s"]).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{name} on {route}: {:?}", begun.elapsed());
        // A run that ended before anything was written leaves a fresh token for the next one: that is no failure.
        let held = name == "hang" && route != Route::Write;
        let known_to_be_fresh = held && matches!(route, Route::Read | Route::Token);
        assert_eq!(ran.outcome.code, Some(if known_to_be_fresh { 0 } else { 4 }), "{name} on {route}");
        let row = ran.only();
        assert_eq!(row.outcome == OutcomeName::Held, held, "{name} on {route}: {:?}", row.failure);
        let failure = row.failure.as_ref().unwrap();
        assert_eq!(failure.remedy.as_str(), "retry", "{name} on {route}: {}", failure.kind);
        assert_eq!((rig.newest_value(TOKEN), rig.version_count(TOKEN)), (before, 1), "{name} on {route}");
    });
    let count = futures::future::join_all(checks).await.len();
    println!("{count} lasting faults");
}

/// Old versions that cannot be disabled never fail a rotation.
#[tokio::test]
async fn a_fault_that_stays_on_disabling_does_not_stop_the_rotation() {
    for fault in [Fault::status(503), Fault::Hang, Fault::page(200)] {
        let rig = Rig::new(&seeds()).await;
        rig.fault(Rule::new(Phase::Before, fault).on(Route::Update));
        let row = rig.run_one(&["--deadline", "4s"]).await;
        assert_eq!((row.outcome, row.retired.len()), (OutcomeName::Rotated, 0));
    }
}

#[tokio::test]
async fn a_vault_or_an_entra_that_is_down() {
    for (host, expected) in [(VAULT, "network.proxy"), (ENTRA, "network.proxy")] {
        let rig = Rig::with(&due(), |state| state.set_down(host, true)).await;
        let ran = rig.run(&["--deadline", "3s"]).await;
        assert_eq!(ran.outcome.code, Some(4));
        assert_eq!(kind(ran.row(TOKEN)), expected, "{host}");
        rig.world().state().set_down(host, false);
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    }
}

#[tokio::test]
async fn a_slow_token_does_not_hold_the_others() {
    let seeds: Vec<Seed> = (0..40).map(|nth| Seed::new(&format!("token-{nth:02}")).days_old(8)).collect();
    let rig = Rig::new(&seeds).await;
    rig.fault(Rule::new(Phase::Before, Fault::Hang).about("/secrets/token-07"));
    let ran = rig.run(&["--deadline", "4s"]).await;
    assert_eq!((ran.report.summary.rotated, ran.outcome.code), (39, Some(4)));
    assert_eq!(ran.row("token-07").outcome, OutcomeName::Held, "its turn never came");
    let others = rig.world().journal().entries().iter().filter(|entry| entry.line.starts_with("PUT")).count();
    assert_eq!(others, 39);
}

#[tokio::test]
async fn limits_of_a_vault_are_waited_for() {
    let seeds: Vec<Seed> = (0..6).map(|nth| Seed::new(&format!("token-{nth}")).days_old(8)).collect();
    let rig = Rig::with(&seeds, |state| state.vault(VAULT).limits.other = 20).await;
    rig.fault(Rule::new(Phase::Before, Fault::throttled(1)).on(Route::Write).times(3));
    let ran = rig.run(&["--deadline", "60s"]).await;
    assert_eq!(ran.report.summary.rotated, 6, "{}", ran.outcome.stdout);
}

/// Without the proxy the name of the vault is looked up by the system, and the proxy's own port may be closed.
#[tokio::test]
async fn a_name_that_does_not_resolve_and_a_port_that_is_closed() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rig = Rig::new(&due()).await.env("HTTPS_PROXY", &format!("http://127.0.0.1:{closed}"));
    assert_eq!(kind(&rig.run_one(&["--deadline", "2s"]).await), "network.refused");
    let rig = Rig::new(&due()).await;
    // RFC 6761: names below .invalid never resolve.
    rig.configure(&rig.config_text().replace(VAULT, "contoso-kv.vault.invalid"));
    let rig = rig.env("NO_PROXY", "*");
    let begun = Instant::now();
    let ran = rig.run(&["--deadline", "3s"]).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let named = ["network.dns", "run.deadline"].contains(&kind(ran.row(TOKEN)));
    assert!(named, "{}", kind(ran.row(TOKEN)));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted() {
    let rig = Rig::new(&due()).await;
    let text = rig.config_text();
    let without = text.split("[network]").next().unwrap();
    rig.configure(without);
    let row = rig.run_one(&[]).await;
    assert_eq!(kind(&row), "network.tls");
}

#[cfg(unix)]
#[tokio::test]
async fn a_run_that_is_told_to_stop_finishes_what_it_began() {
    use tokio::signal::unix::SignalKind;
    for signal in [SignalKind::terminate(), SignalKind::interrupt()] {
        let seeds: Vec<Seed> = (0..3).map(|nth| Seed::new(&format!("token-{nth}")).days_old(8)).collect();
        let rig = Rig::new(&seeds).await;
        let mut paused = rig.pause(|rule| rule.on(Route::Write).times(1));
        let child = rig.start(&["run", "--output", "json"]);
        let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
        let resume = paused.arrived().await;
        let number = rustix::process::Signal::from_named_raw(signal.as_raw_value()).unwrap();
        rustix::process::kill_process(id, number).unwrap();
        resume.send(()).unwrap();
        let output = child.wait_with_output().await.unwrap();
        let report: rotator::report::Report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report.summary.rotated, 3, "{}", String::from_utf8_lossy(&output.stdout));
        assert!((0..3).all(|nth| rig.accepted(&format!("token-{nth}"))));
        assert!(String::from_utf8_lossy(&output.stderr).contains("told to stop"));
    }
}
