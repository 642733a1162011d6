//! Where wanted state comes from: all files of one revision of a git repository or a folder.
//!
//! A source gives bytes and never a work tree: nothing of a repository is ever written to the
//! disk as a file, so a repository can neither escape its folder nor leave anything behind.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
pub use crate::cloud::BoxFuture;

pub mod ancestry;
pub mod dir;
pub mod error;
#[cfg(feature = "daemon")]
pub mod git;
#[cfg(feature = "daemon")]
pub mod known_hosts;
mod limits;
pub mod names;
pub mod poll;
pub mod signature;
pub mod url;
#[cfg(feature = "daemon")]
pub mod worker;

pub use ancestry::{Ancestry, NoAncestry};
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use names::{Reference, SubPath};
pub use signature::Signature;
pub use url::GitUrl;

/// The bytes of one file, as they are.
pub type Blob = Arc<[u8]>;

/// All files of one revision that documents can be in or point to: `*.yaml`, `*.yml`, `*.json`.
///
/// Names that begin with a dot are passed over: they are other tools' (`.github`, `.gitlab-ci.yml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Which revision this is.
    pub revision: Revision,
    /// The files by their path inside the source's path, with `/`.
    pub files: BTreeMap<Arc<str>, Blob>,
    /// What was not read, and why.
    pub refused: Vec<Refused>,
}

impl Tree {
    /// How many files there are, with those of before that something unreadable stands over: such a
    /// file is at fault, not gone.
    fn left_of(&self, before: &[Arc<str>]) -> usize {
        let unread = Unread::of(&self.refused);
        self.files.len() + before.iter().filter(|path| unread.over(path).is_some()).count()
    }
}

/// One state of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The id of the commit, or the digest of a folder.
    pub id: String,
    /// Who wrote it, as `name <address>`; empty for a folder. Hostile text: from the repository.
    pub author: String,
    /// The first line of the commit's message; empty for a folder. Hostile text too.
    pub message: String,
    /// When it was committed, by the committer's clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub committed_at: Option<Timestamp>,
    /// The signature that it carries, unchecked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<Signature>,
}

impl Revision {
    /// The id as people write it: its first 12 characters.
    pub fn short(&self) -> &str {
        short(&self.id)
    }
}

/// The first 12 characters of an id.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// The commits after one revision, up to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commits {
    /// How many; 0 where it cannot be told.
    pub count: usize,
    /// The files that they changed, by their path inside the source's path.
    pub touched: BTreeMap<Arc<str>, Touched>,
}

/// What changed one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// How many commits.
    pub count: usize,
    /// The newest of them.
    pub newest: Arc<Revision>,
}

impl Commits {
    /// One, whatever it changed.
    pub fn one() -> Self {
        Self { count: 1, ..Self::default() }
    }
}

/// Something in a revision that is not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refused {
    /// Its path inside the source's path; bytes that are no UTF-8 as `\xe9`.
    pub path: Arc<str>,
    /// Why: lower case, no full stop, with the limit and the actual value where it is one.
    pub why: String,
    /// What the user can do about it.
    pub hint: &'static str,
}

/// What is not read, to be asked by path: a folder that is not read is all that was in it.
#[derive(Debug, Default)]
pub struct Unread<'a>(HashMap<&'a str, &'a Refused>);

impl<'a> Unread<'a> {
    /// Of what a tree refused.
    pub fn of(refused: &'a [Refused]) -> Self {
        Self(refused.iter().map(|it| (&*it.path, it)).collect())
    }

    /// What stands in the place of this file, or of a folder that it lies in.
    pub fn over(&self, path: &str) -> Option<&'a Refused> {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.chain([path]).find_map(|it| self.0.get(it).copied())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not read: {}", self.path, self.why)
    }
}

/// What a look at a source found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The revision that is known is still the newest; nothing was read.
    Unchanged,
    /// A revision to go by.
    New {
        /// Its files.
        tree: Tree,
        /// What would have been a reason to hold it, had the configuration not accepted it.
        despite: Option<HeldReason>,
    },
    /// A revision that is not obeyed; the one before stays in force.
    Held {
        /// The revision that was found.
        revision: Revision,
        /// Why it is not obeyed.
        reason: HeldReason,
    },
    /// The newest revision is still the one that is not obeyed; nothing was read.
    StillHeld,
}

/// Why a revision is not obeyed although it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum HeldReason {
    /// The new revision does not descend from the last accepted one: somebody forced a push,
    /// moved a tag, or replaced the repository.
    HistoryRewritten {
        /// The last accepted revision.
        from: String,
        /// The new one.
        to: String,
    },
    /// Most files are gone: a wrong path, a broken commit, or the end of many buckets' specs.
    Shrunk {
        /// Files of the last accepted revision.
        from: usize,
        /// Files of the new one.
        to: usize,
        /// The new revision.
        revision: String,
    },
}

impl HeldReason {
    /// The word for it in metrics, JSON and the documentation.
    pub fn word(&self) -> &'static str {
        match self {
            Self::HistoryRewritten { .. } => "history-rewritten",
            Self::Shrunk { .. } => "shrunk",
        }
    }

    /// What to do to have it obeyed.
    pub fn hint(&self) -> String {
        let (Self::HistoryRewritten { to: revision, .. } | Self::Shrunk { revision, .. }) = self;
        format!("when this was meant, set the source's `accept: {}`", short(revision))
    }
}

/// What to write into the agent's configuration to have a revision obeyed that is held.
pub fn acceptance(revision: &str) -> String {
    format!("# in the agent's configuration; then start it anew\nsource:\n  accept: \"{}\"\n", short(revision))
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HistoryRewritten { from, to } => {
                write!(f, "history was rewritten: {} does not descend from {}", short(to), short(from))
            }
            Self::Shrunk { from, to, revision } => {
                write!(f, "{} holds {to} files where {from} were before", short(revision))
            }
        }
    }
}

/// The shortest beginning of a revision's id that names it.
pub const ACCEPT_MIN: usize = 7;

/// Whether the configuration names this revision, by 7 or more of its first characters, as one to accept.
pub fn is_accepted(accept: Option<&str>, revision: &str) -> bool {
    accept.is_some_and(|prefix| prefix.len() >= ACCEPT_MIN && revision.starts_with(&prefix.to_ascii_lowercase()))
}

/// Below this number of files a fall is everyday work.
const SHRUNK_FROM: usize = 10;

/// Whether a revision lost so many files that it is held: all of them, or more than half of ten or more.
pub fn is_shrunk(from: usize, to: usize) -> bool {
    (from > 0 && to == 0) || (from >= SHRUNK_FROM && to * 2 < from)
}

/// A source as it may be shown: nothing in it is secret.
///
/// A revision that was accepted from another identity ([`Source::identity`]) is not the `known` of
/// this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The address of the repository, or the folder.
    pub url: String,
    /// Which branch, tag or commit; empty for a folder.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub reference: String,
    /// The folder inside the repository; empty for all of it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub path: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)?;
        if !self.reference.is_empty() {
            write!(f, " {}", self.reference)?;
        }
        if !self.path.is_empty() {
            write!(f, " path `{}`", self.path)?;
        }
        Ok(())
    }
}

/// Gives revisions of wanted state.
pub trait Source: Send + Sync {
    /// Looks for a revision other than `known`, the id of the last accepted one, and reads it.
    ///
    /// Ends at the deadline at the latest. To drop the future ends it at once.
    ///
    /// # Errors
    /// [`Error`], which says in which way it failed; the revision in force stays.
    fn fetch<'a>(&'a mut self, known: Option<&'a str>, deadline: Duration) -> BoxFuture<'a, Result<Fetched, Error>>;

    /// Does not give this revision again: whoever fetched it does not obey it, and would not when
    /// asked again. Forgotten as soon as another revision is the newest.
    fn hold(&mut self, revision: &str);

    /// Where it looks, without credentials.
    fn describe(&self) -> Origin;

    /// Whose files these are: those of one identity are one file's earlier and later forms. Other
    /// than where it looks, a tag or a commit that is pinned instead of another does not change it.
    fn identity(&self) -> String {
        self.describe().to_string()
    }

    /// Keeps this revision for [`Source::load`], and as what the next one has to descend from
    /// when [`Source::fetch`] is told of none.
    ///
    /// # Errors
    /// When the revision is not there or the mark cannot be written.
    fn mark_good<'a>(&'a self, revision: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Reads a revision that was marked good, without the network; `None` when it is not kept.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn load<'a>(&'a self, revision: &'a str) -> BoxFuture<'a, Result<Option<Tree>, Error>>;

    /// The commits after the revision `from` up to `to`, without the network. A folder keeps no
    /// older state of itself: whatever it is, it became at once.
    fn commits<'a>(&'a self, _from: &'a str, _to: &'a str) -> BoxFuture<'a, Commits> {
        Box::pin(std::future::ready(Commits::one()))
    }

    /// Who last changed the lines of its files.
    fn ancestry(&self) -> Arc<dyn Ancestry> {
        Arc::new(NoAncestry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_accepted_by_seven_or_more_of_its_first_digits() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        assert!(is_accepted(Some("0123456"), id) && is_accepted(Some("0123456789ABCDEF"), id));
        assert!(!is_accepted(Some("012345"), id) && !is_accepted(Some("1234567"), id) && !is_accepted(None, id));
    }

    #[test]
    fn a_tree_that_shrinks_to_a_tenth_or_to_nothing_is_held() {
        assert!(is_shrunk(100, 10) && is_shrunk(10, 4) && is_shrunk(1, 0));
        assert!(!is_shrunk(10, 5) && !is_shrunk(9, 1) && !is_shrunk(0, 0) && !is_shrunk(5, 50));
    }

    /// A folder that became a submodule took the good forms of its files with it.
    #[test]
    fn a_folder_that_is_not_read_stands_over_all_that_was_in_it() {
        let refused = |path: &str| Refused { path: path.into(), why: "it is a submodule".to_owned(), hint: "" };
        let refused = [refused("team"), refused("a/b.yaml")];
        let unread = Unread::of(&refused);
        let over = |path: &str| unread.over(path).map(|it| &*it.path);
        assert_eq!((over("team/x/y.yaml"), over("a/b.yaml")), (Some("team"), Some("a/b.yaml")));
        assert_eq!((over("teams/x.yaml"), over("a/b.yaml.yaml"), over("a")), (None, None, None));
    }

    #[test]
    fn a_held_revision_says_why_and_how_to_accept_it() {
        let rewritten = HeldReason::HistoryRewritten { from: "a".repeat(40), to: "b".repeat(40) };
        assert_eq!(rewritten.to_string(), "history was rewritten: bbbbbbbbbbbb does not descend from aaaaaaaaaaaa");
        assert_eq!(rewritten.hint(), "when this was meant, set the source's `accept: bbbbbbbbbbbb`");
        let shrunk = HeldReason::Shrunk { from: 40, to: 4, revision: "c".repeat(40) };
        assert_eq!(shrunk.to_string(), "cccccccccccc holds 4 files where 40 were before");
        assert_eq!((rewritten.word(), shrunk.word()), ("history-rewritten", "shrunk"));
    }
}
