//! Counters as they stand now, for those inside who look at how much they grow.

use std::collections::BTreeMap;

use prometheus::IntCounterVec;
use prometheus::core::Collector;

use super::{Metrics, NotificationResult, RepairOutcome};

/// A counter that is looked at from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Drift seen for the first time, by policy.
    Drift,
    /// Repairs that failed, by policy.
    FailedRepairs,
    /// Repairs given up, by policy.
    Fights,
    /// Requests that S3 throttled, by account.
    Throttles,
    /// Sweeps that ended, by how.
    Sweeps,
    /// Attempts to deliver a message that failed, by kind of sink.
    FailedNotifications,
    /// Messages that were given up, by kind of sink.
    DroppedNotifications,
    /// Tasks that panicked.
    Panics,
}

/// Counters by what they count, each by one label; empty for those that have none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted(BTreeMap<(Counter, String), f64>);

impl Counted {
    /// What one counter of one label stands at.
    pub fn get(&self, counter: Counter, label: &str) -> Option<f64> {
        self.0.get(&(counter, label.to_owned())).copied()
    }

    /// Every label of a counter.
    pub fn each(&self, counter: Counter) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().filter(move |((it, _), _)| *it == counter).map(|((_, label), value)| (&**label, *value))
    }

    /// Adds the series of a metric up by a label, those that have another with this value.
    fn take(&mut self, counter: Counter, metric: &IntCounterVec, by: &str, only: Option<(&str, &str)>) {
        for series in metric.collect().iter().flat_map(|family| family.get_metric()) {
            let of = |name: &str| series.get_label().iter().find(|it| it.name() == name).map(|it| it.value());
            if only.is_none_or(|(name, value)| of(name) == Some(value))
                && let Some(label) = of(by)
            {
                *self.0.entry((counter, label.to_owned())).or_default() += series.get_counter().get_value();
            }
        }
    }
}

impl<const N: usize> From<[((Counter, String), f64); N]> for Counted {
    fn from(counters: [((Counter, String), f64); N]) -> Self {
        Self(counters.into())
    }
}

impl Metrics {
    /// What is counted so far.
    pub fn counted(&self) -> Counted {
        let (mut all, it) = (Counted::default(), &self.counters);
        all.take(Counter::Drift, &it.drift_detected, "policy", None);
        all.take(Counter::FailedRepairs, &it.repairs, "policy", Some(("result", RepairOutcome::Failed.word())));
        all.take(Counter::Fights, &it.fights, "policy", None);
        all.take(Counter::Throttles, &it.throttles, "account", None);
        for (counter, result) in [
            (Counter::FailedNotifications, NotificationResult::Failed),
            (Counter::DroppedNotifications, NotificationResult::Dropped),
        ] {
            all.take(counter, &it.notifications, "service", Some(("result", result.word())));
        }
        all.take(Counter::Sweeps, &it.sweeps, "result", None);
        all.0.insert((Counter::Panics, String::new()), it.panics.get() as f64);
        all
    }
}
