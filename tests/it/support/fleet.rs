//! A small fleet on a board, with a bucket in each kind of trouble.

use std::sync::Arc;

use chrono::{DateTime, Duration};
use driftless::board::{Board, ExemptionCard, PolicyCard};
use driftless::bucket::{AccountName, BucketId, BucketName, Region};
#[cfg(feature = "daemon")]
use driftless::capability::EndpointCard;
use driftless::clock::Timestamp;
use driftless::cloud::{S3Error, S3ErrorKind};
use driftless::doc::Change;
use driftless::finding::{Finding, Place};
use driftless::report::{
    BucketReport, BucketState, Cause, HeldReport, PolicyStatus, ReadError, Repair, RepairResult, SettingStatus,
    SourceReport, SourceState, SweepReport,
};
#[cfg(feature = "daemon")]
use driftless::source::Revision;
use driftless::source::Signature;
use driftless::source::signature::SignatureKind;
use driftless::spec::{Mode, PolicySeverity, Written};
use driftless::verdict::{Hold, Origin, Verdict};
use serde_json::{Value, json};

/// The present moment of every test.
pub fn now() -> Timestamp {
    DateTime::from_timestamp(1_795_348_800, 0).expect("a moment of November 2026")
}

pub fn ago(minutes: i64) -> Timestamp {
    now() - Duration::minutes(minutes)
}

pub fn place(file: &str, line: u32) -> Place {
    Place { file: file.into(), line, column: 1 }
}

pub fn id(account: &str, name: &str) -> BucketId {
    BucketId {
        account: AccountName::parse(account).expect("a legal account"),
        name: BucketName::parse(name).expect("a legal name"),
    }
}

pub const POLICIES: [(&str, PolicySeverity, &str); 4] = [
    ("encrypted", PolicySeverity::Medium, "Buckets encrypt new objects"),
    ("private", PolicySeverity::Critical, "Nobody outside can be let in"),
    ("tagged", PolicySeverity::Low, "Buckets say what they are for"),
    ("versioned", PolicySeverity::Low, "Buckets keep every object version"),
];

/// A bucket of which everything is as wanted.
pub fn bucket(account: &str, name: &str) -> BucketReport {
    let status = |(policy, severity, _): &(&str, PolicySeverity, &str)| PolicyStatus {
        policy: (*policy).into(),
        severity: *severity,
        verdict: Verdict::Compliant,
        detail: None,
        since: None,
        exempt_until: None,
    };
    let setting = |setting| SettingStatus { setting, verdict: Verdict::Compliant, detail: None, since: None };
    BucketReport {
        id: id(account, name),
        region: Region::parse("us-east-1").expect("a legal region"),
        state: BucketState::Managed,
        spec: Some(place(&format!("buckets/{name}.yaml"), 1)),
        checked_at: ago(2),
        policies: POLICIES.iter().map(status).collect(),
        settings: ["existence", "publicAccessBlock", "versioning", "encryption", "tags"].map(setting).into(),
        held: Box::new([]),
        repairs: Box::new([]),
        errors: Box::new([]),
        suspended_until: None,
        wish: None,
    }
}

pub fn policy<'a>(report: &'a mut BucketReport, name: &str) -> &'a mut PolicyStatus {
    Arc::make_mut(&mut report.policies).iter_mut().find(|it| &*it.policy == name).expect("one of the four policies")
}

pub fn setting<'a>(report: &'a mut BucketReport, name: &str) -> &'a mut SettingStatus {
    Arc::make_mut(&mut report.settings).iter_mut().find(|it| it.setting == name).expect("one of the five settings")
}

pub fn change(path: &str, from: Value, to: Value) -> Change {
    let some = |value: Value| (!value.is_null()).then_some(value);
    Change { path: path.to_owned(), from: some(from), to: some(to) }
}

pub fn denied(operation: &str, bucket: &str, action: &str) -> S3Error {
    S3Error {
        operation: operation.to_owned(),
        object: bucket.to_owned(),
        kind: S3ErrorKind::Denied,
        code: "AccessDenied".to_owned(),
        status: 403,
        request_id: Some("4442587FB7D0A2F9".to_owned()),
        message: "Access Denied".to_owned(),
        action: Some(action.to_owned()),
    }
}

fn repaired() -> BucketReport {
    let mut it = bucket("default", "ai-model-data");
    it.repairs = Box::new([
        Repair {
            setting: "versioning",
            at: ago(7),
            changes: vec![change("status", json!("Suspended"), json!("Enabled"))],
            origins: vec![Origin::Spec(place("buckets/ai-model-data.yaml", 8)), Origin::Policy("versioned".into())],
            to: None,
            result: RepairResult::Applied,
        },
        Repair {
            setting: "tags",
            at: ago(190),
            changes: vec![change("Purpose", Value::Null, json!("Distributed AI Model Training"))],
            origins: vec![Origin::Spec(place("buckets/ai-model-data.yaml", 12))],
            to: None,
            result: RepairResult::Failed { error: denied("PutBucketTagging", "ai-model-data", "s3:PutBucketTagging") },
        },
    ]);
    it
}

fn needs_approval() -> BucketReport {
    let mut it = bucket("default", "ai-training-raw");
    let lifecycle = SettingStatus {
        setting: "lifecycle",
        verdict: Verdict::Drifted,
        detail: Some("rules[raw].expiration.days: 365 -> 30".into()),
        since: Some(ago(1500)),
    };
    // The public access block is the policy's matter alone.
    let own = it.settings.iter().filter(|it| it.setting != "publicAccessBlock").cloned();
    it.settings = own.chain([lifecycle]).collect();
    let private = policy(&mut it, "private");
    private.verdict = Verdict::Drifted;
    private.detail = Some("the public access block leaves public policies in force".into());
    private.since = Some(ago(4));
    let origin = Origin::Spec(place("buckets/ai-training-raw.yaml", 16));
    let closed = |at| Repair {
        setting: "publicAccessBlock",
        at,
        changes: vec![
            change("blockPublicPolicy", json!(false), json!(true)),
            change("restrictPublicBuckets", json!(false), json!(true)),
        ],
        origins: vec![Origin::Policy("private".into())],
        to: None,
        result: RepairResult::Applied,
    };
    it.repairs = Box::new([9, 14, 19].map(|minutes| closed(ago(minutes))));
    it.held = Box::new([
        HeldReport {
            setting: "publicAccessBlock",
            reason: Hold::Fighting,
            detail: "repaired 3 times in 20 minutes, and something writes it back".to_owned(),
            origins: vec![Origin::Policy("private".into())],
            changes: vec![
                change("blockPublicPolicy", json!(false), json!(true)),
                change("restrictPublicBuckets", json!(false), json!(true)),
            ],
            digest: None,
            approval: None,
        },
        HeldReport {
            setting: "lifecycle",
            reason: Hold::NeedsApproval,
            detail: "objects would be deleted".to_owned(),
            origins: vec![origin],
            changes: vec![change("rules[raw].expiration.days", json!(365), json!(30))],
            digest: Some("9f86d081884c".to_owned()),
            approval: Some(
                "apiVersion: driftless/v1\nkind: Approval\nmetadata:\n  name: ai-training-raw-lifecycle-9f86d0\nspec:\n  \
                 change: \"9f86d081884c\"\n  reason: TELL WHY\n  expires: 2026-11-29\n"
                    .to_owned(),
            ),
        },
    ]);
    it
}

fn denied_read() -> BucketReport {
    let mut it = bucket("default", "checkpoints");
    let error = denied("GetBucketTagging", "checkpoints", "s3:GetBucketTagging");
    let detail: Box<str> = error.to_string().into();
    policy(&mut it, "tagged").verdict = Verdict::Unknown;
    policy(&mut it, "tagged").detail = Some(detail.clone());
    setting(&mut it, "tags").verdict = Verdict::Unknown;
    setting(&mut it, "tags").detail = Some(detail);
    it.errors = Box::new([ReadError { setting: "tags", hint: error.hint(), error }]);
    it
}

fn exempt() -> BucketReport {
    let mut it = bucket("default", "datasets-eu");
    it.region = Region::parse("eu-central-1").expect("a legal region");
    let tagged = policy(&mut it, "tagged");
    tagged.verdict = Verdict::Exempt;
    tagged.detail = Some("moves to the new schema in December (data-platform@example.com)".into());
    tagged.exempt_until = Some(now() + Duration::days(9));
    it
}

fn suspended() -> BucketReport {
    let mut it = bucket("default", "experiments");
    it.suspended_until = Some(now() + Duration::hours(5));
    let encryption = setting(&mut it, "encryption");
    encryption.verdict = Verdict::Suspended;
    encryption.since = Some(ago(61));
    encryption.detail = Some("algorithm: aws:kms -> AES256".into());
    it.held = Box::new([HeldReport {
        setting: "encryption",
        reason: Hold::Suspended,
        detail: "writing is paused until 2026-11-22 17:00: key migration".to_owned(),
        origins: vec![Origin::Spec(place("buckets/experiments.yaml", 9))],
        changes: vec![change("algorithm", json!("aws:kms"), json!("AES256"))],
        digest: None,
        approval: None,
    }]);
    it
}

fn foreign() -> BucketReport {
    let mut it = bucket("default", "images");
    it.state = BucketState::Unreachable;
    it.policies = Arc::new([]);
    it.settings = Arc::new([SettingStatus {
        setting: "existence",
        verdict: Verdict::Unknown,
        detail: Some("the bucket belongs to another account".into()),
        since: None,
    }]);
    let error = S3Error {
        kind: S3ErrorKind::Foreign,
        action: None,
        request_id: None,
        ..denied("HeadBucket", "images", "s3:ListBucket")
    };
    it.errors = Box::new([ReadError { setting: "existence", hint: error.hint(), error }]);
    it
}

fn undeclared() -> BucketReport {
    let mut it = bucket("default", "old-logs");
    it.state = BucketState::Undeclared;
    it.spec = None;
    it.settings = Arc::new([]);
    let versioned = policy(&mut it, "versioned");
    versioned.verdict = Verdict::Drifted;
    versioned.detail = Some("versioning.status: not set -> Enabled".into());
    versioned.since = Some(ago(43_200));
    it.held = Box::new([HeldReport {
        setting: "versioning",
        reason: Hold::ObserveOnly,
        detail: "no spec declares the bucket".to_owned(),
        origins: vec![Origin::Policy("versioned".into())],
        changes: vec![change("status", Value::Null, json!("Enabled"))],
        digest: None,
        approval: None,
    }]);
    it
}

fn unsupported() -> BucketReport {
    let mut it = bucket("minio", "scratch");
    setting(&mut it, "publicAccessBlock").verdict = Verdict::Unsupported;
    it
}

fn invalid() -> BucketReport {
    BucketReport { state: BucketState::Invalid, ..bucket("default", "features") }
}

/// What stands in a policy.
fn text(name: &str) -> &'static str {
    match name {
        "encrypted" => {
            "spec:\n  match: {buckets: [\"*\"]}\n  mode: enforce\n  require:\n    encryption: {algorithm: AES256}"
        }
        "private" => "spec:\n  match: {buckets: [\"*\"]}\n  mode: enforce\n  require:\n    publicAccessBlock: all",
        "tagged" => {
            "spec:\n  mode: observe\n  parameters:\n    required: {Name: \".+\"}\n  assert: |\n    \
             params.required.all(key, key in bucket.tags && bucket.tags[key].matches(params.required[key]))"
        }
        _ => "spec:\n  match: {buckets: [\"*\"]}\n  mode: enforce\n  require:\n    versioning: {status: Enabled}",
    }
}

fn parameters() -> serde_json::Map<String, Value> {
    json!({"required": {"Name": ".+"}}).as_object().expect("a mapping").clone()
}

/// Exemptions from `tagged`: one that stands, one that ends soon, one that ended.
pub fn exemptions() -> Vec<ExemptionCard> {
    let exemption = |name: &str, bucket: &str, days, line| ExemptionCard {
        name: name.into(),
        buckets: vec![bucket.to_owned()],
        reason: "moves to the new schema in December".to_owned(),
        owner: "data-platform@example.com".to_owned(),
        expires: now() + Duration::days(days),
        at: place("exemptions.yaml", line),
    };
    vec![
        exemption("datasets", "datasets-*", 9, 1),
        exemption("scratch", "ai-training-raw", 3, 11),
        exemption("old", "*", -2, 21),
    ]
}

/// A commit of the source.
#[cfg(feature = "daemon")]
pub fn commit(message: &str, author: &str) -> Revision {
    Revision {
        id: "9c3e5d7f1b2a4c6e8f0a1b3c5d7e9f0a2b4c6d8e".to_owned(),
        author: author.to_owned(),
        message: message.to_owned(),
        committed_at: Some(ago(4000)),
        signature: None,
    }
}

/// The policies in force.
pub fn cards() -> Vec<PolicyCard> {
    let card = |(name, severity, title): (&str, PolicySeverity, &str)| PolicyCard {
        name: name.into(),
        title: Some(title.to_owned()),
        severity,
        mode: if name == "tagged" { Mode::Observe } else { Mode::Enforce },
        file: format!("built-in/{name}.yaml").into(),
        line: 4,
        written: Arc::new([Written { at: place(&format!("built-in/{name}.yaml"), 11), text: text(name).into() }]),
        parameters: if name == "tagged" { parameters() } else { Default::default() },
        exemptions: if name == "tagged" { exemptions() } else { Vec::new() },
    };
    POLICIES.map(card).into()
}

/// A source that is ready, with two faults in its documents.
pub fn source() -> SourceReport {
    SourceReport {
        state: SourceState::Ready,
        url: "https://git.example.com/platform/buckets.git".to_owned(),
        reference: "main".to_owned(),
        revision: Some("4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203".to_owned()),
        subject: Some("Encrypt the experiments again".to_owned()),
        author: Some("Ada Lovelace <ada@example.com>".to_owned()),
        committed_at: Some(ago(95)),
        signature: Some(Signature {
            kind: SignatureKind::Ssh,
            key: Some("SHA256:WqlW08KMNAQ2Mj5tmrWD0QYc+fFFlKHCRf11rdoTO+M".to_owned()),
        }),
        last_success: Some(ago(1)),
        findings: vec![
            Finding::error(
                Place { file: "buckets/features.yaml".into(), line: 9, column: 3 },
                "unknown field `versionning`",
            )
            .hint("did you mean `versioning`?"),
            Finding::warning(place("exemptions.yaml", 4), "the exemption `old` has expired").hint("remove it"),
        ],
        ..SourceReport::default()
    }
}

/// A source with a revision that is not obeyed.
#[cfg(feature = "daemon")]
pub fn held_source() -> SourceReport {
    let commit = Revision {
        id: "d4b9a1c2e3f405162738495a6b7c8d9e0f1a2b3c".to_owned(),
        committed_at: Some(ago(12)),
        signature: Some(Signature { kind: SignatureKind::OpenPgp, key: Some("AB".repeat(20)) }),
        ..commit("Start the buckets over", "Mallory <mallory@example.com>")
    };
    SourceReport {
        state: SourceState::Held,
        detail: Some(
            "revision d4b9a1c2e3f4 is not obeyed: history was rewritten: d4b9a1c2e3f4 does not descend from 4f1c2b7e9a0d"
                .to_owned(),
        ),
        hint: Some("when this was meant, set the source's `accept: d4b9a1c2e3f4`".to_owned()),
        held_revision: Some(commit.id.clone()),
        release: Some(driftless::source::acceptance(&commit.id)),
        held_commit: Some(commit),
        ..source()
    }
}

/// The endpoints of the fleet: AWS, and a store of one's own.
#[cfg(feature = "daemon")]
pub fn endpoints() -> Vec<EndpointCard> {
    let card = |account: &str, address: Option<&str>| EndpointCard {
        account: AccountName::parse(account).expect("legal"),
        region: Region::parse("us-east-1").expect("legal"),
        address: address.map(str::to_owned),
        settings: Vec::new(),
    };
    vec![card("default", None), card("minio", Some("http://minio.example:9000"))]
}

/// The sweep that ended last.
pub fn sweep() -> SweepReport {
    SweepReport {
        cause: Cause::Schedule,
        started_at: ago(3),
        seconds: 12.5,
        buckets: 9,
        in_sync: 4,
        drifted: 2,
        unknown: 2,
        repaired: 1,
        failed: 0,
        held: 4,
        interrupted: false,
        errors: Vec::new(),
    }
}

/// The whole fleet.
pub fn board() -> Arc<Board> {
    let board = Board::default();
    board.put_source(source());
    board.put_policies(cards());
    for report in [
        repaired(),
        needs_approval(),
        denied_read(),
        exempt(),
        suspended(),
        invalid(),
        foreign(),
        undeclared(),
        unsupported(),
    ] {
        board.put_bucket(report);
    }
    board.put_sweep(sweep(), ago(2));
    board.put_next_sweep(Some(now() + Duration::minutes(3)));
    board.put_breaker("loop", Some(Hold::Fighting));
    Arc::new(board)
}

/// A large fleet in which one bucket in a hundred has drifted.
pub fn large(buckets: usize) -> Arc<Board> {
    let board = Board::default();
    board.put_source(source());
    board.put_policies(cards());
    for place in 0..buckets {
        let mut report = bucket("default", &format!("team-{:02}-training-data-{place:06}", place % 40));
        if place % 100 == 0 {
            policy(&mut report, "versioned").verdict = Verdict::Drifted;
            policy(&mut report, "versioned").since = Some(ago(5));
        }
        board.put_bucket(report);
    }
    board.put_sweep(sweep(), ago(2));
    Arc::new(board)
}
