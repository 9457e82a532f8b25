//! Each token: its secret, the credential of its app, and whether Entra ID accepts it.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};

use super::network::{self, Reached};
use super::vault::{self, Open};
use super::{Check, Patient, Status, Subject, at, day};
use crate::model::credential::SecretSource;
use crate::model::credential::renewal;
use crate::model::failure::{Cause, Stage};
use crate::model::health::{self, Health};
use crate::model::identity::Mfa;
use crate::model::kind::Kind;
use crate::model::outcome::{Hold, Note};
use crate::model::target::Target;
use crate::renew::{self, Inventory, plan};

/// Tokens looked at at once.
const AT_ONCE: usize = 8;
const NO_END: &str = "set credential_expires in its table, or the expiry of the secret in the vault";

pub(super) async fn examine(patient: &Patient<'_>, reached: &Reached, open: &Open, checks: &mut Vec<Check>) {
    let looked: Vec<(Vec<Check>, Option<Inventory>)> =
        stream::iter(patient.targets).map(|target| secret(patient, target, open)).buffered(AT_ONCE).collect().await;
    let mut proved = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for target in patient.targets {
        if seen.insert(&target.app.name) {
            let check = app(patient, target, reached, open).await;
            if matches!(check.status, Status::Ok | Status::Warn) {
                proved.insert(target.app.name.clone());
            }
            checks.push(check);
        }
    }
    let (found, inventories): (Vec<_>, Vec<_>) = looked.into_iter().unzip();
    checks.extend(found.into_iter().flatten());
    let redeemable = patient.targets.iter().zip(inventories).map(|(target, inventory)| {
        let ready = proved.contains(&target.app.name);
        let reached = target.app.authority.host_str().is_some_and(|host| reached.contains(host));
        async move {
            match inventory {
                _ if !reached => Check::skip(Subject::Token, &target.name, Subject::Network),
                None => Check::skip(Subject::Token, &target.name, Subject::Secret),
                Some(_) if !ready => Check::skip(Subject::Token, &target.name, Subject::AppCredential),
                Some(inventory) => token(patient, target, &inventory).await,
            }
        }
    });
    checks.extend(stream::iter(redeemable).buffered(AT_ONCE).collect::<Vec<_>>().await);
}

/// The rights on a token's secret, and what state it is in. Returns what is known of a token that may be redeemed.
async fn secret(patient: &Patient<'_>, target: &Target, open: &Open) -> (Vec<Check>, Option<Inventory>) {
    let of = target.name.as_str();
    let mut checks = Vec::new();
    let vault = vault::of(patient, target).filter(|_| open.contains(&target.vault.name));
    let Some(vault) = vault else {
        checks.push(Check::skip(Subject::RightToGet, of, Subject::VaultCredential));
        return (checks, None);
    };
    let Some(inventory) = vault::rights(patient, target, vault.as_ref(), &mut checks).await else {
        return (checks, None);
    };
    let newest = inventory.newest();
    let hold = plan::set_aside(newest, target.suspended_until, patient.run.clock.now());
    let aside = match hold {
        Some(Hold::Retired(at)) => Some(format!("out of service since {}", day(at))),
        Some(Hold::Suspended(until)) => Some(format!("suspended until {}", day(until))),
        _ => None,
    };
    if let Some(detail) = aside {
        checks.push(Check::ok(Subject::Secret, of, detail));
        return (checks, None);
    }
    if !newest.enabled {
        let cause = Cause::new(Kind::SecretDisabled, format!("the newest version {} is disabled", newest.id));
        checks.push(Check::fail(Subject::Secret, of, &at(Stage::Plan, cause), target));
        return (checks, None);
    }
    let outcome = renew::begin(target, &inventory, patient.run.clock.now());
    let warning = outcome.notes.iter().find(|note| note.is_warning() && **note != Note::ListRefused);
    checks.push(match warning {
        Some(note) => Check::warn(Subject::Secret, of, format!("version {}", newest.id), &note.text()),
        None => Check::ok(Subject::Secret, of, format!("version {}, written {}", newest.id, day(newest.created))),
    });
    (checks, Some(inventory))
}

/// Whether the app's tenant exists, whether its credential is there, and for how long.
async fn app(patient: &Patient<'_>, target: &Target, reached: &Reached, open: &Open) -> Check {
    let (of, run) = (target.app.name.as_str(), patient.run);
    if !target.app.authority.host_str().is_some_and(|host| reached.contains(host)) {
        return Check::skip(Subject::AppCredential, of, Subject::Network);
    }
    if let Err(cause) = network::tenant(patient, target).await {
        return Check::fail(Subject::AppCredential, of, &at(Stage::Credential, cause), target);
    }
    if let Some(SecretSource::Vault { vault, .. }) = target.app.credential.source()
        && !open.contains(&vault.name)
    {
        return Check::skip(Subject::AppCredential, of, Subject::VaultCredential);
    }
    let what = target.app.credential.as_str();
    if let Err(cause) = run.proofs.of(&target.app, &run.vaults).await {
        return Check::fail(Subject::AppCredential, of, &at(Stage::Credential, cause), target);
    }
    let ends = target.app.credential.source().is_some();
    let Some(end) = run.proofs.expiry(&target.app).flatten() else {
        if ends {
            return Check::warn(Subject::AppCredential, of, format!("{what}: nobody says when it ends"), NO_END);
        }
        return Check::ok(Subject::AppCredential, of, what);
    };
    let left = end - run.clock.now();
    let detail = format!("{what}, until {}: {} days left", day(end), health::days_left(left));
    if health::of(left, target.policy.warn_before, target.policy.critical_before) == Health::Fresh {
        return Check::ok(Subject::AppCredential, of, detail);
    }
    Check::warn(Subject::AppCredential, of, detail, &renewal(what, &target.app.client_id))
}

/// Redeems the stored token once and stores nothing: whose it is, whether it has MFA, how old it is.
async fn token(patient: &Patient<'_>, target: &Target, inventory: &Inventory) -> Check {
    let (of, run) = (target.name.as_str(), patient.run);
    let Some(vault) = vault::of(patient, target) else {
        return Check::skip(Subject::Token, of, Subject::VaultCredential);
    };
    let (seen, version) = match renew::look(target, vault.as_ref(), inventory, run).await {
        Ok(seen) => seen,
        Err(failure) if failure.cause.kind == Kind::EntraBadToken && renew::is_recoverable(inventory) => {
            let detail = format!("{}; the version before it can take its place", failure.cause);
            let check = Check::warn(Subject::Token, of, detail, &format!("rotator run --only {of}"));
            return Check { kind: Some(failure.cause.kind.slug().to_owned()), ..check };
        }
        Err(failure) => return Check::fail(Subject::Token, of, &failure, target),
    };
    let age = health::judge(version.record.issued, &target.policy, run.clock.now());
    let left = age.days_left.map_or_else(|| "age unknown".to_owned(), |days| format!("{days} days left"));
    let detail = format!("accepted; user {}, MFA {}, {left}", seen.user().unwrap_or("unknown"), seen.mfa.as_str());
    match age.health {
        _ if seen.mfa == Mfa::No && target.policy.require_mfa => Check::warn(
            Subject::Token,
            of,
            detail,
            "Partner Center refuses tokens without MFA (900421): sign in again with MFA",
        ),
        Health::Fresh => Check::ok(Subject::Token, of, detail),
        _ => Check::warn(Subject::Token, of, detail, &format!("rotator run --only {of} --force")),
    }
}
