//! Writing files into one folder and nowhere else: whole or not at all, and never over one that is
//! there, unless that is what was asked for.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::import::Written;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is written.
    Written,
    /// It was there, and the same.
    Same,
    /// Another one was there, and is kept.
    Kept,
    /// It could not be written.
    Failed(String),
}

impl Outcome {
    /// The word for it in JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Same => "same",
            Self::Kept => "kept",
            Self::Failed(_) => "failed",
        }
    }
}

/// Writes the files in order; ends between two of them when it is told to. Says whether it was.
pub(super) fn write_all(
    root: &Path,
    files: &[Written],
    force: bool,
    stop: &CancellationToken,
) -> (Vec<(Written, Outcome)>, bool) {
    let mut outcomes = Vec::new();
    for file in files {
        if stop.is_cancelled() {
            return (outcomes, true);
        }
        let outcome =
            write(root, file, force).unwrap_or_else(|error| Outcome::Failed(error.to_string().to_lowercase()));
        outcomes.push((file.clone(), outcome));
    }
    (outcomes, false)
}

/// Writes one file below `root`.
fn write(root: &Path, file: &Written, force: bool) -> io::Result<Outcome> {
    let mut parts: Vec<&str> = file.path.split('/').collect();
    let legal = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
    if !parts.iter().all(legal) {
        return Err(refused("the path leads out of the folder"));
    }
    let name = parts.pop().expect("a path has a last part");
    fs::create_dir_all(root)?;
    let mut folder = root.to_path_buf();
    for part in parts {
        folder.push(part);
        enter(&folder)?;
    }
    let path = folder.join(name);
    let before = match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => Some(fs::read(&path)?),
        Ok(found) if found.is_dir() => return Err(refused("a folder has its name")),
        // A link is no file of ours, wherever it leads; a rename puts a file in its place.
        Ok(_) => Some(Vec::new()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match before {
        Some(bytes) if bytes == file.text.as_bytes() => return Ok(Outcome::Same),
        Some(_) if !force => return Ok(Outcome::Kept),
        _ => {}
    }
    let scratch = Scratch::write(&folder, name, &file.text)?;
    if force {
        fs::rename(&scratch.0, &path)?;
        return Ok(Outcome::Written);
    }
    // A link is made only where nothing is, at one stroke; a rename would replace.
    match fs::hard_link(&scratch.0, &path) {
        Ok(()) => Ok(Outcome::Written),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Outcome::Kept),
        // Some file systems have no links.
        Err(_) => {
            fs::rename(&scratch.0, &path)?;
            Ok(Outcome::Written)
        }
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

/// Makes a folder, or finds it there; a link that leads elsewhere is none.
fn enter(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(refused("what stands in place of its folder is none, or a link that leads elsewhere")),
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir(folder),
        Err(error) => Err(error),
    }
}

/// A file that is not yet there under its own name; it goes with its owner. It begins with a dot, so
/// that a source passes it over should the machine die meanwhile.
struct Scratch(PathBuf);

impl Scratch {
    fn write(folder: &Path, name: &str, text: &str) -> io::Result<Self> {
        let path = folder.join(format!(".{name}.{}-{:08x}", std::process::id(), fastrand::u32(..)));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        let scratch = Self(path);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After a rename it is gone.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Written {
        Written { path: path.to_owned(), text: text.to_owned() }
    }

    fn one(root: &Path, path: &str, text: &str, force: bool) -> Outcome {
        let (outcomes, _) = write_all(root, &[file(path, text)], force, &CancellationToken::new());
        outcomes[0].1.clone()
    }

    fn everything(root: &Path) -> Vec<String> {
        fs::read_dir(root)
            .expect("a folder")
            .map(|it| it.expect("an entry").file_name().into_string().expect("text"))
            .collect()
    }

    #[test]
    fn a_file_that_is_there_is_kept_unless_it_is_to_be_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(one(folder.path(), "buckets/a.yaml", "1", false), Outcome::Written);
        assert_eq!(one(folder.path(), "buckets/a.yaml", "1", false), Outcome::Same);
        assert_eq!(one(folder.path(), "buckets/a.yaml", "2", false), Outcome::Kept);
        let text = || fs::read_to_string(folder.path().join("buckets/a.yaml")).expect("a file");
        assert_eq!(text(), "1");
        assert_eq!(one(folder.path(), "buckets/a.yaml", "2", true), Outcome::Written);
        assert_eq!(text(), "2");
        assert_eq!(everything(&folder.path().join("buckets")), ["a.yaml"], "nothing is left over");
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("out");
        for path in ["../a.yaml", "a/../../b.yaml", "/etc/a.yaml", "a//b.yaml", ".git/config", "a\\b.yaml", ""] {
            let outcome = one(&root, path, "x", true);
            assert_eq!(outcome, Outcome::Failed("the path leads out of the folder".to_owned()), "{path}");
        }
        assert_eq!(everything(folder.path()), Vec::<String>::new());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, elsewhere) = (folder.path().join("out"), folder.path().join("elsewhere"));
        fs::create_dir(&root).expect("a folder");
        fs::create_dir(&elsewhere).expect("a folder");
        std::os::unix::fs::symlink(&elsewhere, root.join("buckets")).expect("a link");
        assert!(matches!(one(&root, "buckets/a.yaml", "x", true), Outcome::Failed(_)));
        assert_eq!(everything(&elsewhere), Vec::<String>::new());

        let other = elsewhere.join("precious");
        fs::write(&other, "precious").expect("a file");
        std::os::unix::fs::symlink(&other, root.join("a.yaml")).expect("a link");
        assert_eq!(one(&root, "a.yaml", "x", false), Outcome::Kept);
        assert_eq!(one(&root, "a.yaml", "x", true), Outcome::Written);
        assert_eq!(fs::read_to_string(&other).expect("a file"), "precious");
    }

    #[test]
    fn it_ends_between_two_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let stop = CancellationToken::new();
        stop.cancel();
        let (outcomes, ended) = write_all(folder.path(), &[file("a.yaml", "x")], false, &stop);
        assert_eq!((outcomes.len(), ended), (0, true));
    }
}
