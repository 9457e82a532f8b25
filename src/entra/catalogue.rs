//! The catalogue of Entra ID's error codes, kept as data in `aadsts.toml`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::model::kind::Kind;

/// What one AADSTS code means.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub code: u32,
    pub kind: Kind,
    /// The meaning in one sentence.
    pub cause: &'static str,
    /// A more particular fix than the kind's.
    pub fix: Option<&'static str>,
}

const SOURCE: &str = include_str!("aadsts.toml");

#[derive(Deserialize)]
struct Catalogue<'a> {
    #[serde(borrow)]
    class: Vec<Class<'a>>,
}

/// Rows of one kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class<'a> {
    kind: &'a str,
    #[serde(borrow)]
    rows: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    code: u32,
    cause: &'a str,
    fix: Option<&'a str>,
}

/// The row of a code, if it is known.
#[must_use]
pub fn row(code: u32) -> Option<Row> {
    static ROWS: OnceLock<HashMap<u32, Row>> = OnceLock::new();
    ROWS.get_or_init(|| rows().into_iter().map(|row| (row.code, row)).collect()).get(&code).copied()
}

/// All rows in the order of the file. An entry that cannot be read is left out, which a test excludes.
#[must_use]
pub fn rows() -> Vec<Row> {
    let catalogue: Catalogue<'static> = toml::from_str(SOURCE).unwrap_or(Catalogue { class: Vec::new() });
    catalogue.class.iter().flat_map(class_rows).collect()
}

fn class_rows(class: &Class<'static>) -> Vec<Row> {
    let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.slug() == class.kind) else {
        return Vec::new();
    };
    class.rows.iter().map(|entry| Row { code: entry.code, kind, cause: entry.cause, fix: entry.fix }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kind::Remedy;

    #[test]
    fn every_entry_is_read_once() {
        let rows = rows();
        assert_eq!(rows.len(), SOURCE.matches("{ code =").count());
        assert!(rows.len() > 100, "{}", rows.len());
        for row in &rows {
            assert!(row.cause.len() > 10, "{}", row.code);
            let same = rows.iter().filter(|other| other.code == row.code).count();
            assert_eq!(same, 1, "{} stands {same} times", row.code);
        }
    }

    #[test]
    fn classes_of_the_codes_that_matter_most() {
        let remedy = |code| row(code).map(|row| row.kind.remedy());
        for code in [700_082, 70_008, 50_173, 70_043, 700_084, 50_076, 50_078] {
            assert_eq!(remedy(code), Some(Remedy::Reconsent), "{code}");
        }
        for code in [7_000_215, 7_000_222, 700_027] {
            assert_eq!(remedy(code), Some(Remedy::FixCredential), "{code}");
        }
        for code in [50_196, 90_033, 90_055, 50_033] {
            assert_eq!(remedy(code), Some(Remedy::Retry), "{code}");
        }
        for code in [90_036, 90_092, 90_009] {
            assert_ne!(remedy(code), Some(Remedy::Retry), "{code}");
        }
        assert_eq!(remedy(1), None);
    }
}
