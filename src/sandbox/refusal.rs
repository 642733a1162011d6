//! What S3 says when it refuses: status, code, message and the elements that some codes add.

use std::borrow::Cow;

/// A refusal. Codes and statuses are those of the S3 API reference, "Error responses".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: Cow<'static, str>,
    pub(super) message: Cow<'static, str>,
    /// Elements beside `Code` and `Message`.
    pub(super) extra: Vec<(&'static str, String)>,
    /// Where the bucket lives, for `x-amz-bucket-region`.
    pub(super) region: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: message.into(), extra: Vec::new(), region: None }
    }

    #[must_use]
    pub(super) fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.extra.push((element, text.into()));
        self
    }

    pub(super) fn malformed() -> Self {
        let said = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::new(400, "MalformedXML", said)
    }

    pub(super) fn malformed_policy(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "MalformedPolicy", said)
    }

    pub(super) fn argument(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "InvalidArgument", said)
    }

    pub(super) fn request(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "InvalidRequest", said)
    }

    pub(super) fn denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    pub(super) fn bucket_state(said: &'static str) -> Self {
        Self::new(409, "InvalidBucketState", said)
    }

    pub(super) fn no_such_bucket(bucket: &str) -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", bucket)
    }

    pub(super) fn not_implemented() -> Self {
        Self::new(501, "NotImplemented", "The sandbox does not implement this request; it touched nothing")
    }

    pub(super) fn slow_down() -> Self {
        Self::new(503, "SlowDown", "Please reduce your request rate.")
    }

    pub(super) fn internal() -> Self {
        Self::new(500, "InternalError", "We encountered an internal error. Please try again.")
    }

    /// The request came to the wrong region (User Guide, "Request routing"). The endpoint of
    /// us-east-1 also answers globally and says which region to sign for; every other redirects.
    pub(super) fn wrong_region(bucket: &str, signed: &str, region: &str) -> Self {
        let mut refusal = if signed == "us-east-1" {
            let said =
                format!("The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'");
            Self::new(400, "AuthorizationHeaderMalformed", said).with("Region", region)
        } else {
            Self::redirect(bucket, region)
        };
        refusal.region = Some(region.to_owned());
        refusal
    }

    pub(super) fn redirect(bucket: &str, region: &str) -> Self {
        let said = "The bucket you are attempting to access must be addressed using the specified endpoint. \
                    Please send all future requests to this endpoint.";
        let mut refusal = Self::new(301, "PermanentRedirect", said)
            .with("Endpoint", format!("{bucket}.s3.{region}.amazonaws.com"))
            .with("Bucket", bucket);
        refusal.region = Some(region.to_owned());
        refusal
    }
}
