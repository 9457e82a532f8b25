//! Gathers what is to be told after a run: what is new, what is over, and what stands. Nothing is sent here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use time::OffsetDateTime;

use crate::model::alert::{Before, Condition, Severity, Standing, Told};

/// Who or what a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The same in every run: receivers put together by it what belongs together.
    pub key: String,
    /// A token's name, or an app registration's.
    pub name: String,
    pub is_app: bool,
    /// Where a token lies: `secret in vault`; for an app its client id.
    pub place: String,
    /// The version that the notice is about.
    pub version: String,
    pub days_left: Option<i64>,
    pub purpose: Option<String>,
    pub owner: Option<String>,
}

/// A condition, and since when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The same however often it is sent.
    pub id: String,
    pub condition: Condition,
    pub since: OffsetDateTime,
}

/// Who is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    All,
    /// Receivers that missed it before.
    Only(Vec<String>),
    /// Everybody knows.
    Nobody,
}

/// What there is to say of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub subject: Subject,
    /// The worst of its facts; where it is over, the worst of what it was.
    pub severity: Severity,
    /// What holds, the worst first. None where all is over.
    pub facts: Vec<Fact>,
    /// What was told before and is over.
    pub ended: Vec<Told>,
    /// What was told before, and this run did not come to look at.
    pub unseen: Vec<Told>,
    pub audience: Audience,
}

impl Notice {
    /// Whether everything that was told of it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.facts.is_empty() && self.unseen.is_empty()
    }
}

/// Everything that there is to say after one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub run_id: String,
    pub at: OffsetDateTime,
    /// The worst first.
    pub notices: Vec<Notice>,
    /// Subjects that nothing holds for.
    pub healthy: Vec<Subject>,
}

/// What one subject has to say, compared with what was told before. What this run did not look at, as `looked` says of a code, is
/// not over because it was not seen.
#[must_use]
pub fn notice(
    subject: Subject,
    conditions: Vec<Condition>,
    before: &Before,
    looked: impl Fn(&str) -> bool,
    now: OffsetDateTime,
) -> Option<Notice> {
    let news = conditions.iter().any(|condition| before.of(condition).is_none());
    let known = conditions.iter().filter_map(|condition| before.of(condition));
    let missed: Vec<String> = known.flat_map(|told| told.pending.clone()).collect();
    let holds = |told: &&Told| conditions.iter().any(|condition| told.is_of(condition));
    let gone = before.told().iter().filter(|told| !holds(told)).cloned();
    let (ended, unseen): (Vec<Told>, Vec<Told>) = gone.partition(|told| looked(&told.code));
    let worst = |told: &[Told]| told.iter().map(|told| told.severity).max();
    let holding = conditions.iter().map(|condition| condition.severity).max().max(worst(&unseen));
    let severity = holding.or(worst(&ended))?;
    let audience = match () {
        () if news || holding.is_none() => Audience::All,
        () if !missed.is_empty() => Audience::Only(missed),
        () => Audience::Nobody,
    };
    let fact = |condition: Condition| Fact {
        id: id(&subject, &condition),
        since: before.of(&condition).map_or(now, |told| told.since),
        condition,
    };
    let facts = conditions.into_iter().map(fact).collect();
    Some(Notice { subject, severity, facts, ended, unseen, audience })
}

/// What is to be remembered of a notice, after the receivers in `missed` were not reached.
#[must_use]
pub fn remembered(notice: &Notice, before: &Before, missed: &[String]) -> Standing {
    let told = |fact: &Fact| {
        let pending = match before.of(&fact.condition) {
            // Who missed it before and was not reached now either.
            Some(told) => told.pending.iter().filter(|name| missed.contains(name)).cloned().collect(),
            None => missed.to_vec(),
        };
        Told { severity: fact.condition.severity, code: fact.condition.code.to_owned(), since: fact.since, pending }
    };
    let facts = notice.facts.iter().filter(|fact| fact.condition.severity > Severity::Info).map(told);
    Standing(facts.chain(notice.unseen.iter().cloned()).collect())
}

fn id(subject: &Subject, condition: &Condition) -> String {
    let Subject { key, version, .. } = subject;
    let text = format!("{key}\n{version}\n{}\n{}", condition.severity.as_str(), condition.code);
    short_hash(&text)
}

/// 22 characters that two texts do not share by chance.
#[must_use]
pub(super) fn short_hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}
