//! CloudFormation: templates with `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`, and those of directory
//! buckets, YAML or JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::intrinsics::{Scope, long};
use super::table::{self, Row, Said};
use super::{Fleet, Rank};
use crate::bucket::BucketName;

mod rows;

use rows::{BUCKET, DIRECTORY_BUCKET, POLICY};

/// Reads a template. `given` are values of parameters, pseudo parameters and names of buckets.
pub(super) fn read(text: &str, given: &BTreeMap<String, String>, fleet: &mut Fleet) -> Result<(), String> {
    let unreadable = |error: serde_yaml::Error| format!("it is no template that can be read: {error}");
    let mut tree: serde_yaml::Value = serde_yaml::from_str(text).map_err(unreadable)?;
    tree.apply_merge().map_err(unreadable)?;
    let template = long(tree)?;
    let Some(resources) = template.get("Resources").and_then(Value::as_object) else {
        return Err("it is no template: it has no `Resources`".to_owned());
    };
    let scope = Scope { template: &template, given };
    for macros in transforms(&template) {
        let why = format!("{macros} changes the template when it is deployed: {PROCESSED}");
        fleet.lose("Transform", "", why);
    }
    for (logical, resource) in resources {
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        if kind == CDK_NOTIFICATIONS {
            fleet.lose(
                logical,
                "",
                "a function of the CDK makes these notifications; import the live bucket to have them",
            );
        } else if kind == "AWS::CloudFormation::Stack" || kind.ends_with("::MODULE") {
            fleet.lose(logical, "", "what it holds stands in a template of its own: import that one, too");
        } else if kind.starts_with("AWS::S3") {
            take(logical, kind, resource, &scope, fleet);
        } else if logical.starts_with("Fn::") {
            // `Fn::ForEach` and transforms make resources that are not there yet.
            fleet.lose(logical, "", "what it makes cannot be told from the template");
        }
    }
    Ok(())
}

/// The resource that notifications become which were written with the CDK.
const CDK_NOTIFICATIONS: &str = "Custom::S3BucketNotifications";

const PROCESSED: &str = "import what `aws cloudformation get-template --template-stage Processed` prints";

/// The macros that make another template of this one. Loops are told at their resource.
fn transforms(template: &Value) -> Vec<String> {
    let all = match template.get("Transform") {
        Some(Value::Array(all)) => all.iter().collect(),
        one => one.into_iter().collect::<Vec<_>>(),
    };
    let whole = template.get("Fn::Transform").into_iter();
    let name = |it: &Value| it.get("Name").unwrap_or(it).as_str().map_or_else(|| it.to_string(), str::to_owned);
    let names = all.into_iter().chain(whole).map(name);
    names.filter(|name| name != "AWS::LanguageExtensions").map(|name| format!("`{name}`")).collect()
}

fn take(logical: &str, kind: &str, resource: &Value, scope: &Scope<'_>, fleet: &mut Fleet) {
    match resource.get("Condition").and_then(Value::as_str).map(|name| scope.holds(name)) {
        Some(Ok(false)) => return fleet.lose(logical, "", "its condition does not hold, so it is not made"),
        Some(Err(why)) => fleet.lose(logical, "Condition", format!("{why}; it is taken to hold")),
        _ => {}
    }
    let (name, tables): (_, &[&[Row]]) = match kind {
        "AWS::S3::Bucket" => (scope.bucket(logical, 0), &[BUCKET][..]),
        "AWS::S3Express::DirectoryBucket" => (scope.bucket(logical, 0), &[BUCKET, DIRECTORY_BUCKET][..]),
        "AWS::S3::BucketPolicy" | "AWS::S3Express::BucketPolicy" => {
            let bucket = resource.pointer("/Properties/Bucket").unwrap_or(&Value::Null);
            let name =
                scope.text(bucket).and_then(|it| it.ok_or_else(|| "it does not say which bucket it is for".to_owned()));
            (name, &[POLICY][..])
        }
        _ => return fleet.lose(logical, "", format!("this kind of resource ({kind}) is not converted")),
    };
    let name = match name {
        Ok(name) => name,
        Err(why) => return fleet.lose(logical, "", why),
    };
    let Some(name) = fleet.bucket(logical, "BucketName", &name) else { return };
    if let Some(region) = scope.given.get("AWS::Region") {
        fleet.put_region(&name, logical, "AWS::Region", region);
    }
    let mut lost = Said::default();
    let nothing = Value::Object(serde_json::Map::new());
    let mut properties = resource.get("Properties").unwrap_or(&nothing).clone();
    // Both are told already, and need not be told again where they cannot be.
    if let Some(fields) = properties.as_object_mut() {
        fields.remove("BucketName");
        fields.remove("Bucket");
    }
    let mut properties = scope.resolve(&properties, &mut lost);
    own_logs(&mut properties, &name, &lost);
    twice_said(&properties, &mut lost);
    let said = table::read(&properties, tables, lost.losses);
    fleet.put(&name, logical, Rank::Own, said);
}

/// Without a bucket that they go to, the logs go to the bucket itself (CloudFormation User Guide,
/// "AWS::S3::Bucket LoggingConfiguration").
fn own_logs(properties: &mut Value, name: &BucketName, lost: &Said) {
    const TO: &str = "DestinationBucketName";
    let untold = lost.losses.iter().any(|(at, _)| at == &format!("LoggingConfiguration.{TO}"));
    let logging = properties.get_mut("LoggingConfiguration").and_then(Value::as_object_mut);
    if let Some(logging) = logging.filter(|_| !untold) {
        logging.entry(TO).or_insert_with(|| json!(name.as_str()));
    }
}

/// A rule of a lifecycle has an old property for one transition and a new one for all of them; one
/// would stand in the place of the other.
fn twice_said(properties: &Value, lost: &mut Said) {
    let rules = properties.pointer("/LifecycleConfiguration/Rules").and_then(Value::as_array);
    for (place, rule) in rules.into_iter().flatten().enumerate() {
        for (old, new) in [
            ("Transition", "Transitions"),
            ("NoncurrentVersionTransition", "NoncurrentVersionTransitions"),
            ("NoncurrentVersionExpirationInDays", "NoncurrentVersionExpiration"),
        ] {
            if rule.get(old).is_some() && rule.get(new).is_some() {
                let why = format!("it stands beside `{new}`, and only one of them counts");
                lost.losses.push((format!("LifecycleConfiguration.Rules[{place}].{old}"), why));
            }
        }
    }
}
