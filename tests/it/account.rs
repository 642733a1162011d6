//! `kind: Account`: documents with every message word by word, and the loop over S3 in memory.

use std::collections::BTreeMap;

use driftless::bucket::{AccountName, BucketId};
use driftless::cloud::S3ErrorKind;
use driftless::cloud::memory::{Effect, Fault, MemoryCloud};
use driftless::doc::Doc;
use driftless::spec::Mode;
use serde_json::json;

use crate::support::looped::{Rig, bucket, configuration, desired, desired_of, desired_with, document, held};

const TWO: &str = "policies: {builtin: []}\naccounts: [{name: prod}, {name: research, region: eu-central-1}]";

/// What is said of one file under a configuration.
fn said(text: &str, config: &str) -> Vec<String> {
    let files = BTreeMap::from([("a.yaml".to_owned(), text.as_bytes().to_vec())]);
    // As a daemon on its first day: there could be earlier forms, and there are none.
    let none = BTreeMap::<String, Vec<u8>>::new();
    let (_, findings) = desired_of(&files, &none, &configuration(config));
    findings.iter().map(ToString::to_string).collect()
}

/// The frame, so that the lines of the spec are where a test counts them.
fn account(name: &str, spec: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: Account\nmetadata:\n  name: {name}\nspec:\n{spec}")
}

fn id(account: &str) -> BucketId {
    BucketId::of_account(AccountName::parse(account).expect("legal"))
}

fn default_id() -> BucketId {
    BucketId::of_account(AccountName::default())
}

#[test]
fn an_account_is_described_like_a_bucket() {
    let until = "2026-12-01T00:00:00Z";
    let text = account(
        "research",
        &format!(
            "  mode: observe\n  suspend: {{reason: audit, until: \"{until}\"}}\n  publicAccessBlock: {{blockPublicAcls: true}}\n"
        ),
    );
    let desired = desired_with(&text, TWO);
    let wish = &desired.buckets[&id("research")];
    assert_eq!(wish.mode, Mode::Observe);
    assert_eq!(wish.region.as_str(), "eu-central-1");
    assert_eq!(wish.suspend.as_ref().map(|it| it.reason.as_str()), Some("audit"));
    assert_eq!(wish.at.as_ref().map(ToString::to_string).as_deref(), Some("a.yaml:1:1"));
    let wants: Vec<_> = wish.wants.iter().map(|it| (it.setting, it.at.to_string())).collect();
    assert_eq!(wants, [("publicAccessBlock", "a.yaml:8:3".to_owned())]);
    assert!(wish.policies.is_empty());
}

#[test]
fn faults_of_an_account_have_their_places_and_hints() {
    let warning = |name: &str| {
        format!(
            "a.yaml:4:9: the settings of account `{name}` are not managed: its file has an error and no \
             earlier good form"
        )
    };
    assert_eq!(
        said(&account("pord", "  publicAccessBlock: all\n"), TWO),
        ["a.yaml:4:9: unknown account `pord`\nhint: did you mean `prod`?".to_owned(), warning("pord")]
    );
    assert_eq!(
        said(&account("prod", "  versioning: {status: Enabled}\n"), TWO),
        [
            warning("prod"),
            "a.yaml:6:3: unknown field `versioning`\nhint: known fields: `mode`, `publicAccessBlock`, `suspend`"
                .to_owned()
        ]
    );
    assert_eq!(
        said(&account("prod", "  publicAcessBlock: all\n"), TWO),
        [
            warning("prod"),
            "a.yaml:6:3: unknown field `publicAcessBlock`\nhint: did you mean `publicAccessBlock`?".to_owned()
        ]
    );
    assert_eq!(
        said(&account("prod", "  publicAccessBlock: absent\n"), TWO),
        [
            warning("prod"),
            "a.yaml:6:22: `publicAccessBlock` cannot be `absent`\nhint: S3 always holds a value for it: name the one \
             you want, or leave it out"
                .to_owned()
        ]
    );
    assert_eq!(
        said(&account("'@account'", "  publicAccessBlock: all\n"), TWO),
        [
            "a.yaml:4:9: illegal account name `@account`\nhint: use 1 to 63 letters, digits, `-`, `_` and `.`; the number \
             of the account goes into `id`"
        ]
    );
}

#[test]
fn two_documents_for_one_account_are_a_fault_of_both() {
    let text = format!(
        "{}---\n{}",
        account("prod", "  publicAccessBlock: all\n"),
        account("prod", "  publicAccessBlock: {blockPublicAcls: true}\n")
    );
    let said = said(&text, TWO);
    assert!(
        said.contains(
            &"a.yaml:1:1: account `prod` is described twice\nhint: also in a.yaml:8:1; keep one of them".to_owned()
        ),
        "{said:?}"
    );
    assert!(
        said.contains(
            &"a.yaml:8:1: account `prod` is described twice\nhint: also in a.yaml:1:1; keep one of them".to_owned()
        ),
        "{said:?}"
    );
}

#[test]
fn no_bucket_can_be_named_as_an_account_is() {
    let text = bucket("'@account'", "{versioning: {status: Enabled}}");
    let said = said(&text, "policies: {builtin: []}");
    assert_eq!(
        said,
        [
            "a.yaml:4:18: illegal bucket name `@account`: `@` is not allowed\nhint: use lower-case letters, digits, hyphens and dots"
        ]
    );
}

#[test]
fn a_fault_in_one_document_freezes_its_own_account_and_no_other() {
    let text = |name: &str, spec: &str| account(name, spec).into_bytes();
    let good = BTreeMap::from([("a.yaml".to_owned(), text("prod", "  publicAccessBlock: all\n"))]);
    let now = BTreeMap::from([
        ("a.yaml".to_owned(), text("prod", "  publicAccessBlock: some\n")),
        ("b.yaml".to_owned(), text("research", "  publicAccessBlock: all\n")),
    ]);
    let (desired, findings) = desired_of(&now, &good, &configuration(TWO));
    assert_eq!(findings.len(), 1, "{findings:?}");
    let (prod, research) = (&desired.buckets[&id("prod")], &desired.buckets[&id("research")]);
    assert!(prod.frozen && !research.frozen);
    assert_eq!(prod.wants[0].setting, "publicAccessBlock");
}

#[tokio::test]
async fn only_named_switches_are_written_and_a_second_sweep_writes_nothing() {
    let cloud = MemoryCloud::default();
    let other = json!({"restrictPublicBuckets": true});
    cloud.put(&default_id(), "us-east-1", &[("publicAccessBlock", other)]);
    let rig = Rig::over(&cloud);
    let wanted = desired(&document("Account", "default", "{publicAccessBlock: {blockPublicAcls: true}}"));
    let swept = rig.sweep(&wanted).await;
    assert_eq!((swept.report.repaired, swept.report.in_sync, swept.report.buckets), (1, 1, 1));
    let live = cloud.get(&default_id(), "publicAccessBlock").expect("a block");
    let expected = json!({"blockPublicAcls": true, "ignorePublicAcls": false, "blockPublicPolicy": false,
        "restrictPublicBuckets": true});
    assert_eq!(
        live,
        Doc::of(&serde_json::from_value::<driftless::settings::public_access_block::Value>(expected).expect("a value"))
    );
    cloud.forget_asked();
    let _ = rig.sweep(&wanted).await;
    assert_eq!((cloud.count("read"), cloud.count("write"), cloud.count("list")), (1, 0, 0));
    let told = rig.notes.take();
    assert_eq!(
        told,
        [
            "drift-detected @account spec publicAccessBlock",
            "repair @account publicAccessBlock applied",
            "drift-closed @account spec publicAccessBlock"
        ]
    );
}

#[tokio::test]
async fn what_is_unknown_of_an_account_is_never_written_and_hides_no_bucket() {
    let cloud = MemoryCloud::default();
    cloud.put(&crate::support::looped::id("data"), "us-east-1", &[]);
    let effect = Effect::Fail(S3ErrorKind::Denied);
    cloud.fail(Fault { verb: "read", bucket: "@account".to_owned(), setting: "", times: usize::MAX, effect });
    let text =
        document("Account", "default", "{publicAccessBlock: all}") + &bucket("data", "{versioning: {status: Enabled}}");
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired(&text)).await;
    assert_eq!((swept.report.unknown, swept.report.in_sync, swept.report.repaired), (1, 1, 1));
    let report = rig.board.bucket(&default_id()).expect("on the board");
    assert_eq!(report.errors[0].error.action.as_deref(), Some("s3:GetAccountPublicAccessBlock"));
    assert!(!report.in_sync());
    assert!(report.outputs().is_none(), "an account has no endpoint");
}

#[tokio::test]
async fn an_account_that_only_observes_or_pauses_is_not_written() {
    for (spec, reason) in [
        ("{mode: observe, publicAccessBlock: all}", "observe-only"),
        ("{suspend: {reason: audit, until: 2026-12-01}, publicAccessBlock: all}", "suspended"),
    ] {
        let cloud = MemoryCloud::default();
        let swept = Rig::over(&cloud).sweep(&desired(&document("Account", "default", spec))).await;
        assert_eq!(held(&swept), [format!("@account publicAccessBlock {reason}")]);
        assert_eq!(cloud.count("write"), 0);
    }
}

#[tokio::test]
async fn an_account_that_leaves_the_specs_is_told_and_left_as_it_is() {
    let cloud = MemoryCloud::default();
    cloud.put(&crate::support::looped::id("data"), "us-east-1", &[]);
    let rig = Rig::over(&cloud);
    let data = bucket("data", "{versioning: {status: Enabled}}");
    let _ = rig.sweep(&desired(&(document("Account", "default", "{publicAccessBlock: all}") + &data))).await;
    rig.notes.take();
    let before = cloud.get(&default_id(), "publicAccessBlock");
    let _ = rig.sweep(&desired(&data)).await;
    assert_eq!(rig.notes.take(), ["unmanaged @account"]);
    assert_eq!(cloud.get(&default_id(), "publicAccessBlock"), before);
    assert!(rig.board.bucket(&default_id()).is_none());
}

/// The built-in policy `private` judges the bucket by itself: an account's block can be lifted by
/// one call, in another document, and the bucket would be open that moment.
#[tokio::test]
async fn the_block_of_the_account_does_not_make_a_bucket_private() {
    let cloud = MemoryCloud::default();
    let open = json!({"blockPublicAcls": false});
    let public = json!("public-read");
    let ownership = json!("ObjectWriter");
    let data = crate::support::looped::id("data");
    cloud.put(&data, "us-east-1", &[("publicAccessBlock", open), ("acl", public), ("objectOwnership", ownership)]);
    cloud.put(&default_id(), "us-east-1", &[("publicAccessBlock", json!("all"))]);
    let text = document("Account", "default", "{publicAccessBlock: all}") + &bucket("data", "{}");
    let rig = Rig::over(&cloud);
    let _ = rig.look(&desired_with(&text, "policies: {builtin: [private]}")).await;
    let report = rig.board.bucket(&data).expect("on the board");
    assert_eq!(report.policies[0].verdict.word(), "drifted");
    assert!(rig.board.bucket(&default_id()).expect("on the board").in_sync());
}

#[test]
fn the_actions_of_an_account_are_asked_for_only_where_a_document_names_it() {
    use driftless::cli::iam::{InUse, Role, policy};
    let with = InUse::of(&desired(&document("Account", "default", "{publicAccessBlock: all}")));
    let text = policy(Role::Writer, &with, "aws").to_string();
    assert!(
        text.contains("s3:PutAccountPublicAccessBlock") && !text.contains("s3:PutBucketPublicAccessBlock"),
        "{text}"
    );
    let without = InUse::of(&desired(&bucket("data", "{publicAccessBlock: all}")));
    let text = policy(Role::Writer, &without, "aws").to_string();
    assert!(!text.contains("Account") && text.contains("s3:PutBucketPublicAccessBlock"), "{text}");
}
