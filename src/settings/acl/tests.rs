//! What the canonical form, the merge and the risk of ACLs claim.

use proptest::prelude::*;

use super::*;
use crate::doc::Doc;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn canonical(json: &str) -> Value {
    Acl::canonical(of(json))
}

fn risk(from: &str, to: &str) -> Risk {
    Acl::risk(&canonical(from), &canonical(to))
}

/// Normalisation rule 4: `private` is full control of the owner and nothing else.
#[test]
fn private_is_full_control_of_the_owner_alone() {
    let nothing = r#"{"grants":[]}"#;
    assert_eq!(Doc::of(&canonical("\"private\"")).as_str(), nothing);
    assert_eq!(Doc::of(&Acl::canonical(Value::default())).as_str(), nothing);
    assert_eq!(
        Doc::of(&canonical(r#"{"grants":[{"grantee":"Owner","permission":"FULL_CONTROL"}]}"#)).as_str(),
        nothing
    );
}

#[test]
fn an_owner_with_less_than_full_control_is_not_private() {
    let less = canonical(r#"{"grants":[{"grantee":"Owner","permissions":[]}]}"#);
    assert_eq!(Doc::of(&less).as_str(), r#"{"grants":[{"grantee":"Owner","permissions":[]}]}"#);
    let to = Acl::canonical(Acl::merge(&less, &of("\"private\""), Overlay::Whole));
    assert_eq!(to, canonical("\"private\""));
    assert_eq!(Acl::risk(&less, &to), Risk::Safe);
    assert_eq!(Acl::risk(&to, &less), Risk::Guarded("the owner would lose its own full control"));
}

/// Pain 13, trussworks/terraform-aws-s3-private-bucket#403: writing `private` on a bucket without
/// ACLs failed on every run, though it was private all along.
#[test]
fn pain_13_private_needs_no_write_under_bucket_owner_enforced() {
    // Under BucketOwnerEnforced S3 answers full control of the owner (API page GetBucketAcl).
    let live = canonical(r#"{"grants":[{"grantee":"Owner","permission":"FULL_CONTROL"}]}"#);
    for how in [Overlay::Whole, Overlay::Within] {
        let to = Acl::canonical(Acl::merge(&live, &of("\"private\""), how));
        assert!(Doc::of(&live).changes_to(&Doc::of(&to)).is_empty());
    }
}

#[test]
fn groups_have_one_name_and_four_parts_are_full_control() {
    let written = r#"{"grants":[
        {"grantee":"uri:http://acs.amazonaws.com/groups/global/AllUsers","permissions":["WRITE","READ"]},
        {"grantee":"id:b","permissions":["WRITE","READ","READ_ACP","WRITE_ACP"]},
        {"grantee":"id:a","permissions":["FULL_CONTROL","READ"]}]}"#;
    let same = r#"{"grants":[
        {"grantee":"id:a","permission":"FULL_CONTROL"},
        {"grantee":"id:b","permission":"FULL_CONTROL"},
        {"grantee":"AllUsers","permission":"READ"},
        {"grantee":"AllUsers","permission":"WRITE"}]}"#;
    assert_eq!(canonical(written), canonical(same));
    assert_eq!(
        Doc::of(&canonical("\"public-read-write\"")).as_str(),
        r#"{"grants":[{"grantee":"AllUsers","permissions":["READ","WRITE"]}]}"#
    );
    assert_ne!(canonical("\"public-read\""), canonical("\"authenticated-read\""));
}

#[test]
fn a_change_names_the_grantee_and_the_permission() {
    let from = Doc::of(&canonical(
        r#"{"grants":[{"grantee":"id:a","permission":"READ"},{"grantee":"AllUsers","permission":"READ"}]}"#,
    ));
    let to = Doc::of(&canonical(r#"{"grants":[{"grantee":"id:a","permissions":["READ","WRITE"]}]}"#));
    let says: Vec<String> = from.changes_to(&to).iter().map(ToString::to_string).collect();
    assert_eq!(
        says,
        [
            "grants[AllUsers]: {grantee: AllUsers, permissions: [READ]} -> not set",
            "grants[id:a].permissions[WRITE]: not set -> WRITE",
        ]
    );
}

#[test]
fn a_specs_list_is_whole_and_a_policys_is_within() {
    let live = canonical(r#"{"grants":[{"grantee":"id:a","permission":"READ"}]}"#);
    let want = of(r#"{"grants":[{"grantee":"LogDelivery","permission":"WRITE"}]}"#);
    let to = |how| Acl::canonical(Acl::merge(&live, &want, how));
    assert_eq!(to(Overlay::Whole), Acl::canonical(want.clone()));
    assert_eq!(
        to(Overlay::Within),
        canonical(
            r#"{"grants":[{"grantee":"id:a","permission":"READ"},{"grantee":"LogDelivery","permission":"WRITE"}]}"#
        )
    );
    assert_eq!(Acl::merge(&live, &of("{}"), Overlay::Whole), live);
}

#[test]
fn a_policy_takes_nothing_from_the_owner() {
    let want = of(r#"{"grants":[{"grantee":"Owner","permission":"READ"}]}"#);
    let private = canonical("\"private\"");
    assert_eq!(Acl::canonical(Acl::merge(&private, &want, Overlay::Within)), private);
}

#[test]
fn shutting_the_world_out_is_safe_and_everything_else_is_guarded() {
    let world = Risk::Guarded("everybody in the world, or with an AWS account, would be let in");
    assert_eq!(risk("\"private\"", "\"public-read\""), world);
    assert_eq!(risk("\"public-read\"", "\"public-read-write\""), world);
    assert_eq!(risk("\"private\"", "\"authenticated-read\""), world);
    assert_eq!(risk("\"public-read-write\"", "\"private\""), Risk::Safe);
    assert_eq!(risk("\"authenticated-read\"", "\"private\""), Risk::Safe);
    let partner = r#"{"grants":[{"grantee":"id:a","permission":"READ"}]}"#;
    assert_eq!(risk("\"private\"", partner), Risk::Guarded("others than the owner would be let in"));
    let locked = Risk::Guarded("whoever is let in by a grant would be locked out");
    assert_eq!(risk(partner, "\"private\""), locked);
    assert_eq!(risk("\"log-delivery-write\"", "\"private\""), locked);
    assert_eq!(risk(partner, partner), Risk::Safe);
}

#[test]
fn what_a_spec_cannot_say_is_refused_with_what_to_write() {
    let says = |json: &str| {
        let problems = Acl::check(&of(json));
        problems.into_iter().map(|it| (it.pointer, it.message, it.hint.unwrap_or_default())).collect::<Vec<_>>()
    };
    let one = |grantee: &str| says(&format!(r#"{{"grants":[{{"grantee":"{grantee}","permission":"READ"}}]}}"#));
    let at = "/grants/0/grantee".to_owned();
    assert_eq!(one("AllUser"), [(at.clone(), "`AllUser` is not a grantee".into(), "did you mean `AllUsers`?".into())]);
    assert_eq!(one("email:a@b.example")[0].1, "S3 takes no grants by email address");
    assert_eq!(one("Owner")[0].1, "the owner with less than full control");
    assert_eq!(one("uri:AllUsers")[0].1, "`uri:AllUsers` is not the address of a group".replace("uri:", ""));
    assert!(one("id:79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be").is_empty());
    assert_eq!(says(r#"{"grants":[{"grantee":"AllUsers"}]}"#)[0].1, "the grant to `AllUsers` permits nothing");
    let many = Value {
        grants: Some(
            (0..101)
                .map(|n| Grant { grantee: format!("id:{n}"), permissions: BTreeSet::from([Permission::Read]) })
                .collect(),
        ),
    };
    assert_eq!(Acl::check(&many)[0].message, "101 grants");
    assert!(Acl::check(&of("\"private\"")).is_empty());
}

#[test]
fn unknown_words_and_fields_are_refused() {
    assert!(serde_json::from_str::<Value>("\"aws-exec-read\"").is_err());
    assert!(serde_json::from_str::<Value>(r#"{"grants":[{"grantee":"id:a","permision":"READ"}]}"#).is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let names =
        ["AllUsers", "uri:http://acs.amazonaws.com/groups/global/AllUsers", "id:a", "id:b", "Owner", "LogDelivery"];
    let permission = prop::sample::select(vec![
        Permission::FullControl,
        Permission::Read,
        Permission::ReadAcp,
        Permission::Write,
        Permission::WriteAcp,
    ]);
    let grant = (prop::sample::select(names.to_vec()), prop::collection::btree_set(permission, 0..5))
        .prop_map(|(grantee, permissions)| Grant { grantee: grantee.to_owned(), permissions });
    prop::option::of(prop::collection::vec(grant, 0..6)).prop_map(|grants| Value { grants })
}

proptest! {
    #[test]
    fn canonical_is_idempotent_and_survives_its_text(value in any_value()) {
        let once = Acl::canonical(value);
        prop_assert_eq!(&Acl::canonical(once.clone()), &once);
        prop_assert_eq!(&Doc::of(&once).parse::<Value>().expect("a doc of acl"), &once);
        prop_assert!(Doc::of(&once).changes_to(&Doc::of(&once)).is_empty());
        prop_assert_eq!(Acl::risk(&once, &once), Risk::Safe);
    }

    #[test]
    fn merging_twice_is_merging_once(live in any_value(), want in any_value(), whole in any::<bool>()) {
        let how = if whole { Overlay::Whole } else { Overlay::Within };
        let merge = |live: &Value| Acl::canonical(Acl::merge(live, &want, how));
        let once = merge(&Acl::canonical(live));
        prop_assert_eq!(merge(&once), once);
    }
}

/// A public ACL beside `BucketOwnerEnforced` passed `validate`, the plan offered an approval, and AWS
/// answered AccessControlListNotSupported.
#[test]
fn grants_are_refused_where_acls_are_off_and_the_private_acl_is_not() {
    let others = |rule: &str| {
        let doc = crate::doc::Doc::of(&serde_json::json!({ "rule": rule }));
        move |asked: &str| (asked == "objectOwnership").then(|| doc.clone())
    };
    let why = |acl: &str, rule: &str| {
        let to = Acl::canonical(serde_json::from_str(acl).expect("an ACL"));
        Acl::hindrance(&to, &others(rule)).map(|it| it.why)
    };
    let no_grants = Some("S3 takes no grants while `BucketOwnerEnforced` switches ACLs off");
    assert_eq!(why("\"public-read\"", "BucketOwnerEnforced"), no_grants);
    assert_eq!(why("\"log-delivery-write\"", "BucketOwnerEnforced"), no_grants);
    assert_eq!(why("\"private\"", "BucketOwnerEnforced"), None);
    assert_eq!(why("\"public-read\"", "BucketOwnerPreferred"), None);
    assert_eq!(why("\"public-read\"", "ObjectWriter"), None);
    let public = Acl::canonical(serde_json::from_str("\"public-read\"").expect("an ACL"));
    assert_eq!(Acl::hindrance(&public, &|_| None), None, "what is not known hinders nothing");
}
