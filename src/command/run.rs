//! `rotator run`: the job.

use std::sync::Arc;

use crate::cli::{FailOn, Run as Arguments};
use crate::command::alerts::Office;
use crate::command::{Usage, connect, publish, signal, stdout};
use crate::config::Source;
use crate::model::failure::Cause;
use crate::model::outcome::Outcome;
use crate::model::target::Target;
use crate::notify::missed::Missed;
use crate::notify::tell::Told;
use crate::renew::{self, Options};
use crate::report::{self, Facts, Output, Report, Style, Summary, progress};

pub(super) async fn run(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let targets = connect::chosen(&config, &arguments.only)?;
    let connected = connect::open(&config, arguments.deadline)?;
    let office = Office::open(&config, &connected)?;
    // A part says nothing of the rest, neither to those who watch the job nor in its metrics.
    let is_whole_run = arguments.only.is_empty() && !arguments.dry_run;
    let run = Arc::clone(&connected.run);
    let listener = tokio::spawn(signal::end(run.deadline.clone()));

    let started = run.clock.now();
    let options =
        Options { force: arguments.force, dry_run: arguments.dry_run, retire_foreign: arguments.retire_foreign };
    let bar = progress::bar(targets.len(), "tokens");
    let done = |target: &Target| {
        bar.set_message(target.name.clone());
        bar.inc(1);
    };
    if is_whole_run {
        office.begun().await;
    }
    let outcomes = renew::run(&targets, &run, options, done).await;
    bar.finish_and_clear();
    let finished = run.clock.now();
    let expiries = targets.iter().filter_map(|t| Some((t.app.name.clone(), run.proofs.expiry(&t.app)?))).collect();
    let apps = report::app::rows(&targets, &expiries, finished);
    let tokens: Vec<(&Arc<Target>, &Outcome)> = targets.iter().zip(&outcomes).collect();
    let told = if arguments.dry_run { Vec::new() } else { office.tell(&office.gather(&tokens, &apps)).await };
    listener.abort();

    let report = report::report(Facts {
        run_id: &run.id,
        started,
        finished,
        fail_on_warning: arguments.fail_on.contains(&FailOn::Warning),
        fail_on_notify: arguments.fail_on.contains(&FailOn::Notify),
        is_whole_run,
        not_told: told.into_iter().filter_map(not_told).collect(),
        tokens: targets.iter().zip(outcomes).collect(),
        apps,
    });
    log(&report);
    publish::metrics(&report, &config, arguments.metrics_file.as_deref());
    publish::pipeline(&report);
    stdout::print(&report.render(arguments.output, stdout::style()));
    if is_whole_run {
        office.ended(report.summary.exit_code, &report.render(Output::Text, Style::default())).await;
    }
    Ok(report.summary.exit_code)
}

fn not_told(told: Told) -> Option<(String, Cause, String)> {
    let Missed { cause, hint } = told.result.err()?;
    Some((told.receiver, cause, hint))
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
