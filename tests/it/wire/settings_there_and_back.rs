//! What is written is read back, and nothing at all reads as the default.

use driftless::cloud::Cloud;
use driftless::cloud::aws::AwsCloud;
use driftless::settings::SETTINGS;
use serde_json::{Value, json};

use super::*;

/// Values for each setting, in an order in which each replaces the one before: those at the edges,
/// beside the made-up ones of `stores/round_trip.rs`.
fn values(setting: &str) -> Vec<Value> {
    match super::golden::said_beside(setting, "there") {
        Value::Array(values) if !values.is_empty() => values,
        other => panic!("tests/wire/{setting}.there.json is no list of values: {other}"),
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
