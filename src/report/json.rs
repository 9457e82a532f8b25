//! The report as one JSON document.

use crate::report::Report;

pub(super) fn render(report: &Report) -> String {
    // Strings, numbers and maps with text keys: there is nothing in a report that JSON cannot hold.
    let mut text = serde_json::to_string(report).unwrap_or_default();
    text.push('\n');
    text
}
