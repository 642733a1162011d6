//! The API.

use std::sync::Arc;

use driftless::serve::{Options, Token};
use serde_json::{Value, json};

use super::story::Story;
use super::{beside, over, usual};
use crate::support::fleet;
use crate::support::http::{get, send};

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON is JSON")
}

#[tokio::test]
async fn the_answers_are_as_recorded() {
    let server = usual().await;
    for (name, path) in [
        ("api_status", "/api/v1/status"),
        ("api_buckets", "/api/v1/buckets?state=held&sort=name"),
        ("api_bucket", "/api/v1/buckets/default/ai-training-raw"),
        ("api_source", "/api/v1/source"),
        ("api_findings", "/api/v1/findings"),
        ("api_policies", "/api/v1/policies"),
    ] {
        let answer = get(server.at, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{path}");
        insta::assert_snapshot!(name, pretty(&answer.json()));
    }
}

#[tokio::test]
async fn live_and_wanted_are_told_side_by_side_with_who_asked_and_who_wrote_it() {
    let server = beside(fleet::board(), Options::default(), false, Arc::new(Story)).await;
    let answer = get(server.at, "/api/v1/buckets/default/ai-training-raw/live").await;
    assert_eq!(answer.status, 200);
    insta::assert_snapshot!("api_live", pretty(&answer.json()));
    assert_eq!(get(server.at, "/api/v1/buckets/default/nobodys/live").await.status, 404);
    // A server that cannot read says so.
    let answer = get(usual().await.at, "/api/v1/buckets/default/ai-training-raw/live").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"], "the live values are not read: this server reads no bucket");
}

#[tokio::test]
async fn a_bucket_comes_with_its_outputs() {
    let server = usual().await;
    let bucket = get(server.at, "/api/v1/buckets/default/datasets-eu").await.json();
    assert_eq!(bucket["outputs"]["arn"], "arn:aws:s3:::datasets-eu");
    assert_eq!(bucket["id"], json!({"account": "default", "name": "datasets-eu"}));
    assert_eq!(bucket["inSync"], true);
}

/// The names of the buckets that a query finds, and how many there are in all.
async fn find(server: &super::Running, query: &str) -> (u64, Vec<String>) {
    let answer = get(server.at, &format!("/api/v1/buckets?{query}")).await.json();
    let names = answer["buckets"].as_array().expect("a list").iter();
    let names = names.map(|it| it["id"]["name"].as_str().expect("a name").to_owned()).collect();
    (answer["total"].as_u64().expect("a number"), names)
}

#[tokio::test]
async fn buckets_are_filtered_sorted_and_cut() {
    let server = usual().await;
    let names = |query: &'static str| async { find(&server, query).await.1 };
    assert_eq!(names("state=drifted").await, ["ai-training-raw", "old-logs"]);
    assert_eq!(names("state=unknown").await, ["checkpoints", "images"]);
    assert_eq!(names("state=suspended").await, ["experiments"]);
    assert_eq!(names("state=exempt").await, ["datasets-eu"]);
    assert_eq!(names("state=undeclared").await, ["old-logs"]);
    assert_eq!(names("state=invalid").await, ["features"]);
    assert_eq!(names("state=unsupported").await, ["scratch"]);
    assert_eq!(names("state=in-sync&sort=name").await, ["ai-model-data", "datasets-eu", "features", "scratch"]);
    assert_eq!(names("q=EU-central").await, ["datasets-eu"]);
    assert_eq!(names("q=minio%2F").await, ["scratch"]);
    assert_eq!(names("policy=private&state=drifted").await, ["ai-training-raw"]);
    assert_eq!(names("policy=spec&state=unknown").await, ["checkpoints", "images"]);
    assert_eq!(names("policy=versioned&state=held").await, ["ai-training-raw", "old-logs", "experiments"]);
    assert_eq!(names("state=&q=&policy=&sort=since&limit=2").await, ["old-logs", "ai-training-raw"]);
    assert_eq!(
        find(&server, "limit=3").await,
        (9, ["ai-training-raw", "old-logs", "checkpoints"].map(str::to_owned).into())
    );
    assert_eq!(
        find(&server, "sort=name&limit=2&offset=7").await,
        (9, ["old-logs", "scratch"].map(str::to_owned).into())
    );
    assert_eq!(find(&server, "offset=99999999999").await, (9, Vec::new()));
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused_with_what_to_write() {
    let server = usual().await;
    for (query, error, hint) in [
        (
            "state=drfited",
            "unknown state `drfited`",
            "write one of `in-sync`, `drifted`, `unknown`, `held`, `suspended`, `exempt`, `undeclared`, `invalid`, `unreachable`, `unsupported`",
        ),
        ("stat=drifted", "unknown parameter `stat`", "did you mean `state`?"),
        ("page=0", "`0` is no page", "write a whole number from 1 on"),
        ("limit=many", "`many` is no limit", "write a whole number from 1 on"),
        ("offset=-1", "`-1` is no offset", "write a whole number from 0 on"),
    ] {
        let answer = get(server.at, &format!("/api/v1/buckets?{query}")).await;
        assert_eq!((answer.status, answer.json()), (400, json!({"error": error, "hint": hint})), "{query}");
        assert_eq!(get(server.at, &format!("/?{query}")).await.status, 400);
    }
}

#[tokio::test]
async fn nobody_can_ask_for_a_sweep_without_a_token() {
    let server = usual().await;
    let answer = send(server.at, "POST", "/api/v1/sync", &["Authorization: Bearer "]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(server.woken(), 0);
}

#[tokio::test]
async fn whoever_knows_the_token_can_ask_for_a_sweep_and_nobody_else() {
    let options = Options { token: Some(Token::new("correct horse battery")), ..Options::default() };
    let server = over(fleet::board(), options).await;
    for wrong in [
        &[][..],
        &["Authorization: Bearer wrong"],
        &["Authorization: Bearer "],
        &["Authorization: Basic correct horse battery"],
    ] {
        let answer = send(server.at, "POST", "/api/v1/sync", wrong).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{wrong:?}");
        assert_eq!(answer.json()["error"], "the token is missing or wrong");
    }
    assert_eq!(
        send(server.at, "GET", "/api/v1/sync", &["Authorization: Bearer correct horse battery"]).await.status,
        405
    );
    assert_eq!(server.woken(), 0);
    let answer = send(server.at, "POST", "/api/v1/sync", &["Authorization: Bearer correct horse battery"]).await;
    assert_eq!((answer.status, answer.json()), (202, json!({"accepted": true})));
    assert_eq!(server.woken(), 1);
}

#[test]
fn a_token_does_not_show_itself() {
    assert_eq!(
        format!("{:?}", Options { token: Some(Token::new("correct horse battery")), ..Options::default() }.token),
        "Some(Token(***))"
    );
}
