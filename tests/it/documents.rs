//! Documents end to end: files in, specs and findings out.

use std::collections::BTreeMap;

use driftless::spec::load::{Context, File, LastGood, load};
use driftless::spec::{Asked, Loaded};

fn now() -> Context {
    Context { now: "2026-11-22T12:00:00Z".parse().expect("a moment"), ..Context::default() }
}

fn loaded(files: &[(&str, &str)], last_good: &dyn LastGood) -> Loaded {
    let files: Vec<File<'_>> = files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
    load(&files, last_good, &now())
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

#[test]
fn a_good_bucket_is_read_whole() {
    let loaded = loaded(&[("buckets/a.yaml", GOOD)], &());
    assert_eq!(loaded.findings, []);
    let [bucket] = loaded.specs.buckets.as_slice() else { panic!("one bucket") };
    assert_eq!(bucket.name.as_str(), "ai-model-data");
    assert_eq!(bucket.labels["team"], "ml-platform");
    assert_eq!(bucket.settings.len(), 4);
    let ask = bucket.settings.get("versioning").expect("named");
    assert_eq!(ask.at.to_string(), "buckets/a.yaml:8:3");
    let Asked::Value(doc) = &ask.what else { panic!("a value") };
    assert_eq!(doc.as_str(), r#"{"status":"Enabled"}"#);
    assert_eq!(loaded.specs.policies.len(), 4, "the built-in policies are in force");
}
