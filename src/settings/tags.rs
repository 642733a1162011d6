//! `tags`: the bucket's tags, by which teams find owners and share costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{About, Hindrance, OnDirectoryBuckets, Others, Problem, Setting};

/// The bucket's tags (API page PutBucketTagging).
pub struct Tags;

/// Keys and values. A spec names the tags that it cares for; others, and those of AWS itself
/// (`aws:…`), stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "tags")]
pub struct Value(pub BTreeMap<String, String>);

/// Tags that a bucket can have (S3 User Guide, "Using cost allocation S3 bucket tags").
const MOST_TAGS: usize = 50;

#[cfg(feature = "aws")]
mod by_resource;

impl Setting for Tags {
    type Value = Value;

    const NAME: &'static str = "tags";
    const ABOUT: About = About {
        what: "Names and values for bills, owners and permissions.",
        why: "Bills, owners and permissions by attribute are read from tags. Where `abac` is enabled, and on directory buckets, S3 takes them by S3 Control only, one by one; they are written so by itself.",
        risk: "",
        example: "{Name: AI Model Data Storage, Purpose: Distributed AI Model Training}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketTagging"];
    /// The first where tags are for bills and people; the others where they decide access (`abac`).
    const WRITES: &'static [&'static str] =
        &["s3:PutBucketTagging", "s3:GetBucketAbac", "s3:ListTagsForResource", "s3:TagResource", "s3:UntagResource"];
    const REMOVABLE: bool = true;
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::There;

    /// Tags of AWS itself cannot be written and are no drift. The write carries them over.
    fn canonical(value: Value) -> Value {
        Value(value.0.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect())
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if want.0.len() > MOST_TAGS {
            problems.push(
                Problem::at("", format!("{} tags", want.0.len()))
                    .hint(format!("S3 keeps at most {MOST_TAGS} tags on a bucket")),
            );
        }
        for (key, value) in &want.0 {
            let at = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            if key.is_empty() || key.chars().count() > 128 {
                problems.push(
                    Problem::at(&at, format!("the tag key has {} characters", key.chars().count()))
                        .hint("use 1 to 128 characters"),
                );
            }
            if key.to_ascii_lowercase().starts_with("aws:") {
                problems.push(
                    Problem::at(&at, format!("the tag key `{key}` belongs to AWS"))
                        .hint("keys that begin with `aws:` cannot be written; leave it out, and it stays"),
                );
            }
            if value.chars().count() > 256 {
                problems.push(
                    Problem::at(&at, format!("the value of tag `{key}` has {} characters", value.chars().count()))
                        .hint("use at most 256 characters"),
                );
            }
            let legal = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
            if let Some(bad) = key.chars().chain(value.chars()).find(|c| !legal(*c)) {
                problems.push(
                    Problem::at(&at, format!("`{bad}` is not allowed in tag `{key}`"))
                        .hint("use letters, digits, spaces and `_ . : / = + - @`"),
                );
            }
        }
        problems
    }

    fn hindrance(to: &Value, _others: &Others<'_>) -> Option<Hindrance> {
        (to.0.len() > MOST_TAGS).then_some(Hindrance {
            why: "S3 keeps at most 50 tags on a bucket, those that nobody declared among them",
            advice: "name fewer tags, or remove some of the bucket's by hand",
        })
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{Tag, Tagging};

    use super::{Tags, Value, by_resource};
    use crate::cloud::delete::SubResource;
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    async fn live(s3: &S3<'_>) -> Result<Value, S3Error> {
        let answer = s3
            .client
            .get_bucket_tagging()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .ask(s3)
            .await
            .or_none(s3, "GetBucketTagging", "s3:GetBucketTagging", &["NoSuchTagSet", "NoSuchTagSetError"])?;
        let tags = answer.map(|answer| answer.tag_set).unwrap_or_default();
        Ok(Value(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()))
    }

    impl Wire for Tags {
        const ELEMENTS: &'static [&'static str] =
            &["Tagging", "TagSet", "ListTagsForResourceResult", "Tags", "Tag", "Key", "Value"];

        /// The tags of directory buckets are S3 Control's alone (User Guide, "Using tags with S3
        /// directory buckets").
        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            if s3.directory {
                return by_resource::read(s3).await;
            }
            live(s3).await
        }

        /// Where tags decide access S3 refuses the whole set, and takes them one by one.
        async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
            if s3.directory {
                return by_resource::tell(s3, from, to).await;
            }
            let Err(refused) = replace(s3, to).await else { return Ok(()) };
            by_resource::is_needed(s3, refused).await?;
            by_resource::write(s3, from, to).await
        }
    }

    /// PutBucketTagging replaces the whole set, so the tags of AWS itself are sent along: S3 refuses
    /// a set without them (terraform-provider-aws#7323).
    async fn replace(s3: &S3<'_>, to: &Value) -> Result<(), S3Error> {
        let system = live(s3).await?.0.into_iter().filter(|(key, _)| key.starts_with("aws:"));
        let tags: Vec<Tag> = system
            .chain(to.0.clone())
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<_, _>>()
            .map_err(|error| s3.misuse("PutBucketTagging", S3ErrorKind::Invalid, &error.to_string()))?;
        if tags.is_empty() {
            s3.client
                .delete_bucket_tagging()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .customize()
                .interceptor(s3.may_delete(SubResource::Tagging)?)
                .send()
                .await
                .or_fault(s3, "DeleteBucketTagging", "s3:PutBucketTagging")?;
            return Ok(());
        }
        let tagging = Tagging::builder()
            .set_tag_set(Some(tags))
            .build()
            .map_err(|error| s3.misuse("PutBucketTagging", S3ErrorKind::Invalid, &error.to_string()))?;
        s3.client
            .put_bucket_tagging()
            .bucket(s3.bucket)
            .set_expected_bucket_owner(s3.owner())
            .tagging(tagging)
            .send()
            .await
            .or_fault(s3, "PutBucketTagging", "s3:PutBucketTagging")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Overlay;

    fn tags(pairs: &[(&str, &str)]) -> Value {
        Value(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn foreign_tags_stay_and_tags_of_aws_are_no_drift() {
        let live = Tags::canonical(tags(&[("aws:createdBy", "x"), ("Name", "old"), ("CostCenter", "7")]));
        let to = Tags::merge(&live, &tags(&[("Name", "new")]), Overlay::Whole);
        assert_eq!(to, tags(&[("CostCenter", "7"), ("Name", "new")]));
    }

    #[test]
    fn an_empty_value_is_a_value() {
        // terraform-provider-aws#34185: an empty value was taken for a tag to remove.
        let to = Tags::merge(&Value::default(), &tags(&[("Owner", "")]), Overlay::Whole);
        assert_eq!(to, tags(&[("Owner", "")]));
    }

    /// 30 tags of a spec beside 30 that others had set were written, and refused, in every sweep.
    #[test]
    fn more_tags_than_s3_keeps_are_hindered_whoever_set_them() {
        let some = |letter: char| Value((0..30).map(|n| (format!("{letter}{n}"), String::new())).collect());
        let to = Tags::merge(&some('a'), &some('b'), Overlay::Whole);
        let why = "S3 keeps at most 50 tags on a bucket, those that nobody declared among them";
        assert_eq!(Tags::hindrance(&to, &|_| None).map(|it| it.why), Some(why));
        assert_eq!(Tags::hindrance(&some('a'), &|_| None), None);
    }

    #[test]
    fn limits_of_s3_are_checked_before_s3_does() {
        let many = Value((0..51).map(|n| (n.to_string(), String::new())).collect());
        assert_eq!(Tags::check(&many)[0].message, "51 tags");
        assert!(Tags::check(&tags(&[("aws:x", "1")]))[0].message.contains("belongs to AWS"));
        assert!(Tags::check(&tags(&[("a", "b{c}")]))[0].message.contains("`{` is not allowed"));
        assert!(Tags::check(&tags(&[("Team", "ml/platform: a+b=c")])).is_empty());
    }
}
