//! `rotator run`: the job.

use std::sync::Arc;

use crate::cli::{FailOn, Run as Arguments};
use crate::command::{Usage, connect, signal, stdout};
use crate::config::Source;
use crate::renew::{self, Options};
use crate::report::{self, Facts, Report, Summary, progress};

pub(super) async fn run(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let targets = connect::chosen(&config, &arguments.only)?;
    let run = Arc::new(connect::connect(&config, arguments.deadline)?);
    let listener = tokio::spawn(signal::end(run.deadline.clone()));

    let started = run.clock.now();
    let options =
        Options { force: arguments.force, dry_run: arguments.dry_run, retire_foreign: arguments.retire_foreign };
    let bar = progress::bar(targets.len(), "tokens");
    let done = |target: &crate::model::target::Target| {
        bar.set_message(target.name.clone());
        bar.inc(1);
    };
    let outcomes = renew::run(&targets, &run, options, done).await;
    bar.finish_and_clear();
    listener.abort();

    let report = report::report(Facts {
        run_id: &run.id,
        started,
        finished: run.clock.now(),
        fail_on_warning: arguments.fail_on == Some(FailOn::Warning),
        tokens: targets.iter().zip(outcomes).collect(),
        expiries: targets.iter().filter_map(|t| Some((t.app.name.clone(), run.proofs.expiry(&t.app)?))).collect(),
    });
    log(&report);
    stdout::print(&report.render(arguments.output, stdout::style()));
    Ok(report.summary.exit_code)
}

/// The events that alert rules on logs go by.
fn log(report: &Report) {
    let run_id = report.run_id.as_str();
    for row in &report.tokens {
        let (token, outcome, health) = (row.name.as_str(), row.outcome.as_str(), row.health.as_str());
        let (days_left, kind) = (row.days_left, row.failure.as_ref().map(|failure| failure.kind.as_str()));
        if row.is_critical() {
            tracing::error!(event = "token.critical", run_id, token, outcome, health, days_left, kind);
        } else {
            tracing::info!(event = "token.finished", run_id, token, outcome, health, days_left, kind);
        }
    }
    for app in report.apps.iter().filter(|app| app.is_warning()) {
        let (name, days_left, health) = (app.name.as_str(), app.days_left, app.health.as_str());
        tracing::warn!(event = "app.credential", run_id, app = name, days_left, health);
    }
    let Summary { total, failed, exit_code, .. } = report.summary;
    tracing::info!(event = "run.finished", run_id, total, failed, exit_code);
}
