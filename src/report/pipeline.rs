//! The report in the words of a pipeline: annotations that stand beside the steps, for GitHub Actions and Azure Pipelines.

use crate::model::health::{self, Health};
use crate::model::outcome::Note;
use crate::report::{AppRow, Report, Row};

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipeline {
    GitHub,
    Azure,
}

/// One remark for each token or app that a person should look at, as lines for the pipeline's log.
#[must_use]
pub fn annotations(report: &Report, pipeline: Pipeline) -> String {
    let tokens = report
        .tokens
        .iter()
        .filter(|row| row.is_critical() || row.is_warning())
        .map(|row| (row.is_critical(), row.name.clone(), of_token(row)));
    let apps = report.apps.iter().filter(|app| app.is_warning()).filter_map(|app| {
        let (remark, fix) = app.remark()?;
        Some((is_critical(app), format!("app {}", app.name), format!("{remark}\n→ {fix}")))
    });
    let lines = tokens.chain(apps).map(|(critical, title, message)| match pipeline {
        Pipeline::GitHub => git_hub(critical, &title, &message),
        Pipeline::Azure => azure(critical, &title, &message),
    });
    let mut text: String = lines.collect();
    // A warning that changes no exit code still marks the step.
    if pipeline == Pipeline::Azure && !text.is_empty() && report.summary.exit_code == 0 {
        text.push_str("##vso[task.complete result=SucceededWithIssues;]\n");
    }
    text
}

fn of_token(row: &Row) -> String {
    let left = row.days_left.map(|days| format!("{} left. ", health::days(days))).unwrap_or_default();
    if let Some(failure) = &row.failure {
        return format!("{left}{}: {}\n→ {}", failure.kind, failure.message, failure.hint);
    }
    let notes: Vec<String> = row.aside.notes.iter().map(Note::text).collect();
    format!("{left}{}", notes.join("; "))
}

const fn is_critical(app: &AppRow) -> bool {
    matches!(app.health, Health::Expiring | Health::Expired)
}

/// docs.github.com/actions/reference/workflows-and-actions/workflow-commands
fn git_hub(critical: bool, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let word = if critical { "error" } else { "warning" };
    format!("::{word} title={}::{}\n", property(title), data(message))
}

/// learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
fn azure(critical: bool, title: &str, message: &str) -> String {
    let word = if critical { "error" } else { "warning" };
    let data = |text: &str| text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A");
    format!("##vso[task.logissue type={word}]{}: {}\n", data(title), data(message))
}
