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
mod row;
mod text;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::model::failure::Cause;
use crate::model::name::printable;
use crate::model::outcome::Outcome;
use crate::model::target::Target;
pub use app::AppRow;
use row::Aside;
pub use row::{FailureRow, OutcomeName, Row};

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

/// An instant in RFC 3339.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Instant(
    #[expect(dead_code, reason = "names a format for the schema")]
    #[schemars(extend("format" = "date-time"))]
    String,
);

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
    let tokens: Vec<Row> = facts.tokens.into_iter().map(|(target, outcome)| row::row(target, outcome, now)).collect();
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

fn not_told(name: &str, cause: &Cause, hint: &str) -> String {
    let slug = cause.kind.slug();
    format!("{name} was not told: {slug}: {}\n  → {hint}", shown(&cause.message))
}

fn shown(text: &str) -> String {
    printable(text, 2_000)
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
