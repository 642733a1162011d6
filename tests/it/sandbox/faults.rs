//! What goes wrong on purpose, in process and over the control endpoint.

use super::*;
use std::time::Instant;

use driftless::sandbox::{Answer, Fault, Operation, Weather};
use serde_json::{Value, json};

fn next(server: &Running, answer: Answer) {
    server.inject(Fault::once(Operation::GetBucketVersioning, "data", answer));
}

async fn control(server: &Running, line: &str, body: &str) -> (u16, Value) {
    let answer = raw(server, line, "", body).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    (answer.status, serde_json::from_str(&answer.body).expect("JSON"))
}

#[tokio::test]
async fn an_answer_that_was_asked_for_is_given_as_often_as_asked() {
    let server = server().await;
    let client = alice(&server);
    let ask = || client.get_bucket_versioning().bucket("data").send();
    for (status, word) in [
        (403, "AccessDenied"),
        (404, "NoSuchBucket"),
        (409, "OperationAborted"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ] {
        next(&server, Answer::Error { status, code: word.to_owned() });
        assert_eq!(refusal(ask().await), code(status, word));
        assert!(ask().await.is_ok());
    }
    server.inject(Fault {
        operation: None,
        bucket: None,
        times: Some(2),
        answer: Answer::Error { status: 503, code: "SlowDown".to_owned() },
    });
    assert_eq!(refusal(client.list_buckets().send().await), code(503, "SlowDown"));
    assert_eq!(refusal(ask().await), code(503, "SlowDown"));
    assert!(ask().await.is_ok());
    server.inject(Fault::always(Operation::GetBucketVersioning, "data", Answer::Html { status: 502 }));
    assert_eq!(refusal(ask().await), code(502, ""));
    assert_eq!(refusal(ask().await), code(502, ""));
    assert!(client.list_buckets().send().await.is_ok());
    assert_eq!(server.faults().len(), 1);
    server.clear_faults();
    assert!(ask().await.is_ok());
}

#[tokio::test]
async fn an_answer_can_be_no_answer_of_s3() {
    let server = server().await;
    let client = alice(&server);
    let ask = || client.get_bucket_versioning().bucket("data").send();
    next(&server, Answer::Garbage);
    let error = ask().await.expect_err("no XML");
    assert_eq!(error.raw_response().map(|response| response.status().as_u16()), Some(200));
    next(&server, Answer::WrongRoot);
    let error = ask().await.expect_err("a wrong root");
    assert!(matches!(error, SdkError::ServiceError(_)), "{error:?}");
    assert_eq!((error.meta().code(), error.raw_response().map(|r| r.status().as_u16())), (None, Some(200)));
    next(&server, Answer::Redirect { region: "eu-west-1".to_owned() });
    let error = ask().await.expect_err("a redirect");
    let response = error.raw_response().expect("an answer");
    assert_eq!(response.headers().get("x-amz-bucket-region"), Some("eu-west-1"));
    assert_eq!((response.status().as_u16(), error.meta().code()), (301, Some("PermanentRedirect")));
}

#[tokio::test]
async fn half_a_body_arrives_and_then_the_connection_ends() {
    let server = server().await;
    next(&server, Answer::HalfBody);
    let half = raw(&server, "GET /data?versioning", "", "").await;
    let whole = raw(&server, "GET /data?versioning", "", "").await;
    assert_eq!((half.status, half.header("content-length")), (200, whole.header("content-length")));
    assert_eq!(half.body, whole.body[..whole.body.len() / 2]);
    next(&server, Answer::HalfBody);
    let error = alice(&server).get_bucket_versioning().bucket("data").send().await.expect_err("half a body");
    assert!(!matches!(error, SdkError::ServiceError(_)), "{error:?}");
    // A write is done all the same.
    server.inject(Fault::once(Operation::PutBucketVersioning, "data", Answer::HalfBody));
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let half = raw(&server, "PUT /data?versioning", "", on).await;
    assert_eq!((half.header("content-length"), half.body.as_str()), (Some("64"), ""));
    assert_eq!(get(&server, "versioning").await, on);
}

#[tokio::test]
async fn a_write_can_be_accepted_and_not_stored() {
    let server = server().await;
    let client = alice(&server);
    server.inject(Fault { operation: None, bucket: None, times: Some(4), answer: Answer::StoreNothing });
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(put(&server, "versioning", on).await.0, 200);
    assert_eq!(get(&server, "versioning").await, "<VersioningConfiguration/>");
    client.delete_public_access_block().bucket("data").send().await.expect("answered");
    client.create_bucket().bucket("new").send().await.expect("answered");
    client.delete_bucket().bucket("data").send().await.expect("answered");
    assert_eq!(server.bucket_names(), ["data"]);
    assert!(client.get_public_access_block().bucket("data").send().await.is_ok());
    assert_eq!(put(&server, "versioning", on).await.0, 200);
    assert_eq!(get(&server, "versioning").await, on);
}

#[tokio::test]
async fn a_request_can_hang_until_the_client_or_the_server_gives_up() {
    let server = server().await;
    let client = alice(&server);
    next(&server, Answer::Hang);
    let impatient = TimeoutConfig::builder().operation_timeout(Duration::from_millis(50)).build();
    let config = aws_sdk_s3::config::Builder::new().timeout_config(impatient);
    let ask = client.get_bucket_versioning().bucket("data").customize().config_override(config).send().await;
    assert!(matches!(ask, Err(SdkError::TimeoutError(_))), "{ask:?}");
    assert!(client.get_bucket_versioning().bucket("data").send().await.is_ok());

    next(&server, Answer::Hang);
    let hanging = {
        let client = client.clone();
        tokio::spawn(async move { client.get_bucket_versioning().bucket("data").send().await.is_err() })
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.faults().is_empty() {
        assert!(Instant::now() < deadline, "the request never arrived");
        tokio::task::yield_now().await;
    }
    server.stop().await.expect("stopped");
    assert!(hanging.await.expect("no panic"));
}

#[tokio::test]
async fn the_weather_strikes_some_requests_the_same_ones_each_time() {
    let storm = Weather { latency_ms: 0, jitter_ms: 1, error_rate: 0.3, throttle_rate: 0.3 };
    let mut rounds = Vec::new();
    for _ in 0..2 {
        let server = server().await;
        server.set_weather(storm);
        let mut seen = Vec::new();
        for _ in 0..40 {
            seen.push(raw(&server, "GET /data?versioning", "", "").await.refusal().0);
        }
        server.reset();
        assert_eq!(raw(&server, "GET /data?versioning", "", "").await.status, 200);
        rounds.push(seen);
    }
    assert_eq!(rounds[0], rounds[1]);
    for status in [200, 500, 503] {
        assert!(rounds[0].contains(&status), "{status}: {rounds:?}");
    }
}

#[tokio::test]
async fn an_answer_takes_the_latency_that_was_asked_for() {
    let server = server().await;
    server.set_weather(Weather { latency_ms: 60, jitter_ms: 10, ..Weather::default() });
    let start = Instant::now();
    assert_eq!(raw(&server, "GET /data?versioning", "", "").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
}

#[tokio::test]
async fn everything_can_be_asked_for_over_the_control_endpoint() {
    let server = server().await;
    let (_, health) = control(&server, "GET /_sandbox/health", "").await;
    assert_eq!(health, json!({"buckets": 1}));

    let fault = r#"[{"operation":"GetBucketTagging","bucket":"data","answer":{"kind":"error","status":503,"code":"SlowDown"}}]"#;
    assert_eq!(control(&server, "POST /_sandbox/faults", fault).await, (200, json!({})));
    assert_eq!(
        control(&server, "POST /_sandbox/faults", r#"{"times":null,"bucket":"x","answer":{"kind":"hang"}}"#).await.0,
        200
    );
    let (_, faults) = control(&server, "GET /_sandbox/faults", "").await;
    assert_eq!(faults[0]["times"], 1);
    assert_eq!(faults[1], json!({"bucket": "x", "times": null, "answer": {"kind": "hang"}}));
    assert_eq!(get(&server, "tagging").await, r#"(503, "SlowDown")"#);
    assert_eq!(get(&server, "tagging").await, r#"(404, "NoSuchTagSet")"#);
    assert_eq!(control(&server, "DELETE /_sandbox/faults", "").await.0, 200);
    assert!(server.faults().is_empty());

    let (_, requests) = control(&server, "GET /_sandbox/requests", "").await;
    assert_eq!(requests["counts"], json!({"GetBucketTagging": 2}));
    assert_eq!(requests["log"][1], json!({"operation": "GetBucketTagging", "bucket": "data", "account": ALICE}));
    assert_eq!(control(&server, "DELETE /_sandbox/requests", "").await.0, 200);
    assert!(server.requests().is_empty() && server.log().is_empty());

    let weather = json!({"latencyMs": 1, "jitterMs": 1, "errorRate": 0.0, "throttleRate": 1.0});
    assert_eq!(control(&server, "PUT /_sandbox/weather", &weather.to_string()).await.0, 200);
    assert_eq!(control(&server, "GET /_sandbox/weather", "").await.1, weather);
    assert_eq!(get(&server, "tagging").await, r#"(503, "SlowDown")"#);
    assert_eq!(control(&server, "POST /_sandbox/reset", "").await.0, 200);

    let buckets = json!({"count": 2, "name": "more-{n}", "account": ALICE, "tags": {"k": "v"}});
    assert_eq!(control(&server, "POST /_sandbox/buckets", &buckets.to_string()).await.0, 200);
    assert_eq!(server.bucket_names(), ["data", "more-000000", "more-000001"]);
    assert_eq!(
        server.body("more-000001", "tagging").map(|body| body.contains("<Key>k</Key><Value>v</Value>")),
        Some(true)
    );
    let tags = json!({"bucket": "data", "tags": {"aws:x": "1"}});
    assert_eq!(control(&server, "POST /_sandbox/tags", &tags.to_string()).await.0, 200);
    assert!(get(&server, "tagging").await.contains("<Key>aws:x</Key>"));
}

#[tokio::test]
async fn what_the_control_endpoint_does_not_understand_it_says() {
    let server = server().await;
    let bad = |line: &'static str, body: &'static str| control(&server, line, body);
    assert_eq!(bad("POST /_sandbox/faults", "{}").await, (400, json!({"error": "missing field `answer`"})));
    let status = r#"{"answer":{"kind":"error","status":99,"code":"X"}}"#;
    assert_eq!(
        bad("POST /_sandbox/faults", status).await,
        (400, json!({"error": "99 is no status for such an answer"}))
    );
    let (status, said) = bad("POST /_sandbox/faults", r#"{"operation":"GetTags","answer":{"kind":"hang"}}"#).await;
    assert_eq!(status, 400);
    assert!(said["error"].as_str().is_some_and(|said| said.starts_with("unknown variant `GetTags`")), "{said}");
    let rate = r#"{"errorRate":2}"#;
    assert_eq!(bad("PUT /_sandbox/weather", rate).await, (400, json!({"error": "a rate lies between 0 and 1"})));
    let tags = r#"{"bucket":"none","tags":{}}"#;
    assert_eq!(bad("POST /_sandbox/tags", tags).await, (404, json!({"error": "there is no bucket `none`"})));
    let many = r#"{"count":1000001}"#;
    let said = json!({"error": "1000000 buckets are the most at once"});
    assert_eq!(bad("POST /_sandbox/buckets", many).await, (400, said));
    let name = r#"{"name":"Data-{n}"}"#;
    let said = json!({"error": "illegal bucket name `Data-000000`: `D` is not allowed"});
    assert_eq!(bad("POST /_sandbox/buckets", name).await, (400, said));
    let unknown = (404, json!({"error": "nothing answers GET /_sandbox/nonsense"}));
    assert_eq!(bad("GET /_sandbox/nonsense", "").await, unknown);
    assert!(server.faults().is_empty() && server.requests().is_empty());
}
