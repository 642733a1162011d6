//! The board: how everything stands right now, written by the loop and read by the page, the API
//! and the metrics. Whoever reads it has no client and cannot act.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::Serialize;
use tokio::sync::watch;

use crate::bucket::BucketId;
use crate::capability::EndpointCard;
use crate::clock::Timestamp;
use crate::finding::Place;
use crate::report::{BucketReport, Cause, PolicyStatus, SettingStatus, SourceReport, SweepReport};
use crate::spec::select::names_match;
use crate::spec::{Mode, PolicySeverity, Written};
use crate::verdict::Hold;

/// How everything stands.
#[derive(Debug, Default)]
pub struct Board {
    buckets: RwLock<BTreeMap<BucketId, Arc<BucketReport>>>,
    alike: Mutex<Alike>,
    rest: RwLock<Rest>,
    version: watch::Sender<u64>,
}

/// Lists of verdicts that many buckets share: when all is well, they are the larger half of a
/// bucket's report, and the same for all.
#[derive(Debug, Default)]
struct Alike {
    policies: VecDeque<Arc<[PolicyStatus]>>,
    settings: VecDeque<Arc<[SettingStatus]>>,
}

/// So many lists are tried; a fleet has few kinds of buckets.
const KINDS: usize = 8;

/// The list itself, or the same one that another bucket has already.
fn shared<T: PartialEq>(known: &mut VecDeque<Arc<[T]>>, list: Arc<[T]>) -> Arc<[T]> {
    if let Some(same) = known.iter().find(|it| **it == list) {
        return Arc::clone(same);
    }
    known.push_front(Arc::clone(&list));
    known.truncate(KINDS);
    list
}

#[derive(Debug, Default, Clone)]
struct Rest {
    source: Arc<SourceReport>,
    policies: Arc<[PolicyCard]>,
    last_sweep: Option<Arc<SweepReport>>,
    last_success: Option<Timestamp>,
    running: Option<RunningSweep>,
    next_sweep: Option<Timestamp>,
    breakers: BTreeMap<&'static str, Hold>,
    endpoints: Arc<[EndpointCard]>,
}

/// A policy in force, as people see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyCard {
    /// Its name.
    pub name: Arc<str>,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How bad a breach is.
    pub severity: PolicySeverity,
    /// Whether a breach is repaired.
    pub mode: Mode,
    /// The file that it stands in.
    pub file: Arc<str>,
    /// The line on which its document begins.
    pub line: u32,
    /// Its `spec` as it was written; behind it that of the built-in policy that it changes.
    #[serde(skip_serializing_if = "<[Written]>::is_empty")]
    pub written: Arc<[Written]>,
    /// The values that its expressions see, after all that changes them.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The exemptions that name it, those that ended among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<ExemptionCard>,
}

/// An exemption from a policy, as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExemptionCard {
    /// Its name.
    pub name: Arc<str>,
    /// Globs on bucket names.
    pub buckets: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Where its document begins.
    pub at: Place,
}

impl ExemptionCard {
    /// Whether it is for a bucket of that name.
    pub fn is_for(&self, bucket: &BucketId) -> bool {
        names_match(&self.buckets, &bucket.name)
    }
}

/// A sweep under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningSweep {
    /// What caused it.
    pub cause: Cause,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last finished a bucket: a sweep that stands still is stuck.
    pub moved_at: Timestamp,
    /// Buckets that are checked.
    pub done: usize,
    /// Buckets that it is to check.
    pub total: usize,
}

impl Board {
    fn read(&self) -> RwLockReadGuard<'_, Rest> {
        self.rest.read().expect("no holder of the lock panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rest> {
        self.rest.write().expect("no holder of the lock panics")
    }

    /// How often something was put up or taken down. Whoever reads it before the rest knows that
    /// a later number may mean news.
    pub fn version(&self) -> u64 {
        *self.version.borrow()
    }

    /// Tells of every later version; those in between may be left out.
    pub fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// One bucket.
    pub fn bucket(&self, id: &BucketId) -> Option<Arc<BucketReport>> {
        self.buckets.read().expect("no holder of the lock panics").get(id).cloned()
    }

    /// Every bucket, in the order of account and name.
    pub fn buckets(&self) -> Vec<Arc<BucketReport>> {
        self.buckets.read().expect("no holder of the lock panics").values().cloned().collect()
    }

    /// Calls `look` with every bucket, without copying the list.
    pub fn each_bucket(&self, mut look: impl FnMut(&BucketReport)) {
        self.buckets.read().expect("no holder of the lock panics").values().for_each(|report| look(report));
    }

    /// Puts one bucket up.
    pub fn put_bucket(&self, mut report: BucketReport) {
        {
            let mut alike = self.alike.lock().expect("no holder of the lock panics");
            report.policies = shared(&mut alike.policies, report.policies);
            report.settings = shared(&mut alike.settings, report.settings);
        }
        self.buckets.write().expect("no holder of the lock panics").insert(report.id.clone(), Arc::new(report));
        self.changed();
    }

    /// Takes down the buckets that `keep` does not want, and returns them.
    pub fn keep_buckets(&self, keep: impl Fn(&BucketId) -> bool) -> Vec<Arc<BucketReport>> {
        let mut buckets = self.buckets.write().expect("no holder of the lock panics");
        let mut gone = Vec::new();
        buckets.retain(|id, report| {
            let keeps = keep(id);
            if !keeps {
                gone.push(Arc::clone(report));
            }
            keeps
        });
        drop(buckets);
        self.changed();
        gone
    }

    /// The source.
    pub fn source(&self) -> Arc<SourceReport> {
        Arc::clone(&self.read().source)
    }

    /// Puts the source up.
    pub fn put_source(&self, source: SourceReport) {
        self.write().source = Arc::new(source);
        self.changed();
    }

    /// The policies in force.
    pub fn policies(&self) -> Arc<[PolicyCard]> {
        Arc::clone(&self.read().policies)
    }

    /// Puts the policies up.
    pub fn put_policies(&self, policies: Vec<PolicyCard>) {
        self.write().policies = policies.into();
        self.changed();
    }

    /// What the endpoints can do, as far as the last sweep shows it.
    pub fn endpoints(&self) -> Arc<[EndpointCard]> {
        Arc::clone(&self.read().endpoints)
    }

    /// Puts up what the endpoints can do.
    pub fn put_endpoints(&self, endpoints: Vec<EndpointCard>) {
        self.write().endpoints = endpoints.into();
        self.changed();
    }

    /// The last sweep that ended.
    pub fn last_sweep(&self) -> Option<Arc<SweepReport>> {
        self.read().last_sweep.clone()
    }

    /// When a sweep last reached its end.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.read().last_success
    }

    /// Puts a sweep up that ended.
    pub fn put_sweep(&self, sweep: SweepReport, ended_at: Timestamp) {
        let mut rest = self.write();
        rest.running = None;
        if !sweep.interrupted && sweep.errors.is_empty() {
            rest.last_success = Some(ended_at);
        }
        rest.last_sweep = Some(Arc::new(sweep));
        drop(rest);
        self.changed();
    }

    /// The sweep under way.
    pub fn running(&self) -> Option<RunningSweep> {
        self.read().running
    }

    /// Puts a sweep up that began.
    pub fn begin_sweep(&self, cause: Cause, started_at: Timestamp, total: usize) {
        self.write().running = Some(RunningSweep { cause, started_at, moved_at: started_at, done: 0, total });
        self.changed();
    }

    /// Counts a bucket of the sweep under way.
    pub fn advance_sweep(&self, now: Timestamp) {
        if let Some(running) = &mut self.write().running {
            running.done += 1;
            running.moved_at = now;
        }
        self.changed();
    }

    /// The sweep under way moves, although no bucket more is checked: it writes to those that it
    /// looked at first.
    pub fn touch_sweep(&self, now: Timestamp) {
        if let Some(running) = &mut self.write().running {
            running.moved_at = now;
        }
    }

    /// When the next sweep is due.
    pub fn next_sweep(&self) -> Option<Timestamp> {
        self.read().next_sweep
    }

    /// Says when the next sweep is due.
    pub fn put_next_sweep(&self, at: Option<Timestamp>) {
        let before = std::mem::replace(&mut self.write().next_sweep, at);
        if before != at {
            self.changed();
        }
    }

    /// The breakers that are open, by what they stand for (`fleet`, `loop`), with the held reason.
    pub fn breakers(&self) -> Vec<(&'static str, Hold)> {
        self.read().breakers.iter().map(|(name, hold)| (*name, *hold)).collect()
    }

    /// Opens or closes a breaker.
    pub fn put_breaker(&self, name: &'static str, open: Option<Hold>) {
        let mut rest = self.write();
        match open {
            Some(hold) => rest.breakers.insert(name, hold),
            None => rest.breakers.remove(name),
        };
        drop(rest);
        self.changed();
    }
}
