//! Names and addresses that are checked once, when they come in.

use std::fmt;

use url::{Host, Url};

/// The name of a Key Vault secret: 1 to 127 letters, digits and hyphens
/// (learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// # Errors
    /// The sentence says what Key Vault would refuse.
    pub fn parse(name: &str) -> Result<Self, String> {
        if name.is_empty() || name.len() > 127 {
            return Err(format!("a secret name has 1 to 127 characters, this one {}", name.len()));
        }
        match name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            Some(bad) => {
                Err(format!("a secret name has letters, digits and hyphens only, not `{}`", bad.escape_default()))
            }
            None => Ok(Self(name.to_owned())),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a vault: `https`, a host, and nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VaultUrl(Url);

impl VaultUrl {
    /// # Errors
    /// The sentence says what is wrong with the address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = https(text)?;
        if !matches!(url.path(), "" | "/") {
            return Err(format!("a vault address ends after the host, this one goes on with `{}`", url.path()));
        }
        match url.domain() {
            Some(host) if host.contains('.') => Ok(Self(url)),
            _ => Err("a vault address has a host such as contoso-kv.vault.azure.net".to_owned()),
        }
    }

    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The vault's own name, as the `az` command wants it.
    #[must_use]
    pub fn vault_name(&self) -> &str {
        self.host().split('.').next().unwrap_or_default()
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl fmt::Display for VaultUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An `https` address without credentials, query or fragment.
///
/// # Errors
/// The sentence says what is wrong with the address.
pub fn https(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not an address: {error}"))?;
    if url.scheme() != "https" {
        return Err(format!("only https is allowed, not {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address carries no user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the address has a query or a fragment".to_owned());
    }
    Ok(url)
}

/// Whether an address is one of this very machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A GUID as Entra ID prints it: 8-4-4-4-12 hexadecimal digits.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Whether a text names one tenant: its id or one of its domains, not a word that stands for many.
#[must_use]
pub fn is_tenant(text: &str) -> bool {
    let domain = text.split('.').count() > 1
        && text.split('.').all(|label| !label.is_empty())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    is_guid(text) || domain
}

/// What others say, to be shown: without what steers a terminal, without what turns the direction of writing, by which one
/// name could look like another, without what an agent of Azure Pipelines or GitHub takes for a command wherever it stands in a line
/// (learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands), and not longer than `most` characters.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text: String = text.chars().filter(|c| !c.is_control() && !turns(*c)).take(most).collect();
    text.replace("##vso[", "# #vso[").replace("##[", "# #[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_commands_nothing() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\n::error::c", 100), "a[31mb::error::c");
        let said = printable("x ##vso[task.setvariable variable=PATH]evil ##[error]y", 100);
        assert_eq!(said, "x # #vso[task.setvariable variable=PATH]evil # #[error]y");
    }

    #[test]
    fn secret_names_key_vault_refuses() {
        assert!(SecretName::parse("contoso-partner-Refresh-1").is_ok());
        assert!(SecretName::parse(&"a".repeat(127)).is_ok());
        for bad in ["", "under_score", "sl/ash", "with space", "ümlaut", &"a".repeat(128)] {
            assert!(SecretName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn vault_addresses() {
        assert_eq!(VaultUrl::parse("https://contoso-kv.vault.azure.net/").unwrap().vault_name(), "contoso-kv");
        for bad in [
            "http://contoso-kv.vault.azure.net",
            "https://contoso-kv.vault.azure.net/secrets/x",
            "https://localhost",
            "https://127.0.0.1",
            "https://u:p@contoso-kv.vault.azure.net",
            "https://contoso-kv.vault.azure.net/?a=b",
            "contoso-kv",
        ] {
            assert!(VaultUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tenants() {
        for one in ["00000000-0000-0000-0000-000000000001", "contoso.onmicrosoft.com", "contoso.example"] {
            assert!(is_tenant(one), "{one}");
        }
        for none in ["", "common", "organizations", "..", ".", "a/b", " contoso.example", "contoso.example/x", "a..b"] {
            assert!(!is_tenant(none), "{none}");
        }
    }

    #[test]
    fn guids() {
        assert!(is_guid("00000000-0000-0000-0000-0000000000c1"));
        assert!(!is_guid("contoso.onmicrosoft.com"));
        assert!(!is_guid("00000000-0000-0000-0000-0000000000zz"));
    }
}
