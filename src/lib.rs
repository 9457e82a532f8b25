//! Keeps delegated refresh tokens of Entra ID alive in Azure Key Vault.
//!
//! The path of one token: inventory (metadata of its versions) → plan (what is due) → read → redeem at Entra ID →
//! inspect (whose token is it) → prove (redeem the new one once) → store (as a new version, read back) → retire (old
//! versions). [`renew`] is that path; [`command`] puts it on a command line; [`model`] holds what it decides about.
//! Everything outside is behind [`ports`], implemented by [`vault`] and [`entra`] over [`wire`].

pub mod access;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod consent;
pub mod credential;
pub mod doctor;
pub mod entra;
pub mod model;
pub mod notify;
pub mod partner_center;
pub mod ports;
pub mod renew;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
pub mod vault;
pub mod wire;
