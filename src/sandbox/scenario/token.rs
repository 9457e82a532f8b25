//! Tokens of every age and fate.

use super::{Scenario, fated};
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::route::Route;
use crate::sandbox::seed::{Fate, Seed, VAULT};
use crate::sandbox::vault::store::Limits;

fn one(change: fn(Seed) -> Seed) -> Vec<Seed> {
    vec![change(Seed::new("contoso-partner").days_old(8))]
}

fn demo() -> Vec<Seed> {
    vec![
        Seed::new("adventure-works").days_old(2),
        Seed::new("contoso-partner").days_old(8).older(3),
        Seed::new("fabrikam-billing").days_old(61).line("purpose = \"monthly invoices\""),
        Seed::new("northwind-reports")
            .days_old(97)
            .line("purpose = \"licence report\"")
            .line("owner = \"reporting team\""),
        Seed::new("tailspin-sync").days_old(9).fate(Fate::Revoked).line("purpose = \"nightly user sync\""),
        Seed::new("wingtip-legacy").days_old(20).legacy().line("purpose = \"ticket import\""),
        Seed::new("woodgrove-manual").days_old(40).untagged(),
    ]
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("demo", "seven tokens of different age and fate").seeds(demo),
    Scenario::new("due", "one token, eight days old"),
    Scenario::new("fresh", "one token, two days old").seeds(|| one(|seed| seed.days_old(2))),
    Scenario::new("aging", "one token, 61 days old").seeds(|| one(|seed| seed.days_old(61))),
    Scenario::new("untagged", "one token stored by hand").seeds(|| one(|seed| seed.days_old(40).untagged())),
    Scenario::new("without-mfa", "one token that was consented without MFA").seeds(|| one(Seed::without_mfa)),
    Scenario::new("mfa-enforced", "one token without MFA, and a Partner Center that refuses such tokens")
        .seeds(|| one(Seed::without_mfa))
        .prepare(|state| {
            state.directory.quirks.mfa_enforced = true;
            state.directory.quirks.silent_on_mfa = true;
        }),
    Scenario::new("partner-center-down", "Partner Center answers 503")
        .faults(|| vec![Rule::new(Phase::Before, Fault::status(503)).on(Route::PartnerCenter)]),
    Scenario::new("partner-center-page", "a page comes in place of Partner Center's answers")
        .faults(|| vec![Rule::new(Phase::Before, Fault::page(404)).on(Route::PartnerCenter)]),
    Scenario::new("no-partner-role", "the user has no role in Partner Center").faults(|| {
        let body = r#"{"code":1002,"description":"Authorization Failed","data":[],"source":"PartnerFD"}"#;
        vec![Rule::new(Phase::Before, Fault::json(403, body)).on(Route::PartnerCenter)]
    }),
    Scenario::new("damaged", "one token whose newest value was cut, and the version before it")
        .seeds(|| one(|seed| seed.older(1).fate(Fate::Damaged))),
    Scenario::new("damaged-alone", "one token whose only value was cut").seeds(|| fated(Fate::Damaged)),
    Scenario::new("expired", "one token, 97 days old").seeds(|| one(|seed| seed.days_old(97))),
    Scenario::new("revoked", "one token whose user's sessions were revoked").seeds(|| fated(Fate::Revoked)),
    Scenario::new("suspended", "one token that is left alone until the end of the century")
        .seeds(|| one(|seed| seed.line("suspended_until = 2099-12-31"))),
    Scenario::new("write-lost", "the answer to the first write is lost")
        .faults(|| vec![Rule::new(Phase::After, Fault::status(503)).on(Route::Write).times(1)]),
    Scenario::new("interrupted", "the scheduler stops the job while it looks at versions")
        .interrupted_at(Route::Versions),
    Scenario::new("many", "200 tokens that are due, and a vault without limits, for measuring")
        .seeds(|| (0..200).map(|nth| Seed::new(&format!("customer-{nth:03}")).days_old(8)).collect())
        .prepare(|state| state.vault(VAULT).limits = Limits { create: u32::MAX, other: u32::MAX }),
    Scenario::new("fleet", "60 tokens, ten of them due").seeds(|| {
        (0..60).map(|nth| Seed::new(&format!("customer-{nth:02}")).days_old(if nth % 6 == 0 { 8 } else { 2 })).collect()
    }),
];
