//! What `rotator doctor` says of everything that can be wrong.

use crate::support::{Rig, TOKEN, due};
use futures::stream::{self, StreamExt as _};
use rotator::doctor::{Check, Findings, Status, Subject};
use rotator::sandbox::route::Route;
use rotator::sandbox::scenario::{self, Scenario};
use rotator::sandbox::seed::{Seed, VAULT};
use rotator::sandbox::setting;
use rotator::sandbox::vault::right::Right;
use rotator::sandbox::vault::store::Version;
use tokio::process::Command;

/// Not about one token, or about the job's own end.
const NOT_FOR_A_DOCTOR: [&str; 5] = ["clients", "demo", "fleet", "many", "interrupted"];

/// The row of the table for a scenario, if there is anything to say.
async fn row(scenario: &Scenario) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rotator"));
    let arguments = ["sandbox", "--scenario", scenario.name, "--", "doctor", "--output", "json", "--deadline", "12s"];
    let output = command.args(arguments).args(["--log-level", "off"]).output().await.unwrap();
    let code = output.status.code();
    let (check, status, kind) = if code == Some(2) {
        let text = String::from_utf8(output.stderr).unwrap();
        let kind = text.split(": ").nth(1).unwrap_or_default().to_owned();
        ("before the first request", "fail", kind)
    } else {
        let findings: Findings = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(code, Some(i32::from(findings.exit_code)), "{}", scenario.name);
        let first = findings.first_failure.map(|first| &findings.checks[first]);
        let noted = first.or_else(|| findings.checks.iter().find(|check| check.status == Status::Warn))?;
        assert!(noted.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{}: {noted:?}", scenario.name);
        assert_eq!(first.is_some(), findings.exit_code != 0, "{}", scenario.name);
        let status = if first.is_some() { "fail" } else { "warn" };
        (noted.check.as_str(), status, noted.kind.clone().unwrap_or_default())
    };
    let kind = if kind.is_empty() { String::new() } else { format!("`{kind}`") };
    Some(format!("| `{}` | {} | {check} | {status} | {kind} |", scenario.name, scenario.about))
}

#[tokio::test]
async fn every_injected_cause_is_named_as_the_documentation_says() {
    let all = scenario::all().filter(|scenario| !NOT_FOR_A_DOCTOR.contains(&scenario.name));
    let rows: Vec<Option<String>> = stream::iter(all).map(row).buffered(16).collect().await;
    let (looked, rows): (usize, Vec<String>) = (rows.len(), rows.into_iter().flatten().collect());
    println!("{looked} worlds, {} of them with something wrong that doctor names", rows.len());
    assert!(rows.len() >= 25);
    let table = rows.join("\n");
    let documented = std::fs::read_to_string("docs/doctor.md").unwrap();
    assert!(documented.contains(&format!("|---|---|---|---|---|\n{table}\n")), "docs/doctor.md should hold:\n{table}");
}

async fn findings(rig: &Rig, arguments: &[&str]) -> Findings {
    let outcome = rig.call(&[&["doctor", "--output", "json"], arguments].concat()).await;
    let findings: Findings = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    assert_eq!(outcome.code, Some(i32::from(findings.exit_code)));
    findings
}

fn of(findings: &Findings, subject: Subject) -> Check {
    findings.checks.iter().find(|check| check.check == subject).cloned().unwrap_or_else(|| panic!("{findings:?}"))
}

#[tokio::test]
async fn a_healthy_job_is_looked_at_from_end_to_end_and_nothing_is_stored() {
    let rig = Rig::new(&due()).await;
    let findings = findings(&rig, &[]).await;
    let subjects: Vec<Subject> = findings.checks.iter().map(|check| check.check).collect();
    assert!(subjects.is_sorted(), "{subjects:?}");
    let distinct: std::collections::HashSet<Subject> = subjects.iter().copied().collect();
    assert_eq!(distinct.len(), 11);
    assert!(findings.checks.iter().all(|check| check.status == Status::Ok), "{findings:?}");
    assert!(of(&findings, Subject::VaultCredential).detail.contains("principal id 00000000-"));
    assert!(of(&findings, Subject::RightToSet).detail.starts_with("last proved on 20"));
    let token = of(&findings, Subject::Token).detail;
    assert!(token.contains("user 00000000-0000-0000-0000-0000000000a1, MFA yes, 82 days left"), "{token}");
    assert_eq!(rig.version_count(TOKEN), 1);
    let validator = serde_json::from_str(&std::fs::read_to_string("docs/doctor.schema.json").unwrap()).unwrap();
    assert_eq!(validator, serde_json::to_value(rotator::doctor::schema()).unwrap(), "rotator config doctor-schema");
    let validator = jsonschema::validator_for(&validator).unwrap();
    assert!(validator.is_valid(&serde_json::to_value(&findings).unwrap()));
}

#[tokio::test]
async fn the_right_to_set_is_proved_by_writing_the_same_again() {
    let rig = Rig::with(&due(), |state| state.vault(VAULT).rights.denied.extend([Right::Set])).await;
    assert_eq!(of(&findings(&rig, &[]).await, Subject::RightToSet).status, Status::Ok, "it was proved eight days ago");
    let denied = of(&findings(&rig, &["--write-probe"]).await, Subject::RightToSet);
    assert_eq!((denied.status, denied.kind.as_deref()), (Status::Fail, Some("vault.forbidden.rbac")));
    rig.world().state().vault(VAULT).rights.denied.clear();
    let before = rig.newest_value(TOKEN);
    let proved = of(&findings(&rig, &["--write-probe"]).await, Subject::RightToSet);
    assert!(proved.detail.contains("wrote the same value again"), "{proved:?}");
    assert_eq!((rig.newest_value(TOKEN), rig.version_count(TOKEN)), (before, 2));
    let row = rig.run_one(&[]).await;
    assert_eq!(row.outcome, rotator::report::OutcomeName::Rotated, "the copy is as good as the first");
}

/// A person signs in while the same value is written again: theirs stays on top, and nothing is said to be proved.
#[tokio::test]
async fn a_write_probe_never_covers_a_sign_in() {
    let rig = Rig::new(&due()).await;
    let stored = rig.meanwhile(
        |pause| pause.on(Route::Write),
        |state| {
            state.vault(VAULT).add(TOKEN, Version::new("1.stored-meanwhile"));
        },
    );
    let findings = findings(&rig, &["--write-probe"]).await;
    stored.await.unwrap();
    assert_eq!(of(&findings, Subject::RightToSet).kind.as_deref(), Some("vault.conflict"), "{findings:?}");
    assert_eq!(rig.newest_value(TOKEN), "1.stored-meanwhile");
}

#[tokio::test]
async fn a_wrong_tenant_is_the_fault_of_one_app() {
    let rig = Rig::new(&[Seed::new("first").days_old(8).legacy(), Seed::new(TOKEN).days_old(8)]).await;
    let text = rig.config_text();
    let (before, legacy) = text.split_once("[apps.legacy]").unwrap();
    let legacy = legacy.replacen("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000099", 1);
    rig.configure(&format!("{before}[apps.legacy]{legacy}"));
    let findings = findings(&rig, &[]).await;
    let first = &findings.checks[findings.first_failure.unwrap()];
    assert_eq!(
        (first.check, first.of.as_str(), first.kind.as_deref()),
        (Subject::AppCredential, "legacy", Some("entra.tenant"))
    );
    let healthy = findings.checks.iter().find(|check| check.check == Subject::Token && check.of == TOKEN).unwrap();
    assert_eq!(healthy.status, Status::Ok);
}

#[tokio::test]
async fn an_update_that_changes_nothing_does_not_enable_what_was_just_disabled() {
    let rig = Rig::new(&due()).await;
    let disabled = rig.meanwhile(
        |pause| pause.on(Route::Update),
        |state| state.vault(VAULT).secret_mut(TOKEN).versions[0].enabled = false,
    );
    findings(&rig, &[]).await;
    disabled.await.unwrap();
    assert!(!rig.world().state().vault(VAULT).versions(TOKEN)[0].enabled);
}

#[tokio::test]
async fn several_vaults_are_each_looked_at_and_one_broken_hides_no_other() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8), Seed::new("second").days_old(1)]).await;
    let more = "\n[vaults.emea]\nurl = \"https://emea-kv.vault.azure.net\"\ncredential = \"managed-identity\"\n\
        identity_client_id = \"00000000-0000-0000-0000-0000000000ee\"\n\n[[token]]\nsecret = \"emea-token\"\nvault = \"emea\"\n\
        app = \"partner\"\nscope = \"https://graph.microsoft.com/.default\"\n";
    rig.configure(&(rig.config_text() + more));
    rig.world().state().vault("emea-kv.vault.azure.net").add("emea-token", Version::new("x"));
    let all = findings(&rig, &[]).await;
    let first = &all.checks[all.first_failure.unwrap()];
    assert_eq!((first.check, first.of.as_str()), (Subject::VaultCredential, "emea"));
    let tokens: Vec<(&str, Status)> = all
        .checks
        .iter()
        .filter(|check| check.check == Subject::Token)
        .map(|check| (check.of.as_str(), check.status))
        .collect();
    assert_eq!(tokens, [(TOKEN, Status::Ok), ("second", Status::Ok), ("emea-token", Status::Skip)]);
    let one = findings(&rig, &["--only", "second"]).await;
    assert_eq!((one.exit_code, one.checks.iter().filter(|check| check.check == Subject::Token).count()), (0, 1));
}

#[tokio::test]
async fn what_follows_from_something_broken_is_not_blamed_as_well() {
    let rig = Rig::with(&due(), |state| state.identities.clear()).await;
    let findings = findings(&rig, &[]).await;
    let failed = findings.checks.iter().filter(|check| check.status == Status::Fail).count();
    assert_eq!(failed, 1, "{findings:?}");
    assert_eq!(of(&findings, Subject::AppCredential).status, Status::Skip);
    let text = rig.call(&["doctor"]).await.stdout;
    assert!(text.contains("first broken: vault-credential of default (exit 3)"), "{text}");
    assert!(text.contains("skip  app-credential    partner: not looked at: vault-credential first"), "{text}");
}

#[tokio::test]
async fn nothing_is_said_of_a_secret_and_no_secret_is_said() {
    for setting in [&setting::SECRET_AND_CERTIFICATE, &setting::GITHUB] {
        let rig = Rig::within(setting, &due(), |_| {}).await;
        let outcome = rig.call(&["doctor", "--log-level", "trace"]).await;
        crate::redaction::check("doctor", &outcome, &crate::redaction::secrets(&rig));
    }
}
