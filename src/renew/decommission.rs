//! Takes a token out of service: no version stays enabled, no expiry calls anybody, no run reports it.

use std::collections::BTreeMap;

use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::target::Target;
use crate::model::version::{Change, Version, VersionId};
use crate::ports::Vault;
use crate::renew::{Inventory, Run};
use crate::vault::tags;

/// How often a run may store a version meanwhile.
const ROUNDS: usize = 3;

/// What was done.
#[derive(Debug, Default)]
pub struct Decommissioned {
    pub disabled: Vec<VersionId>,
    /// Fifteen tags of others left no room for ours: runs will report the token as disabled.
    pub unmarked: bool,
}

/// The versions of a token, all of them: one that is not seen would stay enabled.
///
/// # Errors
/// The vault's refusal.
pub async fn survey(target: &Target, vault: &dyn Vault) -> Result<Inventory, Failure> {
    Inventory::glance(vault, &target.secret).await.at(Stage::Inventory)
}

/// Disables every version. The newest first: once it says that the token is out of service no run touches it again, and a
/// second call finishes what a first one left. A version that a run stores meanwhile is found by the next look.
///
/// # Errors
/// The vault's refusal; `vault.conflict` where versions keep coming. What was done so far is in `done`.
pub async fn decommission(
    target: &Target,
    vault: &dyn Vault,
    run: &Run,
    done: &mut Decommissioned,
) -> Result<(), Failure> {
    for _ in 0..ROUNDS {
        let inventory = survey(target, vault).await?;
        let newest = inventory.newest().created;
        // Versions of one second cannot be told apart, so each of them is marked as if it were the newest.
        let (top, older): (Vec<&Version>, Vec<&Version>) =
            inventory.versions.iter().partition(|version| version.created == newest);
        let unmarked: Vec<&Version> =
            top.into_iter().filter(|version| version.enabled || version.record.retired.is_none()).collect();
        let older: Vec<&Version> = older.into_iter().filter(|version| version.enabled).collect();
        if unmarked.iter().all(|version| !version.enabled && done.unmarked) && older.is_empty() {
            return Ok(());
        }
        for version in unmarked {
            let tags = tags::retired(&version.tags, run.clock.now());
            done.unmarked |= tags.is_none();
            disable(target, vault, version, tags, done).await?;
        }
        for version in older {
            disable(target, vault, version, None, done).await?;
        }
    }
    let cause = Cause::new(Kind::VaultConflict, "new versions keep coming: is a run under way?");
    Err(Failure { stage: Stage::Retire, cause })
}

async fn disable(
    target: &Target,
    vault: &dyn Vault,
    version: &Version,
    tags: Option<BTreeMap<String, String>>,
    done: &mut Decommissioned,
) -> Result<(), Failure> {
    let change = Change { enabled: Some(false), tags, no_expiry: version.expires.is_some() };
    vault.update(&target.secret, &version.id, &change).await.at(Stage::Retire)?;
    if version.enabled {
        done.disabled.push(version.id.clone());
    }
    Ok(())
}
