//! App registrations, and how they prove who they are.

use std::path::PathBuf;
use std::sync::Arc;

use time::{Date, Month, OffsetDateTime, Time};
use toml::value::Datetime;
use url::Url;

use crate::config::fault::shown;
use crate::config::parse::Slot;
use crate::config::resolve::{Named, Resolver, SECRET_FIX};
use crate::config::table::{
    AppCredential, AppCredentialTable, AppTable, FederatedKind, GrantTable, ReferenceTable, VaultCredentialKind,
};
use crate::entra::cloud::federation_audience;
use crate::entra::preset;
use crate::model::credential::{ClientCredential, Federated, Issuer, SecretSource, VaultCredential};
use crate::model::name::{SecretName, https, is_guid, is_tenant};
use crate::model::target::{ApiGrant, App, VaultSite};

const CREDENTIAL_FIX: &str = "add credential = { secret = { vault_secret = \"NAME\" } }, or certificate in place of secret, or { federated = \"managed-identity\" }";
const SOURCE_FIX: &str = "write it as { vault_secret = \"NAME\" }, { env = \"VARIABLE\" } or { file = \"PATH\" }";

impl Resolver<'_> {
    pub(super) fn app(&mut self, name: &str, slot: &Slot<AppTable>, vaults: &Named<VaultSite>) -> Option<Arc<App>> {
        let Slot::Read(table) = slot else { return None };
        let at = ["apps", name];
        let key = |key| [&at[..], &[key]].concat();
        let tenant = self.required(&key("tenant_id"), table.tenant_id.as_ref(), "\"<tenant id>\"");
        let tenant = tenant.filter(|tenant| self.tenant(&key("tenant_id"), tenant)).map(str::to_owned);
        let client = self.required(&key("client_id"), table.client_id.as_ref(), "\"<client id>\"");
        let client = client.filter(|client| self.guid(&key("client_id"), client)).map(str::to_owned);
        let authority = match (&table.authority, table.cloud) {
            (Some(_), Some(_)) => {
                self.fault(&key("authority"), "`cloud` and `authority` say the same thing twice", "remove one of them");
                None
            }
            (Some(text), None) => {
                self.checked(&key("authority"), authority(text), "write it as authority = \"https://login.example\"")
            }
            (None, cloud) => Some(cloud.unwrap_or_default().authority()),
        };
        let credential = match &table.credential {
            Some(AppCredential::Word(_)) => Some(ClientCredential::None),
            Some(AppCredential::Table(table)) => {
                self.app_credential(&key("credential"), table, authority.as_ref(), vaults)
            }
            None => {
                self.fault(&key("credential"), "`credential` is missing", CREDENTIAL_FIX);
                None
            }
        };
        let credential_expires = table.credential_expires.and_then(|day| self.day(&key("credential_expires"), day));
        let grants = table.grants.iter().flatten().enumerate();
        let grants = grants.filter_map(|(nth, grant)| self.grant(&key("grants"), nth, grant)).collect();
        let grants: Vec<ApiGrant> = grants;
        let twice = grants
            .iter()
            .enumerate()
            .find(|(nth, grant)| grants[..*nth].iter().any(|other| other.application_id == grant.application_id));
        if let Some((nth, grant)) = twice {
            let nth = nth.to_string();
            let at = [&key("grants")[..], &[nth.as_str()]].concat();
            self.fault(&at, format!("{} is named twice", shown(&grant.api)), "put all scopes of an API into one table");
        }
        Some(Arc::new(App {
            name: name.to_owned(),
            tenant_id: tenant?,
            client_id: client?,
            authority: authority?,
            credential: credential?,
            credential_expires,
            grants,
        }))
    }

    fn grant(&mut self, at: &[&str], nth: usize, grant: &GrantTable) -> Option<ApiGrant> {
        let nth = nth.to_string();
        let key = |key| [at, &[nth.as_str(), key]].concat();
        let api = self.required(&key("api"), grant.api.as_ref(), "\"graph\"")?;
        let known = preset::application_id(api).ok_or_else(|| format!("no API is called {} here", shown(api)));
        let fix = "write graph, exchange, arm, …, or the client id of the API's enterprise application";
        let application_id = self.checked(&key("api"), known, fix)?;
        let scopes: Vec<String> = grant.scopes.iter().flatten().map(|scope| scope.trim().to_owned()).collect();
        // Partner Center separates them by commas.
        let fine =
            |scope: &String| !scope.is_empty() && scope.chars().all(|c| c.is_ascii_graphic() && c != ',' && c != '/');
        if scopes.is_empty() || !scopes.iter().all(fine) {
            let fix = "write the names of delegated permissions alone: scopes = [\"Directory.Read.All\"]";
            self.fault(&key("scopes"), "`scopes` is missing, empty, or holds something else than a permission", fix);
            return None;
        }
        Some(ApiGrant { api: api.to_owned(), application_id, scopes })
    }

    pub(super) fn tenant(&mut self, at: &[&str], tenant: &str) -> bool {
        if !is_tenant(tenant) {
            let message = format!("`tenant_id` must name one tenant, not {}", shown(tenant));
            self.fault(at, message, "write the tenant's GUID, or one of its domains such as contoso.onmicrosoft.com");
            return false;
        }
        true
    }

    pub(super) fn secret_source(
        &mut self,
        at: &[&str],
        reference: &ReferenceTable,
        vaults: &Named<VaultSite>,
    ) -> Option<SecretSource> {
        let key = |key| [at, &[key]].concat();
        if reference.vault.is_some() && reference.vault_secret.is_none() {
            self.fault(
                &key("vault"),
                "`vault` goes with `vault_secret`",
                "remove it, or name the secret in that vault",
            );
        }
        match (&reference.vault_secret, &reference.env, &reference.file) {
            (Some(name), None, None) => {
                let vault = self.vault_named(&key("vault"), reference.vault.as_deref(), vaults);
                let secret = self.checked(&key("vault_secret"), SecretName::parse(name), SECRET_FIX);
                Some(SecretSource::Vault { vault: vault?, secret: secret? })
            }
            (None, Some(env), None) => {
                let fix = "name the variable that holds the secret, as in env = \"PARTNER_CLIENT_SECRET\"";
                self.checked(&key("env"), variable(env), fix).map(SecretSource::Env)
            }
            (None, None, Some(file)) if !file.is_empty() => Some(SecretSource::File(PathBuf::from(file))),
            _ => {
                self.fault(at, "a secret value is in exactly one place", SOURCE_FIX);
                None
            }
        }
    }

    fn app_credential(
        &mut self,
        at: &[&str],
        table: &AppCredentialTable,
        authority: Option<&Url>,
        vaults: &Named<VaultSite>,
    ) -> Option<ClientCredential> {
        let key = |key| [at, &[key]].concat();
        match (&table.secret, &table.certificate, table.federated) {
            (Some(reference), None, None) => {
                self.secret_source(&key("secret"), reference, vaults).map(ClientCredential::Secret)
            }
            (None, Some(reference), None) => {
                self.secret_source(&key("certificate"), reference, vaults).map(ClientCredential::Certificate)
            }
            (None, None, Some(kind)) => {
                let issuer = self.federated(at, table, kind, vaults)?;
                Some(ClientCredential::Federated(Federated { issuer, audience: federation_audience(authority?) }))
            }
            _ => {
                self.fault(at, "an app proves who it is in exactly one way", CREDENTIAL_FIX);
                None
            }
        }
    }

    fn federated(
        &mut self,
        at: &[&str],
        table: &AppCredentialTable,
        kind: FederatedKind,
        vaults: &Named<VaultSite>,
    ) -> Option<Issuer> {
        let odd = match kind {
            FederatedKind::ManagedIdentity => ("service_connection_id", table.service_connection_id.is_some()),
            FederatedKind::AzurePipelines => ("identity_client_id", table.identity_client_id.is_some()),
            FederatedKind::WorkloadIdentity | FederatedKind::GithubOidc => (
                if table.identity_client_id.is_some() { "identity_client_id" } else { "service_connection_id" },
                table.identity_client_id.is_some() || table.service_connection_id.is_some(),
            ),
        };
        if let (key, true) = odd {
            let at = [at, &[key]].concat();
            self.fault(&at, format!("`{key}` is not looked at by this credential"), "remove it");
        }
        let kind = match kind {
            FederatedKind::ManagedIdentity => {
                if let Some(id) = &table.identity_client_id {
                    self.guid(&[at, &["identity_client_id"]].concat(), id);
                }
                let client_id = table.identity_client_id.clone().or_else(|| identity_of_default(vaults));
                return Some(Issuer::ManagedIdentity { client_id });
            }
            FederatedKind::WorkloadIdentity => VaultCredentialKind::WorkloadIdentity,
            FederatedKind::GithubOidc => VaultCredentialKind::GithubOidc,
            FederatedKind::AzurePipelines => VaultCredentialKind::AzurePipelines,
        };
        self.issuer(at, kind, table.service_connection_id.as_ref())
    }

    /// The beginning of a day, or the instant that was written, in UTC where no offset is given.
    pub(super) fn day(&mut self, at: &[&str], written: Datetime) -> Option<OffsetDateTime> {
        let instant = instant(written);
        if instant.is_none() {
            self.fault(at, "this is no day", "write it as a date without quotes: 2027-05-01");
        }
        instant
    }
}

fn instant(written: Datetime) -> Option<OffsetDateTime> {
    let date = written.date?;
    let day = Date::from_calendar_date(date.year.into(), Month::try_from(date.month).ok()?, date.day).ok()?;
    let time = match written.time {
        Some(time) => Time::from_hms(time.hour, time.minute, time.second.unwrap_or(0)).ok()?,
        None => Time::MIDNIGHT,
    };
    let offset = match written.offset {
        Some(toml::value::Offset::Custom { minutes }) => time::Duration::minutes(minutes.into()),
        _ => time::Duration::ZERO,
    };
    day.with_time(time).assume_utc().checked_sub(offset)
}

/// The user-assigned identity that signs in to `[vault]`.
fn identity_of_default(vaults: &Named<VaultSite>) -> Option<String> {
    match &vaults.get(super::vault::DEFAULT)?.as_ref()?.credential {
        VaultCredential::ManagedIdentity { client_id } => client_id.clone(),
        _ => None,
    }
}

/// A variable's name by POSIX; a secret that was put in its place has other characters, or is longer.
fn variable(name: &str) -> Result<String, String> {
    let fine = (1..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if fine { Ok(name.to_owned()) } else { Err(format!("{} is no name of an environment variable", shown(name))) }
}

/// The address in front of the tenant.
pub(super) fn authority(text: &str) -> Result<url::Url, String> {
    let url = https(text)?;
    let path = url.path().trim_end_matches('/');
    let goes_on = path.ends_with("/v2.0") || path.contains("/oauth2") || path.split('/').any(is_guid);
    if goes_on { Err("the authority ends before the tenant".to_owned()) } else { Ok(url) }
}
