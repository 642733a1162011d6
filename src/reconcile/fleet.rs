//! The fleet breaker: one sweep may change so many buckets and no more, unless an approval in
//! git says so.

use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Counts the buckets that one sweep changes. It holds two things, each for itself: all that a
/// revision asks anew, when that is too much; and of the rest what is beyond the limit of the sweep.
#[derive(Debug)]
pub struct FleetBreaker {
    allowed: usize,
    fleet: usize,
    /// Of how many buckets the revision asks a change anew, once that is known.
    asked: AtomicUsize,
    changed: AtomicUsize,
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
        Self { allowed, fleet, asked: AtomicUsize::new(0), changed: AtomicUsize::new(0) }
    }

    /// Says of how many buckets the revision asks a change anew, before the first is made. Too
    /// many, and none is.
    pub fn gate(&self, asked: usize) {
        self.asked.store(asked, Ordering::Relaxed);
    }

    /// Whether it holds all that the revision asks anew.
    pub fn holds_revision(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > self.allowed
    }

    /// Whether the revision has passed, though so many buckets could not be looked at for the moment:
    /// it may ask a change of each of them.
    pub fn passes(&self, in_doubt: usize) -> bool {
        self.asked.load(Ordering::Relaxed) + in_doubt <= self.allowed
    }

    /// Whether one more bucket may be changed.
    pub fn admit(&self) -> bool {
        self.changed.fetch_add(1, Ordering::Relaxed) < self.allowed
    }

    /// Whether it keeps anything from being changed.
    pub fn is_open(&self) -> bool {
        self.holds_revision() || self.changed.load(Ordering::Relaxed) > self.allowed
    }

    /// Why the revision is held, and what lets it happen.
    pub fn why_revision(&self) -> String {
        self.why(self.asked.load(Ordering::Relaxed))
    }

    /// Why one more bucket may not be changed, and what lets it happen.
    pub fn why_no_more(&self) -> String {
        self.why(self.changed.load(Ordering::Relaxed))
    }

    fn why(&self, wanted: usize) -> String {
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
        assert!(breaker.holds_revision() && breaker.is_open());
        assert_eq!(
            breaker.why_revision(),
            "at least 101 of 1000 buckets would change in one sweep, and 100 may; an Approval with `fleet: 101` lets it happen"
        );
    }

    #[test]
    fn a_sweep_stops_changing_when_it_has_changed_enough() {
        let breaker = breaker(20, None);
        assert_eq!((0..15).filter(|_| breaker.admit()).count(), 10);
        assert!(breaker.is_open() && !breaker.holds_revision());
    }

    #[test]
    fn an_approval_lets_more_happen() {
        let breaker = breaker(1000, Some(500));
        breaker.gate(500);
        assert!(breaker.admit());
        assert!(!breaker.is_open());
    }

    /// One count stood for both, so drift beyond the limit of a sweep was taken for a revision that
    /// is held, and a revision that is held kept every drift from being repaired.
    #[test]
    fn a_revision_that_is_held_leaves_the_limit_of_a_sweep_to_drift() {
        let breaker = breaker(20, None);
        breaker.gate(11);
        assert_eq!((0..15).filter(|_| breaker.admit()).count(), 10);
        assert!(breaker.holds_revision());
        assert!(breaker.why_revision().starts_with("at least 11 of 20 buckets"));
        assert!(breaker.why_no_more().starts_with("at least 15 of 20 buckets"));
    }

    /// While S3 was away nothing asked for a change, and the revision had passed unseen.
    #[test]
    fn a_revision_passes_only_when_the_buckets_that_were_not_seen_could_not_make_it_too_much() {
        let breaker = breaker(20, None);
        breaker.gate(4);
        assert!(breaker.passes(6));
        assert!(!breaker.passes(7));
    }
}
