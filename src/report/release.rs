//! The documents that let happen what is held.

use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::plan::Held;

/// The document that lets a held change happen.
pub fn approval_document(bucket: &BucketId, held: &Held, now: Timestamp) -> Option<String> {
    let digest = held.digest.as_ref()?;
    let of = if bucket.is_account() { format!("account-{}", bucket.account) } else { bucket.name.to_string() };
    Some(format!(
        "apiVersion: driftless/v1\nkind: Approval\nmetadata:\n  name: {}-{}-{}\nspec:\n  change: \"{digest}\"\n  reason: TELL WHY\n  expires: {}\n",
        of.replace('.', "-"),
        held.setting.to_lowercase(),
        &digest[..6],
        (now + chrono::Duration::days(7)).format("%Y-%m-%d"),
    ))
}

/// The document that lets so many buckets leave the source in one revision.
pub fn removals_document(buckets: usize, now: Timestamp) -> String {
    format!(
        "# a document of the source\napiVersion: driftless/v1\nkind: Approval\nmetadata:\n  name: removals-{buckets}\nspec:\n  removals: {buckets}\n  reason: TELL WHY\n  expires: {}\n",
        (now + chrono::Duration::days(7)).format("%Y-%m-%d"),
    )
}
