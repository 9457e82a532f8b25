//! The forms in which an access token is handed over. They are the one place where one is printed.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::Access;

/// How an access token is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// The bare token, without a line break
    #[default]
    Raw,
    /// `access_token`, `expires_on`, `tenant`, `resource`
    Json,
    /// A line for a shell to evaluate
    Env,
    /// A line for PowerShell to invoke: a `SecureString`
    Powershell,
    /// A masked output of a GitHub Actions step
    Github,
    /// A secret variable of an Azure Pipelines job
    AzurePipelines,
    /// A credential plugin's answer to kubectl
    ExecCredential,
}

/// What is printed, and what is appended to a file that the pipeline names.
#[derive(Debug, Default)]
pub struct Handover {
    pub stdout: Zeroizing<String>,
    /// Appended to the file of `$GITHUB_OUTPUT`.
    pub github_output: Zeroizing<String>,
}

/// An access token in a form; `name` is that of the variable, where the form has one, and `kubernetes` the version of the
/// API that kubectl speaks to its plugins.
#[must_use]
pub fn render(access: &Access, form: Form, name: &str, kubernetes: &str) -> Handover {
    let token = access.token.expose();
    let stdout = match form {
        Form::Raw => token.to_owned(),
        Form::Json => {
            json!({
                "access_token": token,
                "expires_on": access.expires_on.unix_timestamp(),
                "tenant": access.tenant,
                "resource": access.resource,
            })
            .to_string()
                + "\n"
        }
        Form::Env => format!("export {name}='{}'\n", token.replace('\'', r"'\''")),
        Form::Powershell => {
            format!("${name} = ConvertTo-SecureString -AsPlainText -Force -String '{}'\n", token.replace('\'', "''"))
        }
        // The mask comes first: what is printed before it is not hidden.
        Form::Github => {
            return Handover {
                stdout: Zeroizing::new(format!("::add-mask::{token}\n")),
                github_output: Zeroizing::new(format!("{name}={token}\n")),
            };
        }
        Form::AzurePipelines => format!("##vso[task.setvariable variable={name};issecret=true]{token}\n"),
        Form::ExecCredential => {
            json!({
                "apiVersion": kubernetes,
                "kind": "ExecCredential",
                "status": { "token": token, "expirationTimestamp": instant(access.expires_on) },
            })
            .to_string()
                + "\n"
        }
    };
    Handover { stdout: Zeroizing::new(stdout), github_output: Zeroizing::default() }
}

fn instant(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
