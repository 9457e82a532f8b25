//! Builds what a run needs out of a configuration. Nothing is sent yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::Transport;
use uuid::Uuid;

use crate::clock::Clock;
use crate::command::Usage;
use crate::config::Config;
use crate::credential::{self, Host, Proofs};
use crate::entra::client::Endpoint;
use crate::model::failure::Cause;
use crate::model::target::{Target, VaultSite};
use crate::ports::{Entra, Vault};
use crate::renew::Run;
use crate::vault::{Connection, KeyVault};
use crate::wire::{client, deadline::Deadline, transport};

/// A run, and what only `doctor` looks at by itself.
pub(super) struct Connected {
    pub(super) run: Arc<Run>,
    pub(super) host: Host,
    /// By the name of the vault's table.
    pub(super) credentials: HashMap<String, Arc<dyn TokenCredential>>,
}

pub(super) fn connect(config: &Config, limit: Duration) -> Result<Arc<Run>, Usage> {
    open(config, limit).map(|connected| connected.run)
}

pub(super) fn open(config: &Config, limit: Duration) -> Result<Connected, Usage> {
    let clock = Clock::system();
    let deadline = Deadline::after(limit);
    let fault = |fault: client::ClientFault| Usage(fault.to_string());
    let outer = client::outer(config.ca_file.as_deref()).map_err(fault)?;
    let identity = client::identity().map_err(fault)?;
    let through = |client| Transport::new(Arc::new(transport::Transport(client)));
    let host = Host { outer: outer.clone(), identity: through(identity), deadline: deadline.clone(), clock };
    let entra: Arc<dyn Entra> = Arc::new(Endpoint { client: outer.clone(), clock });
    let connection = Connection { outer: through(outer), deadline: deadline.clone() };
    let mut vaults: HashMap<String, Arc<dyn Vault>> = HashMap::new();
    let mut credentials = HashMap::new();
    for site in &config.vaults {
        if let Some(why) = site.chosen {
            tracing::info!(vault = site.name, credential = site.credential.as_str(), why, "credential chosen");
        }
        let unusable = |cause| unusable(site, &cause);
        let credential = credential::vault::credential(site, &host, &entra).map_err(unusable)?;
        let vault = KeyVault::connect(site, Arc::clone(&credential), &connection).map_err(unusable)?;
        credentials.insert(site.name.clone(), credential);
        vaults.insert(site.name.clone(), Arc::new(vault));
    }
    let apps = config.targets.iter().map(|target| target.app.name.as_str());
    let proofs = Proofs::of_apps(apps, host.clone());
    let run = Run { id: Uuid::new_v4().to_string(), clock, deadline, entra, vaults, proofs };
    Ok(Connected { run: Arc::new(run), host, credentials })
}

/// A credential or an address that cannot be prepared, found before anything is sent.
fn unusable(site: &VaultSite, cause: &Cause) -> Usage {
    let slug = cause.kind.slug();
    Usage(format!("vault {}: {slug}: {cause}\n    fix: {}", site.name, cause.kind.hint()))
}

/// The one target of a name.
pub(super) fn named(config: &Config, name: &str) -> Result<Arc<Target>, Usage> {
    let found = config.targets.iter().find(|target| target.name == name);
    found
        .cloned()
        .ok_or_else(|| Usage(format!("{name}: there is no such token\n    fix: known tokens: {}", names(config))))
}

/// The vault of a target.
pub(super) fn vault_of(target: &Target, run: &Run) -> Result<Arc<dyn Vault>, Usage> {
    let vault = run.vaults.get(&target.vault.name).cloned();
    vault.ok_or_else(|| Usage(format!("no connection to vault {}", target.vault.name)))
}

fn names(config: &Config) -> String {
    config.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The targets that were asked for, all of them if none was named.
pub(super) fn chosen(config: &Config, only: &[String]) -> Result<Vec<Arc<Target>>, Usage> {
    let known = |name: &&String| config.targets.iter().any(|target| target.name == **name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        return Err(Usage(format!(
            "--only {unknown}: there is no such token\n    fix: known tokens: {}",
            names(config)
        )));
    }
    let wanted = |target: &&Arc<Target>| only.is_empty() || only.contains(&target.name);
    Ok(config.targets.iter().filter(wanted).cloned().collect())
}
