//! Documents that cannot rot: examples that load, words that have a section, files that are
//! written from the code.

#[cfg(feature = "daemon")]
mod configuration;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod deploy;
mod examples;
mod names;
mod settings;
mod stores;

use std::path::{Path, PathBuf};

/// The folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the project.
#[track_caller]
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page that people read: at the top and in `docs/`.
pub fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    for folder in ["", "docs/"] {
        for name in names(&root().join(folder)) {
            if name.ends_with(".md") {
                pages.push(format!("{folder}{name}"));
            }
        }
    }
    pages.sort();
    pages
}

/// The names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The fenced blocks of a page in that language, each with the number of its first line.
pub fn blocks(page: &str, language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, bool, String)> = None;
    for (index, line) in page.lines().enumerate() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        match (&mut open, bare.strip_prefix("```")) {
            (None, Some(word)) => open = Some((index + 2, indent, word.trim() == language, String::new())),
            (Some(_), Some(_)) => {
                let (at, _, wanted, text) = open.take().unwrap();
                if wanted {
                    found.push((at, text));
                }
            }
            (Some((_, indent, _, text)), None) => {
                text.push_str(line.get(*indent..).unwrap_or(bare));
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fenced block has no end");
    found
}

/// Compares a part of a page, or all of it, with what the code says; writes it with `BLESS=1`.
#[track_caller]
pub fn bless(path: &str, written: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join(path), written).unwrap();
    }
    assert!(text(path) == written, "{path} is not what the code says; BLESS=1 cargo test --test it docs writes it");
}
