//! How the job proves who it is: to the vault, and as the app registration.

use crate::support::{Rig, TOKEN, due, kind};
use rotator::report::OutcomeName;
use rotator::sandbox::entra::certificate::AppCertificate;
use rotator::sandbox::entra::directory::App;
use rotator::sandbox::fault::{Fault, Phase, Rule};
use rotator::sandbox::pipeline;
use rotator::sandbox::route::Route;
use rotator::sandbox::seed::{CLIENT, VAULT};
use rotator::sandbox::setting::{self, JOB_CLIENT, Setting};
use rotator::sandbox::state::State;
use time::Duration;

const ALL: [(&str, &Setting); 7] = [
    ("workload-identity", &setting::CLUSTER),
    ("azure-pipelines", &setting::PIPELINES),
    ("github-oidc", &setting::GITHUB),
    ("managed-identity", &setting::FEDERATED_IDENTITY),
    ("client-secret", &setting::SECRET_AND_CERTIFICATE),
    ("client-certificate", &setting::CERTIFICATES),
    ("azure-cli", &setting::CLI_AND_PUBLIC),
];

#[tokio::test]
async fn a_token_is_rotated_by_every_credential() {
    for (name, setting) in ALL {
        let rig = Rig::within(setting, &due(), |_| {}).await;
        let row = rig.run_one(&[]).await;
        assert_eq!((row.outcome, kind(&row)), (OutcomeName::Rotated, ""), "{name}");
        assert!(rig.accepted(TOKEN), "{name}");
        // The same, named in the configuration.
        let text = rig.config_text().replacen("credential = \"auto\"", &format!("credential = \"{name}\""), 1);
        rig.configure(&text);
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Probed, "{name}");
    }
}

/// Which credential `auto` takes with these variables, as its log says.
async fn chosen(variables: &[(&str, &str)]) -> String {
    let mut rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |_| {}).await;
    for (name, value) in [("AZURE_CLIENT_SECRET", "")].iter().chain(variables) {
        rig = rig.env(name, value);
    }
    let outcome = rig.call(&["run", "--dry-run", "--deadline", "2s"]).await;
    let line = outcome.stderr.lines().find(|line| line.contains("credential chosen")).unwrap_or(&outcome.stderr);
    line.split("credential=").nth(1).unwrap_or(line).replace('"', "")
}

#[tokio::test]
async fn auto_looks_at_variables_in_their_order() {
    let order = [
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere", "workload-identity"),
        ("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/x", "azure-pipelines"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://run-actions.actions.githubusercontent.com/x", "github-oidc"),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/", "managed-identity"),
        ("AZURE_CLIENT_SECRET", "s", "client-secret"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere.pem", "client-certificate"),
    ];
    let with_it = [
        ("SYSTEM_ACCESSTOKEN", "x"),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "x"),
        ("AZURESUBSCRIPTION_TENANT_ID", "00000000-0000-0000-0000-000000000001"),
        ("AZURESUBSCRIPTION_CLIENT_ID", "00000000-0000-0000-0000-0000000000f1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x"),
        ("IDENTITY_HEADER", "x"),
    ];
    for from in 0..order.len() {
        let set: Vec<(&str, &str)> = order[from..].iter().map(|(name, value, _)| (*name, *value)).collect();
        let (variable, _, credential) = order[from];
        let said = chosen(&[&set[..], &with_it].concat()).await;
        assert_eq!(said, format!("{credential} why={variable} is set"));
    }
    assert_eq!(chosen(&[]).await, "azure-cli why=no variable of another credential is set");
}

#[tokio::test]
async fn what_a_credential_lacks_is_said_before_the_first_request() {
    let rig = Rig::new(&due()).await;
    let text = rig.config_text();
    let cases = [
        ("workload-identity", "AZURE_FEDERATED_TOKEN_FILE is not set"),
        ("azure-pipelines", "SYSTEM_OIDCREQUESTURI is not set"),
        ("github-oidc", "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
        ("client-secret", "AZURE_CLIENT_SECRET is not set"),
        ("client-certificate", "AZURE_CLIENT_CERTIFICATE_PATH is not set"),
    ];
    for (credential, missing) in cases {
        rig.configure(&text.replacen("managed-identity", credential, 1));
        let outcome = rig.call(&["run"]).await;
        assert_eq!(outcome.code, Some(2), "{credential}: {}", outcome.stderr);
        for part in [missing, "`tenant_id` is missing", "fix:"] {
            assert!(outcome.stderr.contains(part), "{credential}: {}", outcome.stderr);
        }
    }
    let unused = "managed-identity\"\nclient_id = \"00000000-0000-0000-0000-0000000000f1";
    rig.configure(&text.replacen("managed-identity", unused, 1));
    let outcome = rig.call(&["run"]).await;
    assert!(outcome.stderr.contains("`client_id` is not looked at by this credential"), "{}", outcome.stderr);
    let in_the_vault = "client-secret\"\nclient_secret = { vault_secret = \"x\" }\nclient_id = \"";
    rig.configure(&text.replacen("managed-identity", &format!("{in_the_vault}{JOB_CLIENT}"), 1));
    let outcome = rig.call(&["run"]).await;
    assert!(outcome.stderr.contains("what opens a vault is not kept in a vault"), "{}", outcome.stderr);
    assert!(rig.world().journal().lines().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn several_vaults_each_with_its_own_credential() {
    let rig = Rig::within(&setting::CERTIFICATES, &due(), |state| {
        let version = state.vault(VAULT).newest(TOKEN).unwrap().clone();
        state.vault("emea-kv.vault.azure.net").add("emea-token", version);
    })
    .await;
    let endpoint: std::collections::HashMap<&str, String> = rig.sandbox.environment().into_iter().collect();
    let more = "\n[vaults.emea]\nurl = \"https://emea-kv.vault.azure.net\"\ncredential = \"managed-identity\"\n\n\
        [[token]]\nsecret = \"emea-token\"\nvault = \"emea\"\nscope = \"https://graph.microsoft.com/.default\"\n";
    rig.configure(&(rig.config_text() + more));
    let rig = rig.env("IDENTITY_HEADER", &endpoint["IDENTITY_HEADER"]);
    // `auto` would take this one; the certificate is named.
    rig.configure(&rig.config_text().replacen("\"auto\"", "\"client-certificate\"", 1));
    let rig = rig.env("IDENTITY_ENDPOINT", &endpoint["IDENTITY_ENDPOINT"]);
    let ran = rig.run(&[]).await;
    assert_eq!(ran.report.summary.rotated, 2, "{:?}", ran.outcome);
    let principals = |state: &State| -> std::collections::BTreeSet<String> {
        state.access.values().map(|grant| grant.principal.clone()).collect()
    };
    let principals = principals(&rig.world().state());
    assert!(principals.contains(JOB_CLIENT) && principals.len() == 2, "{principals:?}");
}

/// What becomes of a due token in a setting with something wrong.
async fn wrong(setting: &'static Setting, prepare: impl FnOnce(&mut State)) -> (String, String) {
    let rig = Rig::within(setting, &due(), prepare).await;
    let row = rig.run_one(&["--deadline", "5s"]).await;
    assert_eq!((row.outcome, rig.version_count(TOKEN)), (OutcomeName::Failed, 1), "{row:?}");
    let failure = row.failure.unwrap();
    (failure.kind, failure.code.unwrap_or_default())
}

fn expect(kind: &str, code: &str) -> (String, String) {
    (kind.to_owned(), code.to_owned())
}

#[tokio::test]
async fn assertions_that_entra_id_refuses() {
    let app = |state: &mut State, change: fn(&mut App)| change(state.directory.apps.get_mut(CLIENT).unwrap());
    let certificate = &setting::SECRET_AND_CERTIFICATE;
    let identity = &setting::FEDERATED_IDENTITY;
    let other = |app: &mut App| app.certificates = vec![AppCertificate::new("another", Duration::days(9))];
    assert_eq!(wrong(certificate, |state| app(state, other)).await, expect("entra.assertion", "AADSTS700027"));
    let expired = |state: &mut State| {
        setting::certificate(state, Duration::days(-1));
    };
    assert_eq!(wrong(certificate, expired).await, expect("entra.assertion", "AADSTS700027"));
    let public = |app: &mut App| app.public = true;
    assert_eq!(wrong(certificate, |state| app(state, public)).await, expect("entra.client.public", "AADSTS700025"));
    let federation = |change: fn(&mut App)| wrong(identity, move |state| app(state, change));
    assert_eq!(federation(|app| app.federated.clear()).await, expect("entra.federation", "AADSTS700211"));
    let subject = |app: &mut App| app.federated[0].subject.make_ascii_uppercase();
    assert_eq!(federation(subject).await, expect("entra.federation", "AADSTS700213"));
    let audience = |app: &mut App| app.federated[0].audience.push_str("USGov");
    assert_eq!(federation(audience).await, expect("entra.federation", "AADSTS700212"));
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_than_five_minutes_is_named() {
    for ahead in [20, -20] {
        let skew = wrong(&setting::SECRET_AND_CERTIFICATE, |state| {
            state.directory.ahead = Duration::minutes(ahead);
        });
        assert_eq!(skew.await, expect("clock.skew", "AADSTS700024"), "{ahead}");
    }
    let rig =
        Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |state| state.directory.ahead = Duration::minutes(3))
            .await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
}

#[tokio::test]
async fn the_credential_of_the_vault_is_told_apart_from_that_of_the_app() {
    let unknown = |state: &mut State| drop(state.directory.apps.remove(JOB_CLIENT));
    assert_eq!(wrong(&setting::CERTIFICATES, unknown).await, expect("identity.refused", "AADSTS700016"));
    let trust = |state: &mut State| state.directory.apps.get_mut(JOB_CLIENT).unwrap().federated.clear();
    assert_eq!(wrong(&setting::GITHUB, trust).await, expect("identity.refused", "AADSTS700211"));
    let permission = |state: &mut State| state.pipeline_refuses = true;
    assert_eq!(wrong(&setting::GITHUB, permission).await, expect("federation.refused", "401"));
    assert_eq!(wrong(&setting::PIPELINES, permission).await, expect("federation.refused", "401"));
    let no_file = |state: &mut State| drop(state.files.remove("federated-token"));
    assert_eq!(wrong(&setting::CLUSTER, no_file).await, expect("federation.token-file", ""));
    let no_cli = |state: &mut State| drop(state.files.remove(setting::AZURE_CLI));
    assert_eq!(wrong(&setting::CLI_AND_PUBLIC, no_cli).await, expect("identity.cli", ""));
    let not_signed_in = |state: &mut State| {
        let script = if cfg!(windows) {
            "@echo ERROR: Please run az login to setup account. 1>&2\r\n@exit /b 1\r\n"
        } else {
            "#!/bin/sh\necho 'ERROR: Please run az login to setup account.' >&2\nexit 1\n"
        };
        state.files.insert(setting::AZURE_CLI.into(), rotator::sandbox::state::File::program(script));
    };
    assert_eq!(wrong(&setting::CLI_AND_PUBLIC, not_signed_in).await, expect("identity.cli", ""));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_said_to_lack_what_it_lacks() {
    let whole = AppCertificate::new("partner automation", Duration::days(9)).pem;
    let (certificate, key) = whole.split_once("-----BEGIN PRIVATE KEY").unwrap();
    let key = format!("-----BEGIN PRIVATE KEY{key}");
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let of_another = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let cases = [
        (certificate.to_owned(), "no private key"),
        (key.clone(), "no certificate"),
        (format!("{certificate}{encrypted}"), "encrypted"),
        (format!("{certificate}{elliptic}"), "not RSA"),
        (format!("{of_another}{key}"), "another certificate"),
        ("MIIKaAIBAzCCCi4GCSqGSIb3DQEHAaCCCh8EggobMIIKFzCC".to_owned(), "PKCS#12"),
    ];
    for (pem, lacks) in cases {
        let rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |state| {
            state.vault(VAULT).secret_mut("partner-certificate").versions[0].value = pem;
        })
        .await;
        let row = rig.run_one(&[]).await;
        assert_eq!(kind(&row), "app.certificate", "{lacks}");
        let message = row.failure.unwrap().message;
        assert!(message.contains(lacks), "{message}");
    }
    // A PKCS#12 file is no text at all.
    let rig = Rig::within(&setting::CERTIFICATES, &due(), |_| {}).await;
    std::fs::write(rig.sandbox.folder().join("job.pem"), [0x30, 0x82, 0xff, 0xfe, 0x00]).unwrap();
    let row = rig.run_one(&[]).await;
    assert_eq!(kind(&row), "identity.credential");
    assert!(row.failure.unwrap().message.contains("PKCS#12"));
    // A chain before the certificate, and the key in front, are as good.
    let rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |state| {
        let pem = setting::certificate(state, Duration::days(9)).pem;
        let (certificate, key) = pem.split_once("-----BEGIN PRIVATE KEY").unwrap();
        let version = state.vault(VAULT).secret_mut("partner-certificate").versions.last_mut().unwrap();
        version.value = format!("-----BEGIN PRIVATE KEY{key}\n{of_another}\n{certificate}");
    })
    .await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
}

/// Forms that tools and people leave behind.
#[tokio::test]
async fn a_certificate_is_read_in_the_forms_that_people_have() {
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let forms: [fn(&str) -> String; 5] = [
        |pem| format!("\u{feff}{pem}"),
        |pem| pem.replace('\n', "\\n"),
        |pem| pem.replace('\n', "\r\n"),
        |pem| format!("Bag Attributes\n    localKeyID: 01 00\nsubject=CN = x\n{pem}"),
        |pem| format!("  \n{pem}\n\n"),
    ];
    for (nth, form) in forms.iter().enumerate() {
        let rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |state| {
            let version = state.vault(VAULT).secret_mut("partner-certificate").versions.last_mut().unwrap();
            version.value = form(&version.value);
        })
        .await;
        assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated, "{nth}");
    }
    let rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |state| {
        let version = state.vault(VAULT).secret_mut("partner-certificate").versions.last_mut().unwrap();
        version.value = format!("{elliptic}{}", version.value);
    })
    .await;
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated, "the key that fits is among them");
}

#[tokio::test]
async fn a_tenant_may_be_named_by_its_domain() {
    let rig = Rig::within(&setting::SECRET_AND_CERTIFICATE, &due(), |_| {}).await;
    rig.configure(&rig.config_text().replace("00000000-0000-0000-0000-000000000001", "contoso.example"));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
}

/// A bearer that Azure DevOps does not accept leads to a page to sign in at, unless it is told not to.
#[tokio::test]
async fn an_access_token_of_a_pipeline_that_was_not_mapped() {
    let rig = Rig::within(&setting::PIPELINES, &due(), |_| {}).await.env("SYSTEM_ACCESSTOKEN", "$(System.AccessToken)");
    assert_eq!(kind(&rig.run_one(&[]).await), "federation.refused");
    for status in [203, 302] {
        let rig = Rig::within(&setting::PIPELINES, &due(), |_| {}).await;
        rig.fault(Rule::new(Phase::Before, Fault::page(status)).on(Route::Pipeline));
        assert_eq!(kind(&rig.run_one(&[]).await), "federation.refused", "{status}");
    }
}

#[tokio::test]
async fn an_issuer_that_fails_is_not_asked_by_every_token_again() {
    let seeds: Vec<_> = (0..20).map(|nth| rotator::sandbox::seed::Seed::new(&format!("t{nth}")).days_old(8)).collect();
    let rig = Rig::within(&setting::FEDERATED_IDENTITY, &seeds, |_| {}).await;
    // The vault's own token comes first.
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Identity).skip(1));
    let ran = rig.run(&["--deadline", "20s"]).await;
    assert_eq!(ran.report.summary.failed, 20);
    let asked = rig.world().journal().entries().iter().filter(|entry| entry.route == Route::Identity).count();
    assert!(asked <= 6, "{asked}");
}

#[tokio::test]
async fn a_token_in_place_of_the_path_of_its_file_is_not_shown() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";
    let rig = Rig::within(&setting::CLUSTER, &due(), |_| {}).await.env("AZURE_FEDERATED_TOKEN_FILE", token);
    let outcome = rig.call(&["run", "--log-level", "trace"]).await;
    assert!(!outcome.stdout.contains("eyJhb") && !outcome.stderr.contains("eyJhb"), "{outcome:?}");
}

/// GitHub's tokens live five minutes: one that is nearly over is not used again, one that is fresh is.
#[tokio::test]
async fn a_federated_token_is_asked_for_once_while_it_is_good() {
    let seeds: Vec<_> = (0..6).map(|nth| rotator::sandbox::seed::Seed::new(&format!("t{nth}")).days_old(8)).collect();
    let rig = Rig::within(&setting::GITHUB, &seeds, |_| {}).await;
    assert_eq!(rig.run(&[]).await.report.summary.rotated, 6);
    let asked = |rig: &Rig| rig.world().journal().lines().iter().filter(|line| line.contains("/1/idtoken")).count();
    assert_eq!(asked(&rig), 2, "once for the vault, once for the app");
    let rig = Rig::within(&setting::CLUSTER, &seeds, |state| {
        let token = pipeline::service_account_token(state, Duration::seconds(50));
        state.files.insert("federated-token".into(), rotator::sandbox::state::File::text(token));
    })
    .await;
    assert_eq!(rig.run(&[]).await.report.summary.rotated, 6, "a token on its last minute is read again each time");
}

#[tokio::test]
async fn services_that_issue_tokens_may_fail_for_a_while() {
    let rig = Rig::within(&setting::GITHUB, &due(), |_| {}).await;
    rig.fault(Rule::new(Phase::Before, Fault::status(503)).on(Route::Pipeline).times(2));
    assert_eq!(rig.run_one(&[]).await.outcome, OutcomeName::Rotated);
    rig.fault(Rule::new(Phase::After, Fault::Half).on(Route::Pipeline));
    let row = rig.run_one(&["--deadline", "2s"]).await;
    assert_eq!(kind(&row), "federation.answer");
    assert_eq!(row.failure.unwrap().remedy.as_str(), "retry");
}
