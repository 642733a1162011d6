//! driftless: the loop as the daemon runs it, with its documents, its board, its metrics and its
//! history, over the cloud that speaks HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless::agent::Telling;
use driftless::apply::Proof;
use driftless::board::Board;
use driftless::bucket::{AccountName, Region};
use driftless::clock::{Clock, SystemClock};
use driftless::cloud::aws::{AccountOptions, AwsCloud};
use driftless::cloud::budget::Bounds;
use driftless::cloud::patient::{Patience, Patient};
use driftless::cloud::{Observer, S3ErrorKind};
use driftless::desired::{Agent, Desired, resolve};
use driftless::history::History;
use driftless::metrics::{Metrics, MetricsOptions};
use driftless::past::{Limits, Past};
use driftless::reconcile::{FleetLimit, Gate, Hands, Loop};
use driftless::report::Cause;
use driftless::spec::Mode;
use driftless::spec::load::{Context, File, load};
use tokio_util::sync::CancellationToken;

use crate::process::{Meter, Usage};
use crate::{Job, bucket_name};

/// A spec as people write them: four settings, which the built-in policies want as well.
pub fn spec(n: usize) -> String {
    format!(
        "apiVersion: driftless/v1
kind: Bucket
metadata:
  name: {}
  labels: {{team: ml-platform}}
spec:
  region: us-east-1
  versioning: {{status: Enabled}}
  encryption: {{algorithm: AES256}}
  publicAccessBlock: all
  tags: {{Name: AI Model Data Storage, Purpose: Distributed AI Model Training}}
",
        bucket_name(n)
    )
}

/// What `buckets` specs, a file each, ask for.
pub fn desired(buckets: usize) -> Desired {
    let texts: Vec<(String, String)> = (0..buckets).map(|n| (format!("buckets/{n:06}.yaml"), spec(n))).collect();
    let files: Vec<File<'_>> = texts.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
    let account = (AccountName::default(), Region::us_east_1());
    let context =
        Context { now: SystemClock.now(), accounts: Some(BTreeMap::from([account.clone()])), ..Context::default() };
    let loaded = load(&files, &(), &context);
    let own_stores = std::collections::BTreeSet::new();
    let agent = Agent { mode: Mode::Enforce, accounts: vec![account], undeclared: false, guessed: false, own_stores };
    let (desired, findings) = resolve(&loaded.specs, &agent);
    assert!(loaded.findings.is_empty() && findings.is_empty(), "{:?} {findings:?}", loaded.findings);
    assert_eq!((desired.buckets.len(), desired.policies().count()), (buckets, 4));
    desired
}

struct Metered(Arc<Metrics>);

impl Observer for Metered {
    fn request(&self, account: &AccountName, operation: &str, failed: Option<S3ErrorKind>, seconds: f64) {
        self.0.request(account, operation, failed, seconds);
    }

    fn concurrency(&self, account: &AccountName, limit: f64) {
        self.0.concurrency_limit(account, limit);
    }
}

pub async fn run(job: &Job) -> Vec<Usage> {
    let desired = Arc::new(desired(job.buckets));
    let stop = CancellationToken::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let board = Arc::new(Board::default());
    let metrics = Arc::new(Metrics::new(Arc::clone(&board), Arc::clone(&clock), MetricsOptions::default()));
    let past = Arc::new(Past::new(Limits::default()));
    let history = Arc::new(History::in_memory("a benchmark", Arc::clone(&clock)).expect("a database in memory"));
    let observer: Arc<dyn Observer> = Arc::new(Metered(Arc::clone(&metrics)));
    let account = AccountOptions {
        control_endpoint: None,
        name: AccountName::default(),
        id: None,
        region: Region::us_east_1(),
        endpoint: Some(job.endpoint.clone()),
        path_style: true,
        profile: None,
        role: None,
        writer_role: None,
        external_id: None,
    };
    let aws = AwsCloud::connect(vec![account], &observer).await.expect("an endpoint of one's own has no identity");
    let bounds = Bounds { start: job.concurrency, ..Bounds::default() };
    let patient = Patient::new(aws, Patience::default(), [(AccountName::default(), bounds)], observer, stop.clone());
    let it = Arc::new(Loop {
        cloud: Arc::new(patient),
        clock,
        board: Arc::clone(&board),
        brakes: Arc::clone(&past) as _,
        witness: Arc::new(Telling::new(history, metrics, past)),
        limit: FleetLimit::default(),
        concurrency: job.concurrency,
        owners: BTreeSet::new(),
        proof: Proof::default(),
        keep_plans: false,
        stop,
    });
    let mut usages = Vec::with_capacity(job.sweeps);
    for _ in 0..job.sweeps {
        let meter = Meter::start();
        let swept = it.sweep(&desired, Cause::Schedule, Hands::Free, &Gate::Open).await;
        usages.push(meter.stop());
        assert_eq!(swept.report.in_sync, job.buckets, "every bucket complies: {:?}", swept.report);
    }
    assert_eq!(board.buckets().len(), job.buckets);
    usages
}
