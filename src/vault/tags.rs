//! What is noted on each version this tool writes, so that the vault itself, the portal, Azure Policy and anybody
//! with the right to read metadata know how old a token is and whose.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::identity::{Account, Mfa};
use crate::model::version::{MOST_TAGS as MOST, Record, RunTag, Tagged, VersionId};

/// The older of two documented limits on a tag's value.
const LONGEST: usize = 256;

const PREFIX: &str = "rotator-";
const ISSUED: &str = "rotator-issued";
const CONSENTED: &str = "rotator-consented";
const IDENTITY: &str = "rotator-identity";
const SCOPE: &str = "rotator-scope";
const MFA: &str = "rotator-mfa";
const RUN: &str = "rotator-run";
const STATE: &str = "rotator-state";
const RETIRED: &str = "rotator-retired";

/// Which of ours go first where fifteen tags do not hold all: what only informs before what decides. A version without RUN is
/// somebody else's for a run, which leaves it on top; one without CONSENTED would be no sign-in.
const LEAVE_OUT: [&str; 7] = [SCOPE, MFA, IDENTITY, STATE, RUN, CONSENTED, ISSUED];

/// Reads our tags. One that cannot be read counts as absent.
#[must_use]
pub fn read(tags: &BTreeMap<String, String>) -> Record {
    let value = |name| tags.get(name).map(String::as_str);
    Record {
        issued: value(ISSUED).and_then(instant),
        consented: value(CONSENTED).and_then(instant),
        identity: value(IDENTITY).and_then(identity),
        mfa: value(MFA).map(Mfa::parse),
        run: value(RUN).and_then(run),
        state: value(STATE).map(str::to_owned),
        retired: value(RETIRED).and_then(instant),
    }
}

/// The tags of a version whose token is taken out of service; none where fifteen of others leave no room.
#[must_use]
pub fn retired(tags: &BTreeMap<String, String>, now: OffsetDateTime) -> Option<BTreeMap<String, String>> {
    with(tags, RETIRED, written(now)?)
}

/// The tags of a version with another note of what people were told; as they are where there is no room for one.
#[must_use]
pub fn noted(tags: &BTreeMap<String, String>, state: Option<String>) -> BTreeMap<String, String> {
    let mut without = tags.clone();
    without.remove(STATE);
    match state {
        Some(state) => with(&without, STATE, state).unwrap_or(without),
        None => without,
    }
}

/// The tags of a copy that `run` puts on top of another version; the original's where there is no room.
#[must_use]
pub fn copied(tags: &BTreeMap<String, String>, run: &RunTag) -> BTreeMap<String, String> {
    with(tags, RUN, format!("{} {}", run.run_id, run.replaced)).unwrap_or_else(|| tags.clone())
}

/// One more tag of ours, in place of the least important one where fifteen are there.
fn with(tags: &BTreeMap<String, String>, name: &str, value: String) -> Option<BTreeMap<String, String>> {
    let mut tags = tags.clone();
    if tags.len() >= MOST && !tags.contains_key(name) {
        let before = LEAVE_OUT.iter().take_while(|other| **other != name);
        let least = before.into_iter().find(|other| tags.contains_key(**other))?;
        tags.remove(*least);
    }
    tags.insert(name.to_owned(), value);
    Some(tags)
}

/// All tags of a new version: those of others from the version it replaces, and ours. Returns the names that did
/// not fit as well.
#[must_use]
pub fn write(
    replaced: &BTreeMap<String, String>,
    record: &Record,
    scope: &str,
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut tags: BTreeMap<String, String> =
        replaced.iter().filter(|(name, _)| !name.starts_with(PREFIX)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut ours = ours(record, scope);
    let mut left_out = Vec::new();
    ours.retain(|(name, value)| {
        let fits = value.len() <= LONGEST;
        if !fits {
            left_out.push((*name).to_owned());
        }
        fits
    });
    for name in LEAVE_OUT {
        if tags.len() + ours.len() <= MOST {
            break;
        }
        if let Some(index) = ours.iter().position(|(ours, _)| *ours == name) {
            ours.remove(index);
            left_out.push(name.to_owned());
        }
    }
    tags.extend(ours.into_iter().map(|(name, value)| (name.to_owned(), value)));
    (tags, left_out)
}

fn ours(record: &Record, scope: &str) -> Vec<(&'static str, String)> {
    let part = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let identity = record.identity.as_ref().map(|tagged| {
        let home = tagged.home.as_ref();
        let (tenant, user) = (home.map(|home| home.tenant.as_str()), home.map(|home| home.user.as_str()));
        [part(tenant), part(user), part(tagged.app.as_deref())].join("/")
    });
    [
        (ISSUED, record.issued.and_then(written)),
        (CONSENTED, record.consented.and_then(written)),
        (IDENTITY, identity),
        (SCOPE, Some(scope.to_owned())),
        (MFA, record.mfa.map(|mfa| mfa.as_str().to_owned())),
        (STATE, record.state.clone()),
        (RUN, record.run.as_ref().map(|run| format!("{} {}", run.run_id, run.replaced))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// An instant as the tags have it: whole seconds.
fn written(at: OffsetDateTime) -> Option<String> {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).ok()
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn identity(text: &str) -> Option<Tagged> {
    let [tenant, user, app] = text.split('/').collect::<Vec<_>>().try_into().ok()?;
    let known = |part: &str| (part != "-" && !part.is_empty()).then(|| part.to_owned());
    let home = known(tenant).zip(known(user)).map(|(tenant, user)| Account { tenant, user });
    Some(Tagged { home, app: known(app) })
}

fn run(text: &str) -> Option<RunTag> {
    let (run_id, replaced) = text.split_once(' ')?;
    Some(RunTag { run_id: run_id.to_owned(), replaced: VersionId(replaced.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn record() -> Record {
        Record {
            issued: Some(datetime!(2026-11-24 07:30:15 UTC)),
            consented: Some(datetime!(2026-01-02 03:04:05 UTC)),
            identity: Some(Tagged {
                home: Some(Account { tenant: "t".into(), user: "u".into() }),
                app: Some("a".into()),
            }),
            mfa: Some(Mfa::Yes),
            state: Some("warning token.mfa 2026-11-24T07:30:15Z".into()),
            retired: None,
            run: Some(RunTag { run_id: "r1".into(), replaced: VersionId("abc".into()) }),
        }
    }

    fn foreign(count: usize) -> BTreeMap<String, String> {
        (0..count).map(|n| (format!("cost-centre-{n}"), n.to_string())).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let (tags, left_out) = write(&foreign(2), &record(), "https://x/.default");
        assert_eq!((read(&tags), tags.len(), left_out.len()), (record(), 9, 0));
        assert_eq!(tags["rotator-issued"], "2026-11-24T07:30:15Z");
        assert_eq!(tags["rotator-identity"], "t/u/a");
        assert_eq!(tags["rotator-run"], "r1 abc");
        let unknown = Record { identity: Some(Tagged { home: None, app: Some("a".into()) }), ..record() };
        assert_eq!(read(&write(&foreign(0), &unknown, "s").0), unknown);
    }

    #[test]
    fn foreign_tags_are_carried_and_old_ones_of_ours_are_not() {
        let mut before = foreign(1);
        before.insert("rotator-state".into(), "old".into());
        let (tags, _) = write(&before, &Record::default(), "s");
        assert_eq!(tags.keys().map(String::as_str).collect::<Vec<_>>(), ["cost-centre-0", "rotator-scope"]);
    }

    #[test]
    fn ours_give_way_in_a_stated_order() {
        let (tags, left_out) = write(&foreign(11), &record(), "s");
        assert_eq!(
            (tags.len(), left_out),
            (15, vec!["rotator-scope".to_owned(), "rotator-mfa".into(), "rotator-identity".into()])
        );
        let (tags, left_out) = write(&foreign(15), &record(), "s");
        assert_eq!((tags.len(), left_out.len()), (15, 7));
    }

    #[test]
    fn a_value_too_long_is_left_out() {
        let (tags, left_out) = write(&foreign(0), &record(), &"s".repeat(257));
        assert_eq!(left_out, ["rotator-scope"]);
        assert!(!tags.contains_key("rotator-scope"));
    }

    #[test]
    fn unreadable_tags_count_as_absent() {
        let tags = [("rotator-issued", "yesterday"), ("rotator-identity", "x"), ("rotator-run", "")];
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(read(&tags), Record::default());
    }
}
