//! The three doors to the outside. They are small and stay small: requests and answers are plain values.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::entra::answer::RawAnswer;
use crate::entra::request::TokenRequest;
use crate::model::failure::Cause;
use crate::model::name::SecretName;
use crate::model::version::{Change, Draft, Stored, Version, VersionId};
use crate::notify::message::Message;

/// One Key Vault.
#[async_trait]
pub trait Vault: Debug + Send + Sync {
    /// The metadata of all versions, in no order. Empty for a secret that does not exist.
    async fn versions(&self, secret: &SecretName) -> Result<Vec<Version>, Cause>;

    /// One version with its value: the newest, or the one named.
    async fn read(&self, secret: &SecretName, version: Option<&VersionId>) -> Result<Stored, Cause>;

    /// Writes a new version. Tried once: after a failure it may have been written all the same.
    async fn write(&self, secret: &SecretName, draft: Draft<'_>) -> Result<Version, Cause>;

    /// Takes back the deletion of a secret. It takes the vault some seconds in which the secret is not there.
    async fn recover(&self, secret: &SecretName) -> Result<(), Cause>;

    /// Changes one version and returns it as it is afterwards; what `change` does not name stays.
    async fn update(&self, secret: &SecretName, version: &VersionId, change: &Change) -> Result<Version, Cause>;
}

/// Entra ID.
#[async_trait]
pub trait Entra: Debug + Send + Sync {
    /// Sends a request to a token endpoint, once.
    async fn send(&self, request: &TokenRequest) -> Result<RawAnswer, Cause>;
}

/// Everybody who is told something.
#[async_trait]
pub trait Notifier: Debug + Send + Sync {
    /// Sends one message, once.
    async fn send(&self, message: &Message) -> Result<(), Cause>;
}
