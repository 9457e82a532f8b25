//! Makes the digest of a run out of its outcomes, and what is to be remembered out of what became of telling it.

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::condition;
use super::digest::{self, Digest, Notice, Subject};
use super::filter;
use super::tell::Told;
use crate::model::alert::{Before, Condition, Standing};
use crate::model::health::{self, Health};
use crate::model::outcome::Outcome;
use crate::model::receiver::Receiver;
use crate::model::target::Target;
use crate::model::version::VersionId;

/// How long what an app registration proves itself with has to live.
#[derive(Debug, Clone)]
pub struct AppLife {
    /// The key of its table.
    pub name: String,
    pub client_id: String,
    pub credential: String,
    pub health: Health,
    pub days_left: Option<i64>,
}

/// What is known of one token before anybody is told: on its newest version is noted what was told of it, and of its app where
/// it is the app's first.
#[derive(Debug)]
struct Entry {
    target: Arc<Target>,
    version: Option<VersionId>,
    before: Before,
    notices: Vec<Notice>,
}

/// A digest, and where what comes of it is noted.
#[derive(Debug)]
pub struct Gathered {
    pub digest: Digest,
    entries: Vec<Entry>,
}

/// A note to be written on a version.
#[derive(Debug)]
pub struct NoteToWrite {
    pub target: Arc<Target>,
    pub version: VersionId,
    pub standing: Standing,
}

/// Codes of conditions of apps, which share a tag with those of a token.
const OF_APPS: &str = "app.";

/// Looks at every outcome.
#[must_use]
pub fn gather(run_id: &str, tokens: &[(&Arc<Target>, &Outcome)], apps: &[AppLife], now: OffsetDateTime) -> Gathered {
    let mut apps: HashMap<&str, &AppLife> = apps.iter().map(|app| (app.name.as_str(), app)).collect();
    let (mut entries, mut healthy) = (Vec::new(), Vec::new());
    for (target, outcome) in tokens {
        let mut notices = Vec::new();
        let mut look =
            |subject: Subject, conditions: Vec<Condition>, before: &Before, looked: &dyn Fn(&str) -> bool| {
                match digest::notice(subject.clone(), conditions, before, looked, now) {
                    Some(notice) => notices.push(notice),
                    None => healthy.push(subject),
                }
            };
        let mut conditions = condition::of_token(target, outcome, now);
        conditions.extend(condition::event(target, outcome));
        let looked = |code: &str| condition::looked(outcome, code);
        look(token(target, outcome, now), conditions, &part(&outcome.before, false), &looked);
        if let Some(life) = apps.remove(target.app.name.as_str()) {
            let condition = condition::of_app(&life.client_id, &life.credential, life.health, life.days_left);
            let looked = |_: &str| life.health != Health::Unknown;
            look(app(life, target), condition.into_iter().collect(), &part(&outcome.before, true), &looked);
        }
        let (version, before) = (outcome.version.clone(), outcome.before.clone());
        entries.push(Entry { target: Arc::clone(target), version, before, notices });
    }
    let mut notices: Vec<Notice> = entries.iter().flat_map(|entry| entry.notices.clone()).collect();
    notices.sort_by_key(|notice| (notice.is_over(), std::cmp::Reverse(notice.severity)));
    Gathered { digest: Digest { run_id: run_id.to_owned(), at: now, notices, healthy }, entries }
}

/// What was told of a token, or of its app.
fn part(before: &Before, of_app: bool) -> Before {
    match before {
        Before::Known(Standing(all)) => {
            let mine = all.iter().filter(|told| told.code.starts_with(OF_APPS) == of_app);
            Before::Known(Standing(mine.cloned().collect()))
        }
        Before::Unknown => Before::Unknown,
    }
}

fn token(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Subject {
    let (secret, host) = (&target.secret, target.vault.url.host());
    Subject {
        key: format!("rotator/{host}/{secret}"),
        name: target.name.clone(),
        is_app: false,
        place: format!("{secret} in {host}"),
        version: outcome.version.as_ref().map(ToString::to_string).unwrap_or_default(),
        days_left: health::judge(outcome.issued, &target.policy, now).days_left,
        purpose: target.purpose.clone(),
        owner: target.owner.clone(),
    }
}

fn app(life: &AppLife, target: &Target) -> Subject {
    Subject {
        key: format!("rotator/app/{}/{}/{}", target.app.tenant_id, life.client_id, life.name),
        name: life.name.clone(),
        is_app: true,
        place: life.client_id.clone(),
        version: String::new(),
        days_left: life.days_left,
        purpose: target.purpose.clone(),
        owner: target.owner.clone(),
    }
}

impl Gathered {
    /// The notes that must change after the receivers were told. A version that could not be looked at takes none.
    #[must_use]
    pub fn notes(&self, receivers: &[Receiver], told: &[Told]) -> Vec<NoteToWrite> {
        let missed: Vec<&Receiver> = receivers
            .iter()
            .filter(|receiver| told.iter().any(|told| told.receiver == receiver.name && told.result.is_err()))
            .collect();
        self.entries.iter().filter_map(|entry| entry.note(&missed)).collect()
    }
}

impl Entry {
    fn note(&self, missed: &[&Receiver]) -> Option<NoteToWrite> {
        let remembered = self.notices.iter().flat_map(|notice| {
            let missed = missed.iter().filter(|receiver| filter::wants(receiver, notice));
            let missed: Vec<String> = missed.map(|receiver| receiver.name.clone()).collect();
            digest::remembered(notice, &self.before, &missed).0
        });
        let standing = Standing(remembered.collect());
        let was = match &self.before {
            Before::Known(before) => before.written(),
            // The tag cannot be read, or there is no version.
            Before::Unknown => Some(String::new()),
        };
        let version = self.version.clone()?;
        let changed = standing.written() != was;
        changed.then(|| NoteToWrite { target: Arc::clone(&self.target), version, standing })
    }
}
