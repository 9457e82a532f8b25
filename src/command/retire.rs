//! `rotator retire NAME`: takes a token out of service.

use crate::cli::Retire as Arguments;
use crate::command::{DECLINED, Usage, connect, failed, question, stdout};
use crate::config::Source;
use crate::renew::decommission::{self, Decommissioned};

pub(super) async fn retire(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load_by_hand()?;
    let target = connect::named(&config, &arguments.name)?;
    if !arguments.yes {
        question::attended()?;
    }
    let run = connect::connect(&config, arguments.deadline)?;
    let vault = connect::vault_of(&target, &run)?;
    let inventory = match decommission::survey(&target, vault.as_ref()).await {
        Ok(inventory) => inventory,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    let (enabled, all) =
        (inventory.versions.iter().filter(|version| version.enabled).count(), inventory.versions.len());
    let secret = format!("{} in {}", target.secret, target.vault.url.host());
    let question = format!("Disable {enabled} of {all} versions of {secret}, and take {} out of service?", target.name);
    if !arguments.yes && !question::confirmed(&question).await {
        stdout::complain("nothing was changed");
        return Ok(DECLINED);
    }
    let mut done = Decommissioned::default();
    if let Err(failure) = decommission::decommission(&target, vault.as_ref(), &run, &mut done).await {
        stdout::complain(&format!("versions disabled so far: {}; the same command goes on", done.disabled.len()));
        return Ok(failed(&failure, &target));
    }
    let marked = if done.unmarked {
        "fifteen tags left no room for a mark, so runs report it as disabled until it is gone from the configuration"
    } else {
        "runs do not report it any more"
    };
    stdout::print(&format!(
        "{}: disabled {} of {all} versions of {secret}; {marked}.\n\
         Remove its [[token]] from the configuration. Disabling revokes nothing: Entra ID accepts the token until it is 90 days \
         old, or until its user's sessions are revoked: Revoke-MgUserSignInSession -UserId <user>\n",
        target.name,
        done.disabled.len(),
    ));
    Ok(0)
}
