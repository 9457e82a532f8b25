//! Exchanges recorded from the real Key Vault and Entra ID are the judge of the sandbox, and of the product's parsers.
//! The recordings lie beside the project, not in it: without them these checks are skipped, loudly.

mod entra;
mod key_vault;
mod parsers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The recordings of a service by file name, or nothing where they are absent.
fn recordings(service: &str) -> Option<BTreeMap<String, Vec<Value>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings").join(service);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: no recordings of {service} at {}", folder.display());
        return None;
    };
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    let read = |path: PathBuf| {
        let exchanges: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), exchanges)
    };
    Some(files.map(read).collect())
}

/// The places where two documents differ in keys or types; values are compared where `exact` says so.
fn differences(at: &str, recorded: &Value, ours: &Value, exact: &dyn Fn(&str) -> bool) -> Vec<String> {
    match (recorded, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let mut found: Vec<String> = Vec::new();
            found.extend(a.keys().filter(|key| !b.contains_key(*key)).map(|key| format!("{at}.{key} is missing")));
            found.extend(b.keys().filter(|key| !a.contains_key(*key)).map(|key| format!("{at}.{key} is too much")));
            for (key, value) in a {
                if let Some(other) = b.get(key) {
                    found.extend(differences(&format!("{at}.{key}"), value, other, exact));
                }
            }
            found
        }
        (Value::Array(a), Value::Array(b)) => match (a.first(), b.first()) {
            (Some(a), Some(b)) => differences(&format!("{at}[]"), a, b, exact),
            _ => Vec::new(),
        },
        (a, b) if std::mem::discriminant(a) != std::mem::discriminant(b) => vec![format!("{at}: {a} is not {b}")],
        (a, b) if exact(at) && a != b => vec![format!("{at}: {a} is not {b}")],
        _ => Vec::new(),
    }
}
