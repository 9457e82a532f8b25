//! When a run must have ended: after `--deadline`, or a while after it was told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::model::failure::Cause;
use crate::model::kind::Kind;

/// One end for everything a run does. Clones share it.
#[derive(Debug, Clone)]
pub struct Deadline {
    end: Arc<watch::Sender<End>>,
}

#[derive(Debug, Clone, Copy)]
struct End {
    at: Instant,
    interrupted: bool,
}

impl Deadline {
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        // A limit beyond the clock's range is no limit: a year is more than any scheduler waits.
        let limit = limit.min(Duration::from_secs(366 * 86_400));
        let end = End { at: Instant::now() + limit, interrupted: false };
        Self { end: Arc::new(watch::Sender::new(end)) }
    }

    /// The run was told to stop: nothing new is started, what is under way gets `grace`.
    pub fn interrupt(&self, grace: Duration) {
        self.end.send_modify(|end| {
            end.at = end.at.min(Instant::now() + grace);
            end.interrupted = true;
        });
    }

    /// Gives what comes next so much time from now, unless the run was told to stop.
    pub fn restart(&self, limit: Duration) {
        self.end.send_if_modified(|end| {
            let moved = !end.interrupted;
            end.at = if moved { Instant::now() + limit } else { end.at };
            moved
        });
    }

    #[must_use]
    pub fn left(&self) -> Duration {
        self.end.borrow().at.saturating_duration_since(Instant::now())
    }

    /// Why nothing new may be started, if so.
    #[must_use]
    pub fn closed(&self) -> Option<Cause> {
        let end = *self.end.borrow();
        if end.interrupted {
            return Some(Cause::new(Kind::Interrupted, "the run was told to stop"));
        }
        self.left().is_zero().then(|| self.cause())
    }

    /// Runs `work` until it is done or the deadline passes, whichever is first.
    ///
    /// # Errors
    /// `run.deadline` or `run.interrupted`.
    pub async fn bound<T>(&self, work: impl Future<Output = T>) -> Result<T, Cause> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.passed() => Err(self.cause()),
        }
    }

    async fn passed(&self) {
        let mut changes = self.end.subscribe();
        loop {
            let at = changes.borrow_and_update().at;
            tokio::select! {
                () = sleep_until(at) => return,
                moved = changes.changed() => if moved.is_err() { return },
            }
        }
    }

    fn cause(&self) -> Cause {
        if self.end.borrow().interrupted {
            Cause::new(Kind::Interrupted, "the run was told to stop before this was done")
        } else {
            Cause::new(Kind::Deadline, "the run's deadline passed before this was done")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ends_what_takes_too_long() {
        let deadline = Deadline::after(Duration::from_secs(5));
        assert_eq!(deadline.bound(async { 1 }).await, Ok(1));
        let cause = deadline.bound(std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(cause.kind, Kind::Deadline);
        assert_eq!(deadline.left(), Duration::ZERO);
        assert_eq!(deadline.closed().unwrap().kind, Kind::Deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_time_counts_from_now_but_not_after_an_interruption() {
        let deadline = Deadline::after(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(deadline.closed().is_some());
        deadline.restart(Duration::from_secs(7));
        assert_eq!((deadline.left(), deadline.closed()), (Duration::from_secs(7), None));
        deadline.interrupt(Duration::from_secs(1));
        deadline.restart(Duration::from_secs(7));
        assert_eq!(deadline.left(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_interruption_shortens_what_is_under_way() {
        let deadline = Deadline::after(Duration::from_secs(600));
        let begun = Instant::now();
        let other = deadline.clone();
        let work = tokio::spawn(async move { other.bound(std::future::pending::<()>()).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        deadline.interrupt(Duration::from_secs(20));
        assert_eq!(work.await.unwrap().unwrap_err().kind, Kind::Interrupted);
        assert_eq!(begun.elapsed().as_secs(), 21);
        assert_eq!(deadline.closed().unwrap().kind, Kind::Interrupted);
    }
}
