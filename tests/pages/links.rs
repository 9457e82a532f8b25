//! Links lead somewhere.

use std::path::Path;

use super::{pages, root};

/// As the pages are shown: words by hyphens, without what is no letter.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let (mut dead, mut count) = (Vec::new(), 0);
    for (name, text) in pages() {
        let page = root().join(&name);
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (path, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let leads = target.exists()
                && (part.is_empty()
                    || std::fs::read_to_string(&target).is_ok_and(|text| {
                        text.lines().any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == part)
                    }));
            if !leads {
                dead.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(dead.is_empty() && count > 50, "{count}: {dead:?}");
}

/// Every page is led to by another one.
#[test]
fn no_page_is_an_orphan() {
    let pages = pages();
    let whole = |path: &Path| path.canonicalize().unwrap_or_default();
    let mut linked = Vec::new();
    for (name, text) in &pages {
        let page = root().join(name);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let targets = links.map(|link| whole(&page.parent().unwrap().join(link)));
        linked.extend(targets.filter(|target| *target != whole(&page)));
    }
    let orphans = pages.iter().map(|(name, _)| name).filter(|name| !linked.contains(&whole(&root().join(name))));
    // The first page needs nobody.
    let orphans: Vec<&String> = orphans.filter(|name| *name != "README.md").collect();
    assert!(orphans.is_empty(), "{orphans:?}");
}
