//! Sends token requests.

use async_trait::async_trait;
use reqwest::{Client, Response, header};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::Clock;
use crate::entra::answer::{RawAnswer, SecretBody};
use crate::entra::request::TokenRequest;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::ports::Entra;
use crate::wire::{answer, network};

/// Entra ID over the network.
#[derive(Debug)]
pub struct Endpoint {
    pub client: Client,
    pub clock: Clock,
}

#[async_trait]
impl Entra for Endpoint {
    async fn send(&self, request: &TokenRequest) -> Result<RawAnswer, Cause> {
        let host = request.url.host_str().unwrap_or_default();
        let broken = |error: reqwest::Error| network::cause(host, &error.without_url());
        let correlation_id = Uuid::new_v4();
        let response = self
            .client
            .post(request.url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("client-request-id", correlation_id.to_string())
            .body(request.form.expose().to_owned())
            .send()
            .await
            .map_err(broken)?;
        let raw = read(response, host, self.clock.now()).await?;
        tracing::debug!(host, status = raw.status, %correlation_id, request_id = raw.request_id, "answered");
        Ok(raw)
    }
}

/// An answer of Entra ID as it came.
///
/// # Errors
/// What the network did; `entra.answer` for one that is too long.
pub async fn read(response: Response, host: &str, received_at: OffsetDateTime) -> Result<RawAnswer, Cause> {
    Ok(RawAnswer {
        status: response.status().as_u16(),
        retry_after: answer::retry_after(&response),
        date: answer::date(&response),
        request_id: answer::header(&response, "x-ms-request-id"),
        body: SecretBody(answer::body(response, host, Kind::EntraAnswer).await?),
        received_at,
    })
}
