//! What of a digest is for one receiver.

use super::digest::{Digest, Notice, Subject, mark};
use crate::model::alert::Severity;
use crate::model::receiver::Receiver;

/// The digest for one receiver: what it asked for and does not know yet, or all that stands for one that keeps state by itself.
/// Nothing where there is nothing to send.
#[must_use]
pub fn of(receiver: &Receiver, digest: &Digest) -> Option<Digest> {
    let mine = digest.notices.iter().filter(|notice| is_named(receiver, &notice.subject));
    // What happened and is over is no state to keep.
    let least = if receiver.kind.keeps_state() { Severity::Warning } else { Severity::Info }.max(receiver.min_severity);
    let mine: Vec<Notice> = mine.map(|notice| reduced(notice, least)).collect();
    let (notices, healthy) = if receiver.kind.keeps_state() {
        let over = mine.iter().filter(|notice| notice.is_over() && notice.seen).map(|notice| notice.subject.clone());
        let named = digest.healthy.iter().filter(|subject| is_named(receiver, subject)).cloned();
        let healthy = over.chain(named).collect();
        (mine.into_iter().filter(|notice| !notice.is_over() || !notice.ended.is_empty()).collect(), healthy)
    } else {
        (mine.into_iter().filter_map(|notice| unknown_to(receiver, notice)).collect::<Vec<_>>(), Vec::new())
    };
    let is_empty = notices.is_empty() && healthy.is_empty();
    (!is_empty).then(|| Digest { run_id: digest.run_id.clone(), at: digest.at, notices, healthy })
}

/// Without what is below what the receiver asked for.
fn reduced(notice: &Notice, least: Severity) -> Notice {
    let mut reduced = notice.clone();
    reduced.facts.retain(|fact| fact.condition.severity >= least);
    reduced.unseen.retain(|told| told.severity() >= Some(least));
    // Of what is over and was told to nobody else there is no severity any more.
    reduced.ended.retain(|told| told.severity().is_none_or(|severity| severity >= least));
    reduced.besides = notice.worst().filter(|worst| *worst < least);
    reduced
}

/// A notice for a receiver that remembers nothing: where something holds that it has not heard of, or what it has heard of is over
/// and was worse than what is left.
fn unknown_to(receiver: &Receiver, mut notice: Notice) -> Option<Notice> {
    let me = mark(&receiver.name);
    notice.ended.retain(|told| told.to.contains(&me));
    let is_news = notice.facts.iter().any(|fact| !fact.known_to.contains(&me));
    let is_end = notice.is_over() && !notice.ended.is_empty() || !notice.news_of_ends().is_empty();
    (is_news || is_end).then_some(notice)
}

/// An app belongs to whoever asked for one of its tokens.
fn is_named(receiver: &Receiver, subject: &Subject) -> bool {
    let asked = |name: &String| receiver.tokens.iter().any(|pattern| matches(pattern, name));
    receiver.tokens.is_empty() || subject.tokens.iter().any(asked)
}

/// Whether a name is like a pattern, in which `*` stands for any part.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_part() {
        for (pattern, name, like) in [
            ("contoso", "contoso", true),
            ("contoso", "contoso-2", false),
            ("*", "anything", true),
            ("contoso-*", "contoso-partner", true),
            ("*-partner", "contoso-partner", true),
            ("c*-*r", "contoso-partner", true),
            ("c*x*r", "contoso-partner", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), like, "{pattern} {name}");
        }
    }
}
