//! The recorded exchanges of Key Vault, played again against the sandbox.

use std::collections::HashMap;

use reqwest::{Client, Method, Proxy};
use rotator::sandbox::seed::VAULT;
use rotator::sandbox::state::State;
use rotator::sandbox::vault::store::Version;
use rotator::sandbox::{Sandbox, World};
use serde_json::Value;

use super::{differences, recordings};

/// Why an exchange is not compared, or how far.
fn left_out(path: &str, exchange: &Value) -> Option<&'static str> {
    let (status, version) = (&exchange["response"]["status"], &exchange["api_version"]);
    if path.contains("/backup") || path.starts_with("/secrets/restore") {
        return Some("backup and restore: the job never asks for them");
    }
    if path.ends_with("page-0") && status == 401 {
        return Some("a service build of 2021, with another authority and another text");
    }
    if version.is_null() && status == 401 {
        return Some("a service build of 2021, with another authority and another text");
    }
    None
}

/// Members of a list of secrets that depend on what else lies in the recorded vault.
fn is_shared_list(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path == "/secrets" || path == "/deletedsecrets"
}

struct Player {
    client: Client,
    token: String,
    /// Recorded version ids and ours.
    ids: HashMap<String, String>,
    next_link: Option<String>,
}

impl Player {
    fn path(&self, recorded: &str) -> String {
        if recorded.contains("skiptoken")
            && let Some(link) = &self.next_link
        {
            return link.split_once(":443").unwrap().1.to_owned();
        }
        let mut path = recorded.to_owned();
        for (theirs, ours) in &self.ids {
            path = path.replace(theirs, ours);
        }
        path
    }

    async fn play(&mut self, exchange: &Value) -> (u16, HashMap<String, String>, Value) {
        let request = &exchange["request"];
        let method: Method = request["method"].as_str().unwrap().parse().unwrap();
        let path = self.path(request["path"].as_str().unwrap());
        let mut call = self.client.request(method, format!("https://{VAULT}{path}"));
        let unauthorized = request.as_object().unwrap().get("authorization").is_some_and(Value::is_null);
        if !unauthorized {
            call = call.header("Authorization", format!("Bearer {}", self.token));
        }
        if !request["body"].is_null() {
            call = call.header("Content-Type", "application/json").body(request["body"].to_string());
        }
        let answer = call.send().await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        let id = |body: &Value| body["id"].as_str().and_then(|id| id.split('/').nth(5)).map(str::to_owned);
        if let (Some(theirs), Some(ours)) = (id(&exchange["response"]["body"]), id(&body)) {
            self.ids.insert(theirs, ours);
        }
        if body["value"].is_array() {
            self.next_link = body["nextLink"].as_str().map(str::to_owned);
        }
        (status, headers, body)
    }
}

async fn player(sandbox: &Sandbox) -> Player {
    let environment: HashMap<&str, String> = sandbox.environment().into_iter().collect();
    let ca = reqwest::Certificate::from_pem(&std::fs::read(sandbox.ca_file()).unwrap()).unwrap();
    let proxy = Proxy::https(&environment["HTTPS_PROXY"]).unwrap();
    let client = Client::builder().proxy(proxy).tls_certs_only([ca]).build().unwrap();
    let identity =
        format!("{}?resource=https://vault.azure.net&api-version=2019-08-01", environment["IDENTITY_ENDPOINT"]);
    let answer = rotator::wire::client::identity().unwrap().get(identity);
    let answer = answer.header("X-IDENTITY-HEADER", &environment["IDENTITY_HEADER"]).send().await.unwrap();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let token = body["access_token"].as_str().unwrap().to_owned();
    Player { client, token, ids: HashMap::new(), next_link: None }
}

fn compare(path: &str, exchange: &Value, status: u16, headers: &HashMap<String, String>, ours: &Value) -> Vec<String> {
    let recorded = &exchange["response"];
    let mut found = Vec::new();
    if recorded["status"] != status {
        found.push(format!("status {} is not {status}: {ours}", recorded["status"]));
        return found;
    }
    let exact = |at: &str| {
        let value = [".code", ".message", ".enabled", ".contentType", ".value", ".exp", ".nbf"];
        at.contains(".tags.") || value.iter().any(|end| at.ends_with(end))
    };
    let mut theirs = recorded["body"].clone();
    let mut ours = ours.clone();
    for body in [&mut theirs, &mut ours] {
        // The text of a challenge changed with the service's build.
        if status == 401 {
            body["error"]["message"] = "".into();
        }
        if is_shared_list(path) && status == 200 {
            body["nextLink"] = Value::Null;
            let items = body["value"].as_array_mut().unwrap();
            for item in items {
                for key in ["tags", "contentType", "managed"] {
                    item.as_object_mut().unwrap().remove(key);
                }
                item["attributes"]["enabled"] = true.into();
                item["attributes"].as_object_mut().unwrap().retain(|key, _| key != "nbf" && key != "exp");
            }
        }
    }
    found.extend(differences("body", &theirs, &ours, &exact));
    for name in ["Content-Type", "Cache-Control"] {
        let recorded = recorded["headers"][name].as_str();
        let ours = headers.get(&name.to_lowercase()).map(String::as_str);
        if recorded.is_some() && recorded != ours {
            found.push(format!("{name}: {recorded:?} is not {ours:?}"));
        }
    }
    for name in
        ["x-ms-keyvault-region", "x-ms-keyvault-service-version", "x-ms-keyvault-network-info", "www-authenticate"]
    {
        let recorded = recorded["headers"].as_object().unwrap().keys().any(|key| key.eq_ignore_ascii_case(name));
        if recorded && !headers.contains_key(name) {
            found.push(format!("the header {name} is missing"));
        }
    }
    found
}

#[tokio::test]
async fn the_sandbox_answers_as_key_vault_did() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some(files) = recordings("keyvault") else { return };
    let (mut compared, mut skipped, mut found) = (0, HashMap::<&str, usize>::new(), Vec::new());
    for (file, exchanges) in files {
        let mut state = State::default();
        let vault = state.vault(VAULT);
        vault.empty_pages = file.contains("empty-pages");
        if file == "list-25-per-page" {
            (1..50).for_each(|nth| drop(vault.add(&format!("page{nth}"), Version::new("v")).clone()));
        }
        if file == "list-maxresults-1" {
            (0..4).for_each(|nth| drop(vault.add(&format!("other{nth}"), Version::new("v")).clone()));
        }
        let sandbox = Sandbox::start(World::new(state)).await.unwrap();
        let mut player = player(&sandbox).await;
        for (nth, exchange) in exchanges.iter().enumerate() {
            let path = exchange["request"]["path"].as_str().unwrap();
            if let Some(reason) = left_out(path, exchange) {
                *skipped.entry(reason).or_default() += 1;
                continue;
            }
            // Deleting and recovering take seconds there; here time passes when the recording says that it did.
            if !["404", "409"].contains(&exchange["response"]["status"].to_string().as_str()) {
                sandbox.world.state().vault(VAULT).settle();
            }
            let (status, headers, body) = player.play(exchange).await;
            let differences = compare(path, exchange, status, &headers, &body);
            found.extend(differences.into_iter().map(|text| format!("{file} #{nth} {path}: {text}")));
            compared += 1;
        }
    }
    println!("Key Vault: {compared} exchanges compared; left out: {skipped:?}");
    assert!(compared > 100, "{compared}");
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

/// Not recorded, but documented: the version of the interface must be named.
#[tokio::test]
async fn a_request_without_an_api_version_is_refused() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut state = State::default();
    state.vault(VAULT).add("x", Version::new("v"));
    let sandbox = Sandbox::start(World::new(state)).await.unwrap();
    let mut player = player(&sandbox).await;
    for (path, expected) in [("", 400), ("?api-version=1.0", 400), ("?api-version=7.4", 200)] {
        for slash in ["", "/"] {
            let path = format!("/secrets/x{slash}{path}");
            let request = serde_json::json!({"request": {"method": "GET", "path": path, "body": null}, "response": {}});
            assert_eq!(player.play(&request).await.0, expected, "{path}");
        }
    }
}
