//! What there is to tell of a fleet with each kind of trouble in it.

use std::fmt::Write;
use std::time::Duration;

use driftless::notify::picture::{Seen, picture};
use driftless::notify::{Outcome, Picture};
use driftless::report::{Cause, SourceReport, SourceState};

use crate::support::fleet;

fn look(source: &SourceReport, cause: Option<Cause>) -> Picture {
    let buckets = fleet::board().buckets();
    picture(&Seen {
        now: fleet::now(),
        buckets: &buckets,
        source,
        interval: Duration::from_secs(60),
        events: &[],
        cause,
        desired: None,
        revision: cause.and(source.revision.as_deref()),
        before: None,
    })
}

#[test]
fn each_kind_of_trouble_is_told_as_what_it_is() {
    let seen = look(&fleet::source(), Some(Cause::Schedule));
    let mut text = String::new();
    for it in &seen.open {
        let bucket = it.bucket.as_ref().map_or("-".to_owned(), ToString::to_string);
        let (happening, severity) = (it.happening.word(), it.severity.word());
        let policies = it.policies.join("+");
        let detail = it.detail.lines().next().unwrap_or_default();
        writeln!(text, "{happening}/{} {severity} {bucket} {} [{policies}] {detail}", it.reason, it.setting)
            .expect("text");
    }
    for (bucket, words) in &seen.undecided {
        writeln!(text, "undecided {bucket}: {}", words.iter().cloned().collect::<Vec<_>>().join(", ")).expect("text");
    }
    writeln!(text, "{:?}", seen.standing).expect("text");
    insta::assert_snapshot!("picture", text);
}

#[test]
fn a_look_between_sweeps_sees_the_source_alone() {
    let seen = look(&fleet::source(), None);
    assert!(!seen.swept && seen.open.iter().all(|it| it.bucket.is_none()), "{seen:#?}");
    assert_eq!(seen.standing.map(|it| it.outcome), Some(Outcome::Pending));
}

#[test]
fn a_source_that_did_not_answer_once_is_no_news_and_one_that_stays_away_is() {
    let source = |minutes| SourceReport {
        state: SourceState::Stale,
        detail: Some("away".to_owned()),
        last_success: Some(fleet::ago(minutes)),
        findings: Vec::new(),
        ..fleet::source()
    };
    assert_eq!(look(&source(12), None).open, []);
    let [it] = &look(&source(14), None).open[..] else { panic!("one") };
    assert_eq!((it.reason.as_str(), it.detail.as_str()), ("stale", "away"));
}

#[test]
fn a_held_revision_is_the_one_that_is_spoken_of() {
    let source = SourceReport {
        state: SourceState::Held,
        detail: Some("its history was rewritten".to_owned()),
        held_revision: Some("bbbb".to_owned()),
        ..fleet::source()
    };
    let seen = look(&source, Some(Cause::Schedule));
    assert_eq!(seen.revision.map(|it| it.id).as_deref(), Some("bbbb"));
    assert_eq!(seen.standing.map(|it| it.outcome), Some(Outcome::Refused));
    assert!(seen.open.iter().any(|it| it.reason == "held" && it.bucket.is_none()));
}
