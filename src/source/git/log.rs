//! Which commits lie between two revisions, and which files each of them changed: who made a
//! difference is not always who committed last.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use git2::{Commit, DiffOptions, Sort, Tree};

use super::store::{Store, revision};
use crate::source::{Commits, Error, ErrorKind, Touched};

/// How long a sweep waits to be told.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// Commits that are looked at; of a longer way nothing is told.
const MOST: usize = 500;

impl Store<'_> {
    /// The commits after `from` up to `to`; not told where one of them is not here, or where there are
    /// too many.
    ///
    /// # Errors
    /// When the local repository is broken.
    pub(super) fn commits(&self, from: &str, to: &str) -> Result<Commits, Error> {
        let (Some(from), Some(to)) = (self.commit(from)?, self.commit(to)?) else { return Ok(Commits::default()) };
        let broken = |error: git2::Error| Error::new(ErrorKind::Corrupt, "log", self.origin, error.message());
        let mut walk = self.repository.revwalk().map_err(broken)?;
        // Children before their parents, so that the first that changed a file is the newest.
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(broken)?;
        walk.push(to.id()).map_err(broken)?;
        walk.hide(from.id()).map_err(broken)?;
        let mut commits = Commits::default();
        for id in walk {
            if commits.count == MOST {
                return Ok(Commits::default());
            }
            commits.count += 1;
            let commit = self.repository.find_commit(id.map_err(broken)?).map_err(broken)?;
            let newest = Arc::new(revision(&commit));
            for file in self.changed(&commit).map_err(broken)? {
                let first = || Touched { count: 0, newest: Arc::clone(&newest) };
                commits.touched.entry(file.into()).or_insert_with(first).count += 1;
            }
        }
        Ok(commits)
    }

    /// The files that a commit changed. Where it joins branches, those that are as in none of them.
    fn changed(&self, commit: &Commit<'_>) -> Result<HashSet<String>, git2::Error> {
        let tree = commit.tree()?;
        let mut parents = commit.parents();
        let Some(first) = parents.next() else { return self.between(None, &tree) };
        let mut changed = self.between(Some(&first.tree()?), &tree)?;
        for parent in parents {
            let others = self.between(Some(&parent.tree()?), &tree)?;
            changed.retain(|file| others.contains(file));
        }
        Ok(changed)
    }

    fn between(&self, from: Option<&Tree<'_>>, to: &Tree<'_>) -> Result<HashSet<String>, git2::Error> {
        let top = self.path.as_str();
        let mut options = DiffOptions::new();
        options.skip_binary_check(true).include_typechange(true).disable_pathspec_match(true);
        if !top.is_empty() {
            options.pathspec(top);
        }
        let diff = self.repository.diff_tree_to_tree(from, Some(to), Some(&mut options))?;
        let files = diff.deltas().filter_map(|delta| {
            let path = delta.new_file().path().or_else(|| delta.old_file().path())?.to_str()?;
            let inside = if top.is_empty() { path } else { path.strip_prefix(top)?.strip_prefix('/')? };
            Some(inside.to_owned())
        });
        Ok(files.collect())
    }
}
