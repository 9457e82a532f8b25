//! What became of customers, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::model::customer::{Customer, Tried};
use crate::model::target::Target;

/// One line for each customer.
#[must_use]
pub fn list(customers: &[Customer]) -> String {
    customers.iter().fold(String::new(), |mut text, Customer { id, name, domain }| {
        let _ = writeln!(text, "{id}  {domain:32}  {name}");
        text
    })
}

#[must_use]
pub fn list_document(customers: &[Customer]) -> Value {
    json!({ "customers": customers })
}

#[must_use]
pub fn counted(customers: usize) -> String {
    if customers == 1 { "1 customer".to_owned() } else { format!("{customers} customers") }
}

#[must_use]
pub fn text(target: &Target, all: &[Tried]) -> String {
    let mut text = String::new();
    for tried in all {
        let Customer { id, name, domain } = &tried.customer;
        let _ = writeln!(text, "{:10} {id}  {}", tried.as_str(), if name.is_empty() { domain } else { name });
        if let Some(failure) = tried.failure() {
            let _ = writeln!(text, "  {}: {}\n  → {}", failure.cause.kind.slug(), failure.cause, failure.hint(target));
        }
    }
    let count = |word: &str| all.iter().filter(|tried| tried.as_str() == word).count();
    let words = ["consented", "present", "revoked", "absent", "failed", "untried"];
    let told: Vec<String> =
        words.iter().filter(|word| count(word) > 0).map(|word| format!("{} {word}", count(word))).collect();
    let _ = writeln!(text, "\n{}: {}", counted(all.len()), told.join(", "));
    if count("present") > 0 {
        text.push_str("present: it was there; grants that were changed since then take effect by --renew\n");
    }
    if count("untried") > 0 {
        text.push_str("untried: the time was over; the same command goes on where nothing is to be renewed\n");
    }
    text
}

#[must_use]
pub fn document(target: &Target, all: &[Tried]) -> Value {
    let row = |tried: &Tried| {
        let Customer { id, name, domain } = &tried.customer;
        let failure = tried.failure().map(|failure| {
            let cause = &failure.cause;
            json!({
                "kind": cause.kind.slug(), "message": cause.message, "code": cause.code,
                "remedy": failure.remedy().as_str(), "hint": failure.hint(target), "correlation_id": cause.correlation_id,
            })
        });
        json!({ "id": id, "name": name, "domain": domain, "outcome": tried.as_str(), "failure": failure })
    };
    json!({ "customers": all.iter().map(row).collect::<Vec<_>>() })
}
