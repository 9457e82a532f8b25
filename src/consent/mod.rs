//! The sign-in of a person: by a browser that comes back to a listener on this machine, by an address that is pasted, or by a
//! code for another device. Each ends with a grant, which takes the same way into the vault as that of the job.

pub mod authorization;
pub mod device;
pub mod landing;
pub mod page;
pub mod summary;

use crate::entra::answer::{self, Grant};
use crate::entra::request;
use crate::model::failure::Cause;
use crate::model::target::Target;
use crate::ports::Vault;
use crate::renew::{self, Run};
use crate::secret::Code;
use crate::wire::retry;
use authorization::Attempt;

/// Everything that is asked for at the sign-in: the token's own scope, and those of other APIs that are consented to with it.
#[must_use]
pub fn scopes(target: &Target) -> String {
    let mut scopes: Vec<&str> = target.scope.split_whitespace().collect();
    for scope in target.consent_scopes.iter().flat_map(|scope| scope.split_whitespace()) {
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

/// Redeems the code that a sign-in ended with. Sent once more only where no answer came: a code is good for one answer.
///
/// # Errors
/// Why the app has no credential, or Entra ID's refusal.
pub async fn redeem(target: &Target, run: &Run, attempt: &Attempt, code: &Code) -> Result<Grant, Cause> {
    let proof = run.proofs.of(&target.app, &run.vaults).await?;
    let request =
        request::authorization_code(&target.app, &proof, &target.scope, code, &attempt.redirect, &attempt.verifier);
    let host = request.url.host_str().unwrap_or_default();
    let send = || async { answer::read(&retry::within_try(host, run.entra.send(&request)).await?) };
    retry::repeat(&run.deadline, send).await
}
