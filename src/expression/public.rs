//! Whether a bucket policy lets the public in, as S3 itself judges it for the public access block
//! (S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public").
//!
//! S3 assumes that a policy is public unless every statement that allows something allows it to
//! fixed principals, or to requests that a condition pins to fixed values. Where the guide leaves
//! room, the answer here is "public": then a public access block is asked for, which changes
//! nothing for a policy that S3 does not call public.

use std::net::IpAddr;

use serde_json::Value;

/// Condition keys whose fixed values make a statement non-public.
const PINNING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Operators that hold only when the key is there and has one of the values.
const EQUALITIES: &[&str] =
    &["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"];

/// The widest ranges of addresses that are not "everybody": `/8` of IPv4, `/32` of IPv6.
const WIDEST: (u8, u8) = (8, 32);

/// Whether a bucket policy in canonical form (`statements`, each scalar a list) is public.
pub fn policy_is_public(policy: &Value) -> bool {
    policy["statements"].as_array().into_iter().flatten().any(statement_is_public)
}

fn statement_is_public(statement: &Value) -> bool {
    let allows = statement["effect"].as_str().is_some_and(|effect| effect.eq_ignore_ascii_case("Allow"));
    allows && speaks_of_everybody(statement) && !is_pinned(&statement["conditions"])
}

fn speaks_of_everybody(statement: &Value) -> bool {
    if statement.get("notPrincipal").is_some_and(|it| !it.is_null()) {
        return true;
    }
    let everybody = |name: &str| name.contains('*');
    match &statement["principal"] {
        Value::String(name) => everybody(name),
        Value::Object(kinds) => kinds.values().flat_map(texts).any(everybody),
        _ => false,
    }
}

/// All conditions of a statement must hold, so one that pins is enough.
fn is_pinned(conditions: &Value) -> bool {
    conditions.as_object().into_iter().flatten().any(|(operator, keys)| {
        holds_only_for_values(operator)
            && keys.as_object().into_iter().flatten().any(|(key, values)| {
                let mut values = texts(values).peekable();
                values.peek().is_some() && values.all(|value| is_fixed(&key.to_ascii_lowercase(), value))
            })
    })
}

/// `…IfExists` and `ForAllValues:…` hold when the key is not there, so they pin nothing.
fn holds_only_for_values(operator: &str) -> bool {
    let operator = operator.to_ascii_lowercase();
    let plain = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
    EQUALITIES.contains(&plain)
}

fn is_fixed(key: &str, value: &str) -> bool {
    let free = |text: &str| text.contains(['*', '?']) || text.contains("${");
    match key {
        "aws:sourceip" => is_narrow_range(value),
        // The name of the access point may be a wildcard while the account is fixed.
        "s3:dataaccesspointarn" => {
            let mut parts = value.splitn(6, ':');
            let account = parts.nth(4).unwrap_or_default();
            account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => PINNING.contains(&key) && !value.is_empty() && !free(value),
    }
}

fn is_narrow_range(range: &str) -> bool {
    let (address, bits) = range.split_once('/').map_or((range, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let Ok(bits) = bits.map_or(Ok(whole), str::parse::<u8>) else { return false };
    match address {
        IpAddr::V4(_) => bits >= WIDEST.0,
        IpAddr::V6(_) => bits >= WIDEST.1,
    }
}

/// The texts of a text or a list of texts.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    value.as_str().into_iter().chain(list.iter().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn allow_everybody(conditions: &Value) -> Value {
        json!({"statements": [{
            "effect": "Allow", "principal": {"AWS": ["*"]}, "actions": ["s3:GetObject"],
            "resources": ["arn:aws:s3:::data/*"], "conditions": conditions
        }]})
    }

    fn check(public: bool, conditions: Value) {
        assert_eq!(policy_is_public(&allow_everybody(&conditions)), public, "{conditions}");
    }

    #[test]
    fn everybody_without_a_condition_is_public() {
        check(true, json!({}));
    }

    #[test]
    fn a_fixed_value_of_a_pinning_key_is_not_public() {
        check(false, json!({"StringEquals": {"aws:sourcevpce": ["vpce-1a2b3c4d"]}}));
        check(false, json!({"StringEquals": {"aws:PrincipalOrgID": ["o-1234567890"]}}));
        check(false, json!({"ArnLike": {"aws:sourcearn": ["arn:aws:cloudfront::111122223333:distribution/E1"]}}));
        check(false, json!({"ForAnyValue:StringEquals": {"aws:sourceaccount": ["111122223333"]}}));
    }

    #[test]
    fn wildcards_and_variables_are_not_fixed() {
        check(true, json!({"StringLike": {"aws:sourcevpc": ["vpc-*"]}}));
        check(true, json!({"StringEquals": {"aws:userid": ["${aws:PrincipalTag/id}"]}}));
        check(true, json!({"StringLike": {"aws:userid": ["AROAEXAMPLEID:*"]}}));
        check(true, json!({"StringEquals": {"aws:sourcevpce": ["vpce-1", "vpce-?"]}}));
    }

    #[test]
    fn a_condition_that_holds_for_others_too_pins_nothing() {
        check(true, json!({"StringNotEquals": {"aws:sourcevpce": ["vpce-1"]}}));
        check(true, json!({"StringEqualsIfExists": {"aws:sourcevpce": ["vpce-1"]}}));
        check(true, json!({"ForAllValues:StringEquals": {"aws:sourcevpce": ["vpce-1"]}}));
        check(true, json!({"StringEquals": {"aws:referer": ["https://example.com"]}}));
        check(true, json!({"Bool": {"aws:securetransport": ["true"]}}));
        check(true, json!({"StringEquals": {"aws:sourcevpce": []}}));
    }

    #[test]
    fn one_pinning_condition_beside_others_is_enough() {
        check(
            false,
            json!({"Bool": {"aws:securetransport": ["true"]}, "IpAddress": {"aws:sourceip": ["203.0.113.0/24"]}}),
        );
    }

    #[test]
    fn wide_ranges_of_addresses_are_everybody() {
        check(false, json!({"IpAddress": {"aws:sourceip": ["203.0.113.7"]}}));
        check(false, json!({"IpAddress": {"aws:sourceip": ["10.0.0.0/8", "2001:db8::/32"]}}));
        check(true, json!({"IpAddress": {"aws:sourceip": ["0.0.0.0/1"]}}));
        check(true, json!({"IpAddress": {"aws:sourceip": ["203.0.113.0/24", "::/0"]}}));
        check(true, json!({"NotIpAddress": {"aws:sourceip": ["203.0.113.0/24"]}}));
    }

    #[test]
    fn an_access_point_counts_by_its_account() {
        check(
            false,
            json!({"ArnLike": {"s3:DataAccessPointArn": ["arn:aws:s3:us-east-1:111122223333:accesspoint/*"]}}),
        );
        check(true, json!({"ArnLike": {"s3:DataAccessPointArn": ["arn:aws:s3:us-east-1:*:accesspoint/data"]}}));
    }

    #[test]
    fn fixed_principals_and_denials_are_not_public() {
        let policy = |statement: Value| policy_is_public(&json!({"statements": [statement]}));
        assert!(!policy(json!({"effect": "Allow", "principal": {"AWS": ["111122223333"]}, "conditions": {}})));
        assert!(!policy(json!({"effect": "Allow", "principal": {"Service": ["logging.s3.amazonaws.com"]}})));
        assert!(!policy(json!({"effect": "Deny", "principal": {"AWS": ["*"]}, "conditions": {}})));
        assert!(policy(json!({"effect": "Allow", "notPrincipal": {"AWS": ["111122223333"]}})));
        assert!(!policy_is_public(&json!({})));
    }
}
