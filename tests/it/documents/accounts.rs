//! One name in two accounts is two buckets.

use driftless::bucket::{AccountName, Region};

use super::*;

fn two() -> Context {
    let named = |name| (AccountName::parse(name).expect("legal"), Region::us_east_1());
    Context { accounts: Some(["prod", "research"].map(named).into()), ..context() }
}

fn load_two(files: &[(&str, &str)], last_good: &dyn LastGood) -> Loaded {
    let files: Vec<File<'_>> = files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
    load(&files, last_good, &two())
}

fn frozen(loaded: &Loaded) -> Vec<String> {
    loaded.specs.frozen.iter().map(|it| format!("{} {}", it.account, it.name)).collect()
}

fn said(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(ToString::to_string).collect()
}

/// The one of the other account was frozen, too.
#[test]
fn a_file_with_an_error_freezes_the_bucket_of_its_account() {
    let good = bucket("ai-data", "{account: prod, versioning: {status: Enabled}}");
    let bad = bucket("ai-data", "{account: prod, versioning: {status: On}}");
    let other = bucket("ai-data", "{account: research}");
    let loaded =
        load_two(&[("a.yaml", &bad), ("b.yaml", &other)], &BTreeMap::from([("a.yaml".to_owned(), good.into_bytes())]));
    assert_eq!(loaded.specs.buckets.len(), 2);
    assert_eq!(frozen(&loaded), ["prod ai-data"]);
}

/// One that nobody manages was not told of where another account has one of its name.
#[test]
fn a_bucket_that_is_not_managed_is_told_though_another_account_has_one_of_its_name() {
    let bad = bucket("ai-data", "{account: prod, versioning: {status: On}}");
    let other = bucket("ai-data", "{account: research}");
    let loaded = load_two(&[("a.yaml", &bad), ("b.yaml", &other)], &BTreeMap::<String, Vec<u8>>::new());
    let lost = "a.yaml:3:18: bucket `ai-data` is not managed: its file has an error and no earlier good form";
    assert!(said(&loaded).contains(&lost.to_owned()), "{:?}", said(&loaded));
}

/// Defaults that contradict each other for a bucket of one account froze that of the other.
#[test]
fn defaults_that_contradict_each_other_freeze_the_bucket_of_the_account_that_they_are_for() {
    let defaults = |name: &str, key: &str| {
        format!(
            "---\napiVersion: driftless/v1\nkind: BucketDefaults\nmetadata: {{name: {name}}}\nspec: {{match: {{accounts: [prod]}}, encryption: {{algorithm: {key}}}}}\n"
        )
    };
    let one = bucket("ai-data", "{account: prod}");
    let other = bucket("ai-data", "{account: research}");
    let text = format!("{}{}", defaults("one", "AES256"), defaults("two", "\"aws:kms\""));
    let loaded = load_two(&[("a.yaml", &one), ("b.yaml", &other), ("c.yaml", &text)], &());
    assert_eq!(frozen(&loaded), ["prod ai-data"], "{:?}", said(&loaded));
}

/// The form of old of a broken file that now names the other account's bucket stood against the
/// file to which the bucket was moved.
#[test]
fn a_bucket_that_was_moved_gives_way_though_its_file_names_one_of_its_name_in_another_account() {
    let old = bucket("ai-data", "{account: prod}");
    let bad = bucket("ai-data", "{account: research, versioning: {status: On}}");
    let moved = bucket("ai-data", "{account: prod, versioning: {status: Enabled}}");
    let loaded =
        load_two(&[("a.yaml", &bad), ("b.yaml", &moved)], &BTreeMap::from([("a.yaml".to_owned(), old.into_bytes())]));
    assert!(!said(&loaded).iter().any(|it| it.contains("described twice")), "{:?}", said(&loaded));
    assert!(!loaded.faulty.contains("b.yaml"));
    assert_eq!(loaded.specs.buckets.iter().filter(|it| it.settings.get("versioning").is_some()).count(), 1);
}
