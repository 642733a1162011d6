use std::sync::Arc;

use super::*;
use crate::alertmanager::rule::Rule;
use crate::alertmanager::window::Samples;
use crate::board::Board;
use crate::bucket::{AccountName, BucketId, BucketName, Region};
use crate::metrics::MetricsOptions;
use crate::report::{BucketReport, BucketState, Cause, PolicyStatus, SweepReport};
use crate::spec::PolicySeverity;
use crate::verdict::Verdict;

fn at(minutes: i64) -> Timestamp {
    chrono::DateTime::from_timestamp(1_795_348_800, 0).expect("a moment of November 2026") + Duration::minutes(minutes)
}

/// A bucket under one policy.
fn bucket(verdict: Verdict, severity: PolicySeverity, since: Option<Timestamp>) -> BucketReport {
    let status = PolicyStatus { policy: "private".into(), severity, verdict, detail: None, since, exempt_until: None };
    BucketReport {
        id: BucketId { account: AccountName::default(), name: BucketName::parse("training").expect("a legal name") },
        region: Region::us_east_1(),
        state: BucketState::Managed,
        spec: None,
        checked_at: at(0),
        policies: Arc::new([status]),
        settings: Arc::new([]),
        held: Box::default(),
        repairs: Box::default(),
        errors: Box::default(),
        suspended_until: None,
        wish: None,
    }
}

/// A board after a sweep.
fn swept(report: BucketReport) -> Board {
    let board = Board::default();
    board.put_bucket(report);
    let sweep = SweepReport {
        cause: Cause::Start,
        started_at: at(0),
        seconds: 1.0,
        buckets: 1,
        in_sync: 0,
        drifted: 1,
        unknown: 0,
        repaired: 0,
        failed: 0,
        held: 0,
        interrupted: false,
        errors: vec![],
    };
    board.put_sweep(sweep, at(0));
    board.put_source(crate::report::SourceReport {
        state: crate::report::SourceState::Ready,
        ..crate::report::SourceReport::default()
    });
    board
}

/// The names of the alerts that are open, but for the one that always is, and when the next will be.
fn open(board: &Board, manner: &Manner, lasting: &mut Lasting, now: Timestamp) -> (Vec<String>, Option<Timestamp>) {
    let (samples, metrics) = (Samples::default(), MetricsOptions::default());
    let stand = Stand { board, samples: &samples, metrics: &metrics, history_degraded: false };
    let open = alerts_of(&stand, manner, lasting, now);
    let names = open.alerts.iter().map(|alert| alert.labels["alertname"].clone());
    (names.filter(|name| name != Rule::Watchdog.name()).collect(), open.next)
}

#[test]
fn an_open_bucket_is_told_in_the_words_of_the_rules_since_it_was_found() {
    let board = swept(bucket(Verdict::Drifted, PolicySeverity::Critical, Some(at(-2))));
    let (samples, metrics) = (Samples::default(), MetricsOptions::default());
    let stand = Stand { board: &board, samples: &samples, metrics: &metrics, history_degraded: false };
    let manner = Manner {
        labels: [("job", "driftless"), ("instance", "10.0.0.1:9464"), ("cluster", "eu"), ("policy", "mine")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        grafana: Some("https://grafana.example.com".to_owned()),
        docs: Some("https://docs.example.com/driftless".to_owned()),
        wait: None,
    };
    let open = alerts_of(&stand, &manner, &mut Lasting::default(), at(0));
    assert_eq!(
        serde_json::to_value(&open.alerts).expect("JSON"),
        serde_json::json!([
            {
                "labels": {
                    "account": "default",
                    "alertname": "DriftlessBucketPublicDrift",
                    "bucket": "training",
                    "cluster": "eu",
                    "instance": "10.0.0.1:9464",
                    "job": "driftless",
                    "policy": "private",
                    "region": "us-east-1",
                    "severity": "critical",
                    "status": "drifted",
                },
                "annotations": {
                    "summary": "Bucket training breaks the critical policy private",
                    "description": "Bucket training may be open to people outside, and has not been repaired within a \
                                    minute. Its page says why.",
                    "runbook_url": "https://docs.example.com/driftless/operations.md#driftlessbucketpublicdrift",
                    "dashboard_url": "https://grafana.example.com/d/driftless-bucket?var-bucket=training&var-account=default",
                },
                "startsAt": "2026-11-22T11:58:00Z",
            },
            {
                "labels": {"alertname": "Watchdog", "cluster": "eu", "policy": "mine", "severity": "none"},
                "annotations": {
                    "summary": "Alerts of driftless are evaluated",
                    "description": "It always fires. Have whoever receives it miss it when it does not come.",
                    "runbook_url": "https://docs.example.com/driftless/operations.md#watchdog",
                    "dashboard_url": "https://grafana.example.com/d/driftless-agent",
                },
                "startsAt": "2026-11-22T12:00:00Z",
            },
        ])
    );
}

#[test]
fn what_is_repaired_in_the_sweep_that_finds_it_is_no_alert() {
    let board = swept(bucket(Verdict::Compliant, PolicySeverity::Critical, None));
    let manner = Manner { wait: Some(Duration::zero()), ..Manner::default() };
    assert_eq!(open(&board, &manner, &mut Lasting::default(), at(60)), (vec![], None));
}

/// Sweeps an hour apart never fail three times within half an hour: nobody was told.
#[test]
fn sweeps_that_do_not_succeed_are_told_however_rare_they_are() {
    let board = swept(bucket(Verdict::Compliant, PolicySeverity::Low, None));
    let begun = board.last_success().expect("it succeeded");
    let manner = Manner { wait: Some(Duration::zero()), ..Manner::default() };
    let names = |minutes| open(&board, &manner, &mut Lasting::default(), begun + Duration::minutes(minutes)).0;
    assert_eq!((names(180), names(181)), (vec![], vec!["DriftlessSweepMissing".to_owned()]));
    // One that is under way for long is another matter.
    board.begin_sweep(Cause::Schedule, begun + Duration::minutes(60), 1);
    assert_eq!(names(181), ["DriftlessSweepStuck"]);
}

/// A source that answered long ago and has no revision either was two alerts.
#[test]
fn a_source_that_is_stale_and_failed_is_one_alert() {
    let board = swept(bucket(Verdict::Compliant, PolicySeverity::Low, None));
    board.put_source(crate::report::SourceReport { last_success: Some(at(-60)), ..Default::default() });
    let manner = Manner { wait: Some(Duration::zero()), ..Manner::default() };
    assert_eq!(open(&board, &manner, &mut Lasting::default(), at(0)).0, ["DriftlessSourceStale"]);
}

#[test]
fn drift_is_told_as_long_after_it_was_found_as_its_rule_says() {
    let manner = Manner::default();
    for (severity, minutes, name) in [
        (PolicySeverity::Critical, 1, "DriftlessBucketPublicDrift"),
        (PolicySeverity::High, 15, "DriftlessBucketDrifted"),
    ] {
        let board = swept(bucket(Verdict::Drifted, severity, Some(at(0))));
        let lasting = &mut Lasting::default();
        let early = at(minutes) - Duration::seconds(1);
        assert_eq!(open(&board, &manner, lasting, early), (vec![], Some(at(minutes))));
        assert_eq!(open(&board, &manner, lasting, at(minutes)), (vec![name.to_owned()], None));
    }
}

#[test]
fn what_nobody_knows_is_told_when_it_was_so_without_a_break() {
    let (manner, lasting) = (Manner::default(), &mut Lasting::default());
    // Since when it differed says nothing of since when nobody knows.
    let differed = swept(bucket(Verdict::Unknown, PolicySeverity::Critical, Some(at(-600))));
    let drift = vec!["DriftlessBucketPublicDrift".to_owned()];
    assert_eq!(open(&differed, &manner, &mut Lasting::default(), at(0)), (drift, Some(at(30))));
    let dark = swept(bucket(Verdict::Unknown, PolicySeverity::Critical, None));
    let light = swept(bucket(Verdict::Compliant, PolicySeverity::Critical, None));
    let name = vec!["DriftlessPolicyUnknown".to_owned()];
    assert_eq!(open(&dark, &manner, lasting, at(0)), (vec![], Some(at(30))));
    assert_eq!(open(&light, &manner, lasting, at(20)), (vec![], None));
    assert_eq!(open(&dark, &manner, lasting, at(25)), (vec![], Some(at(55))));
    assert_eq!(open(&dark, &manner, lasting, at(55)), (name.clone(), None));
    // A clock that is put back makes nothing younger than now.
    assert_eq!(open(&dark, &Manner { wait: Some(Duration::zero()), ..manner }, lasting, at(5)), (name, None));
}

#[test]
fn what_was_told_before_a_restart_goes_on_and_waits_for_nothing() {
    let (manner, lasting) = (Manner::default(), &mut Lasting::default());
    let dark = || bucket(Verdict::Unknown, PolicySeverity::Critical, None);
    open(&swept(dark()), &manner, lasting, at(0));
    let (samples, metrics) = (Samples::default(), MetricsOptions::default());
    let board = swept(dark());
    let stand = Stand { board: &board, samples: &samples, metrics: &metrics, history_degraded: false };
    let told = alerts_of(&stand, &manner, lasting, at(30)).alerts;
    let restarted = &mut Lasting::of(&told);
    // Before the first sweep nothing is known of any bucket.
    let unswept = Board::default();
    unswept.put_bucket(dark());
    let before = open(&unswept, &manner, restarted, at(31)).0;
    assert_eq!(before, Vec::<String>::new());
    assert_eq!(open(&board, &manner, restarted, at(32)).0, ["DriftlessPolicyUnknown"]);
}

/// A critical alert was resolved because its bucket could not be read any more.
#[test]
fn drift_that_nobody_can_read_any_more_is_the_same_alert_still() {
    let samples = Samples::default();
    let manner = Manner { wait: Some(Duration::zero()), ..Manner::default() };
    for detail in [crate::metrics::Detail::Bucket, crate::metrics::Detail::Policy, crate::metrics::Detail::Summary] {
        let metrics = MetricsOptions { detail, ..MetricsOptions::default() };
        let of = |report: BucketReport| -> Vec<Alert> {
            let board = swept(report);
            let stand = Stand { board: &board, samples: &samples, metrics: &metrics, history_degraded: false };
            let open = alerts_of(&stand, &manner, &mut Lasting::default(), at(9));
            let of_bucket = |it: &Alert| it.labels["alertname"].starts_with("DriftlessBucket");
            open.alerts.into_iter().filter(of_bucket).collect()
        };
        let drifted = of(bucket(Verdict::Drifted, PolicySeverity::Critical, Some(at(-2))));
        assert_eq!(drifted.len(), 1);
        assert_eq!(of(bucket(Verdict::Unknown, PolicySeverity::Critical, Some(at(-2)))), drifted, "{detail:?}");
        assert_eq!(of(bucket(Verdict::Unknown, PolicySeverity::Critical, None)), [], "{detail:?}");
        let suspended = bucket(Verdict::Unknown, PolicySeverity::Critical, Some(at(-2)));
        assert_eq!(of(BucketReport { suspended_until: Some(at(30)), ..suspended }), [], "{detail:?}");
    }
}
