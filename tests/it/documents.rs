//! Documents end to end: files in, specs and findings out.
//!
//! One table of bad documents and what is said of each: longer than other files, and read line by line.

use std::collections::BTreeMap;

use driftless::finding::Severity;
use driftless::spec::load::{Context, File, LastGood, load};
use driftless::spec::{Approved, Asked, Loaded, Mode, Rule};
use proptest::prelude::*;

fn context() -> Context {
    Context { now: "2026-11-22T12:00:00Z".parse().expect("a moment"), ..Context::default() }
}

fn loaded(files: &[(&str, &str)], last_good: &dyn LastGood) -> Loaded {
    let files: Vec<File<'_>> = files.iter().map(|(path, text)| File { path, bytes: text.as_bytes() }).collect();
    load(&files, last_good, &context())
}

const GOOD: &str = "\
apiVersion: driftless/v1
kind: Bucket
metadata:
  name: ai-model-data
  labels: {team: ml-platform}
spec:
  region: us-east-1
  versioning: {status: Enabled}
  encryption: {algorithm: AES256}
  publicAccessBlock: all
  tags: {Name: AI Model Data Storage, Purpose: Distributed AI Model Training}
";

fn bucket(name: &str, spec: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: driftless/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.specs.buckets.iter().map(|bucket| bucket.name.as_str()).collect()
}

fn said(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(ToString::to_string).collect()
}

/// A bad file says exactly this, and a good file beside it is not lost.
#[track_caller]
fn says(text: &str, says: &[&str]) {
    let mut files = vec![("bad.yaml", text), ("good.yaml", GOOD)];
    let loaded_once = loaded(&files, &());
    let not_managed = |said: &String| !said.contains("not managed");
    let found: Vec<String> = said(&loaded_once).into_iter().filter(not_managed).collect();
    assert_eq!(found, says);
    assert!(names(&loaded_once).contains(&"ai-model-data"), "the good file was lost");
    files.reverse();
    assert_eq!(loaded(&files, &()).findings, loaded_once.findings, "the order of the files matters");
}

/// The spec of a bucket says exactly this.
#[track_caller]
fn spec_says(spec: &str, expected: &[&str]) {
    says(&format!("apiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: ai-data}}\nspec:\n{spec}"), expected);
}

#[test]
fn a_good_bucket_is_read_whole() {
    let loaded = loaded(&[("buckets/a.yaml", GOOD)], &());
    assert_eq!(loaded.findings, []);
    let [bucket] = loaded.specs.buckets.as_slice() else { panic!("one bucket") };
    assert_eq!(bucket.name.as_str(), "ai-model-data");
    assert_eq!(bucket.labels["team"], "ml-platform");
    assert_eq!(bucket.settings.len(), 4);
    let ask = bucket.settings.get("versioning").expect("named");
    assert_eq!(ask.at.to_string(), "buckets/a.yaml:8:3");
    let Asked::Value(doc) = &ask.what else { panic!("a value") };
    assert_eq!(doc.as_str(), r#"{"status":"Enabled"}"#);
    let policies: Vec<&str> = loaded.specs.policies.iter().map(|policy| &*policy.name).collect();
    assert_eq!(policies, ["encrypted", "private", "tagged", "versioned"]);
    assert!(loaded.faulty.is_empty() && loaded.specs.frozen.is_empty());
}

#[test]
fn documents_of_every_kind_are_read() {
    let text = [
        document("BucketDefaults", "all", "{match: {buckets: ['*'], exclude: {labels: {team: x}}}, mode: observe, versioning: {status: Enabled}}"),
        document("Policy", "small", "{require: {tags: absent}, match: {regions: [eu-*]}}"),
        document("Policy", "cel", "{assert: 'true', message: '\"no\"', repair: {publicAccessBlock: all}, parameters: {a: 1}}"),
        document("Exemption", "e", "{policy: private, buckets: [site-*], reason: website, owner: web, expires: 2026-12-31}"),
        document("Approval", "a", "{change: 0123456789abcdef, reason: agreed, expires: 2026-12-31T10:00:00+01:00}"),
        document("Approval", "b", "{fleet: 500, reason: agreed, expires: 2026-12-31}"),
        document("Approval", "c", "{removals: 7, reason: agreed, expires: 2026-12-31}"),
        bucket("ai-data", "{account: prod, mode: observe, objectLock: true, ignore: ['tags.team-*'], tags: absent, suspend: {reason: move, until: 2026-11-23}}"),
    ]
    .join("---\n");
    let loaded = loaded(&[("all.yaml", &text)], &());
    assert_eq!(said(&loaded), [] as [&str; 0]);
    let specs = loaded.specs;
    assert_eq!(specs.defaults[0].selector.exclude.labels["team"], "x");
    assert_eq!(specs.exemptions[0].expires.to_rfc3339(), "2027-01-01T00:00:00+00:00");
    let approved: Vec<&Approved> = specs.approvals.iter().map(|approval| &approval.what).collect();
    let change = Approved::Change("0123456789abcdef".to_owned());
    assert_eq!(approved, [&change, &Approved::Fleet(500), &Approved::Removals(7)]);
    let policy = |name: &str| specs.policies.iter().find(|policy| &*policy.name == name).expect("in force");
    let Rule::Require(asks) = &policy("small").rule else { panic!("a partial spec") };
    assert_eq!(asks.get("tags").map(|ask| &ask.what), Some(&Asked::Absent));
    let Rule::Assert { assert, message, repair } = &policy("cel").rule else { panic!("an expression") };
    assert_eq!((assert.text.as_str(), assert.at.to_string().as_str()), ("true", "all.yaml:14:17"));
    assert!(message.is_some() && repair.get("publicAccessBlock").is_some());
    let bucket = &specs.buckets[0];
    assert_eq!((bucket.mode, bucket.ignore[0].steps.len()), (Some(Mode::Observe), 1));
    let Some(Asked::Value(lock)) = bucket.settings.get("objectLock").map(|ask| &ask.what) else { panic!("a value") };
    assert_eq!(lock.as_str(), r#"{"enabled":true}"#, "the word of before there was a setting");
    assert_eq!(bucket.suspend.as_ref().map(|it| it.reason.as_str()), Some("move"));
}

#[test]
fn unknown_fields_are_told_with_the_nearest_known_one() {
    spec_says(
        "  versionning: {status: Enabled}\n",
        &["bad.yaml:5:3: unknown field `versionning`\nhint: did you mean `versioning`?"],
    );
    spec_says(
        "  versioning: {state: Enabled}\n",
        &["bad.yaml:5:16: unknown field `state`\nhint: did you mean `status`?"],
    );
    spec_says(
        "  versioning: {zzz: Enabled}\n",
        &["bad.yaml:5:16: unknown field `zzz`\nhint: known fields: `mfaDelete`, `status`"],
    );
    says(
        "apiVersion: driftless/v1\nkind: Bucket\nmetadata: {name: ai-data, label: {a: b}}\nspec: {}\nstatus: {}\n",
        &[
            "bad.yaml:3:27: unknown field `label`\nhint: did you mean `labels`?",
            "bad.yaml:5:1: unknown field `status`\nhint: known fields: `apiVersion`, `kind`, `metadata`, `spec`",
        ],
    );
}

#[test]
fn wrong_types_are_told_in_words() {
    spec_says(
        "  versioning: {status: 7}\n",
        &["bad.yaml:5:24: `status` is a number where text is wanted\nhint: allowed: `Enabled`, `Suspended`"],
    );
    spec_says(
        "  versioning: Enabled\n",
        &[
            "bad.yaml:5:15: `versioning` is text where a mapping is wanted\nhint: it is a mapping with `mfaDelete`, `status`",
        ],
    );
    spec_says(
        "  account: 123456789012\n",
        &["bad.yaml:5:12: `account` is a number where text is wanted\nhint: write it in quotes: \"123456789012\""],
    );
    spec_says(
        "  tags: {Name: 7, V: 1.10, B: true, Y: yes}\n",
        &[
            "bad.yaml:5:16: `Name` is a number where text is wanted\nhint: write it in quotes: \"7\"",
            "bad.yaml:5:22: `V` is a number where text is wanted\nhint: write it in quotes: \"1.10\"",
            "bad.yaml:5:31: `B` is a boolean where text is wanted\nhint: write it in quotes: \"true\"",
        ],
    );
    spec_says(
        "  objectLock: yes\n",
        &["bad.yaml:5:15: `objectLock` is text where a boolean or a mapping is wanted\nhint: write `true`"],
    );
    spec_says(
        "  ignore: tags.x\n",
        &["bad.yaml:5:11: `ignore` is text where a list is wanted\nhint: write a list: [tags.x]"],
    );
    spec_says(
        "  ignore: tags.*\n",
        &["bad.yaml:5:11: `ignore` is text where a list is wanted\nhint: write a list: [\"tags.*\"]"],
    );
    spec_says(
        "  region:\n",
        &["bad.yaml:5:3: `region` is empty where text is wanted\nhint: give it a value, or leave `region` out"],
    );
}

#[test]
fn of_several_forms_the_nearest_is_explained() {
    spec_says(
        "  publicAccessBlock: al\n",
        &["bad.yaml:5:22: `publicAccessBlock` cannot be `al`\nhint: did you mean `all`?"],
    );
    spec_says(
        "  publicAccessBlock: 5\n",
        &["bad.yaml:5:22: `publicAccessBlock` is a number where a mapping or `all` is wanted"],
    );
    spec_says(
        "  publicAccessBlock: {blockPublicAcl: true, ignorePublicAcls: yes}\n",
        &[
            "bad.yaml:5:23: unknown field `blockPublicAcl`\nhint: did you mean `blockPublicAcls`?",
            "bad.yaml:5:63: `ignorePublicAcls` is text where a boolean is wanted\nhint: write `true`",
        ],
    );
    spec_says("  tags: abset\n", &["bad.yaml:5:9: `tags` cannot be `abset`\nhint: did you mean `absent`?"]);
    spec_says(
        "  versioning: absent\n",
        &[
            "bad.yaml:5:15: `versioning` cannot be `absent`\nhint: S3 always holds a value for it: name the one you want, or leave it out",
        ],
    );
    spec_says(
        "  encryption: {algorithm: aes-256}\n",
        &["bad.yaml:5:27: `algorithm` cannot be `aes-256`\nhint: did you mean `AES256`?"],
    );
    spec_says(
        "  versioning: {status: 'Yes'}\n",
        &["bad.yaml:5:24: `status` cannot be `Yes`\nhint: allowed: `Enabled`, `Suspended`"],
    );
}

#[test]
fn missing_fields_are_told_where_they_belong() {
    says(
        "apiVersion: driftless/v1\nkind: Bucket\nmetadata: {}\nspec: {suspend: {reason: ''}}\n",
        &[
            "bad.yaml:3:1: `name` is missing in `metadata`\nhint: add `name`: The name, unique among the documents of its kind",
            "bad.yaml:4:8: `until` is missing in `suspend`\nhint: add `until`: Until when: `2026-12-31` (the end of that day, UTC) or `2026-12-31T18:00:00Z`",
            "bad.yaml:4:26: `reason` is empty\nhint: give it a text",
        ],
    );
    says(
        "apiVersion: driftless/v1\nkind: Bucket\nmetadata: {name: x-y}\n",
        &["bad.yaml:1:1: `spec` is missing in the document\nhint: add `spec`: What it says"],
    );
}

#[test]
fn illegal_names_and_unknown_regions_are_told() {
    says(
        &bucket("Ai_Data", "{}"),
        &["bad.yaml:3:18: illegal bucket name `Ai_Data`: `A` is not allowed\nhint: did you mean `ai-data`?"],
    );
    spec_says("  region: us-esat-1\n", &["bad.yaml:5:11: unknown region `us-esat-1`\nhint: did you mean `us-east-1`?"]);
    says(
        &document("Approval", "'a b'", "{fleet: 1, reason: x, expires: 2027-01-01}"),
        &["bad.yaml:3:18: illegal name `a b`: ` ` is not allowed\nhint: use letters, digits, `-`, `_` and `.`"],
    );
    spec_says(
        "  account: 'a b'\n",
        &[
            "bad.yaml:5:12: illegal account name `a b`\nhint: use 1 to 63 letters, digits, `-`, `_` and `.`; the number of the account goes into `id`",
        ],
    );
}

#[test]
fn accounts_are_those_of_the_agent() {
    let two: BTreeMap<_, _> = ["prod", "test"]
        .map(|name| {
            (driftless::bucket::AccountName::parse(name).expect("legal"), driftless::bucket::Region::us_east_1())
        })
        .into();
    let context = Context { accounts: Some(two), ..context() };
    let check = |spec: &str, says: &[&str]| {
        let text = bucket("ai-data", spec);
        let loaded = load(&[File { path: "a.yaml", bytes: text.as_bytes() }], &(), &context);
        let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
        assert_eq!(errors.map(ToString::to_string).collect::<Vec<_>>(), says);
    };
    check("{account: prod}", &[]);
    check("{account: prd}", &["a.yaml:4:17: unknown account `prd`\nhint: did you mean `prod`?"]);
    check("{}", &["a.yaml:4:1: `account` is missing in `spec`\nhint: the agent has several: `prod`, `test`"]);
}

#[test]
fn what_s3_would_refuse_is_told_at_its_place() {
    spec_says(
        "  encryption: {kmsKeyId: x}\n  tags: {'aws:x': '1', 'a{': b}\n",
        &[
            "bad.yaml:5:16: a KMS key without an algorithm that uses it\nhint: write `algorithm: aws:kms` beside it",
            "bad.yaml:6:10: the tag key `aws:x` belongs to AWS\nhint: keys that begin with `aws:` cannot be written; leave it out, and it stays",
            "bad.yaml:6:24: `{` is not allowed in tag `a{`\nhint: use letters, digits, spaces and `_ . : / = + - @`",
        ],
    );
}

#[test]
fn envelopes_are_told_and_foreign_documents_left_alone() {
    says(
        "apiVersion: driftless/v1\nkind: Buckets\nmetadata: {name: x-y}\n",
        &["bad.yaml:2:7: unknown kind `Buckets`\nhint: did you mean `Bucket`?"],
    );
    says(
        "apiVersion: driftless/v2\nkind: Bucket\nmetadata: {name: x-y}\n",
        &["bad.yaml:1:13: unknown apiVersion `driftless/v2`\nhint: write `driftless/v1`"],
    );
    says(
        "kind: Bucket\nmetadata: {name: x-y}\n",
        &["bad.yaml:1:1: `apiVersion` is missing\nhint: add `apiVersion: driftless/v1`"],
    );
    says(
        "apiVersion: driftless/v1\nname: x\n",
        &[
            "bad.yaml:1:1: `kind` is missing\nhint: kinds: `Bucket`, `Account`, `BucketDefaults`, `Policy`, `Exemption`, `Approval`",
        ],
    );
    let foreign = "bad.yaml:1:1: this is no document of driftless and is left alone\n\
                   hint: documents begin with `apiVersion: driftless/v1`; let `source.path` name the folder that holds them";
    says("apiVersion: apps/v1\nkind: Deployment\n", &[foreign]);
    says("- a\n- b\n", &[foreign]);
    assert!(loaded(&[("k8s.yaml", "kind: Pod\napiVersion: v1\n")], &()).faulty.is_empty(), "a warning only");
}

#[test]
fn dates_that_are_none_and_dates_that_are_past_are_told() {
    spec_says(
        "  suspend: {reason: x, until: 31.12.2026}\n",
        &[
            "bad.yaml:5:31: `until` is no date: `31.12.2026`\nhint: write `2026-12-31` (the end of that day, UTC) or `2026-12-31T18:00:00Z`",
        ],
    );
    spec_says(
        "  suspend: {reason: x, until: 2026-11-21}\n",
        &[
            "bad.yaml:5:31: the suspension ended (2026-11-21): writes are allowed again\nhint: remove it, or name a later date",
        ],
    );
    spec_says("  suspend: {reason: x, until: 2026-11-22}\n", &[]);
    says(
        &document("Exemption", "old", "{policy: private, buckets: [x], reason: a, owner: b, expires: 2026-01-01}"),
        &[
            "bad.yaml:4:69: the exemption `old` expired (2026-01-01): it has no effect\nhint: remove it, or name a later date",
        ],
    );
    says(
        &document("Approval", "old", "{fleet: 1, reason: a, expires: 2026-01-01}"),
        &[
            "bad.yaml:4:38: the approval `old` expired (2026-01-01): it has no effect\nhint: remove it, or name a later date",
        ],
    );
}

#[test]
fn an_exemption_of_a_policy_that_does_not_exist_is_told() {
    let exemption = |policy: &str| {
        document(
            "Exemption",
            "e",
            &format!("{{policy: {policy}, buckets: [x], reason: a, owner: b, expires: 2027-01-01}}"),
        )
    };
    says(
        &exemption("privat"),
        &["bad.yaml:4:16: no policy is named `privat`: the exemption has no effect\nhint: did you mean `private`?"],
    );
    says(
        &exemption("zzz"),
        &[
            "bad.yaml:4:16: no policy is named `zzz`: the exemption has no effect\nhint: policies: `encrypted`, `private`, `tagged`, `versioned`",
        ],
    );
    // A policy whose file has an error exists all the same.
    let text =
        format!("{}---\n{}", exemption("own"), document("Policy", "own", "{require: {versioning: {status: 7}}}"));
    says(&text, &["bad.yaml:9:39: `status` is a number where text is wanted\nhint: allowed: `Enabled`, `Suspended`"]);
}

#[test]
fn policies_have_one_rule_and_legal_globs() {
    says(
        &document("Policy", "p", "{require: {versioning: {status: Enabled}}, assert: x, message: y}"),
        &["bad.yaml:4:50: a policy has `require` or `assert`, not both\nhint: write two policies"],
    );
    says(
        &document("Policy", "p", "{require: {versioning: {status: Enabled}}, message: y}"),
        &[
            "bad.yaml:4:50: `message` without `assert`\nhint: `require` tells and repairs by itself; leave `message` out",
        ],
    );
    says(
        &document("Policy", "tagge", "{mode: observe}"),
        &[
            "bad.yaml:3:18: policy `tagge` has neither `require` nor `assert`\nhint: to change the built-in policy, name it `tagged`; else add `require` or `assert`",
        ],
    );
    says(
        "apiVersion: driftless/v1\nkind: Policy\nmetadata: {name: p, annotations: {severity: hihg}}\nspec: {match: {buckets: ['a[b'], bukets: []}, require: {}}\n",
        &[
            "bad.yaml:3:45: `severity` cannot be `hihg`\nhint: did you mean `high`?",
            "bad.yaml:4:26: bad glob `a[b`: unclosed character class; missing ']'\nhint: `*` stands for any text, `?` for one character, `{a,b}` for either",
            "bad.yaml:4:34: unknown field `bukets`\nhint: did you mean `buckets`?",
        ],
    );
}

#[test]
fn a_built_in_policy_can_be_changed_without_its_rule() {
    let text = document("Policy", "versioned", "{mode: observe, match: {buckets: [ai-*]}}");
    let loaded = loaded(&[("p.yaml", &text)], &());
    assert_eq!(said(&loaded), [] as [&str; 0]);
    let policy = loaded.specs.policies.iter().find(|policy| &*policy.name == "versioned").expect("in force");
    assert_eq!((policy.mode, policy.selector.include.buckets.as_slice()), (Mode::Observe, &["ai-*".to_owned()][..]));
    assert!(
        matches!(&policy.rule, Rule::Require(asks) if asks.get("versioning").is_some()),
        "the rule is the built-in's"
    );
    assert_eq!(policy.at.to_string(), "p.yaml:1:1");
    says(
        &document("Policy", "versioned", "{parameters: {x: 1}}"),
        &[
            "bad.yaml:4:21: the built-in policy `versioned` has no parameter `x`\nhint: it has none; give the policy another name and its own rule",
        ],
    );
}

#[test]
fn approvals_approve_one_thing() {
    let approval = |spec: &str| document("Approval", "a", &format!("{{{spec}, reason: x, expires: 2027-01-01}}"));
    says(
        &approval("change: xyz"),
        &[
            "bad.yaml:4:16: `xyz` is no digest of a change\nhint: copy the digest that the plan shows: sixteen of `0-9a-f`",
        ],
    );
    says(&approval("fleet: 1, removals: 2"), &["bad.yaml:4:18: `removals` beside `fleet`\nhint: write two approvals"]);
    says(&approval("fleet: 0"), &["bad.yaml:4:15: `fleet` is 0\nhint: write 1 or more"]);
    says(
        &approval("fleet: '7'"),
        &["bad.yaml:4:15: `fleet` is text where a whole number is wanted\nhint: write it without quotes: 7"],
    );
    says(
        &document("Approval", "a", "{reason: x, expires: 2027-01-01}"),
        &["bad.yaml:4:1: the approval approves nothing\nhint: add `change`, `fleet` or `removals`"],
    );
}

#[test]
fn paths_to_ignore_begin_with_a_setting() {
    spec_says(
        "  ignore: [tag.x, versioning.]\n",
        &[
            "bad.yaml:5:12: unknown setting `tag`\nhint: did you mean `tags`?",
            "bad.yaml:5:19: a step of `versioning.` is empty\nhint: name a field after each dot, or an id in brackets",
        ],
    );
}

#[test]
fn files_that_cannot_be_read_stop_nothing_else() {
    let good = File { path: "good.yaml", bytes: GOOD.as_bytes() };
    let large = vec![b'#'; 10_000_000];
    for (bytes, says) in [
        (&large[..], "bad.yaml:1:1: the file has 10.0 MB\nhint: at most 5 MB are read; split the file"),
        (b"a: \xff", "bad.yaml:1:4: the byte 0xff is no UTF-8\nhint: save the file as UTF-8"),
        (b"a:\n\tb: 1", "bad.yaml:2:1: a tab where YAML wants spaces\nhint: indent with spaces"),
    ] {
        let loaded = load(&[File { path: "bad.yaml", bytes }, good], &(), &context());
        assert_eq!(said(&loaded), [says]);
        assert_eq!(names(&loaded), ["ai-model-data"]);
        assert_eq!(loaded.faulty.iter().map(|path| &**path).collect::<Vec<_>>(), ["bad.yaml"]);
    }
}

#[test]
fn values_may_stand_in_files_and_in_json_text() {
    let text = bucket("ai-data", "\n  versioning: {file: ../v.json}\n  encryption: |\n    {\"algorithm\": \"AES256\"}");
    let ok = loaded(&[("a/b.yaml", &text), ("v.json", "{\"status\": \"Enabled\"}")], &());
    assert_eq!(said(&ok), [] as [&str; 0]);
    assert_eq!(ok.specs.buckets[0].settings.len(), 2);

    let check = |spec: &str, json: &str, says: &[&str]| {
        let loaded = loaded(&[("a/b.yaml", &bucket("ai-data", spec)), ("a/v.json", json), ("good.yaml", GOOD)], &());
        let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
        assert_eq!(errors.map(ToString::to_string).collect::<Vec<_>>(), says);
        assert_eq!(names(&loaded), ["ai-model-data"]);
    };
    check(
        "{versioning: {file: v.json}}",
        "{\n  \"status\": \"Enabeld\"\n}",
        &["a/v.json:2:13: `status` cannot be `Enabeld`\nhint: did you mean `Enabled`?"],
    );
    check(
        "{versioning: {file: v.json}}",
        "{\n  \"status\": ,\n}",
        &["a/v.json:2:13: bad JSON: expected value\nhint: check commas, quotes and brackets here and just before"],
    );
    check(
        "{versioning: {file: w.json}}",
        "{}",
        &["a/b.yaml:4:27: the file `w.json` does not exist\nhint: did you mean `v.json`?"],
    );
    check(
        "{versioning: {file: ../../x}}",
        "{}",
        &[
            "a/b.yaml:4:27: the file `../../x` is outside of the source\nhint: name a file by its path from the folder of this one",
        ],
    );
    check(
        "{versioning: {file: b.yaml}}",
        "{}",
        &["a/b.yaml:4:27: the file `b.yaml` would be read as a document\nhint: give it the ending `.json`"],
    );
    check(
        "\n  versioning: |\n    {\n      \"status\": 7\n    }",
        "{}",
        &["a/b.yaml:7:17: `status` is a number where text is wanted\nhint: allowed: `Enabled`, `Suspended`"],
    );
    check(
        "\n  versioning: |\n    {\n      \"status\": ,\n    }",
        "{}",
        &["a/b.yaml:7:17: bad JSON: expected value\nhint: check commas, quotes and brackets here and just before"],
    );
}

#[test]
fn a_bucket_in_two_files_is_told_at_both_places_and_stays_on_its_last_good_form() {
    let (first, second) =
        (bucket("ai-data", "{versioning: {status: Enabled}}"), bucket("ai-data", "{versioning: {status: Suspended}}"));
    let last_good = BTreeMap::from([("a.yaml".to_owned(), first.clone().into_bytes())]);
    let loaded = loaded(&[("b.yaml", &second), ("a.yaml", &first), ("good.yaml", GOOD)], &last_good);
    assert_eq!(
        said(&loaded),
        [
            "a.yaml:1:1: bucket `ai-data` is described twice\nhint: also in b.yaml:1:1; keep one of them",
            "b.yaml:1:1: bucket `ai-data` is described twice\nhint: also in a.yaml:1:1; keep one of them",
        ]
    );
    assert_eq!(names(&loaded), ["ai-data", "ai-model-data"]);
    let Some(Asked::Value(doc)) = loaded.specs.buckets[0].settings.get("versioning").map(|ask| &ask.what) else {
        panic!("a value")
    };
    assert_eq!(doc.as_str(), r#"{"status":"Enabled"}"#, "the first stays in force");
    assert_eq!(loaded.specs.frozen.len(), 1);
}

#[test]
fn names_are_unique_among_their_kind() {
    for (kind, said_kind, spec) in [
        ("BucketDefaults", "bucket defaults", "{match: {buckets: [none]}}"),
        ("Policy", "policy", "{require: {}}"),
        ("Exemption", "exemption", "{policy: private, buckets: [x], reason: a, owner: b, expires: 2027-01-01}"),
        ("Approval", "approval", "{fleet: 1, reason: a, expires: 2027-01-01}"),
    ] {
        let one = document(kind, "x", spec);
        says(
            &format!("{one}---\n{one}"),
            &[
                &format!(
                    "bad.yaml:1:1: {said_kind} `x` is described twice\nhint: also in bad.yaml:6:1; keep one of them"
                ),
                &format!(
                    "bad.yaml:6:1: {said_kind} `x` is described twice\nhint: also in bad.yaml:1:1; keep one of them"
                ),
            ],
        );
    }
}

#[test]
fn defaults_that_contradict_each_other_are_told_for_the_buckets_they_share() {
    let defaults = |name: &str, owner: &str| {
        document("BucketDefaults", name, &format!("{{tags: {{Owner: {owner}}}, match: {{buckets: [ai-*]}}}}"))
    };
    let (one, other) = (defaults("one", "a"), defaults("other", "b"));
    let files = |bucket: &str| {
        let files = [("1.yaml", one.as_str()), ("2.yaml", other.as_str()), ("b.yaml", bucket)];
        loaded(&files, &BTreeMap::from([("1.yaml".to_owned(), one.clone().into_bytes())]))
    };
    let loaded = files(&bucket("ai-data", "{}"));
    assert_eq!(
        said(&loaded),
        [
            "1.yaml:4:15: `tags.Owner` is `a` here and `b` in `other`, and both are for `ai-data`\nhint: the other is 2.yaml:4:15; narrow `match` of one of them",
            "2.yaml:4:15: `tags.Owner` is `b` here and `a` in `one`, and both are for `ai-data`\nhint: the other is 1.yaml:4:15; narrow `match` of one of them",
        ]
    );
    assert_eq!(loaded.specs.defaults.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["one"], "the last good form");
    assert_eq!((names(&loaded), loaded.specs.frozen.len()), (vec!["ai-data"], 1));
    assert_eq!(said(&files(&bucket("ai-data", "{tags: {Owner: c}}"))), [] as [&str; 0], "its own word wins");
    assert_eq!(said(&files(&bucket("other", "{}"))), [] as [&str; 0], "they share no bucket");
}

#[test]
fn a_file_with_an_error_freezes_only_its_buckets() {
    let old = format!("{}---\n{}", bucket("one-data", "{versioning: {status: Enabled}}"), bucket("two-data", "{}"));
    let new = format!("{}---\n{}", bucket("one-data", "{versioning: {status: Enabeld}}"), bucket("new-data", "{}"));
    let last_good = BTreeMap::from([("a.yaml".to_owned(), old.into_bytes())]);
    let loaded = loaded(&[("a.yaml", &new), ("good.yaml", GOOD)], &last_good);
    assert_eq!(
        said(&loaded),
        [
            "a.yaml:4:29: `status` cannot be `Enabeld`\nhint: did you mean `Enabled`?",
            "a.yaml:8:18: bucket `new-data` is not managed: its file has an error and no earlier good form",
        ]
    );
    assert_eq!(names(&loaded), ["ai-model-data", "one-data", "two-data"]);
    let frozen: Vec<&str> = loaded.specs.frozen.iter().map(driftless::bucket::BucketName::as_str).collect();
    assert_eq!(frozen, ["new-data", "one-data", "two-data"]);
}

#[test]
fn a_policy_with_an_error_stays_on_its_last_good_form() {
    let last_good = BTreeMap::from([(
        "p.yaml".to_owned(),
        document("Policy", "own", "{require: {versioning: {status: Enabled}}}").into_bytes(),
    )]);
    let loaded = loaded(&[("p.yaml", &document("Policy", "own", "{require: {versioning: 5}}"))], &last_good);
    assert_eq!(loaded.findings.len(), 1);
    assert!(loaded.specs.policies.iter().any(|policy| &*policy.name == "own"));
    assert!(loaded.specs.frozen.is_empty());
}

#[test]
fn old_documents_name_old_files() {
    let text = bucket("ai-data", "{versioning: {file: v.json}}");
    let last_good = BTreeMap::from([
        ("a.yaml".to_owned(), text.clone().into_bytes()),
        ("v.json".to_owned(), b"{\"status\": \"Enabled\"}".to_vec()),
    ]);
    let loaded = loaded(&[("a.yaml", &text), ("v.json", "{\"status\":")], &last_good);
    assert_eq!((loaded.findings.len(), names(&loaded)), (1, vec!["ai-data"]));
    assert_eq!(loaded.faulty.iter().map(|path| &**path).collect::<Vec<_>>(), ["a.yaml", "v.json"]);
    assert!(loaded.specs.buckets[0].settings.get("versioning").is_some());
}

/// `policy` is a setting of a bucket and a field of an exemption.
#[test]
fn what_a_setting_is_called_is_a_field_elsewhere() {
    let text = document("Exemption", "e", "{policy: private, buckets: [x], reason: a, owner: b, expires: 2027-01-01}");
    let loaded = loaded(&[("e.yaml", &text)], &());
    assert_eq!(said(&loaded), [] as [&str; 0]);
    assert_eq!(loaded.specs.exemptions[0].policy.as_ref(), "private");
}

#[test]
fn a_bucket_policy_in_a_file_is_told_by_the_places_of_the_file() {
    let text = bucket("ai-data", "{policy: {file: p.json}}");
    let policy = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Alow\"}]}";
    let loaded = loaded(&[("a.yaml", &text), ("p.json", policy)], &());
    let in_file: Vec<_> = loaded.findings.iter().filter(|finding| &*finding.place.file == "p.json").collect();
    assert!(!in_file.is_empty(), "{:?}", said(&loaded));
    assert!(in_file.iter().all(|finding| finding.place.line == 1 && finding.place.column > 26));
    assert_eq!(loaded.faulty.len(), 2);
}

/// Files that meet badly in several ways.
fn crowd() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = (0..200)
        .map(|n| (format!("b/{n}.yaml"), bucket(&format!("data-{}", n % 150), "{versioning: {status: Enabled}}")))
        .collect();
    files.extend((0..4).map(|n| {
        (
            format!("d/{n}.yaml"),
            document("BucketDefaults", &format!("d{n}"), &format!("{{tags: {{Owner: x{}}}}}", n % 3)),
        )
    }));
    files.push(("p.yaml".to_owned(), document("Policy", "tagged", "{mode: observe}")));
    files.push(("bad.yaml".to_owned(), "a: [".to_owned()));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_the_files_does_not_matter(files in Just(crowd()).prop_shuffle()) {
        let load_all = |files: &[(String, String)]| {
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            loaded(&files, &())
        };
        let (sorted, shuffled) = (load_all(&crowd()), load_all(&files));
        prop_assert_eq!(sorted.specs, shuffled.specs);
        prop_assert_eq!(sorted.findings, shuffled.findings);
        prop_assert_eq!(sorted.faulty, shuffled.faulty);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let loaded = load(&[File { path: "a.yaml", bytes: &bytes }], &(), &context());
        prop_assert!(loaded.specs.buckets.is_empty());
    }

    #[test]
    fn a_good_document_with_bytes_changed_never_panics_and_loses_nothing_else(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[-?:,\\[\\]{}#&*!|>'\"%@`~ \\n\\ta-z0-9<]"), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = format!("{GOOD}---\n{}", document("Policy", "p", "{match: {buckets: ['*']}, assert: |-\n  a\n}"));
        let mut bytes = text.into_bytes();
        for (at, by) in changes {
            let at = at.index(bytes.len());
            bytes.splice(at..at, by.bytes());
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let good = bucket("stays-here", "{}");
        let files = [File { path: "a.yaml", bytes: &bytes }, File { path: "good.yaml", bytes: good.as_bytes() }];
        let loaded = load(&files, &(), &context());
        prop_assert!(names(&loaded).contains(&"stays-here"));
    }
}
