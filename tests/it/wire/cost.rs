//! What a sweep costs in requests.

use driftless::board::Board;
use driftless::clock::ManualClock;
use driftless::cloud::patient::{Patience, Patient};
use driftless::metrics::{Metrics, MetricsOptions};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::looped::{Rig, bucket, desired_with, now};

struct Metered(Arc<Metrics>);

impl Observer for Metered {
    fn request(&self, account: &AccountName, operation: &str, failed: Option<S3ErrorKind>, seconds: f64) {
        self.0.request(account, operation, failed, seconds);
    }
    fn concurrency(&self, account: &AccountName, limit: f64) {
        self.0.concurrency_limit(account, limit);
    }
}

#[tokio::test]
async fn a_compliant_bucket_under_the_four_policies_costs_four_requests() {
    let server = server().await;
    let many = Prepared { count: 7, name: "fleet-{n}".to_owned(), account: account(), ..Prepared::default() };
    server.prepare(&many);
    let options = MetricsOptions { process: false, ..MetricsOptions::default() };
    let metrics = Arc::new(Metrics::new(Arc::new(Board::default()), Arc::new(ManualClock::at(now())), options));
    let observer: Arc<dyn Observer> = Arc::new(Metered(Arc::clone(&metrics)));
    let aws = connect_to(&server.url(), &observer).await;
    let patient = Patient::new(aws, Patience::default(), [], observer, CancellationToken::new());
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(patient));
    let spec = "{tags: {Name: AI Model Data Storage, Purpose: Distributed AI Model Training}}";
    let text: String = (0..7).map(|n| bucket(&format!("fleet-{n:06}"), spec)).collect();
    let swept = rig.sweep(&desired_with(&text, "")).await;
    assert_eq!((swept.report.in_sync, swept.report.buckets), (7, 7));
    let four =
        ["GetBucketEncryption", "GetBucketTagging", "GetBucketVersioning", "GetPublicAccessBlock"].map(|it| (it, 7));
    let expected: BTreeMap<&str, u64> = four.into_iter().chain([("ListBuckets", 1)]).collect();
    assert_eq!(server.requests(), expected);

    let exposition = metrics.render();
    let counted: f64 = exposition
        .lines()
        .filter(|line| line.starts_with("driftless_aws_requests_total{"))
        .map(|line| line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).expect("a count"))
        .sum();
    assert!((counted - 29.0).abs() < f64::EPSILON, "{counted} of 29 in\n{exposition}");
}

#[tokio::test]
async fn there_is_one_client_for_an_account_and_region() {
    use driftless::cloud::Cloud;
    let server = server().await;
    let cloud = connect(&server).await;
    for name in ["data", "data-old", "access-logs"] {
        for setting in ["versioning", "tags"] {
            cloud.read(&target(name), setting).await.expect("a value");
        }
    }
    assert_eq!(cloud.clients(), 1);
    let elsewhere = Target { region: Region::parse("eu-west-1").expect("a region"), ..target("data") };
    let _ = cloud.read(&elsewhere, "versioning").await;
    assert_eq!(cloud.clients(), 2);
}
