//! What the job looks after: a token, its vault and its app registration.

use std::sync::Arc;

use time::OffsetDateTime;
use url::Url;

use crate::model::credential::{ClientCredential, VaultCredential};
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
    /// Scopes of other APIs that the person consents to at the sign-in.
    pub consent_scopes: Vec<String>,
    pub user_id: Option<String>,
    pub owner: Option<String>,
    pub purpose: Option<String>,
    pub policy: Policy,
    /// Left alone until then, because its owner said so.
    pub suspended_until: Option<OffsetDateTime>,
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
#[derive(Debug, Clone)]
pub struct VaultSite {
    /// The key of its table: `default` for `[vault]`.
    pub name: String,
    pub url: VaultUrl,
    pub credential: VaultCredential,
    /// Why `auto` took this credential, where it did.
    pub chosen: Option<&'static str>,
}

/// An app registration.
#[derive(Debug, Clone)]
pub struct App {
    /// The key of its table; for one that signs in to a vault, the vault's.
    pub name: String,
    pub tenant_id: String,
    pub client_id: String,
    /// The address that tokens are asked at, such as `https://login.microsoftonline.com/`.
    pub authority: Url,
    pub credential: ClientCredential,
    /// When the client secret or certificate ends, as the configuration says.
    pub credential_expires: Option<OffsetDateTime>,
    /// What the tenants of customers are to grant the app.
    pub grants: Vec<ApiGrant>,
}

/// Delegated permissions of one API (learn.microsoft.com/partner-center/developer/control-panel-vendor-apis).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiGrant {
    /// What the configuration calls the API.
    pub api: String,
    /// The client id of the API's enterprise application.
    pub application_id: String,
    pub scopes: Vec<String>,
}
