//! What can go wrong with the history. None of it stops the daemon.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the history could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file or its directory may not be written.
    #[error("cannot write the history `{path}`: it is read-only")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be made, opened or moved.
    #[error("cannot {operation} the history `{path}`")]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was written by a newer driftless.
    #[error("the history `{path}` has the form {found}, and this driftless knows up to {known}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i64,
        /// The newest form that is known.
        known: i64,
    },
    /// The file was written by an older driftless and could not be brought to the present form.
    #[error("the history `{path}` has the old form {found}")]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: i64,
    },
    /// The file is a database of something else.
    #[error("`{path}` is no history of driftless")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The content of the file is damaged.
    #[error("the history is damaged: {what}")]
    Damaged {
        /// What SQLite found.
        what: String,
    },
    /// The disk, or what the file may take of it, is full.
    #[error("cannot {operation} the history: the disk is full")]
    Full {
        /// What was tried.
        operation: &'static str,
    },
    /// SQLite failed otherwise.
    #[error("cannot {operation} the history: {what}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// What SQLite said.
        what: String,
    },
    /// What was recorded could not be written yet and waits in memory.
    #[error("entries of the history wait in memory: {what}")]
    Waiting {
        /// Why they could not be written.
        what: String,
    },
    /// A pattern of bucket names is none.
    #[error("illegal pattern `{pattern}`: {what}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        what: String,
    },
    /// The history is closed, or its writer ended.
    #[error("the history is closed")]
    Closed,
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ReadOnly { .. } => Some("make the file and its directory writable for the daemon, then restart it"),
            Self::TooNew { .. } => {
                Some("run the driftless that wrote it or a newer one, or name another data directory")
            }
            Self::TooOld { .. } => Some("start the daemon once: it brings the file to the present form"),
            Self::Foreign { .. } => Some("name another data directory"),
            Self::Full { .. } => Some("make room; what waits is written then"),
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some("run this as the user that runs the daemon")
            }
            _ => None,
        }
    }

    /// Whether the content is beyond use.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    pub(super) fn file(operation: &'static str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let path = path.to_owned();
        match source.kind() {
            PermissionDenied | ReadOnlyFilesystem if operation != "read" => Self::ReadOnly { path },
            _ => Self::File { operation, path, source },
        }
    }
}

/// Says what was tried when SQLite fails.
pub(super) trait During<T> {
    /// The error with the operation: a verb in the infinitive.
    fn during(self, operation: &'static str) -> Result<T, Error>;
}

impl<T> During<T> for rusqlite::Result<T> {
    fn during(self, operation: &'static str) -> Result<T, Error> {
        self.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged { what: error.to_string() },
            Some(ErrorCode::DiskFull) => Error::Full { operation },
            _ => Error::Sqlite { operation, what: error.to_string() },
        })
    }
}
