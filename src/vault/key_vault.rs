//! One vault behind its port.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, RequestContent, RetryOptions, Transport};
use azure_core::time::OffsetDateTime;
use azure_security_keyvault_secrets::models::{
    Secret, SecretAttributes, SecretClientGetSecretOptions, SecretClientUpdateSecretPropertiesOptions,
    SecretProperties, SetSecretParameters,
};
use azure_security_keyvault_secrets::{ResourceExt as _, SecretClient, SecretClientOptions};
use futures::TryStreamExt as _;
use serde_json::{Map, Value, json};

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::name::SecretName;
use crate::model::target::VaultSite;
use crate::model::version::{Change, Draft, Stored, Version, VersionId};
use crate::ports::Vault;
use crate::secret::SecretValue;
use crate::vault::{error, tags};
use crate::wire::budget::{Budget, Class};
use crate::wire::deadline::Deadline;
use crate::wire::retry;

/// A vault, and the layers its requests go through. The SDK's own retries are off: it would repeat a write whose
/// answer was lost, and make two versions of it.
pub struct KeyVault {
    host: String,
    client: SecretClient,
    budget: Budget,
    deadline: Deadline,
}

impl std::fmt::Debug for KeyVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyVault").field("host", &self.host).finish_non_exhaustive()
    }
}

/// What all vaults of a run share.
#[derive(Debug, Clone)]
pub struct Connection {
    /// https only, for the vaults themselves.
    pub outer: Transport,
    pub deadline: Deadline,
}

impl KeyVault {
    /// Prepares a vault; nothing is sent yet.
    ///
    /// # Errors
    /// An address that the SDK does not take.
    pub fn connect(
        site: &VaultSite,
        credential: Arc<dyn TokenCredential>,
        connection: &Connection,
    ) -> Result<Self, Cause> {
        let options = SecretClientOptions {
            client_options: ClientOptions {
                retry: RetryOptions::none(),
                transport: Some(connection.outer.clone()),
                ..ClientOptions::default()
            },
            ..SecretClientOptions::default()
        };
        let host = site.url.host().to_owned();
        let client = SecretClient::new(site.url.as_str(), credential, Some(options))
            .map_err(|error| Cause::new(Kind::VaultChallenge, format!("{host}: {error}")))?;
        Ok(Self { host, client, budget: Budget::default(), deadline: connection.deadline.clone() })
    }

    async fn repeat<T, F, Fut>(&self, attempt: F) -> Result<T, Cause>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = azure_core::Result<T>>,
    {
        retry::repeat(&self.deadline, || self.once(Class::Other, attempt())).await
    }

    /// One try: a permit of the budget, then the request within its time.
    async fn once<T>(&self, class: Class, request: impl Future<Output = azure_core::Result<T>>) -> Result<T, Cause> {
        self.budget.permit(class).await;
        retry::within_try(&self.host, async { request.await.map_err(|error| error::cause(&self.host, error)) }).await
    }

    /// All pages of a list, each with a permit and the time of a try.
    async fn pages(&self, secret: &SecretName) -> Result<Vec<SecretProperties>, Cause> {
        let listed = self.client.list_secret_properties_versions(secret.as_str(), None);
        let mut pages = listed.map_err(|error| error::cause(&self.host, error))?.into_pages();
        let mut all = Vec::new();
        while let Some(page) = self.once(Class::Other, pages.try_next()).await? {
            let page = page.into_model().map_err(|error| error::cause(&self.host, error))?;
            all.extend(page.value);
        }
        Ok(all)
    }

    /// A 404 may hide a secret that was deleted and can be recovered, which has another fix.
    async fn missing_or_deleted(&self, secret: &SecretName, missing: Cause) -> Cause {
        let deleted = Cause {
            code: Some("ObjectIsDeletedButRecoverable".to_owned()),
            ..Cause::new(
                Kind::SecretDeleted,
                format!("{}: the secret {secret} was deleted and can be recovered", self.host),
            )
        };
        match self.repeat(|| self.client.get_deleted_secret(secret.as_str(), None)).await {
            Ok(_) => deleted,
            // Its newest version is disabled, which only one that is there can be.
            Err(cause) if cause.kind == Kind::SecretDisabled => deleted,
            Err(_) => Cause { message: format!("{}: the secret {secret} does not exist", self.host), ..missing },
        }
    }
}

#[async_trait]
impl Vault for KeyVault {
    async fn versions(&self, secret: &SecretName) -> Result<Vec<Version>, Cause> {
        let listed = retry::repeat(&self.deadline, || self.pages(secret)).await?;
        listed.into_iter().map(|properties| self.listed(properties)).collect()
    }

    async fn read(&self, secret: &SecretName, version: Option<&VersionId>) -> Result<Stored, Cause> {
        let get = || async {
            let options = version.map(|version| SecretClientGetSecretOptions {
                secret_version: Some(version.0.clone()),
                ..SecretClientGetSecretOptions::default()
            });
            self.client.get_secret(secret.as_str(), options).await?.into_model()
        };
        match self.repeat(get).await {
            Ok(secret) => self.stored(secret),
            Err(cause) if cause.kind == Kind::SecretMissing => Err(self.missing_or_deleted(secret, cause).await),
            Err(cause) => Err(cause),
        }
    }

    async fn write(&self, secret: &SecretName, draft: Draft<'_>) -> Result<Version, Cause> {
        let parameters = SetSecretParameters {
            value: Some(draft.value.to_owned()),
            content_type: Some(draft.content_type),
            tags: Some(draft.tags.into_iter().collect()),
            secret_attributes: Some(SecretAttributes {
                enabled: Some(true),
                expires: draft.expires,
                ..SecretAttributes::default()
            }),
        };
        let put = async {
            let content: RequestContent<_> = parameters.try_into()?;
            self.client.set_secret(secret.as_str(), content, None).await?.into_model()
        };
        let written = self.deadline.bound(self.once(Class::Create, put)).await??;
        self.stored(written).map(|stored| stored.version)
    }

    async fn recover(&self, secret: &SecretName) -> Result<(), Cause> {
        self.repeat(|| self.client.recover_deleted_secret(secret.as_str(), None)).await.map(drop)
    }

    async fn update(&self, secret: &SecretName, version: &VersionId, change: &Change) -> Result<Version, Cause> {
        let changed = self.patch(secret, version, change, &Value::Null).await?;
        if change.no_expiry && changed.expires.is_some() {
            // Where a vault keeps an expiry that it is told to drop, one that nobody lives to see says the same.
            return self.patch(secret, version, change, &Value::from(NEVER)).await;
        }
        match change.enabled {
            Some(enabled) if changed.enabled != enabled => {
                Err(self.unreadable("another state of the version than it was told"))
            }
            _ => Ok(changed),
        }
    }
}

/// 1 January 2200.
const NEVER: i64 = 7_258_118_400;

impl KeyVault {
    /// The body is written by hand: the SDK's type leaves out what is `null`, and that is what drops an expiry.
    async fn patch(
        &self,
        secret: &SecretName,
        version: &VersionId,
        change: &Change,
        expiry: &Value,
    ) -> Result<Version, Cause> {
        let mut attributes = Map::new();
        attributes.extend(change.enabled.map(|enabled| ("enabled".to_owned(), enabled.into())));
        attributes.extend(change.no_expiry.then(|| ("exp".to_owned(), expiry.clone())));
        let mut body = Map::new();
        body.insert("attributes".to_owned(), attributes.into());
        body.extend(change.tags.as_ref().map(|tags| ("tags".to_owned(), json!(tags))));
        let body = Value::from(body).to_string().into_bytes();
        let send = || async {
            let options = SecretClientUpdateSecretPropertiesOptions {
                secret_version: Some(version.0.clone()),
                ..SecretClientUpdateSecretPropertiesOptions::default()
            };
            let content = RequestContent::from(body.clone());
            self.client.update_secret_properties(secret.as_str(), content, Some(options)).await?.into_model()
        };
        let changed = self.repeat(send).await?;
        let id = changed.resource_id().ok().and_then(|id| id.version);
        self.version(id, changed.attributes, changed.content_type, changed.tags)
    }
}

impl KeyVault {
    fn listed(&self, properties: SecretProperties) -> Result<Version, Cause> {
        let id = properties.resource_id().ok().and_then(|id| id.version);
        self.version(id, properties.attributes, properties.content_type, properties.tags)
    }

    fn stored(&self, secret: Secret) -> Result<Stored, Cause> {
        let id = secret.resource_id().ok().and_then(|id| id.version);
        let version = self.version(id, secret.attributes, secret.content_type, secret.tags)?;
        let value = secret.value.ok_or_else(|| self.unreadable("no value"))?;
        Ok(Stored { version, value: SecretValue::new(value) })
    }

    fn version(
        &self,
        id: Option<String>,
        attributes: Option<SecretAttributes>,
        content_type: Option<String>,
        tags: Option<HashMap<String, String>>,
    ) -> Result<Version, Cause> {
        let id = VersionId(id.ok_or_else(|| self.unreadable("a version without an id"))?);
        let attributes = attributes.unwrap_or_default();
        let created: OffsetDateTime =
            attributes.created.ok_or_else(|| self.unreadable("a version without a time of creation"))?;
        let tags: BTreeMap<String, String> = tags.unwrap_or_default().into_iter().collect();
        let mut record = tags::read(&tags);
        // No token is younger than its version: the vault's clock decides where a host's clock ran ahead.
        record.issued = record.issued.map(|issued| issued.min(created));
        let enabled = attributes.enabled.unwrap_or(true);
        Ok(Version { id, enabled, created, content_type, expires: attributes.expires, record, tags })
    }

    fn unreadable(&self, what: &str) -> Cause {
        Cause::new(Kind::VaultAnswer, format!("{}: the answer holds {what}", self.host))
    }
}
