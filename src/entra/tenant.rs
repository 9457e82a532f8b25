//! What an authority says of a tenant (`OpenID` Connect Discovery 1.0 section 4).

use reqwest::Client;
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use crate::entra::answer::{self, RawAnswer};
use crate::entra::client;
use crate::model::failure::Cause;
use crate::model::name::is_guid;
use crate::wire::deadline::Deadline;
use crate::wire::{network, retry};

#[derive(Deserialize)]
struct Configuration {
    issuer: String,
}

/// The id of a tenant that is named by its id or one of its domains; nothing where its authority has none such.
///
/// # Errors
/// `entra.tenant` where the authority knows no such tenant, or what came in between.
pub async fn id(http: &Client, deadline: &Deadline, authority: &Url, tenant: &str) -> Result<Option<String>, Cause> {
    let host = authority.host_str().unwrap_or_default();
    let broken = |error: reqwest::Error| network::cause(host, &error.without_url());
    let attempt = || {
        retry::within_try(host, async {
            let response = http.get(address(authority, tenant)).send().await.map_err(broken)?;
            // Asked without a token, there is no clock to speak of.
            let raw = RawAnswer { date: None, ..client::read(response, host, OffsetDateTime::UNIX_EPOCH).await? };
            if raw.status != 200 {
                return Err(answer::refusal(&raw));
            }
            let configuration: Option<Configuration> = serde_json::from_slice(&raw.body.0).ok();
            Ok(configuration.and_then(|configuration| of_issuer(&configuration.issuer)))
        })
    };
    retry::repeat(deadline, attempt).await
}

/// Where an authority describes itself for a tenant.
#[must_use]
pub fn address(authority: &Url, tenant: &str) -> Url {
    let mut url = authority.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([tenant, "v2.0", ".well-known", "openid-configuration"]);
    }
    url
}

/// `https://login.microsoftonline.com/{id}/v2.0`
fn of_issuer(issuer: &str) -> Option<String> {
    issuer.split('/').find(|part| is_guid(part)).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_names_the_tenant() {
        let id = "00000000-0000-0000-0000-000000000001";
        assert_eq!(of_issuer(&format!("https://login.microsoftonline.com/{id}/v2.0")).as_deref(), Some(id));
        assert_eq!(of_issuer("https://login.microsoftonline.com/{tenantid}/v2.0"), None);
    }
}
