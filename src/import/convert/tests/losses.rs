//! What was lost in silence once, or listed without need. Each says what went wrong.

use super::*;

pub(super) const PLAN: &str = include_str!("../../../../tests/import/plan.json");
pub(super) const MESSY: &str = include_str!("../../../../tests/import/messy.yaml");
pub(super) const HELM: &str = include_str!("../../../../tests/import/helm.yaml");

fn draft_of<'a>(it: &'a Converted, bucket: &str) -> &'a Draft {
    it.drafts.iter().find(|draft| draft.name.as_str() == bucket).expect("the bucket")
}

fn state(resources: &[(&str, Value)]) -> Converted {
    let resource = |(kind, attributes): &(&str, Value)| {
        let mut attributes = attributes.clone();
        attributes["bucket"] = json!("ai-a");
        json!({"mode": "managed", "type": kind, "name": "a", "instances": [{"attributes": attributes}]})
    };
    let resources: Vec<Value> = resources.iter().map(resource).collect();
    converted(Format::Terraform, &json!({"version": 4, "resources": resources}).to_string())
}

/// A plan with one resource of each; `unknown` is its `after_unknown`.
fn plan(resources: &[(&str, Value, Value)]) -> Converted {
    let (mut planned, mut changes) = (Vec::new(), Vec::new());
    for (kind, values, unknown) in resources {
        let address = format!("{kind}.a");
        let mut values = values.clone();
        values["bucket"] = json!("ai-a");
        planned.push(json!({"address": address, "mode": "managed", "type": kind, "name": "a", "values": values}));
        changes.push(json!({"address": address, "mode": "managed", "type": kind, "name": "a",
            "change": {"actions": ["create"], "after": values, "after_unknown": unknown}}));
    }
    let plan = json!({"format_version": "1.2", "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes});
    converted(Format::Terraform, &plan.to_string())
}

/// What a plan did not know was taken for what nobody had said: a rule for `tmp/` expired the whole bucket.
#[test]
fn what_a_plan_does_not_know_yet_is_lost_and_listed() {
    let it = plan(&[
        (
            "aws_s3_bucket_lifecycle_configuration",
            json!({"rule": [{"id": "tmp", "status": "Enabled", "expiration": [{"days": 7}], "filter": [{}]}]}),
            json!({"id": true, "rule": [{"expiration": [{}], "filter": [{"prefix": true}]}]}),
        ),
        (
            "aws_s3_bucket_server_side_encryption_configuration",
            json!({"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]}),
            json!({"id": true, "rule": [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": true}]}]}),
        ),
        ("aws_s3_bucket_policy", json!({}), json!({"id": true, "policy": true})),
        ("aws_s3_bucket_cors_configuration", json!({}), json!({"id": true, "cors_rule": true})),
        ("aws_s3_bucket_versioning", json!({"versioning_configuration": [{"status": "Enabled"}]}), json!({"id": true})),
    ]);
    for setting in ["lifecycle", "encryption", "policy", "cors"] {
        assert_eq!(said(&it, "ai-a", setting), Value::Null, "{setting}");
    }
    assert_eq!(said(&it, "ai-a", "versioning"), json!({"status": "Enabled"}), "it is known whole");
    assert_eq!(
        lost(&it),
        [
            "aws_s3_bucket_lifecycle_configuration.a: `rule[0].filter[0].prefix`: its value is known only after the plan \
             was applied; so `lifecycle` is left out",
            "aws_s3_bucket_server_side_encryption_configuration.a: \
             `rule[0].apply_server_side_encryption_by_default[0].kms_master_key_id`: its value is known only after the \
             plan was applied; so `encryption` is left out",
            "aws_s3_bucket_policy.a: `policy`: its value is known only after the plan was applied",
            "aws_s3_bucket_cors_configuration.a: `cors_rule`: its value is known only after the plan was applied",
        ]
    );
}

/// What the provider makes up is unknown in every plan; told as lost, it would hide what is.
#[test]
fn what_nobody_wrote_in_a_configuration_is_no_loss_of_a_plan() {
    let it = converted(Format::Terraform, PLAN);
    let raw = |setting: &str| said(&it, "ai-raw", setting);
    assert_eq!(raw("versioning"), json!({"status": "Enabled"}), "its bucket is told by a reference");
    assert_eq!(raw("tags"), json!({"team": "ml", "empty": ""}));
    assert_eq!(raw("logging"), json!({"targetBucket": "access-logs"}));
    assert_eq!(raw("lifecycle"), Value::Null, "the prefix of a rule is not known");
    assert_eq!(raw("policy"), Value::Null);
    assert_eq!(raw("cors"), Value::Null, "its rules come from a loop over what is not known");
    assert_eq!(said(&it, "ai-shards-a", "versioning"), json!({"status": "Enabled"}), "by the key of the loop");
    assert_eq!(said(&it, "ai-shards-b", "versioning"), json!({"status": "Suspended"}));
    assert_eq!(said(&it, "ai-models", "publicAccessBlock"), json!("all"), "in a module");
    assert_eq!(
        said(&it, "ai-models", "versioning"),
        json!({"status": "Enabled"}),
        "a variable that is null is nobody's wish"
    );
    assert_eq!(said(&it, "ai-models", "logging"), Value::Null, "a variable that is made of what is not known");
    let unknown = "its value is known only after the plan was applied";
    assert_eq!(
        lost(&it),
        [
            "aws_s3_bucket.later: its change is deferred to a later plan".to_owned(),
            format!("aws_s3_bucket.raw: `tags.key`: {unknown}"),
            format!("aws_s3_bucket_cors_configuration.raw: `cors_rule`: {unknown}"),
            format!(
                "aws_s3_bucket_lifecycle_configuration.raw: `rule[0].filter[0].prefix`: {unknown}; so `lifecycle` is left out"
            ),
            format!("aws_s3_bucket_policy.raw: `policy`: {unknown}"),
            "aws_s3_bucket_versioning.elsewhere: `bucket`: which bucket it is for is known only after the plan was applied"
                .to_owned(),
            format!(
                "module.models[0].aws_s3_bucket_logging.this[0]: `target_prefix`: {unknown}; so `logging` is left out"
            ),
        ]
    );
}

/// A plan that broke off holds a part of the buckets only, and nothing said so.
#[test]
fn a_plan_that_ended_with_errors_is_told() {
    let it = converted(
        Format::Terraform,
        &json!({"format_version": "1.2", "errored": true, "planned_values": {"root_module": {}}}).to_string(),
    );
    assert_eq!(lost(&it), ["the plan: it ended with errors: what was not planned stands nowhere in it"]);
}

/// The state that `terraform show` prints has the objects that were replaced too, at the same address:
/// the old one spoke first.
#[test]
fn a_deposed_object_says_nothing() {
    let shown = json!({"format_version": "1.0", "values": {"root_module": {"resources": [
        {"address": "aws_s3_bucket_versioning.a", "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "a",
         "deposed_key": "1a2b", "values": {"bucket": "ai-a", "versioning_configuration": [{"status": "Suspended"}]}},
        {"address": "aws_s3_bucket_versioning.a", "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "a",
         "values": {"bucket": "ai-a", "versioning_configuration": [{"status": "Enabled"}]}}]}}});
    let it = converted(Format::Terraform, &shown.to_string());
    assert_eq!(said(&it, "ai-a", "versioning"), json!({"status": "Enabled"}));
    assert_eq!(lost(&it), ["aws_s3_bucket_versioning.a: it is deposed: Terraform waits to delete it"]);
}

/// Buckets of the Cloud Control provider were passed over, as their kind begins with another word.
#[test]
fn resources_of_s3_of_other_providers_are_listed() {
    let it = state(&[
        ("awscc_s3_bucket", json!({})),
        ("aws_sns_topic", json!({})),
        ("minio_s3_bucket_versioning", json!({})),
    ]);
    let why = "this kind of resource is not converted";
    assert_eq!(lost(&it), [format!("awscc_s3_bucket.a: {why}"), format!("minio_s3_bucket_versioning.a: {why}")]);
}

/// The half that a bucket has in line of a lifecycle stood in for the resource that could not be read.
#[test]
fn what_is_in_line_does_not_stand_in_for_what_was_lost() {
    let rule = json!({"id": "big", "status": "Enabled", "expiration": [{"days": 7}],
        "filter": [{"object_size_greater_than": 9, "strange": 1}]});
    let inline = json!({"id": "big", "enabled": true, "prefix": "", "expiration": [{"days": 7}]});
    let bucket = ("aws_s3_bucket", json!({ "lifecycle_rule": [inline] }));
    let own = ("aws_s3_bucket_lifecycle_configuration", json!({ "rule": [rule] }));
    for resources in [[bucket.clone(), own.clone()], [own, bucket]] {
        let it = state(&resources);
        assert_eq!(said(&it, "ai-a", "lifecycle"), Value::Null);
        assert_eq!(lost(&it).len(), 1, "{:?}", it.losses);
    }
}

/// Since 4.0 the provider fills in the rules of a bucket that it does not manage, without their sizes: a rule
/// for large objects was imported as one for all.
#[test]
fn what_the_provider_keeps_in_part_is_told() {
    let rule = json!({"id": "big", "enabled": true, "prefix": "", "tags": {}, "expiration": [{"days": 7}]});
    let old = state(&[("aws_s3_bucket", json!({ "lifecycle_rule": [rule] }))]);
    assert_eq!(draft_of(&old, "ai-a").notes, [], "up to 3.x they were what was written");
    let new = state(&[("aws_s3_bucket", json!({"object_lock_enabled": false, "lifecycle_rule": [rule]}))]);
    let told: Vec<&str> = draft_of(&new, "ai-a").notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "`lifecycle` is taken from `aws_s3_bucket` itself, where the provider has no place for a part of it (sizes of \
          objects, numbers of versions): hold it against the live bucket before it is applied"
        ]
    );
    let own = json!({"rule": [{"id": "big", "status": "Enabled", "filter": [{"object_size_greater_than": 9}],
        "expiration": [{"days": 7}]}]});
    let both = state(&[
        ("aws_s3_bucket", json!({"object_lock_enabled": false, "lifecycle_rule": [rule]})),
        ("aws_s3_bucket_lifecycle_configuration", own),
    ]);
    assert_eq!(draft_of(&both, "ai-a").notes, []);
    assert_eq!(said(&both, "ai-a", "lifecycle")["rules"][0]["filter"], json!({"objectSizeGreaterThan": 9}));
}

/// A zero was taken for nothing: empty objects went with the others, and a plan wrote `0 -> not set`.
#[test]
fn a_zero_that_says_something_stays() {
    let rules =
        json!([{"id": "a", "status": "Enabled", "filter": {"objectSizeGreaterThan": 0}, "expiration": {"days": 7}}]);
    let cors = json!({"rules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"], "maxAgeSeconds": 0}]});
    let all = [
        template(json!({
            "LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled", "ObjectSizeGreaterThan": 0, "ExpirationInDays": 7}]},
            "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 0}]}})),
        manifest(json!({
            "lifecycle": {"rules": [{"id": "a", "status": "Enabled", "filter": {"objectSizeGreaterThan": 0}, "expiration": {"days": 7}}]},
            "cors": {"corsRules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"], "maxAgeSeconds": 0}]}})),
        state(&[
            (
                "aws_s3_bucket_lifecycle_configuration",
                json!({"rule": [{"id": "a", "status": "Enabled",
                "filter": [{"object_size_greater_than": "0", "object_size_less_than": "", "and": []}], "expiration": [{"days": 7}]}]}),
            ),
            (
                "aws_s3_bucket_cors_configuration",
                json!({"cors_rule": [{"allowed_methods": ["GET"], "allowed_origins": ["*"],
                "max_age_seconds": 0}]}),
            ),
        ]),
    ];
    for it in all {
        assert_eq!(it.losses, []);
        assert_eq!(said(&it, "ai-a", "lifecycle")["rules"], rules);
        assert_eq!(said(&it, "ai-a", "cors"), cors);
    }
    // Days of zero are none that S3 takes, so somebody has to look.
    let it = template(
        json!({"LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": 0}]}}),
    );
    assert_eq!((said(&it, "ai-a", "lifecycle"), it.losses.len()), (Value::Null, 1));
    // Where Terraform's provider means nothing by it, it is nothing.
    let it = state(&[(
        "aws_s3_bucket_lifecycle_configuration",
        json!({"rule": [{"id": "a", "status": "Enabled",
        "filter": [{"and": [{"object_size_greater_than": 0, "object_size_less_than": 0, "prefix": "a/", "tags": {"b": ""}}]}],
        "expiration": [{"days": 7, "expired_object_delete_marker": false}]}]}),
    )]);
    assert_eq!(said(&it, "ai-a", "lifecycle")["rules"][0]["filter"], json!({"prefix": "a/", "tags": {"b": ""}}));
}

/// An empty value was dropped before its row was seen: tags, redirects and event buses were gone.
#[test]
fn what_is_empty_says_something_where_it_does() {
    let it =
        state(&[("aws_s3_bucket", json!({"tags": {"A": "", "D": "x"}, "tags_all": {"A": "", "D": "x", "E": ""}}))]);
    assert_eq!(said(&it, "ai-a", "tags"), json!({"A": "", "D": "x", "E": ""}));
    let routing = json!([{"condition": {"keyPrefixEquals": "old/"}, "redirect": {"hostName": "example.com", "replaceKeyPrefixWith": ""}}]);
    let template_rule = json!({"RoutingRuleCondition": {"KeyPrefixEquals": "old/"},
        "RedirectRule": {"HostName": "example.com", "ReplaceKeyPrefixWith": ""}});
    let partitioned = json!({"partitionedPrefix": {}});
    for it in [
        template(json!({"WebsiteConfiguration": {"IndexDocument": "i.html", "RoutingRules": [template_rule]},
            "NotificationConfiguration": {"EventBridgeConfiguration": {}},
            "LoggingConfiguration": {"DestinationBucketName": "logs", "TargetObjectKeyFormat": {"PartitionedPrefix": {}}},
            "Tags": [{"Key": "A", "Value": ""}]})),
        manifest(json!({"website": {"indexDocument": {"suffix": "i.html"}, "routingRules": routing},
            "notification": {"eventBridgeConfiguration": {}},
            "logging": {"loggingEnabled": {"targetBucket": "logs", "targetObjectKeyFormat": {"partitionedPrefix": {}}}},
            "tagging": {"tagSet": [{"key": "A", "value": ""}]}})),
    ] {
        assert_eq!(it.losses, []);
        assert_eq!(said(&it, "ai-a", "website")["routingRules"], routing);
        assert_eq!(said(&it, "ai-a", "notifications"), json!({"eventBridge": true}));
        assert_eq!(said(&it, "ai-a", "logging")["targetObjectKeyFormat"], partitioned);
        assert_eq!(said(&it, "ai-a", "tags"), json!({"A": ""}));
    }
    for (on, said_of_it) in [("true", json!({"eventBridge": true})), ("false", Value::Null)] {
        let it =
            template(json!({"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": on}}}));
        assert_eq!((said(&it, "ai-a", "notifications"), it.losses.len()), (said_of_it, 0), "{on}");
    }
    // It could close all four switches, or open them.
    for it in [template(json!({"PublicAccessBlockConfiguration": {}})), manifest(json!({"publicAccessBlock": {}}))] {
        let lost = lost(&it);
        assert!(lost.len() == 1 && lost[0].contains("it names none of the four switches"), "{lost:?}");
    }
    // Rules for the whole bucket keep the version that they are of.
    for filter in [json!({}), json!({"Prefix": ""})] {
        let rule = json!({"Id": "a", "Status": "Enabled", "Priority": 0, "Filter": filter,
            "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": "arn:aws:s3:::copies"}});
        let role = "arn:aws:iam::111122223333:role/replication";
        let it = template(json!({"ReplicationConfiguration": {"Role": role, "Rules": [rule]}}));
        assert!(said(&it, "ai-a", "replication")["rules"][0]["filter"].is_object(), "{:?}", it.losses);
    }
}

/// Logs without a bucket to go to were imported so, and `apply` failed on them.
#[test]
fn logs_go_to_the_bucket_itself_where_a_template_names_no_other() {
    let it = template(json!({"LoggingConfiguration": {"LogFilePrefix": "self/"}}));
    assert_eq!(said(&it, "ai-a", "logging"), json!({"targetBucket": "ai-a", "targetPrefix": "self/"}));
    assert_eq!(
        said(&template(json!({"LoggingConfiguration": {}})), "ai-a", "logging"),
        json!({"targetBucket": "ai-a"})
    );
    let elsewhere =
        template(json!({"LoggingConfiguration": {"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "a/"}}));
    assert_eq!(said(&elsewhere, "ai-a", "logging"), Value::Null);
    assert_eq!(
        lost(&elsewhere),
        ["A: `LoggingConfiguration.DestinationBucketName`: `Logs` cannot be told from the template; say it with \
          --parameter Logs=VALUE; so `logging` is left out"]
    );
}

/// A priority in quotation marks cost the whole replication, and a bare `404` the whole website.
#[test]
fn templates_write_numbers_and_switches_as_texts_and_texts_as_numbers() {
    let it = template(json!({
        "ReplicationConfiguration": {"Role": "arn:aws:iam::111122223333:role/r", "Rules": [{"Id": 7, "Status": "Enabled",
            "Priority": "1", "Filter": {"And": {"Prefix": 2024, "TagFilters": [{"Key": 1, "Value": true}]}},
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Destination": {"Account": 444455556666_u64, "Bucket": "arn:aws:s3:::copies"}}]},
        "WebsiteConfiguration": {"IndexDocument": "i.html", "RoutingRules": [{"RoutingRuleCondition":
            {"HttpErrorCodeReturnedEquals": 404}, "RedirectRule": {"HttpRedirectCode": 302, "ReplaceKeyWith": "a"}}]},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": "true",
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/a"}}]},
        "InventoryConfigurations": [{"Id": 1, "Enabled": "True", "IncludedObjectVersions": "All", "ScheduleFrequency": "Daily",
            "Destination": {"BucketArn": "arn:aws:s3:::copies", "Format": "CSV", "BucketAccountId": 111122223333_u64}}],
        "IntelligentTieringConfigurations": [{"Id": "a", "Status": "Enabled",
            "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": "125"}]}],
        "LifecycleConfiguration": {"Rules": [{"Id": 5, "Status": "Enabled", "Prefix": 2024,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "7"},
            "NoncurrentVersionExpiration": {"NoncurrentDays": "30", "NewerNoncurrentVersions": "3"},
            "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": "90"}]},
            {"Id": "b", "Status": "Enabled", "ObjectSizeLessThan": "9", "ExpirationInDays": "1"},
            {"Id": "c", "Status": "Enabled", "ExpiredObjectDeleteMarker": "true"}]},
        "CorsConfiguration": {"CorsRules": [{"Id": 1, "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": "60"}]},
        "NotificationConfiguration": {"QueueConfigurations": [{"Event": "s3:ObjectCreated:*",
            "Queue": "arn:aws:sqs:us-east-1:111122223333:q",
            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": 2024}]}}}]},
        "ObjectLockEnabled": "true",
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "7"}}},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": "true", "BlockPublicPolicy": "TRUE", "IgnorePublicAcls": "true",
            "RestrictPublicBuckets": "true"},
        "VersioningConfiguration": {"Status": "Enabled"},
    }));
    assert_eq!(lost(&it), [""; 0]);
    let rule = &said(&it, "ai-a", "replication")["rules"][0];
    assert_eq!((&rule["id"], &rule["priority"]), (&json!("7"), &json!(1)));
    assert_eq!(rule["filter"], json!({"prefix": "2024", "tags": {"1": "true"}}));
    assert_eq!(rule["destination"]["account"], "444455556666");
    assert_eq!(
        said(&it, "ai-a", "website")["routingRules"][0]["condition"],
        json!({"httpErrorCodeReturnedEquals": "404"})
    );
    assert_eq!(said(&it, "ai-a", "lifecycle")["rules"][0]["filter"], json!({"prefix": "2024"}));
    assert_eq!(said(&it, "ai-a", "notifications")["queues"][0]["filter"], json!({"prefix": "2024"}));
    assert_eq!(said(&it, "ai-a", "objectLock")["defaultRetention"], json!({"mode": "GOVERNANCE", "days": 7}));
    assert_eq!(said(&it, "ai-a", "publicAccessBlock"), json!("all"));
}

/// Both were in no table, so versioning was left out for a word that specs have.
#[test]
fn a_manifest_says_mfa_delete_and_the_namespace() {
    let it = manifest(json!({"namespace": "global", "versioning": {"status": "Enabled", "mfaDelete": "Enabled"}}));
    assert_eq!(it.losses, []);
    assert_eq!(said(&it, "ai-a", "versioning"), json!({"status": "Enabled", "mfaDelete": "Enabled"}));
}

/// Directory buckets were not converted, although specs know what they have.
#[test]
fn directory_buckets_are_converted() {
    let name = "ai-scratch--use1-az4--x-s3";
    let resource = |kind: &str, attributes: Value| {
        let mut attributes = attributes;
        attributes["bucket"] = json!(name);
        json!({"mode": "managed", "type": kind, "name": "a", "instances": [{"attributes": attributes}]})
    };
    let state = json!({"version": 4, "resources": [
        resource("aws_s3_directory_bucket", json!({"arn": "arn:aws:s3express:us-east-1:111122223333:bucket/x",
            "data_redundancy": "SingleAvailabilityZone", "force_destroy": false, "id": name, "type": "Directory",
            "location": [{"name": "use1-az4", "type": "AvailabilityZone"}], "region": "us-east-1", "tags": {"team": "ml"}})),
        resource("aws_s3_bucket_lifecycle_configuration", json!({"rule": [{"id": "tmp", "status": "Enabled",
            "filter": [{"prefix": "tmp/"}], "expiration": [{"days": 1}]}]})),
    ]});
    let template = json!({"Resources": {
        "A": {"Type": "AWS::S3Express::DirectoryBucket", "Properties": {"BucketName": name, "LocationName": "use1-az4",
            "DataRedundancy": "SingleAvailabilityZone", "Tags": [{"Key": "team", "Value": "ml"}],
            "LifecycleConfiguration": {"Rules": [{"Id": "tmp", "Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": 1}]}}},
        "P": {"Type": "AWS::S3Express::BucketPolicy", "Properties": {"Bucket": {"Ref": "A"}, "PolicyDocument":
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3express:*", "Resource": "*"}]}}}}});
    for (format, file) in [(Format::Terraform, &state), (Format::CloudFormation, &template)] {
        let it = converted(format, &file.to_string());
        assert_eq!(it.losses, [], "{format:?}");
        assert_eq!(said(&it, name, "tags"), json!({"team": "ml"}));
        assert_eq!(said(&it, name, "lifecycle")["rules"][0]["filter"], json!({"prefix": "tmp/"}));
        assert_eq!(said(&it, name, "policy").is_object(), format == Format::CloudFormation);
    }
}

/// A live policy that names deleted users got a comment, and one of a file none.
#[test]
fn principals_that_are_no_more_are_told_of_files_too() {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "old", "Effect": "Allow",
        "Principal": {"AWS": ["AIDACKCEVSQ6C2EXAMPLE", "AROACKCEVSQ6C2EXAMPLE"]}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::ai-a/*"}]});
    let it = state(&[("aws_s3_bucket_policy", json!({"policy": policy.to_string()}))]);
    let notes = &draft_of(&it, "ai-a").notes;
    assert_eq!(
        notes.iter().map(|note| (note.setting, note.matter)).collect::<Vec<_>>(),
        [(Some("policy"), crate::import::Matter::Dangling)]
    );
    assert!(notes[0].text.contains("`AIDACKCEVSQ6C2EXAMPLE`, `AROACKCEVSQ6C2EXAMPLE`"), "{notes:?}");
}

/// One word of a template that stands for two things was read as the first: the old property of a rule
/// was overwritten by the new one.
#[test]
fn what_a_template_says_twice_is_listed() {
    let it = template(json!({"LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled",
        "Transition": {"StorageClass": "GLACIER", "TransitionInDays": 30},
        "Transitions": [{"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 90}]}]}}));
    assert_eq!(said(&it, "ai-a", "lifecycle"), Value::Null);
    assert_eq!(
        lost(&it),
        [
            "A: `LifecycleConfiguration.Rules[0].Transition`: it stands beside `Transitions`, and only one of them counts; \
          so `lifecycle` is left out"
        ]
    );
}

/// Texts that are filled in where a template is deployed were taken as they stand: a key called
/// `{{resolve:ssm:/key}}`, or by the name of the parameter that holds its name.
#[test]
fn what_is_looked_up_at_deployment_is_listed() {
    let it = convert(
        Format::CloudFormation,
        MESSY,
        &given(&[("AWS::Region", "cn-north-1"), ("Origins", "https://a,https://b")]),
        Extent::Different,
    )
    .expect("a template");
    let a = |setting: &str| said(&it, "ai-a", setting);
    assert_eq!(a("encryption"), Value::Null);
    assert_eq!(a("logging"), Value::Null);
    assert_eq!(a("cors")["rules"][0]["allowedOrigins"], json!(["https://a", "https://b"]), "a list that is given");
    assert_eq!(a("tags"), json!({"stage": "dev", "team": "ml"}), "with what is merged in, and without `AWS::NoValue`");
    assert_eq!(a("versioning"), json!({"status": "Enabled"}), "the branch that holds");
    assert_eq!(a("policy")["Statement"][0]["Resource"], "arn:aws-cn:s3:::ai-a/*", "the partition of the region");
    let mut lost = lost(&it);
    lost.sort();
    assert_eq!(
        lost,
        [
            "A: `BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID`: \
             `{{resolve:` is looked up where the template is deployed; so `encryption` is left out",
            "A: `LoggingConfiguration.DestinationBucketName`: `LogBucket` cannot be told from the template; say it with \
             --parameter LogBucket=VALUE",
            "Events: a function of the CDK makes these notifications; import the live bucket to have them",
            "Fn::ForEach::Shards: what it makes cannot be told from the template",
            "Nested: what it holds stands in a template of its own: import that one, too",
            "Transform: `AWS::Serverless-2016-10-31` changes the template when it is deployed: import what `aws \
             cloudformation get-template --template-stage Processed` prints",
        ]
    );
}

/// What Helm or a substitution was to fill in became the wish itself.
#[test]
fn what_was_to_be_filled_in_is_listed() {
    let it = converted(Format::Ack, HELM);
    assert_eq!(said(&it, "ai-a", "tags"), json!({"team": "ml"}), "a key is merged in; the others are not touched");
    assert_eq!(said(&it, "ai-a", "policy")["Statement"][0]["Resource"], "arn:aws:s3:::ai-a/${aws:username}/*");
    assert_eq!(said(&it, "ai-b", "versioning"), json!({"status": "Enabled"}), "of a list in a document");
    let lost = lost(&it);
    let why = "it holds what was to be filled in: render the manifest first";
    assert_eq!(lost[..3], [
        format!("a: `encryption.rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyID`: {why}; so `encryption` is left out"),
        format!("a: `logging.loggingEnabled.targetBucket`: {why}; so `logging` is left out"),
        "b: `notification.queueConfigurations[0].filter`: a second prefix: S3 takes one; so `notifications` is left out".to_owned(),
    ]);
    assert!(lost[3].starts_with("document 3: it is no YAML that can be read: "), "{lost:?}");
    assert_eq!(lost.len(), 4, "{lost:?}");
}
