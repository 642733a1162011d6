//! The bare repository on disk, and what is read from it: blobs of a commit's tree, never a file.
//!
//! It is a copy. When it is lost or broken the next fetch makes it anew.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use git2::{Commit, ErrorCode, Oid, Repository};

use crate::source::limits::{Exceeded, Gathered, Name, is_read, join, judge};
use crate::source::names::SubPath;
use crate::source::{Error, ErrorKind, Limits, Revision, Signature, Tree};

/// Where the fetched reference is noted.
pub(super) const FETCHED: &str = "refs/driftless/fetched";
/// Where the last good revision is noted.
pub(super) const GOOD: &str = "refs/driftless/good";

/// Git's file modes, <https://git-scm.com/docs/gitformat-index>.
const MODE_LINK: i32 = 0o120_000;
const MODE_SUBMODULE: i32 = 0o160_000;
const MODE_TREE: i32 = 0o040_000;

/// The bare repository in its folder.
pub(super) fn repository(store: &Path) -> PathBuf {
    store.join("repository.git")
}

/// The home folder of the fetching process.
pub(crate) fn home(store: &Path) -> PathBuf {
    store.join("home")
}

/// Makes the folder, for our eyes only.
pub(super) fn create(store: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(store)?;
    fs::set_permissions(store, fs::Permissions::from_mode(0o700))
}

/// An empty place for a repository that is made beside the one in use.
pub(super) fn fresh(store: &Path) -> io::Result<PathBuf> {
    let at = store.join("fresh.git");
    remove(&at)?;
    Ok(at)
}

/// Puts the fresh repository in the place of the one in use.
pub(super) fn swap(store: &Path) -> io::Result<()> {
    let (used, old) = (repository(store), store.join("old.git"));
    remove(&old)?;
    if used.exists() {
        fs::rename(&used, &old)?;
    }
    fs::rename(store.join("fresh.git"), &used)?;
    remove(&old)
}

/// Ends a swap that was broken off, so that the last good revision is not lost with it.
pub(super) fn recover(store: &Path) -> io::Result<()> {
    let (used, old) = (repository(store), store.join("old.git"));
    match used.exists() {
        true => remove(&old),
        false if old.exists() => fs::rename(&old, &used),
        false => Ok(()),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// How many packs a repository has.
pub(super) fn packs(repository: &Path) -> usize {
    let entries = fs::read_dir(repository.join("objects/pack")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "pack")).count()
}

/// Removes what a fetch that was ended left behind. Nobody else is at it: the caller holds the lock.
pub(super) fn sweep(repository: &Path) {
    let mut folders = vec![repository.to_owned(), repository.join("objects/pack")];
    let mut refs = vec![repository.join("refs")];
    while let Some(folder) = refs.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        refs.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
        folders.push(folder);
    }
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten()) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".lock") || name.starts_with("pack_git2") || name.starts_with("tmp_") {
            // What cannot be removed makes the fetch fail, and that is said there.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A commit of the bare repository, and how to speak of it.
pub(super) struct Store<'a> {
    pub(super) repository: Repository,
    pub(super) origin: &'a str,
    pub(super) path: &'a SubPath,
    limits: Limits,
}

impl<'a> Store<'a> {
    /// Opens the repository for reading; `None` when there is none.
    pub(super) fn open(
        folder: &Path,
        origin: &'a str,
        path: &'a SubPath,
        limits: Limits,
    ) -> Result<Option<Self>, Error> {
        let at = repository(folder);
        if !at.exists() {
            return Ok(None);
        }
        let repository = super::fetch::open(&at).map_err(|error| corrupt(origin, &error))?;
        Ok(Some(Self { repository, origin, path, limits }))
    }

    /// The commit of a full id; `None` when it is not here.
    pub(super) fn commit(&self, id: &str) -> Result<Option<Commit<'_>>, Error> {
        let Ok(oid) = Oid::from_str(id) else { return Ok(None) };
        match self.repository.find_commit(oid) {
            Ok(commit) => Ok(Some(commit)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(corrupt(self.origin, &error)),
        }
    }

    /// The id of the last good revision.
    pub(super) fn good(&self) -> Option<String> {
        self.repository.refname_to_id(GOOD).ok().map(|id| id.to_string())
    }

    /// Notes the last good revision.
    pub(super) fn mark_good(&self, commit: &Commit<'_>) -> Result<(), Error> {
        self.repository
            .reference(GOOD, commit.id(), true, "accepted")
            .map(|_| ())
            .map_err(|error| Error::new(ErrorKind::Other, "mark", self.origin, error.message()))
    }

    /// Whether the history of `commit` contains `ancestor`.
    pub(super) fn descends(&self, commit: &Commit<'_>, ancestor: &str) -> Result<bool, Error> {
        let Some(ancestor) = self.commit(ancestor)? else { return Ok(false) };
        self.repository
            .graph_descendant_of(commit.id(), ancestor.id())
            .map(|descends| descends || commit.id() == ancestor.id())
            .map_err(|error| corrupt(self.origin, &error))
    }

    /// Which files of a commit would be read, without reading them.
    pub(super) fn names(&self, commit: &Commit<'_>) -> Result<Vec<Arc<str>>, Error> {
        self.walk(commit, false).map(|gathered| gathered.files.into_keys().collect())
    }

    /// Reads all files of a commit.
    pub(super) fn read(&self, commit: &Commit<'_>) -> Result<Tree, Error> {
        let mut gathered = self.walk(commit, true)?;
        gathered.refused.sort();
        Ok(Tree { revision: revision(commit), files: gathered.files, refused: gathered.refused })
    }

    fn walk(&self, commit: &Commit<'_>, content: bool) -> Result<Gathered, Error> {
        let broken = |error: git2::Error| corrupt(self.origin, &error);
        let exceeded = |error: Exceeded| {
            Error::new(ErrorKind::TooLarge, "read", self.origin, error.to_string()).hint(error.hint())
        };
        let database = self.repository.odb().map_err(broken)?;
        let mut gathered = Gathered::new(self.limits);
        let mut folders = vec![(self.top(commit)?, String::new(), 0_usize)];
        while let Some((id, folder, depth)) = folders.pop() {
            let tree = self.repository.find_tree(id).map_err(broken)?;
            for entry in &tree {
                let mode = entry.filemode_raw();
                if mode == MODE_TREE {
                    gathered.see_folder().map_err(exceeded)?;
                } else {
                    gathered.see_file().map_err(exceeded)?;
                }
                let name = match judge(entry.name_bytes()) {
                    Name::Legal(name) => name,
                    Name::Hidden => continue,
                    Name::Illegal { shown, why } => {
                        gathered.refuse_name(&join(&folder, &shown), why);
                        continue;
                    }
                };
                let path = join(&folder, &name);
                match mode {
                    MODE_LINK => gathered.refuse_link(&path),
                    MODE_SUBMODULE => {
                        gathered.refuse(&path, "it is a submodule", "commit its files here: nothing else is fetched");
                    }
                    MODE_TREE => {
                        if gathered.may_descend(&path, depth + 1) {
                            folders.push((entry.id(), path, depth + 1));
                        }
                    }
                    _ if !is_read(&name) => {}
                    _ => {
                        // The size stands in the header: a large blob is never in memory.
                        let (bytes, _) = database.read_header(entry.id()).map_err(broken)?;
                        if gathered.may_read(&path, bytes as u64).map_err(exceeded)? {
                            if content {
                                let blob = database.read(entry.id()).map_err(broken)?;
                                gathered.take(path, blob.data()).map_err(exceeded)?;
                            } else {
                                gathered.take(path, &[]).map_err(exceeded)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(gathered)
    }

    /// The tree that is read: the commit's, or the one at the sub-path.
    fn top(&self, commit: &Commit<'_>) -> Result<Oid, Error> {
        let mut at = commit.tree_id();
        for part in self.path.parts() {
            let tree = self.repository.find_tree(at).map_err(|error| corrupt(self.origin, &error))?;
            at = match tree.get_name(part) {
                Some(entry) if entry.filemode_raw() == MODE_TREE => entry.id(),
                Some(_) => return Err(self.no_folder(commit, "is not a folder")),
                None => return Err(self.no_folder(commit, "is not there")),
            };
        }
        Ok(at)
    }

    /// A file of a commit: the id of its blob. `path` is one inside the source's path.
    pub(super) fn file(&self, commit: &Commit<'_>, path: &str) -> Result<Option<Oid>, Error> {
        let top = self.repository.find_tree(self.top(commit)?).map_err(|error| corrupt(self.origin, &error))?;
        match top.get_path(Path::new(path)) {
            Ok(entry) if !matches!(entry.filemode_raw(), MODE_LINK | MODE_SUBMODULE | MODE_TREE) => {
                Ok(Some(entry.id()))
            }
            Ok(_) => Ok(None),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(corrupt(self.origin, &error)),
        }
    }

    /// The content of a file, as far as it is UTF-8.
    pub(super) fn text(&self, blob: Oid) -> Result<String, Error> {
        let blob = self.repository.find_blob(blob).map_err(|error| corrupt(self.origin, &error))?;
        Ok(String::from_utf8_lossy(blob.content()).into_owned())
    }

    fn no_folder(&self, commit: &Commit<'_>, what: &str) -> Error {
        let id = commit.id().to_string();
        let message = format!("the path `{}` {what} in {}", self.path.as_str(), crate::source::short(&id));
        Error::new(ErrorKind::NotFound, "read", self.origin, message)
    }
}

fn corrupt(origin: &str, error: &git2::Error) -> Error {
    Error::new(ErrorKind::Corrupt, "read", origin, format!("the local repository is broken: {}", error.message()))
}

/// Who committed what and when.
pub(super) fn revision(commit: &Commit<'_>) -> Revision {
    let author = commit.author();
    let line = |bytes: &[u8]| crate::source::error::scrub(&String::from_utf8_lossy(bytes));
    Revision {
        id: commit.id().to_string(),
        author: format!("{} <{}>", line(author.name_bytes()), line(author.email_bytes())),
        message: line(commit.message_bytes().split(|byte| *byte == b'\n').next().unwrap_or_default()),
        committed_at: DateTime::from_timestamp(commit.time().seconds(), 0),
        signature: commit.header_field_bytes("gpgsig").ok().map(|field| Signature::read(&field)),
    }
}
