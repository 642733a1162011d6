//! Traces and logs by OTLP, read back by a collector on loopback.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};

use super::*;
use crate::support::collector::{Answers, Collector, attribute, text};

/// A world with a bucket whose versioning somebody suspended, that sends to a collector at once.
async fn traced(collector: &Collector) -> World {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    world.set_versioning("bucket-000000", "Suspended").await;
    world.config["telemetry"] = json!({"endpoint": collector.url()});
    for name in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"] {
        world.environment.push((name.into(), "100".into()));
    }
    world
}

#[track_caller]
fn one<'a>(spans: &'a [Span], what: &str, is_it: impl Fn(&Span) -> bool) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|it| is_it(it)).collect();
    let names: BTreeSet<&str> = spans.iter().map(|it| &*it.name).collect();
    assert_eq!(found.len(), 1, "{what} among {names:?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_stage_is_a_span_below_its_sweep_and_the_log_has_its_trace() {
    let collector = Collector::start(Answers::Well).await;
    let mut world = traced(&collector).await;
    world.config["log"] = json!({"format": "json"});
    world.config["telemetry"]["serviceName"] = json!("buckets-of-research");
    std::fs::write(world.path("headers"), "authorization=Bearer%20a-secret-word\nx-scope-orgid=platform\n").unwrap();
    world.config["telemetry"]["headersFile"] = json!(world.path("headers"));
    let revision = world.repo.resolve("refs/heads/main").unwrap();
    let log = world.swept().await.stop().await;
    assert!(!log.contains("a-secret-word"), "{log}");

    // The first sweep: its stages are below it, in one trace.
    let spans = collector.spans();
    let sweep = one(&spans, "the sweep", |it| it.name == "sweep");
    assert_eq!((sweep.parent_span_id.len(), sweep.trace_id.len(), sweep.span_id.len()), (0, 16, 8));
    assert_eq!(attribute(&sweep.attributes, "cause"), "start");
    assert_eq!(attribute(&sweep.attributes, "revision"), revision);
    assert_eq!(attribute(&sweep.attributes, "buckets"), "1");
    assert_eq!(attribute(&sweep.attributes, "repaired"), "1");
    let below = |parent: &Span, name: &str| {
        let found: Vec<&Span> =
            spans.iter().filter(|it| it.parent_span_id == parent.span_id && it.name == name).collect();
        for it in &found {
            assert_eq!(it.trace_id, parent.trace_id, "{name}");
            assert!(it.start_time_unix_nano >= parent.start_time_unix_nano, "{name}");
        }
        found
    };
    let list = below(sweep, "list");
    assert_eq!(list.iter().map(|it| attribute(&it.attributes, "account")).collect::<Vec<_>>(), ["default"]);
    // A gated sweep looks at first and visits again to write: each visit is a span.
    let buckets = below(sweep, "bucket");
    assert!(buckets.iter().all(|it| attribute(&it.attributes, "bucket.name") == "bucket-000000"), "{buckets:?}");
    let stages = |name: &str| buckets.iter().flat_map(|it| below(it, name)).collect::<Vec<_>>();
    let read: BTreeSet<String> = stages("read").iter().map(|it| attribute(&it.attributes, "setting")).collect();
    for setting in ["versioning", "tags", "encryption", "publicAccessBlock"] {
        assert!(read.contains(setting), "{read:?}");
    }
    assert!(stages("plan").len() >= 2, "it is planned before and after the write");
    let apply = stages("apply");
    assert_eq!(apply.len(), 1);
    assert_eq!(attribute(&apply[0].attributes, "setting"), "versioning");
    assert_eq!(attribute(&apply[0].attributes, "result"), "proved");
    let reports = stages("report");
    assert!(!reports.is_empty());

    // What caused it is a trace of its own, to which it points.
    let load = one(&spans, "the load", |it| it.name == "load");
    assert_eq!(attribute(&load.attributes, "revision"), revision);
    let follow = one(&spans, "its look at the source", |it| it.span_id == load.parent_span_id);
    assert_eq!((&*follow.name, follow.parent_span_id.len()), ("follow", 0));
    let fetch = one(&spans, "its fetch", |it| it.name == "fetch" && it.parent_span_id == follow.span_id);
    assert_eq!(attribute(&fetch.attributes, "result"), "new");
    assert_eq!(sweep.links.len(), 1);
    assert_eq!((&sweep.links[0].trace_id, &sweep.links[0].span_id), (&follow.trace_id, &follow.span_id));

    // The log, with the trace of what it tells; and in the local log the same ids.
    let records = collector.records();
    let drift =
        records.iter().find(|it| it.body.as_ref().is_some_and(|it| text(it).contains("drift from policy versioned")));
    let drift = drift.unwrap_or_else(|| panic!("no line tells of the drift: {records:?}"));
    assert_eq!(drift.severity_text, "WARN");
    assert_eq!(attribute(&drift.attributes, "bucket.name"), "bucket-000000");
    assert_eq!(attribute(&drift.attributes, "policy"), "versioned");
    assert_eq!(drift.trace_id, sweep.trace_id);
    assert!(reports.iter().any(|it| it.span_id == drift.span_id), "it was told in the stage `report`");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let line = log.lines().find(|line| line.contains("drift from policy versioned")).expect("it is in the local log");
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["trace_id"], hex(&drift.trace_id));
    assert_eq!(line["span_id"], hex(&drift.span_id));

    // Who sends it, and with which headers.
    let resource = collector.traces()[0].resource_spans[0].resource.clone().expect("a resource");
    assert_eq!(attribute(&resource.attributes, "service.name"), "buckets-of-research");
    assert_eq!(attribute(&resource.attributes, "service.version"), env!("CARGO_PKG_VERSION"));
    for it in collector.posted() {
        for header in
            ["authorization: bearer a-secret-word", "x-scope-orgid: platform", "content-type: application/x-protobuf"]
        {
            assert!(it.headers.iter().any(|line| line == header), "{header} of {}: {:?}", it.path, it.headers);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_fails_says_so_in_its_span() {
    let collector = Collector::start(Answers::Well).await;
    let mut world = traced(&collector).await;
    let denied = Answer::Error { status: 403, code: "AccessDenied".to_owned() };
    world.s3.inject(Fault::always(Operation::PutBucketVersioning, "bucket-000000", denied));
    world.config["telemetry"]["logs"] = json!(false);
    world.swept().await.stop().await;
    let spans = collector.spans();
    let apply = one(&spans, "the write", |it| it.name == "apply");
    assert_eq!(attribute(&apply.attributes, "result"), "failed");
    assert_eq!(attribute(&apply.attributes, "error.type"), "denied");
    assert_eq!(apply.status.as_ref().map(|it| it.code()), Some(StatusCode::Error));
    assert!(collector.records().is_empty(), "the log is not sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_variables_of_the_standard_are_enough() {
    let collector = Collector::start(Answers::Well).await;
    let mut world = traced(&collector).await;
    world.config["telemetry"] = json!({});
    world.environment.extend(
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-scope-orgid=from-the-environment"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_SERVICE_NAME", "named-outside"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let log = world.swept().await.stop().await;
    assert!(log.contains("WARN  logs are sent by http/protobuf: driftless does not speak `grpc`"), "{log}");
    assert_eq!(collector.spans().len(), 0, "nothing was sampled");
    let records = collector.records();
    assert!(records.iter().any(|it| it.body.as_ref().is_some_and(|it| text(it) == "driftless ended in good order")));
    assert!(collector.posted().iter().all(|it| it.headers.contains(&"x-scope-orgid: from-the-environment".to_owned())));
    let posted = collector.posted();
    let body = posted.iter().find(|it| it.path == "/v1/logs").expect("logs came").body.clone();
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("named-outside") && body.contains("deployment.environment.name"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_is_traced_whole_or_not_at_all() {
    let collector = Collector::start(Answers::Well).await;
    let mut world = traced(&collector).await;
    world.config["telemetry"]["sampleRatio"] = json!(0);
    world.swept().await.stop().await;
    assert_eq!(collector.spans().len(), 0);
    assert!(!collector.records().is_empty(), "the log is sent all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_is_told_once_and_changes_nothing() {
    let collector = Collector::start(Answers::Well).await;
    let mut world = traced(&collector).await;
    world.config["telemetry"]["timeout"] = json!("300ms");
    world.config["telemetry"]["traces"] = json!(false);
    drop(collector);
    let daemon = world.swept().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    daemon.said("WARN  logs cannot be sent to http://").await;
    daemon.sweep().await;
    let log = daemon.stop().await;
    assert_eq!(log.matches("cannot be sent to").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_holds_up_neither_a_sweep_nor_the_end() {
    let collector = Collector::start(Answers::Never).await;
    let mut world = traced(&collector).await;
    world.config["telemetry"]["timeout"] = json!("1h");
    let daemon = world.swept().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    wait("something was sent", async || (!collector.posted().is_empty()).then_some(())).await;
    daemon.sweep().await;
    let begun = std::time::Instant::now();
    daemon.stop().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_cannot_be_read_are_told_before_anything_is_done() {
    let mut world = World::new(&[]).await;
    world.config["telemetry"] = json!({"endpoint": "http://127.0.0.1:1", "headersEnv": "NO_SUCH_VARIABLE"});
    let mut daemon = world.begin(&[]);
    assert_eq!(daemon.ends().await.code(), Some(1));
    let said = "the variable `NO_SUCH_VARIABLE` with the headers for telemetry is not set\n\
                hint: set it, or correct `telemetry.headersEnv`\n";
    assert_eq!(daemon.said("hint: ").await, said);
    world.config["telemetry"] = json!({"endpoint": "collector:4318"});
    let mut daemon = world.begin(&[]);
    assert_eq!(daemon.ends().await.code(), Some(2));
    let log = daemon.said("hint: ").await;
    assert!(
        log.ends_with(
            "`collector:4318` is not an http or https address\nhint: did you mean `http://collector:4318`?\n"
        ),
        "{log}"
    );
}
