//! How much counters have grown within the last minutes: Prometheus' `increase`, over samples of
//! the agent's own metrics.

use std::collections::{BTreeMap, VecDeque};

use chrono::Duration;

use crate::clock::Timestamp;
use crate::metrics::{Counted, Counter};

/// The longest window that is asked for.
const LONGEST: Duration = Duration::hours(1);

/// Samples nearer to each other than this are one.
const APART: Duration = Duration::seconds(10);

/// Samples of the last hour.
#[derive(Debug, Default)]
pub struct Samples(VecDeque<(Timestamp, Counted)>);

impl Samples {
    /// Takes one down.
    pub fn note(&mut self, now: Timestamp, counted: Counted) {
        // A clock that was put back leaves no samples of the future.
        while self.0.back().is_some_and(|(at, _)| *at > now) {
            self.0.pop_back();
        }
        let before_last = self.0.len().checked_sub(2).and_then(|place| self.0.get(place));
        if before_last.is_some_and(|(at, _)| now - *at < APART) {
            self.0.pop_back();
        }
        self.0.push_back((now, counted));
        // One that is older stays, to count from.
        while self.0.get(1).is_some_and(|(at, _)| now - *at >= LONGEST) {
            self.0.pop_front();
        }
    }

    /// How much a counter has grown within a window before the last sample, by its label. What
    /// was counted before the first sample counts as well: a process begins at 0.
    pub fn increase(&self, counter: Counter, window: Duration) -> BTreeMap<String, f64> {
        let Some((now, last)) = self.0.back() else { return BTreeMap::new() };
        let before = self.0.iter().rev().find(|(at, _)| *now - *at >= window);
        let was = |label: &str| before.and_then(|(_, counted)| counted.get(counter, label)).unwrap_or_default();
        let grown = last.each(counter).map(|(label, value)| {
            // A policy that went and came back begins anew.
            let was = was(label);
            (label.to_owned(), if value < was { value } else { value - was })
        });
        grown.filter(|(_, grown)| *grown > 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::default() + Duration::minutes(minutes)
    }

    fn fights(count: f64) -> Counted {
        Counted::from([((Counter::Fights, "private".to_owned()), count)])
    }

    fn grown(samples: &Samples, minutes: i64) -> Option<f64> {
        samples.increase(Counter::Fights, Duration::minutes(minutes)).get("private").copied()
    }

    #[test]
    fn what_was_counted_before_the_first_sample_counts() {
        let mut samples = Samples::default();
        assert_eq!(grown(&samples, 30), None);
        samples.note(at(0), fights(2.0));
        assert_eq!(grown(&samples, 30), Some(2.0));
    }

    #[test]
    fn what_lies_before_the_window_does_not_count() {
        let mut samples = Samples::default();
        for (minute, count) in [(0, 0.0), (10, 3.0), (20, 4.0), (45, 4.0)] {
            samples.note(at(minute), fights(count));
        }
        assert_eq!(grown(&samples, 30), Some(1.0));
        samples.note(at(60), fights(4.0));
        assert_eq!((grown(&samples, 30), grown(&samples, 60)), (None, Some(4.0)));
        samples.note(at(75), fights(4.0));
        assert_eq!(grown(&samples, 60), Some(1.0));
    }

    #[test]
    fn a_counter_that_begins_anew_counts_from_0() {
        let mut samples = Samples::default();
        samples.note(at(0), fights(5.0));
        samples.note(at(40), fights(1.0));
        assert_eq!(grown(&samples, 30), Some(1.0));
    }

    #[test]
    fn many_samples_a_second_are_kept_as_few() {
        let mut samples = Samples::default();
        for second in 0..7200 {
            samples.note(at(0) + Duration::seconds(second), fights(second as f64));
        }
        assert!(samples.0.len() < 450, "{}", samples.0.len());
        assert_eq!(grown(&samples, 30), Some(1808.0), "one sample in nine seconds is kept");
    }

    #[test]
    fn a_clock_that_is_put_back_leaves_no_samples_of_the_future() {
        let mut samples = Samples::default();
        samples.note(at(100), fights(1.0));
        samples.note(at(0), fights(2.0));
        assert_eq!(grown(&samples, 30), Some(2.0));
    }
}
