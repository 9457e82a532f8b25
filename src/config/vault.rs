//! Vaults, and how the job signs in to them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::app::authority;
use crate::config::fault::shown;
use crate::config::parse::Slot;
use crate::config::resolve::{Named, Resolver};
use crate::config::table::{ReferenceTable, VaultCredentialKind as Kind, VaultTable};
use crate::entra::cloud::{Cloud, federation_audience};
use crate::model::credential::{ClientCredential, Federated, Issuer, SecretSource, VaultCredential};
use crate::model::name::VaultUrl;
use crate::model::target::{App, VaultSite};

pub(super) const DEFAULT: &str = "default";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The order of `auto`: the variable that a credential is known by, and the credential. Nothing is asked over the
/// network; the metadata service of virtual machines is never guessed, since off Azure it does not answer for a minute.
const AUTO: [(&str, Kind, &str); 6] = [
    (TOKEN_FILE, Kind::WorkloadIdentity, "AZURE_FEDERATED_TOKEN_FILE is set"),
    ("SYSTEM_OIDCREQUESTURI", Kind::AzurePipelines, "SYSTEM_OIDCREQUESTURI is set"),
    ("ACTIONS_ID_TOKEN_REQUEST_URL", Kind::GithubOidc, "ACTIONS_ID_TOKEN_REQUEST_URL is set"),
    ("IDENTITY_ENDPOINT", Kind::ManagedIdentity, "IDENTITY_ENDPOINT is set"),
    ("AZURE_CLIENT_SECRET", Kind::ClientSecret, "AZURE_CLIENT_SECRET is set"),
    ("AZURE_CLIENT_CERTIFICATE_PATH", Kind::ClientCertificate, "AZURE_CLIENT_CERTIFICATE_PATH is set"),
];

/// The keys of a vault that a credential looks at.
const fn used(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Auto => &["identity_client_id", "tenant_id", "client_id", "service_connection_id"],
        Kind::ManagedIdentity => &["identity_client_id"],
        Kind::AzureCli => &["tenant_id"],
        Kind::WorkloadIdentity | Kind::GithubOidc => &["tenant_id", "client_id"],
        Kind::AzurePipelines => &["tenant_id", "client_id", "service_connection_id"],
        Kind::ClientSecret => &["tenant_id", "client_id", "client_secret"],
        Kind::ClientCertificate => &["tenant_id", "client_id", "certificate"],
    }
}

impl VaultTable {
    /// Another credential, with what the table says that is for it as well.
    pub(super) fn sign_in_by(&mut self, kind: Kind) {
        fn keep<T>(kind: Kind, key: &str, value: &mut Option<T>) {
            if !used(kind).contains(&key) {
                *value = None;
            }
        }
        self.credential = Some(kind);
        keep(kind, "identity_client_id", &mut self.identity_client_id);
        keep(kind, "tenant_id", &mut self.tenant_id);
        keep(kind, "client_id", &mut self.client_id);
        keep(kind, "client_secret", &mut self.client_secret);
        keep(kind, "certificate", &mut self.certificate);
        keep(kind, "service_connection_id", &mut self.service_connection_id);
    }
}

impl Resolver<'_> {
    pub(super) fn vault(&mut self, name: &str, at: &[&str], slot: &Slot<VaultTable>) -> Option<Arc<VaultSite>> {
        let Slot::Read(table) = slot else { return None };
        let key = |key| [at, &[key]].concat();
        let url = self.required(&key("url"), table.url.as_ref(), "\"https://contoso-kv.vault.azure.net\"");
        let fix = "write it as url = \"https://contoso-kv.vault.azure.net\"";
        let url = url.and_then(|url| self.checked(&key("url"), VaultUrl::parse(url), fix));
        for (name, id) in [("identity_client_id", &table.identity_client_id), ("client_id", &table.client_id)] {
            if let Some(id) = id {
                self.guid(&key(name), id);
            }
        }
        let Some(kind) = table.credential else {
            self.fault(&key("credential"), "`credential` is missing", "add credential = \"managed-identity\"");
            return None;
        };
        self.unused(at, table, kind);
        let (kind, chosen) = if kind == Kind::Auto { self.auto() } else { (kind, None) };
        let url = url?;
        let credential = self.vault_credential(name, at, table, kind, &url)?;
        Some(Arc::new(VaultSite { name: name.to_owned(), url, credential, chosen }))
    }

    fn auto(&self) -> (Kind, Option<&'static str>) {
        let by_variable = AUTO.into_iter().find(|(variable, ..)| self.variable(variable).is_some());
        let by_variable = by_variable.map(|(_, kind, why)| (kind, Some(why)));
        by_variable.unwrap_or((Kind::AzureCli, Some("no variable of another credential is set")))
    }

    /// A key that the credential does not look at was meant for another one.
    fn unused(&mut self, at: &[&str], table: &VaultTable, kind: Kind) {
        let used = used(kind);
        let given = [
            ("identity_client_id", table.identity_client_id.is_some()),
            ("tenant_id", table.tenant_id.is_some()),
            ("client_id", table.client_id.is_some()),
            ("client_secret", table.client_secret.is_some()),
            ("certificate", table.certificate.is_some()),
            ("service_connection_id", table.service_connection_id.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(key, given)| *given && !used.contains(key)) {
            let message = format!("`{key}` is not looked at by this credential");
            self.fault(
                &[at, &[key]].concat(),
                message,
                format!("remove it, or name the credential that it belongs to; looked at here: {}", used.join(", ")),
            );
        }
    }

    fn vault_credential(
        &mut self,
        name: &str,
        at: &[&str],
        table: &VaultTable,
        kind: Kind,
        url: &VaultUrl,
    ) -> Option<VaultCredential> {
        let (tenant, client) = match kind {
            Kind::Auto | Kind::ManagedIdentity => {
                // With `auto` the variable that the SDKs choose a user-assigned identity by counts as well.
                let by_variable = || self.variable("AZURE_CLIENT_ID").filter(|_| table.credential == Some(Kind::Auto));
                let client_id = table.identity_client_id.clone().or_else(by_variable);
                return Some(VaultCredential::ManagedIdentity { client_id });
            }
            Kind::AzureCli => return Some(VaultCredential::AzureCli { tenant_id: table.tenant_id.clone() }),
            Kind::AzurePipelines => ("AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_CLIENT_ID"),
            _ => ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"),
        };
        let key = |key| [at, &[key]].concat();
        let authority = self.vault_authority(&key("credential"), url);
        let tenant_id = self.given(&key("tenant_id"), table.tenant_id.as_ref(), tenant);
        let tenant_id = tenant_id.filter(|tenant| self.tenant(&key("tenant_id"), tenant));
        let client_id = self.given(&key("client_id"), table.client_id.as_ref(), client);
        let client_id = client_id.filter(|id| table.client_id.is_some() || self.guid(&key("client_id"), id));
        let credential = self.client_credential(at, table, kind, authority.as_ref());
        Some(VaultCredential::App(Arc::new(App {
            name: format!("vault {name}"),
            tenant_id: tenant_id?,
            client_id: client_id?,
            authority: authority?,
            credential: credential?,
            credential_expires: None,
            grants: Vec::new(),
        })))
    }

    fn client_credential(
        &mut self,
        at: &[&str],
        table: &VaultTable,
        kind: Kind,
        authority: Option<&url::Url>,
    ) -> Option<ClientCredential> {
        let key = |key| [at, &[key]].concat();
        Some(match kind {
            Kind::ClientSecret => ClientCredential::Secret(match &table.client_secret {
                Some(reference) => self.secret_of_vault(&key("client_secret"), reference)?,
                None => self.secret_variable(&key("client_secret"))?,
            }),
            Kind::ClientCertificate => ClientCredential::Certificate(match &table.certificate {
                Some(reference) => self.secret_of_vault(&key("certificate"), reference)?,
                None => self.certificate_variable(&key("certificate"))?,
            }),
            _ => {
                let issuer = self.issuer(at, kind, table.service_connection_id.as_ref())?;
                ClientCredential::Federated(Federated { issuer, audience: federation_audience(authority?) })
            }
        })
    }

    /// Who issues the federated token; what the environment lacks for it is a fault now, not in the first run.
    pub(super) fn issuer(&mut self, at: &[&str], kind: Kind, connection: Option<&String>) -> Option<Issuer> {
        let key = |key| [at, &[key]].concat();
        match kind {
            Kind::WorkloadIdentity => {
                let fix = "label the pod azure.workload.identity/use: \"true\" and annotate its service account";
                let file = self.needed(&key("credential"), TOKEN_FILE, fix)?;
                Some(Issuer::WorkloadIdentity { token_file: PathBuf::from(file) })
            }
            Kind::GithubOidc => {
                let fix = "give the job `permissions: id-token: write`";
                let url = self.needed(&key("credential"), "ACTIONS_ID_TOKEN_REQUEST_URL", fix)?;
                self.checked(&key("credential"), secure("ACTIONS_ID_TOKEN_REQUEST_URL", &url), fix)?;
                self.needed(&key("credential"), "ACTIONS_ID_TOKEN_REQUEST_TOKEN", fix)?;
                Some(Issuer::GitHub)
            }
            _ => {
                let fix = "run it in an AzureCLI@2 task with the service connection, and map SYSTEM_ACCESSTOKEN: $(System.AccessToken)";
                let url = self.needed(&key("credential"), "SYSTEM_OIDCREQUESTURI", fix)?;
                self.checked(&key("credential"), secure("SYSTEM_OIDCREQUESTURI", &url), fix)?;
                self.needed(&key("credential"), "SYSTEM_ACCESSTOKEN", fix)?;
                let variable = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID";
                let service_connection_id = self.given(&key("service_connection_id"), connection, variable)?;
                Some(Issuer::AzurePipelines { service_connection_id })
            }
        }
    }

    /// The value of a key, or of the variable that stands for it.
    fn given(&mut self, at: &[&str], own: Option<&String>, variable: &str) -> Option<String> {
        let found = own.cloned().or_else(|| self.variable(variable));
        if found.is_none() {
            let key = at.last().copied().unwrap_or_default();
            self.fault(
                at,
                format!("`{key}` is missing, and {variable} is not set"),
                format!("add {key}, or set {variable}"),
            );
        }
        found
    }

    fn needed(&mut self, at: &[&str], variable: &str, fix: &str) -> Option<String> {
        let found = self.variable(variable);
        if found.is_none() {
            self.fault(at, format!("{variable} is not set"), fix);
        }
        found
    }

    /// A secret that opens a vault cannot lie in one.
    fn secret_of_vault(&mut self, at: &[&str], reference: &ReferenceTable) -> Option<SecretSource> {
        if reference.vault_secret.is_some() {
            let message = "what opens a vault is not kept in a vault";
            self.fault(at, message, "use env = \"VARIABLE\" or file = \"PATH\", or sign in without a secret");
            return None;
        }
        self.secret_source(at, reference, &Named::new())
    }

    fn secret_variable(&mut self, at: &[&str]) -> Option<SecretSource> {
        let variable = "AZURE_CLIENT_SECRET";
        self.needed(
            at,
            variable,
            "set it, or add client_secret = { env = \"VARIABLE\" }, or file = \"PATH\" in its place",
        )?;
        Some(SecretSource::Env(variable.to_owned()))
    }

    fn certificate_variable(&mut self, at: &[&str]) -> Option<SecretSource> {
        let fix = "set it to the path of a PEM file, or add certificate = { file = \"PATH\" }";
        let path = self.needed(at, "AZURE_CLIENT_CERTIFICATE_PATH", fix)?;
        Some(SecretSource::File(PathBuf::from(path)))
    }

    /// Where to sign in: the cloud of the vault, unless `AZURE_AUTHORITY_HOST` says otherwise.
    fn vault_authority(&mut self, at: &[&str], url: &VaultUrl) -> Option<url::Url> {
        let Some(host) = self.variable("AZURE_AUTHORITY_HOST") else {
            return Some(Cloud::of_vault(url.host()).authority());
        };
        let text = if host.contains("://") { host } else { format!("https://{host}") };
        let parsed =
            authority(&text).map_err(|error| format!("AZURE_AUTHORITY_HOST {} is no authority: {error}", shown(&text)));
        self.checked(at, parsed, "set it as https://login.microsoftonline.com/, or unset it")
    }
}

/// An address that a bearer token may be sent to.
fn secure(variable: &str, text: &str) -> Result<(), String> {
    match url::Url::parse(text) {
        Ok(url) if url.scheme() == "https" => Ok(()),
        _ => Err(format!("{variable} is no https address")),
    }
}
