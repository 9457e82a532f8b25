//! The commands: arguments → call → render. No rules live here.

mod alert;
mod alerts;
mod config;
mod connect;
mod consent;
mod customers;
mod desk;
mod doctor;
mod file;
mod log;
mod manual;
mod mfa;
mod publish;
mod question;
mod retire;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod signal;
mod status;
mod stdout;
mod token;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::config::Faults;
use crate::model::failure::Failure;
use crate::model::kind::Remedy;
use crate::model::target::Target;

/// Usage or configuration: nothing was sent.
const USAGE: u8 = 2;
/// The person who was asked said no, so that nothing was done.
const DECLINED: u8 = 3;

/// Runs one command.
pub async fn dispatch(cli: Cli) -> ExitCode {
    if let Err(fault) = log::start(&cli.log) {
        return usage(&fault);
    }
    let code = match cli.command {
        Command::Run(arguments) => run::run(&cli.source, &arguments).await,
        Command::Status(arguments) => status::status(&cli.source, &arguments).await,
        Command::Consent(arguments) => consent::consent(&cli.source, &arguments).await,
        Command::Customers { what } => customers::customers(&cli.source, &what).await,
        Command::Mfa(arguments) => mfa::mfa(&cli.source, &arguments).await,
        Command::Token(arguments) => token::token(&cli.source, &arguments).await,
        Command::Doctor(arguments) => doctor::doctor(&cli.source, &arguments).await,
        Command::Alert { what } => alert::alert(&cli.source, &what).await,
        Command::Retire(arguments) => retire::retire(&cli.source, &arguments).await,
        Command::Config { what } => config::print(&cli.source, what),
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Man { folder } => manual::man(&folder),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => sandbox::sandbox(&arguments).await,
    };
    match code {
        Ok(code) => ExitCode::from(code),
        Err(fault) => usage(&fault.0),
    }
}

/// Says why a command about one token failed, and returns its exit code.
fn failed(failure: &Failure, target: &Target) -> u8 {
    let ids = [("correlation id", &failure.cause.correlation_id), ("trace id", &failure.cause.trace_id)];
    let ids: String = ids.iter().filter_map(|(what, id)| Some(format!("\n    {what} {}", (*id).as_ref()?))).collect();
    let slug = failure.cause.kind.slug();
    let code = failure.cause.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    stdout::complain(&format!(
        "{slug} at {}: {}{code}\n    fix: {}{ids}",
        failure.stage.as_str(),
        failure.cause,
        failure.hint(target)
    ));
    if failure.remedy() == Remedy::Retry { 4 } else { 3 }
}

/// Something found before the first request.
#[derive(Debug)]
struct Usage(String);

impl From<Faults> for Usage {
    fn from(faults: Faults) -> Self {
        Self(faults.to_string())
    }
}

impl From<String> for Usage {
    fn from(text: String) -> Self {
        Self(text)
    }
}

fn usage(text: &str) -> ExitCode {
    stdout::complain(text);
    ExitCode::from(USAGE)
}
