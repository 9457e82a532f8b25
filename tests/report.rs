//! The report is a public contract: its schema is committed, and what is printed keeps to it.

use crate::support::{Rig, due};
use rotator::sandbox::seed::{Fate, Seed};

const SCHEMA: &str = include_str!("../docs/report.schema.json");

#[tokio::test]
async fn the_committed_schema_is_the_generated_one() {
    let rig = Rig::new(&due()).await;
    let generated = rig.call(&["config", "report-schema"]).await.stdout;
    assert_eq!(generated, SCHEMA, "write it anew: rotator config report-schema > docs/report.schema.json");
}

#[tokio::test]
async fn what_is_printed_keeps_to_the_schema() {
    let seeds = [
        Seed::new("due").days_old(8).older(3),
        Seed::new("young").days_old(1),
        Seed::new("by-hand").untagged(),
        Seed::new("revoked").days_old(8).fate(Fate::Revoked),
        Seed::new("disabled").days_old(8).disabled(),
        Seed::new("damaged").days_old(8).older(1).fate(Fate::Damaged),
    ];
    let rig = Rig::new(&seeds).await;
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for command in
        [&["status", "--output", "json"][..], &["run", "--dry-run", "--output", "json"], &["run", "--output", "json"]]
    {
        let outcome = rig.call(command).await;
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let faults: Vec<String> = validator.iter_errors(&report).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0], "{command:?}");
        assert_eq!(report["schema"], "rotator.report/v1");
        assert_eq!(report["summary"]["total"], 6);
        let text = serde_json::json!({"schema": "rotator.report/v1"});
        assert!(!validator.is_valid(&text), "the schema refuses something");
    }
}

#[tokio::test]
async fn the_keys_are_those_of_the_contract() {
    let rig = Rig::new(&[Seed::new("revoked").days_old(8).fate(Fate::Revoked)]).await;
    let outcome = rig.call(&["run", "--output", "json"]).await;
    assert_eq!(outcome.stdout.lines().count(), 1, "one document on one line");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&report), "apps finished notify_failed run_id schema started summary tokens");
    assert_eq!(keys(&report["summary"]), "exit_code failed held probed recovered rotated superseded total");
    assert_eq!(
        keys(&report["tokens"][0]),
        "client_id days_left expires_at failure health issued_at mfa name outcome previous_version retired secret \
         tenant_id user_id vault version versions"
    );
    let failure = &report["tokens"][0]["failure"];
    assert_eq!(keys(failure), "code correlation_id hint kind message remedy stage trace_id");
    assert_eq!((&failure["kind"], &failure["remedy"]), (&"entra.revoked".into(), &"reconsent".into()));
    assert_eq!((&failure["code"], &failure["stage"]), (&"AADSTS50173".into(), &"redeem".into()));
    assert!(failure["correlation_id"].as_str().unwrap().len() == 36);
}

#[tokio::test]
async fn logs_are_one_json_object_a_line_with_run_token_and_events() {
    let rig = Rig::new(&[Seed::new("due").days_old(8), Seed::new("revoked").days_old(8).fate(Fate::Revoked)]).await;
    let outcome = rig.call(&["run", "--log-format", "json", "--log-level", "debug"]).await;
    let lines: Vec<serde_json::Value> =
        outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let event = |name: &str| lines.iter().filter(|line| line["event"] == name).collect::<Vec<_>>();
    assert_eq!((event("run.finished").len(), event("token.critical").len(), event("token.finished").len()), (1, 1, 1));
    assert_eq!(event("run.finished")[0]["exit_code"], 3);
    assert_eq!(event("token.critical")[0]["kind"], "entra.revoked");
    let run_id = &event("run.finished")[0]["run_id"];
    let answered: Vec<&serde_json::Value> = lines.iter().filter(|line| line["message"] == "answered").collect();
    assert!(
        answered.iter().any(|line| line["span"]["token"] == "due" && line["request_id"].is_string()),
        "{answered:#?}"
    );
    assert!(answered.iter().all(|line| line["span"]["run_id"] == *run_id), "{answered:#?}");
    let stages: std::collections::BTreeSet<&str> =
        answered.iter().filter_map(|line| line["span"]["stage"].as_str()).collect();
    let expected = ["credential", "inventory", "prove", "read", "redeem", "store"];
    assert_eq!(stages.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn markdown_is_a_table() {
    let outcome = Rig::new(&due()).await.call(&["run", "--output", "markdown"]).await;
    assert!(outcome.stdout.contains("| contoso-partner | rotated | 90 | fresh | yes |"), "{}", outcome.stdout);
}
