//! Tokens that somebody else issues and Entra ID is told to trust.

use azure_core::http::Transport;
use reqwest::{Client, Method, header};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::clock::Clock;
use crate::config::refer;
use crate::credential::managed_identity::ManagedIdentity;
use crate::entra::claims;
use crate::model::credential::{Federated, Issuer};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::secret::Assertion;
use crate::wire::deadline::Deadline;
use crate::wire::{answer, network, retry};

/// What the host gives the job to ask for tokens with.
#[derive(Debug, Clone)]
pub struct Host {
    /// https only.
    pub outer: Client,
    /// For managed-identity endpoints.
    pub identity: Transport,
    pub deadline: Deadline,
    pub clock: Clock,
}

/// A federated token that is good for so long.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) assertion: Assertion,
    pub(super) expires: OffsetDateTime,
}

impl Host {
    pub(super) async fn issue(&self, federated: &Federated) -> Result<Issued, Cause> {
        let assertion = match &federated.issuer {
            Issuer::WorkloadIdentity { token_file } => token_file_of(token_file)?,
            Issuer::ManagedIdentity { client_id } => {
                let identity = ManagedIdentity::new(client_id.as_ref(), &self.identity)?;
                let scope = format!("{}/.default", federated.audience);
                let token = retry::repeat(&self.deadline, || identity.token(&scope)).await?;
                Assertion::new(token.token.secret().to_owned())
            }
            Issuer::GitHub => self.of_github(federated.audience).await?,
            Issuer::AzurePipelines { service_connection_id } => self.of_pipelines(service_connection_id).await?,
        };
        let expires = expiry(&assertion).unwrap_or_else(|| self.clock.now() + Duration::minutes(1));
        Ok(Issued { assertion, expires })
    }

    /// docs.github.com/actions/reference/security/oidc
    async fn of_github(&self, audience: &str) -> Result<Assertion, Cause> {
        let (mut url, bearer) = address("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")?;
        url.query_pairs_mut().append_pair("audience", audience);
        let answer: GitHubAnswer = self.ask(Method::GET, url, &bearer).await?;
        Ok(Assertion::new(answer.value))
    }

    /// learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
    async fn of_pipelines(&self, service_connection_id: &str) -> Result<Assertion, Cause> {
        let (mut url, bearer) = address("SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN")?;
        url.query_pairs_mut()
            .append_pair("api-version", "7.1")
            .append_pair("serviceConnectionId", service_connection_id);
        let answer: PipelinesAnswer = self.ask(Method::POST, url, &bearer).await?;
        Ok(Assertion::new(answer.oidc_token))
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        method: Method,
        url: Url,
        bearer: &Assertion,
    ) -> Result<T, Cause> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let attempt = || retry::within_try(&host, self.once(method.clone(), url.clone(), bearer, &host));
        retry::repeat(&self.deadline, attempt).await
    }

    async fn once<T: for<'de> Deserialize<'de>>(
        &self,
        method: Method,
        url: Url,
        bearer: &Assertion,
        host: &str,
    ) -> Result<T, Cause> {
        let broken = |error: reqwest::Error| network::cause(host, &error.without_url());
        let request = self.outer.request(method, url).bearer_auth(bearer.expose());
        // Without the last one Azure DevOps answers a bearer token that it does not accept with a page to sign in at.
        let request = request
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_LENGTH, "0")
            .header("X-TFS-FedAuthRedirect", "Suppress");
        let response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        tracing::debug!(host, status, "answered");
        let body = answer::body(response, host, Kind::FederationAnswer).await?;
        // What it says is not shown: it may be a token.
        let cause = |kind, what| Cause {
            code: Some(status.to_string()),
            ..Cause::new(kind, format!("{host} {what} (HTTP {status})"))
        };
        match status {
            200 => serde_json::from_slice(&body).map_err(|_| cause(Kind::FederationAnswer, "answered no token")),
            203 | 300..=407 | 409..=428 | 430..=499 => Err(cause(Kind::FederationRefused, "refused to issue a token")),
            _ => Err(cause(Kind::FederationAnswer, "issued no token")),
        }
    }
}

#[derive(Deserialize)]
struct GitHubAnswer {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PipelinesAnswer {
    oidc_token: String,
}

/// The address and the bearer token that a pipeline puts into its environment.
fn address(url: &str, bearer: &str) -> Result<(Url, Assertion), Cause> {
    let missing = |name: &str| Cause::new(Kind::FederationRefused, format!("{name} is not set or no https address"));
    let parsed = refer::env(url).and_then(|text| Url::parse(&text).ok()).filter(|url| url.scheme() == "https");
    let value = refer::env(bearer).ok_or_else(|| missing(bearer))?;
    Ok((parsed.ok_or_else(|| missing(url))?, Assertion::new(value)))
}

/// The cluster renews the file, so it is read each time.
fn token_file_of(path: &std::path::Path) -> Result<Assertion, Cause> {
    // The variable may hold the token itself by mistake, so what it holds is not shown.
    let unreadable = |what: String| {
        Cause::new(Kind::FederationFile, format!("the file that AZURE_FEDERATED_TOKEN_FILE names: {what}"))
    };
    let text = refer::file(path).map_err(|error| unreadable(error.to_string()))?;
    match text.trim() {
        "" => Err(unreadable("the file is empty".to_owned())),
        token => Ok(Assertion::new(token.to_owned())),
    }
}

#[derive(Deserialize)]
struct Expiry {
    exp: i64,
}

fn expiry(token: &Assertion) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(claims::payload::<Expiry>(token.expose())?.exp).ok()
}
