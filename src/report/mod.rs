//! What a run tells: one document, in the form that was asked for.

pub mod app;
pub mod customers;
mod html;
mod json;
mod markdown;
pub mod nagios;
pub mod pipeline;
pub mod progress;
pub mod prometheus;
mod text;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::model::alert::{Before, Severity};
use crate::model::failure::{Cause, Failure, Stage};
use crate::model::health::{self, Health};
use crate::model::identity::Mfa;
use crate::model::kind::Remedy;
use crate::model::name::printable;
use crate::model::outcome::{Hold, Note, Outcome, Verdict, exit_code};
use crate::model::policy::Policy;
use crate::model::target::Target;
pub use app::AppRow;
use told::Noted;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Output {
    /// For a person at a terminal
    #[default]
    Text,
    /// One document after docs/report.schema.json
    Json,
    /// For a job summary or a ticket
    Markdown,
    /// One page for a browser or a printer
    Html,
    /// Metrics for the textfile collector of Prometheus' node exporter
    Prometheus,
}

/// The report of a run, as JSON prints it. Its shape is a public contract: `docs/report.schema.json`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "rotator.report/v1")]
pub struct Report {
    /// `rotator.report/v1`.
    pub schema: String,
    pub run_id: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub started: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub finished: OffsetDateTime,
    pub summary: Summary,
    pub tokens: Vec<Row>,
    /// The app registrations of these tokens.
    #[serde(default)]
    pub apps: Vec<AppRow>,
    /// Receivers that could not be told.
    pub notify_failed: Vec<String>,
    /// The same with their reasons, for people.
    #[serde(skip, default)]
    pub(crate) not_told: Vec<String>,
    /// Whether it is of a run over all tokens, and not of a look or a part.
    #[serde(skip, default)]
    is_whole_run: bool,
}

/// How many tokens had which outcome.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub total: usize,
    pub rotated: usize,
    pub probed: usize,
    pub held: usize,
    pub superseded: usize,
    pub recovered: usize,
    pub failed: usize,
    /// 0 every token is safe, 3 a person must act, 4 try again later.
    pub exit_code: u8,
}

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

/// An instant in RFC 3339.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Instant(
    #[expect(dead_code, reason = "names a format for the schema")]
    #[schemars(extend("format" = "date-time"))]
    String,
);

/// What only the forms for people show.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    policy: Policy,
    notes: Vec<Note>,
    hold: Option<String>,
    /// Nobody is told of it, whatever its age.
    quiet: bool,
    owner: Option<String>,
    purpose: Option<String>,
    code: u8,
    /// Nothing but its metadata was looked at, so that its note tells what they do not show.
    looked_at: bool,
    /// The worst that was told of it, and what puts that right, where nothing but metadata was looked at.
    noted: Option<(Noted, Option<String>)>,
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

/// What a report is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    pub run_id: &'a str,
    pub started: OffsetDateTime,
    pub finished: OffsetDateTime,
    pub fail_on_warning: bool,
    pub fail_on_notify: bool,
    /// Whether it was a run over all tokens, and not a look or a part.
    pub is_whole_run: bool,
    /// Receivers that could not be told, why, and what to do.
    pub not_told: Vec<(String, Cause, String)>,
    pub tokens: Vec<(&'a Arc<Target>, Outcome)>,
    pub apps: Vec<AppRow>,
}

/// When the credentials of the apps end, by the name of the app: `None` where nobody says; absent where nobody was asked.
pub type Expiries = HashMap<String, Option<OffsetDateTime>>;

/// Judges every outcome and counts.
#[must_use]
pub fn report(facts: Facts<'_>) -> Report {
    let now = facts.finished;
    let apps = facts.apps;
    let tokens: Vec<Row> = facts.tokens.into_iter().map(|(target, outcome)| row(target, outcome, now)).collect();
    let count = |name| tokens.iter().filter(|row| row.outcome == name).count();
    let worst = |code| tokens.iter().any(|row| row.aside.code == code);
    let warning = tokens.iter().any(Row::is_warning) || apps.iter().any(AppRow::is_warning);
    let warned = facts.fail_on_warning && warning;
    let summary = Summary {
        total: tokens.len(),
        rotated: count(OutcomeName::Rotated),
        probed: count(OutcomeName::Probed),
        held: count(OutcomeName::Held),
        superseded: count(OutcomeName::Superseded),
        recovered: count(OutcomeName::Recovered),
        failed: count(OutcomeName::Failed),
        exit_code: match (worst(3) || warned, worst(4) || facts.fail_on_notify && !facts.not_told.is_empty()) {
            (true, _) => 3,
            (false, true) => 4,
            (false, false) => 0,
        },
    };
    Report {
        schema: "rotator.report/v1".to_owned(),
        run_id: facts.run_id.to_owned(),
        started: seconds(facts.started),
        finished: seconds(facts.finished),
        summary,
        tokens,
        apps,
        notify_failed: facts.not_told.iter().map(|(name, ..)| name.clone()).collect(),
        is_whole_run: facts.is_whole_run,
        not_told: facts.not_told.iter().map(|(name, cause, hint)| not_told(name, cause, hint)).collect(),
    }
}

fn row(target: &Target, outcome: Outcome, now: OffsetDateTime) -> Row {
    let age = health::judge(outcome.issued, &target.policy, now);
    let looked_at = matches!(outcome.verdict, Verdict::Held(Hold::Looked | Hold::DryRun(_) | Hold::NotDue));
    let noted = if looked_at { told::unseen(&outcome.before) } else { None };
    let text = |text: &Option<String>| text.as_deref().map(shown);
    let aside = Aside {
        policy: target.policy.clone(),
        hold: hold(&outcome.verdict, &outcome.before),
        quiet: outcome.verdict.is_quiet(),
        code: match exit_code(&outcome.verdict, age.health) {
            0 => noted.as_ref().map_or(0, Noted::code),
            code => code,
        },
        looked_at,
        notes: outcome.notes,
        owner: text(&target.owner),
        purpose: text(&target.purpose),
        noted: noted.map(|noted| {
            let hint = noted.hint(target);
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

fn not_told(name: &str, cause: &Cause, hint: &str) -> String {
    let slug = cause.kind.slug();
    format!("{name} was not told: {slug}: {}\n  → {hint}", shown(&cause.message))
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
    let told: Vec<String> = told::holding(before).iter().map(Noted::text).collect();
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

fn shown(text: &str) -> String {
    printable(text, 2_000)
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
    fn is_aging(&self) -> bool {
        !self.aside.quiet && matches!(self.health, Health::Aging | Health::Expiring | Health::Expired)
    }

    /// The worst that was told of it and that its metadata do not show.
    fn noted(&self) -> Option<Severity> {
        self.aside.noted.as_ref().map(|(noted, _)| noted.severity)
    }

    /// Whether Entra ID does not take it any more, whatever its age.
    fn is_dead(&self) -> bool {
        let failed = |failure: &FailureRow| failure.remedy == Remedy::Reconsent && failure.stage == Stage::Redeem;
        self.failure.as_ref().is_some_and(failed)
            || self.aside.noted.as_ref().is_some_and(|(noted, _)| noted.is_death())
    }

    /// Whether a person must be told of this token at once.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.noted() == Some(Severity::Critical)
            || self.aside.code == 3
            || !self.aside.quiet && matches!(self.health, Health::Expiring | Health::Expired)
    }
}

impl Report {
    /// The report in the form that was asked for, ending in a line break.
    #[must_use]
    pub fn render(&self, output: Output, style: Style) -> String {
        match output {
            Output::Text => text::render(self, style),
            Output::Json => json::render(self),
            Output::Markdown => markdown::render(self),
            Output::Html => html::render(self),
            Output::Prometheus => prometheus::render(self),
        }
    }
}

/// How a text is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    pub colour: bool,
}

/// The JSON Schema of a report.
#[must_use]
pub fn schema() -> schemars::Schema {
    // As it is written: what may be null is there all the same.
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Report>()
}

fn seconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}
