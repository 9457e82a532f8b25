//! Fetches the client secrets of app registrations, each once a run.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::config::refer;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::{App, SecretSource};
use crate::ports::Vault;
use crate::secret::ClientSecret;

/// The client secrets of a run, by the name of the app's table.
#[derive(Debug, Default)]
pub struct AppSecrets {
    cells: HashMap<String, OnceCell<Result<Arc<ClientSecret>, Cause>>>,
}

impl AppSecrets {
    #[must_use]
    pub fn of_apps<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { cells: names.into_iter().map(|name| (name.to_owned(), OnceCell::new())).collect() }
    }

    pub(super) async fn of(
        &self,
        app: &App,
        vaults: &HashMap<String, Arc<dyn Vault>>,
    ) -> Result<Arc<ClientSecret>, Cause> {
        match self.cells.get(&app.name) {
            // A failure is shared as well: it was tried as often as makes sense, and the other tokens must not queue for it.
            Some(cell) => cell.get_or_init(|| fetch(app, vaults)).await.clone(),
            None => fetch(app, vaults).await,
        }
    }
}

async fn fetch(app: &App, vaults: &HashMap<String, Arc<dyn Vault>>) -> Result<Arc<ClientSecret>, Cause> {
    let secret = match &app.secret {
        SecretSource::Vault { vault, secret } => {
            let missing = || Cause::new(Kind::Panicked, format!("no connection to vault {}", vault.name));
            let vault = vaults.get(&vault.name).ok_or_else(missing)?;
            ClientSecret::from(vault.read(secret, None).await.map_err(missing_client_secret)?.value)
        }
        SecretSource::Env(name) => refer::env(name).map(ClientSecret::new).ok_or_else(|| {
            Cause::new(Kind::AppSecretEnv, format!("the environment variable {name} of app {} is not set", app.name))
        })?,
        SecretSource::File(path) => refer::file(path).map(ClientSecret::new).map_err(|error| {
            Cause::new(
                Kind::AppSecretFile,
                format!("the file of the client secret of app {} cannot be read: {error}", app.name),
            )
        })?,
    };
    let trimmed = secret.expose().trim();
    if trimmed.is_empty() {
        return Err(Cause::new(Kind::AppSecretEmpty, "the client secret is empty"));
    }
    Ok(Arc::new(ClientSecret::new(trimmed.to_owned())))
}

/// The fix for a client secret is another than that for a refresh token.
fn missing_client_secret(cause: Cause) -> Cause {
    match cause.kind {
        Kind::SecretMissing => Cause { kind: Kind::AppSecretMissing, ..cause },
        _ => cause,
    }
}
