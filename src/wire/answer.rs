//! Reads answers of the client that is ours.

use std::time::Duration;

use reqwest::Response;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use zeroize::Zeroizing;

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::wire::{network, transport};

/// A header, if it is there and is text.
#[must_use]
pub fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// How long the other side asks to wait.
#[must_use]
pub fn retry_after(response: &Response) -> Option<Duration> {
    header(response, "retry-after")?.parse().ok().map(Duration::from_secs)
}

/// The other side's clock.
#[must_use]
pub fn date(response: &Response) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&header(response, "date")?, &Rfc2822).ok()
}

/// The whole body, which may hold secrets; `too_long` is the kind of one that passes the limit.
///
/// # Errors
/// What the network did, or `too_long`.
pub async fn body(mut response: Response, service: &str, too_long: Kind) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(|error| network::cause(service, &error.without_url()))? {
        transport::append(&mut body, &chunk).map_err(|text| Cause::new(too_long, text))?;
    }
    Ok(body)
}
