//! What people are told, and what they were told before.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How urgent something is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical].into_iter().find(|severity| severity.as_str() == text)
    }
}

/// Something that holds for a token or an app registration until it is put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub severity: Severity,
    /// A stable slug, such as `entra.revoked` or `token.expiring`.
    pub code: &'static str,
    /// What happened, in one sentence.
    pub what: String,
    /// The one thing that puts it right.
    pub fix: String,
}

/// A condition that people were told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub severity: Severity,
    pub code: String,
    pub since: OffsetDateTime,
    /// Receivers that could not be reached, by name, and are still to be told.
    pub pending: Vec<String>,
}

impl Told {
    /// Whether it is this condition at this severity that was told.
    #[must_use]
    pub fn is_of(&self, condition: &Condition) -> bool {
        self.code == condition.code && self.severity == condition.severity
    }
}

/// Everything that people were told of one token, as its tag says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing(pub Vec<Told>);

/// The older of two documented limits on a tag's value.
const LONGEST: usize = 256;

impl Standing {
    /// Reads the tag: `critical entra.revoked 2026-11-24T05:17:00Z; warning token.mfa 2026-11-01T05:17:00Z !ops,mail`.
    /// Nothing where it cannot be read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split("; ").map(told).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The tag, the worst first; what finds no room is left out, and told again. Nothing where there is nothing to say.
    #[must_use]
    pub fn written(&self) -> Option<String> {
        let mut all: Vec<&Told> = self.0.iter().collect();
        all.sort_by_key(|told| std::cmp::Reverse(told.severity));
        let mut text = String::new();
        for told in all {
            let since = told.since.replace_nanosecond(0).unwrap_or(told.since).format(&Rfc3339).unwrap_or_default();
            let pending = if told.pending.is_empty() { String::new() } else { format!(" !{}", told.pending.join(",")) };
            let separator = if text.is_empty() { "" } else { "; " };
            let entry = format!("{separator}{} {} {since}{pending}", told.severity.as_str(), told.code);
            if text.len() + entry.len() <= LONGEST {
                text.push_str(&entry);
            }
        }
        (!text.is_empty()).then_some(text)
    }

    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.0.iter().map(|told| told.severity).max()
    }
}

/// What was known before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// What the tag of the newest version says; nothing stands where there is no tag.
    Known(Standing),
    /// It could not be read: whatever holds is told.
    Unknown,
}

impl Before {
    /// From a tag, if there is one.
    #[must_use]
    pub fn of_tag(tag: Option<&str>) -> Self {
        match tag {
            None => Self::Known(Standing::default()),
            Some(tag) => Standing::parse(tag).map_or(Self::Unknown, Self::Known),
        }
    }

    /// Everything that is known to have been told.
    #[must_use]
    pub fn told(&self) -> &[Told] {
        match self {
            Self::Known(Standing(told)) => told,
            Self::Unknown => &[],
        }
    }

    /// What is known to have been told of a condition at this severity.
    #[must_use]
    pub fn of(&self, condition: &Condition) -> Option<&Told> {
        self.told().iter().find(|told| told.is_of(condition))
    }
}

fn told(text: &str) -> Option<Told> {
    let (text, pending) = text.split_once(" !").unwrap_or((text, ""));
    let [severity, code, since] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
    Some(Told {
        severity: Severity::parse(severity)?,
        code: code.to_owned(),
        since: OffsetDateTime::parse(since, &Rfc3339).ok()?,
        pending: pending.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn told(severity: Severity, code: &str, pending: &[&str]) -> Told {
        let pending = pending.iter().map(|name| (*name).to_owned()).collect();
        Told { severity, code: code.into(), since: datetime!(2026-11-24 05:17 UTC), pending }
    }

    #[test]
    fn what_is_written_is_read_the_worst_first() {
        let all = Standing(vec![
            told(Severity::Warning, "token.mfa", &["ops", "mail"]),
            told(Severity::Critical, "entra.revoked", &[]),
        ]);
        let text = all.written().unwrap();
        let expected = "critical entra.revoked 2026-11-24T05:17:00Z; warning token.mfa 2026-11-24T05:17:00Z !ops,mail";
        assert_eq!(text, expected);
        let read = Standing::parse(&text).unwrap();
        assert_eq!((read.0.len(), read.worst()), (2, Some(Severity::Critical)));
        assert_eq!(read.written().as_deref(), Some(expected));
        assert_eq!(Standing::default().written(), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        for text in
            ["", "critical", "critical a yesterday", "red a 2026-11-24T05:17:00Z", "critical a 2026-11-24T05:17:00Z;"]
        {
            assert_eq!(Standing::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_finds_no_room_is_left_out() {
        let many =
            Standing((0..10).map(|nth| told(Severity::Warning, &format!("some.long.code.{nth}"), &[])).collect());
        let text = many.written().unwrap();
        assert!(text.len() <= LONGEST && Standing::parse(&text).unwrap().0.len() >= 4, "{text}");
    }
}
