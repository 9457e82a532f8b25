//! `rotator sandbox`: the product as a child process in an embedded world. The child has an empty environment but for
//! what leads it there, and the configuration that a user would write.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use crate::cli::Sandbox as Arguments;
use crate::command::{Usage, signal, stdout};
use crate::config::refer;
use crate::sandbox::Sandbox;
use crate::sandbox::scenario::{ALL, Scenario};
use crate::sandbox::setting::Setting;

/// Something that was not the product's fault.
const NO_SANDBOX: u8 = 4;

pub(super) async fn sandbox(arguments: &Arguments) -> Result<u8, Usage> {
    if arguments.scenario == "list" {
        stdout::print(&list());
        return Ok(0);
    }
    let unknown = || {
        format!("--scenario {}: there is no such world\n    fix: rotator sandbox --scenario list", arguments.scenario)
    };
    let scenario = Scenario::find(&arguments.scenario).ok_or_else(unknown)?;
    let demonstration = arguments.command.is_empty();
    let command =
        if demonstration { vec!["run".to_owned(), "--log-level=off".to_owned()] } else { arguments.command.clone() };
    match play(scenario, &command, demonstration, arguments.keep).await {
        Ok(code) => Ok(code),
        Err(error) => {
            stdout::complain(&format!("the sandbox could not be started: {error}"));
            Ok(NO_SANDBOX)
        }
    }
}

async fn play(scenario: &Scenario, command: &[String], demonstration: bool, keep: bool) -> io::Result<u8> {
    let sandbox = Sandbox::start(scenario.world()).await?;
    let config = sandbox.folder().join("rotator.toml");
    #[expect(clippy::disallowed_methods, reason = "the configuration of the embedded world")]
    std::fs::write(&config, sandbox.filled(&scenario.config(&sandbox.ca_file())))?;
    if demonstration {
        stdout::print(&format!("An embedded Entra ID and Key Vault on loopback: {}.\n$ rotator run\n", scenario.about));
    }
    let status = child(&sandbox, scenario.setting, &config, command).await?;
    if keep {
        stdout::print(&settings(&sandbox, scenario.setting, &config));
        signal::stop().await;
    }
    Ok(if demonstration { demonstrated(status) } else { code(status) })
}

/// The demonstration went well if the job ran to its end: dead tokens are part of it.
fn demonstrated(status: ExitStatus) -> u8 {
    match code(status) {
        0 | 3 | 4 => 0,
        other => other,
    }
}

fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(NO_SANDBOX)
}

async fn child(sandbox: &Sandbox, setting: &Setting, config: &Path, command: &[String]) -> io::Result<ExitStatus> {
    // What a terminal can show is the caller's; everything else the child knows is the sandbox's.
    let of_the_terminal = ["NO_COLOR", "TERM"].into_iter().filter_map(|name| Some((name, refer::env(name)?)));
    Command::new(std::env::current_exe()?)
        .env_clear()
        .envs(of_the_terminal)
        .envs(sandbox.environment_of(setting))
        .env("ROTATOR_CONFIG", config)
        .args(command)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
}

/// What points any client at the sandbox.
fn settings(sandbox: &Sandbox, setting: &Setting, config: &Path) -> String {
    let mut text =
        String::from("\nThe sandbox is running until it is interrupted. These settings lead any client there:\n");
    for (name, value) in sandbox.environment_of(setting) {
        let _ = writeln!(text, "export {name}={value}");
    }
    let _ = writeln!(text, "export SSL_CERT_FILE={}", sandbox.ca_file());
    let _ = writeln!(text, "export ROTATOR_CONFIG={}", config.display());
    text
}

fn list() -> String {
    let width = ALL.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    ALL.iter().fold(String::new(), |mut text, scenario| {
        let _ = writeln!(text, "{:width$}  {}", scenario.name, scenario.about);
        text
    })
}
