//! Replication, as AWS documents what it takes and refuses.

use super::*;

const ROLE: &str = "<Role>arn:aws:iam::111111111111:role/copier</Role>";
const ENABLED: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

/// A rule of the second version: its destination, and what else it says.
fn rule(to: &str, further: &str) -> String {
    format!(
        "<Rule><Priority>1</Priority><Filter><Prefix>raw/</Prefix></Filter><Status>Enabled</Status>\
         <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>\
         <Destination><Bucket>arn:aws:s3:::copies</Bucket>{to}</Destination>{further}</Rule>"
    )
}

fn of(rules: &str) -> String {
    format!("<ReplicationConfiguration>{ROLE}{rules}</ReplicationConfiguration>")
}

/// A server on which both buckets keep versions.
async fn ready() -> Running {
    let server = server().await;
    assert_eq!(raw(&server, "PUT /copies", "", "").await.status, 200);
    for name in ["data", "copies"] {
        assert_eq!(raw(&server, &format!("PUT /{name}?versioning"), "", ENABLED).await.status, 200);
    }
    server
}

#[tokio::test]
async fn both_buckets_must_keep_versions_and_the_source_keeps_them() {
    let server = server().await;
    let good = of(&rule("", "<ID>a</ID>"));
    assert_eq!(get(&server, "replication").await, r#"(404, "ReplicationConfigurationNotFoundError")"#);
    assert_eq!(put(&server, "replication", &good).await, code(400, "InvalidRequest"), "no versions here");
    assert_eq!(put(&server, "versioning", ENABLED).await.0, 200);
    assert_eq!(put(&server, "replication", &good).await, code(400, "InvalidRequest"), "no such destination");
    assert_eq!(raw(&server, "PUT /copies", "", "").await.status, 200);
    assert_eq!(put(&server, "replication", &good).await, code(400, "InvalidRequest"), "no versions there");
    assert_eq!(raw(&server, "PUT /copies?versioning", "", ENABLED).await.status, 200);
    assert_eq!(put(&server, "replication", &good).await.0, 200);
    assert_eq!(get(&server, "replication").await, good);
    let suspended = ENABLED.replace("Enabled", "Suspended");
    assert_eq!(put(&server, "versioning", &suspended).await, code(409, "InvalidBucketState"));
    assert_eq!(raw(&server, "DELETE /data?replication", "", "").await.status, 204);
    assert_eq!(put(&server, "versioning", &suspended).await.0, 200);
}

#[tokio::test]
async fn a_rule_without_an_id_is_given_one() {
    let server = ready().await;
    assert_eq!(put(&server, "replication", &of(&rule("", ""))).await.0, 200);
    let answer = get(&server, "replication").await;
    let id = answer.split_once("<ID>").and_then(|(_, rest)| rest.split_once("</ID>")).map(|(id, _)| id);
    assert_eq!(id.map(str::len), Some(48), "{answer}");
}

#[tokio::test]
async fn every_form_of_a_rule_is_taken() {
    let server = ready().await;
    let kms = "<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>\
               </SourceSelectionCriteria>";
    let key = "<EncryptionConfiguration><ReplicaKmsKeyID>arn:aws:kms:us-east-1:111111111111:key/k</ReplicaKmsKeyID>\
               </EncryptionConfiguration>";
    let time = "<ReplicationTime><Status>Enabled</Status><Time><Minutes>15</Minutes></Time></ReplicationTime>\
                <Metrics><Status>Enabled</Status><EventThreshold><Minutes>15</Minutes></EventThreshold></Metrics>";
    let owner = "<Account>222222222222</Account>\
                 <AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>";
    for good in [
        rule(key, kms),
        rule(time, ""),
        rule(owner, ""),
        rule("<StorageClass>GLACIER_IR</StorageClass><Metrics><Status>Enabled</Status></Metrics>", ""),
        "<Rule><Prefix/><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::copies</Bucket></Destination></Rule>"
            .to_owned(),
    ] {
        assert_eq!(put(&server, "replication", &of(&good)).await.0, 200, "{good}");
    }
}

#[tokio::test]
async fn rules_that_aws_refuses_are_refused() {
    let server = ready().await;
    let kms = "<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>\
               </SourceSelectionCriteria>";
    let marks = |rule: String| rule.replace("<Status>Disabled</Status>", "<Status>Enabled</Status>");
    let tag = "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>";
    for bad in [
        rule("", "").replace("<Priority>1</Priority>", ""),
        rule("", "").replace("<Filter><Prefix>raw/</Prefix></Filter>", "<Prefix>raw/</Prefix>"),
        marks(rule("", "").replace("<Filter><Prefix>raw/</Prefix></Filter>", tag)),
        rule("", kms),
        rule("", "<SourceSelectionCriteria/>"),
        rule("<EncryptionConfiguration><ReplicaKmsKeyID>arn:aws:kms:x</ReplicaKmsKeyID></EncryptionConfiguration>", ""),
        rule("<AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>", ""),
        rule("<ReplicationTime><Status>Enabled</Status><Time><Minutes>15</Minutes></Time></ReplicationTime>", ""),
        rule("", "").replace(":::copies", ":::data"),
        format!("{}{}", rule("", "<ID>a</ID>"), rule("", "<ID>b</ID>")),
    ] {
        assert_eq!(put(&server, "replication", &of(&bad)).await, code(400, "InvalidRequest"), "{bad}");
    }
    let threshold = "<EventThreshold><Minutes>15</Minutes></EventThreshold>";
    for bad in [
        rule(&format!("<Metrics><Status>Enabled</Status>{threshold}</Metrics>"), ""),
        rule("", &format!("<ID>{}</ID>", "x".repeat(256))),
        rule("", "").replace("arn:aws:s3:::", ""),
        format!("{}{}", rule("", "<ID>a</ID>"), rule("", "<ID>a</ID>").replace("<Priority>1", "<Priority>2")),
    ] {
        assert_eq!(put(&server, "replication", &of(&bad)).await, code(400, "InvalidArgument"), "{bad}");
    }
    for bad in [
        String::new(),
        rule("", "<ExistingObjectReplication><Status>Enabled</Status></ExistingObjectReplication>"),
        rule("<StorageClass>FSX_OPENZFS</StorageClass>", ""),
        rule("", "").replace("<Status>Enabled</Status>", ""),
    ] {
        assert_eq!(put(&server, "replication", &of(&bad)).await, code(400, "MalformedXML"), "{bad}");
    }
    let role = of(&rule("", "")).replace(":role/", ":user/");
    assert_eq!(put(&server, "replication", &role).await, code(400, "InvalidArgument"));
}
