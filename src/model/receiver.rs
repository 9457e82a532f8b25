//! Who is told, and how they are reached.

use url::Url;

use crate::model::alert::Severity;
use crate::model::credential::SecretSource;

/// One `[[notify]]` table.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its name in reports and logs.
    pub name: String,
    pub min_severity: Severity,
    /// Names of tokens, of which `*` stands for any part; none means all.
    pub tokens: Vec<String>,
    pub kind: ReceiverKind,
}

#[derive(Debug, Clone)]
pub enum ReceiverKind {
    /// CloudEvents 1.0, signed after the Standard Webhooks specification where there is a key.
    Webhook {
        url: Address,
        signing_key: Option<SecretSource>,
    },
    /// A Teams workflow that posts what it receives.
    Teams {
        url: Address,
    },
    /// An incoming webhook of Slack.
    Slack {
        url: Address,
    },
    /// Events API v2.
    PagerDuty {
        url: Url,
        routing_key: SecretSource,
    },
    /// The API v2 of Prometheus' Alertmanager.
    Alertmanager {
        url: Address,
    },
    Email(Email),
    /// A program that gets JSON on its stdin.
    Command {
        words: Vec<String>,
    },
}

impl ReceiverKind {
    /// The word for it in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Teams { .. } => "teams",
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Email(_) => "email",
            Self::Command { .. } => "command",
        }
    }

    /// Whether it keeps the state of each token by itself, and so is told of all that stands in every run.
    #[must_use]
    pub const fn keeps_state(&self) -> bool {
        matches!(self, Self::PagerDuty { .. } | Self::Alertmanager { .. })
    }
}

/// An address that may be a secret by itself.
#[derive(Clone)]
pub enum Address {
    Plain(Url),
    Secret(SecretSource),
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // The path of a webhook is as good as a password.
            Self::Plain(url) => write!(f, "Plain({})", url.host_str().unwrap_or_default()),
            Self::Secret(source) => f.debug_tuple("Secret").field(source).finish(),
        }
    }
}

/// A mail server, and who writes to whom.
#[derive(Debug, Clone)]
pub struct Email {
    pub server: MailServer,
    pub username: Option<String>,
    pub password: Option<SecretSource>,
    pub from: String,
    pub to: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// TLS before anything is sent (`smtp://`): a server that does not offer it is not used.
    StartTls,
}

/// Who is told that the job runs at all.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub url: Address,
}
