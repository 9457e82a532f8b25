//! How Entra ID refuses: status, error, suberror and text of each code, as recorded from the service where a
//! recording exists. Texts of 50057, 50196, 50034, 700022, 700023 and 70003 are by the documentation.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::directory::{Directory, RefreshToken};
use super::sign_in;
use crate::sandbox::http::{Ask, Reply};
use crate::sandbox::state::{guid, now};

/// A refusal in the making.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u32,
    /// What the text names: an app, a tenant, a resource, a parameter.
    pub(super) about: String,
    /// The refresh token, for texts that name its times.
    pub(super) token: Option<RefreshToken>,
}

impl Refusal {
    pub(super) fn new(code: u32, about: &str) -> Self {
        Self { code, about: about.to_owned(), token: None }
    }

    pub(super) fn of(code: u32, token: &RefreshToken) -> Self {
        Self { code, about: token.client_id.clone(), token: Some(token.clone()) }
    }
}

/// Numbers below are the sandbox's own, for what Entra ID's documentation gives none.
const LEAST: u32 = 10;

const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
const TICKS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");

fn format(at: OffsetDateTime, form: &[BorrowedFormatItem<'_>]) -> String {
    at.format(form).unwrap_or_default()
}

/// Status, error, suberror to MSAL clients only, suberror to all, whether `error_uri` is there.
const fn shape(code: u32) -> (u16, &'static str, Option<&'static str>, Option<&'static str>, bool) {
    match code {
        700_082 | 50_173 | 700_084 | 50_034 => (400, "invalid_grant", Some("bad_token"), None, true),
        70_043 => (400, "invalid_grant", None, Some("token_expired"), false),
        50_076 | 50_079 | 50_078 => (400, "invalid_grant", None, Some("basic_action"), true),
        53_003 => (400, "invalid_grant", None, Some("message_only"), true),
        65_001 => (400, "invalid_grant", None, Some("consent_required"), false),
        700_003 => (400, "invalid_grant", None, Some("device_authentication_failed"), true),
        54_005 => (400, "invalid_grant", None, None, false),
        70_016 => (400, "authorization_pending", None, None, true),
        70_018 => (400, "bad_verification_code", None, None, true),
        70_020 => (400, "expired_token", None, None, true),
        sign_in::SLOW_DOWN => (400, "slow_down", None, None, false),
        sign_in::DECLINED => (400, "authorization_declined", None, None, false),
        7_000_215
        | 7_000_222
        | 7_000_218
        | 700_021
        | 700_024
        | 700_025
        | 700_027
        | 700_211..=700_213
        | 50_012
        | 50_013 => (401, "invalid_client", None, None, true),
        700_016 => (400, "unauthorized_client", None, None, true),
        90_002 | 900_144 | 90_014 | 700_022 | 700_023 | 901_002 | 501_491 | 9_002_327 => {
            (400, "invalid_request", None, None, true)
        }
        70_003 => (400, "unsupported_grant_type", None, None, true),
        70_011 | 1_002_012 => (400, "invalid_scope", None, None, true),
        500_011 => (400, "invalid_resource", None, None, true),
        50_055 => (400, "user_password_expired", None, Some("user_password_expired"), true),
        90_033 => (503, "temporarily_unavailable", None, None, false),
        _ => (400, "invalid_grant", None, None, true),
    }
}

fn text(refusal: &Refusal) -> String {
    let about = &refusal.about;
    let issued = refusal.token.as_ref().map(|token| format(token.issued, TICKS)).unwrap_or_default();
    let revoked =
        refusal.token.as_ref().and_then(|token| token.revoked).map(|at| format(at, TICKS)).unwrap_or_default();
    match refusal.code {
        700_082 => format!("The refresh token has expired due to inactivity.\u{a0}The token was issued on {issued} and was inactive for 90.00:00:00."),
        50_173 => format!("The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{revoked}'."),
        70_043 => format!("The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {issued} and the maximum allowed lifetime for this request is 36000."),
        700_084 => format!("The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {issued}."),
        50_076 => "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'.".to_owned(),
        50_079 => "The user is required to use multi-factor authentication.".to_owned(),
        53_003 => "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.".to_owned(),
        90_099 => format!("The application '{about}' has not been authorized in the tenant. Applications must be authorized to access the external tenant before partner delegated administrators can use them. Provide pre-consent or execute the appropriate Partner Center API to authorize the application."),
        65_001 => format!("The user or administrator has not consented to use the application with ID '{about}' named 'Sandbox'. Send an interactive authorization request for this user and resource."),
        9_002_313 => "Invalid request. Request is malformed or invalid.".to_owned(),
        70_000 => "Provided grant is invalid or malformed.".to_owned(),
        50_055 => "Password is expired.".to_owned(),
        50_057 => "The user account is disabled.".to_owned(),
        50_034 => "The user account does not exist in the tenant directory.".to_owned(),
        50_196 => "The server terminated an operation because it encountered a client request loop. Please contact your app vendor.".to_owned(),
        7_000_215 => format!("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{about}'."),
        7_000_222 => format!("The provided client secret keys for app '{about}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."),
        7_000_218 => "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.".to_owned(),
        700_025 => "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.".to_owned(),
        700_016 => format!("Application with identifier '{about}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."),
        90_002 => format!("Tenant '{about}' not found. This may happen if there are no active subscriptions for the tenant. Check to make sure you have the correct tenant ID. Check with your subscription administrator."),
        900_144 => format!("The request body must contain the following parameter: '{about}'."),
        70_003 => format!("The app requested an unsupported grant type '{about}'."),
        70_011 => format!("The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {about} is not valid."),
        700_022 => format!("The provided value for the input parameter scope '{about}' is not valid because it contains more than one resource."),
        500_011 => format!("The resource principal named {about} was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."),
        700_027 => {
            let (reason, client) = about.split_once('|').unwrap_or((about, ""));
            format!("The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{client}'. Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint.]")
        }
        700_024 => "Client assertion is not within its valid time range. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .".to_owned(),
        700_021 => "Client assertion application identifier doesn't match 'client_id' parameter.".to_owned(),
        700_211 => format!("No matching federated identity record found for presented assertion issuer '{about}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"),
        700_212 => format!("No matching federated identity record found for presented assertion audience '{about}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"),
        700_213 => format!("No matching federated identity record found for presented assertion subject '{about}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"),
        1_002_012 => format!("The provided value for scope {about} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."),
        90_033 => "A transient error has occurred. Please try again.".to_owned(),
        54_005 => "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.".to_owned(),
        70_016 => "OAuth 2.0 device flow error. Authorization is pending. Continue polling.".to_owned(),
        70_018 => "Invalid verification code due to User typing in wrong user code for device code flow.".to_owned(),
        70_020 => "The provided value for the input parameter 'device_code' is not valid. This device code has expired.".to_owned(),
        50_011 => format!("The redirect URI '{about}' specified in the request does not match the redirect URIs configured for the application. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal."),
        65_004 => "User declined to consent to access the app.".to_owned(),
        9_002_327 => "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.".to_owned(),
        _ => format!("The request was refused ({about})."),
    }
}

/// The text as it is sent, with ids.
pub(super) fn description(directory: &Directory, refusal: &Refusal) -> String {
    with_ids(directory, refusal, &guid(), &guid(), &format(now(), SECONDS))
}

fn with_ids(directory: &Directory, refusal: &Refusal, trace_id: &str, correlation_id: &str, at: &str) -> String {
    let separator = if directory.quirks.one_line { " " } else { "\r\n" };
    let (code, text) = (refusal.code, text(refusal));
    format!(
        "AADSTS{code}: {text}{separator}Trace ID: {trace_id}{separator}Correlation ID: {correlation_id}{separator}Timestamp: {at}"
    )
}

/// What is shown to a person who cannot be sent back.
pub(super) fn page(refusal: &Refusal) -> Reply {
    let text = format!("AADSTS{}: {}", refusal.code, text(refusal)).replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><title>Sign in (sandbox)</title><h1>Sorry, but we\u{2019}re having trouble signing you in.</h1><p id=\"error\">{text}</p>"
    );
    Reply::text(400, "text/html; charset=utf-8", &page)
}

/// The answer to a refused request.
pub(super) fn answer(directory: &Directory, ask: &Ask, refusal: &Refusal) -> Reply {
    let (status, error, to_msal, to_all, with_uri) = shape(refusal.code);
    let code = refusal.code;
    let trace_id = guid();
    let correlation_id = ask.header("client-request-id").map_or_else(guid, str::to_owned);
    let timestamp = format(now(), SECONDS);
    let mut body = Map::new();
    body.insert("error".to_owned(), error.into());
    if code < LEAST {
        return headers(Reply::json(status, &Value::Object(body)), ask, &trace_id, None);
    }
    let description = with_ids(directory, refusal, &trace_id, &correlation_id, &timestamp);
    body.insert("error_description".to_owned(), description.into());
    body.insert("error_codes".to_owned(), json!([code]));
    body.insert("timestamp".to_owned(), timestamp.into());
    body.insert("trace_id".to_owned(), trace_id.clone().into());
    body.insert("correlation_id".to_owned(), correlation_id.into());
    if with_uri {
        body.insert("error_uri".to_owned(), format!("https://login.microsoftonline.com/error?code={code}").into());
    }
    if let Some(claims) = &directory.quirks.claims {
        body.insert("claims".to_owned(), claims.clone().into());
    }
    let is_msal = ask.header("x-client-sku").is_some();
    if let Some(suberror) = to_all.or(to_msal.filter(|_| is_msal)) {
        body.insert("suberror".to_owned(), suberror.into());
    }
    let age = refusal.token.as_ref().map(|token| (now() - token.issued).as_seconds_f64() * 1000.0);
    let telemetry = (code, age);
    headers(Reply::json(status, &Value::Object(body)), ask, &trace_id, Some(telemetry))
}

/// The headers of every answer of the token endpoint. The age of a refresh token is told to clients that send
/// telemetry.
pub(super) fn headers(reply: Reply, ask: &Ask, trace_id: &str, telemetry: Option<(u32, Option<f64>)>) -> Reply {
    let mut reply = reply
        .with("Cache-Control", "no-store, no-cache")
        .with("Pragma", "no-cache")
        .with("Expires", "-1")
        .with("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        .with("X-Content-Type-Options", "nosniff")
        .with("P3P", "CP=\"DSP CUR OTPi IND OTRi ONL FIN\"")
        .with("x-ms-request-id", trace_id)
        .with("x-ms-ests-server", "2.1.24000.1 - WEULR1 ProdSlices")
        .with("Set-Cookie", "x-ms-gateway-slice=estsfd; path=/; secure; httponly");
    if let Some(id) = ask.header("client-request-id") {
        reply = reply.with("client-request-id", id);
    }
    if let Some((code, age)) = telemetry.filter(|_| ask.header("x-client-current-telemetry").is_some()) {
        let age = age.map(|age| format!("{age:.4}")).unwrap_or_default();
        reply = reply.with("x-ms-clitelem", format!("1,{code},0,{age},"));
    }
    reply
}
