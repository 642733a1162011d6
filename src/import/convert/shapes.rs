//! Parts that stand in a shape of their own: policies as text, grants, tags as lists.

use serde_json::{Map, Value, json};

/// JSON in a text, or the tree itself.
pub(super) fn json_text(value: &Value) -> Result<Option<Value>, String> {
    match value {
        Value::String(text) => {
            serde_json::from_str(text).map(Some).map_err(|error| format!("its text is no JSON: {error}"))
        }
        tree => Ok(Some(tree.clone())),
    }
}

/// Whether all fields of an object are among those that are known.
fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    let strange = fields.iter().find(|(key, value)| !known.contains(&key.as_str()) && !super::table::is_nothing(value));
    match strange {
        Some((key, _)) => Err(format!("no setting of this version says its `{key}`")),
        None => Ok(()),
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "it has no fields".to_owned())
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn field<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| fields.get(*name)?.as_str()).filter(|text| !text.is_empty())
}

/// A text, or a number or a switch as one.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Keys and values in a list (or alone), as a mapping.
pub(super) fn pairs(value: &Value) -> Result<Option<Value>, String> {
    let mut all = Map::new();
    for pair in list(value) {
        let fields = object(pair)?;
        only(fields, &["key", "value", "Key", "Value"])?;
        let key = fields.get("key").or_else(|| fields.get("Key")).and_then(scalar).filter(|it| !it.is_empty());
        let key = key.ok_or("a pair without a key")?;
        let said = fields.get("value").or_else(|| fields.get("Value")).unwrap_or(&Value::Null);
        let said = match said {
            Value::Null => String::new(),
            said => scalar(said).ok_or("a value that is no text")?,
        };
        all.insert(key, said.into());
    }
    Ok(Some(Value::Object(all)))
}

/// A transition of a lifecycle rule, in which zero days say something unless there is a date.
pub(super) fn transition(value: &Value) -> Result<Option<Value>, String> {
    let fields = object(value)?;
    only(fields, &["date", "days", "storage_class"])?;
    let mut made = Map::new();
    match field(fields, &["date"]) {
        Some(date) => drop(made.insert("date".to_owned(), date.into())),
        None => drop(
            made.insert("days".to_owned(), fields.get("days").filter(|it| !it.is_null()).cloned().unwrap_or(json!(0))),
        ),
    }
    if let Some(class) = field(fields, &["storage_class"]) {
        made.insert("storageClass".to_owned(), class.into());
    }
    Ok(Some(Value::Object(made)))
}

/// A grantee of an ACL, as specs name it.
fn grantee(fields: &Map<String, Value>) -> Result<String, String> {
    if let Some(uri) = field(fields, &["uri", "URI"]) {
        return Ok(format!("uri:{uri}"));
    }
    match field(fields, &["id", "ID"]) {
        Some(id) => Ok(format!("id:{id}")),
        None => Err("a grant to an address of mail: S3 takes none any more".to_owned()),
    }
}

/// Grants by grantee. The owner's own full control is implied.
fn grants(all: Vec<(String, Vec<Value>)>, owner: Option<&str>) -> Result<Option<Value>, String> {
    let full = |permissions: &[Value]| permissions.iter().any(|it| it == "FULL_CONTROL");
    let users: Vec<&String> =
        all.iter().filter(|(name, may)| name.starts_with("id:") && full(may)).map(|(name, _)| name).collect();
    let owner = match (owner, users.as_slice()) {
        (Some(owner), _) => Some(format!("id:{owner}")),
        (None, []) => None,
        (None, [only]) => Some((*only).clone()),
        (None, _) => {
            return Err("several accounts have full control, and it does not say which of them is the owner".to_owned());
        }
    };
    let mut made: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, may) in all.iter().filter(|(name, may)| !(Some(name) == owner.as_ref() && full(may))) {
        match made.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.extend(may.iter().cloned()),
            None => made.push((name.clone(), may.clone())),
        }
    }
    let made: Vec<Value> = made
        .into_iter()
        .map(|(grantee, permissions)| json!({"grantee": grantee, "permissions": permissions}))
        .collect();
    Ok(Some(json!({ "grants": made })))
}

/// Terraform's `grant` blocks of a bucket.
pub(super) fn inline_grants(value: &Value) -> Result<Option<Value>, String> {
    let mut all = Vec::new();
    for grant in list(value) {
        let fields = object(grant)?;
        only(fields, &["id", "type", "uri", "permissions"])?;
        let may = fields.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
        all.push((grantee(fields)?, may));
    }
    grants(all, None)
}

/// Terraform's `access_control_policy` block.
pub(super) fn access_control_policy(value: &Value) -> Result<Option<Value>, String> {
    let Some(policy) = list(value).first().copied() else { return Ok(None) };
    let fields = object(policy)?;
    only(fields, &["grant", "owner"])?;
    let owner = fields.get("owner").map(list).and_then(|owners| owners.first()?.get("id")?.as_str());
    let mut all = Vec::new();
    for grant in fields.get("grant").map(list).unwrap_or_default() {
        let fields = object(grant)?;
        only(fields, &["grantee", "permission"])?;
        let whom = fields.get("grantee").map(list).and_then(|it| it.first().copied()).ok_or("a grant to nobody")?;
        let whom = object(whom)?;
        only(whom, &["display_name", "email_address", "id", "type", "uri"])?;
        all.push((grantee(whom)?, fields.get("permission").cloned().into_iter().collect()));
    }
    grants(all, owner)
}

/// `https://example.com` as host and protocol.
pub(super) fn redirect_all(value: &Value) -> Result<Option<Value>, String> {
    let text = value.as_str().ok_or("it is no text")?;
    Ok(Some(match text.split_once("://") {
        Some((protocol, host)) => json!({"hostName": host, "protocol": protocol}),
        None => json!({ "hostName": text }),
    }))
}

/// Routing rules as JSON text in the spelling of S3's API.
pub(super) fn routing_rules(value: &Value) -> Result<Option<Value>, String> {
    let rules = json_text(value)?.unwrap_or_default();
    let mut made = Vec::new();
    for rule in rules.as_array().ok_or("its text is no list")? {
        let fields = object(rule)?;
        only(fields, &["Condition", "Redirect"])?;
        let mut one = Map::new();
        for (key, value) in fields {
            let inner = object(value)?;
            let known = [
                "HttpErrorCodeReturnedEquals",
                "KeyPrefixEquals",
                "HostName",
                "HttpRedirectCode",
                "Protocol",
                "ReplaceKeyPrefixWith",
                "ReplaceKeyWith",
            ];
            only(inner, &known)?;
            let inner = inner.iter().map(|(key, value)| (lower_first(key), value.clone()));
            one.insert(lower_first(key), Value::Object(inner.collect()));
        }
        made.push(Value::Object(one));
    }
    Ok(Some(Value::Array(made)))
}

/// `StatusCode` as `statusCode`.
pub(super) fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// A list that must be a list of texts, one text alone included.
pub(super) fn texts(value: &Value) -> Result<Option<Value>, String> {
    let all = list(value);
    if all.iter().all(|it| it.is_string()) {
        return Ok(Some(all.into_iter().cloned().collect()));
    }
    Err("it is no list of texts".to_owned())
}

/// Something that is there, with nothing inside that counts.
pub(super) fn empty(_: &Value) -> Result<Option<Value>, String> {
    Ok(Some(json!({})))
}

/// Something that is on by being there.
pub(super) fn on_by_itself(_: &Value) -> Result<Option<Value>, String> {
    Ok(Some(true.into()))
}

/// A public access block that says nothing of its switches.
pub(super) fn no_switches(_: &Value) -> Result<Option<Value>, String> {
    Err("it names none of the four switches, and what S3 makes of that cannot be told from it".to_owned())
}

/// A date of AWS's API: midnight is implied.
pub(super) fn date(value: &Value) -> Result<Option<Value>, String> {
    match value {
        Value::String(text) => Ok(Some(text.trim_end_matches("T00:00:00.000Z").trim_end_matches("T00:00:00Z").into())),
        _ => Err("it is no date".to_owned()),
    }
}

/// Whether object lock is on; off says nothing, as it can never be switched off.
pub(super) fn lock(value: &Value) -> Result<Option<Value>, String> {
    match value {
        Value::Bool(on) => Ok(on.then(|| true.into())),
        Value::String(word) if word == "Enabled" || word.eq_ignore_ascii_case("true") => Ok(Some(true.into())),
        Value::String(word) if word == "Disabled" || word.eq_ignore_ascii_case("false") => Ok(None),
        _ => Err("its word is not known".to_owned()),
    }
}
