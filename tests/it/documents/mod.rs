//! Documents end to end: files in, specs and findings out.

use std::collections::BTreeMap;

use driftless::finding::Severity;
use driftless::source::{Refused, Revision, Tree};
use driftless::spec::load::{Context, File, LastGood, load, load_tree};
use driftless::spec::{Approved, Asked, Loaded, Mode, Rule};
use proptest::prelude::*;

mod accounts;
mod files;
mod forms;
mod rules;

fn context() -> Context {
    Context { now: "2026-11-22T12:00:00Z".parse().expect("a moment"), ..Context::default() }
}

fn loaded(files: &[(&str, &str)], last_good: &dyn LastGood) -> Loaded {
    let files: Vec<File<'_>> = files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
    load(&files, last_good, &context())
}

const GOOD: &str = "\
apiVersion: driftless/v1
kind: Bucket
metadata:
  name: ai-model-data
  labels: {team: ml-platform}
spec:
  region: us-east-1
  versioning: {status: Enabled}
  encryption: {algorithm: AES256}
  publicAccessBlock: all
  tags: {Name: AI Model Data Storage, Purpose: Distributed AI Model Training}
";

fn bucket(name: &str, spec: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.specs.buckets.iter().map(|bucket| bucket.name.as_str()).collect()
}

fn said(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(ToString::to_string).collect()
}

/// A bad file says exactly this, and a good file beside it is not lost.
#[track_caller]
fn says(text: &str, says: &[&str]) {
    let mut files = vec![("bad.yaml", text), ("good.yaml", GOOD)];
    let loaded_once = loaded(&files, &());
    assert_eq!(said(&loaded_once), says);
    assert!(names(&loaded_once).contains(&"ai-model-data"), "the good file was lost");
    files.reverse();
    assert_eq!(loaded(&files, &()).findings, loaded_once.findings, "the order of the files matters");
}

/// The spec of a bucket says exactly this.
#[track_caller]
fn spec_says(spec: &str, expected: &[&str]) {
    says(&format!("apiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: ai-data}}\nspec:\n{spec}"), expected);
}
