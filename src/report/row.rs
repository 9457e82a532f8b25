//! One token of a report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::told;
use super::{Instant, seconds, shown};
use crate::model::alert::{Before, Severity, Told};
use crate::model::failure::{Failure, Stage};
use crate::model::health::{self, Health};
use crate::model::identity::Mfa;
use crate::model::kind::Remedy;
use crate::model::outcome::{Hold, Note, Outcome, Verdict, exit_code};
use crate::model::policy::Policy;
use crate::model::target::Target;

/// One token of a report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    pub name: String,
    /// The vault's host.
    pub vault: String,
    pub secret: String,
    pub tenant_id: String,
    pub client_id: String,
    pub user_id: Option<String>,
    pub outcome: OutcomeName,
    /// The newest version.
    pub version: Option<String>,
    /// The version it replaced in this run.
    pub previous_version: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Instant>")]
    pub issued_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Instant>")]
    pub expires_at: Option<OffsetDateTime>,
    /// Whole days, rounded up: 1 on the last day, 0 or less afterwards.
    pub days_left: Option<i64>,
    pub health: Health,
    pub mfa: Mfa,
    /// How many versions the secret has.
    pub versions: Option<usize>,
    /// Versions disabled in this run.
    pub retired: Vec<String>,
    pub failure: Option<FailureRow>,
    #[serde(skip, default)]
    pub(crate) aside: Aside,
}

/// What only the forms for people show.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    pub(super) policy: Policy,
    pub(super) notes: Vec<Note>,
    pub(super) hold: Option<String>,
    /// Nobody is told of it, whatever its age.
    pub(super) quiet: bool,
    pub(super) owner: Option<String>,
    pub(super) purpose: Option<String>,
    pub(super) code: u8,
    /// Nothing but its metadata was looked at, so that its note tells what they do not show.
    pub(super) looked_at: bool,
    /// The worst that was told of it, and what puts that right, where nothing but metadata was looked at.
    pub(super) noted: Option<(Told, Option<String>)>,
}

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeName {
    Rotated,
    Probed,
    Held,
    Superseded,
    Recovered,
    Failed,
}

impl OutcomeName {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Probed => "probed",
            Self::Held => "held",
            Self::Superseded => "superseded",
            Self::Recovered => "recovered",
            Self::Failed => "failed",
        }
    }
}

/// Why a token failed or was held, and what to do.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FailureRow {
    pub stage: Stage,
    /// A stable slug, such as `entra.revoked`.
    pub kind: String,
    /// The sender's own code.
    pub code: Option<String>,
    pub remedy: Remedy,
    pub message: String,
    pub hint: String,
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
}

/// Judges one outcome.
pub(super) fn row(target: &Target, outcome: Outcome, now: OffsetDateTime) -> Row {
    let age = health::judge(outcome.issued, &target.policy, now);
    let looked_at = matches!(outcome.verdict, Verdict::Held(Hold::Looked | Hold::DryRun(_) | Hold::NotDue));
    let noted = if looked_at { told::unseen(&outcome.before) } else { None };
    let text = |text: &Option<String>| text.as_deref().map(shown);
    let aside = Aside {
        policy: target.policy.clone(),
        hold: hold(&outcome.verdict, &outcome.before),
        quiet: outcome.verdict.is_quiet(),
        code: match exit_code(&outcome.verdict, age.health) {
            0 => noted.as_ref().map_or(0, told::code),
            code => code,
        },
        looked_at,
        notes: outcome.notes,
        owner: text(&target.owner),
        purpose: text(&target.purpose),
        noted: noted.map(|noted| {
            let hint = told::hint(&noted, target);
            (noted, hint)
        }),
    };
    Row {
        name: target.name.clone(),
        vault: target.vault.url.host().to_owned(),
        secret: target.secret.to_string(),
        tenant_id: target.app.tenant_id.clone(),
        client_id: target.app.client_id.clone(),
        user_id: outcome.user_id.as_deref().map(shown),
        outcome: name(&outcome.verdict),
        version: outcome.version.map(|id| id.0),
        previous_version: outcome.previous.map(|id| id.0),
        issued_at: age.issued.map(seconds),
        expires_at: age.expires.map(seconds),
        days_left: age.days_left,
        health: age.health,
        mfa: outcome.mfa,
        versions: outcome.versions,
        retired: outcome.retired.into_iter().map(|id| id.0).collect(),
        failure: failure_of(&outcome.verdict).map(|failure| failure_row(failure, target)),
        aside,
    }
}

const fn name(verdict: &Verdict) -> OutcomeName {
    match verdict {
        Verdict::Rotated => OutcomeName::Rotated,
        Verdict::Probed => OutcomeName::Probed,
        Verdict::Held(_) => OutcomeName::Held,
        Verdict::Superseded => OutcomeName::Superseded,
        Verdict::Recovered => OutcomeName::Recovered,
        Verdict::Failed(_) => OutcomeName::Failed,
    }
}

const fn failure_of(verdict: &Verdict) -> Option<&Failure> {
    match verdict {
        Verdict::Failed(failure) | Verdict::Held(Hold::NoTime(failure) | Hold::Disabled(failure)) => Some(failure),
        _ => None,
    }
}

/// Why nothing was done, where no failure says it.
fn hold(verdict: &Verdict, before: &Before) -> Option<String> {
    let Verdict::Held(hold) = verdict else { return None };
    match hold {
        Hold::NotDue => Some("not due, and not probed".to_owned()),
        Hold::DryRun(step) => Some(format!("dry run: would {step}")),
        Hold::Suspended(until) => Some(format!("suspended until {}", until.date())),
        Hold::Retired(at) => Some(format!("out of service since {}: remove it from the configuration", at.date())),
        Hold::Looked => Some(standing(before)),
        Hold::NoTime(_) | Hold::Disabled(_) => None,
    }
}

/// What is known without redeeming the token: what people were told of it, else its age.
fn standing(before: &Before) -> String {
    let told: Vec<String> = told::holding(before).map(told::text).collect();
    if told.is_empty() { "age only".to_owned() } else { format!("told: {}", told.join(", ")) }
}

fn failure_row(failure: &Failure, target: &Target) -> FailureRow {
    let cause = &failure.cause;
    let shown = |text: &Option<String>| text.as_deref().map(shown);
    FailureRow {
        stage: failure.stage,
        kind: cause.kind.slug().to_owned(),
        code: shown(&cause.code),
        remedy: failure.remedy(),
        message: self::shown(&cause.message),
        hint: failure.hint(target),
        correlation_id: shown(&cause.correlation_id),
        trace_id: shown(&cause.trace_id),
    }
}

impl Row {
    /// Whether `--fail-on warning` counts this token.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        if self.aside.quiet {
            return false;
        }
        let noted = self.aside.notes.iter().any(Note::is_warning);
        noted || self.is_aging() || self.noted() >= Some(Severity::Warning)
    }

    /// Whether its age is worth a word.
    pub(super) fn is_aging(&self) -> bool {
        !self.aside.quiet && matches!(self.health, Health::Aging | Health::Expiring | Health::Expired)
    }

    /// The worst that was told of it and that its metadata do not show.
    fn noted(&self) -> Option<Severity> {
        self.aside.noted.as_ref().and_then(|(noted, _)| noted.severity())
    }

    /// Whether Entra ID does not take it any more, whatever its age.
    pub(super) fn is_dead(&self) -> bool {
        let failed = |failure: &FailureRow| failure.remedy == Remedy::Reconsent && failure.stage == Stage::Redeem;
        self.failure.as_ref().is_some_and(failed)
            || self.aside.noted.as_ref().is_some_and(|(noted, _)| told::is_death(noted))
    }

    /// Whether a person must be told of this token at once.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.noted() == Some(Severity::Critical)
            || self.aside.code == 3
            || !self.aside.quiet && matches!(self.health, Health::Expiring | Health::Expired)
    }
}
