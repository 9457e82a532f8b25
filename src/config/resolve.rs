//! Turns tables into targets, or says everything that keeps them from being some.

use crate::config::Config;
use crate::config::fault::{Fault, Path, path, shown};
use crate::config::parse::{Slot, Tables};
use crate::config::table::{AppTable, ReferenceTable, TokenTable, VaultTable};
use crate::model::name::{SecretName, VaultUrl, https, is_guid};
use crate::model::target::{App, SecretSource, Target, VaultCredential, VaultSite};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Makes a fault of a path, a message and a fix.
pub(super) type Placer<'a> = dyn Fn(&Path, String, String) -> Fault + 'a;

pub(super) fn resolve(tables: &Tables, place: &Placer<'_>) -> Result<Config, Vec<Fault>> {
    let mut resolver = Resolver { place, faults: Vec::new() };
    let vaults = resolver.vaults(tables);
    let apps = resolver.apps(tables, &vaults);
    let targets = resolver.targets(tables, &vaults, &apps);
    let ca_file = match &tables.network {
        Some(Slot::Read(network)) => network.ca_file.as_ref().map(PathBuf::from),
        _ => None,
    };
    if resolver.faults.is_empty() {
        let vaults = vaults.into_values().flatten().collect();
        Ok(Config { targets, vaults, ca_file })
    } else {
        Err(resolver.faults)
    }
}

/// By name; `None` where the table has a fault, so that what refers to it is not blamed as well.
type Named<T> = BTreeMap<String, Option<Arc<T>>>;

const DEFAULT: &str = "default";

pub(super) struct Resolver<'a> {
    place: &'a Placer<'a>,
    pub(super) faults: Vec<Fault>,
}

impl Resolver<'_> {
    pub(super) fn fault(&mut self, at: &[&str], message: impl Into<String>, fix: impl Into<String>) {
        self.faults.push((self.place)(&path(at), message.into(), fix.into()));
    }

    /// The value of a key that must be there.
    fn required<'v>(&mut self, at: &[&str], value: Option<&'v String>, example: &str) -> Option<&'v str> {
        match value.map(|value| value.trim()) {
            Some(value) if !value.is_empty() => Some(value),
            _ => {
                let key = at.last().copied().unwrap_or_default();
                self.fault(at, format!("`{key}` is missing or empty"), format!("add {key} = {example}"));
                None
            }
        }
    }

    fn checked<T>(&mut self, at: &[&str], result: Result<T, String>, fix: &str) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(message) => {
                self.fault(at, message, fix);
                None
            }
        }
    }

    fn vaults(&mut self, tables: &Tables) -> Named<VaultSite> {
        let mut vaults = Named::new();
        if let Some(slot) = &tables.vault {
            vaults.insert(DEFAULT.to_owned(), self.vault(DEFAULT, &["vault"], slot));
        }
        for (name, slot) in &tables.vaults {
            let site = self.vault(name, &["vaults", name], slot);
            if vaults.insert(name.clone(), site).is_some() {
                self.fault(&["vaults", name], "[vault] is the vault `default` already", "give this vault another name");
            }
        }
        vaults
    }

    fn vault(&mut self, name: &str, at: &[&str], slot: &Slot<VaultTable>) -> Option<Arc<VaultSite>> {
        let Slot::Read(table) = slot else { return None };
        let key = |key| [at, &[key]].concat();
        let url = self.required(&key("url"), table.url.as_ref(), "\"https://contoso-kv.vault.azure.net\"");
        let fix = "write it as url = \"https://contoso-kv.vault.azure.net\"";
        let url = url.and_then(|url| self.checked(&key("url"), VaultUrl::parse(url), fix));
        if table.credential.is_none() {
            self.fault(&key("credential"), "`credential` is missing", "add credential = \"managed-identity\"");
        }
        if let Some(id) = &table.identity_client_id {
            self.guid(&key("identity_client_id"), id);
        }
        let credential = VaultCredential::ManagedIdentity { client_id: table.identity_client_id.clone() };
        Some(Arc::new(VaultSite { name: name.to_owned(), url: url?, credential }))
    }

    fn guid(&mut self, at: &[&str], text: &str) -> bool {
        let fine = is_guid(text);
        if !fine {
            let key = at.last().copied().unwrap_or_default();
            self.fault(
                at,
                format!("{} is not a GUID, as `{key}` must be", shown(text)),
                "copy it from the portal: 8-4-4-4-12 hexadecimal digits",
            );
        }
        fine
    }

    fn apps(&mut self, tables: &Tables, vaults: &Named<VaultSite>) -> Named<App> {
        tables.apps.iter().map(|(name, slot)| (name.clone(), self.app(name, slot, vaults))).collect()
    }

    fn app(&mut self, name: &str, slot: &Slot<AppTable>, vaults: &Named<VaultSite>) -> Option<Arc<App>> {
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
                self.checked(&key("authority"), https(text), "write it as authority = \"https://login.example\"")
            }
            (None, cloud) => Some(cloud.unwrap_or_default().authority()),
        };
        let reference = table.credential.as_ref().and_then(|credential| credential.secret.as_ref());
        let secret = if let Some(reference) = reference {
            self.secret_source(&key("credential"), reference, vaults)
        } else {
            self.fault(&key("credential"), "`credential` is missing", CREDENTIAL_FIX);
            None
        };
        Some(Arc::new(App {
            name: name.to_owned(),
            tenant_id: tenant?,
            client_id: client?,
            authority: authority?,
            secret: secret?,
        }))
    }

    fn tenant(&mut self, at: &[&str], tenant: &str) -> bool {
        let shared = ["common", "organizations", "consumers"].contains(&tenant);
        let domain = tenant.contains('.') && tenant.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        if shared || !(is_guid(tenant) || domain) {
            let message = format!("`tenant_id` must name one tenant, not {}", shown(tenant));
            self.fault(at, message, "write the tenant's GUID, or one of its domains such as contoso.onmicrosoft.com");
            return false;
        }
        true
    }

    fn secret_source(
        &mut self,
        at: &[&str],
        reference: &ReferenceTable,
        vaults: &Named<VaultSite>,
    ) -> Option<SecretSource> {
        let at = [at, &["secret"]].concat();
        let key = |key| [&at[..], &[key]].concat();
        match (&reference.vault_secret, &reference.env, &reference.file) {
            (Some(name), None, None) => {
                let vault = self.vault_named(&key("vault"), reference.vault.as_deref(), vaults);
                let secret = self.checked(&key("vault_secret"), SecretName::parse(name), SECRET_FIX);
                Some(SecretSource::Vault { vault: vault?, secret: secret? })
            }
            (None, Some(env), None) if !env.is_empty() => Some(SecretSource::Env(env.clone())),
            (None, None, Some(file)) if !file.is_empty() => Some(SecretSource::File(PathBuf::from(file))),
            _ => {
                self.fault(&at, "a client secret is in exactly one place", CREDENTIAL_FIX);
                None
            }
        }
    }

    fn vault_named(&mut self, at: &[&str], name: Option<&str>, vaults: &Named<VaultSite>) -> Option<Arc<VaultSite>> {
        let (name, known) = (name.unwrap_or(DEFAULT), vaults.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
        match vaults.get(name) {
            Some(site) => site.clone(),
            None if name == DEFAULT => {
                self.fault(at, "no vault is named here and there is no [vault]", "add [vault] with url and credential");
                None
            }
            None => {
                self.fault(
                    at,
                    format!("there is no [vaults] table called {}", shown(name)),
                    format!("known vaults: {known}"),
                );
                None
            }
        }
    }

    fn targets(&mut self, tables: &Tables, vaults: &Named<VaultSite>, apps: &Named<App>) -> Vec<Arc<Target>> {
        if tables.token.is_empty() {
            self.fault(&[], "there is no [[token]]", "add [[token]] with secret, app and scope");
        }
        let defaults = match &tables.defaults {
            Some(Slot::Read(defaults)) => defaults.clone(),
            Some(Slot::Unreadable) => return Vec::new(),
            None => TokenTable::default(),
        };
        for (key, given) in [("name", defaults.name.is_some()), ("secret", defaults.secret.is_some())] {
            if given {
                self.fault(&["defaults", key], format!("`{key}` is a token's own"), "move it to its [[token]]");
            }
        }
        let mut targets: Vec<Arc<Target>> = Vec::new();
        for (index, slot) in tables.token.iter().enumerate() {
            let Slot::Read(table) = slot else { continue };
            let at = index.to_string();
            if let Some(target) = self.target(&at, table, &defaults, vaults, apps) {
                self.distinct(&at, &target, &targets);
                targets.push(Arc::new(target));
            }
        }
        targets
    }

    fn distinct(&mut self, at: &str, target: &Target, before: &[Arc<Target>]) {
        if before.iter().any(|other| other.name.eq_ignore_ascii_case(&target.name)) {
            let message = format!("another token is called `{}` already", target.name);
            self.fault(&["token", at, "name"], message, "give each token its own name");
        }
        let same_secret = |other: &&Arc<Target>| {
            other.vault.url == target.vault.url && other.secret.as_str().eq_ignore_ascii_case(target.secret.as_str())
        };
        if let Some(other) = before.iter().find(same_secret) {
            let message = format!("`{}` keeps its token in the same secret", other.name);
            self.fault(&["token", at, "secret"], message, "give each token its own secret, or remove one of the two");
        }
    }

    fn target(
        &mut self,
        index: &str,
        table: &TokenTable,
        defaults: &TokenTable,
        vaults: &Named<VaultSite>,
        apps: &Named<App>,
    ) -> Option<Target> {
        let key = |key| ["token", index, key];
        let secret = self.required(&key("secret"), table.secret.as_ref(), "\"contoso-partner-refresh-token\"");
        let secret = secret.and_then(|name| self.checked(&key("secret"), SecretName::parse(name), SECRET_FIX));
        let name = table.name.clone().or_else(|| table.secret.clone());
        let name =
            name.and_then(|name| self.checked(&key("name"), token_name(name), "use letters, digits, `.`, `-`, `_`"));
        let vault = table.vault.as_deref().or(defaults.vault.as_deref());
        let vault = self.vault_named(&key("vault"), vault, vaults);
        let app = self.app_named(&key("app"), table.app.as_deref().or(defaults.app.as_deref()), apps);
        let scope = table.scope.as_ref().or(defaults.scope.as_ref());
        let scope =
            self.required(&key("scope"), scope, "\"https://api.partnercenter.microsoft.com/user_impersonation\"");
        let user_id = table.user_id.as_ref().or(defaults.user_id.as_ref());
        if let Some(user_id) = user_id {
            self.guid(&key("user_id"), user_id);
        }
        let policy = self.policy(index, table, defaults, scope.unwrap_or_default());
        Some(Target {
            name: name?,
            vault: vault?,
            secret: secret?,
            app: app?,
            scope: scope?.to_owned(),
            user_id: user_id.cloned(),
            owner: table.owner.clone().or_else(|| defaults.owner.clone()),
            purpose: table.purpose.clone().or_else(|| defaults.purpose.clone()),
            policy: policy?,
        })
    }

    fn app_named(&mut self, at: &[&str], name: Option<&str>, apps: &Named<App>) -> Option<Arc<App>> {
        if let Some(app) = name.and_then(|name| apps.get(name)) {
            return app.clone();
        }
        let known = apps.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (name, apps.len()) {
            (None, 1) => return apps.values().next().cloned().flatten(),
            (Some(name), 0) => {
                self.fault(at, format!("there is no [apps] table called {}", shown(name)), "add it as [apps.NAME]");
            }
            (Some(name), _) => self.fault(
                at,
                format!("there is no [apps] table called {}", shown(name)),
                format!("known apps: {known}"),
            ),
            (None, 0) => {
                let fix = "add [apps.NAME] with tenant_id, client_id and credential";
                self.fault(at, "there is no app registration", fix);
            }
            (None, _) => {
                self.fault(at, "several apps are there and none is named", format!("add app = one of: {known}"));
            }
        }
        None
    }
}

const SECRET_FIX: &str = "use the secret's name in the vault: letters, digits and hyphens";
const CREDENTIAL_FIX: &str =
    "add credential = { secret = { vault_secret = \"NAME\" } }, or env = \"VARIABLE\", or file = \"PATH\" in its place";

fn token_name(name: String) -> Result<String, String> {
    let fine = (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    if fine { Ok(name) } else { Err(format!("{} cannot be a token's name", shown(&name))) }
}
