//! Settings that are documents of rules: lifecycle, logging, website, CORS.

use super::*;

fn lifecycle(rules: &str) -> String {
    format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>")
}

/// A rule with the id `r` for the prefix `p`.
fn rule(actions: &str) -> String {
    filtered("<Filter><Prefix>p</Prefix></Filter>", actions)
}

fn filtered(filter: &str, actions: &str) -> String {
    lifecycle(&format!("<Rule><ID>r</ID>{filter}<Status>Enabled</Status>{actions}</Rule>"))
}

const EXPIRE: &str = "<Expiration><Days>10</Days></Expiration>";

#[tokio::test]
async fn what_a_lifecycle_says_comes_back_with_ids_and_the_header() {
    let server = server().await;
    let client = alice(&server);
    let read = client.get_bucket_lifecycle_configuration().bucket("data").send().await;
    assert_eq!(refusal(read), code(404, "NoSuchLifecycleConfiguration"));

    let all = lifecycle(
        "<Rule><ID>one</ID><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
         <ObjectSizeGreaterThan>500</ObjectSizeGreaterThan></And></Filter><Status>Enabled</Status>\
         <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
         <Expiration><Days>60</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays>\
         <NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration><Future>x</Future></Rule>\
         <Rule><Filter/><Status>Disabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7\
         </DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
    );
    let sent = raw(&server, "PUT /data?lifecycle", "", &all).await;
    assert_eq!((sent.status, sent.body.as_str()), (200, ""));
    assert_eq!(sent.header("x-amz-transition-default-minimum-object-size"), Some("all_storage_classes_128K"));
    let read = get(&server, "lifecycle").await;
    let id = read.rsplit_once("<ID>").and_then(|(_, rest)| rest.split_once("</ID>")).map(|(id, _)| id.to_owned());
    let id = id.expect("S3 made an id");
    assert_eq!(id.len(), 48);
    assert_eq!(read.replace(&format!("<ID>{id}</ID>"), ""), all);
    let answer = client.get_bucket_lifecycle_configuration().bucket("data").send().await.expect("rules");
    assert_eq!(answer.rules()[1].id(), Some(id.as_str()));

    let header = "x-amz-transition-default-minimum-object-size: varies_by_storage_class\r\n";
    assert_eq!(raw(&server, "PUT /data?lifecycle", header, &rule(EXPIRE)).await.status, 200);
    let answer = client.get_bucket_lifecycle_configuration().bucket("data").send().await.expect("rules");
    let minimum = answer.transition_default_minimum_object_size().map(|minimum| minimum.as_str());
    assert_eq!(minimum, Some("varies_by_storage_class"));
    let strange = raw(&server, "PUT /data?lifecycle", &header.replace("varies", "x"), &rule(EXPIRE)).await;
    assert_eq!(strange.refusal(), code(400, "InvalidArgument"));
    client.delete_bucket_lifecycle().bucket("data").send().await.expect("deleted");
    let read = client.get_bucket_lifecycle_configuration().bucket("data").send().await;
    assert_eq!(refusal(read), code(404, "NoSuchLifecycleConfiguration"));
}

#[tokio::test]
async fn a_lifecycle_that_s3_does_not_take_is_refused_with_its_code() {
    let server = server().await;
    let two = |a: &str, b: &str| {
        let rule = |id: &str| format!("<Rule><ID>{id}</ID><Prefix/><Status>Enabled</Status>{EXPIRE}</Rule>");
        lifecycle(&format!("{}{}", rule(a), rule(b)))
    };
    let to = |days: i32, class: &str| {
        format!("<Transition><Days>{days}</Days><StorageClass>{class}</StorageClass></Transition>")
    };
    let tag = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>";
    let abort =
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    let marker = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>";
    let noncurrent = |inner: &str| format!("<NoncurrentVersionExpiration>{inner}</NoncurrentVersionExpiration>");
    let argument = [
        two("same", "same"),
        two(&"x".repeat(256), "b"),
        rule("<Expiration><Days>0</Days></Expiration>"),
        rule("<Expiration><Days>-1</Days></Expiration>"),
        rule("<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>"),
        rule(&to(29, "STANDARD_IA")),
        rule(&to(-1, "GLACIER")),
        rule(&format!("{}{EXPIRE}", to(30, "GLACIER"))),
        rule(&noncurrent("<NoncurrentDays>0</NoncurrentDays>")),
        rule(&noncurrent("<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>101</NewerNoncurrentVersions>")),
    ];
    for bad in argument {
        assert_eq!(put(&server, "lifecycle", &bad).await, code(400, "InvalidArgument"), "{bad}");
    }
    let request = [
        rule(""),
        filtered(tag, abort),
        filtered(tag, marker),
        rule(&format!("{}{}", to(30, "GLACIER"), to(60, "GLACIER"))),
        filtered(
            "<Filter><And><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>k</Key><Value>w</Value></Tag></And></Filter>",
            EXPIRE,
        ),
    ];
    for bad in request {
        assert_eq!(put(&server, "lifecycle", &bad).await, code(400, "InvalidRequest"), "{bad}");
    }
    let malformed = [
        String::new(),
        lifecycle(""),
        lifecycle("<Rules/>"),
        filtered("", EXPIRE),
        filtered("<Filter/><Prefix/>", EXPIRE),
        filtered("<Filter><Prefix>a</Prefix><ObjectSizeLessThan>1</ObjectSizeLessThan></Filter>", EXPIRE),
        filtered("<Filter><And><Prefix>a</Prefix></And></Filter>", EXPIRE),
        filtered("<Filter><ObjectSizeLessThan>big</ObjectSizeLessThan></Filter>", EXPIRE),
        rule(EXPIRE).replace("Enabled", "On"),
        rule("<Expiration/>"),
        rule("<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>"),
        rule("<Expiration><Days>soon</Days></Expiration>"),
        rule("<Expiration><Date>tomorrow</Date></Expiration>"),
        rule(&format!("{EXPIRE}{EXPIRE}")),
        rule(&to(30, "ATTIC")),
        rule("<Transition><StorageClass>GLACIER</StorageClass></Transition>"),
        rule(&noncurrent("")),
        rule("<AbortIncompleteMultipartUpload/>"),
    ];
    for bad in malformed {
        assert_eq!(put(&server, "lifecycle", &bad).await, code(400, "MalformedXML"), "{bad}");
    }
    assert_eq!(get(&server, "lifecycle").await, r#"(404, "NoSuchLifecycleConfiguration")"#);
    for good in [
        two("a", "b"),
        rule(&to(0, "GLACIER")),
        rule("<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>"),
        rule(marker),
        rule(&format!("{}<Expiration><Days>31</Days></Expiration>", to(30, "STANDARD_IA"))),
    ] {
        assert_eq!(put(&server, "lifecycle", &good).await.0, 200, "{good}");
        assert_eq!(get(&server, "lifecycle").await, good);
    }
}

#[tokio::test]
async fn logs_go_to_a_bucket_of_the_same_owner_and_region() {
    let server = server().await;
    let client = alice(&server);
    let bob = client_of(&server, "bob", "us-east-1");
    assert_eq!(get(&server, "logging").await, "<BucketLoggingStatus/>");
    client.create_bucket().bucket("logs").send().await.expect("created");
    bob.create_bucket().bucket("bobs").send().await.expect("created");
    let west =
        "<CreateBucketConfiguration><LocationConstraint>us-west-2</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(raw(&server, "PUT /west", "", west).await.status, 200);
    let to = |bucket: &str| {
        format!(
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>{bucket}</TargetBucket><TargetPrefix>p/</TargetPrefix>\
             <TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat></LoggingEnabled></BucketLoggingStatus>"
        )
    };
    for wrong in ["missing", "bobs", "west"] {
        assert_eq!(put(&server, "logging", &to(wrong)).await, code(400, "InvalidTargetBucketForLogging"), "{wrong}");
    }
    assert_eq!(put(&server, "logging", &to("logs")).await.0, 200);
    assert_eq!(get(&server, "logging").await, to("logs"));
    let logging = client.get_bucket_logging().bucket("data").send().await.expect("logging");
    assert_eq!(logging.logging_enabled().map(|logging| logging.target_bucket()), Some("logs"));
    let no_prefix = to("logs").replace("<TargetPrefix>p/</TargetPrefix>", "");
    assert_eq!(put(&server, "logging", &no_prefix).await, code(400, "MalformedXML"));
    assert_eq!(put(&server, "logging", "<BucketLoggingStatus/>").await.0, 200);
    assert_eq!(get(&server, "logging").await, "<BucketLoggingStatus/>");
}

#[tokio::test]
async fn a_website_has_an_index_or_sends_everybody_away() {
    let server = server().await;
    let client = alice(&server);
    let absent = refusal(client.get_bucket_website().bucket("data").send().await);
    assert_eq!(absent, code(404, "NoSuchWebsiteConfiguration"));
    let of = |inner: &str| format!("<WebsiteConfiguration>{inner}</WebsiteConfiguration>");
    let index = "<IndexDocument><Suffix>i.html</Suffix></IndexDocument>";
    let redirect = "<RedirectAllRequestsTo><HostName>example.com</HostName></RedirectAllRequestsTo>";
    let routes = |rules: &str| of(&format!("{index}<RoutingRules>{rules}</RoutingRules>"));
    let route = |inner: &str| format!("<RoutingRule><Redirect>{inner}</Redirect></RoutingRule>");
    for good in [of(index), of(redirect), routes(&route("<HostName>h</HostName>"))] {
        assert_eq!(put(&server, "website", &good).await.0, 200, "{good}");
        assert_eq!(get(&server, "website").await, good);
    }
    let answer = client.get_bucket_website().bucket("data").send().await.expect("a website");
    assert_eq!(answer.routing_rules().len(), 1);
    for bad in [of(""), of("<IndexDocument/>"), of(&index.replace("i.", "a/i.")), of(&format!("{index}{redirect}"))] {
        assert_eq!(put(&server, "website", &bad).await, code(400, "InvalidArgument"), "{bad}");
    }
    let both = route("<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>");
    let ftp = route("<Protocol>ftp</Protocol>");
    for bad in [routes(&both), routes(&ftp), routes(&route("<HostName>h</HostName>").repeat(51))] {
        assert_eq!(put(&server, "website", &bad).await, code(400, "InvalidRequest"), "{bad}");
    }
    for bad in [
        of(&format!("{index}<ErrorDocument/>")),
        of("<RedirectAllRequestsTo/>"),
        routes(""),
        routes("<RoutingRule/>"),
        "<Website/>".to_owned(),
    ] {
        assert_eq!(put(&server, "website", &bad).await, code(400, "MalformedXML"), "{bad}");
    }
    client.delete_bucket_website().bucket("data").send().await.expect("deleted");
    assert_eq!(get(&server, "website").await, r#"(404, "NoSuchWebsiteConfiguration")"#);
}

#[tokio::test]
async fn cors_rules_are_judged_and_returned() {
    let server = server().await;
    let client = alice(&server);
    let absent = refusal(client.get_bucket_cors().bucket("data").send().await);
    assert_eq!(absent, code(404, "NoSuchCORSConfiguration"));
    let of = |rule: &str| format!("<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>");
    let base = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://*.example.com</AllowedOrigin>";
    let good = of(&format!("<ID>x</ID>{base}<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>5</MaxAgeSeconds><New/>"));
    assert_eq!(put(&server, "cors", &good).await.0, 200);
    assert_eq!(get(&server, "cors").await, good);
    let answer = client.get_bucket_cors().bucket("data").send().await.expect("rules");
    assert_eq!(answer.cors_rules()[0].max_age_seconds(), Some(5));
    for bad in [
        of(&base.replace("GET", "PATCH")),
        of(&base.replace("https", "*")),
        of(&format!("{base}<AllowedHeader>*-*</AllowedHeader>")),
        of(&format!("{base}<ExposeHeader>x-*</ExposeHeader>")),
    ] {
        assert_eq!(put(&server, "cors", &bad).await, code(400, "InvalidRequest"), "{bad}");
    }
    let one = format!("<CORSRule>{base}</CORSRule>");
    for bad in [
        "<CORSConfiguration/>".to_owned(),
        format!("<CORSConfiguration>{}</CORSConfiguration>", one.repeat(101)),
        of("<AllowedMethod>GET</AllowedMethod>"),
        of("<AllowedOrigin>*</AllowedOrigin>"),
        of(&format!("{base}<MaxAgeSeconds>long</MaxAgeSeconds>")),
        of(&format!("<ID>{}</ID>{base}", "x".repeat(256))),
    ] {
        assert_eq!(put(&server, "cors", &bad).await, code(400, "MalformedXML"), "{bad}");
    }
    client.delete_bucket_cors().bucket("data").send().await.expect("deleted");
    assert_eq!(get(&server, "cors").await, r#"(404, "NoSuchCORSConfiguration")"#);
}
