//! Keeps a run below the limits of one vault: 300 new versions and 4,000 other requests in 10 seconds
//! (learn.microsoft.com/azure/key-vault/general/service-limits). Half is left to the vault's other users.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The classes a vault counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A request that makes a version.
    Create,
    /// Every other one.
    Other,
}

/// What one run may ask of one vault.
#[derive(Debug)]
pub struct Budget {
    create: Pace,
    other: Pace,
}

impl Default for Budget {
    fn default() -> Self {
        Self { create: Pace::new(150), other: Pace::new(2_000) }
    }
}

impl Budget {
    /// Waits until a request of this class may be sent.
    pub async fn permit(&self, class: Class) {
        match class {
            Class::Create => self.create.step().await,
            Class::Other => self.other.step().await,
        }
    }
}

/// The generic cell rate algorithm over the runtime's clock: a burst of a window's worth, then evenly.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    /// When the requests let through so far are paid off.
    paid_at: Mutex<Option<Instant>>,
}

const WINDOW: Duration = Duration::from_secs(10);

impl Pace {
    fn new(per_window: u32) -> Self {
        Self { interval: WINDOW / per_window, paid_at: Mutex::new(None) }
    }

    async fn step(&self) {
        let now = Instant::now();
        let at = {
            let mut paid_at = self.paid_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let next = paid_at.unwrap_or(now).max(now) + self.interval;
            *paid_at = Some(next);
            next - WINDOW.min(next - now)
        };
        // A timer is a millisecond late even when it is due at once.
        if at > now {
            sleep_until(at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lets_a_burst_through_and_then_keeps_the_pace() {
        let budget = Budget::default();
        let begun = Instant::now();
        for _ in 0..150 {
            budget.permit(Class::Create).await;
        }
        assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
        for _ in 0..150 {
            budget.permit(Class::Create).await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(9_900), "{:?}", begun.elapsed());
        let begun = Instant::now();
        budget.permit(Class::Other).await;
        assert!(begun.elapsed() < Duration::from_millis(10));
    }
}
