//! The `sandbox` command, and what the fakes promise to other clients.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::support::transcripts;
use crate::support::{Rig, TOKEN, due, kind};
use rotator::sandbox::scenario;
use rotator::sandbox::seed::{Seed, VAULT};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

fn rotator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rotator"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn the_demonstration_shows_every_fate_and_ends_with_0() {
    let output = rotator().arg("sandbox").output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in
        ["rotated", "probed", "entra.expired", "entra.revoked", "entra.client-secret.expired", "first version", "→ "]
    {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

/// Ids and times replaced by a mark.
fn plain(text: &str) -> String {
    let is_guid = |word: &str| word.len() == 36 && word.matches('-').count() == 4 && !word.starts_with("00000000");
    let lines = text.lines().map(|line| {
        let end = |word: &str| if word.ends_with(',') { "…," } else { "…" }.to_owned();
        let words = line
            .split(' ')
            .map(|word| if is_guid(word.trim_end_matches([')', ','])) { end(word) } else { word.to_owned() });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n").replace(" in 1 s:", " in 0 s:").replace(" …\n", " …)\n")
}

#[tokio::test]
async fn the_readme_shows_the_demonstration_as_it_is() {
    let output = rotator().arg("sandbox").output().await.unwrap();
    let shown = include_str!("../README.md").split("```text\n").nth(1).unwrap().split("\n```").next().unwrap();
    let plain = |text: &str| plain(text).replace("…)", "…");
    assert_eq!(plain(shown), plain(String::from_utf8(output.stdout).unwrap().trim_end()));
}

#[tokio::test]
async fn a_command_runs_in_a_prepared_world_and_its_exit_code_is_passed_on() {
    for (scenario, code) in [("due", 0), ("revoked", 3), ("entra-down", 4)] {
        let arguments = ["sandbox", "--scenario", scenario, "--", "run", "--output", "json", "--deadline", "3s"];
        let output = rotator().args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{scenario}");
        assert!(serde_json::from_slice::<rotator::report::Report>(&output.stdout).is_ok(), "{scenario}");
    }
    let output = rotator().args(["sandbox", "--", "run", "--no-such-flag"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = rotator().args(["sandbox", "--scenario", "nowhere"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The demonstration is in the README, the fleets are for measuring, and the clients are others'.
#[test]
fn every_scenario_has_a_transcript() {
    let names: BTreeSet<&str> = scenario::all().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), scenario::all().count());
    let text = transcripts();
    let played: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("$ rotator sandbox --scenario "))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    let silent: BTreeSet<&str> = names.difference(&played).copied().collect();
    assert_eq!(silent, BTreeSet::from(["clients", "demo", "fleet", "many"]));
    println!("{} scenarios, {} of them with a transcript", names.len(), played.len());
}

#[tokio::test]
async fn kept_running_it_serves_another_client() {
    let mut child = rotator().args(["sandbox", "--keep", "--scenario", "due"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut settings = Vec::new();
    while settings.len() < 5 {
        let line = lines.next_line().await.unwrap().expect("settings");
        if let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) {
            settings.push((name.to_owned(), value.to_owned()));
        }
    }
    let folder = settings.iter().find(|(name, _)| name == "SSL_CERT_FILE").unwrap().1.clone();
    let output = rotator().args(["run", "--output", "json"]).envs(settings).output().await.unwrap();
    let report: rotator::report::Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.summary.probed, 1, "the demonstration rotated it, so now it is only probed");
    stop(child, &folder).await;
}

/// It ends when it is told to, and leaves nothing behind.
#[cfg(unix)]
async fn stop(mut child: tokio::process::Child, file: &str) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(crate::support::soon(child.wait()).await.unwrap().code(), Some(0));
    assert!(!std::path::Path::new(file).exists());
}

#[cfg(not(unix))]
async fn stop(mut child: tokio::process::Child, _: &str) {
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_proxy_leads_nowhere_else() {
    let rig = Rig::new(&due()).await;
    for host in ["example.com", "vault.azure.net.example.com", "169.254.169.254"] {
        let text = rig.config_text().replace(VAULT, if host.starts_with('1') { "metadata.example.com" } else { host });
        rig.configure(&text);
        let ran = rig.run(&["--deadline", "3s"]).await;
        assert_eq!(kind(ran.row(TOKEN)), "network.proxy", "{host}");
        rig.configure(&rig.config_text().replace(host, VAULT).replace("metadata.example.com", VAULT));
    }
    assert!(rig.world().journal().entries().is_empty());
}

#[tokio::test]
async fn pages_may_be_empty_and_still_lead_on() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).older(30)], |state| state.vault(VAULT).empty_pages = true).await;
    let row = rig.run_one(&["--dry-run"]).await;
    assert_eq!(row.versions, Some(31));
    let pages = rig.world().journal().lines().iter().filter(|line| line.contains("/versions 200")).count();
    assert_eq!(pages, 4);
}

#[tokio::test]
async fn among_versions_of_one_second_the_vault_decides() {
    let rig = Rig::with(&[Seed::new(TOKEN).days_old(8).older(1)], |state| {
        let versions = &mut state.vault(VAULT).secret_mut(TOKEN).versions;
        versions[0].created = versions[1].created;
        // The order of the list says the opposite.
        versions[0].id = "f".repeat(32);
        versions[1].id = "0".repeat(32);
    })
    .await;
    let row = rig.run_one(&[]).await;
    assert_eq!(row.previous_version.as_deref(), Some("0".repeat(32).as_str()));
}
