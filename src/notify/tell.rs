//! Tells each receiver what is for it. One that is down hides no other.

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};

use super::digest::{Digest, Notice};
use super::filter;
use super::message::Message;
use super::missed::Missed;
use super::receiver::{self, Opened};
use crate::credential::secret::{self, Vaults};
use crate::model::credential::SecretSource;
use crate::model::failure::Cause;
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
    /// What found room in them.
    pub heard: Vec<Notice>,
    pub result: Result<(), Missed>,
}

/// So many messages are on their way to one receiver at once.
const AT_ONCE: usize = 16;

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
    let mut digest = filter::of(receiver, digest)?;
    let (messages, shown, result) = match open(&receiver.kind, vaults, deadline).await {
        Ok(opened) => {
            let (messages, shown) = receiver::messages(&receiver.kind, &digest, opened);
            let (taken, result) = sent(&messages, notifier, deadline).await;
            (taken, shown, result)
        }
        Err(missed) => (0, 0, Err(missed)),
    };
    if let Err(Missed { cause, hint }) = &result {
        tracing::error!(
            event = "notify.failed",
            receiver = receiver.name,
            kind = cause.kind.slug(),
            hint,
            "a receiver was not told: {cause}"
        );
    }
    digest.notices.truncate(shown);
    Some(Told { receiver: receiver.name.clone(), messages, heard: digest.notices, result })
}

/// How many were taken, and the first refusal. One that is refused keeps none of the others back.
async fn sent(messages: &[Message], notifier: &dyn Notifier, deadline: &Deadline) -> (usize, Result<(), Missed>) {
    let sending = messages.iter().map(|message| send(notifier, message, deadline));
    let results: Vec<Result<(), Cause>> = stream::iter(sending).buffered(AT_ONCE).collect().await;
    let taken = results.iter().filter(|result| result.is_ok()).count();
    (taken, results.into_iter().collect::<Result<(), Cause>>().map_err(Missed::from))
}

/// Sends one message as often as makes sense. Receivers know a repetition by its id.
///
/// # Errors
/// Why the receiver did not take it.
pub async fn send(notifier: &dyn Notifier, message: &Message, deadline: &Deadline) -> Result<(), Cause> {
    retry::repeat(deadline, || notifier.send(message)).await
}

/// What of a receiver is secret.
async fn open(kind: &ReceiverKind, vaults: &Vaults, deadline: &Deadline) -> Result<Opened, Missed> {
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
        Some(url) => Some(address(url, vaults, deadline).await?),
        None => None,
    };
    let key = match key {
        Some(source) => Some(fetched(source, vaults, deadline).await?),
        None => None,
    };
    Ok(Opened { url, key })
}

/// The address of a receiver.
///
/// # Errors
/// Why it cannot be fetched.
pub async fn address(address: &Address, vaults: &Vaults, deadline: &Deadline) -> Result<ReceiverAddress, Missed> {
    match address {
        Address::Plain(url) => Ok(ReceiverAddress::new(url.to_string())),
        Address::Secret(source) => {
            Ok(ReceiverAddress::new(fetched(source, vaults, deadline).await?.expose().to_owned()))
        }
    }
}

async fn fetched(source: &SecretSource, vaults: &Vaults, deadline: &Deadline) -> Result<ClientSecret, Missed> {
    let fetched = deadline.bound(secret::fetch("the receiver's secret", source, vaults)).await;
    let fetched = fetched.and_then(|fetched| fetched).map_err(|cause| Missed::of_secret(cause, source))?;
    Ok(ClientSecret::from(fetched.0))
}
