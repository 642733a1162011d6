//! One bucket's report and what happened to it, from what was planned, done and seen before (pure).

use std::sync::Arc;

use super::{
    BucketReport, BucketState, CausedBy, Event, HeldReport, KEPT_REPAIRS, PolicyStatus, ReadError, Repair,
    RepairResult, SettingStatus, approval_document, held_report,
};
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::observed::{Existence, Observed};
use crate::plan::{BucketPlan, Held, failed_reads};
use crate::source::{Commits, Revision};
use crate::spec::PolicySeverity;
use crate::verdict::{EXISTENCE, Origin, SPEC, Verdict};

/// What one sweep did to one bucket.
#[derive(Debug)]
pub struct Visit<'a> {
    /// What was wanted.
    pub wish: &'a Arc<Wish>,
    /// What was seen at the end.
    pub observed: &'a Observed,
    /// What was planned at first, before anything was written.
    pub first: &'a BucketPlan,
    /// What is left to do at the end.
    pub last: &'a BucketPlan,
    /// The writes that were tried, oldest first.
    pub repairs: Vec<Repair>,
    /// The report of the sweep before.
    pub previous: Option<&'a BucketReport>,
    /// The revision that says what is wanted, where there is one.
    pub revision: Option<&'a Revision>,
    /// The commits that lead to it from that of the sweep before.
    pub commits: Option<&'a Commits>,
    /// The present moment.
    pub now: Timestamp,
}

/// A difference that was opened or closed, for counters.
#[derive(Debug, Clone, PartialEq)]
pub enum DriftChange {
    /// It was seen for the first time.
    Opened {
        /// The policy, or `spec`.
        policy: Arc<str>,
        /// How bad it is.
        severity: PolicySeverity,
    },
    /// It is gone.
    Closed {
        /// The policy, or `spec`.
        policy: Arc<str>,
        /// Since when it was known.
        since: Timestamp,
        /// Up to when the bucket differs by it alone: another difference of the same bucket from the
        /// same policy or spec counts from then on. Until now when nothing is said.
        exposed_until: Option<Timestamp>,
    },
}

/// Says up to when each difference that closed counts. One bucket with five settings that differ is
/// open as long as one with one; `open` is since when the oldest that stays is.
fn count_once(changes: &mut [DriftChange], open: Option<Timestamp>) {
    let closed = |change: &DriftChange| match change {
        DriftChange::Closed { policy, since, .. } if **policy == *SPEC => Some(*since),
        _ => None,
    };
    let Some(first) = changes.iter().filter_map(closed).min() else { return };
    let mut counted = false;
    for change in changes {
        if let Some(from) = closed(change)
            && let DriftChange::Closed { exposed_until, .. } = change
        {
            let alone = from == first && !counted;
            counted |= alone;
            *exposed_until = if alone { open.map(|open| open.max(from)) } else { Some(from) };
        }
    }
}

/// The differences of a bucket that nobody watches any more.
pub fn closings(report: &BucketReport) -> Vec<DriftChange> {
    let mut changes: Vec<DriftChange> = open_lines(report)
        .map(|(policy, _, since)| DriftChange::Closed { policy, since, exposed_until: None })
        .collect();
    count_once(&mut changes, None);
    changes
}

/// A difference by which drift is counted: one per policy, one per setting of the spec.
struct Line<'a> {
    policy: Arc<str>,
    setting: &'static str,
    severity: PolicySeverity,
    first: Verdict,
    last: Verdict,
    detail: &'a str,
    since: Option<Timestamp>,
}

/// Tells what came of a visit.
pub fn tell(visit: Visit<'_>) -> (BucketReport, Vec<Event>, Vec<DriftChange>) {
    let Visit { wish, observed, first, last, repairs, previous, revision, commits, now } = visit;
    let bucket = &wish.id;
    let spec: Arc<str> = SPEC.into();
    let mut lines = Vec::new();
    for (index, verdict) in last.policies.iter().enumerate() {
        let begun = first.policies.get(index).filter(|it| it.policy == verdict.policy);
        let known = previous.and_then(|it| it.policies.iter().find(|it| it.policy == verdict.policy));
        lines.push(Line {
            policy: Arc::clone(&verdict.policy),
            setting: "",
            severity: verdict.severity,
            first: begun.map_or(verdict.verdict, |it| it.verdict),
            last: verdict.verdict,
            detail: begun.and_then(|it| it.detail.as_deref()).or(verdict.detail.as_deref()).unwrap_or_default(),
            since: known.and_then(|it| it.since),
        });
    }
    for verdict in &last.settings {
        let begun = first.settings.iter().find(|it| it.setting == verdict.setting);
        let known = previous.and_then(|it| it.settings.iter().find(|it| it.setting == verdict.setting));
        lines.push(Line {
            policy: Arc::clone(&spec),
            setting: verdict.setting,
            severity: PolicySeverity::Medium,
            first: begun.map_or(verdict.verdict, |it| it.verdict),
            last: verdict.verdict,
            detail: begun.and_then(|it| it.detail.as_deref()).or(verdict.detail.as_deref()).unwrap_or_default(),
            since: known.and_then(|it| it.since),
        });
    }

    // Told in the order in which it happened: seen, written, gone.
    let mut events = Vec::new();
    let mut closed = Vec::new();
    let mut changes = Vec::new();
    let mut since = Vec::with_capacity(lines.len());
    for line in &lines {
        let caused_by = revision.filter(|_| {
            let before = previous.and_then(|it| it.wish.as_ref()).filter(|before| !Arc::ptr_eq(before, wish));
            before.is_some_and(|before| wish.asks_otherwise(before, &line.policy, line.setting))
        });
        let caused_by = caused_by.map(|it| CausedBy::revision(it, commits, &said_in(wish, &line.policy, line.setting)));
        since.push(follow(line, bucket, caused_by, now, &mut events, &mut closed, &mut changes));
    }
    // A policy or a setting that is wanted no more takes its open difference with it.
    for (policy, setting, opened) in previous.into_iter().flat_map(open_lines) {
        if !lines.iter().any(|line| line.policy == policy && line.setting == setting) {
            closed.push(Event::DriftClosed {
                bucket: bucket.clone(),
                policy: Arc::clone(&policy),
                setting,
                since: opened,
            });
            changes.push(DriftChange::Closed { policy, since: opened, exposed_until: None });
        }
    }
    let own = lines.iter().zip(&since).filter(|(line, _)| *line.policy == *SPEC);
    count_once(&mut changes, own.filter_map(|(_, since)| *since).min());
    for repair in &repairs {
        if repair.setting == EXISTENCE && repair.result == RepairResult::Applied {
            events.push(Event::Created {
                bucket: bucket.clone(),
                region: wish.region.clone(),
                origins: repair.origins.clone(),
            });
        } else {
            events.push(Event::Repair { bucket: bucket.clone(), repair: repair.clone() });
        }
    }
    events.append(&mut closed);
    for held in &last.held {
        // Not the words, which may tell the time of the next attempt.
        let known = previous.is_some_and(|it| {
            let same = |it: &&HeldReport| it.setting == held.setting && it.reason == held.hold;
            it.held.iter().any(|it| same(&it) && it.digest == held.digest)
        });
        if !known {
            events.push(Event::Held {
                bucket: bucket.clone(),
                setting: held.setting,
                reason: held.hold,
                detail: held.detail.clone(),
                origins: asked_for(wish, last, held),
                approval: approval_document(bucket, held, now),
            });
        }
    }

    let region = match &observed.existence {
        Existence::Here(region) => region.clone(),
        _ => wish.region.clone(),
    };
    let exempt_until = |policy: &Arc<str>| {
        let use_ = wish.policies.iter().find(|use_| use_.policy.name == *policy)?;
        use_.exemptions.iter().filter(|it| it.expires > now).map(|it| it.expires).max()
    };
    let mut since = since.into_iter();
    let policies = last
        .policies
        .iter()
        .map(|it| PolicyStatus {
            policy: Arc::clone(&it.policy),
            severity: it.severity,
            verdict: it.verdict,
            detail: it.detail.as_deref().map(Into::into),
            since: since.next().flatten(),
            exempt_until: if it.verdict == Verdict::Exempt { exempt_until(&it.policy) } else { None },
        })
        .collect();
    let settings = last
        .settings
        .iter()
        .map(|it| SettingStatus {
            setting: it.setting,
            verdict: it.verdict,
            detail: it.detail.as_deref().map(Into::into),
            since: since.next().flatten(),
        })
        .collect();
    let errors: Box<[ReadError]> = failed_reads(observed)
        .map(|(setting, error)| ReadError { setting, error: error.clone(), hint: error.hint() })
        .collect();
    let unreachable = matches!(observed.existence, Existence::Unknown(_) | Existence::Foreign);
    let state = match (&wish.at, wish.frozen) {
        (None, _) => BucketState::Undeclared,
        (Some(_), true) => BucketState::Invalid,
        (Some(_), false) if unreachable => BucketState::Unreachable,
        _ => BucketState::Managed,
    };
    // What was written as a whole is for the history; the changes tell it to people.
    let mut kept: Vec<Repair> = repairs.into_iter().map(|repair| Repair { to: None, ..repair }).collect();
    kept.reverse();
    kept.extend(previous.into_iter().flat_map(|it| it.repairs.iter().cloned()));
    kept.truncate(KEPT_REPAIRS);
    let report = BucketReport {
        id: bucket.clone(),
        region,
        state,
        spec: wish.at.clone(),
        checked_at: now,
        policies,
        settings,
        held: last
            .held
            .iter()
            .map(|held| HeldReport { origins: asked_for(wish, last, held), ..held_report(bucket, held, now) })
            .collect(),
        repairs: kept.into(),
        errors,
        suspended_until: wish.suspend.as_ref().map(|it| it.until).filter(|until| *until > now),
        wish: wish.at.as_ref().map(|_| Arc::clone(wish)),
    };
    (report, events, changes)
}

/// Who asked for what is held. Where there is no write to hold, these are the policies that do not
/// hold and look at the setting; for the bucket itself it is its spec.
fn asked_for(wish: &Wish, plan: &BucketPlan, held: &Held) -> Vec<Origin> {
    if let Some(step) = &held.step {
        return step.origins.clone();
    }
    let broken = |name: &Arc<str>| plan.policies.iter().any(|it| it.policy == *name && is_open(it.verdict));
    let policies = wish.policies.iter().map(|it| &it.policy).filter(|policy| {
        held.setting != EXISTENCE && broken(&policy.name) && policy.looks_at().contains(&held.setting)
    });
    let policies: Vec<Origin> = policies.map(|policy| Origin::Policy(Arc::clone(&policy.name))).collect();
    if policies.is_empty() { wish.at.clone().map(Origin::Spec).into_iter().collect() } else { policies }
}

/// The files that say what is wanted, the one that says it itself first: a bucket's own file decides
/// which defaults and policies are for it.
fn said_in<'a>(wish: &'a Wish, policy: &str, setting: &str) -> Vec<&'a str> {
    let own = if policy == SPEC {
        wish.wants.iter().find(|it| it.setting == setting).map(|it| &it.at)
    } else {
        wish.policies.iter().find(|it| *it.policy.name == *policy).map(|it| &it.policy.at)
    };
    own.into_iter().chain(&wish.at).map(|at| &*at.file).collect()
}

/// Whether it differs; of a suspended bucket, too.
fn is_open(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Drifted | Verdict::Suspended)
}

/// Follows one difference: says when it opens and closes, and returns since when it is open.
/// What is unknown closes nothing; a difference that was repaired within the sweep opened and
/// closed in it.
fn follow(
    line: &Line<'_>,
    bucket: &crate::bucket::BucketId,
    caused_by: Option<CausedBy>,
    now: Timestamp,
    opened: &mut Vec<Event>,
    closed: &mut Vec<Event>,
    changes: &mut Vec<DriftChange>,
) -> Option<Timestamp> {
    let mut since = line.since;
    if since.is_none() && (is_open(line.first) || is_open(line.last)) {
        opened.push(Event::DriftDetected {
            bucket: bucket.clone(),
            policy: Arc::clone(&line.policy),
            setting: line.setting,
            severity: line.severity,
            detail: line.detail.to_owned(),
            caused_by,
        });
        changes.push(DriftChange::Opened { policy: Arc::clone(&line.policy), severity: line.severity });
        since = Some(now);
    }
    match (since, line.last) {
        (Some(since), Verdict::Compliant | Verdict::Exempt | Verdict::Unsupported) => {
            closed.push(Event::DriftClosed {
                bucket: bucket.clone(),
                policy: Arc::clone(&line.policy),
                setting: line.setting,
                since,
            });
            changes.push(DriftChange::Closed { policy: Arc::clone(&line.policy), since, exposed_until: None });
            None
        }
        (since, _) => since,
    }
}

/// The differences of a bucket that are open: policy, setting, since when.
pub fn open_lines(report: &BucketReport) -> impl Iterator<Item = (Arc<str>, &'static str, Timestamp)> {
    let policies = report.policies.iter().filter_map(|it| Some((Arc::clone(&it.policy), "", it.since?)));
    policies.chain(report.settings.iter().filter_map(|it| Some((SPEC.into(), it.setting, it.since?))))
}
