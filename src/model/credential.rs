//! How the job proves who it is: to a vault, and to Entra ID as an app registration.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::name::SecretName;
use crate::model::target::{App, VaultSite};

/// How the job signs in to a vault.
#[derive(Debug, Clone)]
pub enum VaultCredential {
    /// The identity of the host: system-assigned, or the user-assigned one with this client id.
    ManagedIdentity { client_id: Option<String> },
    /// Whoever is signed in to the Azure CLI, in this tenant or in the one it is set to.
    AzureCli { tenant_id: Option<String> },
    /// An app registration or user-assigned identity that signs in by itself (client credentials).
    App(Arc<App>),
}

impl VaultCredential {
    /// The word the configuration has for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ManagedIdentity { .. } => "managed-identity",
            Self::AzureCli { .. } => "azure-cli",
            Self::App(app) => match &app.credential {
                ClientCredential::Secret(_) => "client-secret",
                ClientCredential::Certificate(_) => "client-certificate",
                ClientCredential::Federated(federated) => federated.issuer.as_str(),
                ClientCredential::None => "none",
            },
        }
    }
}

/// How a credential that ends is renewed.
#[must_use]
pub fn renewal(credential: &str, client_id: &str) -> String {
    let reset = format!("az ad app credential reset --id {client_id} --append");
    if credential == "certificate" {
        return format!("make a new certificate, add it to the app ({reset} --cert @certificate.pem), then store it");
    }
    reset
}

/// How an app registration proves who it is.
#[derive(Debug, Clone)]
pub enum ClientCredential {
    Secret(SecretSource),
    /// A certificate with its private key, in PEM form.
    Certificate(SecretSource),
    /// A token of somebody else's that Entra ID is told to trust. Nothing is stored.
    Federated(Federated),
    /// A public client has nothing to prove.
    None,
}

impl ClientCredential {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Secret(_) => "client secret",
            Self::Certificate(_) => "certificate",
            Self::Federated(_) => "federated credential",
            Self::None => "none (public client)",
        }
    }

    /// Where the secret or the certificate is kept, if there is one.
    #[must_use]
    pub const fn source(&self) -> Option<&SecretSource> {
        match self {
            Self::Secret(source) | Self::Certificate(source) => Some(source),
            Self::Federated(_) | Self::None => None,
        }
    }
}

/// Where a secret value is kept. Never on the command line: argument lists are readable by other users.
#[derive(Debug, Clone)]
pub enum SecretSource {
    Vault { vault: Arc<VaultSite>, secret: SecretName },
    Env(String),
    File(PathBuf),
}

/// A federated identity credential
/// (learn.microsoft.com/entra/workload-id/workload-identity-federation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federated {
    pub issuer: Issuer,
    /// The audience Entra ID expects in the token, which differs by cloud.
    pub audience: &'static str,
}

/// Who issues the token that a federated credential trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// The host's managed identity: a user-assigned one, by its client id.
    ManagedIdentity { client_id: Option<String> },
    /// A Kubernetes cluster, by a token in a file that it renews.
    WorkloadIdentity { token_file: PathBuf },
    /// GitHub Actions, in a job with `permissions: id-token: write`.
    GitHub,
    /// Azure Pipelines, by a service connection.
    AzurePipelines { service_connection_id: String },
}

impl Issuer {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ManagedIdentity { .. } => "managed-identity",
            Self::WorkloadIdentity { .. } => "workload-identity",
            Self::GitHub => "github-oidc",
            Self::AzurePipelines { .. } => "azure-pipelines",
        }
    }
}
