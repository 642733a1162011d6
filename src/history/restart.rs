//! What the daemon needs to know again after a restart: the differences that are open and since
//! when, and its latest writes. Small tables beside the chain, kept in the same transactions.

use std::sync::Arc;

use rusqlite::{Row, Transaction, params};

use super::error::{During, Error};
use super::store::{Store, moment, text};
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::clock::Timestamp;
use crate::past::{Fingerprint, Outcome, PastRepair};
use crate::report::Event;
use crate::verdict::SPEC;

/// How long a write may be of interest to the loop breaker.
const RECENT: chrono::Duration = chrono::Duration::days(1);

/// A difference that was seen and is not gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDrift {
    /// The bucket.
    pub bucket: BucketId,
    /// The policy, or `spec`.
    pub policy: Arc<str>,
    /// The setting, for the spec; empty for a policy.
    pub setting: String,
    /// Since when it is known.
    pub since: Timestamp,
}

impl Store {
    /// The differences that were seen and are not gone, in the order of their buckets.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_drifts(&self) -> Result<Vec<OpenDrift>, Error> {
        let mut query = self
            .connection
            .prepare("SELECT account, bucket, policy, setting, since FROM open_drift ORDER BY 1, 2, 3, 4")
            .during("read")?;
        let rows = query.query_map([], |row| {
            let (policy, setting) = (row.get::<_, String>(2)?.into(), row.get(3)?);
            let since = moment(&row.get::<_, String>(4)?);
            Ok(bucket(row)?.zip(since).map(|(bucket, since)| OpenDrift { bucket, policy, setting, since }))
        });
        collect(rows.during("read")?)
    }

    /// The writes since then, oldest first. At least those of the last day are kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn recent_repairs(&self, since: Timestamp) -> Result<Vec<PastRepair>, Error> {
        let mut query = self
            .connection
            .prepare("SELECT account, bucket, setting, value, at, outcome FROM recent_repair WHERE at >= ? ORDER BY id")
            .during("read")?;
        let rows = query.query_map([text(since.max(Timestamp::UNIX_EPOCH))], |row| {
            let to = Fingerprint::parse(&row.get::<_, String>(3)?);
            let at = moment(&row.get::<_, String>(4)?);
            let outcome = Outcome::parse(&row.get::<_, String>(5)?);
            let (bucket, setting) = (bucket(row)?, row.get(2)?);
            Ok(bucket.zip(to).zip(at.zip(outcome)).map(|((bucket, to), (at, outcome))| PastRepair {
                bucket,
                setting,
                to,
                at,
                outcome,
            }))
        });
        collect(rows.during("read")?)
    }
}

/// Rows that this version cannot read are left out: they cost a memory, nothing else.
fn collect<T>(rows: impl Iterator<Item = rusqlite::Result<Option<T>>>) -> Result<Vec<T>, Error> {
    rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>().during("read")
}

fn bucket(row: &Row<'_>) -> rusqlite::Result<Option<BucketId>> {
    let (account, name): (String, String) = (row.get(0)?, row.get(1)?);
    let account = AccountName::parse(&account).ok();
    Ok(account.zip(BucketName::known(&name).ok()).map(|(account, name)| BucketId { account, name }))
}

/// Follows an event in the small tables.
pub(super) fn follow(tx: &Transaction<'_>, at: Timestamp, event: &Event) -> Result<(), Error> {
    match event {
        Event::DriftDetected { bucket, policy, setting, .. } => put_drift(tx, bucket, policy, setting, at),
        Event::DriftClosed { bucket, policy, setting, .. } => {
            let sql = "DELETE FROM open_drift WHERE account = ? AND bucket = ? AND policy = ? AND setting = ?";
            tx.prepare_cached(sql)
                .and_then(|mut it| it.execute([bucket.account.as_str(), bucket.name.as_str(), policy, setting]))
                .during("write")?;
            Ok(())
        }
        Event::Unmanaged { bucket } => {
            // What its spec said counts no more; policies may go on looking at it.
            let sql = "DELETE FROM open_drift WHERE account = ? AND bucket = ? AND policy = ?";
            tx.execute(sql, [bucket.account.as_str(), bucket.name.as_str(), SPEC]).during("write")?;
            Ok(())
        }
        Event::Repair { bucket, repair } => {
            let Some(to) = &repair.to else { return Ok(()) };
            let kept = PastRepair {
                bucket: bucket.clone(),
                setting: repair.setting.to_owned(),
                to: Fingerprint::of(to),
                at: repair.at,
                outcome: Outcome::from(&repair.result),
            };
            put_repair(tx, &kept)?;
            let horizon = at.checked_sub_signed(RECENT).unwrap_or(Timestamp::MIN_UTC);
            tx.prepare_cached("DELETE FROM recent_repair WHERE at < ?")
                .and_then(|mut it| it.execute([text(horizon)]))
                .during("write")?;
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(super) fn put_drift(
    tx: &Transaction<'_>,
    bucket: &BucketId,
    policy: &str,
    setting: &str,
    since: Timestamp,
) -> Result<(), Error> {
    tx.prepare_cached("INSERT OR IGNORE INTO open_drift VALUES (?, ?, ?, ?, ?)")
        .and_then(|mut it| it.execute([bucket.account.as_str(), bucket.name.as_str(), policy, setting, &text(since)]))
        .during("write")?;
    Ok(())
}

pub(super) fn put_repair(tx: &Transaction<'_>, repair: &PastRepair) -> Result<(), Error> {
    let sql = "INSERT INTO recent_repair (account, bucket, setting, value, at, outcome) VALUES (?, ?, ?, ?, ?, ?)";
    let id = &repair.bucket;
    let (value, at) = (repair.to.to_string(), text(repair.at));
    tx.prepare_cached(sql)
        .and_then(|mut it| {
            it.execute(params![id.account.as_str(), id.name.as_str(), repair.setting, value, at, repair.outcome.word()])
        })
        .during("write")?;
    Ok(())
}
