//! Takes a token out of service: no version stays enabled, no expiry calls anybody, no run reports it.

use crate::model::failure::{AtStage as _, Failure, Stage};
use crate::model::target::Target;
use crate::model::version::{Change, Version, VersionId};
use crate::ports::Vault;
use crate::renew::{Inventory, Run};
use crate::vault::tags;

/// What a token's versions are before it is taken out of service.
#[derive(Debug)]
pub struct InService {
    pub inventory: Inventory,
}

impl InService {
    /// # Errors
    /// The vault's refusal, also of the list: a version that is not seen would stay enabled.
    pub async fn survey(target: &Target, vault: &dyn Vault) -> Result<Self, Failure> {
        let inventory = Inventory::glance(vault, &target.secret).await.at(Stage::Inventory)?;
        Ok(Self { inventory })
    }

    /// The versions that would be disabled.
    pub fn enabled(&self) -> impl Iterator<Item = &Version> {
        self.inventory.versions.iter().filter(|version| version.enabled)
    }

    /// The newest version first: once it says that the token is out of service, no run touches it again, and a second
    /// call finishes what a first one left.
    ///
    /// # Errors
    /// The vault's refusal; the versions disabled so far are in `disabled`.
    pub async fn decommission(
        &self,
        target: &Target,
        vault: &dyn Vault,
        run: &Run,
        disabled: &mut Vec<VersionId>,
    ) -> Result<(), Failure> {
        let newest = self.inventory.newest();
        let change = Change {
            enabled: Some(false),
            tags: newest.record.retired.is_none().then(|| tags::retired(&newest.tags, run.clock.now())),
            no_expiry: newest.expires.is_some(),
        };
        vault.update(&target.secret, &newest.id, &change).await.at(Stage::Retire)?;
        disabled.push(newest.id.clone());
        for older in self.enabled().filter(|version| version.id != newest.id) {
            let change = Change { enabled: Some(false), tags: None, no_expiry: older.expires.is_some() };
            vault.update(&target.secret, &older.id, &change).await.at(Stage::Retire)?;
            disabled.push(older.id.clone());
        }
        Ok(())
    }
}
