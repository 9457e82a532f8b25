//! Decides what of an outcome a person must know.

use time::{Duration, OffsetDateTime};

use crate::model::alert::{Condition, Severity, Told, WAITING};
use crate::model::credential::renewal;
use crate::model::failure::{Failure, Stage};
use crate::model::health::{self, Health};
use crate::model::kind::{Kind, Remedy};
use crate::model::outcome::{Hold, Note, Outcome, Verdict};
use crate::model::target::Target;

/// So long a failure that passes by itself may keep a token waiting that is due.
const PATIENCE: Duration = Duration::days(2);

/// What holds for a token after a run, the worst first. Nothing for one that its owner set aside.
#[must_use]
pub fn of_token(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Vec<Condition> {
    if outcome.verdict.is_quiet() {
        return Vec::new();
    }
    let mut conditions: Vec<Condition> = [of_failure(target, outcome, now), of_age(target, outcome, now)]
        .into_iter()
        .flatten()
        .chain(outcome.notes.iter().filter_map(|note| of_note(target, note)))
        .collect();
    conditions.sort_by_key(|condition| std::cmp::Reverse(condition.severity));
    conditions
}

/// Whether a run came to look at what was told: what it did not see may hold all the same. Only a token that was redeemed shows that
/// Entra ID accepts it, and whether with MFA; a version that was seen shows its age and whether it is enabled.
#[must_use]
pub fn looked(outcome: &Outcome, told: &Told) -> bool {
    match outcome.verdict {
        _ if outcome.verdict.is_quiet() => false,
        _ if told.is_of_metadata() => outcome.version.is_some(),
        _ if outcome.verdict.is_accepted() => true,
        // Entra ID looks at who asks before it looks at what is redeemed, and the vault was open before that.
        Verdict::Failed(ref failure) => {
            let is_past =
                failure.stage >= Stage::Redeem && !matches!(failure.remedy(), Remedy::Retry | Remedy::FixCredential);
            let is_earlier = |kind: Kind| kind.remedy() == Remedy::FixCredential || told.code.starts_with("vault.");
            let is_before = Kind::of_slug(&told.code).is_some_and(is_earlier);
            is_past && is_before
        }
        _ => false,
    }
}

/// What happened to a token in this run and is over.
#[must_use]
pub fn event(target: &Target, outcome: &Outcome) -> Option<Condition> {
    let (code, what) = match outcome.verdict {
        Verdict::Recovered => {
            ("token.recovered", "the newest value was damaged, and the version before took its place")
        }
        Verdict::Superseded => {
            ("token.superseded", "somebody else stored a version while the run was working: theirs is the newest")
        }
        _ => return None,
    };
    let fix = format!("nothing; look who it was: rotator status --only {}", target.name);
    Some(Condition { severity: Severity::Info, code, what: what.to_owned(), fix })
}

/// A person must act: at once. It passes by itself: once it has kept a due token waiting too long, and at once inside the
/// critical window or where nothing tells how much time is left.
fn of_failure(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Option<Condition> {
    let (Verdict::Failed(failure) | Verdict::Held(Hold::Disabled(failure) | Hold::NoTime(failure))) = &outcome.verdict
    else {
        return None;
    };
    let condition = |severity, code, what| Condition { severity, code, what, fix: failure.hint(target) };
    if failure.remedy() != Remedy::Retry {
        return Some(condition(Severity::Critical, failure.cause.kind.slug(), failure.cause.message.clone()));
    }
    let severity = waiting(target, outcome, now)?;
    let Failure { cause, .. } = failure;
    let until = if outcome.version.is_none() {
        " (nothing of the token can be seen: every run says so until it is over)"
    } else {
        ""
    };
    Some(condition(severity, WAITING, format!("{}: {}{until}", cause.kind.slug(), cause.message)))
}

fn waiting(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Option<Severity> {
    let Some(issued) = outcome.issued else { return Some(Severity::Warning) };
    if matches!(age(target, outcome, now), Health::Expiring | Health::Expired) {
        return Some(Severity::Critical);
    }
    let due = issued.checked_add(target.policy.rotate_after.try_into().ok()?)?;
    (now - due >= PATIENCE).then_some(Severity::Warning)
}

fn age(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Health {
    health::judge(outcome.issued, &target.policy, now).health
}

/// A token that Entra ID refuses for good has no deadline any more.
fn of_age(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Option<Condition> {
    let dead = matches!(&outcome.verdict, Verdict::Failed(failure) if failure.remedy() == Remedy::Reconsent);
    let left = health::judge(outcome.issued, &target.policy, now).days_left;
    let days = left.map(health::days).unwrap_or_default();
    let (severity, code, what) = match age(target, outcome, now) {
        _ if dead => return None,
        Health::Fresh | Health::Unknown => return None,
        Health::Aging => (Severity::Warning, "token.aging", format!("{days} left: it was not renewed when it was due")),
        Health::Expiring => (Severity::Critical, "token.expiring", format!("{days} left, then it dies")),
        Health::Expired => (Severity::Critical, "token.expired", "it was not renewed in time".to_owned()),
    };
    let name = &target.name;
    let fix = if code == "token.expired" {
        format!("sign in again: rotator consent {name}")
    } else {
        format!("renew it now: rotator run --only {name} --force")
    };
    Some(Condition { severity, code, what, fix })
}

fn of_note(target: &Target, note: &Note) -> Option<Condition> {
    let name = &target.name;
    let (code, fix) = match note {
        Note::MfaMissing => ("token.mfa", format!("sign in again with MFA: rotator consent {name} --fresh")),
        Note::ReconsentDue(_) => ("token.reconsent", format!("sign in again: rotator consent {name}")),
        Note::ManyVersions(_) => (
            "vault.versions",
            format!("store it under a new name, and set rotate_after = \"7d\": rotator consent {name}"),
        ),
        _ => return None,
    };
    Some(Condition { severity: Severity::Warning, code, what: note.text(), fix })
}

/// What holds for an app registration whose client secret or certificate ends.
#[must_use]
pub fn of_app(client_id: &str, credential: &str, health: Health, days_left: Option<i64>) -> Option<Condition> {
    let (severity, code) = match health {
        Health::Aging => (Severity::Warning, "app.aging"),
        Health::Expiring => (Severity::Critical, "app.expiring"),
        Health::Expired => (Severity::Critical, "app.expired"),
        Health::Fresh | Health::Unknown => return None,
    };
    let what = format!("its {credential} {}", health::end(days_left.unwrap_or_default()));
    let fix = format!(
        "nobody needs to sign in; make a new one and store it where the configuration points: {}",
        renewal(credential, client_id)
    );
    Some(Condition { severity, code, what, fix })
}
