//! What this version does not know is neither lost nor taken for something else: words of S3 that
//! came later, and answers that say nothing.

use std::collections::BTreeSet;

use driftless::cloud::Cloud;
use driftless::settings::SETTINGS;
use serde_json::json;

use super::golden::{read, recorded};
use super::stub::{Asked, Reply, Stub};
use super::*;
use crate::support::looped::{Rig, bucket, desired_with, held};

/// A word that S3 does not have.
const LATER: &str = "added-later";

/// Elements that say what S3 does, made or lists, and nothing that a write would send back.
const TOLD: &[&str] = &[
    "AccessPointArn",
    "ContinuationToken",
    "DisplayName",
    "ErrorCode",
    "ErrorMessage",
    "NextContinuationToken",
    "TableArn",
    "TableBucketArn",
    "TableName",
    "TableNamespace",
    "TableStatus",
];

/// What is compared in another way than word by word: who the owner of an ACL is, and the tags of AWS
/// itself, which every write of tags reads once more and sends along.
const OTHERWISE: &[(&str, &str)] = &[("acl", "ID"), ("tags", "Value")];

/// The places of the texts between tags, with the names of their elements.
fn texts(body: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = body[at..].find('<').map(|it| at + it) {
        let Some(close) = body[open..].find('>').map(|it| open + it) else { break };
        let next = body[close..].find('<').map_or(body.len(), |it| close + it);
        let name = body[open + 1..close].split(' ').next().unwrap_or_default();
        if !name.starts_with('/') && !name.ends_with('/') && !body[close + 1..next].trim().is_empty() {
            found.push((name.rsplit(':').next().unwrap_or(name).to_owned(), close + 1..next));
        }
        at = next;
    }
    found
}

/// The type of encryption to block that S3 adds next was dropped when it was read, and so would have
/// been removed by the next write of anything else in the same document; so was every word that a
/// setting sorts into its own. Each is carried, told as foreign, or makes the reading fail.
#[tokio::test]
async fn no_word_that_s3_adds_is_dropped_from_what_is_written_back() {
    let mut lost = BTreeSet::new();
    for setting in SETTINGS.iter().filter(|it| it.name() != "policy") {
        let body = recorded(setting.name());
        let (known, _) = read(setting.name(), body.clone()).await;
        let places = texts(&body);
        assert!(!places.is_empty(), "{}", setting.name());
        for (element, place) in places.into_iter().filter(|(element, _)| !TOLD.contains(&element.as_str())) {
            if OTHERWISE.contains(&(setting.name(), element.as_str())) {
                continue;
            }
            let mut later = body.clone();
            later.replace_range(place, LATER);
            let url = super::golden::stub(later);
            let cloud = connect_to(&url, &(Arc::new(Counted::default()) as Arc<dyn Observer>)).await;
            let at = target("data");
            let Ok(doc) = cloud.read(&at, setting.name()).await else { continue };
            let told = cloud.foreign_fields(&at, setting.name());
            if told.is_empty() && !doc.as_str().contains(LATER) && doc != known {
                lost.insert(format!("{} {element}: {}", setting.name(), doc.as_str()));
            }
            if told.is_empty() && doc == known {
                lost.insert(format!("{} {element} makes no difference", setting.name()));
            }
        }
    }
    assert_eq!(lost, BTreeSet::new());
}

/// One bucket whose every setting answers this; writes are taken.
fn answering(body: &'static str) -> Stub {
    Stub::start(move |asked: &Asked| match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", list) if list.starts_with("/?") => Reply::ok(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>data</Name></Bucket></Buckets></ListAllMyBucketsResult>",
        ),
        ("GET", _) => Reply::ok(body),
        _ => Reply::ok(""),
    })
}

#[tokio::test]
async fn a_value_that_is_not_known_keeps_the_rest_of_its_document_from_being_written() {
    let encryption = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256\
                      </SSEAlgorithm></ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>SSE-X\
                      </EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>";
    let versioning = "<VersioningConfiguration><Status>Suspended</Status><MfaDelete>Perhaps</MfaDelete>\
                      </VersioningConfiguration>";
    let lock = "<ObjectLockConfiguration><ObjectLockEnabled>Soon</ObjectLockEnabled></ObjectLockConfiguration>";
    let metadata = "<GetBucketMetadataConfigurationResult><MetadataConfigurationResult><DestinationResult>\
                    <TableBucketType>partner</TableBucketType></DestinationResult></MetadataConfigurationResult>\
                    </GetBucketMetadataConfigurationResult>";
    for (setting, body, spec, said) in [
        ("encryption", encryption, json!({"blockedEncryptionTypes": ["SSE-C"]}), "EncryptionType SSE-X"),
        ("versioning", versioning, json!({"status": "Enabled"}), "MfaDelete Perhaps"),
        ("objectLock", lock, json!({"enabled": true}), "ObjectLockEnabled Soon"),
        ("metadata", metadata, json!({"inventoryTable": {"state": "ENABLED"}}), "TableBucketType partner"),
    ] {
        let stub = answering(body);
        let cloud = connect_to(&stub.url, &(Arc::new(Counted::default()) as Arc<dyn Observer>)).await;
        let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
        rig.wrapped = Some(Arc::new(cloud));
        let spec = json!({setting: spec}).to_string();
        let swept = rig.sweep(&desired_with(&bucket("data", &spec), "policies: {builtin: []}")).await;
        assert_eq!(held(&swept), [format!("data {setting} needs-approval")], "{:?}", swept.plans[0].last);
        assert_eq!(
            swept.plans[0].last.held[0].detail,
            format!("S3 returned `{said}`, which this version does not know and would remove")
        );
        let written: Vec<Asked> = stub.all().into_iter().filter(|asked| asked.method != "GET").collect();
        assert_eq!(written, [], "{setting}");
    }
}

/// A bucket with a status of a later day was taken for one that never had versions, and would have
/// been switched on.
#[tokio::test]
async fn a_status_of_versioning_that_is_not_known_is_no_status_to_compare_with() {
    let stub = answering("<VersioningConfiguration><Status>Paused</Status></VersioningConfiguration>");
    let cloud = connect_to(&stub.url, &(Arc::new(Counted::default()) as Arc<dyn Observer>)).await;
    let error = cloud.read(&target("data"), "versioning").await.expect_err("not known");
    assert_eq!(
        error.to_string(),
        "GetBucketVersioning on `data` failed: unexpected answer: this version does not know the status `Paused`"
    );
}

/// moto says so that a bucket has no notifications; what was announced and did not come is no answer.
#[tokio::test]
async fn on_a_store_of_ones_own_an_answer_of_nothing_means_that_there_are_no_notifications() {
    let empty = Stub::start(|_| Reply::ok(""));
    let cloud = connect_to(&empty.url, &(Arc::new(Counted::default()) as Arc<dyn Observer>)).await;
    let none = cloud.read(&target("data"), "notifications").await.expect("none");
    assert_eq!(none, value("notifications", &json!({})));
}
