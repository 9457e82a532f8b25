//! The log of all requests.

use super::http::Ask;
use super::route::Route;

/// One request and how it was answered.
#[derive(Debug, Clone)]
pub struct Entry {
    pub route: Route,
    pub host: String,
    /// `GET /secrets/contoso/versions`, without the query.
    pub line: String,
    /// The answer's status; 0 while there is none.
    pub status: u16,
}

/// All requests in the order they came.
#[derive(Debug, Default)]
pub struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Each request as `METHOD path status`, version ids replaced by `{version}`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.entries.iter().map(|entry| format!("{} {}", plain(&entry.line), entry.status)).collect()
    }

    pub(crate) fn begin(&mut self, ask: &Ask, route: Route) -> usize {
        let line = format!("{} {}", ask.method, ask.path);
        self.entries.push(Entry { route, host: ask.host.clone(), line, status: 0 });
        self.entries.len() - 1
    }

    pub(crate) fn end(&mut self, index: usize, status: u16) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.status = status;
        }
    }
}

fn plain(line: &str) -> String {
    let version = |part: &str| part.len() == 32 && part.chars().all(|c| c.is_ascii_hexdigit());
    let parts: Vec<&str> = line.split('/').map(|part| if version(part) { "{version}" } else { part }).collect();
    parts.join("/")
}
