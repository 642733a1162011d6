//! Git as a source, against real git servers: a path, http, and ssh on the loopback address.

use std::path::{Path, PathBuf};
use std::time::Duration;

use driftless::source::git::{GitOptions, GitSource};
use driftless::source::{Error, Fetched, Reference, Source, Tree};

use crate::support::git_repo::{Entry, Repo, file};

mod blame;
mod history;
mod log;
mod server;
mod ssh;
mod tree;

/// Far more than any of these fetches takes.
const ENOUGH: Duration = Duration::from_secs(120);

fn options(url: &str, data: &Path) -> GitOptions {
    let mut options = GitOptions::new(url.parse().unwrap(), Reference::branch("main").unwrap(), data);
    options.program = Some(PathBuf::from(env!("CARGO_BIN_EXE_driftless")));
    options
}

/// A source of a repository's path, with the folder of its local copy.
fn local(repo: &Repo) -> (GitOptions, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    (options(repo.path.to_str().unwrap(), data.path()), data)
}

async fn fetch(options: &GitOptions, known: Option<&str>) -> Result<Fetched, Error> {
    GitSource::new(options.clone())?.fetch(known, ENOUGH).await
}

async fn new(options: &GitOptions, known: Option<&str>) -> Tree {
    match fetch(options, known).await.unwrap_or_else(|error| panic!("{error}\n{:?}", error.hint)) {
        Fetched::New { tree, despite: None } => tree,
        other => panic!("{other:?}"),
    }
}

async fn failed(options: &GitOptions) -> Error {
    match fetch(options, None).await {
        Err(error) => error,
        Ok(other) => panic!("{other:?}"),
    }
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.files.keys().map(|path| &**path).collect()
}

fn refused(tree: &Tree) -> Vec<String> {
    tree.refused.iter().map(ToString::to_string).collect()
}

fn many(count: usize) -> Vec<Entry> {
    (0..count).map(|number| file(&format!("b{number:03}.yaml"), "x")).collect()
}
