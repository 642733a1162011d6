//! When to ask a source again: jitter on every poll, exponential backoff on failures.

use std::time::Duration;

/// The longest pause that failures lead to, unless the interval itself is longer.
pub const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// How far a poll may stray from its interval, as a part of it.
const JITTER: f64 = 0.1;

/// The pause before the next fetch.
///
/// Without failures it is the interval ± 10 %, so that many agents do not ask one server in
/// step. Each failure doubles it up to [`PAUSE_MAX`] (or the interval, where that is longer), and
/// the upper half is random. `random` is from 0 to 1. One success, and the count begins anew.
pub fn pause(interval: Duration, failures: u32, random: f64) -> Duration {
    let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.5 };
    if failures == 0 {
        return interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * random);
    }
    let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    let longest = interval.saturating_mul(factor).min(PAUSE_MAX.max(interval));
    // Never sooner than a poll that succeeds: a failing server is not asked more often.
    longest.mul_f64(0.5 + 0.5 * random).max(interval.mul_f64(1.0 - JITTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_poll_strays_a_tenth_from_its_interval() {
        assert_eq!(pause(MINUTE, 0, 0.0), Duration::from_secs(54));
        assert_eq!(pause(MINUTE, 0, 0.5), Duration::from_secs(60));
        assert_eq!(pause(MINUTE, 0, 1.0), Duration::from_secs(66));
    }

    #[test]
    fn each_failure_doubles_the_pause_up_to_the_longest() {
        let longest: Vec<u64> = (1..=5).map(|failures| pause(MINUTE, failures, 1.0).as_secs()).collect();
        assert_eq!(longest, [120, 240, 480, 900, 900]);
        assert_eq!(pause(MINUTE, 3, 0.0), Duration::from_secs(240));
        assert_eq!(pause(MINUTE, u32::MAX, 1.0), PAUSE_MAX);
    }

    #[test]
    fn a_failing_source_is_never_asked_more_often_than_a_good_one() {
        let hour = Duration::from_secs(3600);
        assert_eq!(pause(hour, 1, 0.0), Duration::from_secs(3240));
        assert_eq!(pause(hour, 9, 1.0), hour);
        assert!(pause(MINUTE, 1, f64::NAN) >= Duration::from_secs(54));
    }
}
