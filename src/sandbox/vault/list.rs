//! Lists, page by page.

use serde_json::{Value, json};

use super::answer::{deletion_members, live, properties, refuse};
use super::store::{Vault, Version};
use crate::sandbox::http::{Ask, Reply};

const PAGE: usize = 25;

/// Versions come in the order of their ids; those of a secret that does not exist are none.
pub(super) fn versions(vault: &mut Vault, ask: &Ask, host: &str, name: &str) -> Reply {
    let empty_pages = vault.empty_pages;
    let items = match live(vault, name) {
        Ok(secret) => {
            let mut versions: Vec<&Version> = secret.versions.iter().collect();
            versions.sort_by(|a, b| a.id.cmp(&b.id));
            let id = |version: &Version| format!("https://{host}/secrets/{}/{}", secret.name, version.id);
            versions.into_iter().map(|version| Value::Object(properties(&id(version), version))).collect()
        }
        Err(_) => Vec::new(),
    };
    page(ask, host, items, empty_pages)
}

/// Secrets in the order of their names, with what their newest version says and no version in the id.
pub(super) fn secrets(vault: &Vault, ask: &Ask, host: &str, deleted: bool) -> Reply {
    let items = vault.secrets.values().filter(|secret| secret.deleted.is_some() == deleted).filter_map(|secret| {
        let mut item = properties(&format!("https://{host}/secrets/{}", secret.name), secret.versions.last()?);
        if let Some(deletion) = &secret.deleted {
            item.extend(deletion_members(host, &secret.name, deletion));
        }
        Some(Value::Object(item))
    });
    page(ask, host, items.collect(), vault.empty_pages)
}

fn page(ask: &Ask, host: &str, items: Vec<Value>, empty_pages: bool) -> Reply {
    let most = ask.query("maxresults").and_then(|text| text.parse().ok()).unwrap_or(PAGE);
    if !(1..=PAGE).contains(&most) {
        return refuse(400, "BadParameter", None, "invalid maxresults");
    }
    // The token of the next page: where it begins, and whether the empty page before it was sent.
    let token = ask.query("$skiptoken").unwrap_or("0-");
    let (start, sent) = token.split_once('-').unwrap_or((token, ""));
    let start: usize = start.parse().unwrap_or(0);
    let empty = empty_pages && sent.is_empty();
    let end = if empty { start } else { (start + most).min(items.len()) };
    // A list of secrets that ends with a full page leads on to an empty one; a list of versions does not.
    let more = if ask.path.ends_with("/versions") { end < items.len() } else { end - start == most };
    let next = (empty || more).then(|| {
        let asked = ask.query("maxresults").map(|most| format!("&maxresults={most}")).unwrap_or_default();
        let version = ask.query("api-version").unwrap_or_default();
        let token = format!("{end}-{}", if empty { "e" } else { "" });
        format!("https://{host}:443{}?api-version={version}&$skiptoken={token}{asked}", ask.path)
    });
    let value: Vec<Value> = items.into_iter().skip(start).take(end - start).collect();
    Reply::json(200, &json!({ "value": value, "nextLink": next }))
}
