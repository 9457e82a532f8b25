//! Access tokens for scripts: for the right API in the right tenant, handed over without a trace anywhere else.

use crate::support::{Outcome, Rig, TOKEN, due};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rotator::entra::cloud::Cloud;
use rotator::entra::preset;
use rotator::sandbox::entra::directory::TENANT;
use rotator::sandbox::route::Route;
use rotator::sandbox::scenario::Scenario;
use rotator::sandbox::scenario::entra::{FABRIKAM, NORTHWIND};
use rotator::sandbox::seed::CLIENT;
use serde_json::Value;

async fn rig() -> Rig {
    Rig::with(&due(), |state| {
        let consented: &[&str] = &["https://graph.microsoft.com", "https://outlook.office365.com"];
        state.directory.add_customer(FABRIKAM, "Fabrikam", "fabrikam.example", &[(CLIENT, consented)]);
        state.directory.add_customer(NORTHWIND, "Northwind", "northwind.example", &[]);
    })
    .await
}

fn claims(access: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(access.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn token(rig: &Rig, arguments: &[&str]) -> Outcome {
    rig.call(&[&["token", TOKEN], arguments].concat()).await
}

#[tokio::test]
async fn every_api_by_name_is_one_token_for_that_api_and_nothing_is_stored() {
    let rig = rig().await;
    let mut tried = 0;
    for preset in preset::all() {
        let Some(api) = preset.of(Cloud::Public) else { continue };
        let outcome = token(&rig, &["--for", &preset.name]).await;
        assert_eq!(outcome.code, Some(0), "{}: {}", preset.name, outcome.stderr);
        let audience = claims(&outcome.stdout)["aud"].as_str().unwrap().trim_end_matches('/').to_owned();
        assert!(api.audiences.contains(&audience), "{audience}");
        tried += 1;
    }
    assert!(tried >= 9);
    assert_eq!(rig.version_count(TOKEN), 1);
    let written = rig
        .world()
        .journal()
        .entries()
        .iter()
        .filter(|entry| matches!(entry.route, Route::Write | Route::Update))
        .count();
    assert_eq!(written, 0);
}

#[tokio::test]
async fn a_customer_that_consented_and_one_that_did_not() {
    let rig = rig().await;
    for tenant in [FABRIKAM, "fabrikam.example"] {
        let outcome = token(&rig, &["--for", "graph", "--tenant", tenant]).await;
        assert_eq!(claims(&outcome.stdout)["tid"], FABRIKAM, "{}", outcome.stderr);
    }
    for (tenant, api, code) in [
        (NORTHWIND, "graph", "AADSTS90099"),
        (FABRIKAM, "arm", "AADSTS65001"),
        ("nobody.example", "graph", "AADSTS90002"),
    ] {
        let outcome = token(&rig, &["--for", api, "--tenant", tenant]).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), ""), "{tenant} {api}");
        assert!(outcome.stderr.contains(code) && outcome.stderr.contains("correlation id "), "{}", outcome.stderr);
        let there = outcome.stderr.contains(&format!("rotator customers consent {TOKEN} {tenant}"));
        assert_eq!(there, code != "AADSTS90002", "{}", outcome.stderr);
    }
}

/// One's own tenant is no customer, by whichever name.
#[tokio::test]
async fn at_home_no_customer_is_spoken_of() {
    let rig = Rig::with(&due(), |state| {
        state.directory.apps.get_mut(CLIENT).unwrap().consented = vec!["https://graph.microsoft.com".to_owned()];
    })
    .await;
    for tenant in [TENANT, "contoso.example"] {
        let outcome = token(&rig, &["--for", "arm", "--tenant", tenant]).await;
        assert!(outcome.stderr.contains("AADSTS65001") && !outcome.stderr.contains("customers"), "{}", outcome.stderr);
    }
}

#[tokio::test]
async fn what_is_for_something_else_is_not_handed_over() {
    for (scenario, kind) in
        [("other-resource", "access.audience"), ("other-access-tenant", "access.tenant"), ("opaque", "access.audience")]
    {
        let world = Scenario::find(scenario).unwrap();
        let rig = Rig::with(&due(), |state| *state = std::mem::take(&mut *world.world().state())).await;
        for tenant in [TENANT, "contoso.example"] {
            let outcome = token(&rig, &["--for", "exchange", "--tenant", tenant]).await;
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(3), ""), "{scenario} {tenant}");
            assert!(outcome.stderr.contains(kind), "{}", outcome.stderr);
        }
    }
}

#[tokio::test]
async fn forms() {
    let rig = rig().await;
    let json: Value = serde_json::from_str(&token(&rig, &["--for", "graph", "--output", "json"]).await.stdout).unwrap();
    let access = json["access_token"].as_str().unwrap();
    assert_eq!((&json["tenant"], &json["resource"]), (&TENANT.into(), &"https://graph.microsoft.com".into()));
    let left = json["expires_on"].as_i64().unwrap() - time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((3_500..=3_600).contains(&left), "{left}");
    assert_eq!(json.as_object().unwrap().len(), 4);
    assert_eq!(claims(access)["appid"], CLIENT);
    let raw = token(&rig, &["--for", "graph"]).await.stdout;
    assert!(!raw.ends_with('\n') && raw.matches('.').count() == 2);
    let plugin = token(&rig, &["--for", "arm", "--output", "exec-credential"]).await.stdout;
    let plugin: Value = serde_json::from_str(&plugin).unwrap();
    assert_eq!(
        (&plugin["kind"], &plugin["apiVersion"]),
        (&"ExecCredential".into(), &"client.authentication.k8s.io/v1".into())
    );
    assert!(plugin["status"]["expirationTimestamp"].as_str().unwrap().ends_with('Z'));
    let powershell = token(&rig, &["--for", "graph", "--output", "powershell", "--variable", "Graph"]).await.stdout;
    let beta = r#"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{}}"#;
    let rig = rig.env("KUBERNETES_EXEC_INFO", beta);
    let plugin = token(&rig, &["--for", "aks", "--output", "exec-credential"]).await.stdout;
    assert!(plugin.contains("client.authentication.k8s.io/v1beta1"), "{plugin}");
    assert!(powershell.starts_with("$Graph = ConvertTo-SecureString -AsPlainText -Force -String 'eyJ"), "{powershell}");
}

/// What a shell makes of it.
#[cfg(unix)]
#[tokio::test]
async fn a_shell_evaluates_it_and_a_child_has_it_in_its_environment_alone() {
    let rig = rig().await;
    let line = token(&rig, &["--for", "graph", "--output", "env", "--variable", "GRAPH"]).await.stdout;
    let script = format!("{line}printf %s \"$GRAPH\"");
    let output = tokio::process::Command::new("sh").args(["-c", &script]).output().await.unwrap();
    assert_eq!(claims(&String::from_utf8(output.stdout).unwrap())["aud"], "https://graph.microsoft.com");
    let script = "printf '%s %s' \"$ACCESS_TOKEN_TENANT\" \"$ACCESS_TOKEN\"; exit 7";
    let outcome = token(&rig, &["--for", "graph", "--exec", "--", "sh", "-c", script]).await;
    assert_eq!(outcome.code, Some(7), "{}", outcome.stderr);
    let (tenant, access) = outcome.stdout.split_once(' ').unwrap();
    assert_eq!((tenant, claims(access)["aud"].as_str()), (TENANT, Some("https://graph.microsoft.com")));
    // The command takes this process's place, so that a signal ends it as if it had been started alone.
    let killed = token(&rig, &["--for", "graph", "--exec", "--", "sh", "-c", "kill -9 $$"]).await;
    assert_eq!(killed.code, None);
    let missing = token(&rig, &["--for", "graph", "--exec", "--", "no-such-program"]).await;
    assert!(missing.stderr.contains("--exec no-such-program"), "{}", missing.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_is_its_owners_alone_and_replaced_at_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = rig().await;
    let path = rig.sandbox.folder().join("access");
    std::fs::write(&path, "older").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = token(&rig, &["--for", "graph", "--out", path.to_str().unwrap()]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(claims(&std::fs::read_to_string(&path).unwrap())["tid"], TENANT);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let nowhere = token(&rig, &["--for", "graph", "--out", "/no/such/folder/x"]).await;
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stderr);
    let left = std::fs::read_dir(rig.sandbox.folder())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn pipelines_get_it_masked_and_only_in_a_step() {
    let rig = rig().await;
    for form in ["github", "azure-pipelines"] {
        let outcome = token(&rig, &["--for", "graph", "--output", form]).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{form}");
        assert!(outcome.stderr.contains("so this is no step of"), "{}", outcome.stderr);
    }
    assert!(rig.world().journal().lines().is_empty(), "nothing was asked for");
    let file = rig.sandbox.folder().join("output");
    std::fs::write(&file, "before=1\n").unwrap();
    let rig = rig.env("GITHUB_OUTPUT", file.to_str().unwrap()).env("TF_BUILD", "True");
    let outcome = token(&rig, &["--for", "graph", "--output", "github", "--variable", "graph_token"]).await;
    let masked = outcome.stdout.strip_prefix("::add-mask::").unwrap().trim_end();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("before=1\ngraph_token={masked}\n"));
    let outcome = token(&rig, &["--for", "graph", "--output", "azure-pipelines"]).await;
    assert!(
        outcome.stdout.starts_with("##vso[task.setvariable variable=ACCESS_TOKEN;issecret=true]eyJ"),
        "{}",
        outcome.stdout
    );
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_said_before_any_request() {
    let rig = rig().await;
    let cases: [(&[&str], &str); 15] = [
        (&["--for", "graph", "--tenant", "common"], "--tenant must name one tenant"),
        (&["--for", "graph", "--tenant", ""], "--tenant must name one tenant"),
        (&["--for", "graph", "--tenant", ".."], "--tenant must name one tenant"),
        (&["--for", "graph", "--scope", "https://management.azure.com//.default"], "name two APIs"),
        (&["--for", "graph", "--variable", "PATH"], "--variable PATH"),
        (&["--for", "graph", "--out", "."], "not a file"),
        (&["--for", "graph", "--out", "x", "--output", "github"], "for a pipeline, not for a file"),
        (&["--for", "graph", "--output", "json", "--exec", "--", "true"], "cannot be used with"),
        (&[], "what is the access token for?"),
        (&["--for", "azure-ad"], "retired in 2025: use --for graph"),
        (&["--for", "msonline"], "Connect-MgGraph"),
        (&["--scope", "https://graph.windows.net/.default"], "use --for graph"),
        (&["--for", "everything"], "known: partner-center, arm, graph"),
        (&["--for", "graph", "--variable", "A B"], "--variable A B"),
        (&["--for", "graph", "--exec"], "COMMAND"),
    ];
    for (arguments, said) in cases {
        let outcome = token(&rig, arguments).await;
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{arguments:?}: {}", outcome.stderr);
    }
    assert_eq!(rig.call(&["token", "nobody", "--for", "graph"]).await.code, Some(2));
    assert!(rig.world().journal().lines().is_empty());
}

/// A token that did not arrive was not handed over.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_no_success() {
    let rig = rig().await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = rig.command(&["token", TOKEN, "--for", "graph"]).stdout(full).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("was not handed over"));
}

/// Whatever the form: a script in a pipeline may print it.
#[tokio::test]
async fn in_a_pipeline_it_is_masked_before_it_goes_anywhere() {
    for (variable, command) in [("GITHUB_ACTIONS", "::add-mask::"), ("TF_BUILD", "##vso[task.setsecret]")] {
        let rig = rig().await.env(variable, "true");
        let outcome = token(&rig, &["--for", "graph"]).await;
        assert!(outcome.stderr.contains(&format!("{command}{}\n", outcome.stdout)), "{variable}");
    }
}

/// A terminal is a place where people look, and whose lines are kept.
#[cfg(unix)]
#[tokio::test]
async fn a_terminal_is_told_no_unless_it_insists() {
    use crate::support::Terminal;
    let rig = rig().await;
    for (arguments, shown) in [(&["--for", "graph"][..], false), (&["--for", "graph", "--show"], true)] {
        let mut command = rig.command(&[&["token", TOKEN], arguments].concat());
        let (shows, code) = Terminal::play(&mut command).await;
        assert_eq!((shows.contains("eyJ"), code), (shown, Some(if shown { 0 } else { 2 })), "{shows}");
    }
}

#[tokio::test]
async fn an_access_token_is_shown_in_no_log() {
    let rig = rig().await;
    for arguments in [&["--for", "graph"][..], &["--for", "graph", "--tenant", NORTHWIND]] {
        let mut outcome = token(&rig, &[arguments, &["--log-level", "trace"]].concat()).await;
        // Stdout is the form that hands it over.
        outcome.stdout.clear();
        crate::redaction::check("token", &outcome, &crate::redaction::secrets(&rig));
    }
}
