//! The file: opening it whatever state it is in, and writing entries to it.
//!
//! A rollback journal, not a write-ahead log: such a file can be read from a read-only disk and
//! copied as one file, works on network volumes, and few transactions are written. They are
//! written to the disk before they count.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::chain::{self, Fields, GENESIS, Hash};
use super::error::{During, Error};
use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::report::Event;

/// Marks a file as a history of driftless ("dfls").
const APPLICATION: i64 = 0x6466_6c73;

/// What brings a file from one form to the next; the number of those done is its form.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE entry (
        seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, account TEXT, bucket TEXT,
        json TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE INDEX entry_bucket ON entry (bucket, seq);
    CREATE INDEX entry_at ON entry (at);
    CREATE TABLE mark (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
    CREATE TABLE open_drift (
        account TEXT NOT NULL, bucket TEXT NOT NULL, policy TEXT NOT NULL, setting TEXT NOT NULL, since TEXT NOT NULL,
        PRIMARY KEY (account, bucket, policy, setting)
    ) STRICT;
    CREATE TABLE recent_repair (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, bucket TEXT NOT NULL, setting TEXT NOT NULL,
        value TEXT NOT NULL, at TEXT NOT NULL, outcome TEXT NOT NULL
    ) STRICT;
    CREATE INDEX recent_repair_at ON recent_repair (at);
    CREATE TABLE good_revision (only INTEGER PRIMARY KEY CHECK (only = 1), revision TEXT NOT NULL) STRICT;
    CREATE TABLE good_file (path TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL, digest BLOB NOT NULL) STRICT;
    CREATE TABLE probe (only INTEGER PRIMARY KEY CHECK (only = 1), at TEXT NOT NULL) STRICT;
",
    "
    CREATE TABLE cached (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
",
    "
    CREATE TABLE told (sink TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (sink, key)) STRICT;
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY, sink TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL,
        UNIQUE (sink, key)
    ) STRICT;
",
    "
    ALTER TABLE good_revision ADD COLUMN origin TEXT;
",
];

/// In memory, no more than twice this many entries are kept.
const KEPT_IN_MEMORY: i64 = 10_000;

/// An open history, for one thread.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    in_memory: bool,
}

/// How a file was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub store: Store,
    /// Where the damaged file went that was there before, and what was wrong with it.
    pub aside: Option<(PathBuf, Error)>,
    /// The disk is full, so that nothing can be written for now.
    pub full: bool,
}

impl Store {
    /// Opens or makes the file, for the daemon.
    pub(super) fn open(path: &Path, now: Timestamp) -> Result<Opened, Error> {
        create_private(path)?;
        match Self::open_sound(path, now) {
            Err(damage) if damage.is_damage() => {
                let aside = move_aside(path, now)?;
                create_private(path)?;
                let (store, full) = Self::open_sound(path, now)?;
                Ok(Opened { store, aside: Some((aside, damage)), full })
            }
            other => other.map(|(store, full)| Opened { store, aside: None, full }),
        }
    }

    fn open_sound(path: &Path, now: Timestamp) -> Result<(Self, bool), Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        if connection.is_readonly("main").during("open")? {
            return Err(Error::ReadOnly { path: path.to_owned() });
        }
        let found = examine(&connection, path)?;
        connection
            .query_row("PRAGMA journal_mode = TRUNCATE", [], |_| Ok(()))
            .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
            .during("open")?;
        migrate(&mut connection, MIGRATIONS, found).map_err(|error| unwritable(error, path))?;
        let full = match probe(&mut connection, now) {
            Err(Error::Full { .. }) => true,
            other => other.map_err(|error| unwritable(error, path)).map(|()| false)?,
        };
        Ok((Self { connection, in_memory: false }, full))
    }

    /// Opens a file to look at it; `None` when there is none. Nothing is written, not even while
    /// a daemon writes.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is of another version or of something else.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, Error> {
        match fs::File::open(path).and_then(|file| file.metadata()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", path, error)),
            Ok(metadata) if metadata.len() == 0 => return Ok(None),
            Ok(_) => {}
        }
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        let found = examine(&connection, path)?;
        if found < MIGRATIONS.len() {
            return Err(Error::TooOld { path: path.to_owned(), found: found as i64 });
        }
        Ok(Some(Self { connection, in_memory: false }))
    }

    /// Makes a history that ends with the process.
    pub(super) fn in_memory() -> Result<Self, Error> {
        let mut connection = Connection::open_in_memory().during("open")?;
        migrate(&mut connection, MIGRATIONS, 0)?;
        Ok(Self { connection, in_memory: true })
    }

    /// Takes over from a file what the daemon needs after a restart, as far as it can be read.
    pub(super) fn take_over(&mut self, path: &Path) -> Result<(), Error> {
        let Some(other) = Self::open_read_only(path)? else { return Ok(()) };
        let drifts = other.open_drifts()?;
        let repairs = other.recent_repairs(Timestamp::MIN_UTC)?;
        let good = other.good_files_of_any()?;
        let tx = self.begin("write")?;
        for drift in drifts {
            super::restart::put_drift(&tx, &drift.bucket, &drift.policy, &drift.setting, drift.since)?;
        }
        for repair in repairs {
            super::restart::put_repair(&tx, &repair)?;
        }
        tx.commit().during("write")?;
        self.take_over_post(&other)?;
        match good.revision {
            Some(revision) => self.keep_good_files(&revision, good.origin.as_deref(), &good.files, &[]),
            None => Ok(()),
        }
    }

    pub(super) fn begin(&mut self, operation: &'static str) -> Result<Transaction<'_>, Error> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate).during(operation)
    }

    /// Writes events, all or none. `lost` tells of events before them that could not be kept.
    pub(super) fn append(&mut self, events: &[(Timestamp, Event)], lost: u64, now: Timestamp) -> Result<(), Error> {
        let tx = self.begin("write")?;
        let mut chain = Chain::load(&tx)?;
        if lost > 0 {
            let at = events.first().map_or(now, |(at, _)| *at);
            chain.add(&tx, at, "lost", None, &format!("{{\"event\":\"lost\",\"entries\":{lost}}}"))?;
        }
        for (at, event) in events {
            let json = serde_json::to_string(event).expect("events are plain data");
            chain.add(&tx, *at, event.word(), event.bucket(), &json)?;
            super::restart::follow(&tx, *at, event)?;
        }
        chain.save(&tx)?;
        tx.commit().during("write")?;
        if self.in_memory {
            self.bound_memory(now)?;
        }
        Ok(())
    }

    /// Where the chain ends: number and hash of the newest entry.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn head(&self) -> Result<(u64, Hash), Error> {
        let (seq, hash) = mark(&self.connection, "head")?.unwrap_or((0, GENESIS));
        Ok((seq.unsigned_abs(), hash))
    }

    fn bound_memory(&mut self, now: Timestamp) -> Result<(), Error> {
        let tx = self.begin("prune")?;
        let (head, _) = mark(&tx, "head")?.unwrap_or((0, GENESIS));
        let (first, _) = mark(&tx, "checkpoint")?.unwrap_or((0, GENESIS));
        if head - first > 2 * KEPT_IN_MEMORY {
            super::prune::cut(&tx, head - KEPT_IN_MEMORY, now)?;
        }
        tx.commit().during("prune")
    }
}

/// The end of the chain while entries are added. It begins where the chain is known to have
/// ended, not at the newest entry that is there: a tail that was cut off stays visible as a gap.
pub(super) struct Chain {
    seq: i64,
    head: Hash,
}

impl Chain {
    pub(super) fn load(tx: &Transaction<'_>) -> Result<Self, Error> {
        let (seq, head) = mark(tx, "head")?.unwrap_or((0, GENESIS));
        Ok(Self { seq, head })
    }

    pub(super) fn add(
        &mut self,
        tx: &Transaction<'_>,
        at: Timestamp,
        kind: &str,
        about: Option<&BucketId>,
        json: &str,
    ) -> Result<(), Error> {
        let at = text(at);
        let seq = self.seq + 1;
        let account = about.map(|it| it.account.as_str());
        let bucket = about.map(|it| it.name.as_str());
        let hash = chain::hash(&self.head, &Fields { seq, at: &at, kind, account, bucket, json });
        tx.prepare_cached("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .and_then(|mut it| it.execute(params![seq, at, kind, account, bucket, json, self.head.0, hash.0]))
            .during("write")?;
        (self.seq, self.head) = (seq, hash);
        Ok(())
    }

    pub(super) fn save(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        put_mark(tx, "head", self.seq, &self.head)
    }
}

/// A place in the chain that is noted beside it.
pub(super) fn mark(connection: &Connection, name: &str) -> Result<Option<(i64, Hash)>, Error> {
    use rusqlite::OptionalExtension;
    connection
        .query_row("SELECT seq, hash FROM mark WHERE name = ?", [name], |row| Ok((row.get(0)?, Hash(row.get(1)?))))
        .optional()
        .during("read")
}

pub(super) fn put_mark(tx: &Transaction<'_>, name: &str, seq: i64, hash: &Hash) -> Result<(), Error> {
    tx.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", params![name, seq, hash.0]).during("write")?;
    Ok(())
}

/// Moments as the file keeps them: UTC with microseconds, so that their texts sort as they do.
pub(super) fn text(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

pub(super) fn moment(text: &str) -> Option<Timestamp> {
    Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, flags).during("open")?;
    // Whoever reads holds a writer up for the time of one query.
    connection.busy_timeout(Duration::from_secs(5)).during("open")?;
    connection.pragma_update(None, "trusted_schema", false).during("open")?;
    Ok(connection)
}

/// Checks that the file is sound, ours, and of a form that is known; the form is the answer.
fn examine(connection: &Connection, path: &Path) -> Result<usize, Error> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).during("open");
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).during("open")?;
    if sound != "ok" {
        return Err(Error::Damaged { what: sound });
    }
    if number("page_count")? > 0 && number("application_id")? != APPLICATION {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    let (found, known) = (number("user_version")?, MIGRATIONS.len() as i64);
    if found > known {
        return Err(Error::TooNew { path: path.to_owned(), found, known });
    }
    usize::try_from(found).map_err(|_| Error::Foreign { path: path.to_owned() })
}

/// Brings the file to the newest form, in one transaction.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str], found: usize) -> Result<(), Error> {
    if found == migrations.len() {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).during("make")?;
    for migration in &migrations[found..] {
        tx.execute_batch(migration).during("make")?;
    }
    tx.pragma_update(None, "application_id", APPLICATION).during("make")?;
    tx.pragma_update(None, "user_version", migrations.len() as i64).during("make")?;
    tx.commit().during("make")
}

/// Writes, so that what cannot be written is known at once and not at the first event.
fn probe(connection: &mut Connection, now: Timestamp) -> Result<(), Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).during("write")?;
    tx.execute("INSERT OR REPLACE INTO probe VALUES (1, ?)", [text(now)]).during("write")?;
    tx.commit().during("write")
}

/// A journal that cannot be made means a directory that cannot be written.
fn unwritable(error: Error, path: &Path) -> Error {
    match error {
        Error::Sqlite { what, .. } if what.contains("readonly") || what.contains("unable to open") => {
            Error::ReadOnly { path: path.to_owned() }
        }
        other => other,
    }
}

/// Makes the file readable for its owner alone, or makes it so. SQLite gives its journal the same
/// mode.
fn create_private(path: &Path) -> Result<(), Error> {
    if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(|error| Error::file("make the directory of", path, error))?;
    }
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::file("open", path, error))?;
    let metadata = file.metadata().map_err(|error| Error::file("open", path, error))?;
    if !metadata.is_file() {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(|error| Error::file("protect", path, error))?;
    }
    Ok(())
}

/// Renames a damaged file, with the journal that belongs to it, to a name that is free.
fn move_aside(path: &Path, now: Timestamp) -> Result<PathBuf, Error> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let stamp = now.format("%Y%m%dT%H%M%SZ");
    let aside = (0..)
        .map(|n: u32| with(&if n == 0 { format!(".corrupt-{stamp}") } else { format!(".corrupt-{stamp}-{n}") }))
        .find(|aside| !aside.exists())
        .expect("some number is free");
    fs::rename(path, &aside).map_err(|error| Error::file("move aside", path, error))?;
    let journal = with("-journal");
    let moved = match fs::metadata(&journal) {
        Ok(metadata) if metadata.len() == 0 => fs::remove_file(&journal),
        Ok(_) => {
            let mut kept = aside.as_os_str().to_owned();
            kept.push("-journal");
            fs::rename(&journal, kept)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    moved.map_err(|error| Error::file("move aside", path, error))?;
    Ok(aside)
}
