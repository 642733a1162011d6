//! Terraform: a state (version 4) or what `terraform show -json` prints, with the resources of the
//! AWS provider: buckets with everything in line (3.x), and one resource a setting (4.x and later).

use serde_json::Value;

use super::shapes::lock;
use super::table::{self, Row, known};
use super::{Fleet, Rank};
use crate::bucket::AccountId;

mod inline;
mod plan;
mod split;

use inline::BUCKET;
use plan::Plan;
use split::{
    ABAC, ACCELERATE, ACL, ANALYTICS, CORS, DIRECTORY_BUCKET, ENCRYPTION, INVENTORY, LIFECYCLE, LOGGING, METADATA,
    METRIC, NOTIFICATION, OBJECT_LOCK, OWNERSHIP, PAYER, POLICY, PUBLIC_ACCESS_BLOCK, REPLICATION, TIERING, VERSIONING,
    WEBSITE,
};

/// Attributes of every resource that say where it belongs, or are made by the provider.
const COMMON: &[Row] =
    &[known("id"), known("bucket"), known("region"), known("expected_bucket_owner"), known("timeouts"), known("arn")];

/// The kinds of resources, with their tables.
const KINDS: &[(&str, Rank, &[Row])] = &[
    ("aws_s3_bucket", Rank::Inline, BUCKET),
    ("aws_s3_directory_bucket", Rank::Own, DIRECTORY_BUCKET),
    ("aws_s3_bucket_versioning", Rank::Own, VERSIONING),
    ("aws_s3_bucket_server_side_encryption_configuration", Rank::Own, ENCRYPTION),
    ("aws_s3_bucket_public_access_block", Rank::Own, PUBLIC_ACCESS_BLOCK),
    ("aws_s3_bucket_ownership_controls", Rank::Own, OWNERSHIP),
    ("aws_s3_bucket_acl", Rank::Own, ACL),
    ("aws_s3_bucket_policy", Rank::Own, POLICY),
    ("aws_s3_bucket_lifecycle_configuration", Rank::Own, LIFECYCLE),
    ("aws_s3_bucket_logging", Rank::Own, LOGGING),
    ("aws_s3_bucket_website_configuration", Rank::Own, WEBSITE),
    ("aws_s3_bucket_cors_configuration", Rank::Own, CORS),
    ("aws_s3_bucket_notification", Rank::Own, NOTIFICATION),
    ("aws_s3_bucket_replication_configuration", Rank::Own, REPLICATION),
    ("aws_s3_bucket_object_lock_configuration", Rank::Own, OBJECT_LOCK),
    ("aws_s3_bucket_accelerate_configuration", Rank::Own, ACCELERATE),
    ("aws_s3_bucket_request_payment_configuration", Rank::Own, PAYER),
    ("aws_s3_bucket_abac", Rank::Own, ABAC),
    ("aws_s3_bucket_metadata_configuration", Rank::Own, METADATA),
    ("aws_s3_bucket_inventory", Rank::OneOfMany, INVENTORY),
    ("aws_s3_bucket_analytics_configuration", Rank::OneOfMany, ANALYTICS),
    ("aws_s3_bucket_metric", Rank::OneOfMany, METRIC),
    ("aws_s3_bucket_intelligent_tiering_configuration", Rank::OneOfMany, TIERING),
];

/// Reads a state, or what `terraform show -json` prints.
pub(super) fn read(text: &str, own: Option<&AccountId>, fleet: &mut Fleet) -> Result<(), String> {
    let root: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    if let Some(module) = root.pointer("/values/root_module") {
        shown(module, None, own, fleet, 0);
        return Ok(());
    }
    if let Some(module) = root.pointer("/planned_values/root_module") {
        let plan = Plan::of(&root);
        for (address, why) in plan.missing() {
            fleet.lose(address, "", why);
        }
        shown(module, Some(&plan), own, fleet, 0);
        return Ok(());
    }
    match (root.get("version").and_then(Value::as_u64), root.get("resources").and_then(Value::as_array)) {
        (Some(4), Some(resources)) => {
            resources.iter().for_each(|resource| state(resource, own, fleet));
            Ok(())
        }
        (Some(4), None) => Err("it is a state without `resources`".to_owned()),
        (Some(other), _) => {
            Err(format!("it is a state of version {other}; `terraform state pull` of Terraform 0.12 or later gives 4"))
        }
        // An empty state has nothing in it.
        (None, _) if root.get("format_version").is_some() => Ok(()),
        (None, _) => Err("it is neither a state of Terraform nor what `terraform show -json` prints".to_owned()),
    }
}

const DEPOSED: &str = "it is deposed: Terraform waits to delete it";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a kind of resource is about S3, of whatever provider (`aws_s3_bucket`, `awscc_s3_bucket`):
/// what is about other things is nobody's loss.
fn is_of_s3(kind: &str) -> bool {
    kind.split_once('_').is_some_and(|(_, rest)| rest.starts_with("s3"))
}

/// One resource of a state, with all its instances.
fn state(resource: &Value, own: Option<&AccountId>, fleet: &mut Fleet) {
    let (kind, name) = (text(resource, "type"), text(resource, "name"));
    if text(resource, "mode") != "managed" || !is_of_s3(kind) {
        return;
    }
    let module =
        Some(text(resource, "module")).filter(|it| !it.is_empty()).map(|it| format!("{it}.")).unwrap_or_default();
    for instance in resource.get("instances").and_then(Value::as_array).into_iter().flatten() {
        let key = match instance.get("index_key") {
            Some(Value::Null) | None => String::new(),
            Some(key) => format!("[{key}]"),
        };
        let address = format!("{module}{kind}.{name}{key}");
        if instance.get("deposed").is_some() {
            fleet.lose(&address, "", DEPOSED);
            continue;
        }
        take(&address, kind, instance.get("attributes").unwrap_or(&Value::Null), None, own, fleet);
    }
}

/// The resources of a module as `terraform show -json` prints them.
fn shown(module: &Value, plan: Option<&Plan<'_>>, own: Option<&AccountId>, fleet: &mut Fleet, depth: usize) {
    // Modules in modules; no person nests them so deep.
    if depth > 64 {
        fleet.lose(text(module, "address"), "", "modules are nested too deep");
        return;
    }
    for resource in module.get("resources").and_then(Value::as_array).into_iter().flatten() {
        let kind = text(resource, "type");
        let address = text(resource, "address");
        if text(resource, "mode") != "managed" || !is_of_s3(kind) {
            continue;
        }
        if !text(resource, "deposed_key").is_empty() {
            fleet.lose(address, "", DEPOSED);
            continue;
        }
        take(address, kind, resource.get("values").unwrap_or(&Value::Null), plan, own, fleet);
    }
    for child in module.get("child_modules").and_then(Value::as_array).into_iter().flatten() {
        shown(child, plan, own, fleet, depth + 1);
    }
}

/// One instance of a resource.
fn take(
    address: &str,
    kind: &str,
    attributes: &Value,
    plan: Option<&Plan<'_>>,
    own: Option<&AccountId>,
    fleet: &mut Fleet,
) {
    let unknown = |tables: &[&[Row]]| plan.map(|plan| plan.unknown(address, kind, tables)).unwrap_or_default();
    if kind == "aws_s3_account_public_access_block" {
        // Whose it is, where somebody said it and it is not known.
        if let Some((attribute, why)) = unknown(&[]).into_iter().find(|(at, _)| at == "account_id") {
            return fleet.lose(address, &attribute, why);
        }
        let of = text(attributes, "account_id");
        if !of.is_empty() && own.is_none_or(|own| own.as_str() != of) {
            let why = match own {
                Some(own) => format!("it is the block of account {of}, and the specs are for {own}"),
                None => format!("it is the block of account {of}, and the configuration says no `id` of its account"),
            };
            fleet.lose(address, "account_id", why);
            return;
        }
        let tables = [COMMON, PUBLIC_ACCESS_BLOCK, &[known("account_id")]];
        let said = table::read(attributes, &tables, unknown(&tables));
        return fleet.put_account(address, said);
    }
    let Some((_, rank, table)) = KINDS.iter().find(|(known, _, _)| *known == kind) else {
        let objects = matches!(kind, "aws_s3_object" | "aws_s3_bucket_object" | "aws_s3_object_copy");
        let why = if objects { "objects are none of its business" } else { "this kind of resource is not converted" };
        fleet.lose(address, "", why);
        return;
    };
    let bucket = match text(attributes, "bucket") {
        "" => plan.map(|plan| plan.bucket(address)).unwrap_or_else(|| Err("it does not say which bucket it is for")),
        said => Ok(said),
    };
    let bucket = match bucket {
        Ok(bucket) => bucket,
        Err(why) => return fleet.lose(address, "bucket", why),
    };
    let Some(name) = fleet.bucket(address, "bucket", bucket) else { return };
    if *rank == Rank::Inline {
        let region = Some(text(attributes, "bucket_region")).filter(|it| !it.is_empty());
        let region = region.unwrap_or_else(|| text(attributes, "region"));
        if !region.is_empty() {
            fleet.put_region(&name, address, "region", region);
        }
        // It came with 4.0, when every setting got a resource of its own and the lines were filled in from S3.
        if attributes.get("object_lock_enabled").is_some_and(Value::is_boolean) {
            fleet.buckets.entry(name.clone()).or_default().filled = true;
        }
    }
    let tables = [COMMON, table];
    let said = match kind {
        "aws_s3_bucket_lifecycle_configuration" => table::read(&meant(attributes), &tables, unknown(&tables)),
        _ => table::read(attributes, &tables, unknown(&tables)),
    };
    fleet.put(&name, address, *rank, said);
}

/// The rules of a lifecycle without what the provider writes beside `and` for what nobody said: S3 takes
/// either all of a filter in there, or one thing outside of it, where a zero means something.
fn meant(attributes: &Value) -> Value {
    let mut attributes = attributes.clone();
    let rules = attributes.get_mut("rule").and_then(Value::as_array_mut).into_iter().flatten();
    let filters = rules.filter_map(|rule| rule.get_mut("filter")).filter_map(Value::as_array_mut).flatten();
    for filter in filters.filter_map(Value::as_object_mut) {
        if filter.get("and").is_some_and(|and| !table::is_nothing(and)) {
            filter.retain(|key, value| key == "and" || !(*value == 0 || *value == "0"));
        }
    }
    attributes
}
