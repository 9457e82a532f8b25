//! Prepared worlds by name: each makes a transcript one static command.

use super::fault::{Fault, Phase, Rule};
use super::route::Route;
use super::seed::{self, Fate, Seed, VAULT};
use super::setting::{self, Setting};
use super::vault::right::{Control, Right};
use super::vault::store::Version;
use super::{World, state::State};
use std::sync::Arc;

/// A world with a name.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// What is prepared there.
    pub about: &'static str,
    seeds: fn() -> Vec<Seed>,
    prepare: fn(&mut State),
    faults: fn() -> Vec<Rule>,
    pub setting: &'static Setting,
}

impl Scenario {
    /// The scenario of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|scenario| scenario.name == name)
    }

    #[must_use]
    pub fn world(&self) -> Arc<World> {
        let mut state = seed::state(&(self.seeds)());
        (self.setting.prepare)(&mut state);
        (self.prepare)(&mut state);
        let world = World::new(state);
        for rule in (self.faults)() {
            world.fault(rule);
        }
        world
    }

    #[must_use]
    pub fn config(&self, ca_file: &str) -> String {
        seed::config_of(&(self.seeds)(), self.setting, ca_file)
    }
}

const fn plain(name: &'static str, about: &'static str, seeds: fn() -> Vec<Seed>) -> Scenario {
    Scenario { name, about, seeds, prepare: |_| {}, faults: Vec::new, setting: &setting::USUAL }
}

const fn prepared(
    name: &'static str,
    about: &'static str,
    seeds: fn() -> Vec<Seed>,
    prepare: fn(&mut State),
) -> Scenario {
    Scenario { name, about, seeds, prepare, faults: Vec::new, setting: &setting::USUAL }
}

const fn faulty(name: &'static str, about: &'static str, faults: fn() -> Vec<Rule>) -> Scenario {
    Scenario { name, about, seeds: due, prepare: |_| {}, faults, setting: &setting::USUAL }
}

const fn set(name: &'static str, about: &'static str, setting: &'static Setting) -> Scenario {
    Scenario { name, about, seeds: due, prepare: |_| {}, faults: Vec::new, setting }
}

fn due() -> Vec<Seed> {
    vec![Seed::new("contoso-partner").days_old(8)]
}

fn fated(fate: Fate) -> Vec<Seed> {
    vec![Seed::new("contoso-partner").days_old(8).fate(fate)]
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

fn denied(state: &mut State, right: Right, control: Control) {
    let rights = &mut state.vault(VAULT).rights;
    rights.denied.insert(right);
    rights.control = control;
}

/// All worlds.
pub const ALL: &[Scenario] = &[
    plain("demo", "seven tokens of different age and fate", demo),
    plain("due", "one token, eight days old", due),
    plain("fresh", "one token, two days old", || vec![Seed::new("contoso-partner").days_old(2)]),
    plain("aging", "one token, 61 days old", || vec![Seed::new("contoso-partner").days_old(61)]),
    plain("expired", "one token, 97 days old", || vec![Seed::new("contoso-partner").days_old(97)]),
    plain("revoked", "one token whose user's sessions were revoked", || fated(Fate::Revoked)),
    plain("untagged", "one token stored by hand", || vec![Seed::new("contoso-partner").days_old(40).untagged()]),
    plain("client-secret-expired", "one token of an app whose client secret has expired", || {
        vec![Seed::new("contoso-partner").days_old(8).legacy()]
    }),
    plain("without-mfa", "one token that was consented without MFA", || {
        vec![Seed::new("contoso-partner").days_old(8).without_mfa()]
    }),
    plain("damaged", "one token whose newest value was cut, and the version before it", || {
        vec![Seed::new("contoso-partner").days_old(8).older(1).fate(Fate::Damaged)]
    }),
    plain("damaged-alone", "one token whose only value was cut", || fated(Fate::Damaged)),
    plain("mfa-required", "one token that a new policy asks MFA for", || fated(Fate::RefusedWith(50_076))),
    plain("blocked", "one token that Conditional Access blocks", || fated(Fate::RefusedWith(53_003))),
    plain("sign-in-frequency", "one token that is older than a policy allows", || fated(Fate::RefusedWith(70_043))),
    plain("user-disabled", "one token whose user was disabled", || fated(Fate::RefusedWith(50_057))),
    plain("looping", "one token that Entra ID sees too often", || fated(Fate::RefusedWith(50_196))),
    plain("disabled", "one token whose newest version a person disabled", || {
        vec![Seed::new("contoso-partner").days_old(8).older(1).disabled()]
    }),
    prepared("deleted", "one token whose secret was deleted", due, |state| {
        state.vault(VAULT).delete("contoso-partner");
    }),
    prepared("missing", "one token whose secret does not exist", due, |state| {
        state.vault(VAULT).secrets.remove("contoso-partner");
    }),
    prepared("empty", "one token whose secret is empty", due, |state| {
        state.vault(VAULT).add("contoso-partner", Version::new(""));
    }),
    prepared("too-long", "one token whose secret holds 30 KB", due, |state| {
        state.vault(VAULT).add("contoso-partner", Version::new(&"x".repeat(30_000)));
    }),
    prepared("no-right-to-get", "the job's identity lacks get", due, |state| denied(state, Right::Get, Control::Rbac)),
    prepared("no-right-to-set", "the job's identity lacks set, by access policy", due, |state| {
        denied(state, Right::Set, Control::Policy);
    }),
    prepared("no-right-to-list", "the job's identity lacks list", due, |state| {
        denied(state, Right::List, Control::Rbac);
    }),
    prepared(
        "no-right-to-update",
        "the job's identity lacks update",
        || vec![Seed::new("contoso-partner").days_old(8).older(3)],
        |state| denied(state, Right::Update, Control::Rbac),
    ),
    prepared("firewall", "the vault's firewall does not let the job in", due, |state| {
        state.vault(VAULT).rights.control = Control::Firewall;
    }),
    prepared("no-identity", "the host has no managed identity", due, |state| state.identities.clear()),
    prepared("no-refresh-token", "Entra ID answers without a refresh token", due, |state| {
        state.directory.quirks.no_refresh_token = true;
    }),
    prepared("dead-token", "the new token is not accepted", due, |state| state.directory.quirks.dead_tokens = true),
    prepared("opaque", "access tokens cannot be read", due, |state| state.directory.quirks.opaque_access = true),
    prepared("vault-down", "the vault cannot be reached", due, |state| state.set_down(VAULT, true)),
    prepared("entra-down", "Entra ID cannot be reached", due, |state| {
        state.set_down("login.microsoftonline.com", true);
    }),
    faulty("entra-unavailable", "Entra ID answers 503", || {
        vec![Rule::new(Phase::Before, Fault::status(503)).on(Route::Token)]
    }),
    faulty("write-lost", "the answer to the first write is lost", || {
        vec![Rule::new(Phase::After, Fault::status(503)).on(Route::Write).times(1)]
    }),
    faulty("captive-portal", "a page comes in place of Key Vault's answers", || {
        vec![Rule::new(Phase::Before, Fault::page(200)).on(Route::Versions)]
    }),
    set("kubernetes", "vault and app by AKS workload identity", &setting::CLUSTER),
    set("github", "vault and app by GitHub Actions OIDC", &setting::GITHUB),
    set("pipelines", "vault and app by an Azure Pipelines service connection", &setting::PIPELINES),
    set("federated-identity", "app by the managed identity as its federated credential", &setting::FEDERATED_IDENTITY),
    set("certificate", "vault by client secret, app by a certificate in the vault", &setting::SECRET_AND_CERTIFICATE),
    set("certificates", "vault and app by certificates in files", &setting::CERTIFICATES),
    set("azure-cli", "vault by the Azure CLI, app a public client", &setting::CLI_AND_PUBLIC),
    plain("fleet", "60 tokens, ten of them due", || {
        (0..60).map(|nth| Seed::new(&format!("customer-{nth:02}")).days_old(if nth % 6 == 0 { 8 } else { 2 })).collect()
    }),
];
