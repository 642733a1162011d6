//! Who last changed some lines, by the history of the repository: asked in a process of its own, as
//! libgit2 has no deadline, and kept by the blob, as a file that is as it was was changed by whom it was.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use git2::{BlameOptions, ErrorCode, Oid, Repository};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::GitOptions;
use super::store::{self, Store};
use crate::source::ancestry::Ancestry;
use crate::source::names::SubPath;
use crate::source::worker::Worker;
use crate::source::{BoxFuture, Error, ErrorKind, Limits, Revision, short};
use crate::spec::extent;

/// How long a look through a history may take: less than a page waits, so that the failure is kept, too.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// Looks in a minute; whoever comes later is told so. Anybody who reaches the page may ask.
const A_MINUTE: usize = 60;
/// Answers that are kept, each for some lines of a blob.
const KEPT: usize = 2048;
/// After so long, a history that could not be looked through is looked through again.
const AGAIN: Duration = Duration::from_mins(10);
/// The largest form of a file, in bytes, that is compared with the next: libgit2 keeps some tens of
/// bytes for each line of both, and whoever can push can push a file of nothing but ends of lines.
const LARGEST: usize = 1 << 20;

/// Commits that are looked at for larger forms of the file before the look begins.
const COMMITS: usize = 20_000;

/// Lines that are asked about at once; a bucket names fewer settings.
const LINES: usize = 100;

/// What the process is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// The folder that holds the bare repository.
    pub store: PathBuf,
    /// The commit from which to look back.
    pub commit: String,
    /// The file, from the top of the repository.
    pub file: String,
    /// First and last lines, from 1.
    pub ranges: Vec<(usize, usize)>,
}

/// The newest commit of each range; `None` where the history that is here does not reach so far.
pub type Found = Vec<Option<Revision>>;

/// Looks through the history. Blocks, for as long as the history is long.
///
/// # Errors
/// When the repository or the file is not there or broken.
pub fn blame_blocking(question: &Question) -> Result<Found, Error> {
    let fail = |error: git2::Error| Error::new(ErrorKind::Corrupt, "blame", &question.file, error.message());
    let repository = super::fetch::open(&store::repository(&question.store)).map_err(fail)?;
    let newest = Oid::from_str(&question.commit).map_err(fail)?;
    // A shallow history: libgit2 looks for what is not there, unless it is told where to end.
    let edge = std::fs::read_to_string(repository.path().join("shallow")).unwrap_or_default();
    let edge: Vec<&str> = edge.lines().collect();
    if let Some(size) = too_large(&repository, newest, Path::new(&question.file)) {
        let said = format!("a form of the file in its history has {size} bytes; more than {LARGEST} are not compared");
        return Err(Error::new(ErrorKind::TooLarge, "blame", &question.file, said));
    }
    let mut options = BlameOptions::new();
    options.newest_commit(newest);
    if let Some(end) = edge.first() {
        options.oldest_commit(Oid::from_str(end).map_err(fail)?);
    }
    let blame = match repository.blame_file(Path::new(&question.file), Some(&mut options)) {
        Err(error) if error.code() == ErrorCode::NotFound && !edge.is_empty() => {
            return Ok(vec![None; question.ranges.len()]);
        }
        blame => blame.map_err(fail)?,
    };
    let descends = |one, other| match repository.graph_descendant_of(one, other) {
        Err(error) if error.code() == ErrorCode::NotFound && !edge.is_empty() => Ok(false),
        descends => descends,
    };
    let is_newer = |one: Oid, other: Oid| -> Result<bool, git2::Error> {
        if one == other || descends(other, one)? {
            return Ok(false);
        }
        // Of two branches that met, the clocks of those who committed decide.
        let time = |id| repository.find_commit(id).map(|commit| commit.time().seconds());
        Ok(descends(one, other)? || time(one)? > time(other)?)
    };
    let mut found = Vec::with_capacity(question.ranges.len());
    for (first, last) in &question.ranges {
        let mut newest: Option<Oid> = None;
        let mut line = (*first).max(1);
        while let Some(hunk) = blame.get_line(line).filter(|_| line <= *last) {
            let id = hunk.final_commit_id();
            // What a known commit changed is newer than what lies beyond the edge.
            if !edge.contains(&id.to_string().as_str())
                && newest.map_or(Ok(true), |newest| is_newer(id, newest)).map_err(fail)?
            {
                newest = Some(id);
            }
            // On from the end of the stretch of lines that one commit made.
            line = (hunk.final_start_line() + hunk.lines_in_hunk()).max(line + 1);
        }
        let newest = newest.map(|id| repository.find_commit(id).map(|commit| store::revision(&commit)));
        found.push(newest.transpose().map_err(fail)?);
    }
    Ok(found)
}

/// The size of the first form of a file that is too large, from the newest commit back. Only heads of
/// objects are read. Where the history ends early, so does the look.
fn too_large(repository: &Repository, newest: Oid, file: &Path) -> Option<usize> {
    let objects = repository.odb().ok()?;
    let mut walk = repository.revwalk().ok()?;
    walk.push(newest).ok()?;
    let mut last = None;
    walk.take(COMMITS).map_while(Result::ok).find_map(|id| {
        let tree = repository.find_commit(id).and_then(|commit| commit.tree()).ok()?;
        let blob = tree.get_path(file).ok()?.id();
        if last.replace(blob) == Some(blob) {
            return None;
        }
        objects.read_header(blob).ok().map(|(size, _)| size).filter(|size| *size > LARGEST)
    })
}

/// The answer for a line of a file in one revision. The same file in another revision is another
/// question: it may have changed and been put back, or the history may have been rewritten.
#[derive(Clone)]
struct Kept {
    revision: Arc<str>,
    file: Arc<str>,
    line: usize,
    answer: Result<Arc<Revision>, Arc<str>>,
    /// A failure counts until then.
    until: Option<Instant>,
}

/// The history of a git source.
pub(super) struct GitAncestry {
    worker: Worker,
    store: PathBuf,
    origin: String,
    path: SubPath,
    limits: Limits,
    patience: Duration,
    kept: Mutex<VecDeque<Kept>>,
    /// One look at a time: a page must not start many processes.
    place: Semaphore,
    begun: Mutex<VecDeque<Instant>>,
}

impl GitAncestry {
    pub(super) fn new(worker: Worker, store: PathBuf, options: &GitOptions) -> Self {
        Self {
            worker,
            store,
            origin: options.url.to_string(),
            path: options.path.clone(),
            limits: options.limits,
            patience: options.blame_patience,
            kept: Mutex::default(),
            place: Semaphore::new(1),
            begun: Mutex::default(),
        }
    }

    fn why(&self, error: &Error) -> Arc<str> {
        match error.kind {
            ErrorKind::Timeout => {
                format!("the history is too long to be looked through in {} s", self.patience.as_secs()).into()
            }
            _ => error.message.as_str().into(),
        }
    }

    fn kept(&self, revision: &str, file: &str, line: usize) -> Option<Result<Arc<Revision>, Arc<str>>> {
        let now = Instant::now();
        let all = self.kept.lock().expect("no holder of the lock panics");
        let same = |it: &&Kept| it.line == line && *it.file == *file && *it.revision == *revision;
        all.iter().find(same).filter(|it| it.until.is_none_or(|until| now < until)).map(|it| it.answer.clone())
    }

    fn keep(&self, new: Kept) {
        let mut all = self.kept.lock().expect("no holder of the lock panics");
        all.retain(|it| !(it.revision == new.revision && it.line == new.line && it.file == new.file));
        all.truncate(KEPT - 1);
        all.push_front(new);
    }

    /// Counts one more look, unless there were too many.
    fn admit(&self) -> Result<(), Error> {
        let now = Instant::now();
        let mut begun = self.begun.lock().expect("no holder of the lock panics");
        while begun.front().is_some_and(|at| now - *at >= Duration::from_mins(1)) {
            begun.pop_front();
        }
        if begun.len() >= A_MINUTE {
            let message = format!("the history was looked through {A_MINUTE} times within a minute, and no more is");
            return Err(Error::new(ErrorKind::Other, "blame", &self.origin, message));
        }
        begun.push_back(now);
        Ok(())
    }

    /// The stretches that begin on the lines.
    async fn stretches(&self, revision: &str, file: &str, lines: &[usize]) -> Result<Vec<(usize, usize)>, Error> {
        let (folder, origin, path, limits) = (self.store.clone(), self.origin.clone(), self.path.clone(), self.limits);
        let (id, file, lines) = (revision.to_owned(), file.to_owned(), lines.to_vec());
        let reading = tokio::task::spawn_blocking(move || {
            let gone = |what: &str| Error::new(ErrorKind::NotFound, "blame", &origin, what);
            let store =
                Store::open(&folder, &origin, &path, limits)?.ok_or_else(|| gone("the local repository is gone"))?;
            let commit = store.commit(&id)?.ok_or_else(|| gone(&format!("commit {} is gone", short(&id))))?;
            let blob =
                store.file(&commit, &file)?.ok_or_else(|| gone(&format!("`{file}` is not in {}", short(&id))))?;
            let text = store.text(blob)?;
            Ok(lines.iter().map(|line| (*line, extent(&text, *line))).collect())
        });
        reading.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Other, "blame", &self.origin, "the reading task ended early"))
        })
    }

    async fn look(
        &self,
        revision: &str,
        file: &str,
        lines: &[usize],
    ) -> Result<Vec<Result<Arc<Revision>, Arc<str>>>, Error> {
        let lines = &lines[..lines.len().min(LINES)];
        let answers = |it: &Self| lines.iter().map(|line| it.kept(revision, file, *line)).collect::<Option<Vec<_>>>();
        if let Some(answers) = answers(self) {
            return Ok(answers);
        }
        let _place = self.place.acquire().await.expect("nobody closes the semaphore");
        // Somebody may have looked meanwhile.
        if let Some(answers) = answers(self) {
            return Ok(answers);
        }
        self.admit()?;
        let ranges = self.stretches(revision, file, lines).await?;
        let top = self.path.as_str();
        let whole = if top.is_empty() { file.to_owned() } else { format!("{top}/{file}") };
        let question = Question { store: self.store.clone(), commit: revision.to_owned(), file: whole, ranges };
        let found = self.worker.blame(&question, self.patience).await;
        let (revision, file): (Arc<str>, Arc<str>) = (revision.into(), file.into());
        Ok(lines
            .iter()
            .enumerate()
            .map(|(place, line)| {
                let (answer, until) = match &found {
                    Ok(found) => match found.get(place).cloned().flatten() {
                        Some(revision) => (Ok(Arc::new(revision)), None),
                        None => (Err("the history that the server gives begins later".into()), None),
                    },
                    Err(error) => (Err(self.why(error)), Some(Instant::now() + AGAIN)),
                };
                let (revision, file) = (Arc::clone(&revision), Arc::clone(&file));
                self.keep(Kept { revision, file, line: *line, answer: answer.clone(), until });
                answer
            })
            .collect())
    }
}

impl Ancestry for GitAncestry {
    fn changed<'a>(
        &'a self,
        revision: &'a str,
        file: &'a str,
        lines: &'a [usize],
    ) -> BoxFuture<'a, Vec<Result<Arc<Revision>, Arc<str>>>> {
        Box::pin(async move {
            let mut answers = self.look(revision, file, lines).await.unwrap_or_else(|error| {
                let why = self.why(&error);
                lines.iter().map(|_| Err(Arc::clone(&why))).collect()
            });
            answers.resize_with(lines.len(), || Err(format!("more than {LINES} lines were asked about").into()));
            answers
        })
    }
}
