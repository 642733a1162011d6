//! The log as an interface: its time, and the names of its JSON fields.

use std::collections::{BTreeMap, BTreeSet};

use driftless::cli::log::FIELDS;

use super::*;
use crate::docs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_for_people_begin_with_date_and_time_in_utc() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    let log = world.swept().await.stop().await;
    let mut seen = 0;
    for line in log.lines().filter(|line| !line.starts_with(' ') && !line.starts_with("hint: ")) {
        let (time, rest) = line.split_once(' ').expect("a time and a sentence");
        let parsed = chrono::DateTime::parse_from_rfc3339(time);
        assert!(time.len() == 20 && time.ends_with('Z') && parsed.is_ok() && !rest.is_empty(), "{line}");
        seen += 1;
    }
    assert!(seen >= 5, "{log}");
    assert!(!log.contains('\u{1b}'), "a pipe has no colours");
}

/// A run with drift, a repair, something held, a finding, and a source that goes away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_have_the_fields_that_are_promised() {
    let held = "  lifecycle:\n    rules: [{id: x, status: Enabled, filter: {prefix: a/}, expiration: {days: 7}}]\n";
    let specs = [("a.yaml", spec("bucket-000000", "")), ("b.yaml", spec("bucket-000001", held))];
    let files = specs.each_ref().map(|(path, text)| (*path, text.as_str()));
    let mut world = World::with(compliant(2), &files).await;
    world.config["log"] = json!({"format": "json"});
    world.set_versioning("bucket-000000", "Suspended").await;
    let daemon = world.swept().await;
    world.push(&[files[0], files[1], ("c.yaml", "kind: Bukket\n")]);
    daemon.follow(&world.repo.resolve("refs/heads/main").unwrap()).await;
    let away = world.path("away");
    std::fs::rename(&world.repo.path, &away).unwrap();
    daemon.sync().await;
    daemon.said("the source is stale").await;
    std::fs::rename(&away, &world.repo.path).unwrap();
    let log = daemon.stop().await;

    let known: BTreeSet<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let mut lines = Vec::new();
    for line in log.lines() {
        let line: BTreeMap<String, Value> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        for name in line.keys() {
            assert!(known.contains(&**name), "`{name}` is not promised: {line:?}");
        }
        for name in ["timestamp", "level", "target", "message"] {
            assert!(line[name].is_string(), "{line:?}");
        }
        chrono::DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
        lines.push(line);
    }
    let promised: [(&str, &[&str]); 10] = [
        ("driftless 0.1.0 begins", &["version"]),
        ("page, API and health", &["address"]),
        ("is in force", &["findings", "revision"]),
        ("drift from policy versioned", &["bucket.name", "policy", "setting", "severity"]),
        ("versioning repaired and read back", &["bucket.name", "setting"]),
        ("held (needs-approval)", &["bucket.name", "reason", "setting"]),
        ("sweep of 2 buckets", &["buckets", "seconds"]),
        ("c.yaml:1:", &["place"]),
        ("the source is stale", &["state"]),
        ("ended in good order", &[]),
    ];
    for (text, names) in promised {
        let line = lines.iter().find(|line| line["message"].as_str().unwrap().contains(text));
        let line = line.unwrap_or_else(|| panic!("nothing says {text:?}: {log}"));
        let standing = ["timestamp", "level", "target", "message"];
        let found: Vec<&str> = line.keys().map(String::as_str).filter(|name| !standing.contains(name)).collect();
        assert_eq!(found, names, "{text:?}");
    }
}

/// What any line of the code may say beside its message, found in the code itself.
#[test]
fn every_field_that_the_code_logs_is_promised_and_the_other_way_round() {
    let mut sources = Vec::new();
    gather(&docs::root().join("src"), &mut sources);
    let mut found = BTreeSet::new();
    for text in &sources {
        for level in ["error", "warn", "info", "debug", "trace"] {
            for after in text.split(&format!("tracing::{level}!(")).skip(1) {
                // Up to the sentence: what stands before it are the fields.
                let fields = after.split('"').next().unwrap_or_default();
                for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
                    let name = field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
                    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_');
                    if is_name && !name.is_empty() {
                        found.insert(name.to_owned());
                    }
                }
            }
        }
    }
    let of_every_line = ["timestamp", "level", "target", "message", "trace_id", "span_id"];
    let promised: BTreeSet<String> =
        FIELDS.iter().map(|(name, _)| (*name).to_owned()).filter(|name| !of_every_line.contains(&&**name)).collect();
    assert_eq!(found, promised);
}

#[test]
fn the_page_has_every_field() {
    let page = docs::text("docs/operations.md");
    let rows: Vec<String> = FIELDS.iter().map(|(name, means)| format!("| `{name}` | {means} |")).collect();
    let table = format!("\n| Field | What it says |\n| --- | --- |\n{}\n\n", rows.join("\n"));
    assert!(page.contains(&table), "docs/operations.md needs this table:\n{table}");
}

fn gather(folder: &std::path::Path, into: &mut Vec<String>) {
    for name in docs::names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            gather(&path, into);
        } else if name.ends_with(".rs") {
            into.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}
