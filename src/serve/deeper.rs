//! What the page may ask beyond the board: a bucket's live values, who asked for others, and what
//! happened to it. Whoever
//! answers keeps what that costs within bounds, as anybody who reaches the page may ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};

use super::Serve;
use super::page::faulty_files;
use crate::board::PolicyCard;
use crate::bucket::BucketId;
use crate::finding::Place;
use crate::history::Entry;
use crate::report::BucketReport;
use crate::report::compared::Compared;
use crate::source::Revision;
use crate::verdict::Origin;

/// Entries of the history that a page shows.
pub const ENTRIES: usize = 50;

/// Why there is no commit of a built-in policy.
pub const BUILT_IN: &str = "which comes with driftless";

/// Who last changed what begins on a line of a file, or why that is not known.
pub type WhoChanged = BTreeMap<(Arc<str>, u32), Result<Arc<Revision>, Arc<str>>>;

/// Looks deeper.
pub trait Deeper: Send + Sync {
    /// What is wanted of a bucket beside what is there; or why that cannot be told now.
    fn compared<'a>(&'a self, report: &'a BucketReport) -> BoxFuture<'a, Result<Arc<Compared>, String>>;
    /// Who last changed what begins at some places of the source. What is not told is not known.
    fn who_changed<'a>(&'a self, places: &'a [Place]) -> BoxFuture<'a, WhoChanged> {
        let _ = places;
        Box::pin(ready(WhoChanged::new()))
    }
    /// The newest [`ENTRIES`] of what happened to a bucket, newest first; or why that cannot be told.
    fn past<'a>(&'a self, id: &'a BucketId) -> BoxFuture<'a, Result<Vec<Entry>, String>>;
}

/// What was found of a bucket beyond the board.
pub(super) struct Depth {
    /// Live and wanted.
    pub compared: Result<Arc<Compared>, String>,
    /// What happened to it.
    pub past: Result<Vec<Entry>, String>,
    /// The policies in force.
    pub policies: Arc<[PolicyCard]>,
    changed: WhoChanged,
}

impl Depth {
    /// Looks.
    pub(super) async fn of(serve: &Serve, report: &BucketReport) -> Self {
        let deeper = &serve.deeper;
        let (compared, past) = tokio::join!(deeper.compared(report), deeper.past(&report.id));
        let mut depth = Self { compared, past, policies: serve.board.policies(), changed: WhoChanged::new() };
        let asked = depth.compared.iter().flat_map(|it| &it.settings).flat_map(|it| &it.asked);
        let mut places: Vec<Place> = asked.filter_map(|(origin, _)| depth.place(origin)).cloned().collect();
        for status in report.policies.iter() {
            places.extend(depth.policy(&status.policy).and_then(|card| card.written.first()).map(|it| it.at.clone()));
        }
        places.sort();
        places.dedup();
        // Of these an earlier form is in force, and nobody knows on which line it stands now.
        let faulty = faulty_files(&serve.board.source());
        let (earlier, newest): (Vec<Place>, Vec<Place>) = places.into_iter().partition(|at| faulty.contains(&at.file));
        depth.changed = deeper.who_changed(&newest).await;
        let not_known = || Err("the newest form of the file has a fault, and an earlier one is in force".into());
        depth.changed.extend(earlier.into_iter().map(|at| ((at.file, at.line), not_known())));
        depth
    }

    /// A policy in force.
    pub(super) fn policy(&self, name: &str) -> Option<&PolicyCard> {
        self.policies.iter().find(|card| &*card.name == name)
    }

    /// Where it stands what somebody asks.
    pub(super) fn place<'a>(&'a self, origin: &'a Origin) -> Option<&'a Place> {
        match origin {
            Origin::Spec(at) => Some(at),
            Origin::Policy(name) => self.policy(name)?.written.first().map(|it| &it.at),
        }
    }

    /// Who last changed what begins at a place; or why that is not known.
    pub(super) fn who_changed(&self, at: &Place) -> Result<Arc<Revision>, Arc<str>> {
        let unknown = || Err("this server reads no repository".into());
        self.changed.get(&(Arc::clone(&at.file), at.line)).cloned().unwrap_or_else(unknown)
    }
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
