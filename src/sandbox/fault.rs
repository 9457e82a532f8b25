//! What can go wrong on the way, before or after the effect.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::http::Ask;
use super::route::Route;

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The request has no effect.
    Before,
    /// The request had its effect, and the answer is lost or spoiled.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This answer in place of the right one.
    Answer { status: u16, headers: Vec<(String, String)>, content_type: String, body: String },
    /// The connection breaks before the answer.
    Reset,
    /// Half of the answer, then the connection breaks.
    Cut,
    /// Half of the answer, as if it were whole.
    Half,
    /// The right answer under another content type.
    Label(String),
    /// Ten megabytes in place of the answer.
    Flood,
    /// No answer, ever.
    Hang,
    /// The right answer, late.
    Late(Duration),
    /// Says that the request is here, and never answers: whoever listens kills the client.
    Signal(UnboundedSender<usize>),
    /// Says that the request is here, and goes on when it is told to.
    Pause(UnboundedSender<oneshot::Sender<()>>),
    /// The right answer with this text in place of another.
    Garble { from: String, to: String },
}

impl Fault {
    /// An answer of an overloaded or broken service.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), content_type: "application/json".to_owned(), body: String::new() }
    }

    /// This JSON in place of the answer.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        let content_type = "application/json; charset=utf-8".to_owned();
        Self::Answer { status, headers: Vec::new(), content_type, body: body.to_owned() }
    }

    /// HTTP 429 that asks to wait.
    #[must_use]
    pub fn throttled(seconds: u64) -> Self {
        Self::Answer {
            status: 429,
            headers: vec![("Retry-After".to_owned(), seconds.to_string())],
            content_type: "text/plain".to_owned(),
            body: "Too Many Requests".to_owned(),
        }
    }

    /// A page of a proxy or a captive portal.
    #[must_use]
    pub fn page(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            content_type: "text/html".to_owned(),
            body: "<html><body>Sign in to the guest network</body></html>".to_owned(),
        }
    }
}

/// A fault, and the requests it strikes.
#[derive(Debug, Clone)]
pub struct Rule {
    pub phase: Phase,
    pub fault: Fault,
    route: Option<Route>,
    /// A part of the path, or of the host.
    about: Option<String>,
    /// Matching requests that are let through first.
    skip: usize,
    /// Matching requests that are struck.
    times: usize,
    seen: usize,
}

impl Rule {
    /// Strikes every request.
    #[must_use]
    pub fn new(phase: Phase, fault: Fault) -> Self {
        Self { phase, fault, route: None, about: None, skip: 0, times: usize::MAX, seen: 0 }
    }

    #[must_use]
    pub fn on(mut self, route: Route) -> Self {
        self.route = Some(route);
        self
    }

    #[must_use]
    pub fn about(mut self, part: &str) -> Self {
        self.about = Some(part.to_owned());
        self
    }

    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// Counts a request, and tells whether it is struck. A vault's challenge comes before everything its routes do, so
    /// a request without a token counts only for rules on every route.
    pub(crate) fn strikes(&mut self, ask: &Ask, route: Route, challenged: bool) -> bool {
        let about = self.about.as_deref().is_none_or(|part| ask.path.contains(part) || ask.host.contains(part));
        if self.route.is_some_and(|wanted| wanted != route || challenged) || !about {
            return false;
        }
        let nth = self.seen;
        self.seen += 1;
        nth >= self.skip && nth - self.skip < self.times
    }
}
