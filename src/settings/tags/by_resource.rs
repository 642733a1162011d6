//! Writing tags where they decide access: S3 then refuses PutBucketTagging and DeleteBucketTagging,
//! and S3 Control adds and removes tags one by one (S3 User Guide, "Enabling ABAC in general
//! purpose buckets"). GetBucketTagging goes on reading them, but of directory buckets, which have
//! neither: of them S3 Control lists the tags, too.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::BucketAbacStatus;
use aws_sdk_s3control::types::Tag;

use super::{MOST_TAGS, Value};
use crate::cloud::control::Control;
use crate::cloud::wire::S3;
use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

/// What to tell S3 Control.
#[derive(Debug, Default, PartialEq, Eq)]
struct Delta {
    add: BTreeMap<String, String>,
    remove: BTreeSet<String>,
    /// Whether there is no room for the new ones before the old ones are gone.
    remove_first: bool,
}

/// The difference. Tags that somebody added since they were `seen` stay: the read after the write
/// shows them, and they are planned for.
fn delta(seen: &Value, to: &Value, listed: &BTreeMap<String, String>) -> Delta {
    let is_new = |(key, value): &(&String, &String)| listed.get(*key) != Some(value);
    let add: BTreeMap<String, String> =
        to.0.iter().filter(is_new).map(|(key, value)| (key.clone(), value.clone())).collect();
    let gone = |key: &&String| !to.0.contains_key(*key) && listed.contains_key(*key);
    let remove: BTreeSet<String> = seen.0.keys().filter(gone).cloned().collect();
    let own = listed.keys().filter(|key| !key.starts_with("aws:")).count();
    let more = add.keys().filter(|key| !listed.contains_key(*key)).count();
    Delta { add, remove, remove_first: own + more > MOST_TAGS }
}

/// After S3 refused a write of tags: whether it did so because tags decide access here. S3
/// documents no code for that refusal, so any that waiting does not mend makes us look; a write
/// that is taken, and a bucket that is as it shall be, cost nothing more.
///
/// # Errors
/// The refusal itself, unless all that is missing is leave to look.
pub(super) async fn is_needed(s3: &S3<'_>, refused: S3Error) -> Result<(), S3Error> {
    use S3ErrorKind::{Denied, Invalid, Other, Unsupported};
    if !matches!(refused.kind, Denied | Invalid | Other | Unsupported) {
        return Err(refused);
    }
    let answer = s3.client.get_bucket_abac().bucket(s3.bucket).set_expected_bucket_owner(s3.owner()).ask(s3).await;
    match answer.or_fault(s3, "GetBucketAbac", "s3:GetBucketAbac") {
        Ok(answer) if answer.abac_status().and_then(|it| it.status()) == Some(&BucketAbacStatus::Enabled) => Ok(()),
        Err(error) if error.kind.is_transient() => Err(error),
        Err(error) if error.kind == Denied && refused.kind != Denied => Err(error),
        // Whether tags decide access is not known, so the refusal does not say that there are none.
        Err(_) if refused.kind == Unsupported => Err(S3Error { kind: Other, ..refused }),
        _ => Err(refused),
    }
}

/// Writes tags by S3 Control. Where that is not to be had, the bucket has tags all the same.
pub(super) async fn write(s3: &S3<'_>, seen: &Value, to: &Value) -> Result<(), S3Error> {
    let written = tell(s3, seen, to).await;
    written.map_err(|error| match error.kind {
        S3ErrorKind::Unsupported => S3Error { kind: S3ErrorKind::Other, ..error },
        _ => error,
    })
}

/// The tags as S3 Control lists them.
pub(super) async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
    let control = s3.control("ListTagsForResource")?;
    list(&control, &arn(s3, &control)).await.map(Value)
}

fn arn(s3: &S3<'_>, control: &Control) -> String {
    match s3.directory {
        true => control.directory_arn(s3.bucket),
        false => control.bucket_arn(s3.bucket),
    }
}

async fn list(control: &Control, arn: &str) -> Result<BTreeMap<String, String>, S3Error> {
    let request = control.client.list_tags_for_resource().account_id(control.account.as_str()).resource_arn(arn);
    let listed = control.or_fault(request.send().await, "ListTagsForResource", "s3:ListTagsForResource")?;
    Ok(listed.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Tells S3 Control what differs, after it has said what there is.
pub(super) async fn tell(s3: &S3<'_>, seen: &Value, to: &Value) -> Result<(), S3Error> {
    let control = s3.control("TagResource")?;
    let arn = arn(s3, &control);
    let listed = list(&control, &arn).await?;
    let Delta { add, remove, remove_first } = delta(seen, to, &listed);
    if remove_first {
        untag(s3, &control, &arn, &remove, &listed).await?;
    }
    if !add.is_empty() {
        let tags: Vec<Tag> = add
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<_, _>>()
            .map_err(|error| s3.misuse("TagResource", S3ErrorKind::Invalid, &error.to_string()))?;
        let request = control.client.tag_resource().account_id(control.account.as_str()).resource_arn(&arn);
        let answer = request.set_tags(Some(tags)).send().await;
        control.or_fault(answer, "TagResource", "s3:TagResource")?;
    }
    // A tag lets people in: what they shall have is there before what they had is gone.
    if !remove_first {
        untag(s3, &control, &arn, &remove, &listed).await?;
    }
    Ok(())
}

async fn untag(
    s3: &S3<'_>,
    control: &Control,
    arn: &str,
    keys: &BTreeSet<String>,
    listed: &BTreeMap<String, String>,
) -> Result<(), S3Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let permit = s3.may_untag(arn, keys, listed)?;
    let request = control.client.untag_resource().account_id(control.account.as_str()).resource_arn(arn);
    let answer =
        request.set_tag_keys(Some(keys.iter().cloned().collect())).customize().interceptor(permit).send().await;
    control.or_fault(answer, "UntagResource", "s3:UntagResource")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_differs_is_told_and_only_what_was_seen_is_removed() {
        let listed = tags(&[("aws:x", "1"), ("Name", "old"), ("Team", "ml"), ("Gone", ""), ("Somebodys", "new")]);
        let seen = Value(tags(&[("Name", "old"), ("Team", "ml"), ("Gone", "")]));
        let to = Value(tags(&[("Name", "new"), ("Team", "ml"), ("Purpose", "")]));
        let expected = Delta {
            add: tags(&[("Name", "new"), ("Purpose", "")]),
            remove: ["Gone".to_owned()].into(),
            remove_first: false,
        };
        assert_eq!(delta(&seen, &to, &listed), expected);
        assert_eq!(delta(&to, &to, &to.0), Delta::default());
    }

    #[test]
    fn a_full_bucket_loses_the_old_tags_first() {
        let full = Value((0..MOST_TAGS).map(|n| (format!("k{n:02}"), String::new())).collect());
        let mut to = full.clone();
        to.0.remove("k00");
        to.0.insert("new".to_owned(), String::new());
        assert!(delta(&full, &to, &full.0).remove_first);
        to.0.remove("new");
        assert!(!delta(&full, &to, &full.0).remove_first);
    }
}
