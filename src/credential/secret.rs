//! Fetches a secret value from where the configuration says it is kept.

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::config::refer;
use crate::model::credential::SecretSource;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::ports::Vault;
use crate::secret::SecretValue;

/// The vaults of a run, by the name of their table.
pub type Vaults = HashMap<String, Arc<dyn Vault>>;

/// A secret value without the line break that a hand left at its end, and when the vault says that it ends. `what` names it
/// for people.
///
/// # Errors
/// Why it cannot be had: the vault's refusal, or what is wrong with the variable or the file.
pub async fn fetch(
    what: &str,
    source: &SecretSource,
    vaults: &Vaults,
) -> Result<(SecretValue, Option<OffsetDateTime>), Cause> {
    let (secret, expires) = match source {
        SecretSource::Vault { vault, secret } => {
            let missing = || Cause::new(Kind::Panicked, format!("no connection to vault {}", vault.name));
            let vault = vaults.get(&vault.name).ok_or_else(missing)?;
            let stored = vault.read(secret, None).await.map_err(not_a_token)?;
            (stored.value, stored.version.expires)
        }
        SecretSource::Env(variable) => {
            let unset = || {
                Cause::new(Kind::AppSecretEnv, format!("the environment variable {variable} with {what} is not set"))
            };
            (refer::env(variable).map(SecretValue::new).ok_or_else(unset)?, None)
        }
        SecretSource::File(path) => {
            let unreadable =
                |error| Cause::new(Kind::AppSecretFile, format!("the file with {what} cannot be read: {error}"));
            (refer::file(path).map(SecretValue::new).map_err(unreadable)?, None)
        }
    };
    match secret.expose().trim() {
        "" => Err(Cause::new(Kind::AppSecretEmpty, format!("{what} is empty"))),
        trimmed => Ok((SecretValue::new(trimmed.to_owned()), expires)),
    }
}

/// The fix for a missing secret is another than that for a missing refresh token.
fn not_a_token(cause: Cause) -> Cause {
    match cause.kind {
        Kind::SecretMissing => Cause { kind: Kind::AppSecretMissing, ..cause },
        _ => cause,
    }
}
