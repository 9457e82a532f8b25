//! Transcripts of the command line, and the configuration by flags alone.

use crate::support::{Rig, TOKEN, due};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::TENANT;
use rotator::sandbox::seed::{CLIENT, PARTNER_CENTER, VAULT};

#[test]
fn transcripts() {
    let all = trycmd::TestCases::new();
    all.case("tests/transcripts/*.md");
    if cfg!(not(unix)) {
        all.skip("tests/transcripts/unix.md");
    }
}

#[tokio::test]
async fn a_job_of_one_token_needs_no_file() {
    let rig = Rig::new(&due()).await;
    let (url, ca) = (format!("https://{VAULT}"), rig.sandbox.ca_file());
    let flags = [
        ["--vault-url", &url],
        ["--secret", TOKEN],
        ["--scope", PARTNER_CENTER],
        ["--tenant-id", TENANT],
        ["--client-id", CLIENT],
        ["--client-secret-vault-secret", "partner-client-secret"],
        ["--ca-file", &ca],
    ];
    let arguments: Vec<&str> = ["run", "--output", "json"].into_iter().chain(flags.into_iter().flatten()).collect();
    let output = rig.command(&arguments).env_remove("ROTATOR_CONFIG").output().await.unwrap();
    let report: rotator::report::Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.tokens[0].outcome, OutcomeName::Rotated);

    let variables =
        flags.map(|[flag, value]| (format!("ROTATOR_{}", flag[2..].replace('-', "_").to_uppercase()), value));
    let mut command = rig.command(&["run", "--output", "json"]);
    let output = command.env_remove("ROTATOR_CONFIG").envs(variables).output().await.unwrap();
    let report: rotator::report::Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.tokens[0].outcome, OutcomeName::Probed);
}

#[tokio::test]
async fn a_variable_that_was_left_empty_says_nothing() {
    let rig = Rig::new(&due()).await.env("ROTATOR_IDENTITY_CLIENT_ID", "").env("ROTATOR_CA_FILE", "");
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
}

#[tokio::test]
async fn faults_of_flags_name_the_flag() {
    let rig = Rig::new(&due()).await;
    let arguments = ["run", "--vault-url", "http://x.example", "--client-id", "c", "--tenant-id", "common"];
    let mut command = rig.command(&arguments);
    let output = command.env_remove("ROTATOR_CONFIG").output().await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for flag in
        ["--vault-url: only https", "--client-id: ", "--tenant-id: ", "--secret: ", "--scope: ", "--client-secret-"]
    {
        assert!(text.contains(flag), "{flag}: {text}");
    }
    let outcome = rig.call(&["run", "--secret", "x"]).await;
    assert!(outcome.stderr.contains("--secret: a file is named as well"), "{}", outcome.stderr);
}

/// A bar is drawn for a person at a terminal while more than a few tokens are under way.
#[cfg(unix)]
#[tokio::test]
async fn a_progress_bar_is_drawn_on_a_terminal() {
    use crate::support::Terminal;
    use rotator::sandbox::seed::Seed;
    for (tokens, drawn) in [(12, true), (2, false)] {
        let seeds: Vec<Seed> = (0..tokens).map(|nth| Seed::new(&format!("token-{nth}")).days_old(8)).collect();
        let rig = Rig::new(&seeds).await.env("TERM", "xterm");
        let mut command = rig.command(&["run", "--log-level", "off"]);
        let (shown, code) = Terminal::of_stderr(&mut command).await;
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(shown.contains("/12 tokens"), drawn, "{shown:?}");
        assert_eq!(shown.is_empty(), !drawn, "{shown:?}");
    }
}

#[tokio::test]
async fn a_shell_completes_and_man_has_a_page_of_each_command() {
    let rig = Rig::new(&due()).await;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = rig.call(&["completions", shell]).await;
        assert!(completions.code == Some(0) && completions.stdout.contains("dry-run"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(rig.call(&["man", path]).await.code, Some(0));
    for page in ["rotator.1", "rotator-run.1", "rotator-customers-consent.1"] {
        assert!(std::fs::read_to_string(folder.path().join(page)).unwrap().starts_with(".ie"), "{page}");
    }
    let outcome = rig.call(&["man", &format!("{path}/nowhere")]).await;
    assert!(outcome.code == Some(2) && outcome.stderr.contains("fix: name a folder"), "{outcome:?}");
}

/// What bash offers after `rotator st` and `rotator run --dr`.
#[cfg(unix)]
#[tokio::test]
async fn bash_takes_the_completions() {
    let script = format!(
        "source <({} completions bash); for line in 'rotator st' 'rotator run --dr'; do \
         COMP_WORDS=($line); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _rotator rotator \"${{COMP_WORDS[COMP_CWORD]}}\" ''; \
         echo \"${{COMPREPLY[*]}}\"; done",
        env!("CARGO_BIN_EXE_rotator")
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "status\n--dry-run\n");
}
