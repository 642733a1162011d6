//! What people were told, and what still waits to be delivered to them: so that nothing is told
//! twice after a restart, and nothing is forgotten. Losing it costs messages, nothing else.

use rusqlite::params;

use super::error::{During, Error};
use super::store::Store;

/// A message that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The sink.
    pub sink: String,
    /// The cause.
    pub key: String,
    /// The message.
    pub id: String,
    /// All of it.
    pub text: String,
}

impl Store {
    /// What every sink was told and is not over: sink, key and text.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn told(&self) -> Result<Vec<(String, String, String)>, Error> {
        let mut query =
            self.connection.prepare("SELECT sink, key, text FROM told ORDER BY sink, key").during("read")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).during("read")?;
        rows.collect::<rusqlite::Result<_>>().during("read")
    }

    /// The messages that wait, the oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn outbox(&self) -> Result<Vec<Outgoing>, Error> {
        let mut query =
            self.connection.prepare("SELECT sink, key, id, text FROM outbox ORDER BY number").during("read")?;
        let rows = query.query_map([], |row| {
            Ok(Outgoing { sink: row.get(0)?, key: row.get(1)?, id: row.get(2)?, text: row.get(3)? })
        });
        rows.during("read")?.collect::<rusqlite::Result<_>>().during("read")
    }

    /// Keeps what a sink was told (`None` for what is over) and the messages that say so: all or
    /// none. A message takes the place of an older one about the same cause.
    pub(super) fn keep_told(
        &mut self,
        sink: &str,
        changed: &[(String, Option<String>)],
        outgoing: &[Outgoing],
    ) -> Result<(), Error> {
        let tx = self.begin("write")?;
        for (key, text) in changed {
            match text {
                Some(text) => tx.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", params![sink, key, text]),
                None => tx.execute("DELETE FROM told WHERE sink = ? AND key = ?", [sink, key]),
            }
            .during("write")?;
        }
        for it in outgoing {
            // A new number: it stands at the end of the queue.
            tx.execute("DELETE FROM outbox WHERE sink = ? AND key = ?", [&it.sink, &it.key])
                .and_then(|_| {
                    let sql = "INSERT INTO outbox (sink, key, id, text) VALUES (?, ?, ?, ?)";
                    tx.execute(sql, [&it.sink, &it.key, &it.id, &it.text])
                })
                .during("write")?;
        }
        tx.commit().during("write")
    }

    /// A message arrived or was given up. One that took its place stays.
    pub(super) fn delivered(&mut self, sink: &str, key: &str, id: &str) -> Result<(), Error> {
        let sql = "DELETE FROM outbox WHERE sink = ? AND key = ? AND id = ?";
        self.connection.execute(sql, [sink, key, id]).during("write").map(drop)
    }

    /// Forgets what was told to sinks that the configuration names no more.
    pub(super) fn forget_other_sinks(&mut self, names: &[String]) -> Result<(), Error> {
        let tx = self.begin("write")?;
        for table in ["told", "outbox"] {
            let known: Vec<String> = {
                let mut query = tx.prepare(&format!("SELECT DISTINCT sink FROM {table}")).during("read")?;
                let rows = query.query_map([], |row| row.get(0)).during("read")?;
                rows.collect::<rusqlite::Result<_>>().during("read")?
            };
            for sink in known.iter().filter(|it| !names.contains(it)) {
                tx.execute(&format!("DELETE FROM {table} WHERE sink = ?"), [sink]).during("write")?;
            }
        }
        tx.commit().during("write")
    }

    /// Takes over from another file what people were told.
    pub(super) fn take_over_post(&mut self, other: &Self) -> Result<(), Error> {
        let (told, outbox) = (other.told()?, other.outbox()?);
        for (sink, key, text) in told {
            self.keep_told(&sink, &[(key, Some(text))], &[])?;
        }
        outbox.into_iter().try_for_each(|it| self.keep_told(&it.sink.clone(), &[], &[it]))
    }
}
