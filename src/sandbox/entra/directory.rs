//! Tenants, app registrations, users, and the refresh tokens that were given out.

use std::collections::{BTreeMap, HashMap};

use time::{Duration, OffsetDateTime};

use super::certificate::AppCertificate;
use super::client::FederatedCredential;
use super::sign_in::{Code, Device, DeviceHabits};
use crate::sandbox::state::{guid, now};

pub const TENANT: &str = "00000000-0000-0000-0000-000000000001";
pub const USER: &str = "00000000-0000-0000-0000-0000000000a1";

/// What Entra ID knows.
#[derive(Debug)]
pub struct Directory {
    home: String,
    /// By tenant id; a tenant is also found by its domains.
    pub domains: HashMap<String, String>,
    /// Customers' tenants, by id.
    pub customers: BTreeMap<String, Customer>,
    /// By client id.
    pub apps: BTreeMap<String, App>,
    /// By object id.
    pub users: BTreeMap<String, User>,
    /// By value.
    pub refresh_tokens: HashMap<String, RefreshToken>,
    /// Access tokens for Partner Center, and whether they carry MFA.
    pub partner_center: HashMap<String, bool>,
    /// What browsers were sent to the sign-in with.
    pub sign_ins: Vec<HashMap<String, String>>,
    /// Authorization codes, by value.
    pub codes: HashMap<String, Code>,
    /// Codes for other devices, by device code.
    pub devices: HashMap<String, Device>,
    pub device_habits: DeviceHabits,
    /// Access and id tokens that were given out.
    pub given: Vec<String>,
    /// How far the clock here is ahead of everybody else's.
    pub ahead: Duration,
    /// Deviations that a test asks for.
    pub quirks: Quirks,
}

/// The tenant of a partner's customer.
#[derive(Debug, Clone, Default)]
pub struct Customer {
    pub name: String,
    pub domain: String,
    /// There is no active GDAP relationship with it.
    pub unrelated: bool,
    /// What was consented to there, by client id: the resources.
    pub consents: BTreeMap<String, Vec<String>>,
}

/// An app registration.
#[derive(Debug, Clone)]
pub struct App {
    pub secrets: Vec<AppSecret>,
    pub certificates: Vec<AppCertificate>,
    pub federated: Vec<FederatedCredential>,
    /// A public client sends no secret.
    pub public: bool,
    /// Resources that were consented to; empty means all.
    pub consented: Vec<String>,
    /// Addresses that a sign-in may go back to.
    pub redirects: Vec<String>,
    /// They are registered for a single-page app.
    pub single_page: bool,
}

impl Default for App {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            certificates: Vec::new(),
            federated: Vec::new(),
            public: false,
            consented: Vec::new(),
            redirects: vec!["http://localhost".to_owned()],
            single_page: false,
        }
    }
}

#[derive(Debug, Clone)]
pub struct AppSecret {
    pub value: String,
    pub expires: OffsetDateTime,
}

#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    /// Tenant and object id of the home account; those of a guest differ from here.
    pub home: (String, String),
}

/// A refresh token.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    pub client_id: String,
    pub user: String,
    pub issued: OffsetDateTime,
    pub mfa: bool,
    /// When sessions were revoked, if they were.
    pub revoked: Option<OffsetDateTime>,
    /// Issued to a single-page redirect.
    pub single_page: bool,
    /// The AADSTS code that redeeming it is refused with.
    pub refused_with: Option<u32>,
}

/// Deviations from the usual answer.
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each set by one test")]
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// No refresh token in the answer.
    pub no_refresh_token: bool,
    /// Access tokens that cannot be read.
    pub opaque_access: bool,
    /// No `client_info`, no `id_token`.
    pub no_identity: bool,
    /// New tokens belong to this user.
    pub other_user: Option<String>,
    /// New tokens are issued to this client id.
    pub other_app: Option<String>,
    /// Access tokens are for this resource.
    pub other_resource: Option<String>,
    /// Access tokens are issued by this tenant.
    pub other_tenant: Option<String>,
    /// The refresh token that was redeemed comes back as the new one.
    pub same_token: bool,
    /// New refresh tokens are dead on arrival.
    pub dead_tokens: bool,
    /// Partner Center refuses whoever lacks MFA.
    pub mfa_enforced: bool,
    /// Partner Center gives so many customers on one page, whatever it is asked for.
    pub customers_a_page: Option<usize>,
    /// Partner Center does not say whether it sees MFA.
    pub silent_on_mfa: bool,
    /// New refresh tokens have this many bytes.
    pub long_tokens: Option<usize>,
    /// Refusals ask for these claims at the next sign-in.
    pub claims: Option<String>,
    /// Answers say that the refresh token lives a day, as those to single-page apps do.
    pub short_lived: bool,
    /// Descriptions on one line, as since November 2023, in place of four lines.
    pub one_line: bool,
}

impl Default for Directory {
    fn default() -> Self {
        let user = User { name: "Ada Admin".to_owned(), home: (TENANT.to_owned(), USER.to_owned()) };
        Self {
            home: TENANT.to_owned(),
            domains: [("contoso.example".to_owned(), TENANT.to_owned())].into(),
            customers: BTreeMap::new(),
            apps: BTreeMap::new(),
            users: [(USER.to_owned(), user)].into(),
            refresh_tokens: HashMap::new(),
            partner_center: HashMap::new(),
            sign_ins: Vec::new(),
            codes: HashMap::new(),
            devices: HashMap::new(),
            device_habits: DeviceHabits::default(),
            given: Vec::new(),
            ahead: Duration::ZERO,
            quirks: Quirks::default(),
        }
    }
}

impl Directory {
    /// The tenant that everything here belongs to.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// The tenant that an address names by id or domain.
    #[must_use]
    pub fn tenant(&self, named: &str) -> Option<&str> {
        if named.eq_ignore_ascii_case(&self.home) {
            return Some(&self.home);
        }
        let named = named.to_ascii_lowercase();
        let customer = self.customers.get_key_value(&named).map(|(id, _)| id.as_str());
        customer.or_else(|| self.domains.get(&named).map(String::as_str))
    }

    /// Adds a customer's tenant with a domain and the resources that an app was consented to there.
    pub fn add_customer(&mut self, id: &str, name: &str, domain: &str, consents: &[(&str, &[&str])]) {
        let owned = |resources: &[&str]| resources.iter().map(|resource| (*resource).to_owned()).collect();
        let consents = consents.iter().map(|(app, resources)| ((*app).to_owned(), owned(resources))).collect();
        self.domains.insert(domain.to_owned(), id.to_owned());
        let (name, domain) = (name.to_owned(), domain.to_owned());
        self.customers.insert(id.to_owned(), Customer { name, domain, unrelated: false, consents });
    }

    /// Adds an app registration with one client secret that is valid for so long.
    pub fn register(&mut self, client_id: &str, secret: &str, valid: Duration) {
        let secret = AppSecret { value: secret.to_owned(), expires: now() + valid };
        self.apps.insert(client_id.to_owned(), App { secrets: vec![secret], ..App::default() });
    }

    /// Gives out a refresh token that was issued `age` ago.
    pub fn issue(&mut self, client_id: &str, user: &str, mfa: bool, age: Duration) -> String {
        let issued = now() - age;
        let token = RefreshToken {
            client_id: client_id.to_owned(),
            user: user.to_owned(),
            issued,
            mfa,
            revoked: None,
            single_page: false,
            refused_with: None,
        };
        let value = self.value();
        self.refresh_tokens.insert(value.clone(), token);
        value
    }

    /// The form of Entra ID's own: opaque, long, and with characters that a form must encode.
    fn value(&self) -> String {
        let random = format!("{}{}{}", guid(), guid(), guid()).replace('-', "");
        let value = format!("1.AXoA_sandbox-{random}.AgABAwEAAABVrSpeuWamRam2jAF1XRQEAwDs_wUA9P-{random}+/=");
        match self.quirks.long_tokens {
            Some(length) => format!("{value:x<length$}"),
            None => value,
        }
    }

    /// Revokes all sessions of a user.
    pub fn revoke(&mut self, user: &str) {
        for token in self.refresh_tokens.values_mut().filter(|token| token.user == user) {
            token.revoked = Some(now());
        }
    }

    /// Whether a value is a refresh token that can be redeemed.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        self.refresh_tokens.get(value).is_some_and(|token| {
            token.revoked.is_none() && token.refused_with.is_none() && now() - token.issued < token.lifetime()
        })
    }
}

impl RefreshToken {
    /// Counted from the issue, not from the last use.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        if self.single_page { Duration::hours(24) } else { Duration::days(90) }
    }
}
