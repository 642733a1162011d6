//! Replication, object lock, tags that decide access, metadata tables and MFA delete, with every field
//! that each tool has for them.

use super::*;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1a2b";
const THEIRS: &str = "arn:aws:kms:eu-west-1:444455556666:key/3c4d";
const ROLE: &str = "arn:aws:iam::111122223333:role/replication";

fn resource(kind: &str, mut attributes: Value) -> Value {
    attributes["bucket"] = json!("ai-a");
    attributes["id"] = json!("ai-a");
    attributes["region"] = json!("us-east-1");
    json!({"mode": "managed", "type": kind, "name": "a", "instances": [{"attributes": attributes}]})
}

fn state(resources: Vec<Value>) -> Converted {
    converted(Format::Terraform, &json!({"version": 4, "resources": resources}).to_string())
}

/// Each says this of the setting, and nothing is lost.
fn all_say(setting: &str, expected: &Value, files: &[Converted]) {
    for (n, file) in files.iter().enumerate() {
        assert_eq!(file.losses, [], "file {n}");
        assert_eq!(&said(file, "ai-a", setting), expected, "file {n}");
    }
}

#[test]
fn replication_is_the_same_from_every_tool_with_all_that_it_has() {
    let terraform = state(vec![resource(
        "aws_s3_bucket_replication_configuration",
        json!({"role": ROLE, "token": "", "rule": [
            {"id": "all", "status": "Enabled", "priority": 1, "prefix": "",
             "filter": [{"prefix": "", "tag": [], "and": [{"prefix": "raw/", "tags": {"keep": "yes", "team": "ml"}}]}],
             "delete_marker_replication": [{"status": "Disabled"}],
             "existing_object_replication": [],
             "source_selection_criteria": [{"sse_kms_encrypted_objects": [{"status": "Enabled"}],
                "replica_modifications": [{"status": "Enabled"}]}],
             "destination": [{"account": "444455556666", "bucket": "arn:aws:s3:::copies", "storage_class": "GLACIER_IR",
                "access_control_translation": [{"owner": "Destination"}],
                "encryption_configuration": [{"replica_kms_key_id": THEIRS}],
                "metrics": [{"status": "Enabled", "event_threshold": [{"minutes": 15}]}],
                "replication_time": [{"status": "Enabled", "time": [{"minutes": 15}]}]}]},
            {"id": "one-tag", "status": "Disabled", "priority": 2, "filter": [{"prefix": "", "and": [],
                "tag": [{"key": "a", "value": "b"}]}], "delete_marker_replication": [{"status": "Disabled"}],
             "source_selection_criteria": [], "destination": [{"account": "", "bucket": "arn:aws:s3:::copies",
                "storage_class": "", "access_control_translation": [], "encryption_configuration": [], "metrics": [],
                "replication_time": []}]}]}),
    )]);
    let template = template(json!({"ReplicationConfiguration": {"Role": ROLE, "Rules": [
        {"Id": "all", "Status": "Enabled", "Priority": 1,
         "Filter": {"And": {"Prefix": "raw/", "TagFilters": [{"Key": "keep", "Value": "yes"}, {"Key": "team", "Value": "ml"}]}},
         "DeleteMarkerReplication": {"Status": "Disabled"},
         "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}, "ReplicaModifications": {"Status": "Enabled"}},
         "Destination": {"Account": "444455556666", "Bucket": "arn:aws:s3:::copies", "StorageClass": "GLACIER_IR",
            "AccessControlTranslation": {"Owner": "Destination"}, "EncryptionConfiguration": {"ReplicaKmsKeyID": THEIRS},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}}}},
        {"Id": "one-tag", "Status": "Disabled", "Priority": 2, "Filter": {"TagFilter": {"Key": "a", "Value": "b"}},
         "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": "arn:aws:s3:::copies"}}]}}));
    let manifest = manifest(json!({"replication": {"role": ROLE, "rules": [
        {"id": "all", "status": "Enabled", "priority": 1,
         "filter": {"and": {"prefix": "raw/", "tags": [{"key": "keep", "value": "yes"}, {"key": "team", "value": "ml"}]}},
         "deleteMarkerReplication": {"status": "Disabled"},
         "sourceSelectionCriteria": {"sseKMSEncryptedObjects": {"status": "Enabled"}, "replicaModifications": {"status": "Enabled"}},
         "destination": {"account": "444455556666", "bucket": "arn:aws:s3:::copies", "storageClass": "GLACIER_IR",
            "accessControlTranslation": {"owner": "Destination"}, "encryptionConfiguration": {"replicaKMSKeyID": THEIRS},
            "metrics": {"status": "Enabled", "eventThreshold": {"minutes": 15}},
            "replicationTime": {"status": "Enabled", "time": {"minutes": 15}}}},
        {"id": "one-tag", "status": "Disabled", "priority": 2, "filter": {"tag": {"key": "a", "value": "b"}},
         "deleteMarkerReplication": {"status": "Disabled"}, "destination": {"bucket": "arn:aws:s3:::copies"}}]}}));
    // Fifteen minutes is what S3 has, and implied.
    let expected = json!({"role": ROLE, "rules": [
        {"id": "all", "status": "Enabled", "priority": 1, "filter": {"prefix": "raw/", "tags": {"keep": "yes", "team": "ml"}},
         "deleteMarkerReplication": {"status": "Disabled"},
         "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}, "replicaModifications": {"status": "Enabled"}},
         "destination": {"account": "444455556666", "bucket": "arn:aws:s3:::copies", "storageClass": "GLACIER_IR",
            "accessControlTranslation": {"owner": "Destination"}, "encryptionConfiguration": {"replicaKmsKeyId": THEIRS},
            "metrics": {"status": "Enabled"},
            "replicationTime": {"status": "Enabled"}}},
        {"id": "one-tag", "status": "Disabled", "priority": 2, "filter": {"tags": {"a": "b"}},
         "deleteMarkerReplication": {"status": "Disabled"}, "destination": {"bucket": "arn:aws:s3:::copies"}}]});
    all_say("replication", &expected, &[terraform, template, manifest]);
}

/// The most common rule of all was lost: an empty prefix is how tools say nothing.
#[test]
fn replication_of_the_whole_bucket_is_the_same_from_every_tool() {
    let of = |rule: Value| {
        state(vec![resource("aws_s3_bucket_replication_configuration", json!({"role": ROLE, "rule": [rule]}))])
    };
    let destination = json!([{"bucket": "arn:aws:s3:::copies"}]);
    let second = [
        of(
            json!({"id": "all", "status": "Enabled", "priority": 1, "prefix": "", "filter": [{"prefix": "", "and": [], "tag": []}],
            "delete_marker_replication": [{"status": "Disabled"}], "destination": destination}),
        ),
        template(
            json!({"ReplicationConfiguration": {"Role": ROLE, "Rules": [{"Id": "all", "Status": "Enabled", "Priority": 1,
            "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": "arn:aws:s3:::copies"}}]}}),
        ),
        manifest(
            json!({"replication": {"role": ROLE, "rules": [{"id": "all", "status": "Enabled", "priority": 1, "filter": {},
            "deleteMarkerReplication": {"status": "Disabled"}, "destination": {"bucket": "arn:aws:s3:::copies"}}]}}),
        ),
    ];
    let expected = json!({"role": ROLE, "rules": [{"id": "all", "status": "Enabled", "priority": 1, "filter": {},
        "deleteMarkerReplication": {"status": "Disabled"}, "destination": {"bucket": "arn:aws:s3:::copies"}}]});
    all_say("replication", &expected, &second);
    let first = of(json!({"id": "all", "status": "Enabled", "prefix": "", "filter": [], "destination": destination}));
    assert_eq!(first.losses, []);
    assert_eq!(
        said(&first, "ai-a", "replication")["rules"],
        json!([{"id": "all", "status": "Enabled", "prefix": "", "destination": {"bucket": "arn:aws:s3:::copies"}}])
    );
}

/// The first version of a rule, and objects that were there before, which have fields of their own.
#[test]
fn replication_in_its_first_version_and_of_what_was_there_is_converted() {
    let destination = json!([{"bucket": "arn:aws:s3:::copies", "storage_class": "STANDARD_IA"}]);
    let first = |rule: Value| {
        state(vec![resource("aws_s3_bucket_replication_configuration", json!({"role": ROLE, "rule": [rule]}))])
    };
    let old =
        first(json!({"id": "old", "status": "Enabled", "prefix": "raw/", "filter": [], "destination": destination}));
    assert_eq!(old.losses, []);
    assert_eq!(
        said(&old, "ai-a", "replication")["rules"],
        json!([{"id": "old", "status": "Enabled", "prefix": "raw/",
            "destination": {"bucket": "arn:aws:s3:::copies", "storageClass": "STANDARD_IA"}}])
    );
    let before = first(json!({"id": "all", "status": "Enabled", "priority": 0, "filter": [{"prefix": "raw/"}],
        "existing_object_replication": [{"status": "Enabled"}], "delete_marker_replication": [{"status": "Enabled"}],
        "destination": destination}));
    // S3 takes it from nobody any more (API page ExistingObjectReplication), so it is listed.
    assert_eq!(
        lost(&before),
        ["aws_s3_bucket_replication_configuration.a: `replication`: for `ai-a` it is not what a spec may say: at \
          /rules/0/existingObjectReplication: replication of existing objects in a rule"]
    );
    // As the provider has it in line, where it is called otherwise.
    let inline = state(vec![resource(
        "aws_s3_bucket",
        json!({"replication_configuration": [{"role": ROLE, "rules": [{"id": "all", "status": "Enabled", "priority": 3,
            "delete_marker_replication_status": "Enabled", "filter": [{"prefix": "raw/", "tags": {}}],
            "source_selection_criteria": [{"sse_kms_encrypted_objects": [{"enabled": true}]}],
            "destination": [{"account_id": "444455556666", "bucket": "arn:aws:s3:::copies", "storage_class": "STANDARD",
                "replica_kms_key_id": THEIRS, "access_control_translation": [{"owner": "Destination"}],
                "metrics": [{"status": "Enabled", "minutes": 15}], "replication_time": [{"status": "Enabled", "minutes": 15}]}]}]}]}),
    )]);
    assert_eq!(inline.losses, []);
    let rule = &said(&inline, "ai-a", "replication")["rules"][0];
    assert_eq!(rule["sourceSelectionCriteria"], json!({"sseKmsEncryptedObjects": {"status": "Enabled"}}));
    assert_eq!(rule["destination"]["encryptionConfiguration"], json!({"replicaKmsKeyId": THEIRS}));
    assert_eq!(rule["destination"]["replicationTime"], json!({"status": "Enabled"}));
}

#[test]
fn object_lock_is_the_same_from_every_tool() {
    for (unit, count) in [("days", 30), ("years", 2)] {
        let upper = if unit == "days" { "Days" } else { "Years" };
        let files = [
            state(vec![
                resource("aws_s3_bucket", json!({"object_lock_enabled": true})),
                resource(
                    "aws_s3_bucket_object_lock_configuration",
                    json!({"object_lock_enabled": "Enabled", "token": null,
                        "rule": [{"default_retention": [{"mode": "GOVERNANCE", unit: count}]}]}),
                ),
            ]),
            state(vec![resource(
                "aws_s3_bucket",
                json!({"object_lock_enabled": true, "object_lock_configuration": [{"object_lock_enabled": "Enabled",
                    "rule": [{"default_retention": [{"mode": "GOVERNANCE", unit: count}]}]}]}),
            )]),
            template(json!({"ObjectLockEnabled": true, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", upper: count}}}})),
            // A bucket that was there can be given a lock without the word for new ones.
            template(json!({"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", upper: count}}}})),
            manifest(
                json!({"objectLockEnabledForBucket": true, "objectLockConfiguration": {"objectLockEnabled": "Enabled",
                "rule": {"defaultRetention": {"mode": "GOVERNANCE", unit: count}}}}),
            ),
        ];
        // The lock is implied.
        let expected = json!({"defaultRetention": {"mode": "GOVERNANCE", unit: count}});
        all_say("objectLock", &expected, &files);
    }
    let bare = [
        state(vec![resource("aws_s3_bucket", json!({"object_lock_enabled": true}))]),
        template(json!({"ObjectLockEnabled": true})),
        manifest(json!({"objectLockEnabledForBucket": true})),
    ];
    all_say("objectLock", &json!({"enabled": true}), &bare);
    let off = [
        state(vec![resource("aws_s3_bucket", json!({"object_lock_enabled": false, "object_lock_configuration": []}))]),
        template(json!({"ObjectLockEnabled": false})),
        manifest(json!({"objectLockEnabledForBucket": false})),
    ];
    all_say("objectLock", &Value::Null, &off);
}

#[test]
fn tags_that_decide_access_are_the_same_from_every_tool() {
    for (word, expected) in [("Enabled", json!({"status": "Enabled"})), ("Disabled", Value::Null)] {
        let files = [
            state(vec![resource("aws_s3_bucket_abac", json!({"abac_status": [{"status": word}]}))]),
            template(json!({"AbacStatus": word})),
            manifest(json!({"abac": {"status": word}})),
        ];
        all_say("abac", &expected, &files);
    }
}

#[test]
fn metadata_tables_are_the_same_from_the_tools_that_have_them() {
    let terraform = state(vec![resource(
        "aws_s3_bucket_metadata_configuration",
        json!({"metadata_configuration": [{
            "destination": [{"table_bucket_arn": "arn:aws:s3tables:us-east-1:111122223333:bucket/aws-s3",
                "table_bucket_type": "aws", "table_namespace": "b_ai-a"}],
            "inventory_table_configuration": [{"configuration_state": "ENABLED",
                "encryption_configuration": [{"sse_algorithm": "aws:kms", "kms_key_arn": KEY}],
                "table_arn": "arn:aws:s3tables:us-east-1:111122223333:bucket/aws-s3/table/1", "table_name": "inventory"}],
            "journal_table_configuration": [{"record_expiration": [{"expiration": "ENABLED", "days": 365}],
                "encryption_configuration": [{"sse_algorithm": "AES256", "kms_key_arn": ""}],
                "table_arn": "arn:aws:s3tables:us-east-1:111122223333:bucket/aws-s3/table/2", "table_name": "journal"}]}]}),
    )]);
    let template = template(json!({"MetadataConfiguration": {
        "InventoryTableConfiguration": {"ConfigurationState": "ENABLED",
            "EncryptionConfiguration": {"SseAlgorithm": "aws:kms", "KmsKeyArn": KEY}},
        "JournalTableConfiguration": {"RecordExpiration": {"Expiration": "ENABLED", "Days": 365},
            "EncryptionConfiguration": {"SseAlgorithm": "AES256"}}}}));
    let expected = json!({
        "inventoryTable": {"state": "ENABLED", "encryption": {"algorithm": "aws:kms", "kmsKeyArn": KEY}},
        "journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 365}, "encryption": {"algorithm": "AES256"}}});
    all_say("metadata", &expected, &[terraform, template]);
    let off = state(vec![resource(
        "aws_s3_bucket_metadata_configuration",
        json!({"metadata_configuration": [{"inventory_table_configuration": [{"configuration_state": "DISABLED"}],
            "journal_table_configuration": [{"record_expiration": [{"expiration": "DISABLED", "days": 0}]}]}]}),
    )]);
    assert_eq!(off.losses, []);
    assert_eq!(
        said(&off, "ai-a", "metadata"),
        json!({"inventoryTable": {"state": "DISABLED"}, "journalTable": {"recordExpiration": {"expiration": "DISABLED"}}})
    );
}

#[test]
fn mfa_delete_is_said_where_a_tool_says_it() {
    let both = json!({"status": "Enabled", "mfaDelete": "Enabled"});
    let own = |status: &str, mfa: &str| {
        resource(
            "aws_s3_bucket_versioning",
            json!({"mfa": null, "versioning_configuration": [{"status": status, "mfa_delete": mfa}]}),
        )
    };
    let inline = |mfa: bool| resource("aws_s3_bucket", json!({"versioning": [{"enabled": true, "mfa_delete": mfa}]}));
    all_say("versioning", &both, &[state(vec![own("Enabled", "Enabled")]), state(vec![inline(true)])]);
    let without = json!({"status": "Enabled"});
    let files = [
        state(vec![own("Enabled", "Disabled")]),
        state(vec![own("Enabled", "")]),
        state(vec![inline(false)]),
        template(json!({"VersioningConfiguration": {"Status": "Enabled"}})),
        manifest(json!({"versioning": {"status": "Enabled"}})),
    ];
    all_say("versioning", &without, &files);
}

/// Without an id S3 makes one up, which no file knows: the whole lifecycle was left out for it.
#[test]
fn a_lifecycle_rule_without_an_id_gets_one_and_it_is_told() {
    let rules = [
        json!({"Id": "rule-2", "Status": "Enabled", "ExpirationInDays": 365}),
        json!({"Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": 1}),
        json!({"Status": "Enabled", "Prefix": "old/", "ExpirationInDays": 2}),
    ];
    let template = template(json!({"LifecycleConfiguration": {"Rules": rules}}));
    let manifest = manifest(json!({"lifecycle": {"rules": [{"status": "Enabled", "filter": {"prefix": "tmp/"},
        "expiration": {"days": 1}}]}}));
    for (file, ids, told) in [
        (
            &template,
            &["rule-2", "rule-2x", "rule-3"][..],
            "rules of `lifecycle` have no id in the file, where S3 made one up: \
          `rule-2x`, `rule-3` here. The first plan shows another id and writes the same rules once more; with the ids that \
          the live bucket has (`driftless import NAME`) it writes nothing",
        ),
        (
            &manifest,
            &["rule-1"],
            "a rule of `lifecycle` has no id in the file, where S3 made one up: `rule-1` here. The first \
          plan shows another id and writes the same rules once more; with the id that the live bucket has (`driftless \
          import NAME`) it writes nothing",
        ),
    ] {
        assert_eq!(file.losses, []);
        let rules = said(file, "ai-a", "lifecycle")["rules"].as_array().expect("rules").clone();
        assert_eq!(rules.iter().map(|rule| rule["id"].as_str().expect("an id")).collect::<Vec<_>>(), ids);
        assert_eq!(file.drafts[0].notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(), [told]);
    }
    // Another id is another rule to no object, so nothing waits for an approval.
    let lifecycle = crate::settings::named("lifecycle");
    let under = |id: &str| {
        let rule = json!({"id": id, "status": "Enabled", "filter": {"prefix": "tmp/"}, "expiration": {"days": 1}});
        lifecycle.parse(&json!({"rules": [rule]})).expect("a value")
    };
    assert_eq!(lifecycle.risk(&under("MadeUpByS3"), &under("rule-1")), crate::setting::Risk::Safe);
}

/// What is in `and` was overwritten by the zero that the provider writes beside it: a rule for large objects
/// was imported as one for all that are not empty.
#[test]
fn a_zero_beside_and_says_nothing() {
    for zero in [json!(0), json!("0")] {
        let filter = |and: Value| {
            let rule = json!({"id": "a", "status": "Enabled", "expiration": [{"days": 7}],
                "filter": [{"object_size_greater_than": zero, "object_size_less_than": zero, "prefix": "", "tag": [], "and": [and]}]});
            let lifecycle =
                resource("aws_s3_bucket_lifecycle_configuration", json!({"bucket": "ai-a", "rule": [rule]}));
            let it = state(vec![lifecycle]);
            assert_eq!(it.losses, []);
            said(&it, "ai-a", "lifecycle")["rules"][0]["filter"].clone()
        };
        let large =
            json!({"object_size_greater_than": 1_048_576, "object_size_less_than": 0, "prefix": "a/", "tags": {}});
        assert_eq!(filter(large), json!({"objectSizeGreaterThan": 1_048_576, "prefix": "a/"}));
        let tagged =
            json!({"object_size_greater_than": 0, "object_size_less_than": 0, "prefix": "a/", "tags": {"b": "c"}});
        assert_eq!(filter(tagged), json!({"prefix": "a/", "tags": {"b": "c"}}));
    }
}

/// One document with a fault hid every bucket of its file.
#[test]
fn a_manifest_that_cannot_be_read_hides_no_other() {
    let good = |name: &str| {
        format!(
            "apiVersion: s3.services.k8s.aws/v1alpha1\nkind: Bucket\nmetadata: {{name: {name}}}\nspec: {{name: {name}}}\n"
        )
    };
    let text = format!("{}--- # one with a fault\nkind: [Bucket\n---\n{}", good("ai-a"), good("ai-b"));
    let it = converted(Format::Ack, &text);
    assert_eq!(it.drafts.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["ai-a", "ai-b"]);
    let lost = lost(&it);
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].starts_with("document 2: it is no YAML that can be read: "), "{lost:?}");
}
