//! A loop over S3 in memory, and what it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driftless::apply::Proof;
use driftless::board::Board;
use driftless::bucket::{AccountName, BucketId, BucketName};
use driftless::clock::{ManualClock, Timestamp};
use driftless::cloud::Cloud;
use driftless::cloud::memory::MemoryCloud;
use driftless::config::{self, Config};
use driftless::desired::{Desired, resolve};
use driftless::doc::Doc;
use driftless::finding::Finding;
use driftless::past::{Limits, Past};
use driftless::plan::Brakes;
use driftless::reconcile::{Before, FleetLimit, Gate, Hands, Loop, Swept, Witness};
use driftless::report::tell::DriftChange;
use driftless::report::{Cause, Event, Repair};
use driftless::spec::load::{Context, File, LastGood, load};
use tokio_util::sync::CancellationToken;

/// The present moment of every test.
pub fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a moment")
}

pub fn id(name: &str) -> BucketId {
    BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("a legal name") }
}

/// The configuration that a test names, over a source that does not matter.
pub fn configuration(text: &str) -> Config {
    config::parse("config.yaml", &format!("source: {{dir: specs}}\n{text}"), &[])
        .unwrap_or_else(|findings| panic!("the configuration of the test is at fault: {findings:?}"))
}

/// What files say, joined as the daemon joins them, with every finding.
pub fn desired_of(
    files: &BTreeMap<String, Vec<u8>>,
    last_good: &dyn LastGood,
    config: &Config,
) -> (Arc<Desired>, Vec<Finding>) {
    let files: Vec<File<'_>> = files.iter().map(|(path, bytes)| File { path, bytes }).collect();
    let accounts = config.accounts.iter().map(|account| (account.name.clone(), account.region.clone()));
    let ids = config.accounts.iter().filter_map(|it| Some((it.name.clone(), it.id.clone()?)));
    let ids = ids.collect();
    let context = Context {
        now: now(),
        accounts: Some(accounts.collect()),
        ids,
        own_stores: config.own_stores(),
        ..Context::default()
    };
    let mut loaded = load(&files, last_good, &context);
    config.choose_policies(&mut loaded.specs.policies);
    let (desired, joined) = resolve(&loaded.specs, &config.agent());
    let mut findings = loaded.findings;
    findings.extend(joined);
    findings.sort();
    (Arc::new(desired), findings)
}

/// One text of documents, without built-in policies; it must have no errors.
pub fn desired(text: &str) -> Arc<Desired> {
    desired_with(text, "policies: {builtin: []}")
}

/// One text of documents under a configuration; it must have no errors but policies that
/// contradict each other, and settings that would be refused beside others, which made-up ones do.
pub fn desired_with(text: &str, config: &str) -> Arc<Desired> {
    let files = BTreeMap::from([("a.yaml".to_owned(), text.as_bytes().to_vec())]);
    let (desired, findings) = desired_of(&files, &(), &configuration(config));
    let errors: Vec<String> = findings
        .iter()
        .filter(|it| it.severity == driftless::finding::Severity::Error)
        .map(ToString::to_string)
        .filter(|said| !said.contains(" contradicts policy ") && !said.contains(" would be refused: "))
        .filter(|said| !crate::legal::is_of_a_sum(said))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    desired
}

/// A `Bucket` document.
pub fn bucket(name: &str, spec: &str) -> String {
    document("Bucket", name, spec)
}

/// A document of any kind.
pub fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("---\napiVersion: driftless/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

/// Takes down all that the loop tells, and lets the loop's memory know of it as the daemon does.
#[derive(Default)]
pub struct Notes {
    past: Option<Arc<Past>>,
    pub events: Mutex<Vec<Event>>,
    pub drift: Mutex<Vec<DriftChange>>,
    pub panics: Mutex<usize>,
}

impl Notes {
    /// The events as `word bucket setting`, oldest first; forgets them.
    pub fn take(&self) -> Vec<String> {
        let events = std::mem::take(&mut *self.events.lock().expect("no panic"));
        events.iter().map(line).collect()
    }
}

fn line(event: &Event) -> String {
    let bucket = event.bucket().map(|it| it.name.to_string()).unwrap_or_default();
    let rest = match event {
        Event::DriftDetected { policy, setting, .. } | Event::DriftClosed { policy, setting, .. } => {
            format!("{policy} {setting}")
        }
        Event::Repair { repair, .. } => format!("{} {}", repair.setting, repair.result.word()),
        Event::Held { setting, reason, .. } => format!("{setting} {}", reason.word()),
        _ => String::new(),
    };
    format!("{} {bucket} {rest}", event.word()).trim().to_owned()
}

impl Witness for Notes {
    fn events(&self, _: Timestamp, events: Vec<Event>) {
        self.events.lock().expect("no panic").extend(events);
    }

    fn drift(&self, _: Timestamp, changes: &[DriftChange]) {
        self.drift.lock().expect("no panic").extend_from_slice(changes);
    }

    fn repaired(&self, bucket: &BucketId, repair: &Repair, to: &Doc, _: f64) {
        if let Some(past) = &self.past {
            past.note_repair(bucket, repair.setting, to, &repair.result, repair.at);
        }
    }

    fn panicked(&self) {
        *self.panics.lock().expect("no panic") += 1;
    }
}

/// A daemon's loop, without the daemon.
pub struct Rig {
    pub cloud: MemoryCloud,
    pub clock: ManualClock,
    pub board: Arc<Board>,
    pub past: Arc<Past>,
    pub notes: Arc<Notes>,
    pub stop: CancellationToken,
    pub limit: FleetLimit,
    /// The accounts of which every request names the owner.
    pub owners: BTreeSet<AccountName>,
    /// What the loop talks to, when it is not the cloud itself.
    pub wrapped: Option<Arc<dyn Cloud>>,
}

impl Rig {
    /// A loop over S3 in memory.
    pub fn over(cloud: &MemoryCloud) -> Self {
        let past = Arc::new(Past::new(Limits { jitter: 0.0, ..Limits::default() }));
        Self {
            cloud: cloud.clone(),
            clock: ManualClock::at(now()),
            board: Arc::new(Board::default()),
            notes: Arc::new(Notes { past: Some(Arc::clone(&past)), ..Notes::default() }),
            past,
            stop: CancellationToken::new(),
            limit: FleetLimit { percent: 100.0, least: 1000 },
            owners: BTreeSet::new(),
            wrapped: None,
        }
    }

    /// One sweep; gated as after a new revision.
    pub async fn gated(&self, desired: &Arc<Desired>) -> Swept {
        self.run(desired, Cause::Revision, Hands::Free, &Gate::Whole).await
    }

    /// One sweep; gated as after a new revision, where another has passed before.
    pub async fn gated_since(&self, passed: &Arc<Desired>, desired: &Arc<Desired>) -> Swept {
        self.run(desired, Cause::Revision, Hands::Free, &Gate::Since(Before::all(Arc::clone(passed)))).await
    }

    /// One sweep; gated as after a revision that has passed in part.
    pub async fn gated_but(&self, passed: &Before, desired: &Arc<Desired>) -> Swept {
        self.run(desired, Cause::Revision, Hands::Free, &Gate::Since(passed.clone())).await
    }

    /// One sweep by schedule.
    pub async fn sweep(&self, desired: &Arc<Desired>) -> Swept {
        self.run(desired, Cause::Schedule, Hands::Free, &Gate::Open).await
    }

    /// One look.
    pub async fn look(&self, desired: &Arc<Desired>) -> Swept {
        self.run(desired, Cause::Demand, Hands::Bound, &Gate::Open).await
    }

    async fn run(&self, desired: &Arc<Desired>, cause: Cause, hands: Hands, gate: &Gate) -> Swept {
        let cloud = self.wrapped.clone().unwrap_or_else(|| Arc::new(self.cloud.clone()));
        let it = Arc::new(Loop {
            cloud,
            clock: Arc::new(self.clock.clone()),
            board: Arc::clone(&self.board),
            brakes: Arc::clone(&self.past) as Arc<dyn Brakes>,
            witness: Arc::clone(&self.notes) as Arc<dyn Witness>,
            limit: self.limit,
            concurrency: 8,
            owners: self.owners.clone(),
            proof: Proof(vec![Duration::ZERO]),
            keep_plans: true,
            stop: self.stop.clone(),
        });
        it.sweep(desired, cause, hands, gate).await
    }

    /// The clock goes on.
    pub fn pass(&self, span: chrono::Duration) {
        use driftless::clock::Clock as _;
        self.clock.set(self.clock.now() + span);
    }
}

/// What is held of all plans, as `bucket setting reason`.
pub fn held(swept: &Swept) -> Vec<String> {
    let lines = swept.plans.iter().flat_map(|visited| {
        let name = visited.wish.id.name.clone();
        visited.last.held.iter().map(move |held| format!("{name} {} {}", held.setting, held.hold.word()))
    });
    lines.collect()
}
