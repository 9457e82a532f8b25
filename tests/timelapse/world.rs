//! A vault, an Entra ID and a receiver in memory, whose time is that of the simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rotator::entra::answer::{RawAnswer, SecretBody};
use rotator::entra::request::TokenRequest;
use rotator::model::failure::Cause;
use rotator::model::kind::Kind;
use rotator::model::name::SecretName;
use rotator::model::version::{Change, Draft, Stored, Version, VersionId};
use rotator::notify::message::Message;
use rotator::ports::{Entra, Notifier, Vault};
use rotator::secret::SecretValue;
use rotator::vault::tags;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

/// What Entra ID knows of a refresh token.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) token: String,
    pub(super) issued: OffsetDateTime,
    pub(super) revoked: bool,
    pub(super) mfa_wanted: bool,
}

/// A kind of request that a vault or Entra ID can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Door {
    List,
    Get,
    Set,
    Update,
    Redeem,
}

/// How a token really is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth {
    pub(super) enabled: bool,
    /// Entra ID would take it from an app that proves itself.
    pub(super) is_accepted: bool,
    pub(super) left: Duration,
    /// What the client secret has left.
    pub(super) secret_left: Duration,
}

impl Truth {
    /// Nothing is to be said of it, or nothing that is critical.
    pub(super) fn is_fine_for(self, days: i64) -> bool {
        self.enabled && self.is_accepted && self.secret_left > Duration::ZERO && self.left > Duration::days(days)
    }
}

#[expect(clippy::struct_excessive_bools, reason = "independent switches of the weather")]
#[derive(Debug)]
pub(super) struct State {
    pub(super) now: OffsetDateTime,
    pub(super) secrets: BTreeMap<String, Vec<(Version, String)>>,
    pub(super) grants: BTreeMap<String, Grant>,
    pub(super) client_secret_ends: OffsetDateTime,
    pub(super) vault_up: bool,
    pub(super) entra_up: bool,
    /// What the vault answers instead to a kind of request.
    pub(super) refusals: BTreeMap<Door, Kind>,
    /// The user's sign-ins have no MFA.
    pub(super) no_mfa: bool,
    /// Tags cannot be changed: what people were told is not noted.
    pub(super) notes_up: bool,
    /// Receivers that do not answer.
    pub(super) deaf: BTreeSet<&'static str>,
    /// A vault that forgets the expiry it is given: a rule that is broken on purpose.
    pub(super) forgets_expiry: bool,
    /// A vault that forgets what people were told.
    pub(super) forgets_notes: bool,
    /// Who received what since the last look.
    pub(super) received: Vec<(&'static str, Value)>,
    /// How many notes could not be written.
    pub(super) notes_failed: usize,
    counter: u64,
}

/// Shared by all three.
#[derive(Debug, Clone)]
pub(super) struct World(Arc<Mutex<State>>);

/// One for everything, one for what is critical, and one that keeps state by itself.
pub(super) const RECEIVERS: [&str; 3] = ["ops", "boss", "pager"];
pub(super) const LIFE: Duration = Duration::days(90);
const CLIENT_SECRET: &str = "partner-client-secret";

impl World {
    pub(super) fn new(now: OffsetDateTime) -> Self {
        let state = State {
            now,
            secrets: BTreeMap::new(),
            grants: BTreeMap::new(),
            client_secret_ends: now,
            vault_up: true,
            entra_up: true,
            refusals: BTreeMap::new(),
            no_mfa: false,
            notes_up: true,
            deaf: BTreeSet::new(),
            forgets_expiry: false,
            forgets_notes: false,
            received: Vec::new(),
            notes_failed: 0,
            counter: 0,
        };
        let world = Self(Arc::new(Mutex::new(state)));
        world.state().renew_client_secret();
        world
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn add(
        &mut self,
        secret: &str,
        value: String,
        draft: (Option<OffsetDateTime>, BTreeMap<String, String>),
    ) -> Version {
        let id = VersionId(format!("{:032x}", self.next()));
        let (expires, tags) = draft;
        // Key Vault has whole seconds; so that no two versions share one, this one has none of its own.
        let created = self.now + Duration::seconds(i64::try_from(self.counter % 80_000).unwrap());
        let version =
            Version { id, enabled: true, created, content_type: None, expires, record: tags::read(&tags), tags };
        self.secrets.entry(secret.to_owned()).or_default().push((version.clone(), value));
        version
    }

    pub(super) fn newest(&mut self, secret: &str) -> &mut (Version, String) {
        self.secrets.get_mut(secret).unwrap().last_mut().unwrap()
    }

    /// What the client secret has left.
    pub(super) fn secret_left(&self) -> Duration {
        self.client_secret_ends - self.now
    }

    /// How a token really is, whatever anybody knows.
    pub(super) fn truth(&mut self, token: &str) -> Truth {
        let (now, secret_left) = (self.now, self.secret_left());
        let (version, value) = self.newest(token).clone();
        let grant = self.grants.get(&value);
        let left = grant.map_or(Duration::ZERO, |grant| grant.issued + LIFE - now);
        let is_accepted = grant.is_some_and(|grant| !grant.revoked && !grant.mfa_wanted) && left > Duration::ZERO;
        Truth { enabled: version.enabled, is_accepted, left, secret_left }
    }

    pub(super) fn grant(&mut self, token: &str) -> String {
        let value = format!("refresh-{}-{}", token, self.next());
        let grant = Grant { token: token.to_owned(), issued: self.now, revoked: false, mfa_wanted: false };
        self.grants.insert(value.clone(), grant);
        value
    }

    /// A person signs in, and stores the token by hand.
    pub(super) fn sign_in(&mut self, token: &str) {
        let value = self.grant(token);
        self.add(token, value, (None, BTreeMap::new()));
        self.grants.retain(|_, grant| self.now - grant.issued < Duration::days(200));
    }

    pub(super) fn renew_client_secret(&mut self) {
        self.client_secret_ends = self.now + Duration::days(180);
        let ends = Some(self.client_secret_ends);
        self.add(CLIENT_SECRET, "client-secret".to_owned(), (ends, BTreeMap::new()));
    }

    fn vault(&self, door: Door) -> Result<(), Cause> {
        if !self.vault_up {
            return Err(Cause::new(Kind::VaultUnavailable, "the vault is down"));
        }
        self.open(door)
    }

    fn open(&self, door: Door) -> Result<(), Cause> {
        self.refusals.get(&door).map_or(Ok(()), |kind| Err(Cause::new(*kind, "it is refused")))
    }
}

#[async_trait]
impl Vault for World {
    async fn versions(&self, secret: &SecretName) -> Result<Vec<Version>, Cause> {
        let state = self.state();
        state.vault(Door::List)?;
        Ok(state.secrets.get(secret.as_str()).into_iter().flatten().map(|(version, _)| version.clone()).collect())
    }

    async fn read(&self, secret: &SecretName, version: Option<&VersionId>) -> Result<Stored, Cause> {
        let state = self.state();
        state.vault(Door::Get)?;
        let all = state.secrets.get(secret.as_str()).map(Vec::as_slice).unwrap_or_default();
        let found = match version {
            Some(id) => all.iter().find(|(version, _)| version.id == *id),
            None => all.last(),
        };
        let (version, value) = found.ok_or_else(|| Cause::new(Kind::SecretMissing, "no such secret"))?;
        if !version.enabled {
            return Err(Cause::new(Kind::SecretDisabled, "it is disabled"));
        }
        Ok(Stored { version: version.clone(), value: SecretValue::new(value.clone()) })
    }

    async fn write(&self, secret: &SecretName, draft: Draft<'_>) -> Result<Version, Cause> {
        let mut state = self.state();
        state.vault(Door::Set)?;
        let expires = draft.expires.filter(|_| !state.forgets_expiry);
        let version = state.add(secret.as_str(), draft.value.to_owned(), (expires, draft.tags));
        // What nobody looks at any more is not kept, so that ten years stay small.
        let versions = state.secrets.get_mut(secret.as_str()).unwrap();
        if versions.len() > 12 {
            versions.remove(0);
        }
        Ok(version)
    }

    async fn recover(&self, _: &SecretName) -> Result<(), Cause> {
        unreachable!("nothing is deleted here")
    }

    async fn update(&self, secret: &SecretName, id: &VersionId, change: &Change) -> Result<Version, Cause> {
        let mut state = self.state();
        state.vault(Door::Update)?;
        if !state.notes_up {
            state.notes_failed += 1;
            return Err(Cause::new(Kind::VaultRbac, "nobody may change versions"));
        }
        let forgets = state.forgets_notes;
        let versions = state.secrets.get_mut(secret.as_str()).unwrap();
        let (version, _) = versions.iter_mut().find(|(version, _)| version.id == *id).unwrap();
        version.enabled = change.enabled.unwrap_or(version.enabled);
        if let Some(tags) = &change.tags {
            version.tags.clone_from(tags);
            version.tags.retain(|name, _| !forgets || name != "rotator-state");
            version.record = tags::read(&version.tags);
        }
        Ok(version.clone())
    }
}

#[async_trait]
impl Entra for World {
    async fn send(&self, request: &TokenRequest) -> Result<RawAnswer, Cause> {
        let mut state = self.state();
        state.open(Door::Redeem)?;
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.form.expose().as_bytes()).into_owned().collect();
        let value = form["refresh_token"].clone();
        let known = state.grants.get(&value).cloned();
        let (status, body) = match known {
            _ if !state.entra_up => (503, String::new()),
            _ if state.client_secret_ends <= state.now => (401, refusal("invalid_client", 7_000_222)),
            None => (400, refusal("invalid_grant", 9_002_313)),
            Some(grant) if grant.revoked => (400, refusal("invalid_grant", 50_173)),
            Some(grant) if state.now - grant.issued >= LIFE => (400, refusal("invalid_grant", 700_082)),
            Some(grant) if grant.mfa_wanted => (400, refusal("invalid_grant", 50_076)),
            Some(grant) => {
                let fresh = state.grant(&grant.token);
                (200, granted(&grant.token, &fresh, !state.no_mfa))
            }
        };
        Ok(RawAnswer {
            status,
            retry_after: None,
            request_id: None,
            body: SecretBody(body.into_bytes().into()),
            received_at: state.now,
            date: None,
        })
    }
}

fn refusal(error: &str, code: u32) -> String {
    format!(r#"{{"error":"{error}","error_description":"AADSTS{code}","error_codes":[{code}]}}"#)
}

fn granted(user: &str, refresh: &str, mfa: bool) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let access = format!("e30.{}.c2ln", encode(if mfa { r#"{"amr":["pwd","mfa"]}"# } else { r#"{"amr":["pwd"]}"# }));
    let info = encode(&format!(r#"{{"uid":"{user}","utid":"home"}}"#));
    format!(r#"{{"access_token":"{access}","expires_in":3599,"refresh_token":"{refresh}","client_info":"{info}"}}"#)
}

#[async_trait]
impl Notifier for World {
    async fn send(&self, message: &Message) -> Result<(), Cause> {
        let Message::Post(post) = message else { unreachable!("there are only webhooks") };
        let who = RECEIVERS.into_iter().find(|name| post.url.expose().ends_with(name)).unwrap();
        let mut state = self.state();
        if state.deaf.contains(who) {
            return Err(Cause::new(Kind::NotifyUnavailable, "the receiver is down"));
        }
        state.received.push((who, serde_json::from_str(&post.body).unwrap()));
        Ok(())
    }
}
