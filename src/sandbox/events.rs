//! Event notifications: one document for topics, queues, functions and EventBridge.
//!
//! There are no queues here, so whether S3 could send to a destination is judged by the form of its
//! ARN alone.

use super::config::{Config, Word, Write};
use super::refusal::Refusal;
use super::xml::Node;

/// The elements of a configuration, with the element and the service of their destinations.
const KINDS: [(&str, &str, &str); 3] = [
    ("TopicConfiguration", "Topic", "sns"),
    ("QueueConfiguration", "Queue", "sqs"),
    ("CloudFunctionConfiguration", "CloudFunction", "lambda"),
];

/// The events that stand alone, and the families of the others (API page
/// PutBucketNotificationConfiguration).
const ALONE: [&str; 5] = [
    "s3:ReducedRedundancyLostObject",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
    "s3:ObjectRetention:Put",
];
const FAMILIES: [(&str, &[&str]); 7] = [
    ("s3:ObjectCreated:", &["*", "Put", "Post", "Copy", "CompleteMultipartUpload"]),
    ("s3:ObjectRemoved:", &["*", "Delete", "DeleteMarkerCreated"]),
    ("s3:ObjectRestore:", &["*", "Post", "Completed", "Delete"]),
    (
        "s3:Replication:",
        &[
            "*",
            "OperationFailedReplication",
            "OperationMissedThreshold",
            "OperationReplicatedAfterThreshold",
            "OperationNotTracked",
        ],
    ),
    ("s3:LifecycleExpiration:", &["*", "Delete", "DeleteMarkerCreated"]),
    ("s3:ObjectTagging:", &["*", "Put", "Delete"]),
    ("s3:ObjectAnnotation:", &["*", "Put", "Delete"]),
];

/// What every bucket has that has no other.
pub(super) fn none() -> Node {
    Node::of("NotificationConfiguration", Vec::new())
}

pub(super) fn put(config: &mut Config, write: &Write<'_>) -> Result<(), Refusal> {
    let mut sent = write.xml("NotificationConfiguration")?;
    for (place, child) in sent.children.iter_mut().enumerate() {
        match KINDS.iter().find(|(name, _, _)| *name == child.name) {
            Some((_, destination, service)) => {
                let generated = format!("{:012X}{place:04}", write.number);
                one(child, destination, service, generated)?;
            }
            None if child.name == "EventBridgeConfiguration" => {}
            None => return Err(Refusal::malformed()),
        }
    }
    let told: Vec<&Node> = sent.children.iter().filter(|child| child.name != "EventBridgeConfiguration").collect();
    // User Guide, "Amazon S3 Event Notifications".
    if told.len() > 100 {
        return Err(Refusal::argument("The number of notification configurations exceeds the limit of 100"));
    }
    for (place, child) in told.iter().enumerate() {
        for other in &told[..place] {
            if child.get("Id") == other.get("Id") {
                return Err(Refusal::argument("Same ID used for multiple configurations. IDs must be unique"));
            }
            if overlap(child, other) {
                return Err(Refusal::argument(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
                ));
            }
        }
    }
    if sent.children.is_empty() {
        config.clear(Word::Notification);
    } else {
        config.set(Word::Notification, &sent);
    }
    Ok(())
}

/// Judges one notification, and fills in what S3 fills in.
fn one(child: &mut Node, destination: &str, service: &str, generated: String) -> Result<(), Refusal> {
    let arn = child.get(destination).ok_or_else(Refusal::malformed)?;
    if arn.split(':').count() < 6 || arn.split(':').nth(2) != Some(service) {
        return Err(Refusal::argument("The ARN could not be parsed").with("ArgumentValue", arn));
    }
    if arn.ends_with(".fifo") {
        return Err(Refusal::argument("Unable to validate the following destination configurations"));
    }
    if child.count("Event") == 0 {
        return Err(Refusal::malformed());
    }
    if let Some(event) = child.all("Event").find(|event| !is_known(&event.text)) {
        let said = "The event is not supported for notifications";
        return Err(Refusal::argument(said).with("ArgumentValue", event.text.as_str()));
    }
    if child.get("Id").is_some_and(|id| id.chars().count() > 255) {
        return Err(Refusal::argument("The ID of a notification configuration is longer than 255 characters"));
    }
    if let Some(filter) = child.children.iter_mut().find(|it| it.name == "Filter") {
        let key = filter.children.iter_mut().find(|it| it.name == "S3Key").ok_or_else(Refusal::malformed)?;
        let mut seen = Vec::new();
        for rule in key.children.iter_mut().filter(|it| it.name == "FilterRule") {
            let name = rule.children.iter_mut().find(|it| it.name == "Name").ok_or_else(Refusal::malformed)?;
            // It is taken in any case, and answered in this one.
            name.text = match name.text.to_ascii_lowercase().as_str() {
                "prefix" => "Prefix".to_owned(),
                "suffix" => "Suffix".to_owned(),
                _ => return Err(Refusal::argument("filter rule name must be either prefix or suffix")),
            };
            if seen.contains(&name.text) {
                return Err(Refusal::argument("Cannot specify more than one prefix or suffix rule in a filter."));
            }
            seen.push(name.text.clone());
        }
    }
    if child.get("Id").is_none_or(str::is_empty) {
        child.children.retain(|it| it.name != "Id");
        child.children.insert(0, Node::leaf("Id", generated));
    }
    Ok(())
}

fn is_known(event: &str) -> bool {
    let mut families = FAMILIES.iter();
    ALONE.contains(&event)
        || families.any(|(family, kinds)| event.strip_prefix(family).is_some_and(|kind| kinds.contains(&kind)))
}

fn overlap(one: &Node, other: &Node) -> bool {
    let covers = |wide: &str, narrow: &str| {
        wide == narrow || wide.strip_suffix('*').is_some_and(|start| narrow.starts_with(start))
    };
    let events = |a: &Node, b: &Node| a.all("Event").any(|a| b.all("Event").any(|b| covers(&a.text, &b.text)));
    let said = |node: &Node, name: &str| -> String {
        let rules = node.child("Filter").and_then(|filter| filter.child("S3Key"));
        let rule = rules.and_then(|key| key.all("FilterRule").find(|rule| rule.get("Name") == Some(name)));
        rule.and_then(|rule| rule.get("Value")).unwrap_or_default().to_owned()
    };
    let (prefix, other_prefix) = (said(one, "Prefix"), said(other, "Prefix"));
    let (suffix, other_suffix) = (said(one, "Suffix"), said(other, "Suffix"));
    (events(one, other) || events(other, one))
        && (prefix.starts_with(&other_prefix) || other_prefix.starts_with(&prefix))
        && (suffix.ends_with(&other_suffix) || other_suffix.ends_with(&suffix))
}
