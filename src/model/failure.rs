//! What went wrong, where, and what to do.

use std::fmt;
use std::time::Duration;

use crate::model::credential::SecretSource;
use crate::model::identity::{Contradiction, Part};
use crate::model::kind::{Kind, Remedy};
use crate::model::name::printable;
use crate::model::target::Target;

/// The step of the path at which a token's renewal ended, in the order of the path.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Inventory,
    Plan,
    Credential,
    Read,
    /// A person signs in.
    Consent,
    Redeem,
    Inspect,
    Prove,
    Store,
    Retire,
    Run,
}

impl Stage {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Plan => "plan",
            Self::Credential => "credential",
            Self::Read => "read",
            Self::Consent => "consent",
            Self::Redeem => "redeem",
            Self::Inspect => "inspect",
            Self::Prove => "prove",
            Self::Store => "store",
            Self::Retire => "retire",
            Self::Run => "run",
        }
    }
}

/// Whoever sends more than this wants it to be read by nobody.
const LONGEST: usize = 4_000;

/// A refusal with what its sender said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub kind: Kind,
    /// One sentence for a person, without secrets.
    pub message: String,
    /// The sender's own code: an AADSTS number, a Key Vault code, an HTTP status.
    pub code: Option<String>,
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
    /// How long the sender asks to wait.
    pub retry_after: Option<Duration>,
    /// A more particular fix than the kind's.
    pub fix: Option<&'static str>,
    /// What Entra ID wants to be asked for at the next sign-in, as JSON.
    pub claims: Option<String>,
}

impl Cause {
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: printable(&message.into(), LONGEST),
            code: None,
            correlation_id: None,
            trace_id: None,
            retry_after: None,
            fix: None,
            claims: None,
        }
    }

    /// Whether another try, now or in the next run, may succeed without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind.remedy() == Remedy::Retry
    }

    /// Whether the run itself came to its end.
    #[must_use]
    pub fn is_end_of_run(&self) -> bool {
        matches!(self.kind, Kind::Deadline | Kind::Interrupted)
    }

    /// Whether another try in this run makes sense: Entra ID's loop detection (AADSTS50196) names no time to wait and
    /// is only prolonged by asking again.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        self.is_transient() && (self.kind != Kind::EntraThrottled || self.retry_after.is_some())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Cause {}

impl From<Contradiction> for Cause {
    fn from(contradiction: Contradiction) -> Self {
        let kind = match contradiction.what {
            Part::Tenant => Kind::TenantContradiction,
            Part::User => Kind::UserContradiction,
            Part::App => Kind::AppContradiction,
        };
        Self::new(kind, contradiction.to_string())
    }
}

/// A cause at the stage it struck.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", stage.as_str())]
pub struct Failure {
    pub stage: Stage,
    pub cause: Cause,
}

impl Failure {
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        self.cause.kind.remedy()
    }

    /// The fix, written for this token.
    #[must_use]
    pub fn hint(&self, target: &Target) -> String {
        let template = self.cause.fix.unwrap_or_else(|| self.cause.kind.hint());
        // What failed to be fetched for the app registration lies elsewhere than the token.
        let (vault, secret) = match target.app.credential.source() {
            Some(SecretSource::Vault { vault, secret }) if self.stage == Stage::Credential => (vault, secret),
            _ => (&target.vault, &target.secret),
        };
        template
            .replace("{vault}", vault.url.vault_name())
            .replace("{secret}", secret.as_str())
            .replace("{name}", &target.name)
            .replace("{tenant}", &target.app.tenant_id)
            .replace("{client_id}", &target.app.client_id)
            .replace("{scope}", &target.scope)
    }
}

/// Names the stage of a result's cause.
pub trait AtStage<T> {
    /// # Errors
    /// The same cause, at `stage`.
    fn at(self, stage: Stage) -> Result<T, Failure>;
}

impl<T, E: Into<Cause>> AtStage<T> for Result<T, E> {
    fn at(self, stage: Stage) -> Result<T, Failure> {
        self.map_err(|cause| Failure { stage, cause: cause.into() })
    }
}
