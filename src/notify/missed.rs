//! Why a receiver was not told, and what is to be done about it.

use crate::model::credential::SecretSource;
use crate::model::failure::Cause;
use crate::model::kind::{Kind, Remedy};

/// A receiver that was not told.
#[derive(Debug)]
pub struct Missed {
    pub cause: Cause,
    pub hint: String,
}

impl From<Cause> for Missed {
    fn from(cause: Cause) -> Self {
        let hint = match cause.kind.remedy() {
            // That of the kind speaks of tokens.
            Remedy::Retry => Kind::NotifyUnavailable.hint(),
            _ => cause.kind.hint(),
        };
        Self { hint: hint.to_owned(), cause }
    }
}

impl Missed {
    /// What is secret of the receiver cannot be had from where the configuration says that it is kept.
    pub(super) fn of_secret(cause: Cause, source: &SecretSource) -> Self {
        let own = match cause.kind {
            Kind::AppSecretMissing => {
                "store the receiver's address or key there: az keyvault secret set --vault-name {vault} --name {secret} --file <file>"
            }
            Kind::AppSecretEnv => "set the environment variable that the receiver's table names",
            Kind::AppSecretFile => "make the file that the receiver's table names readable for this user",
            Kind::AppSecretEmpty => "put the receiver's address or key where its table points",
            _ => return Self::from(cause).at(source),
        };
        Self { hint: own.to_owned(), cause }.at(source)
    }

    fn at(self, source: &SecretSource) -> Self {
        let SecretSource::Vault { vault, secret } = source else { return self };
        let hint = self.hint.replace("{vault}", vault.url.vault_name()).replace("{secret}", secret.as_str());
        Self { hint, ..self }
    }
}
