//! What people were told of a token before, as the note on its newest version says it.

use crate::model::alert::{Before, Severity, Told, WAITING};
use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::{Kind, Remedy};
use crate::model::target::Target;

/// `critical entra.revoked since 2026-11-24`
pub(super) fn text(told: &Told) -> String {
    let severity = told.severity().map(Severity::as_str).unwrap_or_default();
    format!("{severity} {} since {}", told.code, told.since.date())
}

/// Whether Entra ID did not take the token any more.
pub(super) fn is_death(told: &Told) -> bool {
    Kind::of_slug(&told.code).is_some_and(|kind| kind.remedy() == Remedy::Reconsent)
}

/// What it means for the exit code of a look at metadata alone.
pub(super) fn code(told: &Told) -> u8 {
    match told.severity() {
        Some(Severity::Critical) if told.code == WAITING => 4,
        Some(Severity::Critical) => 3,
        _ => 0,
    }
}

/// What puts it right.
pub(super) fn hint(told: &Told, target: &Target) -> Option<String> {
    let failure = Failure { stage: Stage::Redeem, cause: Cause::new(Kind::of_slug(&told.code)?, "") };
    Some(failure.hint(target))
}

/// Of what was told, what is about the token itself and holds as far as people know.
pub(super) fn holding(before: &Before) -> impl Iterator<Item = &Told> {
    before.told().iter().filter(|told| !told.is_of_app() && told.severity().is_some())
}

/// What metadata do not show, the worst first: only the note tells it.
pub(super) fn unseen(before: &Before) -> Option<Told> {
    holding(before).filter(|told| !told.is_of_metadata()).max_by_key(|told| told.class).cloned()
}
