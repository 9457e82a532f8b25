//! Chooses the versions that a stored and read-back one makes superfluous.

use time::OffsetDateTime;

use crate::model::policy::Policy;
use crate::model::version::{self, Version, VersionId};
use crate::renew::store::ReadBack;

/// Enabled versions of ours beyond `keep_versions` and older than `grace`. Never the newest, never one of the same
/// second, and one that this tool did not write only where `foreign` says so. Nothing without the list of versions.
pub(super) fn superfluous(stored: &ReadBack, policy: &Policy, foreign: bool, now: OffsetDateTime) -> Vec<VersionId> {
    let all = stored.versions.as_deref().unwrap_or_default();
    let mut enabled: Vec<&Version> = all.iter().filter(|version| version.enabled).collect();
    enabled.sort_by_key(|version| (version.id != stored.version.id, std::cmp::Reverse(version.created)));
    enabled
        .into_iter()
        .skip(policy.keep_versions.max(1))
        .filter(|version| foreign || version::is_ours(version, all))
        .filter(|version| version.created < stored.version.created && now - version.created > policy.grace)
        .map(|version| version.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::days;
    use crate::model::version::{Record, RunTag};
    use std::collections::BTreeMap;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    fn version(id: &str, age_days: u64, ours: bool) -> Version {
        let run = RunTag { run_id: format!("run of {id}"), replaced: VersionId("x".into()) };
        Version {
            id: VersionId(id.into()),
            enabled: true,
            created: NOW - days(age_days),
            content_type: None,
            expires: None,
            tags: BTreeMap::new(),
            record: Record { run: ours.then_some(run), ..Record::default() },
        }
    }

    fn retired(versions: Vec<Version>) -> Vec<String> {
        let stored = ReadBack { version: version("new", 0, true), versions: Some(versions) };
        superfluous(&stored, &Policy::default(), false, NOW).into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn beyond_the_number_kept_and_the_grace() {
        let new = || version("new", 0, true);
        assert_eq!(retired(vec![version("b", 14, true), new(), version("a", 7, true)]), ["b"]);
        assert_eq!(retired(vec![new(), version("a", 7, true)]), [""; 0]);
        assert_eq!(retired(vec![new(), version("a", 0, true), version("b", 1, true)]), [""; 0]);
    }

    #[test]
    fn foreign_and_disabled_versions_are_left_alone() {
        let disabled = Version { enabled: false, ..version("d", 30, true) };
        let versions = vec![version("new", 0, true), version("a", 7, true), version("hand", 20, false), disabled];
        assert_eq!(retired(versions), [""; 0]);
    }

    #[test]
    fn a_version_with_copied_tags_is_foreign() {
        let mut copy = version("copy", 20, true);
        copy.record.run = version("original", 30, true).record.run;
        let versions = vec![version("new", 0, true), version("a", 7, true), copy, version("original", 30, true)];
        assert_eq!(retired(versions), ["original"]);
    }

    #[test]
    fn a_version_of_the_same_second_is_never_retired() {
        let versions = vec![version("new", 0, true), version("x", 0, true), version("y", 0, true)];
        assert_eq!(retired(versions), [""; 0]);
    }
}
