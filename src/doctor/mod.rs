//! `rotator doctor`: walks everything the job depends on, in the order in which it depends on it, and names what is broken
//! with its fix. Nothing is stored, unless a probe of the right to write is asked for.

mod network;
mod render;
mod token;
mod vault;

use std::collections::HashMap;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::config::Config;
use crate::credential::Host;
use crate::model::failure::{Cause, Failure, Stage};
use crate::model::kind::Remedy;
use crate::model::target::Target;
use crate::renew::Run;

pub use render::render;

/// What a check looks at, in the order in which the job needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Config,
    Clock,
    Network,
    VaultCredential,
    RightToList,
    RightToGet,
    RightToUpdate,
    RightToSet,
    Secret,
    AppCredential,
    Token,
}

impl Subject {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Clock => "clock",
            Self::Network => "network",
            Self::VaultCredential => "vault-credential",
            Self::RightToList => "right-to-list",
            Self::RightToGet => "right-to-get",
            Self::RightToUpdate => "right-to-update",
            Self::RightToSet => "right-to-set",
            Self::Secret => "secret",
            Self::AppCredential => "app-credential",
            Self::Token => "token",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// The job works, and something should be done.
    Warn,
    Fail,
    /// Not looked at, since something before it is broken.
    Skip,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub check: Subject,
    /// A host, a vault's table, an app's table or a token.
    pub of: String,
    pub status: Status,
    pub detail: String,
    /// The slug of the failure.
    pub kind: Option<String>,
    pub code: Option<String>,
    pub remedy: Option<Remedy>,
    pub hint: Option<String>,
}

impl Check {
    fn new(check: Subject, of: &str, status: Status, detail: impl Into<String>) -> Self {
        let (of, detail) = (of.to_owned(), detail.into());
        Self { check, of, status, detail, kind: None, code: None, remedy: None, hint: None }
    }

    fn ok(check: Subject, of: &str, detail: impl Into<String>) -> Self {
        Self::new(check, of, Status::Ok, detail)
    }

    fn skip(check: Subject, of: &str, after: Subject) -> Self {
        Self::new(check, of, Status::Skip, format!("not looked at: {} first", after.as_str()))
    }

    fn warn(check: Subject, of: &str, detail: impl Into<String>, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..Self::new(check, of, Status::Warn, detail) }
    }

    /// A failure, with the fix written for `target`.
    fn fail(check: Subject, of: &str, failure: &Failure, target: &Target) -> Self {
        let cause = &failure.cause;
        Self {
            kind: Some(cause.kind.slug().to_owned()),
            code: cause.code.clone(),
            remedy: Some(failure.remedy()),
            hint: Some(failure.hint(target)),
            ..Self::new(check, of, Status::Fail, cause.message.clone())
        }
    }
}

/// What was found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "rotator.doctor/v1")]
pub struct Findings {
    /// `rotator.doctor/v1`.
    pub schema: String,
    /// 0 nothing is broken, 3 a person must act, 4 try again later.
    pub exit_code: u8,
    /// The first check that failed, as an index into `checks`.
    pub first_failure: Option<usize>,
    pub checks: Vec<Check>,
}

/// What is looked at, and by what.
#[derive(Debug)]
pub struct Patient<'a> {
    pub config: &'a Config,
    pub targets: &'a [Arc<Target>],
    pub run: &'a Run,
    pub host: &'a Host,
    /// By the name of the vault's table.
    pub credentials: &'a HashMap<String, Arc<dyn TokenCredential>>,
    /// Write the newest value of each secret again, to prove the right to.
    pub write_probe: bool,
}

/// Looks at everything.
pub async fn examine(patient: &Patient<'_>) -> Findings {
    let mut checks = vec![configuration(patient)];
    let reached = network::examine(patient, &mut checks).await;
    let open = vault::sign_in(patient, &reached, &mut checks).await;
    token::examine(patient, &reached, &open, &mut checks).await;
    checks.sort_by_key(|check| check.check);
    let failed = |code: u8| {
        checks
            .iter()
            .any(|check| check.remedy.is_some_and(|r| (r == Remedy::Retry) == (code == 4)) && check.is_failed())
    };
    let exit_code = if failed(3) {
        3
    } else if failed(4) {
        4
    } else {
        0
    };
    Findings {
        schema: "rotator.doctor/v1".to_owned(),
        exit_code,
        first_failure: checks.iter().position(Check::is_failed),
        checks,
    }
}

impl Check {
    fn is_failed(&self) -> bool {
        self.status == Status::Fail
    }
}

fn configuration(patient: &Patient<'_>) -> Check {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (tokens, vaults) = (patient.targets.len(), patient.config.vaults.len());
    Check::ok(Subject::Config, "rotator", format!("{}, {}", count(tokens, "token"), count(vaults, "vault")))
}

fn at(stage: Stage, cause: Cause) -> Failure {
    Failure { stage, cause }
}

fn day(at: OffsetDateTime) -> String {
    at.date().to_string()
}

/// The JSON Schema of the findings.
#[must_use]
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Findings>()
}
