//! How the job signs in to a vault.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use tokio::time::timeout;

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::VaultCredential;

/// How long a managed identity may take. The endpoint is on the host; outside Azure nothing listens there, and the SDK
/// would try for more than a minute.
const IDENTITY_TIME: Duration = Duration::from_secs(4);

/// A credential that answers in time or says that it does not.
#[derive(Debug)]
struct Bounded(Arc<dyn TokenCredential>);

#[async_trait]
impl TokenCredential for Bounded {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let late = || format!("no answer within {} seconds", IDENTITY_TIME.as_secs());
        match timeout(IDENTITY_TIME, self.0.get_token(scopes, options)).await {
            Ok(token) => token,
            Err(_) => Err(Error::with_message_fn(ErrorKind::Credential, late)),
        }
    }
}

/// The SDK's credential, sending over `identity`: the only client that may speak plain http.
pub(super) fn connect(credential: &VaultCredential, identity: &Transport) -> Result<Arc<dyn TokenCredential>, Cause> {
    match credential {
        VaultCredential::ManagedIdentity { client_id } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: ClientOptions {
                    retry: RetryOptions::none(),
                    transport: Some(identity.clone()),
                    ..ClientOptions::default()
                },
            };
            ManagedIdentityCredential::new(Some(options))
                .map(|credential| Arc::new(Bounded(credential)) as Arc<dyn TokenCredential>)
                .map_err(|error| Cause::new(Kind::IdentityUnsupported, error.to_string()))
        }
    }
}
