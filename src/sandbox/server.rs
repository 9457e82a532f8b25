//! The listeners: a proxy that leads production names to the fakes, and the managed-identity endpoint.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::fault::{Fault, Phase};
use super::http::{Ask, Reply};
use super::route::Route;
use super::state::{Received, State};
use super::{World, entra, identity, partner_center, pipeline, tls, vault};

type Body = BoxBody<Bytes, io::Error>;

/// Whether a host is a vault's, in any cloud.
pub(crate) fn is_vault(host: &str) -> bool {
    [".vault.azure.net", ".vault.usgovcloudapi.net", ".vault.azure.cn"].iter().any(|suffix| host.ends_with(suffix))
}

fn is_entra(host: &str) -> bool {
    let hosts = [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
        "login.windows.net",
        "microsoft.com",
        "login.custom-cloud.example",
    ];
    hosts.contains(&host)
}

pub(crate) async fn serve_proxy(listener: TcpListener, world: Arc<World>, authority: Arc<tls::Authority>) {
    let Some(usual) = tls::server_config(Arc::clone(&authority), None) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let (world, authority, usual) = (Arc::clone(&world), Arc::clone(&authority), Arc::clone(&usual));
        let _ = stream.set_nodelay(true);
        // A client that goes away in the middle is its own affair.
        tokio::spawn(async move {
            let _ = tunnel(stream, world, authority, usual).await;
        });
    }
}

async fn tunnel(
    mut stream: TcpStream,
    world: Arc<World>,
    authority: Arc<tls::Authority>,
    usual: Arc<ServerConfig>,
) -> io::Result<()> {
    let host = connect_host(&mut stream).await?;
    let refusal = match host.as_deref() {
        _ if world.state().proxy_login => Some("407 Proxy Authentication Required"),
        Some(host) if world.state().is_down(host) => Some("502 Bad Gateway"),
        Some(host)
            if is_vault(host) || is_entra(host) || pipeline::is_pipeline(host) || host == partner_center::HOST =>
        {
            None
        }
        _ => Some("403 Forbidden"),
    };
    if let Some(refusal) = refusal {
        return stream.write_all(format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
    }
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let host = host.unwrap_or_default();
    let wrong = world.state().certificates.get(&host).copied();
    let config = match wrong {
        Some(wrong) => tls::server_config(authority, Some(wrong)).ok_or_else(|| io::Error::other("no TLS"))?,
        None => usual,
    };
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let service = service_fn(move |request| answer(Arc::clone(&world), host.clone(), request));
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

/// The host of a CONNECT request, without its port.
async fn connect_host(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        head.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.split_whitespace();
    let host = (words.next() == Some("CONNECT")).then(|| words.next()).flatten();
    Ok(host.and_then(|target| target.strip_suffix(":443")).map(str::to_ascii_lowercase))
}

/// The receiver of alerts, as faults and the journal call it.
pub(crate) const RECEIVER: &str = "receiver";

/// Serves without TLS what listens on this machine.
pub(crate) async fn serve_plain(listener: TcpListener, host: &'static str, world: Arc<World>) {
    while let Ok((stream, _)) = listener.accept().await {
        let world = Arc::clone(&world);
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request| answer(Arc::clone(&world), host.to_owned(), request));
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A mail server that takes nothing (RFC 5321 section 3.1).
pub(crate) async fn serve_mail(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.write_all(b"554 No mail is taken here\r\n").await;
    }
}

/// Answers one request, with the faults that strike it. An error makes the server drop the connection.
async fn answer(world: Arc<World>, host: String, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let ask = read(host, request).await?;
    let route = Route::of(&ask);
    let index = world.journal().begin(&ask, route);
    if let Some(fault) = struck(&world, &ask, route, Phase::Before) {
        return spoil(&world, index, fault, || handle(&world, &ask)).await;
    }
    let reply = handle(&world, &ask);
    if let Some(fault) = struck(&world, &ask, route, Phase::After) {
        return spoil(&world, index, fault, || reply).await;
    }
    world.journal().end(index, reply.status);
    Ok(respond(&reply))
}

fn struck(world: &World, ask: &Ask, route: Route, phase: Phase) -> Option<Fault> {
    let challenged = is_vault(&ask.host) && ask.header("authorization").is_none();
    let mut rules = world.rules();
    let mut struck = rules.iter_mut().filter(|rule| rule.phase == phase);
    struck.find_map(|rule| rule.strikes(ask, route, challenged).then(|| rule.fault.clone()))
}

fn handle(world: &World, ask: &Ask) -> Reply {
    let mut state = world.state();
    match ask.host.as_str() {
        "identity" => identity::answer(&mut state, ask),
        RECEIVER => receive(&mut state, ask),
        host if is_vault(host) => vault::answer(&mut state, ask),
        partner_center::HOST => partner_center::answer(&mut state, ask),
        host if pipeline::is_pipeline(host) => pipeline::answer(&mut state, ask),
        _ => entra::answer(&mut state, ask),
    }
}

/// Takes whatever it is sent.
fn receive(state: &mut State, ask: &Ask) -> Reply {
    let headers = ask.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    let body = String::from_utf8_lossy(&ask.body).into_owned();
    state.received.push(Received { path: ask.path.clone(), headers, body });
    Reply::text(200, "text/plain", "ok")
}

async fn spoil(
    world: &World,
    index: usize,
    fault: Fault,
    reply: impl FnOnce() -> Reply,
) -> Result<Response<Body>, io::Error> {
    let broken = || io::Error::new(io::ErrorKind::ConnectionReset, "a fault of the sandbox");
    match fault {
        Fault::Answer { status, headers, content_type, body } => {
            world.journal().end(index, status);
            let mut reply = Reply::text(status, &content_type, &body);
            reply.headers.extend(headers);
            Ok(respond(&reply))
        }
        Fault::Reset => Err(broken()),
        Fault::Hang => std::future::pending().await,
        Fault::Signal(sender) => {
            let _ = sender.send(index);
            std::future::pending().await
        }
        Fault::Pause(sender) => {
            let (resume, resumed) = tokio::sync::oneshot::channel();
            let _ = sender.send(resume);
            let _ = resumed.await;
            Ok(finish(world, index, &reply()))
        }
        Fault::Late(time) => {
            tokio::time::sleep(time).await;
            Ok(finish(world, index, &reply()))
        }
        Fault::Half => {
            let mut reply = reply();
            reply.body.truncate(reply.body.len() / 2);
            Ok(finish(world, index, &reply))
        }
        Fault::Cut => Ok(cut(&reply())),
        Fault::Label(content_type) => {
            let mut reply = reply();
            reply.headers.retain(|(name, _)| name != "Content-Type");
            Ok(finish(world, index, &reply.with("Content-Type", content_type)))
        }
        Fault::Flood => {
            let flood = Reply { body: vec![b' '; 10 * 1024 * 1024], ..reply() };
            Ok(finish(world, index, &flood))
        }
        Fault::Garble { from, to } => {
            let mut reply = reply();
            reply.body = String::from_utf8_lossy(&reply.body).replace(&from, &to).into_bytes();
            Ok(finish(world, index, &reply))
        }
    }
}

fn finish(world: &World, index: usize, reply: &Reply) -> Response<Body> {
    world.journal().end(index, reply.status);
    respond(reply)
}

async fn read(host: String, request: Request<Incoming>) -> Result<Ask, io::Error> {
    let (parts, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    Ok(Ask {
        method: parts.method.to_string(),
        host,
        path: parts.uri.path().to_owned(),
        query: query.into_owned().collect(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec(),
    })
}

fn respond(reply: &Reply) -> Response<Body> {
    let body = Full::new(Bytes::from(reply.body.clone())).map_err(|never: Infallible| match never {}).boxed();
    with_head(reply, body)
}

/// Announces the whole body, sends half of it, and breaks.
fn cut(reply: &Reply) -> Response<Body> {
    let half = Bytes::from(reply.body[..reply.body.len() / 2].to_vec());
    let error = io::Error::new(io::ErrorKind::ConnectionReset, "a fault of the sandbox");
    let frames = futures::stream::iter([Ok(Frame::data(half)), Err(error)]);
    let length = reply.body.len();
    let mut response = with_head(reply, StreamBody::new(frames).boxed());
    response.headers_mut().insert(hyper::header::CONTENT_LENGTH, length.into());
    response
}

fn with_head(reply: &Reply, body: Body) -> Response<Body> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_else(|_| Response::new(Full::default().map_err(|never| match never {}).boxed()))
}
