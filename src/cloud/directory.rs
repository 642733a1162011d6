//! Directory buckets on the wire: which endpoint they are asked at, and how their actions are called.
//!
//! The SDK sends every operation on a whole directory bucket to the regional control endpoint
//! (`s3express-control.REGION.amazonaws.com/BUCKET`) and signs for `s3express`. Operations that
//! would go to a zone (HeadBucket, all on objects) open a session with the bucket's objects first;
//! nothing here needs one.

use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::endpoint::EndpointFuture;
use aws_smithy_types::endpoint::{Endpoint, EndpointAuthScheme};

use super::S3Error;
use crate::bucket::BucketName;

/// Addresses of an own endpoint. There a name that ends in `--x-s3` is a bucket like others: in
/// the path, signed for `s3`. The SDK would put it into the host name, which need not exist, and
/// sign for a service that only AWS has.
#[derive(Debug)]
pub(super) struct OwnEndpoint(DefaultResolver);

impl OwnEndpoint {
    pub(super) fn new() -> Self {
        Self(DefaultResolver::new())
    }
}

impl ResolveEndpoint for OwnEndpoint {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let special = match params.bucket() {
            Some(bucket) => bucket.ends_with("--x-s3"),
            None => params.use_s3_express_control_endpoint() == Some(true),
        };
        let in_path = special || params.force_path_style() == Some(true);
        let Some(endpoint) = params.endpoint().filter(|_| in_path) else { return self.0.resolve_endpoint(params) };
        let mut url = endpoint.trim_end_matches('/').to_owned();
        if let Some(bucket) = params.bucket() {
            url.push('/');
            url.push_str(bucket);
        }
        if !special {
            // What the SDK's own rules come to, after a twentieth of the CPU of a read.
            return EndpointFuture::ready(Ok(Endpoint::builder().url(url).build()));
        }
        let scheme = EndpointAuthScheme::with_capacity("sigv4", 3)
            .put("disableDoubleEncoding", true)
            .put("signingName", "s3".to_owned())
            .put("signingRegion", params.region().unwrap_or("us-east-1").to_owned());
        EndpointFuture::ready(Ok(Endpoint::builder().url(url).auth_scheme(scheme).build()))
    }
}

/// The failure with the IAM action as directory buckets have it (S3 User Guide, "Authorizing
/// Regional endpoint API operations with IAM").
pub(super) fn of(name: &BucketName, mut error: S3Error) -> S3Error {
    if name.is_directory() {
        error.action = error.action.map(|action| match action.strip_prefix("s3:") {
            Some(action) => format!("s3express:{action}"),
            None => action,
        });
    }
    error
}
