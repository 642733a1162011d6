//! A plain folder as a source, for local work and for mounted configuration.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::limits::{Exceeded, Gathered, Name, is_read, join, judge};
use super::{BoxFuture, Error, ErrorKind, Fetched, HeldReason, Limits, Origin, Revision, Source, Tree};
use super::{is_accepted, is_shrunk};

/// A folder whose files are the wanted state. Its revision is a digest of what is in it.
///
/// The folder itself may be a symlink, as a mounted Kubernetes ConfigMap's `..data` is; symlinks
/// in it are refused.
#[derive(Debug, Clone)]
pub struct DirSource {
    root: PathBuf,
    limits: Limits,
    accept: Option<String>,
    /// The revision that was given last, and which files it had.
    given: Option<(String, Vec<Arc<str>>)>,
    /// The newest revision, when it is not obeyed.
    held: Option<String>,
}

impl DirSource {
    /// A folder, and how much may be in it.
    pub fn new(root: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { root: root.into(), limits, accept: None, given: None, held: None }
    }

    /// Accepts the revision whose id begins like this although it would be held.
    #[must_use]
    pub fn accept(mut self, prefix: impl Into<String>) -> Self {
        self.accept = Some(prefix.into());
        self.held = None;
        self
    }

    fn judged(&mut self, tree: Tree, known: Option<&str>) -> Fetched {
        let names = || tree.files.keys().cloned().collect::<Vec<_>>();
        if known == Some(tree.revision.id.as_str()) {
            self.held = None;
            self.given = Some((tree.revision.id.clone(), names()));
            return Fetched::Unchanged;
        }
        if self.held.as_ref() == Some(&tree.revision.id) {
            return Fetched::StillHeld;
        }
        let revision = tree.revision.id.clone();
        let reason = match &self.given {
            Some((id, before)) if known == Some(id) => {
                let (from, to) = (before.len(), tree.left_of(before));
                is_shrunk(from, to).then(|| HeldReason::Shrunk { from, to, revision: revision.clone() })
            }
            _ => None,
        };
        match reason {
            Some(reason) if !is_accepted(self.accept.as_deref(), &revision) => {
                self.held = Some(revision);
                Fetched::Held { revision: tree.revision, reason }
            }
            despite => {
                self.held = None;
                self.given = Some((revision, names()));
                Fetched::New { tree, despite }
            }
        }
    }
}

impl Source for DirSource {
    fn fetch<'a>(&'a mut self, known: Option<&'a str>, deadline: Duration) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let (root, limits) = (self.root.clone(), self.limits);
            let reading = tokio::task::spawn_blocking(move || read(&root, limits));
            let origin = self.describe().to_string();
            match tokio::time::timeout(deadline, reading).await {
                Ok(Ok(tree)) => Ok(self.judged(tree?, known)),
                Ok(Err(_)) => Err(Error::new(ErrorKind::Other, "read", &origin, "the reading task ended early")),
                Err(_) => {
                    let message = format!("not done within {deadline:?}");
                    Err(Error::new(ErrorKind::Timeout, "read", &origin, message))
                }
            }
        })
    }

    fn hold(&mut self, revision: &str) {
        self.held = Some(revision.to_owned());
    }

    fn describe(&self) -> Origin {
        Origin { url: self.root.display().to_string(), reference: String::new(), path: String::new() }
    }

    /// A folder keeps no older state of itself, so there is nothing to mark.
    fn mark_good<'a>(&'a self, _revision: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn load<'a>(&'a self, _revision: &'a str) -> BoxFuture<'a, Result<Option<Tree>, Error>> {
        Box::pin(async { Ok(None) })
    }
}

/// Reads a folder at once. What in it cannot be read is refused, and the rest is read.
///
/// # Errors
/// When it is not there, cannot be read itself, or exceeds a limit.
pub fn read(root: &Path, limits: Limits) -> Result<Tree, Error> {
    let shown = root.display().to_string();
    let failed = |error: &io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::Auth,
            _ => ErrorKind::Other,
        };
        Error::new(kind, "read", &shown, error.to_string().to_lowercase())
    };
    let exceeded =
        |error: Exceeded| Error::new(ErrorKind::TooLarge, "read", &shown, error.to_string()).hint(error.hint());

    let top = fs::canonicalize(root).map_err(|error| failed(&error))?;
    let mut gathered = Gathered::new(limits);
    let mut folders = vec![(top, String::new(), 0_usize)];
    while let Some((folder, inside, depth)) = folders.pop() {
        let names = match entries(&folder, &mut gathered) {
            Ok(names) => names.map_err(exceeded)?,
            Err(error) if inside.is_empty() => return Err(failed(&error)),
            Err(error) => {
                refuse_unreadable(&mut gathered, &inside, &error);
                continue;
            }
        };
        for (entry, kind) in names {
            let name = match judge(entry.file_name().as_encoded_bytes()) {
                Name::Legal(name) => name,
                // A work tree has its `.git`; only in a commit is one an attack.
                Name::Hidden => continue,
                Name::Illegal { .. } if entry.file_name() == ".git" => continue,
                Name::Illegal { shown, why } => {
                    gathered.refuse_name(&join(&inside, &shown), why);
                    continue;
                }
            };
            let (path, full) = (join(&inside, &name), entry.path());
            if kind.is_symlink() {
                gathered.refuse_link(&path);
            } else if kind.is_dir() {
                if gathered.may_descend(&path, depth + 1) {
                    folders.push((full, path, depth + 1));
                }
            } else if is_read(&name) {
                if !kind.is_file() {
                    gathered.refuse(&path, "it is not a regular file", "put a file there");
                    continue;
                }
                let size = entry.metadata().map(|it| it.len());
                let content = match size {
                    Ok(bytes) if !gathered.may_read(&path, bytes).map_err(exceeded)? => continue,
                    Ok(_) => content(&full, limits.file_bytes),
                    Err(error) => Err(error),
                };
                match content {
                    Ok(content) => gathered.take(path, &content).map_err(exceeded)?,
                    Err(error) => refuse_unreadable(&mut gathered, &path, &error),
                }
            }
        }
    }
    gathered.refused.sort();
    let revision = Revision {
        id: digest(&gathered),
        author: String::new(),
        message: String::new(),
        committed_at: None,
        signature: None,
    };
    Ok(Tree { revision, files: gathered.files, refused: gathered.refused })
}

type Entries = Vec<(fs::DirEntry, fs::FileType)>;

/// What is in a folder, counted.
fn entries(folder: &Path, gathered: &mut Gathered) -> io::Result<Result<Entries, Exceeded>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let seen = if kind.is_dir() { gathered.see_folder() } else { gathered.see_file() };
        if let Err(exceeded) = seen {
            return Ok(Err(exceeded));
        }
        names.push((entry, kind));
    }
    Ok(Ok(names))
}

fn content(file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    // It may grow after its size was asked.
    fs::File::open(file)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

fn refuse_unreadable(gathered: &mut Gathered, path: &str, error: &io::Error) {
    let why = format!("it cannot be read: {}", error.to_string().to_lowercase());
    gathered.refuse(path, why, "let the user that runs driftless read it");
}

/// A digest of every path and content, each with its length, so that no two folders share one.
fn digest(gathered: &Gathered) -> String {
    let mut hash = Sha256::new();
    let mut feed = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for (path, content) in &gathered.files {
        feed(path.as_bytes());
        feed(content);
    }
    feed(b"refused");
    for refused in &gathered.refused {
        feed(refused.path.as_bytes());
        feed(refused.why.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    const MINUTE: Duration = Duration::from_secs(60);

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.files.keys().map(|path| &**path).collect()
    }

    #[test]
    fn the_documents_are_read_and_other_tools_files_are_not() {
        let root = folder(&[
            ("b.yaml", "b"),
            ("a/x.yml", "x"),
            ("a/p.json", "{}"),
            ("README.md", ""),
            (".github/ci.yaml", ""),
            (".git/config.yaml", ""),
        ]);
        let tree = read(root.path(), Limits::default()).unwrap();
        assert_eq!(paths(&tree), ["a/p.json", "a/x.yml", "b.yaml"]);
        assert_eq!((&*tree.files["b.yaml"], tree.refused.len()), (&b"b"[..], 0));
    }

    #[test]
    fn a_symlink_a_large_file_and_a_name_that_is_no_utf8_are_refused_and_the_rest_is_read() {
        let root = folder(&[("good.yaml", "1"), ("large.yaml", "12345")]);
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link.yaml")).unwrap();
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.yaml")), "").unwrap();
        let tree = read(root.path(), Limits { file_bytes: 4, ..Limits::default() }).unwrap();
        assert_eq!(paths(&tree), ["good.yaml"]);
        let refused: Vec<String> = tree.refused.iter().map(ToString::to_string).collect();
        assert_eq!(
            refused,
            [
                "`caf\\xe9.yaml` is not read: its name is not UTF-8",
                "`large.yaml` is not read: it has 5 bytes, the limit is 4",
                "`link.yaml` is not read: it is a symlink",
            ]
        );
    }

    #[test]
    fn too_many_files_make_the_folder_unusable_and_say_so() {
        let root = folder(&[("a.yaml", ""), ("b.txt", ""), ("c.yaml", "")]);
        let error = read(root.path(), Limits { files: 2, ..Limits::default() }).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert_eq!(error.message, "the revision holds at least 3 files, the limit is 2");
    }

    #[test]
    fn a_folder_that_is_not_there_is_said() {
        let error = read(Path::new("/nowhere/specs"), Limits::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(error.to_string(), "read of `/nowhere/specs` failed: no such file or directory (os error 2)");
    }

    #[tokio::test]
    async fn only_a_changed_digest_is_new() {
        let root = folder(&[("a.yaml", "1")]);
        let mut source = DirSource::new(root.path(), Limits::default());
        let Fetched::New { tree, despite: None } = source.fetch(None, MINUTE).await.unwrap() else { panic!() };
        let known = tree.revision.id;
        assert_eq!(source.fetch(Some(&known), MINUTE).await.unwrap(), Fetched::Unchanged);
        fs::write(root.path().join("notes.txt"), "not a document").unwrap();
        assert_eq!(source.fetch(Some(&known), MINUTE).await.unwrap(), Fetched::Unchanged);
        fs::rename(root.path().join("a.yaml"), root.path().join("b.yaml")).unwrap();
        assert!(matches!(source.fetch(Some(&known), MINUTE).await.unwrap(), Fetched::New { .. }));
    }

    #[tokio::test]
    async fn a_folder_that_empties_is_held_until_it_is_accepted() {
        let root = folder(&[("a.yaml", "1")]);
        let mut source = DirSource::new(root.path(), Limits::default());
        let Fetched::New { tree, .. } = source.fetch(None, MINUTE).await.unwrap() else { panic!() };
        let known = tree.revision.id;
        fs::remove_file(root.path().join("a.yaml")).unwrap();
        let Fetched::Held { revision, reason } = source.fetch(Some(&known), MINUTE).await.unwrap() else { panic!() };
        assert_eq!(reason, HeldReason::Shrunk { from: 1, to: 0, revision: revision.id.clone() });
        assert_eq!(source.fetch(Some(&known), MINUTE).await.unwrap(), Fetched::StillHeld);
        let mut source = source.accept(revision.short());
        let Fetched::New { despite, .. } = source.fetch(Some(&known), MINUTE).await.unwrap() else { panic!() };
        assert_eq!(despite, Some(reason));
    }
}
