//! Receivers of alerts: one that takes them, and those that do not.

use super::Scenario;
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::route::Route;
use crate::sandbox::seed::{Fate, Seed, VAULT};
use crate::sandbox::setting;
use crate::sandbox::vault::store::Version;

fn revoked() -> Vec<Seed> {
    vec![Seed::new("contoso-partner").days_old(8).fate(Fate::Revoked).line("purpose = \"nightly licence report\"")]
}

fn answers(status: u16) -> Vec<Rule> {
    vec![Rule::new(Phase::Before, Fault::status(status)).on(Route::Receiver).about("/ops")]
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("told", "one token that was revoked, and a receiver of alerts").within(&setting::TOLD).seeds(revoked),
    Scenario::new("receiver-refuses", "a receiver of alerts that is gone")
        .within(&setting::TOLD)
        .seeds(revoked)
        .faults(|| answers(410)),
    Scenario::new("receiver-down", "a receiver of alerts that does not work")
        .within(&setting::TOLD)
        .seeds(revoked)
        .faults(|| answers(503)),
    Scenario::new("receiver-address", "a receiver of alerts whose stored address is none")
        .within(&setting::TOLD_BY_SECRET)
        .prepare(|state| {
            drop(state.vault(VAULT).add("hook-address", Version::new("hooks.contoso.example")).id.clone());
        }),
    Scenario::new("receiver-mail", "a mail server that takes nothing").within(&setting::TOLD_BY_MAIL),
    Scenario::new("receiver-command", "a program in place of a receiver, which fails")
        .within(&setting::TOLD_BY_COMMAND),
];
