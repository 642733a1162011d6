//! Directory buckets and names of an account's own namespace, as AWS documents them.

use super::*;

const SCRATCH: &str = "scratch--use1-az4--x-s3";

/// The body of a creation in a zone.
fn placed(kind: &str, zone: &str, redundancy: &str) -> String {
    format!(
        "<CreateBucketConfiguration><Location><Type>{kind}</Type><Name>{zone}</Name></Location>\
         <Bucket><Type>Directory</Type><DataRedundancy>{redundancy}</DataRedundancy></Bucket></CreateBucketConfiguration>"
    )
}

async fn make(server: &Running, name: &str, headers: &str, body: &str) -> (u16, String) {
    raw(server, &format!("PUT /{name}"), headers, body).await.refusal()
}

#[tokio::test]
async fn a_directory_bucket_is_made_in_the_zone_of_its_name_and_nowhere_else() {
    let server = server().await;
    let zone = placed("AvailabilityZone", "use1-az4", "SingleAvailabilityZone");
    for (name, body, says) in [
        (SCRATCH, "", "InvalidRequest"),
        (SCRATCH, &*placed("AvailabilityZone", "use1-az5", "SingleAvailabilityZone"), "InvalidRequest"),
        (SCRATCH, &placed("LocalZone", "use1-az4", "SingleLocalZone"), "InvalidRequest"),
        (SCRATCH, &placed("AvailabilityZone", "use1-az4", "SingleLocalZone"), "InvalidRequest"),
        ("far--usw2-az1--x-s3", &placed("AvailabilityZone", "usw2-az1", "SingleAvailabilityZone"), "InvalidBucketName"),
        ("bad--x-s3", &zone, "InvalidBucketName"),
    ] {
        assert_eq!(make(&server, name, "", body).await, code(400, says), "{name} {body}");
    }
    for header in ["x-amz-object-ownership: ObjectWriter\r\n", "x-amz-bucket-object-lock-enabled: true\r\n"] {
        assert_eq!(make(&server, SCRATCH, header, &zone).await, code(501, "NotImplemented"));
    }
    assert_eq!(server.bucket_names(), ["data"]);
    assert_eq!(make(&server, SCRATCH, "", &zone).await, code(200, ""));
    assert_eq!(make(&server, SCRATCH, "", &zone).await, code(409, "BucketAlreadyOwnedByYou"));
    let local = placed("LocalZone", "use1-bos1-az1", "SingleLocalZone");
    assert_eq!(make(&server, "scratch--use1-bos1-az1--x-s3", "", &local).await, code(200, ""));
}

#[tokio::test]
async fn directory_buckets_are_listed_apart_page_by_page() {
    let server = server().await;
    let zone = placed("AvailabilityZone", "use1-az4", "SingleAvailabilityZone");
    for name in ["a--use1-az4--x-s3", "b--use1-az4--x-s3"] {
        assert_eq!(make(&server, name, "", &zone).await, code(200, ""));
    }
    // With a session, which is for objects, the SDK cannot even list at an own endpoint.
    let without_session =
        |client: Client| Client::from_conf(client.config().to_builder().disable_s3_express_session_auth(true).build());
    let client = without_session(alice(&server));
    let names = |buckets: &[aws_sdk_s3::types::Bucket]| {
        buckets.iter().map(|it| it.name().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let first = client.list_directory_buckets().max_directory_buckets(1).send().await.expect("a page");
    assert_eq!(names(first.buckets()), ["a--use1-az4--x-s3"]);
    assert_eq!(
        first.buckets()[0].bucket_arn(),
        Some("arn:aws:s3express:us-east-1:111111111111:bucket/a--use1-az4--x-s3")
    );
    let token = first.continuation_token().expect("there is more");
    let second = client
        .list_directory_buckets()
        .max_directory_buckets(1)
        .continuation_token(token)
        .send()
        .await
        .expect("a page");
    assert_eq!((names(second.buckets()), second.continuation_token()), (vec!["b--use1-az4--x-s3".to_owned()], None));
    let others = without_session(client_of(&server, "bob", "us-east-1"));
    let none = others.list_directory_buckets().max_directory_buckets(9).send().await.expect("a page");
    assert!(none.buckets().is_empty());
    let buckets = client.list_buckets().send().await.expect("a page");
    assert_eq!(names(buckets.buckets()), ["data"]);
}

#[tokio::test]
async fn what_directory_buckets_do_not_know_is_refused() {
    let server = server().await;
    let zone = placed("AvailabilityZone", "use1-az4", "SingleAvailabilityZone");
    assert_eq!(make(&server, SCRATCH, "", &zone).await, code(200, ""));
    for word in ["versioning", "tagging", "publicAccessBlock", "acl", "ownershipControls", "website", "logging"] {
        let answer = raw(&server, &format!("GET /{SCRATCH}?{word}"), "", "").await;
        assert_eq!(answer.refusal(), code(405, "MethodNotAllowed"), "{word}");
    }
    let owner = "x-amz-expected-bucket-owner: 111111111111\r\n";
    let answer = raw(&server, &format!("GET /{SCRATCH}?encryption"), owner, "").await;
    assert_eq!(answer.refusal(), code(501, "NotImplemented"));
    let put = |word: &'static str, body: String| {
        let server = &server;
        async move { raw(server, &format!("PUT /{SCRATCH}?{word}"), "", &body).await.refusal() }
    };
    let encryption = |apply: &str, key: &str| {
        format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{apply}\
             </ApplyServerSideEncryptionByDefault>{key}</Rule></ServerSideEncryptionConfiguration>"
        )
    };
    let kms = "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>";
    for (body, says) in [
        (encryption("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>", ""), code(400, "InvalidRequest")),
        (encryption("<SSEAlgorithm>aws:kms</SSEAlgorithm>", ""), code(400, "InvalidRequest")),
        (encryption(kms, "<BucketKeyEnabled>false</BucketKeyEnabled>"), code(400, "InvalidRequest")),
        (encryption(kms, "<BucketKeyEnabled>true</BucketKeyEnabled>"), code(200, "")),
        (encryption("<SSEAlgorithm>AES256</SSEAlgorithm>", ""), code(200, "")),
    ] {
        assert_eq!(put("encryption", body.clone()).await, says, "{body}");
    }
    let rule = |inner: &str| {
        format!(
            "<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status>{inner}</Rule></LifecycleConfiguration>"
        )
    };
    let expire = "<Expiration><Days>3</Days></Expiration>";
    let prefix = "<Filter><Prefix></Prefix></Filter>";
    let tag = "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>";
    let moves = "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>";
    for (body, says) in [
        (rule(&format!("{tag}{expire}")), code(400, "InvalidRequest")),
        (rule(&format!("{prefix}{moves}")), code(400, "InvalidRequest")),
        (rule(&format!("{prefix}{expire}")), code(200, "")),
    ] {
        assert_eq!(put("lifecycle", body.clone()).await, says, "{body}");
    }
}

#[tokio::test]
async fn the_tags_of_a_directory_bucket_are_s3_controls_under_its_own_arn() {
    let server = server().await;
    let zone = placed("AvailabilityZone", "use1-az4", "SingleAvailabilityZone");
    assert_eq!(make(&server, SCRATCH, "", &zone).await, code(200, ""));
    let tags = |arn: &str| format!("/v20180820/tags/arn%3Aaws%3A{arn}");
    let own = tags(&format!("s3express%3Aus-east-1%3A{ALICE}%3Abucket/{SCRATCH}"));
    let ask = |line: String, body: &'static str| {
        let server = &server;
        async move { raw(server, &line, &format!("x-amz-account-id: {ALICE}\r\n"), body).await }
    };
    let one = "<TagResourceRequest><Tags><Tag><Key>a</Key><Value>1</Value></Tag></Tags></TagResourceRequest>";
    assert_eq!(ask(format!("POST {own}"), one).await.status, 204);
    let listed = ask(format!("GET {own}"), "").await.body;
    assert!(listed.contains("<Tags><Tag><Key>a</Key><Value>1</Value></Tag></Tags>"), "{listed}");
    assert_eq!(ask(format!("DELETE {own}?tagKeys=a"), "").await.status, 204);
    for other in [
        tags(&format!("s3%3A%3A%3A{SCRATCH}")),
        tags(&format!("s3express%3Aus-east-1%3A{ALICE}%3Abucket/data")),
        tags(&format!("s3express%3Aus-east-1%3A{ALICE}%3Aaccesspoint/{SCRATCH}")),
    ] {
        assert_eq!(ask(format!("GET {other}"), "").await.refusal(), code(501, "NotImplemented"), "{other}");
    }
}

#[tokio::test]
async fn the_accounts_own_namespace_wants_header_and_name_to_agree() {
    let server = server().await;
    let own = "x-amz-bucket-namespace: account-regional\r\n";
    let global = "x-amz-bucket-namespace: global\r\n";
    let name = format!("data-{ALICE}-us-east-1-an");
    let theirs = format!("data-{BOB}-us-east-1-an");
    let elsewhere = format!("data-{ALICE}-us-west-2-an");
    for (name, header, says) in [
        (name.as_str(), "", code(400, "MissingNamespaceHeader")),
        (&name, global, code(400, "InvalidNamespaceHeader")),
        ("plain", own, code(400, "InvalidNamespaceHeader")),
        (&theirs, own, code(400, "InvalidNamespaceHeader")),
        (&elsewhere, own, code(400, "InvalidNamespaceHeader")),
        ("plain", "x-amz-bucket-namespace: mine\r\n", code(400, "InvalidArgument")),
        ("plain", global, code(200, "")),
        (&name, own, code(200, "")),
        (&name, own, code(409, "BucketAlreadyOwnedByYou")),
    ] {
        assert_eq!(make(&server, name, header, "").await, says, "{name} {header}");
    }
}
