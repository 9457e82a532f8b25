//! How the job proves who it is. [`proof`] makes what an app registration sends with a token request: a client secret,
//! an assertion signed by its [`certificate`], or a token of somebody it is told to trust (`federated`). [`vault`] makes
//! what the SDK signs in to a vault with: a managed identity, the Azure CLI, or an app registration by such a proof.

pub mod certificate;
mod federated;
mod managed_identity;
pub mod proof;
pub mod secret;
pub mod vault;

pub use federated::Host;
pub use proof::Proofs;
