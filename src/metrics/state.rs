//! How everything stands, from the board into the exposition, at the moment somebody asks.
//!
//! Nothing is kept between two scrapes, so a series is gone with the thing it was about.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::board::Board;
use crate::capability::Ability;
use crate::clock::Timestamp;
use crate::finding::Severity;
use crate::report::{BucketReport, BucketState, SourceState};
use crate::spec::PolicySeverity;
use crate::verdict::{Hold, SPEC, Verdict, worst};

use super::text::Exposition;
use super::{Detail, MetricsOptions};

/// How bad drift from a bucket's own spec is: nobody says it, so it is the middle.
pub const SPEC_SEVERITY: PolicySeverity = PolicySeverity::Medium;

/// One bucket under one policy, or under its own spec.
pub(crate) struct Row<'a> {
    pub(crate) policy: &'a Arc<str>,
    pub(crate) severity: PolicySeverity,
    pub(crate) verdict: Verdict,
    pub(crate) since: Option<Timestamp>,
    pub(crate) exempt_until: Option<Timestamp>,
}

/// The rows of a bucket: its policies, and its own spec where it says something.
pub(crate) fn rows<'a>(report: &'a BucketReport, spec: &'a Arc<str>) -> impl Iterator<Item = Row<'a>> {
    let own = (!report.settings.is_empty()).then(|| Row {
        policy: spec,
        severity: SPEC_SEVERITY,
        verdict: worst(report.settings.iter().map(|it| it.verdict)),
        since: report.settings.iter().filter_map(|it| it.since).min(),
        exempt_until: None,
    });
    let policies = report.policies.iter().map(|it| Row {
        policy: &it.policy,
        severity: it.severity,
        verdict: it.verdict,
        since: it.since,
        exempt_until: it.exempt_until,
    });
    policies.chain(own)
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

fn one_if(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

/// Adds every gauge that follows from the board.
pub(super) fn write(out: &mut Exposition<'_>, board: &Board, options: &MetricsOptions, now: Timestamp) {
    agent(out, board, options, now);
    counts(out, board, options);
    if options.detail != Detail::Summary {
        buckets(out, board, options.detail, now);
    }
}

/// The build, the source, the sweep, the breakers: a handful of series.
fn agent(out: &mut Exposition<'_>, board: &Board, options: &MetricsOptions, now: Timestamp) {
    let (source, name) = (board.source(), &*options.source);
    out.family("driftless_build_info").series(&[options.version, options.commit], 1.0);

    out.family("driftless_source_info");
    if let Some(revision) = &source.revision {
        out.series(&[name, &source.url, &source.reference, revision], 1.0);
    }
    out.family("driftless_source_revision_timestamp_seconds");
    if let Some(at) = source.committed_at {
        out.series(&[name], seconds(at));
    }
    out.family("driftless_source_state");
    for state in SourceState::ALL {
        out.series(&[name, state.word()], one_if(state == source.state));
    }
    out.family("driftless_source_interval_seconds").series(&[name], options.source_interval.as_secs_f64());
    out.family("driftless_source_last_success_timestamp_seconds");
    if let Some(at) = source.last_success {
        out.series(&[name], seconds(at));
    }
    let errors = source.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    out.family("driftless_spec_errors").series(&[name], errors as f64);

    out.family("driftless_sweep_interval_seconds").series(&[], options.sweep_interval.as_secs_f64());
    out.family("driftless_sweep_last_success_timestamp_seconds");
    if let Some(at) = board.last_success() {
        out.series(&[], seconds(at));
    }
    let running = board.running().map_or(0.0, |sweep| (seconds(now) - seconds(sweep.started_at)).max(0.0));
    out.family("driftless_sweep_longest_running_seconds").series(&[], running);

    out.family("driftless_sweep_next_timestamp_seconds");
    if let Some(at) = board.next_sweep() {
        out.series(&[], seconds(at));
    }

    out.family("driftless_endpoint_setting_supported");
    for endpoint in board.endpoints().iter() {
        for it in endpoint.settings.iter().filter(|it| it.ability != Ability::NotYetKnown) {
            let (account, region) = (endpoint.account.as_str(), endpoint.region.as_str());
            out.series(&[account, region, &it.setting], one_if(it.ability == Ability::Supported));
        }
    }

    // Both that exist are said from the start, so that an alert on them has something to look at.
    let open = board.breakers();
    let mut reasons = vec![Hold::OverLimit, Hold::Fighting];
    reasons.extend(open.iter().map(|(_, hold)| *hold));
    reasons.sort_unstable();
    reasons.dedup();
    out.family("driftless_breaker_open");
    for reason in reasons {
        let is_open = open.iter().any(|(_, hold)| *hold == reason);
        out.series(&[name, reason.word()], one_if(is_open));
    }
}

/// Calls `see` with each policy that a bucket differs from, `spec` among them, and since when. A
/// bucket counts once, however many settings of it differ.
pub(super) fn each_open(board: &Board, mut see: impl FnMut(&str, Timestamp)) {
    board.each_bucket(|report| {
        for it in report.policies.iter() {
            it.since.into_iter().for_each(|since| see(&it.policy, since));
        }
        report.settings.iter().filter_map(|it| it.since).min().into_iter().for_each(|since| see(SPEC, since));
    });
}

/// Counts over the fleet: the same number of series whatever its size.
fn counts(out: &mut Exposition<'_>, board: &Board, options: &MetricsOptions) {
    let spec: Arc<str> = SPEC.into();
    let mut states = [0_usize; BucketState::ALL.len()];
    let mut holds = [0_usize; Hold::ALL.len()];
    let mut verdicts: BTreeMap<(Arc<str>, PolicySeverity), [usize; Verdict::ALL.len()]> = BTreeMap::new();
    verdicts.insert((Arc::clone(&spec), SPEC_SEVERITY), Default::default());
    for card in board.policies().iter() {
        verdicts.insert((Arc::clone(&card.name), card.severity), Default::default());
    }
    board.each_bucket(|report| {
        // An account's own settings drift and are held like a bucket's; it is none all the same.
        if !report.id.is_account() {
            states[place(&BucketState::ALL, report.state)] += 1;
        }
        for held in &report.held {
            holds[place(&Hold::ALL, held.reason)] += 1;
        }
        for row in rows(report, &spec) {
            let counts = verdicts.entry((Arc::clone(row.policy), row.severity)).or_default();
            counts[place(&Verdict::ALL, row.verdict)] += 1;
        }
    });

    out.family("driftless_buckets");
    for (state, count) in BucketState::ALL.iter().zip(states) {
        out.series(&[&options.source, state.word()], count as f64);
    }
    out.family("driftless_held");
    for (hold, count) in Hold::ALL.iter().zip(holds) {
        out.series(&[hold.word()], count as f64);
    }
    out.family("driftless_policy_buckets");
    for ((policy, severity), counts) in &verdicts {
        for (verdict, count) in Verdict::ALL.iter().zip(counts) {
            out.series(&[policy, severity.word(), verdict.word()], *count as f64);
        }
    }
}

/// Where a value stands among all of its kind.
fn place<T: PartialEq>(all: &[T], value: T) -> usize {
    all.iter().position(|it| *it == value).expect("ALL names every value")
}

/// What is said of each bucket. A metric's series stand together, so the fleet is walked once for
/// each, over one list: a bucket that changes meanwhile does not appear twice.
fn buckets(out: &mut Exposition<'_>, board: &Board, detail: Detail, now: Timestamp) {
    let spec: Arc<str> = SPEC.into();
    let reports = board.buckets();

    out.family("driftless_bucket_policy_status");
    for report in &reports {
        if !out.is_wanted() {
            return;
        }
        for row in rows(report, &spec) {
            if detail == Detail::Policy && row.verdict == Verdict::Compliant {
                continue;
            }
            let (id, region) = (&report.id, report.region.as_str());
            for verdict in Verdict::ALL {
                let value = one_if(verdict == row.verdict);
                out.series(&[id.account.as_str(), region, id.name.as_str(), row.policy, verdict.word()], value);
            }
        }
    }
    // Compliant settings go without saying: six statuses of each of twenty settings would be more
    // than everything else together.
    out.family("driftless_bucket_setting_status");
    for report in &reports {
        for it in report.settings.iter().filter(|it| it.verdict != Verdict::Compliant) {
            let (account, name) = (report.id.account.as_str(), report.id.name.as_str());
            out.series(&[account, report.region.as_str(), name, it.setting, it.verdict.word()], 1.0);
        }
    }
    out.family("driftless_bucket_drift_first_detected_timestamp_seconds");
    for report in &reports {
        for row in rows(report, &spec) {
            if let Some(since) = row.since {
                out.series(&[report.id.account.as_str(), report.id.name.as_str(), row.policy], seconds(since));
            }
        }
    }
    out.family("driftless_exemption_expiry_timestamp_seconds");
    for report in &reports {
        for row in rows(report, &spec) {
            if let Some(until) = row.exempt_until {
                out.series(&[report.id.account.as_str(), report.id.name.as_str(), row.policy], seconds(until));
            }
        }
    }
    out.family("driftless_suspended");
    for report in reports.iter().filter(|report| report.suspended_until.is_some_and(|until| until > now)) {
        out.series(&[report.id.account.as_str(), report.id.name.as_str()], 1.0);
    }
}
