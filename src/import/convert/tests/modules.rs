//! Buckets that run through the modules of a plan.

use super::*;

/// A module that gets a bucket by a variable, or gives one by an output, is how most people write it; their
/// plans lost every setting of a bucket that was yet to be made.
#[test]
fn a_bucket_that_runs_through_variables_and_outputs_of_modules_is_known() {
    let refers = |to: &[&str]| json!({"references": to});
    let versioning = |address: &str| {
        json!({"address": address, "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "v",
            "values": {"versioning_configuration": [{"status": "Enabled"}]}})
    };
    let written = |bucket: Value| {
        json!({"address": "aws_s3_bucket_versioning.v", "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "v",
            "expressions": {"bucket": bucket}})
    };
    let new = |address: &str, name: &str| {
        json!({"address": address, "type": "aws_s3_bucket", "name": "this", "mode": "managed",
            "change": {"actions": ["create"], "after": {"bucket": name}, "after_unknown": {"id": true}}})
    };
    let by_output = |outputs: Value, reference: &[&str]| {
        let module = json!({"module_calls": {"store": {"module": {"outputs": {"bucket_id": {"expression": outputs}},
            "resources": [{"address": "aws_s3_bucket_policy.this", "expressions": {"bucket": refers(&["aws_s3_bucket.this[0].id", "aws_s3_bucket.this[0]", "aws_s3_bucket.this"])}}]}}},
            "resources": [written(refers(reference))]});
        (module, "aws_s3_bucket_versioning.v")
    };
    let by_variable = |said: Value, inner: Value| {
        let module = json!({"module_calls": {"guard": {"expressions": {"bucket": said}, "module": {"resources": [written(inner)]}}}});
        (module, "module.guard[\"a\"].aws_s3_bucket_versioning.v")
    };
    let own = ["aws_s3_bucket.this[0].id", "aws_s3_bucket.this[0]", "aws_s3_bucket.this"];
    let output = ["module.store.bucket_id", "module.store"];
    let policy_first =
        [&["aws_s3_bucket_policy.this[0].id", "aws_s3_bucket_policy.this[0]", "aws_s3_bucket_policy.this"][..], &own]
            .concat();
    let keyed = refers(&["aws_s3_bucket.this", "each.key"]);
    for (what, (configuration, address), known) in [
        ("an output", by_output(refers(&own), &output), true),
        ("an output of whichever there is", by_output(refers(&policy_first), &output), true),
        ("an output of something else, too", by_output(refers(&[&own[..], &["var.name"]].concat()), &output), false),
        (
            "another attribute",
            by_output(refers(&["aws_s3_bucket.this[0].arn", "aws_s3_bucket.this[0]"]), &output),
            false,
        ),
        (
            "a variable",
            by_variable(
                refers(&["aws_s3_bucket.this[\"a\"].id", "aws_s3_bucket.this[\"a\"]", "aws_s3_bucket.this"]),
                refers(&["var.bucket"]),
            ),
            true,
        ),
        ("a variable of the loop", by_variable(keyed, refers(&["var.bucket"])), true),
        ("a part of a variable", by_variable(refers(&own), refers(&["var.bucket.id", "var.bucket"])), false),
        ("a local", by_variable(refers(&["local.bucket"]), refers(&["var.bucket"])), false),
        (
            "a variable of the root",
            (json!({"resources": [written(refers(&["var.bucket"]))]}), "aws_s3_bucket_versioning.v"),
            false,
        ),
    ] {
        let plan = json!({"format_version": "1.2",
            "planned_values": {"root_module": {"resources": [versioning(address)]}},
            "resource_changes": [
                new("module.store.aws_s3_bucket.this[0]", "ai-a"), new("aws_s3_bucket.this[\"a\"]", "ai-a"),
                {"address": address, "type": "aws_s3_bucket_versioning", "change": {"actions": ["create"],
                    "after": {}, "after_unknown": {"bucket": true}}}],
            "configuration": {"root_module": configuration}});
        let it = converted(Format::Terraform, &plan.to_string());
        if known {
            assert_eq!(it.losses, [], "{what}");
            assert_eq!(said(&it, "ai-a", "versioning"), json!({"status": "Enabled"}), "{what}");
        } else {
            let why = "which bucket it is for is known only after the plan was applied";
            assert_eq!(lost(&it), [format!("{address}: `bucket`: {why}")], "{what}");
        }
    }
}
