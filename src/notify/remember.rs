//! Decides what is noted on the versions after the receivers were told, or were not.

use std::collections::HashSet;
use std::sync::Arc;

use super::digest::{Notice, mark};
use super::gather::{Entry, Gathered};
use super::tell::Told as Sent;
use crate::model::alert::{Class, Mark, Severity, Standing, Told};
use crate::model::receiver::Receiver;
use crate::model::target::Target;
use crate::model::version::VersionId;

/// A note to be written on a version.
#[derive(Debug)]
pub struct Note {
    pub target: Arc<Target>,
    pub version: VersionId,
    pub standing: Standing,
}

/// The notes that must change. A version that could not be looked at takes none.
#[must_use]
pub fn notes(gathered: &Gathered, receivers: &[Receiver], sent: &[Sent]) -> Vec<Note> {
    let ears: Vec<Ear> = receivers.iter().map(|receiver| Ear::new(receiver, sent)).collect();
    gathered.entries.iter().filter_map(|entry| note(entry, &ears)).collect()
}

/// What one receiver heard in this run.
struct Ear {
    mark: Mark,
    facts: HashSet<String>,
    subjects: HashSet<String>,
}

impl Ear {
    fn new(receiver: &Receiver, sent: &[Sent]) -> Self {
        let sent = sent.iter().find(|sent| sent.receiver == receiver.name && sent.result.is_ok());
        // One that keeps state hears everything again in the next run, known or not. What found no room is told by the next run.
        let heard = sent.filter(|_| !receiver.kind.keeps_state()).map(|sent| sent.heard.as_slice()).unwrap_or_default();
        Self {
            mark: mark(&receiver.name),
            facts: heard.iter().flat_map(|notice| &notice.facts).map(|fact| fact.id.clone()).collect(),
            subjects: heard.iter().map(|notice| notice.subject.key.clone()).collect(),
        }
    }
}

fn note(entry: &Entry, ears: &[Ear]) -> Option<Note> {
    let version = entry.version.clone()?;
    let told = entry.notices.iter().flat_map(|notice| remembered(notice, ears));
    let mut all: Vec<Told> = told.chain(kept(entry)).collect();
    if !entry.is_same_version {
        // A return on another version is told apart by that.
        all.retain(|told| !told.is_known_end());
    }
    let standing = Standing(all);
    let is_noted = entry.before.tag().is_some_and(|tag| tag == standing.written());
    (!is_noted).then(|| Note { target: Arc::clone(&entry.target), version, standing })
}

fn remembered(notice: &Notice, ears: &[Ear]) -> Vec<Told> {
    let there = |mark: &&Mark| ears.iter().any(|ear| ear.mark == **mark);
    let facts = notice.facts.iter().filter(|fact| fact.condition.severity > Severity::Info).map(|fact| {
        let heard = ears.iter().filter(|ear| ear.facts.contains(&fact.id)).map(|ear| &ear.mark);
        let knew = fact.known_to.iter().filter(there);
        let mut to: Vec<Mark> = knew.cloned().collect();
        to.extend(heard.filter(|mark| !fact.known_to.contains(mark)).cloned());
        let (class, code) = (Class::Holds(fact.condition.severity), fact.condition.code.to_owned());
        Told { class, code, since: fact.since, to }
    });
    let ended = notice.ended.iter().map(|told| {
        let heard =
            |mark: &&Mark| ears.iter().any(|ear| ear.mark == **mark && ear.subjects.contains(&notice.subject.key));
        let to = told.to.iter().filter(there).filter(|mark| !heard(mark)).cloned().collect();
        (told, Told { class: Class::Over, to, ..told.clone() })
    });
    // It goes on at another severity, or has returned; who has heard neither of that nor of its end is still to hear of one.
    let holds = |told: &Told| notice.facts.iter().any(|fact| fact.condition.code == told.code);
    let ended = ended.filter(|(was, told)| !holds(told) || was.class == Class::Over && !told.to.is_empty());
    let ended = ended.map(|(_, told)| told);
    facts.chain(notice.unseen.iter().cloned()).chain(ended).collect()
}

/// What this run has nothing to say of: an app that it did not look at, and ends that it did not come to see or that everybody knows.
fn kept(entry: &Entry) -> impl Iterator<Item = Told> {
    let said = |told: &Told| {
        let mut notices = entry.notices.iter();
        let known_by_all = told.to.is_empty();
        notices.any(|notice| {
            known_by_all && notice.facts.iter().any(|fact| fact.condition.code == told.code)
                || notice.ended.iter().chain(&notice.unseen).any(|other| other == told)
        })
    };
    let stays = move |told: &&Told| {
        let silent = if told.is_of_app() { !entry.app_looked } else { told.class == Class::Over };
        silent && !said(told)
    };
    entry.before.told().iter().filter(stays).cloned()
}
