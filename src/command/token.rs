//! `rotator token NAME`: an access token for a script.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::Command;

use crate::access::form::{self, Form, Handover};
use crate::access::preset::{self, Api};
use crate::access::{self, Access};
use crate::cli::Token as Arguments;
use crate::command::{Usage, connect, failed, stdout};
use crate::config::{Source, refer};
use crate::entra::cloud::Cloud;

pub(super) async fn token(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let (source, scope) = source.clone().without_scope();
    let config = source.load()?;
    let target = connect::named(&config, &arguments.name)?;
    let api = api(arguments, scope.as_deref(), Cloud::of_authority(&target.app.authority))?;
    let door = door(arguments)?;
    let run = connect::connect(&config, arguments.deadline)?;
    let vault = connect::vault_of(&target, &run)?;
    let tenant = arguments.tenant.as_deref().unwrap_or(&target.app.tenant_id);
    match access::exchange(&target, vault.as_ref(), &run, &api, tenant).await {
        Ok(access) => hand_over(&access, arguments, &door),
        Err(failure) => Ok(failed(&failure, &target)),
    }
}

fn api(arguments: &Arguments, scope: Option<&str>, cloud: Cloud) -> Result<Api, Usage> {
    match (&arguments.api, scope) {
        (Some(name), _) => preset::named(name, cloud).map_err(|fault| Usage(format!("--for {name}: {fault}"))),
        (None, Some(scope)) => preset::scoped(scope).map_err(|fault| Usage(format!("--scope: {fault}"))),
        (None, None) => Err(Usage(
            "what is the access token for?\n    fix: --for arm, or --scope https://api.example/.default".to_owned(),
        )),
    }
}

/// Where an access token leaves.
enum Door {
    Stdout,
    /// Printed as a mask, and appended to the file of `$GITHUB_OUTPUT`.
    GitHub(String),
    File,
    Child,
}

/// Whether an access token may leave the way it was asked for, before one is asked for.
fn door(arguments: &Arguments) -> Result<Door, Usage> {
    if !is_name(&arguments.variable) {
        return Err(Usage(format!("--variable {}: use letters, digits and `_`", arguments.variable.escape_default())));
    }
    if arguments.exec {
        return Ok(Door::Child);
    }
    if arguments.out.is_some() {
        return Ok(Door::File);
    }
    let missing = |what: &str| Usage(format!("--output: {what}\n    fix: run it in a step of that pipeline"));
    match arguments.output {
        Form::Github => {
            let file = refer::env("GITHUB_OUTPUT").filter(|file| !file.is_empty());
            file.map(Door::GitHub)
                .ok_or_else(|| missing("GITHUB_OUTPUT is not set, so this is no step of GitHub Actions"))
        }
        Form::AzurePipelines if refer::env("TF_BUILD").is_none() => {
            Err(missing("TF_BUILD is not set, so this is no step of Azure Pipelines"))
        }
        Form::AzurePipelines => Ok(Door::Stdout),
        _ if io::stdout().is_terminal() && !arguments.show => {
            let fix = "pipe it, or use --exec or --out FILE; --show if it is really to be shown";
            Err(Usage(format!("an access token is not printed on a terminal\n    fix: {fix}")))
        }
        _ => Ok(Door::Stdout),
    }
}

fn is_name(name: &str) -> bool {
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn hand_over(access: &Access, arguments: &Arguments, door: &Door) -> Result<u8, Usage> {
    let Handover { stdout: text, github_output } = form::render(access, arguments.output, &arguments.variable);
    match (door, &arguments.out) {
        (Door::Child, _) => return child(access, arguments),
        (Door::File, Some(path)) => write(path, text.as_bytes()).map_err(|error| {
            Usage(format!("--out {}: {error}\n    fix: name a file in a folder of yours", path.display()))
        })?,
        (Door::GitHub(file), _) => {
            stdout::print(&text);
            let appended = OpenOptions::new().append(true).create(true).open(file);
            appended
                .and_then(|mut file| file.write_all(github_output.as_bytes()))
                .map_err(|error| Usage(format!("GITHUB_OUTPUT cannot be written: {error}")))?;
        }
        _ => stdout::print(&text),
    }
    Ok(0)
}

/// Writes a file that only its owner can read, all at once: whoever reads it meanwhile sees the one before.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(&beside).and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| std::fs::rename(&beside, path));
    if placed.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    placed
}

/// Runs a command with the access token in its environment and nowhere else; its exit code is passed on.
fn child(access: &Access, arguments: &Arguments) -> Result<u8, Usage> {
    let [program, rest @ ..] = arguments.command.as_slice() else { return Ok(0) };
    let mut command = Command::new(program);
    command
        .args(rest)
        .env(&arguments.variable, access.token.expose())
        .env(format!("{}_TENANT", arguments.variable), &access.tenant)
        .env(format!("{}_EXPIRES_ON", arguments.variable), access.expires_on.unix_timestamp().to_string());
    let status = command.status().map_err(|error| Usage(format!("--exec {program}: {error}")))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
