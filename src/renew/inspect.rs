//! Decides whether a grant may take the place of the stored token. Order is kept by types: a [`Grant`] becomes a
//! [`Candidate`] by inspection, a candidate a [`Replacement`] by proof, and only a replacement is stored.

use time::OffsetDateTime;

use crate::entra::answer::Grant;
use crate::model::failure::Cause;
use crate::model::identity::{self, Identity, Mfa, Pin};
use crate::model::kind::Kind;
use crate::model::outcome::Note;
use crate::model::version::{Stored, Tagged, Version};
use crate::secret::RefreshToken;

/// Key Vault's limit on a value (learn.microsoft.com/azure/key-vault/secrets/about-secrets).
const LONGEST_VALUE: usize = 25 * 1024;

/// A new token that belongs where the old one was.
#[derive(Debug)]
pub struct Candidate {
    pub refresh: RefreshToken,
    pub issued: OffsetDateTime,
    pub tagged: Tagged,
    pub seen: Seen,
}

/// A candidate that Entra ID accepts.
#[derive(Debug)]
pub struct Replacement(Candidate);

impl Replacement {
    pub(super) fn proved(candidate: Candidate) -> Self {
        Self(candidate)
    }

    #[must_use]
    pub fn refresh(&self) -> &RefreshToken {
        &self.0.refresh
    }

    #[must_use]
    pub fn issued(&self) -> OffsetDateTime {
        self.0.issued
    }

    #[must_use]
    pub fn tagged(&self) -> &Tagged {
        &self.0.tagged
    }

    #[must_use]
    pub fn mfa(&self) -> Mfa {
        self.0.seen.mfa
    }
}

/// What a grant says of its token.
#[derive(Debug, Clone)]
pub struct Seen {
    pub identity: Identity,
    pub mfa: Mfa,
    /// How far this machine's clock is ahead of Entra ID's, where that matters.
    pub skew: Option<time::Duration>,
}

impl Seen {
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let account = self.identity.home.as_ref().or(self.identity.local.as_ref());
        account.map(|account| account.user.as_str())
    }

    /// What a person should know of it.
    pub(super) fn notes(&self, require_mfa: bool, pin: &Pin) -> Vec<Note> {
        let unknown = self.identity.home.is_none() && self.identity.local.is_none();
        let first = pin.home.is_none() && pin.user.is_none();
        [
            (require_mfa && self.mfa == Mfa::No, Note::MfaMissing),
            (unknown, Note::IdentityUnknown),
            (first && !unknown, Note::FirstUse),
            (self.skew.is_some(), Note::ClockSkew(self.skew.unwrap_or_default().whole_minutes())),
        ]
        .into_iter()
        .filter_map(|(holds, note)| holds.then_some(note))
        .collect()
    }
}

/// Takes the refresh token out of a version.
///
/// # Errors
/// A value that cannot be one.
pub fn refresh_token(stored: Stored) -> Result<(RefreshToken, Version), Cause> {
    let length = stored.value.expose().trim().len();
    if length == 0 {
        return Err(Cause::new(Kind::ValueEmpty, format!("the value of version {} is empty", stored.version.id)));
    }
    if length > LONGEST_VALUE {
        let text = format!("the value of version {} has {length} bytes", stored.version.id);
        return Err(Cause::new(Kind::ValueTooLong, text));
    }
    // A file pasted by hand ends in a line break, which Entra ID would take for part of the token.
    let refresh = RefreshToken::new(stored.value.expose().trim().to_owned());
    Ok((refresh, stored.version))
}

/// Whose token it is.
///
/// # Errors
/// A contradiction to the pinned identity.
pub fn identify(grant: &Grant, pin: &Pin) -> Result<Seen, Cause> {
    identity::compare(&grant.identity, pin)?;
    Ok(Seen { identity: grant.identity.clone(), mfa: grant.mfa, skew: grant.skew })
}

/// Whether a grant may take the place of `base`. `redeemed` is the refresh token that it was given for, if it was one.
///
/// # Errors
/// A grant without a refresh token, with the redeemed one, with one too long to be stored, or of another identity.
pub fn inspect(
    grant: Grant,
    redeemed: Option<&RefreshToken>,
    pin: &Pin,
    base: Option<&Version>,
) -> Result<Candidate, Cause> {
    let seen = identify(&grant, pin)?;
    let missing = || Cause::new(Kind::NoRefreshToken, "Entra ID's answer holds no new refresh token");
    let refresh = grant.refresh.ok_or_else(missing)?;
    if redeemed.is_some_and(|redeemed| refresh.matches(redeemed)) {
        return Err(Cause::new(
            Kind::SameRefreshToken,
            "the answer holds the refresh token that was redeemed, not a new one",
        ));
    }
    if refresh.expose().len() > LONGEST_VALUE {
        let text = format!("the new refresh token has {} bytes", refresh.expose().len());
        return Err(Cause::new(Kind::AnswerTooLong, text));
    }
    let tagged_before = base.and_then(|base| base.record.identity.as_ref());
    let tagged = Tagged {
        home: seen.identity.home.clone().or_else(|| tagged_before?.home.clone()),
        app: seen.identity.app.clone().or_else(|| pin.app.clone()),
    };
    Ok(Candidate { refresh, issued: grant.received_at, tagged, seen })
}
