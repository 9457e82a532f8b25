//! What the SDK signs in to a vault with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions};
use tokio::time::timeout;

use crate::credential::federated::Host;
use crate::credential::managed_identity::{ManagedIdentity, is_unreadable};
use crate::credential::proof::Proofs;
use crate::entra::answer::{self, Grant};
use crate::entra::request;
use crate::model::credential::VaultCredential;
use crate::model::failure::Cause;
use crate::model::kind::{Kind, Remedy};
use crate::model::target::{App, VaultSite};
use crate::ports::Entra;
use crate::wire::network;

/// The Azure CLI is a program in Python that may have to ask Entra ID.
const CLI_TIME: Duration = Duration::from_secs(9);

/// The credential of a vault; nothing is sent yet.
///
/// # Errors
/// A credential that this host cannot have.
pub fn credential(site: &VaultSite, host: &Host, entra: &Arc<dyn Entra>) -> Result<Arc<dyn TokenCredential>, Cause> {
    Ok(match &site.credential {
        VaultCredential::ManagedIdentity { client_id } => {
            Arc::new(ManagedIdentity::new(client_id.as_ref(), &host.identity)?)
        }
        VaultCredential::AzureCli { tenant_id } => {
            let options =
                AzureCliCredentialOptions { tenant_id: tenant_id.clone(), ..AzureCliCredentialOptions::default() };
            let credential = AzureCliCredential::new(Some(options));
            Arc::new(AzureCli(credential.map_err(|error| Cause::new(Kind::IdentityCli, error.to_string()))?))
        }
        VaultCredential::App(app) => {
            let proofs = Proofs::of_apps([app.name.as_str()], host.clone());
            Arc::new(AppSignIn { app: Arc::clone(app), proofs, entra: Arc::clone(entra) })
        }
    })
}

/// Hands a cause through the SDK, whose errors have no room for one but among their sources.
pub(super) fn refused(cause: Cause) -> Error {
    Error::new(ErrorKind::Credential, cause)
}

/// An app registration that signs in by itself. The SDK has such credentials, but loses Entra ID's codes where the
/// description has an escaped character, as most have.
#[derive(Debug)]
struct AppSignIn {
    app: Arc<App>,
    proofs: Proofs,
    entra: Arc<dyn Entra>,
}

impl AppSignIn {
    async fn grant(&self, scope: &str) -> Result<Grant, Cause> {
        // What opens a vault is not kept in one.
        let proof = self.proofs.of(&self.app, &HashMap::new()).await.map_err(of_the_vault)?;
        let request = request::client_credentials(&self.app, &proof, scope);
        answer::read(&self.entra.send(&request).await?).map_err(about_the_vault)
    }
}

#[async_trait]
impl TokenCredential for AppSignIn {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let grant = self.grant(scopes.first().copied().unwrap_or_default()).await.map_err(refused)?;
        let expires = grant.received_at + grant.expires_in;
        Ok(AccessToken::new(grant.access.expose().to_owned(), expires))
    }
}

/// What is wrong is what the job itself signs in with, not the app registration of the tokens.
fn about_the_vault(cause: Cause) -> Cause {
    match cause.kind.remedy() {
        Remedy::Retry => cause,
        _ if cause.kind == Kind::ClockSkew => cause,
        _ => Cause { kind: Kind::IdentityRefused, fix: None, ..cause },
    }
}

/// The client secret or certificate of the vault's own sign-in.
fn of_the_vault(cause: Cause) -> Cause {
    match cause.kind {
        Kind::AppSecretEnv | Kind::AppSecretFile | Kind::AppSecretEmpty | Kind::AppCertificate => {
            Cause { kind: Kind::IdentityCredential, ..cause }
        }
        _ => cause,
    }
}

/// The Azure CLI, within a time.
#[derive(Debug)]
struct AzureCli(Arc<AzureCliCredential>);

#[async_trait]
impl TokenCredential for AzureCli {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let late = || format!("az: no answer within {} seconds", CLI_TIME.as_secs());
        match timeout(CLI_TIME, self.0.get_token(scopes, options)).await {
            Ok(token) => token.map_err(|error| refused(of_the_cli(&error))),
            Err(_) => Err(refused(Cause::new(Kind::NetworkTimeout, late()))),
        }
    }
}

fn of_the_cli(error: &Error) -> Cause {
    // The text of a serde error quotes what it read, which may be a token.
    if network::chain(error).any(is_unreadable) {
        return Cause::new(Kind::IdentityCli, "az: its answer is not a token; version 2.54 or newer is needed");
    }
    let said = error.to_string();
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    Cause::new(Kind::IdentityCli, format!("az: {line}"))
}
