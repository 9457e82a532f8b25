//! The environments that a job runs in: how it signs in to the vault, and how its app registration proves itself.
//!
//! In the texts `{folder}` and `{identity}` stand for the sandbox's folder and the address of its managed-identity endpoint.

use time::Duration;

use super::IDENTITY_HEADER;
use super::entra::certificate::AppCertificate;
use super::entra::client::FederatedCredential;
use super::entra::directory::{App, TENANT};
use super::pipeline::{self, AUDIENCE, BEARER};
use super::seed::{CLIENT, PUBLIC_CLIENT};
use super::state::{AccessToken, File, State, guid, now};

/// The app registration that signs in to the vault where no managed identity does.
pub const JOB_CLIENT: &str = "00000000-0000-0000-0000-0000000000f1";
/// The job's client secret and the file with its certificate.
pub const JOB_SECRET: &str = "sandbox~job+secret/0d6c7b2e91f34a5c";

/// What a user would write besides the tokens, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Lines of `[vault]`.
    pub vault: &'static str,
    /// Lines of the app registration's table.
    pub app: &'static str,
    /// Variables of the job.
    pub environment: &'static [(&'static str, &'static str)],
    /// More tables of the configuration.
    pub more: &'static str,
    /// What Entra ID and the host know of it.
    pub prepare: fn(&mut State),
}

const URL: &str = "https://contoso-kv.vault.azure.net";
const APP_SECRET: &str = "credential = { secret = { vault_secret = \"partner-client-secret\" } }";
const MANAGED: &str = "url = \"https://contoso-kv.vault.azure.net\"\ncredential = \"managed-identity\"";
const AUTO: &str = "url = \"https://contoso-kv.vault.azure.net\"\ncredential = \"auto\"";
const IDENTITY: [(&str, &str); 2] = [("IDENTITY_ENDPOINT", "{identity}"), ("IDENTITY_HEADER", IDENTITY_HEADER)];
const JOB: [(&str, &str); 2] = [("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", JOB_CLIENT)];

/// A managed identity, and a client secret in the vault.
pub const USUAL: Setting =
    Setting { vault: MANAGED, app: APP_SECRET, environment: &IDENTITY, more: "", prepare: |_| {} };

/// A partner whose app customers consent to.
pub const PARTNER: Setting = Setting {
    app: "credential = { secret = { vault_secret = \"partner-client-secret\" } }\n\
          grants = [{ api = \"graph\", scopes = [\"Directory.Read.All\", \"User.Read\"] }, { api = \"exchange\", scopes = [\"Exchange.Manage\"] }]",
    ..USUAL
};

/// A receiver of alerts on this machine.
pub const TOLD: Setting = Setting {
    more: "[[notify]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{receiver}/ops\"\n\n[heartbeat]\nurl = \"{receiver}/beat\"\n",
    ..USUAL
};

/// One whose address is kept in the vault.
pub const TOLD_BY_SECRET: Setting =
    Setting { more: "[[notify]]\ntype = \"slack\"\nurl = { vault_secret = \"hook-address\" }\n", ..USUAL };

pub const TOLD_BY_MAIL: Setting = Setting {
    more: "[[notify]]\ntype = \"email\"\nsmtp = \"smtp://{mail}\"\nfrom = \"rotator@contoso.example\"\nto = [\"ops@contoso.example\"]\n",
    ..USUAL
};

pub const TOLD_BY_COMMAND: Setting =
    Setting { more: "[[notify]]\ntype = \"command\"\ncommand = [\"false\"]\n", ..USUAL };

/// Kubernetes: the vault by workload identity, the app by the same token.
pub const CLUSTER: Setting = Setting {
    vault: AUTO,
    app: "credential = { federated = \"workload-identity\" }",
    environment: &[("AZURE_FEDERATED_TOKEN_FILE", "{folder}/federated-token"), JOB[0], JOB[1]],
    more: "",
    prepare: |state| {
        let token = pipeline::service_account_token(state, Duration::hours(1));
        state.files.insert("federated-token".to_owned(), File::text(token));
        trust(state, pipeline::CLUSTER_ISSUER, pipeline::CLUSTER_SUBJECT);
    },
};

/// GitHub Actions: the vault and the app by the job's own token.
pub const GITHUB: Setting = Setting {
    vault: AUTO,
    app: "credential = { federated = \"github-oidc\" }",
    environment: &[
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://run-actions.actions.githubusercontent.com/1/idtoken?api-version=2.0"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER),
        JOB[0],
        JOB[1],
    ],
    more: "",
    prepare: |state| trust(state, pipeline::GITHUB_ISSUER, pipeline::GITHUB_SUBJECT),
};

/// Azure Pipelines: the vault and the app by a service connection.
pub const PIPELINES: Setting = Setting {
    vault: AUTO,
    app: "credential = { federated = \"azure-pipelines\" }",
    environment: &[
        (
            "SYSTEM_OIDCREQUESTURI",
            "https://dev.azure.com/contoso/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken",
        ),
        ("SYSTEM_ACCESSTOKEN", BEARER),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", pipeline::SERVICE_CONNECTION),
        ("AZURESUBSCRIPTION_TENANT_ID", TENANT),
        ("AZURESUBSCRIPTION_CLIENT_ID", JOB_CLIENT),
    ],
    more: "",
    prepare: |state| trust(state, pipeline::PIPELINES_ISSUER, pipeline::PIPELINES_SUBJECT),
};

/// Container Apps: the vault by managed identity, the app by the same identity as its federated credential.
pub const FEDERATED_IDENTITY: Setting = Setting {
    vault: MANAGED,
    app: "credential = { federated = \"managed-identity\" }",
    environment: &IDENTITY,
    more: "",
    prepare: |state| {
        let principal = state.identities[0].clone();
        trust(state, &format!("https://login.microsoftonline.com/{TENANT}/v2.0"), &principal);
    },
};

/// A client secret for the vault, a certificate in the vault for the app.
pub const SECRET_AND_CERTIFICATE: Setting = Setting {
    vault: AUTO,
    app: "credential = { certificate = { vault_secret = \"partner-certificate\" } }",
    environment: &[("AZURE_CLIENT_SECRET", JOB_SECRET), JOB[0], JOB[1]],
    more: "",
    prepare: |state| {
        state.directory.register(JOB_CLIENT, JOB_SECRET, Duration::days(100));
        certificate(state, Duration::days(200));
    },
};

/// Certificates in files for both.
pub const CERTIFICATES: Setting = Setting {
    vault: AUTO,
    app: "credential = { certificate = { file = '{folder}/job.pem' } }",
    environment: &[("AZURE_CLIENT_CERTIFICATE_PATH", "{folder}/job.pem"), JOB[0], JOB[1]],
    more: "",
    prepare: |state| {
        let certificate = certificate(state, Duration::days(200));
        state.files.insert("job.pem".to_owned(), File::text(certificate.pem.clone()));
        let app = App { certificates: vec![certificate], ..App::default() };
        state.directory.apps.insert(JOB_CLIENT.to_owned(), app);
    },
};

/// The Azure CLI's program as this system has it, and a path with it.
#[cfg(windows)]
pub const AZURE_CLI: &str = "az.cmd";
#[cfg(windows)]
const PATH: &str = r"{folder};C:\Windows\System32";
#[cfg(not(windows))]
pub const AZURE_CLI: &str = "az";
#[cfg(not(windows))]
const PATH: &str = "{folder}:/usr/bin:/bin";

/// A person at the Azure CLI, and a public client.
pub const CLI_AND_PUBLIC: Setting = Setting {
    vault: AUTO,
    app: "credential = \"none\"",
    environment: &[("PATH", PATH)],
    more: "",
    prepare: |state| {
        azure_cli(state);
        state.directory.apps.insert(CLIENT.to_owned(), App { public: true, ..App::default() });
    },
};

/// For other clients: an app that proves itself in every way, a public one, and a file for each that needs one.
pub const EVERY_KIND: Setting = Setting {
    prepare: |state| {
        let token = pipeline::service_account_token(state, Duration::hours(12));
        state.files.insert("federated-token".to_owned(), File::text(token));
        let certificate = AppCertificate::new("partner automation", Duration::days(200));
        state.files.insert("job.pem".to_owned(), File::text(certificate.pem.clone()));
        state.directory.register(JOB_CLIENT, JOB_SECRET, Duration::days(100));
        let principal = state.identities[0].clone();
        let own = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        if let Some(app) = state.directory.apps.get_mut(JOB_CLIENT) {
            app.certificates = vec![certificate];
            app.federated =
                vec![federated(pipeline::CLUSTER_ISSUER, pipeline::CLUSTER_SUBJECT), federated(&own, &principal)];
        }
        state.directory.apps.insert(PUBLIC_CLIENT.to_owned(), App { public: true, ..App::default() });
    },
    ..USUAL
};

fn federated(issuer: &str, subject: &str) -> FederatedCredential {
    FederatedCredential { issuer: issuer.to_owned(), subject: subject.to_owned(), audience: AUDIENCE.to_owned() }
}

/// Both apps trust the tokens of an issuer, and have nothing else to prove themselves with.
fn trust(state: &mut State, issuer: &str, subject: &str) {
    for client_id in [CLIENT, JOB_CLIENT] {
        let app = App { federated: vec![federated(issuer, subject)], ..App::default() };
        state.directory.apps.insert(client_id.to_owned(), app);
    }
}

/// Gives the app of the tokens a certificate in place of its client secret, and puts it into the vault.
pub fn certificate(state: &mut State, valid: Duration) -> AppCertificate {
    let certificate = AppCertificate::new("partner automation", valid);
    let app = App { certificates: vec![certificate.clone()], ..App::default() };
    state.directory.apps.insert(CLIENT.to_owned(), app);
    let mut version = super::vault::store::Version::new(&certificate.pem);
    version.content_type = Some("application/x-pem-file".to_owned());
    version.expires = Some(certificate.expires.unix_timestamp());
    state.vault(URL.trim_start_matches("https://")).add("partner-certificate", version);
    certificate
}

/// A program in the place of the Azure CLI that hands out a token as that does.
fn azure_cli(state: &mut State) {
    let (token, expires) = (format!("sandbox-cli-{}", guid()), now() + Duration::hours(1));
    let audience = "https://vault.azure.net".to_owned();
    state.access.insert(token.clone(), AccessToken { audience, principal: "ada.admin".to_owned(), expires });
    let answer = format!(
        r#"{{"accessToken":"{token}","expiresOn":"later","expires_on":{},"tenant":"{TENANT}","tokenType":"Bearer"}}"#,
        expires.unix_timestamp()
    );
    let text = if cfg!(windows) { format!("@echo {answer}\r\n") } else { format!("#!/bin/sh\necho '{answer}'\n") };
    state.files.insert(AZURE_CLI.to_owned(), File::program(text));
}
