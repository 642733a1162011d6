//! The only reader of the system clock; everything else is given the time.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// A moment in UTC.
pub type Timestamp = DateTime<Utc>;

/// Tells the time. Tests give one that they move by hand.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // The one place that may.
    fn now(&self) -> Timestamp {
        Utc::now()
    }
}

/// A clock that stands where it is put.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<std::sync::Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(std::sync::Mutex::new(now)))
    }

    /// Moves the clock, backwards too.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().expect("no holder of the lock panics") = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no holder of the lock panics")
    }
}
