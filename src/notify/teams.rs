//! Teams: an Adaptive Card to a workflow that posts it
//! (learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using).

use serde_json::{Value, json};

use super::digest::{Digest, Fact, Notice};
use super::message::{Message, Post};
use super::words;
use crate::model::alert::Severity;
use crate::secret::ReceiverAddress;

/// Teams is said to take 28 KB; that is not in Microsoft's own pages, so there is room to it.
const LONGEST: usize = 24 * 1024;
/// A long name or purpose is no reason to lose the rest.
const LONGEST_TEXT: usize = 600;

pub(super) fn message(digest: &Digest, url: ReceiverAddress) -> (Message, usize) {
    let mut body = vec![json!({
        "type": "TextBlock", "text": words::title(digest), "size": "Large", "weight": "Bolder", "wrap": true,
    })];
    let (mut length, mut shown) = (0, 0);
    for notice in &digest.notices {
        let item = item(notice);
        length += item.to_string().len();
        if length > LONGEST {
            break;
        }
        body.push(item);
        shown += 1;
    }
    if digest.notices.len() > shown {
        body.push(text_block(&words::more(digest.notices.len() - shown), "Default"));
    }
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "msteams": { "width": "Full" }, "body": body,
    });
    let attachment =
        json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card });
    let body = json!({ "type": "message", "attachments": [attachment] });
    (Message::Post(Post::json(url, body.to_string())), shown)
}

fn item(notice: &Notice) -> Value {
    let (style, colour) = match notice.severity() {
        _ if notice.is_over() => ("good", "Good"),
        Severity::Critical => ("attention", "Attention"),
        Severity::Warning => ("warning", "Warning"),
        Severity::Info => ("default", "Default"),
    };
    let mut items = Vec::new();
    if notice.is_over() {
        items.push(text_block(&words::over(notice), colour));
    } else if !notice.news_of_ends().is_empty() {
        items.push(text_block(&words::eased(notice), "Good"));
    }
    for Fact { condition, since, .. } in &notice.facts {
        items.push(text_block(&format!("{}: {}", words::name(&notice.subject), condition.what), colour));
        items.push(text_block(
            &format!("→ {} ({}, {})", condition.fix, condition.code, words::since(*since)),
            "Default",
        ));
    }
    let facts: Vec<Value> = words::circumstances(notice)
        .into_iter()
        .map(|(title, value)| json!({ "title": title, "value": plain(&value) }))
        .collect();
    items.push(json!({ "type": "FactSet", "facts": facts }));
    json!({ "type": "Container", "style": style, "items": items, "separator": true })
}

fn text_block(text: &str, colour: &str) -> Value {
    json!({ "type": "TextBlock", "text": plain(text), "color": colour, "wrap": true })
}

/// A card reads a part of Markdown, which a name must not be taken for.
fn plain(text: &str) -> String {
    let text = words::cut(text, LONGEST_TEXT);
    text.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '*' | '_' | '[' | ']' | '`' | '\\' | '#') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
