//! The page.

use std::sync::Arc;

use driftless::report::{Cause, SourceReport, SourceState};
use driftless::serve::Options;

use super::{over, usual};
use crate::support::fleet;
use crate::support::http::get;

/// The page with a line for each element, so that a recorded one can be read.
fn lines(html: &str) -> String {
    html.replace("><", ">\n<")
}

#[tokio::test]
async fn the_pages_are_as_recorded() {
    let server = usual().await;
    server.board.begin_sweep(Cause::Demand, fleet::ago(1), 9);
    server.board.advance_sweep(fleet::now());
    for (name, path) in [
        ("page_fleet", "/"),
        ("page_bucket", "/buckets/default/ai-training-raw"),
        ("page_bucket_repaired", "/buckets/default/ai-model-data"),
        ("page_bucket_unknown", "/buckets/default/checkpoints"),
        ("page_policies", "/policies"),
        ("page_policy", "/policies/versioned"),
        ("page_findings", "/findings"),
    ] {
        let answer = get(server.at, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        insta::assert_snapshot!(name, lines(&answer.body));
    }
}

fn title(html: &str) -> &str {
    html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).expect("a title").0
}

#[tokio::test]
async fn the_title_says_how_many_problems_there_are() {
    let server = usual().await;
    // Five buckets, one document, one breaker.
    assert_eq!(title(&get(server.at, "/").await.body), "7 problems - driftless");
    assert_eq!(title(&get(server.at, "/findings").await.body), "2 findings - driftless");
    assert_eq!(title(&get(server.at, "/buckets/default/checkpoints").await.body), "checkpoints: unknown - driftless");
    assert_eq!(title(&get(server.at, "/buckets/minio/scratch").await.body), "minio/scratch: in sync - driftless");

    server.board.keep_buckets(|id| id.name.as_str() == "ai-model-data");
    server.board.put_breaker("loop", None);
    server.board.put_source(SourceReport { findings: Vec::new(), ..fleet::source() });
    assert_eq!(title(&get(server.at, "/").await.body), "all in sync - driftless");
}

#[tokio::test]
async fn a_tile_counts_what_its_link_lists() {
    let server = usual().await;
    let html = get(server.at, "/").await.body;
    for state in ["in-sync", "drifted", "unknown", "held", "suspended", "exempt", "undeclared"] {
        let tile = html.split_once(&format!("href=\"/?state={state}\"")).expect("a tile").1;
        let count: usize =
            tile.split_once("<strong>").and_then(|(_, rest)| rest.split('<').next()?.parse().ok()).expect("a count");
        let listed = get(server.at, &format!("/?state={state}")).await.body.matches("<th scope=\"row\">").count();
        assert_eq!(count, listed, "{state}");
    }
}

#[tokio::test]
async fn a_source_in_trouble_is_the_first_thing_that_the_page_says() {
    let server = usual().await;
    server.board.put_source(SourceReport {
        state: SourceState::Held,
        detail: Some("history was rewritten: 1234567 does not descend from 4f1c2b7".to_owned()),
        hint: Some("when this was meant, set the source's `accept: 1234567`".to_owned()),
        held_revision: Some("1234567890abcdef".to_owned()),
        ..fleet::source()
    });
    let html = get(server.at, "/").await.body;
    let main = html.split_once("<main").expect("a main part").1;
    let notice = main.split_once("The source is held").expect("a notice").0;
    assert!(!notice.contains("<table") && !notice.contains("class=\"tiles\""));
    assert!(main.contains("history was rewritten: 1234567 does not descend from 4f1c2b7"));
    assert!(main.contains("set the source's `accept: 1234567`") || main.contains("set the source&#39;s"), "{main}");
}

#[tokio::test]
async fn a_large_fleet_comes_in_pages_that_keep_the_filter() {
    let server = over(fleet::large(450), Options::default()).await;
    let first = get(server.at, "/?q=training&sort=name").await.body;
    assert_eq!(first.matches("<th scope=\"row\">").count(), 200);
    assert!(first.contains("1 to 200 of 450 buckets") && first.contains("Page 1 of 3"));
    assert!(first.contains("href=\"/?q=training&amp;sort=name&amp;page=2\"") && !first.contains("rel=\"prev\""));
    let last = get(server.at, "/?q=training&sort=name&page=3").await.body;
    assert_eq!(last.matches("<th scope=\"row\">").count(), 50);
    assert!(last.contains("401 to 450 of 450 buckets") && !last.contains("rel=\"next\""));
    let beyond = get(server.at, "/?page=9").await.body;
    assert!(beyond.contains("There is no such page; 450 buckets in all."));
}

#[tokio::test]
async fn an_empty_fleet_says_what_to_do() {
    let server = over(Arc::default(), Options::default()).await;
    let html = get(server.at, "/").await.body;
    assert_eq!(title(&html), "1 problem - driftless");
    assert!(html.contains("No bucket.") && html.contains("Commit a document of kind Bucket to the source"));
    assert!(html.contains("none has ended yet"));
}

#[tokio::test]
async fn a_bucket_page_says_why_and_what_to_commit() {
    let server = usual().await;
    let html = get(server.at, "/buckets/default/ai-training-raw").await.body;
    for part in [
        "needs-approval",
        "from then on, overwritten and deleted objects are gone",
        "buckets/ai-training-raw.yaml:8",
        "<del>Enabled</del>",
        "<ins>Suspended</ins>",
        "kind: Approval",
        "change: &quot;9f86d081884c&quot;",
        "repaired 3 times in 20 minutes, and something writes it back",
        "arn:aws:s3:::ai-training-raw",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    let html = get(server.at, "/buckets/default/checkpoints").await.body;
    assert!(html.contains("IAM action: <code>s3:GetBucketTagging</code>"), "{html}");
}

#[tokio::test]
async fn the_page_needs_no_script_and_nothing_from_elsewhere() {
    let server = usual().await;
    for path in ["/", "/buckets/default/ai-training-raw", "/policies", "/findings"] {
        let html = get(server.at, path).await.body;
        assert!(!html.contains("<script") && !html.contains("<style") && !html.contains(" style="), "{path}");
        assert_eq!(html.matches("<link ").count(), 2, "{path}");
    }
    let style = get(server.at, "/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!style.body.contains("url(") && !style.body.contains("@import"));
}

#[tokio::test]
async fn the_version_is_told_by_the_metrics_and_by_nothing_else() {
    let server = usual().await;
    for path in ["/", "/nothing", "/api/v1/status", "/healthz"] {
        let answer = get(server.at, path).await;
        assert!(!answer.body.contains(env!("CARGO_PKG_VERSION")), "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
}
