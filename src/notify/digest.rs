//! Gathers what is to be told after a run: what is new, what is over, and what stands. Nothing is sent here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use time::OffsetDateTime;

use crate::model::alert::{Before, Class, Condition, Mark, Severity, Told};

/// Who or what a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The same in every run: receivers put together by it what belongs together.
    pub key: String,
    /// A token's name, or an app registration's.
    pub name: String,
    /// The tokens that it is about.
    pub tokens: Vec<String>,
    pub is_app: bool,
    /// Where a token lies: `secret in vault`; for an app its client id.
    pub place: String,
    /// The version that the notice is about.
    pub version: String,
    pub days_left: Option<i64>,
    pub purpose: Option<String>,
    pub owner: Option<String>,
}

/// A condition, since when it holds, and who knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The same however often it is sent, and another one when it returns.
    pub id: String,
    pub condition: Condition,
    pub since: OffsetDateTime,
    pub known_to: Vec<Mark>,
}

/// What there is to say of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub subject: Subject,
    /// What holds, the worst first.
    pub facts: Vec<Fact>,
    /// What was told before and is over.
    pub ended: Vec<Told>,
    /// What was told before, and this run did not come to look at.
    pub unseen: Vec<Told>,
    /// What holds though it is not of interest here.
    pub besides: Option<Severity>,
    /// Whether the run saw how it is; otherwise more may hold than is known.
    pub seen: bool,
}

impl Notice {
    /// Whether everything is over that was told of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.facts.is_empty() && self.unseen.is_empty()
    }

    /// The worst of what holds; an end is for information.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.worst().unwrap_or(Severity::Info)
    }

    /// The worst of what holds, if anything does.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let facts = self.facts.iter().map(|fact| fact.condition.severity);
        facts.chain(self.unseen.iter().filter_map(Told::severity)).max()
    }

    /// The codes whose end is worth a word while others hold: where it was worse than what is left, or where somebody did not hear of it.
    #[must_use]
    pub fn news_of_ends(&self) -> Vec<&str> {
        let worth = |told: &&Told| self.is_eased() || told.class == Class::Over;
        self.ended.iter().filter(worth).map(|told| told.code.as_str()).collect()
    }

    /// Whether what is over was worse than what is left.
    #[must_use]
    pub fn is_eased(&self) -> bool {
        self.ended.iter().filter_map(Told::severity).max() > self.worst()
    }
}

/// Everything that there is to say after one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub run_id: String,
    pub at: OffsetDateTime,
    /// The worst first.
    pub notices: Vec<Notice>,
    /// Subjects that the run saw, and that nothing holds for.
    pub healthy: Vec<Subject>,
}

impl Digest {
    /// Made of what it says, so that a repetition has the same.
    #[must_use]
    pub fn id(&self) -> String {
        let facts = self.notices.iter().flat_map(|notice| notice.facts.iter().map(|fact| fact.id.clone()));
        let ends = self.notices.iter().flat_map(|notice| notice.ended.iter().map(|told| end(&notice.subject, told)));
        short_hash(&facts.chain(ends).collect::<String>())
    }
}

/// The end of a condition, as nothing else is.
fn end(subject: &Subject, told: &Told) -> String {
    format!("{} {} {}", subject.key, told.code, told.since.unix_timestamp())
}

/// What one subject has to say, compared with what was told before. What this run did not look at, as `looked` says of a code, is
/// not over because it was not seen.
#[must_use]
pub fn notice(
    subject: Subject,
    conditions: Vec<Condition>,
    before: &Before,
    (looked, seen): (impl Fn(&Told) -> bool, bool),
    now: OffsetDateTime,
) -> Option<Notice> {
    let holds = |told: &&Told| conditions.iter().any(|condition| told.is_of(condition));
    let gone = before.told().iter().filter(|told| !holds(told) && !told.is_known_end());
    let (ended, unseen): (Vec<Told>, Vec<Told>) = gone.cloned().partition(|told| looked(told));
    let fact = |condition: Condition| {
        let known_to = before.of(&condition).map(|told| told.to.clone()).unwrap_or_default();
        let began = before.began(condition.code);
        Fact { id: id(&subject, &condition, before, now), since: began.unwrap_or(now), condition, known_to }
    };
    let facts = conditions.into_iter().map(fact).collect();
    // An end that was not looked at is told when it is.
    let unseen = unseen.into_iter().filter(|told| told.class != Class::Over).collect();
    let notice = Notice { subject, facts, ended, unseen, besides: None, seen };
    (!notice.is_over() || !notice.ended.is_empty()).then_some(notice)
}

/// What tells one time from another: the version; where it is not known, the day; and when it held before on the same version.
fn id(subject: &Subject, condition: &Condition, before: &Before, now: OffsetDateTime) -> String {
    let Subject { key, version, .. } = subject;
    let version = if version.is_empty() { now.date().to_string() } else { version.clone() };
    let last = before.told().iter().find(|told| told.class == Class::Over && told.code == condition.code);
    let last = last.map(|told| told.since.unix_timestamp()).unwrap_or_default();
    let text = format!("{key}\n{version}\n{last}\n{}\n{}", condition.severity.as_str(), condition.code);
    short_hash(&text)
}

/// 22 characters that two texts do not share by chance.
fn short_hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}

/// How a receiver is written in a tag.
#[must_use]
pub fn mark(receiver: &str) -> Mark {
    Mark(short_hash(receiver)[..4].to_owned())
}
