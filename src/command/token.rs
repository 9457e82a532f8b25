//! `rotator token NAME`: an access token for a script.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reqwest::Client;

use crate::access::form::{self, Form, Handover};
use crate::access::{self, Access};
use crate::cli::Token as Arguments;
use crate::command::file::{self, Readers};
use crate::command::{Usage, connect, failed, stdout};
use crate::config::{Source, refer};
use crate::entra::cloud::Cloud;
use crate::entra::preset::{self, Api};
use crate::entra::tenant;
use crate::model::failure::{AtStage as _, Cause, Failure, Stage};
use crate::model::kind::Kind;
use crate::model::name::{is_guid, is_tenant};
use crate::model::target::{App, Target};
use crate::wire::deadline::Deadline;

pub(super) async fn token(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let (source, scope) = source.clone().without_scope();
    let config = source.load_by_hand()?;
    let target = connect::named(&config, &arguments.name)?;
    let tenant = arguments.tenant.as_deref().unwrap_or(&target.app.tenant_id);
    if !is_tenant(tenant) {
        let fix = "write the tenant's GUID, or one of its domains such as contoso.onmicrosoft.com";
        return Err(Usage(format!("--tenant must name one tenant\n    fix: {fix}")));
    }
    if arguments.api.is_some() && scope.is_some() && source.flags.scope.is_none() {
        return Err(Usage("--for and --scope name two APIs\n    fix: keep one of them".to_owned()));
    }
    let api = api(arguments, scope.as_deref(), Cloud::of_authority(&target.app.authority))?;
    let door = door(arguments)?;
    let connected = connect::open(&config, arguments.deadline)?;
    let (run, http) = (&connected.run, &connected.host.outer);
    let vault = connect::vault_of(&target, run)?;
    let exchanged = async {
        let id = if is_guid(tenant) { None } else { Some(id_of(http, &run.deadline, &target, tenant).await?) };
        access::exchange(&target, vault.as_ref(), run, &api, tenant, id.as_deref()).await
    };
    match exchanged.await {
        Ok(access) => hand_over(&access, arguments, &door),
        Err(failure) => Ok(failed(&failure, &at_tenant(&target, tenant))),
    }
}

/// The id of a tenant that was named by a domain: what comes back is compared with it.
async fn id_of(http: &Client, deadline: &Deadline, target: &Target, domain: &str) -> Result<String, Failure> {
    let id = tenant::id(http, deadline, &target.app.authority, domain).await.at(Stage::Plan)?;
    let unsaid = || Cause::new(Kind::AccessTenant, format!("nothing says which tenant {domain} is"));
    id.ok_or_else(unsaid).at(Stage::Plan)
}

/// The same target in another tenant, for hints that name it.
fn at_tenant(target: &Target, tenant: &str) -> Target {
    let app = App { tenant_id: tenant.to_owned(), ..(*target.app).clone() };
    Target { app: Arc::new(app), ..target.clone() }
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
        return Err(Usage(format!(
            "--variable {}: use letters, digits and `_`, and no name that the system uses",
            arguments.variable.escape_default()
        )));
    }
    if arguments.exec {
        return Ok(Door::Child);
    }
    let form = arguments.output.unwrap_or_default();
    if let Some(path) = &arguments.out {
        if matches!(form, Form::Github | Form::AzurePipelines) {
            return Err(Usage(
                "--out: that form is for a pipeline, not for a file\n    fix: leave one of them out".to_owned(),
            ));
        }
        // Renaming over a pipe or a device would take it away from whoever reads it.
        if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(Usage(format!(
                "--out {}: not a file\n    fix: name a new file, or one to be replaced",
                path.display()
            )));
        }
        return Ok(Door::File);
    }
    let missing = |what: &str| Usage(format!("--output: {what}\n    fix: run it in a step of that pipeline"));
    match form {
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
    // A child finds its programs and libraries by these.
    let taken = ["HOME", "IFS", "PATH"].contains(&name) || name.starts_with("LD_") || name.starts_with("DYLD_");
    letters && !taken && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn hand_over(access: &Access, arguments: &Arguments, door: &Door) -> Result<u8, Usage> {
    mask(access);
    if let Door::Child = door {
        return child(access, arguments);
    }
    let form = arguments.output.unwrap_or_default();
    let Handover { stdout: text, github_output } = form::render(access, form, &arguments.variable, kubernetes());
    let handed = match (door, &arguments.out) {
        (Door::File, Some(path)) => file::replace(path, text.as_bytes(), Readers::Owner),
        (Door::GitHub(output), _) => {
            stdout::deliver(&text).and_then(|()| file::append(Path::new(output), github_output.as_bytes()))
        }
        _ => stdout::deliver(&text),
    };
    let lost = |error| Usage(format!("the access token was not handed over: {error}"));
    handed.map(|()| 0).map_err(lost)
}

/// In a pipeline the access token is masked before it goes anywhere: what a script prints of it is hidden from then on.
/// Said on stderr, since stdout may be captured.
fn mask(access: &Access) {
    if refer::env("GITHUB_ACTIONS").is_some() {
        stdout::complain(&format!("::add-mask::{}", access.token.expose()));
    }
    if refer::env("TF_BUILD").is_some() {
        stdout::complain(&format!("##vso[task.setsecret]{}", access.token.expose()));
    }
}

/// The version that kubectl asks for (kubernetes.io/docs/reference/access-authn-authz/authentication).
fn kubernetes() -> &'static str {
    let beta = "client.authentication.k8s.io/v1beta1";
    let asked = refer::env("KUBERNETES_EXEC_INFO").unwrap_or_default();
    if asked.contains(beta) { beta } else { "client.authentication.k8s.io/v1" }
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
    Err(Usage(format!("--exec {program}: {}", run(&mut command))))
}

/// The command takes this process's place: signals and its end are its own. Returns only if it cannot be started.
#[cfg(unix)]
fn run(command: &mut Command) -> io::Error {
    use std::os::unix::process::CommandExt as _;
    command.exec()
}

#[cfg(not(unix))]
#[expect(clippy::exit, reason = "the command's exit code is passed on, whatever it is")]
fn run(command: &mut Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
