//! The commands: arguments → call → render. No rules live here.

mod config;
mod connect;
mod doctor;
mod log;
mod retire;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod signal;
mod status;
mod stdout;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::config::Faults;
use crate::model::failure::Failure;
use crate::model::kind::Remedy;

/// Usage or configuration: nothing was sent.
const USAGE: u8 = 2;

/// Runs one command.
pub async fn dispatch(cli: Cli) -> ExitCode {
    if let Err(fault) = log::start(&cli.log) {
        return usage(&fault);
    }
    let code = match cli.command {
        Command::Run(arguments) => run::run(&cli.source, &arguments).await,
        Command::Status(arguments) => status::status(&cli.source, &arguments).await,
        Command::Doctor(arguments) => doctor::doctor(&cli.source, &arguments).await,
        Command::Retire(arguments) => retire::retire(&cli.source, &arguments).await,
        Command::Config { what } => Ok(config::print(what)),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => sandbox::sandbox(&arguments).await,
    };
    match code {
        Ok(code) => ExitCode::from(code),
        Err(fault) => usage(&fault.0),
    }
}

/// What a failure means for the exit code of a command about one token.
fn exit_code(failure: &Failure) -> u8 {
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
