//! What happens between the job and the services.

use super::Scenario;
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::route::Route;
use crate::sandbox::seed::VAULT;
use crate::sandbox::setting::{self, Setting};
use crate::sandbox::state::{State, WrongCertificate};

const ENTRA: &str = "login.microsoftonline.com";

/// A vault whose name does not exist anywhere (RFC 6761), asked for without the proxy.
const NO_NAME: Setting = Setting {
    vault: "url = \"https://contoso-kv.vault.invalid\"\ncredential = \"managed-identity\"",
    environment: &[
        ("IDENTITY_ENDPOINT", "{identity}"),
        ("IDENTITY_HEADER", crate::sandbox::IDENTITY_HEADER),
        ("NO_PROXY", ".invalid"),
    ],
    ..setting::USUAL
};

/// A proxy that is not there.
const NO_PROXY: Setting = Setting {
    environment: &[
        ("IDENTITY_ENDPOINT", "{identity}"),
        ("IDENTITY_HEADER", crate::sandbox::IDENTITY_HEADER),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ],
    ..setting::USUAL
};

fn wrong(state: &mut State, what: WrongCertificate) {
    state.certificates.insert(VAULT.to_owned(), what);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("vault-down", "the vault cannot be reached").prepare(|state| state.set_down(VAULT, true)),
    Scenario::new("entra-down", "Entra ID cannot be reached").prepare(|state| state.set_down(ENTRA, true)),
    Scenario::new("no-name", "the vault's name does not resolve").within(&NO_NAME),
    Scenario::new("no-proxy", "nothing listens where the proxy should be").within(&NO_PROXY),
    Scenario::new("proxy-login", "the proxy wants a user and a password").prepare(|state| state.proxy_login = true),
    Scenario::new("inspected", "the vault's certificate is by an unknown authority")
        .prepare(|state| wrong(state, WrongCertificate::UnknownAuthority)),
    Scenario::new("certificate-over", "the vault's certificate is out of date")
        .prepare(|state| wrong(state, WrongCertificate::Expired)),
    Scenario::new("other-host", "the vault's certificate is for another host")
        .prepare(|state| wrong(state, WrongCertificate::OtherHost)),
    Scenario::new("reset", "the connection to the vault breaks")
        .faults(|| vec![Rule::new(Phase::Before, Fault::Reset).on(Route::Versions)]),
    Scenario::new("silence", "the vault does not answer")
        .faults(|| vec![Rule::new(Phase::Before, Fault::Hang).on(Route::Versions)]),
];
