//! The managed identity of the host, by the SDK.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use tokio::time::timeout;

use crate::credential::vault::refused;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::wire::network;

/// How long a managed identity may take. The endpoint is on the host; outside Azure nothing listens there, and the SDK
/// would try for more than a minute.
const TIME: Duration = Duration::from_secs(4);

/// A managed identity that answers in time, or says why not.
#[derive(Debug)]
pub(super) struct ManagedIdentity(Arc<ManagedIdentityCredential>);

impl ManagedIdentity {
    /// Prepares it; nothing is sent yet. `transport` is the only client that may speak plain http.
    pub(super) fn new(client_id: Option<&String>, transport: &Transport) -> Result<Self, Cause> {
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: client_id.cloned().map(UserAssignedId::ClientId),
            client_options: ClientOptions {
                retry: RetryOptions::none(),
                transport: Some(transport.clone()),
                ..ClientOptions::default()
            },
        };
        let unsupported = |error: Error| Cause::new(Kind::IdentityUnsupported, error.to_string());
        ManagedIdentityCredential::new(Some(options)).map(Self).map_err(unsupported)
    }

    pub(super) async fn token(&self, scope: &str) -> Result<AccessToken, Cause> {
        let late = |_| {
            let text = format!("managed identity endpoint: no answer within {} seconds", TIME.as_secs());
            Cause::new(Kind::IdentityUnavailable, text)
        };
        timeout(TIME, self.0.get_token(&[scope], None)).await.map_err(late)?.map_err(|error| cause(&error))
    }
}

#[async_trait]
impl TokenCredential for ManagedIdentity {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.token(scopes.first().copied().unwrap_or_default()).await.map_err(refused)
    }
}

/// The SDK reports a refusal of the endpoint as text; its status is deeper in the chain. The error's own text holds the
/// whole answer, which may hold anything, so it is never shown.
fn cause(error: &Error) -> Cause {
    let status = network::chain(error).find_map(|link| link.downcast_ref::<Error>()?.http_status()).map(u16::from);
    let refused = |kind, what: &str, status: u16| {
        let text = format!("the managed identity endpoint {what} (HTTP {status})");
        Cause { code: Some(status.to_string()), ..Cause::new(kind, text) }
    };
    match status {
        Some(400) => refused(Kind::IdentityUnassigned, "does not have this identity", 400),
        // 404, 408, 410 and 429 pass at these endpoints: Microsoft's other libraries try again after them.
        Some(status @ (401..=403 | 405..=407 | 409 | 411..=428 | 430..=499)) => {
            refused(Kind::IdentityUnassigned, "refused", status)
        }
        Some(status) => refused(Kind::IdentityUnavailable, "is not available", status),
        None if network::chain(error).any(is_unreadable) => {
            Cause::new(Kind::IdentityUnavailable, "the managed identity endpoint's answer is not a token")
        }
        None => {
            let deepest = network::cause("managed identity endpoint", error);
            Cause::new(Kind::IdentityUnavailable, deepest.message)
        }
    }
}

/// The text of such an error quotes the answer, which may be a token.
pub(super) fn is_unreadable(error: &(dyn std::error::Error + 'static)) -> bool {
    let of_the_sdk = error.downcast_ref::<Error>();
    of_the_sdk.is_some_and(|error| matches!(error.kind(), ErrorKind::DataConversion)) || error.is::<serde_json::Error>()
}
