//! What the job looks after: a token, its vault and its app registration.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::model::identity::{Account, Pin};
use crate::model::name::{SecretName, VaultUrl, is_guid};
use crate::model::policy::Policy;

/// One refresh token and everything that is known about it before the first request.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    pub vault: Arc<VaultSite>,
    pub secret: SecretName,
    pub app: Arc<App>,
    pub scope: String,
    pub user_id: Option<String>,
    pub owner: Option<String>,
    pub purpose: Option<String>,
    pub policy: Policy,
}

impl Target {
    /// The identity the token must have: the configuration's, and the home account that was tagged last.
    #[must_use]
    pub fn pin(&self, tagged: Option<Account>) -> Pin {
        Pin {
            tenant: is_guid(&self.app.tenant_id).then(|| self.app.tenant_id.clone()),
            app: Some(self.app.client_id.clone()),
            // A configured user replaces the tagged account: that is how a change of user is allowed.
            home: if self.user_id.is_some() { None } else { tagged },
            user: self.user_id.clone(),
        }
    }
}

/// A vault and how the job signs in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSite {
    /// The key of its table: `default` for `[vault]`.
    pub name: String,
    pub url: VaultUrl,
    pub credential: VaultCredential,
}

/// How the job signs in to a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultCredential {
    /// The identity of the host: system-assigned, or the user-assigned one with this client id.
    ManagedIdentity { client_id: Option<String> },
}

/// An app registration.
#[derive(Debug, Clone)]
pub struct App {
    pub name: String,
    pub tenant_id: String,
    pub client_id: String,
    /// The address that tokens are asked at, such as `https://login.microsoftonline.com/`.
    pub authority: Url,
    pub secret: SecretSource,
}

/// Where a client secret is kept. Never on the command line: argument lists are readable by other users.
#[derive(Debug, Clone)]
pub enum SecretSource {
    Vault { vault: Arc<VaultSite>, secret: SecretName },
    Env(String),
    File(PathBuf),
}
