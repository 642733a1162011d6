//! Who last changed what stands on some lines of a file.

use std::sync::Arc;

use super::{BoxFuture, Revision};

/// Knows who last changed the lines of a file.
pub trait Ancestry: Send + Sync {
    /// For each of `lines` of a file (from 1) the newest commit that
    /// changed the line or what belongs to it ([`crate::spec::extent`]); or why that is not known.
    ///
    /// `file` is a path inside the source's path.
    fn changed<'a>(
        &'a self,
        revision: &'a str,
        file: &'a str,
        lines: &'a [usize],
    ) -> BoxFuture<'a, Vec<Result<Arc<Revision>, Arc<str>>>>;
}

/// For a source that keeps no older state of itself, as a folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAncestry;

impl Ancestry for NoAncestry {
    fn changed<'a>(
        &'a self,
        _revision: &'a str,
        _file: &'a str,
        lines: &'a [usize],
    ) -> BoxFuture<'a, Vec<Result<Arc<Revision>, Arc<str>>>> {
        let why: Arc<str> = "the source is a folder, which has no commits".into();
        let answers = lines.iter().map(|_| Err(Arc::clone(&why))).collect();
        Box::pin(std::future::ready(answers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_says_that_it_has_no_commits() {
        let said = NoAncestry.changed("x", "a.yaml", &[1, 2]).await;
        assert_eq!(said, vec![Err("the source is a folder, which has no commits".into()); 2]);
    }
}
