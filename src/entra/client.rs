//! Sends token requests.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Response, header};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use uuid::Uuid;

use crate::clock::Clock;
use crate::entra::answer::{RawAnswer, SecretBody};
use crate::entra::request::TokenRequest;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::ports::Entra;
use crate::wire::{network, transport};

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
        let received_at = self.clock.now();
        let status = response.status().as_u16();
        let request_id = text(&response, "x-ms-request-id");
        tracing::debug!(host, status, %correlation_id, request_id, "answered");
        Ok(RawAnswer {
            status,
            retry_after: text(&response, "retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
            date: text(&response, "date").and_then(|date| OffsetDateTime::parse(&date, &Rfc2822).ok()),
            request_id,
            body: SecretBody(whole(response, broken).await?),
            received_at,
        })
    }
}

async fn whole(mut response: Response, broken: impl Fn(reqwest::Error) -> Cause) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&broken)? {
        transport::append(&mut body, &chunk).map_err(|text| Cause::new(Kind::EntraAnswer, text))?;
    }
    Ok(body)
}

fn text(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
