//! The demo's git repository: a real one, bare, on disk.

use std::path::{Path, PathBuf};

use git2::{Signature, Tree, TreeBuilder};

use super::ENGINEER;

pub(super) struct Repository {
    git: git2::Repository,
    path: PathBuf,
}

impl Repository {
    pub(super) fn init(path: &Path) -> anyhow::Result<Self> {
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main").external_template(false);
        Ok(Self { git: git2::Repository::init_opts(path, &options)?, path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts files into the tree and commits on `main`; the rest of the tree stays. Returns the
    /// commit's id.
    pub(super) fn commit(&self, message: &str, files: &[(&str, &str)]) -> anyhow::Result<String> {
        let parent = self.git.find_reference("refs/heads/main").and_then(|head| head.peel_to_commit()).ok();
        let mut tree = parent.as_ref().map(git2::Commit::tree).transpose()?;
        for (path, text) in files {
            let blob = self.git.blob(text.as_bytes())?;
            let id = self.put(tree.as_ref(), path, blob)?;
            tree = Some(self.git.find_tree(id)?);
        }
        let Some(tree) = tree else { anyhow::bail!("a commit of no files") };
        let author = Signature::now(ENGINEER.0, ENGINEER.1)?;
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let id = self.git.commit(Some("refs/heads/main"), &author, &author, message, &tree, &parents)?;
        Ok(id.to_string())
    }

    fn put(&self, tree: Option<&Tree<'_>>, path: &str, blob: git2::Oid) -> anyhow::Result<git2::Oid> {
        let mut builder: TreeBuilder<'_> = self.git.treebuilder(tree)?;
        match path.split_once('/') {
            None => {
                builder.insert(path, blob, 0o100_644)?;
            }
            Some((folder, rest)) => {
                let inner =
                    tree.and_then(|tree| tree.get_name(folder)).and_then(|entry| self.git.find_tree(entry.id()).ok());
                let id = self.put(inner.as_ref(), rest, blob)?;
                builder.insert(folder, id, 0o040_000)?;
            }
        }
        Ok(builder.write()?)
    }
}
