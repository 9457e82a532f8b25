//! What a run says to the platforms that people have: pipelines, Prometheus, Nagios, a browser.

use crate::support::{Rig, TOKEN, due};
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{Fate, Seed};

fn fleet() -> Vec<Seed> {
    vec![
        Seed::new("fine").days_old(1),
        Seed::new("due").days_old(8),
        Seed::new("dead").days_old(8).fate(Fate::Revoked).line("purpose = \"50 % of reports: a, b\""),
        Seed::new("no-mfa").days_old(1).without_mfa(),
    ]
}

#[tokio::test]
async fn github_gets_annotations_and_a_summary_and_azure_the_same_in_its_words() {
    for (variable, marks) in [
        ("GITHUB_ACTIONS", ["::error title=dead::82 days left. entra.revoked: ", "::warning title=no-mfa::"]),
        ("TF_BUILD", ["##vso[task.logissue type=error]dead: ", "##vso[task.logissue type=warning]no-mfa: "]),
    ] {
        let rig = Rig::new(&fleet()).await;
        let summary = rig.sandbox.folder().join("summary.md");
        std::fs::write(&summary, "before\n").unwrap();
        let folder = rig.sandbox.folder().display().to_string();
        let rig = rig.env(variable, "true").env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
        let rig = rig.env("AGENT_TEMPDIRECTORY", &folder);
        let outcome = rig.call(&["run", "--log-level", "off", "--output", "json"]).await;
        // stdout is the report and nothing else.
        assert!(serde_json::from_str::<serde_json::Value>(&outcome.stdout).is_ok());
        for mark in marks {
            assert_eq!(outcome.stderr.lines().filter(|line| line.starts_with(mark)).count(), 1, "{mark}: {outcome:?}");
        }
        assert!(outcome.stderr.contains("%0A→ sign in again"), "{outcome:?}");
        let written = if variable == "TF_BUILD" {
            let line = outcome.stderr.lines().find_map(|line| line.strip_prefix("##vso[task.uploadsummary]")).unwrap();
            std::fs::read_to_string(line).unwrap()
        } else {
            std::fs::read_to_string(&summary).unwrap()
        };
        assert!(written.contains("| dead |") || written.contains("dead"), "{written}");
        assert_eq!(written.starts_with("before\n"), variable == "GITHUB_ACTIONS");
    }
    // Elsewhere nobody is spoken to.
    let outcome = Rig::new(&fleet()).await.call(&["run", "--log-level", "off"]).await;
    assert_eq!(outcome.stderr, "");
}

#[tokio::test]
async fn a_step_with_warnings_alone_is_marked() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(1).without_mfa()]).await.env("TF_BUILD", "True");
    let outcome = rig.call(&["run", "--log-level", "off"]).await;
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("##vso[task.complete result=SucceededWithIssues;]"), "{outcome:?}");
    let healthy = Rig::new(&due()).await.env("TF_BUILD", "True").call(&["run", "--log-level", "off"]).await;
    assert_eq!(healthy.stderr.trim(), "");
}

#[tokio::test]
async fn metrics_are_written_whole() {
    let rig = Rig::new(&fleet()).await;
    let file = rig.sandbox.folder().join("rotator.prom");
    rig.call(&["run", "--metrics-file", file.to_str().unwrap(), "--log-level", "off"]).await;
    let text = std::fs::read_to_string(&file).unwrap();
    for line in [
        "# TYPE rotator_token_expiry_timestamp_seconds gauge",
        "rotator_token_mfa{token=\"no-mfa\",vault=\"contoso-kv.vault.azure.net\",secret=\"no-mfa\"} 0",
        "rotator_token_failure{token=\"dead\"",
        "rotator_run_exit_code ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let left: Vec<_> =
        std::fs::read_dir(rig.sandbox.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains(".new")), "{left:?}");
    // What cannot be written is said, and the job has done its work.
    let outcome = rig.call(&["run", "--metrics-file", "/nonexistent/rotator.prom"]).await;
    assert!(outcome.code == Some(3) && outcome.stderr.contains("metrics.failed"), "{outcome:?}");
}

/// What a look, a part or a run without a vault does not know stays as the last run found it.
#[tokio::test]
async fn metrics_do_not_go_quiet() {
    let rig = Rig::new(&fleet()).await;
    let file = rig.sandbox.folder().join("rotator.prom");
    let path = file.to_str().unwrap().to_owned();
    let of = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines: Vec<String> = text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    rig.call(&["run", "--metrics-file", &path, "--log-level", "off"]).await;
    let names = ["rotator_token_expiry", "rotator_run_", "rotator_token_failure", "rotator_token_mfa", "rotator_app"];
    let before: Vec<Vec<String>> = names.iter().map(|name| of(name)).collect();
    assert_eq!(before[0].len(), 4);
    let part = |arguments: &[&str]| [arguments, &["--metrics-file", &path, "--log-level", "off"]].concat().join(" ");
    for arguments in [part(&["status"]), part(&["run", "--dry-run"]), part(&["run", "--only", "fine"])] {
        std::fs::write(
            &file,
            std::fs::read_to_string(&file)
                .unwrap()
                .replace("finished_timestamp_seconds ", "finished_timestamp_seconds 1"),
        )
        .unwrap();
        let runs = of("rotator_run_");
        rig.call(&arguments.split(' ').collect::<Vec<_>>()).await;
        for (name, before) in names.iter().zip(&before).filter(|(name, _)| **name != "rotator_run_") {
            assert_eq!(of(name), *before, "{arguments}: {name}");
        }
        assert_eq!(of("rotator_run_"), runs, "{arguments}");
    }
    // Without the vault nobody knows how old they are, and they are not younger.
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Versions));
    rig.call(&["run", "--metrics-file", &path, "--deadline", "1s", "--log-level", "off"]).await;
    assert_eq!((of(names[0]), of("rotator_token_failure").len()), (before[0].clone(), 4));
    // A token that the configuration no longer names is gone.
    rig.configure(&rig.config_text().replace("name = \"fine\"", "name = \"other\""));
    rig.call(&["run", "--metrics-file", &path, "--deadline", "1s", "--log-level", "off"]).await;
    assert!(!of("rotator_").iter().any(|line| line.contains("token=\"fine\"")));
}

/// What somebody else says is not a command to the agent that reads the log.
#[tokio::test]
async fn nobody_else_speaks_to_the_pipeline() {
    let seed = Seed::new(TOKEN).days_old(8).fate(Fate::Revoked);
    let rig = Rig::new(&[seed.line("purpose = \"##vso[task.setvariable variable=PATH]x\\n##[error]y\"")]).await;
    let outcome = rig.env("TF_BUILD", "True").call(&["run"]).await;
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(all.contains("# #vso[task.setvariable") && !all.contains("##vso[task.setvariable"), "{all}");
    assert!(!all.contains("##[error]"), "{all}");
}

#[tokio::test]
async fn nagios_gets_one_line_and_its_own_exit_codes() {
    for (seeds, code, first) in [
        (vec![Seed::new("fine").days_old(1)], 0, "ROTATOR OK - 1 token is safe | 'fine'=89;30:;14:;;90"),
        (vec![Seed::new("old").days_old(61)], 1, "ROTATOR WARNING - old: 29 days left | 'old'=29;30:;14:;;90"),
        (vec![Seed::new("old").days_old(80)], 2, "ROTATOR CRITICAL - old: 10 days left | 'old'=10;30:;14:;;90"),
        (vec![Seed::new("hand").untagged()], 3, "ROTATOR UNKNOWN - hand: age unknown | "),
        (
            vec![Seed::new("off").days_old(1).disabled()],
            2,
            "ROTATOR CRITICAL - off: vault.secret.disabled (89 days left)",
        ),
    ] {
        let outcome = Rig::new(&seeds).await.call(&["status", "--nagios", "--log-level", "off"]).await;
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(outcome.stdout.starts_with(first), "{outcome:?}");
    }
    let rig = Rig::new(&due()).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Versions));
    let outcome = rig.call(&["status", "--nagios", "--deadline", "1s", "--log-level", "off"]).await;
    assert!(
        outcome.code == Some(3) && outcome.stdout.starts_with("ROTATOR UNKNOWN - contoso-partner: vault.unavailable"),
        "{outcome:?}"
    );
    rig.configure("nonsense = 1");
    let outcome = rig.call(&["status", "--nagios"]).await;
    assert!(outcome.code == Some(3) && outcome.stdout.starts_with("ROTATOR UNKNOWN - "), "{outcome:?}");
}

#[tokio::test]
async fn a_page_is_one_document_without_scripts() {
    let outcome = Rig::new(&fleet()).await.call(&["run", "--output", "html", "--log-level", "off"]).await;
    let page = outcome.stdout;
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for absent in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(absent), "{absent}");
    }
    let order: Vec<usize> =
        ["dead", "no-mfa", "due"].map(|name| page.find(&format!("id=\"token-{name}\"")).unwrap()).into();
    assert!(order.is_sorted(), "{page}");
    assert!(page.contains("rotator consent dead") && page.contains("50 % of reports: a, b"), "{page}");
}
