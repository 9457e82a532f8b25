//! What a request is for.

use std::fmt;

use super::http::Ask;

/// The routes of the fakes, as far as faults and the journal tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// A token of the managed identity.
    Identity,
    PartnerCenter,
    /// The receiver of alerts.
    Receiver,
    /// A token of a pipeline's job.
    Pipeline,
    /// The token endpoint.
    Token,
    /// Versions of a secret.
    Versions,
    /// The newest version, or a named one, with its value.
    Read,
    Write,
    Update,
    /// Everything else a vault answers.
    Vault,
    /// Everything else Entra ID answers.
    Directory,
}

impl Route {
    pub(crate) fn of(ask: &Ask) -> Self {
        let segments = ask.segments();
        let vault = super::server::is_vault(&ask.host);
        match (ask.method.as_str(), segments.as_slice()) {
            (_, ["msi" | "metadata", ..]) => Self::Identity,
            _ if ask.host == super::server::RECEIVER => Self::Receiver,
            _ if ask.host == super::partner_center::HOST => Self::PartnerCenter,
            _ if super::pipeline::is_pipeline(&ask.host) => Self::Pipeline,
            ("POST", [_, "oauth2", "v2.0", "token"]) if !vault => Self::Token,
            _ if !vault => Self::Directory,
            ("GET", ["secrets", _, "versions"]) => Self::Versions,
            ("GET", ["secrets", _] | ["secrets", _, _]) => Self::Read,
            ("PUT", ["secrets", _]) => Self::Write,
            ("PATCH", _) => Self::Update,
            _ => Self::Vault,
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
