//! The token services of GitHub Actions and Azure Pipelines, as a job there finds them.

use serde_json::json;
use time::Duration;

use super::entra::jwt;
use super::http::{Ask, Reply};
use super::state::State;

pub const GITHUB_HOST: &str = "run-actions.actions.githubusercontent.com";
pub const PIPELINES_HOST: &str = "dev.azure.com";
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
pub const PIPELINES_ISSUER: &str = "https://vstoken.dev.azure.com/00000000-0000-0000-0000-0000000000d0";
pub const CLUSTER_ISSUER: &str = "https://westeurope.oic.prod-aks.azure.com/00000000-0000-0000-0000-0000000000e0/";
pub const GITHUB_SUBJECT: &str = "repo:contoso/automation:environment:production";
pub const PIPELINES_SUBJECT: &str = "sc://contoso/automation/key-vault";
pub const CLUSTER_SUBJECT: &str = "system:serviceaccount:automation:rotator";
pub const SERVICE_CONNECTION: &str = "00000000-0000-0000-0000-0000000000d1";
/// What a job proves itself with to the service.
pub const BEARER: &str = "eyJzYW5kYm94LWpvYi1iZWFyZXI";
pub const AUDIENCE: &str = "api://AzureADTokenExchange";

pub(crate) fn is_pipeline(host: &str) -> bool {
    host == GITHUB_HOST || host == PIPELINES_HOST
}

pub(crate) fn answer(state: &mut State, ask: &Ask) -> Reply {
    let authorization = ask.header("authorization").unwrap_or_default().to_ascii_lowercase();
    let accepted = authorization == format!("bearer {BEARER}").to_ascii_lowercase() && !state.pipeline_refuses;
    if !accepted && ask.host == PIPELINES_HOST && ask.header("x-tfs-fedauthredirect") != Some("Suppress") {
        return Reply::empty(302).with("Location", "https://login.microsoftonline.com/common/oauth2/authorize");
    }
    if !accepted {
        return Reply::json(401, &json!({ "message": "this job has no permission to ask for a token" }));
    }
    match (ask.method.as_str(), ask.host.as_str(), ask.query("audience"), ask.query("serviceConnectionId")) {
        ("GET", GITHUB_HOST, Some(audience), _) => {
            let token = jwt::federated(GITHUB_ISSUER, GITHUB_SUBJECT, audience, Duration::minutes(5));
            state.directory.given.push(token.clone());
            Reply::json(200, &json!({ "count": token.len(), "value": token }))
        }
        ("POST", PIPELINES_HOST, _, Some(SERVICE_CONNECTION)) if ask.query("api-version").is_some() => {
            let token = jwt::federated(PIPELINES_ISSUER, PIPELINES_SUBJECT, AUDIENCE, Duration::minutes(10));
            state.directory.given.push(token.clone());
            Reply::json(200, &json!({ "oidcToken": token }))
        }
        _ => Reply::json(404, &json!({ "message": "not found" })),
    }
}

/// A token of a service account, as a cluster writes it into a file.
#[must_use]
pub fn service_account_token(state: &mut State, lifetime: Duration) -> String {
    let token = jwt::federated(CLUSTER_ISSUER, CLUSTER_SUBJECT, AUDIENCE, lifetime);
    state.directory.given.push(token.clone());
    token
}
