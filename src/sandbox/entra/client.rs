//! How an app registration proves who it is, checked as Entra ID checks it. The texts of 700021, 700211 and 700212 are by
//! the documentation; the others as recorded.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey};
use serde_json::Value;
use time::Duration;

use super::certificate::AppCertificate;
use super::directory::{App, Directory};
use super::jwt;
use super::refusal::Refusal;
use crate::sandbox::state::now;

/// What clocks may differ by.
const TOLERANCE: Duration = Duration::minutes(5);
/// The audience of a managed identity's token for `api://AzureADTokenExchange`.
pub(crate) const TOKEN_EXCHANGE: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// A federated credential of an app registration: whose tokens it trusts.
#[derive(Debug, Clone)]
pub struct FederatedCredential {
    pub issuer: String,
    pub subject: String,
    pub audience: String,
}

/// Where a request was sent.
pub(super) struct Endpoint<'a> {
    pub(super) host: &'a str,
    pub(super) tenant: &'a str,
    /// The tenant as the address has it: an id or a domain.
    pub(super) named: &'a str,
}

/// Whether the form's client is who it says.
pub(super) fn authenticate(
    directory: &Directory,
    client_id: &str,
    form: &HashMap<String, String>,
    endpoint: &Endpoint<'_>,
) -> Result<(), Refusal> {
    let Some(app) = directory.apps.get(client_id) else { return Err(Refusal::new(700_016, client_id)) };
    let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    match (app.public, field("client_secret"), field("client_assertion")) {
        (true, None, None) => Ok(()),
        (true, ..) => Err(Refusal::new(700_025, client_id)),
        (false, _, Some(assertion)) => by_assertion(directory, app, client_id, assertion, endpoint),
        (false, Some(secret), None) => match app.secrets.iter().find(|known| known.value == secret) {
            None => Err(Refusal::new(7_000_215, client_id)),
            Some(known) if known.expires <= now() => Err(Refusal::new(7_000_222, client_id)),
            Some(_) => Ok(()),
        },
        (false, None, None) => Err(Refusal::new(7_000_218, client_id)),
    }
}

fn by_assertion(
    directory: &Directory,
    app: &App,
    client_id: &str,
    assertion: &str,
    endpoint: &Endpoint<'_>,
) -> Result<(), Refusal> {
    let malformed = || Refusal::new(50_013, client_id);
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, _] = parts.as_slice() else { return Err(malformed()) };
    let header = decoded(header).ok_or_else(malformed)?;
    let claims = decoded(claims).ok_or_else(malformed)?;
    // An app names itself as the issuer; everybody else's tokens name an address, and may have an x5t of their own.
    let by_another = claims["iss"].as_str().is_some_and(|issuer| issuer.starts_with("https://"));
    if by_another {
        trusted(app, assertion, &claims)?;
    } else {
        signed_by_certificate(app, client_id, assertion, &header)?;
        own(client_id, &claims, endpoint)?;
    }
    within_its_time(&claims, now() + directory.ahead)
}

fn signed_by_certificate(app: &App, client_id: &str, assertion: &str, header: &Value) -> Result<(), Refusal> {
    let sha256 = |der: &[u8]| URL_SAFE_NO_PAD.encode(digest(&SHA256, der));
    let sha1 = |der: &[u8]| URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, der));
    // MSAL for Python pads its thumbprints, though RFC 7515 has none padded.
    let thumbprint = |name: &str| header[name].as_str().map(|named| named.trim_end_matches('='));
    let named = |certificate: &AppCertificate| match thumbprint("x5t#S256") {
        Some(named) => named == sha256(&certificate.der),
        None => thumbprint("x5t").is_some_and(|named| named == sha1(&certificate.der)),
    };
    let refused = |reason: &str| Refusal::new(700_027, &format!("{reason}|{client_id}"));
    let certificate = app.certificates.iter().find(|certificate| named(certificate));
    let certificate = certificate.ok_or_else(|| refused("The key was not found."))?;
    // PS256 goes with x5t#S256 and RS256 with x5t.
    let algorithm: &'static RsaParameters = match (header["alg"].as_str(), header["x5t#S256"].is_string()) {
        (Some("PS256"), true) => &RSA_PSS_2048_8192_SHA256,
        (Some("RS256"), _) => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(refused("The algorithm is not supported.")),
    };
    let (signed, signature) = assertion.rsplit_once('.').unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let valid = UnparsedPublicKey::new(algorithm, &certificate.public).verify(signed.as_bytes(), &signature);
    valid.map_err(|_| refused("Signature verification failed."))?;
    if certificate.expires <= now() {
        return Err(refused("The key used is expired."));
    }
    Ok(())
}

/// An app's own assertion names itself twice, and the endpoint it is sent to.
fn own(client_id: &str, claims: &Value, endpoint: &Endpoint<'_>) -> Result<(), Refusal> {
    if claims["iss"] != client_id || claims["sub"] != client_id {
        return Err(Refusal::new(700_021, client_id));
    }
    let known: Vec<String> = [endpoint.tenant, endpoint.named]
        .iter()
        .map(|tenant| format!("https://{}/{tenant}", endpoint.host))
        .flat_map(|base| ["oauth2/v2.0/token", "oauth2/token", "v2.0"].map(|path| format!("{base}/{path}")))
        .collect();
    match claims["aud"].as_str() {
        Some(audience) if known.iter().any(|known| known.eq_ignore_ascii_case(audience)) => Ok(()),
        _ => Err(Refusal::new(50_012, client_id)),
    }
}

/// Somebody else's token must match a federated credential in issuer, subject and audience, each to the letter.
fn trusted(app: &App, assertion: &str, claims: &Value) -> Result<(), Refusal> {
    let claim = |name: &str| claims[name].as_str().unwrap_or_default();
    let of_issuer: Vec<&FederatedCredential> =
        app.federated.iter().filter(|known| known.issuer == claim("iss")).collect();
    if of_issuer.is_empty() {
        return Err(Refusal::new(700_211, claim("iss")));
    }
    let Some(known) = of_issuer.iter().find(|known| known.subject == claim("sub")) else {
        return Err(Refusal::new(700_213, claim("sub")));
    };
    let audience = match claim("aud") {
        TOKEN_EXCHANGE => "api://AzureADTokenExchange",
        audience => audience,
    };
    if known.audience != audience {
        return Err(Refusal::new(700_212, audience));
    }
    if jwt::is_ours(assertion) { Ok(()) } else { Err(Refusal::new(50_013, claim("iss"))) }
}

fn within_its_time(claims: &Value, now: time::OffsetDateTime) -> Result<(), Refusal> {
    let instant = |name: &str| match &claims[name] {
        // Libraries differ: whole numbers, fractions, digits in a string.
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(seconds) => seconds.parse().ok(),
        _ => None,
    };
    let at = time::Duration::seconds(now.unix_timestamp()).as_seconds_f64();
    let tolerance = TOLERANCE.as_seconds_f64();
    let begun = instant("nbf").is_none_or(|begins| begins <= at + tolerance);
    let going = instant("exp").is_some_and(|ends| at < ends + tolerance);
    if begun && going { Ok(()) } else { Err(Refusal::new(700_024, "")) }
}

fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?).ok()
}
