//! The path of one token, from the metadata of its versions to a new version that was read back.

pub mod adopt;
pub mod decommission;
pub mod inspect;
pub mod inventory;
pub mod note;
pub mod plan;
mod queue;
mod retire;
mod steps;
pub(crate) mod store;
pub mod tell;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

pub use inventory::Inventory;
pub use plan::{Options, Step};
pub use queue::run;
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::credential::Proofs;
use crate::entra::answer::Grant;
use crate::entra::request::Proof;
use crate::model::credential::ClientCredential;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::identity::{Mfa, Pin};
use crate::model::kind::Kind;
use crate::model::outcome::{Hold, Note, Outcome, Verdict};
use crate::model::policy::Policy;
use crate::model::target::{App, Target};
use crate::model::version::{self, Stored, Version, VersionId};
use crate::ports::{Entra, Vault};
use crate::secret::RefreshToken;
use crate::wire::deadline::Deadline;
use inspect::{Candidate, Replacement};
use steps::{at, prove, put, redeem, superseded};

/// What all tokens of a run share.
#[derive(Debug)]
pub struct Run {
    pub id: String,
    pub clock: Clock,
    pub deadline: Deadline,
    pub entra: Arc<dyn Entra>,
    /// By the name of the vault's table.
    pub vaults: HashMap<String, Arc<dyn Vault>>,
    pub proofs: Proofs,
}

/// A token whose inventory was taken and whose step is decided.
#[derive(Debug)]
pub struct Survey {
    pub inventory: Inventory,
    pub step: Step,
}

/// Takes one token through its step. Whatever happens there is one outcome.
pub async fn renew(target: &Target, vault: &dyn Vault, survey: Survey, run: &Run, options: Options) -> Outcome {
    let mut outcome = begin(target, &survey.inventory, run.clock.now());
    let renewal = Renewal { target, vault, inventory: &survey.inventory, run, options };
    let result = match survey.step {
        Step::Hold(hold) => Ok(Verdict::Held(hold)),
        Step::Uncover(covered) => renewal.uncover(&covered, &mut outcome).await,
        Step::Probe => renewal.probe(&mut outcome).await,
        Step::Rotate => renewal.rotate(&mut outcome).await,
    };
    outcome.verdict = match result {
        Ok(verdict) => verdict,
        // The run ended before anything was written: the token waits as if its turn had not come.
        Err(failure) if failure.cause.is_end_of_run() && failure.stage < Stage::Store => {
            Verdict::Held(Hold::NoTime(failure))
        }
        // A person disabled it after the inventory.
        Err(failure) if failure.stage == Stage::Read && failure.cause.kind == Kind::SecretDisabled => {
            Verdict::Held(Hold::Disabled(failure))
        }
        Err(failure) => Verdict::Failed(failure),
    };
    outcome
}

/// The outcome of a token that could not even be looked at.
#[must_use]
pub fn unseen(failure: Failure) -> Outcome {
    Outcome::new(match failure.cause.kind {
        Kind::SecretDisabled => Verdict::Held(Hold::Disabled(failure)),
        Kind::Deadline | Kind::Interrupted => Verdict::Held(Hold::NoTime(failure)),
        _ => Verdict::Failed(failure),
    })
}

/// Redeems the stored token and stores nothing, not even a repair: whose it is, and the version it lies in.
///
/// # Errors
/// Why it cannot be read, is not accepted, or could not be replaced by what came back.
pub async fn look(
    target: &Target,
    vault: &dyn Vault,
    inventory: &Inventory,
    run: &Run,
) -> Result<(inspect::Seen, Version), Failure> {
    let renewal = Renewal { target, vault, inventory, run, options: Options::default() };
    let proof = renewal.at(Stage::Credential, renewal.proof()).await?;
    let stored = renewal.at(Stage::Read, vault.read(&target.secret, None)).await?;
    let (refresh, version) = renewal.refresh_token(stored)?;
    let grant = renewal.at(Stage::Redeem, renewal.redeem(&proof, &refresh)).await?;
    let candidate = inspect::inspect(grant, Some(&refresh), &renewal.pin(), Some(&version)).at(Stage::Inspect)?;
    Ok((candidate.seen, version))
}

/// Redeems the stored token for another scope, or in another tenant than the app's own, and stores nothing.
///
/// # Errors
/// Why it cannot be read or is not accepted.
pub async fn redeem_for(
    target: &Target,
    app: &App,
    vault: &dyn Vault,
    run: &Run,
    scope: &str,
) -> Result<Grant, Failure> {
    let proof = run.proofs.of(app, &run.vaults).await.at(Stage::Credential)?;
    let stored = vault.read(&target.secret, None).await.at(Stage::Read)?;
    let (refresh, _) = inspect::refresh_token(stored).at(Stage::Read)?;
    redeem(run, app, &proof, scope, &refresh).await.at(Stage::Redeem)
}

/// What is known of a token before its step.
#[must_use]
pub fn begin(target: &Target, inventory: &Inventory, now: OffsetDateTime) -> Outcome {
    let newest = inventory.newest();
    let record = &newest.record;
    let mut outcome = Outcome::new(Verdict::Held(Hold::NotDue));
    outcome.version = Some(newest.id.clone());
    outcome.issued = record.issued;
    outcome.before = inventory.told();
    outcome.mfa = record.mfa.unwrap_or(outcome.mfa);
    outcome.user_id = inventory.tagged_home().map(|home| home.user.clone()).or_else(|| target.user_id.clone());
    if inventory.listed {
        outcome.versions = Some(inventory.versions.len());
    } else {
        outcome.notes.push(Note::ListRefused);
    }
    if inventory.versions.len() >= MANY_VERSIONS {
        outcome.notes.push(Note::ManyVersions(inventory.versions.len()));
    }
    if target.scope.contains("://graph.windows.net") {
        outcome.notes.push(Note::RetiredScope);
    }
    if matches!(target.app.credential, ClientCredential::None) {
        outcome.notes.push(Note::PublicClient);
    }
    outcome.notes.extend(reconsent(&target.policy, record.consented, now));
    outcome
}

/// Whether a person should sign in again because the last sign-in is long ago.
fn reconsent(policy: &Policy, consented: Option<OffsetDateTime>, now: OffsetDateTime) -> Option<Note> {
    let limit = policy.reconsent_after?;
    let Some(consented) = consented else { return Some(Note::ReconsentUnknown) };
    (now - consented >= limit).then(|| Note::ReconsentDue((now - consented).whole_days()))
}

/// Backup fails past 500 (learn.microsoft.com/azure/key-vault/general/backup).
const MANY_VERSIONS: usize = 400;

struct Renewal<'a> {
    target: &'a Target,
    vault: &'a dyn Vault,
    inventory: &'a Inventory,
    run: &'a Run,
    options: Options,
}

impl Renewal<'_> {
    /// Redeems the stored token and stores nothing.
    async fn probe(&self, outcome: &mut Outcome) -> Result<Verdict, Failure> {
        let proof = self.at(Stage::Credential, self.proof()).await?;
        let stored = self.at(Stage::Read, self.vault.read(&self.target.secret, None)).await?;
        let (refresh, version) = self.refresh_token(stored)?;
        read(outcome, &version);
        let grant = match self.at(Stage::Redeem, self.redeem(&proof, &refresh)).await {
            // A damaged value is not probed but repaired.
            Err(failure) if failure.cause.kind == Kind::EntraBadToken => return self.rotate(outcome).await,
            answer => answer?,
        };
        let seen = inspect::identify(&grant, &self.pin()).at(Stage::Inspect)?;
        self.tell(outcome, &seen);
        Ok(Verdict::Probed)
    }

    /// Read → redeem → inspect → prove → store → retire.
    async fn rotate(&self, outcome: &mut Outcome) -> Result<Verdict, Failure> {
        let proof = self.at(Stage::Credential, self.proof()).await?;
        let stored = self.at(Stage::Read, self.vault.read(&self.target.secret, None)).await?;
        let (refresh, base) = self.refresh_token(stored)?;
        read(outcome, &base);
        let (grant, redeemed, healthy) = match self.at(Stage::Redeem, self.redeem(&proof, &refresh)).await {
            Err(failure) if failure.cause.kind == Kind::EntraBadToken => {
                let recovery = self.recover(&proof, &base, failure.cause);
                let (grant, older) = self.at(Stage::Redeem, recovery).await?;
                (grant, older, Verdict::Recovered)
            }
            answer => (answer?, refresh, Verdict::Rotated),
        };
        let candidate = inspect::inspect(grant, Some(&redeemed), &self.pin(), Some(&base)).at(Stage::Inspect)?;
        let seen = candidate.seen.clone();
        let replacement = self.at(Stage::Prove, self.prove(&proof, candidate)).await?;
        if put(&self.place(&base), &replacement, self.options, outcome, &mut store::Trace::default()).await?.is_some() {
            return Ok(Verdict::Superseded);
        }
        self.tell(outcome, &seen);
        Ok(healthy)
    }

    /// The place of a token that takes that of `base`.
    fn place<'a>(&'a self, base: &'a Version) -> store::Place<'a> {
        store::Place {
            target: self.target,
            vault: self.vault,
            run: self.run,
            base: Some(base),
            known: &self.inventory.versions,
            listed: self.inventory.listed,
            consented: None,
        }
    }

    /// A run that was killed left someone else's version covered by its own.
    async fn uncover(&self, covered: &VersionId, outcome: &mut Outcome) -> Result<Verdict, Failure> {
        let newest = self.inventory.newest();
        let place = self.place(newest);
        let theirs = self.inventory.versions.iter().find(|version| version.id == *covered).unwrap_or(newest);
        tracing::warn!(version = %theirs.id, "a version that a run left covered is put on top again");
        let by = self.at(Stage::Store, place.put_on_top(theirs, &newest.id)).await?;
        outcome.previous = Some(newest.id.clone());
        Ok(superseded(outcome, by))
    }

    /// Redeems the version before a damaged one: only one of the same identity and the same consent, only once.
    async fn recover(&self, proof: &Proof, damaged: &Version, cause: Cause) -> Result<(Grant, RefreshToken), Cause> {
        let Some(older) = recoverable(self.inventory, damaged) else { return Err(cause) };
        tracing::warn!(damaged = %damaged.id, version = %older.id, "the newest value is damaged, trying the version before");
        let redeemed = async {
            let stored = self.vault.read(&self.target.secret, Some(&older.id)).await?;
            let (refresh, _) = inspect::refresh_token(stored)?;
            self.redeem(proof, &refresh).await.map(|grant| (grant, refresh))
        };
        // A passing failure is the reason to try again; a lasting one leaves the damage as the reason,
        // and a run that ends here knows of the damage all the same.
        let passing = |second: &Cause| second.is_transient() && !second.is_end_of_run();
        redeemed.await.map_err(|second| if passing(&second) { second } else { cause })
    }

    async fn prove(&self, proof: &Proof, candidate: Candidate) -> Result<Replacement, Cause> {
        prove(self.target, self.run, proof, candidate, &self.pin()).await
    }

    async fn redeem(&self, proof: &Proof, refresh: &RefreshToken) -> Result<Grant, Cause> {
        redeem(self.run, &self.target.app, proof, &self.target.scope, refresh).await
    }

    async fn at<T>(&self, stage: Stage, work: impl Future<Output = Result<T, Cause>>) -> Result<T, Failure> {
        at(self.run, self.target, stage, work).await
    }

    async fn proof(&self) -> Result<Proof, Cause> {
        self.run.proofs.of(&self.target.app, &self.run.vaults).await
    }

    fn refresh_token(&self, stored: Stored) -> Result<(RefreshToken, Version), Failure> {
        let (refresh, mut version) = inspect::refresh_token(stored).at(Stage::Read)?;
        version.issue_from_expiry(self.target.policy.expire_after);
        Ok((refresh, version))
    }

    fn pin(&self) -> Pin {
        self.target.pin(self.inventory.tagged_home().cloned())
    }

    fn tell(&self, outcome: &mut Outcome, seen: &inspect::Seen) {
        outcome.mfa = seen.mfa;
        outcome.user_id = seen.user().map(str::to_owned).or_else(|| outcome.user_id.take());
        outcome.notes.extend(seen.notes(self.target.policy.require_mfa, &self.pin()));
    }
}

/// The version that may take the place of a damaged one.
fn recoverable<'i>(inventory: &'i Inventory, damaged: &Version) -> Option<&'i Version> {
    let mut older = inventory.versions.iter().filter(|version| version.id != damaged.id && version.enabled);
    older.find(|older| version::same_consent(damaged, older))
}

/// Whether a run can repair a damaged newest version by itself.
#[must_use]
pub fn is_recoverable(inventory: &Inventory) -> bool {
    recoverable(inventory, inventory.newest()).is_some()
}

/// From here on it is this version that is spoken of, whatever the inventory had for the newest.
fn read(outcome: &mut Outcome, version: &Version) {
    outcome.version = Some(version.id.clone());
    outcome.issued = version.record.issued;
    outcome.mfa = version.record.mfa.unwrap_or(Mfa::Unknown);
}
