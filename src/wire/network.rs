//! Reads what the network did from the chain of an error's sources.

use std::error::Error;
use std::io;

use crate::model::failure::Cause;
use crate::model::kind::Kind;

/// The cause of a request that got no whole answer. `service` names the other side for the message.
#[must_use]
pub fn cause(service: &str, error: &(dyn Error + 'static)) -> Cause {
    let links: Vec<&(dyn Error + 'static)> = chain(error).collect();
    let typed = links.iter().find_map(|link| by_type(*link));
    let kind = typed.or_else(|| links.iter().find_map(|link| by_text(*link))).unwrap_or(Kind::NetworkReset);
    let last = links.last().map(ToString::to_string).unwrap_or_default();
    let what = match kind {
        Kind::NetworkDns => "its name does not resolve",
        Kind::NetworkRefused => "the connection was refused",
        Kind::NetworkTls => "its certificate is not trusted",
        Kind::NetworkTlsExpired => "its certificate is outside its time",
        Kind::NetworkTlsName => "its certificate is for another host",
        Kind::NetworkTimeout => "it did not answer in time",
        Kind::NetworkProxy => "the proxy did not connect",
        Kind::NetworkProxyLogin => "the proxy wants a login",
        _ => "the connection broke",
    };
    Cause::new(kind, format!("{service}: {what} ({last})"))
}

/// An error and its sources, those wrapped into `io::Error` included, outermost first.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

fn by_type(error: &(dyn Error + 'static)) -> Option<Kind> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext};
        use rustls::CertificateError::{NotValidYet, NotValidYetContext};
        return Some(match error {
            rustls::Error::InvalidCertificate(
                Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
            ) => Kind::NetworkTlsExpired,
            rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => Kind::NetworkTlsName,
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Kind::NetworkTls,
            _ => Kind::NetworkReset,
        });
    }
    if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout) {
        return Some(Kind::NetworkTimeout);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(Kind::NetworkRefused),
        io::ErrorKind::TimedOut => Some(Kind::NetworkTimeout),
        _ => None,
    }
}

/// hyper-util keeps these types to itself, so their text is all there is.
fn by_text(error: &(dyn Error + 'static)) -> Option<Kind> {
    match error.to_string() {
        text if text.starts_with("dns error") => Some(Kind::NetworkDns),
        text if text.contains("proxy authorization required") => Some(Kind::NetworkProxyLogin),
        text if text.starts_with("tunnel error") => Some(Kind::NetworkProxy),
        _ => None,
    }
}
