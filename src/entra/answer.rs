//! Reads what the token endpoint answered.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::entra::{catalogue, claims};
use crate::model::failure::Cause;
use crate::model::identity::{Identity, Mfa};
use crate::model::kind::Kind;
use crate::secret::{AccessToken, RefreshToken};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// An answer as it came.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub request_id: Option<String>,
    pub body: SecretBody,
    pub received_at: OffsetDateTime,
    /// The server's own clock, from its `Date` header.
    pub date: Option<OffsetDateTime>,
}

impl RawAnswer {
    /// How far this machine's clock is ahead of the server's; negative where it is behind.
    #[must_use]
    pub fn skew(&self) -> Option<time::Duration> {
        Some(self.received_at - self.date?)
    }
}

/// Entra ID accepts assertions from clocks that are off by less than this.
pub const MOST_SKEW: time::Duration = time::Duration::minutes(5);

/// A body that may hold tokens: it does not print.
pub struct SecretBody(pub Zeroizing<Vec<u8>>);

impl std::fmt::Debug for SecretBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretBody({} bytes)", self.0.len())
    }
}

/// What Entra ID granted.
#[derive(Debug)]
pub struct Grant {
    pub access: AccessToken,
    /// How long the access token is good for.
    pub expires_in: Duration,
    pub refresh: Option<RefreshToken>,
    pub identity: Identity,
    pub mfa: Mfa,
    /// When the answer was here: a token lives from its issue, so this is the latest time it can have been.
    pub received_at: OffsetDateTime,
    /// How far this machine's clock is ahead of Entra ID's, where that matters.
    pub skew: Option<time::Duration>,
    /// How long the refresh token is good for, where the answer says it: only those of single-page apps do.
    pub refresh_expires_in: Option<Duration>,
}

#[derive(Deserialize)]
struct Success {
    access_token: String,
    /// A number in v2.0, a string of digits in v1.0.
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    refresh_token_expires_in: Option<Value>,
    id_token: Option<String>,
    client_info: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Refusal {
    error: Option<String>,
    error_description: Option<String>,
    error_codes: Option<Vec<u32>>,
    suberror: Option<String>,
    correlation_id: Option<String>,
    trace_id: Option<String>,
    claims: Option<String>,
}

/// Reads a grant, or why there is none.
///
/// # Errors
/// The refusal by the catalogue, or `entra.answer` where the body is not what a token endpoint answers.
pub fn read(raw: &RawAnswer) -> Result<Grant, Cause> {
    if raw.status != 200 {
        return Err(refusal(raw));
    }
    // The text of a serde error quotes its input, so it is not passed on.
    let Ok(success) = serde_json::from_slice::<Success>(&raw.body.0) else {
        return Err(refusal(raw));
    };
    let (identity, mfa) =
        claims::read(&success.access_token, success.id_token.as_deref(), success.client_info.as_deref());
    let refresh = success.refresh_token.filter(|token| !token.is_empty()).map(RefreshToken::new);
    Ok(Grant {
        access: AccessToken::new(success.access_token),
        expires_in: seconds(success.expires_in.as_ref()),
        refresh,
        identity,
        mfa,
        received_at: raw.received_at,
        skew: raw.skew().filter(|skew| skew.abs() > MOST_SKEW),
        refresh_expires_in: success.refresh_token_expires_in.as_ref().map(|value| seconds(Some(value))),
    })
}

/// A duration in seconds; none is zero.
#[must_use]
pub fn seconds(value: Option<&Value>) -> Duration {
    let number = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    Duration::from_secs(number.unwrap_or(0))
}

/// The `error` of a refusal, by which the device code flow says what to do next (RFC 8628 section 3.5).
#[must_use]
pub fn error(raw: &RawAnswer) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(&raw.body.0).ok()?;
    refusal.error.filter(|_| raw.status != 200)
}

/// Why there is no grant.
#[must_use]
pub fn refusal(raw: &RawAnswer) -> Cause {
    let mut cause = match serde_json::from_slice::<Refusal>(&raw.body.0) {
        Ok(refusal) if refusal.error.is_some() || refusal.error_codes.is_some() => by_catalogue(raw.status, refusal),
        _ => by_status(raw.status),
    };
    cause.retry_after = raw.retry_after;
    with_ids(raw, about_the_clock(raw, cause))
}

/// An assertion that came too early or too late is the fault of a clock that is visibly wrong.
fn about_the_clock(raw: &RawAnswer, cause: Cause) -> Cause {
    match raw.skew().filter(|skew| cause.kind == Kind::EntraAssertion && skew.abs() > MOST_SKEW) {
        Some(skew) => {
            let message = format!("this machine's clock is {} Entra ID's: {}", off(skew), cause.message);
            Cause { kind: Kind::ClockSkew, message, fix: None, ..cause }
        }
        None => cause,
    }
}

/// How far a clock is off, in front of whose it is compared with.
#[must_use]
pub fn off(skew: time::Duration) -> String {
    let minutes = (skew.abs() + time::Duration::seconds(30)).whole_minutes();
    let side = if skew.is_negative() { "behind" } else { "ahead of" };
    format!("{minutes} minutes {side}")
}

/// A body that is no JSON must not turn a passing failure into a lasting one.
fn by_status(status: u16) -> Cause {
    let (kind, what) = match status {
        429 => (Kind::EntraThrottled, "asked to wait"),
        408 | 500..=599 => (Kind::EntraUnavailable, "is not available"),
        200 => (Kind::EntraAnswer, "answered something else than a token"),
        _ => (Kind::EntraAnswer, "gave an answer that is not its own"),
    };
    Cause { code: Some(status.to_string()), ..Cause::new(kind, format!("Entra ID {what} (HTTP {status})")) }
}

fn by_catalogue(status: u16, refusal: Refusal) -> Cause {
    // Where there are several codes the last one is the specific one.
    let code = refusal.error_codes.as_ref().and_then(|codes| codes.last()).copied();
    let error = refusal.error.unwrap_or_default();
    let row = code.and_then(catalogue::row);
    let kind = match row {
        Some(row) => row.kind,
        None if status == 429 => Kind::EntraThrottled,
        None if status >= 500 => Kind::EntraUnavailable,
        None => by_error(&error, refusal.suberror.as_deref()),
    };
    let said = sentence(&refusal.error_description.unwrap_or_default());
    tracing::debug!(code, error, correlation_id = refusal.correlation_id, said, "refused");
    // The catalogue's sentence is for people; a code it does not know leaves Entra ID's own, and where to look it up.
    let message = match (row, code) {
        (Some(row), _) => row.cause.to_owned(),
        (None, Some(code)) => format!("{said} (https://login.microsoftonline.com/error?code={code})"),
        (None, None) => said,
    };
    Cause {
        code: Some(code.map_or(error, |code| format!("AADSTS{code}"))),
        correlation_id: refusal.correlation_id,
        trace_id: refusal.trace_id,
        fix: row.and_then(|row| row.fix),
        claims: refusal.claims,
        ..Cause::new(kind, message)
    }
}

/// RFC 6749 section 5.2, and the suberrors that MSAL knows. The set of errors is open: an unknown one is never
/// taken for transient.
fn by_error(error: &str, suberror: Option<&str>) -> Kind {
    match (error, suberror) {
        ("invalid_grant", Some("client_mismatch")) | ("unauthorized_client", _) => Kind::EntraApp,
        ("invalid_grant", Some("consent_required")) | ("consent_required", _) => Kind::EntraConsent,
        ("invalid_grant", Some("protection_policy_required")) => Kind::EntraPolicy,
        ("invalid_grant", Some("device_authentication_failed")) => Kind::EntraDevice,
        ("invalid_grant" | "interaction_required" | "login_required" | "user_password_expired", _) => {
            Kind::EntraRefusedGrant
        }
        ("invalid_client", _) => Kind::EntraRefusedClient,
        ("invalid_scope", _) => Kind::EntraScope,
        ("invalid_resource", _) => Kind::EntraResource,
        ("invalid_tenant", _) => Kind::EntraTenant,
        ("invalid_request" | "unsupported_grant_type", _) => Kind::EntraRequest,
        ("temporarily_unavailable" | "server_error", _) => Kind::EntraUnavailable,
        _ => Kind::EntraUnknown,
    }
}

/// The description without its trailing ids and line breaks.
fn sentence(description: &str) -> String {
    let end = ["\r\n", "\n", " Trace ID:"].iter().filter_map(|mark| description.find(mark)).min();
    let text: String = description[..end.unwrap_or(description.len())]
        .chars()
        .map(|c| if c == '\u{a0}' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(400)
        .collect();
    match text.trim() {
        "" => "Entra ID refused and did not say why".to_owned(),
        text => text.to_owned(),
    }
}

fn with_ids(raw: &RawAnswer, mut cause: Cause) -> Cause {
    cause.trace_id = cause.trace_id.or_else(|| raw.request_id.clone());
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(status: u16, body: &str) -> RawAnswer {
        RawAnswer {
            status,
            retry_after: None,
            request_id: Some("r1".into()),
            body: SecretBody(body.as_bytes().to_vec().into()),
            received_at: OffsetDateTime::UNIX_EPOCH,
            date: None,
        }
    }

    fn kind(status: u16, body: &str) -> Kind {
        read(&raw(status, body)).unwrap_err().kind
    }

    #[test]
    fn the_last_code_decides() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS70002: x\r\nTrace ID: t","error_codes":[70002,500133]}"#;
        let cause = read(&raw(401, body)).unwrap_err();
        assert_eq!((cause.kind, cause.code.as_deref()), (Kind::EntraAssertion, Some("AADSTS500133")));
        assert!(cause.message.contains("check the clock"), "{cause}");
        let unknown =
            read(&raw(400, r#"{"error":"new","error_description":"AADSTS1: x\r\nTrace ID: t"}"#)).unwrap_err();
        assert_eq!(unknown.message, "AADSTS1: x");
        let numbered =
            read(&raw(400, r#"{"error":"new","error_description":"AADSTS1: x","error_codes":[1]}"#)).unwrap_err();
        assert_eq!(numbered.message, "AADSTS1: x (https://login.microsoftonline.com/error?code=1)");
    }

    #[test]
    fn a_clock_that_is_off_is_named_where_it_is_the_reason() {
        let late = r#"{"error":"invalid_client","error_description":"AADSTS700024: x","error_codes":[700024]}"#;
        let secret = r#"{"error":"invalid_client","error_description":"AADSTS7000215: x","error_codes":[7000215]}"#;
        let at = |minutes| Some(OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(minutes));
        let kind = |date, body| read(&RawAnswer { date, ..raw(401, body) }).unwrap_err();
        assert_eq!(kind(at(6), late).kind, Kind::ClockSkew);
        assert!(kind(at(6), late).message.contains("6 minutes behind"), "{}", kind(at(6), late).message);
        assert!(kind(at(-9), late).message.contains("9 minutes ahead"));
        for cause in [kind(at(4), late), kind(None, late)] {
            assert_eq!(cause.kind, Kind::EntraAssertion);
        }
        assert_eq!(kind(at(60), secret).kind, Kind::EntraSecretInvalid);
    }

    #[test]
    fn unknown_codes_go_by_suberror_and_error() {
        assert_eq!(kind(400, r#"{"error":"invalid_grant","error_codes":[1]}"#), Kind::EntraRefusedGrant);
        assert_eq!(kind(400, r#"{"error":"invalid_grant","suberror":"consent_required"}"#), Kind::EntraConsent);
        assert_eq!(kind(400, r#"{"error":"brand_new"}"#), Kind::EntraUnknown);
        assert_eq!(kind(503, r#"{"error":"brand_new","error_codes":[2]}"#), Kind::EntraUnavailable);
    }

    #[test]
    fn a_body_that_is_no_json_keeps_the_meaning_of_the_status() {
        assert_eq!(kind(429, "Too Many Requests"), Kind::EntraThrottled);
        assert_eq!(kind(504, ""), Kind::EntraUnavailable);
        assert_eq!(kind(200, "<html>"), Kind::EntraAnswer);
        assert_eq!(kind(200, r#"{"access_token":"secr"#), Kind::EntraAnswer);
        assert_eq!(kind(302, ""), Kind::EntraAnswer);
    }

    #[test]
    fn a_missing_refresh_token_is_no_refresh_token() {
        for body in [r#"{"access_token":"a"}"#, r#"{"access_token":"a","refresh_token":""}"#] {
            assert!(read(&raw(200, body)).unwrap().refresh.is_none());
        }
    }

    #[test]
    fn descriptions_lose_ids_and_control_characters() {
        let text = "AADSTS700082: expired due to inactivity.\u{a0}The token\u{1b}[31m was issued. Trace ID: x";
        assert_eq!(sentence(text), "AADSTS700082: expired due to inactivity. The token[31m was issued.");
        assert!(sentence("").contains("did not say why"));
    }
}
