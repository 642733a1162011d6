//! What is written is read back, and nothing at all reads as the default.

use driftless::cloud::Cloud;
use driftless::cloud::aws::AwsCloud;
use driftless::settings::SETTINGS;
use serde_json::{Value, json};

use super::*;

/// Values for each setting, in an order in which each replaces the one before.
fn values(setting: &str) -> Vec<Value> {
    match setting {
        "publicAccessBlock" => vec![
            json!("all"),
            json!({"blockPublicAcls": true, "ignorePublicAcls": false, "blockPublicPolicy": false, "restrictPublicBuckets": true}),
            json!({"blockPublicAcls": false, "ignorePublicAcls": false, "blockPublicPolicy": false, "restrictPublicBuckets": false}),
        ],
        // In the end it is on, for those that need it.
        "versioning" => vec![json!({"status": "Suspended"}), json!({"status": "Enabled"})],
        "encryption" => vec![
            json!({"algorithm": "AES256", "blockedEncryptionTypes": []}),
            json!({"algorithm": "aws:kms", "kmsKeyId": "arn:aws:kms:us-east-1:111111111111:key/1a2b", "bucketKey": true, "blockedEncryptionTypes": ["SSE-C"]}),
            json!({"algorithm": "aws:kms:dsse", "kmsKeyId": "arn:aws:kms:us-east-1:111111111111:key/1a2b"}),
            json!({"algorithm": "AES256", "blockedEncryptionTypes": ["SSE-C"]}),
        ],
        "tags" => vec![
            json!({"Name": "data", "Purpose": "training"}),
            json!({"Name": "data", "Empty": "", "Odd": "a + b = c/d @ e_f.g:h-i"}),
            json!({"Grüße": "日本"}),
        ],
        "abac" => vec![json!({"status": "Enabled"}), json!({"status": "Disabled"})],
        "objectOwnership" => vec![json!("BucketOwnerPreferred"), json!("ObjectWriter"), json!("BucketOwnerEnforced")],
        "acl" => vec![
            json!("log-delivery-write"),
            json!({"grants": [{"grantee": format!("id:{}", "a".repeat(64)), "permissions": ["READ", "WRITE"]}]}),
            json!("public-read"),
            json!("private"),
        ],
        "policy" => vec![
            json!({"Version": "2012-10-17", "Statement": [{"Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}),
            json!({"Version": "2012-10-17", "Id": "x", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
                "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::data/*"}]}),
        ],
        "lifecycle" => vec![
            json!({"rules": [{"id": "a", "status": "Enabled", "expiration": {"days": 30}}]}),
            json!({"rules": [
                {"id": "a", "status": "Disabled", "filter": {"prefix": "tmp/"}, "abortIncompleteMultipartUpload": {"daysAfterInitiation": 3}},
                {"id": "b", "status": "Enabled", "filter": {"prefix": "raw/", "tags": {"keep": "no", "x": "y"}, "objectSizeGreaterThan": 5},
                 "transitions": [{"days": 90, "storageClass": "GLACIER"}],
                 "noncurrentVersionExpiration": {"noncurrentDays": 9, "newerNoncurrentVersions": 2}},
            ], "transitionDefaultMinimumObjectSize": "varies_by_storage_class"}),
        ],
        "logging" => vec![
            json!({"targetBucket": "access-logs", "targetPrefix": "s3/"}),
            json!({"targetBucket": "access-logs", "targetPrefix": "",
                "targetObjectKeyFormat": {"partitionedPrefix": {"partitionDateSource": "DeliveryTime"}}}),
        ],
        "website" => vec![
            json!({"indexDocument": "index.html", "errorDocument": "404.html"}),
            json!({"redirectAllRequestsTo": {"hostName": "example.com", "protocol": "https"}}),
            json!({"indexDocument": "index.html", "routingRules": [
                {"condition": {"keyPrefixEquals": "old/", "httpErrorCodeReturnedEquals": "404"},
                 "redirect": {"replaceKeyPrefixWith": "new/", "httpRedirectCode": "302"}}]}),
        ],
        "cors" => vec![
            json!({"rules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"]}]}),
            json!({"rules": [
                {"id": "web", "allowedMethods": ["GET", "PUT"], "allowedOrigins": ["https://a.example", "https://*.b.example"],
                 "allowedHeaders": ["*"], "exposeHeaders": ["ETag"], "maxAgeSeconds": 60},
                {"id": "all", "allowedMethods": ["HEAD"], "allowedOrigins": ["*"]}]}),
        ],
        "inventory" => {
            let to = json!({"bucket": "arn:aws:s3:::access-logs", "format": "CSV"});
            vec![
                json!({"configurations": [
                    {"id": "a", "schedule": "Daily", "includedObjectVersions": "All", "destination": to},
                    {"id": "b", "schedule": "Weekly", "includedObjectVersions": "Current", "destination": to}]}),
                json!({"configurations": [
                    {"id": "b", "isEnabled": false, "schedule": "Weekly", "includedObjectVersions": "Current",
                     "filter": {"prefix": "raw/"}, "optionalFields": ["Size", "ObjectLockEventHoldStatus"],
                     "destination": {"bucket": "arn:aws:s3:::access-logs", "format": "ORC", "accountId": ALICE,
                        "prefix": "lists/", "encryption": {"type": "SSE-KMS", "keyId": "arn:aws:kms:us-east-1:1:key/1"}}},
                    {"id": "c.d_e-F", "schedule": "Daily", "includedObjectVersions": "All",
                     "destination": {"bucket": "arn:aws:s3:::access-logs", "format": "Parquet",
                        "encryption": {"type": "SSE-S3"}}}]}),
            ]
        }
        "analytics" => vec![
            json!({"configurations": [{"id": "a"}, {"id": "b", "filter": {"tags": {"x": ""}}}]}),
            json!({"configurations": [
                {"id": "b", "filter": {"prefix": "raw/", "tags": {"x": "y", "z": "1"}}},
                {"id": "c", "filter": {"prefix": "raw/"}, "dataExport": {"destination":
                    {"bucket": "arn:aws:s3:::access-logs", "accountId": ALICE, "prefix": "a/"}}}]}),
        ],
        "metrics" => vec![
            json!({"configurations": [{"id": "EntireBucket"}, {"id": "b", "filter": {"tags": {"x": "1"}}}]}),
            json!({"configurations": [
                {"id": "b", "filter": {"prefix": "a <&> b/", "tags": {"x": "1"}}},
                {"id": "c", "filter": {"accessPointArn": "arn:aws:s3:us-east-1:111111111111:accesspoint/a"}}]}),
        ],
        "intelligentTiering" => vec![
            json!({"configurations": [
                {"id": "a", "status": "Enabled", "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 90}]},
                {"id": "b", "status": "Disabled", "filter": {"tags": {"x": "1"}},
                 "tierings": [{"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 730}]}]}),
            json!({"configurations": [
                {"id": "b", "status": "Enabled", "filter": {"prefix": "raw/", "tags": {"x": "1"}}, "tierings": [
                    {"accessTier": "ARCHIVE_ACCESS", "days": 180}, {"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 365}]}]}),
        ],
        "notifications" => {
            let queue = |id: &str, prefix: &str| {
                json!({"id": id, "arn": "arn:aws:sqs:us-east-1:111111111111:q", "events": ["s3:ObjectCreated:*"],
                    "filter": {"prefix": prefix, "suffix": ".tar"}})
            };
            vec![
                json!({"eventBridge": true}),
                json!({"queues": [queue("a", "a/"), queue("b", "b & c/")], "topics": [{"id": "t",
                    "arn": "arn:aws:sns:us-east-1:111111111111:t", "events": ["s3:ObjectAnnotation:*", "s3:Replication:*"]}]}),
                json!({"queues": [queue("b", "b/")], "lambdaFunctions": [{"id": "f",
                    "arn": "arn:aws:lambda:us-east-1:111111111111:function:f", "events": ["s3:LifecycleTransition"]}],
                    "eventBridge": true}),
            ]
        }
        "accelerate" => vec![json!({"status": "Enabled"}), json!({"status": "Suspended"})],
        "requestPayer" => vec![json!({"payer": "Requester"}), json!({"payer": "BucketOwner"})],
        "metadata" => vec![
            json!({"journalTable": {}}),
            json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 365}},
                "inventoryTable": {"state": "ENABLED"},
                "annotationTable": {"state": "ENABLED", "role": "arn:aws:iam::111111111111:role/r"}}),
            json!({"journalTable": {}, "annotationTable": {"state": "ENABLED", "role": "arn:aws:iam::111111111111:role/s"}}),
        ],
        "objectLock" => vec![
            json!({"enabled": true}),
            json!({"enabled": true, "defaultRetention": {"mode": "GOVERNANCE", "days": 30}}),
            json!({"enabled": true, "defaultRetention": {"mode": "COMPLIANCE", "years": 1, "defaultEventHold": {"days": 7}}}),
            json!({"enabled": true, "defaultRetention": "absent"}),
        ],
        "replication" => vec![
            json!({"role": "arn:aws:iam::111111111111:role/copier", "rules": [
                {"id": "old", "status": "Enabled", "prefix": "raw/", "destination": {"bucket": "arn:aws:s3:::access-logs"}}]}),
            json!({"role": "arn:aws:iam::111111111111:role/copier", "rules": [
                {"id": "all", "status": "Enabled", "priority": 1, "filter": {}, "deleteMarkerReplication": {"status": "Enabled"},
                 "destination": {"bucket": "arn:aws:s3:::access-logs", "storageClass": "GLACIER_IR",
                    "replicationTime": {"status": "Enabled"}, "metrics": {"status": "Enabled"}}},
                {"id": "kms", "status": "Disabled", "priority": 2, "filter": {"prefix": "raw/", "tags": {"keep": "yes"}},
                 "deleteMarkerReplication": {"status": "Disabled"},
                 "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}, "replicaModifications": {"status": "Enabled"}},
                 "destination": {"bucket": "arn:aws:s3:::access-logs", "account": "222222222222",
                    "accessControlTranslation": {"owner": "Destination"}, "metrics": {"status": "Enabled"},
                    "encryptionConfiguration": {"replicaKmsKeyId": "arn:aws:kms:us-east-1:222222222222:key/1a2b"}}}]}),
            // A key without objects to use it for, which S3 takes only when both are said.
            json!({"role": "arn:aws:iam::111111111111:role/copier", "rules": [
                {"id": "tag", "status": "Enabled", "priority": 7, "filter": {"tags": {"keep": "yes"}},
                 "deleteMarkerReplication": {"status": "Disabled"},
                 "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Disabled"}},
                 "destination": {"bucket": "arn:aws:s3:::access-logs",
                    "encryptionConfiguration": {"replicaKmsKeyId": "arn:aws:kms:us-east-1:222222222222:key/1a2b"}}}]}),
        ],
        other => panic!("no values for the setting `{other}`: add some above"),
    }
}

async fn write(cloud: &AwsCloud, setting: &'static str, to: &Doc) {
    let at = target("data");
    let seen = cloud.read(&at, setting).await.expect("a value");
    cloud.write(&at, setting, &seen, to).await.unwrap_or_else(|error| panic!("{setting}: {error}: {to:?}"));
    let found = cloud.read(&at, setting).await.expect("a value");
    assert_eq!(found, *to, "`{setting}` reads back as it was written");
    assert_eq!(cloud.foreign_fields(&at, setting), [] as [String; 0], "{setting}");
}

#[tokio::test]
async fn what_is_written_is_read_back_and_what_is_removed_is_gone() {
    let server = server().await;
    let cloud = connect(&server).await;
    // So that ACLs and policies of every kind are taken.
    let open = json!({"blockPublicAcls": false, "ignorePublicAcls": false, "blockPublicPolicy": false, "restrictPublicBuckets": false});
    write(&cloud, "publicAccessBlock", &value("publicAccessBlock", &open)).await;
    write(&cloud, "objectOwnership", &value("objectOwnership", &json!("ObjectWriter"))).await;
    for setting in SETTINGS.iter().filter(|it| it.name() != "objectOwnership") {
        for said in values(setting.name()) {
            write(&cloud, setting.name(), &value(setting.name(), &said)).await;
        }
        if setting.removable() {
            write(&cloud, setting.name(), &setting.default_doc()).await;
        }
    }
    for said in values("objectOwnership") {
        write(&cloud, "objectOwnership", &value("objectOwnership", &said)).await;
    }
    assert_eq!(server.bucket_names(), ["access-logs", "data", "data-old"]);
}

#[tokio::test]
async fn a_fresh_bucket_reads_as_aws_documents_it() {
    let server = server().await;
    let cloud = connect(&server).await;
    for setting in SETTINGS {
        let found = cloud.read(&target("data"), setting.name()).await.expect("a value");
        let expected = match setting.name() {
            "publicAccessBlock" => value("publicAccessBlock", &json!("all")),
            "objectOwnership" => value("objectOwnership", &json!("BucketOwnerEnforced")),
            _ => setting.default_doc(),
        };
        assert_eq!(found, expected, "{}", setting.name());
    }
}

#[tokio::test]
async fn tags_of_aws_itself_survive_a_write_and_are_no_difference() {
    let server = server().await;
    let cloud = connect(&server).await;
    let system = BTreeMap::from([("aws:cloudformation:stack-name".to_owned(), "web".to_owned())]);
    assert!(server.plant_system_tags("data", &system));
    assert_eq!(cloud.read(&target("data"), "tags").await.expect("tags"), value("tags", &json!({})));
    write(&cloud, "tags", &value("tags", &json!({"Name": "data"}))).await;
    assert!(server.body("data", "tagging").expect("tags").contains("aws:cloudformation:stack-name"));
}
