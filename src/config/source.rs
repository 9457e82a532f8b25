//! Where a configuration comes from: a file, or flags and `ROTATOR_*` variables for a job with one token.

use std::path::{Path as FilePath, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use crate::config::fault::{Fault, Faults, Path};
use crate::config::parse::{Document, Slot, Tables};
use crate::config::table::{
    AppCredential, AppCredentialTable, AppTable, FederatedKind, NetworkTable, ReferenceTable, TokenTable,
    VaultCredentialKind, VaultTable,
};
use crate::config::{Config, refer, resolve};
use crate::entra::cloud::Cloud;

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The configuration file
    #[arg(long, env = "ROTATOR_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: Flags,
    /// Which flags were typed.
    #[arg(skip)]
    typed: Vec<&'static str>,
}

/// A job with one token and no file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "One token without a file")]
pub struct Flags {
    /// Address of the vault
    #[arg(long, env = "ROTATOR_VAULT_URL", value_name = "URL", global = true)]
    pub vault_url: Option<String>,
    /// How to sign in to the vault; a person who is elsewhere than the job may say so beside a file
    #[arg(long, env = "ROTATOR_VAULT_CREDENTIAL", value_name = "KIND", global = true)]
    pub vault_credential: Option<VaultCredentialKind>,
    /// Client id of a user-assigned managed identity
    #[arg(long, env = "ROTATOR_IDENTITY_CLIENT_ID", value_name = "ID", global = true)]
    pub identity_client_id: Option<String>,
    /// Name of the secret that holds the refresh token
    #[arg(long, env = "ROTATOR_SECRET", value_name = "NAME", global = true)]
    pub secret: Option<String>,
    /// What the token is redeemed for
    #[arg(long, env = "ROTATOR_SCOPE", value_name = "SCOPE", global = true)]
    pub scope: Option<String>,
    /// Tenant of the app registration
    #[arg(long, env = "ROTATOR_TENANT_ID", value_name = "ID", global = true)]
    pub tenant_id: Option<String>,
    /// Client id of the app registration
    #[arg(long, env = "ROTATOR_CLIENT_ID", value_name = "ID", global = true)]
    pub client_id: Option<String>,
    /// Secret of the vault that holds the client secret
    #[arg(
        long,
        env = "ROTATOR_CLIENT_SECRET_VAULT_SECRET",
        hide_env_values = true,
        value_name = "NAME",
        global = true
    )]
    pub client_secret_vault_secret: Option<String>,
    /// Environment variable that holds the client secret; for a person also beside a file
    #[arg(long, env = "ROTATOR_CLIENT_SECRET_ENV", hide_env_values = true, value_name = "VARIABLE", global = true)]
    pub client_secret_env: Option<String>,
    /// File that holds the client secret; for a person also beside a file
    #[arg(long, env = "ROTATOR_CLIENT_SECRET_FILE", hide_env_values = true, value_name = "FILE", global = true)]
    pub client_secret_file: Option<String>,
    /// Secret of the vault that holds the app's certificate and its key in PEM form
    #[arg(
        long,
        env = "ROTATOR_CLIENT_CERTIFICATE_VAULT_SECRET",
        hide_env_values = true,
        value_name = "NAME",
        global = true
    )]
    pub client_certificate_vault_secret: Option<String>,
    /// PEM file that holds the app's certificate and its key
    #[arg(long, env = "ROTATOR_CLIENT_CERTIFICATE_FILE", hide_env_values = true, value_name = "FILE", global = true)]
    pub client_certificate_file: Option<String>,
    /// Who issues the token of the app's federated credential; nothing is stored (unconfirmed against a real tenant)
    #[arg(long, env = "ROTATOR_FEDERATED", value_name = "KIND", global = true)]
    pub federated: Option<FederatedKind>,
    /// Cloud of the tenant
    #[arg(long, env = "ROTATOR_CLOUD", value_name = "CLOUD", global = true)]
    pub cloud: Option<Cloud>,
    /// PEM file of certificates to trust besides the system's
    #[arg(long, env = "ROTATOR_CA_FILE", value_name = "FILE", global = true)]
    pub ca_file: Option<String>,
}

const DEFAULT_FILE: &str = "rotator.toml";
/// What a person has in place of what the job has.
const OF_A_PERSON: [&str; 6] = [
    "--vault-credential",
    "--client-secret-vault-secret",
    "--client-secret-env",
    "--client-secret-file",
    "--client-certificate-vault-secret",
    "--client-certificate-file",
];

impl Source {
    /// Reads and checks the whole configuration.
    ///
    /// # Errors
    /// Every fault that can be found without a request, with its place and its fix.
    pub fn load(&self) -> Result<Config, Faults> {
        let flags_given = self.flags.given();
        match (&self.config, flags_given.first()) {
            (Some(file), Some(flag)) => Err(only(Fault {
                place: (*flag).to_owned(),
                message: format!("a file is named as well: {}", file.display()),
                fix: "describe the token either in the file or by flags".to_owned(),
                at: 0,
            })),
            (None, Some(_)) => self.flags.load(),
            (_, None) => self.load_file(&|_| {}),
        }
    }

    /// The same for a person, who may be elsewhere than the job: beside a file, `--vault-credential` and a flag of a client
    /// secret or certificate take the place of what the file says of its vaults and apps. They must be typed: a variable
    /// that was set for something else changes nothing unseen.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_by_hand(&self) -> Result<Config, Faults> {
        let given = self.flags.given();
        let of_a_person = |flag: &&str| OF_A_PERSON.contains(flag) && self.typed.contains(flag);
        if given.is_empty() || !given.iter().all(of_a_person) {
            return self.load();
        }
        if let Some(flag) = given.iter().filter(|flag| flag.starts_with("--client-")).nth(1) {
            return Err(only(Fault {
                place: (*flag).to_owned(),
                message: "an app proves itself by one of them".to_owned(),
                fix: "name one client secret or certificate".to_owned(),
                at: 0,
            }));
        }
        self.load_file(&|tables| self.flags.amend(tables))
    }

    /// Remembers which flags were typed, and are not variables.
    pub fn mark(&mut self, matches: &ArgMatches) {
        let typed = |flag: &&str| {
            let id = flag.trim_start_matches('-').replace('-', "_");
            matches.value_source(&id) == Some(ValueSource::CommandLine)
        };
        self.typed = OF_A_PERSON.into_iter().filter(typed).collect();
    }

    /// Takes the scope out where no other flag describes a token: then a file does, and the scope is something else's.
    #[must_use]
    pub fn without_scope(mut self) -> (Self, Option<String>) {
        let scope = filled(self.flags.scope.as_ref());
        if self.flags.given().iter().all(|flag| *flag == "--scope" || OF_A_PERSON.contains(flag)) {
            self.flags.scope = None;
        }
        (self, scope)
    }

    fn load_file(&self, amend: &dyn Fn(&mut Tables)) -> Result<Config, Faults> {
        let file = self.config.as_deref().unwrap_or(FilePath::new(DEFAULT_FILE));
        let name = file.display().to_string();
        let unreadable = |error: std::io::Error| {
            only(Fault {
                place: name.clone(),
                message: format!("the configuration cannot be read: {error}"),
                fix: "name it with --config FILE, or write one: rotator config example > rotator.toml".to_owned(),
                at: 0,
            })
        };
        let text = refer::file(file).map_err(unreadable)?;
        load_amended(&name, &text, amend)
    }
}

/// Reads and checks a configuration file's text; `name` stands before each line number.
///
/// # Errors
/// Every fault, in the order of the text.
pub fn load_text(name: &str, text: &str) -> Result<Config, Faults> {
    load_amended(name, text, &|_| {})
}

fn load_amended(name: &str, text: &str, amend: &dyn Fn(&mut Tables)) -> Result<Config, Faults> {
    let mut document = Document::parse(name, text).map_err(Faults)?;
    let mut tables = document.tables();
    amend(&mut tables);
    let place = |path: &Path, message: String, fix: String| document.fault(document.span(path), message, fix);
    let resolved = resolve::resolve(&tables, &place, &refer::env);
    let mut faults = std::mem::take(&mut document.faults);
    match resolved {
        Ok(config) if faults.is_empty() => Ok(config),
        Ok(_) => Err(sorted(faults)),
        Err(more) => {
            faults.extend(more);
            Err(sorted(faults))
        }
    }
}

fn sorted(mut faults: Vec<Fault>) -> Faults {
    faults.sort_by_key(|fault| fault.at);
    faults.dedup_by(|a, b| a.place == b.place && a.message == b.message);
    Faults(faults)
}

fn only(fault: Fault) -> Faults {
    Faults(vec![fault])
}

impl Flags {
    /// The flags that were given, by name.
    fn given(&self) -> Vec<&'static str> {
        let table = [
            ("--vault-url", filled(self.vault_url.as_ref()).is_some()),
            ("--vault-credential", self.vault_credential.is_some()),
            ("--identity-client-id", filled(self.identity_client_id.as_ref()).is_some()),
            ("--secret", filled(self.secret.as_ref()).is_some()),
            ("--scope", filled(self.scope.as_ref()).is_some()),
            ("--tenant-id", filled(self.tenant_id.as_ref()).is_some()),
            ("--client-id", filled(self.client_id.as_ref()).is_some()),
            ("--client-secret-vault-secret", filled(self.client_secret_vault_secret.as_ref()).is_some()),
            ("--client-secret-env", filled(self.client_secret_env.as_ref()).is_some()),
            ("--client-secret-file", filled(self.client_secret_file.as_ref()).is_some()),
            ("--client-certificate-vault-secret", filled(self.client_certificate_vault_secret.as_ref()).is_some()),
            ("--client-certificate-file", filled(self.client_certificate_file.as_ref()).is_some()),
            ("--federated", self.federated.is_some()),
            ("--cloud", self.cloud.is_some()),
            ("--ca-file", filled(self.ca_file.as_ref()).is_some()),
        ];
        table.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }

    fn load(&self) -> Result<Config, Faults> {
        let place = |path: &Path, message: String, fix: String| Fault { place: flag(path), message, fix, at: 0 };
        resolve::resolve(&self.tables(), &place, &refer::env).map_err(Faults)
    }

    /// Puts what was given in the place of what a file says.
    fn amend(&self, tables: &mut Tables) {
        if let Some(credential) = self.vault_credential {
            for vault in tables.vault.iter_mut().chain(tables.vaults.values_mut()) {
                if let Slot::Read(vault) = vault {
                    vault.sign_in_by(credential);
                }
            }
        }
        if self.given().iter().any(|flag| flag.starts_with("--client-")) {
            for app in tables.apps.values_mut() {
                if let Slot::Read(app) = app {
                    app.credential = Some(self.app_credential());
                    app.credential_expires = None;
                }
            }
        }
    }

    fn app_credential(&self) -> AppCredential {
        let secret = ReferenceTable {
            vault_secret: filled(self.client_secret_vault_secret.as_ref()),
            vault: None,
            env: filled(self.client_secret_env.as_ref()),
            file: filled(self.client_secret_file.as_ref()),
        };
        let certificate = ReferenceTable {
            vault_secret: filled(self.client_certificate_vault_secret.as_ref()),
            vault: None,
            env: None,
            file: filled(self.client_certificate_file.as_ref()),
        };
        let some = |reference: ReferenceTable| {
            let given = reference.vault_secret.is_some() || reference.env.is_some() || reference.file.is_some();
            given.then_some(reference)
        };
        AppCredential::Table(Box::new(AppCredentialTable {
            secret: some(secret),
            certificate: some(certificate),
            federated: self.federated,
            ..AppCredentialTable::default()
        }))
    }

    /// The tables that say the same as the flags.
    fn tables(&self) -> Tables {
        let vault = VaultTable {
            url: self.vault_url.clone(),
            credential: self.vault_credential.or(Some(VaultCredentialKind::ManagedIdentity)),
            identity_client_id: filled(self.identity_client_id.as_ref()),
            ..VaultTable::default()
        };
        let app = AppTable {
            tenant_id: self.tenant_id.clone(),
            client_id: self.client_id.clone(),
            cloud: self.cloud,
            authority: None,
            credential: Some(self.app_credential()),
            credential_expires: None,
            grants: None,
        };
        let token = TokenTable { secret: self.secret.clone(), scope: self.scope.clone(), ..TokenTable::default() };
        Tables {
            vault: Some(Slot::Read(vault)),
            apps: [("app".to_owned(), Slot::Read(app))].into(),
            token: vec![Slot::Read(token)],
            network: Some(Slot::Read(NetworkTable { ca_file: filled(self.ca_file.as_ref()) })),
            ..Tables::default()
        }
    }
}

/// A variable that a template left empty says nothing.
fn filled(value: Option<&String>) -> Option<String> {
    value.filter(|value| !value.is_empty()).cloned()
}

/// The flag that says what a key of the file says.
fn flag(path: &Path) -> String {
    let of_app = path.first().is_some_and(|table| table == "apps");
    let of_certificate = path.iter().any(|step| step == "certificate");
    let flag = match path.last().map(String::as_str) {
        Some("url") => "--vault-url",
        Some("identity_client_id") => "--identity-client-id",
        Some("tenant_id") => "--tenant-id",
        Some("client_id") => "--client-id",
        Some("scope") => "--scope",
        Some("vault_secret") if of_certificate => "--client-certificate-vault-secret",
        Some("file") if of_certificate => "--client-certificate-file",
        Some("vault_secret") => "--client-secret-vault-secret",
        Some("env") => "--client-secret-env",
        Some("file") => "--client-secret-file",
        Some("credential" | "secret") if of_app => {
            "--client-secret-vault-secret, --client-secret-env, --client-secret-file, --client-certificate-file or --federated"
        }
        _ => "--secret",
    };
    flag.to_owned()
}
