//! What S3, the agent or another document does not allow.

use super::*;

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

/// MinIO calls its region `us-east-1`, and was told what AWS alone refuses.
#[test]
fn what_aws_alone_refuses_is_no_fault_on_a_store_of_ones_own() {
    let account = |name: &str| driftless::bucket::AccountName::parse(name).expect("legal");
    let two: BTreeMap<_, _> =
        ["prod", "minio"].map(|name| (account(name), driftless::bucket::Region::us_east_1())).into();
    let known = Context { accounts: Some(two), own_stores: [account("minio")].into(), ..context() };
    let says = |text: &str, context: &Context| {
        let loaded = load(&[File { path: "a.yaml", bytes: text.as_bytes() }], &(), context);
        loaded.findings.iter().map(|it| it.message.clone()).collect::<Vec<_>>()
    };
    let queue = "notifications: {queues: [{id: a, arn: 'arn:aws:sqs:eu-west-1:111122223333:q', events: ['s3:ObjectCreated:*']}]}";
    let far = "the queue is in eu-west-1, the bucket in us-east-1";
    let spec = |account: &str| bucket("ai-data", &format!("{{account: {account}, region: us-east-1, {queue}}}"));
    assert_eq!(says(&spec("prod"), &known), [far]);
    assert_eq!(says(&spec("minio"), &known), [""; 0]);
    assert_eq!(says(&spec("minio"), &context()), [far], "nobody knows of the store");

    // An only account need not be named.
    let only = Context {
        accounts: Some([(account("minio"), driftless::bucket::Region::us_east_1())].into()),
        ..known.clone()
    };
    let alone = bucket("ai-data", &format!("{{region: us-east-1, {queue}}}"));
    assert_eq!(says(&alone, &only), [""; 0]);

    // Names that AWS reads an account and a region from are names like others.
    let named =
        |account: &str| bucket("ai-111122223333-us-west-2-an", &format!("{{account: {account}, region: us-east-1}}"));
    assert_eq!(says(&named("prod"), &known), ["the bucket's name says `us-west-2`, not `us-east-1`"]);
    assert_eq!(says(&named("minio"), &known), [""; 0]);

    // Defaults are judged for each bucket later; a policy only where every account that it means is one.
    let defaults =
        |selector: &str| document("BucketDefaults", "d", &format!("{{match: {selector}, region: us-east-1, {queue}}}"));
    assert_eq!(says(&defaults("{accounts: [prod]}"), &known), [far]);
    assert_eq!(says(&defaults("{accounts: ['min*']}"), &known), [""; 0]);
    assert_eq!(says(&defaults("{}"), &known), [""; 0]);
    let policy = |terms: &str| {
        let statement = "{Effect: Deny, Principal: '*', Action: 's3:*', Resource: '*'}";
        document("Policy", "p", &format!("{{match: {terms}, require: {{policy: {{Statement: [{statement}]}}}}}}"))
    };
    let all = "`*` is not this bucket nor in it";
    assert_eq!(says(&policy("{}"), &known), [all]);
    assert_eq!(says(&policy("{accounts: [minio]}"), &known), [""; 0]);
    assert_eq!(says(&policy("{}"), &only), [""; 0]);
}

#[test]
fn what_s3_would_refuse_is_told_at_its_place() {
    spec_says(
        "  encryption: {kmsKeyId: alias/x}\n  tags: {'aws:x': '1', 'a{': b}\n",
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

/// A policy called `spec` gave two series of one name with different values: a bucket's own spec
/// stands under that word.
#[test]
fn a_policy_has_a_name_of_its_own_in_the_metrics() {
    let policy = |name: &str| document("Policy", name, "{require: {versioning: {status: Enabled}}}");
    says(
        &policy("spec"),
        &[
            "bad.yaml:3:18: `spec` is no name for a policy\nhint: what buckets' own specs say stands under this name in the metrics; give the policy another",
        ],
    );
    says(
        &policy(&"x".repeat(201)),
        &["bad.yaml:3:18: the name of the policy has 201 characters\nhint: write 200 or fewer"],
    );
    for fine in ["specs", "Spec", "my-spec"] {
        assert_eq!(said(&loaded(&[("p.yaml", &policy(fine))], &())), [] as [&str; 0], "{fine}");
    }
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
