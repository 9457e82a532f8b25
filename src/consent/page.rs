//! What the browser shows when it comes back: real pages without a script, a request to anywhere else, or a token.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode, header};
use ring::digest::{SHA256, digest};

use super::summary::Stored;

const STYLE: &str = include_str!("page.css");

/// How far a sign-in is.
#[derive(Debug, Clone)]
pub enum Page {
    /// Nobody has come back yet.
    Expecting,
    /// Somebody has, and the token is on its way.
    Waiting,
    /// The token is stored.
    Stored(Box<Stored>),
    /// It is not.
    Failed {
        /// It may be stored all the same.
        unknown: bool,
        what: String,
        fix: String,
    },
    /// Entra ID or the person refused; `again` leads to another try.
    Refused { message: String, again: String },
    /// An answer to something else.
    Stranger,
    /// The same answer once more.
    Twice,
}

impl Page {
    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Failed { .. })
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::Expecting => "Waiting for the sign-in",
            Self::Waiting => "Signed in",
            Self::Stored(_) => "The token is stored",
            Self::Failed { unknown: true, .. } => "It is not known whether the token is stored",
            Self::Failed { .. } => "Nothing was stored",
            Self::Refused { .. } => "The sign-in was refused",
            Self::Stranger => "This is not the answer that is waited for",
            Self::Twice => "This sign-in was used already",
        }
    }
}

#[derive(Template)]
#[template(path = "consent/page.html", config = "src/askama.toml")]
struct Document<'a> {
    page: &'a Page,
    style: &'static str,
}

/// A page with the headers that keep it to itself.
#[must_use]
pub fn render(status: StatusCode, page: &Page) -> Response<Full<Bytes>> {
    let html = Document { page, style: STYLE }.render().unwrap_or_default();
    let digest = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = plain(status, html);
    for (name, value) in
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy.as_str())]
    {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Sends the browser on, so that the address with the code is neither shown nor remembered.
#[must_use]
pub fn redirect(to: &str) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::SEE_OTHER, String::new());
    if let Ok(to) = to.parse() {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

fn plain(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}
