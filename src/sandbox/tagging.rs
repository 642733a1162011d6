//! Bucket tags, with those that AWS itself puts on a bucket.

use super::config::{Config, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;

/// Tags that a bucket can have, without those of AWS (API page PutBucketTagging).
const MOST: usize = 50;

pub(super) fn put(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    refuse_where_tags_decide(config)?;
    let tagging = write.xml("Tagging")?;
    let set = tagging.child("TagSet").ok_or_else(Refusal::malformed)?;
    let tags = parse(set, &config.tags)?;
    if system(&config.tags).any(|tag| !tags.contains(tag)) {
        return Err(invalid("System tags cannot be removed by requester"));
    }
    config.tags = tags;
    show(config);
    Ok(())
}

/// Reads `Tag` elements. S3 judges one tag after another and counts them last
/// (measured by scality/cloudserver#4451).
pub(super) fn parse(set: &Node, before: &[(String, String)]) -> Result<Vec<(String, String)>, Refusal> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for element in &set.children {
        let (Some(key), Some(value)) = (element.get("Key"), element.get("Value")) else {
            return Err(Refusal::malformed());
        };
        if element.name != "Tag" {
            return Err(Refusal::malformed());
        }
        let legal =
            |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c));
        if !(1..=128).contains(&key.chars().count()) || !legal(key) {
            return Err(invalid("The TagKey you have provided is invalid").with("TagKey", key));
        }
        if value.chars().count() > 256 || !legal(value) {
            return Err(invalid("The TagValue you have provided is invalid")
                .with("TagKey", key)
                .with("TagValue", value));
        }
        if tags.iter().any(|(other, _)| other == key) {
            return Err(invalid("Cannot provide multiple Tags with the same key").with("TagKey", key));
        }
        let tag = (key.to_owned(), value.to_owned());
        if is_system(key) && !before.contains(&tag) {
            return Err(invalid("System tags cannot be added/updated by requester").with("TagKey", key));
        }
        tags.push(tag);
    }
    if tags.iter().filter(|(key, _)| !is_system(key)).count() > MOST {
        return Err(Refusal::new(400, "BadRequest", "Bucket tag count cannot be greater than 50"));
    }
    Ok(tags)
}

/// AWS documents no answer for a DELETE on a bucket that has system tags; as they "cannot be
/// removed by requester", this refuses it as a PUT without them is refused.
pub(super) fn delete(config: &mut Config) -> Result<(), Refusal> {
    refuse_where_tags_decide(config)?;
    if system(&config.tags).next().is_some() {
        return Err(invalid("System tags cannot be removed by requester"));
    }
    config.tags.clear();
    show(config);
    Ok(())
}

/// With ABAC "you can no longer use this operation for that bucket" (API page PutBucketTagging).
/// AWS documents no code for it; this is the one for a method that a resource does not allow.
fn refuse_where_tags_decide(config: &Config) -> Result<(), Refusal> {
    if config.abac {
        let said = "The specified method is not allowed against this resource.";
        return Err(Refusal::new(405, "MethodNotAllowed", said));
    }
    Ok(())
}

/// Adds tags, and gives those that are there another value (API page S3 Control TagResource).
pub(super) fn add(config: &mut Config, set: &Node) -> Result<(), Refusal> {
    let added = parse(set, &[])?;
    let mut tags = config.tags.clone();
    tags.retain(|(key, _)| !added.iter().any(|(other, _)| other == key));
    tags.extend(added);
    if tags.iter().filter(|(key, _)| !is_system(key)).count() > MOST {
        return Err(Refusal::new(400, "TooManyTagsException", "A resource can have 50 tags at most"));
    }
    config.tags = tags;
    show(config);
    Ok(())
}

/// Removes tags. Of those that are not there too, S3 says nothing (API page UntagResource).
pub(super) fn remove(config: &mut Config, keys: &[String]) -> Result<(), Refusal> {
    if let Some(key) = keys.iter().find(|key| is_system(key)) {
        return Err(invalid("System tags cannot be removed by requester").with("TagKey", key.as_str()));
    }
    config.tags.retain(|(key, _)| !keys.contains(key));
    show(config);
    Ok(())
}

/// Renders the tags anew. An empty set is none at all.
pub(super) fn show(config: &mut Config) {
    if config.tags.is_empty() {
        config.clear(Word::Tagging);
        return;
    }
    let tag =
        |(key, value): &(String, String)| Node::of("Tag", vec![Node::leaf("Key", key), Node::leaf("Value", value)]);
    let tags = config.tags.iter().map(tag).collect();
    config.set(Word::Tagging, &Node::of("Tagging", vec![Node::of("TagSet", tags)]));
}

fn invalid(said: &'static str) -> Refusal {
    Refusal::new(400, "InvalidTag", said)
}

fn is_system(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn system(tags: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    tags.iter().filter(|(key, _)| is_system(key))
}
