//! `rotator mfa NAME`: whether the token carries MFA, by its own claim and by Partner Center's word.

use std::sync::Arc;

use crate::cli::Mfa as Arguments;
use crate::command::desk::Desk;
use crate::command::{Usage, connect, failed, stdout};
use crate::config::Source;
use crate::entra::claims;
use crate::model::failure::{AtStage as _, Stage};
use crate::model::identity::Mfa;

/// A person must sign in again, with MFA.
const SIGN_IN: u8 = 3;

pub(super) async fn mfa(source: &Source, arguments: &Arguments) -> Result<u8, Usage> {
    let config = source.load_by_hand()?;
    let target = connect::named(&config, &arguments.name)?;
    let desk = Desk::prepare(connect::open(&config, arguments.deadline)?, Arc::clone(&target))?;
    let access = match desk.enter().await {
        Ok(access) => access,
        Err(failure) => return Ok(failed(&failure, &target)),
    };
    let (_, claimed) = claims::read(access.expose(), None, None);
    let seen = match desk.partner_center(&access).sees_mfa().await.at(Stage::Inspect) {
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
