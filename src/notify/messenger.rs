//! The messenger: looks after each sweep and each change of the source, finds out what is news to
//! which sink, keeps it for a restart, and hands it over for delivery. Whoever calls it goes on at
//! once.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::deliver::{Delivery, Put, Queue};
use super::group::{Speaker, Told, news};
use super::notice::Notice;
use super::picture::{Picture, Seen, picture, repairs};
use super::sink::Place;
use crate::board::Board;
use crate::clock::Clock;
use crate::desired::Desired;
use crate::history::{History, Outgoing};
use crate::metrics::{Metrics, NotificationResult};
use crate::report::{Cause, Event};

/// So many repairs are remembered between two looks; what is more is told by the history alone.
const MOST_EVENTS: usize = 20_000;

/// How often it looks at the source when nothing happens: one that stays away is news after a
/// while.
const GLANCE: Duration = Duration::from_secs(60);

/// Where the daemon leaves what happened, for the messenger.
#[derive(Debug, Default)]
pub struct Letterbox {
    inside: Mutex<Inside>,
    fresh: Notify,
}

#[derive(Debug, Default)]
struct Inside {
    events: Vec<Event>,
    swept: Option<Ended>,
    broken_off: Option<Ended>,
}

/// A sweep that ended.
#[derive(Debug, Clone)]
struct Ended {
    cause: Cause,
    desired: Arc<Desired>,
    revision: Arc<str>,
}

impl Letterbox {
    /// Something happened.
    pub fn happened(&self, events: &[Event]) {
        let mut inside = self.inside();
        for event in events {
            let repair = matches!(event, Event::Repair { .. } | Event::Created { .. });
            if repair && inside.events.len() < MOST_EVENTS {
                inside.events.push(event.clone());
            }
        }
        drop(inside);
        if events.iter().any(|it| matches!(it, Event::Source { .. } | Event::Revision { .. })) {
            self.fresh.notify_one();
        }
    }

    /// A sweep over every bucket came to its end: every bucket was held against this revision, which
    /// need not be the newest by then.
    pub fn swept(&self, cause: Cause, desired: &Arc<Desired>, revision: &Arc<str>) {
        let mut inside = self.inside();
        // One that a revision caused is not forgotten when another sweep ends before anybody looked.
        let cause = match inside.swept {
            Some(Ended { cause: Cause::Revision, .. }) => Cause::Revision,
            _ => cause,
        };
        inside.swept = Some(Ended { cause, desired: Arc::clone(desired), revision: Arc::clone(revision) });
        drop(inside);
        self.fresh.notify_one();
    }

    /// A sweep ended before its time, as the daemon ends.
    pub fn broken_off(&self, cause: Cause, desired: &Arc<Desired>, revision: &Arc<str>) {
        let (desired, revision) = (Arc::clone(desired), Arc::clone(revision));
        self.inside().broken_off = Some(Ended { cause, desired, revision });
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no holder of the lock panics")
    }
}

/// The messenger, put together and not yet begun.
#[derive(Clone)]
pub struct Messenger {
    /// Where the sinks are.
    pub places: Vec<Place>,
    /// Which agent speaks.
    pub speaker: Speaker,
    /// How often the source is asked.
    pub interval: Duration,
    /// What happened.
    pub letterbox: Arc<Letterbox>,
    /// How everything stands.
    pub board: Arc<Board>,
    /// Where what was told is kept.
    pub history: Arc<History>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Each picture, for those who make their own messages of it.
    pub pictures: watch::Sender<Arc<Picture>>,
    /// Ends it, when nobody leaves anything in the letterbox any more.
    pub stop: CancellationToken,
}

/// One sink at work.
struct Desk {
    place: Place,
    told: Told,
    queue: Arc<Queue>,
}

impl Messenger {
    /// Goes on until it is told to end. What did not arrive by then is tried again after a restart.
    ///
    /// # Panics
    /// When the delivery to a sink does; all others end with it, to be begun anew together.
    pub async fn run(self) {
        let (mut desks, mut tasks) = self.open().await;
        let mut before: Option<Arc<Desired>> = None;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(ended) = tasks.join_next() => ended.expect("deliveries do not fail but by a fault"),
                () = self.letterbox.fresh.notified() => {}
                () = tokio::time::sleep(GLANCE) => {}
            }
            let (events, swept) = {
                let mut inside = self.letterbox.inside();
                // Repairs of a sweep that still goes on are told with its end.
                let events = if inside.swept.is_some() { std::mem::take(&mut inside.events) } else { Vec::new() };
                (events, inside.swept.take())
            };
            let (board, clock, interval) = (Arc::clone(&self.board), Arc::clone(&self.clock), self.interval);
            let (earlier, latest) = (before.clone(), swept.clone());
            let looking = tokio::task::spawn_blocking(move || {
                let (buckets, source) = (board.buckets(), board.source());
                picture(&Seen {
                    now: clock.now(),
                    buckets: &buckets,
                    source: &source,
                    interval,
                    events: &events,
                    cause: latest.as_ref().map(|it| it.cause),
                    desired: latest.as_ref().map(|it| &*it.desired),
                    revision: latest.as_ref().map(|it| &*it.revision),
                    before: earlier.as_deref(),
                })
            });
            let Ok(seen) = looking.await else {
                self.metrics.panic();
                continue;
            };
            if let Some(it) = swept {
                before = Some(it.desired);
            }
            self.tell(&mut desks, &seen).await;
            self.pictures.send_replace(Arc::new(seen));
        }
        self.tell_repairs(&mut desks, before.as_deref()).await;
        while tasks.join_next().await.is_some() {}
    }

    /// Tells what was repaired since the last look, for the next life finds nothing of it. It waits
    /// in the history for the next start.
    async fn tell_repairs(&self, desks: &mut [Desk], before: Option<&Desired>) {
        let (events, ended) = {
            let mut inside = self.letterbox.inside();
            let ended = inside.broken_off.take().or_else(|| inside.swept.take());
            (std::mem::take(&mut inside.events), ended)
        };
        if events.is_empty() {
            return;
        }
        let seen = repairs(&Seen {
            now: self.clock.now(),
            buckets: &self.board.buckets(),
            source: &self.board.source(),
            interval: self.interval,
            events: &events,
            cause: ended.as_ref().map(|it| it.cause),
            desired: ended.as_ref().map(|it| &*it.desired),
            revision: ended.as_ref().map(|it| &*it.revision),
            before,
        });
        self.tell(desks, &seen).await;
    }

    /// Takes up what was told and what still waits, and begins to deliver.
    async fn open(&self) -> (Vec<Desk>, JoinSet<()>) {
        let kept = self.history.told().await.unwrap_or_else(|error| {
            tracing::warn!("what was told before is not remembered, and may be told again: {error}");
            Vec::new()
        });
        let waiting = self.history.outbox().await.unwrap_or_else(|error| {
            tracing::warn!("messages that did not arrive before are lost: {error}");
            Vec::new()
        });
        let (mut desks, mut tasks) = (Vec::new(), JoinSet::new());
        for place in &self.places {
            let own = kept.iter().filter(|(sink, ..)| **sink == *place.name);
            let mut told = Told::restore(own.map(|(_, key, text)| (key.clone(), text.clone())));
            let queue = Arc::new(Queue::default());
            self.metrics.begin_notifications(place.sink.service());
            for it in waiting.iter().filter(|it| *it.sink == *place.name) {
                let Ok(notice) = serde_json::from_str::<Notice>(&it.text) else {
                    self.metrics.notification(place.sink.service(), NotificationResult::Dropped);
                    let name = &*place.name;
                    tracing::error!(sink = name, "a message of `{name}` that waited cannot be read, and is given up");
                    told.forget(&it.id);
                    self.gone(place, it.key.clone(), it.id.clone()).await;
                    continue;
                };
                if let Put::Overflow(dropped) = queue.restore(notice) {
                    self.overflow(place, &mut told, &dropped).await;
                }
            }
            let delivery = Delivery {
                place: place.clone(),
                queue: Arc::clone(&queue),
                history: Arc::clone(&self.history),
                metrics: Arc::clone(&self.metrics),
                clock: Arc::clone(&self.clock),
                stop: self.stop.clone(),
            };
            tasks.spawn(delivery.run());
            desks.push(Desk { place: place.clone(), told, queue });
        }
        let names = self.places.iter().map(|place| place.name.to_string()).collect();
        if let Err(error) = self.history.forget_other_sinks(names).await {
            tracing::debug!("what sinks were told that are gone is not forgotten: {error}");
        }
        (desks, tasks)
    }

    /// Tells each sink what is news to it. It is kept first, so that a crash sends it twice at most
    /// and never not at all.
    async fn tell(&self, desks: &mut [Desk], seen: &Picture) {
        for desk in desks {
            desk.queue.take_given_up().iter().for_each(|id| desk.told.forget(id));
            let notices = news(&mut desk.told, seen, &desk.place.rules, &self.speaker);
            let notices: Vec<Notice> = notices.into_iter().map(|it| desk.place.keyed(it)).collect();
            let changed = desk.told.take_changed();
            if notices.is_empty() && changed.is_empty() {
                continue;
            }
            let outgoing = notices.iter().map(|it| Outgoing {
                sink: desk.place.name.to_string(),
                key: it.key.clone(),
                id: it.id.clone(),
                text: serde_json::to_string(it).expect("notices are plain data"),
            });
            let kept = self.history.keep_told(desk.place.name.to_string(), changed, outgoing.collect()).await;
            if let Err(error) = kept {
                tracing::warn!("what was told is not kept, and may be told again after a restart: {error}");
            }
            for notice in notices {
                let (key, id) = (notice.key.clone(), notice.id.clone());
                match desk.queue.put(notice) {
                    Put::Waits => {}
                    Put::Needless => self.gone(&desk.place, key, id).await,
                    Put::Overflow(dropped) => self.overflow(&desk.place, &mut desk.told, &dropped).await,
                }
            }
        }
    }

    /// Gives up what a queue had no room for.
    async fn overflow(&self, place: &Place, told: &mut Told, dropped: &Notice) {
        let name = &*place.name;
        self.metrics.notification(place.sink.service(), NotificationResult::Dropped);
        tracing::error!(sink = name, "too many messages wait for `{name}`; given up: {}", dropped.title);
        told.forget(&dropped.id);
        self.gone(place, dropped.key.clone(), dropped.id.clone()).await;
    }

    /// A message does not wait any more.
    async fn gone(&self, place: &Place, key: String, id: String) {
        if let Err(error) = self.history.delivered(place.name.to_string(), key, id).await {
            tracing::debug!("that a message does not wait any more is not kept: {error}");
        }
    }
}

#[cfg(test)]
#[path = "messenger_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "messenger_end_tests.rs"]
mod end_tests;
