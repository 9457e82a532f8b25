//! The tables of the configuration file. Everything is optional here; what is missing or wrong is found by
//! `resolve`, all of it at once.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use toml::value::Datetime;

use crate::config::notify_table::{HeartbeatTable, NotifyTable};
use crate::entra::cloud::Cloud;

/// The configuration of rotator.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "rotator.toml")]
pub struct File {
    /// The vault of every token that names no other.
    pub vault: Option<VaultTable>,
    /// More vaults, chosen by a token's `vault`.
    #[serde(default)]
    pub vaults: BTreeMap<String, VaultTable>,
    /// App registrations, chosen by a token's `app`.
    #[serde(default)]
    pub apps: BTreeMap<String, AppTable>,
    /// What holds for every token that does not say otherwise.
    pub defaults: Option<TokenTable>,
    /// The refresh tokens to look after.
    #[serde(default)]
    pub token: Vec<TokenTable>,
    /// Who is told when a token needs a person.
    #[serde(default)]
    pub notify: Vec<NotifyTable>,
    /// Who is told that the job runs.
    pub heartbeat: Option<HeartbeatTable>,
    /// The way to the network.
    pub network: Option<NetworkTable>,
}

/// A Key Vault.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VaultTable {
    /// The vault's address, such as `https://contoso-kv.vault.azure.net`.
    pub url: Option<String>,
    /// How the job signs in to the vault.
    pub credential: Option<VaultCredentialKind>,
    /// The client id of a user-assigned managed identity; without it the system-assigned one is used.
    pub identity_client_id: Option<String>,
    /// The tenant to sign in to, in place of `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// The app registration or identity to sign in as, in place of `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// The client secret of `client_id`, in place of `AZURE_CLIENT_SECRET`: a variable or a file.
    pub client_secret: Option<ReferenceTable>,
    /// The certificate of `client_id`, in place of `AZURE_CLIENT_CERTIFICATE_PATH`: a variable or a file.
    pub certificate: Option<ReferenceTable>,
    /// The service connection of Azure Pipelines, in place of `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`.
    pub service_connection_id: Option<String>,
}

/// How the job signs in to a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum VaultCredentialKind {
    /// Whichever of the others the environment is prepared for
    Auto,
    /// The managed identity of the host
    ManagedIdentity,
    /// A Kubernetes service account, by the token in `AZURE_FEDERATED_TOKEN_FILE`
    WorkloadIdentity,
    /// Whoever is signed in to the Azure CLI
    AzureCli,
    /// A service connection of Azure Pipelines
    AzurePipelines,
    /// GitHub Actions, in a job with `permissions: id-token: write`
    GithubOidc,
    /// An app registration by its client secret
    ClientSecret,
    /// An app registration by its certificate
    ClientCertificate,
}

/// An app registration.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AppTable {
    /// The tenant the person who consented belongs to: a GUID, or a domain of the tenant.
    pub tenant_id: Option<String>,
    /// The application (client) id.
    pub client_id: Option<String>,
    /// The cloud that the tenant lives in.
    pub cloud: Option<Cloud>,
    /// The address of Entra ID, for clouds that have no name here.
    pub authority: Option<String>,
    /// How the app proves who it is; `"none"` for a public client.
    pub credential: Option<AppCredential>,
    /// When the client secret or certificate ends, where neither the vault nor the certificate says.
    #[schemars(with = "Option<Date>")]
    pub credential_expires: Option<Datetime>,
    /// What the tenants of customers are to grant the app: `rotator customers consent`.
    pub grants: Option<Vec<GrantTable>>,
}

/// Delegated permissions of one API.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GrantTable {
    /// The API: a name as in `rotator token --for`, or the client id of its enterprise application.
    pub api: Option<String>,
    /// Its permissions, such as `["Directory.Read.All"]`.
    pub scopes: Option<Vec<String>>,
}

/// How an app registration proves who it is.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum AppCredential {
    Table(Box<AppCredentialTable>),
    Word(NoCredential),
}

/// `"none"`: a public client proves nothing.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoCredential {
    None,
}

/// By hand, since an untagged enum would hide what is wrong inside the table.
impl<'de> Deserialize<'de> for AppCredential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = AppCredential;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with `secret`, `certificate` or `federated`, or `\"none\"`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "none" => Ok(AppCredential::Word(NoCredential::None)),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                AppCredentialTable::deserialize(MapAccessDeserializer::new(map))
                    .map(|table| AppCredential::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// How an app registration proves who it is: exactly one of the three.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AppCredentialTable {
    /// A client secret.
    pub secret: Option<ReferenceTable>,
    /// A certificate and its private key in one PEM text.
    pub certificate: Option<ReferenceTable>,
    /// A token of somebody whom the app registration is told to trust; nothing is stored. Unconfirmed against a real tenant.
    pub federated: Option<FederatedKind>,
    /// With `federated = "managed-identity"`: the user-assigned identity; that of `[vault]` if absent.
    pub identity_client_id: Option<String>,
    /// With `federated = "azure-pipelines"`: the service connection, in place of
    /// `AZURESUBSCRIPTION_SERVICE_CONNECTION_ID`.
    pub service_connection_id: Option<String>,
}

/// Who issues the token of a federated credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FederatedKind {
    /// The host's user-assigned managed identity
    ManagedIdentity,
    /// A Kubernetes service account, by the token in `AZURE_FEDERATED_TOKEN_FILE`
    WorkloadIdentity,
    /// GitHub Actions
    GithubOidc,
    /// Azure Pipelines
    AzurePipelines,
}

/// A date, as TOML has it.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Date(
    #[expect(dead_code, reason = "names a format for the schema")]
    #[schemars(extend("format" = "date"))]
    String,
);

/// Where a secret value is kept: exactly one of the three.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReferenceTable {
    /// The name of a secret in a vault.
    pub vault_secret: Option<String>,
    /// The vault of `vault_secret`: a key of `[vaults]`; without it `[vault]`.
    pub vault: Option<String>,
    /// The name of an environment variable.
    pub env: Option<String>,
    /// The path of a file.
    pub file: Option<String>,
}

/// A refresh token. The same keys may stand in `[defaults]`, apart from `name` and `secret`.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TokenTable {
    /// What reports, logs and alerts call the token; the name of its secret if absent.
    pub name: Option<String>,
    /// The app registration it was issued to: a key of `[apps]`. May be absent where there is just one.
    pub app: Option<String>,
    /// The name of the secret that holds it.
    pub secret: Option<String>,
    /// The vault of the secret: a key of `[vaults]`; without it `[vault]`.
    pub vault: Option<String>,
    /// What it is redeemed for, such as `https://api.partnercenter.microsoft.com/user_impersonation`.
    pub scope: Option<String>,
    /// Scopes of other APIs that the person consents to when signing in, so that scripts can have access tokens for them.
    pub consent_scopes: Option<Vec<String>>,
    /// The object id of the user it must belong to.
    pub user_id: Option<String>,
    /// Who is asked when it needs a person.
    pub owner: Option<String>,
    /// What breaks when it dies.
    pub purpose: Option<String>,
    /// The age at which it is rotated, such as `"7d"`.
    pub rotate_after: Option<String>,
    /// The age at which it dies unless it was rotated.
    pub expire_after: Option<String>,
    /// The days left at which a person is told.
    pub warn_before: Option<String>,
    /// The days left at which a person is called.
    pub critical_before: Option<String>,
    /// Whether a token that is not due is redeemed all the same, to find revocations early.
    pub probe: Option<ProbeKind>,
    /// How a new token is proved before it is stored.
    pub verify: Option<VerifyKind>,
    /// Whether its sign-in must have had MFA.
    pub require_mfa: Option<RequireMfa>,
    /// How many versions stay enabled.
    pub keep_versions: Option<usize>,
    /// How long an older version stays enabled, since consumers keep values that long.
    pub grace: Option<String>,
    /// The age of the sign-in at which a person is asked to sign in again, such as `"180d"`.
    pub reconsent_after: Option<String>,
    /// Until this day the token is left alone and nobody is told of it.
    #[schemars(with = "Option<Date>")]
    pub suspended_until: Option<Datetime>,
}

/// Whether a token that is not due is redeemed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    EveryRun,
    Never,
}

/// How a new token is proved.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyKind {
    Redeem,
    Claims,
}

/// `"auto"` (yes for Partner Center), `true` or `false`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `\"auto\"`, `true` or `false`")]
pub enum RequireMfa {
    Plain(bool),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    Auto,
}

/// The way to the network. `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are honoured as well.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NetworkTable {
    /// A PEM file of certificates that are trusted besides the system's.
    pub ca_file: Option<String>,
}
