//! The door to values that the configuration only points at.

use std::io;
use std::path::Path;

/// The value of an environment variable, if it is set and is text.
#[must_use]
pub fn env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the door to the environment")]
    std::env::var(name).ok()
}

/// The text of a file.
///
/// # Errors
/// The system's.
pub fn file(path: &Path) -> io::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the door to files")]
    std::fs::read_to_string(path)
}
