//! What one revision may hold: names, sizes and numbers. The same for git and for a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blob, Refused};

/// How much one revision may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Files of any kind in the folder that is read, and as many folders. Default 100,000.
    pub files: usize,
    /// Bytes of one file. A larger one is refused, the others are read. Default 5,000,000: far above
    /// what people write, and it parses in well under a second.
    pub file_bytes: u64,
    /// Bytes of all files that are read together. Default 256,000,000.
    pub total_bytes: u64,
    /// Folders in folders. What lies deeper is refused. Default 32.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 100_000, file_bytes: 5_000_000, total_bytes: 256_000_000, depth: 32 }
    }
}

/// A limit that makes the whole revision unusable, as nobody can say which part to leave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the revision holds at least {actual} {what}, the limit is {limit}")]
pub(crate) struct Exceeded {
    /// What there is too much of.
    what: &'static str,
    limit: u64,
    actual: u64,
}

impl Exceeded {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> String {
        "name a `path` with fewer files in it, or raise the limit".to_owned()
    }
}

/// What to do with one name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// It may be read.
    Legal(String),
    /// It begins with a dot, as the folders of other tools do, and is passed over.
    Hidden,
    /// It is not allowed, and shown like this.
    Illegal { shown: String, why: &'static str },
}

/// Judges one name of a file or folder.
pub(crate) fn judge(name: &[u8]) -> Name {
    let shown = || String::from_utf8_lossy(name).escape_debug().to_string();
    let Ok(text) = std::str::from_utf8(name) else {
        return Name::Illegal { shown: name.escape_ascii().to_string(), why: "its name is not UTF-8" };
    };
    let why = if text.is_empty() || text == "." || text == ".." || text.contains('/') {
        "its name leads out of its folder"
    } else if text.contains('\\') {
        "its name has a backslash in it"
    } else if text.contains(char::is_control) {
        "its name has a control character in it"
    } else if text.eq_ignore_ascii_case(".git") {
        "`.git` is no folder of specs"
    } else if text.starts_with('.') {
        return Name::Hidden;
    } else {
        return Name::Legal(text.to_owned());
    };
    Name::Illegal { shown: shown(), why }
}

/// Whether a file of this name is read: documents, and JSON that a document may point to.
pub(crate) fn is_read(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("yaml" | "yml" | "json"))
}

/// Gathers the files of one revision and keeps count.
#[derive(Debug)]
pub(crate) struct Gathered {
    limits: Limits,
    files_seen: u64,
    folders_seen: u64,
    bytes: u64,
    pub(crate) files: BTreeMap<Arc<str>, Blob>,
    pub(crate) refused: Vec<Refused>,
}

impl Gathered {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, files_seen: 0, folders_seen: 0, bytes: 0, files: BTreeMap::new(), refused: Vec::new() }
    }

    /// Counts a file of any kind.
    pub(crate) fn see_file(&mut self) -> Result<(), Exceeded> {
        self.files_seen += 1;
        within("files", self.files_seen, self.limits.files as u64)
    }

    /// Counts a folder. A few folders that hold each other are a whole tree: they end here.
    pub(crate) fn see_folder(&mut self) -> Result<(), Exceeded> {
        self.folders_seen += 1;
        within("folders", self.folders_seen, self.limits.files as u64)
    }

    /// Whether a folder this far down is read; notes it when not.
    pub(crate) fn may_descend(&mut self, path: &str, depth: usize) -> bool {
        let legal = depth <= self.limits.depth;
        if !legal {
            let limit = self.limits.depth;
            self.refuse(path, format!("it lies {depth} folders deep, the limit is {limit}"), "move it up");
        }
        legal
    }

    /// Whether a file of this size is read; notes it when not.
    pub(crate) fn may_read(&mut self, path: &str, bytes: u64) -> Result<bool, Exceeded> {
        let limit = self.limits.file_bytes;
        if bytes > limit {
            self.refuse(path, format!("it has {bytes} bytes, the limit is {limit}"), "split the file");
            return Ok(false);
        }
        within("bytes", self.bytes + bytes, self.limits.total_bytes)?;
        Ok(true)
    }

    /// Takes a file in.
    pub(crate) fn take(&mut self, path: String, content: &[u8]) -> Result<(), Exceeded> {
        self.bytes += content.len() as u64;
        within("bytes", self.bytes, self.limits.total_bytes)?;
        self.files.insert(path.into(), content.into());
        Ok(())
    }

    /// Notes what is not read.
    pub(crate) fn refuse(&mut self, path: &str, why: impl Into<String>, hint: &'static str) {
        self.refused.push(Refused { path: path.into(), why: why.into(), hint });
    }

    /// Notes a name that is not allowed.
    pub(crate) fn refuse_name(&mut self, path: &str, why: &'static str) {
        self.refuse(path, why, "give it another name");
    }

    /// Notes a symlink.
    pub(crate) fn refuse_link(&mut self, path: &str) {
        self.refuse(path, "it is a symlink", "put the file itself there: no link is followed");
    }
}

fn within(what: &'static str, actual: u64, limit: u64) -> Result<(), Exceeded> {
    if actual > limit { Err(Exceeded { what, limit, actual }) } else { Ok(()) }
}

/// Joins a folder and a name.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_or_cannot_be_shown_are_refused() {
        let why = |name: &[u8]| match judge(name) {
            Name::Illegal { shown, why } => format!("{shown}: {why}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(why(b".."), "..: its name leads out of its folder");
        assert_eq!(why(b"a\\b"), "a\\\\b: its name has a backslash in it");
        assert_eq!(why(b"a\0b"), "a\\0b: its name has a control character in it");
        assert_eq!(why(b"caf\xe9.yaml"), "caf\\xe9.yaml: its name is not UTF-8");
        assert_eq!(why(b".GIT"), ".GIT: `.git` is no folder of specs");
    }

    #[test]
    fn the_folders_of_other_tools_are_passed_over() {
        assert_eq!(judge(b".github"), Name::Hidden);
        assert_eq!(judge("Ümlaut.yaml".as_bytes()), Name::Legal("Ümlaut.yaml".to_owned()));
    }

    #[test]
    fn documents_and_json_beside_them_are_read() {
        let read: Vec<&str> = ["a.yaml", "a.yml", "A.YAML", "p.json", "README.md", "yaml", "a.yaml.bak"]
            .into_iter()
            .filter(|n| is_read(n))
            .collect();
        assert_eq!(read, ["a.yaml", "a.yml", "A.YAML", "p.json"]);
    }

    #[test]
    fn a_limit_says_what_it_is_and_what_was_found() {
        let mut gathered = Gathered::new(Limits { files: 1, file_bytes: 2, total_bytes: 3, depth: 1 });
        gathered.see_file().unwrap();
        assert_eq!(gathered.see_file().unwrap_err().to_string(), "the revision holds at least 2 files, the limit is 1");
        assert!(!gathered.may_read("a.yaml", 3).unwrap());
        assert!(!gathered.may_descend("x/y", 2));
        gathered.take("b.yaml".to_owned(), b"12").unwrap();
        assert_eq!(
            gathered.may_read("c.yaml", 2).unwrap_err().to_string(),
            "the revision holds at least 4 bytes, the limit is 3"
        );
        let said: Vec<String> = gathered.refused.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "`a.yaml` is not read: it has 3 bytes, the limit is 2",
                "`x/y` is not read: it lies 2 folders deep, the limit is 1",
            ]
        );
    }
}
