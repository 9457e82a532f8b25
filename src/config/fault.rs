//! What is wrong with a configuration, where, and how it is put right.

use std::fmt;
use std::ops::Range;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `rotator.toml:12:1`, or the flag.
    pub place: String,
    pub message: String,
    pub fix: String,
    /// For the order of the report.
    pub(super) at: usize,
}

/// All faults of a configuration, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{}: {}\n    fix: {}", fault.place, fault.message, fault.fix)?;
        }
        let count = self.0.len();
        write!(
            f,
            "{count} fault{} in the configuration; nothing was sent or changed",
            if count == 1 { "" } else { "s" }
        )
    }
}

impl std::error::Error for Faults {}

/// The steps to a value: keys, and indices as digits.
pub(super) type Path = Vec<String>;

pub(super) fn path(steps: &[&str]) -> Path {
    steps.iter().map(|step| (*step).to_owned()).collect()
}

/// A value as a message may show it: not one long enough to be a secret that was pasted into the wrong place.
pub(super) fn shown(value: &str) -> String {
    const SHORTER_THAN_ANY_SECRET: usize = 24;
    if value.len() <= SHORTER_THAN_ANY_SECRET { format!("`{}`", value.escape_default()) } else { "this".to_owned() }
}

/// Line and column, from 1, of a place in a text.
pub(super) fn line_and_column(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
