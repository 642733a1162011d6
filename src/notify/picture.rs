//! How everything stands for those who are told (pure): what is wrong now, bucket by bucket, and
//! what was repaired since the last look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::notice::{Happening, Outcome, RevisionNote, Standing};
use crate::bucket::{BucketId, Region};
use crate::clock::Timestamp;
use crate::desired::{Desired, Wish, said};
use crate::doc::Change;
use crate::finding::Severity;
use crate::policy::Rule;
use crate::report::{
    BucketReport, BucketState, Cause, Event, HeldReport, Repair, RepairResult, SourceReport, SourceState,
};
use crate::spec::{Asked, PolicySeverity};
use crate::verdict::{EXISTENCE, Hold, Origin, SPEC, Verdict, rank};

/// Where a bucket belongs, for the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its region.
    pub region: Region,
    /// The labels of its spec.
    pub labels: BTreeMap<String, String>,
    /// The tags that its spec asks for.
    pub tags: BTreeMap<String, String>,
}

impl Default for Place {
    fn default() -> Self {
        Self { region: Region::us_east_1(), labels: BTreeMap::new(), tags: BTreeMap::new() }
    }
}

/// One thing that is wrong with one bucket, or with the source; or one repair.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is.
    pub happening: Happening,
    /// Why it stays, in one word; empty for a repair.
    pub reason: String,
    /// The bucket; none for the source.
    pub bucket: Option<BucketId>,
    /// Where it belongs.
    pub place: Arc<Place>,
    /// The setting; empty where it is about none.
    pub setting: String,
    /// Who asks for another value: policies, `spec`.
    pub policies: Vec<String>,
    /// How bad it is.
    pub severity: PolicySeverity,
    /// What differs.
    pub changes: Vec<Change>,
    /// More in words.
    pub detail: String,
    /// What to do, in words.
    pub hint: Option<String>,
    /// The document to commit, when one would let it happen.
    pub approval: Option<String>,
    /// What that document names; another one is another question to people.
    pub digest: Option<String>,
    /// Since when it is known.
    pub since: Option<Timestamp>,
    /// The revision that brought it, when one did.
    pub revision: Option<String>,
}

impl Item {
    /// One of this kind, about nothing yet.
    pub fn about(happening: Happening, reason: &str) -> Self {
        static NOWHERE: LazyLock<Arc<Place>> = LazyLock::new(Arc::default);
        Self {
            happening,
            reason: reason.to_owned(),
            bucket: None,
            place: Arc::clone(&NOWHERE),
            setting: String::new(),
            policies: Vec::new(),
            severity: PolicySeverity::Medium,
            changes: Vec::new(),
            detail: String::new(),
            hint: None,
            approval: None,
            digest: None,
            since: None,
            revision: None,
        }
    }
}

/// How everything stands.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// When it was looked at.
    pub at: Timestamp,
    /// What is wrong now.
    pub open: Vec<Item>,
    /// What was repaired since the last look.
    pub repaired: Vec<Item>,
    /// What of a bucket is not known now: settings and policies by name, [`ALL`] for all of it. What
    /// was wrong there is neither wrong nor right.
    pub undecided: BTreeMap<BucketId, BTreeSet<String>>,
    /// Whether every bucket was looked at; otherwise this is about the source alone.
    pub swept: bool,
    /// Whether the source answered since the daemon began: until then what was wrong with it is
    /// neither wrong nor right.
    pub source_known: bool,
    /// The revision in force, or the one that is held.
    pub revision: Option<RevisionNote>,
    /// How the fleet stands under it.
    pub standing: Option<Standing>,
}

/// All of a bucket.
pub const ALL: &str = "*";

/// What there is to see.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The present moment.
    pub now: Timestamp,
    /// Every bucket.
    pub buckets: &'a [Arc<BucketReport>],
    /// The source.
    pub source: &'a SourceReport,
    /// How often the source is asked.
    pub interval: Duration,
    /// What happened since the last look.
    pub events: &'a [Event],
    /// What caused the sweep that ended; `None` when none did.
    pub cause: Option<Cause>,
    /// What every bucket shall be.
    pub desired: Option<&'a Desired>,
    /// The revision that says so. The source may have a newer one by now, which no bucket was held
    /// against yet.
    pub revision: Option<&'a str>,
    /// What every bucket was to be in the sweep before.
    pub before: Option<&'a Desired>,
}

/// A source that did not answer for so long beyond three times its interval is told.
const STALE: chrono::Duration = chrono::Duration::minutes(10);

/// So many faults of documents are told; the page has them all.
const MOST_FINDINGS: usize = 5;

/// Puts together how everything stands.
pub fn picture(seen: &Seen<'_>) -> Picture {
    let source_known = seen.source.last_success.is_some();
    let mut picture = Picture { at: seen.now, swept: seen.cause.is_some(), source_known, ..Picture::default() };
    source(seen, &mut picture);
    if picture.swept {
        for report in seen.buckets {
            bucket(seen, report, &mut picture);
        }
        repaired(seen, &mut picture);
    }
    let held = seen.source.held_revision.clone().filter(|_| seen.source.state == SourceState::Held);
    picture.revision = match held {
        Some(id) => Some(RevisionNote { id, subject: String::new(), author: String::new() }),
        None => seen.source.revision.clone().map(|id| RevisionNote {
            id,
            subject: seen.source.subject.clone().unwrap_or_default(),
            author: seen.source.author.clone().unwrap_or_default(),
        }),
    };
    picture.standing = picture.revision.is_some().then(|| standing(seen));
    picture
}

/// What was repaired, and nothing else: for a sweep that was broken off, after which nobody knows
/// what is wrong and what is over.
pub fn repairs(seen: &Seen<'_>) -> Picture {
    let mut picture = Picture { at: seen.now, ..Picture::default() };
    repaired(seen, &mut picture);
    picture
}

fn standing(seen: &Seen<'_>) -> Standing {
    let (mut buckets, mut in_sync, mut drifted, mut unknown, mut held) = (0, 0, 0, 0, 0);
    for report in seen.buckets.iter().filter(|it| it.state != BucketState::Undeclared) {
        buckets += 1;
        held += report.held.len();
        match report.worst() {
            _ if report.in_sync() => in_sync += 1,
            worst if rank(worst) < rank(Verdict::Drifted) && report.held.is_empty() => unknown += 1,
            _ => drifted += 1,
        }
    }
    let findings = seen.source.findings.iter().filter(|it| it.severity == Severity::Error).count();
    let outcome = match seen.source.state {
        SourceState::Held if seen.source.held_revision.is_some() => Outcome::Refused,
        _ if seen.cause.is_none() || seen.revision != seen.source.revision.as_deref() => Outcome::Pending,
        _ if in_sync == buckets && findings == 0 => Outcome::Good,
        _ => Outcome::Bad,
    };
    Standing { outcome, buckets, in_sync, drifted, unknown, held, findings }
}

fn source(seen: &Seen<'_>, picture: &mut Picture) {
    let source = seen.source;
    let (severity, told) = match source.state {
        SourceState::Ready => (PolicySeverity::Info, false),
        SourceState::Held | SourceState::Failed => (PolicySeverity::High, source.detail.is_some()),
        SourceState::Stale => {
            let patience = chrono::Duration::from_std(seen.interval * 3).unwrap_or_default() + STALE;
            (PolicySeverity::Medium, source.last_success.is_some_and(|at| seen.now - at > patience))
        }
    };
    if told {
        picture.open.push(Item {
            severity,
            detail: source.detail.clone().unwrap_or_default(),
            hint: source.hint.clone(),
            digest: source.held_revision.clone(),
            ..Item::about(Happening::Source, source.state.word())
        });
    }
    let faults: Vec<String> =
        source.findings.iter().filter(|it| it.severity == Severity::Error).map(ToString::to_string).collect();
    if !faults.is_empty() {
        let mut detail = faults.iter().take(MOST_FINDINGS).cloned().collect::<Vec<_>>().join("\n");
        if faults.len() > MOST_FINDINGS {
            detail.push_str(&format!("\nand {} more", faults.len() - MOST_FINDINGS));
        }
        picture.open.push(Item {
            // Their places move with every commit; other faults are another message.
            digest: Some(faults.join("\n")),
            detail,
            hint: Some("correct the documents; what they describe stays on its last good form".to_owned()),
            revision: source.revision.clone(),
            ..Item::about(Happening::Source, "findings")
        });
    }
}

/// How bad it is when a policy, or the spec, is not fulfilled.
fn severity(report: &BucketReport, policies: &[String]) -> PolicySeverity {
    let known = report.policies.iter().filter(|it| policies.iter().any(|policy| **policy == *it.policy));
    let spec = policies.iter().any(|policy| policy == SPEC).then_some(PolicySeverity::Medium);
    known.map(|it| it.severity).chain(spec).max().unwrap_or(PolicySeverity::Medium)
}

fn names(origins: &[Origin]) -> Vec<String> {
    let name = |origin: &Origin| match origin {
        Origin::Spec(_) => SPEC.to_owned(),
        Origin::Policy(name) => name.to_string(),
    };
    origins.iter().map(name).collect::<BTreeSet<_>>().into_iter().collect()
}

fn place(seen: &Seen<'_>, report: &BucketReport) -> Arc<Place> {
    let wish = seen.desired.and_then(|it| it.buckets.get(&report.id));
    let tags = wish.and_then(|wish| wish.wants.iter().find(|it| it.setting == "tags"));
    let tags = tags.and_then(|want| match &want.asked {
        Asked::Value(doc) => doc.parse().ok(),
        Asked::Absent => None,
    });
    Arc::new(Place {
        region: report.region.clone(),
        labels: wish.map(|wish| (*wish.labels).clone()).unwrap_or_default(),
        tags: tags.unwrap_or_default(),
    })
}

/// What is wrong with one bucket.
fn bucket(seen: &Seen<'_>, report: &BucketReport, picture: &mut Picture) {
    undecided(report, picture);
    if report.held.is_empty() && report.errors.is_empty() && report.in_sync() {
        return;
    }
    let place = place(seen, report);
    let begun = picture.open.len();
    let since = |policies: &[String], setting: &str| {
        let of_policies = report.policies.iter().filter(|it| policies.iter().any(|name| **name == *it.policy));
        let of_spec = report.settings.iter().filter(|it| it.setting == setting);
        of_policies.filter_map(|it| it.since).chain(of_spec.filter_map(|it| it.since)).min()
    };
    for held in &report.held {
        let policies = names(&held.origins);
        let mut item = Item {
            bucket: Some(report.id.clone()),
            place: Arc::clone(&place),
            setting: held.setting.to_owned(),
            severity: severity(report, &policies),
            since: since(&policies, held.setting),
            changes: held.changes.clone(),
            detail: held.detail.clone(),
            approval: held.approval.clone(),
            digest: held.digest.clone(),
            ..Item::about(happening(held), held.reason.word())
        };
        if item.happening == Happening::Failed
            && let Some(repair) = failed(report, held.setting)
        {
            item = tell_failure(item, repair);
        }
        item.policies = policies;
        picture.open.push(item);
    }
    let mut lines: Vec<(String, &str, &Option<Box<str>>)> = Vec::new();
    let open = |verdict, since: Option<Timestamp>| verdict == Verdict::Drifted && since.is_some();
    lines.extend(
        report
            .policies
            .iter()
            .filter(|it| open(it.verdict, it.since))
            .map(|it| (it.policy.to_string(), "", &it.detail)),
    );
    lines.extend(
        report
            .settings
            .iter()
            .filter(|it| open(it.verdict, it.since))
            .map(|it| (SPEC.to_owned(), it.setting, &it.detail)),
    );
    for (policy, setting, detail) in lines {
        let told = picture.open[begun..]
            .iter()
            .any(|item| item.policies.contains(&policy) && (policy != SPEC || item.setting == setting));
        if told || joins(seen, &mut picture.open[begun..], report, &policy, detail.as_deref().unwrap_or_default()) {
            continue;
        }
        let policies = vec![policy];
        let mut item = Item {
            bucket: Some(report.id.clone()),
            place: Arc::clone(&place),
            setting: setting.to_owned(),
            severity: severity(report, &policies),
            since: since(&policies, setting),
            detail: detail.as_deref().unwrap_or_default().to_owned(),
            ..Item::about(Happening::Drift, "open")
        };
        if let Some(repair) = report
            .repairs
            .iter()
            .find(|it| failed(report, it.setting).is_some() && names(&it.origins).contains(&policies[0]))
        {
            item = Item { happening: Happening::Failed, ..item };
            item.setting = repair.setting.to_owned();
            item = tell_failure(item, repair);
        }
        item.policies = policies;
        picture.open.push(item);
    }
    // One line a bucket and kind: a role that may not read fails for every setting.
    let mut kinds = BTreeSet::new();
    for it in report.errors.iter().filter(|it| !it.error.kind.is_transient()) {
        if kinds.insert(it.error.kind.word()) {
            let unknown = report.policies.iter().filter(|it| it.verdict == Verdict::Unknown);
            let policies: Vec<String> = unknown.map(|it| it.policy.to_string()).collect();
            picture.open.push(Item {
                bucket: Some(report.id.clone()),
                place: Arc::clone(&place),
                severity: severity(report, &policies),
                policies,
                detail: it.error.to_string(),
                hint: it.hint.clone(),
                ..Item::about(Happening::Unknown, it.error.kind.word())
            });
        }
    }
    let brought = picture.open[begun..].iter_mut().filter(|item| is_brought(seen, &report.id, &item.setting));
    brought.for_each(|item| item.revision = seen.revision.map(str::to_owned));
}

/// Adds a policy that does not hold to the difference of which that is so: where a spec asks for
/// the same value, the difference names the spec alone.
fn joins(seen: &Seen<'_>, items: &mut [Item], report: &BucketReport, policy: &str, detail: &str) -> bool {
    let wish = seen.desired.and_then(|it| it.buckets.get(&report.id));
    let used = wish.and_then(|wish| wish.policies.iter().find(|it| *it.policy.name == *policy));
    let Some(looks_at) = used.map(|it| it.policy.looks_at()) else { return false };
    let fits = |item: &Item| looks_at.contains(&item.setting.as_str());
    let named = items.iter().position(|item| fits(item) && detail.contains(&item.setting));
    let Some(at) = named.or_else(|| items.iter().position(fits)) else { return false };
    let item = &mut items[at];
    item.policies.push(policy.to_owned());
    item.policies.sort();
    item.severity = item.severity.max(severity(report, &[policy.to_owned()]));
    true
}

/// What of a bucket nobody knows now.
fn undecided(report: &BucketReport, picture: &mut Picture) {
    let mut words: BTreeSet<String> = BTreeSet::new();
    if report.state == BucketState::Unreachable || report.errors.iter().any(|it| it.setting == EXISTENCE) {
        words.insert(ALL.to_owned());
    }
    words.extend(report.errors.iter().map(|it| it.setting.to_owned()));
    words.extend(report.policies.iter().filter(|it| it.verdict == Verdict::Unknown).map(|it| it.policy.to_string()));
    words.extend(report.settings.iter().filter(|it| it.verdict == Verdict::Unknown).map(|it| it.setting.to_owned()));
    if !words.is_empty() {
        picture.undecided.insert(report.id.clone(), words);
    }
}

fn happening(held: &HeldReport) -> Happening {
    match held.reason {
        Hold::ObserveOnly | Hold::NoRepair | Hold::Suspended => Happening::Drift,
        Hold::BackingOff | Hold::Throttled => Happening::Failed,
        Hold::OverLimit => Happening::Breaker,
        Hold::NeedsApproval | Hold::Impossible | Hold::Fighting | Hold::WindowClosed => Happening::Held,
    }
}

/// The newest write of a setting, when it failed.
fn failed<'a>(report: &'a BucketReport, setting: &str) -> Option<&'a Repair> {
    let newest = report.repairs.iter().find(|it| it.setting == setting)?;
    (newest.result != RepairResult::Applied).then_some(newest)
}

fn tell_failure(item: Item, repair: &Repair) -> Item {
    let (reason, detail, hint) = match &repair.result {
        RepairResult::Failed { error } => (error.kind.word(), error.to_string(), error.hint()),
        RepairResult::Unproved { detail } => {
            ("unproved", format!("it was written and does not read back: {detail}"), None)
        }
        RepairResult::Applied => return item,
    };
    let changes = if item.changes.is_empty() { repair.changes.clone() } else { item.changes };
    Item { reason: reason.to_owned(), detail, hint, changes, ..item }
}

/// What was repaired, of what happened since the last look.
fn repaired(seen: &Seen<'_>, picture: &mut Picture) {
    let by_id: BTreeMap<&BucketId, &Arc<BucketReport>> = seen.buckets.iter().map(|it| (&it.id, it)).collect();
    for event in seen.events {
        let (bucket, setting, origins, changes, detail) = match event {
            Event::Repair { bucket, repair } if repair.result == RepairResult::Applied => {
                (bucket, repair.setting, &repair.origins, repair.changes.clone(), String::new())
            }
            Event::Created { bucket, region, origins } => {
                (bucket, EXISTENCE, origins, Vec::new(), format!("created in {region}"))
            }
            _ => continue,
        };
        let policies = names(origins);
        let report = by_id.get(bucket);
        picture.repaired.push(Item {
            bucket: Some(bucket.clone()),
            place: report.map(|it| place(seen, it)).unwrap_or_default(),
            setting: setting.to_owned(),
            severity: report.map_or(PolicySeverity::Medium, |it| severity(it, &policies)),
            policies,
            changes,
            detail,
            revision: seen.revision.filter(|_| is_brought(seen, bucket, setting)).map(str::to_owned),
            ..Item::about(Happening::Repaired, "")
        });
    }
}

/// Whether the new revision asks for something else of a setting than the one before: then what
/// differs was brought by a commit, not by somebody at S3.
fn is_brought(seen: &Seen<'_>, id: &BucketId, setting: &str) -> bool {
    let (Some(Cause::Revision), Some(before), Some(desired)) = (seen.cause, seen.before, seen.desired) else {
        return false;
    };
    match (before.buckets.get(id), desired.buckets.get(id)) {
        (None, Some(_)) => true,
        (Some(before), Some(now)) => before.mode != now.mode || asked(before, setting) != asked(now, setting),
        _ => false,
    }
}

/// Who asks what of a setting; of every one when none is named.
fn asked(wish: &Wish, setting: &str) -> Vec<(String, String)> {
    let of = |name: &str| setting.is_empty() || name == setting;
    let spec = wish.wants.iter().filter(|it| of(it.setting)).map(|it| (SPEC.to_owned(), said(&it.asked)));
    let policies = wish.policies.iter().flat_map(|it| {
        let name = it.policy.name.to_string();
        let demands = match &it.policy.rule {
            Rule::Require(demands) | Rule::Assert(_, demands) => demands,
        };
        let whole = (name.clone(), format!("{:?}", it.policy.mode));
        let of_setting = demands.iter().filter(|it| of(it.setting));
        std::iter::once(whole).chain(of_setting.map(move |it| (name.clone(), said(&it.asked))))
    });
    spec.chain(policies).collect()
}
