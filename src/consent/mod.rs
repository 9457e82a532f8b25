//! The sign-in of a person: by a browser that comes back to a listener on this machine, by an address that is pasted, or by a
//! code for another device. Each ends with a grant, which takes the same way into the vault as that of the job.

pub mod authorization;
pub mod device;
pub mod landing;
pub mod page;
pub mod summary;

use std::time::Duration;

use crate::entra::answer::{self, Grant};
use crate::entra::request;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::target::Target;
use crate::ports::Vault;
use crate::renew::{self, Run};
use crate::secret::Code;
use crate::wire::retry::{self, Pauses};
use authorization::Attempt;

/// What is done without the person has this much time, each time it begins.
pub const WORK: Duration = Duration::from_secs(120);

/// The address that the browser comes back to. Entra ID ignores the port of a registered `http://localhost`.
#[must_use]
pub fn redirect(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// The end of the wait for a person.
#[must_use]
pub fn nobody_came() -> Cause {
    Cause::new(Kind::ConsentTimeout, "nobody signed in before the time was over")
}

/// Everything that is asked for at the sign-in: the token's own scope, and those of other APIs that are consented to with it.
#[must_use]
pub fn scopes(target: &Target) -> String {
    let mut scopes: Vec<&str> = target.scope.split_whitespace().collect();
    for scope in target.consent_scopes.iter().map(String::as_str) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

/// What Entra ID asks for when it refuses the stored token, to be passed on to the sign-in; nothing where it does not refuse, or
/// asks for nothing in particular.
pub async fn challenge(target: &Target, vault: &dyn Vault, run: &Run) -> Option<String> {
    let refused = renew::redeem_for(target, &target.app, vault, run, &target.scope).await.err()?;
    refused.cause.claims
}

/// Redeems the code that a sign-in ended with. A code is good for one answer, so it is sent again only where the first request
/// cannot have had one: not sent at all, or turned away by a server that said so.
///
/// # Errors
/// Why the app has no credential, or Entra ID's refusal.
pub async fn redeem(target: &Target, run: &Run, attempt: &Attempt, code: &Code) -> Result<Grant, Cause> {
    let proof = run.proofs.of(&target.app, &run.vaults).await?;
    let request =
        request::authorization_code(&target.app, &proof, &target.scope, code, &attempt.redirect, &attempt.verifier);
    let host = request.url.host_str().unwrap_or_default();
    let (mut pauses, mut refused_before) = (Pauses::default(), false);
    loop {
        let sent = async { answer::read(&retry::within_try(host, run.entra.send(&request)).await?) };
        let cause = match run.deadline.bound(sent).await? {
            Ok(grant) => return Ok(grant),
            Err(cause) => cause,
        };
        match cause.kind {
            Kind::EntraThrottled if !cause.may_repeat() => return Err(cause),
            Kind::NetworkDns | Kind::NetworkRefused | Kind::NetworkProxy => {}
            Kind::EntraThrottled | Kind::EntraUnavailable => refused_before = true,
            // It was redeemed by a request that seemed to be turned away.
            Kind::EntraCode if refused_before => return Err(lost(cause)),
            Kind::NetworkTimeout | Kind::NetworkReset | Kind::EntraAnswer => return Err(lost(cause)),
            _ => return Err(cause),
        }
        pauses.wait(&run.deadline, cause).await?;
    }
}

fn lost(cause: Cause) -> Cause {
    let message = format!("the answer with the token was lost: {}", cause.message);
    Cause { message, ..cause }
}
