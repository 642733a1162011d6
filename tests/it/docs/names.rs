//! Words, tests, modules, dependencies and files that a page names are there, and the other way
//! round.

use std::collections::BTreeSet;

use driftless::report::{BucketState, RepairResult, SourceState};
use driftless::verdict::{Hold, Verdict};

use super::{names, pages, root, text};

#[test]
fn every_held_reason_and_every_state_of_the_source_has_a_section() {
    let page = text("docs/operations.md");
    let held = Hold::ALL.map(Hold::word);
    let source = SourceState::ALL.map(SourceState::word);
    for word in held.into_iter().chain(source) {
        assert!(page.contains(&format!("\n### `{word}`\n")), "docs/operations.md has no section `{word}`");
    }
    let sections = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let known: Vec<&str> = held.into_iter().chain(source).collect();
    for word in sections {
        assert!(known.contains(&word), "docs/operations.md has a section for `{word}`, which is no word of ours");
    }
}

#[test]
fn every_state_has_its_row() {
    let page = text("docs/operations.md");
    let unproved = RepairResult::Unproved { detail: String::new() };
    let tag = |result: &RepairResult| serde_json::to_value(result).unwrap()["result"].as_str().unwrap().to_owned();
    let verdicts = Verdict::ALL.map(|it| it.word().to_owned());
    let buckets = BucketState::ALL.map(|it| it.word().to_owned());
    for word in verdicts.into_iter().chain(buckets).chain([tag(&RepairResult::Applied), tag(&unproved)]) {
        assert!(page.contains(&format!("\n| `{word}` | ")), "docs/operations.md has no row `{word}`");
    }
}

/// Every `snake_case` name with three or more parts in ARCHITECTURE.md is a test that is there.
#[test]
fn every_test_that_holds_a_law_is_there() {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        gather(&root().join(folder), &mut sources);
    }
    let page = text("ARCHITECTURE.md");
    let (laws, _) = page.split_once("\n## What comes in, what goes out").unwrap();
    let mut seen = BTreeSet::new();
    for word in laws.split('`').skip(1).step_by(2) {
        let name = word.rsplit("::").next().unwrap();
        let is_test = name.matches('_').count() >= 3
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if is_test {
            assert!(sources.contains(&format!("fn {name}(")), "ARCHITECTURE.md names `{name}`, which is no test");
            seen.insert(name);
        }
    }
    assert!(seen.len() >= 15, "{seen:?}");
    for law in 1..=11 {
        assert!(page.contains(&format!("\n### {law} ")), "law {law} has no section");
    }
}

/// Every message that the page explains is one that the code can say: what stands between the
/// parts that vary.
#[test]
fn every_message_that_is_explained_can_be_said() {
    let mut sources = String::new();
    gather(&root().join("src"), &mut sources);
    let page = text("docs/operations.md");
    let (_, table) = page.split_once("\n## Troubleshooting").unwrap();
    let messages = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut seen = 0;
    for message in messages {
        seen += 1;
        let parts: Vec<&str> = message.split(['…', ':']).map(str::trim).filter(|part| part.len() >= 10).collect();
        assert!(parts.iter().any(|part| sources.contains(part)), "nothing says `{message}`: {parts:?}");
    }
    assert!(seen > 15, "{seen} messages");
}

fn gather(folder: &std::path::Path, into: &mut String) {
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            gather(&path, into);
        } else if name.ends_with(".rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_module_is_on_the_map() {
    let page = text("ARCHITECTURE.md");
    for name in names(&root().join("src")) {
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        let listed = [format!("`{module}.rs`"), format!("`{module}/`"), format!("`{module}`")];
        assert!(listed.iter().any(|it| page.contains(it)), "src/{name} is not on the map in ARCHITECTURE.md");
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let page = text("ARCHITECTURE.md");
    let manifest = text("Cargo.toml");
    let mut within = false;
    let mut seen = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = matches!(line, "[dependencies]" | "[dev-dependencies]");
        } else if within
            && let Some((name, _)) = line.split_once(" = ")
            && !name.starts_with('#')
        {
            seen += 1;
            assert!(page.contains(&format!("| `{name}` | ")), "`{name}` has no row in ARCHITECTURE.md");
        }
    }
    assert!(seen > 30, "{seen} dependencies");
}

#[test]
fn every_link_inside_the_project_leads_somewhere() {
    let mut seen = 0;
    for page in pages() {
        let text = text(&page);
        let folder = root().join(&page).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { root().join(&page) } else { folder.join(file) };
            assert!(path.exists(), "{page} links to `{target}`, which is not there");
            if !heading.is_empty() {
                let there = std::fs::read_to_string(&path).unwrap();
                assert!(
                    there.lines().any(|line| anchor(line) == heading),
                    "{page} links to `{target}`: no such heading"
                );
            }
        }
    }
    assert!(seen > 20, "{seen} links");
}

/// The anchor of a heading, as forges make it.
fn anchor(line: &str) -> String {
    let Some(title) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()) else {
        return String::new();
    };
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}
