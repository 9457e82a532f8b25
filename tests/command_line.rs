//! Transcripts of the command line, and the configuration by flags alone.

use crate::support::{Rig, TOKEN, due};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::directory::TENANT;
use rotator::sandbox::seed::{CLIENT, PARTNER_CENTER, VAULT};

#[test]
fn transcripts() {
    trycmd::TestCases::new().case("tests/transcripts/*.md");
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
