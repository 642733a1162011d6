//! How a setting travels to S3 and back: the wire half of each setting's file.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::aws::Direct;
use super::control::Control;
use super::delete::{Permit, SubResource, UntagPermit};
use super::{BoxFuture, S3Error, S3ErrorKind};
use crate::bucket::{AccountId, BucketName};
use crate::doc::Doc;
use crate::finding::is_invisible;
use crate::setting::{Entry, Setting};

/// What is said when a DELETE of a setting took the bucket with it.
pub(super) const GONE: &str = "the bucket is gone after a DELETE of one of its settings";

/// One bucket at S3, in the hands of a setting's `read` and `write`.
pub struct S3<'a> {
    /// The shared client of the account and region.
    pub client: &'a aws_sdk_s3::Client,
    /// The bucket's name.
    pub bucket: &'a str,
    /// The account that must own it, where it is known.
    pub expected_owner: Option<&'a AccountId>,
    /// The setting under way, and what a read of it in this pass answered.
    pub(super) evidence: Option<(&'static str, &'a Doc)>,
    controls: Option<&'a Controls<'a>>,
    /// What a read is made with.
    pub(super) direct: Option<&'a Direct>,
    /// Whether this is a store of one's own and not AWS.
    pub own_store: bool,
    /// Whether it is a directory bucket.
    pub directory: bool,
    deleted: std::sync::atomic::AtomicBool,
    /// Keyed sets of which the store has said that it tells one id from another.
    apart: std::sync::Mutex<Vec<SubResource>>,
    remarks: std::sync::Mutex<Vec<String>>,
}

impl<'a> S3<'a> {
    pub(super) fn new(client: &'a aws_sdk_s3::Client, bucket: &'a BucketName, owner: Option<&'a AccountId>) -> Self {
        Self {
            client,
            bucket: bucket.as_str(),
            // Directory buckets answer 501 to whoever names the owner (API page GetBucketEncryption).
            expected_owner: owner.filter(|_| !bucket.is_directory()),
            evidence: None,
            controls: None,
            direct: None,
            own_store: false,
            directory: bucket.is_directory(),
            deleted: false.into(),
            apart: std::sync::Mutex::default(),
            remarks: Vec::new().into(),
        }
    }

    pub(super) fn seen(mut self, setting: &'static str, doc: &'a Doc) -> Self {
        self.evidence = Some((setting, doc));
        self
    }

    pub(super) fn at_own_store(mut self, own_store: bool) -> Self {
        self.own_store = own_store;
        self
    }

    pub(super) fn directly(mut self, direct: &'a Direct) -> Self {
        self.direct = Some(direct);
        self
    }

    /// Notes a value in the answer that this version does not know, where the SDK shows it: like an
    /// unknown element, it keeps the setting from being written.
    pub fn unknown(&self, what: &str) {
        super::foreign::note(what);
    }

    pub(super) fn controlled(mut self, controls: &'a Controls<'a>) -> Self {
        self.controls = Some(controls);
        self
    }

    /// S3 Control of the bucket's account, for what S3 itself refuses.
    ///
    /// # Errors
    /// When there is none that may be asked.
    pub fn control(&self, operation: &str) -> Result<Control, S3Error> {
        match self.controls {
            Some(controls) => controls(operation),
            None => Err(super::control::nowhere(operation, self.bucket)),
        }
    }

    /// Asks the one place that allows a DELETE for leave to remove these tags by S3 Control, which
    /// `listed` just now.
    ///
    /// # Errors
    /// When not every one of them was read in this pass.
    pub fn may_untag(
        &self,
        arn: &str,
        keys: &BTreeSet<String>,
        listed: &BTreeMap<String, String>,
    ) -> Result<UntagPermit, S3Error> {
        super::delete::allow_untag(arn, keys, self.evidence, listed)
    }

    /// Whether a DELETE was allowed since.
    pub(super) fn deleted(&self) -> bool {
        self.deleted.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Says what stands beside the value that a read answers: told, and never compared.
    pub fn remark(&self, said: String) {
        self.remarks.lock().expect("no holder of the lock panics").push(said);
    }

    /// What a read remarked.
    pub(super) fn remarks(self) -> Vec<String> {
        self.remarks.into_inner().expect("no holder of the lock panics")
    }

    /// The value of `x-amz-expected-bucket-owner`.
    pub fn owner(&self) -> Option<String> {
        self.expected_owner.map(ToString::to_string)
    }

    /// A failure that is ours to tell: the SDK refused to build a request, or S3 answered what
    /// this version does not know.
    pub fn misuse(&self, operation: &str, kind: S3ErrorKind, said: &str) -> S3Error {
        S3Error {
            operation: operation.to_owned(),
            object: self.bucket.to_owned(),
            kind,
            code: String::new(),
            status: 0,
            request_id: None,
            message: said.to_owned(),
            action: None,
        }
    }

    /// Asks the one place that allows a DELETE for leave to send one for this sub-resource. Pass
    /// it to the request by `.customize().interceptor(permit)`.
    ///
    /// # Errors
    /// When nothing read in this pass proves that the store knows the sub-resource.
    pub fn may_delete(&self, what: SubResource) -> Result<Permit, S3Error> {
        let permit = super::delete::allow(what, self.bucket, self.evidence)?;
        self.deleted.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(permit)
    }

    /// Notes that the store said `NoSuchConfiguration` of an id that is not there.
    pub fn tells_apart(&self, what: SubResource) {
        self.apart.lock().expect("no holder of the lock panics").push(what);
    }

    /// The same as [`S3::may_delete`] for one configuration of a keyed set.
    ///
    /// # Errors
    /// When no read in this pass listed exactly this id, or the store has not said of another that
    /// it is not there.
    pub fn may_delete_one(&self, what: SubResource, id: &str) -> Result<Permit, S3Error> {
        if !self.apart.lock().expect("no holder of the lock panics").contains(&what) {
            return Err(super::delete::not_apart(what, self.bucket));
        }
        let permit = super::delete::allow_one(what, id, self.bucket, self.evidence)?;
        self.deleted.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(permit)
    }

    /// Looks whether the bucket is still there: between two DELETEs of one write.
    ///
    /// # Errors
    /// When it is not, or nobody says.
    pub async fn look(&self) -> Result<(), S3Error> {
        let request = self.client.head_bucket().bucket(self.bucket).set_expected_bucket_owner(self.owner());
        request.send().await.map(drop).map_err(|error| {
            let mut fault = fault(&error, self.bucket, "HeadBucket", "s3:ListBucket");
            if fault.status == 404 {
                fault.kind = S3ErrorKind::NoSuchBucket;
                fault.message = GONE.to_owned();
            }
            fault
        })
    }
}

/// Hands out S3 Control of the bucket's account, for an operation that writes: made when a write
/// asks for it, as few do.
pub(super) type Controls<'a> = dyn Fn(&str) -> Result<Control, S3Error> + Send + Sync + 'a;

/// The wire half of a setting.
pub trait Wire: Setting {
    /// The elements of S3's answer that this version carries over in a write; none when the answer
    /// is no XML. Others make a write of the setting wait for a person.
    const ELEMENTS: &'static [&'static str];

    /// Asks S3 for the setting; an error code that means "nothing configured" is the default.
    fn read(s3: &S3<'_>) -> impl Future<Output = Result<Self::Value, S3Error>> + Send;
    /// Replaces the setting at S3. `from` is what a read answered in this pass, `to` is canonical.
    fn write(s3: &S3<'_>, from: &Self::Value, to: &Self::Value) -> impl Future<Output = Result<(), S3Error>> + Send;
}

/// [`Wire`] without its type.
pub trait AnyWire: Send + Sync {
    /// [`Wire::ELEMENTS`].
    fn elements(&self) -> &'static [&'static str];
    /// Reads, in canonical form.
    fn read<'a>(&'a self, s3: &'a S3<'a>) -> BoxFuture<'a, Result<Doc, S3Error>>;
    /// Writes.
    fn write<'a>(&'a self, s3: &'a S3<'a>, from: &'a Doc, to: &'a Doc) -> BoxFuture<'a, Result<(), S3Error>>;
}

impl<S: Wire> AnyWire for Entry<S> {
    fn elements(&self) -> &'static [&'static str] {
        S::ELEMENTS
    }

    fn read<'a>(&'a self, s3: &'a S3<'a>) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(async move { Ok(Doc::of(&S::canonical(S::read(s3).await?))) })
    }

    fn write<'a>(&'a self, s3: &'a S3<'a>, from: &'a Doc, to: &'a Doc) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            let parse = |doc: &Doc| doc.parse::<S::Value>().expect("the doc is of this setting");
            S::write(s3, &parse(from), &parse(to)).await
        })
    }
}

/// Turns the SDK's failures into ours.
pub trait Fault<T> {
    /// Names the operation and the IAM action that it needs.
    ///
    /// # Errors
    /// The failure as plain data.
    fn or_fault(self, s3: &S3<'_>, operation: &str, action: &str) -> Result<T, S3Error>;

    /// The same, but one of these error codes means that nothing is configured.
    ///
    /// # Errors
    /// The failure as plain data.
    fn or_none(self, s3: &S3<'_>, operation: &str, action: &str, none: &[&str]) -> Result<Option<T>, S3Error>;
}

impl<T, E: ProvideErrorMetadata + std::error::Error + 'static> Fault<T> for Result<T, SdkError<E, HttpResponse>> {
    fn or_fault(self, s3: &S3<'_>, operation: &str, action: &str) -> Result<T, S3Error> {
        self.map_err(|error| fault(&error, s3.bucket, operation, action))
    }

    fn or_none(self, s3: &S3<'_>, operation: &str, action: &str, none: &[&str]) -> Result<Option<T>, S3Error> {
        match self {
            Ok(answer) => Ok(Some(answer)),
            // The status counts too: a store that answers a listing instead has no code at all.
            Err(SdkError::ServiceError(answer))
                if answer.err().meta().code().is_some_and(|code| none.contains(&code)) =>
            {
                Ok(None)
            }
            Err(error) => Err(fault(&error, s3.bucket, operation, action)),
        }
    }
}

/// The beginning of what a store says, on one line: what follows the end of one would pass for a line
/// of the log.
fn one_line(said: &str, most: usize) -> String {
    said.chars().take(most).map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect()
}

/// The SDK's failure as plain data.
pub fn fault<E: ProvideErrorMetadata + std::error::Error + 'static>(
    error: &SdkError<E, HttpResponse>,
    object: &str,
    operation: &str,
    action: &str,
) -> S3Error {
    let meta = error.meta();
    let response = error.raw_response();
    let status = response.map_or(0, |response| response.status().as_u16());
    let body = response.and_then(|response| response.body().bytes()).unwrap_or_default();
    // S3 Control wraps its errors and S3 does not; a store may answer one in the way of the other.
    let code = meta.code().unwrap_or_else(|| code_in(Some(body))).to_owned();
    let header = |name: &str| response.and_then(|response| response.headers().get(name)).map(str::to_owned);
    let kind = match error {
        // What cannot be read is not known; only a listing in place of the setting tells that the
        // store took the sub-resource for something else.
        SdkError::ServiceError(_) if status == 200 && !is_listing(body) => S3ErrorKind::Transport,
        SdkError::ServiceError(_) => kind_of(status, &code),
        SdkError::ConstructionFailure(_) => S3ErrorKind::Credentials,
        other if lacks_credentials(other) => S3ErrorKind::Credentials,
        _ => S3ErrorKind::Transport,
    };
    let said = match error {
        SdkError::ServiceError(_) if kind == S3ErrorKind::Transport && status == 200 => {
            "the answer is not one of S3's".to_owned()
        }
        SdkError::ServiceError(_) => meta.message().unwrap_or_default().to_owned(),
        other => chain(other),
    };
    let forbidden = super::delete::is_refusal(&said);
    S3Error {
        operation: operation.to_owned(),
        object: object.to_owned(),
        kind: if forbidden { S3ErrorKind::Forbidden } else { kind },
        code: one_line(&code, 100),
        status,
        request_id: header("x-amz-request-id").map(|id| one_line(&id, 100)),
        message: one_line(&said, 300),
        action: Some(action.to_owned()),
    }
}

/// The error code in an answer: a 503 is a throttle or a failure, and only the code says which.
pub(super) fn code_in(body: Option<&[u8]>) -> &str {
    let text = body.and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
    let after = text.split_once("<Code>").map_or("", |(_, after)| after);
    after.split_once("</Code>").map_or("", |(code, _)| code)
}

/// Whether a store took the sub-resource for something else: it lists objects (MinIO and Ceph, for
/// what they do not know), or names the root as nobody else does (Ceph 16 for the public access
/// block, which nobody can then read). The lists of configurations have roots that begin alike, and
/// half of one is no sign that the store has none.
pub fn is_listing(body: &[u8]) -> bool {
    super::foreign::elements(body).next().is_some_and(|root| {
        (root.starts_with("ListBucket") && !root.contains("Configuration"))
            || root == "BlockPublicAccessBlockConfiguration"
    })
}

/// Whether the request was never sent because nobody gives us credentials.
fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.is::<aws_credential_types::provider::error::CredentialsError>())
}

/// What an answer means. A 200 without a code is a list of objects: the store took the sub-resource
/// for something else, so it has none (MinIO and Ceph list objects instead).
pub(super) fn kind_of(status: u16, code: &str) -> S3ErrorKind {
    match (status, code) {
        (200, _) => S3ErrorKind::Unsupported,
        (_, "SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequests")
        | (429, _) => S3ErrorKind::Throttled,
        (_, "OperationAborted") => S3ErrorKind::Conflict,
        (_, "NotImplemented" | "MethodNotAllowed" | "UnsupportedArgument" | "UnsupportedOperation")
        | (405 | 501, _) => S3ErrorKind::Unsupported,
        (_, "NoSuchBucket") => S3ErrorKind::NoSuchBucket,
        (
            _,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
        )
        | (301 | 307, _) => S3ErrorKind::WrongRegion,
        (_, "BucketAlreadyExists") => S3ErrorKind::Foreign,
        (
            _,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "RequestTimeTooSkewed"
            | "TokenRefreshRequired",
        ) => S3ErrorKind::Credentials,
        (401 | 403, _) => S3ErrorKind::Denied,
        (409, _) => S3ErrorKind::Other,
        (400, "RequestTimeout" | "IncompleteBody") => S3ErrorKind::Transport,
        (400, _) => S3ErrorKind::Invalid,
        (500.., _) => S3ErrorKind::Server,
        _ => S3ErrorKind::Other,
    }
}

/// An error with all its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_says_is_one_line_and_hides_nothing() {
        let said = "x\n2026-11-22T12:00:00Z all is well\u{1b}[2J\u{202e}";
        assert_eq!(one_line(said, 300), "x 2026-11-22T12:00:00Z all is well [2J ");
        assert_eq!(one_line(said, 1), "x");
    }
}
