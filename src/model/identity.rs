//! Whose token it is, and whether that is still the same.

use std::fmt;

/// A user account in the directory of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub tenant: String,
    pub user: String,
}

/// What an answer of the token endpoint says about its token. Everything may be absent: access tokens are opaque
/// to clients by contract, and no answer is refused for what it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The home account, from `client_info`.
    pub home: Option<Account>,
    /// The account in the tenant that issued the token, from `id_token` (`tid`, `oid`). For a guest it differs
    /// from the home account.
    pub local: Option<Account>,
    /// The client id the token was issued to.
    pub app: Option<String>,
    /// What people call the account. It can change, so it is shown and never compared.
    pub name: Option<String>,
}

/// The identity that a token must have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pin {
    /// The tenant id from the configuration, where it is a GUID.
    pub tenant: Option<String>,
    /// The client id from the configuration.
    pub app: Option<String>,
    /// The user's object id from the configuration.
    pub user: Option<String>,
    /// The home account that the last version written by this tool was tagged with.
    pub home: Option<Account>,
}

/// An identity that is another than the pinned one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the new token belongs to {what} {seen}, the stored one to {pinned}")]
pub struct Contradiction {
    pub what: Part,
    pub pinned: String,
    pub seen: String,
}

/// The part of an identity that two tokens differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Tenant,
    User,
    App,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "tenant",
            Self::User => "user",
            Self::App => "app",
        })
    }
}

/// Compares what an answer says with what is pinned, like with like: the tenant and the app with the
/// configuration's, the home account with the tagged home account, a configured user with either account. An
/// absence contradicts nothing.
///
/// # Errors
/// The first part that differs.
pub fn compare(seen: &Identity, pin: &Pin) -> Result<(), Contradiction> {
    differ(Part::App, pin.app.as_ref(), seen.app.as_ref())?;
    differ(Part::Tenant, pin.tenant.as_ref(), seen.local.as_ref().map(|account| &account.tenant))?;
    if let Some(pinned) = &pin.user {
        let accounts = [&seen.home, &seen.local];
        let known: Vec<&String> = accounts.iter().filter_map(|a| a.as_ref()).map(|account| &account.user).collect();
        if let Some(other) = known.first()
            && !known.iter().any(|user| same(pinned, user))
        {
            return Err(Contradiction { what: Part::User, pinned: pinned.clone(), seen: (*other).clone() });
        }
    }
    let (pinned, home) = (pin.home.as_ref(), seen.home.as_ref());
    differ(Part::Tenant, pinned.map(|a| &a.tenant), home.map(|a| &a.tenant))?;
    differ(Part::User, pinned.map(|a| &a.user), home.map(|a| &a.user))
}

fn differ(what: Part, pinned: Option<&String>, seen: Option<&String>) -> Result<(), Contradiction> {
    match (pinned, seen) {
        (Some(pinned), Some(seen)) if !same(pinned, seen) => {
            Err(Contradiction { what, pinned: pinned.clone(), seen: seen.clone() })
        }
        _ => Ok(()),
    }
}

/// GUIDs are the same in either case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether a token carries the mark of multi-factor authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mfa {
    /// `amr` contains `mfa`.
    Yes,
    /// `amr` is there, without `mfa`.
    No,
    /// The access token does not say: a v2 token, or one that cannot be read.
    Unknown,
}

impl Mfa {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "yes" => Self::Yes,
            "no" => Self::No,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "every use is optional")]
    fn account(tenant: &str, user: &str) -> Option<Account> {
        Some(Account { tenant: tenant.into(), user: user.into() })
    }

    fn pin() -> Pin {
        Pin { tenant: Some("t1".into()), app: Some("a1".into()), user: None, home: account("t1", "u1") }
    }

    #[test]
    fn absence_contradicts_nothing() {
        assert_eq!(compare(&Identity::default(), &pin()), Ok(()));
        assert_eq!(compare(&Identity { home: account("t9", "u9"), ..Identity::default() }, &Pin::default()), Ok(()));
    }

    #[test]
    fn another_user_tenant_or_app_is_refused() {
        let same =
            Identity { home: account("T1", "U1"), local: account("t1", "u1"), app: Some("A1".into()), name: None };
        assert_eq!(compare(&same, &pin()), Ok(()));
        let other = Identity { home: account("t1", "u2"), ..same.clone() };
        assert_eq!(compare(&other, &pin()).unwrap_err().what, Part::User);
        let other = Identity { local: account("t2", "u1"), ..same.clone() };
        assert_eq!(compare(&other, &pin()).unwrap_err().what, Part::Tenant);
        let other = Identity { app: Some("a2".into()), ..same };
        assert_eq!(compare(&other, &pin()).unwrap_err().what, Part::App);
    }

    #[test]
    fn a_guest_is_compared_by_the_home_account() {
        let guest = Identity { home: account("home", "h1"), local: account("t1", "l1"), ..Identity::default() };
        let pin = Pin { tenant: Some("t1".into()), home: account("home", "h1"), ..Pin::default() };
        assert_eq!(compare(&guest, &pin), Ok(()));
        for user in ["h1", "l1"] {
            assert_eq!(compare(&guest, &Pin { user: Some(user.into()), ..pin.clone() }), Ok(()), "{user}");
        }
        let stranger = Pin { user: Some("x".into()), ..pin };
        assert_eq!(compare(&guest, &stranger).unwrap_err().what, Part::User);
    }
}
