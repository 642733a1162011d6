//! What happened: an append-only list of events in SQLite, each chained to the one before by its
//! hash. Losing it loses history, never correctness: nothing here stops the daemon.
//!
//! A thread of its own writes, so that neither a slow disk nor a full one holds a sweep up.

mod cache;
mod chain;
mod entry;
mod error;
mod good;
mod list;
mod post;
mod prune;
mod restart;
mod store;
mod verify;
mod writer;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::clock::{Clock, Timestamp};
use crate::past::PastRepair;
use crate::report::Event;

pub use chain::Hash;
pub use entry::Entry;
pub use error::Error;
pub use good::GoodFiles;
pub use list::Filter;
pub use post::Outgoing;
pub use prune::ALWAYS_KEPT;
pub use restart::OpenDrift;
pub use store::Store;
pub use verify::{Broken, Verified};
pub use writer::MAX_WAITING;
use writer::{Inbox, Job, Shared, write_all};

/// The name of the file in the data directory.
pub const FILE: &str = "history.db";

/// The history, for the daemon. Dropping it writes what waits, once, and ends its thread.
#[derive(Debug)]
pub struct History {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl History {
    /// Opens or makes the history, readable for its owner alone. A damaged file is moved aside
    /// and a new one begun, with a warning in the log. A disk that is full is no error: events
    /// wait in memory until there is room.
    ///
    /// # Errors
    /// When the file cannot be made, read or written, is of a newer driftless or of something
    /// else. The daemon then goes on with [`History::in_memory`].
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let opened = Store::open(path, clock.now())?;
        if let Some((aside, damage)) = &opened.aside {
            tracing::warn!(
                path = %path.display(),
                aside = %aside.display(),
                error = %damage,
                "the history was damaged and is moved aside; a new one begins"
            );
        }
        let failing = opened.full.then(|| Error::Full { operation: "write" }.to_string());
        if let Some(reason) = &failing {
            tracing::warn!(error = reason, "the history cannot be written; entries wait in memory");
        }
        Self::start(opened.store, clock, Inbox { failing, ..Inbox::default() })
    }

    /// A history that ends with the process, because of `reason`.
    ///
    /// # Errors
    /// When not even that is possible, for want of memory or threads.
    pub fn in_memory(reason: impl Into<String>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::start(Store::in_memory()?, clock, Inbox { volatile: Some(reason.into()), ..Inbox::default() })
    }

    /// Opens the history or, where that is not possible, begins one in memory, with a warning in
    /// the log. What can still be read of the file (open differences, recent writes, last good
    /// files) is taken over.
    ///
    /// # Errors
    /// When not even a history in memory is possible.
    pub fn open_or_in_memory(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let error = match Self::open(path, Arc::clone(&clock)) {
            Ok(history) => return Ok(history),
            Err(error) => error,
        };
        let hint = error.hint().unwrap_or_default();
        tracing::warn!(error = %error, hint, "the history is kept in memory only, until the daemon ends");
        let mut store = Store::in_memory()?;
        if let Err(unread) = store.take_over(path) {
            tracing::warn!(error = %unread, "nothing could be taken over from the history on disk");
        }
        let volatile = Some(format!("{error}; kept in memory until the daemon ends"));
        Self::start(store, clock, Inbox { volatile, ..Inbox::default() })
    }

    fn start(store: Store, clock: Arc<dyn Clock>, inbox: Inbox) -> Result<Self, Error> {
        let shared = Arc::new(Shared { inbox: Mutex::new(inbox), wake: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || write_all(store, &theirs, &*clock))
            .map_err(|error| Error::Sqlite { operation: "start", what: error.to_string() })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Takes events down, oldest first. Returns at once; they are written soon after, in order,
    /// those of one call all or none.
    pub fn record(&self, events: &[(Timestamp, Event)]) {
        if events.is_empty() {
            return;
        }
        let mut inbox = self.shared.inbox();
        if inbox.closing {
            inbox.dropped += events.len() as u64;
            return;
        }
        inbox.events.extend(events.iter().cloned());
        inbox.bound();
        self.shared.wake(inbox);
    }

    /// Waits until everything recorded so far is written.
    ///
    /// # Errors
    /// When it cannot be written now; it stays in memory and is tried again.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, answer) = oneshot::channel();
        self.put(Job::Flush(done))?;
        let written = answer.await.map_err(|_| Error::Closed)?;
        written.map_err(|what| Error::Waiting { what })
    }

    /// Writes what waits and ends the thread. Nothing is recorded after it.
    ///
    /// # Errors
    /// When something could not be written; it is lost.
    pub async fn close(&self) -> Result<(), Error> {
        let written = self.flush().await;
        let mut inbox = self.shared.inbox();
        inbox.closing = true;
        self.shared.wake(inbox);
        written
    }

    /// Why the history is not on disk as it should be, for people: nothing when all is well.
    pub fn degraded(&self) -> Option<String> {
        let inbox = self.shared.inbox();
        inbox.failing.clone().or_else(|| inbox.volatile.clone())
    }

    /// How many events wait to be written.
    pub fn waiting(&self) -> usize {
        self.shared.inbox().events.len()
    }

    /// How many events were dropped since the start, because too many waited.
    pub fn dropped(&self) -> u64 {
        self.shared.inbox().dropped
    }

    /// Number and hash of the newest entry.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn head(&self) -> Result<(u64, Hash), Error> {
        self.ask(|store| store.head()).await
    }

    /// The entries that a filter lets through, newest first.
    ///
    /// # Errors
    /// When the history cannot be read, or the pattern is none.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Entry>, Error> {
        self.ask(move |store| store.list(&filter)).await
    }

    /// Checks every entry; see [`Store::verify`].
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn verify(&self, expected_head: Option<Hash>) -> Result<Result<Verified, Broken>, Error> {
        self.ask(move |store| store.verify(expected_head.as_ref())).await
    }

    /// The differences that were seen and are not gone.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn open_drifts(&self) -> Result<Vec<OpenDrift>, Error> {
        self.ask(|store| store.open_drifts()).await
    }

    /// The writes since then, oldest first; of the last day at most.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn recent_repairs(&self, since: Timestamp) -> Result<Vec<PastRepair>, Error> {
        self.ask(move |store| store.recent_repairs(since)).await
    }

    /// Stores the last good text of the files that changed, and forgets the files that were
    /// removed, and all of another `origin` ([`crate::source::Source::identity`]): all or none.
    ///
    /// # Errors
    /// When it cannot be written; what was stored before stays.
    pub async fn put_good_files(
        &self,
        revision: String,
        origin: String,
        changed: Vec<(String, Vec<u8>)>,
        removed: Vec<String>,
    ) -> Result<(), Error> {
        self.ask(move |store| store.put_good_files(&revision, &origin, &changed, &removed)).await
    }

    /// The last good text of every file of an origin, and their revision.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn good_files(&self, origin: String) -> Result<GoodFiles, Error> {
        self.ask(move |store| store.good_files(&origin)).await
    }

    /// The revision of the last good files, when they are of this origin.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn good_revision(&self, origin: String) -> Result<Option<String>, Error> {
        self.ask(move |store| store.good_revision(&origin)).await
    }

    /// Keeps a text under a name, in place of the one before: what costs little to lose.
    ///
    /// # Errors
    /// When it cannot be written; what was kept before stays.
    pub async fn put_cached(&self, name: &'static str, text: String) -> Result<(), Error> {
        self.ask(move |store| store.put_cached(name, &text)).await
    }

    /// The text that is kept under a name.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn cached(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.ask(move |store| store.cached(name)).await
    }

    /// What every sink of notifications was told and is not over: sink, key and text.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn told(&self) -> Result<Vec<(String, String, String)>, Error> {
        self.ask(|store| store.told()).await
    }

    /// The messages that wait to be delivered, the oldest first.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn outbox(&self) -> Result<Vec<Outgoing>, Error> {
        self.ask(|store| store.outbox()).await
    }

    /// Keeps what a sink was told (`None` for what is over) and the messages that say so: all or
    /// none.
    ///
    /// # Errors
    /// When it cannot be written; what was kept before stays.
    pub async fn keep_told(
        &self,
        sink: String,
        changed: Vec<(String, Option<String>)>,
        outgoing: Vec<Outgoing>,
    ) -> Result<(), Error> {
        self.ask(move |store| store.keep_told(&sink, &changed, &outgoing)).await
    }

    /// A message arrived, or was given up.
    ///
    /// # Errors
    /// When it cannot be written; the message may be sent again after a restart.
    pub async fn delivered(&self, sink: String, key: String, id: String) -> Result<(), Error> {
        self.ask(move |store| store.delivered(&sink, &key, &id)).await
    }

    /// Forgets what was told to sinks other than these.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn forget_other_sinks(&self, names: Vec<String>) -> Result<(), Error> {
        self.ask(move |store| store.forget_other_sinks(&names)).await
    }

    /// Forgets the entries before a moment, and says how many. The newest [`ALWAYS_KEPT`] stay,
    /// so that a clock that jumps ahead cannot empty the history. An entry tells of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<u64, Error> {
        self.ask(move |store| store.prune(before, now)).await
    }

    /// Has the thread do something with the file, after all that was recorded before.
    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, answer) = oneshot::channel();
        // Who asked may have gone; then nobody misses the answer.
        self.put(Job::Ask(Box::new(move |store| drop(done.send(what(store))))))?;
        answer.await.map_err(|_| Error::Closed)?
    }

    fn put(&self, job: Job) -> Result<(), Error> {
        let mut inbox = self.shared.inbox();
        if inbox.closing {
            return Err(Error::Closed);
        }
        inbox.jobs.push(job);
        self.shared.wake(inbox);
        Ok(())
    }
}

impl Drop for History {
    fn drop(&mut self) {
        let mut inbox = self.shared.inbox();
        inbox.closing = true;
        self.shared.wake(inbox);
        let thread = self.thread.get_mut().expect("no holder of the lock panics").take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer of the history panicked");
        }
    }
}

#[cfg(test)]
mod tests;
