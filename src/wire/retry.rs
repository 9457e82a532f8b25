//! Repeats what may be repeated.

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::wire::deadline::Deadline;

/// Tries in all of a request that may be repeated.
const TRIES: u32 = 4;
/// Tries where the other side says how long to wait: it will answer, if only later.
const ASKED_TRIES: u32 = 10;
/// The time of one try, from the connection to the last byte of the answer.
pub const TRY: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// Sends a request that is safe to send again, up to four times while it fails for a passing reason. Waits as
/// long as the other side asks, or else doubling pauses with jitter; where the deadline would pass first, the last
/// failure is returned at once.
///
/// # Errors
/// The cause of the last try that was answered; that the deadline passed, if none was.
pub async fn repeat<T, F, Fut>(deadline: &Deadline, mut attempt: F) -> Result<T, Cause>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Cause>>,
{
    let mut pauses = Pauses::default();
    let mut last: Option<Cause> = None;
    loop {
        let cause = match deadline.bound(attempt()).await.and_then(|tried| tried) {
            Err(cause) if cause.is_end_of_run() => return Err(last.unwrap_or(cause)),
            Err(cause) if cause.may_repeat() => cause,
            other => return other,
        };
        pauses.wait(deadline, cause.clone()).await?;
        last = Some(cause);
    }
}

/// Gives a request the time of one try.
///
/// # Errors
/// The request's own cause, or `network.timeout` in the name of `service`.
pub async fn within_try<T>(service: &str, request: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
    let late = |_| Cause::new(Kind::NetworkTimeout, format!("{service}: no answer within {} seconds", TRY.as_secs()));
    timeout(TRY, request).await.map_err(late)?
}

/// The pauses between tries, used up one by one.
#[derive(Debug, Default)]
pub struct Pauses {
    taken: u32,
}

impl Pauses {
    /// Waits before the next try.
    ///
    /// # Errors
    /// The cause given, when no try is left or the deadline comes before the next one.
    pub async fn wait(&mut self, deadline: &Deadline, cause: Cause) -> Result<(), Cause> {
        let tries = if cause.retry_after.is_some() { ASKED_TRIES } else { TRIES };
        if self.taken + 1 >= tries {
            return Err(cause);
        }
        let backoff = FIRST_PAUSE * 2_u32.pow(self.taken);
        let jittered = backoff.mul_f64(0.75 + fastrand::f64() / 2.0);
        let pause = cause.retry_after.map_or(jittered, |asked| asked.max(jittered));
        self.taken += 1;
        if pause >= deadline.left() {
            return Err(cause);
        }
        tracing::debug!(kind = cause.kind.slug(), pause_ms = pause.as_millis(), "trying again");
        deadline.bound(sleep(pause)).await.map_err(|_| cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::time::Instant;

    fn unavailable(retry_after: Option<u64>) -> Cause {
        let mut cause = Cause::new(Kind::VaultUnavailable, "503");
        cause.retry_after = retry_after.map(Duration::from_secs);
        cause
    }

    #[tokio::test(start_paused = true)]
    async fn honours_retry_after() {
        let (deadline, begun, tries) = (Deadline::after(Duration::from_secs(60)), Instant::now(), Cell::new(0));
        let result = repeat(&deadline, || async {
            tries.set(tries.get() + 1);
            if tries.get() == 1 { Err(unavailable(Some(7))) } else { Ok(()) }
        })
        .await;
        assert_eq!((result, tries.get(), begun.elapsed().as_secs()), (Ok(()), 2, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_four_tries_or_when_the_wait_is_too_long() {
        let (deadline, tries) = (Deadline::after(Duration::from_secs(60)), Cell::new(0));
        let fail = |after| {
            tries.set(tries.get() + 1);
            async move { Err::<(), _>(unavailable(after)) }
        };
        assert_eq!(repeat(&deadline, || fail(None)).await, Err(unavailable(None)));
        assert_eq!(tries.replace(0), 4);
        let begun = Instant::now();
        assert_eq!(repeat(&deadline, || fail(Some(3600))).await, Err(unavailable(Some(3600))));
        assert_eq!((tries.get(), begun.elapsed().as_secs()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_repeat_what_stays_wrong_and_ends_what_hangs() {
        let deadline = Deadline::after(Duration::from_secs(600));
        let tries = Cell::new(0);
        let refused = repeat(&deadline, || {
            tries.set(tries.get() + 1);
            async { Err::<(), _>(Cause::new(Kind::VaultRbac, "no")) }
        });
        assert_eq!(refused.await.unwrap_err().kind, Kind::VaultRbac);
        assert_eq!(tries.get(), 1);
        let hangs = repeat(&deadline, || within_try("vault", std::future::pending::<Result<(), Cause>>()));
        assert_eq!(hangs.await.unwrap_err().kind, Kind::NetworkTimeout);
    }
}
