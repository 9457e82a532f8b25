//! Makes the digest of a run out of its outcomes.

use std::sync::Arc;

use time::OffsetDateTime;

use super::condition;
use super::digest::{self, Digest, Notice, Subject};
use crate::model::alert::{Before, Condition, Standing, Told};
use crate::model::health::{self, Health};
use crate::model::name::printable;
use crate::model::outcome::Outcome;
use crate::model::target::Target;
use crate::model::version::VersionId;

/// How long what an app registration proves itself with has to live.
#[derive(Debug, Clone)]
pub struct AppLife {
    /// The key of its table.
    pub name: String,
    pub client_id: String,
    pub credential: String,
    pub expires: Option<OffsetDateTime>,
    pub health: Health,
    pub days_left: Option<i64>,
}

/// A digest, and where what comes of it is noted.
#[derive(Debug)]
pub struct Gathered {
    pub digest: Digest,
    /// One for each token.
    pub(super) entries: Vec<Entry>,
}

/// What there is to say of one token, and of its app where this is the token at which that is noted.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) target: Arc<Target>,
    pub(super) version: Option<VersionId>,
    pub(super) before: Before,
    /// Whether `version` is the one that `before` speaks of.
    pub(super) is_same_version: bool,
    /// Whether this run looked at the app.
    pub(super) app_looked: bool,
    pub(super) notices: Vec<Notice>,
}

/// Looks at every outcome, and at these apps.
#[must_use]
pub fn gather(run_id: &str, tokens: &[(&Arc<Target>, &Outcome)], apps: &[AppLife], now: OffsetDateTime) -> Gathered {
    let mut healthy = Vec::new();
    let mut entries: Vec<Entry> = tokens.iter().map(|(target, outcome)| Entry::new(target, outcome, apps)).collect();
    for (entry, (target, outcome)) in entries.iter_mut().zip(tokens) {
        let mut conditions = condition::of_token(target, outcome, now);
        conditions.extend(condition::event(target, outcome));
        let before = part(&entry.before, |told| !told.is_of_app());
        let looked = |told: &Told| condition::looked(outcome, told);
        let seen = outcome.verdict.is_accepted();
        entry.look(&mut healthy, token(target, outcome, now), conditions, &before, (looked, seen), now);
    }
    for life in apps {
        let before = noted_of(&entries, life);
        let condition = condition::of_app(&life.client_id, &life.credential, life.health, life.days_left);
        let seen = life.health != Health::Unknown;
        let its = entries.iter().filter(|entry| entry.target.app.name == life.name);
        let tokens = its.map(|entry| entry.target.name.clone()).collect();
        if let Some(entry) = place_of(&mut entries, life) {
            let subject = app(life, &entry.target, tokens);
            entry.look(&mut healthy, subject, condition.into_iter().collect(), &before, (|_: &Told| seen, seen), now);
        }
    }
    let mut notices: Vec<Notice> = entries.iter().flat_map(|entry| entry.notices.clone()).collect();
    notices.sort_by_key(|notice| (notice.is_over(), std::cmp::Reverse(notice.severity())));
    Gathered { digest: Digest { run_id: run_id.to_owned(), at: now, notices, healthy }, entries }
}

impl Entry {
    fn new(target: &Arc<Target>, outcome: &Outcome, apps: &[AppLife]) -> Self {
        let is_replaced = outcome.previous.is_some();
        let is_same_version = !is_replaced && matches!(outcome.before, Before::Known(_));
        let carried = outcome.before.carried().filter(|_| is_replaced);
        Self {
            target: Arc::clone(target),
            version: outcome.version.clone(),
            before: carried.map_or_else(|| outcome.before.clone(), Before::Known),
            is_same_version,
            app_looked: apps.iter().any(|app| app.name == target.app.name),
            notices: Vec::new(),
        }
    }

    fn look(
        &mut self,
        healthy: &mut Vec<Subject>,
        subject: Subject,
        conditions: Vec<Condition>,
        before: &Before,
        (looked, seen): (impl Fn(&Told) -> bool, bool),
        now: OffsetDateTime,
    ) {
        match digest::notice(subject.clone(), conditions, before, (looked, seen), now) {
            Some(notice) => self.notices.push(notice),
            None if seen => healthy.push(subject),
            None => {}
        }
    }
}

/// A part of what was told.
fn part(before: &Before, which: impl Fn(&Told) -> bool) -> Before {
    match before {
        Before::Unknown => Before::Unknown,
        known => Before::Known(Standing(known.told().iter().filter(|told| which(told)).cloned().collect())),
    }
}

/// What was told of an app, on whichever of its tokens it was noted.
fn noted_of(entries: &[Entry], life: &AppLife) -> Before {
    let its = || entries.iter().filter(|entry| entry.target.app.name == life.name);
    if its().all(|entry| entry.before == Before::Unknown) {
        return Before::Unknown;
    }
    let told = its().flat_map(|entry| entry.before.told()).filter(|told| told.is_of_app());
    Before::Known(Standing(told.cloned().collect()))
}

/// It is noted at the first of the app's tokens whose version could be looked at.
fn place_of<'e>(entries: &'e mut [Entry], life: &AppLife) -> Option<&'e mut Entry> {
    let mut its: Vec<&mut Entry> = entries.iter_mut().filter(|entry| entry.target.app.name == life.name).collect();
    let nth = its.iter().position(|entry| entry.version.is_some()).unwrap_or_default();
    (nth < its.len()).then(|| its.swap_remove(nth))
}

/// As much of a text of the configuration as somebody reads.
fn shown(text: Option<&String>) -> Option<String> {
    text.map(|text| printable(text, 500))
}

fn token(target: &Target, outcome: &Outcome, now: OffsetDateTime) -> Subject {
    let (secret, host) = (&target.secret, target.vault.url.host());
    Subject {
        key: format!("rotator/{host}/{secret}"),
        name: target.name.clone(),
        tokens: vec![target.name.clone()],
        is_app: false,
        place: format!("{secret} in {host}"),
        version: outcome.version.as_ref().map(ToString::to_string).unwrap_or_default(),
        days_left: health::judge(outcome.issued, &target.policy, now).days_left,
        purpose: shown(target.purpose.as_ref()),
        owner: shown(target.owner.as_ref()),
    }
}

fn app(life: &AppLife, target: &Target, tokens: Vec<String>) -> Subject {
    Subject {
        key: format!("rotator/app/{}/{}/{}", target.app.tenant_id, life.client_id, life.name),
        name: life.name.clone(),
        tokens,
        is_app: true,
        place: life.client_id.clone(),
        // Each client secret has its own end.
        version: life.expires.map(|end| end.unix_timestamp().to_string()).unwrap_or_default(),
        days_left: life.days_left,
        purpose: shown(target.purpose.as_ref()),
        owner: shown(target.owner.as_ref()),
    }
}
