//! What the vault says of a secret's versions, without their values.

use std::time::Duration;

use time::OffsetDateTime;

use crate::model::alert::Before;
use crate::model::failure::Cause;
use crate::model::identity::Account;
use crate::model::kind::Kind;
use crate::model::name::SecretName;
use crate::model::version::{self, Version};
use crate::ports::Vault;

/// The versions of a secret, never none, the newest first.
#[derive(Debug)]
pub struct Inventory {
    pub versions: Vec<Version>,
    /// Whether `versions` is all of them, or just the newest for want of the right to list.
    pub listed: bool,
}

impl Inventory {
    /// Reads the metadata of all versions. The newest one is what a read without a version answers, so that is asked
    /// where the times of creation leave it open; without the right to list it is all that is known.
    ///
    /// # Errors
    /// The vault's refusal; `vault.secret.missing` or `.deleted` for a secret without versions.
    pub async fn take(vault: &dyn Vault, secret: &SecretName) -> Result<Self, Cause> {
        let versions = match vault.versions(secret).await {
            Ok(versions) => versions,
            Err(cause) if is_missing_right(cause.kind) => {
                tracing::warn!(kind = cause.kind.slug(), "versions cannot be listed: {cause}");
                let newest = vault.read(secret, None).await?.version;
                return Ok(Self { versions: vec![newest], listed: false });
            }
            Err(cause) => return Err(cause),
        };
        let newest = match version::newest(&versions) {
            Some((newest, false)) => newest.clone(),
            Some((newest, true)) => {
                let at = newest.created;
                match vault.read(secret, None).await {
                    Ok(stored) => stored.version,
                    Err(cause) => {
                        disabled_of(&versions, at).filter(|_| cause.kind == Kind::SecretDisabled).ok_or(cause)?
                    }
                }
            }
            None => vault.read(secret, None).await?.version,
        };
        Ok(Self::of(versions, newest))
    }

    /// Reads metadata only; among versions of one second the one issued last counts as the newest.
    ///
    /// # Errors
    /// The vault's refusal; `vault.secret.missing` for a secret without versions.
    pub async fn glance(vault: &dyn Vault, secret: &SecretName) -> Result<Self, Cause> {
        let versions = vault.versions(secret).await?;
        let newest = versions.iter().max_by_key(|version| (version.created, version.record.issued)).cloned();
        let missing = || Cause::new(Kind::SecretMissing, format!("the secret {secret} has no versions"));
        Ok(Self::of(versions, newest.ok_or_else(missing)?))
    }

    /// All versions, of which this one is the newest.
    #[must_use]
    pub fn of(mut versions: Vec<Version>, newest: Version) -> Self {
        versions.retain(|version| version.id != newest.id);
        versions.sort_by_key(|version| std::cmp::Reverse(version.created));
        versions.insert(0, newest);
        Self { versions, listed: true }
    }

    #[must_use]
    pub fn newest(&self) -> &Version {
        &self.versions[0]
    }

    /// A version that someone else stored between ours, the newest, and the one that ours replaced. A run puts such a
    /// version on top again; one that was killed before that left it covered.
    #[must_use]
    pub fn covered(&self) -> Option<&Version> {
        let newest = self.newest();
        if !version::is_ours(newest, &self.versions) {
            return None;
        }
        let replaced_id = &newest.record.run.as_ref()?.replaced;
        let replaced = self.versions.iter().find(|version| version.id == *replaced_id)?;
        let between = |version: &&Version| {
            let of_a_person = !version::is_ours(version, &self.versions)
                || version::is_later_sign_in(version, newest.record.consented);
            let other = version.id != newest.id && version.id != replaced.id;
            version.enabled
                && of_a_person
                && other
                && version.created > replaced.created
                && version.created <= newest.created
        };
        self.versions.iter().find(between)
    }

    /// Fills in times of issue that found no room among the tags.
    pub fn issues_from_expiry(&mut self, lifetime: Duration) {
        for version in &mut self.versions {
            version.issue_from_expiry(lifetime);
        }
    }

    /// What people were told of the token.
    #[must_use]
    pub fn told(&self) -> Before {
        version::told(self.newest(), &self.versions)
    }

    /// The home account that the last version of ours was tagged with.
    #[must_use]
    pub fn tagged_home(&self) -> Option<&Account> {
        self.versions.iter().find_map(|version| version.record.identity.as_ref()?.home.as_ref())
    }
}

/// The newest one is disabled, so it is one of those of the newest second that are.
fn disabled_of(versions: &[Version], newest: OffsetDateTime) -> Option<Version> {
    let disabled = versions.iter().filter(|version| version.created == newest && !version.enabled);
    disabled.max_by_key(|version| (version.record.retired, version.record.issued)).cloned()
}

/// The refusals that an optional right can lead to.
#[must_use]
pub fn is_missing_right(kind: Kind) -> bool {
    matches!(kind, Kind::VaultRbac | Kind::VaultPolicy | Kind::VaultForbidden)
}
