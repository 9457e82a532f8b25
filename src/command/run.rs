//! `rotator run`: the job.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::{FailOn, Run as Arguments};
use crate::command::{Usage, connect, stdout};
use crate::config::Source;
use crate::renew::{self, Options};
use crate::report::{self, Facts, Report, progress};
use crate::wire::deadline::Deadline;

/// What is under way when the scheduler says stop gets this long: less than the 30 s that Kubernetes and Container
/// Apps wait before they kill.
const GRACE: Duration = Duration::from_secs(20);

pub(super) async fn run(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let targets = connect::chosen(&config, &arguments.only)?;
    let run = Arc::new(connect::connect(&config, arguments.deadline)?);
    let listener = tokio::spawn(stop_on_signal(run.deadline.clone()));

    let started = run.clock.now();
    let options = Options { force: arguments.force, dry_run: arguments.dry_run };
    let bar = progress::bar(targets.len());
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
    });
    log(&report);
    stdout::print(&report.render(arguments.output, stdout::style()));
    Ok(report.summary.exit_code)
}

/// The events that alert rules on logs go by.
pub(super) fn log(report: &Report) {
    for row in &report.tokens {
        let kind = row.failure.as_ref().map(|failure| failure.kind.as_str());
        let facts = (row.outcome.as_str(), row.health.as_str(), row.days_left);
        if row.is_critical() {
            tracing::error!(
                event = "token.critical",
                token = row.name,
                outcome = facts.0,
                health = facts.1,
                days_left = facts.2,
                kind,
                run_id = report.run_id
            );
        } else {
            tracing::info!(
                event = "token.finished",
                token = row.name,
                outcome = facts.0,
                health = facts.1,
                days_left = facts.2,
                kind,
                run_id = report.run_id
            );
        }
    }
    let summary = &report.summary;
    tracing::info!(
        event = "run.finished",
        run_id = report.run_id,
        total = summary.total,
        failed = summary.failed,
        exit_code = summary.exit_code,
    );
}

async fn stop_on_signal(deadline: Deadline) {
    stop_signal().await;
    tracing::warn!(grace_s = GRACE.as_secs(), "told to stop: what is under way is finished, nothing new is started");
    deadline.interrupt(GRACE);
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
