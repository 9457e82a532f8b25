//! Tells each receiver what is for it. One that is down hides no other.

use futures::future::join_all;

use super::digest::Digest;
use super::filter;
use super::message::Message;
use super::receiver::{self, Opened};
use crate::credential::secret::{self, Vaults};
use crate::model::credential::SecretSource;
use crate::model::failure::Cause;
use crate::model::kind::{Kind, Remedy};
use crate::model::receiver::{Address, Receiver, ReceiverKind};
use crate::ports::Notifier;
use crate::secret::{ClientSecret, ReceiverAddress};
use crate::wire::deadline::Deadline;
use crate::wire::retry;

/// What became of telling one receiver.
#[derive(Debug)]
pub struct Told {
    pub receiver: String,
    /// How many messages it took.
    pub messages: usize,
    pub result: Result<(), Cause>,
}

/// Tells all receivers at once. Those that there is nothing to tell are not in the result.
pub async fn all(
    receivers: &[Receiver],
    digest: &Digest,
    notifier: &dyn Notifier,
    vaults: &Vaults,
    deadline: &Deadline,
) -> Vec<Told> {
    let one = |receiver| one(receiver, digest, notifier, vaults, deadline);
    join_all(receivers.iter().map(one)).await.into_iter().flatten().collect()
}

async fn one(
    receiver: &Receiver,
    digest: &Digest,
    notifier: &dyn Notifier,
    vaults: &Vaults,
    deadline: &Deadline,
) -> Option<Told> {
    let digest = filter::of(receiver, digest)?;
    let sent = async {
        let opened = open(&receiver.kind, vaults).await?;
        let messages = receiver::messages(&receiver.kind, &digest, opened);
        for message in &messages {
            send(notifier, message, deadline).await?;
        }
        Ok(messages.len())
    };
    let result: Result<usize, Cause> = sent.await;
    if let Err(cause) = &result {
        tracing::error!(
            event = "notify.failed",
            receiver = receiver.name,
            kind = cause.kind.slug(),
            hint = hint(cause),
            "a receiver was not told: {cause}"
        );
    }
    let messages = result.as_ref().copied().unwrap_or_default();
    Some(Told { receiver: receiver.name.clone(), messages, result: result.map(drop) })
}

/// What is to be done about a receiver that was not told.
#[must_use]
pub const fn hint(cause: &Cause) -> &'static str {
    match cause.kind.remedy() {
        // That of the kind speaks of tokens.
        Remedy::Retry => Kind::NotifyUnavailable.hint(),
        _ => cause.kind.hint(),
    }
}

/// Sends one message as often as makes sense. Receivers know a repetition by its id.
///
/// # Errors
/// Why the receiver did not take it.
pub async fn send(notifier: &dyn Notifier, message: &Message, deadline: &Deadline) -> Result<(), Cause> {
    retry::repeat(deadline, || notifier.send(message)).await
}

/// What of a receiver is secret.
///
/// # Errors
/// Why it cannot be fetched.
pub async fn open(kind: &ReceiverKind, vaults: &Vaults) -> Result<Opened, Cause> {
    let (url, key) = match kind {
        ReceiverKind::Webhook { url, signing_key } => (Some(url), signing_key.as_ref()),
        ReceiverKind::Teams { url } | ReceiverKind::Slack { url } | ReceiverKind::Alertmanager { url } => {
            (Some(url), None)
        }
        ReceiverKind::PagerDuty { routing_key, .. } => (None, Some(routing_key)),
        ReceiverKind::Email(email) => (None, email.password.as_ref()),
        ReceiverKind::Command { .. } => (None, None),
    };
    let url = match url {
        Some(url) => Some(address(url, vaults).await?),
        None => None,
    };
    let key = match key {
        Some(source) => Some(fetched(source, vaults).await?),
        None => None,
    };
    Ok(Opened { url, key })
}

/// The address of a receiver.
///
/// # Errors
/// Why it cannot be fetched.
pub async fn address(address: &Address, vaults: &Vaults) -> Result<ReceiverAddress, Cause> {
    match address {
        Address::Plain(url) => Ok(ReceiverAddress::new(url.to_string())),
        Address::Secret(source) => Ok(ReceiverAddress::new(fetched(source, vaults).await?.expose().to_owned())),
    }
}

async fn fetched(source: &SecretSource, vaults: &Vaults) -> Result<ClientSecret, Cause> {
    let (value, _) = secret::fetch("the receiver's secret", source, vaults).await?;
    Ok(ClientSecret::from(value))
}
