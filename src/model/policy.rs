//! When a token is renewed, when it is alarmed, and what is kept.

use std::time::Duration;

/// The rules of one token. Only an orderly set can be made: see [`Policy::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A stored token older than this is rotated.
    pub rotate_after: Duration,
    /// A token dies this long after its issue: 90 days for a confidential client, 24 hours for a single-page
    /// redirect (learn.microsoft.com/entra/identity-platform/refresh-tokens).
    pub expire_after: Duration,
    /// Days left at which a person is told.
    pub warn_before: Duration,
    /// Days left at which a person is called.
    pub critical_before: Duration,
    pub probe: Probe,
    pub verify: Verify,
    pub require_mfa: bool,
    /// How many of the newest versions stay enabled.
    pub keep_versions: usize,
    /// How long an older version stays enabled whatever its number: consumers cache values that long.
    pub grace: Duration,
    /// The age of a sign-in at which a person is asked for a new one.
    pub reconsent_after: Option<Duration>,
}

/// What happens to a token that is not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Redeem it, store nothing: a revocation is found on the day it happens.
    EveryRun,
    Never,
}

/// How a new token is proved before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Redeem it once.
    Redeem,
    /// Trust the claims that came with it.
    Claims,
}

/// A set of thresholds that contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    #[error("rotate_after must be longer than zero")]
    NoRotation,
    #[error("critical_before must be shorter than warn_before: a person is told before a person is called")]
    CriticalBeforeWarn,
    #[error("expire_after must be longer than warn_before + 2 × rotate_after: otherwise one missed run already alarms")]
    NoRoom,
    #[error("expire_after must not be longer than 90 days: Entra ID's refresh tokens live no longer")]
    TooLong,
    #[error("keep_versions must be at least 1: the newest version is never retired")]
    KeepNothing,
}

impl Disorder {
    /// The configuration keys that contradict each other.
    #[must_use]
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::NoRotation => &["rotate_after"],
            Self::CriticalBeforeWarn => &["critical_before", "warn_before"],
            Self::NoRoom => &["expire_after", "rotate_after", "warn_before"],
            Self::TooLong => &["expire_after"],
            Self::KeepNothing => &["keep_versions"],
        }
    }
}

impl Policy {
    /// All contradictions of the thresholds, none for an orderly set.
    #[must_use]
    pub fn check(&self) -> Vec<Disorder> {
        let room = self.rotate_after.checked_mul(2).and_then(|twice| twice.checked_add(self.warn_before));
        [
            (self.rotate_after.is_zero(), Disorder::NoRotation),
            (self.critical_before >= self.warn_before, Disorder::CriticalBeforeWarn),
            (room.is_none_or(|room| self.expire_after <= room), Disorder::NoRoom),
            (self.expire_after > days(90), Disorder::TooLong),
            (self.keep_versions == 0, Disorder::KeepNothing),
        ]
        .into_iter()
        .filter_map(|(wrong, disorder)| wrong.then_some(disorder))
        .collect()
    }
}

/// Days as a duration, for defaults and tests.
#[must_use]
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rotate_after: days(7),
            expire_after: days(90),
            warn_before: days(30),
            critical_before: days(14),
            probe: Probe::EveryRun,
            verify: Verify::Redeem,
            require_mfa: false,
            keep_versions: 2,
            grace: days(1),
            reconsent_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_orderly() {
        assert_eq!(Policy::default().check(), []);
    }

    #[test]
    fn disorder_is_named() {
        let policy =
            Policy { warn_before: days(14), critical_before: days(14), expire_after: days(28), ..Policy::default() };
        assert_eq!(policy.check(), [Disorder::CriticalBeforeWarn, Disorder::NoRoom]);
        let policy = Policy { rotate_after: Duration::ZERO, keep_versions: 0, ..Policy::default() };
        assert_eq!(policy.check(), [Disorder::NoRotation, Disorder::KeepNothing]);
        let policy = Policy { rotate_after: Duration::MAX, ..Policy::default() };
        assert_eq!(policy.check(), [Disorder::NoRoom]);
    }
}
