//! Delivery: one task a sink, with a queue of its own, that tries again until a message arrives or
//! is too old. A sink that is dead holds nobody up: no sweep, no other sink, not the end.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::notice::{Happening, Notice, State};
use super::sink::{Failure, Place, Retry};
use crate::clock::Clock;
use crate::history::History;
use crate::metrics::{Metrics, NotificationResult};

/// So many messages wait for a sink, each about another cause; then the oldest is given up.
pub const MOST_WAITING: usize = 1000;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// An attempt that is under way at the end may go on so long: one that is broken off may have
/// arrived, and comes again after a restart.
pub const FAREWELL: Duration = Duration::from_secs(3);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What waits for a sink: one message a cause, the oldest first. A newer one about the same cause
/// takes the place of the older.
#[derive(Debug, Default)]
pub struct Queue {
    inside: Mutex<Inside>,
    fresh: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    waiting: VecDeque<Waiting>,
    /// The keys of causes of which the receiver may have heard that they are open.
    said: BTreeSet<String>,
    /// The ids of messages that were given up because they are too old.
    given_up: Vec<String>,
}

#[derive(Debug)]
struct Waiting {
    notice: Arc<Notice>,
    /// Whether the receiver cannot know of its cause: it is new, and nothing about it was tried.
    unsaid: bool,
}

/// What became of a message that was put into a queue.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It waits.
    Waits,
    /// It says that a cause is over of which nobody was told that it began: neither is told.
    Needless,
    /// It waits, and the oldest was given up for it.
    Overflow(Arc<Notice>),
}

impl Queue {
    /// Puts a message at the end.
    pub fn put(&self, notice: Notice) -> Put {
        let mut inside = self.inside();
        let older = inside.remove(|it| it.key == notice.key);
        let begins = older.is_none() && notice.state == State::Open && !inside.said.contains(&notice.key);
        let unsaid = older.is_some_and(|it| it.unsaid) || begins;
        if unsaid && notice.state == State::Resolved {
            return Put::Needless;
        }
        // How a revision came out is told also when nobody heard that it came.
        let unsaid = unsaid && notice.happening != Happening::Revision;
        self.push(inside, notice, unsaid)
    }

    /// Puts a message at the end that waited before a restart, and may have been tried.
    pub fn restore(&self, notice: Notice) -> Put {
        let mut inside = self.inside();
        inside.remove(|it| it.key == notice.key);
        self.push(inside, notice, false)
    }

    fn push(&self, mut inside: MutexGuard<'_, Inside>, notice: Notice, unsaid: bool) -> Put {
        let full = inside.waiting.len() >= MOST_WAITING;
        let dropped = if full { inside.waiting.pop_front() } else { None };
        inside.waiting.push_back(Waiting { notice: Arc::new(notice), unsaid });
        drop(inside);
        self.fresh.notify_one();
        dropped.map_or(Put::Waits, |it| Put::Overflow(it.notice))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.inside().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.inside().waiting.is_empty()
    }

    /// The ids of the messages that were given up, since the last call, because they are too old.
    pub fn take_given_up(&self) -> Vec<String> {
        std::mem::take(&mut self.inside().given_up)
    }

    /// The first, for an attempt, of which nobody knows whether it arrives.
    fn first(&self) -> Option<Arc<Notice>> {
        let mut inside = self.inside();
        let first = inside.waiting.front_mut()?;
        first.unsaid = false;
        let notice = Arc::clone(&first.notice);
        if notice.state != State::Resolved && notice.happening != Happening::Revision {
            inside.said.insert(notice.key.clone());
        }
        Some(notice)
    }

    /// Puts one behind the others: a receiver that refuses this one may take the next.
    fn behind(&self, id: &str) {
        let mut inside = self.inside();
        if let Some(it) = inside.remove(|it| it.id == id) {
            inside.waiting.push_back(it);
        }
    }

    /// Takes one away that is done with; another message may have taken its place.
    fn done(&self, id: &str) {
        self.inside().remove(|it| it.id == id);
    }

    /// The receiver took a message.
    fn arrived(&self, notice: &Notice) {
        if notice.state == State::Resolved {
            self.inside().said.remove(&notice.key);
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no holder of the lock panics")
    }
}

impl Inside {
    fn remove(&mut self, which: impl Fn(&Notice) -> bool) -> Option<Waiting> {
        let at = self.waiting.iter().position(|it| which(&it.notice))?;
        self.waiting.remove(at)
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
    /// Ends it: no attempt is begun any more, and one under way has [`FAREWELL`] to come to its end.
    pub stop: CancellationToken,
}

impl Delivery {
    /// Goes on until it is told to end.
    pub async fn run(self) {
        let mut failures: u32 = 0;
        // What waited while driftless was off is not too old at its first failure.
        let started = self.clock.now();
        while !self.stop.is_cancelled() {
            let Some(notice) = self.queue.first() else {
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.queue.fresh.notified() => continue,
                }
            };
            let sent = tokio::select! {
                () = self.farewell() => return,
                sent = self.attempt(&notice) => sent,
            };
            let Err(failure) = sent else {
                if std::mem::take(&mut failures) > 0 {
                    tracing::info!(sink = &*self.place.name, "notifications of `{}` arrive again", self.place.name);
                }
                self.count(NotificationResult::Ok);
                self.queue.arrived(&notice);
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
                self.queue.inside().given_up.push(notice.id.clone());
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

    /// Waits until an attempt that is still under way is broken off.
    async fn farewell(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    }

    /// Makes one attempt, in a task of its own: a fault of driftless in it is a failure like others.
    async fn attempt(&self, notice: &Arc<Notice>) -> Result<(), Failure> {
        let (place, notice) = (self.place.clone(), Arc::clone(notice));
        // Dropped, it ends the attempt.
        let mut alone = JoinSet::new();
        alone.spawn(async move { attempt(&place, &notice).await });
        match alone.join_next().await {
            Some(Ok(sent)) => sent,
            _ => {
                self.metrics.panic();
                Err(Failure::new("sending it failed by a fault of driftless itself", Retry::Later))
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
