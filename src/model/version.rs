//! A version of a secret, and what this tool noted on it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use crate::model::alert::{Before, Standing};
use crate::model::identity::{Account, Mfa};
use crate::secret::SecretValue;

/// Key Vault's limit on the tags of a version (learn.microsoft.com/azure/key-vault/secrets/about-secrets).
pub const MOST_TAGS: usize = 15;

/// The 32 hexadecimal digits that name one version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId(pub String);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The metadata of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub id: VersionId,
    pub enabled: bool,
    /// Whole seconds, rounded by the vault: versions of one second cannot be told apart by it.
    pub created: OffsetDateTime,
    pub content_type: Option<String>,
    pub expires: Option<OffsetDateTime>,
    /// All tags, ours included.
    pub tags: BTreeMap<String, String>,
    /// What our tags say.
    pub record: Record,
}

/// A version with its value.
#[derive(Debug)]
pub struct Stored {
    pub version: Version,
    pub value: SecretValue,
}

/// A version to be written.
#[derive(Debug)]
pub struct Draft<'a> {
    pub value: &'a str,
    pub content_type: String,
    pub expires: Option<OffsetDateTime>,
    pub tags: BTreeMap<String, String>,
}

/// What is to be changed of a version; its value cannot be.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub enabled: Option<bool>,
    /// All tags: Key Vault replaces the whole map.
    pub tags: Option<BTreeMap<String, String>>,
    pub no_expiry: bool,
}

/// What a version's tags say about its token. All is absent on a version that a person wrote by hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    pub issued: Option<OffsetDateTime>,
    pub consented: Option<OffsetDateTime>,
    pub identity: Option<Tagged>,
    pub mfa: Option<Mfa>,
    pub run: Option<RunTag>,
    /// What people were told of it, as the tag says it.
    pub state: Option<String>,
    /// When the token was taken out of service.
    pub retired: Option<OffsetDateTime>,
}

/// The identity as tagged: the home account and the client id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    pub home: Option<Account>,
    pub app: Option<String>,
}

/// Which run wrote a version, and over which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTag {
    pub run_id: String,
    pub replaced: VersionId,
}

/// Whether a run stored `version`, and nobody with tags that were copied from an older one of `all`: no two versions of
/// ours name the same run and the same version replaced, except where a write was repeated, and those hold the same
/// token.
#[must_use]
pub fn is_ours(version: &Version, all: &[Version]) -> bool {
    let copied = |other: &Version| other.record.run == version.record.run && other.created < version.created;
    version.record.run.is_some() && !all.iter().any(copied)
}

/// Whether the token of `version` comes from a later sign-in than the one at `than`: a person signed in through this tool, which
/// is as good a reason to leave it on top as that somebody else stored it.
#[must_use]
pub fn is_later_sign_in(version: &Version, than: Option<OffsetDateTime>) -> bool {
    // Nothing is earlier than any time.
    version.record.consented > than
}

/// Whether runs of the job alone made `newest` out of the version `ancestor`, each redeeming the one before: no sign-in came in
/// between.
#[must_use]
pub fn descends(newest: &Version, ancestor: &VersionId, all: &[Version]) -> bool {
    let mut version = newest;
    for _ in 0..all.len() {
        if version.id == *ancestor {
            return true;
        }
        let replaced = version.record.run.as_ref().filter(|_| is_ours(version, all)).map(|run| &run.replaced);
        let before = replaced.and_then(|replaced| all.iter().find(|other| other.id == *replaced));
        match before.filter(|before| before.record.consented == version.record.consented) {
            Some(before) => version = before,
            None => return false,
        }
    }
    false
}

/// Both carry the same consent of the same account: the newer one was made by redeeming the older one, or the same
/// time of consent is noted on both.
#[must_use]
pub fn same_consent(newer: &Version, older: &Version) -> bool {
    let (new, old) = (&newer.record, &older.record);
    let other_account = new.identity.is_some() && old.identity.is_some() && new.identity != old.identity;
    let descends = new.run.as_ref().is_some_and(|run| run.replaced == older.id);
    !other_account && new.consented == old.consented && (descends || new.consented.is_some())
}

impl Version {
    /// Where the tag with the time of issue found no room, the expiry of a version of ours still tells it: issue and
    /// `lifetime` add up to it, and a version is made moments after its token was issued.
    pub fn issue_from_expiry(&mut self, lifetime: Duration) {
        let Some(issued) =
            self.expires.and_then(|expires| expires.checked_sub(time::Duration::try_from(lifetime).ok()?))
        else {
            return;
        };
        let moments = time::Duration::minutes(10);
        // Only there: what a person set as the expiry says nothing of the issue.
        let no_room = self.tags.len() >= MOST_TAGS;
        if no_room && self.record.issued.is_none() && (self.created - issued).abs() <= moments {
            self.record.issued = Some(issued.min(self.created));
        }
    }
}

/// The newest by time of creation, and whether the vault must be asked because two share that second.
#[must_use]
pub fn newest(versions: &[Version]) -> Option<(&Version, bool)> {
    let newest = versions.iter().max_by_key(|version| version.created)?;
    let tie = versions.iter().filter(|version| version.created == newest.created).count() > 1;
    Some((newest, tie))
}

/// What people were told of the token in `newest`. One that somebody stored by hand has no note of it, so that of the version
/// before it counts. `all` has the newest first.
#[must_use]
pub fn told(newest: &Version, all: &[Version]) -> Before {
    let record = &newest.record;
    let is_noted = |version: &&Version| version.record.run.is_some() || version.record.state.is_some();
    let older = all.iter().filter(|version| version.id != newest.id).find(is_noted);
    match older.and_then(|older| older.record.state.as_deref()) {
        Some(state) if record.run.is_none() && record.state.is_none() => {
            Standing::parse(state).map_or(Before::Unknown, |all| Before::Inherited(all.of_the_version_before()))
        }
        _ => Before::of_tag(record.state.as_deref()),
    }
}
