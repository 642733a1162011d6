//! What a document may say, and what is said of one that says it otherwise.

use super::*;

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
