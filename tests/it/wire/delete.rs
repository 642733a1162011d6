//! No setting can send a DELETE that the one place has not allowed.

use driftless::cloud::Cloud;
use driftless::cloud::delete::SubResource;
use driftless::settings::SETTINGS;
use serde_json::json;

use super::*;

/// The settings that are ever deleted, with a value each and the operation.
fn deletable() -> Vec<(&'static str, serde_json::Value, &'static str)> {
    vec![
        ("cors", json!({"rules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"]}]}), "DeleteBucketCors"),
        (
            "lifecycle",
            json!({"rules": [{"id": "a", "status": "Enabled", "expiration": {"days": 9}}]}),
            "DeleteBucketLifecycle",
        ),
        ("metadata", json!({"inventoryTable": {"state": "ENABLED"}}), "DeleteBucketMetadataConfiguration"),
        (
            "policy",
            json!({"Version": "2012-10-17", "Statement": [{"Sid": "tls", "Effect": "Deny", "Principal": "*",
            "Action": "s3:*", "Resource": "arn:aws:s3:::data/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}),
            "DeleteBucketPolicy",
        ),
        (
            "replication",
            json!({"role": "arn:aws:iam::111111111111:role/copier", "rules": [{"id": "a", "status": "Enabled",
            "prefix": "", "destination": {"bucket": "arn:aws:s3:::access-logs"}}]}),
            "DeleteBucketReplication",
        ),
        ("tags", json!({"Name": "data"}), "DeleteBucketTagging"),
        ("website", json!({"indexDocument": "index.html"}), "DeleteBucketWebsite"),
        ("inventory", one("inventory", "a"), "DeleteBucketInventoryConfiguration"),
        ("analytics", one("analytics", "a"), "DeleteBucketAnalyticsConfiguration"),
        ("metrics", one("metrics", "a"), "DeleteBucketMetricsConfiguration"),
        ("intelligentTiering", one("intelligentTiering", "a"), "DeleteBucketIntelligentTieringConfiguration"),
    ]
}

const KEYED: [&str; 4] = ["inventory", "analytics", "metrics", "intelligentTiering"];

/// A set with one configuration of this id.
pub(super) fn one(setting: &str, id: &str) -> serde_json::Value {
    let to = json!({"bucket": "arn:aws:s3:::access-logs", "format": "CSV"});
    let it = match setting {
        "inventory" => {
            json!({"id": id, "schedule": "Daily", "includedObjectVersions": "All", "destination": to})
        }
        "intelligentTiering" => {
            json!({"id": id, "status": "Enabled", "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 90}]})
        }
        _ => json!({"id": id}),
    };
    json!({"configurations": [it]})
}

fn deletes(server: &Running) -> Vec<&'static str> {
    server
        .requests()
        .into_keys()
        .filter(|operation| operation.starts_with("Delete") || *operation == "Unknown")
        .collect()
}

#[tokio::test]
async fn without_proof_that_the_store_knows_the_setting_nothing_is_deleted() {
    let server = server().await;
    let cloud = connect(&server).await;
    assert_eq!(deletable().len(), SubResource::ALL.len());
    for setting in SETTINGS {
        let default = setting.default_doc();
        let written = cloud.write(&target("data"), setting.name(), &default, &default).await;
        if KEYED.contains(&setting.name()) {
            written.expect("of an empty set nothing can go, and nothing is sent");
        } else if deletable().iter().any(|it| it.0 == setting.name()) {
            let error = written.expect_err("nothing was read that could be deleted");
            assert_eq!(error.kind, S3ErrorKind::Forbidden, "{}: {error}", setting.name());
        }
        assert_eq!(deletes(&server), [] as [&str; 0], "{}", setting.name());
    }
    assert_eq!(server.bucket_names(), ["access-logs", "data", "data-old"]);
}

#[tokio::test]
async fn with_proof_exactly_one_delete_of_the_right_sub_resource_is_sent_and_the_bucket_looked_at() {
    let server = server().await;
    let cloud = connect(&server).await;
    // Replication needs it.
    for name in ["data", "data-old"] {
        let (off, on) = (value("versioning", &json!({})), value("versioning", &json!({"status": "Enabled"})));
        cloud.write(&target(name), "versioning", &off, &on).await.expect("taken");
    }
    for (setting, said, operation) in deletable() {
        // A bucket whose name begins alike keeps its value.
        for name in ["data", "data-old"] {
            let said = serde_json::from_str(&said.to_string().replace(":data/", &format!(":{name}/"))).expect("JSON");
            let at = target(name);
            let seen = cloud.read(&at, setting).await.expect("a value");
            cloud.write(&at, setting, &seen, &value(setting, &said)).await.expect("taken");
        }
        server.forget_requests();
        let at = target("data");
        let seen = cloud.read(&at, setting).await.expect("a value");
        cloud.write(&at, setting, &seen, &settings::named(setting).default_doc()).await.expect("removed");
        assert_eq!(deletes(&server), [operation]);
        let log: Vec<(&str, String)> =
            server.log().into_iter().map(|it| (it.operation.name(), it.bucket)).rev().take(2).collect();
        assert_eq!(log, [("HeadBucket", "data".to_owned()), (operation, "data".to_owned())]);
        assert_eq!(cloud.read(&at, setting).await.expect("a value"), settings::named(setting).default_doc());
        let other = cloud.read(&target("data-old"), setting).await.expect("a value");
        assert_ne!(other, settings::named(setting).default_doc(), "{setting}");
    }
}

/// A DELETE whose answer was lost is sent again, and S3 says that there is nothing: that is what was
/// wanted.
#[tokio::test]
async fn exactly_the_listed_ids_that_go_are_deleted_and_no_others() {
    let server = server().await;
    let cloud = connect(&server).await;
    let at = target("data");
    for (name, operation) in deletable().into_iter().filter(|it| KEYED.contains(&it.0)).map(|it| (it.0, it.2)) {
        let both = |ids: [&str; 2]| {
            let each = ids.map(|id| one(name, id)["configurations"][0].clone());
            value(name, &json!({"configurations": each}))
        };
        let empty = settings::named(name).default_doc();
        cloud.write(&at, name, &empty, &both(["a", "b"])).await.expect("taken");
        server.forget_requests();
        let seen = cloud.read(&at, name).await.expect("a value");
        cloud.write(&at, name, &seen, &value(name, &one(name, "b"))).await.expect("taken");
        assert_eq!(deletes(&server), [operation]);
        assert_eq!(cloud.read(&at, name).await.expect("a value"), value(name, &one(name, "b")));

        let stale = both(["gone", "b"]);
        cloud.write(&at, name, &stale, &value(name, &one(name, "b"))).await.expect("it is gone already");
        assert_eq!(cloud.read(&at, name).await.expect("a value"), value(name, &one(name, "b")));
    }
    assert_eq!(server.bucket_names(), ["access-logs", "data", "data-old"]);
}

/// Past the settings, with the very client that they are given.
#[tokio::test]
async fn the_client_itself_sends_no_delete_without_a_permit() {
    let server = server().await;
    let cloud = connect(&server).await;
    let client = cloud.client(&target("data"), true);
    macro_rules! refused {
        ($($request:expr;)*) => {
            $({
                let error = format!("{:?}", $request.send().await.expect_err("stopped"));
                assert!(error.contains("nothing allows this DELETE"), "{}: {error}", stringify!($request));
            })*
        };
    }
    let delete = aws_sdk_s3::types::Delete::builder()
        .objects(aws_sdk_s3::types::ObjectIdentifier::builder().key("k").build().expect("a key"))
        .build()
        .expect("a list");
    refused! {
        client.delete_bucket().bucket("data");
        client.delete_object().bucket("data").key("k");
        client.delete_object().bucket("data").key("k").version_id("v");
        client.delete_objects().bucket("data").delete(delete);
        client.delete_object_tagging().bucket("data").key("k");
        client.delete_bucket_tagging().bucket("data");
        client.delete_bucket_policy().bucket("data");
        client.delete_bucket_lifecycle().bucket("data");
        client.delete_bucket_website().bucket("data");
        client.delete_bucket_cors().bucket("data");
        client.delete_bucket_metadata_configuration().bucket("data");
        client.delete_bucket_metadata_table_configuration().bucket("data");
        client.create_bucket_metadata_table_configuration().bucket("data");
        client.create_multipart_upload().bucket("data").key("k");
        client.complete_multipart_upload().bucket("data").key("k").upload_id("u");
        client.restore_object().bucket("data").key("k");
        client.delete_bucket_encryption().bucket("data");
        client.delete_bucket_ownership_controls().bucket("data");
        client.delete_public_access_block().bucket("data");
        client.delete_bucket_replication().bucket("data");
        client.delete_bucket_inventory_configuration().bucket("data").id("i");
        client.delete_bucket_metrics_configuration().bucket("data").id("i");
        client.delete_bucket_analytics_configuration().bucket("data").id("i");
        client.delete_bucket_intelligent_tiering_configuration().bucket("data").id("i");
        client.abort_multipart_upload().bucket("data").key("k").upload_id("u");
    }
    assert_eq!(server.requests(), BTreeMap::new(), "nothing reached the wire");
}

/// Objects can be deleted by POST, so one POST is let through and no other: that which makes the
/// metadata configuration of a bucket, to that address and by that operation.
#[tokio::test]
async fn the_one_post_that_is_sent_makes_a_metadata_configuration() {
    use aws_sdk_s3::types::{ExpirationState, JournalTableConfiguration, MetadataConfiguration, RecordExpiration};
    let server = server().await;
    let cloud = connect(&server).await;
    let client = cloud.client(&target("data"), true);
    let expiration = RecordExpiration::builder().expiration(ExpirationState::Disabled).build().expect("an expiration");
    let journal = JournalTableConfiguration::builder().record_expiration(expiration).build();
    let configuration = MetadataConfiguration::builder().journal_table_configuration(journal).build();
    let asked = |bucket: &str| {
        client.create_bucket_metadata_configuration().bucket(bucket).metadata_configuration(configuration.clone())
    };
    for elsewhere in [
        "/data?delete",
        "/data",
        "/data/key?metadataConfiguration",
        "/data?metadataTable",
        "/data?metadataConfiguration&delete",
        "/data-old?metadataConfiguration",
        "/?metadataConfiguration",
    ] {
        let address = format!("{}{elsewhere}", server.url());
        let mutated = asked("data").customize().mutate_request(move |request| {
            request.set_uri(address.as_str()).expect("an address");
        });
        let error = format!("{:?}", mutated.send().await.expect_err("stopped"));
        assert!(error.contains("nothing allows this DELETE"), "{elsewhere}: {error}");
    }
    assert_eq!(server.requests(), BTreeMap::new(), "nothing reached the wire");
    asked("data").send().await.expect("made");
    assert_eq!(server.requests(), BTreeMap::from([("CreateBucketMetadataConfiguration", 1)]));
}
