//! The tables of receivers and of the heartbeat, as they stand in the file.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use crate::config::table::ReferenceTable;
use crate::model::alert::Severity;

/// Somebody who is told when a token needs a person.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NotifyTable {
    /// How it is told.
    #[serde(rename = "type")]
    pub kind: Option<NotifyKind>,
    /// Its name in reports and logs; the type if absent.
    pub name: Option<String>,
    /// What is less urgent is not told: `"info"`, `"warning"` (if absent) or `"critical"`.
    pub min_severity: Option<Severity>,
    /// Names of tokens, of which `*` stands for any part; all if absent.
    pub tokens: Option<Vec<String>>,
    /// The address: https, or http on this machine. It may be a secret by itself.
    pub url: Option<Place>,
    /// With `webhook`: the key that signs what is sent, after standardwebhooks.com.
    pub signing_key: Option<ReferenceTable>,
    /// With `pagerduty`: the integration key of the service.
    pub routing_key: Option<ReferenceTable>,
    /// With `email`: the mail server, `smtps://` for TLS at once, `smtp://` for STARTTLS.
    pub smtp: Option<String>,
    /// With `email`: the user that signs in to the mail server.
    pub username: Option<String>,
    pub password: Option<ReferenceTable>,
    /// With `email`: who writes.
    pub from: Option<String>,
    /// With `email`: who is written to.
    pub to: Option<Vec<String>>,
    /// With `command`: a program and its arguments. It gets JSON on its stdin.
    pub command: Option<Vec<String>>,
}

/// How a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NotifyKind {
    /// `CloudEvents` over HTTPS
    Webhook,
    /// A workflow of Microsoft Teams
    Teams,
    /// An incoming webhook of Slack
    Slack,
    /// Events API v2
    Pagerduty,
    /// Prometheus' Alertmanager
    Alertmanager,
    /// Mail by SMTP
    Email,
    /// A program on this machine
    Command,
}

impl NotifyKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Teams => "teams",
            Self::Slack => "slack",
            Self::Pagerduty => "pagerduty",
            Self::Alertmanager => "alertmanager",
            Self::Email => "email",
            Self::Command => "command",
        }
    }
}

/// Who is told that the job runs: the address of a check at healthchecks.io, or of anything that speaks its way. Runs over all tokens
/// ping it, those of `--only` do not.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HeartbeatTable {
    pub url: Option<Place>,
}

/// An address, or where it is kept.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Place {
    Plain(String),
    Reference(ReferenceTable),
}

/// By hand, since an untagged enum would hide what is wrong inside the table.
impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Place;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a table with `vault_secret`, `env` or `file`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Place::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                ReferenceTable::deserialize(MapAccessDeserializer::new(map)).map(Place::Reference)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
