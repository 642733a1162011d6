//! What a change of the policy does to those who use the bucket. A changed statement is one
//! removed and one added, and neither counts where another statement does the same work.

use std::collections::BTreeSet;

use super::{Principals, Statement, Value};
use crate::setting::Risk;

pub(super) fn risk(from: &Value, to: &Value) -> Risk {
    // A variable is a variable in one version of the language and plain text in the other.
    let one_language = from.version == to.version;
    let lost = |from: &Value, to: &Value| -> Vec<Statement> {
        let kept = to.statements.as_deref().unwrap_or_default();
        let stands = |statement: &Statement| {
            kept.iter().any(|other| {
                (one_language || !(statement.has_variable() || other.has_variable())) && covers(other, statement)
            })
        };
        from.statements.iter().flatten().filter(|statement| !stands(statement)).cloned().collect()
    };
    let (removed, added) = (lost(from, to), lost(to, from));
    let allows = |statement: &&Statement| statement.effect.as_deref() == Some("Allow");
    let public = |statement: &Statement| super::public::is_public(statement);
    if added.iter().filter(allows).any(public) {
        return Risk::Guarded("the public would be let in");
    }
    if added.iter().any(|statement| !allows(&statement) && !denies_plain_http(statement)) {
        return Risk::Guarded("whoever an added Deny speaks of would be locked out");
    }
    // What lets the world in must repair itself.
    if removed.iter().filter(allows).any(|statement| !public(statement)) {
        return Risk::Guarded("whoever a removed Allow lets in would be locked out");
    }
    if removed.iter().any(|statement| !allows(&statement)) {
        return Risk::Guarded("what a removed Deny forbids would be allowed again");
    }
    Risk::Safe
}

/// The one Deny that locks out nobody who could not simply use TLS.
fn denies_plain_http(statement: &Statement) -> bool {
    let everybody = Principals::from([("AWS".to_owned(), BTreeSet::from(["*".to_owned()]))]);
    let only = |map: &super::Conditions| {
        map.len() == 1
            && map.get("Bool").is_some_and(|keys| {
                keys.len() == 1
                    && keys.get("aws:securetransport").is_some_and(|it| it.len() == 1 && it.contains("false"))
            })
    };
    statement.effect.as_deref() == Some("Deny")
        && statement.principal.as_ref() == Some(&everybody)
        && only(&statement.conditions)
}

/// Whether everything that `narrow` speaks of is spoken of by `broad`, with the same effect. A no
/// may be wrong, a yes never is.
pub(super) fn covers(broad: &Statement, narrow: &Statement) -> bool {
    let principal = match (&broad.principal, &narrow.principal) {
        (Some(broad), Some(narrow)) => narrow.iter().all(|(kind, names)| {
            broad.get(kind).is_some_and(|known| known.is_superset(names) || (kind == "AWS" && known.contains("*")))
        }),
        _ => broad.principal == narrow.principal,
    };
    broad.effect == narrow.effect
        && principal
        && broad.not_principal == narrow.not_principal
        && patterns_cover(broad.actions.as_ref(), narrow.actions.as_ref())
        && broad.not_actions == narrow.not_actions
        && patterns_cover(broad.resources.as_ref(), narrow.resources.as_ref())
        && broad.not_resources == narrow.not_resources
        // All conditions must hold, so fewer of them speak of more requests.
        && broad.conditions.iter().all(|(operator, keys)| {
            narrow.conditions.get(operator).is_some_and(|known| keys.iter().all(|(key, it)| known.get(key) == Some(it)))
        })
}

fn patterns_cover(broad: Option<&BTreeSet<String>>, narrow: Option<&BTreeSet<String>>) -> bool {
    match (broad, narrow) {
        (Some(broad), Some(narrow)) => {
            narrow.iter().all(|it| broad.contains(it) || broad.iter().any(|b| matches(b, it)))
        }
        (broad, narrow) => broad == narrow,
    }
}

/// Whether a pattern of `*` and `?` matches every text that another pattern matches. The other's
/// stars are letters that only a star matches.
fn matches(pattern: &str, other: &str) -> bool {
    // A variable stands for any text, and so may hold what would be a separator here.
    if pattern.contains("${") || other.contains("${") {
        return pattern == other;
    }
    let (pattern, other): (Vec<char>, Vec<char>) = (pattern.chars().collect(), other.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < other.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some('?') if other[place] != '*' => {
                at += 1;
                place += 1;
            }
            Some(letter) if *letter == other[place] && *letter != '?' => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((from, matched)) => {
                    at = from + 1;
                    place = matched + 1;
                    star = Some((from, matched + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{canonical, said};
    use super::*;

    fn of(version: &str, statements: Json) -> Value {
        let said = json!({"Version": version, "Statement": statements});
        canonical::canonical(said::read(&said).expect("a document"))
    }

    fn change(from: Json, to: Json) -> Risk {
        risk(&of("2012-10-17", from), &of("2012-10-17", to))
    }

    fn allow(who: &str, action: &str) -> Json {
        json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": action, "Resource": "arn:aws:s3:::data/*"})
    }

    fn tls() -> Json {
        json!({"Sid": "TLS", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    }

    const WORLD: Risk = Risk::Guarded("the public would be let in");
    const DENIED: Risk = Risk::Guarded("whoever an added Deny speaks of would be locked out");
    const LOCKED: Risk = Risk::Guarded("whoever a removed Allow lets in would be locked out");
    const LOOSENED: Risk = Risk::Guarded("what a removed Deny forbids would be allowed again");
    const READER: &str = "arn:aws:iam::123456789012:role/reader";

    #[test]
    fn letting_the_world_in_is_guarded_and_shutting_it_out_is_safe() {
        assert_eq!(change(json!([]), json!([allow("*", "s3:GetObject")])), WORLD);
        assert_eq!(change(json!([allow("*", "s3:GetObject")]), json!([])), Risk::Safe);
        assert_eq!(change(json!([allow("*", "s3:GetObject")]), json!([allow(READER, "s3:GetObject")])), Risk::Safe);
        assert_eq!(change(json!([allow("*", "s3:GetObject")]), json!([allow("*", "s3:PutObject")])), WORLD);
    }

    #[test]
    fn letting_somebody_in_is_safe_and_locking_somebody_out_is_guarded() {
        assert_eq!(change(json!([]), json!([allow(READER, "s3:GetObject")])), Risk::Safe);
        assert_eq!(change(json!([allow(READER, "s3:GetObject")]), json!([])), LOCKED);
        assert_eq!(change(json!([allow(READER, "s3:Get*")]), json!([allow(READER, "s3:GetObject")])), LOCKED);
        assert_eq!(change(json!([allow(READER, "s3:GetObject")]), json!([allow(READER, "s3:Get*")])), Risk::Safe);
    }

    #[test]
    fn a_deny_is_guarded_unless_it_denies_plain_http() {
        assert_eq!(change(json!([]), json!([tls()])), Risk::Safe);
        assert_eq!(change(json!([tls()]), json!([])), LOOSENED);
        let mut narrower = tls();
        narrower["Condition"]["StringNotEquals"] = json!({"aws:SourceVpc": "vpc-1"});
        assert_eq!(change(json!([]), json!([narrower])), DENIED);
        let mut all = tls();
        all.as_object_mut().expect("an object").remove("Condition");
        assert_eq!(change(json!([]), json!([all.clone()])), DENIED);
        // Under a Deny of everything the narrower one changes nothing.
        assert_eq!(change(json!([all.clone()]), json!([all, tls()])), Risk::Safe);
    }

    #[test]
    fn another_name_for_a_statement_is_no_change() {
        let mut renamed = tls();
        renamed["Sid"] = json!("DenyInsecure");
        assert_eq!(change(json!([tls()]), json!([renamed])), Risk::Safe);
    }

    #[test]
    fn a_variable_changes_its_meaning_with_the_version() {
        let own = json!([{"Effect": "Allow", "Principal": {"AWS": READER}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::data/${aws:username}/*"}]);
        assert_eq!(risk(&of("2008-10-17", own.clone()), &of("2012-10-17", own.clone())), LOCKED);
        assert_eq!(risk(&of("2012-10-17", own.clone()), &of("2012-10-17", own)), Risk::Safe);
        let plain = json!([allow(READER, "s3:GetObject")]);
        assert_eq!(risk(&of("2008-10-17", plain.clone()), &of("2012-10-17", plain)), Risk::Safe);
    }

    #[test]
    fn a_pattern_covers_what_it_always_matches() {
        for (broad, narrow) in [
            ("s3:*", "s3:GetObject"),
            ("s3:Get*", "s3:GetObject*"),
            ("*", "s3:*"),
            ("s3:Get*t", "s3:GetObject"),
            ("a?", "ab"),
        ] {
            assert!(matches(broad, narrow), "{broad} {narrow}");
        }
        for (broad, narrow) in
            [("s3:GetObject", "s3:Get*"), ("a?", "a*"), ("a?c", "abbc"), ("s3:Get*", "s3:PutObject"), ("a*b", "a*")]
        {
            assert!(!matches(broad, narrow), "{broad} {narrow}");
        }
        assert!(!matches("arn:aws:s3:::data/${aws:username}*", "arn:aws:s3:::data/x"));
    }
}
