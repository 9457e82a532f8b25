//! The records of one vault.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::right::Rights;
use crate::sandbox::state::now;

/// A vault's secrets, by name in lower case.
#[derive(Debug, Default)]
pub struct Vault {
    pub secrets: BTreeMap<String, Secret>,
    pub rights: Rights,
    /// The resource that its challenge names, where it is not the right one.
    pub resource: Option<String>,
    /// Puts an empty page before every full one, as the service at times does.
    pub empty_pages: bool,
    /// Requests in the current window: when it began, versions made, others.
    pub(super) window: Option<(OffsetDateTime, u32, u32)>,
    /// How many versions and how many other requests a window of ten seconds allows.
    pub limits: Limits,
}

/// What a window of ten seconds allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub create: u32,
    pub other: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { create: 300, other: 4_000 }
    }
}

/// A secret with all its versions, oldest first.
#[derive(Debug, Clone)]
pub struct Secret {
    pub name: String,
    pub versions: Vec<Version>,
    pub deleted: Option<Deleted>,
    /// Until when a recovery is under way.
    pub recovering_until: Option<OffsetDateTime>,
}

/// A deletion that can be undone.
#[derive(Debug, Clone)]
pub struct Deleted {
    pub at: OffsetDateTime,
    /// Until when the deletion itself is under way.
    pub settled: OffsetDateTime,
}

/// One version.
#[derive(Debug, Clone)]
pub struct Version {
    pub id: String,
    pub value: String,
    pub content_type: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub enabled: bool,
    pub not_before: Option<i64>,
    pub expires: Option<i64>,
    pub created: i64,
    pub updated: i64,
    /// Once it has an expiry it cannot be without one: reports differ on whether the service lets it go.
    pub keeps_expiry: bool,
}

impl Version {
    #[must_use]
    pub fn new(value: &str) -> Self {
        let created = rounded(now());
        Self {
            id: Uuid::new_v4().simple().to_string(),
            value: value.to_owned(),
            content_type: None,
            tags: BTreeMap::new(),
            enabled: true,
            not_before: None,
            expires: None,
            created,
            updated: created,
            keeps_expiry: false,
        }
    }

    /// The same, made this long ago.
    #[must_use]
    pub fn aged(mut self, age: Duration) -> Self {
        self.created -= age.whole_seconds();
        self.updated = self.created;
        self
    }

    #[must_use]
    pub fn tagged(mut self, name: &str, value: &str) -> Self {
        self.tags.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Vault {
    /// Adds a version on top of a secret.
    pub fn add(&mut self, secret: &str, version: Version) -> &Version {
        let versions = &mut self.secret_mut(secret).versions;
        versions.push(version);
        &versions[versions.len() - 1]
    }

    /// The newest version of a secret that is not deleted.
    #[must_use]
    pub fn newest(&self, secret: &str) -> Option<&Version> {
        self.secrets.get(&secret.to_ascii_lowercase()).filter(|secret| secret.deleted.is_none())?.versions.last()
    }

    /// All versions of a secret, oldest first.
    #[must_use]
    pub fn versions(&self, secret: &str) -> &[Version] {
        self.secrets.get(&secret.to_ascii_lowercase()).map_or(&[], |secret| &secret.versions)
    }

    /// A secret to be changed, made when it is first asked for.
    pub fn secret_mut(&mut self, secret: &str) -> &mut Secret {
        self.secrets.entry(secret.to_ascii_lowercase()).or_insert_with(|| Secret {
            name: secret.to_owned(),
            versions: Vec::new(),
            deleted: None,
            recovering_until: None,
        })
    }

    /// Deletes a secret so that it can be recovered; the deletion is finished at once.
    pub fn delete(&mut self, secret: &str) {
        self.secret_mut(secret).deleted = Some(Deleted { at: now(), settled: now() });
    }

    /// Ends all deletions and recoveries that are under way.
    pub fn settle(&mut self) {
        for secret in self.secrets.values_mut() {
            secret.recovering_until = None;
            if let Some(deleted) = &mut secret.deleted {
                deleted.settled = deleted.at;
            }
        }
    }
}

/// Whole seconds, rounded as the service rounds: up to a second after its own clock.
pub(super) fn rounded(at: OffsetDateTime) -> i64 {
    (at + Duration::milliseconds(500)).unix_timestamp()
}
