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

/// What is noted of a condition that people were told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub class: Class,
    pub code: String,
    /// When it began.
    pub since: OffsetDateTime,
    /// Who knows that it holds; where it is over, who knows that it held and is still to hear of its end.
    pub to: Vec<Mark>,
}

/// Whether a condition holds, and how urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is kept in mind so that its return is not taken for a repetition.
    Over,
    Holds(Severity),
}

impl Class {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Holds(severity) => severity.as_str(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == Self::Over.as_str() { Some(Self::Over) } else { Severity::parse(text).map(Self::Holds) }
    }
}

/// A receiver in a tag: four characters made of its name, since a tag is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(pub String);

impl Told {
    /// How urgent it is, where it holds.
    #[must_use]
    pub const fn severity(&self) -> Option<Severity> {
        match self.class {
            Class::Holds(severity) => Some(severity),
            Class::Over => None,
        }
    }

    /// Whether it is over, and everybody knows who knew of it.
    #[must_use]
    pub fn is_known_end(&self) -> bool {
        self.class == Class::Over && self.to.is_empty()
    }

    /// Whether it is this condition at this severity that was told.
    #[must_use]
    pub fn is_of(&self, condition: &Condition) -> bool {
        self.code == condition.code && self.class == Class::Holds(condition.severity)
    }

    /// Whether the metadata of a version show by themselves whether it holds.
    #[must_use]
    pub fn is_of_metadata(&self) -> bool {
        OF_METADATA.contains(&self.code.as_str())
    }

    /// Whether it is about the app registration, and not about the token whose tag it stands in.
    #[must_use]
    pub fn is_of_app(&self) -> bool {
        self.code.starts_with("app.")
    }
}

const OF_METADATA: [&str; 6] =
    ["token.aging", "token.expiring", "token.expired", "token.reconsent", "vault.versions", "vault.secret.disabled"];

/// One code for all failures that pass, so that one that changes its face is not told twice.
pub const WAITING: &str = "token.waiting";

/// Everything that people were told of one token, as its tag says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing(pub Vec<Told>);

/// The older of two documented limits on a tag's value.
const LONGEST: usize = 256;

impl Standing {
    /// Reads the tag: `critical entra.revoked 2026-11-24T05:17:00Z Ab3d,x9_Q; warning token.mfa 2026-11-01T05:17:00Z`.
    /// Nothing where it cannot be read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split("; ").map(told).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The tag, the worst first; what finds no room is left out, and told again. Nothing where there is nothing to say.
    #[must_use]
    pub fn written(&self) -> Option<String> {
        let mut all: Vec<&Told> = self.0.iter().collect();
        all.sort_by_key(|told| std::cmp::Reverse((told.class, !told.to.is_empty())));
        let mut text = String::new();
        for Told { class, code, since, to } in all {
            let since = since.replace_nanosecond(0).unwrap_or(*since).format(&Rfc3339).unwrap_or_default();
            let separator = if text.is_empty() { "" } else { "; " };
            let mut entry = format!("{separator}{} {code} {since}", class.as_str());
            for (nth, Mark(mark)) in to.iter().enumerate() {
                entry.push(if nth == 0 { ' ' } else { ',' });
                entry.push_str(mark);
            }
            if text.len() + entry.len() <= LONGEST {
                text.push_str(&entry);
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// What of a tag goes on to the version that takes the place of its own: what is over has a return only on the same version.
    #[must_use]
    pub fn carried(self) -> Self {
        Self(self.0.into_iter().filter(|told| !told.is_known_end()).collect())
    }

    /// What of a tag is known of a version that somebody else stored on top: what held of the token before is at its end, and who heard
    /// of it is to hear of that.
    #[must_use]
    pub fn of_the_version_before(self) -> Self {
        let ended = |told: Told| if told.is_of_app() { told } else { Told { class: Class::Over, ..told } };
        Self(self.0.into_iter().map(ended).collect())
    }
}

/// What was known before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// What the tag of the newest version says; nothing stands where there is no tag.
    Known(Standing),
    /// What the tag of the version below says, since the newest was stored by somebody else and has none.
    Inherited(Standing),
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
            Self::Known(Standing(told)) | Self::Inherited(Standing(told)) => told,
            Self::Unknown => &[],
        }
    }

    /// What the tag of a version says that takes the place of this one, as far as it is known.
    #[must_use]
    pub fn carried(&self) -> Option<Standing> {
        match self.clone() {
            Self::Known(standing) | Self::Inherited(standing) => Some(standing.carried()),
            Self::Unknown => None,
        }
    }

    /// What the tag of the newest version says now, as far as it is known.
    #[must_use]
    pub fn tag(&self) -> Option<Option<String>> {
        match self {
            Self::Known(standing) => Some(standing.written()),
            Self::Inherited(_) => Some(None),
            Self::Unknown => None,
        }
    }

    /// When a condition began that still holds, at whatever severity.
    #[must_use]
    pub fn began(&self, code: &str) -> Option<OffsetDateTime> {
        self.told().iter().find(|told| told.code == code && told.class != Class::Over).map(|told| told.since)
    }

    /// What is known to have been told of a condition at this severity.
    #[must_use]
    pub fn of(&self, condition: &Condition) -> Option<&Told> {
        self.told().iter().find(|told| told.is_of(condition))
    }
}

fn told(text: &str) -> Option<Told> {
    let mut words = text.split(' ');
    let (class, code, since, to) = (words.next()?, words.next()?, words.next()?, words.next());
    Some(Told {
        class: Class::parse(class)?,
        code: code.to_owned(),
        since: OffsetDateTime::parse(since, &Rfc3339).ok()?,
        to: to.into_iter().flat_map(|marks| marks.split(',')).map(|mark| Mark(mark.to_owned())).collect(),
    })
    .filter(|_| words.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn told(class: Class, code: &str, to: &[&str]) -> Told {
        let to = to.iter().map(|mark| Mark((*mark).to_owned())).collect();
        Told { class, code: code.into(), since: datetime!(2026-11-24 05:17 UTC), to }
    }

    #[test]
    fn what_is_written_is_read_the_worst_first() {
        let all = Standing(vec![
            told(Class::Over, "entra.mfa", &["Ab3d"]),
            told(Class::Holds(Severity::Warning), "token.mfa", &["Ab3d", "x9_Q"]),
            told(Class::Holds(Severity::Critical), "entra.revoked", &[]),
        ]);
        let text = all.written().unwrap();
        let expected = "critical entra.revoked 2026-11-24T05:17:00Z; warning token.mfa 2026-11-24T05:17:00Z Ab3d,x9_Q; \
                        over entra.mfa 2026-11-24T05:17:00Z Ab3d";
        assert_eq!(text, expected);
        let read = Standing::parse(&text).unwrap();
        assert_eq!((read.0.len(), read.0.iter().filter_map(Told::severity).count()), (3, 2));
        assert_eq!(read.written().as_deref(), Some(expected));
        assert_eq!(Standing::default().written(), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        for text in [
            "",
            "critical",
            "critical a yesterday",
            "red a 2026-11-24T05:17:00Z",
            "critical a 2026-11-24T05:17:00Z;",
            "critical a 2026-11-24T05:17:00Z b c",
        ] {
            assert_eq!(Standing::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_finds_no_room_is_left_out() {
        let entry = |nth| told(Class::Holds(Severity::Warning), &format!("some.long.code.{nth}"), &["Ab3d", "x9_Q"]);
        let text = Standing((0..10).map(entry).collect()).written().unwrap();
        assert!(text.len() <= LONGEST && Standing::parse(&text).unwrap().0.len() >= 4, "{text}");
    }

    #[test]
    fn a_new_version_begins_without_what_is_over_and_known() {
        let text = "warning token.mfa 2026-11-24T05:17:00Z; over a 2026-11-24T05:17:00Z Ab3d";
        let carried = |text: &str| Standing::parse(text).unwrap().carried().written();
        assert_eq!(carried(&format!("{text}; over b 2026-11-24T05:17:00Z")).as_deref(), Some(text));
        assert_eq!(carried("over b 2026-11-24T05:17:00Z"), None);
    }
}
