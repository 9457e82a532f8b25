//! What the caller may do, and how the vault says no.

use std::collections::HashSet;

/// The rights on secrets that a caller can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    Get,
    List,
    Set,
    Update,
    Delete,
    Recover,
}

impl Right {
    /// The data action that grants it.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Get => "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            Self::List => "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
            Self::Set => "Microsoft.KeyVault/vaults/secrets/setSecret/action",
            Self::Update => "Microsoft.KeyVault/vaults/secrets/update/action",
            Self::Delete => "Microsoft.KeyVault/vaults/secrets/delete",
            Self::Recover => "Microsoft.KeyVault/vaults/secrets/recover/action",
        }
    }
}

/// How a vault controls access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    #[default]
    Rbac,
    Policy,
    /// The caller's network is not let in at all.
    Firewall,
}

/// The rights that were taken away.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    pub control: Control,
    pub denied: HashSet<Right>,
}
