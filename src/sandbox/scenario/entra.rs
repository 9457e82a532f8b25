//! What Entra ID refuses, and what it answers at odds with the contract.

use super::{Scenario, fated};
use crate::sandbox::entra::directory::{TENANT, USER, User};
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::route::Route;
use crate::sandbox::seed::{Fate, VAULT};
use crate::sandbox::state::State;

pub const FABRIKAM: &str = "00000000-0000-0000-0000-0000000000f2";
pub const NORTHWIND: &str = "00000000-0000-0000-0000-0000000000f3";
const OTHER: &str = "00000000-0000-0000-0000-0000000000a2";

fn answers(status: u16, body: &str) -> Vec<Rule> {
    vec![Rule::new(Phase::Before, Fault::json(status, body)).on(Route::Token)]
}

fn other_user(state: &mut State) {
    let user = User { name: "Bob Billing".to_owned(), home: (TENANT.to_owned(), OTHER.to_owned()) };
    state.directory.users.insert(OTHER.to_owned(), user);
    state.directory.quirks.other_user = Some(OTHER.to_owned());
}

/// The stored token was tagged as that of a guest from elsewhere.
fn other_tenant(state: &mut State) {
    let version = &mut state.vault(VAULT).secret_mut("contoso-partner").versions[0];
    let home = format!("00000000-0000-0000-0000-000000000009/{USER}/-");
    version.tags.insert("rotator-identity".to_owned(), home);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("single-page", "one token that was issued to a single-page redirect").seeds(|| fated(Fate::RefusedWith(700_084))),
    Scenario::new("sign-in-frequency", "one token that is older than a policy allows").seeds(|| fated(Fate::RefusedWith(70_043))),
    Scenario::new("session", "one token that belongs to a session that a new password ended").seeds(|| fated(Fate::RefusedWith(50_133))),
    Scenario::new("device", "one token that is bound to a device that was disabled").seeds(|| fated(Fate::RefusedWith(135_011))),
    Scenario::new("code", "one token that is an authorization code that was used before").seeds(|| fated(Fate::RefusedWith(54_005))),
    Scenario::new("mfa-required", "one token that a new policy asks MFA for").seeds(|| fated(Fate::RefusedWith(50_076))),
    Scenario::new("blocked", "one token that Conditional Access blocks").seeds(|| fated(Fate::RefusedWith(53_003))),
    Scenario::new("no-consent", "one token that has no consent for its API").seeds(|| fated(Fate::RefusedWith(65_001))),
    Scenario::new("no-resource", "one token that is for an API that the tenant does not have").seeds(|| fated(Fate::RefusedWith(500_011))),
    Scenario::new("bad-scope", "one token that has a malformed scope").seeds(|| fated(Fate::RefusedWith(70_011))),
    Scenario::new("no-credential", "one token that is redeemed without a client credential").seeds(|| fated(Fate::RefusedWith(7_000_218))),
    Scenario::new("no-app", "one token that belongs to an app that is not in the tenant").seeds(|| fated(Fate::RefusedWith(700_016))),
    Scenario::new("no-tenant", "one token that belongs to a tenant that does not exist").seeds(|| fated(Fate::RefusedWith(90_002))),
    Scenario::new("user-disabled", "one token that belongs to a user who was disabled").seeds(|| fated(Fate::RefusedWith(50_057))),
    Scenario::new("looping", "one token that Entra ID sees too often").seeds(|| fated(Fate::RefusedWith(50_196))),
    Scenario::new("bad-request", "one token that is redeemed by a request that lacks a parameter").seeds(|| fated(Fate::RefusedWith(900_144))),
    Scenario::new("unknown-grant", "one token that is refused with a code that nobody knows").seeds(|| fated(Fate::RefusedWith(999_999))),
    Scenario::new("unknown-client", "Entra ID refuses the app with a code that nobody knows").faults(|| {
        answers(401, r#"{"error":"invalid_client","error_description":"AADSTS999998: Something new about the app.","error_codes":[999998],"correlation_id":"00000000-0000-0000-0000-0000000000cc"}"#)
    }),
    Scenario::new("unknown-error", "Entra ID refuses in a way that nobody knows").faults(|| {
        answers(400, r#"{"error":"something_new","error_description":"AADSTS999997: Something new.","error_codes":[999997],"correlation_id":"00000000-0000-0000-0000-0000000000cc","trace_id":"00000000-0000-0000-0000-0000000000dd"}"#)
    }),
    Scenario::new("entra-unavailable", "Entra ID answers 503")
        .faults(|| vec![Rule::new(Phase::Before, Fault::status(503)).on(Route::Token)]),
    Scenario::new("entra-page", "a page comes in place of Entra ID's answers")
        .faults(|| vec![Rule::new(Phase::Before, Fault::page(200)).on(Route::Token)]),
    Scenario::new("no-refresh-token", "Entra ID answers without a refresh token")
        .prepare(|state| state.directory.quirks.no_refresh_token = true),
    Scenario::new("same-refresh-token", "the answer holds the refresh token that was redeemed")
        .prepare(|state| state.directory.quirks.same_token = true),
    Scenario::new("long-refresh-token", "the new refresh token does not fit into Key Vault")
        .prepare(|state| state.directory.quirks.long_tokens = Some(26_000)),
    Scenario::new("dead-token", "the new token is not accepted")
        .prepare(|state| state.directory.quirks.dead_tokens = true),
    Scenario::new("opaque", "access tokens cannot be read")
        .prepare(|state| state.directory.quirks.opaque_access = true),
    Scenario::new("other-user", "the new token belongs to another user").prepare(other_user),
    Scenario::new("other-tenant", "the new token belongs to a user of another tenant").prepare(other_tenant),
    Scenario::new("other-resource", "access tokens are for another API than was asked for")
        .prepare(|state| state.directory.quirks.other_resource = Some("https://graph.microsoft.com".to_owned())),
    Scenario::new("other-access-tenant", "access tokens are issued by another tenant than was asked")
        .prepare(|state| state.directory.quirks.other_tenant = Some(FABRIKAM.to_owned())),
    Scenario::new("other-app", "the new token was issued to another app").prepare(|state| {
        state.directory.quirks.other_app = Some("00000000-0000-0000-0000-0000000000c9".to_owned());
    }),
];
