//! The one door to the time of day.

use time::OffsetDateTime;
use tokio::time::Instant;

/// The wall clock, read once and carried forward by the runtime's clock: where a test pauses the runtime's time,
/// backoff, deadlines and wall clock move together.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: OffsetDateTime,
    at: Instant,
}

impl Clock {
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the door to the wall clock")]
        Self::starting_at(OffsetDateTime::now_utc())
    }

    #[must_use]
    pub fn starting_at(wall: OffsetDateTime) -> Self {
        Self { wall, at: Instant::now() }
    }

    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.wall + self.at.elapsed()
    }
}
