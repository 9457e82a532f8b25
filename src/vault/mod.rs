//! Key Vault through the Azure SDK.

mod credential;
mod error;
mod key_vault;
pub mod tags;

pub use key_vault::{Connection, KeyVault};
