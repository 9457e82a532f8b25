//! Takes over a token that a person signed in for. It goes the way of the job, prove → store → retire, but may be the first of
//! its secret and goes on top of whatever lies there.

use std::time::Duration;

use time::OffsetDateTime;

use super::inspect::{self, Candidate, Replacement, Seen};
use super::steps::{Superseded, at, prove, put, redeem};
use super::{Inventory, Options, Run, store};
use crate::entra::answer::Grant;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::identity::{self, Mfa, Part, Pin};
use crate::model::kind::{Kind, Remedy};
use crate::model::outcome::{Note, Outcome, Verdict};
use crate::model::target::Target;
use crate::model::version::{self, Version, VersionId};
use crate::ports::Vault;
use crate::secret::RefreshToken;
use crate::wire::retry;

/// What the person in front of it has said to be meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Another user than the stored token's.
    pub replace_identity: bool,
    /// No MFA where the policy wants it.
    pub allow_no_mfa: bool,
}

/// What the vault has of the token; nothing where the secret has no version yet.
///
/// # Errors
/// The vault's refusal; `vault.secret.deleted` where the secret can be recovered.
pub async fn survey(target: &Target, vault: &dyn Vault) -> Result<Option<Inventory>, Failure> {
    match Inventory::take(vault, &target.secret).await {
        Ok(inventory) => Ok(Some(inventory)),
        Err(cause) if cause.kind == Kind::SecretMissing => Ok(None),
        Err(cause) => Err(cause).at(Stage::Inventory),
    }
}

/// Takes back the deletion of the token's secret, and waits until it is there.
///
/// # Errors
/// The vault's refusal.
pub async fn recover(target: &Target, vault: &dyn Vault, run: &Run) -> Result<Inventory, Failure> {
    vault.recover(&target.secret).await.at(Stage::Store)?;
    let gone = |cause: &Cause| matches!(cause.kind, Kind::SecretMissing | Kind::SecretDeleted);
    let look = || async {
        Inventory::take(vault, &target.secret).await.map_err(|cause| {
            let again = gone(&cause).then_some(Kind::VaultConflict);
            Cause { kind: again.unwrap_or(cause.kind), retry_after: again.map(|_| RECOVERY), ..cause }
        })
    };
    retry::repeat(&run.deadline, look).await.at(Stage::Inventory)
}

/// A pause while the vault recovers a secret, which takes it some three seconds.
const RECOVERY: Duration = Duration::from_secs(1);

/// Redeems a refresh token that somebody brings in.
///
/// # Errors
/// Why it is not accepted.
pub async fn bring_in(target: &Target, run: &Run, refresh: &RefreshToken) -> Result<Grant, Failure> {
    let proof = at(run, target, Stage::Credential, run.proofs.of(&target.app, &run.vaults)).await?;
    at(run, target, Stage::Redeem, redeem(run, &target.app, &proof, &target.scope, refresh)).await
}

/// Whether the grant of a sign-in may take the place of what the vault has. `redeemed` is the refresh token that was
/// brought in, where there was one.
///
/// # Errors
/// A grant without a refresh token, or with one that dies within a day; another identity than is pinned; no MFA.
pub fn judge(
    target: &Target,
    inventory: Option<&Inventory>,
    grant: Grant,
    redeemed: Option<&RefreshToken>,
    terms: Terms,
) -> Result<Candidate, Failure> {
    let fixed = target.pin(None);
    identity::compare(&grant.identity, &fixed)
        .map_err(|other| {
            let fix = (other.what == Part::User).then_some(AS_CONFIGURED);
            Cause { fix, ..Cause::from(other) }
        })
        .at(Stage::Inspect)?;
    let tagged = inventory.and_then(Inventory::tagged_home).filter(|_| !terms.replace_identity);
    let pin = target.pin(tagged.cloned());
    identity::compare(&grant.identity, &pin)
        .map_err(|other| Cause { fix: Some(REPLACE), ..Cause::from(other) })
        .at(Stage::Inspect)?;
    if grant.refresh_expires_in.is_some_and(|lives| lives <= DAY) {
        let text = "the refresh token lives 24 hours and cannot be extended: it was issued to a single-page redirect";
        return Err(Cause { fix: Some(SINGLE_PAGE), ..Cause::new(Kind::EntraSinglePage, text) }).at(Stage::Inspect);
    }
    if grant.mfa == Mfa::No && target.policy.require_mfa && !terms.allow_no_mfa {
        let text = "the sign-in had no MFA, and renewing the token will never add it";
        return Err(Cause::new(Kind::ConsentMfa, text)).at(Stage::Inspect);
    }
    // What the answer does not say is not taken from the version before: somebody else may have signed in.
    inspect::inspect(grant, redeemed, &pin, None).at(Stage::Inspect)
}

const DAY: Duration = Duration::from_secs(86_400);
const REPLACE: &str =
    "sign in as that user, or say that another one is meant: rotator consent {name} --replace-identity";
const AS_CONFIGURED: &str =
    "sign in as the user that user_id names (rotator consent {name} --fresh), or change user_id in the configuration";
/// How an app gets tokens that live.
const SINGLE_PAGE: &str = "register http://localhost as a redirect of the platform Web, remove it from Single-page application \
    (Entra admin center > App registrations > Authentication), then start again: rotator consent {name}";

/// A token that is proved and may be stored, once or, where that failed, once more.
#[derive(Debug)]
pub struct Proved {
    replacement: Replacement,
    seen: Seen,
    consented: OffsetDateTime,
    notes: Vec<Note>,
}

/// Redeems the token of a sign-in once.
///
/// # Errors
/// Why it is not accepted.
pub async fn proved(target: &Target, run: &Run, candidate: Candidate) -> Result<Proved, Failure> {
    let proof = at(run, target, Stage::Credential, run.proofs.of(&target.app, &run.vaults)).await?;
    let pin = Pin { home: candidate.tagged.home.clone(), ..target.pin(None) };
    let seen = candidate.seen.clone();
    // It is compared with what other machines noted, so a clock that is off must not count.
    let consented = candidate.issued - seen.skew.unwrap_or_default();
    let consented = consented.replace_nanosecond(0).unwrap_or(consented);
    let notes = seen.notes(target.policy.require_mfa, &pin);
    let replacement = at(run, target, Stage::Prove, prove(target, run, &proof, candidate, &pin)).await?;
    Ok(Proved { replacement, seen, consented, notes })
}

/// How far storing got before it failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The vault is as it was.
    Untouched,
    /// A write was sent, and nothing tells whether it arrived.
    Unknown,
    /// This version was written, and something failed after that.
    Written(VersionId),
}

/// A token that was not stored, or not surely.
#[derive(Debug)]
pub struct Unstored {
    pub failure: Failure,
    pub fate: Fate,
}

impl From<Failure> for Unstored {
    /// A failure before anything was written. What the job would try again by itself is lost with the sign-in.
    fn from(failure: Failure) -> Self {
        Self::after(failure, Fate::Untouched)
    }
}

impl Unstored {
    fn after(mut failure: Failure, fate: Fate) -> Self {
        let job_goes_on = failure.remedy() == Remedy::Retry || failure.cause.kind == Kind::EntraProof;
        if failure.cause.fix.is_none() && job_goes_on {
            failure.cause.fix = Some(if fate == Fate::Untouched { SIGN_IN_ANEW } else { LOOK_FIRST });
        }
        if let Fate::Written(version) = &fate {
            failure.cause.message = format!("version {version} was written, and then: {}", failure.cause.message);
        }
        Self { failure, fate }
    }

    /// Whether the same token may be stored after somebody has put right what failed.
    #[must_use]
    pub fn may_be_repeated(&self) -> bool {
        // What somebody else stored meanwhile is not to be covered by trying again.
        !matches!(self.fate, Fate::Written(_)) && self.failure.cause.kind != Kind::VaultConflict
    }
}

const SIGN_IN_ANEW: &str =
    "nothing of this sign-in is kept; when that has passed, sign in again: rotator consent {name}";
const LOOK_FIRST: &str = "see what the vault has (rotator status --only {name} --output json); if it is not the new token, sign in again: \
    rotator consent {name}";

/// Stores the token of a sign-in on top of `judged`, the newest version when it was judged, or of what the job has made of that
/// since. `fate` is how far an earlier try got.
///
/// # Errors
/// Why it was not stored, and how far it got; `vault.conflict` where somebody else stored a token meanwhile.
pub async fn store(
    target: &Target,
    vault: &dyn Vault,
    run: &Run,
    proved: &Proved,
    judged: Option<&Version>,
    mut fate: Fate,
) -> Result<Outcome, Unstored> {
    for _ in 0..TRIES {
        let inventory = survey(target, vault).await.map_err(|failure| Unstored::after(failure, fate.clone()))?;
        let known = inventory.as_ref();
        let mut outcome = proved.outcome();
        match now_there(known, judged, run) {
            Now::AsJudged => {}
            Now::Stored(version) => {
                outcome.version = Some(version.id.clone());
                outcome.issued = version.record.issued;
                return Ok(outcome);
            }
            Now::Other(version) => {
                let text = format!("somebody else stored version {} while this sign-in went on", version.id);
                let cause = Cause { fix: Some(LOOK), ..Cause::new(Kind::VaultConflict, text) };
                return Err(Unstored::after(Failure { stage: Stage::Store, cause }, fate));
            }
        }
        let place = store::Place {
            target,
            vault,
            run,
            base: known.map(Inventory::newest),
            known: known.map_or(&[], |inventory| &inventory.versions),
            listed: known.is_none_or(|inventory| inventory.listed),
            consented: Some(proved.consented),
        };
        let mut trace = store::Trace::default();
        let put = put(&place, &proved.replacement, Options::default(), &mut outcome, &mut trace).await;
        fate = fate.max(match trace.written.pop() {
            Some(version) => Fate::Written(version),
            None if trace.uncertain => Fate::Unknown,
            None => Fate::Untouched,
        });
        match put.map_err(|failure| Unstored::after(failure, fate.clone()))? {
            None => return Ok(outcome),
            Some(Superseded::AfterWriting) => return Ok(Outcome { verdict: Verdict::Superseded, ..outcome }),
            // Somebody was a moment earlier; the next look tells who.
            Some(Superseded::BeforeWriting) => {}
        }
    }
    let cause = Cause::new(Kind::VaultConflict, "others keep storing versions at the same time");
    Err(Unstored::after(Failure { stage: Stage::Store, cause }, fate))
}

/// How often a version of somebody else may come in between.
const TRIES: usize = 3;

impl Proved {
    /// What is known of it before it is stored.
    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::new(Verdict::Rotated);
        outcome.mfa = self.seen.mfa;
        outcome.user_id = self.seen.user().map(str::to_owned);
        outcome.notes.clone_from(&self.notes);
        outcome
    }
}

/// What the newest version is by now.
enum Now<'v> {
    /// The one that the person was asked about, or what the job has made of it.
    AsJudged,
    /// This sign-in's own: a write arrived whose answer did not, or the job has renewed it already.
    Stored(&'v Version),
    /// Somebody else's.
    Other(&'v Version),
}

fn now_there<'v>(known: Option<&'v Inventory>, judged: Option<&Version>, run: &Run) -> Now<'v> {
    let Some(inventory) = known else { return Now::AsJudged };
    let newest = inventory.newest();
    let all = &inventory.versions;
    let by_this = |version: &&Version| version.record.run.as_ref().is_some_and(|by| by.run_id == run.id);
    let own = all.iter().filter(by_this).any(|own| version::descends(newest, &own.id, all));
    if own {
        return Now::Stored(newest);
    }
    let as_judged = judged.is_some_and(|judged| version::descends(newest, &judged.id, all));
    if as_judged { Now::AsJudged } else { Now::Other(newest) }
}

const LOOK: &str = "see whose token is there now (rotator status --only {name} --output json); if this one is to replace it, start \
    again: rotator consent {name}";
