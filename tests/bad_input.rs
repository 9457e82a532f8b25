//! Wrong configurations and wrong values: a clear error that names the place and the fix, and nothing is written.

use std::collections::BTreeMap;

use crate::support::{Rig, TOKEN, due, kind};
use rotator::config::{EXAMPLE, load_text};
use rotator::report::OutcomeName;
use rotator::sandbox::seed::{Fate, Seed, VAULT};
use rotator::sandbox::vault::store::Version;

const GOOD: &str = r#"[vault]
url = "https://contoso-kv.vault.azure.net"
credential = "managed-identity"

[apps.partner]
tenant_id = "00000000-0000-0000-0000-000000000001"
client_id = "00000000-0000-0000-0000-0000000000c1"
credential = { secret = { vault_secret = "partner-client-secret" } }

[[token]]
name = "contoso"
secret = "contoso-token"
scope = "https://api.partnercenter.microsoft.com/user_impersonation"
"#;

/// The faults of a text, each as `line:column: message | fix`.
fn faults(text: &str) -> Vec<String> {
    let faults = load_text("rotator.toml", text).err().map(|faults| faults.0).unwrap_or_default();
    let line = |fault: rotator::config::Fault| {
        format!("{}: {} | {}", fault.place.trim_start_matches("rotator.toml:"), fault.message, fault.fix)
    };
    faults.into_iter().map(line).collect()
}

/// What replacing a part of a good text leads to.
#[track_caller]
fn refused(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    let found = faults(&GOOD.replace(from, to));
    assert!(found.len() == 1 && found[0].contains(expected), "{to}\nexpected: {expected}\nfound: {found:#?}");
}

#[test]
fn good_texts_are_good() {
    assert_eq!(faults(GOOD), [""; 0]);
    assert_eq!(faults(EXAMPLE), [""; 0]);
}

#[test]
fn the_example_shows_every_key_and_each_of_them_is_understood() {
    let is_setting = |line: &&str| line.contains(" = ") || line.starts_with('[');
    let shown = EXAMPLE.lines().map(|line| line.strip_prefix("# ").filter(is_setting).unwrap_or(line));
    let all: Vec<&str> = shown.collect();
    // Two ways to say the same thing cannot both stand.
    let text = all.join("\n").replace("authority = \"https://login.example\"", "");
    assert_eq!(faults(&text), [""; 0], "{text}");
    let schema = serde_json::to_value(rotator::config::schema()).unwrap();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.filter_map(|table| table["properties"].as_object()).flat_map(|keys| keys.keys()) {
        assert!(EXAMPLE.contains(key), "the example lacks {key}");
    }
}

#[test]
fn syntax() {
    refused("[[token]]", "[[token]", "10:9: not TOML");
    refused("name = \"contoso\"", "name = contoso", "11:8: not TOML");
}

#[test]
fn keys_nobody_knows() {
    refused("scope = ", "scopes = \"x\"\nscope = ", "13:1: unknown key `scopes` | did you mean `scope`?");
    refused("[[token]]", "[[tokens]]\n[[token]]", "10:3: unknown key `tokens` | did you mean `token`?");
    refused("vault_secret = ", "vault_secrets = \"x\", vault_secret = ", "8:27: unknown key `vault_secrets`");
    refused("[vault]", "[vault]\nxyzzy = 1", "2:1: unknown key `xyzzy` | remove it; known here:");
}

#[test]
fn values_of_the_wrong_form() {
    refused("name = \"contoso\"", "name = 7", "11:8: invalid type: integer `7`, expected a string");
    refused("\"managed-identity\"", "\"imds\"", "3:14: unknown variant");
    refused("name = ", "keep_versions = -1\nname = ", "11:17: invalid value: integer `-1`");
    refused("name = ", "require_mfa = 3\nname = ", "11:15: expected `\"auto\"`, `true` or `false`");
    let secret = "{ secret = { vault_secret = \"partner-client-secret\" } }";
    refused(secret, "\"nothing\"", "8:14: invalid value: string \"nothing\", expected a table with `secret`");
    refused(secret, "{ secret = { env = 5 } }", "8:33: invalid type: integer `5`, expected a string");
    refused(secret, "{ federated = \"aws\" }", "8:28: unknown variant `aws`");
    refused("name = ", "suspended_until = \"soon\"\nname = ", "11:19: invalid type: string \"soon\"");
    refused("name = ", "suspended_until = 12:30:00\nname = ", "11:1: this is no day");
    refused("[[token]]", "[token]", "10:1: this must be an array of tables | write it as [[token]]");
}

#[test]
fn addresses() {
    refused("https://contoso-kv", "http://contoso-kv", "2:1: only https is allowed");
    refused("https://contoso-kv.vault.azure.net", "contoso-kv", "2:1: not an address");
    refused("azure.net", "azure.net/secrets/x", "2:1: a vault address ends after the host");
    refused("client_id = ", "authority = \"http://login.example\"\nclient_id = ", "7:1: only https is allowed");
    let both = "cloud = \"china\"\nauthority = \"https://x.example\"\nclient_id = ";
    refused("client_id = ", both, "8:1: `cloud` and `authority` say the same thing twice");
}

#[test]
fn names_and_ids() {
    refused("contoso-token", "contoso_token", "12:1: a secret name has letters, digits and hyphens only");
    refused("contoso-token", &"x".repeat(128), "12:1: a secret name has 1 to 127 characters");
    refused("\"contoso\"", "\"con toso\"", "11:1: `con toso` cannot be a token's name");
    refused("0000000000c1", "0000000000", "7:1: this is not a GUID, as `client_id` must be");
    refused("00000000-0000-0000-0000-000000000001", "common", "6:1: `tenant_id` must name one tenant");
    refused("name = ", "user_id = \"ada\"\nname = ", "11:1: `ada` is not a GUID");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_quoted() {
    let secret = "abc8Q~0123456789abcdefghijklmnopqrstuvwx";
    let places = [
        ("\"contoso\"", format!("\"{secret}\"")),
        ("\"00000000-0000-0000-0000-0000000000c1\"", format!("\"{secret}\"")),
        ("\"contoso-token\"", format!("\"{secret}\"")),
        ("\"managed-identity\"", format!("\"{secret}\"")),
        ("{ secret = { vault_secret = \"partner-client-secret\" } }", format!("\"{secret}\"")),
        ("name = ", format!("keep_versions = \"{secret}\"\nname = ")),
        ("vault_secret = \"partner-client-secret\"", format!("env = \"{secret}\"")),
        ("name = ", format!("app = \"{secret}\"\nname = ")),
        ("name = ", format!("rotate_after = \"{secret}\"\nname = ")),
        ("url = \"https://contoso-kv.vault.azure.net\"", format!("url = \"{secret}\"")),
    ];
    for (from, to) in places {
        let found = faults(&GOOD.replace(from, &to));
        assert!(!found.is_empty() && !found.join("\n").contains("abc8Q"), "{found:#?}");
        let long = to.replace(secret, "-----BEGIN PRIVATE KEY-----\\nabc8Q\\\"~0123456789abcdefghij");
        assert!(!faults(&GOOD.replace(from, &long)).join("\n").contains("abc8Q"), "{long}");
    }
}

#[test]
fn what_is_missing() {
    refused("secret = \"contoso-token\"\n", "", "10:1: `secret` is missing or empty");
    refused("scope = ", "purpose = ", "10:1: `scope` is missing or empty");
    refused("credential = \"managed-identity\"", "", "1:2: `credential` is missing");
    refused(
        "credential = { secret = { vault_secret = \"partner-client-secret\" } }",
        "",
        "5:7: `credential` is missing",
    );
    refused("vault_secret = ", "env = \"A\", vault_secret = ", "8:16: a secret value is in exactly one place");
    let credential = "{ secret = { vault_secret = \"partner-client-secret\" } }";
    refused(credential, "{ }", "8:1: an app proves who it is in exactly one way");
    let two = "{ secret = { env = \"A\" }, certificate = { env = \"B\" } }";
    refused(credential, two, "8:1: an app proves who it is in exactly one way");
    refused(credential, "{ certificate = { } }", "8:16: a secret value is in exactly one place");
    assert_eq!(faults(&GOOD.replace(credential, "\"none\"")), [""; 0]);
    assert_eq!(faults(""), ["1:1: there is no [[token]] | add [[token]] with secret, app and scope"]);
}

#[test]
fn scopes_of_several_resources_and_other_half_truths() {
    let with_sign_in = GOOD.replace("user_impersonation\"", "user_impersonation offline_access openid\"");
    assert_eq!(faults(&with_sign_in), [""; 0]);
    let scope = "https://api.partnercenter.microsoft.com/user_impersonation";
    refused(
        scope,
        &format!("{scope} https://graph.microsoft.com/.default"),
        "13:1: the scopes are of several resources",
    );
    let long = "https://login.example/00000000-0000-0000-0000-000000000001/v2.0";
    refused(
        "client_id = ",
        &format!("authority = \"{long}\"\nclient_id = "),
        "7:1: the authority ends before the tenant",
    );
    refused(
        "vault_secret = \"partner-client-secret\"",
        "env = \"a-b\"",
        "8:27: `a-b` is no name of an environment variable",
    );
}

#[test]
fn what_refers_to_nothing() {
    refused(
        "name = ",
        "vault = \"emea\"\nname = ",
        "11:1: there is no [vaults] table called `emea` | known vaults: default",
    );
    refused(
        "name = ",
        "app = \"partnr\"\nname = ",
        "11:1: there is no [apps] table called `partnr` | known apps: partner",
    );
    refused("vault_secret = ", "vault = \"x\", vault_secret = ", "8:27: there is no [vaults] table called `x`");
}

#[test]
fn duplicates() {
    let twice = |second: &str| GOOD.to_owned() + second;
    let token = "[[token]]\nname = \"Contoso\"\nsecret = \"other\"\nscope = \"x/.default\"\n";
    assert_eq!(
        faults(&twice(token)),
        ["15:1: another token is called `Contoso` already | give each token its own name"]
    );
    let token = "[[token]]\nname = \"other\"\nsecret = \"Contoso-Token\"\nscope = \"x/.default\"\n";
    assert!(faults(&twice(token))[0].starts_with("16:1: the token `contoso` is kept in the same secret"));
    assert!(faults(&twice("[vault]\n"))[0].contains("not TOML: duplicate key"));
}

#[test]
fn thresholds_out_of_order() {
    let policy = |lines: &str| GOOD.replace("name = ", &format!("{lines}\nname = "));
    assert!(faults(&policy("warn_before = \"10d\""))[0].starts_with("11:1: critical_before must be shorter than"));
    assert!(faults(&policy("rotate_after = \"40d\""))[0].starts_with("11:1: expire_after must be longer than"));
    assert!(faults(&policy("expire_after = \"91d\""))[0].starts_with("11:1: expire_after must not be longer than 90"));
    assert!(
        faults(&policy("expire_after = \"9000y\""))[0].starts_with("11:1: expire_after must not be longer than 90")
    );
    assert!(faults(&policy("expire_after = \"44d\""))[0].starts_with("11:1: expire_after must be longer than"));
    assert!(faults(&policy("rotate_after = \"0s\""))[0].contains("rotate_after must be longer than zero"));
    assert!(faults(&policy("rotate_after = \"a week\""))[0].starts_with("11:1: `rotate_after` is not a duration"));
    assert!(faults(&policy("keep_versions = 0"))[0].contains("keep_versions must be at least 1"));
    let defaults = GOOD.to_owned() + "[defaults]\nrotate_after = \"31d\"\n";
    assert!(faults(&defaults)[0].starts_with("15:1: expire_after must be longer than"), "{:?}", faults(&defaults));
    let unreadable = GOOD.replace("scope = ", "expire_after = \"x\"\npurpose = ") + "[defaults]\nscope = 3\n";
    assert_eq!(faults(&unreadable).len(), 2, "what the defaults may hold is not missed: {:?}", faults(&unreadable));
    assert!(
        faults(&(GOOD.to_owned() + "[defaults]\nsecret = \"x\"\n"))[0].starts_with("15:1: `secret` is a token's own")
    );
}

#[test]
fn all_faults_are_reported_together_in_the_order_of_the_file() {
    let text = GOOD
        .replace("https://contoso", "http://contoso")
        .replace("0000000000c1", "c1")
        .replace("scope = ", "expire_after = 3\nscop = ")
        + "[network]\nca = \"x\"\n";
    let found = faults(&text);
    let lines: Vec<&str> = found.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["2", "7", "13", "14", "16"], "{found:#?}");
}

#[tokio::test]
async fn a_wrong_configuration_exits_with_2_and_sends_nothing() {
    let rig = Rig::new(&due()).await;
    rig.configure(&rig.config_text().replace("https://", "http://"));
    let outcome = rig.call(&["run"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert!(outcome.stderr.contains("rotator.toml:2:1: only https is allowed"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("fix: "), "{}", outcome.stderr);
    assert!(rig.world().journal().entries().is_empty());
    for arguments in [["run", "--only", "nobody"], ["run", "--deadline", "soon"], ["run", "--log-level", "x=y=z"]] {
        let rig = Rig::new(&due()).await;
        assert_eq!(rig.call(&arguments).await.code, Some(2), "{arguments:?}");
        assert!(rig.world().journal().entries().is_empty());
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_or_holds_no_certificate() {
    let rig = Rig::new(&due()).await;
    let outcome = rig.call(&["run", "--config", "/nowhere/rotator.toml"]).await;
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("rotator config example"), "{}", outcome.stderr);
    let text = rig.config_text();
    rig.configure(&text.replace("ca.pem", "rotator.toml"));
    let outcome = rig.call(&["run"]).await;
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("holds no certificate"), "{}", outcome.stderr);
}

/// All versions, but for the note of what people were told.
fn stored(rig: &Rig) -> Vec<(bool, String, BTreeMap<String, String>)> {
    let mut state = rig.world().state();
    let versions = state.vault(VAULT).secrets.get(TOKEN).into_iter().flat_map(|secret| &secret.versions).cloned();
    let without_note = |mut version: Version| {
        version.tags.remove("rotator-state");
        (version.enabled, version.value, version.tags)
    };
    versions.map(without_note).collect()
}

/// A bad value ends in this slug, and nothing is changed.
async fn refuses(rig: Rig, expected: &str, outcome: OutcomeName) {
    let before = stored(&rig);
    let ran = rig.run(&[]).await;
    assert_eq!((ran.outcome.code, kind(ran.row(TOKEN)), ran.row(TOKEN).outcome), (Some(3), expected, outcome));
    assert!(!ran.row(TOKEN).failure.as_ref().unwrap().hint.contains('{'), "a hint is filled in");
    assert_eq!(stored(&rig), before);
    assert!(!rig.world().journal().lines().iter().any(|line| line.starts_with("PUT")));
}

#[tokio::test]
async fn values_that_are_no_refresh_tokens() {
    for (value, expected) in [("", "vault.value.empty"), (" \n", "vault.value.empty")] {
        let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).add(TOKEN, Version::new(value)).clone())).await;
        refuses(rig, expected, OutcomeName::Failed).await;
    }
    let long = "x".repeat(30_000);
    let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).add(TOKEN, Version::new(&long)).clone())).await;
    refuses(rig, "vault.value.too-long", OutcomeName::Failed).await;
    refuses(Rig::new(&[Seed::new(TOKEN).untagged().fate(Fate::Damaged)]).await, "entra.bad-token", OutcomeName::Failed)
        .await;
}

#[tokio::test]
async fn secrets_that_are_not_there() {
    let rig = Rig::new(&[Seed::new(TOKEN).days_old(8).older(1).disabled()]).await;
    refuses(rig, "vault.secret.disabled", OutcomeName::Held).await;
    let rig = Rig::with(&due(), |state| state.vault(VAULT).delete(TOKEN)).await;
    refuses(rig, "vault.secret.deleted", OutcomeName::Failed).await;
    let rig = Rig::with(&due(), |state| drop(state.vault(VAULT).secrets.remove(TOKEN))).await;
    refuses(rig, "vault.secret.missing", OutcomeName::Failed).await;
}
