//! What a picture says of a source that changes while buckets are looked at.

use std::time::Duration;

use super::Outcome;
use super::picture::{Seen, picture};
use super::sample::at;
use crate::report::{Cause, SourceReport, SourceState};

fn source(state: SourceState) -> SourceReport {
    SourceReport { state, revision: Some("new".to_owned()), last_success: Some(at(0)), ..SourceReport::default() }
}

fn seen<'a>(source: &'a SourceReport, revision: Option<&'a str>) -> Seen<'a> {
    Seen {
        now: at(1),
        buckets: &[],
        source,
        interval: Duration::from_secs(60),
        events: &[],
        cause: Some(Cause::Revision),
        desired: None,
        revision,
        before: None,
    }
}

/// The newest revision got the verdict of a sweep that had held every bucket against the one before.
#[test]
fn a_revision_that_came_during_a_sweep_of_the_one_before_is_not_judged_by_it() {
    let source = source(SourceState::Ready);
    let outcome = |revision| picture(&seen(&source, Some(revision))).standing.map(|it| it.outcome);
    assert_eq!(outcome("old"), Some(Outcome::Pending));
    assert_eq!(outcome("new"), Some(Outcome::Good));
}

/// After a restart one fetch that failed ended what was told of a held revision.
#[test]
fn a_source_that_did_not_answer_since_the_daemon_began_is_not_known() {
    for state in [SourceState::Stale, SourceState::Failed] {
        let detail = Some("away".to_owned());
        let source = SourceReport { last_success: None, detail, ..source(state) };
        assert!(!picture(&seen(&source, None)).source_known, "{state:?}");
    }
    assert!(picture(&seen(&source(SourceState::Stale), None)).source_known, "its last answer was no hold");
}
