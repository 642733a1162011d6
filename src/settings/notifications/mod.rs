//! `notifications`: whom S3 tells of what happens to objects.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::words::{sorted, words};
use crate::setting::{About, Beside, Overlay, Problem, Risk, Setting};

mod check;
#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The event notifications (API page PutBucketNotificationConfiguration).
pub struct Notifications;

/// Whom S3 tells of events. Notifications are told apart by their ids; those that nobody names
/// stay, because a bucket's notifications often belong to several teams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "notifications")]
pub struct Value {
    /// Topics of SNS. Also in a spec the list is not the whole: others stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<Notification>>,
    /// Queues of SQS. Also in a spec the list is not the whole: others stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<Vec<Notification>>,
    /// Functions of Lambda. Also in a spec the list is not the whole: others stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_functions: Option<Vec<Notification>>,
    /// Whether every event goes to EventBridge, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_bridge: Option<bool>,
}

/// Which events of which objects one destination is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "notification")]
pub struct Notification {
    /// What tells it from the others: up to 255 characters, unique in the bucket. Without one, a
    /// notification that says the same is found whatever its id is; a new one gets an id that
    /// begins with `driftless-`, and goes when the spec no longer names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The ARN of the topic, queue or function, of the bucket's region. Its policy must let S3 in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The kinds of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
    /// The objects; all of the bucket's when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// `{id: old, absent: true}` removes the notification of that id. Nothing else stands beside
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
}

/// Which objects a notification is for: those whose keys begin and end as said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "notificationFilter")]
pub struct Filter {
    /// The beginning of the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The end of the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
}

words! {
    /// A kind of event (User Guide, "Supported event types for SQS, SNS, and Lambda").
    Event as "notificationEvent" {
        /// An object was made, in whatever way.
        Created = "s3:ObjectCreated:*",
        /// An object was uploaded at once.
        CreatedPut = "s3:ObjectCreated:Put",
        /// An object was uploaded by a form.
        CreatedPost = "s3:ObjectCreated:Post",
        /// An object was copied.
        CreatedCopy = "s3:ObjectCreated:Copy",
        /// An upload in parts was completed.
        CreatedMultipart = "s3:ObjectCreated:CompleteMultipartUpload",
        /// An object was removed, in whatever way.
        Removed = "s3:ObjectRemoved:*",
        /// An object or a version was deleted.
        RemovedDelete = "s3:ObjectRemoved:Delete",
        /// A delete marker was made.
        RemovedMarker = "s3:ObjectRemoved:DeleteMarkerCreated",
        /// Anything about restoring from an archive.
        Restore = "s3:ObjectRestore:*",
        /// A restore was begun.
        RestorePost = "s3:ObjectRestore:Post",
        /// A restore was completed.
        RestoreCompleted = "s3:ObjectRestore:Completed",
        /// A restored copy ended.
        RestoreDelete = "s3:ObjectRestore:Delete",
        /// An object of reduced redundancy was lost.
        LostObject = "s3:ReducedRedundancyLostObject",
        /// Anything about replication.
        Replication = "s3:Replication:*",
        /// An object could not be replicated.
        ReplicationFailed = "s3:Replication:OperationFailedReplication",
        /// Replication took longer than 15 minutes.
        ReplicationMissed = "s3:Replication:OperationMissedThreshold",
        /// Replication that took longer than 15 minutes was completed.
        ReplicationAfter = "s3:Replication:OperationReplicatedAfterThreshold",
        /// Replication of an object is no longer followed.
        ReplicationNotTracked = "s3:Replication:OperationNotTracked",
        /// A lifecycle rule removed an object, in whatever way.
        Expiration = "s3:LifecycleExpiration:*",
        /// A lifecycle rule deleted an object or a version.
        ExpirationDelete = "s3:LifecycleExpiration:Delete",
        /// A lifecycle rule made a delete marker.
        ExpirationMarker = "s3:LifecycleExpiration:DeleteMarkerCreated",
        /// A lifecycle rule moved an object.
        Transition = "s3:LifecycleTransition",
        /// Intelligent-Tiering archived an object.
        IntelligentTiering = "s3:IntelligentTiering",
        /// Tags of an object changed, in whatever way.
        Tagging = "s3:ObjectTagging:*",
        /// Tags of an object were set.
        TaggingPut = "s3:ObjectTagging:Put",
        /// Tags of an object were removed.
        TaggingDelete = "s3:ObjectTagging:Delete",
        /// The ACL of an object was set.
        AclPut = "s3:ObjectAcl:Put",
        /// The retention of an object was set.
        RetentionPut = "s3:ObjectRetention:Put",
        /// Annotations of an object changed, in whatever way.
        Annotation = "s3:ObjectAnnotation:*",
        /// An annotation of an object was set.
        AnnotationPut = "s3:ObjectAnnotation:Put",
        /// An annotation of an object was removed.
        AnnotationDelete = "s3:ObjectAnnotation:Delete",
    }
}

/// What a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Topic,
    Queue,
    Function,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Topic, Self::Queue, Self::Function];

    /// The list that it stands in.
    fn field(self) -> &'static str {
        match self {
            Self::Topic => "topics",
            Self::Queue => "queues",
            Self::Function => "lambdaFunctions",
        }
    }
}

/// How the ids begin that are made here.
const OURS: &str = "driftless-";

impl Setting for Notifications {
    type Value = Value;

    const NAME: &'static str = "notifications";
    const ABOUT: About = About {
        what: "Whom S3 tells of what happens to objects.",
        why: "Pipelines begin with an event. S3 keeps all notifications of a bucket in one document and replaces it whole, so a tool that knows only its own takes everybody else's away; here those that nobody names stay.",
        risk: "Removing the last notification, and switching EventBridge off, wait for an approval: S3 keeps no event that nobody was told of. What would overlap with a notification that is there is not written, because S3 refuses it.",
        example: r#"queues:
  - id: index-new-shards
    arn: arn:aws:sqs:us-east-1:123456789012:index
    events: ["s3:ObjectCreated:*"]
    filter: {prefix: shards/, suffix: .tar}
  - {id: old-index, absent: true}
eventBridge: true"#,
    };
    const READS: &'static [&'static str] = &["s3:GetBucketNotification"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketNotification"];
    const REMOVABLE: bool = true;

    /// Notifications and their events are sets; EventBridge is there or not.
    fn canonical(value: Value) -> Value {
        let mut all = value.all();
        all.retain(|(_, it)| it.absent != Some(true));
        Value::of(all, value.event_bridge == Some(true))
    }

    /// By id, whoever speaks: one that is named is whole, and replaces or removes the one with its
    /// id, wherever that stands; others stay. Only those without an id of their own, which a spec
    /// has made here before, go when it no longer names them.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        if *want == Value::default() {
            return live.clone();
        }
        let wanted = want.all();
        let named: BTreeSet<&str> = wanted.iter().filter_map(|(_, it)| it.id.as_deref()).collect();
        let mut others = live.all();
        others.retain(|(_, it)| it.id.as_deref().is_none_or(|id| !named.contains(id)));
        let mut to: Vec<(Kind, Notification)> = Vec::new();
        for (kind, it) in wanted.iter().filter(|(_, it)| it.absent != Some(true)) {
            let there = |(other_kind, other): &(Kind, Notification)| other_kind == kind && other.says(it);
            if let (None, Some(place)) = (&it.id, others.iter().position(there)) {
                to.push(others.remove(place));
                continue;
            }
            let id = it.id.clone().unwrap_or_else(|| it.own_id(*kind));
            if to.iter().all(|(_, other)| other.id.as_ref() != Some(&id)) {
                to.push((*kind, Notification { id: Some(id), ..it.clone() }));
            }
        }
        let made: BTreeSet<Option<String>> = to.iter().map(|(_, it)| it.id.clone()).collect();
        others.retain(|(_, it)| {
            let ours = it.id.as_ref().is_some_and(|id| id.starts_with(OURS));
            !(ours && (how == Overlay::Whole || made.contains(&it.id)))
        });
        others.append(&mut to);
        Value::of(others, want.event_bridge.or(live.event_bridge) == Some(true))
    }

    fn join(below: &Value, above: &Value) -> Value {
        let upper = above.all();
        let named: BTreeSet<&str> = upper.iter().filter_map(|(_, it)| it.id.as_deref()).collect();
        let mut both = below.all();
        both.retain(|(_, it)| it.id.as_deref().is_none_or(|id| !named.contains(id)));
        both.extend(upper.clone());
        Value { event_bridge: above.event_bridge.or(below.event_bridge), ..Value::of(both, false) }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        let (before, after) = (from.all(), to.all());
        let new = |it: &(Kind, Notification)| !before.contains(it);
        let clash = |at: usize, it: &(Kind, Notification)| {
            after[..at].iter().any(|other| (new(it) || new(other)) && check::overlap(&it.1, &other.1))
        };
        if after.iter().enumerate().any(|(at, it)| clash(at, it)) {
            return Risk::Impossible(
                "S3 takes no two notifications of the same event for the same keys, and the bucket has one already; remove it by its id",
            );
        }
        if from.event_bridge == Some(true) && to.event_bridge != Some(true) {
            return Risk::Guarded("no rule of EventBridge would be told of the bucket any more, whosever it is");
        }
        if !before.is_empty() && after.is_empty() {
            return Risk::Guarded("nobody would be notified any more, and S3 keeps no events");
        }
        Risk::Safe
    }

    fn check(want: &Value) -> Vec<Problem> {
        check::check(want)
    }

    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        check::check_beside(want, beside)
    }
}

impl Value {
    fn list(&self, kind: Kind) -> &[Notification] {
        let list = match kind {
            Kind::Topic => &self.topics,
            Kind::Queue => &self.queues,
            Kind::Function => &self.lambda_functions,
        };
        list.as_deref().unwrap_or_default()
    }

    /// All notifications, each in its one form.
    fn all(&self) -> Vec<(Kind, Notification)> {
        let of = |kind| self.list(kind).iter().map(move |it| (kind, it.clone().canonical()));
        Kind::ALL.into_iter().flat_map(of).collect()
    }

    fn of(all: Vec<(Kind, Notification)>, event_bridge: bool) -> Self {
        let of = |kind| sorted(all.iter().filter(|(its, _)| *its == kind).map(|(_, it)| it.clone()).collect());
        Self {
            topics: of(Kind::Topic),
            queues: of(Kind::Queue),
            lambda_functions: of(Kind::Function),
            event_bridge: event_bridge.then_some(true),
        }
    }
}

impl Notification {
    fn canonical(self) -> Self {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let Self { id, arn, events, filter, absent } = self;
        let filter = filter.map(|it| Filter { prefix: said(it.prefix), suffix: said(it.suffix) });
        Self {
            id: said(id),
            arn,
            events: events.and_then(sorted),
            filter: filter.filter(|it| *it != Filter::default()),
            absent: absent.filter(|absent| *absent),
        }
    }

    /// Whether two say the same, whatever their ids are.
    fn says(&self, other: &Self) -> bool {
        (&self.arn, &self.events, &self.filter) == (&other.arn, &other.events, &other.filter)
    }

    /// The id of one to which nobody gave any: from what it says, so that it is the same in every
    /// plan, and the read after a write finds what was written.
    fn own_id(&self, kind: Kind) -> String {
        let said = serde_json::json!([kind.field(), self.arn, self.events, self.filter]);
        let digest = Sha256::digest(said.to_string());
        let hex = hex::encode(&digest[..8]);
        format!("{OURS}{hex}")
    }

    fn prefix(&self) -> &str {
        self.filter.as_ref().and_then(|it| it.prefix.as_deref()).unwrap_or_default()
    }

    fn suffix(&self) -> &str {
        self.filter.as_ref().and_then(|it| it.suffix.as_deref()).unwrap_or_default()
    }
}
