//! The SDK's way to the network: our client, with a limit on answers and a log line for each request.

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::Client;

/// The most an answer may hold. The longest honest one is a page of 25 versions with 15 full tags each, 200 KB.
pub const ANSWER_LIMIT: usize = 1024 * 1024;

/// Sends the SDK's requests by a client of ours.
#[derive(Debug)]
pub struct Transport(pub Client);

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = self.0.execute_request(request).await?;
        let (status, headers, mut body) = response.deconstruct();
        tracing::debug!(
            method = request.method().as_str(),
            host = request.url().host_str(),
            path = request.url().path(),
            status = u16::from(status),
            request_id = headers.get_optional_str(&"x-ms-request-id".into()),
            "answered"
        );
        let mut whole: Vec<u8> = Vec::new();
        while let Some(chunk) = body.next().await {
            append(&mut whole, &chunk?).map_err(|message| Error::with_message(ErrorKind::DataConversion, message))?;
        }
        Ok(AsyncRawResponse::from_bytes(status, headers, Bytes::from(whole)))
    }
}

/// Adds a chunk to a body unless that would pass the limit.
///
/// # Errors
/// A sentence that names the limit.
pub fn append(whole: &mut Vec<u8>, chunk: &[u8]) -> Result<(), String> {
    if whole.len() + chunk.len() > ANSWER_LIMIT {
        return Err(format!("the answer is longer than {} KiB", ANSWER_LIMIT / 1024));
    }
    whole.extend_from_slice(chunk);
    Ok(())
}
