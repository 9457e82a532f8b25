//! Where a report goes besides stdout: a file of metrics, and the pipeline that the job runs in.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::command::file::{self, Readers};
use crate::command::stdout;
use crate::config::{Config, refer};
use crate::report::pipeline::{self, Pipeline};
use crate::report::prometheus::{self, Known};
use crate::report::{Output, Report, Style};

/// Writes the metrics all at once, as the collector that reads them wants it. What this report does not know of what the
/// configuration names stays as it is in the file.
pub(super) fn metrics(report: &Report, config: &Config, path: Option<&Path>) {
    let Some(path) = path else { return };
    let before = refer::file(path).unwrap_or_default();
    let text = prometheus::merged(report, &before, &Known::of(&config.targets));
    if let Err(error) = file::replace(path, text.as_bytes(), Readers::Everybody) {
        tracing::error!(event = "metrics.failed", path = %path.display(), "the metrics were not written: {error}");
    }
}

/// Annotations and a summary, in a pipeline.
pub(super) fn pipeline(report: &Report) {
    let on = |name: &str| refer::env(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (which, summary) = match (on("GITHUB_ACTIONS"), on("TF_BUILD")) {
        (true, _) => (Pipeline::GitHub, refer::env("GITHUB_STEP_SUMMARY").map(PathBuf::from)),
        (_, true) => {
            let folder = refer::env("AGENT_TEMPDIRECTORY").map(PathBuf::from);
            (Pipeline::Azure, folder.map(|folder| folder.join(format!("rotator-{}.md", report.run_id))))
        }
        _ => return,
    };
    let mut text = pipeline::annotations(report, which);
    if let Some(summary) = summary {
        let markdown = report.render(Output::Markdown, Style::default());
        match file::append(&summary, markdown.as_bytes()) {
            Ok(()) if which == Pipeline::Azure => {
                let _ = writeln!(text, "##vso[task.uploadsummary]{}", summary.display());
            }
            Ok(()) => {}
            Err(error) => tracing::warn!(path = %summary.display(), "the job summary was not written: {error}"),
        }
    }
    stdout::complain(text.trim_end());
}
