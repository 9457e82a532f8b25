//! A program of one's own: it gets on its stdin what a webhook would get.

use super::digest::Digest;
use super::message::Message;
use super::webhook;

pub(super) fn message(digest: &Digest, words: &[String]) -> Message {
    Message::Input { words: words.to_vec(), text: format!("{}\n", webhook::event(digest)) }
}
