//! Whether the entries are those that were recorded.

use rusqlite::Row;

use super::chain::{self, Fields, GENESIS, Hash};
use super::error::{During, Error};
use super::store::{Store, mark};

/// A history whose chain holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The number of the oldest entry that is kept, when there is one.
    pub oldest: Option<u64>,
    /// The hash of the newest entry. Kept elsewhere, it shows later that nothing up to it changed.
    pub head_hash: Hash,
}

/// Where the chain breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the history is broken at entry {seq}: {what}")]
pub struct Broken {
    /// The number of the entry.
    pub seq: i64,
    /// What is wrong there.
    pub what: String,
}

impl Store {
    /// Checks every entry against the chain, and the chain against a hash that was kept elsewhere.
    ///
    /// # Errors
    /// When the file cannot be read. That the chain does not hold is an answer.
    pub fn verify(&self, expected_head: Option<&Hash>) -> Result<Result<Verified, Broken>, Error> {
        // One transaction, so that nothing is written or pruned between two looks.
        let tx = self.connection.unchecked_transaction().during("read")?;
        let checkpoint = mark(&tx, "checkpoint")?.unwrap_or((0, GENESIS));
        let head = mark(&tx, "head")?.unwrap_or((0, GENESIS));
        let mut walk = Walk { at: checkpoint, cut: None, found: expected_head.is_none_or(|it| *it == checkpoint.1) };
        let mut entries = 0;
        let mut query = tx
            .prepare("SELECT seq, at, kind, account, bucket, json, prev, hash FROM entry ORDER BY seq")
            .during("read")?;
        let mut rows = query.query([]).during("read")?;
        while let Some(row) = rows.next().during("read")? {
            if let Err(broken) = walk.step(row, expected_head) {
                return Ok(Err(broken));
            }
            entries += 1;
        }
        let broken = |seq, what: String| Ok(Err(Broken { seq, what }));
        if walk.at != head {
            return if walk.at.0 < head.0 {
                broken(walk.at.0 + 1, format!("{} at the end", missing(walk.at.0 + 1, head.0)))
            } else {
                broken(walk.at.0, "the end that was noted beside the entries is another".to_owned())
            };
        }
        if checkpoint.0 > 0 && walk.cut != Some(checkpoint) {
            return broken(checkpoint.0, "the entries up to it were cut off, and no entry tells of it".to_owned());
        }
        if !walk.found {
            let pruned = if checkpoint.0 > 0 { ", unless it was pruned" } else { "" };
            return broken(
                head.0,
                format!("no entry has the expected hash: the end was cut off or the chain rewritten{pruned}"),
            );
        }
        let oldest = (entries > 0).then_some(checkpoint.0.unsigned_abs() + 1);
        Ok(Ok(Verified { entries, oldest, head_hash: head.1 }))
    }
}

/// How far the chain was followed.
struct Walk {
    at: (i64, Hash),
    /// Where the newest entry that tells of pruning says that it ended.
    cut: Option<(i64, Hash)>,
    found: bool,
}

impl Walk {
    fn step(&mut self, row: &Row<'_>, expected_head: Option<&Hash>) -> Result<(), Broken> {
        let seq: i64 = row.get(0).expect("the primary key is a number");
        let broken = |seq, what: &str| Broken { seq, what: what.to_owned() };
        if seq > self.at.0 + 1 {
            return Err(broken(self.at.0 + 1, &missing(self.at.0 + 1, seq - 1)));
        }
        if seq <= self.at.0 {
            return Err(broken(seq, "it was inserted where entries were pruned"));
        }
        let unreadable = |_| broken(seq, "it is not as it was recorded: a field is of another type");
        let text = |at: usize| row.get_ref(at).expect("the column is there").as_str().map_err(unreadable);
        let maybe = |at: usize| row.get_ref(at).expect("the column is there").as_str_or_null().map_err(unreadable);
        let bytes = |at: usize| row.get::<_, [u8; 32]>(at).map(Hash).map_err(|_| broken(seq, "its hash is no hash"));
        let fields =
            Fields { seq, at: text(1)?, kind: text(2)?, account: maybe(3)?, bucket: maybe(4)?, json: text(5)? };
        let (prev, hash) = (bytes(6)?, bytes(7)?);
        if chain::hash(&prev, &fields) != hash {
            return Err(broken(seq, "it is not as it was recorded"));
        }
        if prev != self.at.1 {
            return Err(broken(seq, "it does not follow the entry before it: one of the two was replaced or moved"));
        }
        if fields.kind == "pruned" {
            self.cut = cut_of(fields.json).or(self.cut);
        }
        self.found |= expected_head == Some(&hash);
        self.at = (seq, hash);
        Ok(())
    }
}

fn cut_of(json: &str) -> Option<(i64, Hash)> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some((value["upTo"].as_i64()?, Hash::parse(value["hash"].as_str()?)?))
}

fn missing(first: i64, last: i64) -> String {
    if first == last { "it is missing".to_owned() } else { format!("the entries {first} to {last} are missing") }
}
