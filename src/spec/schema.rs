//! The JSON Schema of every document kind, from the types of the documents and the table of
//! settings: what editors complete by, and what `check` validates by.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Mode;
use crate::account;
use crate::bucket::Namespace;
use crate::settings::SETTINGS;

/// The version of the documents.
pub const API_VERSION: &str = "driftless/v1";

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One bucket.
    Bucket,
    /// An account's own settings.
    Account,
    /// What many buckets have in common.
    BucketDefaults,
    /// What buckets must satisfy.
    Policy,
    /// Where a policy does not apply for a while.
    Exemption,
    /// What may happen although it is held.
    Approval,
}

impl Kind {
    /// All kinds, in the order in which people meet them.
    pub const ALL: [Self; 6] =
        [Self::Bucket, Self::Account, Self::BucketDefaults, Self::Policy, Self::Exemption, Self::Approval];

    /// The word in `kind:`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bucket => "Bucket",
            Self::Account => "Account",
            Self::BucketDefaults => "BucketDefaults",
            Self::Policy => "Policy",
            Self::Exemption => "Exemption",
            Self::Approval => "Approval",
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// The JSON Schema of a kind, for editors and for `driftless schema`.
pub fn schema(kind: Kind) -> Value {
    build(kind, true)
}

/// The schema by which documents are checked: values that stand in files of their own are in
/// their place by then.
pub(super) fn inner(kind: Kind) -> Value {
    build(kind, false)
}

/// One document.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "document")]
#[expect(dead_code, reason = "documents are read field by field; the type is there for its schema")]
struct Document<S> {
    /// The version of the documents: `driftless/v1`.
    api_version: String,
    /// What the document describes.
    kind: String,
    /// What it is called.
    metadata: Metadata,
    /// What it says.
    spec: S,
}

/// What a document is called, and what people and selectors want to know of it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadata")]
pub(super) struct Metadata {
    /// The name, unique among the documents of its kind.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Labels, by which selectors choose.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Notes for people and programs. A policy has `title`, `severity` (`info`, `low`, `medium`,
    /// `high`, `critical`) and `controls` here.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// One bucket as it shall be. A setting that is not named is not touched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "bucketSpec")]
#[expect(dead_code, reason = "what has a place is read from the nodes")]
pub(super) struct BucketPart {
    /// The account, as the agent's configuration names it; needed when there are several.
    pub account: Option<String>,
    /// The region the bucket lives in; the account's when nothing is said.
    pub region: Option<String>,
    /// Whether differences are repaired (`enforce`) or only told (`observe`).
    pub mode: Option<Mode>,
    /// Pauses every write to the bucket for a while.
    pub suspend: Option<SuspendPart>,
    /// Paths that are neither compared nor written, such as `tags.CostCenter`,
    /// `tags["a.b"]`, `tags.team-*` or `lifecycle.rules[archive]`.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// The namespace of the name, `global` or `account-regional`; only counts when the bucket is
    /// made. A name that ends in `-ACCOUNT-REGION-an` says it without this field.
    pub namespace: Option<Namespace>,
}

/// The settings of an account itself as they shall be. One that is not named is not touched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "accountSpec")]
pub(super) struct AccountPart {
    /// Whether differences are repaired (`enforce`) or only told (`observe`).
    pub mode: Option<Mode>,
    /// Pauses every write to the account's own settings for a while.
    pub suspend: Option<SuspendPart>,
}

/// A pause: nothing is written meanwhile.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "suspend")]
#[expect(dead_code, reason = "what has a place is read from the nodes")]
pub(super) struct SuspendPart {
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Until when: `2026-12-31` (the end of that day, UTC) or `2026-12-31T18:00:00Z`.
    pub until: String,
}

/// What many buckets have in common. What a `Bucket` says itself wins.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "bucketDefaultsSpec")]
#[expect(dead_code, reason = "what has a place is read from the nodes")]
pub(super) struct DefaultsPart {
    /// The buckets they are for; all when nothing is said.
    #[serde(default, rename = "match")]
    pub selector: SelectorPart,
    /// The region for buckets that name none.
    pub region: Option<String>,
    /// The mode for buckets that name none.
    pub mode: Option<Mode>,
    /// Further paths that are neither compared nor written.
    #[serde(default)]
    pub ignore: Vec<String>,
}

/// Which buckets: every list and mapping that is given must match.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "selector", extend("additionalProperties" = false))]
pub(super) struct SelectorPart {
    /// What must match.
    #[serde(flatten)]
    pub include: TermsPart,
    /// What must not match: buckets for which all of these terms hold are left out.
    #[serde(default)]
    pub exclude: TermsPart,
}

/// The terms of a selector.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "terms", extend("additionalProperties" = false))]
pub(super) struct TermsPart {
    /// Globs on the bucket's name.
    #[serde(default)]
    pub buckets: Vec<String>,
    /// Globs on the account.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Globs on the region.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Labels of the spec, each with a glob on its value.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags that the spec asks for, each with a glob on its value.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What matching buckets must satisfy: `require` (settings that they must have, which is the
/// check and the repair) or `assert` (an expression that must be true).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "policySpec")]
pub(super) struct PolicyPart {
    /// The buckets it is for; all when nothing is said.
    #[serde(rename = "match")]
    pub selector: Option<SelectorPart>,
    /// Whether differences are repaired (`enforce`) or only told (`observe`).
    pub mode: Option<Mode>,
    /// Values that the expressions see as `params`.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// The settings that a bucket must have.
    #[expect(dead_code, reason = "read from the nodes, for their places")]
    require: Option<Partial>,
    /// CEL over `bucket`, `params` and `now` that must be true.
    #[schemars(length(min = 1))]
    pub assert: Option<String>,
    /// CEL that gives the message when `assert` is false.
    #[schemars(length(min = 1))]
    pub message: Option<String>,
    /// The settings that make `assert` true.
    #[expect(dead_code, reason = "read from the nodes, for their places")]
    repair: Option<Partial>,
}

/// Settings by name.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "settings", extend("additionalProperties" = false))]
pub(super) struct Partial {}

/// A policy does not apply to some buckets for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "exemptionSpec")]
#[expect(dead_code, reason = "what has a place is read from the nodes")]
pub(super) struct ExemptionPart {
    /// The name of the policy.
    pub policy: String,
    /// Globs on bucket names.
    #[schemars(length(min = 1))]
    pub buckets: Vec<String>,
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Who answers for it.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// When it ends: `2026-12-31` (the end of that day, UTC) or `2026-12-31T18:00:00Z`.
    pub expires: String,
}

/// Lets something happen that is held. One of `change`, `fleet` and `removals`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "approvalSpec")]
#[expect(dead_code, reason = "what has a place is read from the nodes")]
pub(super) struct ApprovalPart {
    /// The digest of one held change, as the plan shows it.
    pub change: Option<String>,
    /// Up to so many buckets may change in one sweep.
    #[schemars(range(min = 1))]
    pub fleet: Option<u32>,
    /// Up to so many buckets may leave the source in one revision.
    #[schemars(range(min = 1))]
    pub removals: Option<u32>,
    /// Why.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// When it ends: `2026-12-31` (the end of that day, UTC) or `2026-12-31T18:00:00Z`.
    pub expires: String,
}

fn build(kind: Kind, files: bool) -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let settings = settings(&mut generator, files);
    let of_account = |(name, _): &(&String, &Value)| account::find(name).is_some();
    let account = settings.iter().filter(of_account).map(|(name, value)| (name.clone(), value.clone())).collect();
    let root = match kind {
        Kind::Bucket => generator.root_schema_for::<Document<BucketPart>>(),
        Kind::Account => generator.root_schema_for::<Document<AccountPart>>(),
        Kind::BucketDefaults => generator.root_schema_for::<Document<DefaultsPart>>(),
        Kind::Policy => generator.root_schema_for::<Document<PolicyPart>>(),
        Kind::Exemption => generator.root_schema_for::<Document<ExemptionPart>>(),
        Kind::Approval => generator.root_schema_for::<Document<ApprovalPart>>(),
    };
    let mut root = root.to_value();
    without_null(&mut root);
    let defs = root["$defs"].as_object_mut().expect("every kind has definitions");
    for (name, settings) in [
        ("bucketSpec", &settings),
        ("accountSpec", &account),
        ("bucketDefaultsSpec", &settings),
        ("settings", &settings),
    ] {
        if let Some(part) = defs.get_mut(name).and_then(Value::as_object_mut) {
            let properties = part.entry("properties").or_insert_with(|| json!({}));
            properties.as_object_mut().expect("properties are an object").extend(settings.clone());
        }
    }
    let properties = root["properties"].as_object_mut().expect("a document has fields");
    properties["apiVersion"]["const"] = API_VERSION.into();
    properties["kind"]["const"] = kind.word().into();
    root["title"] = kind.word().into();
    root["$id"] = format!("https://driftless.dev/schema/v1/{}.json", kind.word()).into();
    prune(root)
}

/// Every setting as a property of a partial spec.
fn settings(generator: &mut SchemaGenerator, files: bool) -> Map<String, Value> {
    let mut properties = Map::new();
    for setting in SETTINGS {
        let own = setting.schema(generator).to_value();
        let mut forms = vec![own];
        if setting.removable() {
            forms.push(json!({"const": "absent", "description": "S3 shall hold nothing for this setting."}));
        }
        if files {
            forms.push(json!({
                "type": "object",
                "description": "The value stands in a file of its own.",
                "properties": {"file": {
                    "type": "string",
                    "description": "A JSON or YAML file, by its path from the folder of this one."
                }},
                "required": ["file"],
                "additionalProperties": false
            }));
        }
        let schema = if forms.len() == 1 { forms.remove(0) } else { json!({"anyOf": forms}) };
        properties.insert(setting.name().to_owned(), schema);
    }
    properties
}

/// Takes `null` out: a field that is left out says the same, and an empty one is a slip.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if types.len() == 1 {
                    object["type"] = types.remove(0);
                }
            }
            for word in ["anyOf", "oneOf"] {
                let Some(Value::Array(forms)) = object.get_mut(word) else { continue };
                forms.retain(|form| form.get("type") != Some(&json!("null")));
                if forms.len() == 1
                    && let Value::Object(only) = forms.remove(0)
                {
                    object.remove(word);
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            // `enum: [.., null]` of an optional enumeration.
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// Drops the definitions that nothing refers to.
fn prune(mut root: Value) -> Value {
    loop {
        let text = root.to_string();
        let defs = root["$defs"].as_object_mut().expect("every kind has definitions");
        let before = defs.len();
        defs.retain(|name, _| text.contains(&format!("\"#/$defs/{name}\"")));
        if defs.len() == before {
            return root;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_valid_schema_that_refuses_unknown_fields() {
        for kind in Kind::ALL {
            let schema = schema(kind);
            jsonschema::meta::validate(&schema).expect("a valid schema");
            jsonschema::validator_for(&schema).expect("a schema that compiles");
            assert_eq!(schema["title"], kind.word());
            open(&schema, kind.word());
        }
    }

    /// Every object with named fields is closed.
    fn open(schema: &Value, path: &str) {
        match schema {
            Value::Object(object) => {
                if object.get("properties").is_some_and(Value::is_object) && object.contains_key("type") {
                    assert_eq!(object.get("additionalProperties"), Some(&Value::Bool(false)), "{path}");
                }
                object.iter().for_each(|(key, value)| open(value, &format!("{path}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| open(item, path)),
            _ => {}
        }
    }

    #[test]
    fn every_setting_is_a_property_of_a_bucket_and_of_what_a_policy_requires() {
        let (bucket, policy) = (schema(Kind::Bucket), schema(Kind::Policy));
        for setting in SETTINGS {
            let own = &bucket["$defs"]["bucketSpec"]["properties"][setting.name()];
            assert!(own["anyOf"].is_array(), "{}", setting.name());
            let absent = own.to_string().contains("\"absent\"");
            assert_eq!(absent, setting.removable(), "{}", setting.name());
            assert!(policy["$defs"]["settings"]["properties"][setting.name()].is_object(), "{}", setting.name());
        }
    }

    #[test]
    fn every_field_has_a_description() {
        for kind in Kind::ALL {
            let schema = schema(kind);
            for (name, part) in schema["$defs"].as_object().expect("definitions") {
                for (field, said) in part["properties"].as_object().into_iter().flatten() {
                    let told = said["description"].is_string() || said["$ref"].is_string() || said["anyOf"].is_array();
                    assert!(told, "{}: {name}.{field}", kind.word());
                }
            }
        }
    }
}
