//! The recorded answers of Entra ID and of managed identities, compared with the sandbox's own.

use std::collections::{BTreeMap, HashMap};

use reqwest::{Client, Proxy};
use rotator::sandbox::entra::directory::{TENANT, USER};
use rotator::sandbox::seed::{self, CLIENT, LEGACY_CLIENT};
use rotator::sandbox::{Sandbox, World};
use serde_json::Value;
use time::Duration;

use super::{differences, recordings};

const TOKEN_ENDPOINT: &str = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/oauth2/v2.0/token";

struct Caller {
    sandbox: Sandbox,
    client: Client,
    identity: Client,
}

async fn caller() -> Caller {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = Sandbox::start(World::new(seed::state(&[]))).await.unwrap();
    let environment: HashMap<&str, String> = sandbox.environment().into_iter().collect();
    let ca = reqwest::Certificate::from_pem(&std::fs::read(sandbox.ca_file()).unwrap()).unwrap();
    let proxy = Proxy::https(&environment["HTTPS_PROXY"]).unwrap();
    let client = Client::builder().proxy(proxy).tls_certs_only([ca]).build().unwrap();
    Caller { sandbox, client, identity: rotator::wire::client::identity().unwrap() }
}

type Answer = (u16, HashMap<String, String>, Value);

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let headers = answer.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
    (answer.status().as_u16(), headers, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

impl Caller {
    async fn post(&self, url: &str, msal: bool, form: &[(&str, &str)]) -> Answer {
        let mut request = self.client.post(url).form(form);
        if msal {
            request = request.header("x-client-SKU", "MSAL.Test").header("x-client-current-telemetry", "5|62,0,,,|,");
        }
        answer(request.header("client-request-id", "c331739f-9ccb-47ea-958c-5fa6f17fc906")).await
    }

    /// Provokes the refusal with this code.
    async fn refused(&self, code: u64, msal: bool) -> Option<Answer> {
        let (value, secret, expired) = {
            let mut state = self.sandbox.world.state();
            let value = state.directory.issue(CLIENT, USER, true, Duration::days(1));
            let token = state.directory.refresh_tokens.get_mut(&value).unwrap();
            match code {
                700_082 => token.issued -= Duration::days(90),
                700_084 => token.single_page = true,
                50_173 => token.revoked = Some(token.issued),
                70_000 => token.client_id = LEGACY_CLIENT.into(),
                50_076 | 50_079 | 53_003 | 65_001 | 70_043 | 50_055 => {
                    token.refused_with = Some(u32::try_from(code).unwrap());
                }
                _ => {}
            }
            let secret = |client: &str| state.directory.apps[client].secrets[0].value.clone();
            (value, secret(CLIENT), secret(LEGACY_CLIENT))
        };
        let mut form = BTreeMap::from([
            ("client_id", CLIENT),
            ("grant_type", "refresh_token"),
            ("refresh_token", value.as_str()),
            ("client_secret", secret.as_str()),
            ("scope", "https://management.azure.com/.default offline_access"),
        ]);
        let mut url = TOKEN_ENDPOINT;
        match code {
            700_082 | 700_084 | 50_173 | 70_000 | 50_076 | 50_079 | 53_003 | 65_001 | 70_043 | 50_055 => {}
            9_002_313 => drop(form.insert("refresh_token", "cut")),
            7_000_215 => drop(form.insert("client_secret", "wrong")),
            7_000_218 => drop(form.remove("client_secret")),
            7_000_222 => {
                form.insert("client_id", LEGACY_CLIENT);
                form.insert("client_secret", &expired);
            }
            700_016 => drop(form.insert("client_id", "00000000-0000-0000-0000-000000000001")),
            90_002 => url = "https://login.microsoftonline.com/00000000-0000-0000-0000-00000000dead/oauth2/v2.0/token",
            500_011 => drop(form.insert("scope", "https://unknown-resource.example/.default")),
            _ => return None,
        }
        Some(self.post(url, msal, &form.into_iter().collect::<Vec<_>>()).await)
    }
}

/// Ids and times are replaced by a mark, so that texts can be compared.
fn plain(text: &str) -> String {
    let first = text.split("\r\n").next().unwrap().split(" Trace ID").next().unwrap().replace('\u{a0}', " ");
    let words = first.split(' ').map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let is_variable = digits > 5 && !word.starts_with("AADSTS") || word.contains("***") || word.contains("<blank>");
        let is_about = word.contains("://") || word.starts_with('\'');
        if is_variable || is_about { "*" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_sandbox_refuses_as_entra_id_did() {
    let Some(files) = recordings("entra") else { return };
    let caller = caller().await;
    let (mut compared, mut left_out, mut found) = (0, Vec::new(), Vec::new());
    for exchange in files["errors_grant"].iter().chain(&files["errors_client"]) {
        let recorded = &exchange["response"]["body"];
        let code = recorded["error_codes"].as_array().unwrap().last().unwrap().as_u64().unwrap();
        let form = exchange["request"]["form"].to_string();
        let url = exchange["request"]["url"].as_str().unwrap_or_default();
        let msal = form.contains("x-client-SKU") || recorded["suberror"] == "bad_token";
        let Some((status, headers, body)) = caller.refused(code, msal).await else {
            left_out.push(format!("{code}: the sandbox has no way to it yet"));
            continue;
        };
        compared += 1;
        let mut note = |text: String| found.push(format!("{code} ({}): {text}", exchange["source"].as_str().unwrap()));
        if exchange["response"]["status"].as_u64().is_some_and(|recorded| recorded != u64::from(status)) {
            note(format!("status {status}"));
        }
        // The v1 endpoint words some errors differently; the sandbox plays v2.
        let version_1 = url.ends_with("/oauth2/token");
        for key in ["error", "error_codes", "suberror"] {
            let open = version_1 && key != "error_codes";
            if !open && recorded.get(key) != body.get(key) {
                note(format!("{key}: {:?} is not {:?}", recorded.get(key), body.get(key)));
            }
        }
        // Which optional members are there varied with years and clients: ours must be among the recorded ones.
        let optional = ["error_uri", "suberror", "claims", "password_change_url"];
        let keys = |body: &Value| -> Vec<String> {
            body.as_object().unwrap().keys().filter(|key| !optional.contains(&key.as_str())).cloned().collect()
        };
        if keys(recorded) != keys(&body) {
            note(format!("members {:?} are not {:?}", keys(recorded), keys(&body)));
        }
        let text = |body: &Value| plain(body["error_description"].as_str().unwrap());
        if text(recorded) != text(&body) && !text(recorded).starts_with(&text(&body)) && code != 7_000_222 {
            note(format!("text\n  {}\n  {}", text(recorded), text(&body)));
        }
        if body["correlation_id"] != headers["client-request-id"] || body["trace_id"] != headers["x-ms-request-id"] {
            note("ids in body and headers differ".into());
        }
    }
    println!("Entra ID: {compared} refusals compared; left out: {left_out:#?}");
    assert!(compared >= 20, "{compared}");
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[tokio::test]
async fn the_sandbox_grants_as_entra_id_did() {
    let Some(files) = recordings("entra") else { return };
    let caller = caller().await;
    let recorded = files["token_success"]
        .iter()
        .find(|exchange| {
            exchange["request"]["form"]["grant_type"] == "refresh_token" && exchange["response"]["status"] == 200
        })
        .unwrap();
    let (value, secret) = {
        let mut state = caller.sandbox.world.state();
        let value = state.directory.issue(CLIENT, USER, true, Duration::seconds(2));
        (value, state.directory.apps[CLIENT].secrets[0].value.clone())
    };
    let form = [
        ("client_id", CLIENT),
        ("grant_type", "refresh_token"),
        ("refresh_token", &value),
        ("client_secret", &secret),
        ("scope", "https://vault.azure.net/.default openid profile offline_access"),
        ("client_info", "1"),
    ];
    let (status, headers, body) = caller.post(TOKEN_ENDPOINT, true, &form).await;
    assert_eq!(status, 200);
    let mut expected = recorded["response"]["body"].clone();
    expected.as_object_mut().unwrap().remove("foci"); // of Microsoft's own clients only
    assert_eq!(differences("body", &expected, &body, &|at| at.ends_with("token_type")), [""; 0]);
    // Recorded with another grant: what `.default` comes back as.
    assert_eq!(body["scope"], "https://vault.azure.net/user_impersonation https://vault.azure.net/.default");
    for name in recorded["response"]["headers"].as_object().unwrap().keys() {
        let of_the_connection = ["Date", "Content-Length"].contains(&name.as_str());
        assert!(of_the_connection || headers.contains_key(&name.to_lowercase()), "the header {name} is missing");
    }
    let telemetry: Vec<&str> = headers["x-ms-clitelem"].split(',').collect();
    assert_eq!(&telemetry[..3], ["1", "0", "0"]);
    assert!((2_000.0..60_000.0).contains(&telemetry[3].parse::<f64>().unwrap()), "{telemetry:?}");
    for (name, token) in [("id token", "id_token"), ("access token", "access_token")] {
        let claims = body[token].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
        let claims: Value = serde_json::from_slice(&decode(&claims)).unwrap();
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            if token == "id_token" { 3_900 } else { 3_899 },
            "{name}"
        );
        assert_eq!(claims.get("amr").is_some(), token == "access_token", "{name}");
        let version = if token == "id_token" { "2.0" } else { "1.0" };
        assert_eq!(claims["ver"], version, "{name}");
    }
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[tokio::test]
async fn discovery_and_keys() {
    let Some(files) = recordings("entra") else { return };
    let caller = caller().await;
    let mut found = Vec::new();
    for exchange in &files["discovery"] {
        let url = exchange["request"]["url"].as_str().unwrap();
        let url =
            if exchange["response"]["status"] == 400 { url.replace("00000001", "0000dead") } else { url.to_owned() };
        let (status, headers, body) = answer(caller.client.get(&url)).await;
        if exchange["response"]["status"].as_u64().is_some_and(|recorded| recorded != u64::from(status)) {
            found.push(format!("{url}: status {status}"));
        }
        let exact = |at: &str| at == "body.error" || at.ends_with("_supported");
        let mut differences = differences("body", &exchange["response"]["body"], &body, &exact);
        // A recording of another region or year may lack or have members that say nothing about sign-in.
        differences.retain(|text| !text.contains("error_uri") && !text.contains("tenant_region_scope"));
        found.extend(differences.into_iter().map(|text| format!("{url}: {text}")));
        assert!(headers["cache-control"].contains("max-age=86400"), "{url}");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let (_, _, keys) =
        answer(caller.client.get(format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"))).await;
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    // What is signed can be checked with the key that is published.
    let asked = format!("{}?resource=x&api-version=2018-02-01", caller.sandbox.imds());
    let (_, _, token) = answer(caller.identity.get(asked).header("Metadata", "true")).await;
    let token = token["access_token"].as_str().unwrap().to_owned();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let part = |name: &str| decode(keys["keys"][0][name].as_str().unwrap());
    let key = ring::rsa::PublicKeyComponents { n: part("n"), e: part("e") };
    let checked = key.verify(&ring::signature::RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature));
    assert_eq!(checked, Ok(()));
}

#[tokio::test]
async fn managed_identities() {
    let Some(files) = recordings("entra") else { return };
    let caller = caller().await;
    let environment: HashMap<&str, String> = caller.sandbox.environment().into_iter().collect();
    let mut compared = 0;
    for exchange in &files["managed_identity"] {
        let asked = exchange["request"]["url"].as_str().unwrap();
        if exchange["request"]["headers"].get("Secret").is_some() {
            continue; // Azure Machine Learning, which the SDK does not speak
        }
        let imds = asked.contains("169.254");
        let id = if asked.contains("client_id=") { "&client_id=00000000-0000-0000-0000-0000000000ff" } else { "" };
        let base = if imds { caller.sandbox.imds() } else { environment["IDENTITY_ENDPOINT"].clone() };
        let request =
            caller.identity.get(format!("{base}?resource=https://vault.azure.net&api-version=2018-02-01{id}"));
        let request = if imds {
            request.header("Metadata", "true")
        } else {
            request.header("X-IDENTITY-HEADER", &environment["IDENTITY_HEADER"])
        };
        let (status, _, body) = answer(request).await;
        assert_eq!(exchange["response"]["status"], status, "{asked}");
        let exact = |at: &str| at.ends_with("message") || at.ends_with("error_description") || at == "body.error";
        assert_eq!(differences("body", &exchange["response"]["body"], &body, &exact), [""; 0], "{asked}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}
