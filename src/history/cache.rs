//! What would be learned anew after a restart, and need not be: texts beside the chain, each under
//! a name. Losing them costs requests, nothing else.

use rusqlite::{OptionalExtension, params};

use super::error::{During, Error};
use super::store::Store;

impl Store {
    /// Keeps a text under a name, in place of the one before.
    pub(super) fn put_cached(&mut self, name: &str, text: &str) -> Result<(), Error> {
        self.connection
            .execute("INSERT OR REPLACE INTO cached VALUES (?, ?)", params![name, text])
            .during("write")
            .map(drop)
    }

    /// The text under a name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn cached(&self, name: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT text FROM cached WHERE name = ?";
        self.connection.query_row(sql, [name], |row| row.get(0)).optional().during("read")
    }
}
