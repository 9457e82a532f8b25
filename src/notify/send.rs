//! Sends messages: the one place that talks to receivers.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, MessageId};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use reqwest::Client;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::message::{Mail, Message, Post};
use crate::model::failure::Cause;
use crate::model::kind::Kind;
use crate::model::receiver::MailSecurity;
use crate::ports::Notifier;
use crate::wire::{answer, network, retry};

/// Receivers over the network, and programs on this machine.
#[derive(Debug)]
pub struct Sender {
    pub client: Client,
    /// For receivers on this machine, which may be spoken to by http.
    pub local: Client,
    /// Roots that are trusted besides the system's, in PEM.
    pub roots: Option<Vec<u8>>,
}

#[async_trait]
impl Notifier for Sender {
    async fn send(&self, message: &Message) -> Result<(), Cause> {
        match message {
            Message::Post(post) => retry::within_try("the receiver", self.post(post)).await,
            Message::Mail(mail) => retry::within_try(&mail.server.host, self.mail(mail)).await,
            Message::Input { words, text } => input(words, text).await,
        }
    }
}

impl Sender {
    async fn post(&self, post: &Post) -> Result<(), Cause> {
        let url = url::Url::parse(post.url.expose());
        let url =
            url.map_err(|_| Cause::new(Kind::NotifyAddress, "what is stored as the receiver's address is none"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let client = match url.scheme() {
            "https" => &self.client,
            "http" if crate::model::name::is_loopback(&url) => &self.local,
            _ => return Err(Cause::new(Kind::NotifyAddress, format!("{host}: http is for this machine alone"))),
        };
        let broken = |error: reqwest::Error| network::cause(&host, &error.without_url());
        let mut request = client.post(url).body(post.body.clone());
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.map_err(broken)?;
        let (status, retry_after) = (response.status().as_u16(), answer::retry_after(&response));
        // What it says may repeat what it was sent.
        let kind = match status {
            200..=299 => return Ok(()),
            408 | 429 | 500..=599 => Kind::NotifyUnavailable,
            _ => Kind::NotifyRefused,
        };
        let cause = Cause::new(kind, format!("{host} answered HTTP {status}"));
        Err(Cause { code: Some(status.to_string()), retry_after, ..cause })
    }

    async fn mail(&self, mail: &Mail) -> Result<(), Cause> {
        let host = mail.server.host.as_str();
        let unusable = |error: &dyn std::fmt::Display| Cause::new(Kind::NotifyMail, format!("{host}: {error}"));
        let mut tls = TlsParameters::builder(host.to_owned());
        for root in self.roots.iter().flat_map(|pem| Certificate::from_pem(pem)) {
            tls = tls.add_root_certificate(root);
        }
        let tls = tls.build_rustls().map_err(|error| unusable(&error))?;
        let tls = match mail.server.security {
            MailSecurity::Tls => Tls::Wrapper(tls),
            MailSecurity::StartTls => Tls::Required(tls),
        };
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(mail.server.port).tls(tls);
        if let Some((user, password)) = &mail.login {
            transport = transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        let message = built(mail).map_err(|error| unusable(&error))?;
        match transport.build().send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(unusable(&error)),
            Err(error) => Err(Cause::new(Kind::NotifyUnavailable, format!("{host}: {error}"))),
        }
    }
}

fn built(mail: &Mail) -> Result<lettre::Message, String> {
    let address = |text: &String| text.parse::<Mailbox>().map_err(|error| error.to_string());
    let id = format!("<{}@rotator>", mail.id);
    let mut message =
        lettre::Message::builder().from(address(&mail.from)?).subject(&mail.subject).header(MessageId::from(id));
    for to in &mail.to {
        message = message.to(address(to)?);
    }
    message.header(ContentType::TEXT_PLAIN).body(mail.text.clone()).map_err(|error| error.to_string())
}

/// A program has this long.
const PATIENCE: Duration = Duration::from_secs(20);

async fn input(words: &[String], text: &str) -> Result<(), Cause> {
    let [program, arguments @ ..] = words else { return Ok(()) };
    let failed = |what: String| Cause::new(Kind::NotifyCommand, format!("{program}: {what}"));
    let ran = async {
        let mut command = Command::new(program);
        // stdout is for data of this program's own.
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that reads nothing is judged by its exit code.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
    };
    let late = |_| failed(format!("did not end within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, ran).await.map_err(late)?
}
