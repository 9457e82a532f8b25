//! Reads what Key Vault and the managed identity refused.

use std::time::Duration;

use azure_core::error::{Error, ErrorKind, ErrorResponse};
use azure_core::http::headers::Headers;

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::wire::network;

/// The cause of an SDK call that failed: what a credential handed through it, or what the vault said. The body is parsed by [`ErrorResponse`]: the error's own `error_code` is
/// wrong where the message holds a JSON escape.
#[must_use]
pub fn cause(host: &str, error: Error) -> Cause {
    if let Some(cause) = network::chain(&error).find_map(|link| link.downcast_ref::<Cause>()) {
        return cause.clone();
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, raw_response, .. } => {
            let status = u16::from(*status);
            let headers = raw_response.as_ref().map(|raw| raw.headers().clone());
            let refusal = Refusal::read(status, error);
            // A throttled vault opens a new window within ten seconds, whether it says so or not.
            let asked = headers.as_ref().and_then(retry_after).or((status == 429).then_some(Duration::from_secs(2)));
            Cause {
                retry_after: asked,
                trace_id: headers.as_ref().and_then(|headers| text(headers, "x-ms-request-id")),
                ..refusal.cause(host)
            }
        }
        ErrorKind::DataConversion => unreadable(host, &error),
        ErrorKind::Connection | ErrorKind::Io | ErrorKind::Credential => network::cause(host, &error),
        ErrorKind::Other => other(host, &error),
    }
}

/// The outer code, the inner one, and the sentence.
#[derive(Debug, Default)]
struct Refusal {
    status: u16,
    code: Option<String>,
    inner: Option<String>,
    message: Option<String>,
}

impl Refusal {
    fn read(status: u16, error: Error) -> Self {
        let detail = ErrorResponse::try_from(error).ok().and_then(|response| response.error);
        let Some(detail) = detail else {
            return Self { status, ..Self::default() };
        };
        let inner = detail.inner_error.and_then(|inner| inner.code);
        Self { status, code: detail.code, inner, message: detail.message }
    }

    fn cause(self, host: &str) -> Cause {
        let kind = kind(self.status, self.code.as_deref(), self.inner.as_deref());
        let said = self.message.as_deref().map(first_line).unwrap_or_default();
        let message = match said.as_str() {
            "" => format!("{host} answered HTTP {}", self.status),
            said => format!("{host}: {said}"),
        };
        let code = self.inner.or(self.code).unwrap_or_else(|| self.status.to_string());
        Cause { code: Some(code), ..Cause::new(kind, message) }
    }
}

fn kind(status: u16, code: Option<&str>, inner: Option<&str>) -> Kind {
    match (status, inner.or(code)) {
        // An answer without Key Vault's own error body comes from something in between.
        (400..=407 | 409..=428 | 430..=499, None) => Kind::VaultAnswer,
        (401, _) => Kind::VaultUnauthorized,
        (403, Some("SecretDisabled")) => Kind::SecretDisabled,
        (403, Some("ForbiddenByRbac")) => Kind::VaultRbac,
        (403, Some("ForbiddenByPolicy" | "AccessDenied")) => Kind::VaultPolicy,
        (403, Some("ForbiddenByFirewall" | "ForbiddenByConnection")) => Kind::VaultFirewall,
        (403, _) => Kind::VaultForbidden,
        (404, Some("SecretNotFound")) => Kind::SecretMissing,
        (409, Some("ObjectIsDeletedButRecoverable")) => Kind::SecretDeleted,
        (409, _) => Kind::VaultConflict,
        (429, _) => Kind::VaultThrottled,
        (408 | 500..=599, _) => Kind::VaultUnavailable,
        (400..=499, Some(_)) => Kind::VaultRejected,
        _ => Kind::VaultAnswer,
    }
}

fn unreadable(host: &str, error: &Error) -> Cause {
    let said = error.to_string();
    if said.contains("challenge") {
        return Cause::new(Kind::VaultChallenge, format!("{host}: {}", first_line(&said)));
    }
    // The text of a serde error quotes its input, which may be a value: it is not passed on.
    Cause::new(Kind::VaultAnswer, format!("{host}: the answer is not what Key Vault answers"))
}

fn other(host: &str, error: &Error) -> Cause {
    let said = error.to_string();
    if said.contains("challenge resource") {
        return Cause::new(
            Kind::VaultChallenge,
            format!("{host}: the challenge names another resource than this host"),
        );
    }
    network::cause(host, error)
}

/// Key Vault's messages go on with details of the caller on further lines.
fn first_line(text: &str) -> String {
    let text = text.trim_start();
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(300).collect()
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    text(headers, "retry-after")?.parse().ok().map(Duration::from_secs)
}

fn text(headers: &Headers, name: &'static str) -> Option<String> {
    headers.get_optional_str(&name.into()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_key_vault() {
        assert_eq!(kind(403, Some("Forbidden"), Some("ForbiddenByRbac")), Kind::VaultRbac);
        assert_eq!(kind(403, Some("Forbidden"), Some("SecretDisabled")), Kind::SecretDisabled);
        assert_eq!(kind(403, Some("Forbidden"), None), Kind::VaultForbidden);
        assert_eq!(kind(404, Some("SecretNotFound"), None), Kind::SecretMissing);
        assert_eq!(kind(404, None, None), Kind::VaultAnswer);
        assert_eq!(kind(409, Some("Conflict"), Some("ObjectIsDeletedButRecoverable")), Kind::SecretDeleted);
        assert_eq!(kind(409, Some("Conflict"), Some("ObjectIsBeingRecovered")), Kind::VaultConflict);
        assert_eq!(kind(400, Some("BadParameter"), None), Kind::VaultRejected);
        assert_eq!(kind(502, None, None), Kind::VaultUnavailable);
    }
}
