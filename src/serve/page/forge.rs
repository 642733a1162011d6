//! Where a forge shows a commit and a line of a file (pure). Only for forges whose addresses are known,
//! and only from parts that can be nothing else: the rest stays text.

use std::collections::BTreeSet;
use std::sync::Arc;

use maud::{Markup, html};

use crate::finding::{Place, Severity};
use crate::report::SourceReport;

use super::parts::{encoded, plain};

/// The forge of the source, when it is one that is known.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Forge(Option<Known>);

#[derive(Debug, PartialEq)]
struct Known {
    /// The address of the repository, up to what stands before `commit` and `blob`.
    base: String,
    /// The folder of the source within the repository, without a slash at its ends.
    folder: String,
    /// The commit in force.
    revision: Option<String>,
    /// The files that have a fault in it, and of which an earlier form is in force: their lines stand
    /// elsewhere, or nowhere.
    faulty: BTreeSet<Arc<str>>,
}

/// The files whose newest form has a fault.
pub(crate) fn faulty_files(source: &SourceReport) -> BTreeSet<Arc<str>> {
    let errors = source.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| Arc::clone(&finding.place.file)).collect()
}

impl Forge {
    /// Reads the address of a source: `https://HOST/PATH`, `ssh://git@HOST/PATH` or `git@HOST:PATH`,
    /// with ` (FOLDER)` behind it where the source is a folder of the repository.
    pub(super) fn of(source: &SourceReport) -> Self {
        let (url, folder) = match source.url.strip_suffix(')').and_then(|it| it.split_once(" (")) {
            Some((url, folder)) => (url, folder.trim_matches('/').to_owned()),
            None => (source.url.as_str(), String::new()),
        };
        let revision = source.revision.clone().filter(|it| is_commit(it));
        Self(base(url).map(|base| Known { base, folder, revision, faulty: faulty_files(source) }))
    }

    /// For places in the newest form of every file, such as those of findings.
    pub(super) fn newest(source: &SourceReport) -> Self {
        let Self(known) = Self::of(source);
        Self(known.map(|known| Known { faulty: BTreeSet::new(), ..known }))
    }

    /// A commit, by its id.
    fn commit(&self, id: &str) -> Option<String> {
        let known = self.0.as_ref().filter(|_| is_commit(id))?;
        Some(format!("{}/commit/{id}", known.base))
    }

    /// A line of a file, as the commit in force has it.
    fn line(&self, place: &Place) -> Option<String> {
        let known = self.0.as_ref()?;
        let revision = known.revision.as_ref()?;
        // Those that come with driftless stand in no repository.
        if place.file.starts_with("built-in/") || known.faulty.contains(&place.file) {
            return None;
        }
        let parts = known.folder.split('/').chain(place.file.split('/')).filter(|part| !part.is_empty());
        let path: Vec<String> = parts.map(encoded).collect();
        if path.iter().any(|part| part == "." || part == "..") {
            return None;
        }
        Some(format!("{}/blob/{revision}/{}#L{}", known.base, path.join("/"), place.line))
    }

    /// The id of a commit, shortened.
    pub(super) fn id(&self, id: &str) -> Markup {
        let short: String = id.chars().take(12).collect();
        linked(self.commit(id), &html! { code title=(plain(id)) { (plain(&short)) } })
    }

    /// A place, as text that says it.
    pub(super) fn place(&self, place: &Place, text: &str) -> Markup {
        linked(self.line(place), &html! { code { (plain(text)) } })
    }
}

fn linked(to: Option<String>, text: &Markup) -> Markup {
    html! {
        @if let Some(to) = to { a href=(to) rel="noreferrer noopener external" { (text) } } @else { (text) }
    }
}

/// Whether it is the id of a commit, and not of a folder or a text.
fn is_commit(id: &str) -> bool {
    matches!(id.len(), 40 | 64) && id.bytes().all(|it| it.is_ascii_hexdigit())
}

fn base(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("ssh://git@"));
    let (host, path) = match rest {
        Some(rest) => rest.split_once('/')?,
        None => url.strip_prefix("git@")?.split_once(':')?,
    };
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let legal = |part: &&str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
    };
    if !parts.iter().all(legal) {
        return None;
    }
    match (host, parts.len()) {
        ("github.com", 2) => Some(format!("https://github.com/{path}")),
        ("gitlab.com", 2..=20) => Some(format!("https://gitlab.com/{path}/-")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;

    const COMMIT: &str = "4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203";

    fn forge(url: &str) -> Forge {
        Forge::of(&SourceReport { url: url.to_owned(), revision: Some(COMMIT.to_owned()), ..SourceReport::default() })
    }

    fn place(file: &str) -> Place {
        Place { file: file.into(), line: 8, column: 3 }
    }

    #[test]
    fn commits_and_lines_have_their_address_on_the_forges_that_are_known() {
        for url in [
            "https://github.com/acme/buckets.git",
            "https://github.com/acme/buckets/",
            "git@github.com:acme/buckets.git",
            "ssh://git@github.com/acme/buckets",
        ] {
            let commit = format!("https://github.com/acme/buckets/commit/{COMMIT}");
            assert_eq!(forge(url).commit(COMMIT), Some(commit), "{url}");
        }
        let line = |url: &str, file: &str| forge(url).line(&place(file));
        let github = format!("https://github.com/acme/buckets/blob/{COMMIT}/live/a%20b/c.yaml#L8");
        assert_eq!(line("https://github.com/acme/buckets.git (live)", "a b/c.yaml"), Some(github));
        let gitlab = format!("https://gitlab.com/acme/data/buckets/-/blob/{COMMIT}/c.yaml#L8");
        assert_eq!(line("git@gitlab.com:acme/data/buckets.git", "c.yaml"), Some(gitlab));
        assert_eq!(line("https://github.com/acme/buckets", "built-in/private.yaml"), None);
    }

    /// A bucket on its last good spec had a link to a line of the newest, which says something else.
    #[test]
    fn a_line_of_a_file_with_a_fault_has_no_address_but_for_the_fault_itself() {
        let fault = |file: &str, severity| Finding { severity, ..Finding::error(place(file), "a fault") };
        let source = SourceReport {
            url: "https://github.com/acme/buckets".to_owned(),
            revision: Some(COMMIT.to_owned()),
            findings: vec![fault("a.yaml", Severity::Error), fault("b.yaml", Severity::Warning)],
            ..SourceReport::default()
        };
        let has_line = |forge: &Forge, file: &str| forge.line(&place(file)).is_some();
        assert_eq!(["a.yaml", "b.yaml"].map(|file| has_line(&Forge::of(&source), file)), [false, true]);
        assert!(has_line(&Forge::newest(&source), "a.yaml"));
    }

    /// An address from a configuration is not made a link as it stands: it is taken apart, and what is
    /// not what it must be is left alone.
    #[test]
    fn nothing_else_becomes_a_link() {
        for url in [
            "",
            "/srv/specs",
            "http://github.com/acme/buckets",
            "https://git.example.com/acme/buckets",
            "https://github.com.evil.example/acme/buckets",
            "https://github.com@evil.example/acme/buckets",
            "https://user@github.com/acme/buckets",
            "https://github.com/acme",
            "https://github.com/acme/../evil",
            "https://github.com/acme/b\"onload=x",
            "https://github.com/acme/buckets?x=y",
            "https://github.com//buckets",
            "git@github.com:acme/buckets/more",
            "javascript://github.com/acme/buckets",
        ] {
            assert_eq!(forge(url), Forge::default(), "{url}");
        }
        let known = forge("https://github.com/acme/buckets");
        for id in ["main", "", "4f1c2b7", "../../evil", &"g".repeat(40)] {
            assert_eq!(known.commit(id), None, "{id}");
        }
        assert_eq!(known.line(&place("a/../../b.yaml")), None);
    }
}
