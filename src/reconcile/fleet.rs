//! The fleet breaker: one sweep may change so many buckets and no more, unless an approval in
//! git says so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::clock::Timestamp;
use crate::spec::{ApprovalSpec, Approved};

/// How many buckets one sweep may change.
///
/// A spec that is wrong for one bucket is a mistake; one that is wrong for all is an outage. A
/// tenth of a large fleet is more than people change on an ordinary day, and a handful must be
/// possible in the smallest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FleetLimit {
    /// Of all buckets, in percent (0 to 100).
    pub percent: f64,
    /// So many are always allowed.
    pub least: usize,
}

impl Default for FleetLimit {
    fn default() -> Self {
        Self { percent: 10.0, least: 10 }
    }
}

/// Counts the buckets that one sweep changes.
#[derive(Debug)]
pub struct FleetBreaker {
    allowed: usize,
    fleet: usize,
    changed: AtomicUsize,
    wanted: AtomicUsize,
    closed_gate: AtomicBool,
}

impl FleetBreaker {
    /// A breaker for a sweep over so many buckets.
    pub fn new(limit: FleetLimit, fleet: usize, approvals: &[ApprovalSpec], now: Timestamp) -> Self {
        let approved = approvals.iter().filter(|approval| approval.expires > now).filter_map(|it| match it.what {
            Approved::Fleet(buckets) => Some(buckets),
            _ => None,
        });
        let share = (fleet as f64 * limit.percent / 100.0).floor() as usize;
        let allowed = share.max(limit.least).max(approved.max().unwrap_or(0));
        Self {
            allowed,
            fleet,
            changed: AtomicUsize::new(0),
            wanted: AtomicUsize::new(0),
            closed_gate: AtomicBool::new(false),
        }
    }

    /// Says how many buckets are to be changed, before the first is. Too many, and none is.
    pub fn gate(&self, wanted: usize) {
        self.wanted.store(wanted, Ordering::Relaxed);
        self.closed_gate.store(wanted > self.allowed, Ordering::Relaxed);
    }

    /// Whether one more bucket may be changed.
    pub fn admit(&self) -> bool {
        if self.closed_gate.load(Ordering::Relaxed) {
            return false;
        }
        let changed = self.changed.fetch_add(1, Ordering::Relaxed) + 1;
        self.wanted.fetch_max(changed, Ordering::Relaxed);
        changed <= self.allowed
    }

    /// Whether it keeps anything from being changed.
    pub fn is_open(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > self.allowed
    }

    /// Why, and what lets it happen.
    pub fn detail(&self) -> String {
        let wanted = self.wanted.load(Ordering::Relaxed);
        format!(
            "at least {wanted} of {} buckets would change in one sweep, and {} may; an Approval with `fleet: {wanted}` lets it happen",
            self.fleet, self.allowed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(fleet: usize, approved: Option<usize>) -> FleetBreaker {
        let now = Timestamp::from_timestamp(1_800_000_000, 0).expect("a moment");
        let approvals: Vec<ApprovalSpec> = approved
            .map(|buckets| ApprovalSpec {
                name: "migration".into(),
                what: Approved::Fleet(buckets),
                reason: "a test".to_owned(),
                expires: now + chrono::Duration::days(1),
                at: crate::finding::Place { file: "a.yaml".into(), line: 1, column: 1 },
            })
            .into_iter()
            .collect();
        FleetBreaker::new(FleetLimit::default(), fleet, &approvals, now)
    }

    #[test]
    fn a_revision_that_would_change_too_much_changes_nothing() {
        let breaker = breaker(1000, None);
        breaker.gate(101);
        assert!(!breaker.admit());
        assert!(breaker.is_open());
        assert_eq!(
            breaker.detail(),
            "at least 101 of 1000 buckets would change in one sweep, and 100 may; an Approval with `fleet: 101` lets it happen"
        );
    }

    #[test]
    fn a_sweep_stops_changing_when_it_has_changed_enough() {
        let breaker = breaker(20, None);
        assert_eq!((0..15).filter(|_| breaker.admit()).count(), 10);
        assert!(breaker.is_open());
    }

    #[test]
    fn an_approval_lets_more_happen() {
        let breaker = breaker(1000, Some(500));
        breaker.gate(500);
        assert!(breaker.admit());
        assert!(!breaker.is_open());
    }
}
