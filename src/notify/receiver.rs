//! Each receiver's own form of a digest.

use super::digest::Digest;
use super::message::Message;
use super::{alertmanager, command, email, pager_duty, slack, teams, webhook};
use crate::model::receiver::ReceiverKind;
use crate::secret::{ClientSecret, ReceiverAddress};

/// What of a receiver's configuration is secret, fetched.
#[derive(Debug, Default)]
pub struct Opened {
    pub url: Option<ReceiverAddress>,
    pub key: Option<ClientSecret>,
}

/// The messages that tell a receiver of a digest, and how many of its notices found room in them, from the first on. Nothing is decided
/// here: the digest holds what is for this receiver.
#[must_use]
pub fn messages(kind: &ReceiverKind, digest: &Digest, opened: Opened) -> (Vec<Message>, usize) {
    let Opened { url, key } = opened;
    let url = url.unwrap_or_else(|| ReceiverAddress::new(String::new()));
    let one = |(message, shown)| (vec![message], shown);
    let all = |messages| (messages, digest.notices.len());
    match kind {
        ReceiverKind::Webhook { .. } => all(vec![webhook::message(digest, url, key.as_ref())]),
        ReceiverKind::Teams { .. } => one(teams::message(digest, url)),
        ReceiverKind::Slack { .. } => one(slack::message(digest, url)),
        ReceiverKind::PagerDuty { url, .. } => all(pager_duty::messages(digest, url, key.as_ref())),
        ReceiverKind::Alertmanager { .. } => all(vec![alertmanager::message(digest, &url)]),
        ReceiverKind::Email(email) => one(email::message(digest, email, key)),
        ReceiverKind::Command { words } => all(vec![command::message(digest, words)]),
    }
}
