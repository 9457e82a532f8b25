//! When somebody says stop: SIGTERM as schedulers do, SIGINT as a person does.

use std::time::Duration;

use crate::wire::deadline::Deadline;

/// What is under way when the scheduler says stop gets this long: less than the 30 s that Kubernetes and Container
/// Apps wait before they kill.
const GRACE: Duration = Duration::from_secs(20);

/// Brings the end nearer when somebody says stop.
pub(super) async fn end(deadline: Deadline) {
    stop().await;
    tracing::warn!(grace_s = GRACE.as_secs(), "told to stop: what is under way is finished, nothing new is started");
    deadline.interrupt(GRACE);
}

#[cfg(unix)]
pub(super) async fn stop() {
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
pub(super) async fn stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
