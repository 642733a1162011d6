//! The house form of a value: as little as says it, with S3's own words where there is one.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::doc::Doc;
use crate::setting::{AnySetting, Overlay, Problem};
use crate::settings::SETTINGS;

/// How much text may be parsed to shorten one value. A long list of rules is left a little longer
/// than it could be, rather than shortened for a minute.
const MOST_WORK: usize = 4_000_000;

/// How a setting may be written.
struct Form {
    setting: &'static dyn AnySetting,
    schema: Validator,
    /// The values that have a word of their own, such as `all`.
    words: Vec<(Value, Doc)>,
    /// Whether its fields are names that users choose, such as the keys of tags.
    free: bool,
}

fn forms() -> &'static [Form] {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    FORMS.get_or_init(|| SETTINGS.iter().map(|setting| Form::of(*setting)).collect())
}

fn form(setting: &dyn AnySetting) -> &'static Form {
    let found = forms().iter().find(|form| form.setting.name() == setting.name());
    found.expect("names of settings come from the table")
}

impl Form {
    fn of(setting: &'static dyn AnySetting) -> Self {
        let mut generator = schemars::SchemaGenerator::default();
        let schema = setting.schema(&mut generator);
        let mut root = serde_json::to_value(&schema).expect("a schema is JSON");
        root["$defs"] = generator.take_definitions(true).into();
        let mut words = Vec::new();
        gather(&root, &root, &mut words, 0);
        let read = |word: String| {
            let word = Value::String(word);
            let doc = setting.parse(&word).ok()?;
            Some((word, doc))
        };
        let words = words.into_iter().filter_map(read).collect();
        let free = is_map(&root, &root, 0);
        let schema = jsonschema::validator_for(&root).expect("the schemas of settings are schemas");
        Self { setting, schema, words, free }
    }
}

/// The words that may stand for a whole value.
fn gather(root: &Value, schema: &Value, words: &mut Vec<String>, depth: usize) {
    if depth > 8 {
        return;
    }
    let texts = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    words.extend(texts.filter_map(Value::as_str).map(str::to_owned));
    if let Some(other) = schema.get("$ref").and_then(Value::as_str).and_then(|at| root.pointer(at.strip_prefix('#')?)) {
        gather(root, other, words, depth + 1);
    }
    for either in ["anyOf", "oneOf", "allOf"] {
        for other in schema.get(either).and_then(Value::as_array).into_iter().flatten() {
            gather(root, other, words, depth + 1);
        }
    }
}

/// Whether a schema is that of a mapping whose keys the schema does not name.
fn is_map(root: &Value, schema: &Value, depth: usize) -> bool {
    if depth > 8 {
        return false;
    }
    match schema.get("$ref").and_then(Value::as_str).and_then(|at| root.pointer(at.strip_prefix('#')?)) {
        Some(other) => is_map(root, other, depth + 1),
        None => schema.get("properties").is_none() && schema.get("additionalProperties").is_some_and(Value::is_object),
    }
}

/// Whether the fields of a setting are names that users choose, so that each stands on its own.
pub fn is_free(setting: &dyn AnySetting) -> bool {
    form(setting).free
}

/// Why a value cannot be written into a spec: lower case, no full stop.
pub type Unsayable = String;

/// Reads what a spec says of a setting, with every rule that a spec has to keep.
///
/// # Errors
/// The first rule that is broken.
pub fn read(setting: &dyn AnySetting, said: &Value) -> Result<Doc, Unsayable> {
    if let Err(error) = form(setting).schema.validate(said) {
        let at = error.instance_path().to_string();
        let at = if at.is_empty() { String::new() } else { format!("at {at}: ") };
        let said: String = error.to_string().chars().take(200).collect();
        return Err(format!("{at}{said}"));
    }
    let doc = setting.parse(said).map_err(|error| error.to_string())?;
    match setting.check(&doc).into_iter().find(Problem::is_error) {
        Some(problem) if problem.pointer.is_empty() => Err(problem.message),
        Some(problem) => Err(format!("at {}: {}", problem.pointer, problem.message)),
        None => Ok(doc),
    }
}

/// A value with S3's word for it, where there is one.
pub fn short(setting: &dyn AnySetting, long: Value) -> Value {
    let Ok(doc) = setting.parse(&long) else { return long };
    let word = form(setting).words.iter().find(|(_, known)| *known == doc);
    word.map_or(long, |(word, _)| word.clone())
}

/// All that is live of a setting, as a spec says it.
///
/// # Errors
/// When no spec can say it.
pub fn whole(setting: &dyn AnySetting, live: &Doc) -> Result<Value, Unsayable> {
    let long = setting.written(live);
    let doc = read(setting, &long)?;
    if setting.merge(live, &doc, Overlay::Whole) != *live {
        return Err("what a spec would say of it is not what is there".to_owned());
    }
    Ok(short(setting, long))
}

/// The least that a spec has to say for what is live: said over what is there, over nothing, and
/// over a new bucket, it gives what all of it gives.
///
/// # Errors
/// When no spec can say it.
pub fn least(setting: &dyn AnySetting, live: &Doc) -> Result<Value, Unsayable> {
    whole(setting, live)?;
    let mut value = setting.written(live);
    let gives = |base: &Doc, said: &Doc| setting.merge(base, said, Overlay::Whole);
    let all = setting.parse(&value).map_err(|error| error.to_string())?;
    // Not always what is live: what has no id gets one when it is written to a new bucket.
    let bases = [live.clone(), setting.default_doc(), setting.fresh_doc()].map(|base| {
        let given = gives(&base, &all);
        (base, given)
    });
    let mut work = 0;
    for pointer in pointers(&value) {
        work += live.as_str().len();
        if work > MOST_WORK {
            break;
        }
        let mut less = value.clone();
        if !take(&mut less, &pointer) || less.as_object().is_some_and(serde_json::Map::is_empty) {
            continue;
        }
        if read(setting, &less).is_ok_and(|said| bases.iter().all(|(base, given)| gives(base, &said) == *given)) {
            value = less;
        }
    }
    Ok(short(setting, value))
}

/// Every field in a value, from the outside in.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields {
                    let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    all.push(at.clone());
                    walk(inner, &at, all);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, inner)| walk(inner, &format!("{at}/{n}"), all));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    walk(value, "", &mut all);
    all
}

fn take(value: &mut Value, pointer: &str) -> bool {
    let Some((around, key)) = pointer.rsplit_once('/') else { return false };
    let fields = value.pointer_mut(around).and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.remove(&key.replace("~1", "/").replace("~0", "~")).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;
    use serde_json::json;

    fn check(name: &'static str, live: Value, says: Value) {
        let setting = settings::named(name);
        let live = setting.canonical(&setting.parse(&live).expect("a value"));
        assert_eq!(least(setting, &live), Ok(says), "{name}");
    }

    #[test]
    fn what_has_a_word_is_said_by_it() {
        check("publicAccessBlock", json!("all"), json!("all"));
        check("objectOwnership", json!({"rule": "ObjectWriter"}), json!("ObjectWriter"));
        check("acl", json!({"grants": [{"grantee": "AllUsers", "permission": "READ"}]}), json!("public-read"));
        check("acl", json!({"grants": []}), json!("private"));
    }

    #[test]
    fn no_more_is_said_than_is_needed() {
        check("encryption", json!({"algorithm": "aws:kms"}), json!({"algorithm": "aws:kms"}));
        check("encryption", json!({"blockedEncryptionTypes": ["SSE-C"]}), json!({"blockedEncryptionTypes": ["SSE-C"]}));
        let rule = json!({"id": "a", "status": "Enabled", "expiration": {"days": 3}});
        check("lifecycle", json!({"rules": [rule]}), json!({"rules": [rule]}));
    }

    /// A switch that is on is on in a new bucket; it is said all the same, as somebody may open it.
    #[test]
    fn of_a_setting_that_is_named_everything_is_said_that_counts() {
        let live = json!({"blockPublicAcls": true, "ignorePublicAcls": true, "blockPublicPolicy": false,
            "restrictPublicBuckets": false});
        check("publicAccessBlock", live.clone(), live);
    }

    #[test]
    fn a_policy_is_said_in_the_form_of_aws() {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Tls", "Effect": "Deny", "Principal": "*",
            "Action": "s3:*", "Resource": "arn:aws:s3:::a/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]});
        let setting = settings::named("policy");
        let live = setting.canonical(&setting.parse(&policy).expect("a policy"));
        let said = least(setting, &live).expect("sayable");
        assert_eq!(said["Statement"][0]["Sid"], "Tls");
        assert_eq!(
            setting.merge(&setting.default_doc(), &setting.parse(&said).expect("a policy"), Overlay::Whole),
            live
        );
    }

    #[test]
    fn the_fields_of_tags_are_the_users_own() {
        assert!(is_free(settings::named("tags")));
        assert!(!is_free(settings::named("encryption")) && !is_free(settings::named("acl")));
    }

    #[test]
    fn what_no_spec_can_say_is_told() {
        let setting = settings::named("encryption");
        let live = setting.canonical(&setting.parse(&json!({"algorithm": "aws:fsx"})).expect("an answer"));
        let said = least(setting, &live).expect_err("a spec cannot ask for it");
        assert!(said.starts_with("at /algorithm: "), "{said}");
    }
}
