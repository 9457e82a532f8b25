//! What of a digest is for one receiver.

use super::digest::{Audience, Digest, Notice};
use crate::model::alert::Severity;
use crate::model::receiver::Receiver;

/// The digest for one receiver: those notices that it asked for and does not know yet, or all that stand for one that keeps
/// state by itself. Nothing where there is nothing to send.
#[must_use]
pub fn of(receiver: &Receiver, digest: &Digest) -> Option<Digest> {
    let keeps_state = receiver.kind.keeps_state();
    let wanted = |notice: &&Notice| wants(receiver, notice) && (keeps_state || addressed(receiver, &notice.audience));
    let notices: Vec<Notice> = digest.notices.iter().filter(wanted).map(|notice| reduced(receiver, notice)).collect();
    let healthy = digest.healthy.iter().filter(|subject| keeps_state && is_named(receiver, &subject.name)).cloned();
    let healthy: Vec<_> = healthy.collect();
    if notices.is_empty() && healthy.is_empty() {
        return None;
    }
    Some(Digest { run_id: digest.run_id.clone(), at: digest.at, notices, healthy })
}

/// Whether a receiver asked for notices like this one.
#[must_use]
pub fn wants(receiver: &Receiver, notice: &Notice) -> bool {
    notice.severity >= receiver.min_severity && is_named(receiver, &notice.subject.name)
}

fn addressed(receiver: &Receiver, audience: &Audience) -> bool {
    match audience {
        Audience::All => true,
        Audience::Only(names) => names.contains(&receiver.name),
        Audience::Nobody => false,
    }
}

/// Without the facts that are below what the receiver asked for.
fn reduced(receiver: &Receiver, notice: &Notice) -> Notice {
    let least: Severity = receiver.min_severity;
    let mut notice = notice.clone();
    notice.facts.retain(|fact| fact.condition.severity >= least);
    notice
}

fn is_named(receiver: &Receiver, name: &str) -> bool {
    receiver.tokens.is_empty() || receiver.tokens.iter().any(|pattern| matches(pattern, name))
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
