//! Settings with few fields: tags, versioning, encryption, acceleration, payment, object lock.

use super::*;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption, Tag, Tagging, VersioningConfiguration};

fn tags(pairs: &[(&str, &str)]) -> String {
    let tags: String =
        pairs.iter().map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")).collect();
    format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
}

#[tokio::test]
async fn tags_are_replaced_whole_and_an_empty_set_is_none() {
    let server = server().await;
    let client = alice(&server);
    let absent = || async { refusal(client.get_bucket_tagging().bucket("data").send().await) };
    assert_eq!(absent().await, code(404, "NoSuchTagSet"));
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().expect("a tag");
    let set = [tag("b", "1 <2> & 3"), tag("a", "")];
    let tagging = Tagging::builder().set_tag_set(Some(set.to_vec())).build().expect("tags");
    client.put_bucket_tagging().bucket("data").tagging(tagging).send().await.expect_err("`<` is not allowed");
    let set = [tag("b", "1 + 2 = 3 ü"), tag("a", "")];
    let tagging = Tagging::builder().set_tag_set(Some(set.to_vec())).build().expect("tags");
    client.put_bucket_tagging().bucket("data").tagging(tagging).send().await.expect("set");
    assert_eq!(client.get_bucket_tagging().bucket("data").send().await.expect("tags").tag_set(), set);
    client.delete_bucket_tagging().bucket("data").send().await.expect("deleted");
    assert_eq!(absent().await, code(404, "NoSuchTagSet"));
    assert_eq!(put(&server, "tagging", &tags(&[("a", "b")])).await.0, 200);
    assert_eq!(put(&server, "tagging", &tags(&[])).await.0, 200);
    assert_eq!(absent().await, code(404, "NoSuchTagSet"));
}

#[tokio::test]
async fn the_limits_of_tags_are_kept() {
    let server = server().await;
    let keys: Vec<String> = (0..51).map(|n| format!("k{n}")).collect();
    let many: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    assert_eq!(put(&server, "tagging", &tags(&many[..50])).await.0, 200);
    assert_eq!(put(&server, "tagging", &tags(&many)).await, code(400, "BadRequest"));
    let long = "x".repeat(257);
    for bad in [
        tags(&[("a", "1"), ("a", "2")]),
        tags(&[("", "1")]),
        tags(&[(&long[..129], "1")]),
        tags(&[("a", &long)]),
        tags(&[("a", "{}")]),
        tags(&[("aws:x", "1")]),
        tags(&[("AWS:x", "1")]),
    ] {
        assert_eq!(put(&server, "tagging", &bad).await, code(400, "InvalidTag"), "{bad}");
    }
    for bad in [
        "",
        "<Tagging",
        "<Tagging/>",
        "<Tags><TagSet/></Tags>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Label><Key>a</Key><Value/></Label></TagSet></Tagging>",
        "<!DOCTYPE x [<!ENTITY e 'y'>]><Tagging><TagSet><Tag><Key>&e;</Key><Value/></Tag></TagSet></Tagging>",
    ] {
        assert_eq!(put(&server, "tagging", bad).await, code(400, "MalformedXML"), "{bad}");
    }
    assert_eq!(get(&server, "tagging").await.matches("<Tag>").count(), 50);
}

#[tokio::test]
async fn tags_of_aws_itself_stay() {
    let server = server().await;
    assert!(server.plant_system_tags("data", &[("aws:stack".to_owned(), "s".to_owned())].into()));
    assert!(!server.plant_system_tags("missing", &[].into()));
    let system = ("aws:stack", "s");
    assert_eq!(put(&server, "tagging", &tags(&[("a", "1")])).await, code(400, "InvalidTag"));
    assert_eq!(put(&server, "tagging", &tags(&[("a", "1"), ("aws:stack", "t")])).await, code(400, "InvalidTag"));
    assert_eq!(put(&server, "tagging", &tags(&[system, ("aws:new", "1")])).await, code(400, "InvalidTag"));
    assert_eq!(raw(&server, "DELETE /data?tagging", "", "").await.refusal(), code(400, "InvalidTag"));
    assert_eq!(put(&server, "tagging", &tags(&[("a", "1"), system])).await.0, 200);
    assert_eq!(get(&server, "tagging").await, tags(&[("a", "1"), system]));
}

#[tokio::test]
async fn versioning_has_three_states_and_no_way_back() {
    let server = server().await;
    let client = alice(&server);
    let status = || async {
        let answer = client.get_bucket_versioning().bucket("data").send().await.expect("versioning");
        answer.status().cloned()
    };
    assert_eq!(status().await, None);
    assert_eq!(get(&server, "versioning").await, "<VersioningConfiguration/>");
    for state in [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended] {
        let wanted = VersioningConfiguration::builder().status(state.clone()).build();
        client.put_bucket_versioning().bucket("data").versioning_configuration(wanted).send().await.expect("set");
        assert_eq!(status().await, Some(state));
    }
    let none = put(&server, "versioning", "<VersioningConfiguration/>").await;
    assert_eq!(none, code(400, "IllegalVersioningConfigurationException"));
    let off = "<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>";
    assert_eq!(put(&server, "versioning", off).await, code(400, "MalformedXML"));
    assert_eq!(put(&server, "versioning", "Enabled").await, code(400, "MalformedXML"));
    assert_eq!(status().await, Some(BucketVersioningStatus::Suspended));
}

#[tokio::test]
async fn mfa_delete_needs_the_device_and_stays() {
    let server = server().await;
    let with = |mfa: &str| format!("<VersioningConfiguration><Status>Enabled</Status>{mfa}</VersioningConfiguration>");
    let on = with("<MfaDelete>Enabled</MfaDelete>");
    assert_eq!(put(&server, "versioning", &on).await, code(403, "AccessDenied"));
    assert_eq!(raw(&server, "PUT /data?versioning", "x-amz-mfa: device 123456\r\n", &on).await.status, 200);
    assert_eq!(get(&server, "versioning").await, on);
    assert_eq!(put(&server, "versioning", &with("")).await, code(403, "AccessDenied"));
    assert_eq!(raw(&server, "PUT /data?versioning", "x-amz-mfa: device 123456\r\n", &with("")).await.status, 200);
    assert_eq!(get(&server, "versioning").await, on);
}

#[tokio::test]
async fn object_lock_needs_versioning_and_keeps_it() {
    let server = server().await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let suspended = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    let lock = |rule: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
        )
    };
    assert_eq!(get(&server, "object-lock").await, r#"(404, "ObjectLockConfigurationNotFoundError")"#);
    assert_eq!(put(&server, "object-lock", &lock("")).await, code(409, "InvalidBucketState"));
    assert_eq!(put(&server, "versioning", enabled).await.0, 200);
    let rule = |inner: &str| lock(&format!("<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>"));
    for bad in [
        "<Mode>GOVERNANCE</Mode>",
        "<Mode>X</Mode><Days>1</Days>",
        "<Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years>",
    ] {
        assert_eq!(put(&server, "object-lock", &rule(bad)).await, code(400, "MalformedXML"), "{bad}");
    }
    for bad in ["<Days>0</Days>", "<Days>36501</Days>", "<Years>101</Years>"] {
        let bad = rule(&format!("<Mode>GOVERNANCE</Mode>{bad}"));
        assert_eq!(put(&server, "object-lock", &bad).await, code(400, "InvalidArgument"), "{bad}");
    }
    let held = rule("<Mode>GOVERNANCE</Mode><DefaultEventHold><Days>365</Days></DefaultEventHold>");
    assert_eq!(put(&server, "object-lock", &held).await.0, 200);
    assert_eq!(get(&server, "object-lock").await, held);
    let good = rule("<Mode>GOVERNANCE</Mode><Days>1</Days>");
    assert_eq!(put(&server, "object-lock", &good).await.0, 200);
    assert_eq!(get(&server, "object-lock").await, good);
    assert_eq!(put(&server, "versioning", suspended).await, code(409, "InvalidBucketState"));
    assert_eq!(get(&server, "versioning").await, enabled);
}

#[tokio::test]
async fn encryption_is_never_absent() {
    let server = server().await;
    let client = alice(&server);
    let default = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256\
                   </SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>\
                   </ServerSideEncryptionConfiguration>";
    assert_eq!(get(&server, "encryption").await, default);
    let answer = client.get_bucket_encryption().bucket("data").send().await.expect("encryption");
    let rule = &answer.server_side_encryption_configuration().expect("a configuration").rules()[0];
    let apply = rule.apply_server_side_encryption_by_default().expect("a default");
    assert_eq!((apply.sse_algorithm(), rule.bucket_key_enabled()), (&ServerSideEncryption::Aes256, Some(false)));

    let of = |rule: &str| {
        format!("<ServerSideEncryptionConfiguration><Rule>{rule}</Rule></ServerSideEncryptionConfiguration>")
    };
    let apply =
        |inner: &str| format!("<ApplyServerSideEncryptionByDefault>{inner}</ApplyServerSideEncryptionByDefault>");
    let kms = apply("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>");
    let blocked = "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>";
    let sent = of(&format!("{kms}{blocked}<Future>1</Future>"));
    assert_eq!(put(&server, "encryption", &sent).await.0, 200);
    let read = of(&format!("{kms}<BucketKeyEnabled>false</BucketKeyEnabled>{blocked}<Future>1</Future>"));
    assert_eq!(get(&server, "encryption").await, read);
    client.delete_bucket_encryption().bucket("data").send().await.expect("deleted");
    assert_eq!(get(&server, "encryption").await, default);
    assert_eq!(put(&server, "encryption", &of(blocked)).await.0, 200);
    assert!(get(&server, "encryption").await.contains("<SSEAlgorithm>AES256</SSEAlgorithm>"));

    let key = apply("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>");
    assert_eq!(put(&server, "encryption", &of(&key)).await, code(400, "InvalidArgument"));
    for bad in [
        "<ServerSideEncryptionConfiguration/>".to_owned(),
        of(&apply("<SSEAlgorithm>ROT13</SSEAlgorithm>")),
        of(&apply("")),
        of(&format!("{kms}<BucketKeyEnabled>maybe</BucketKeyEnabled>")),
        of("<BlockedEncryptionTypes><EncryptionType>X</EncryptionType></BlockedEncryptionTypes>"),
    ] {
        assert_eq!(put(&server, "encryption", &bad).await, code(400, "MalformedXML"), "{bad}");
    }
}

#[tokio::test]
async fn acceleration_and_payment_have_their_defaults() {
    let server = server().await;
    assert_eq!(get(&server, "accelerate").await, "<AccelerateConfiguration/>");
    let on = "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>";
    assert_eq!(put(&server, "accelerate", on).await.0, 200);
    assert_eq!(get(&server, "accelerate").await, on);
    assert_eq!(put(&server, "accelerate", "<AccelerateConfiguration/>").await, code(400, "MalformedXML"));
    assert_eq!(raw(&server, "PUT /with.dot", "", "").await.status, 200);
    let dotted = raw(&server, "PUT /with.dot?accelerate", "", on).await;
    assert_eq!(dotted.refusal(), code(400, "InvalidRequest"));

    let payer = |who: &str| format!("<RequestPaymentConfiguration><Payer>{who}</Payer></RequestPaymentConfiguration>");
    assert_eq!(get(&server, "requestPayment").await, payer("BucketOwner"));
    assert_eq!(put(&server, "requestPayment", &payer("Requester")).await.0, 200);
    assert_eq!(get(&server, "requestPayment").await, payer("Requester"));
    assert_eq!(put(&server, "requestPayment", &payer("Nobody")).await, code(400, "MalformedXML"));
}

#[tokio::test]
async fn notifications_are_one_document_with_ids_of_their_own() {
    let server = server().await;
    let of = |inner: &str| format!("<NotificationConfiguration>{inner}</NotificationConfiguration>");
    let queue = |id: &str, event: &str, rules: &str| {
        let filter = format!("<Filter><S3Key>{rules}</S3Key></Filter>");
        format!(
            "<QueueConfiguration>{id}<Queue>arn:aws:sqs:us-east-1:111111111111:q</Queue><Event>{event}</Event>{filter}</QueueConfiguration>"
        )
    };
    let rule = |name: &str, value: &str| format!("<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>");
    assert_eq!(get(&server, "notification").await, "<NotificationConfiguration/>");
    let made = "s3:ObjectCreated:*";
    let sent = of(&format!("{}<EventBridgeConfiguration/>", queue("", made, &rule("prefix", "a/"))));
    assert_eq!(put(&server, "notification", &sent).await.0, 200);
    let read = get(&server, "notification").await;
    assert!(
        read.contains("<Id>") && read.contains("<Name>Prefix</Name>") && read.contains("<EventBridgeConfiguration/>"),
        "{read}"
    );
    let (one, other) = ("<Id>1</Id>", "<Id>2</Id>");
    let both = |a: String, b: String| of(&format!("{a}{b}"));
    let apart = both(queue(one, made, &rule("prefix", "a/")), queue(other, made, &rule("prefix", "b/")));
    assert_eq!(put(&server, "notification", &apart).await.0, 200);
    let long = format!("<Id>{}</Id>", "x".repeat(256));
    for bad in [
        both(queue(one, made, &rule("prefix", "a/")), queue(one, made, &rule("prefix", "b/"))),
        both(queue(one, made, &rule("prefix", "a/")), queue(other, "s3:ObjectCreated:Put", &rule("suffix", "b"))),
        of(&queue(one, "s3:ObjectCreated", "")),
        of(&queue(one, made, &rule("size", "1"))),
        of(&queue(one, made, &format!("{}{}", rule("prefix", "a"), rule("Prefix", "b")))),
        of(&queue(&long, made, "")),
        of(&queue(one, made, "").replace(":sqs:", ":sns:")),
        of(&queue(one, made, "").replace(":q<", ":q.fifo<")),
    ] {
        assert_eq!(put(&server, "notification", &bad).await, code(400, "InvalidArgument"), "{bad}");
    }
    for bad in [of("<Queue/>"), of("<QueueConfiguration/>"), "<Notification/>".to_owned()] {
        assert_eq!(put(&server, "notification", &bad).await, code(400, "MalformedXML"), "{bad}");
    }
    assert_eq!(get(&server, "notification").await.matches("<Id>").count(), 2);
    assert_eq!(put(&server, "notification", &of("")).await.0, 200);
    assert_eq!(get(&server, "notification").await, "<NotificationConfiguration/>");
    assert_eq!(raw(&server, "DELETE /data?notification", "", "").await.refusal(), code(501, "NotImplemented"));
}

#[tokio::test]
async fn metadata_is_made_once_and_its_tables_outlive_it() {
    let server = server().await;
    let post = |body: String| {
        let server = &server;
        async move { raw(server, "POST /data?metadataConfiguration", "", &body).await.refusal() }
    };
    let journal = |inner: &str| {
        format!("<JournalTableConfiguration><RecordExpiration>{inner}</RecordExpiration></JournalTableConfiguration>")
    };
    let of = |inner: &str| format!("<MetadataConfiguration>{inner}</MetadataConfiguration>");
    let inventory = |state: &str| {
        format!(
            "<InventoryTableConfiguration><ConfigurationState>{state}</ConfigurationState></InventoryTableConfiguration>"
        )
    };
    let keeps = journal("<Expiration>DISABLED</Expiration>");
    assert_eq!(get(&server, "metadataConfiguration").await, r#"(404, "MetadataConfigurationNotFound")"#);
    assert_eq!(
        put(&server, "metadataInventoryTable", &inventory("ENABLED")).await,
        code(404, "MetadataConfigurationNotFound")
    );
    assert_eq!(post(of(&inventory("ENABLED"))).await, code(400, "MalformedXML"));
    let soon = journal("<Expiration>ENABLED</Expiration><Days>6</Days>");
    assert_eq!(post(of(&soon)).await, code(400, "InvalidArgument"));
    assert_eq!(post(of(&keeps)).await.0, 200);
    assert_eq!(post(of(&keeps)).await.0, 409);
    assert_eq!(
        put(&server, "metadataJournalTable", &journal("<Expiration>ENABLED</Expiration><Days>7</Days>")).await.0,
        200
    );
    assert_eq!(put(&server, "metadataInventoryTable", &inventory("ENABLED")).await.0, 200);
    let read = get(&server, "metadataConfiguration").await;
    assert!(
        read.contains("<Days>7</Days>") && read.contains("<ConfigurationState>ENABLED</ConfigurationState>"),
        "{read}"
    );
    assert!(!read.contains("FAILED") && read.contains("<TableBucketType>aws</TableBucketType>"), "{read}");
    for state in ["DISABLED", "ENABLED"] {
        assert_eq!(put(&server, "metadataInventoryTable", &inventory(state)).await.0, 200);
    }
    assert!(get(&server, "metadataConfiguration").await.contains("InventoryTableAlreadyExists"));
    assert_eq!(put(&server, "metadataInventoryTable", &inventory("MAYBE")).await, code(400, "MalformedXML"));
    assert_eq!(raw(&server, "DELETE /data?metadataConfiguration", "", "").await.status, 204);
    assert_eq!(get(&server, "metadataConfiguration").await, r#"(404, "MetadataConfigurationNotFound")"#);
    assert_eq!(post(of(&keeps)).await.0, 200);
    assert!(get(&server, "metadataConfiguration").await.contains("JournalTableAlreadyExists"));
    assert_eq!(get(&server, "metadataJournalTable").await, r#"(501, "NotImplemented")"#);
}
