//! The listener on this machine that the browser comes back to. It answers one sign-in and nobody else, and shows what came of
//! it. A redirect takes the code out of the address bar and the history.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::authorization::{Answer, Attempt};
use super::page::{self, Page};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::secret::Code;
use crate::wire::deadline::Deadline;

/// The ports that are tried, as the Secure Application Model's own tools do.
pub const PORTS: RangeInclusive<u16> = 8400..=8999;

/// A request that is not there whole after so long is dropped.
const SLOWEST: Duration = Duration::from_secs(10);
/// The longest head of a request. A code has one or two kilobytes.
const LONGEST: usize = 32 * 1024;
/// So long the last page waits to be fetched.
const FAREWELL: Duration = Duration::from_secs(5);

/// A port of this machine, taken on both addresses that `localhost` stands for.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    port: u16,
}

impl Listener {
    /// Takes the first port that nobody holds on either address.
    ///
    /// # Errors
    /// `consent.listener` where there is none.
    pub async fn open(ports: RangeInclusive<u16>) -> Result<Self, Cause> {
        let named = if ports.start() == ports.end() {
            format!("port {}", ports.start())
        } else {
            format!("ports {} to {}", ports.start(), ports.end())
        };
        for port in ports {
            if let Some(sockets) = both(port).await {
                return Ok(Self { sockets, port });
            }
        }
        Err(Cause::new(Kind::ConsentListener, format!("nothing can listen on {named} of 127.0.0.1 and ::1")))
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address that the browser comes back to.
    #[must_use]
    pub fn redirect(&self) -> String {
        super::redirect(self.port)
    }
}

/// Listeners on both addresses, or none if somebody holds one of them: the browser chooses which it tries.
async fn both(port: u16) -> Option<Vec<TcpListener>> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(second) => Some(vec![first, second]),
        // Windows says the second where somebody holds it for themselves.
        Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => None,
        // A machine without IPv6.
        Err(_) => Some(vec![first]),
    }
}

/// The listener at work. It ends when this is dropped.
#[derive(Debug)]
pub struct Landing {
    shared: Arc<Shared>,
    events: mpsc::UnboundedReceiver<Event>,
    servers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    attempt: Arc<Attempt>,
    port: u16,
    state: Mutex<State>,
    /// The last page was fetched.
    seen: Notify,
    sender: mpsc::UnboundedSender<Event>,
}

#[derive(Debug)]
struct State {
    code_taken: bool,
    page: Page,
    /// Where the browser that brought the code finds what came of it, and nobody else.
    result: String,
}

/// What a browser brought.
#[derive(Debug)]
enum Event {
    Code(Code),
    /// The sign-in was refused there; it can be tried again.
    Refused(Cause),
}

impl Landing {
    #[must_use]
    pub fn serve(listener: Listener, attempt: Arc<Attempt>) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let result = format!("/result/{}", Uuid::new_v4().simple());
        let state = Mutex::new(State { code_taken: false, page: Page::Expecting, result });
        let shared = Arc::new(Shared { attempt, port: listener.port, state, seen: Notify::new(), sender });
        let accept = |socket| tokio::spawn(accept(socket, Arc::clone(&shared)));
        let servers = listener.sockets.into_iter().map(accept).collect();
        Self { shared, events, servers }
    }

    /// Waits for the code. A sign-in that was refused is told, and waited on further: the person may try again.
    ///
    /// # Errors
    /// `consent.timeout` where nobody came.
    pub async fn code(&mut self, patience: &Deadline, told: impl Fn(&Cause)) -> Result<Code, Cause> {
        loop {
            match patience.bound(self.events.recv()).await {
                Ok(Some(Event::Code(code))) => return Ok(code),
                Ok(Some(Event::Refused(cause))) => told(&cause),
                Ok(None) | Err(_) => return Err(super::nobody_came()),
            }
        }
    }

    /// Shows how it ended, for as long as a browser needs to fetch that.
    pub async fn show(self, page: Page) {
        self.shared.state().page = page;
        let _ = tokio::time::timeout(FAREWELL, self.shared.seen.notified()).await;
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that broke on its way is no reason to stop listening.
        let Ok((stream, _)) = socket.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(talk(stream, Arc::clone(&shared)));
    }
}

async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let reply = reply(&shared, &request);
        async move { Ok::<_, Infallible>(reply) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST)
        .max_buf_size(LONGEST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!("a request to the listener was dropped: {error}");
    }
}

type Reply = Response<Full<Bytes>>;

fn reply(shared: &Shared, request: &Request<Incoming>) -> Reply {
    if !is_local(request, shared.port) {
        return page::render(StatusCode::MISDIRECTED_REQUEST, &Page::Stranger);
    }
    if request.method() != Method::GET {
        return page::render(StatusCode::METHOD_NOT_ALLOWED, &Page::Stranger);
    }
    match request.uri().path() {
        "/" => came_back(shared, request.uri().query().unwrap_or_default()),
        other => result(shared, other),
    }
}

/// A page of another site may send a browser here under its own name (DNS rebinding).
fn is_local(request: &Request<Incoming>, port: u16) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Some((name, given)) = host.rsplit_once(':') else { return false };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    given.parse() == Ok(port) && (name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback()))
}

fn came_back(shared: &Shared, query: &str) -> Reply {
    let taken = shared.state().code_taken;
    match shared.attempt.read(query) {
        Answer::Stranger => page::render(StatusCode::BAD_REQUEST, &Page::Stranger),
        _ if taken => page::render(StatusCode::CONFLICT, &Page::Twice),
        Answer::Nothing => page::render(StatusCode::OK, &Page::Expecting),
        Answer::Refused(cause) => {
            let page = Page::Refused { message: cause.message.clone(), again: shared.attempt.url.to_string() };
            let _ = shared.sender.send(Event::Refused(cause));
            page::render(StatusCode::OK, &page)
        }
        Answer::Code(code) => {
            let mut state = shared.state();
            if std::mem::replace(&mut state.code_taken, true) {
                return page::render(StatusCode::CONFLICT, &Page::Twice);
            }
            state.page = Page::Waiting;
            let _ = shared.sender.send(Event::Code(code));
            page::redirect(&state.result)
        }
    }
}

fn result(shared: &Shared, path: &str) -> Reply {
    let state = shared.state();
    if path != state.result || !state.code_taken {
        return page::render(StatusCode::NOT_FOUND, &Page::Stranger);
    }
    if state.page.is_last() {
        shared.seen.notify_one();
    }
    page::render(StatusCode::OK, &state.page)
}
