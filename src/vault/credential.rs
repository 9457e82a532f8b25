//! How the job signs in to a vault.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::VaultCredential;

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
                .map(|credential| credential as Arc<dyn TokenCredential>)
                .map_err(|error| Cause::new(Kind::IdentityUnsupported, error.to_string()))
        }
    }
}
