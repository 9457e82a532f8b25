//! Slack's incoming webhooks (docs.slack.dev/reference/block-kit): a text for the notification and blocks for the message.

use serde_json::{Value, json};

use super::digest::{Digest, Notice};
use super::message::{Message, Post};
use super::words;
use crate::model::alert::Severity;
use crate::secret::ReceiverAddress;

/// A message has at most fifty blocks, and the text of one at most three thousand characters.
const MOST_BLOCKS: usize = 50;
const LONGEST: usize = 3_000;

pub(super) fn message(digest: &Digest, url: ReceiverAddress) -> (Message, usize) {
    let title = words::title(digest);
    let mut blocks =
        vec![json!({ "type": "header", "text": { "type": "plain_text", "text": words::cut(&title, 150) } })];
    // One block is kept for what is left out.
    let shown = digest.notices.len().min(MOST_BLOCKS - blocks.len() - 1);
    blocks.extend(digest.notices[..shown].iter().map(block));
    if digest.notices.len() > shown {
        blocks.push(section(&words::more(digest.notices.len() - shown)));
    }
    (Message::Post(Post::json(url, json!({ "text": title, "blocks": blocks }).to_string())), shown)
}

fn block(notice: &Notice) -> Value {
    let mark = match notice.severity() {
        _ if notice.is_over() => ":white_check_mark:",
        Severity::Critical => ":rotating_light:",
        Severity::Warning => ":warning:",
        Severity::Info => ":information_source:",
    };
    section(&format!("{mark} {}", escaped(&words::text(notice))))
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": words::cut(text, LONGEST) } })
}

/// Three characters steer Slack's own markup (docs.slack.dev/messaging/formatting-message-text).
fn escaped(text: &str) -> String {
    text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
