//! Whether a statement lets the world in, as S3 decides it (S3 User Guide, "Blocking public access
//! to your Amazon S3 storage", section "The meaning of public"): a policy is taken to be public
//! until it grants access to fixed values only, a fixed value having no wildcard and no variable.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Statement;

/// The keys that, held to fixed values, bind a statement to somebody.
const BINDING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
];

/// The operators by which a condition holds a key to values. Those with `IfExists` and
/// `ForAllValues:` are not among them: they hold for a request that has no such key.
const HOLDING: &[&str] = &["ArnEquals", "ArnLike", "StringEquals", "StringEqualsIgnoreCase", "StringLike"];

/// Whether S3 takes this statement (canonical) for one that lets the public in. Where S3's words
/// leave a doubt the answer is yes.
pub fn is_public(statement: &Statement) -> bool {
    if statement.effect.as_deref() == Some("Deny") {
        return false;
    }
    let bound = match (&statement.principal, &statement.not_principal) {
        (Some(principals), None) => {
            principals.iter().all(|(kind, names)| names.iter().all(|name| is_fixed_principal(kind, name)))
        }
        // Everybody but a few is everybody.
        _ => false,
    };
    !bound
        && !statement
            .conditions
            .iter()
            .any(|(operator, keys)| keys.iter().any(|(key, values)| binds(operator, key, values)))
}

/// Anybody can have an identity at a public provider such as `accounts.google.com`; providers that
/// belong to an account have an ARN.
fn is_fixed_principal(kind: &str, name: &str) -> bool {
    is_fixed(name) && (kind != "Federated" || name.starts_with("arn:"))
}

fn is_fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?']) && !value.contains("${")
}

fn binds(operator: &str, key: &str, values: &BTreeSet<String>) -> bool {
    if values.is_empty() {
        return false;
    }
    let operator = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
    match (operator, key) {
        ("IpAddress", "aws:sourceip") => values.iter().all(|range| is_narrow(range)),
        (operator, "s3:dataaccesspointarn") if HOLDING.contains(&operator) => {
            values.iter().all(|arn| names_account(arn))
        }
        (operator, key) if HOLDING.contains(&operator) && BINDING.contains(&key) => {
            values.iter().all(|value| is_fixed(value))
        }
        _ => false,
    }
}

/// S3 takes ranges broader than /8 (IPv4) or /32 (IPv6) for the world.
fn is_narrow(range: &str) -> bool {
    let Some((address, bits)) = range.split_once('/') else { return false };
    match (address.parse(), bits.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(bits)) => (8..=32).contains(&bits),
        (Ok(IpAddr::V6(_)), Ok(bits)) => (32..=128).contains(&bits),
        _ => false,
    }
}

/// The name of an access point may be a wildcard as long as its account is fixed:
/// `arn:aws:s3:us-east-1:123456789012:accesspoint/*`.
fn names_account(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.len() == 6 && is_fixed(parts[4])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{canonical, said};
    use super::*;

    fn allows(principal: Json, condition: Json) -> bool {
        let said = json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::data/*", "Condition": condition}});
        let value = canonical::canonical(said::read(&said).expect("a document"));
        value.statements.expect("statements")[0].public.expect("the canonical form says it")
    }

    #[test]
    fn everybody_without_a_condition_is_the_public() {
        assert!(allows(json!("*"), json!({})));
        assert!(allows(json!({"AWS": "*"}), json!({})));
        assert!(allows(json!({"AWS": ["123456789012", "*"]}), json!({})));
    }

    #[test]
    fn fixed_principals_are_not_the_public() {
        assert!(!allows(json!({"AWS": "123456789012"}), json!({})));
        assert!(!allows(json!({"AWS": "arn:aws:iam::123456789012:role/reader"}), json!({})));
        assert!(!allows(json!({"Service": "logging.s3.amazonaws.com"}), json!({})));
        assert!(!allows(json!({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}), json!({})));
        assert!(!allows(json!({"Federated": "arn:aws:iam::123456789012:saml-provider/corp"}), json!({})));
    }

    #[test]
    fn users_of_a_public_identity_provider_are_the_public() {
        assert!(allows(json!({"Federated": "graph.facebook.com"}), json!({})));
    }

    #[test]
    fn everybody_but_a_few_is_the_public() {
        let said = json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"},
            "Action": "s3:*", "Resource": "*"}});
        let value = canonical::canonical(said::read(&said).expect("a document"));
        assert!(is_public(&value.statements.expect("statements")[0]));
    }

    #[test]
    fn a_deny_is_never_public() {
        let said = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}});
        let value = canonical::canonical(said::read(&said).expect("a document"));
        assert!(!is_public(&value.statements.expect("statements")[0]));
    }

    #[test]
    fn a_fixed_value_of_a_binding_key_is_not_public_and_a_wildcard_is() {
        for (key, fixed, wild) in [
            ("aws:SourceVpc", "vpc-91237329", "vpc-*"),
            ("aws:SourceVpce", "vpce-1a2b3c4d", "vpce-*"),
            ("aws:PrincipalOrgID", "o-abcdef1234", "o-*"),
            (
                "aws:SourceArn",
                "arn:aws:cloudfront::123456789012:distribution/E1",
                "arn:aws:cloudfront::*:distribution/E1",
            ),
            ("aws:SourceAccount", "123456789012", "${aws:PrincipalAccount}"),
            ("aws:SourceOwner", "123456789012", "1234*"),
            ("aws:userid", "AIDAEXAMPLE", "AROAEXAMPLE:*"),
            ("s3:DataAccessPointAccount", "123456789012", "*"),
        ] {
            assert!(!allows(json!("*"), json!({"StringEquals": {key: fixed}})), "{key}");
            assert!(!allows(json!("*"), json!({"StringLike": {key: fixed}})), "{key}");
            assert!(allows(json!("*"), json!({"StringLike": {key: wild}})), "{key}");
            assert!(allows(json!("*"), json!({"StringLike": {key: [fixed, wild]}})), "{key}");
            assert!(allows(json!("*"), json!({"StringNotEquals": {key: fixed}})), "{key}");
        }
    }

    #[test]
    fn the_name_of_an_access_point_may_be_a_wildcard_but_its_account_may_not() {
        let arn = |arn: &str| allows(json!("*"), json!({"StringLike": {"s3:DataAccessPointArn": arn}}));
        assert!(!arn("arn:aws:s3:us-east-1:123456789012:accesspoint/*"));
        assert!(arn("arn:aws:s3:us-east-1:*:accesspoint/mine"));
        assert!(arn("*"));
    }

    #[test]
    fn broad_ranges_of_addresses_are_the_public() {
        let from = |range: &str| allows(json!("*"), json!({"IpAddress": {"aws:SourceIp": range}}));
        assert!(!from("203.0.113.0/24"));
        assert!(!from("203.0.113.7"));
        assert!(!from("10.0.0.0/8"));
        assert!(from("0.0.0.0/1"));
        assert!(from("0.0.0.0/0"));
        assert!(!from("2001:db8::/32"));
        assert!(from("2001::/16"));
        assert!(from("not an address"));
        assert!(allows(json!("*"), json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})));
    }

    #[test]
    fn conditions_that_hold_for_a_request_without_the_key_bind_nobody() {
        assert!(allows(json!("*"), json!({"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}})));
        assert!(allows(json!("*"), json!({"ForAllValues:StringEquals": {"aws:SourceVpc": "vpc-91237329"}})));
        assert!(!allows(json!("*"), json!({"ForAnyValue:StringEquals": {"aws:SourceVpc": "vpc-91237329"}})));
        assert!(allows(json!("*"), json!({"StringEquals": {"aws:SourceVpc": []}})));
    }

    #[test]
    fn a_key_that_says_nothing_of_who_asks_binds_nobody() {
        assert!(allows(json!("*"), json!({"StringLike": {"aws:Referer": "https://example.com/"}})));
        assert!(allows(json!("*"), json!({"Bool": {"aws:SecureTransport": "true"}})));
    }
}
