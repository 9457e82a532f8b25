//! `rotator mfa NAME`: whether the token carries MFA, by its own claim and by Partner Center's word.

use crate::access;
use crate::cli::Mfa as Arguments;
use crate::command::{Usage, connect, failed, stdout};
use crate::config::Source;
use crate::entra::claims;
use crate::entra::cloud::Cloud;
use crate::entra::preset;
use crate::model::failure::{AtStage as _, Stage};
use crate::model::identity::Mfa;
use crate::partner_center::PartnerCenter;

/// A person must sign in again, with MFA.
const SIGN_IN: u8 = 3;

pub(super) async fn mfa(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load()?;
    let target = connect::named(&config, &arguments.name)?;
    let cloud = Cloud::of_authority(&target.app.authority);
    let api = preset::named("partner-center", cloud).map_err(Usage)?;
    let connected = connect::open(&config, arguments.deadline)?;
    let vault = connect::vault_of(&target, &connected.run)?;
    let tenant = &target.app.tenant_id;
    let access = match access::exchange(&target, vault.as_ref(), &connected.run, &api, tenant, None).await {
        Ok(access) => access,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    let (_, claimed) = claims::read(access.token.expose(), None, None);
    let partner_center = PartnerCenter {
        client: &connected.host.outer,
        deadline: &connected.run.deadline,
        address: api.scope.trim_end_matches("/.default"),
        access: &access.token,
    };
    let seen = match partner_center.sees_mfa().await.at(Stage::Inspect) {
        Ok(seen) => seen,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    let word = match seen {
        Some(true) => "yes",
        Some(false) => "no",
        None => "it does not say",
    };
    let lacks = claimed == Mfa::No || seen == Some(false);
    let advice =
        if lacks { "\n→ sign in again as the same user, with MFA: renewing a token does not add it" } else { "" };
    stdout::print(&format!(
        "{}\n  MFA by the token's own claim (amr): {}\n  MFA by Partner Center (isMfaCompliant): {word}{advice}\n",
        target.name,
        claimed.as_str()
    ));
    Ok(if lacks { SIGN_IN } else { 0 })
}
