//! What the loop remembers of its own writes, so that nothing runs away (pure): a write that
//! something undoes again and again is a fight, and one that fails is tried ever more rarely.
//!
//! It knows time only as it is told, and clocks jump. What was noted in a time that is now the
//! future is taken to have happened now: a clock that jumps back makes a pause last at most one
//! whole window longer, never for ever. A clock that jumps forward ends a pause early, by no more
//! than the jump.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use chrono::Duration;
use sha2::{Digest, Sha256};

use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::cloud::S3ErrorKind;
use crate::doc::Doc;
use crate::plan::Brakes;
use crate::report::RepairResult;
use crate::verdict::Hold;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Writes of one value to one setting within the window, from 1; the next is held.
    pub max_repairs: u32,
    /// The time within which writes are counted.
    pub window: Duration,
    /// The pause after the first failure; each further one doubles it.
    pub first_backoff: Duration,
    /// The longest pause after a failure.
    pub max_backoff: Duration,
    /// How much of a pause may fall away, from 0 to 1, so that what failed together is not tried
    /// again together. The share is fixed for each setting of each bucket, so a restart changes
    /// nothing.
    pub jitter: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_repairs: 3,
            window: Duration::hours(1),
            first_backoff: Duration::seconds(30),
            max_backoff: Duration::hours(1),
            jitter: 0.2,
        }
    }
}

/// Tells one value from another without keeping it: half of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a value.
    pub fn of(doc: &Doc) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&Sha256::digest(doc.as_str())[..16]);
        Self(half)
    }

    /// Reads 32 hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How a write ended, as far as it matters for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was read back as written.
    Applied,
    /// S3 took it, and reads back something else.
    Unproved,
    /// S3 refused it, or could not be reached.
    Failed(S3ErrorKind),
}

impl Outcome {
    /// The word by which the history keeps it: for a failure the kind of error.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unproved => "unproved",
            Self::Failed(kind) => kind.word(),
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "applied" => Some(Self::Applied),
            "unproved" => Some(Self::Unproved),
            kind => serde_json::from_value(kind.into()).ok().map(Self::Failed),
        }
    }
}

impl From<&RepairResult> for Outcome {
    fn from(result: &RepairResult) -> Self {
        match result {
            RepairResult::Applied => Self::Applied,
            RepairResult::Unproved { .. } => Self::Unproved,
            RepairResult::Failed { error } => Self::Failed(error.kind),
        }
    }
}

/// A write of an earlier life of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRepair {
    /// The bucket.
    pub bucket: BucketId,
    /// The setting, or `existence`.
    pub setting: String,
    /// What was written.
    pub to: Fingerprint,
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
}

/// The loop's memory of its own writes.
#[derive(Debug)]
pub struct Past {
    limits: Limits,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    tracks: HashMap<BucketId, Vec<Track>>,
    tidied_at: Option<Timestamp>,
}

/// What is remembered of one setting of one bucket.
#[derive(Debug)]
struct Track {
    setting: Box<str>,
    /// Writes that S3 took, oldest first.
    writes: VecDeque<Write>,
    failure: Option<Failure>,
    /// Set while a difference is held because of a fight.
    fight_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Write {
    to: Fingerprint,
    at: Timestamp,
    proved: bool,
    /// A revision came after it: a write of another value may have been asked for.
    outdated: bool,
}

#[derive(Debug, Clone, Copy)]
struct Failure {
    /// Failures in a row, from 1.
    times: u32,
    at: Timestamp,
    kind: S3ErrorKind,
    pause: Duration,
}

/// A fight over a setting whose other fields change each time gives another value each time; this
/// many times `max_repairs` writes of any value within one window and one revision are one too.
const ANY_VALUE: u32 = 3;

impl Past {
    /// Remembers nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: Mutex::default() }
    }

    /// Notes a write that was tried, just now.
    pub fn note_repair(&self, bucket: &BucketId, setting: &str, to: &Doc, result: &RepairResult, now: Timestamp) {
        self.note(bucket, setting, Fingerprint::of(to), Outcome::from(result), now);
    }

    /// Notes the writes of an earlier life, in any order.
    pub fn restore(&self, repairs: impl IntoIterator<Item = PastRepair>) {
        let mut repairs: Vec<PastRepair> = repairs.into_iter().collect();
        repairs.sort_by_key(|repair| repair.at);
        for repair in repairs {
            self.note(&repair.bucket, &repair.setting, repair.to, repair.outcome, repair.at);
        }
    }

    /// A new revision is in force: what failed is tried again at once. A fight over the same value
    /// goes on, as a commit elsewhere in the repository does not end it; one that changes the value
    /// does, by itself.
    pub fn on_revision(&self) {
        for track in self.memory().tracks.values_mut().flatten() {
            track.failure = None;
            track.writes.iter_mut().for_each(|write| write.outdated = true);
        }
    }

    /// How many settings are held because of a fight.
    pub fn fights(&self, now: Timestamp) -> usize {
        let mut memory = self.memory();
        let mut fights = 0;
        for track in memory.tracks.values_mut().flatten() {
            track.set_to(now, &self.limits);
            fights += usize::from(track.fight_until.is_some_and(|until| until > now));
        }
        fights
    }

    fn note(&self, bucket: &BucketId, setting: &str, to: Fingerprint, outcome: Outcome, now: Timestamp) {
        let mut memory = self.memory();
        memory.tidy(now, &self.limits);
        let tracks = memory.tracks.entry(bucket.clone()).or_default();
        let at = tracks.iter().position(|track| *track.setting == *setting).unwrap_or_else(|| {
            let setting = setting.into();
            tracks.push(Track { setting, writes: VecDeque::new(), failure: None, fight_until: None });
            tracks.len() - 1
        });
        let track = &mut tracks[at];
        track.set_to(now, &self.limits);
        match outcome {
            Outcome::Failed(kind) => {
                let times = track.failure.map_or(0, |failure| failure.times).saturating_add(1);
                let pause = pause(&self.limits, times, spread(bucket, setting, times));
                track.failure = Some(Failure { times, at: now, kind, pause });
            }
            Outcome::Applied | Outcome::Unproved => {
                track.failure = None;
                track.writes.push_back(Write { to, at: now, proved: outcome == Outcome::Applied, outdated: false });
                if track.writes.len() > self.limits.any_value() {
                    track.writes.pop_front();
                }
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no holder of the lock panics")
    }
}

impl Brakes for Past {
    fn brake(&self, bucket: &BucketId, setting: &str, to: &Doc, now: Timestamp) -> Option<(Hold, String)> {
        let mut memory = self.memory();
        let track = memory.tracks.get_mut(bucket)?.iter_mut().find(|track| *track.setting == *setting)?;
        track.set_to(now, &self.limits);
        let fight = track.fight(Fingerprint::of(to), &self.limits);
        track.fight_until = fight.as_ref().map(|(until, _)| *until);
        if let Some((until, said)) = fight {
            return Some((Hold::Fighting, format!("{said}; next attempt at {}", clock(until))));
        }
        let failure = track.failure?;
        let until = later(failure.at, failure.pause);
        if until <= now {
            return None;
        }
        let hold = if failure.kind == S3ErrorKind::Throttled { Hold::Throttled } else { Hold::BackingOff };
        let said = match failure.times {
            1 => "the last attempt failed".to_owned(),
            times => format!("the last {times} attempts failed"),
        };
        Some((hold, format!("{said} ({}); next attempt at {}", failure.kind.word(), clock(until))))
    }
}

impl Limits {
    fn same_value(&self) -> usize {
        self.max_repairs.max(1) as usize
    }

    fn any_value(&self) -> usize {
        self.same_value().saturating_mul(ANY_VALUE as usize)
    }
}

impl Memory {
    /// Forgets what no longer counts, once in a window.
    fn tidy(&mut self, now: Timestamp, limits: &Limits) {
        if self.tidied_at.is_some_and(|at| now.signed_duration_since(at).abs() < limits.window) {
            return;
        }
        self.tidied_at = Some(now);
        self.tracks.retain(|_, tracks| {
            tracks.retain_mut(|track| {
                track.set_to(now, limits);
                !track.writes.is_empty() || track.failure.is_some()
            });
            !tracks.is_empty()
        });
    }
}

impl Track {
    /// Forgets what is too old to count, and takes what lies in the future to have happened now.
    fn set_to(&mut self, now: Timestamp, limits: &Limits) {
        self.writes.iter_mut().for_each(|write| write.at = write.at.min(now));
        self.writes.retain(|write| now.signed_duration_since(write.at) < limits.window);
        if let Some(failure) = &mut self.failure {
            failure.at = failure.at.min(now);
            // Nobody tried for so long that the row of failures is over.
            if now.signed_duration_since(failure.at) >= limits.max_backoff * 2 {
                self.failure = None;
            }
        }
        let latest = later(now, limits.window);
        self.fight_until = self.fight_until.map(|until| until.min(latest));
    }

    /// Until when, and why, no write of `to` is made.
    fn fight(&self, to: Fingerprint, limits: &Limits) -> Option<(Timestamp, String)> {
        let window = span(limits.window);
        let until = |write: &Write| later(write.at, limits.window);
        let newest_first = || self.writes.iter().rev();
        let same: Vec<&Write> = newest_first().filter(|write| write.to == to).take(limits.same_value()).collect();
        if let (Some(oldest), true) = (same.last(), same.len() == limits.same_value()) {
            let times = same.len();
            let said = if same.iter().any(|write| write.proved) {
                format!("repaired {times} times in {window}; something writes it back")
            } else {
                format!("written {times} times in {window} and never read back as written")
            };
            return Some((until(oldest), said));
        }
        let any: Vec<&Write> = newest_first().filter(|write| !write.outdated).take(limits.any_value()).collect();
        if let (Some(oldest), true) = (any.last(), any.len() == limits.any_value()) {
            let times = any.len();
            let said = format!("repaired {times} times in {window} to changing values; something keeps changing it");
            return Some((until(oldest), said));
        }
        None
    }
}

/// The pause after the n-th failure in a row; `spread` is from 0 to 1.
fn pause(limits: &Limits, times: u32, spread: f64) -> Duration {
    let mut pause = limits.first_backoff;
    for _ in 1..times {
        if pause >= limits.max_backoff {
            break;
        }
        pause = pause * 2;
    }
    let pause = pause.min(limits.max_backoff);
    let kept = 1.0 - limits.jitter.clamp(0.0, 1.0) * spread;
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // Milliseconds of a pause are few.
    Duration::milliseconds((pause.num_milliseconds() as f64 * kept) as i64)
}

/// A number from 0 to 1 that is always the same for the same attempt.
fn spread(bucket: &BucketId, setting: &str, times: u32) -> f64 {
    let mut hash = Sha256::new();
    for part in [bucket.account.as_str(), bucket.name.as_str(), setting] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(times.to_be_bytes());
    let hash = hash.finalize();
    f64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) / f64::from(u32::MAX)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(Timestamp::MAX_UTC)
}

fn clock(at: Timestamp) -> impl fmt::Display {
    at.format("%Y-%m-%d %H:%M:%S UTC")
}

/// A span of time as people say it: `1 h`, `90 min`, `30 s`.
fn span(span: Duration) -> String {
    let seconds = span.num_seconds();
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{} h", seconds / 3600),
        (_, 0) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests;
