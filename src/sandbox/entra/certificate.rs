//! The certificate of an app registration.

use std::fmt;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, PublicKeyData as _};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::sandbox::state::now;

/// Signs as the sandbox's app registrations and nothing else; it stands in the source so that no run must make one.
const KEY: &[u8] = include_bytes!("client.der");

/// A certificate with its key.
#[derive(Clone)]
pub struct AppCertificate {
    pub der: Vec<u8>,
    /// The public key, as PKCS#1 has it.
    pub(super) public: Vec<u8>,
    pub expires: OffsetDateTime,
    /// Certificate and key, as a client is given them.
    pub pem: String,
}

impl fmt::Debug for AppCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppCertificate").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl AppCertificate {
    /// A certificate that is valid for so long from now; another `name` is another certificate.
    ///
    /// # Panics
    /// Never: the key is a constant.
    #[must_use]
    pub fn new(name: &str, valid: Duration) -> Self {
        #[expect(clippy::expect_used, reason = "made of constants, and made in every test")]
        Self::make(name, valid).expect("a certificate")
    }

    fn make(name: &str, valid: Duration) -> Result<Self, rcgen::Error> {
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
        let key = KeyPair::from_der_and_sign_algo(&private, &PKCS_RSA_SHA256)?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        let expires = now() + valid;
        (params.not_before, params.not_after) = (now() - Duration::days(30), expires);
        let certificate = params.self_signed(&key)?;
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        Ok(Self { der: certificate.der().to_vec(), public: key.der_bytes().to_vec(), expires, pem })
    }
}
