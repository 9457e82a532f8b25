//! Signed tokens: access tokens of version 1.0 and 2.0 by resource, id tokens, and those of managed identities.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::client::TOKEN_EXCHANGE;
use super::directory::User;
use crate::sandbox::state::{guid, now};

/// Signs the sandbox's tokens and nothing else; it stands in the source so that no run must make one.
const KEY: &[u8] = include_bytes!("signing.der");
const KEY_ID: &str = "sandbox-signing-key";

fn key() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "a constant, read in every test")]
    PAIR.get_or_init(|| KeyPair::from_der(KEY).expect("the sandbox's own key"))
}

/// Who a token is for.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) user: &'a User,
    pub(crate) client_id: &'a str,
    pub(crate) mfa: bool,
}

/// Whether tokens for a resource are of version 1.0: the resource decides, not the endpoint.
fn is_version_1(resource: &str) -> bool {
    !resource.starts_with("api://")
}

pub(crate) fn access(subject: &Subject<'_>, resource: &str, scopes: &str) -> String {
    let mut claims = if is_version_1(resource) {
        json!({
            "aud": resource, "iss": format!("https://sts.windows.net/{}/", subject.tenant), "ver": "1.0",
            "appid": subject.client_id, "appidacr": "1", "acr": "1", "idtyp": "user",
            "amr": if subject.mfa { json!(["pwd", "mfa"]) } else { json!(["pwd"]) },
            "unique_name": upn(subject), "upn": upn(subject),
        })
    } else {
        json!({
            "aud": resource.trim_start_matches("api://"), "ver": "2.0", "azpacr": "1", "azp": subject.client_id,
            "iss": format!("https://login.microsoftonline.com/{}/v2.0", subject.tenant),
            "preferred_username": upn(subject),
        })
    };
    extend(&mut claims, &common(subject, now() + time::Duration::seconds(3_599)));
    extend(&mut claims, &json!({ "scp": scopes }));
    sign(&claims)
}

pub(crate) fn id(subject: &Subject<'_>, nonce: Option<&str>) -> String {
    let mut claims = json!({
        "aud": subject.client_id, "ver": "2.0", "preferred_username": upn(subject),
        "iss": format!("https://login.microsoftonline.com/{}/v2.0", subject.tenant),
    });
    extend(&mut claims, &common(subject, now() + time::Duration::seconds(3_600)));
    if let Some(nonce) = nonce {
        extend(&mut claims, &json!({ "nonce": nonce }));
    }
    sign(&claims)
}

/// The home account, as MSAL reads it.
pub(crate) fn client_info(user: &User) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "uid": user.home.1, "utid": user.home.0 }).to_string())
}

/// A token of somebody else, who Entra ID may have been told to trust.
pub(crate) fn federated(issuer: &str, subject: &str, audience: &str, lifetime: time::Duration) -> String {
    let (began, ends) = (now().unix_timestamp(), (now() + lifetime).unix_timestamp());
    let claims = json!({ "iss": issuer, "sub": subject, "aud": audience, "iat": began, "nbf": began, "exp": ends, "jti": guid() });
    sign_with(&json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID }), &claims)
}

/// Whether the sandbox signed this token. It plays all issuers, so one key is enough.
pub(crate) fn is_ours(token: &str) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key().public().as_ref());
    key.verify(signed.as_bytes(), &signature).is_ok()
}

/// A managed identity's token to be exchanged, which is of version 2.0.
pub(crate) fn exchange(tenant: &str, principal: &str, expires: OffsetDateTime) -> String {
    let (began, ends) = (now().unix_timestamp() - 300, expires.unix_timestamp());
    sign(&json!({
        "aud": TOKEN_EXCHANGE, "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "ver": "2.0",
        "sub": principal, "oid": principal, "tid": tenant, "iat": began, "nbf": began, "exp": ends, "uti": guid(),
    }))
}

/// An access token of an app or a managed identity for itself.
pub(crate) fn access_for_app(tenant: &str, resource: &str, client_id: &str, expires: OffsetDateTime) -> String {
    sign(&json!({
        "aud": resource, "iss": format!("https://sts.windows.net/{tenant}/"), "ver": "1.0", "appid": client_id,
        "oid": client_id, "sub": client_id, "tid": tenant, "idtyp": "app", "uti": guid(),
        "iat": now().unix_timestamp() - 300, "nbf": now().unix_timestamp() - 300, "exp": expires.unix_timestamp(),
    }))
}

fn common(subject: &Subject<'_>, expires: OffsetDateTime) -> Value {
    let began = now().unix_timestamp() - 300;
    json!({
        "oid": subject.user_id, "tid": subject.tenant, "name": subject.user.name, "sub": "pairwise-subject",
        "uti": guid(), "rh": "1.AXoA.", "iat": began, "nbf": began, "exp": expires.unix_timestamp(),
    })
}

fn upn(subject: &Subject<'_>) -> String {
    format!("{}@contoso.example", subject.user.name.to_ascii_lowercase().replace(' ', "."))
}

fn extend(claims: &mut Value, more: &Value) {
    if let (Some(claims), Some(more)) = (claims.as_object_mut(), more.as_object()) {
        claims.extend(more.clone());
    }
}

fn sign(claims: &Value) -> String {
    sign_with(&json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID, "x5t": KEY_ID }), claims)
}

fn sign_with(header: &Value, claims: &Value) -> String {
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key().public().modulus_len()];
    #[expect(clippy::expect_used, reason = "fails only without random numbers, and then nothing works")]
    key().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The public key, for whoever checks signatures.
pub(crate) fn key_set() -> Value {
    let public: PublicKeyComponents<Vec<u8>> = key().public_key().into();
    json!({ "keys": [{
        "kty": "RSA", "use": "sig", "kid": KEY_ID, "x5t": KEY_ID,
        "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
    }] })
}
