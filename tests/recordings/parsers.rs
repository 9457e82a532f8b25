//! The product's own parsers read every recorded answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, Transport};
use rotator::entra::answer::{self, RawAnswer, SecretBody};
use rotator::model::credential::VaultCredential;
use rotator::model::kind::Kind;
use rotator::model::name::{SecretName, VaultUrl};
use rotator::model::target::VaultSite;
use rotator::model::version::{Change, Draft, VersionId};
use rotator::ports::Vault as _;
use rotator::vault::{Connection, KeyVault};
use rotator::wire::deadline::Deadline;
use serde_json::Value;
use time::OffsetDateTime;

use super::recordings;

fn raw(exchange: &Value) -> RawAnswer {
    let (response, body) = (&exchange["response"], &exchange["response"]["body"]);
    // The status is not printed by every source; this is what Entra ID sends with such a body.
    let by_error = if body["error"] == "invalid_client" { 401 } else { 400 };
    let retry_after =
        response["headers"]["Retry-After"].as_str().map(|text| Duration::from_secs(text.parse().unwrap()));
    RawAnswer {
        status: response["status"].as_u64().map_or(by_error, |status| u16::try_from(status).unwrap()),
        retry_after,
        request_id: None,
        body: SecretBody(body.as_str().map_or_else(|| body.to_string(), str::to_owned).into_bytes().into()),
        received_at: OffsetDateTime::UNIX_EPOCH,
        date: None,
    }
}

#[test]
fn refusals_of_entra_id() {
    let Some(files) = recordings("entra") else { return };
    let mut read = 0;
    for exchange in ["errors_grant", "errors_client", "errors_transient"].iter().flat_map(|file| &files[*file]) {
        let raw = raw(exchange);
        let cause = answer::read(&raw).unwrap_err();
        let code = exchange["response"]["body"]["error_codes"]
            .as_array()
            .and_then(|codes| codes.last())
            .and_then(Value::as_u64);
        let unknown = [Kind::EntraUnknown, Kind::EntraRefusedGrant, Kind::EntraRefusedClient, Kind::EntraAnswer];
        assert!(!unknown.contains(&cause.kind), "{code:?}: {cause:?}");
        if let Some(code) = code {
            assert_eq!(cause.code, Some(format!("AADSTS{code}")));
        } else {
            assert_eq!((cause.kind, cause.retry_after), (Kind::EntraThrottled, Some(Duration::from_secs(60))));
        }
        assert!(!cause.message.contains("Trace ID") && !cause.message.contains('\r'), "{}", cause.message);
        read += 1;
    }
    println!("{read} refusals of Entra ID read");
    assert!(read >= 30);
}

#[test]
fn grants_of_entra_id() {
    let Some(files) = recordings("entra") else { return };
    for exchange in
        files["token_success"].iter().filter(|exchange| exchange["response"]["body"]["access_token"].is_string())
    {
        let grant = answer::read(&RawAnswer { status: 200, ..raw(exchange) }).unwrap();
        let sent = exchange["response"]["body"]["refresh_token"].as_str();
        assert_eq!(grant.refresh.as_ref().map(rotator::secret::RefreshToken::expose), sent);
    }
}

/// Answers with what was recorded, whatever is asked.
#[derive(Debug, Default)]
struct Recorded(Mutex<VecDeque<AsyncRawResponse>>);

#[async_trait]
impl HttpClient for Recorded {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        Ok(self.0.lock().unwrap().pop_front().expect("one more request than was recorded"))
    }
}

impl Recorded {
    /// What is answered next. A secret that is not found is looked for among the deleted ones as well.
    fn next(&self, status: u16, body: &Value) {
        let mut queue = self.0.lock().unwrap();
        queue.clear();
        queue.push_back(AsyncRawResponse::from_bytes(status.into(), Headers::new(), body.to_string()));
        if status == 404 {
            let none = r#"{"error":{"code":"SecretNotFound","message":"Deleted Secret not found: x"}}"#;
            queue.push_back(AsyncRawResponse::from_bytes(404.into(), Headers::new(), none));
        }
    }
}

/// No recorded answer is a challenge.
#[derive(Debug)]
struct NeverAsked;

#[async_trait]
impl TokenCredential for NeverAsked {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        unreachable!("nothing was challenged")
    }
}

fn connection(recorded: &Arc<Recorded>) -> Connection {
    let transport = Transport::new(Arc::clone(recorded) as Arc<dyn HttpClient>);
    let deadline = Deadline::after(Duration::from_secs(60));
    Connection { outer: transport, deadline }
}

fn off() -> Change {
    Change { enabled: Some(false), ..Change::default() }
}

/// Asks the product's vault for what was asked in the recording, and returns why there is no answer, if so.
async fn ask(vault: &KeyVault, method: &str, path: &str) -> Option<(&'static str, Option<Kind>)> {
    let (name, version) = (SecretName::parse("x").unwrap(), VersionId("v".into()));
    let (what, cause) = match method {
        "GET" if path.ends_with("/versions") => ("versions", vault.versions(&name).await.err()),
        "GET" => ("read", vault.read(&name, None).await.err()),
        "PUT" => {
            let draft = Draft { value: "x", content_type: "t".into(), expires: None, tags: [].into() };
            ("write", vault.write(&name, draft).await.err())
        }
        "PATCH" => ("disable", vault.update(&name, &version, &off()).await.err()),
        _ => return None,
    };
    Some((what, cause.map(|cause| cause.kind)))
}

fn expected(method: &str, status: u16, body: &Value) -> Option<Kind> {
    match (status, body["error"]["innererror"]["code"].as_str()) {
        (200, _) if method == "PATCH" && body["attributes"]["enabled"] == true => Some(Kind::VaultAnswer),
        (200, _) => None,
        (403, Some("SecretDisabled")) => Some(Kind::SecretDisabled),
        (404, _) => Some(Kind::SecretMissing),
        (400 | 405, _) => Some(Kind::VaultRejected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_of_key_vault() {
    let Some(files) = recordings("keyvault") else { return };
    let recorded = Arc::new(Recorded::default());
    let site = VaultSite {
        name: "default".into(),
        url: VaultUrl::parse("https://contoso-kv.vault.azure.net").unwrap(),
        credential: VaultCredential::ManagedIdentity { client_id: None },
        chosen: None,
    };
    let mut read = HashMap::<&str, usize>::new();
    for exchange in files.values().flatten() {
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let method = request["method"].as_str().unwrap();
        let path = request["path"].as_str().unwrap().split('?').next().unwrap();
        let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
        let mut body = response["body"].clone();
        if !path.starts_with("/secrets/") || status == 401 || path.contains("/backup") || path.contains("/restore") {
            continue;
        }
        if path.ends_with("/versions") {
            // One page at a time: the next one would be another request.
            body["nextLink"] = Value::Null;
        }
        recorded.next(status, &body);
        let vault = KeyVault::connect(&site, Arc::new(NeverAsked), &connection(&recorded)).unwrap();
        if let Some((what, kind)) = ask(&vault, method, path).await {
            assert_eq!(kind, expected(method, status, &body), "{method} {path} {status}");
            *read.entry(what).or_default() += 1;
        }
    }
    println!("answers of Key Vault read: {read:?}");
    assert!(read.values().sum::<usize>() > 60, "{read:?}");
}
