//! The steps that renewing a token and taking over one that a person signed in for have in common.

use std::future::Future;

use tracing::Instrument as _;

use super::inspect::{self, Candidate, Replacement};
use super::{Options, Run, retire, store};
use crate::entra::answer::{self, Grant};
use crate::entra::request::{self, Proof};
use crate::model::alert::Before;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::identity::{Mfa, Pin};
use crate::model::kind::Kind;
use crate::model::outcome::{Note, Outcome, Verdict};
use crate::model::policy::Verify;
use crate::model::target::{App, Target};
use crate::model::version::{Change, Version, VersionId};
use crate::secret::RefreshToken;
use crate::wire::retry;

/// Runs a stage of the path; its log lines carry run, token and stage.
pub(super) async fn at<T>(
    run: &Run,
    target: &Target,
    stage: Stage,
    work: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Failure> {
    work.instrument(stage_span(run, target, stage)).await.at(stage)
}

/// Redeems the new token once; the token that this yields is dropped, the proved one is kept.
pub(super) async fn prove(
    target: &Target,
    run: &Run,
    proof: &Proof,
    candidate: Candidate,
    pin: &Pin,
) -> Result<Replacement, Cause> {
    if target.policy.verify == Verify::Redeem {
        let again = redeem(run, &target.app, proof, &target.scope, &candidate.refresh).await.map_err(refused_proof)?;
        inspect::identify(&again, pin)?;
    }
    Ok(Replacement::proved(candidate))
}

/// When someone else's version became the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Superseded {
    BeforeWriting,
    /// It was put on top of what was written.
    AfterWriting,
}

/// Stores a proved token in its place, and retires what it makes superfluous. Returns how it came that someone
/// else's version is the newest, where it is.
pub(super) async fn put(
    place: &store::Place<'_>,
    replacement: &Replacement,
    options: Options,
    outcome: &mut Outcome,
    trace: &mut store::Trace,
) -> Result<Option<Superseded>, Failure> {
    let mut left_out = Vec::new();
    let storing = place.store(replacement, trace, &mut left_out);
    let placed = at(place.run, place.target, Stage::Store, storing).await;
    let when = if trace.written.is_empty() { Superseded::BeforeWriting } else { Superseded::AfterWriting };
    if let Some(id) = trace.written.last() {
        outcome.version = Some(id.clone());
        outcome.issued = Some(replacement.issued());
        outcome.previous = place.base.map(|base| base.id.clone());
    }
    let stored = match placed? {
        store::Placed::Stored(stored) => stored,
        store::Placed::Superseded(by) => {
            superseded(outcome, by);
            return Ok(Some(when));
        }
    };
    outcome.versions = stored.versions.as_ref().map(Vec::len).or(outcome.versions);
    if !left_out.is_empty() {
        outcome.notes.push(Note::TagsDropped(left_out));
    }
    if stored.versions.is_none() && place.listed {
        outcome.notes.push(Note::ListFailed);
    }
    let now = place.run.clock.now();
    let superfluous = retire::superfluous(&stored, &place.target.policy, options.retire_foreign, now);
    let retiring = disable(place, superfluous, &mut outcome.retired);
    if let Err(failure) = at(place.run, place.target, Stage::Retire, retiring).await {
        outcome.notes.push(Note::RetireFailed(failure.cause.kind));
    }
    Ok(None)
}

/// Disables old versions, and stops at the first that cannot be: the next one could not either.
async fn disable(
    place: &store::Place<'_>,
    versions: Vec<VersionId>,
    retired: &mut Vec<VersionId>,
) -> Result<(), Cause> {
    for version in versions {
        let disabled = Change { enabled: Some(false), ..Change::default() };
        place.vault.update(&place.target.secret, &version, &disabled).await.inspect_err(|cause| {
            tracing::warn!(version = %version, kind = cause.kind.slug(), "an old version was not disabled: {cause}");
        })?;
        retired.push(version);
    }
    Ok(())
}

/// Redeems a refresh token for `scope`, as often as makes sense.
pub(super) async fn redeem(
    run: &Run,
    app: &App,
    proof: &Proof,
    scope: &str,
    refresh: &RefreshToken,
) -> Result<Grant, Cause> {
    let request = request::refresh(app, proof, scope, refresh);
    let host = request.url.host_str().unwrap_or_default();
    let attempt = || async { answer::read(&retry::within_try(host, run.entra.send(&request)).await?) };
    retry::repeat(&run.deadline, attempt).await
}

/// A refusal of the new token itself says nothing of the stored one, which is as good as before.
fn refused_proof(cause: Cause) -> Cause {
    let of_the_token = [
        Kind::EntraBadToken,
        Kind::EntraExpired,
        Kind::EntraRevoked,
        Kind::EntraSession,
        Kind::EntraSinglePage,
        Kind::EntraRefusedGrant,
    ];
    if !of_the_token.contains(&cause.kind) {
        return cause;
    }
    let message = format!("the new token was refused at once: {cause}");
    Cause { kind: Kind::EntraProof, message, fix: None, ..cause }
}

/// What is known of the token that someone else stored.
pub(super) fn superseded(outcome: &mut Outcome, by: Version) -> Verdict {
    outcome.issued = by.record.issued;
    outcome.before = Before::of_tag(by.record.state.as_deref());
    outcome.mfa = by.record.mfa.unwrap_or(Mfa::Unknown);
    outcome.user_id = by.record.identity.and_then(|tagged| tagged.home).map(|home| home.user);
    outcome.version = Some(by.id);
    Verdict::Superseded
}

pub(super) fn stage_span(run: &Run, target: &Target, stage: Stage) -> tracing::Span {
    tracing::info_span!("renew", run_id = run.id, token = target.name, stage = stage.as_str())
}
