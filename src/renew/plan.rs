//! Decides what is done with a token. Pure: the same inventory at the same instant gives the same step.

use time::OffsetDateTime;

use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::outcome::Hold;
use crate::model::policy::{Policy, Probe};
use crate::model::version::VersionId;
use crate::renew::inventory::Inventory;

/// What a run was asked to do beyond its configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Rotate whatever the age.
    pub force: bool,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// What is done with one token.
#[derive(Debug)]
pub enum Step {
    Rotate,
    Probe,
    /// Put someone else's version on top again, which a run that was killed left covered by its own.
    Uncover(VersionId),
    Hold(Hold),
}

/// A token whose time of issue is not known is due: it may be on its last day.
#[must_use]
pub fn plan(inventory: &Inventory, policy: &Policy, options: Options, now: OffsetDateTime) -> Step {
    let newest = inventory.newest();
    if !newest.enabled {
        let cause = Cause::new(Kind::SecretDisabled, format!("the newest version {} is disabled", newest.id));
        return Step::Hold(Hold::Disabled(Failure { stage: Stage::Plan, cause }));
    }
    if let Some(covered) = inventory.covered() {
        if options.dry_run {
            return Step::Hold(Hold::DryRun("put a covered version on top again"));
        }
        return Step::Uncover(covered.id.clone());
    }
    let due = newest.record.issued.is_none_or(|issued| now - issued >= policy.rotate_after);
    let step = match (options.force || due, policy.probe) {
        (true, _) => Step::Rotate,
        (false, Probe::EveryRun) => Step::Probe,
        (false, Probe::Never) => Step::Hold(Hold::NotDue),
    };
    match step {
        Step::Rotate if options.dry_run => Step::Hold(Hold::DryRun("rotate")),
        Step::Probe if options.dry_run => Step::Hold(Hold::DryRun("probe")),
        step => step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::days;
    use crate::model::version::{Record, Version, VersionId};
    use std::collections::BTreeMap;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    fn inventory(issued: Option<OffsetDateTime>, enabled: bool) -> Inventory {
        let version = Version {
            id: VersionId("v".into()),
            enabled,
            created: NOW,
            content_type: None,
            expires: None,
            tags: BTreeMap::new(),
            record: Record { issued, ..Record::default() },
        };
        Inventory { versions: vec![version], listed: true }
    }

    fn step(issued: Option<OffsetDateTime>, options: Options, probe: Probe) -> Step {
        plan(&inventory(issued, true), &Policy { probe, ..Policy::default() }, options, NOW)
    }

    #[test]
    fn due_by_age_by_force_or_for_want_of_an_age() {
        let young = Some(NOW - days(6));
        assert!(matches!(step(young, Options::default(), Probe::EveryRun), Step::Probe));
        assert!(matches!(step(young, Options::default(), Probe::Never), Step::Hold(Hold::NotDue)));
        assert!(matches!(step(Some(NOW - days(7)), Options::default(), Probe::Never), Step::Rotate));
        assert!(matches!(step(None, Options::default(), Probe::Never), Step::Rotate));
        let force = Options { force: true, dry_run: false };
        assert!(matches!(step(young, force, Probe::Never), Step::Rotate));
    }

    #[test]
    fn a_dry_run_says_what_it_would_do() {
        let dry = Options { force: false, dry_run: true };
        assert!(matches!(step(None, dry, Probe::EveryRun), Step::Hold(Hold::DryRun("rotate"))));
        assert!(matches!(step(Some(NOW), dry, Probe::EveryRun), Step::Hold(Hold::DryRun("probe"))));
    }

    #[test]
    fn a_disabled_newest_version_is_never_worked_around() {
        let options = Options { force: true, dry_run: false };
        let step = plan(&inventory(None, false), &Policy::default(), options, NOW);
        assert!(matches!(step, Step::Hold(Hold::Disabled(_))));
    }
}
