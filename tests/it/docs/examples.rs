//! Every example loads, and every command that a page shows prints what the page says.

use std::collections::BTreeMap;

use driftless::clock::{Clock, SystemClock};
use driftless::config;
use driftless::desired::{Agent, resolve};
use driftless::finding::{Finding, Severity};
use driftless::source::{Limits, dir};
use driftless::spec::load::{Context, File, load};

use super::{blocks, pages, root, text};

/// The findings of some files, as `driftless validate` finds them.
fn findings(files: &BTreeMap<String, Vec<u8>>) -> Vec<Finding> {
    let files: Vec<File<'_>> = files.iter().map(|(path, bytes)| File { path, bytes }).collect();
    let mut loaded = load(&files, &(), &Context { now: SystemClock.now(), ..Context::default() });
    let (_, joined) = resolve(&loaded.specs, &Agent::of_any_account(&loaded.specs));
    loaded.findings.extend(joined);
    loaded.findings
}

fn folder(path: &str) -> BTreeMap<String, Vec<u8>> {
    let tree = dir::read(&root().join(path), Limits::default()).unwrap();
    assert!(tree.refused.is_empty(), "{path}: {:?}", tree.refused);
    assert!(!tree.files.is_empty(), "{path} is empty");
    tree.files.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect()
}

fn said(findings: &[Finding]) -> String {
    findings.iter().map(|it| format!("{it}\n")).collect()
}

#[test]
fn every_example_loads_without_findings() {
    for path in ["docs/examples", "examples/first/specs"] {
        let found = findings(&folder(path));
        assert!(found.is_empty(), "{path}:\n{}", said(&found));
    }
}

#[test]
fn every_document_on_a_page_loads_without_errors() {
    let mut seen = 0;
    for page in pages() {
        for (line, block) in blocks(&text(&page), "yaml") {
            if !block.contains("apiVersion: driftless/v1") {
                continue;
            }
            seen += 1;
            // Beside the files that it may name.
            let mut files: BTreeMap<_, _> =
                folder("docs/examples").into_iter().filter(|(path, _)| path.ends_with(".json")).collect();
            files.insert("page.yaml".to_owned(), block.into_bytes());
            let found = findings(&files);
            let errors: Vec<_> = found.into_iter().filter(|it| it.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{page}:{line}:\n{}", said(&errors));
        }
    }
    assert!(seen >= 10, "{seen} documents on the pages");
}

#[test]
fn every_configuration_on_a_page_is_good() {
    let mut seen = 0;
    for page in pages() {
        for (line, block) in blocks(&text(&page), "yaml") {
            if block.starts_with("source:") {
                seen += 1;
                let parsed = config::parse("page.yaml", &block, &[]);
                assert!(parsed.is_ok(), "{page}:{line}:\n{}", said(&parsed.unwrap_err()));
            }
        }
    }
    assert!(seen >= 2, "{seen} configurations on the pages");
}

#[cfg(all(feature = "aws", feature = "daemon"))]
mod commands {
    use std::process::Command;

    use super::*;

    fn driftless(args: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("DRIFTLESS_"));
        for name in ours {
            command.env_remove(name);
        }
        let output = command.current_dir(root()).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    /// The day on which an approval would end depends on when it is asked for.
    fn undated(text: &str) -> String {
        text.lines()
            .map(|line| line.split_once("expires: ").map_or(line, |(before, _)| before))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn the_first_plan_is_what_the_readme_shows() {
        let (code, out) = driftless(&["plan", "examples/first/specs", "--live", "examples/first/live.yaml"]);
        assert_eq!(code, Some(2));
        let readme = text("README.md");
        let (_, after) = readme.split_once("<!-- plan of examples/first -->").unwrap();
        let (_, shown) = blocks(after, "text").into_iter().next().unwrap();
        assert_eq!(undated(&shown), undated(&out));
    }

    #[test]
    fn every_command_has_its_row_in_the_readme() {
        let (_, help) = driftless(&["--help"]);
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        // Further lines of one description stand further in.
        let names: Vec<&str> = commands
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .collect();
        assert!(names.len() > 8, "{names:?}");
        let readme = text("README.md");
        for name in names {
            assert!(readme.contains(&format!("| `{name}` | ")), "`{name}` has no row in the README");
        }
    }

    #[test]
    fn the_faults_that_a_page_shows_are_what_is_said() {
        let specs = text("docs/specs.md");
        let (_, section) = specs.split_once("## When something is wrong").unwrap();
        let (_, shown) = blocks(section, "text").into_iter().next().unwrap();
        let document = "apiVersion: driftless/v1\nkind: Bucket\nmetadata:\n  name: ai-model-data\nspec:\n  \
                        versionning: {status: Enabled}\n  region: eu-west-9\n  tags: {Name: 7}\n";
        let found = findings(&[("a.yaml".to_owned(), document.as_bytes().to_vec())].into());
        let errors: Vec<_> = found.into_iter().filter(|it| it.severity == Severity::Error).collect();
        assert_eq!(said(&errors), shown);
    }
}
