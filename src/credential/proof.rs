//! What the app registrations of a run prove themselves with, each source asked once.

use std::collections::HashMap;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, OnceCell};

use crate::config::refer;
use crate::credential::certificate::Certificate;
use crate::credential::federated::{Host, Issued};
use crate::entra::request::{Proof, token_endpoint};
use crate::model::credential::{ClientCredential, Federated, SecretSource};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::App;
use crate::ports::Vault;
use crate::secret::{ClientSecret, SecretValue};

/// A federated token is fetched again when it has less than this left: GitHub's live five minutes.
const SPARE: Duration = Duration::minutes(1);

/// The vaults of a run, by the name of their table.
pub type Vaults = HashMap<String, Arc<dyn Vault>>;

/// The credentials of the apps of a run, by the name of the app.
#[derive(Debug)]
pub struct Proofs {
    host: Host,
    cells: HashMap<String, OnceCell<Result<Held, Cause>>>,
}

/// A credential that was fetched.
#[derive(Debug)]
struct Held {
    credential: Credential,
    expires: Option<OffsetDateTime>,
}

#[derive(Debug)]
enum Credential {
    Secret(Arc<ClientSecret>),
    Certificate(Box<Certificate>),
    Federated(Federated, Mutex<Option<Latest>>),
    None,
}

/// The federated token that was issued last.
#[derive(Debug)]
struct Latest {
    proof: Proof,
    expires: OffsetDateTime,
}

impl Proofs {
    #[must_use]
    pub fn of_apps<'a>(names: impl IntoIterator<Item = &'a str>, host: Host) -> Self {
        Self { host, cells: names.into_iter().map(|name| (name.to_owned(), OnceCell::new())).collect() }
    }

    /// What `app` proves itself with now.
    ///
    /// # Errors
    /// Why its credential could not be fetched. That is shared by all its tokens: it was tried as often as makes sense,
    /// and they must not queue for it.
    pub async fn of(&self, app: &App, vaults: &Vaults) -> Result<Proof, Cause> {
        match self.cells.get(&app.name) {
            Some(cell) => self.prove(app, cell.get_or_init(|| hold(app, vaults)).await.as_ref()).await,
            None => self.prove(app, hold(app, vaults).await.as_ref()).await,
        }
    }

    /// When the credential of `app` ends: the certificate's own word, the vault's, the configuration's; `Some(None)` where
    /// none of them says it, nothing where this run did not come to ask.
    #[must_use]
    pub fn expiry(&self, app: &App) -> Option<Option<OffsetDateTime>> {
        let held = self.cells.get(&app.name).and_then(OnceCell::get).and_then(|held| held.as_ref().ok());
        let known = held.map(|held| held.expires.or(app.credential_expires));
        known.or_else(|| app.credential_expires.map(Some))
    }

    async fn prove(&self, app: &App, held: Result<&Held, &Cause>) -> Result<Proof, Cause> {
        match &held.map_err(Clone::clone)?.credential {
            Credential::Secret(secret) => Ok(Proof::Secret(Arc::clone(secret))),
            Credential::Certificate(certificate) => {
                let assertion = certificate.assertion(&app.client_id, &token_endpoint(app), self.host.clock.now())?;
                Ok(Proof::Assertion(Arc::new(assertion)))
            }
            Credential::Federated(federated, latest) => self.federated(federated, &mut *latest.lock().await).await,
            Credential::None => Ok(Proof::Public),
        }
    }

    async fn federated(&self, federated: &Federated, latest: &mut Option<Latest>) -> Result<Proof, Cause> {
        if let Some(known) = latest.as_ref().filter(|known| known.expires - self.host.clock.now() > SPARE) {
            return Ok(known.proof.clone());
        }
        let Issued { assertion, expires } = self.host.issue(federated).await?;
        let proof = Proof::Assertion(Arc::new(assertion));
        *latest = Some(Latest { proof: proof.clone(), expires });
        Ok(proof)
    }
}

async fn hold(app: &App, vaults: &Vaults) -> Result<Held, Cause> {
    let held = match &app.credential {
        ClientCredential::Secret(source) => {
            let (secret, expires) = fetch(app, source, vaults).await?;
            Held { credential: Credential::Secret(Arc::new(ClientSecret::from(secret))), expires }
        }
        ClientCredential::Certificate(source) => {
            let (text, _) = fetch(app, source, vaults).await?;
            let certificate = Certificate::parse(&text)?;
            Held { expires: Some(certificate.expires), credential: Credential::Certificate(Box::new(certificate)) }
        }
        ClientCredential::Federated(federated) => {
            Held { credential: Credential::Federated(federated.clone(), Mutex::default()), expires: None }
        }
        ClientCredential::None => Held { credential: Credential::None, expires: None },
    };
    Ok(held)
}

/// A secret value without the line break that a hand left at its end, and when the vault says that it ends.
async fn fetch(
    app: &App,
    source: &SecretSource,
    vaults: &Vaults,
) -> Result<(SecretValue, Option<OffsetDateTime>), Cause> {
    let (name, what) = (&app.name, app.credential.as_str());
    let (secret, expires) = match source {
        SecretSource::Vault { vault, secret } => {
            let missing = || Cause::new(Kind::Panicked, format!("no connection to vault {}", vault.name));
            let vault = vaults.get(&vault.name).ok_or_else(missing)?;
            let stored = vault.read(secret, None).await.map_err(of_an_app)?;
            (stored.value, stored.version.expires)
        }
        SecretSource::Env(variable) => {
            let unset = || {
                let text = format!("the environment variable {variable} with the {what} of {name} is not set");
                Cause::new(Kind::AppSecretEnv, text)
            };
            (refer::env(variable).map(SecretValue::new).ok_or_else(unset)?, None)
        }
        SecretSource::File(path) => {
            let unreadable = |error| {
                Cause::new(Kind::AppSecretFile, format!("the file with the {what} of {name} cannot be read: {error}"))
            };
            (refer::file(path).map(SecretValue::new).map_err(unreadable)?, None)
        }
    };
    match secret.expose().trim() {
        "" => Err(Cause::new(Kind::AppSecretEmpty, format!("the {what} of {name} is empty"))),
        trimmed => Ok((SecretValue::new(trimmed.to_owned()), expires)),
    }
}

/// The fix for a client secret is another than that for a refresh token.
fn of_an_app(cause: Cause) -> Cause {
    match cause.kind {
        Kind::SecretMissing => Cause { kind: Kind::AppSecretMissing, ..cause },
        _ => cause,
    }
}
