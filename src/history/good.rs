//! The last good text of every file of the source, so that it survives a restart of the daemon
//! while the git server is away.
//!
//! They belong to one source: the files of another are never the earlier forms of this one's, though
//! they have the same names.
//!
//! What stands here becomes desired state, so each text is checked when it is read. The digest
//! shows damage and careless editing; it is no seal against whoever may write the file, which is
//! why the file is readable and writable for its owner alone.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::{During, Error};
use super::store::Store;

/// The last good text of every file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoodFiles {
    /// The revision that they come from, as far as it was good.
    pub revision: Option<String>,
    /// The identity of the source that they come from; not known of what an older driftless kept.
    pub origin: Option<String>,
    /// Path and text, in the order of the paths.
    pub files: Vec<(String, Vec<u8>)>,
    /// Paths whose text is not the one that was stored; it is left out.
    pub damaged: Vec<String>,
}

impl Store {
    /// Stores the files that changed and forgets those that were removed, and all of another
    /// origin: all or none.
    pub(super) fn put_good_files(
        &mut self,
        revision: &str,
        origin: &str,
        changed: &[(String, Vec<u8>)],
        removed: &[String],
    ) -> Result<(), Error> {
        self.keep_good_files(revision, Some(origin), changed, removed)
    }

    pub(super) fn keep_good_files(
        &mut self,
        revision: &str,
        origin: Option<&str>,
        changed: &[(String, Vec<u8>)],
        removed: &[String],
    ) -> Result<(), Error> {
        let tx = self.begin("write")?;
        if let Some(origin) = origin {
            let others = "DELETE FROM good_file WHERE EXISTS (SELECT 1 FROM good_revision WHERE origin != ?)";
            tx.execute(others, [origin]).during("write")?;
        }
        {
            let mut put = tx
                .prepare(
                    "INSERT INTO good_file VALUES (?1, ?2, ?3)
                     ON CONFLICT (path) DO UPDATE SET bytes = ?2, digest = ?3 WHERE digest != ?3 OR bytes != ?2",
                )
                .during("write")?;
            for (path, bytes) in changed {
                put.execute(params![path, bytes, digest(path, bytes)]).during("write")?;
            }
            let mut remove = tx.prepare("DELETE FROM good_file WHERE path = ?").during("write")?;
            for path in removed {
                remove.execute([path]).during("write")?;
            }
        }
        let revision = params![revision, origin];
        tx.execute("INSERT OR REPLACE INTO good_revision (only, revision, origin) VALUES (1, ?, ?)", revision)
            .during("write")?;
        tx.commit().during("write")
    }

    /// The revision of the last good files, when they are of this origin. What an older driftless
    /// kept without one is taken for it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn good_revision(&self, origin: &str) -> Result<Option<String>, Error> {
        let good = self.kept_good_revision()?;
        Ok(good.filter(|(_, kept)| kept.as_ref().is_none_or(|kept| kept == origin)).map(|(revision, _)| revision))
    }

    fn kept_good_revision(&self) -> Result<Option<(String, Option<String>)>, Error> {
        let sql = "SELECT revision, origin FROM good_revision";
        self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional().during("read")
    }

    /// The last good text of every file of this origin.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn good_files(&self, origin: &str) -> Result<GoodFiles, Error> {
        match self.good_revision(origin)? {
            Some(_) => self.good_files_of_any(),
            None => Ok(GoodFiles::default()),
        }
    }

    /// The last good text of every file, whatever source they come from.
    pub(super) fn good_files_of_any(&self) -> Result<GoodFiles, Error> {
        let (revision, origin) = self.kept_good_revision()?.unzip();
        let mut good = GoodFiles { revision, origin: origin.flatten(), ..GoodFiles::default() };
        let mut query =
            self.connection.prepare("SELECT path, bytes, digest FROM good_file ORDER BY path").during("read")?;
        let mut rows = query.query([]).during("read")?;
        while let Some(row) = rows.next().during("read")? {
            let (path, bytes, stored): (String, Vec<u8>, Vec<u8>) =
                (|| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))().during("read")?;
            if stored == digest(&path, &bytes) {
                good.files.push((path, bytes));
            } else {
                tracing::warn!(path, "the stored last good text is damaged and is not used");
                good.damaged.push(path);
            }
        }
        Ok(good)
    }
}

/// Over path and text, so that no text can take the place of another.
fn digest(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update((path.len() as u64).to_be_bytes());
    hash.update(path);
    hash.update(bytes);
    hash.finalize().to_vec()
}
