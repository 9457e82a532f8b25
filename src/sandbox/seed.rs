//! Fills a world with tokens, and writes the configuration that a user would write for them.

use std::fmt::Write as _;

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::entra::directory::{TENANT, USER};
use super::setting::{self, Setting};
use super::state::{State, guid, now};
use super::vault::store::Version;

pub const VAULT: &str = "contoso-kv.vault.azure.net";
pub const CLIENT: &str = "00000000-0000-0000-0000-0000000000c1";
pub const LEGACY_CLIENT: &str = "00000000-0000-0000-0000-0000000000c2";
pub const PUBLIC_CLIENT: &str = "00000000-0000-0000-0000-0000000000c5";
pub const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com/user_impersonation";

/// What becomes of a seeded token when it is redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Alive,
    Revoked,
    /// The stored value was cut.
    Damaged,
    /// Redeeming is refused with this code.
    RefusedWith(u32),
}

/// A refresh token to be put into a world.
#[derive(Debug, Clone)]
pub struct Seed {
    name: String,
    age: Duration,
    tagged: bool,
    fate: Fate,
    mfa: bool,
    client_id: &'static str,
    older: usize,
    scope: String,
    user: String,
    enabled: bool,
    /// More lines of its table in the configuration.
    lines: String,
}

impl Seed {
    /// A token that was issued just now, stored by a run of the tool.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            age: Duration::ZERO,
            tagged: true,
            fate: Fate::Alive,
            mfa: true,
            client_id: CLIENT,
            older: 0,
            scope: PARTNER_CENTER.to_owned(),
            user: USER.to_owned(),
            enabled: true,
            lines: String::new(),
        }
    }

    #[must_use]
    pub fn days_old(mut self, days: i64) -> Self {
        self.age = Duration::days(days);
        self
    }

    /// Stored by hand: no tags, no expiry.
    #[must_use]
    pub fn untagged(mut self) -> Self {
        self.tagged = false;
        self
    }

    #[must_use]
    pub fn fate(mut self, fate: Fate) -> Self {
        self.fate = fate;
        self
    }

    #[must_use]
    pub fn without_mfa(mut self) -> Self {
        self.mfa = false;
        self
    }

    /// Issued to an app whose client secret has expired.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.client_id = LEGACY_CLIENT;
        self
    }

    /// Issued to a public client.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.client_id = PUBLIC_CLIENT;
        self
    }

    /// So many older versions, a week apart.
    #[must_use]
    pub fn older(mut self, count: usize) -> Self {
        self.older = count;
        self
    }

    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// A line of the token's table in the configuration.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        let _ = writeln!(self.lines, "{line}");
        self
    }

    fn plant(&self, state: &mut State) {
        let run = guid();
        let mut before = None;
        for nth in (0..=self.older).rev() {
            let age = self.age + Duration::weeks(i64::try_from(nth).unwrap_or_default());
            let version = self.version(state, age, &run, before.as_deref(), nth == 0);
            before = Some(state.vault(VAULT).add(&self.name, version).id.clone());
        }
    }

    fn version(&self, state: &mut State, age: Duration, run: &str, before: Option<&str>, newest: bool) -> Version {
        let value = state.directory.issue(self.client_id, &self.user, self.mfa, age);
        let mut stored = value.clone();
        if newest && let Some(token) = state.directory.refresh_tokens.get_mut(&value) {
            match self.fate {
                Fate::Alive => {}
                Fate::Revoked => token.revoked = Some(now()),
                Fate::Damaged => stored.truncate(value.len() / 2),
                Fate::RefusedWith(code) => token.refused_with = Some(code),
            }
        }
        let mut version = Version::new(&stored).aged(age);
        version.enabled = self.enabled || !newest;
        if self.tagged {
            version.expires = Some((now() - age + Duration::days(90)).unix_timestamp());
            version.content_type = Some("application/x-refresh-token".to_owned());
            version = version
                .tagged("rotator-issued", &instant(now() - age))
                .tagged("rotator-identity", &self.identity(state))
                .tagged("rotator-scope", &self.scope)
                .tagged("rotator-mfa", if self.mfa { "yes" } else { "no" })
                .tagged("rotator-run", &format!("{run} {}", before.unwrap_or("0")));
        }
        version
    }

    fn identity(&self, state: &State) -> String {
        let home = state.directory.users.get(&self.user).map(|user| user.home.clone()).unwrap_or_default();
        format!("{}/{}/{}", home.0, home.1, self.client_id)
    }
}

fn instant(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

/// A world with these tokens, two app registrations, and the first one's client secret in the vault.
#[must_use]
pub fn state(seeds: &[Seed]) -> State {
    let mut state = State::default();
    let (secret, expired) = (format!("sandbox~client+secret/{}", guid()), format!("sandbox~old+secret/{}", guid()));
    state.directory.register(CLIENT, &secret, Duration::days(200));
    state.directory.register(LEGACY_CLIENT, &expired, Duration::days(-3));
    let month = Duration::days(30);
    let until = |days| Some((now() + Duration::days(days)).unix_timestamp());
    let version = |value: &str, days| Version { expires: until(days), ..Version::new(value).aged(month) };
    state.vault(VAULT).add("partner-client-secret", version(&secret, 200));
    state.vault(VAULT).add("legacy-client-secret", version(&expired, -3));
    for seed in seeds {
        seed.plant(&mut state);
    }
    state
}

/// The configuration that a user would write for these tokens.
#[must_use]
pub fn config(seeds: &[Seed], ca_file: &str) -> String {
    config_of(seeds, &setting::USUAL, ca_file)
}

/// The same in another setting.
#[must_use]
pub fn config_of(seeds: &[Seed], setting: &Setting, ca_file: &str) -> String {
    let mut text = format!(
        "[vault]\n{}\n\n[apps.partner]\ntenant_id = \"{TENANT}\"\nclient_id = \"{CLIENT}\"\n{}\n",
        setting.vault, setting.app
    );
    let with = |client_id| seeds.iter().any(|seed| seed.client_id == client_id);
    if with(LEGACY_CLIENT) {
        let _ = write!(
            text,
            "\n[apps.legacy]\ntenant_id = \"{TENANT}\"\nclient_id = \"{LEGACY_CLIENT}\"\n\
             credential = {{ secret = {{ vault_secret = \"legacy-client-secret\" }} }}\n"
        );
    }
    if with(PUBLIC_CLIENT) {
        let _ = write!(
            text,
            "\n[apps.public]\ntenant_id = \"{TENANT}\"\nclient_id = \"{PUBLIC_CLIENT}\"\ncredential = \"none\"\n"
        );
    }
    for seed in seeds {
        let app = match seed.client_id {
            LEGACY_CLIENT => "legacy",
            PUBLIC_CLIENT => "public",
            _ => "partner",
        };
        let _ = write!(
            text,
            "\n[[token]]\nname = \"{}\"\napp = \"{app}\"\nsecret = \"{}\"\nscope = \"{}\"\n{}",
            seed.name, seed.name, seed.scope, seed.lines
        );
    }
    let _ = write!(text, "\n{}", setting.more);
    let _ = write!(text, "\n[network]\nca_file = '{ca_file}'\n");
    text
}
