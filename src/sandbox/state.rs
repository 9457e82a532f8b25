//! The records of all fakes.

use std::collections::{BTreeMap, HashMap, HashSet};

use time::OffsetDateTime;
use uuid::Uuid;

use super::entra::directory::Directory;
use super::vault::store::Vault;

/// Everything the fakes know.
#[derive(Debug)]
pub struct State {
    /// By host.
    pub vaults: BTreeMap<String, Vault>,
    pub directory: Directory,
    /// Access tokens for vaults, and whose they are.
    pub access: HashMap<String, AccessToken>,
    /// Client ids of the managed identities of this host; the first is the system-assigned one.
    pub identities: Vec<String>,
    /// Hosts that the proxy cannot reach.
    down: HashSet<String>,
    /// Hosts whose certificate is wrong.
    pub certificates: HashMap<String, WrongCertificate>,
    /// The proxy wants a user and a password.
    pub proxy_login: bool,
    /// The token services of pipelines refuse.
    pub pipeline_refuses: bool,
    /// What the receiver of alerts was sent.
    pub received: Vec<Received>,
    /// Files that are there when the sandbox starts, by name.
    pub files: BTreeMap<String, File>,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WrongCertificate {
    Expired,
    OtherHost,
    UnknownAuthority,
}

/// A request to the receiver of alerts.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// A file in the sandbox's folder.
#[derive(Debug, Clone)]
pub struct File {
    pub content: String,
    pub program: bool,
}

impl File {
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), program: false }
    }

    #[must_use]
    pub fn program(content: impl Into<String>) -> Self {
        Self { content: content.into(), program: true }
    }
}

/// An access token that a fake gave out.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub audience: String,
    pub principal: String,
    pub expires: OffsetDateTime,
}

impl Default for State {
    fn default() -> Self {
        Self {
            vaults: BTreeMap::new(),
            directory: Directory::default(),
            access: HashMap::new(),
            identities: vec!["00000000-0000-0000-0000-00000000001d".to_owned()],
            down: HashSet::new(),
            certificates: HashMap::new(),
            proxy_login: false,
            pipeline_refuses: false,
            received: Vec::new(),
            files: BTreeMap::new(),
        }
    }
}

impl State {
    /// Takes a host off the network, or puts it back.
    pub fn set_down(&mut self, host: &str, down: bool) {
        if down {
            self.down.insert(host.to_owned());
        } else {
            self.down.remove(host);
        }
    }

    pub(crate) fn is_down(&self, host: &str) -> bool {
        self.down.contains(host)
    }

    /// The vault of a host, made when it is first asked for.
    pub fn vault(&mut self, host: &str) -> &mut Vault {
        self.vaults.entry(host.to_owned()).or_default()
    }

    /// Whether the newest version of a secret is enabled and holds a refresh token that Entra ID accepts.
    #[must_use]
    pub fn newest_is_accepted(&self, host: &str, secret: &str) -> bool {
        let newest = self.vaults.get(host).and_then(|vault| vault.newest(secret));
        newest.is_some_and(|version| version.enabled && self.directory.accepts(&version.value))
    }
}

pub(crate) fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the fakes' own clock")]
    OffsetDateTime::now_utc()
}

/// A new id in the form of a GUID.
pub(crate) fn guid() -> String {
    Uuid::new_v4().to_string()
}
