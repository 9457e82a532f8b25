//! How the job and its app registrations prove themselves, and what can be wrong with that.

use time::Duration;

use super::Scenario;
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::route::Route;
use crate::sandbox::seed::{CLIENT, Fate, Seed, VAULT};
use crate::sandbox::setting::{self, JOB_CLIENT, Setting};
use crate::sandbox::state::State;

const CLIENT_SECRET: &str = "partner-client-secret";

/// A client secret in a variable that nobody set.
const UNSET: Setting =
    Setting { app: "credential = { secret = { env = \"PARTNER_CLIENT_SECRET\" } }", ..setting::USUAL };
/// A client secret in a file that is not there.
const NO_FILE: Setting =
    Setting { app: "credential = { secret = { file = \"client-secret.txt\" } }", ..setting::USUAL };
/// A host with Azure Arc.
const ARC: Setting = Setting {
    environment: &[("IDENTITY_ENDPOINT", "{identity}"), ("IMDS_ENDPOINT", "http://127.0.0.1:40342")],
    ..setting::USUAL
};

fn expires_in(state: &mut State, days: i64) {
    let at = crate::sandbox::state::now() + Duration::days(days);
    state.vault(VAULT).secret_mut(CLIENT_SECRET).versions[0].expires = Some(at.unix_timestamp());
}

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("kubernetes", "vault and app by AKS workload identity").within(&setting::CLUSTER),
    Scenario::new("github", "vault and app by GitHub Actions OIDC").within(&setting::GITHUB),
    Scenario::new("pipelines", "vault and app by an Azure Pipelines service connection").within(&setting::PIPELINES),
    Scenario::new("federated-identity", "app by the managed identity as its federated credential")
        .within(&setting::FEDERATED_IDENTITY),
    Scenario::new("certificate", "vault by client secret, app by a certificate in the vault")
        .within(&setting::SECRET_AND_CERTIFICATE),
    Scenario::new("certificates", "vault and app by certificates in files").within(&setting::CERTIFICATES),
    Scenario::new("azure-cli", "vault by the Azure CLI, app a public client").within(&setting::CLI_AND_PUBLIC),
    Scenario::new("clients", "apps of every kind, for other clients").within(&setting::EVERY_KIND).seeds(|| {
        vec![
            Seed::new("contoso-partner").days_old(8),
            Seed::new("revoked-token").days_old(8).fate(Fate::Revoked),
            Seed::new("expired-token").days_old(97),
            Seed::new("public-token").days_old(8).public(),
        ]
    }),
    Scenario::new("no-identity", "the host has no managed identity").prepare(|state| state.identities.clear()),
    Scenario::new("identity-down", "the managed identity endpoint answers 503")
        .faults(|| vec![Rule::new(Phase::Before, Fault::status(503)).on(Route::Identity)]),
    Scenario::new("arc", "a host with Azure Arc").within(&ARC),
    Scenario::new("job-unknown", "Entra ID does not know who signs in to the vault").within(&setting::GITHUB).prepare(
        |state| {
            state.directory.apps.remove(JOB_CLIENT);
        },
    ),
    Scenario::new("job-certificate", "the job's own certificate has no key").within(&setting::CERTIFICATES).prepare(
        |state| {
            if let Some(file) = state.files.get_mut("job.pem") {
                let end = file.content.find("-----BEGIN PRIVATE KEY").unwrap_or_default();
                file.content.truncate(end);
            }
        },
    ),
    Scenario::new("no-cli", "the Azure CLI is not installed").within(&setting::CLI_AND_PUBLIC).prepare(|state| {
        state.files.remove(setting::AZURE_CLI);
    }),
    Scenario::new("no-token-file", "the pod has no token of its service account").within(&setting::CLUSTER).prepare(
        |state| {
            state.files.remove("federated-token");
        },
    ),
    Scenario::new("no-id-token", "the workflow may not ask for a token")
        .within(&setting::GITHUB)
        .prepare(|state| state.pipeline_refuses = true),
    Scenario::new("github-down", "GitHub's token service answers 503")
        .within(&setting::GITHUB)
        .faults(|| vec![Rule::new(Phase::Before, Fault::status(503)).on(Route::Pipeline)]),
    Scenario::new("clock", "this machine's clock is 20 minutes behind")
        .within(&setting::SECRET_AND_CERTIFICATE)
        .prepare(|state| state.directory.ahead = Duration::minutes(20)),
    Scenario::new("client-secret-missing", "the client secret is not in the vault").prepare(|state| {
        state.vault(VAULT).secrets.remove(CLIENT_SECRET);
    }),
    Scenario::new("client-secret-unset", "the variable of the client secret is not set").within(&UNSET),
    Scenario::new("client-secret-file", "the file of the client secret is not there").within(&NO_FILE),
    Scenario::new("client-secret-empty", "the client secret is empty")
        .prepare(|state| state.vault(VAULT).secret_mut(CLIENT_SECRET).versions[0].value.clear()),
    Scenario::new("client-secret-wrong", "the client secret is another one")
        .prepare(|state| state.vault(VAULT).secret_mut(CLIENT_SECRET).versions[0].value.push('x')),
    Scenario::new("client-secret-expired", "the client secret has expired")
        .seeds(|| vec![Seed::new("contoso-partner").days_old(8).legacy()]),
    Scenario::new("client-secret-aging", "the client secret ends in twelve days")
        .prepare(|state| expires_in(state, 12)),
    Scenario::new("certificate-unusable", "the certificate has no key")
        .within(&setting::SECRET_AND_CERTIFICATE)
        .prepare(|state| {
            let version = &mut state.vault(VAULT).secret_mut("partner-certificate").versions[0];
            let end = version.value.find("-----BEGIN PRIVATE KEY").unwrap_or_default();
            version.value.truncate(end);
        }),
    Scenario::new("certificate-unknown", "the app registration does not know the certificate")
        .within(&setting::SECRET_AND_CERTIFICATE)
        .prepare(|state| {
            if let Some(app) = state.directory.apps.get_mut(CLIENT) {
                app.certificates.clear();
            }
        }),
    Scenario::new("not-trusted", "the app registration does not trust the managed identity")
        .within(&setting::FEDERATED_IDENTITY)
        .prepare(|state| {
            if let Some(app) = state.directory.apps.get_mut(CLIENT) {
                app.federated.clear();
            }
        }),
    Scenario::new("public-client", "a secret is sent for a public client").prepare(|state| {
        if let Some(app) = state.directory.apps.get_mut(CLIENT) {
            app.public = true;
        }
    }),
];
