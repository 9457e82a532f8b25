//! The architecture, read from the source: modules depend one way.

use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The top modules that files below a folder or file use.
fn uses(place: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(place);
    let files = if path.is_dir() { sources(&path) } else { vec![path] };
    let mut uses = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap();
        for part in product.split("crate::").skip(1) {
            let module: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            uses.push((file.display().to_string(), module));
        }
        for part in product.split("crate::{").skip(1) {
            let names = part.split('}').next().unwrap();
            uses.extend(names.split(',').map(|name| (file.display().to_string(), name.trim().to_owned())));
        }
    }
    uses
}

#[track_caller]
fn only(place: &str, allowed: &[&str]) {
    let found = uses(place);
    assert!(!found.is_empty() || allowed.is_empty(), "{place} uses nothing: is it still there?");
    for (file, module) in
        found.iter().filter(|(_, module)| !module.is_empty() && !module.starts_with(char::is_uppercase))
    {
        assert!(allowed.contains(&module.as_str()), "{file} must not use crate::{module}");
    }
}

#[test]
fn modules_depend_one_way() {
    only("secret.rs", &[]);
    only("clock.rs", &[]);
    only("model", &["model", "secret"]);
    only("wire", &["model", "wire"]);
    only("ports.rs", &["entra", "model", "notify"]);
    only("notify", &["credential", "model", "notify", "ports", "secret", "wire"]);
    only("entra", &["clock", "entra", "model", "ports", "secret", "wire"]);
    only("vault", &["model", "ports", "secret", "vault", "wire"]);
    only("credential", &["clock", "config", "credential", "entra", "model", "ports", "secret", "wire"]);
    only("config", &["config", "entra", "model"]);
    only("report", &["model", "report"]);
    only("partner_center", &["model", "secret", "wire"]);
    only("access", &["access", "entra", "model", "ports", "renew", "secret"]);
    only("consent", &["consent", "entra", "model", "ports", "renew", "secret", "wire"]);
    only("doctor", &["config", "credential", "doctor", "entra", "model", "ports", "renew", "report", "vault", "wire"]);
    only("renew", &["clock", "credential", "entra", "model", "notify", "ports", "renew", "secret", "vault", "wire"]);
}

#[test]
fn the_sandbox_imports_nothing_of_the_product() {
    only("sandbox", &["sandbox"]);
}

#[test]
fn only_one_file_names_secrecy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let naming: Vec<PathBuf> = sources(&root)
        .into_iter()
        .filter(|file| std::fs::read(file).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("secrecy::")))
        .collect();
    assert_eq!(naming, [root.join("secret.rs")]);
}

#[test]
fn the_catalogue_has_every_code_of_the_facts() {
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/facts.md");
    let Ok(text) = std::fs::read_to_string(&facts) else {
        eprintln!("SKIPPED: no facts at {}", facts.display());
        return;
    };
    let section = text.split("## A.").nth(1).unwrap().split("## B.").next().unwrap();
    let numbers = section.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.');
    let codes: Vec<u32> = numbers
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| (5..=7).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit()))
        .map(|word| word.parse().unwrap())
        .collect();
    let missing: Vec<&u32> = codes.iter().filter(|code| rotator::entra::catalogue::row(**code).is_none()).collect();
    assert!(codes.len() > 100, "{}", codes.len());
    assert!(missing.is_empty(), "not in aadsts.toml: {missing:?}");
}
