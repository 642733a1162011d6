//! The lists of an account's buckets, page by page, from stores that may not know what a page is.

use std::collections::HashSet;

use super::foreign::{Empty, watched};
use super::wire::fault;
use super::{Illegal, Listed, S3Error, S3ErrorKind};
use crate::bucket::{AccountName, BucketName, Region};

/// Pages that an account may have: a hundred times more than AWS lets it own buckets.
const MOST_PAGES: usize = 10_000;

/// The pages of one list. Stores that ignore paging answer everything at once; one that gives a
/// token again would be asked for ever.
struct Pages<'a> {
    operation: &'static str,
    account: &'a AccountName,
    tokens: HashSet<String>,
}

impl<'a> Pages<'a> {
    fn new(operation: &'static str, account: &'a AccountName) -> Self {
        Self { operation, account, tokens: HashSet::new() }
    }

    /// The token of the next page; `None` when that was the last.
    fn next(&mut self, token: Option<String>) -> Result<Option<String>, S3Error> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        if self.tokens.len() < MOST_PAGES && self.tokens.insert(token.clone()) {
            return Ok(Some(token));
        }
        Err(self.failed(S3ErrorKind::Other, "the list has no end: the store gives a token that it gave before"))
    }

    fn failed(&self, kind: S3ErrorKind, said: &str) -> S3Error {
        S3Error {
            operation: self.operation.to_owned(),
            object: self.account.to_string(),
            kind,
            code: String::new(),
            status: 200,
            request_id: None,
            message: said.to_owned(),
            action: None,
        }
    }
}

/// The general purpose buckets of an account, each once.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub listed: Vec<Listed>,
    /// A store may hold buckets whose names AWS would refuse; no spec can name them.
    pub illegal: Vec<Illegal>,
}

/// Every general purpose bucket.
pub(super) async fn buckets(client: &aws_sdk_s3::Client, account: &AccountName) -> Result<Buckets, S3Error> {
    let mut pages = Pages::new("ListBuckets", account);
    let (mut found, mut seen, mut token) = (Buckets::default(), HashSet::new(), None);
    loop {
        let answer = client.list_buckets().max_buckets(1000).set_continuation_token(token).send().await;
        let page = answer.map_err(|error| fault(&error, account.as_str(), "ListBuckets", "s3:ListAllMyBuckets"))?;
        for bucket in page.buckets.unwrap_or_default() {
            let Some(name) = bucket.name.filter(|name| seen.insert(name.clone())) else { continue };
            let region = bucket.bucket_region.as_deref().and_then(|region| Region::parse(region).ok());
            match BucketName::parse(&name) {
                Ok(name) => found.listed.push(Listed { name, region }),
                Err(error) => found.illegal.push(Illegal { name, why: error.message }),
            }
        }
        token = pages.next(page.continuation_token)?;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// The root of a list of directory buckets. The SDK takes any other for one too, and a store that
/// knows no directory buckets lists all of its buckets: none of them would be ours, and one would
/// be made that is there.
const DIRECTORIES: &str = "ListAllMyDirectoryBucketsResult";

/// No element is known, so the first that is found is the root.
const NOTHING: &[&str] = &[""];

/// Every directory bucket of the client's region, each once. The answer names no region, as it is
/// the one of the endpoint (API page ListDirectoryBuckets).
pub(super) async fn directories(
    client: &aws_sdk_s3::Client,
    account: &AccountName,
    region: &Region,
) -> Result<Vec<Listed>, S3Error> {
    let mut pages = Pages::new("ListDirectoryBuckets", account);
    let (mut listed, mut seen, mut token) = (Vec::new(), HashSet::new(), None);
    loop {
        let request = client.list_directory_buckets().max_directory_buckets(1000).set_continuation_token(token);
        let (answer, elements) = watched(NOTHING, Empty::Taken, request.send()).await;
        let page = answer.map_err(|error| {
            fault(&error, account.as_str(), "ListDirectoryBuckets", "s3express:ListAllMyDirectoryBuckets")
        })?;
        if elements.first().is_none_or(|root| root != DIRECTORIES) {
            return Err(pages.failed(S3ErrorKind::Unsupported, "the store lists something else than directory buckets"));
        }
        let names = page.buckets.unwrap_or_default().into_iter().filter_map(|bucket| bucket.name);
        for name in names.filter_map(|name| BucketName::parse(&name).ok()).filter(BucketName::is_directory) {
            if seen.insert(name.clone()) {
                listed.push(Listed { name, region: Some(region.clone()) });
            }
        }
        token = pages.next(page.continuation_token)?;
        if token.is_none() {
            return Ok(listed);
        }
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
            "ListBuckets on `default` failed: unexpected answer (status 200): \
             the list has no end: the store gives a token that it gave before"
        );
    }
}
