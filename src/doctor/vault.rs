//! Who the job is to each vault, and what it may do there.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::network::Reached;
use super::{Check, Patient, Subject, at, day};
use crate::entra::claims;
use crate::model::credential::SecretSource;
use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::target::{Target, VaultSite};
use crate::model::version::{Change, Version, is_ours};
use crate::ports::Vault;
use crate::renew::inventory::is_missing_right;
use crate::renew::{Inventory, store};
use crate::wire::retry;

/// The vaults that the job can sign in to, by the name of their table.
pub(super) type Open = BTreeSet<String>;

const GRANT_LIST: &str = "the job rotates without it, but does not see versions that somebody else stores, and retires none: \
    grant Microsoft.KeyVault/vaults/secrets/readMetadata/action (list)";
const GRANT_UPDATE: &str = "the job rotates without it, but leaves old versions enabled: grant Microsoft.KeyVault/vaults/secrets/update/action";
const PROVE_SET: &str = "rotator doctor --write-probe";

pub(super) async fn sign_in(patient: &Patient<'_>, reached: &Reached, checks: &mut Vec<Check>) -> Open {
    let mut open = Open::new();
    let mut seen = BTreeSet::new();
    for (site, target) in sites(patient) {
        if !seen.insert(&site.name) {
            continue;
        }
        if !reached.contains(site.url.host()) {
            checks.push(Check::skip(Subject::VaultCredential, &site.name, Subject::Network));
            continue;
        }
        match who(patient, site).await {
            Ok(who) => {
                let why = site.chosen.map(|why| format!(" (auto: {why})")).unwrap_or_default();
                let detail = format!("{}{why}: {who}", site.credential.as_str());
                checks.push(Check::ok(Subject::VaultCredential, &site.name, detail));
                open.insert(site.name.clone());
            }
            Err(cause) => {
                checks.push(Check::fail(Subject::VaultCredential, &site.name, &at(Stage::Inventory, cause), target));
            }
        }
    }
    open
}

/// The vaults of the tokens and of their apps' credentials, each with a token that needs it.
pub(super) fn sites<'a>(patient: &Patient<'a>) -> Vec<(&'a Arc<VaultSite>, &'a Arc<Target>)> {
    let of_apps = patient.targets.iter().filter_map(|target| match target.app.credential.source() {
        Some(SecretSource::Vault { vault, .. }) => Some((vault, target)),
        _ => None,
    });
    patient.targets.iter().map(|target| (&target.vault, target)).chain(of_apps).collect()
}

/// What an access token says of its holder.
#[derive(Debug, Default, Deserialize)]
struct Holder {
    upn: Option<String>,
    appid: Option<String>,
    oid: Option<String>,
}

async fn who(patient: &Patient<'_>, site: &VaultSite) -> Result<String, Cause> {
    let missing = || Cause::new(Kind::Panicked, format!("no credential for vault {}", site.name));
    let credential = patient.credentials.get(&site.name).ok_or_else(missing)?;
    let domain = site.url.host().split_once('.').map_or("", |(_, domain)| domain);
    let scope = format!("https://{domain}/.default");
    let attempt = || {
        retry::within_try(site.url.host(), async {
            credential.get_token(&[&scope], None).await.map_err(|error| crate::vault::cause(site.url.host(), error))
        })
    };
    let token = retry::repeat(&patient.run.deadline, attempt).await?;
    let holder: Holder = claims::payload(token.token.secret()).unwrap_or_default();
    let known = [("user", holder.upn), ("client id", holder.appid), ("principal id", holder.oid)];
    let known: Vec<String> = known.into_iter().filter_map(|(what, id)| Some(format!("{what} {}", id?))).collect();
    Ok(if known.is_empty() { "signed in; the token does not say as whom".to_owned() } else { known.join(", ") })
}

/// Each right on a token's secret, by using it. Returns what is known of the versions, unless the token cannot be read.
pub(super) async fn rights(
    patient: &Patient<'_>,
    target: &Target,
    vault: &dyn Vault,
    checks: &mut Vec<Check>,
) -> Option<Inventory> {
    let listed = Inventory::glance(vault, &target.secret).await;
    let list = list(target, &listed);
    let goes_on = !list.is_failed();
    checks.push(list);
    if !goes_on {
        return None;
    }
    let newest = match get(target, vault).await {
        (check, Ok(newest)) => {
            checks.push(check);
            newest
        }
        (check, Err(is_disabled)) => {
            checks.push(check);
            return listed.ok().filter(|_| is_disabled);
        }
    };
    checks.push(update(target, vault, &newest).await);
    let mut inventory = match listed {
        Ok(listed) => Inventory::of(listed.versions, newest),
        Err(_) => Inventory { versions: vec![newest], listed: false },
    };
    inventory.issues_from_expiry(target.policy.expire_after);
    checks.push(set(patient, target, vault, &inventory).await);
    Some(inventory)
}

fn refused(check: Subject, target: &Target, cause: &Cause) -> Check {
    Check::fail(check, &target.name, &at(Stage::Inventory, cause.clone()), target)
}

fn list(target: &Target, listed: &Result<Inventory, Cause>) -> Check {
    let (check, of) = (Subject::RightToList, target.name.as_str());
    match listed {
        Ok(seen) => Check::ok(check, of, format!("{} versions", seen.versions.len())),
        Err(cause) if is_missing_right(cause.kind) => optional(check, of, cause, GRANT_LIST),
        // That there is no such secret is found by reading it.
        Err(cause) if cause.kind == Kind::SecretMissing => Check::ok(check, of, "no version is there"),
        Err(cause) => refused(check, target, cause),
    }
}

/// The newest version, or whether it cannot be read because a person disabled it.
async fn get(target: &Target, vault: &dyn Vault) -> (Check, Result<Version, bool>) {
    let (check, of) = (Subject::RightToGet, target.name.as_str());
    match vault.read(&target.secret, None).await {
        Ok(stored) => (Check::ok(check, of, format!("version {}", stored.version.id)), Ok(stored.version)),
        Err(cause) if cause.kind == Kind::SecretDisabled => {
            (Check::ok(check, of, "allowed, and the newest version is disabled"), Err(true))
        }
        Err(cause) if is_missing_right(cause.kind) => (refused(check, target, &cause), Err(false)),
        Err(cause) => (refused(Subject::Secret, target, &cause), Err(false)),
    }
}

async fn update(target: &Target, vault: &dyn Vault, newest: &Version) -> Check {
    let (check, of) = (Subject::RightToUpdate, target.name.as_str());
    match vault.update(&target.secret, &newest.id, &Change::default()).await {
        Ok(_) => Check::ok(check, of, "an update that changes nothing is allowed"),
        Err(cause) if is_missing_right(cause.kind) => optional(check, of, &cause, GRANT_UPDATE),
        Err(cause) => refused(check, target, &cause),
    }
}

/// A right that the job can do without.
fn optional(check: Subject, of: &str, cause: &Cause, hint: &str) -> Check {
    Check { kind: Some(cause.kind.slug().to_owned()), ..Check::warn(check, of, cause.message.clone(), hint) }
}

/// The right to write is known from the last version the job wrote, or proved by writing the newest value again.
async fn set(patient: &Patient<'_>, target: &Target, vault: &dyn Vault, inventory: &Inventory) -> Check {
    let of = target.name.as_str();
    if patient.write_probe {
        return match store::write_again(target, vault, patient.run, inventory).await {
            Ok(version) => {
                Check::ok(Subject::RightToSet, of, format!("wrote the same value again: version {}", version.id))
            }
            Err(cause) => Check::fail(Subject::RightToSet, of, &Failure { stage: Stage::Store, cause }, target),
        };
    }
    let all = &inventory.versions;
    let last = all.iter().filter(|version| is_ours(version, all)).map(|version| version.created).max();
    let Some(last) = last else {
        let detail = "never proved: no version was written by rotator yet";
        return Check::warn(Subject::RightToSet, of, detail, PROVE_SET);
    };
    let detail = format!("last proved on {}, not tried now", day(last));
    // A job that runs as it should writes at least this often.
    let lately = patient.run.clock.now() - last <= target.policy.rotate_after * 2;
    if lately {
        Check::ok(Subject::RightToSet, of, detail)
    } else {
        Check::warn(Subject::RightToSet, of, detail, PROVE_SET)
    }
}

/// The connection to the vault of a target.
pub(super) fn of<'a>(patient: &'a Patient<'_>, target: &Target) -> Option<&'a Arc<dyn Vault>> {
    patient.run.vaults.get(&target.vault.name)
}
