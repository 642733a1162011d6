//! Buckets that turn out to live elsewhere are followed, once, and what was learned is kept.
//!
//! S3 says where a bucket lives in three ways (S3 User Guide, "Request routing"; API page
//! HeadBucket): in the header `x-amz-bucket-region` of any answer, in the `<Region>` of
//! AuthorizationHeaderMalformed, and by the host in the `<Endpoint>` of a redirect.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::{S3Error, S3ErrorKind};
use crate::bucket::{BucketId, Region};

tokio::task_local! {
    static TOLD: RefCell<Option<Region>>;
}

/// Makes a request, and says which region its last answer named.
pub(super) async fn told<T>(request: impl Future<Output = T>) -> (T, Option<Region>) {
    TOLD.scope(RefCell::default(), async {
        let answer = request.await;
        (answer, TOLD.with(RefCell::take))
    })
    .await
}

/// Reads the region off every answer. Stands in every client.
#[derive(Debug)]
pub(super) struct Compass;

impl Intercept for Compass {
    fn name(&self) -> &'static str {
        "Compass"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(response) = context.response() {
            tell(response);
        }
        Ok(())
    }
}

/// Notes the region that an answer names.
pub(super) fn tell(response: &HttpResponse) {
    let header = response.headers().get("x-amz-bucket-region");
    let body = response.body().bytes().filter(|_| !response.status().is_success());
    let region = named(header, body.unwrap_or_default());
    // A request outside of `told` (a listing, a creation) has nobody to tell.
    let _ = TOLD.try_with(|told| told.replace(region));
}

/// The region that an answer names.
fn named(header: Option<&str>, body: &[u8]) -> Option<Region> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let element = |name: &str| {
        let after = text.split_once(&format!("<{name}>"))?.1;
        Some(after.split_once(&format!("</{name}>"))?.0.trim())
    };
    header.or_else(|| element("Region")).or_else(|| of_host(element("Endpoint")?)).and_then(|it| Region::parse(it).ok())
}

/// The region in `bucket.s3.eu-west-1.amazonaws.com`, and in the older `s3-eu-west-1.amazonaws.com`.
fn of_host(host: &str) -> Option<&str> {
    let labels: Vec<&str> = host.split('.').collect();
    let at = labels.iter().rposition(|label| *label == "amazonaws").filter(|at| *at > 0)?;
    match labels[at - 1] {
        "s3" => None,
        label => Some(label.strip_prefix("s3-").unwrap_or(label)),
    }
}

/// Whether a request that failed so was surely not carried out and may be made again elsewhere.
pub(super) fn was_refused(error: &S3Error) -> bool {
    error.kind == S3ErrorKind::WrongRegion || matches!(error.status, 301 | 307 | 400 | 403 | 404)
}

/// Buckets are remembered up to this number; then it begins anew. Few are ever found elsewhere.
const MOST: usize = 10_000;

/// Where buckets live that are not where they were thought to be.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<BucketId, Region>);

impl Places {
    /// Where the bucket was found.
    pub(super) fn of(&self, id: &BucketId) -> Option<&Region> {
        self.0.get(id)
    }

    /// Notes where the bucket was found; nothing where that is the region it was asked for in.
    pub(super) fn found(&mut self, id: &BucketId, asked: &Region, region: Region) {
        if *asked == region {
            self.0.remove(id);
            return;
        }
        if self.0.len() >= MOST && !self.0.contains_key(id) {
            self.0.clear();
        }
        self.0.insert(id.clone(), region);
    }

    /// Forgets a bucket: it was made anew, or nobody knows where it is.
    pub(super) fn forget(&mut self, id: &BucketId) {
        self.0.remove(id);
    }

    /// The account's list is newer than what was found.
    pub(super) fn listed(&mut self, id: &BucketId, region: &Region) {
        if self.0.get(id).is_some_and(|known| known != region) {
            self.0.remove(id);
        }
    }

    /// Whether nothing was found elsewhere, which is the common case.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{AccountName, BucketName};

    fn region(text: &str) -> Region {
        Region::parse(text).expect("legal")
    }

    fn id(n: usize) -> BucketId {
        BucketId { account: AccountName::default(), name: BucketName::parse(&format!("b-{n}")).expect("legal") }
    }

    #[test]
    fn an_answer_names_the_region_in_its_header_its_element_or_its_endpoint() {
        let redirect =
            b"<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint></Error>";
        let old = b"<Error><Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint></Error>";
        let china = b"<Error><Endpoint>b.s3.cn-north-1.amazonaws.com.cn</Endpoint></Error>";
        let global = b"<Error><Endpoint>b.s3.amazonaws.com</Endpoint></Error>";
        let malformed = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        for (header, body, says) in [
            (Some("ap-south-1"), &redirect[..], Some("ap-south-1")),
            (None, redirect, Some("eu-west-1")),
            (None, old, Some("eu-west-1")),
            (None, china, Some("cn-north-1")),
            (None, global, None),
            (None, malformed, Some("eu-west-1")),
            (None, b"", None),
            (None, b"<Region>no region, but text</Region>", None),
        ] {
            assert_eq!(named(header, body).as_ref().map(Region::as_str), says);
        }
    }

    #[test]
    fn what_was_found_is_bounded_and_forgotten_when_the_list_says_otherwise() {
        let mut places = Places::default();
        let (here, there) = (region("us-east-1"), region("eu-west-1"));
        places.found(&id(1), &here, there.clone());
        assert_eq!(places.of(&id(1)), Some(&there));
        places.listed(&id(1), &there);
        assert_eq!(places.of(&id(1)), Some(&there), "the list agrees");
        places.listed(&id(1), &here);
        assert_eq!(places.of(&id(1)), None);
        places.found(&id(1), &here, there.clone());
        places.found(&id(1), &here, here.clone());
        assert!(places.is_empty(), "it lives where it is asked for");
        for n in 0..=MOST {
            places.found(&id(n), &here, there.clone());
        }
        assert_eq!(places.0.len(), 1);
    }
}
