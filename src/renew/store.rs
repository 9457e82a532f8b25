//! Writes a proved token as a new version, and makes sure that it is there.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::Target;
use crate::model::version::{self, Draft, Record, RunTag, Stored, Version, VersionId};
use crate::ports::Vault;
use crate::renew::inspect::Replacement;
use crate::renew::{Inventory, Run};
use crate::secret::SecretValue;
use crate::vault::tags;
use crate::wire::retry::Pauses;

/// A version of ours that was read back and found equal.
#[derive(Debug)]
pub(super) struct ReadBack {
    pub(super) version: Version,
    /// All versions after the write, or none where they could not be listed.
    pub(super) versions: Option<Vec<Version>>,
}

/// What became of a write.
#[derive(Debug)]
pub(super) enum Placed {
    Stored(ReadBack),
    /// Someone else's version is the newest.
    Superseded(Version),
}

/// Where a token is put.
pub(super) struct Place<'a> {
    pub(super) target: &'a Target,
    pub(super) vault: &'a dyn Vault,
    pub(super) run: &'a Run,
    /// The version that is to be replaced; none where the secret has none.
    pub(super) base: Option<&'a Version>,
    /// The versions that were there when the run began.
    pub(super) known: &'a [Version],
    /// Whether `known` is all of them.
    pub(super) listed: bool,
    /// When a person signed in, where the token comes from that and not from `base`.
    pub(super) consented: Option<OffsetDateTime>,
}

/// What a store has done so far, whatever fails afterwards.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Versions that are there.
    pub(super) written: Vec<VersionId>,
    /// A write was sent, and nothing tells whether it arrived.
    pub(super) uncertain: bool,
}

/// What a version is to hold.
struct Body {
    value: SecretValue,
    content_type: String,
    expires: Option<OffsetDateTime>,
    tags: BTreeMap<String, String>,
}

/// A version that holds what was to be written, or the one that someone else wrote meanwhile.
enum Written {
    Ours(Version),
    Theirs(Version),
}

impl Place<'_> {
    /// Guard → write → read back → look for a version of someone else. Key Vault has no compare-and-swap, so the
    /// last step repairs what the guard cannot exclude. `trace` tells of each new version as soon as it is there;
    /// the tags that did not fit are returned as well.
    pub(super) async fn store(
        &self,
        replacement: &Replacement,
        trace: &mut Trace,
        left_out: &mut Vec<String>,
    ) -> Result<Placed, Cause> {
        if let Some(current) = self.current().await?.filter(|current| Some(&current.id) != self.base_id()) {
            return Ok(Placed::Superseded(current));
        }
        let body = self.body(replacement, left_out);
        let first = self.write_and_compare(&body, self.base_id(), trace).await?;
        let version = match first {
            // What was stored is not what was sent: once more, on top of it.
            Compared::Differs(bad) => match self.write_and_compare(&body, Some(&bad), trace).await? {
                Compared::Differs(bad) => {
                    let text = format!("version {bad} does not hold what was written, and neither did the one before");
                    return Err(Cause::new(Kind::ReadBack, text));
                }
                Compared::Equal(version) => version,
                Compared::Theirs(version) => return Ok(Placed::Superseded(version)),
            },
            Compared::Equal(version) => version,
            Compared::Theirs(version) => return Ok(Placed::Superseded(version)),
        };
        self.settle(version, trace.written.clone()).await
    }

    /// The token is stored; what is left is to see whether it covers someone else's, and to put that on top. Whoever
    /// stores one in the middle of that is seen by the next look. `known` are versions that need no look.
    async fn settle(&self, stored: Version, mut known: Vec<VersionId>) -> Result<Placed, Cause> {
        let (mut top, mut theirs) = (stored, false);
        for _ in 0..SETTLEMENTS {
            let versions = match self.vault.versions(&self.target.secret).await {
                Ok(versions) => versions,
                Err(cause) => {
                    tracing::warn!(kind = cause.kind.slug(), "the versions were not listed after the write: {cause}");
                    return Ok(placed(top, theirs, None));
                }
            };
            let Some(foreign) = self.foreign(&versions, &known) else { return Ok(placed(top, theirs, Some(versions))) };
            tracing::warn!(version = %foreign.id, "a version was stored meanwhile and is put on top again");
            known.push(foreign.id.clone());
            let over = top.id.clone();
            (top, theirs) = (self.put_on_top(foreign, &over).await?, true);
            known.push(top.id.clone());
        }
        Ok(placed(top, theirs, None))
    }

    /// A version after the base that neither was there before nor is by a run of this tool: someone signed in meanwhile.
    /// What came before the base was covered by whoever wrote the base.
    fn foreign<'v>(&self, versions: &'v [Version], ours: &[VersionId]) -> Option<&'v Version> {
        let known = |version: &Version| {
            let at_first = self.known.iter().any(|known| known.id == version.id);
            let by_this_run = version.record.run.as_ref().is_some_and(|run| run.run_id == self.run.id);
            let by_another =
                version::is_ours(version, versions) && !version::is_later_sign_in(version, self.consented());
            at_first || by_this_run || by_another || ours.contains(&version.id) || Some(&version.id) == self.base_id()
        };
        let after = |version: &Version| self.base.is_none_or(|base| version.created >= base.created);
        // Without a list from the beginning nobody's versions can be told from old ones.
        let listed = self.listed.then_some(versions)?;
        listed
            .iter()
            .filter(|version| version.enabled && after(version) && !known(version))
            .max_by_key(|version| version.created)
    }

    /// Puts someone else's version on top again where `ours` covers it, with its own tags and expiry.
    pub(super) async fn put_on_top(&self, theirs: &Version, ours: &VersionId) -> Result<Version, Cause> {
        let current = self.newest().await?.version;
        if current.id != *ours {
            return Ok(current);
        }
        let stored = self.vault.read(&self.target.secret, Some(&theirs.id)).await?;
        let body = Body {
            value: stored.value,
            content_type: theirs.content_type.clone().unwrap_or_else(|| CONTENT_TYPE.to_owned()),
            expires: theirs.expires,
            tags: tags::copied(&theirs.tags, &RunTag { run_id: self.run.id.clone(), replaced: ours.clone() }),
        };
        match self.write(&body, Some(ours), &mut false).await? {
            Written::Ours(version) | Written::Theirs(version) => Ok(version),
        }
    }

    async fn write_and_compare(
        &self,
        body: &Body,
        over: Option<&VersionId>,
        trace: &mut Trace,
    ) -> Result<Compared, Cause> {
        let version = match self.write(body, over, &mut trace.uncertain).await? {
            Written::Ours(version) => version,
            Written::Theirs(version) => return Ok(Compared::Theirs(version)),
        };
        trace.written.push(version.id.clone());
        let read_back = self.vault.read(&self.target.secret, Some(&version.id)).await?;
        let equal = read_back.value.matches(&body.value);
        Ok(if equal { Compared::Equal(read_back.version) } else { Compared::Differs(version.id) })
    }

    /// Writes until it is known to be written. After a lost answer the newest version tells: ours, so it arrived;
    /// `over`, so it did not and is written again, at worst twice the same; another, so someone else was here.
    async fn write(&self, body: &Body, over: Option<&VersionId>, uncertain: &mut bool) -> Result<Written, Cause> {
        let mut pauses = Pauses::default();
        loop {
            let draft = Draft {
                value: body.value.expose(),
                content_type: body.content_type.clone(),
                expires: body.expires,
                tags: body.tags.clone(),
            };
            *uncertain = true;
            let cause = match self.vault.write(&self.target.secret, draft).await {
                Err(cause) if !is_refusal(&cause) => cause,
                answered => {
                    *uncertain = false;
                    return answered.map(Written::Ours);
                }
            };
            if cause.is_end_of_run() {
                return Err(cause);
            }
            tracing::warn!(kind = cause.kind.slug(), "the answer to the write was lost: {cause}");
            match self.newest().await {
                Ok(found) if Some(&found.version.id) == over => pauses.wait(&self.run.deadline, cause).await?,
                Ok(found) => {
                    *uncertain = false;
                    let ours = found.value.matches(&body.value);
                    return Ok(if ours { Written::Ours(found.version) } else { Written::Theirs(found.version) });
                }
                Err(missing) if self.is_before_the_write(&missing) => {
                    pauses.wait(&self.run.deadline, cause).await?;
                }
                Err(cause) => return Err(cause),
            }
        }
    }

    /// The newest version; none where there is none, and the base where that cannot be read because it is disabled.
    async fn current(&self) -> Result<Option<Version>, Cause> {
        match self.newest().await {
            Ok(stored) => Ok(Some(stored.version)),
            Err(cause) if self.is_before_the_write(&cause) => Ok(self.base.cloned()),
            Err(cause) => Err(cause),
        }
    }

    /// What a read says where nothing was written on top of the base yet.
    fn is_before_the_write(&self, cause: &Cause) -> bool {
        match self.base {
            None => cause.kind == Kind::SecretMissing,
            Some(base) => cause.kind == Kind::SecretDisabled && !base.enabled,
        }
    }

    /// When the person signed in whose token is put here.
    fn consented(&self) -> Option<OffsetDateTime> {
        self.consented.or_else(|| self.base?.record.consented)
    }

    fn base_id(&self) -> Option<&VersionId> {
        self.base.map(|base| &base.id)
    }

    async fn newest(&self) -> Result<Stored, Cause> {
        self.vault.read(&self.target.secret, None).await
    }

    /// What people were told of the token is told of the new one too, until it changes; a sign-in is the end of it.
    fn state(&self) -> Option<String> {
        let told = version::told(self.base?, self.known).carried()?;
        let told = if self.consented.is_some() { told.of_the_version_before() } else { told };
        told.written()
    }

    fn body(&self, replacement: &Replacement, left_out: &mut Vec<String>) -> Body {
        let issued = replacement.issued().replace_nanosecond(0).unwrap_or(replacement.issued());
        let record = Record {
            issued: Some(issued),
            consented: self.consented(),
            identity: Some(replacement.tagged().clone()),
            mfa: Some(replacement.mfa()),
            run: Some(RunTag {
                run_id: self.run.id.clone(),
                replaced: self.base_id().cloned().unwrap_or_else(nothing),
            }),
            state: self.state(),
            retired: None,
        };
        let before = self.base.map(|base| base.tags.clone()).unwrap_or_default();
        let (tags, dropped) = tags::write(&before, &record, &self.target.scope);
        *left_out = dropped;
        Body {
            value: SecretValue::new(replacement.refresh().expose().to_owned()),
            content_type: self
                .base
                .and_then(|base| base.content_type.clone())
                .unwrap_or_else(|| CONTENT_TYPE.to_owned()),
            expires: Some(issued + self.target.policy.expire_after),
            tags,
        }
    }
}

/// Writes the newest value again, as it is, to prove that writing is allowed.
///
/// # Errors
/// The vault's refusal; `vault.conflict` where somebody else wrote at the same time, so that nothing is proved.
pub(crate) async fn write_again(
    target: &Target,
    vault: &dyn Vault,
    run: &Run,
    known: &Inventory,
) -> Result<Version, Cause> {
    let base = known.newest();
    let place =
        Place { target, vault, run, base: Some(base), known: &known.versions, listed: known.listed, consented: None };
    let meanwhile = || Cause::new(Kind::VaultConflict, "somebody else stored a version at the same time");
    if place.newest().await?.version.id != base.id {
        return Err(meanwhile());
    }
    let written = place.put_on_top(base, &base.id).await?;
    match place.settle(written.clone(), vec![written.id]).await? {
        Placed::Stored(stored) if stored.version.record.run.as_ref().is_some_and(|by| by.run_id == run.id) => {
            Ok(stored.version)
        }
        Placed::Stored(_) | Placed::Superseded(_) => Err(meanwhile()),
    }
}

/// What the first version of a secret replaced.
fn nothing() -> VersionId {
    VersionId("0".to_owned())
}

/// How often someone else may store a version while theirs are put on top.
const SETTLEMENTS: usize = 3;

fn placed(version: Version, theirs: bool, versions: Option<Vec<Version>>) -> Placed {
    if theirs { Placed::Superseded(version) } else { Placed::Stored(ReadBack { version, versions }) }
}

/// A written version, compared with what was sent.
enum Compared {
    Equal(Version),
    Differs(VersionId),
    Theirs(Version),
}

const CONTENT_TYPE: &str = "application/x-refresh-token";

/// The vault itself said no, so nothing was written; every other failure may hide a write.
fn is_refusal(cause: &Cause) -> bool {
    matches!(
        cause.kind,
        Kind::VaultUnauthorized
            | Kind::VaultRbac
            | Kind::VaultPolicy
            | Kind::VaultFirewall
            | Kind::VaultForbidden
            | Kind::VaultRejected
            | Kind::VaultChallenge
            | Kind::SecretDeleted
            | Kind::SecretMissing
            | Kind::IdentityUnassigned
            | Kind::IdentityUnsupported
    )
}
