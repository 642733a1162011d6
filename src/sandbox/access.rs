//! Whether a bucket policy lets everybody in, as S3 judges it.
//!
//! S3 "begins by assuming that the policy is public" and looks for what makes it not so: every
//! statement that allows must allow only fixed principals, or demand a fixed value of one of a
//! few condition keys (User Guide, "The meaning of public").

use std::net::IpAddr;

use serde_json::Value;

use super::policy::strings;

/// Condition keys of which a fixed value makes a grant not public. In lower case: keys have none.
const TRUSTED: [&str; 13] = [
    "aws:principalorgid",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "aws:sourceip",
];

/// Whether any statement is public. The policy has the form of one.
pub(super) fn is_public(policy: &Value) -> bool {
    let statements = match &policy["Statement"] {
        Value::Array(many) => many.as_slice(),
        one => std::slice::from_ref(one),
    };
    statements.iter().any(is_public_statement)
}

fn is_public_statement(statement: &Value) -> bool {
    statement["Effect"] == "Allow"
        && !has_fixed_principals(&statement["Principal"])
        && !is_bound(&statement["Condition"])
}

/// `NotPrincipal` leaves `Principal` null: everybody but some.
fn has_fixed_principals(principal: &Value) -> bool {
    let Value::Object(kinds) = principal else { return false };
    kinds.values().all(|who| strings(who).is_some_and(|names| names.iter().all(|name| is_fixed(name))))
}

/// Conditions are all demanded, so one that binds is enough.
fn is_bound(condition: &Value) -> bool {
    let Value::Object(operators) = condition else { return false };
    operators.iter().any(|(operator, keys)| {
        let operator = operator.to_ascii_lowercase();
        // Of a set it must be every element; `ForAllValues` holds for the empty set as well.
        let operator = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
        let keys = keys.as_object().into_iter().flatten();
        keys.filter_map(|(key, values)| Some((key.to_ascii_lowercase(), strings(values)?))).any(|(key, values)| {
            TRUSTED.contains(&key.as_str()) && values.iter().all(|value| binds(operator, &key, value))
        })
    })
}

fn binds(operator: &str, key: &str, value: &str) -> bool {
    match (operator, key) {
        ("ipaddress", "aws:sourceip") => is_narrow(value),
        // The name of the access point may be any, its account not.
        ("stringequals" | "stringlike" | "arnequals" | "arnlike", "s3:dataaccesspointarn") => {
            value.split(':').nth(4).is_some_and(|account| !account.is_empty() && is_fixed(account))
        }
        ("stringequals" | "stringequalsignorecase" | "stringlike" | "arnequals" | "arnlike", _) => {
            key != "aws:sourceip" && is_fixed(value)
        }
        _ => false,
    }
}

/// "A fixed value is one that doesn't contain a wildcard or an IAM policy variable."
fn is_fixed(value: &str) -> bool {
    !value.contains(['*', '?']) && !value.contains("${")
}

/// Very broad ranges are public: wider than /8 for IPv4, than /32 for IPv6.
fn is_narrow(cidr: &str) -> bool {
    let (address, length) = cidr.split_once('/').unwrap_or((cidr, ""));
    match (address.parse::<IpAddr>(), length.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(length)) => (8..=32).contains(&length),
        (Ok(IpAddr::V6(_)), Ok(length)) => (32..=128).contains(&length),
        (Ok(_), Err(_)) => length.is_empty(),
        (Err(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(fields: &str) -> bool {
        let json = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"s3:*",{fields}}}}}"#);
        is_public(&serde_json::from_str(&json).expect("JSON"))
    }

    #[test]
    fn everybody_is_public_and_somebody_is_not() {
        assert!(public(r#""Principal":"*""#));
        assert!(public(r#""Principal":{"AWS":"*"}"#));
        assert!(public(r#""Principal":{"AWS":["123456789012","*"]}"#));
        assert!(public(r#""NotPrincipal":{"AWS":"123456789012"}"#));
        assert!(!public(r#""Principal":{"AWS":"arn:aws:iam::123456789012:root"}"#));
        assert!(!public(r#""Principal":{"Service":"logging.s3.amazonaws.com"}"#));
        let deny = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*"}]}"#;
        assert!(!is_public(&serde_json::from_str(deny).expect("JSON")));
    }

    #[test]
    fn only_a_fixed_value_of_a_trusted_key_binds() {
        let with = |condition: &str| public(&format!(r#""Principal":"*","Condition":{condition}"#));
        assert!(!with(r#"{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}"#));
        assert!(!with(r#"{"StringEquals":{"AWS:PrincipalOrgID":["o-1","o-2"]}}"#));
        assert!(with(r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#));
        assert!(with(r#"{"StringEquals":{"aws:SourceVpc":"${aws:x}"}}"#));
        assert!(with(r#"{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}"#));
        assert!(with(r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#));
        assert!(with(r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#));
        assert!(with(r#"{"Bool":{"aws:SecureTransport":"true"}}"#));
        assert!(with(r#"{"StringEquals":{"aws:Referer":"me"}}"#));
        assert!(!with(r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}}"#));
        assert!(with(r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/a"}}"#));
    }

    #[test]
    fn a_range_of_addresses_binds_unless_it_is_very_broad() {
        let from =
            |range: &str| public(&format!(r#""Principal":"*","Condition":{{"IpAddress":{{"aws:SourceIp":{range}}}}}"#));
        assert!(!from(r#""203.0.113.0/24""#));
        assert!(!from(r#"["10.0.0.0/8","192.0.2.7"]"#));
        assert!(from(r#"["203.0.113.0/24","0.0.0.0/1"]"#));
        assert!(from(r#""0.0.0.0/0""#));
        assert!(from(r#""::/0""#));
        assert!(!from(r#""2001:db8::/32""#));
    }
}
