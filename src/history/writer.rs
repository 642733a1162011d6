//! The thread that writes the history: what waits for it, what is asked of it, and what becomes of
//! that when the disk is full.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Error, Store};
use crate::clock::{Clock, Timestamp};
use crate::report::Event;

/// How many events wait in memory, at most, while they cannot be written. The oldest go first.
pub const MAX_WAITING: usize = 10_000;

/// How long to wait before writing is tried again when nothing new happens.
const RETRY: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) inbox: Mutex<Inbox>,
    pub(super) wake: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// What is to be written, oldest first.
    pub(super) events: VecDeque<(Timestamp, Event)>,
    pub(super) jobs: Vec<Job>,
    /// Something came in since the thread last looked.
    pub(super) fresh: bool,
    pub(super) closing: bool,
    /// Events dropped since the last that was written.
    pub(super) lost: u64,
    /// Events dropped since the start.
    pub(super) dropped: u64,
    /// Why this history ends with the process, when it does.
    pub(super) volatile: Option<String>,
    /// Why nothing can be written for now.
    pub(super) failing: Option<String>,
}

pub(super) enum Job {
    Ask(Box<dyn FnOnce(&mut Store) + Send>),
    Flush(oneshot::Sender<Result<(), String>>),
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Ask(_)) { "Ask" } else { "Flush" })
    }
}

impl Shared {
    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().expect("no holder of the lock panics")
    }

    pub(super) fn wake(&self, mut inbox: MutexGuard<'_, Inbox>) {
        inbox.fresh = true;
        drop(inbox);
        self.wake.notify_one();
    }
}

impl Inbox {
    /// Drops the oldest of too many.
    pub(super) fn bound(&mut self) {
        let excess = self.events.len().saturating_sub(MAX_WAITING);
        if excess > 0 {
            if self.lost == 0 {
                tracing::warn!(waiting = MAX_WAITING, "too many entries of the history wait; the oldest are dropped");
            }
            self.events.drain(..excess);
            self.lost += excess as u64;
            self.dropped += excess as u64;
        }
    }
}

/// Tells those who wait, however the thread ends.
struct AtEnd<'a>(&'a Shared);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        let mut inbox = self.0.inbox();
        inbox.closing = true;
        inbox.jobs.clear();
        inbox.failing = Some(Error::Closed.to_string());
    }
}

/// The thread: writes what comes in, and does what is asked.
pub(super) fn write_all(mut store: Store, shared: &Shared, clock: &dyn Clock) {
    let _at_end = AtEnd(shared);
    say_head(&store, GOES_ON);
    loop {
        let mut inbox = shared.inbox();
        while !inbox.fresh && !inbox.closing {
            if inbox.events.is_empty() {
                inbox = shared.wake.wait(inbox).expect("no holder of the lock panics");
            } else {
                let (back, waited) = shared.wake.wait_timeout(inbox, RETRY).expect("no holder of the lock panics");
                inbox = back;
                if waited.timed_out() {
                    break;
                }
            }
        }
        inbox.fresh = false;
        let (events, jobs) = (Vec::from(std::mem::take(&mut inbox.events)), std::mem::take(&mut inbox.jobs));
        let (lost, closing) = (inbox.lost, inbox.closing);
        drop(inbox);

        let written = if events.is_empty() { Ok(()) } else { store.append(&events, lost, clock.now()) };
        let failed = written.as_ref().err().map(ToString::to_string);
        note_written(shared, events, lost, written);
        for job in jobs {
            match job {
                Job::Ask(work) => work(&mut store),
                Job::Flush(done) => drop(done.send(failed.clone().map_or(Ok(()), Err))),
            }
        }
        if closing {
            break;
        }
    }
    say_head(&store, "the history ends");
    let waiting = shared.inbox().events.len();
    if waiting > 0 {
        tracing::warn!(waiting, "entries of the history could not be written and are lost");
    }
}

/// What is said of a history that is opened.
const GOES_ON: &str = "the history goes on";

/// The log is often kept elsewhere: the head in it lets a later `--expect-head` show that the file
/// was not rewritten.
fn say_head(store: &Store, what: &str) {
    match store.head() {
        Ok((0, _)) if what == GOES_ON => tracing::info!(entries = 0, "a new history begins"),
        Ok((entries, head)) => tracing::info!(entries, head = %head, "{what} at entry {entries}, {head}"),
        Err(error) => tracing::warn!(error = %error, "the head of the history cannot be read"),
    }
}

/// Keeps what could not be written, and says a change for the better or worse once.
pub(super) fn note_written(shared: &Shared, events: Vec<(Timestamp, Event)>, lost: u64, written: Result<(), Error>) {
    if events.is_empty() {
        return;
    }
    let mut inbox = shared.inbox();
    match written {
        Ok(()) => {
            inbox.lost -= lost;
            if inbox.failing.take().is_some() {
                tracing::info!(entries = events.len(), lost, "the history is written again");
            }
        }
        Err(error) => {
            if inbox.failing.is_none() {
                let hint = error.hint().unwrap_or_default();
                tracing::warn!(error = %error, hint, "the history cannot be written; entries wait in memory");
            }
            inbox.failing = Some(error.to_string());
            let newer = std::mem::replace(&mut inbox.events, events.into());
            inbox.events.extend(newer);
            inbox.bound();
        }
    }
}
