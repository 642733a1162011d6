//! Directory buckets: what they have by nature, and what they have not (S3 User Guide, "Differences
//! for directory buckets").

use crate::bucket::BucketName;
use crate::cloud::{S3Error, S3ErrorKind};
use crate::desired::Wish;
use crate::observed::{Observed, Reading};
use crate::policy::Assertion;
use crate::setting::OnDirectoryBuckets;
use crate::settings;

/// What is known of a setting of a directory bucket without a request: the value that it always
/// has, or that there is none. `None` where S3 has to be asked.
pub fn by_nature(name: &BucketName, setting: &'static str) -> Option<Reading> {
    if !name.is_directory() {
        return None;
    }
    let it = settings::named(setting);
    match it.on_directory_buckets() {
        OnDirectoryBuckets::There => None,
        OnDirectoryBuckets::Given => Some(Reading::Known(it.given_on_directory_buckets())),
        OnDirectoryBuckets::Lacking => Some(Reading::Unsupported(S3Error {
            operation: setting.to_owned(),
            object: name.to_string(),
            kind: S3ErrorKind::Unsupported,
            code: String::new(),
            status: 0,
            request_id: None,
            message: format!("directory buckets have no `{setting}`"),
            action: None,
        })),
    }
}

/// Why a setting of a bucket is never written, where it is one that directory buckets have by
/// nature.
pub(super) fn unwritable(name: &BucketName, setting: &str) -> Option<String> {
    let fixed = settings::find(setting)?.on_directory_buckets() != OnDirectoryBuckets::There;
    (name.is_directory() && fixed).then(|| format!("`{setting}` of a directory bucket cannot be changed"))
}

/// What an expression looks at and a directory bucket does not have.
pub(super) fn lacking(wish: &Wish, observed: &Observed, assertion: &Assertion) -> Option<String> {
    if !wish.id.name.is_directory() {
        return None;
    }
    assertion.looks_at().iter().find_map(|setting| match observed.reading(setting) {
        Some(Reading::Unsupported(error)) => Some(said(&wish.id.name, error)),
        _ => None,
    })
}

/// Why a setting is unsupported, in words: what was never asked of a directory bucket is explained
/// by us, and what a store has not is its own affair.
pub(super) fn said(name: &BucketName, error: &S3Error) -> String {
    if name.is_directory() && error.status == 0 {
        return error.message.clone();
    }
    "the store has no such setting".to_owned()
}
