//! `rotator sandbox`: the product as a child process in an embedded world. The child has an empty environment but for
//! what leads it there, and the configuration that a user would write.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::cli::Sandbox as Arguments;
use crate::command::{Usage, signal, stdout};
use crate::config::refer;
use crate::sandbox::Sandbox;
use crate::sandbox::fault::{Fault, Phase, Rule};
use crate::sandbox::scenario::{Scenario, all};
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
    let child = child(&sandbox, scenario.setting, &config, command).spawn()?;
    let status = ended(child, &sandbox, scenario).await?;
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

/// Waits for the job, and tells it to stop where the scenario does.
async fn ended(mut child: Child, sandbox: &Sandbox, scenario: &Scenario) -> io::Result<ExitStatus> {
    if let Some(route) = scenario.interrupted_at {
        let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
        sandbox.world.fault(Rule::new(Phase::Before, Fault::Pause(sender)).on(route).times(1));
        tokio::select! {
            Some(resume) = arrived.recv() => {
                stop(&child);
                // The answer comes when the job has heard of it.
                tokio::time::sleep(Duration::from_millis(300)).await;
                let _ = resume.send(());
            }
            status = child.wait() => return status,
        }
    }
    child.wait().await
}

/// What a scheduler does at the end of a job's time.
fn stop(child: &Child) {
    #[cfg(unix)]
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    #[cfg(not(unix))]
    let _ = child;
}

fn child(sandbox: &Sandbox, setting: &Setting, config: &Path, command: &[String]) -> Command {
    // What a terminal can show is the caller's; everything else the child knows is the sandbox's.
    let of_the_terminal = ["NO_COLOR", "TERM"].into_iter().filter_map(|name| Some((name, refer::env(name)?)));
    // The path of this very program: without it there is nothing to run.
    let mut child = Command::new(std::env::current_exe().unwrap_or_else(|_| "rotator".into()));
    child
        .env_clear()
        .envs(of_the_terminal)
        .envs(sandbox.environment_of(setting))
        .env("ROTATOR_CONFIG", config)
        .args(command)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    child
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
    let width = all().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    all().fold(String::new(), |mut text, scenario| {
        let _ = writeln!(text, "{:width$}  {}", scenario.name, scenario.about);
        text
    })
}
