//! What comes back from the history after a restart.

use std::collections::BTreeMap;

use crate::board::Board;
use crate::bucket::{BucketId, Region};
use crate::capability::Capabilities;
use crate::clock::Timestamp;
use crate::history::{History, OpenDrift};
use crate::past::Past;
use crate::report::{BucketReport, BucketState, PolicyStatus, SettingStatus};
use crate::settings;
use crate::spec::PolicySeverity;
use crate::verdict::{EXISTENCE, SPEC, Verdict};

/// What comes back after a restart: writes for the loop breaker, and since when differences are
/// open.
pub(super) async fn repairs_and_drifts(history: &History, past: &Past, board: &Board, now: Timestamp) {
    match history.recent_repairs(now - chrono::Duration::days(1)).await {
        Ok(repairs) => past.restore(repairs),
        Err(error) => tracing::warn!("the writes of the last day are not remembered: {error}"),
    }
    let drifts = match history.open_drifts().await {
        Ok(drifts) => drifts,
        Err(error) => {
            tracing::warn!("since when differences are open is not remembered: {error}");
            return;
        }
    };
    let mut by_bucket: BTreeMap<BucketId, Vec<OpenDrift>> = Default::default();
    for drift in drifts {
        by_bucket.entry(drift.bucket.clone()).or_default().push(drift);
    }
    for (id, drifts) in by_bucket {
        board.put_bucket(unchecked(id, drifts, now));
    }
}

/// The name under which the history keeps what the endpoints can do.
pub(super) const ENDPOINTS: &str = "endpoints";

/// The name under which the history keeps which revision passed the fleet breaker last.
pub(super) const PASSED: &str = "passed";

/// What this version learned of the endpoints before a restart.
pub(super) async fn endpoints(history: &History, capabilities: &Capabilities, board: &Board, now: Timestamp) {
    match history.cached(ENDPOINTS).await {
        Ok(Some(saved)) => capabilities.restore(&saved, env!("CARGO_PKG_VERSION")),
        Ok(None) => {}
        Err(error) => tracing::warn!("what the endpoints can do is not remembered: {error}"),
    }
    board.put_endpoints(capabilities.cards(now));
}

/// A bucket of which only the open differences of an earlier life are known.
fn unchecked(id: BucketId, drifts: Vec<OpenDrift>, now: Timestamp) -> BucketReport {
    let detail = || Some("not checked since the daemon began".into());
    let (mut policies, mut own) = (Vec::new(), Vec::new());
    for drift in drifts {
        if &*drift.policy == SPEC {
            let setting = settings::find(&drift.setting).map_or(EXISTENCE, |setting| setting.name());
            own.push(SettingStatus { setting, verdict: Verdict::Unknown, detail: detail(), since: Some(drift.since) });
        } else {
            policies.push(PolicyStatus {
                policy: drift.policy,
                severity: PolicySeverity::default(),
                verdict: Verdict::Unknown,
                detail: detail(),
                since: Some(drift.since),
                exempt_until: None,
            });
        }
    }
    BucketReport {
        id,
        region: Region::us_east_1(),
        state: BucketState::Managed,
        spec: None,
        checked_at: now,
        policies: policies.into(),
        settings: own.into(),
        held: Box::default(),
        repairs: Box::default(),
        errors: Box::default(),
        suspended_until: None,
        wish: None,
    }
}
