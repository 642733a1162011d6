//! Delivery: one task a sink, with a queue of its own, that tries again until a message arrives or
//! is too old. A sink that is dead holds nobody up: no sweep, no other sink, not the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::notice::Notice;
use super::sink::{Failure, Place, Retry};
use crate::clock::Clock;
use crate::history::History;
use crate::metrics::{Metrics, NotificationResult};

/// So many messages wait for a sink, each about another cause; then the oldest is given up.
pub const MOST_WAITING: usize = 1000;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What waits for a sink: one message a cause, the oldest first. A newer one about the same cause
/// takes the place of the older.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<Arc<Notice>>>,
    fresh: Notify,
}

impl Queue {
    /// Puts a message at the end. Returns what was given up for it.
    pub fn put(&self, notice: Notice) -> Option<Arc<Notice>> {
        let mut waiting = self.waiting();
        waiting.retain(|it| it.key != notice.key);
        let dropped = if waiting.len() >= MOST_WAITING { waiting.pop_front() } else { None };
        waiting.push_back(Arc::new(notice));
        drop(waiting);
        self.fresh.notify_one();
        dropped
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn first(&self) -> Option<Arc<Notice>> {
        self.waiting().front().cloned()
    }

    /// Puts one behind the others: a receiver that refuses this one may take the next.
    fn behind(&self, id: &str) {
        let mut waiting = self.waiting();
        if let Some(at) = waiting.iter().position(|it| it.id == id)
            && let Some(notice) = waiting.remove(at)
        {
            waiting.push_back(notice);
        }
    }

    /// Takes one away that is done with; another message may have taken its place.
    fn done(&self, id: &str) {
        self.waiting().retain(|it| it.id != id);
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Arc<Notice>>> {
        self.waiting.lock().expect("no holder of the lock panics")
    }
}

/// The task of one sink.
pub struct Delivery {
    /// The sink.
    pub place: Place,
    /// What waits for it.
    pub queue: Arc<Queue>,
    /// Where what waits is kept over a restart.
    pub history: Arc<History>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The clock, by which messages grow too old.
    pub clock: Arc<dyn Clock>,
    /// Ends it: an attempt under way is given up, and its message waits for the next start.
    pub stop: CancellationToken,
}

impl Delivery {
    /// Goes on until it is told to end.
    pub async fn run(self) {
        let mut failures: u32 = 0;
        // What waited while driftless was off is not too old at its first failure.
        let started = self.clock.now();
        loop {
            let Some(notice) = self.queue.first() else {
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.queue.fresh.notified() => continue,
                }
            };
            let sent = tokio::select! {
                () = self.stop.cancelled() => return,
                sent = attempt(&self.place, &notice) => sent,
            };
            let Err(failure) = sent else {
                if std::mem::take(&mut failures) > 0 {
                    tracing::info!(sink = &*self.place.name, "notifications of `{}` arrive again", self.place.name);
                }
                self.count(NotificationResult::Ok);
                self.done(&notice).await;
                continue;
            };
            self.count(NotificationResult::Failed);
            if failures == 0 {
                say(&self.place.name, &failure);
            }
            failures = failures.saturating_add(1);
            if failure.retry == Retry::Never {
                self.give_up(&notice, &failure).await;
                continue;
            }
            let age = (self.clock.now() - notice.at.max(started)).to_std().unwrap_or_default();
            if age >= self.place.give_up_after {
                // The next one is tried after a pause, too: this failure was not the message's.
                self.give_up(&notice, &failure).await;
            } else {
                self.queue.behind(&notice.id);
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause(failure.retry, failures, fastrand::f64())) => {}
            }
        }
    }

    async fn give_up(&self, notice: &Notice, failure: &Failure) {
        self.count(NotificationResult::Dropped);
        let name = &*self.place.name;
        tracing::error!(sink = name, "a message of `{name}` is given up: {}: {failure}", notice.title);
        self.done(notice).await;
    }

    async fn done(&self, notice: &Notice) {
        self.queue.done(&notice.id);
        let (sink, key, id) = (self.place.name.to_string(), notice.key.clone(), notice.id.clone());
        if let Err(error) = self.history.delivered(sink, key, id).await {
            tracing::debug!("that a message arrived is not kept: {error}");
        }
    }

    fn count(&self, result: NotificationResult) {
        self.metrics.notification(self.place.sink.service(), result);
    }
}

/// Makes one attempt, within its deadline.
///
/// # Errors
/// Why it did not arrive.
pub async fn attempt(place: &Place, notice: &Notice) -> Result<(), Failure> {
    within(place, place.sink.send(notice)).await
}

/// Waits for a sink, within its deadline.
///
/// # Errors
/// What the sink says, or that it said nothing.
pub async fn within(place: &Place, sending: super::sink::Sending<'_>) -> Result<(), Failure> {
    tokio::time::timeout(place.timeout, sending).await.unwrap_or_else(|_| {
        let span = crate::config::span::Span(place.timeout);
        Err(Failure::new(format!("the receiver did not answer within {span}"), Retry::Later)
            .hint("look whether it can be reached from here, or raise `timeout`"))
    })
}

/// Says a failure, with its hint; once, until a message arrives again.
fn say(name: &str, failure: &Failure) {
    let hint = failure.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
    tracing::error!(sink = name, "notifications of `{name}` do not arrive: {failure}{hint}");
}

/// How long to wait before the next attempt, after so many failures in a row (from 1). `spread` is
/// from 0 to 1.
pub fn pause(retry: Retry, failures: u32, spread: f64) -> Duration {
    match retry {
        // Not before, and not all at the same moment after.
        Retry::After(pause) => pause.mul_f64(1.0 + 0.1 * spread),
        Retry::WhenMended => LONGEST_PAUSE.mul_f64(1.0 - 0.2 * spread),
        Retry::Later | Retry::Never => {
            let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
            doubled.min(LONGEST_PAUSE).mul_f64(1.0 - 0.2 * spread)
        }
    }
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
