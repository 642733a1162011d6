use chrono::TimeZone;
use serde_json::json;

use super::*;
use crate::bucket::{AccountName, BucketName};
use crate::cloud::S3Error;

fn bucket(name: &str) -> BucketId {
    BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("legal") }
}

fn noon() -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).single().expect("exists")
}

fn minutes(count: i64) -> Duration {
    Duration::minutes(count)
}

fn enabled() -> Doc {
    Doc::of(&json!({"status": "Enabled"}))
}

fn failed(kind: S3ErrorKind) -> RepairResult {
    let error = S3Error {
        operation: "PutBucketVersioning".to_owned(),
        object: "data".to_owned(),
        kind,
        code: String::new(),
        status: 0,
        request_id: None,
        message: String::new(),
        action: None,
    };
    RepairResult::Failed { error }
}

fn unproved() -> RepairResult {
    RepairResult::Unproved { detail: "status: Enabled -> Suspended".to_owned() }
}

struct Case {
    past: Past,
}

impl Case {
    fn new() -> Self {
        Self { past: Past::new(Limits { jitter: 0.0, ..Limits::default() }) }
    }

    fn note(&self, result: &RepairResult, at: Timestamp) {
        self.past.note_repair(&bucket("data"), "versioning", &enabled(), result, at);
    }

    fn brake(&self, now: Timestamp) -> Option<(Hold, String)> {
        self.past.brake(&bucket("data"), "versioning", &enabled(), now)
    }

    fn fought() -> Self {
        let case = Self::new();
        for at in [0, 5, 10] {
            case.note(&RepairResult::Applied, noon() + minutes(at));
        }
        case
    }
}

#[test]
fn the_fourth_repair_in_an_hour_is_a_fight() {
    let case = Case::new();
    for at in [0, 5, 10] {
        assert_eq!(case.brake(noon() + minutes(at)), None, "after {at} minutes");
        case.note(&RepairResult::Applied, noon() + minutes(at));
    }
    assert_eq!(case.past.fights(noon() + minutes(10)), 0, "nothing is held yet");
    let said = "repaired 3 times in 1 h; something writes it back; next attempt at 2026-11-22 13:00:00 UTC";
    assert_eq!(case.brake(noon() + minutes(15)), Some((Hold::Fighting, said.to_owned())));
    assert_eq!(case.past.fights(noon() + minutes(15)), 1);
    assert!(case.brake(noon() + minutes(59)).is_some());
    assert_eq!(case.brake(noon() + minutes(60)), None, "the oldest write has left the window");
    assert_eq!(case.past.fights(noon() + minutes(60)), 0);
    case.note(&RepairResult::Applied, noon() + minutes(60));
    assert!(case.brake(noon() + minutes(61)).is_some(), "and never more than three in an hour");
}

#[test]
fn another_value_another_setting_and_another_bucket_are_not_fought_over() {
    let case = Case::fought();
    let now = noon() + minutes(15);
    assert!(case.brake(now).is_some());
    assert_eq!(case.past.brake(&bucket("data"), "versioning", &Doc::of(&json!({})), now), None);
    assert_eq!(case.past.brake(&bucket("data"), "tags", &enabled(), now), None);
    assert_eq!(case.past.brake(&bucket("other"), "versioning", &enabled(), now), None);
}

#[test]
fn unproved_writes_count_and_are_told_as_such() {
    let case = Case::new();
    for at in [0, 5, 10] {
        case.note(&unproved(), noon() + minutes(at));
    }
    let said = "written 3 times in 1 h and never read back as written; next attempt at 2026-11-22 13:00:00 UTC";
    assert_eq!(case.brake(noon() + minutes(15)), Some((Hold::Fighting, said.to_owned())));
}

#[test]
fn a_value_that_changes_each_time_is_a_fight_too() {
    let case = Case::new();
    let stamped = |at: i64| Doc::of(&json!({"Name": "data", "touched": at}));
    for at in 0..9 {
        let now = noon() + minutes(at);
        assert_eq!(case.past.brake(&bucket("data"), "tags", &stamped(at), now), None, "write {at}");
        case.past.note_repair(&bucket("data"), "tags", &stamped(at), &RepairResult::Applied, now);
    }
    let now = noon() + minutes(9);
    let said = "repaired 9 times in 1 h to changing values; something keeps changing it; \
                next attempt at 2026-11-22 13:00:00 UTC";
    assert_eq!(case.past.brake(&bucket("data"), "tags", &stamped(9), now), Some((Hold::Fighting, said.to_owned())));
    case.past.on_revision();
    assert_eq!(case.past.brake(&bucket("data"), "tags", &stamped(9), now), None, "the revision may want the change");
}

#[test]
fn failures_are_tried_ever_more_rarely_up_to_an_hour() {
    let case = Case::new();
    let mut now = noon();
    for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        case.note(&failed(S3ErrorKind::Denied), now);
        let (hold, _) = case.brake(now + Duration::seconds(seconds - 1)).expect("too early");
        assert_eq!(hold, Hold::BackingOff);
        now += Duration::seconds(seconds);
        assert_eq!(case.brake(now), None, "after {seconds} s");
    }
    case.note(&RepairResult::Applied, now);
    case.note(&failed(S3ErrorKind::Denied), now);
    assert_eq!(case.brake(now + Duration::seconds(30)), None, "a success begins anew");
}

#[test]
fn a_failure_tells_how_often_why_and_when_next() {
    let case = Case::new();
    case.note(&failed(S3ErrorKind::Denied), noon());
    let said = "the last attempt failed (denied); next attempt at 2026-11-22 12:00:30 UTC";
    assert_eq!(case.brake(noon()), Some((Hold::BackingOff, said.to_owned())));
    case.note(&failed(S3ErrorKind::Throttled), noon());
    let said = "the last 2 attempts failed (throttled); next attempt at 2026-11-22 12:01:00 UTC";
    assert_eq!(case.brake(noon()), Some((Hold::Throttled, said.to_owned())));
}

#[test]
fn a_new_revision_ends_a_pause_but_not_a_fight_over_the_same_value() {
    let case = Case::new();
    case.note(&failed(S3ErrorKind::Denied), noon());
    case.past.on_revision();
    assert_eq!(case.brake(noon()), None);

    let case = Case::fought();
    case.past.on_revision();
    assert!(case.brake(noon() + minutes(15)).is_some());
}

#[test]
fn jitter_shortens_a_pause_by_a_share_that_is_fixed_for_each_setting() {
    let limits = Limits { jitter: 0.5, ..Limits::default() };
    let pauses: Vec<Duration> =
        (0..50).map(|n| pause(&limits, 3, spread(&bucket(&format!("data-{n}")), "tags", 3))).collect();
    assert!(pauses.iter().all(|it| (Duration::seconds(60)..=Duration::seconds(120)).contains(it)), "{pauses:?}");
    assert!(pauses.iter().max() > pauses.iter().min());
    assert_eq!(pause(&limits, 3, spread(&bucket("data-0"), "tags", 3)), pauses[0]);
    assert_eq!(pause(&limits, u32::MAX, 0.0), Duration::hours(1));
}

#[test]
fn a_clock_that_jumps_back_years_freezes_nothing_for_longer_than_a_window() {
    let case = Case::fought();
    let now = noon() - Duration::days(4000);
    assert!(case.brake(now).is_some(), "the fight is not released by the jump");
    assert_eq!(case.past.fights(now), 1);
    assert_eq!(case.brake(now + Duration::hours(1)), None);

    let case = Case::new();
    case.note(&failed(S3ErrorKind::Server), noon());
    assert!(case.brake(now).is_some());
    assert_eq!(case.brake(now + Duration::seconds(30)), None);
}

#[test]
fn a_clock_that_jumps_forward_releases_a_fight_early_by_no_more_than_the_jump() {
    // Held until 13:00; at 12:15 the clock goes 20 minutes forward.
    let (case, jump) = (Case::fought(), minutes(20));
    assert!(case.brake(noon() + minutes(15)).is_some());
    assert!(case.brake(noon() + minutes(15) + jump).is_some());
    assert!(case.brake(noon() + minutes(39) + jump).is_some(), "39 minutes have passed, and 59 on the clock");
    assert_eq!(case.brake(noon() + minutes(40) + jump), None);
}

#[test]
fn a_clock_that_jumps_forward_and_back_ends_no_fight_that_came_after() {
    let case = Case::new();
    let ahead = noon() + Duration::days(300);
    for at in [0, 5, 10] {
        case.note(&RepairResult::Applied, ahead + minutes(at));
    }
    assert!(case.brake(noon() + minutes(15)).is_some());
    assert!(case.brake(noon() + minutes(70)).is_some());
    assert_eq!(case.brake(noon() + minutes(75)), None);
}

#[test]
fn the_ends_of_time_are_no_fault() {
    let case = Case::fought();
    assert!(case.brake(Timestamp::MIN_UTC).is_some());
    case.note(&failed(S3ErrorKind::Server), Timestamp::MAX_UTC);
    assert!(case.brake(Timestamp::MAX_UTC).is_none(), "there is no later attempt to wait for");
}

#[test]
fn what_is_old_is_forgotten() {
    let case = Case::new();
    for n in 0..1000 {
        let result = if n % 2 == 0 { RepairResult::Applied } else { failed(S3ErrorKind::Server) };
        case.past.note_repair(&bucket(&format!("data-{n}")), "tags", &enabled(), &result, noon());
    }
    assert_eq!(case.past.memory().tracks.len(), 1000);
    case.note(&RepairResult::Applied, noon() + Duration::hours(2));
    assert_eq!(case.past.memory().tracks.len(), 1);
    for _ in 0..1000 {
        case.note(&RepairResult::Applied, noon() + Duration::hours(2));
    }
    assert_eq!(case.past.memory().tracks[&bucket("data")][0].writes.len(), 9);
}

#[test]
fn a_fight_and_a_pause_survive_a_restart() {
    let row = |minute: i64, outcome| PastRepair {
        bucket: bucket("data"),
        setting: "versioning".to_owned(),
        to: Fingerprint::of(&enabled()),
        at: noon() + minutes(minute),
        outcome,
    };
    let case = Case::new();
    case.past.restore([row(10, Outcome::Applied), row(0, Outcome::Applied), row(5, Outcome::Unproved)]);
    let (hold, said) = case.brake(noon() + minutes(15)).expect("held");
    assert_eq!(hold, Hold::Fighting);
    assert!(said.ends_with("next attempt at 2026-11-22 13:00:00 UTC"), "{said}");

    let case = Case::new();
    case.past.restore([row(1, Outcome::Failed(S3ErrorKind::Throttled)), row(0, Outcome::Failed(S3ErrorKind::Server))]);
    let said = "the last 2 attempts failed (throttled); next attempt at 2026-11-22 12:02:00 UTC";
    assert_eq!(case.brake(noon() + minutes(1)), Some((Hold::Throttled, said.to_owned())));
}

#[test]
fn fingerprints_and_outcomes_are_read_back_as_written() {
    let print = Fingerprint::of(&enabled());
    assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
    assert_eq!(Fingerprint::parse("zz"), None);
    assert_eq!(Fingerprint::parse(&"ü".repeat(16)), None);
    for outcome in [Outcome::Applied, Outcome::Unproved, Outcome::Failed(S3ErrorKind::NoSuchBucket)] {
        assert_eq!(Outcome::parse(outcome.word()), Some(outcome));
    }
    assert_eq!(Outcome::parse("eaten"), None);
}

proptest::proptest! {
    #[test]
    fn whatever_the_clock_does_nothing_is_frozen_once_it_runs_true(
        moves in proptest::collection::vec((-20_000_000_i64..20_000_000, 0_u8..5), 1..60),
    ) {
        let case = Case::new();
        let mut now = noon();
        for (seconds, result) in moves {
            now += Duration::seconds(seconds);
            match result {
                0 | 1 => case.note(&RepairResult::Applied, now),
                2 => case.note(&unproved(), now),
                3 => case.note(&failed(S3ErrorKind::Server), now),
                _ => drop(case.brake(now)),
            }
        }
        case.brake(now);
        proptest::prop_assert_eq!(case.brake(now + Duration::hours(1)), None);
    }

    #[test]
    fn a_true_clock_sees_no_more_than_three_repairs_in_any_hour(
        pauses in proptest::collection::vec(1_i64..2400, 1..80),
    ) {
        let case = Case::new();
        let (mut now, mut written) = (noon(), Vec::new());
        for seconds in pauses {
            now += Duration::seconds(seconds);
            if case.brake(now).is_none() {
                case.note(&RepairResult::Applied, now);
                written.push(now);
            }
        }
        for four in written.windows(4) {
            proptest::prop_assert!(four[3] - four[0] >= Duration::hours(1));
        }
    }

    #[test]
    fn a_jump_ahead_shortens_a_fight_by_no_more_than_itself(jump in 0_i64..3600, passed in 0_i64..3600) {
        let case = Case::fought();
        // Without the jump it is held until an hour after the first write.
        let released = case.brake(noon() + minutes(10) + Duration::seconds(passed + jump)).is_none();
        if released {
            proptest::prop_assert!(600 + passed >= 3600 - jump);
        }
    }
}
