//! What of a repository is wanted: names of branches, tags and folders, and ids of commits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::url::Illegal;

/// What of the repository is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reference {
    /// The head of a branch.
    Branch(String),
    /// A tag, annotated or not.
    Tag(String),
    /// One commit by its full id, 40 hexadecimal digits in lower case.
    Commit(String),
}

impl Reference {
    /// A branch by its short name.
    ///
    /// # Errors
    /// When git would not allow the name.
    pub fn branch(name: &str) -> Result<Self, Illegal> {
        ref_name("branch", name).map(Self::Branch)
    }

    /// A tag by its short name.
    ///
    /// # Errors
    /// When git would not allow the name.
    pub fn tag(name: &str) -> Result<Self, Illegal> {
        ref_name("tag", name).map(Self::Tag)
    }

    /// A commit by its full id.
    ///
    /// # Errors
    /// When it is not 40 hexadecimal digits.
    pub fn commit(id: &str) -> Result<Self, Illegal> {
        if id.len() != 40 || !id.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Illegal {
                message: format!("`{id}` is not the full id of a commit"),
                hint: Some("a commit is named by all 40 hexadecimal digits"),
            });
        }
        Ok(Self::Commit(id.to_ascii_lowercase()))
    }

    /// Whether the name is legal; what was deserialized is asked before use.
    ///
    /// # Errors
    /// When git would not allow the name.
    pub fn check(&self) -> Result<(), Illegal> {
        match self {
            Self::Branch(name) => Self::branch(name),
            Self::Tag(name) => Self::tag(name),
            Self::Commit(id) => Self::commit(id),
        }
        .map(|_| ())
    }

    /// The name of the ref on the server; a commit has none.
    pub fn full_name(&self) -> Option<String> {
        match self {
            Self::Branch(name) => Some(format!("refs/heads/{name}")),
            Self::Tag(name) => Some(format!("refs/tags/{name}")),
            Self::Commit(_) => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch `{name}`"),
            Self::Tag(name) => write!(f, "tag `{name}`"),
            Self::Commit(id) => write!(f, "commit `{id}`"),
        }
    }
}

/// The rules of `git check-ref-format`, so that a name can neither widen the refspec nor leave
/// the folder of refs.
fn ref_name(what: &str, name: &str) -> Result<String, Illegal> {
    let bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    if name.contains(bad)
        || name.contains("..")
        || name.contains("@{")
        || name == "@"
        || name.starts_with('-')
        || name.ends_with('.')
        || name.len() > 255
        || !name.split('/').all(part)
    {
        return Err(Illegal {
            message: format!("`{}` is not a legal name of a {what}", name.escape_default()),
            hint: Some("write the short name, such as `main`"),
        });
    }
    if name.starts_with("refs/") {
        return Err(Illegal {
            message: format!("`{name}` is a full ref, not the name of a {what}"),
            hint: Some("write the short name, such as `main`"),
        });
    }
    Ok(name.to_owned())
}

/// The folder of the repository that is read; empty for all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SubPath(String);

impl SubPath {
    /// The path, with `/`, without one at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts, from the top.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }
}

impl FromStr for SubPath {
    type Err = Illegal;

    fn from_str(text: &str) -> Result<Self, Illegal> {
        let inner = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        if inner.is_empty() || inner == "." {
            return Ok(Self::default());
        }
        let bad = |part: &str| {
            matches!(part, "" | "." | "..")
                || part.eq_ignore_ascii_case(".git")
                || part.contains(|c: char| c.is_control() || c == '\\')
        };
        if inner.split('/').any(bad) {
            return Err(Illegal {
                message: format!("`{}` is not a folder inside a repository", text.escape_default()),
                hint: Some("write the path from the top of the repository, such as `buckets/production`"),
            });
        }
        Ok(Self(inner.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_refs_cannot_widen_the_refspec() {
        assert_eq!(Reference::branch("feature/a").unwrap().full_name().unwrap(), "refs/heads/feature/a");
        for bad in ["", "*", "a:b", "a..b", "a b", "^a", "a/", "/a", ".a", "a.lock", "a@{1}", "@", "-a", "a\\b", "a\0"]
        {
            assert!(Reference::branch(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            Reference::tag("refs/tags/v1").unwrap_err().message,
            "`refs/tags/v1` is a full ref, not the name of a tag"
        );
        assert_eq!(Reference::commit("abc").unwrap_err().message, "`abc` is not the full id of a commit");
    }

    #[test]
    fn a_sub_path_stays_inside() {
        assert_eq!("./a/b/".parse::<SubPath>().unwrap().as_str(), "a/b");
        assert_eq!(".".parse::<SubPath>().unwrap(), SubPath::default());
        for bad in ["..", "a/../b", "/a", "a//b", ".git", "a/.GIT/b", "a\\b", "a\0"] {
            assert!(bad.parse::<SubPath>().is_err(), "{bad:?}");
        }
    }
}
