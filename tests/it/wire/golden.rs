//! Answers as AWS documents them, one a setting in `tests/wire/`: each element is known, and one
//! that is not changes nothing and makes a write wait for a person.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use driftless::cloud::Cloud;
use driftless::settings::SETTINGS;
use serde_json::json;

use super::*;

/// A server that gives every request the same answer, as long as the test runs.
pub(super) fn stub(body: String) -> String {
    stub_of("200 OK", body).0
}

/// The same with a status, and the first lines of the requests that came.
pub(super) fn stub_of(status: &'static str, body: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let came = Arc::clone(&asked);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&piece[..count]),
                }
            }
            let text = String::from_utf8_lossy(&request);
            came.lock().expect("no panic").push(text.lines().next().unwrap_or_default().to_owned());
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    (url, asked)
}

fn recorded(setting: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let xml = folder.join(format!("{setting}.xml"));
    let file = if xml.exists() { xml } else { folder.join(format!("{setting}.json")) };
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What each recorded answer means.
fn meaning(setting: &str) -> serde_json::Value {
    match setting {
        "publicAccessBlock" => json!({"blockPublicAcls": true, "ignorePublicAcls": true, "blockPublicPolicy": false,
            "restrictPublicBuckets": false}),
        "versioning" => json!({"status": "Enabled", "mfaDelete": "Enabled"}),
        "encryption" => json!({"algorithm": "aws:kms", "kmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/1a2b",
            "bucketKey": true, "blockedEncryptionTypes": ["SSE-C"]}),
        "tags" => json!({"Name": "AI Model Data Storage", "Empty": ""}),
        "abac" => json!({"status": "Enabled"}),
        "objectOwnership" => json!("BucketOwnerPreferred"),
        "acl" => json!("public-read"),
        "policy" => {
            json!({"Version": "2012-10-17", "Statement": {"Sid": "tls", "Effect": "Deny", "Principal": {"AWS": "*"},
            "Action": ["s3:*"], "Resource": ["arn:aws:s3:::data/*", "arn:aws:s3:::data"],
            "Condition": {"Bool": {"aws:SecureTransport": false}}}})
        }
        "lifecycle" => json!({"rules": [{"id": "archive", "status": "Enabled",
            "filter": {"prefix": "raw/", "tags": {"keep": "no"}, "objectSizeGreaterThan": 500},
            "transitions": [{"days": 90, "storageClass": "GLACIER"}], "expiration": {"days": 365},
            "noncurrentVersionExpiration": {"noncurrentDays": 30, "newerNoncurrentVersions": 3},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}}]}),
        "logging" => json!({"targetBucket": "access-logs", "targetPrefix": "s3/",
            "targetObjectKeyFormat": {"partitionedPrefix": {"partitionDateSource": "EventTime"}}}),
        "website" => json!({"indexDocument": "index.html", "errorDocument": "404.html", "routingRules": [
            {"condition": {"keyPrefixEquals": "docs/"}, "redirect": {"replaceKeyPrefixWith": "documents/"}}]}),
        "cors" => json!({"rules": [{"id": "web", "allowedHeaders": ["*"], "allowedMethods": ["GET", "PUT"],
            "allowedOrigins": ["https://www.example.com"], "exposeHeaders": ["ETag"], "maxAgeSeconds": 3000}]}),
        "inventory" => json!({"configurations": [
            {"id": "report1", "schedule": "Daily", "includedObjectVersions": "All", "filter": {"prefix": "prefix/One"},
             "optionalFields": ["Size", "LastModifiedDate", "ETag"],
             "destination": {"format": "CSV", "accountId": "123456789012", "bucket": "arn:aws:s3:::destination-bucket",
                "prefix": "prefix1",
                "encryption": {"type": "SSE-KMS", "keyId": "arn:aws:kms:us-west-2:111122223333:key/1234abcd"}}},
            {"id": "report2", "isEnabled": false, "schedule": "Weekly", "includedObjectVersions": "Current",
             "destination": {"format": "Parquet", "bucket": "arn:aws:s3:::bucket2", "encryption": {"type": "SSE-S3"}}}]}),
        "analytics" => json!({"configurations": [
            {"id": "list1", "filter": {"prefix": "images/"}, "dataExport": {"destination": {"format": "CSV",
                "accountId": "123456789012", "bucket": "arn:aws:s3:::destination-bucket", "prefix": "destination-prefix"}}},
            {"id": "report1", "filter": {"prefix": "images/", "tags": {"dog": "bulldog"}}}]}),
        "metrics" => json!({"configurations": [
            {"id": "EntireBucket"}, {"id": "Documents", "filter": {"prefix": "documents/"}},
            {"id": "Images", "filter": {"prefix": "images/", "tags": {"priority": "high", "class": "blue"},
                "accessPointArn": "arn:aws:s3:us-west-2:123456789012:accesspoint/test"}}]}),
        "intelligentTiering" => json!({"configurations": [{"id": "ExampleConfig", "status": "Enabled",
            "filter": {"prefix": "images/", "tags": {"priority": "low"}}, "tierings": [
                {"accessTier": "ARCHIVE_ACCESS", "days": 90}, {"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 180}]}]}),
        "notifications" => json!({
            "topics": [{"id": "YjVkM2Y0YmUtNGI3NC00ZjQyLWEwNGItNDIyYWUxY2I0N2M4",
                "arn": "arn:aws:sns:us-east-1:356671443308:s3notificationtopic2",
                "events": ["s3:ReducedRedundancyLostObject", "s3:ObjectAcl:Put"]}],
            "queues": [{"id": "1", "arn": "arn:aws:sqs:us-east-1:444455556666:s3notificationqueue",
                "events": ["s3:ObjectCreated:*"], "filter": {"prefix": "images/", "suffix": ".jpg"}}],
            "lambdaFunctions": [{"id": "ObjectCreatedEvents",
                "arn": "arn:aws:lambda:us-east-1:356671443308:function:CreateThumbnail", "events": ["s3:ObjectRemoved:*"]}],
            "eventBridge": true}),
        "accelerate" => json!({"status": "Enabled"}),
        "requestPayer" => json!({"payer": "Requester"}),
        "metadata" => json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 10}},
            "inventoryTable": {"state": "ENABLED"},
            "annotationTable": {"state": "ENABLED", "role": "arn:aws:iam::111122223333:role/annotations"}}),
        "objectLock" => json!({"enabled": true, "defaultRetention": {"mode": "GOVERNANCE", "years": 2,
            "defaultEventHold": {"years": 1}}}),
        "replication" => json!({"role": "arn:aws:iam::111122223333:role/replication", "rules": [
            {"id": "all", "status": "Enabled", "priority": 1, "filter": {},
             "deleteMarkerReplication": {"status": "Enabled"},
             "destination": {"bucket": "arn:aws:s3:::copies", "storageClass": "STANDARD_IA",
                "replicationTime": {"status": "Enabled", "time": {"minutes": 15}},
                "metrics": {"status": "Enabled", "eventThreshold": {"minutes": 15}}}},
            {"id": "theirs", "status": "Disabled", "priority": 2, "filter": {"prefix": "raw/", "tags": {"keep": "yes"}},
             "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"},
                "replicaModifications": {"status": "Enabled"}},
             "existingObjectReplication": {"status": "Enabled"},
             "deleteMarkerReplication": {"status": "Disabled"},
             "destination": {"bucket": "arn:aws:s3:::theirs", "account": "222222222222",
                "accessControlTranslation": {"owner": "Destination"},
                "encryptionConfiguration": {"replicaKmsKeyId": "arn:aws:kms:eu-central-1:222222222222:key/1a2b"}}}]}),
        other => panic!("no recorded answer for the setting `{other}`: add one to tests/wire"),
    }
}

async fn read(setting: &'static str, body: String) -> (Doc, Vec<String>) {
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let cloud = connect_to(&stub(body), &observer).await;
    let at = target("data");
    let doc = cloud.read(&at, setting).await.unwrap_or_else(|error| panic!("{setting}: {error}"));
    (doc, cloud.foreign_fields(&at, setting))
}

#[tokio::test]
async fn pain_01_every_recorded_answer_means_what_it_says_and_all_of_it_is_known() {
    for setting in SETTINGS {
        let (doc, foreign) = read(setting.name(), recorded(setting.name())).await;
        assert_eq!(doc, value(setting.name(), &meaning(setting.name())), "{}", setting.name());
        assert_eq!(foreign, [] as [String; 0], "{}", setting.name());
    }
}

#[tokio::test]
async fn pain_01_an_element_that_aws_adds_is_no_difference_and_is_not_lost_by_a_write() {
    for setting in SETTINGS.iter().filter(|it| it.name() != "policy") {
        // One in every element that holds others.
        let mut body = String::new();
        for line in recorded(setting.name()).lines() {
            if line.trim_start().starts_with("</") {
                body.push_str("<Fancy><Deeper a=\"b\">1</Deeper></Fancy>");
            }
            body.push_str(line);
            body.push('\n');
        }
        assert!(body.contains("Fancy"));
        let (doc, foreign) = read(setting.name(), body).await;
        assert_eq!(doc, value(setting.name(), &meaning(setting.name())), "{}", setting.name());
        assert_eq!(foreign, ["Fancy", "Deeper"], "{}", setting.name());
    }
}

/// `s3-servers.md` point 8: Ceph answers 200 and an empty configuration where nothing is set.
#[tokio::test]
async fn an_empty_replication_is_none() {
    let empty = "<ReplicationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Role></Role>\
                 </ReplicationConfiguration>";
    let (doc, foreign) = read("replication", empty.to_owned()).await;
    assert_eq!((doc, foreign), (value("replication", &json!({})), Vec::new()));
}
