//! All that driftless asks of S3: the one seam of the loop.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::bucket::{AccountName, BucketId, BucketName, Namespace, Region};
use crate::doc::Doc;

#[cfg(feature = "aws")]
pub mod aws;
pub mod budget;
#[cfg(feature = "aws")]
pub mod control;
#[cfg(feature = "aws")]
mod create;
#[cfg(feature = "aws")]
pub mod delete;
#[cfg(feature = "aws")]
mod directory;
#[cfg(feature = "aws")]
mod foreign;
pub mod learned;
pub mod memory;
pub mod pages;
pub mod patient;
pub mod read_only;
#[cfg(feature = "aws")]
mod region;
#[cfg(feature = "aws")]
pub mod wire;

#[cfg(feature = "aws")]
pub use aws::Ask;
#[cfg(feature = "aws")]
pub use wire::Fault;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What went wrong when S3 was asked: plain data, so that plans, reports and tests can hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub struct S3Error {
    /// The operation as the API page calls it, such as `GetBucketTagging`.
    pub operation: String,
    /// The bucket, or the account for operations on all buckets.
    pub object: String,
    /// What it means for the loop.
    pub kind: S3ErrorKind,
    /// S3's error code, empty when there was no answer.
    pub code: String,
    /// HTTP status, 0 when there was no answer.
    pub status: u16,
    /// S3's request id, for a support case.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// What S3, or the transport, said: at most 300 characters.
    pub message: String,
    /// The IAM action that the operation needs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action: Option<String>,
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on `{}` failed: {}", self.operation, self.object, self.kind.phrase())?;
        let mut details: Vec<String> = Vec::new();
        if !self.code.is_empty() {
            details.push(self.code.clone());
        }
        if self.status != 0 && self.code != self.status.to_string() {
            details.push(format!("status {}", self.status));
        }
        if let Some(id) = &self.request_id {
            details.push(format!("request {id}"));
        }
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        if !self.message.is_empty() && self.kind != S3ErrorKind::Denied {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl S3Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self.code.as_str() {
            "MissingNamespaceHeader" => {
                return Some(
                    "the name is one of an account's own namespace; write `namespace: account-regional`".to_owned(),
                );
            }
            "InvalidNamespaceHeader" => {
                return Some(
                    "names in the account's own namespace end in `-ACCOUNT-REGION-an`, with this account and the bucket's region"
                        .to_owned(),
                );
            }
            pages::ENDLESS if self.operation == "ListBuckets" => {
                return Some(
                    "tell those who make the store; until then deny the role `s3:ListAllMyBuckets`, and each bucket that \
                     a spec names is asked for by itself"
                        .to_owned(),
                );
            }
            pages::ENDLESS => return Some("tell those who make the store".to_owned()),
            _ => {}
        }
        match self.kind {
            S3ErrorKind::Denied => self.action.as_ref().map(|action| {
                let besides = crate::account::denied(action).map(|said| format!("; {said}")).unwrap_or_default();
                format!("the role needs `{action}`; `driftless iam` prints all that it needs{besides}")
            }),
            S3ErrorKind::Unsupported => {
                Some("this store has no such setting; it is left out of the verdict".to_owned())
            }
            S3ErrorKind::Throttled => Some("the request rate is lowered by itself".to_owned()),
            S3ErrorKind::Foreign => Some("the name belongs to another account; choose another name".to_owned()),
            S3ErrorKind::Credentials => {
                Some("check the credentials of the account in the agent's configuration".to_owned())
            }
            // S3 says which destination it means in its message, and not what to do about it.
            S3ErrorKind::Invalid if self.operation == "PutBucketNotificationConfiguration" => Some(
                "each topic, queue and function must be there, in the bucket's region, and its policy, and that of \
                 its KMS key, must let `s3.amazonaws.com` in; other stores know only some of them"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// What a failure of S3 means for the loop. It alone decides a retry, and it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum S3ErrorKind {
    /// 403: the role may not.
    Denied,
    /// No usable credentials, or S3 does not accept their signature.
    Credentials,
    /// The bucket is not there.
    NoSuchBucket,
    /// The bucket belongs to another account.
    Foreign,
    /// The bucket lives in another region.
    WrongRegion,
    /// S3 asks for fewer requests.
    Throttled,
    /// Another change of the same bucket is under way (409 OperationAborted).
    Conflict,
    /// This store, region or bucket type has no such API.
    Unsupported,
    /// S3 refused the content of the request (400).
    Invalid,
    /// S3 failed (5xx).
    Server,
    /// No answer, half of one, or one that is not S3's.
    Transport,
    /// A request that nothing allowed; it was not sent.
    Forbidden,
    /// Anything else.
    Other,
}

impl S3ErrorKind {
    /// Whether the same request may succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Conflict | Self::Server | Self::Transport)
    }

    /// The word for it in metrics and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::NoSuchBucket => "no-such-bucket",
            Self::Foreign => "foreign",
            Self::WrongRegion => "wrong-region",
            Self::Throttled => "throttled",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::Invalid => "invalid",
            Self::Server => "server",
            Self::Transport => "transport",
            Self::Forbidden => "forbidden",
            Self::Other => "other",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Denied => "access denied",
            Self::Credentials => "credentials not accepted",
            Self::NoSuchBucket => "no such bucket",
            Self::Foreign => "the bucket belongs to another account",
            Self::WrongRegion => "the bucket lives in another region",
            Self::Throttled => "throttled",
            Self::Conflict => "another change of the bucket is under way",
            Self::Unsupported => "not supported by this store",
            Self::Invalid => "refused as invalid",
            Self::Server => "S3 failed",
            Self::Transport => "no usable answer",
            Self::Forbidden => "not sent",
            Self::Other => "unexpected answer",
        }
    }
}

/// A bucket and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The bucket.
    pub id: BucketId,
    /// The region whose endpoint answers for it.
    pub region: Region,
}

/// One bucket as the account's list of buckets shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: BucketName,
    /// Its region, where the store says it in the list.
    pub region: Option<Region>,
}

/// A bucket of the account's list that no spec can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illegal {
    /// Its name, as the store has it: anything may stand in it.
    pub name: String,
    /// Which rule it breaks, in a sentence.
    pub why: String,
}

/// What can only be said when a bucket is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Creation {
    /// The object ownership to create it with; S3's default is BucketOwnerEnforced.
    pub object_ownership: Option<String>,
    /// Whether object lock is possible in it.
    pub object_lock: bool,
    /// The namespace to make it in; S3's default is the global one.
    pub namespace: Option<Namespace>,
    /// The tags to create it with, because organisations deny creations without. A store that
    /// refuses them makes the bucket without, and they are written afterwards.
    pub tags: BTreeMap<String, String>,
}

/// What a look at one bucket by name found (HeadBucket).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is there and ours, in this region where the store says so.
    Here(Option<Region>),
    /// Nobody has the name, or nobody that we may know of.
    Missing,
    /// Somebody else has it.
    Foreign,
}

/// S3, as the loop sees it. One implementation speaks HTTP, one is in memory for tests. Nothing here
/// has a default: a cloud around another that forgot to pass a question on would answer it wrongly.
pub trait Cloud: Send + Sync {
    /// Every general purpose bucket of an account, all pages.
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>>;
    /// The buckets that the last list of an account showed and no spec can name.
    fn illegal(&self, account: &AccountName) -> Vec<Illegal>;
    /// Every directory bucket of an account in a region, all pages. It is another request, to
    /// another endpoint, with another permission; so it is only asked where a spec names one.
    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>>;
    /// Looks at one bucket by its name.
    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>>;
    /// Creates a bucket in its region.
    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>>;
    /// Reads one setting in canonical form; nothing configured is the setting's default.
    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>>;
    /// Writes one setting. `seen` is what [`Cloud::read`] answered for it in this pass.
    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>>;
    /// The region in which the bucket was found to live, when that is another than the target's.
    fn found_at(&self, target: &Target) -> Option<Region>;
    /// The fields that the last read of a setting answered and this version does not know. A write
    /// of the setting would remove them.
    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String>;
    /// What the last read of a setting said beside its value: told, and never compared.
    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String>;
}

/// Told of every request, for metrics.
pub trait Observer: Send + Sync {
    /// A request ended after so many seconds; `None` when it succeeded.
    fn request(&self, account: &AccountName, operation: &str, failed: Option<S3ErrorKind>, seconds: f64);
    /// The number of requests that an account may have under way changed.
    fn concurrency(&self, account: &AccountName, limit: f64);
}

/// An observer that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn request(&self, _: &AccountName, _: &str, _: Option<S3ErrorKind>, _: f64) {}
    fn concurrency(&self, _: &AccountName, _: f64) {}
}
