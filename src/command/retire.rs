//! `rotator retire NAME`: takes a token out of service.

use std::io::IsTerminal as _;

use crate::cli::Retire as Arguments;
use crate::command::{Usage, connect, exit_code, stdout};
use crate::config::Source;
use crate::model::failure::Failure;
use crate::model::target::Target;
use crate::renew::decommission::InService;

pub(super) async fn retire(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let target = connect::named(&config, &arguments.name)?;
    let run = connect::connect(&config, arguments.deadline)?;
    let vault = connect::vault_of(&target, &run)?;
    let survey = match InService::survey(&target, vault.as_ref()).await {
        Ok(survey) => survey,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    let count = survey.enabled().count();
    let what = format!(
        "{count} of {} versions of {} in {}",
        survey.inventory.versions.len(),
        target.secret,
        target.vault.url.host()
    );
    if !arguments.yes && !confirmed(&format!("Disable {what}, and take {} out of service?", target.name))? {
        stdout::complain("nothing was changed");
        return Ok(0);
    }
    let mut disabled = Vec::new();
    if let Err(failure) = survey.decommission(&target, vault.as_ref(), &run, &mut disabled).await {
        stdout::complain(&format!("versions disabled so far: {}; the same command goes on", disabled.len()));
        return Ok(failed(&failure, &target));
    }
    stdout::print(&format!(
        "{}: disabled {what}; runs do not report it any more.\n\
         Remove its [[token]] from the configuration. Disabling revokes nothing: Entra ID accepts the token until it is 90 days \
         old, or until its user's sessions are revoked: Revoke-MgUserSignInSession -UserId <user>\n",
        target.name
    ));
    Ok(0)
}

/// Asks at a terminal; a script must say `--yes`.
fn confirmed(question: &str) -> Result<bool, Usage> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Usage(format!("{question}\n    fix: nothing was changed; add --yes to do it without being asked")));
    }
    stdout::ask(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = input.read_line(&mut answer).is_ok();
    Ok(read && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn failed(failure: &Failure, target: &Target) -> u8 {
    stdout::complain(&format!("{} at {failure}\n    fix: {}", failure.cause.kind.slug(), failure.hint(target)));
    exit_code(failure)
}
