//! Bucket policies: what S3 takes for one.

use std::borrow::Cow;

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::access;
use super::config::{Config, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;
use crate::settings::policy::reach;

/// The size that a bucket policy can have (User Guide, "Bucket policies": 20 KB).
const LARGEST: usize = 20 * 1024;

pub(super) fn put(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let policy = check(write.bucket, write.body)?;
    let public = access::is_public(&policy);
    if (config.block.public_policy || write.account.public_policy) && public {
        let said = "User is not authorized to perform: s3:PutBucketPolicy on this resource because public policies \
                    are prevented by the BlockPublicPolicy setting in S3 Block Public Access.";
        return Err(Refusal::new(403, "AccessDenied", said));
    }
    config.set_body(Word::Policy, Bytes::copy_from_slice(write.body));
    let status = Node::leaf("IsPublic", if public { "true" } else { "false" });
    config.set(Word::PolicyStatus, &Node::of("PolicyStatus", vec![status]));
    Ok(())
}

fn bad(said: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::malformed_policy(said)
}

/// Reads a policy and judges its form (IAM User Guide, "Grammar of the IAM JSON policy language").
fn check(bucket: &str, body: &[u8]) -> Result<Value, Refusal> {
    if body.len() > LARGEST {
        return Err(bad("Normalized policy document exceeds the maximum allowed size of 20480 bytes"));
    }
    let policy: Value =
        serde_json::from_slice(body).map_err(|_| bad("Policies must be valid JSON and the first byte must be '{'"))?;
    let Some(fields) = policy.as_object() else {
        return Err(bad("Policies must be valid JSON and the first byte must be '{'"));
    };
    known(fields, &["Version", "Id", "Statement"])?;
    match fields.get("Version").map(|version| version.as_str().unwrap_or_default()) {
        None | Some("2012-10-17" | "2008-10-17") => {}
        Some(_) => return Err(bad("The policy must contain a valid version string")),
    }
    let statements = match fields.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err(bad("Missing required field Statement")),
    };
    let mut sids = std::collections::HashSet::new();
    for statement in statements {
        let Some(fields) = statement.as_object() else { return Err(bad("Invalid policy syntax.")) };
        check_statement(bucket, fields)?;
        if let Some(sid) = fields.get("Sid") {
            let sid = sid.as_str().ok_or_else(|| bad("Invalid policy syntax."))?;
            if !sid.is_empty() && !sids.insert(sid) {
                return Err(bad("Statement IDs (SID) in a single policy must be unique."));
            }
        }
    }
    Ok(policy)
}

fn known(fields: &Map<String, Value>, names: &[&str]) -> Result<(), Refusal> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(bad(format!("Unknown field {name}"))),
    }
}

fn check_statement(bucket: &str, fields: &Map<String, Value>) -> Result<(), Refusal> {
    known(
        fields,
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"],
    )?;
    match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow" | "Deny") => {}
        Some(other) => return Err(bad(format!("Invalid effect: {other}"))),
        None => return Err(bad("Missing required field Effect")),
    }
    match one_of(fields, "Principal", "NotPrincipal")? {
        Value::String(all) if all == "*" => {}
        Value::Object(kinds) if !kinds.is_empty() => {
            for (kind, who) in kinds {
                for name in strings(who).ok_or_else(|| bad("Invalid principal in policy"))? {
                    if !principal(kind, name) {
                        return Err(
                            bad("Invalid principal in policy").with("Detail", format!("\"{kind}\" : \"{name}\""))
                        );
                    }
                }
            }
        }
        _ => return Err(bad("Invalid principal in policy")),
    }
    let invalid = "Policy has invalid action";
    let actions = strings(one_of(fields, "Action", "NotAction")?).ok_or_else(|| bad(invalid))?;
    if actions.iter().any(|action| reach::is_foreign_action(action)) {
        return Err(bad(invalid));
    }
    let invalid = "Policy has invalid resource";
    let resources = strings(one_of(fields, "Resource", "NotResource")?).ok_or_else(|| bad(invalid))?;
    if resources.iter().any(|resource| reach::is_foreign_resource(resource, bucket)) {
        return Err(bad(invalid));
    }
    let set = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    if fields.contains_key("Action")
        && fields.contains_key("Resource")
        && reach::idle(&set(actions), &set(resources)).is_some()
    {
        return Err(bad("Action does not apply to any resource(s) in statement"));
    }
    match fields.get("Condition") {
        None => Ok(()),
        Some(Value::Object(operators)) if operators.values().all(Value::is_object) => Ok(()),
        Some(_) => Err(bad("Invalid Condition type")),
    }
}

fn one_of<'a>(fields: &'a Map<String, Value>, yes: &str, no: &str) -> Result<&'a Value, Refusal> {
    match (fields.get(yes), fields.get(no)) {
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (None, None) => Err(bad(format!("Missing required field {yes}"))),
        _ => Err(bad(format!("{yes} and {no} cannot stand in one statement"))),
    }
}

/// A string, or a list of strings that is not empty.
pub(super) fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) if !many.is_empty() => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn principal(kind: &str, name: &str) -> bool {
    match kind {
        "AWS" => {
            let account = |id: &str| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_digit());
            let arn: Vec<&str> = name.splitn(6, ':').collect();
            name == "*"
                || account(name)
                || matches!(arn.as_slice(), ["arn", partition, "iam" | "sts", "", id, who]
                    if partition.starts_with("aws") && (account(id) || *id == "cloudfront") && !who.is_empty() && !who.contains('*'))
        }
        "Service" => name.contains('.') && !name.contains('*'),
        "Federated" => !name.is_empty() && !name.contains('*'),
        "CanonicalUser" => !name.is_empty() && name.bytes().all(|digit| digit.is_ascii_hexdigit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(policy: &str) -> String {
        match check("data", policy.as_bytes()) {
            Ok(_) => "taken".to_owned(),
            Err(refusal) => {
                assert_eq!((refusal.status, &*refusal.code), (400, "MalformedPolicy"));
                refusal.message.into_owned()
            }
        }
    }

    fn statement(fields: &str) -> String {
        said(&format!(r#"{{"Version":"2012-10-17","Statement":[{{{fields}}}]}}"#))
    }

    #[test]
    fn a_policy_must_be_of_this_bucket_and_of_s3() {
        let with = |principal: &str, action: &str, resource: &str| {
            statement(&format!(r#""Effect":"Allow","Principal":{principal},"Action":{action},"Resource":{resource}"#))
        };
        let (all, get, inside) = (r#""*""#, r#""s3:GetObject""#, r#""arn:aws:s3:::data/*""#);
        assert_eq!(with(all, get, inside), "taken");
        assert_eq!(with(r#"{"AWS":["123456789012","arn:aws:iam::123456789012:root"]}"#, get, inside), "taken");
        let both = r#"["s3:ListBucket","s3:GetObject"]"#;
        assert_eq!(with(all, both, r#"["arn:aws:s3:::data","arn:aws:s3:::data/*"]"#), "taken");
        assert_eq!(with(all, both, inside), "Action does not apply to any resource(s) in statement");
        assert_eq!(with(all, get, r#""arn:aws:s3:::da*""#), "taken");
        assert_eq!(with(all, get, r#""arn:aws:s3:::other/*""#), "Policy has invalid resource");
        assert_eq!(with(all, get, r#""*""#), "Policy has invalid resource");
        assert_eq!(with(all, get, r#""arn:aws:s3:::data""#), "Action does not apply to any resource(s) in statement");
        assert_eq!(with(all, r#""ec2:RunInstances""#, inside), "Policy has invalid action");
        assert_eq!(with(r#"{"AWS":"bob"}"#, get, inside), "Invalid principal in policy");
        assert_eq!(with(r#"{"AWS":"arn:aws:iam::123456789012:user/*"}"#, get, inside), "Invalid principal in policy");
        assert_eq!(with(r#"{"Nobody":"x"}"#, get, inside), "Invalid principal in policy");
    }

    #[test]
    fn a_policy_must_have_the_form_of_one() {
        assert_eq!(said("<a/>"), "Policies must be valid JSON and the first byte must be '{'");
        assert_eq!(said("[]"), "Policies must be valid JSON and the first byte must be '{'");
        assert_eq!(said("{}"), "Missing required field Statement");
        assert_eq!(
            said(r#"{"Version":"2020-01-01","Statement":[]}"#),
            "The policy must contain a valid version string"
        );
        assert_eq!(said(r#"{"Statement":[],"More":1}"#), "Unknown field More");
        assert_eq!(statement(r#""Effect":"Maybe""#), "Invalid effect: Maybe");
        assert_eq!(statement(r#""Effect":"Deny""#), "Missing required field Principal");
        assert_eq!(statement(r#""Effect":"Deny","Principal":"*""#), "Missing required field Action");
        let whole = r#""Sid":"A","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data""#;
        assert_eq!(statement(whole), "taken");
        assert_eq!(statement(&format!(r#"{whole},"Condition":{{"Bool":1}}"#)), "Invalid Condition type");
        assert_eq!(
            said(&format!(r#"{{"Statement":[{{{whole}}},{{{whole}}}]}}"#)),
            "Statement IDs (SID) in a single policy must be unique."
        );
        let large = format!(r#"{{"Id":"{}"}}"#, "x".repeat(LARGEST));
        assert_eq!(said(&large), "Normalized policy document exceeds the maximum allowed size of 20480 bytes");
    }
}
