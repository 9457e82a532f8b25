//! A certificate authority that makes a certificate for each name it is asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use time::Duration;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use crate::sandbox::state::{WrongCertificate, now};

/// Certificates by host and what is wrong with them.
type Made = HashMap<(String, Option<WrongCertificate>), Arc<CertifiedKey>>;

/// The authority of one sandbox; its key exists in memory only.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    made: Mutex<Made>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "rotator sandbox");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, made: Mutex::default() })
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn make(&self, name: &str, wrong: Option<WrongCertificate>) -> Option<Arc<CertifiedKey>> {
        let key = KeyPair::generate().ok()?;
        let shown = if wrong == Some(WrongCertificate::OtherHost) { "portal.guest-network.example" } else { name };
        let mut params = CertificateParams::new(vec![shown.to_owned()]).ok()?;
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name.push(DnType::CommonName, shown);
        if wrong == Some(WrongCertificate::Expired) {
            (params.not_before, params.not_after) = (now() - Duration::days(60), now() - Duration::days(1));
        }
        let certificate = match wrong {
            Some(WrongCertificate::UnknownAuthority) => params.self_signed(&key).ok()?,
            _ => params.signed_by(&key, &self.issuer).ok()?,
        };
        let private = PrivateKeyDer::try_from(key.serialize_der()).ok()?;
        CertifiedKey::from_der(vec![certificate.der().clone()], private, &ring::default_provider()).ok().map(Arc::new)
    }

    fn certificate(&self, name: &str, wrong: Option<WrongCertificate>) -> Option<Arc<CertifiedKey>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = made.get(&(name.to_owned(), wrong)) {
            return Some(Arc::clone(key));
        }
        let key = self.make(name, wrong)?;
        made.insert((name.to_owned(), wrong), Arc::clone(&key));
        Some(key)
    }
}

/// One connection's choice of certificate.
#[derive(Debug)]
struct Choice {
    authority: Arc<Authority>,
    wrong: Option<WrongCertificate>,
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.authority.certificate(hello.server_name()?, self.wrong)
    }
}

pub(crate) fn server_config(authority: Arc<Authority>, wrong: Option<WrongCertificate>) -> Option<Arc<ServerConfig>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(builder.with_no_client_auth().with_cert_resolver(Arc::new(Choice { authority, wrong }))))
}
