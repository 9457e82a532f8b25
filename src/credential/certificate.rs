//! A certificate with its private key, and the assertions it signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PSS_SHA256;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use url::Url;
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::{Zeroize as _, Zeroizing};

use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::secret::{Assertion, SecretValue};

/// How long an assertion is good for
/// (learn.microsoft.com/entra/identity-platform/certificate-credentials: 5 to 10 minutes).
const LIFETIME: Duration = Duration::minutes(10);
/// What Entra ID would call "not yet valid" on a clock that is a little ahead.
const MARGIN: Duration = Duration::minutes(2);

/// What an app registration signs with.
pub struct Certificate {
    key: KeyPair,
    /// SHA-256 of the certificate, as `x5t#S256` has it (RFC 7515 section 4.1.8).
    thumbprint: String,
    pub expires: OffsetDateTime,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads an RSA key and the certificate that belongs to it, in any order, from one PEM text; other certificates, as
    /// of a chain, are passed over.
    ///
    /// # Errors
    /// `app.certificate`, with what is missing.
    pub fn parse(text: &SecretValue) -> Result<Self, Cause> {
        // PowerShell puts a byte order mark in front, and variables come with `\n` written out.
        let pem = Zeroizing::new(text.expose().trim_start_matches('\u{feff}').replace("\\n", "\n"));
        let keys = keys(&pem)?;
        let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| unusable("a certificate in it is not PEM"))?;
        if certificates.is_empty() {
            return Err(unusable("it holds no certificate"));
        }
        for key in keys {
            if let Some((der, expires)) = certificates.iter().find_map(|der| Some((der, expiry_if_of(der, &key)?))) {
                let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der));
                return Ok(Self { key, thumbprint, expires });
            }
        }
        Err(unusable("its key belongs to another certificate"))
    }

    /// An assertion that proves `client_id` to the token endpoint `audience`
    /// (learn.microsoft.com/entra/identity-platform/certificate-credentials; RFC 7523 section 3).
    ///
    /// # Errors
    /// `app.certificate` where the system has no random numbers.
    pub fn assertion(&self, client_id: &str, audience: &Url, now: OffsetDateTime) -> Result<Assertion, Cause> {
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": audience.as_str(), "iss": client_id, "sub": client_id, "jti": Uuid::new_v4().to_string(),
            "nbf": (now - MARGIN).unix_timestamp(), "iat": now.unix_timestamp(),
            "exp": (now + LIFETIME - MARGIN).unix_timestamp(),
        });
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| unusable("its key does not sign"))?;
        Ok(Assertion::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn unusable(what: &str) -> Cause {
    Cause::new(Kind::AppCertificate, format!("the certificate cannot be used: {what}"))
}

pub(super) fn not_pem() -> Cause {
    unusable("it is not PEM text, as a PKCS#12 file is not")
}

/// The RSA keys of a text, of which there is usually one.
fn keys(pem: &str) -> Result<Vec<KeyPair>, Cause> {
    let mut pairs = Vec::new();
    let mut others = 0;
    for der in PrivateKeyDer::pem_slice_iter(pem.as_bytes()) {
        let mut der = der.map_err(|_| unusable("its private key is not PEM"))?;
        let pair = match &der {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()).ok(),
            _ => None,
        };
        der.zeroize();
        others += usize::from(pair.is_none());
        pairs.extend(pair);
    }
    if !pairs.is_empty() {
        return Ok(pairs);
    }
    Err(if others > 0 {
        unusable("its private key is not RSA of 2048 to 4096 bits")
    } else if pem.contains("ENCRYPTED") {
        unusable("its private key is encrypted")
    } else if pem.contains("-----BEGIN") {
        unusable("it holds no private key")
    } else {
        not_pem()
    })
}

/// When a certificate ends, if it is the key's.
fn expiry_if_of(der: &CertificateDer<'_>, key: &KeyPair) -> Option<OffsetDateTime> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let public = certificate.public_key().subject_public_key.data.as_ref();
    (public == key.public().as_ref()).then(|| certificate.validity().not_after.to_datetime())
}
