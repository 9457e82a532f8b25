//! Turns tables into targets, or says everything that keeps them from being some.

use crate::config::Config;
use crate::config::fault::{Fault, Path, path, shown};
use crate::config::parse::{Slot, Tables};
use crate::config::table::TokenTable;
use crate::config::vault::DEFAULT;
use crate::model::name::{SecretName, is_guid};
use crate::model::target::{App, Target, VaultSite};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Makes a fault of a path, a message and a fix.
pub(super) type Placer<'a> = dyn Fn(&Path, String, String) -> Fault + 'a;

/// Looks up an environment variable.
pub(super) type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

pub(super) fn resolve(tables: &Tables, place: &Placer<'_>, variables: &Variables<'_>) -> Result<Config, Vec<Fault>> {
    let mut resolver = Resolver { place, variables, faults: Vec::new(), defaults_readable: true };
    let vaults = resolver.vaults(tables);
    let apps = resolver.apps(tables, &vaults);
    let targets = resolver.targets(tables, &vaults, &apps);
    let receivers = resolver.receivers(&tables.notify, &vaults);
    let heartbeat = resolver.heartbeat(tables.heartbeat.as_ref(), &vaults);
    let ca_file = match &tables.network {
        Some(Slot::Read(network)) => network.ca_file.as_ref().map(PathBuf::from),
        _ => None,
    };
    if resolver.faults.is_empty() {
        let vaults = vaults.into_values().flatten().collect();
        Ok(Config { targets, vaults, receivers, heartbeat, ca_file })
    } else {
        Err(resolver.faults)
    }
}

/// By name; `None` where the table has a fault, so that what refers to it is not blamed as well.
pub(super) type Named<T> = BTreeMap<String, Option<Arc<T>>>;

pub(super) struct Resolver<'a> {
    place: &'a Placer<'a>,
    variables: &'a Variables<'a>,
    pub(super) faults: Vec<Fault>,
    /// Where `[defaults]` cannot be read, what a token lacks may stand there.
    defaults_readable: bool,
}

impl Resolver<'_> {
    pub(super) fn fault(&mut self, at: &[&str], message: impl Into<String>, fix: impl Into<String>) {
        self.faults.push((self.place)(&path(at), message.into(), fix.into()));
    }

    /// An environment variable; one that a template left empty says nothing.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// The value of a key that must be there.
    pub(super) fn required<'v>(&mut self, at: &[&str], value: Option<&'v String>, example: &str) -> Option<&'v str> {
        match value.map(|value| value.trim()) {
            Some(value) if !value.is_empty() => Some(value),
            _ => {
                let key = at.last().copied().unwrap_or_default();
                self.fault(at, format!("`{key}` is missing or empty"), format!("add {key} = {example}"));
                None
            }
        }
    }

    pub(super) fn checked<T>(&mut self, at: &[&str], result: Result<T, String>, fix: &str) -> Option<T> {
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

    pub(super) fn guid(&mut self, at: &[&str], text: &str) -> bool {
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

    pub(super) fn vault_named(
        &mut self,
        at: &[&str],
        name: Option<&str>,
        vaults: &Named<VaultSite>,
    ) -> Option<Arc<VaultSite>> {
        if name.is_none() && !self.defaults_readable {
            return None;
        }
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
        let (defaults, readable) = match &tables.defaults {
            Some(Slot::Read(defaults)) => (defaults.clone(), true),
            Some(Slot::Unreadable) => (TokenTable::default(), false),
            None => (TokenTable::default(), true),
        };
        self.defaults_readable = readable;
        for (key, given) in [("name", defaults.name.is_some()), ("secret", defaults.secret.is_some())] {
            if given {
                self.fault(&["defaults", key], format!("`{key}` is a token's own"), "move it to its [[token]]");
            }
        }
        self.distinct(&tables.token, &defaults, vaults);
        let target = |(index, slot): (usize, &Slot<TokenTable>)| match slot {
            Slot::Read(table) => self.target(&index.to_string(), table, &defaults, vaults, apps).map(Arc::new),
            Slot::Unreadable => None,
        };
        tables.token.iter().enumerate().filter_map(target).collect()
    }

    /// Names and secrets that stand twice, whatever else is wrong with their tables.
    fn distinct(&mut self, tokens: &[Slot<TokenTable>], defaults: &TokenTable, vaults: &Named<VaultSite>) {
        let (mut names, mut secrets) = (BTreeSet::new(), BTreeMap::new());
        for (index, slot) in tokens.iter().enumerate() {
            let Slot::Read(table) = slot else { continue };
            let Some(name) = table.name.as_ref().or(table.secret.as_ref()) else { continue };
            let index = index.to_string();
            if !names.insert(name.to_ascii_lowercase()) {
                let message = format!("another token is called {} already", shown(name));
                self.fault(&["token", &index, "name"], message, "give each token its own name");
            }
            let Some(secret) = &table.secret else { continue };
            let vault = table.vault.as_deref().or(defaults.vault.as_deref()).unwrap_or(DEFAULT);
            // Two tables may lead to one vault.
            let host = vaults.get(vault).and_then(Option::as_ref).map_or(vault, |site| site.url.host());
            if let Some(other) = secrets.insert((host.to_owned(), secret.to_ascii_lowercase()), name.clone()) {
                let message = format!("the token {} is kept in the same secret", shown(&other));
                let fix = "give each token its own secret, or remove one of the two";
                self.fault(&["token", &index, "secret"], message, fix);
            }
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
        let name = match &table.name {
            Some(name) => self.checked(&key("name"), token_name(name), "use letters, digits, `.`, `-`, `_`"),
            None => secret.as_ref().map(ToString::to_string),
        };
        let vault = table.vault.as_deref().or(defaults.vault.as_deref());
        let vault = self.vault_named(&key("vault"), vault, vaults);
        let app = self.app_named(&key("app"), table.app.as_deref().or(defaults.app.as_deref()), apps);
        let scope = self.scope(&key("scope"), table.scope.as_ref().or(defaults.scope.as_ref()));
        let consent_scopes = table.consent_scopes.as_ref().or(defaults.consent_scopes.as_ref());
        let consent_scopes = consent_scopes.cloned().unwrap_or_default();
        self.consent_scopes(&key("consent_scopes"), scope.as_deref().unwrap_or_default(), &consent_scopes);
        let user_id = table.user_id.as_ref().or(defaults.user_id.as_ref());
        if let Some(user_id) = user_id {
            self.guid(&key("user_id"), user_id);
        }
        let suspended_until = table.suspended_until.or(defaults.suspended_until);
        let suspended_until = suspended_until.and_then(|day| self.day(&key("suspended_until"), day));
        let policy = self.policy(index, table, defaults, scope.as_deref().unwrap_or_default());
        Some(Target {
            name: name?,
            vault: vault?,
            secret: secret?,
            app: app?,
            scope: scope?,
            consent_scopes,
            user_id: user_id.cloned(),
            owner: table.owner.clone().or_else(|| defaults.owner.clone()),
            purpose: table.purpose.clone().or_else(|| defaults.purpose.clone()),
            policy: policy?,
            suspended_until,
        })
    }

    /// Scopes of one resource: Entra ID gives a token for one resource a request.
    fn scope(&mut self, at: &[&str], scope: Option<&String>) -> Option<String> {
        if scope.is_none() && !self.defaults_readable {
            return None;
        }
        let scope = self.required(at, scope, "\"https://api.partnercenter.microsoft.com/user_impersonation\"")?;
        let resource = |scope: &str| scope.rsplit_once('/').map_or(String::new(), |(resource, _)| resource.to_owned());
        let of_sign_in = ["email", "offline_access", "openid", "profile"];
        let resources: Vec<String> =
            scope.split_whitespace().filter(|scope| !of_sign_in.contains(scope)).map(resource).collect();
        if resources.iter().any(|other| *other != resources[0]) {
            self.fault(
                at,
                "the scopes are of several resources",
                "a token is for one resource: keep the scopes of one",
            );
            return None;
        }
        Some(scope.to_owned())
    }

    /// `.default` stands for everything that the app registration names, and cannot be asked for together with a permission
    /// by name (learn.microsoft.com/entra/identity-platform/scopes-oidc).
    fn consent_scopes(&mut self, at: &[&str], scope: &str, more: &[String]) {
        let of_default = |scope: &&str| scope.ends_with("/.default");
        let all: Vec<&str> = scope.split_whitespace().chain(more.iter().map(String::as_str)).collect();
        let one = |scope: &str| !scope.contains(char::is_whitespace) && (scope.contains("://") || is_guid_scope(scope));
        if let Some(odd) = more.iter().find(|scope| !one(scope)) {
            let message = format!("{} is not one permission of an API", shown(odd));
            self.fault(
                at,
                message,
                "write each by itself, with its API: \"https://management.azure.com//user_impersonation\"",
            );
        } else if !more.is_empty() && all.iter().any(of_default) {
            let fix = "name each permission, in `scope` as well; or leave consent_scopes away: .default asks for everything that the app registration lists";
            self.fault(at, "`.default` cannot be asked for together with other scopes", fix);
        }
    }

    fn app_named(&mut self, at: &[&str], name: Option<&str>, apps: &Named<App>) -> Option<Arc<App>> {
        if let Some(app) = name.and_then(|name| apps.get(name)) {
            return app.clone();
        }
        let known = apps.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (name, apps.len()) {
            (None, _) if !self.defaults_readable => {}
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

pub(super) const SECRET_FIX: &str = "use the secret's name in the vault: letters, digits and hyphens";

/// A permission of an API that is named by its client id.
fn is_guid_scope(scope: &str) -> bool {
    scope.split_once('/').is_some_and(|(api, permission)| is_guid(api) && !permission.is_empty())
}

fn token_name(name: &str) -> Result<String, String> {
    let fine = (1..=127).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    if fine { Ok(name.to_owned()) } else { Err(format!("{} cannot be a token's name", shown(name))) }
}
