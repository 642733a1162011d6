//! Whether the daemon lives, and whether what it shows can be relied on (pure but for one number
//! that the loop writes).

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::Duration;

use crate::board::Board;
use crate::clock::Timestamp;
use crate::report::SourceState;

use super::Options;

/// The loop's sign of life.
#[derive(Debug)]
pub struct Heartbeat(AtomicI64);

impl Heartbeat {
    /// A loop that begins now.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.timestamp_millis()))
    }

    /// The loop lives. It beats several times in `silent_after`, whether or not there is work.
    pub fn beat(&self, now: Timestamp) {
        self.0.store(now.timestamp_millis(), Ordering::Relaxed);
    }

    /// How long it has been silent; nothing when the clock was put back.
    fn silence(&self, now: Timestamp) -> Duration {
        Duration::milliseconds((now.timestamp_millis() - self.0.load(Ordering::Relaxed)).max(0))
    }
}

/// Why the process should be started again, when it should.
pub fn dead(heartbeat: &Heartbeat, options: &Options, now: Timestamp) -> Option<String> {
    let silence = heartbeat.silence(now);
    let limit = limit(options.silent_after);
    (silence > limit).then(|| {
        format!(
            "the loop has given no sign of life for {} s; {} s are allowed",
            silence.num_seconds(),
            limit.num_seconds()
        )
    })
}

/// Why what is shown cannot be relied on; nothing when it can.
pub fn unready(board: &Board, heartbeat: &Heartbeat, options: &Options, now: Timestamp) -> Vec<String> {
    let mut reasons: Vec<String> = dead(heartbeat, options, now).into_iter().collect();
    if board.source().state == SourceState::Failed {
        reasons.push("no revision is in force".to_owned());
    }
    reasons.extend(unswept(board, options, now));
    reasons
}

/// The same without the source, of whose troubles the page tells more.
pub fn stopped(board: &Board, heartbeat: &Heartbeat, options: &Options, now: Timestamp) -> Vec<String> {
    dead(heartbeat, options, now).into_iter().chain(unswept(board, options, now)).collect()
}

/// Why the fleet is not looked at.
fn unswept(board: &Board, options: &Options, now: Timestamp) -> Vec<String> {
    let mut reasons = Vec::new();
    if board.last_sweep().is_none() {
        reasons.push("the first sweep has not ended".to_owned());
    }
    if let Some(sweep) = board.running() {
        let still = now - sweep.moved_at;
        let limit = limit(options.stuck_after);
        if still > limit {
            reasons.push(format!(
                "the sweep is stuck: {} of {} buckets done, none for {} s; {} s are allowed",
                sweep.done,
                sweep.total,
                still.num_seconds(),
                limit.num_seconds()
            ));
        }
    }
    reasons
}

fn limit(limit: std::time::Duration) -> Duration {
    Duration::from_std(limit).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Cause, SourceReport, SweepReport};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_795_348_800 + seconds, 0).expect("a moment")
    }

    fn swept() -> SweepReport {
        SweepReport {
            cause: Cause::Start,
            started_at: at(0),
            seconds: 1.0,
            buckets: 0,
            in_sync: 0,
            drifted: 0,
            unknown: 0,
            repaired: 0,
            failed: 0,
            held: 0,
            interrupted: false,
            errors: Vec::new(),
        }
    }

    fn reasons(board: &Board, beat: i64, now: i64) -> Vec<String> {
        unready(board, &Heartbeat::new(at(beat)), &Options::default(), at(now))
    }

    #[test]
    fn a_daemon_that_has_just_begun_is_alive_and_not_ready() {
        let board = Board::default();
        assert_eq!(reasons(&board, 0, 1), ["no revision is in force", "the first sweep has not ended"]);
        assert_eq!(dead(&Heartbeat::new(at(0)), &Options::default(), at(1)), None);
    }

    #[test]
    fn a_revision_and_a_sweep_make_it_ready_and_a_stale_source_leaves_it_so() {
        let board = Board::default();
        board.put_sweep(swept(), at(1));
        assert_eq!(reasons(&board, 0, 1), ["no revision is in force"]);
        board.put_source(SourceReport { state: SourceState::Ready, ..SourceReport::default() });
        assert_eq!(reasons(&board, 0, 1), Vec::<String>::new());
        board.put_source(SourceReport { state: SourceState::Stale, ..SourceReport::default() });
        assert_eq!(reasons(&board, 0, 1), Vec::<String>::new());
    }

    #[test]
    fn a_sweep_that_finishes_no_bucket_is_stuck_and_one_that_is_only_long_is_not() {
        let board = Board::default();
        board.put_sweep(swept(), at(1));
        board.put_source(SourceReport { state: SourceState::Ready, ..SourceReport::default() });
        board.begin_sweep(Cause::Schedule, at(0), 9);
        board.advance_sweep(at(3000));
        assert_eq!(reasons(&board, 3600, 3600), Vec::<String>::new());
        assert_eq!(
            reasons(&board, 3601, 3601),
            ["the sweep is stuck: 1 of 9 buckets done, none for 601 s; 600 s are allowed"]
        );
    }

    #[test]
    fn a_loop_without_a_sign_of_life_is_dead_and_a_clock_put_back_kills_nobody() {
        let heartbeat = Heartbeat::new(at(0));
        let options = Options::default();
        assert_eq!(
            dead(&heartbeat, &options, at(121)).as_deref(),
            Some("the loop has given no sign of life for 121 s; 120 s are allowed")
        );
        assert_eq!(dead(&heartbeat, &options, at(-9000)), None);
        heartbeat.beat(at(121));
        assert_eq!(dead(&heartbeat, &options, at(121)), None);
    }
}
