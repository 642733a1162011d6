//! How a policy is written: AWS's own form, as YAML or as a string of JSON, and the canonical form
//! that docs hold. Reading takes both, writing to S3 gives the first.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde_json::{Map, Value as Json, json};

use super::{Conditions, Principals, Statement, Value, spelling};
use crate::finding::did_you_mean;

/// What a spec may write. Only its schema is used: reading is by [`read`].
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "policy")]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) enum Said {
    /// The document in AWS's own form.
    Document(Box<Document>),
    /// A file beside the spec that holds the document as JSON or YAML.
    File(File),
    /// The document as JSON text.
    Text(String),
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "policyFile")]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) struct File {
    /// Path of the file, from the directory of the spec.
    file: String,
}

#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "policyDocument")]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) struct Document {
    /// `2012-10-17`, or `2008-10-17`, which knows no policy variables.
    version: Option<String>,
    /// The document's own name.
    id: Option<String>,
    /// One statement or a list of them.
    statement: OneOrMany<SaidStatement>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[schemars(rename = "policyStatement")]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) struct SaidStatement {
    /// Its name, unique in the document.
    sid: Option<String>,
    /// `Allow` or `Deny`.
    effect: Option<String>,
    /// `"*"`, or kinds of principals with their names.
    principal: Option<SaidPrincipal>,
    /// Whom it does not speak of.
    not_principal: Option<SaidPrincipal>,
    /// Actions such as `s3:GetObject` or `s3:Get*`.
    action: Option<OneOrMany<String>>,
    /// Actions that are not meant.
    not_action: Option<OneOrMany<String>>,
    /// ARNs of the bucket and of objects in it.
    resource: Option<OneOrMany<String>>,
    /// ARNs that are not meant.
    not_resource: Option<OneOrMany<String>>,
    /// Operator to key to values.
    condition: Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, OneOrMany<Scalar>>>>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "policyPrincipal")]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) enum SaidPrincipal {
    /// `"*"`: everybody.
    Everybody(String),
    /// `AWS`, `Service`, `Federated` or `CanonicalUser` to one name or a list.
    Kinds(std::collections::BTreeMap<String, OneOrMany<String>>),
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "policyScalar")]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) enum Scalar {
    Text(String),
    Switch(bool),
    Number(f64),
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description for the JSON Schema")]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl TryFrom<Json> for Value {
    type Error = String;

    fn try_from(said: Json) -> Result<Self, String> {
        read(&said)
    }
}

/// Reads a document in either spelling.
pub(super) fn read(said: &Json) -> Result<Value, String> {
    let parsed;
    let said = match said {
        Json::String(text) => {
            parsed = serde_json::from_str(text).map_err(|error| format!("the policy's text is not JSON: {error}"))?;
            &parsed
        }
        other => other,
    };
    let mut value = Value::default();
    for (key, said) in object("", said)? {
        match key.as_str() {
            "file" => value.file = Some(text("/file", said)?),
            "Version" | "version" => value.version = Some(text("/Version", said)?),
            "Id" | "id" => value.id = Some(text("/Id", said)?),
            "Statement" | "statements" => {
                let statements: Result<_, String> = match said {
                    Json::Array(list) => list
                        .iter()
                        .enumerate()
                        .map(|(place, said)| statement(&format!("/Statement/{place}"), said))
                        .collect(),
                    one => statement("/Statement", one).map(|one| vec![one]),
                };
                value.statements = Some(statements?);
            }
            other => return Err(unknown("", other, &["Version", "Id", "Statement"])),
        }
    }
    Ok(value)
}

const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn statement(at: &str, said: &Json) -> Result<Statement, String> {
    let mut statement = Statement::default();
    for (key, said) in object(at, said)? {
        let at = format!("{at}/{key}");
        match key.as_str() {
            // Made by the canonical form, and made anew by it.
            "id" => statement.id = Some(text(&at, said)?),
            "public" => statement.public = said.as_bool(),
            "Sid" | "sid" => statement.sid = Some(text(&at, said)?),
            "Effect" | "effect" => statement.effect = Some(text(&at, said)?),
            "Principal" | "principal" => statement.principal = Some(principals(&at, said)?),
            "NotPrincipal" | "notPrincipal" => statement.not_principal = Some(principals(&at, said)?),
            "Action" | "actions" => statement.actions = Some(texts(&at, said)?),
            "NotAction" | "notActions" => statement.not_actions = Some(texts(&at, said)?),
            "Resource" | "resources" => statement.resources = Some(texts(&at, said)?),
            "NotResource" | "notResources" => statement.not_resources = Some(texts(&at, said)?),
            "Condition" | "conditions" => statement.conditions = conditions(&at, said)?,
            other => return Err(unknown(at.trim_end_matches(&format!("/{key}")), other, &ELEMENTS)),
        }
    }
    Ok(statement)
}

fn principals(at: &str, said: &Json) -> Result<Principals, String> {
    match said {
        Json::String(all) if all == "*" => Ok(Principals::from([("AWS".to_owned(), BTreeSet::from([all.clone()]))])),
        Json::Object(kinds) => {
            kinds.iter().map(|(kind, said)| Ok((kind.clone(), texts(&format!("{at}/{kind}"), said)?))).collect()
        }
        _ => Err(format!("at {at}: expected \"*\" or kinds of principals such as {{\"AWS\": …}}")),
    }
}

fn conditions(at: &str, said: &Json) -> Result<Conditions, String> {
    object(at, said)?
        .iter()
        .map(|(operator, said)| {
            let at = format!("{at}/{operator}");
            let keys: Result<_, String> = object(&at, said)?
                .iter()
                .map(|(key, said)| Ok((key.clone(), scalars(&format!("{at}/{key}"), said)?)))
                .collect();
            Ok((operator.clone(), keys?))
        })
        .collect()
}

fn object<'a>(at: &str, said: &'a Json) -> Result<&'a Map<String, Json>, String> {
    said.as_object().ok_or_else(|| match at {
        "" => "expected a policy document".to_owned(),
        at => format!("at {at}: expected an object"),
    })
}

fn text(at: &str, said: &Json) -> Result<String, String> {
    said.as_str().map(str::to_owned).ok_or_else(|| format!("at {at}: expected a string"))
}

fn texts(at: &str, said: &Json) -> Result<BTreeSet<String>, String> {
    match said {
        Json::Array(list) => list.iter().map(|said| text(at, said)).collect(),
        one => text(at, one)
            .map(|one| BTreeSet::from([one]))
            .map_err(|_| format!("at {at}: expected a string or a list of strings")),
    }
}

/// Values of conditions are strings to AWS, whatever they are to JSON.
fn scalars(at: &str, said: &Json) -> Result<BTreeSet<String>, String> {
    let scalar = |said: &Json| match said {
        Json::String(text) => Ok(text.clone()),
        Json::Bool(_) | Json::Number(_) => Ok(said.to_string()),
        _ => Err(format!("at {at}: expected a string, a number, a boolean, or a list of those")),
    };
    match said {
        Json::Array(list) => list.iter().map(scalar).collect(),
        one => scalar(one).map(|one| BTreeSet::from([one])),
    }
}

fn unknown(at: &str, element: &str, known: &[&str]) -> String {
    let place = if at.is_empty() { String::new() } else { format!("at {at}: ") };
    match did_you_mean(element, known.iter().copied()) {
        Some(meant) => format!("{place}unknown element `{element}`, did you mean `{meant}`?"),
        None => format!("{place}unknown element `{element}`, expected one of {}", known.join(", ")),
    }
}

/// The document in AWS's own form: what S3 is sent and what a person would write.
pub fn render(value: &Value) -> Json {
    let mut document = Map::new();
    let mut put = |key: &str, said: Json| document.insert(key.to_owned(), said);
    if let Some(version) = &value.version {
        put("Version", json!(version));
    }
    if let Some(id) = &value.id {
        put("Id", json!(id));
    }
    let statements: Vec<Json> = value.statements.iter().flatten().map(render_statement).collect();
    put("Statement", Json::Array(statements));
    Json::Object(document)
}

fn render_statement(statement: &Statement) -> Json {
    let mut said = Map::new();
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            said.insert(key.to_owned(), value);
        }
    };
    put("Sid", statement.sid.as_ref().map(|it| json!(it)));
    put("Effect", statement.effect.as_ref().map(|it| json!(it)));
    put("Principal", statement.principal.as_ref().map(render_principals));
    put("NotPrincipal", statement.not_principal.as_ref().map(render_principals));
    put("Action", statement.actions.as_ref().map(one_or_many));
    put("NotAction", statement.not_actions.as_ref().map(one_or_many));
    put("Resource", statement.resources.as_ref().map(one_or_many));
    put("NotResource", statement.not_resources.as_ref().map(one_or_many));
    let conditions: Map<String, Json> = statement
        .conditions
        .iter()
        .map(|(operator, keys)| {
            // Two conditions whose keys differ in capitals alone stay two: neither may swallow the other.
            let same = |key: &str| keys.keys().filter(|it| it.eq_ignore_ascii_case(key)).count();
            let spelled = |key: &String| if same(key) == 1 { spelling::key(key) } else { key.clone() };
            let keys: Map<String, Json> =
                keys.iter().map(|(key, values)| (spelled(key), one_or_many(values))).collect();
            (operator.clone(), Json::Object(keys))
        })
        .collect();
    put("Condition", (!conditions.is_empty()).then_some(Json::Object(conditions)));
    Json::Object(said)
}

fn render_principals(principals: &Principals) -> Json {
    let everybody =
        principals.len() == 1 && principals.get("AWS").is_some_and(|names| names.len() == 1 && names.contains("*"));
    if everybody {
        return json!("*");
    }
    Json::Object(principals.iter().map(|(kind, names)| (kind.clone(), one_or_many(names))).collect())
}

fn one_or_many(values: &BTreeSet<String>) -> Json {
    match values.len() {
        1 => json!(values.first()),
        _ => json!(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(said: Json) -> String {
        read(&said).expect_err("a fault")
    }

    #[test]
    fn a_document_is_read_from_text_and_from_a_tree_alike() {
        let tree = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": false}}}});
        let value = read(&tree).expect("a document");
        assert_eq!(read(&Json::String(tree.to_string())), Ok(value.clone()));
        let statement = &value.statements.expect("statements")[0];
        assert_eq!(statement.conditions["Bool"]["aws:SecureTransport"], BTreeSet::from(["false".to_owned()]));
    }

    /// A statement with one key in two spellings lost one of its conditions when it was written.
    #[test]
    fn two_conditions_are_written_as_two() {
        let conditions =
            json!({"StringLike": {"aws:PrincipalArn": "a", "aws:principalarn": "b", "aws:sourcevpc": "c"}});
        let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": "*", "Condition": conditions}]});
        let value = super::super::canonical::canonical(read(&document).expect("a document"));
        let written = render(&value)["Statement"][0]["Condition"].clone();
        assert_eq!(
            written,
            json!({"StringLike": {"aws:PrincipalArn": "a", "aws:principalarn": "b", "aws:SourceVpc": "c"}})
        );
    }

    #[test]
    fn what_is_no_policy_is_refused_with_its_place() {
        assert_eq!(fault(json!({"Statment": []})), "unknown element `Statment`, did you mean `Statement`?");
        assert_eq!(
            fault(json!({"Statement": [{"Efect": "Deny"}]})),
            "at /Statement/0: unknown element `Efect`, did you mean `Effect`?"
        );
        assert_eq!(
            fault(json!({"Statement": [{"Action": 5}]})),
            "at /Statement/0/Action: expected a string or a list of strings"
        );
        assert_eq!(fault(json!({"Statement": [5]})), "at /Statement/0: expected an object");
        assert_eq!(
            fault(json!({"Statement": {"Principal": "everybody"}})),
            "at /Statement/Principal: expected \"*\" or kinds of principals such as {\"AWS\": …}"
        );
        assert_eq!(
            fault(json!({"Statement": {"Condition": {"Bool": {"k": {}}}}})),
            "at /Statement/Condition/Bool/k: expected a string, a number, a boolean, or a list of those"
        );
        assert_eq!(fault(json!(7)), "expected a policy document");
        assert_eq!(fault(json!("{]")), "the policy's text is not JSON: key must be a string at line 1 column 2");
    }

    #[test]
    fn what_is_sent_reads_as_a_person_would_write_it() {
        let said = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "TLS",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}}
            }]
        });
        let canonical = super::super::canonical::canonical(read(&said).expect("a document"));
        assert_eq!(render(&canonical), said);
    }
}
