//! Reads the claims that come with a token. They arrive over TLS from the token endpoint itself, which the `OpenID`
//! Connect Core specification (3.1.3.7) accepts in place of checking the signature. Nothing here fails: access tokens are opaque
//! to clients by contract, and what cannot be read is not known.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::identity::{Account, Identity, Mfa};
use crate::model::name::printable;

/// What an access token may say: `appid` and `amr` in version 1.0, `azp` in 2.0.
#[derive(Debug, Default, Deserialize)]
struct AccessClaims {
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    tid: Option<String>,
    amr: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
struct IdClaims {
    aud: Option<String>,
    oid: Option<String>,
    tid: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ClientInfo {
    uid: Option<String>,
    utid: Option<String>,
}

/// Whose token it is, and whether the sign-in had MFA, as far as the three parts of an answer tell.
#[must_use]
pub fn read(access: &str, id_token: Option<&str>, client_info: Option<&str>) -> (Identity, Mfa) {
    let access: AccessClaims = payload(access).unwrap_or_default();
    let id: IdClaims = id_token.and_then(payload).unwrap_or_default();
    let info: ClientInfo = client_info.and_then(decode).unwrap_or_default();
    let mfa = match &access.amr {
        Some(amr) if amr.iter().any(|method| method == "mfa") => Mfa::Yes,
        Some(_) => Mfa::No,
        None => Mfa::Unknown,
    };
    let names = [id.name, id.preferred_username].into_iter().flatten().collect::<Vec<_>>();
    let identity = Identity {
        name: (!names.is_empty()).then(|| printable(&names.join(", "), 200)),
        home: account(info.utid, info.uid),
        local: account(id.tid, id.oid).or_else(|| account(access.tid, access.oid)),
        app: access.appid.or(access.azp).or(id.aud),
    };
    (identity, mfa)
}

/// What an access token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    pub audience: String,
    pub tenant: Option<String>,
}

#[derive(Deserialize)]
struct AddressClaims {
    aud: String,
    tid: Option<String>,
}

/// What an access token is for, if it says so.
#[must_use]
pub fn addressed(access: &str) -> Option<Addressed> {
    let AddressClaims { aud, tid } = payload(access)?;
    Some(Addressed { audience: aud, tenant: tid })
}

fn account(tenant: Option<String>, user: Option<String>) -> Option<Account> {
    Some(Account { tenant: printable(&tenant?, 100), user: printable(&user?, 100) })
}

/// The claims of a JWT, if it is one that can be read.
#[must_use]
pub fn payload<T: DeserializeOwned>(jwt: &str) -> Option<T> {
    decode(jwt.split('.').nth(1)?)
}

fn decode<T: DeserializeOwned>(base64url: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(base64url.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.c2ln", encode(claims))
    }

    #[test]
    fn version_1_tokens_tell_app_and_mfa() {
        let access = jwt(&json!({"appid": "a1", "amr": ["pwd", "mfa"], "oid": "o1", "tid": "t1"}));
        let (identity, mfa) = read(&access, None, Some(&encode(&json!({"uid": "u1", "utid": "h1"}))));
        assert_eq!(mfa, Mfa::Yes);
        assert_eq!(identity.app.as_deref(), Some("a1"));
        assert_eq!(identity.home, account(Some("h1".into()), Some("u1".into())));
        assert_eq!(identity.local, account(Some("t1".into()), Some("o1".into())));
        assert_eq!(read(&jwt(&json!({"amr": ["pwd"]})), None, None).1, Mfa::No);
    }

    #[test]
    fn version_2_tokens_say_nothing_about_mfa() {
        let (identity, mfa) = read(&jwt(&json!({"azp": "a2", "ver": "2.0"})), None, None);
        assert_eq!((identity.app.as_deref(), mfa), (Some("a2"), Mfa::Unknown));
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let id = jwt(&json!({"aud": "a3", "oid": "o3", "tid": "t3"}));
        for opaque in ["", "EwBwA8l6BAAU", "a.b.c", "e30.!!!.x", "e30.MTIz.x"] {
            assert_eq!(read(opaque, None, Some("?")), (Identity::default(), Mfa::Unknown), "{opaque}");
            let (identity, _) = read(opaque, Some(&id), None);
            assert_eq!(identity.app.as_deref(), Some("a3"));
        }
    }
}
