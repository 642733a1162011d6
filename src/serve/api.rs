//! The API: what the page shows, as JSON in camelCase. Everything is read from the board.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::board::{PolicyCard, RunningSweep};
use crate::bucket::{BucketId, Outputs};
use crate::capability::EndpointCard;
use crate::clock::Timestamp;
use crate::finding::{Finding, Place, Severity};
use crate::report::{BucketReport, BucketState, SourceReport, SweepReport};
use crate::source::Revision;
use crate::verdict::{Hold, Origin, Verdict};

use super::Serve;
use super::deeper::Depth;
use super::fault::Fault;
use super::health;
use super::query::{self, Filter, PAGE, Summary};

/// `/api/v1/status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    now: Timestamp,
    ready: bool,
    /// Why not.
    reasons: Vec<String>,
    buckets: Summary,
    source: Source,
    sweep: Sweep,
    breakers: Vec<Breaker>,
}

/// The source without the list of findings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    #[serde(flatten)]
    report: SourceReport,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sweep {
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<RunningSweep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Arc<SweepReport>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Timestamp>,
}

#[derive(Serialize)]
struct Breaker {
    name: &'static str,
    reason: Hold,
}

/// Errors and warnings among findings.
pub(super) fn faults(findings: &[Finding]) -> (usize, usize) {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    (errors, findings.len() - errors)
}

pub(super) fn status(serve: &Serve, now: Timestamp) -> Status {
    let board = &serve.board;
    let reasons = health::unready(board, &serve.heartbeat, &serve.options, now);
    let mut report = (*board.source()).clone();
    let (errors, warnings) = faults(&report.findings);
    report.findings.clear();
    Status {
        now,
        ready: reasons.is_empty(),
        reasons,
        buckets: Summary::of(board, now),
        source: Source { report, errors, warnings },
        sweep: Sweep {
            running: board.running(),
            last: board.last_sweep(),
            last_success: board.last_success(),
            next: board.next_sweep(),
        },
        breakers: board.breakers().into_iter().map(|(name, reason)| Breaker { name, reason }).collect(),
    }
}

/// `/api/v1/buckets`.
#[derive(Serialize)]
pub(super) struct Buckets {
    total: usize,
    limit: usize,
    offset: usize,
    buckets: Vec<Row>,
}

/// A bucket in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: BucketId,
    region: String,
    state: BucketState,
    in_sync: bool,
    /// The worst verdict of all.
    verdict: Verdict,
    policies: BTreeMap<Arc<str>, Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<Verdict>,
    held: Vec<Hold>,
    errors: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    checked_at: Timestamp,
}

impl Row {
    fn of(report: &BucketReport) -> Self {
        Self {
            id: report.id.clone(),
            region: report.region.to_string(),
            state: report.state,
            in_sync: query::in_sync(report),
            verdict: report.worst(),
            policies: report.policies.iter().map(|it| (Arc::clone(&it.policy), it.verdict)).collect(),
            spec: query::spec_verdict(report),
            held: report.held.iter().map(|it| it.reason).collect(),
            errors: report.errors.len(),
            since: query::since(report),
            checked_at: report.checked_at,
        }
    }
}

pub(super) fn buckets(serve: &Serve, filter: &Filter, now: Timestamp) -> Buckets {
    let found = filter.find(&serve.board, now);
    Buckets {
        total: found.total,
        limit: filter.limit.unwrap_or(PAGE),
        offset: filter.offset,
        buckets: found.buckets.iter().map(|report| Row::of(report)).collect(),
    }
}

/// `/api/v1/buckets/{account}/{name}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bucket {
    #[serde(flatten)]
    report: Arc<BucketReport>,
    in_sync: bool,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Outputs>,
}

pub(super) fn bucket(report: Arc<BucketReport>) -> Bucket {
    Bucket { in_sync: query::in_sync(&report), verdict: report.worst(), outputs: report.outputs(), report }
}

/// `/api/v1/findings`.
#[derive(Serialize)]
pub(super) struct Findings {
    errors: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

pub(super) fn findings(serve: &Serve) -> Findings {
    let findings = serve.board.source().findings.clone();
    let (errors, warnings) = faults(&findings);
    Findings { errors, warnings, findings }
}

/// `/api/v1/policies`.
#[derive(Serialize)]
pub(super) struct Policies {
    policies: Vec<Policy>,
}

#[derive(Serialize)]
struct Policy {
    #[serde(flatten)]
    card: PolicyCard,
    buckets: BTreeMap<&'static str, usize>,
}

pub(super) fn policies(serve: &Serve) -> Policies {
    let counts = policy_counts(serve);
    let policies = serve.board.policies();
    let policies = policies.iter().map(|card| Policy {
        card: card.clone(),
        buckets: Verdict::ALL.iter().map(|it| (it.word(), count(&counts, &card.name, *it))).collect(),
    });
    Policies { policies: policies.collect() }
}

/// Buckets by policy and verdict.
pub(super) type PolicyCounts = BTreeMap<(Arc<str>, Verdict), usize>;

pub(super) fn policy_counts(serve: &Serve) -> PolicyCounts {
    let mut counts = PolicyCounts::new();
    serve.board.each_bucket(|report| {
        for it in report.policies.iter() {
            *counts.entry((Arc::clone(&it.policy), it.verdict)).or_default() += 1;
        }
    });
    counts
}

pub(super) fn count(counts: &PolicyCounts, policy: &Arc<str>, verdict: Verdict) -> usize {
    counts.get(&(Arc::clone(policy), verdict)).copied().unwrap_or_default()
}

/// What `POST /api/v1/sync` answers.
#[derive(Serialize)]
pub(super) struct Accepted {
    accepted: bool,
}

/// `/api/v1/endpoints`.
#[derive(Serialize)]
pub(super) struct Endpoints {
    endpoints: Arc<[EndpointCard]>,
}

pub(super) fn endpoints(serve: &Serve) -> Endpoints {
    Endpoints { endpoints: serve.board.endpoints() }
}

/// `/api/v1/buckets/{account}/{name}/live`: live and wanted, setting by setting.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Live {
    read_at: Timestamp,
    settings: Vec<LiveSetting>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LiveSetting {
    name: &'static str,
    verdict: Verdict,
    asked: Vec<Asked>,
    /// What is there, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Value>,
    /// Why it is not known what is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// What shall be there, whole, when that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    origin: Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Place>,
    value: Value,
    /// The newest commit that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<Arc<Revision>>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by_unknown: Option<Arc<str>>,
}

pub(super) fn live(depth: &Depth) -> Result<Live, Fault> {
    let compared = depth.compared.as_ref().map_err(|why| {
        let hint = "what was found when it was last checked stands at the bucket itself";
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, format!("the live values are not read: {why}"), hint)
    })?;
    let asked = |(origin, value): &(Origin, Value)| {
        let at = depth.place(origin).cloned();
        let found = at.as_ref().map(|at| depth.who_changed(at));
        Asked {
            origin: origin.clone(),
            at,
            value: value.clone(),
            changed_by: found.as_ref().and_then(|it| it.as_ref().ok().cloned()),
            changed_by_unknown: found.and_then(Result::err),
        }
    };
    let settings = compared.settings.iter().map(|it| LiveSetting {
        name: it.name,
        verdict: it.verdict,
        asked: it.asked.iter().map(asked).collect(),
        live: it.live.as_ref().ok().cloned(),
        unknown: it.live.as_ref().err().cloned(),
        wanted: it.wanted.clone(),
    });
    Ok(Live { read_at: compared.read_at, settings: settings.collect() })
}

/// A sweep was asked for.
pub(super) const ACCEPTED: Accepted = Accepted { accepted: true };
