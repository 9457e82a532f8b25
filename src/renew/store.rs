//! Writes a proved token as a new version, and makes sure that it is there.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::Target;
use crate::model::version::{Draft, Record, RunTag, Version};
use crate::ports::Vault;
use crate::renew::inspect::Replacement;
use crate::renew::inventory::is_missing_right;
use crate::renew::{Inventory, Run, newest};
use crate::secret::SecretValue;
use crate::vault::tags;
use crate::wire::retry::Pauses;

/// A version of ours that was read back and found equal.
#[derive(Debug)]
pub(super) struct ReadBack {
    pub(super) version: Version,
    /// All versions after the write, or none for want of the right to list.
    pub(super) versions: Option<Vec<Version>>,
    /// Tags of ours that did not fit.
    pub(super) left_out: Vec<String>,
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
    /// The version whose token was redeemed.
    pub(super) base: &'a Version,
    /// The versions that were there when the run began.
    pub(super) known: &'a Inventory,
}

impl Place<'_> {
    /// Guard → write → read back → look for a version of someone else. Key Vault has no compare-and-swap, so the
    /// last step repairs what the guard cannot exclude.
    pub(super) async fn store(&self, replacement: &Replacement) -> Result<Placed, Cause> {
        let current = newest(self.vault, self.target).await?.version;
        if current.id != self.base.id {
            return Ok(Placed::Superseded(current));
        }
        let (tags, left_out) = self.tags(replacement);
        let written = match self.write(replacement, &tags).await? {
            Placed::Stored(written) => written.version,
            superseded @ Placed::Superseded(_) => return Ok(superseded),
        };
        let read_back = self.vault.read(&self.target.secret, Some(&written.id)).await?;
        if !read_back.value.matches(&SecretValue::new(replacement.refresh().expose().to_owned())) {
            return Err(Cause::new(Kind::ReadBack, format!("version {} does not hold what was written", written.id)));
        }
        let versions = match self.vault.versions(&self.target.secret).await {
            Ok(versions) => Some(versions),
            Err(cause) if is_missing_right(cause.kind) => None,
            Err(cause) => return Err(cause),
        };
        if let Some(foreign) = versions.as_deref().and_then(|versions| self.foreign(versions)) {
            return self.yield_to(foreign).await.map(Placed::Superseded);
        }
        Ok(Placed::Stored(ReadBack { version: read_back.version, versions, left_out }))
    }

    /// Writes until it is known to be written. After a lost answer the newest version tells: ours, so it arrived;
    /// the base, so it did not and is written again, at worst twice the same; another, so someone else was here.
    async fn write(&self, replacement: &Replacement, tags: &BTreeMap<String, String>) -> Result<Placed, Cause> {
        let value = SecretValue::new(replacement.refresh().expose().to_owned());
        let mut pauses = Pauses::default();
        loop {
            let draft = Draft {
                value: value.expose(),
                content_type: self.base.content_type.clone().unwrap_or_else(|| CONTENT_TYPE.to_owned()),
                expires: Some(replacement.issued() + self.target.policy.expire_after),
                tags: tags.clone(),
            };
            let cause = match self.vault.write(&self.target.secret, draft).await {
                Ok(version) => return Ok(stored(version)),
                Err(cause) if cause.is_transient() && !cause.is_end_of_run() => cause,
                Err(cause) => return Err(cause),
            };
            tracing::warn!(kind = cause.kind.slug(), "the answer to the write was lost: {cause}");
            let found = newest(self.vault, self.target).await?;
            if found.value.matches(&value) {
                return Ok(stored(found.version));
            }
            if found.version.id != self.base.id {
                return Ok(Placed::Superseded(found.version));
            }
            pauses.wait(&self.run.deadline, cause).await?;
        }
    }

    /// A version that neither was there before nor is by a run of this tool: someone signed in meanwhile.
    fn foreign<'v>(&self, versions: &'v [Version]) -> Option<&'v Version> {
        let known = |version: &Version| {
            version.record.run.is_some() || self.known.versions.iter().any(|known| known.id == version.id)
        };
        // Without a list from the beginning nobody's versions can be told from old ones.
        let listed = self.known.listed.then_some(versions)?;
        listed.iter().filter(|version| version.enabled && !known(version)).max_by_key(|version| version.created)
    }

    /// Puts someone else's version on top again if ours covers it.
    async fn yield_to(&self, foreign: &Version) -> Result<Version, Cause> {
        let current = newest(self.vault, self.target).await?.version;
        if current.record.run.as_ref().is_none_or(|run| run.run_id != self.run.id) {
            return Ok(current);
        }
        let theirs = self.vault.read(&self.target.secret, Some(&foreign.id)).await?;
        tracing::warn!(version = %foreign.id, "a version was stored meanwhile and is put on top again");
        let draft = Draft {
            value: theirs.value.expose(),
            content_type: foreign.content_type.clone().unwrap_or_else(|| CONTENT_TYPE.to_owned()),
            expires: None,
            tags: theirs.version.tags.clone(),
        };
        self.vault.write(&self.target.secret, draft).await
    }

    fn tags(&self, replacement: &Replacement) -> (BTreeMap<String, String>, Vec<String>) {
        let record = Record {
            issued: Some(whole_seconds(replacement.issued())),
            consented: self.base.record.consented,
            identity: Some(replacement.tagged().clone()),
            mfa: Some(replacement.mfa()),
            run: Some(RunTag { run_id: self.run.id.clone(), replaced: self.base.id.clone() }),
        };
        tags::write(&self.base.tags, &record, &self.target.scope)
    }
}

const CONTENT_TYPE: &str = "application/x-refresh-token";

fn stored(version: Version) -> Placed {
    Placed::Stored(ReadBack { version, versions: None, left_out: Vec::new() })
}

fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}
