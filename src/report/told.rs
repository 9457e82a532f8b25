//! What people were told of a token before, as the note on its newest version says it.

use time::OffsetDateTime;

use crate::model::alert::{Before, Severity, Told, WAITING};
use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::{Kind, Remedy};
use crate::model::target::Target;

/// A condition that people were told of, and that holds as far as they know.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) severity: Severity,
    code: String,
    since: OffsetDateTime,
}

impl Noted {
    /// `critical entra.revoked since 2026-11-24`
    pub(super) fn text(&self) -> String {
        format!("{} {} since {}", self.severity.as_str(), self.code, self.since.date())
    }

    fn kind(&self) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.slug() == self.code)
    }

    /// Whether Entra ID did not take the token any more.
    pub(super) fn is_death(&self) -> bool {
        self.kind().is_some_and(|kind| kind.remedy() == Remedy::Reconsent)
    }

    /// What it means for the exit code of a look at metadata alone.
    pub(super) fn code(&self) -> u8 {
        match self.severity {
            Severity::Critical if self.code == WAITING => 4,
            Severity::Critical => 3,
            _ => 0,
        }
    }

    /// What puts it right.
    pub(super) fn hint(&self, target: &Target) -> Option<String> {
        let failure = Failure { stage: Stage::Redeem, cause: Cause::new(self.kind()?, "") };
        Some(failure.hint(target))
    }
}

/// Of what was told, what is about the token itself.
pub(super) fn holding(before: &Before) -> Vec<Noted> {
    before.told().iter().filter(|told| !told.is_of_app()).filter_map(noted).collect()
}

/// What metadata do not show, the worst first: only the note tells it.
pub(super) fn unseen(before: &Before) -> Option<Noted> {
    let hidden = before.told().iter().filter(|told| !told.is_of_app() && !told.is_of_metadata());
    hidden.max_by_key(|told| told.class).and_then(noted)
}

fn noted(told: &Told) -> Option<Noted> {
    Some(Noted { severity: told.severity()?, code: told.code.clone(), since: told.since })
}
