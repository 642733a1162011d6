//! What is not known is refused and touches nothing.

use super::*;
use driftless::sandbox::Operation;

#[tokio::test]
async fn what_is_not_implemented_is_refused_and_touches_nothing() {
    let server = server().await;
    let unknown = [
        "DELETE /data?inventory",
        "DELETE /data?inventory&id=",
        "DELETE /data?inventory=1&id=1",
        "DELETE /data?metrics&id=1&id=2",
        "DELETE /data?metrics&id=1&tagging",
        "DELETE /data?analytics&continuation-token=1",
        "DELETE /data?tagging&id=1",
        "PUT /data?intelligent-tiering",
        "GET /data?inventory&prefix=x",
        "GET /data?id=1",
        "DELETE /data?nonsense",
        "DELETE /data?versioning",
        "DELETE /data?logging",
        "DELETE /data?acl",
        "DELETE /data?location",
        "DELETE /data?accelerate",
        "DELETE /data?policyStatus",
        "DELETE /data?tagging&cors",
        "DELETE /data?tagging&tagging",
        "DELETE /data?tagging=1",
        "DELETE /data?Tagging",
        "DELETE /data/key",
        "DELETE /data/key?tagging",
        "DELETE /data//",
        "DELETE /",
        "PUT /",
        "PUT /new?requestPaymentt",
        "PUT /new?nonsense",
        "PUT /new?location",
        "PUT /new?policyStatus",
        "PUT /new/key",
        "GET /data",
        "GET /data?list-type=2",
        "GET /data?metadataTable",
        "GET /data?metadataJournalTable",
        "DELETE /data?notification",
        "DELETE /data?metadataJournalTable",
        "POST /data?metadataTable",
        "POST /data?notification",
        "DELETE /data?abac",
        "GET /data?uploads",
        "GET /data?prefix=x",
        "GET /data/key",
        "GET /data/key?acl",
        "GET /?acl",
        "POST /data?delete",
        "POST /data",
        "PATCH /data?tagging",
        "OPTIONS /data",
    ];
    for line in unknown {
        let answer = raw(&server, line, "", "").await;
        assert_eq!(answer.refusal(), code(501, "NotImplemented"), "{line}");
    }
    let head = raw(&server, "HEAD /data?versioning", "", "").await;
    assert_eq!((head.status, head.body.as_str()), (501, ""));
    assert_eq!(server.bucket_names(), ["data"]);
    assert_eq!(server.count(Operation::Unknown), unknown.len() as u64 + 1);
    assert_eq!(server.count(Operation::DeleteBucket), 0);
    let log = server.log();
    assert_eq!(log[0].line.as_deref(), Some("DELETE /data?inventory"));
    assert_eq!((log[0].bucket.as_str(), log[0].account.as_str()), ("data", ALICE));
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_an_error_says_what_it_is_about() {
    let server = server().await;
    let one = raw(&server, "GET /data?tagging", "", "").await;
    let two = raw(&server, "GET /data?versioning", "", "").await;
    assert!(one.header("x-amz-request-id").is_some());
    assert_ne!(one.header("x-amz-request-id"), two.header("x-amz-request-id"));
    assert_eq!(one.header("content-type"), Some("application/xml"));
    let id = one.header("x-amz-request-id").expect("an id");
    assert_eq!(
        one.body,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchTagSet</Code><Message>The TagSet does not \
             exist</Message><BucketName>data</BucketName><Resource>/data</Resource><RequestId>{id}</RequestId>\
             <HostId>sandbox</HostId></Error>"
        )
    );
}

#[tokio::test]
async fn a_bucket_is_found_by_path_and_by_host() {
    let server = server().await;
    for (host, path) in [
        ("127.0.0.1", "/data?location"),
        ("127.0.0.1", "/data/?location"),
        ("127.0.0.1", "/d%61ta?location="),
        ("127.0.0.1", "/data?location&x-id=GetBucketLocation"),
        ("data.localhost:9000", "/?location"),
        ("data.s3.amazonaws.com", "/?location"),
        ("data.s3.us-east-1.amazonaws.com", "/?location"),
    ] {
        let signed = "Authorization: AWS4-HMAC-SHA256 Credential=alice/20261122/us-east-1/s3/aws4_request, Signature=0";
        let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{signed}\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address(), text).await;
        assert_eq!(answer.status, 200, "{host}{path}: {answer:?}");
    }
    assert_eq!(server.requests(), [("GetBucketLocation", 7)].into());
}

#[tokio::test]
async fn the_signature_names_account_and_region_in_the_query_too() {
    let server = server().await;
    let get = |target: &str| {
        exchange(server.address(), format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    };
    let presigned =
        "/data?versioning&X-Amz-Credential=alice%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0";
    assert_eq!(get(presigned).await.status, 200);
    let elsewhere = presigned.replace("us-east-1", "eu-west-1");
    assert_eq!(get(&elsewhere).await.refusal(), code(301, "PermanentRedirect"));
    // Without a signature it is the account 000000000000, and no region is wrong.
    assert_eq!(get("/data?versioning").await.refusal(), code(403, "AccessDenied"));
}

#[tokio::test]
async fn a_request_that_is_too_big_is_refused() {
    let server = server().await;
    let answer = raw(&server, "PUT /data?tagging", "", &"x".repeat((1 << 20) + 1)).await;
    assert_eq!(answer.refusal(), code(400, "MaxMessageLengthExceeded"));
}
