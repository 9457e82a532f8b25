//! What the app registrations of a run prove themselves with, each source asked once.

use std::collections::HashMap;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, OnceCell};

use crate::config::refer;
use crate::credential::certificate::{self, Certificate};
use crate::credential::federated::{Host, Issued};
use crate::credential::secret::{self, Vaults};
use crate::entra::request::{Proof, token_endpoint};
use crate::model::credential::{ClientCredential, Federated, SecretSource};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::App;
use crate::secret::{ClientSecret, SecretValue};

/// A federated token is fetched again when it has less than this left: GitHub's live five minutes.
const SPARE: Duration = Duration::minutes(1);
/// So long nobody asks again for a token that was not issued: that was tried as often as makes sense.
const REST: Duration = Duration::minutes(1);

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
    Federated(Box<(Federated, Mutex<Option<Latest>>)>),
    None,
}

/// What came of asking for a federated token the last time, and how long that holds.
#[derive(Debug)]
struct Latest {
    result: Result<Proof, Cause>,
    until: OffsetDateTime,
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
            Credential::Federated(held) => self.federated(&held.0, &mut *held.1.lock().await).await,
            Credential::None => Ok(Proof::Public),
        }
    }

    async fn federated(&self, federated: &Federated, latest: &mut Option<Latest>) -> Result<Proof, Cause> {
        if let Some(known) = latest.as_ref().filter(|known| known.until > self.host.clock.now()) {
            return known.result.clone();
        }
        let issued = self.host.issue(federated).await;
        let latest = latest.insert(match issued {
            Ok(Issued { assertion, expires }) => {
                Latest { result: Ok(Proof::Assertion(Arc::new(assertion))), until: expires - SPARE }
            }
            Err(cause) => Latest { result: Err(cause), until: self.host.clock.now() + REST },
        });
        latest.result.clone()
    }
}

async fn hold(app: &App, vaults: &Vaults) -> Result<Held, Cause> {
    let held = match &app.credential {
        ClientCredential::Secret(source) => {
            let (secret, expires) = secret::fetch(&of_app(app), source, vaults).await?;
            Held { credential: Credential::Secret(Arc::new(ClientSecret::from(secret))), expires }
        }
        ClientCredential::Certificate(source) => {
            let (text, _) = secret::fetch(&of_app(app), source, vaults).await.map_err(not_text)?;
            let certificate = Certificate::parse(&text)?;
            Held { expires: Some(certificate.expires), credential: Credential::Certificate(Box::new(certificate)) }
        }
        ClientCredential::Federated(federated) => {
            Held { credential: Credential::Federated(Box::new((federated.clone(), Mutex::default()))), expires: None }
        }
        ClientCredential::None => Held { credential: Credential::None, expires: None },
    };
    Ok(held)
}

/// What is fetched, for people.
fn of_app(app: &App) -> String {
    format!("the {} of {}", app.credential.as_str(), app.name)
}

/// A file of a certificate that is no text is a PKCS#12 file.
fn not_text(cause: Cause) -> Cause {
    match cause.kind {
        Kind::AppSecretFile if cause.message.contains("valid UTF-8") => certificate::not_pem(),
        _ => cause,
    }
}

/// When a certificate ends that lies in a file or a variable, which can be known without any request.
#[must_use]
pub fn local_expiry(app: &App) -> Option<OffsetDateTime> {
    let text = match &app.credential {
        ClientCredential::Certificate(SecretSource::Env(variable)) => refer::env(variable),
        ClientCredential::Certificate(SecretSource::File(path)) => refer::file(path).ok(),
        _ => None,
    };
    Certificate::parse(&SecretValue::new(text?)).ok().map(|certificate| certificate.expires)
}
