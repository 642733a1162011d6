//! Health, metrics, and how the server behaves as a server.

use std::sync::Arc;
use std::time::Duration;

use driftless::metrics::CONTENT_TYPE;
use driftless::report::{Cause, SourceReport, SourceState};
use driftless::serve::{Options, bind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{begin, over, usual};
use crate::support::fleet;
use crate::support::http::{get, raw, send};

#[tokio::test]
async fn a_daemon_that_has_done_nothing_is_alive_and_not_ready() {
    let server = over(Arc::default(), Options::default()).await;
    let alive = get(server.at, "/healthz").await;
    assert_eq!((alive.status, &*alive.body), (200, "ok\n"));
    let ready = get(server.at, "/readyz").await;
    assert_eq!((ready.status, &*ready.body), (503, "no revision is in force\nthe first sweep has not ended\n"));
}

#[tokio::test]
async fn readiness_follows_the_source_the_sweep_and_the_loop() {
    let server = usual().await;
    assert_eq!(get(server.at, "/readyz").await.status, 200);

    // A sweep that stands still, long after it began.
    server.board.begin_sweep(Cause::Schedule, fleet::ago(20), 9);
    server.board.advance_sweep(fleet::ago(11));
    let stuck = get(server.at, "/readyz").await;
    assert_eq!(
        (stuck.status, &*stuck.body),
        (503, "the sweep is stuck: 1 of 9 buckets done, none for 660 s; 600 s are allowed\n")
    );
    assert_eq!(get(server.at, "/healthz").await.status, 200, "a stuck sweep is not a dead process");
    server.board.advance_sweep(fleet::now());
    assert_eq!(get(server.at, "/readyz").await.status, 200);

    // The source is lost, and the last good revision stays in force.
    server.board.put_source(SourceReport { state: SourceState::Stale, ..fleet::source() });
    assert_eq!(get(server.at, "/readyz").await.status, 200);
    server.board.put_source(SourceReport { state: SourceState::Failed, ..fleet::source() });
    assert_eq!(get(server.at, "/readyz").await.body, "no revision is in force\n");
    server.board.put_source(fleet::source());

    // The loop is silent.
    server.clock.set(fleet::ago(-3));
    server.board.advance_sweep(fleet::ago(-3));
    let said = "the loop has given no sign of life for 180 s; 120 s are allowed\n";
    let dead = get(server.at, "/healthz").await;
    assert_eq!((dead.status, &*dead.body), (503, said));
    assert_eq!(get(server.at, "/readyz").await.body, said);
    server.heartbeat.beat(fleet::ago(-3));
    assert_eq!(get(server.at, "/healthz").await.status, 200);
    assert_eq!(get(server.at, "/readyz").await.status, 200);
}

#[tokio::test]
async fn metrics_are_served_in_the_format_that_prometheus_reads() {
    let server = usual().await;
    let answer = get(server.at, "/metrics").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, CONTENT_TYPE));
    assert!(answer.body.starts_with("# HELP driftless_build_info "), "{}", answer.body);
}

#[tokio::test]
async fn the_metrics_of_a_large_fleet_arrive_whole_though_in_pieces() {
    let server = over(fleet::large(2000), Options::default()).await;
    let answer = get(server.at, "/metrics").await;
    assert_eq!(answer.header("transfer-encoding"), "chunked");
    assert_eq!(answer.body.matches("driftless_bucket_policy_status{").count(), 2000 * 5 * 6);
    assert!(answer.body.ends_with("driftless_task_panics_total 0\n"));
}

#[tokio::test]
async fn scrapers_that_go_away_in_the_middle_do_not_keep_others_out() {
    let server = over(fleet::large(2000), Options::default()).await;
    for _ in 0..5 {
        let mut scraper = TcpStream::connect(server.at).await.expect("the server listens");
        scraper.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.expect("the server reads");
        let mut first = [0; 1];
        scraper.read_exact(&mut first).await.expect("the answer begins");
    }
    assert_eq!(get(server.at, "/metrics").await.status, 200);
}

/// Two scrapers that read slowly once kept Prometheus waiting for as long as they liked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapers_that_read_a_byte_now_and_then_do_not_keep_prometheus_out() {
    let server = over(fleet::large(2000), Options::default()).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small window");
        let mut scraper = socket.connect(server.at).await.expect("the server listens");
        scraper.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.expect("the server reads");
        let mut first = [0; 12];
        scraper.read_exact(&mut first).await.expect("the answer begins");
        assert_eq!(&first, b"HTTP/1.1 200");
        slow.push(scraper);
    }
    let answer = tokio::time::timeout(Duration::from_secs(30), get(server.at, "/metrics")).await.expect("in time");
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with("driftless_task_panics_total 0\n"));
}

/// 300 connections that said nothing once took all places for half a minute; the probe failed, and
/// the daemon was started anew for it.
#[tokio::test]
async fn health_answers_at_once_while_more_connect_than_there_are_places() {
    let server = usual().await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(server.at).await.expect("the server listens"));
    }
    let begun = std::time::Instant::now();
    assert_eq!(get(server.at, "/healthz").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // The first had to leave, the last has its place.
    let mut rest = Vec::new();
    let _ = silent[0].read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    let last = silent.last_mut().expect("many");
    last.write_all(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").await.expect("it is open");
    last.read_to_end(&mut rest).await.expect("it is answered");
    assert!(rest.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_is_ended_after_seconds() {
    let server = usual().await;
    let mut silent = TcpStream::connect(server.at).await.expect("the server listens");
    silent.write_all(b"GET / HT").await.expect("the server reads");
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(15), silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "half a head is not waited for half a minute");
}

#[tokio::test]
async fn metrics_apart_are_on_their_own_listener_only() {
    let options = Options { metrics_apart: true, ..Options::default() };
    let main = over(fleet::board(), options.clone()).await;
    assert_eq!(get(main.at, "/metrics").await.status, 404);
    assert!(!get(main.at, "/").await.body.contains("href=\"/metrics\""));
    let apart = begin(fleet::board(), options, true).await;
    assert_eq!(get(apart.at, "/metrics").await.status, 200);
    assert_eq!(get(apart.at, "/healthz").await.status, 200);
    assert_eq!(get(apart.at, "/").await.status, 404);
    assert_eq!(get(apart.at, "/api/v1/status").await.status, 404);
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let server = usual().await;
    let error = bind(server.at).await.expect_err("the port is taken");
    let port = server.at.port();
    assert_eq!(error.to_string(), format!("cannot listen on 127.0.0.1:{port}: another program listens there"));
    assert_eq!(
        error.hint("http.listen"),
        format!("end the program on port {port}, or set `http.listen` to another port; port 0 takes a free one")
    );
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let server = usual().await;
    for path in ["/", "/healthz", "/api/v1/status", "/buckets/default/checkpoints"] {
        let (head, whole) = (send(server.at, "HEAD", path, &[]).await, get(server.at, path).await);
        assert_eq!((head.status, &*head.body), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), whole.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
    }
    let head = send(server.at, "HEAD", "/metrics", &[]).await;
    assert_eq!((head.status, head.header("content-type"), &*head.body), (200, CONTENT_TYPE, ""));
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_done_say_so() {
    let server = usual().await;
    for path in ["/nothing", "/buckets/default/no-such-bucket", "/buckets/default/UPPER", "/policies/none"] {
        let page = get(server.at, path).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.body.contains("<a href=\"/\">To the first page</a>"), "{path}");
    }
    let api = get(server.at, "/api/v1/nothing").await;
    assert_eq!((api.status, api.header("content-type")), (404, "application/json"));
    assert_eq!(api.json()["error"], "there is nothing at this address");
    let bucket = get(server.at, "/api/v1/buckets/default/no-such-bucket").await;
    assert_eq!(
        (bucket.status, bucket.json()["error"].as_str()),
        (404, Some("no bucket `default/no-such-bucket` is known"))
    );

    let page = send(server.at, "DELETE", "/", &[]).await;
    assert_eq!((page.status, page.header("allow")), (405, "GET,HEAD"));
    assert!(page.body.contains("DELETE is not possible here"), "{}", page.body);
    let api = send(server.at, "PUT", "/api/v1/buckets", &[]).await;
    assert_eq!((api.status, api.json()["error"].as_str()), (405, Some("PUT is not possible here")));
}

#[tokio::test]
async fn a_large_body_is_refused_unread_and_garbage_is_not_http() {
    let server = usual().await;
    let large = send(server.at, "POST", "/api/v1/sync", &["Content-Length: 70000"]).await;
    assert_eq!((large.status, large.json()["error"].as_str()), (413, Some("the body is larger than 65536 bytes")));
    assert_eq!(raw(server.at, "garbage\r\n\r\n").await.status, 400);
    let long = format!("GET /?q={} HTTP/1.1\r\nConnection: close\r\n\r\n", "x".repeat(100_000));
    assert!(matches!(raw(server.at, &long).await.status, 414 | 431));
    assert_eq!(get(server.at, "/healthz").await.status, 200);
}

#[tokio::test]
async fn clients_that_never_speak_do_not_keep_others_out_and_shutdown_does_not_wait_for_them() {
    let mut server = usual().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(server.at).await.expect("the server listens"));
    }
    // One stops in the middle of its head.
    silent[0].write_all(b"GET / HTTP/1.1\r\nHost").await.expect("the server reads");
    assert_eq!(get(server.at, "/healthz").await.status, 200);
    server.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(30), &mut server.task).await;
    ended.expect("it ends soon").expect("it does not panic");
    let mut rest = Vec::new();
    let _ = silent[1].read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    assert!(TcpStream::connect(server.at).await.is_err(), "nobody listens any more");
}
