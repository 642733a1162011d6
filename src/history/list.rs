//! Looking entries up, newest first.

use globset::GlobBuilder;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::chain::Hash;
use super::entry::Entry;
use super::error::{During, Error};
use super::store::{Store, moment, text};
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::clock::Timestamp;

/// Which entries to list. The default lists all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The name of a bucket or a glob on it; with an account and `/` before it, of that account.
    pub bucket: Option<String>,
    /// A policy that asked or does not hold, or `spec` for a spec that does not.
    pub policy: Option<String>,
    /// The setting that it is about.
    pub setting: Option<String>,
    /// The word for what happened.
    pub kind: Option<String>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// No more than so many; none is no limit.
    pub limit: Option<usize>,
}

impl Store {
    /// The entries that a filter lets through, newest first.
    ///
    /// # Errors
    /// When the file cannot be read, or the pattern is none.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        let mut sql = "SELECT seq, at, kind, account, bucket, json, prev, hash FROM entry WHERE 1".to_owned();
        let mut values: Vec<Value> = Vec::new();
        let mut only = |clause: &str, value: String| {
            sql.push_str(clause);
            values.push(value.into());
        };
        if let Some(kind) = &filter.kind {
            only(" AND kind = ?", kind.clone());
        }
        if let Some(since) = filter.since {
            only(" AND at >= ?", text(since));
        }
        if let Some(until) = filter.until {
            only(" AND at < ?", text(until));
        }
        let pattern = filter.bucket.as_deref().map(Pattern::of).transpose()?;
        if let Some(name) = pattern.as_ref().and_then(|it| it.exact.clone()) {
            only(" AND bucket = ?", name);
        }
        sql.push_str(" ORDER BY seq DESC");

        let limit = filter.limit.unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        let mut query = self.connection.prepare(&sql).during("read")?;
        let mut rows = query.query(params_from_iter(values)).during("read")?;
        while entries.len() < limit {
            let Some(row) = rows.next().during("read")? else { break };
            // An entry that is none, because somebody changed it, is left to `verify`.
            let Ok(Some(entry)) = read(row) else { continue };
            let fits = pattern.as_ref().is_none_or(|it| entry.bucket.as_ref().is_some_and(|id| it.fits(id)))
                && filter.policy.as_ref().is_none_or(|policy| entry.concerns(policy))
                && filter.setting.as_ref().is_none_or(|setting| entry.is_about(setting));
            if fits {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let (at, json): (String, String) = (row.get(1)?, row.get(5)?);
    let (account, name): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
    let account = account.and_then(|it| AccountName::parse(&it).ok());
    let name = name.and_then(|it| BucketName::known(&it).ok());
    let parsed = moment(&at).zip(serde_json::from_str(&json).ok());
    let Some((at, event)) = parsed else { return Ok(None) };
    Ok(Some(Entry {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        at,
        kind: row.get(2)?,
        bucket: account.zip(name).map(|(account, name)| BucketId { account, name }),
        event,
        prev: Hash(row.get(6)?),
        hash: Hash(row.get(7)?),
    }))
}

struct Pattern {
    account: Option<globset::GlobMatcher>,
    name: globset::GlobMatcher,
    /// The name, when it is no pattern.
    exact: Option<String>,
}

impl Pattern {
    fn of(said: &str) -> Result<Self, Error> {
        let glob = |text: &str| {
            GlobBuilder::new(text)
                .literal_separator(false)
                .build()
                .map(|glob| glob.compile_matcher())
                .map_err(|error| Error::Pattern { pattern: said.to_owned(), what: error.kind().to_string() })
        };
        let (account, name) = match said.split_once('/') {
            Some((account, name)) => (Some(glob(account)?), name),
            None => (None, said),
        };
        let exact = BucketName::known(name).is_ok().then(|| name.to_owned());
        Ok(Self { account, name: glob(name)?, exact })
    }

    fn fits(&self, id: &BucketId) -> bool {
        self.name.is_match(id.name.as_str()) && self.account.as_ref().is_none_or(|it| it.is_match(id.account.as_str()))
    }
}
