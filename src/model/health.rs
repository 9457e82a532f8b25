//! How long a token has to live.

use std::time::Duration;

use time::OffsetDateTime;

use crate::model::policy::Policy;

/// The state of a token by the days it has left.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// More days left than `warn_before`.
    Fresh,
    /// At or below `warn_before`.
    Aging,
    /// At or below `critical_before`.
    Expiring,
    /// None left.
    Expired,
    /// The time of issue is not known.
    Unknown,
}

impl Health {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Aging => "aging",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }
}

/// A token's life measured at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    pub issued: Option<OffsetDateTime>,
    pub expires: Option<OffsetDateTime>,
    /// Whole days, rounded up as the thresholds are: 1 on the last day, 0 or less afterwards.
    pub days_left: Option<i64>,
    pub health: Health,
}

/// Judges a token issued at `issued` by the thresholds of `policy`.
#[must_use]
pub fn judge(issued: Option<OffsetDateTime>, policy: &Policy, now: OffsetDateTime) -> Age {
    let Some(issued) = issued else {
        return Age { issued: None, expires: None, days_left: None, health: Health::Unknown };
    };
    // The vault's clock bounds the time of issue from above and the policy the lifetime, so this stays in range.
    let lifetime = time::Duration::try_from(policy.expire_after).unwrap_or(time::Duration::MAX);
    let expires = issued.saturating_add(lifetime);
    let left = expires - now;
    let health = of(left, policy.warn_before, policy.critical_before);
    Age { issued: Some(issued), expires: Some(expires), days_left: Some(days_left(left)), health }
}

/// The state of something that has `left` to live.
#[must_use]
pub fn of(left: time::Duration, warn_before: Duration, critical_before: Duration) -> Health {
    if left <= time::Duration::ZERO {
        Health::Expired
    } else if left <= critical_before {
        Health::Expiring
    } else if left <= warn_before {
        Health::Aging
    } else {
        Health::Fresh
    }
}

/// `1 day`, `2 days`.
#[must_use]
pub fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// When something ends that has so many days left, rounded up.
#[must_use]
pub fn end(days_left: i64) -> String {
    match days_left {
        0 => "ended today".to_owned(),
        ..0 => format!("ended {} ago", days(-days_left)),
        1 => "ends within a day".to_owned(),
        _ => format!("ends in {}", days(days_left)),
    }
}

/// Whole days, rounded up.
#[must_use]
pub fn days_left(left: time::Duration) -> i64 {
    -(-left.whole_seconds()).div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const ISSUED: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn at(day: i64) -> (Health, Option<i64>) {
        let age = judge(Some(ISSUED), &Policy::default(), ISSUED + time::Duration::days(day));
        (age.health, age.days_left)
    }

    #[test]
    fn thresholds() {
        assert_eq!(at(0), (Health::Fresh, Some(90)));
        assert_eq!(at(59), (Health::Fresh, Some(31)));
        assert_eq!(at(60), (Health::Aging, Some(30)));
        assert_eq!(at(75), (Health::Aging, Some(15)));
        assert_eq!(at(76), (Health::Expiring, Some(14)));
        assert_eq!(at(89), (Health::Expiring, Some(1)));
        assert_eq!(at(90), (Health::Expired, Some(0)));
        assert_eq!(at(91), (Health::Expired, Some(-1)));
        let just_issued = judge(Some(ISSUED), &Policy::default(), ISSUED + time::Duration::seconds(1));
        assert_eq!(just_issued.days_left, Some(90));
    }

    #[test]
    fn unknown_without_an_issue_time() {
        assert_eq!(judge(None, &Policy::default(), ISSUED).health, Health::Unknown);
    }
}
