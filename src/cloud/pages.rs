//! The lists of an account's buckets, page by page, from stores that may not know what a page is.

use std::collections::HashSet;

use super::{BoxFuture, Cloud, Illegal, Listed, S3Error, S3ErrorKind};
use crate::bucket::{AccountName, Region};

/// Pages that an account may have: a hundred times more than AWS lets it own buckets.
const MOST_PAGES: usize = 10_000;

/// The code of a list that does not end; no store gives it.
pub(super) const ENDLESS: &str = "EndlessList";

/// One page of a list: the answer to one request.
#[derive(Debug, Default)]
pub struct Page {
    /// The buckets on it that a spec can name.
    pub listed: Vec<Listed>,
    /// A store may hold buckets whose names AWS would refuse; no spec can name them.
    pub illegal: Vec<Illegal>,
    /// What to ask the next page with; nothing, or nothing in it, after the last.
    pub next: Option<String>,
}

/// A cloud whose lists can be asked for page by page, so that whoever asks can give each page its
/// own turn, time and repetitions. `token` is the last page's [`Page::next`]; none asks for the first.
pub trait Paged: Cloud {
    /// A page of the general purpose buckets of an account.
    fn list_page<'a>(&'a self, account: &'a AccountName, token: Option<String>)
    -> BoxFuture<'a, Result<Page, S3Error>>;
    /// A page of the directory buckets of an account in a region.
    fn list_directories_page<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
        token: Option<String>,
    ) -> BoxFuture<'a, Result<Page, S3Error>>;
}

/// All pages of a list as one, each bucket once. A page that fails fails the list: a shorter one
/// would say of buckets that they are not there.
pub(super) async fn all<'a>(
    operation: &'static str,
    account: &'a AccountName,
    page: impl Fn(Option<String>) -> BoxFuture<'a, Result<Page, S3Error>>,
) -> Result<Page, S3Error> {
    let mut pages = Pages::new(operation, account);
    let (mut whole, mut token) = (Page::default(), None);
    let (mut known, mut strange) = (HashSet::new(), HashSet::new());
    loop {
        let Page { listed, illegal, next } = page(token).await?;
        whole.listed.extend(listed.into_iter().filter(|it| known.insert(it.name.clone())));
        whole.illegal.extend(illegal.into_iter().filter(|it| strange.insert(it.name.clone())));
        token = pages.next(next)?;
        if token.is_none() {
            return Ok(whole);
        }
    }
}

/// The pages of one list. Stores that ignore paging answer everything at once; one that gives a
/// token again would be asked for ever.
struct Pages<'a> {
    operation: &'static str,
    account: &'a AccountName,
    tokens: HashSet<String>,
    most: usize,
}

impl<'a> Pages<'a> {
    fn new(operation: &'static str, account: &'a AccountName) -> Self {
        Self { operation, account, tokens: HashSet::new(), most: MOST_PAGES }
    }

    /// The token of the next page; `None` when that was the last.
    fn next(&mut self, token: Option<String>) -> Result<Option<String>, S3Error> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        let why = if self.tokens.contains(&token) {
            "the list has no end, as the store gives a token that it gave before".to_owned()
        } else if self.tokens.len() == self.most {
            format!("the list goes on after {} pages, and no more are asked for", self.most)
        } else {
            self.tokens.insert(token.clone());
            return Ok(Some(token));
        };
        let said = format!("{why}; what came of it is not used, so no bucket is taken for missing");
        Err(S3Error { code: ENDLESS.to_owned(), ..odd_list(self.operation, self.account, S3ErrorKind::Other, &said) })
    }
}

/// An answer that came, and is none.
pub(super) fn odd_list(operation: &str, account: &AccountName, kind: S3ErrorKind, said: &str) -> S3Error {
    S3Error {
        operation: operation.to_owned(),
        object: account.to_string(),
        kind,
        code: String::new(),
        status: 200,
        request_id: None,
        message: said.to_owned(),
        action: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_with_its_last_page_and_with_a_token_that_comes_again() {
        let account = AccountName::default();
        let mut pages = Pages::new("ListBuckets", &account);
        let next = |pages: &mut Pages<'_>, token: &str| pages.next(Some(token.to_owned()));
        assert_eq!(next(&mut pages, "a").expect("new"), Some("a".to_owned()));
        assert_eq!(next(&mut pages, "b").expect("new"), Some("b".to_owned()));
        assert_eq!(next(&mut pages, "").expect("an empty one is none"), None);
        assert_eq!(pages.next(None).expect("the last"), None);
        let error = next(&mut pages, "a").expect_err("it was given before");
        assert_eq!(
            error.to_string(),
            "ListBuckets on `default` failed: unexpected answer (EndlessList, status 200): \
             the list has no end, as the store gives a token that it gave before; \
             what came of it is not used, so no bucket is taken for missing"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some(
                "tell those who make the store; until then deny the role `s3:ListAllMyBuckets`, and each bucket that a spec \
                 names is asked for by itself"
            )
        );
    }

    /// It was said of a list that is too long that the store had given a token again.
    #[test]
    fn a_list_of_too_many_pages_says_how_many_and_that_nothing_is_taken_for_missing() {
        let account = AccountName::default();
        let mut pages = Pages { most: 2, ..Pages::new("ListDirectoryBuckets", &account) };
        for token in ["a", "b"] {
            assert_eq!(pages.next(Some(token.to_owned())).expect("new"), Some(token.to_owned()));
        }
        let error = pages.next(Some("c".to_owned())).expect_err("too many");
        assert_eq!(
            error.to_string(),
            "ListDirectoryBuckets on `default` failed: unexpected answer (EndlessList, status 200): \
             the list goes on after 2 pages, and no more are asked for; \
             what came of it is not used, so no bucket is taken for missing"
        );
        assert_eq!(error.hint().as_deref(), Some("tell those who make the store"));
        assert_eq!(Pages::new("ListBuckets", &account).most, 10_000);
    }
}
