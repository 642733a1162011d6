//! S3 Control in the embedded server, by hand and by the official client.

use super::*;

const BLOCK: &str = "/v20180820/configuration/publicAccessBlock";
const TAGS: &str = "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Adata";
const OF_ALICE: &str = "x-amz-account-id: 111111111111\r\n";

fn tag_request(key: &str, value: &str) -> String {
    format!("<TagResourceRequest><Tags><Tag><Key>{key}</Key><Value>{value}</Value></Tag></Tags></TagResourceRequest>")
}

async fn ask(server: &Running, line: &str, body: &str) -> Raw {
    raw(server, line, OF_ALICE, body).await
}

#[tokio::test]
async fn the_block_of_an_account_is_stored_shown_and_removed() {
    let server = server().await;
    let get = || ask(&server, "GET /v20180820/configuration/publicAccessBlock", "");
    let none = get().await;
    assert_eq!(none.refusal(), code(404, "NoSuchPublicAccessBlockConfiguration"));
    assert!(none.body.contains("<ErrorResponse><Error>"), "{}", none.body);
    let sent =
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>";
    assert_eq!(ask(&server, &format!("PUT {BLOCK}"), sent).await.status, 201);
    let shown = get().await.body;
    assert!(
        shown.contains("<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>"),
        "{shown}"
    );
    for bad in [
        "",
        "<Block/>",
        "<PublicAccessBlockConfiguration><BlockPublicAcls>yes</BlockPublicAcls></PublicAccessBlockConfiguration>",
    ] {
        assert_eq!(ask(&server, &format!("PUT {BLOCK}"), bad).await.refusal(), code(400, "MalformedXML"), "{bad}");
    }
    assert_eq!(ask(&server, &format!("DELETE {BLOCK}"), "").await.status, 204);
    assert_eq!(get().await.refusal(), code(404, "NoSuchPublicAccessBlockConfiguration"));
    assert_eq!(server.bucket_names(), ["data"]);
}

#[tokio::test]
async fn every_request_names_its_own_account() {
    let server = server().await;
    for line in [format!("GET {BLOCK}"), format!("GET {TAGS}")] {
        let of = |headers: &'static str| raw(&server, &line, headers, "");
        let line = &line;
        assert_eq!(of("").await.refusal(), code(400, "InvalidRequest"), "{line}");
        assert_eq!(of("x-amz-account-id: 222222222222\r\n").await.refusal(), code(403, "AccessDenied"), "{line}");
    }
}

#[tokio::test]
async fn what_s3_control_has_besides_is_not_implemented_and_touches_nothing() {
    let server = server().await;
    for line in [
        format!("POST {BLOCK}"),
        format!("GET {BLOCK}?x=1"),
        format!("PUT {TAGS}"),
        format!("DELETE {TAGS}"),
        format!("DELETE {TAGS}?tagKeys=a&other=b"),
        "DELETE /v20180820/bucket/data".to_owned(),
        "DELETE /v20180820/tags/arn%3Aaws%3As3%3A%3A%3Adata/key?tagKeys=a".to_owned(),
        "DELETE /v20180820/".to_owned(),
        "PUT /v20180820/".to_owned(),
        "POST /data".to_owned(),
    ] {
        assert_eq!(ask(&server, &line, "").await.refusal(), code(501, "NotImplemented"), "{line}");
    }
    assert_eq!(server.bucket_names(), ["data"]);
}

#[tokio::test]
async fn the_block_of_an_account_refuses_what_every_bucket_would_allow() {
    let server = server().await;
    let open = "<PublicAccessBlockConfiguration/>";
    assert_eq!(put(&server, "publicAccessBlock", open).await.0, 200);
    let public = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    server.put_account_block(&AccountId::parse(ALICE).expect("an account"), Some([false, false, true, false]));
    assert_eq!(put(&server, "policy", public).await, code(403, "AccessDenied"));
    server.put_account_block(&AccountId::parse(ALICE).expect("an account"), None);
    assert_eq!(put(&server, "policy", public).await.0, 204);
}

#[tokio::test]
async fn tags_are_added_listed_and_removed_one_by_one() {
    let server = server().await;
    for (key, value) in [("a", "1"), ("b c", "2"), ("a", "3")] {
        assert_eq!(ask(&server, &format!("POST {TAGS}"), &tag_request(key, value)).await.status, 204);
    }
    let list = ask(&server, &format!("GET {TAGS}"), "").await.body;
    assert!(list.contains("<ListTagsForResourceResult"), "{list}");
    assert!(
        list.contains("<Tag><Key>b c</Key><Value>2</Value></Tag><Tag><Key>a</Key><Value>3</Value></Tag>"),
        "{list}"
    );
    assert_eq!(ask(&server, &format!("DELETE {TAGS}?tagKeys=b%20c&tagKeys=none"), "").await.status, 204);
    let tags = alice(&server).get_bucket_tagging().bucket("data").send().await.expect("tags");
    let keys: Vec<&str> = tags.tag_set().iter().map(|tag| tag.key()).collect();
    assert_eq!(keys, ["a"]);
    for bad in [tag_request("aws:x", "1"), tag_request("a", "{}")] {
        assert_eq!(ask(&server, &format!("POST {TAGS}"), &bad).await.refusal(), code(400, "InvalidTag"), "{bad}");
    }
    for n in 0..49 {
        assert_eq!(ask(&server, &format!("POST {TAGS}"), &tag_request(&format!("k{n}"), "")).await.status, 204);
    }
    let full = ask(&server, &format!("POST {TAGS}"), &tag_request("k50", "")).await;
    assert_eq!(full.refusal(), code(400, "TooManyTagsException"));
    let nowhere = ask(&server, "GET /v20180820/tags/arn%3Aaws%3As3%3A%3A%3Anone", "").await;
    assert_eq!(nowhere.refusal(), code(404, "NoSuchBucket"));
}

#[tokio::test]
async fn with_abac_tags_are_taken_by_s3_control_only_and_still_read_by_s3() {
    let server = server().await;
    let client = alice(&server);
    let abac = || async { client.get_bucket_abac().bucket("data").send().await.expect("a status") };
    assert_eq!(abac().await.abac_status().and_then(|it| it.status()).map(|it| it.as_str()), Some("Disabled"));
    assert_eq!(put(&server, "abac", "<AbacStatus><Status>Some</Status></AbacStatus>").await, code(400, "MalformedXML"));
    assert_eq!(put(&server, "abac", "<AbacStatus><Status>Enabled</Status></AbacStatus>").await.0, 200);
    assert_eq!(abac().await.abac_status().and_then(|it| it.status()).map(|it| it.as_str()), Some("Enabled"));
    let set = "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>";
    assert_eq!(put(&server, "tagging", set).await, code(405, "MethodNotAllowed"));
    let deleted = client.delete_bucket_tagging().bucket("data").send().await;
    assert_eq!(refusal(deleted), code(405, "MethodNotAllowed"));
    assert_eq!(ask(&server, &format!("POST {TAGS}"), &tag_request("a", "")).await.status, 204);
    assert_eq!(client.get_bucket_tagging().bucket("data").send().await.expect("tags").tag_set().len(), 1);
    assert_eq!(put(&server, "abac", "<AbacStatus><Status>Disabled</Status></AbacStatus>").await.0, 200);
    assert_eq!(put(&server, "tagging", set).await.0, 200);
}
