//! Forgetting the old, so that the chain can still be verified: what was cut off is told by an
//! entry of the chain itself.

use rusqlite::{OptionalExtension, Transaction};

use super::chain::{GENESIS, Hash};
use super::error::{During, Error};
use super::store::{Chain, Store, mark, put_mark, text};
use crate::clock::Timestamp;

/// The newest entries stay however old they are, or a clock says that they are.
pub const ALWAYS_KEPT: u64 = 1_000;

impl Store {
    /// Forgets the entries before a moment, except the newest [`ALWAYS_KEPT`]. How many went is
    /// the answer. Only the beginning of the chain is cut off, up to the first entry that is to
    /// stay; entries dated in the future, when the clock was wrong, hold nothing back.
    pub(super) fn prune(&mut self, before: Timestamp, now: Timestamp) -> Result<u64, Error> {
        let tx = self.begin("prune")?;
        let (head, _) = mark(&tx, "head")?.unwrap_or((0, GENESIS));
        let (first, _) = mark(&tx, "checkpoint")?.unwrap_or((0, GENESIS));
        let stays: Option<i64> = tx
            .query_row(
                "SELECT seq FROM entry WHERE at >= ? AND at <= ? ORDER BY seq LIMIT 1",
                [text(before), text(now)],
                |row| row.get(0),
            )
            .optional()
            .during("prune")?;
        let last = stays.map_or(head, |stays| stays - 1).min(head - ALWAYS_KEPT.cast_signed());
        if last <= first {
            return Ok(0);
        }
        let gone = cut(&tx, last, now)?;
        tx.commit().during("prune")?;
        Ok(gone)
    }
}

/// Cuts off the entries up to `last`, and adds one that tells of it.
pub(super) fn cut(tx: &Transaction<'_>, last: i64, at: Timestamp) -> Result<u64, Error> {
    let hash: Option<Hash> = tx
        .query_row("SELECT hash FROM entry WHERE seq = ?", [last], |row| Ok(Hash(row.get(0)?)))
        .optional()
        .during("prune")?;
    // A gap just there is left for `verify` to tell of.
    let Some(hash) = hash else { return Ok(0) };
    let gone = tx.execute("DELETE FROM entry WHERE seq <= ?", [last]).during("prune")?;
    put_mark(tx, "checkpoint", last, &hash)?;
    let mut chain = Chain::load(tx)?;
    chain.add(tx, at, "pruned", None, &format!("{{\"event\":\"pruned\",\"upTo\":{last},\"hash\":\"{hash}\"}}"))?;
    chain.save(tx)?;
    Ok(gone as u64)
}
