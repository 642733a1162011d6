//! The loop against S3 in memory, with everything that goes wrong there.

use std::sync::Arc;
use std::time::Duration;

use driftless::bucket::{AccountName, Region};
use driftless::cloud::memory::{Effect, Fault, MemoryCloud};
use driftless::cloud::patient::{Patience, Patient};
use driftless::cloud::{BoxFuture, Cloud, Creation, Listed, Presence, S3Error, S3ErrorKind, Target, Unobserved};
use driftless::desired::Desired;
use driftless::doc::Doc;
use driftless::reconcile::{Before, FleetLimit};
use driftless::report::tell::DriftChange;
use driftless::report::{BucketState, RepairResult};
use driftless::verdict::{Hold, Verdict};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::looped::{Rig, bucket, desired, desired_with, document, held, id, now};

mod compared;
mod ends;
mod faults;
mod limits;
mod order;
mod others;
mod tells;
mod unseen;

const KINDS: [S3ErrorKind; 6] = [
    S3ErrorKind::Denied,
    S3ErrorKind::NoSuchBucket,
    S3ErrorKind::Conflict,
    S3ErrorKind::Server,
    S3ErrorKind::Throttled,
    S3ErrorKind::Transport,
];

fn fault(verb: &'static str, bucket: &str, setting: &'static str, times: usize, effect: Effect) -> Fault {
    Fault { verb, bucket: bucket.to_owned(), setting, times, effect }
}

fn fail(verb: &'static str, bucket: &str, setting: &'static str, kind: S3ErrorKind) -> Fault {
    fault(verb, bucket, setting, usize::MAX, Effect::Fail(kind))
}

fn status(word: &str) -> Doc {
    Doc::of(&json!({ "status": word }))
}

/// Two buckets whose versioning is suspended and shall be on.
fn two() -> (MemoryCloud, Arc<Desired>) {
    let cloud = MemoryCloud::default();
    for name in ["ai-one", "ai-two"] {
        cloud.put(&id(name), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
    }
    let spec = "{versioning: {status: Enabled}, tags: {Name: data}}";
    (cloud, desired(&[bucket("ai-one", spec), bucket("ai-two", spec)].concat()))
}

/// The second bucket was repaired whatever happened to the first.
#[track_caller]
fn second_is_whole(cloud: &MemoryCloud) {
    assert_eq!(cloud.get(&id("ai-two"), "versioning"), Some(status("Enabled")));
    assert_eq!(cloud.get(&id("ai-two"), "tags"), Some(Doc::of(&json!({"Name": "data"}))));
}
