//! The digest by which an approval names one held change.

use sha2::{Digest, Sha256};

use super::Step;
use crate::bucket::BucketId;

/// Sixteen hexadecimal digits over bucket, setting, `from` and `to`: an approval lets exactly the
/// change happen that a person was shown, and no other.
pub fn digest(bucket: &BucketId, step: &Step) -> String {
    let mut hash = Sha256::new();
    for part in [bucket.account.as_str(), bucket.name.as_str(), step.setting, step.from.as_str(), step.to.as_str()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..8])
}
