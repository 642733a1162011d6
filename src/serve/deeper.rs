//! What the page may ask beyond the board: a bucket's live values, and what happened to it. Whoever
//! answers keeps what that costs within bounds, as anybody who reaches the page may ask.

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};

use crate::bucket::BucketId;
use crate::history::Entry;
use crate::report::BucketReport;
use crate::report::compared::Compared;

/// Entries of the history that a page shows.
pub const ENTRIES: usize = 50;

/// Looks deeper.
pub trait Deeper: Send + Sync {
    /// What is wanted of a bucket beside what is there; or why that cannot be told now.
    fn compared<'a>(&'a self, report: &'a BucketReport) -> BoxFuture<'a, Result<Arc<Compared>, String>>;
    /// The newest [`ENTRIES`] of what happened to a bucket, newest first; or why that cannot be told.
    fn past<'a>(&'a self, id: &'a BucketId) -> BoxFuture<'a, Result<Vec<Entry>, String>>;
}

/// For a server that has a board and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct BoardOnly;

impl Deeper for BoardOnly {
    fn compared<'a>(&'a self, _: &'a BucketReport) -> BoxFuture<'a, Result<Arc<Compared>, String>> {
        Box::pin(ready(Err("this server reads no bucket".to_owned())))
    }

    fn past<'a>(&'a self, _: &'a BucketId) -> BoxFuture<'a, Result<Vec<Entry>, String>> {
        Box::pin(ready(Err("this server keeps no history".to_owned())))
    }
}
