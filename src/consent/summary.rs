//! What a sign-in came to, in words: for the question before the token is stored, and for what is shown afterwards.

use std::fmt::Write as _;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;

use crate::model::failure::Failure;
use crate::model::identity::Mfa;
use crate::model::outcome::{Note, Outcome, Verdict};
use crate::model::target::Target;
use crate::renew::Inventory;
use crate::renew::inspect::Seen;

/// The facts of a token that was stored, each as a text for a person.
#[derive(Debug, Clone)]
pub struct Stored {
    pub token: String,
    pub who: String,
    pub tenant: String,
    pub mfa: String,
    pub mfa_missing: bool,
    pub place: String,
    pub attention: String,
    pub notes: Vec<String>,
}

#[must_use]
pub fn stored(target: &Target, outcome: &Outcome, seen: &Seen) -> Stored {
    let mut notes: Vec<String> = outcome.notes.iter().map(Note::text).collect();
    // Then version and time of issue are those of the other token.
    let superseded = matches!(outcome.verdict, Verdict::Superseded);
    if superseded {
        notes.push(format!(
            "somebody else signed in at the same moment: their token is on top, this one below it: rotator status --only {} --output json",
            target.name
        ));
    }
    let version = outcome.version.as_ref().filter(|_| !superseded);
    let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
    Stored {
        token: target.name.clone(),
        who: who(seen),
        tenant: tenant(target, seen),
        mfa: mfa(seen.mfa).to_owned(),
        mfa_missing: target.policy.require_mfa && seen.mfa != Mfa::Yes,
        place: format!("{} in {}{version}", target.secret, target.vault.url.host()),
        attention: attention(target, outcome.issued.filter(|_| !superseded)),
        notes,
    }
}

impl Stored {
    /// For the terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { token, who, tenant, mfa, place, attention, .. } = self;
        let mut text = format!(
            "{token}: the token is stored\n  signed in   {who}\n  tenant      {tenant}\n  MFA         {mfa}\n  \
             stored in   {place}\n  attention   {attention}\n"
        );
        for note in &self.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        text
    }
}

/// What is said of a token that Entra ID accepted when it was tried.
#[must_use]
pub fn tried(target: &Target, judged: &Result<Seen, Failure>) -> String {
    let name = &target.name;
    let judged = match judged {
        Ok(seen) => format!(
            "  signed in   {}\n  tenant      {}\n  MFA         {}\n",
            who(seen),
            tenant(target, seen),
            mfa(seen.mfa)
        ),
        Err(failure) => format!("  it would not be stored: {}: {}\n", failure.cause.kind.slug(), failure.cause),
    };
    format!("{name}: Entra ID accepts the token; nothing was stored\n{judged}")
}

/// What a person confirms before anything is written.
#[must_use]
pub fn question(target: &Target, inventory: Option<&Inventory>, seen: &Seen) -> String {
    let now = match inventory.map(Inventory::newest) {
        None => "nothing yet".to_owned(),
        Some(newest) => {
            let of = newest.record.identity.as_ref().and_then(|tagged| tagged.home.as_ref());
            let of = of.map(|home| format!(" of user {}", home.user)).unwrap_or_default();
            format!("version {}{of}, stored {}", newest.id, day(newest.created))
        }
    };
    format!(
        "signed in   {}\ntenant      {}\nMFA         {}\nstored now  {now}\n\
         Store this token as {} in {}?",
        who(seen),
        tenant(target, seen),
        mfa(seen.mfa),
        target.secret,
        target.vault.url.host(),
    )
}

fn who(seen: &Seen) -> String {
    match (&seen.identity.name, seen.user()) {
        (Some(name), Some(user)) => format!("{name} (user {user})"),
        (Some(name), None) => name.clone(),
        (None, Some(user)) => format!("user {user}"),
        (None, None) => "the answer does not say who".to_owned(),
    }
}

/// The tenant that gave the token, and for a guest the one of the account.
fn tenant(target: &Target, seen: &Seen) -> String {
    match (&seen.identity.local, &seen.identity.home) {
        (Some(local), Some(home)) if !home.tenant.eq_ignore_ascii_case(&local.tenant) => {
            format!("{}, as a guest from {}", local.tenant, home.tenant)
        }
        (Some(local), _) => local.tenant.clone(),
        (None, _) => format!("the answer does not say; asked was {}", target.app.tenant_id),
    }
}

const fn mfa(mfa: Mfa) -> &'static str {
    match mfa {
        Mfa::Yes => "yes",
        Mfa::No => "no: amr does not contain mfa",
        Mfa::Unknown => "the access token does not say",
    }
}

fn attention(target: &Target, issued: Option<OffsetDateTime>) -> String {
    let policy = &target.policy;
    let after = |time: Duration| issued.and_then(|issued| issued.checked_add(time::Duration::try_from(time).ok()?));
    let (Some(due), Some(dies)) = (after(policy.rotate_after), after(policy.expire_after)) else {
        return "rotator run renews it".to_owned();
    };
    let mut text = format!("rotator run renews it from {} on; without that it dies on {}", day(due), day(dies));
    if let Some(sign_in) = policy.reconsent_after.and_then(after) {
        let _ = write!(text, "; the next sign-in is due on {}", day(sign_in));
    }
    text
}

fn day(at: OffsetDateTime) -> String {
    at.format(format_description!("[day padding:none] [month repr:long] [year]")).unwrap_or_default()
}
