//! Key Vault through the Azure SDK.

mod error;
mod key_vault;
pub mod tags;

pub use error::cause;
pub use key_vault::{Connection, KeyVault};
