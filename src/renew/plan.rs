//! Decides what is done with a token. Pure: the same inventory at the same instant gives the same step.

use time::OffsetDateTime;

use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::outcome::Hold;
use crate::model::policy::Probe;
use crate::model::target::Target;
use crate::model::version::{Version, VersionId};
use crate::renew::inventory::Inventory;

/// What a run was asked to do beyond its configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Rotate whatever the age.
    pub force: bool,
    /// Decide, and do nothing.
    pub dry_run: bool,
    /// Disable old versions that somebody else stored as well.
    pub retire_foreign: bool,
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

/// Why a token is left alone whatever its state, if so.
#[must_use]
pub fn set_aside(newest: &Version, suspended_until: Option<OffsetDateTime>, now: OffsetDateTime) -> Option<Hold> {
    // A version that somebody enabled again, or stored with the tags of one out of service, is in service.
    let retired = newest.record.retired.filter(|_| !newest.enabled).map(Hold::Retired);
    retired.or_else(|| suspended_until.filter(|until| now < *until).map(Hold::Suspended))
}

/// A token whose time of issue is not known is due: it may be on its last day.
#[must_use]
pub fn plan(inventory: &Inventory, target: &Target, options: Options, now: OffsetDateTime) -> Step {
    let (newest, policy) = (inventory.newest(), &target.policy);
    if let Some(hold) = set_aside(newest, target.suspended_until, now) {
        return Step::Hold(hold);
    }
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
    use crate::config;
    use crate::model::policy::{Policy, days};
    use crate::model::version::Record;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    fn inventory(record: Record, enabled: bool) -> Inventory {
        let version = Version {
            id: VersionId("v".into()),
            enabled,
            created: NOW,
            content_type: None,
            expires: None,
            tags: BTreeMap::new(),
            record,
        };
        Inventory { versions: vec![version], listed: true }
    }

    fn issued(issued: Option<OffsetDateTime>) -> Inventory {
        inventory(Record { issued, ..Record::default() }, true)
    }

    fn target() -> Target {
        let config = config::load_text("example", config::EXAMPLE).unwrap();
        Arc::unwrap_or_clone(config.targets.into_iter().next().unwrap())
    }

    fn step(age: Option<OffsetDateTime>, options: Options, probe: Probe) -> Step {
        let target = Target { policy: Policy { probe, ..Policy::default() }, ..target() };
        plan(&issued(age), &target, options, NOW)
    }

    #[test]
    fn due_by_age_by_force_or_for_want_of_an_age() {
        let young = Some(NOW - days(6));
        assert!(matches!(step(young, Options::default(), Probe::EveryRun), Step::Probe));
        assert!(matches!(step(young, Options::default(), Probe::Never), Step::Hold(Hold::NotDue)));
        assert!(matches!(step(Some(NOW - days(7)), Options::default(), Probe::Never), Step::Rotate));
        assert!(matches!(step(None, Options::default(), Probe::Never), Step::Rotate));
        let force = Options { force: true, ..Options::default() };
        assert!(matches!(step(young, force, Probe::Never), Step::Rotate));
    }

    #[test]
    fn a_dry_run_says_what_it_would_do() {
        let dry = Options { dry_run: true, ..Options::default() };
        assert!(matches!(step(None, dry, Probe::EveryRun), Step::Hold(Hold::DryRun("rotate"))));
        assert!(matches!(step(Some(NOW), dry, Probe::EveryRun), Step::Hold(Hold::DryRun("probe"))));
    }

    #[test]
    fn a_disabled_newest_version_is_never_worked_around() {
        let options = Options { force: true, ..Options::default() };
        let step = plan(&inventory(Record::default(), false), &target(), options, NOW);
        assert!(matches!(step, Step::Hold(Hold::Disabled(_))));
    }

    #[test]
    fn what_was_set_aside_stays_so_whatever_else_is_true() {
        let force = Options { force: true, ..Options::default() };
        let until = |day| Target { suspended_until: Some(day), ..target() };
        let tomorrow = plan(&issued(None), &until(NOW + days(1)), force, NOW);
        assert!(matches!(tomorrow, Step::Hold(Hold::Suspended(_))));
        assert!(matches!(plan(&issued(None), &until(NOW), force, NOW), Step::Rotate), "the day has come");
        let retired = inventory(Record { retired: Some(NOW), ..Record::default() }, false);
        assert!(matches!(plan(&retired, &target(), force, NOW), Step::Hold(Hold::Retired(_))));
        let enabled_again = inventory(Record { retired: Some(NOW), ..Record::default() }, true);
        assert!(matches!(plan(&enabled_again, &target(), Options::default(), NOW), Step::Rotate));
    }
}
