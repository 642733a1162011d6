//! Buckets as wholes: list, create, look, locate, delete, and whose they are and where.

use super::*;
use aws_sdk_s3::operation::list_buckets::ListBucketsOutput;
use aws_sdk_s3::types::{BucketCannedAcl, BucketLocationConstraint, CreateBucketConfiguration, ObjectOwnership, Tag};

fn names(page: &ListBucketsOutput) -> Vec<&str> {
    page.buckets().iter().filter_map(|bucket| bucket.name()).collect()
}

fn located(region: &str) -> CreateBucketConfiguration {
    CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
}

#[tokio::test]
async fn the_list_has_pages_a_prefix_and_only_the_accounts_own() {
    let server = server().await;
    let account = AccountId::parse(ALICE).expect("an account");
    server.prepare(&Prepared { count: 5, name: "log-{n}".to_owned(), account, ..Prepared::default() });
    server.prepare(&Prepared { count: 3, name: "log-z{n}".to_owned(), ..Prepared::default() });
    let client = alice(&server);

    let all = client.list_buckets().send().await.expect("a list");
    assert_eq!(names(&all), ["data", "log-000000", "log-000001", "log-000002", "log-000003", "log-000004"]);
    assert_eq!(all.continuation_token(), None);
    assert_eq!(all.owner().and_then(|owner| owner.id()).map(str::len), Some(64));
    assert!(all.buckets()[0].creation_date().is_some());
    // The region is there only when the request has a parameter.
    assert_eq!(all.buckets()[0].bucket_region(), None);

    let first = client.list_buckets().max_buckets(2).prefix("log-").send().await.expect("a page");
    assert_eq!(names(&first), ["log-000000", "log-000001"]);
    assert_eq!(first.prefix(), Some("log-"));
    assert_eq!(first.buckets()[0].bucket_region(), Some("us-east-1"));
    let token = first.continuation_token().expect("there is more");
    let rest = client.list_buckets().max_buckets(3).prefix("log-").continuation_token(token).send().await;
    let rest = rest.expect("a page");
    assert_eq!(names(&rest), ["log-000002", "log-000003", "log-000004"]);
    assert_eq!(rest.continuation_token(), None);

    let mut pages = client.list_buckets().max_buckets(4).into_paginator().send();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        seen.push(page.expect("a page").buckets().len());
    }
    assert_eq!(seen, [4, 2]);

    assert_eq!(refusal(client.list_buckets().max_buckets(0).send().await), code(400, "InvalidArgument"));
    assert_eq!(refusal(client.list_buckets().max_buckets(10_001).send().await), code(400, "InvalidArgument"));
    assert_eq!(refusal(client.list_buckets().continuation_token("?").send().await), code(400, "InvalidArgument"));
    let elsewhere = client.list_buckets().bucket_region("eu-west-1").send().await;
    assert_eq!(refusal(elsewhere), code(400, "InvalidArgument"));
    let here = client.list_buckets().bucket_region("us-east-1").send().await.expect("a list");
    assert_eq!(here.buckets().len(), 6);
}

#[tokio::test]
async fn a_hundred_thousand_prepared_buckets_are_listed_whole() {
    let server = server().await;
    let account = AccountId::parse(ALICE).expect("an account");
    server.prepare(&Prepared { count: 100_000, name: "b-{n}".to_owned(), account, ..Prepared::default() });
    let client = alice(&server);
    let page = client.list_buckets().send().await.expect("a page");
    assert_eq!(page.buckets().len(), 10_000);
    assert!(page.continuation_token().is_some());
    let one = client.get_bucket_tagging().bucket("b-099999").send().await.expect("tags");
    assert_eq!(one.tag_set().len(), 2);
    let versioning = client.get_bucket_versioning().bucket("b-099999").send().await.expect("versioning");
    assert_eq!(versioning.status().map(|status| status.as_str()), Some("Enabled"));
    // A write to one leaves the others alone.
    client.delete_bucket_tagging().bucket("b-000001").send().await.expect("deleted");
    assert_eq!(refusal(client.get_bucket_tagging().bucket("b-000001").send().await), code(404, "NoSuchTagSet"));
    assert!(client.get_bucket_tagging().bucket("b-000002").send().await.is_ok());
}

#[tokio::test]
async fn a_name_can_be_taken_by_oneself_or_by_another() {
    let server = server().await;
    let client = alice(&server);
    let bob = client_of(&server, "bob", "us-east-1");
    let again = client.create_bucket().bucket("data").send().await.expect("us-east-1 answers 200");
    assert_eq!(again.location(), Some("/data"));
    assert_eq!(refusal(bob.create_bucket().bucket("data").send().await), code(409, "BucketAlreadyExists"));
    let far =
        |client: &Client| client.create_bucket().bucket("far").create_bucket_configuration(located("eu-west-1")).send();
    far(&client).await.expect("created");
    assert_eq!(refusal(far(&client).await), code(409, "BucketAlreadyOwnedByYou"));
    assert_eq!(refusal(far(&bob).await), code(409, "BucketAlreadyExists"));
}

#[tokio::test]
async fn creating_again_in_us_east_1_resets_the_acl_and_nothing_else() {
    let server = server().await;
    assert_eq!(
        put(&server, "tagging", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>").await.0,
        200
    );
    assert_eq!(raw(&server, "DELETE /data?publicAccessBlock", "", "").await.status, 204);
    assert_eq!(raw(&server, "DELETE /data?ownershipControls", "", "").await.status, 204);
    assert_eq!(raw(&server, "PUT /data?acl", "x-amz-acl: public-read\r\n", "").await.status, 200);
    assert!(get(&server, "acl").await.contains("AllUsers"));
    alice(&server).create_bucket().bucket("data").send().await.expect("us-east-1 answers 200");
    assert!(!get(&server, "acl").await.contains("AllUsers"));
    assert!(get(&server, "tagging").await.contains("<Key>a</Key>"));
}

#[tokio::test]
async fn names_and_regions_are_judged() {
    let server = server().await;
    for name in ["Data", "ab", "a..b", "192.168.0.1", "xn--x", "data-s3alias"] {
        assert_eq!(
            raw(&server, &format!("PUT /{name}"), "", "").await.refusal(),
            code(400, "InvalidBucketName"),
            "{name}"
        );
    }
    let east = alice(&server);
    let west = client_of(&server, "alice", "us-west-2");
    let create = |client: &Client, region: &str| {
        client.create_bucket().bucket("new").create_bucket_configuration(located(region)).send()
    };
    assert_eq!(refusal(create(&east, "us-east-1").await), code(400, "InvalidLocationConstraint"));
    assert_eq!(refusal(create(&east, "mars-east-1").await), code(400, "InvalidLocationConstraint"));
    assert_eq!(refusal(create(&west, "eu-west-1").await), code(400, "IllegalLocationConstraintException"));
    let unspecified = west.create_bucket().bucket("new").send().await;
    assert_eq!(refusal(unspecified), code(400, "IllegalLocationConstraintException"));
    create(&west, "us-west-2").await.expect("created");

    let head = west.head_bucket().bucket("new").send().await.expect("there");
    assert_eq!(head.bucket_region(), Some("us-west-2"));
    let location = west.get_bucket_location().bucket("new").send().await.expect("a location");
    assert_eq!(location.location_constraint().map(|region| region.as_str()), Some("us-west-2"));
    assert_eq!(get(&server, "location").await, "<LocationConstraint/>");

    let ireland = client_of(&server, "alice", "eu-west-1");
    ireland.create_bucket().bucket("old").create_bucket_configuration(located("EU")).send().await.expect("created");
    let location = ireland.get_bucket_location().bucket("old").send().await.expect("a location");
    assert_eq!(location.location_constraint().map(|region| region.as_str()), Some("EU"));
    assert_eq!(ireland.head_bucket().bucket("old").send().await.expect("there").bucket_region(), Some("eu-west-1"));
}

#[tokio::test]
async fn a_creation_says_ownership_lock_acl_and_tags() {
    let server = server().await;
    let client = alice(&server);
    let tags = [Tag::builder().key("Name").value("x").build().expect("a tag")];
    client
        .create_bucket()
        .bucket("rich")
        .object_ownership(ObjectOwnership::ObjectWriter)
        .object_lock_enabled_for_bucket(true)
        .grant_read(format!("id=\"{}\"", "a".repeat(64)))
        .create_bucket_configuration(CreateBucketConfiguration::builder().set_tags(Some(tags.to_vec())).build())
        .send()
        .await
        .expect("created");
    let versioning = client.get_bucket_versioning().bucket("rich").send().await.expect("versioning");
    assert_eq!(versioning.status().map(|status| status.as_str()), Some("Enabled"));
    let lock = client.get_object_lock_configuration().bucket("rich").send().await.expect("a lock");
    assert!(lock.object_lock_configuration().is_some());
    let got = client.get_bucket_tagging().bucket("rich").send().await.expect("tags");
    assert_eq!(got.tag_set(), tags);
    let owner = client.get_bucket_ownership_controls().bucket("rich").send().await.expect("controls");
    assert_eq!(
        owner.ownership_controls().expect("controls").rules()[0].object_ownership(),
        &ObjectOwnership::ObjectWriter
    );
    let acl = client.get_bucket_acl().bucket("rich").send().await.expect("an ACL");
    assert_eq!(acl.grants().len(), 1);

    let public =
        |ownership| client.create_bucket().bucket("open").acl(BucketCannedAcl::PublicRead).object_ownership(ownership);
    let enforced = public(ObjectOwnership::BucketOwnerEnforced).send().await;
    assert_eq!(refusal(enforced), code(400, "InvalidBucketAclWithObjectOwnership"));
    let blocked = public(ObjectOwnership::ObjectWriter).send().await;
    assert_eq!(refusal(blocked), code(400, "InvalidBucketAclWithBlockPublicAccessError"));
    assert_eq!(
        raw(&server, "PUT /open", "x-amz-object-ownership: Me\r\n", "").await.refusal(),
        code(400, "InvalidArgument")
    );
    assert_eq!(raw(&server, "PUT /open", "", "<Nonsense/>").await.refusal(), code(400, "MalformedXML"));
    let directory = "<CreateBucketConfiguration><Bucket><Type>Directory</Type></Bucket></CreateBucketConfiguration>";
    assert_eq!(raw(&server, "PUT /open", "", directory).await.refusal(), code(400, "InvalidRequest"));
    assert_eq!(server.bucket_names(), ["data", "rich"]);
}

#[tokio::test]
async fn a_wrong_region_is_told_as_aws_tells_it() {
    let server = server().await;
    let east = alice(&server);
    let west = client_of(&server, "alice", "us-west-2");
    west.create_bucket().bucket("far").create_bucket_configuration(located("us-west-2")).send().await.expect("created");

    let error = east.get_bucket_tagging().bucket("far").send().await.expect_err("a refusal");
    let response = error.raw_response().expect("an answer");
    assert_eq!(response.status().as_u16(), 400);
    assert_eq!(response.headers().get("x-amz-bucket-region"), Some("us-west-2"));
    let body = String::from_utf8_lossy(response.body().bytes().expect("a body"));
    assert!(body.contains("<Code>AuthorizationHeaderMalformed</Code>"), "{body}");
    assert!(body.contains("the region 'us-east-1' is wrong; expecting 'us-west-2'"), "{body}");
    assert!(body.contains("<Region>us-west-2</Region>"), "{body}");

    let error = west.get_bucket_tagging().bucket("data").send().await.expect_err("a refusal");
    let response = error.raw_response().expect("an answer");
    assert_eq!(response.headers().get("x-amz-bucket-region"), Some("us-east-1"));
    assert_eq!(error.meta().code(), Some("PermanentRedirect"));
    assert_eq!(response.status().as_u16(), 301);
    let body = String::from_utf8_lossy(response.body().bytes().expect("a body"));
    assert!(body.contains("<Endpoint>data.s3.us-east-1.amazonaws.com</Endpoint>"), "{body}");

    let error = west.head_bucket().bucket("data").send().await.expect_err("a refusal");
    let response = error.raw_response().expect("an answer");
    assert_eq!(response.status().as_u16(), 301);
    assert_eq!(response.headers().get("x-amz-bucket-region"), Some("us-east-1"));
    assert_eq!(response.body().bytes(), Some(&b""[..]));
}

#[tokio::test]
async fn nobody_reads_or_changes_the_bucket_of_another() {
    let server = server().await;
    let bob = client_of(&server, "bob", "us-east-1");
    assert_eq!(refusal(bob.get_bucket_tagging().bucket("data").send().await), code(403, "AccessDenied"));
    assert_eq!(refusal(bob.delete_bucket().bucket("data").send().await), code(403, "AccessDenied"));
    let head = refusal(bob.head_bucket().bucket("data").send().await);
    assert_eq!(head.0, 403);
    let missing = refusal(bob.head_bucket().bucket("missing").send().await);
    assert_eq!(missing, code(404, "NotFound"));
    assert_eq!(refusal(bob.get_bucket_tagging().bucket("missing").send().await), code(404, "NoSuchBucket"));
    assert!(bob.list_buckets().send().await.expect("a list").buckets().is_empty());
    assert_eq!(server.bucket_names(), ["data"]);
}

#[tokio::test]
async fn an_expected_owner_is_compared() {
    let server = server().await;
    let client = alice(&server);
    let ask = |owner: &str| client.get_bucket_versioning().bucket("data").expected_bucket_owner(owner).send();
    assert!(ask(ALICE).await.is_ok());
    assert_eq!(refusal(ask(BOB).await), code(403, "AccessDenied"));
    let head = client.head_bucket().bucket("data").expected_bucket_owner(BOB).send().await;
    assert_eq!(refusal(head).0, 403);
}

#[tokio::test]
async fn a_bucket_can_be_deleted_so_that_a_test_can_prove_that_nobody_did() {
    let server = server().await;
    let client = alice(&server);
    client.delete_bucket().bucket("data").send().await.expect("deleted");
    assert!(server.bucket_names().is_empty());
    assert_eq!(refusal(client.delete_bucket().bucket("data").send().await), code(404, "NoSuchBucket"));
    assert_eq!(server.requests(), [("DeleteBucket", 2)].into());
}

#[tokio::test]
async fn without_a_signature_the_region_is_the_servers() {
    let region = driftless::bucket::Region::parse("eu-north-1").expect("a region");
    let server = Sandbox::start(Options { region, ..Options::default() }).await.expect("a free port");
    let ask = |line: &str| {
        exchange(server.address(), format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    };
    assert_eq!(ask("PUT /new").await.status, 200);
    assert_eq!(ask("HEAD /new").await.header("x-amz-bucket-region"), Some("eu-north-1"));
    assert_eq!(ask("PUT /new").await.refusal(), code(409, "BucketAlreadyOwnedByYou"));
    assert_eq!(server.log()[0].account.as_str(), "000000000000");
}
