//! What a vault refuses, and what lies in it.

use super::Scenario;
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::route::Route;
use crate::sandbox::seed::{Seed, VAULT};
use crate::sandbox::state::State;
use crate::sandbox::vault::right::{Control, Right};
use crate::sandbox::vault::store::Version;

const TOKEN: &str = "contoso-partner";

fn older(count: usize) -> Vec<Seed> {
    vec![Seed::new(TOKEN).days_old(8).older(count)]
}

fn denied(state: &mut State, right: Right, control: Control) {
    let rights = &mut state.vault(VAULT).rights;
    rights.denied.insert(right);
    rights.control = control;
}

fn answers(route: Route, status: u16, body: &str) -> Vec<Rule> {
    vec![Rule::new(Phase::Before, Fault::json(status, body)).on(route)]
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("disabled", "a person disabled the newest version")
        .seeds(|| vec![Seed::new(TOKEN).days_old(8).older(1).disabled()]),
    Scenario::new("deleted", "the secret was deleted").prepare(|state| state.vault(VAULT).delete(TOKEN)),
    Scenario::new("missing", "the secret does not exist").prepare(|state| {
        state.vault(VAULT).secrets.remove(TOKEN);
    }),
    Scenario::new("empty", "the secret is empty").prepare(|state| {
        state.vault(VAULT).add(TOKEN, Version::new(""));
    }),
    Scenario::new("too-long", "the secret holds 30 KB").prepare(|state| {
        state.vault(VAULT).add(TOKEN, Version::new(&"x".repeat(30_000)));
    }),
    Scenario::new("read-back", "what is read back is not what was written").faults(|| {
        let garbled = Fault::Garble { from: "AgABAwEA".to_owned(), to: "other".to_owned() };
        vec![Rule::new(Phase::After, garbled).on(Route::Read).about(TOKEN).skip(2).times(2)]
    }),
    Scenario::new("no-right-to-get", "the job's identity lacks get")
        .prepare(|state| denied(state, Right::Get, Control::Rbac)),
    Scenario::new("no-right-to-set", "the job's identity lacks set, by access policy")
        .prepare(|state| denied(state, Right::Set, Control::Policy)),
    Scenario::new("no-right-to-list", "the job's identity lacks list")
        .prepare(|state| denied(state, Right::List, Control::Rbac)),
    Scenario::new("no-right-to-update", "the job's identity lacks update")
        .seeds(|| older(3))
        .prepare(|state| denied(state, Right::Update, Control::Rbac)),
    Scenario::new("firewall", "the vault's firewall does not let the job in")
        .prepare(|state| state.vault(VAULT).rights.control = Control::Firewall),
    Scenario::new("forbidden", "the vault forbids and does not say why").faults(|| {
        let body = r#"{"error":{"code":"Forbidden","message":"The operation is not allowed."}}"#;
        answers(Route::Read, 403, body)
    }),
    Scenario::new("unauthorized", "the vault does not accept the job's access token").faults(|| {
        let body = r#"{"error":{"code":"Unauthorized","message":"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/…"}}"#;
        answers(Route::Versions, 401, body)
    }),
    Scenario::new("rejected", "the vault rejects a parameter").faults(|| {
        let body = r#"{"error":{"code":"BadParameter","message":"The specified version is not recognized"}}"#;
        answers(Route::Versions, 400, body)
    }),
    Scenario::new("other-challenge", "the challenge is for another resource")
        .prepare(|state| state.vault(VAULT).resource = Some("https://vault.contoso.example".to_owned())),
    Scenario::new("conflict", "another operation on the secret is under way").faults(|| {
        let body = r#"{"error":{"code":"Conflict","message":"Secret is currently being recovered.","innererror":{"code":"ObjectIsBeingRecovered"}}}"#;
        answers(Route::Read, 409, body)
    }),
    Scenario::new("throttled", "the vault's limit is used up by others")
        .prepare(|state| state.vault(VAULT).limits.other = 0),
    Scenario::new("unavailable", "the vault answers 503")
        .faults(|| vec![Rule::new(Phase::Before, Fault::status(503)).on(Route::Versions)]),
    Scenario::new("captive-portal", "a page comes in place of Key Vault's answers")
        .faults(|| vec![Rule::new(Phase::Before, Fault::page(200)).on(Route::Versions)]),
];
