//! The two HTTP clients of the tool.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, redirect};

const CONNECT: Duration = Duration::from_secs(5);
/// The endpoint is on the host or one hop away.
const IDENTITY_CONNECT: Duration = Duration::from_secs(2);

/// A client that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientFault {
    #[error("cannot read ca_file {path}: {source}")]
    ReadCa { path: String, source: std::io::Error },
    #[error("ca_file {path} holds no certificate in PEM form")]
    ParseCa { path: String },
    #[error(
        "no TLS client: {0}; install the system's CA certificates (Debian: apt-get install ca-certificates) or set SSL_CERT_FILE"
    )]
    Build(String),
}

/// The client for vaults, Entra ID and everything else outside: https only, the system's roots and those of
/// `ca_file`, the proxy from the environment, no redirects.
///
/// # Errors
/// An unreadable `ca_file`, or no roots on the machine at all.
pub fn outer(ca_file: Option<&Path>) -> Result<Client, ClientFault> {
    let mut builder = base().https_only(true);
    if let Some(path) = ca_file {
        let name = || path.display().to_string();
        #[expect(clippy::disallowed_methods, reason = "the one certificate file of the configuration")]
        let pem = std::fs::read(path).map_err(|source| ClientFault::ReadCa { path: name(), source })?;
        let roots = Certificate::from_pem_bundle(&pem).map_err(|_| ClientFault::ParseCa { path: name() })?;
        if roots.is_empty() {
            return Err(ClientFault::ParseCa { path: name() });
        }
        builder = builder.tls_certs_merge(roots);
    }
    build(builder)
}

/// The client for managed-identity endpoints only: plain http on the host's own addresses, never through a proxy. It
/// trusts no certificate, as it needs none.
///
/// # Errors
/// The TLS library's.
pub fn identity() -> Result<Client, ClientFault> {
    build(base().no_proxy().connect_timeout(IDENTITY_CONNECT).tls_certs_only(std::iter::empty()))
}

fn base() -> ClientBuilder {
    Client::builder().connect_timeout(CONNECT).redirect(redirect::Policy::none())
}

fn build(builder: ClientBuilder) -> Result<Client, ClientFault> {
    builder.build().map_err(|error| {
        let causes: Vec<String> = crate::wire::network::chain(&error).map(ToString::to_string).collect();
        ClientFault::Build(causes.join(": "))
    })
}
