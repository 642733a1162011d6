//! Realistic files of other tools, and what becomes of them.

use serde_json::json;

use super::*;
use crate::import::text::document;

mod losses;
mod modules;
mod protection;

fn given(all: &[(&str, &str)]) -> Given {
    let parameters = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Given { parameters, account: None }
}

fn converted(format: Format, text: &str) -> Converted {
    convert(format, text, &Given::default(), Extent::Different).expect("a file of that format")
}

/// Of one bucket, `ai-a`, with these properties.
fn template(properties: Value) -> Converted {
    let mut properties = properties;
    properties["BucketName"] = json!("ai-a");
    let template = json!({"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": properties}}});
    converted(Format::CloudFormation, &template.to_string())
}

/// The same.
fn manifest(spec: Value) -> Converted {
    let mut spec = spec;
    spec["name"] = json!("ai-a");
    let manifest = json!({"apiVersion": "s3.services.k8s.aws/v1alpha1", "kind": "Bucket", "metadata": {"name": "a"}, "spec": spec});
    converted(Format::Ack, &manifest.to_string())
}

fn said(converted: &Converted, bucket: &str, setting: &str) -> Value {
    let draft = converted.drafts.iter().find(|draft| draft.name.as_str() == bucket).expect("the bucket");
    draft.settings.get(setting).map_or(Value::Null, Said::value)
}

fn region(converted: &Converted, bucket: &str) -> Option<String> {
    let draft = converted.drafts.iter().find(|draft| draft.name.as_str() == bucket).expect("the bucket");
    draft.region.as_ref().map(ToString::to_string)
}

/// What was lost, but for what is lost only because a setting is not there yet.
fn lost(converted: &Converted) -> Vec<String> {
    let known = converted.losses.iter().filter(|loss| !loss.why.starts_with("this version has no setting"));
    known.map(ToString::to_string).collect()
}

const INLINE: &str = include_str!("../../../tests/import/inline.tfstate");
const SPLIT: &str = include_str!("../../../tests/import/split.tfstate");
const TEMPLATE: &str = include_str!("../../../tests/import/template.yaml");
const MANIFESTS: &str = include_str!("../../../tests/import/ack.yaml");

#[test]
fn a_state_with_everything_in_line_is_converted() {
    let it = converted(Format::Terraform, INLINE);
    let raw = |setting: &str| said(&it, "ai-training-raw", setting);
    assert_eq!(raw("encryption"), json!({"algorithm": "aws:kms", "kmsKeyId": "alias/training", "bucketKey": true}));
    assert_eq!(raw("versioning"), json!({"status": "Enabled"}));
    assert_eq!(raw("tags"), json!({"Name": "Raw training data", "team": "ml-platform"}), "default tags are tags");
    assert_eq!(raw("logging"), json!({"targetBucket": "access-logs", "targetPrefix": "raw/"}));
    assert_eq!(raw("acl"), Value::Null, "a private ACL is every bucket's");
    assert_eq!(
        raw("lifecycle"),
        json!({"rules": [
            {"id": "cold", "status": "Enabled", "filter": {"prefix": "raw/"},
             "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
             "noncurrentVersionExpiration": {"noncurrentDays": 90},
             "transitions": [{"days": 0, "storageClass": "INTELLIGENT_TIERING"}]},
            {"id": "tmp", "status": "Disabled", "filter": {"tags": {"keep": "no"}}, "expiration": {"days": 30}},
        ]})
    );
    assert_eq!(raw("policy")["Statement"][0]["Sid"], "OnlyTls");
    assert_eq!(raw("cors")["rules"][0]["maxAgeSeconds"], 3600);
    assert_eq!(region(&it, "ai-training-raw").as_deref(), Some("eu-central-1"));

    assert_eq!(said(&it, "ai-docs", "acl"), json!("public-read"), "the owner's own full control is implied");
    assert_eq!(said(&it, "ai-docs", "versioning"), Value::Null);
    assert_eq!(
        said(&it, "ai-docs", "website"),
        json!({"indexDocument": "index.html", "errorDocument": "error.html", "routingRules":
            [{"condition": {"keyPrefixEquals": "old/"}, "redirect": {"replaceKeyPrefixWith": "new/"}}]})
    );
    assert_eq!(it.drafts.len(), 2, "data sources are not Terraform's own");
    assert_eq!(
        lost(&it),
        [
            "aws_s3_bucket.site[0]: `a_field_of_tomorrow`: no setting of this version says it",
            "aws_s3_bucket_object.readme: objects are none of its business",
        ]
    );
}

#[test]
fn a_state_with_one_resource_a_setting_is_converted_and_they_count_more_than_what_is_in_line() {
    let it = converted(Format::Terraform, SPLIT);
    let models = |setting: &str| said(&it, "ai-models", setting);
    assert_eq!(models("versioning"), json!({"status": "Suspended"}));
    assert_eq!(models("publicAccessBlock"), json!("all"));
    assert_eq!(models("objectOwnership"), json!("BucketOwnerPreferred"));
    assert_eq!(models("acl"), json!("log-delivery-write"));
    assert_eq!(models("encryption"), Value::Null, "every bucket encrypts so");
    assert_eq!(models("tags"), json!({"team": "ml-platform"}));
    assert_eq!(
        models("lifecycle"),
        json!({"transitionDefaultMinimumObjectSize": "varies_by_storage_class", "rules": [
            {"id": "checkpoints", "status": "Enabled",
             "filter": {"prefix": "checkpoints/", "objectSizeGreaterThan": 1_048_576, "tags": {"keep": "no"}},
             "expiration": {"days": 180},
             "noncurrentVersionExpiration": {"newerNoncurrentVersions": 3, "noncurrentDays": 30},
             "transitions": [{"days": 30, "storageClass": "GLACIER_IR"}]},
            {"id": "one-tag", "status": "Disabled", "filter": {"tags": {"tmp": "yes"}},
             "expiration": {"date": "2030-01-31"}},
        ]})
    );
    assert_eq!(
        models("website"),
        json!({"indexDocument": "index.html", "routingRules": [{"condition": {"httpErrorCodeReturnedEquals": "404"},
            "redirect": {"hostName": "example.com", "httpRedirectCode": "302", "protocol": "https"}}]})
    );
    assert_eq!(
        models("logging")["targetObjectKeyFormat"],
        json!({"partitionedPrefix": {"partitionDateSource": "DeliveryTime"}})
    );
    assert_eq!(
        models("notifications"),
        json!({"eventBridge": true, "queues": [{"id": "new-models", "arn": "arn:aws:sqs:us-west-2:111122223333:models",
            "events": ["s3:ObjectCreated:*"], "filter": {"prefix": "released/"}}]})
    );
    assert_eq!(
        models("metrics"),
        json!({"configurations": [{"id": "checkpoints", "filter": {"prefix": "checkpoints/"}}, {"id": "whole"}]}),
        "one of each resource"
    );
    assert_eq!(region(&it, "ai-models").as_deref(), Some("us-west-2"), "where it is, not where the provider is");
    assert_eq!(
        lost(&it),
        ["aws_s3_bucket_versioning.twice: `versioning` is said by aws_s3_bucket_versioning.models already"]
    );
}

/// The same configurations, as each of the tools writes them.
#[test]
fn what_is_said_of_reports_and_tiers_is_the_same_from_every_tool() {
    let resource = |kind: &str, attributes: Value| {
        let mut attributes = attributes;
        attributes["bucket"] = json!("ai-a");
        json!({"mode": "managed", "type": kind, "name": "a", "instances": [{"attributes": attributes}]})
    };
    let state = json!({"version": 4, "resources": [
        resource("aws_s3_bucket_accelerate_configuration", json!({"status": "Enabled"})),
        resource("aws_s3_bucket_inventory", json!({"name": "daily", "enabled": true, "included_object_versions": "Current",
            "schedule": [{"frequency": "Daily"}], "optional_fields": ["Size"], "filter": [{"prefix": "raw/"}],
            "destination": [{"bucket": [{"account_id": "111122223333", "bucket_arn": "arn:aws:s3:::lists", "format": "Parquet",
                "prefix": "a", "encryption": [{"sse_s3": [{}], "sse_kms": []}]}]}]})),
        resource("aws_s3_bucket_analytics_configuration", json!({"name": "raw", "filter": [{"prefix": "raw/", "tags": {"a": "b"}}],
            "storage_class_analysis": [{"data_export": [{"output_schema_version": "V_1", "destination":
                [{"s3_bucket_destination": [{"bucket_arn": "arn:aws:s3:::lists", "format": "CSV", "prefix": "a"}]}]}]}]})),
        resource("aws_s3_bucket_intelligent_tiering_configuration", json!({"name": "cold", "status": "Enabled",
            "filter": [{"prefix": "raw/", "tags": null}], "tiering": [{"access_tier": "ARCHIVE_ACCESS", "days": 125}]})),
    ]});
    let template = json!({"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "ai-a",
        "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
        "InventoryConfigurations": [{"Id": "daily", "Enabled": true, "IncludedObjectVersions": "Current",
            "ScheduleFrequency": "Daily", "OptionalFields": ["Size"], "Prefix": "raw/", "Destination":
                {"BucketAccountId": "111122223333", "BucketArn": "arn:aws:s3:::lists", "Format": "Parquet", "Prefix": "a"}}],
        "AnalyticsConfigurations": [{"Id": "raw", "Prefix": "raw/", "TagFilters": [{"Key": "a", "Value": "b"}],
            "StorageClassAnalysis": {"DataExport": {"OutputSchemaVersion": "V_1", "Destination":
                {"BucketArn": "arn:aws:s3:::lists", "Format": "CSV", "Prefix": "a"}}}}],
        "IntelligentTieringConfigurations": [{"Id": "cold", "Status": "Enabled", "Prefix": "raw/",
            "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 125}]}]}}}});
    let manifest = json!({"apiVersion": "s3.services.k8s.aws/v1alpha1", "kind": "Bucket", "metadata": {"name": "a"},
        "spec": {"name": "ai-a", "accelerate": {"status": "Enabled"},
            "inventory": [{"id": "daily", "isEnabled": true, "includedObjectVersions": "Current",
                "schedule": {"frequency": "Daily"}, "optionalFields": ["Size"], "filter": {"prefix": "raw/"}, "destination":
                    {"s3BucketDestination": {"accountID": "111122223333", "bucket": "arn:aws:s3:::lists", "format": "Parquet",
                        "prefix": "a", "encryption": {"sseS3": {}}}}}],
            "analytics": [{"id": "raw", "filter": {"and": {"prefix": "raw/", "tags": [{"key": "a", "value": "b"}]}},
                "storageClassAnalysis": {"dataExport": {"outputSchemaVersion": "V_1", "destination":
                    {"s3BucketDestination": {"bucket": "arn:aws:s3:::lists", "format": "CSV", "prefix": "a"}}}}}],
            "intelligentTiering": [{"id": "cold", "status": "Enabled", "filter": {"prefix": "raw/"},
                "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 125}]}]}});
    let all = [(Format::Terraform, state), (Format::CloudFormation, template), (Format::Ack, manifest)];
    let all = all.map(|(format, file)| converted(format, &file.to_string()));
    for it in &all {
        assert_eq!(it.losses, []);
    }
    for setting in ["accelerate", "analytics", "intelligentTiering"] {
        let [first, second, third] = all.each_ref().map(|it| said(it, "ai-a", setting));
        assert!(first.is_object(), "{setting}");
        assert_eq!((&first, &first), (&second, &third), "{setting}");
    }
    // A template cannot say how the lists are encrypted.
    let [terraform, template, ack] =
        all.each_ref().map(|it| said(it, "ai-a", "inventory")["configurations"][0].clone());
    assert_eq!(terraform, ack);
    assert_eq!(terraform["destination"]["encryption"], json!({"type": "SSE-S3"}));
    assert_eq!((&template["id"], &template["schedule"]), (&json!("daily"), &terraform["schedule"]));
}

#[test]
fn the_block_of_the_account_is_said_of_the_account_when_it_is_that_account() {
    let state = |account: &str, own: Option<&str>| {
        let on = json!({"account_id": account, "id": account, "block_public_acls": true,
            "block_public_policy": true, "ignore_public_acls": true, "restrict_public_buckets": true});
        let state = json!({"version": 4, "resources": [{"mode": "managed",
            "type": "aws_s3_account_public_access_block", "name": "a", "instances": [{"attributes": on}]}]});
        let account = own.map(|own| crate::bucket::AccountId::parse(own).expect("twelve digits"));
        let given = Given { account, ..Given::default() };
        convert(Format::Terraform, &state.to_string(), &given, Extent::Different).expect("a state")
    };
    for (own, why) in [
        (Some("222233334444"), "and the specs are for 222233334444"),
        (None, "and the configuration says no `id` of its account"),
    ] {
        let theirs = state("111122223333", own);
        assert!(theirs.account.is_empty());
        let place = "aws_s3_account_public_access_block.a: `account_id`: it is the block of account 111122223333";
        assert_eq!(lost(&theirs), [format!("{place}, {why}")]);
    }
    let name = crate::bucket::AccountName::parse("prod").expect("legal");
    for it in [state("", None), state("", Some("222233334444")), state("111122223333", Some("111122223333"))] {
        assert_eq!((it.losses.len(), it.drafts.len()), (0, 0), "{:?}", it.losses);
        let file = crate::import::text::account(&name, &it.account);
        assert_eq!(file.path, "accounts/prod.yaml");
        assert_eq!(
            file.text,
            "apiVersion: driftless/v1\nkind: Account\nmetadata:\n  name: prod\nspec:\n  publicAccessBlock: all\n"
        );
    }
}

#[test]
fn what_terraform_shows_is_read_like_its_state() {
    let shown = json!({"format_version": "1.0", "terraform_version": "1.9.8", "values": {"root_module": {
        "resources": [{"address": "aws_s3_bucket.a", "mode": "managed", "type": "aws_s3_bucket", "name": "a",
            "values": {"bucket": "ai-a", "tags": {"a": "b"}}}],
        "child_modules": [{"address": "module.m[0]", "resources": [{"address": "module.m[0].aws_s3_bucket_versioning.a",
            "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "a",
            "values": {"bucket": "ai-b", "versioning_configuration": [{"status": "Enabled"}], "strange": 7}}]}]}}});
    let it = converted(Format::Terraform, &shown.to_string());
    assert_eq!(said(&it, "ai-a", "tags"), json!({"a": "b"}));
    assert_eq!(said(&it, "ai-b", "versioning"), json!({"status": "Enabled"}));
    assert_eq!(lost(&it), ["module.m[0].aws_s3_bucket_versioning.a: `strange`: no setting of this version says it"]);
}

/// A rule without a part of its filter would be for more objects than it was meant for.
#[test]
fn a_setting_that_is_only_half_understood_is_left_out_whole() {
    let state = json!({"version": 4, "resources": [{"mode": "managed", "type": "aws_s3_bucket_lifecycle_configuration",
        "name": "a", "instances": [{"attributes": {"bucket": "ai-a", "rule": [{"id": "x", "status": "Enabled",
            "expiration": [{"days": 1}], "filter": [{"prefix": "tmp/", "owner": "nobody"}]}]}}]}]});
    let it = converted(Format::Terraform, &state.to_string());
    assert_eq!(said(&it, "ai-a", "lifecycle"), Value::Null);
    assert_eq!(
        lost(&it),
        ["aws_s3_bucket_lifecycle_configuration.a: `rule[0].filter[0].owner`: no setting of this version says it; so \
          `lifecycle` is left out"]
    );
}

#[test]
fn what_no_spec_may_say_is_told_with_the_reason() {
    let state = json!({"version": 4, "resources": [{"mode": "managed", "type": "aws_s3_bucket", "name": "a",
        "instances": [{"attributes": {"bucket": "Not_Legal"}}, {"index_key": 1, "attributes": {"bucket": "ai-a",
            "region": "us-esat-1", "server_side_encryption_configuration": [{"rule":
                [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "rot13"}]}]}]}}]}]});
    let lost = lost(&converted(Format::Terraform, &state.to_string()));
    assert_eq!(lost.len(), 3, "{lost:?}");
    assert!(lost[0].starts_with("aws_s3_bucket.a: `bucket`: illegal bucket name `Not_Legal`"), "{lost:?}");
    assert_eq!(lost[1], "aws_s3_bucket.a[1]: `region`: unknown region `us-esat-1`");
    assert!(
        lost[2]
            .starts_with("aws_s3_bucket.a[1]: `encryption`: for `ai-a` it is not what a spec may say: at /algorithm: "),
        "{lost:?}"
    );
}

#[test]
fn files_of_another_kind_are_refused() {
    let refused = |format: Format, text: &str| {
        convert(format, text, &Given::default(), Extent::Different).expect_err("no such file")
    };
    assert_eq!(
        refused(Format::Terraform, r#"{"version": 3, "modules": []}"#),
        "it is a state of version 3; `terraform state pull` of Terraform 0.12 or later gives 4"
    );
    assert_eq!(
        refused(Format::Terraform, "{}"),
        "it is neither a state of Terraform nor what `terraform show -json` prints"
    );
    assert!(refused(Format::Terraform, "version: 4").starts_with("it is no JSON: "));
    assert_eq!(refused(Format::CloudFormation, "a: b"), "it is no template: it has no `Resources`");
    assert!(refused(Format::CloudFormation, "a: [").starts_with("it is no template that can be read: "));
    assert_eq!(refused(Format::Ack, "kind: Bucket"), "it holds no Bucket of `s3.services.k8s.aws`");
}

#[test]
fn a_template_is_converted_as_far_as_it_can_be_told() {
    let it = convert(
        Format::CloudFormation,
        TEMPLATE,
        &given(&[
            ("LogBucket", "access-logs"),
            ("AWS::StackName", "ml"),
            ("AWS::Region", "eu-west-1"),
            ("Scratch", "ai-scratch"),
        ]),
        Extent::Different,
    )
    .expect("a template");
    let training = |setting: &str| said(&it, "ai-training-dev", setting);
    assert_eq!(training("publicAccessBlock"), json!("all"));
    assert_eq!(training("versioning"), json!({"status": "Enabled"}));
    assert_eq!(training("logging"), json!({"targetBucket": "access-logs", "targetPrefix": "d/"}));
    assert_eq!(training("tags"), json!({"Name": "training dev", "stack": "ml"}));
    assert_eq!(
        training("lifecycle"),
        json!({"rules": [
            {"id": "cold", "status": "Enabled", "noncurrentVersionExpiration": {"newerNoncurrentVersions": 2, "noncurrentDays": 60},
             "transitions": [{"days": 90, "storageClass": "GLACIER_IR"}]},
            {"id": "tmp", "status": "Enabled", "filter": {"prefix": "tmp/", "tags": {"keep": "no"}}, "expiration": {"days": 30}},
        ]})
    );
    assert_eq!(
        training("policy")["Statement"][0]["Resource"],
        json!(["arn:aws:s3:::ai-training-dev", "arn:aws:s3:::ai-training-dev/*"])
    );
    assert_eq!(training("encryption"), Value::Null, "its key cannot be told");
    assert_eq!(said(&it, "ai-shared", "objectOwnership"), json!("ObjectWriter"));
    assert_eq!(said(&it, "ai-shared", "policy"), Value::Null, "half a policy means something else");
    assert_eq!(region(&it, "ai-scratch").as_deref(), Some("eu-west-1"));
    let mut lost = lost(&it);
    lost.sort();
    assert_eq!(
        lost,
        [
            "Door: this kind of resource (AWS::S3::AccessPoint) is not converted",
            "Gold: its condition does not hold, so it is not made",
            "Shared: `AFieldOfTomorrow`: no setting of this version says it",
            "SharedPolicy: `PolicyDocument.Statement[0].Principal.AWS`: `ImportValue` cannot be told from the template; so `policy` is left out",
            "Training: `BucketEncryption.ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.KMSMasterKeyID`: \
             `Key.Arn` cannot be told from the template; say it with --parameter Key.Arn=VALUE; so `encryption` is left out",
        ]
    );
}

#[test]
fn what_is_not_given_is_asked_for_by_its_name() {
    let it = converted(Format::CloudFormation, TEMPLATE);
    let lost = lost(&it);
    for said in [
        "Training: `LoggingConfiguration.DestinationBucketName`: `LogBucket` cannot be told from the template; say it with --parameter LogBucket=VALUE; so `logging` is left out",
        "Training: `Tags[1].Value`: `AWS::StackName` cannot be told from the template; say it with --parameter AWS::StackName=VALUE",
        "Scratch: CloudFormation made up the name of `Scratch`; say it with --parameter Scratch=NAME",
    ] {
        assert!(lost.iter().any(|line| line == said), "{said} is not in {lost:#?}");
    }
    assert!(!it.drafts.iter().any(|draft| draft.name.as_str().contains("scratch")));
}

#[test]
fn functions_that_name_themselves_end() {
    let template = "Conditions: {A: {Condition: A}}\nResources:\n  B:\n    Type: AWS::S3::Bucket\n    Condition: A\n    Properties: {BucketName: !Ref B}\n";
    let lost = lost(&converted(Format::CloudFormation, template));
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost.iter().all(|line| line.contains("nested too deep, or name themselves")), "{lost:?}");
}

#[test]
fn manifests_are_converted_and_other_kinds_left_alone() {
    let it = converted(Format::Ack, MANIFESTS);
    let features = |setting: &str| said(&it, "ai-features", setting);
    assert_eq!(
        features("encryption"),
        json!({"algorithm": "aws:kms", "kmsKeyId": "alias/features", "bucketKey": true})
    );
    assert_eq!(features("versioning"), json!({"status": "Enabled"}));
    assert_eq!(features("publicAccessBlock"), json!("all"));
    assert_eq!(features("objectOwnership"), json!("BucketOwnerEnforced"));
    assert_eq!(features("tags"), json!({"team": "features"}));
    assert_eq!(
        features("lifecycle"),
        json!({"rules": [{"id": "old", "status": "Enabled", "expiration": {"days": 365},
            "filter": {"prefix": "raw/", "tags": {"keep": "no"}}}]})
    );
    assert_eq!(features("website"), json!({"indexDocument": "index.html", "errorDocument": "error.html"}));
    assert_eq!(features("policy")["Statement"][0]["Effect"], "Deny");
    assert_eq!(region(&it, "ai-features").as_deref(), Some("eu-west-1"));
    assert_eq!(region(&it, "ai-plain").as_deref(), Some("eu-west-1"), "EU is its old name");
    let lost = lost(&it);
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost[0].starts_with("ml/features: `grantRead`: "), "{lost:?}");
    assert!(lost[1].starts_with("bad: `spec.name`: illegal bucket name `../../etc`"), "{lost:?}");
}

/// Every setting that this version has and a table names a field of takes that field.
#[test]
fn every_draft_of_every_fixture_is_a_document_without_a_fault() {
    let all = [
        (Format::Terraform, INLINE),
        (Format::Terraform, SPLIT),
        (Format::CloudFormation, TEMPLATE),
        (Format::Ack, MANIFESTS),
        (Format::Terraform, losses::PLAN),
        (Format::CloudFormation, losses::MESSY),
        (Format::Ack, losses::HELM),
    ];
    for (format, text) in all {
        for extent in [Extent::Different, Extent::Full] {
            let converted = convert(format, text, &Given::default(), extent).expect("a file");
            assert!(!converted.drafts.is_empty());
            for draft in &converted.drafts {
                let text = document(draft);
                let file = crate::spec::load::File { path: "a.yaml", bytes: text.as_bytes() };
                let loaded = crate::spec::load(&[file], &(), &crate::spec::load::Context::default());
                assert_eq!(loaded.findings, [], "{text}");
                assert_eq!(loaded.specs.buckets[0].settings.len(), draft.settings.len());
            }
        }
    }
}
