//! A sign-in on another device, by a code that a person types in there
//! (RFC 8628, learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::entra::answer::{self, Grant, RawAnswer};
use crate::entra::request;
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::name::printable;
use crate::model::target::Target;
use crate::renew::Run;
use crate::secret::DeviceCode;
use crate::wire::retry;

/// What a person is told, and what is asked with meanwhile.
#[derive(Debug)]
pub struct Invitation {
    pub user_code: String,
    pub verification_uri: String,
    pub expires_in: Duration,
    interval: Duration,
    code: DeviceCode,
}

/// RFC 8628 section 3.2. A server that names no interval means five seconds.
#[derive(Deserialize)]
struct Issued {
    device_code: String,
    user_code: String,
    verification_uri: String,
    /// Numbers, or digits in a string.
    expires_in: Value,
    interval: Option<Value>,
}

const INTERVAL: Duration = Duration::from_secs(5);
const LEAST: Duration = Duration::from_secs(1);
/// Entra ID's own, where an answer does not say.
const LIFETIME: Duration = Duration::from_secs(900);
/// RFC 8628 section 3.5: by so much the pause grows where it was too short.
const SLOWER: Duration = Duration::from_secs(5);

/// What to do after an answer.
#[derive(Debug)]
enum Next {
    Wait,
    Slower,
    Done(Box<Result<Grant, Cause>>),
}

impl Next {
    fn failed(cause: Cause) -> Self {
        Self::Done(Box::new(Err(cause)))
    }
}

/// Asks for a code.
///
/// # Errors
/// Entra ID's refusal; `entra.answer` for an answer without a code.
pub async fn invite(target: &Target, run: &Run, scopes: &str) -> Result<Invitation, Cause> {
    let proof = run.proofs.of(&target.app, &run.vaults).await?;
    let request = request::device_authorization(&target.app, &proof, scopes);
    let host = request.url.host_str().unwrap_or_default();
    let ask = || async {
        let raw = retry::within_try(host, run.entra.send(&request)).await?;
        if raw.status != 200 {
            return Err(answer::refusal(&raw));
        }
        read(&raw).ok_or_else(|| Cause::new(Kind::EntraAnswer, "Entra ID answered something else than a code"))
    };
    retry::repeat(&run.deadline, ask).await
}

fn read(raw: &RawAnswer) -> Option<Invitation> {
    let issued: Issued = serde_json::from_slice(&raw.body.0).ok()?;
    Some(Invitation {
        user_code: printable(&issued.user_code, 40),
        verification_uri: printable(&issued.verification_uri, 200),
        expires_in: Some(answer::seconds(Some(&issued.expires_in))).filter(|time| !time.is_zero()).unwrap_or(LIFETIME),
        interval: issued.interval.map_or(INTERVAL, |interval| answer::seconds(Some(&interval))).max(LEAST),
        code: DeviceCode::new(issued.device_code),
    })
}

/// How long the person is waited for, and what is to be said when that is over.
#[must_use]
pub fn patience(invitation: &Invitation, wanted: Duration) -> (Duration, Cause) {
    if wanted < invitation.expires_in { (wanted, super::nobody_came()) } else { (invitation.expires_in, expired()) }
}

/// Waits until the person has signed in, declined, or the `patience` is over. `left` is told how long that still lasts, before
/// each pause.
///
/// # Errors
/// `consent.declined`, the end of the patience, or Entra ID's refusal.
pub async fn wait(
    target: &Target,
    run: &Run,
    invitation: &Invitation,
    (patience, over): (Duration, Cause),
    left: impl Fn(Duration),
) -> Result<Grant, Cause> {
    let end = Instant::now() + patience;
    let mut interval = invitation.interval;
    loop {
        let remaining = end.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Err(over);
        }
        left(remaining);
        sleep(interval.min(remaining)).await;
        // What is fetched for the app's credential meanwhile has its own time.
        run.deadline.restart(super::WORK);
        match poll(target, run, invitation).await {
            Next::Wait => {}
            Next::Slower => interval += SLOWER,
            Next::Done(result) => return *result,
        }
    }
}

async fn poll(target: &Target, run: &Run, invitation: &Invitation) -> Next {
    let asked = async {
        let proof = run.proofs.of(&target.app, &run.vaults).await?;
        let request = request::device_code(&target.app, &proof, &target.scope, &invitation.code);
        let host = request.url.host_str().unwrap_or_default();
        retry::within_try(host, run.entra.send(&request)).await
    };
    match asked.await {
        Ok(raw) => next(&raw),
        // RFC 8628 section 3.5: a server that does not answer is asked less often.
        Err(cause) if cause.is_transient() && !cause.is_end_of_run() => Next::Slower,
        Err(cause) => Next::failed(cause),
    }
}

fn next(raw: &RawAnswer) -> Next {
    match answer::error(raw).as_deref() {
        Some("authorization_pending") => Next::Wait,
        Some("slow_down") => Next::Slower,
        // Entra ID's word is the first, the RFC's the second.
        Some("authorization_declined" | "access_denied") => {
            Next::failed(Cause::new(Kind::ConsentDeclined, "the person declined the sign-in"))
        }
        Some("expired_token") => Next::failed(expired()),
        _ => match answer::read(raw) {
            Err(cause) if cause.may_repeat() => Next::Slower,
            result => Next::Done(Box::new(result)),
        },
    }
}

fn expired() -> Cause {
    Cause::new(Kind::ConsentExpired, "the code expired before anybody signed in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entra::answer::SecretBody;
    use time::OffsetDateTime;

    fn after(status: u16, body: &str) -> Next {
        next(&RawAnswer {
            status,
            retry_after: None,
            request_id: None,
            body: SecretBody(body.as_bytes().to_vec().into()),
            received_at: OffsetDateTime::UNIX_EPOCH,
            date: None,
        })
    }

    fn end(error: &str) -> Kind {
        let Next::Done(result) = after(400, &format!(r#"{{"error":"{error}"}}"#)) else { panic!("{error}") };
        result.unwrap_err().kind
    }

    #[test]
    fn each_answer_has_its_consequence() {
        assert!(matches!(after(400, r#"{"error":"authorization_pending","error_codes":[70016]}"#), Next::Wait));
        assert!(matches!(after(400, r#"{"error":"slow_down"}"#), Next::Slower));
        assert!(matches!(after(503, ""), Next::Slower));
        assert_eq!(end("authorization_declined"), Kind::ConsentDeclined);
        assert_eq!(end("access_denied"), Kind::ConsentDeclined);
        assert_eq!(end("expired_token"), Kind::ConsentExpired);
        assert_eq!(end("invalid_client"), Kind::EntraRefusedClient);
    }
}
