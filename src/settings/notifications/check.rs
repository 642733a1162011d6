//! What S3 refuses in a notification configuration (API page PutBucketNotificationConfiguration;
//! User Guide, "Configuring event notifications using object key name filtering").

use std::collections::{BTreeMap, BTreeSet};

use super::{Event, Kind, Notification, Value};
use crate::setting::{Beside, Problem};
use crate::settings::resource::{Arn, elsewhere};

/// Notifications that a bucket can have (User Guide, "Amazon S3 Event Notifications").
const MOST: usize = 100;
/// The longest id, in characters.
const LONGEST_ID: usize = 255;
/// The longest prefix or suffix, as long as a key: bytes of UTF-8.
const LONGEST_KEY: usize = 1_024;

impl Kind {
    fn service(self) -> &'static str {
        match self {
            Self::Topic => "sns",
            Self::Queue => "sqs",
            Self::Function => "lambda",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Queue => "queue",
            Self::Function => "function",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Topic => "arn:aws:sns:us-east-1:123456789012:name",
            Self::Queue => "arn:aws:sqs:us-east-1:123456789012:name",
            Self::Function => "arn:aws:lambda:us-east-1:123456789012:function:name",
        }
    }
}

/// Every notification as it was said, with its kind and its place.
fn placed(want: &Value) -> Vec<(Kind, String, &Notification)> {
    let of = |kind: Kind| {
        let list = want.list(kind).iter().enumerate();
        list.map(move |(place, it)| (kind, format!("/{}/{place}", kind.field()), it))
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

pub(super) fn check(want: &Value) -> Vec<Problem> {
    let all = placed(want);
    let mut problems = Vec::new();
    let present: Vec<_> = all.iter().filter(|(_, _, it)| it.absent.is_none()).collect();
    if present.len() > MOST {
        let hint = format!("S3 keeps at most {MOST} on a bucket; EventBridge takes every event and sorts them itself");
        problems.push(Problem::at("", format!("{} notifications", present.len())).hint(hint));
    }
    let mut ids = BTreeSet::new();
    for (kind, at, it) in &all {
        id(at, it, &mut ids, &mut problems);
        if it.absent.is_some() {
            absent(at, it, &mut problems);
        } else {
            destination(*kind, at, it, &mut problems);
            events(at, it, &mut problems);
            filter(at, it, &mut problems);
        }
    }
    let mut regions: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, at, it) in &present {
        let region = it.arn.as_deref().and_then(Arn::parse).map_or("", |arn| arn.region);
        if region.is_empty() {
            continue;
        }
        if let Some((first, _)) = regions.iter().find(|(first, _)| **first != region) {
            let message = format!("a destination in {region} beside one in {first}");
            problems.push(Problem::at(format!("{at}/arn"), message).hint("all must be in the bucket's own region"));
        }
        regions.entry(region).or_insert(at);
    }
    for (place, (kind, at, it)) in present.iter().enumerate() {
        let it = (*it).clone().canonical();
        for (other_kind, other_at, other) in &present[..place] {
            let other = (*other).clone().canonical();
            let other_name = other.id.as_ref().map_or_else(|| other_at[1..].to_owned(), |id| format!("`{id}`"));
            if kind == other_kind && it.says(&other) {
                let message = format!("it says the same as {other_name}");
                problems.push(Problem::at(at.clone(), message).hint("leave one of the two"));
            } else if overlap(&it, &other) {
                let message = format!("it takes events for the same keys as {other_name}");
                let hint = "S3 tells only one destination of an event: make the prefixes or the suffixes differ, \
                            or send the event to a topic or EventBridge, and on to both from there";
                problems.push(Problem::at(at.clone(), message).hint(hint));
            }
        }
    }
    problems
}

pub(super) fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
    let there = placed(want).into_iter();
    there
        .filter_map(|(kind, at, it)| {
            let what = format!("the {}", kind.word());
            elsewhere(format!("{at}/arn"), &what, it.arn.as_deref()?, beside)
        })
        .collect()
}

fn id<'a>(at: &str, it: &'a Notification, ids: &mut BTreeSet<&'a str>, problems: &mut Vec<Problem>) {
    let Some(id) = &it.id else { return };
    let at = format!("{at}/id");
    let length = id.chars().count();
    if id.is_empty() {
        problems.push(Problem::at(&at, "the id is empty").hint("name the notification, or leave `id` out"));
    } else if length > LONGEST_ID {
        let hint = format!("use at most {LONGEST_ID}");
        problems.push(Problem::at(&at, format!("the id has {length} characters")).hint(hint));
    }
    if !ids.insert(id) {
        let message = format!("a second notification has the id `{id}`");
        problems.push(Problem::at(&at, message).hint("give each an id of its own, also across the lists"));
    }
}

fn absent(at: &str, it: &Notification, problems: &mut Vec<Problem>) {
    let hint = "write `{id: NAME, absent: true}`";
    if it.absent == Some(false) {
        problems.push(Problem::at(format!("{at}/absent"), "`absent` can only be true").hint("leave it out"));
    } else if it.id.is_none() {
        problems.push(Problem::at(at, "it is not said which notification shall be absent").hint(hint));
    } else if (it.arn.is_some(), it.events.is_some(), it.filter.is_some()) != (false, false, false) {
        problems.push(Problem::at(at, "a notification that shall be absent says more than its id").hint(hint));
    }
}

fn destination(kind: Kind, at: &str, it: &Notification, problems: &mut Vec<Problem>) {
    let Some(said) = &it.arn else {
        let hint = format!("name the {}: `{}`", kind.word(), kind.example());
        problems.push(Problem::at(at, "it has no `arn`").hint(hint));
        return;
    };
    let at = format!("{at}/arn");
    let form = format!("write it as `{}`", kind.example());
    let fits = |arn: &Arn<'_>| {
        let named = kind != Kind::Function || arn.resource.starts_with("function:");
        arn.service == kind.service() && arn.place().is_some() && named
    };
    match Arn::parse(said) {
        Some(arn) if fits(&arn) => {
            if arn.resource.ends_with(".fifo") {
                let message = format!("S3 cannot send to a FIFO {}", kind.word());
                problems.push(Problem::at(&at, message).hint("use a standard one, or EventBridge, which can"));
            }
        }
        _ => problems.push(Problem::at(&at, format!("`{said}` is not the ARN of a {}", kind.word())).hint(form)),
    }
}

fn events(at: &str, it: &Notification, problems: &mut Vec<Problem>) {
    let at = format!("{at}/events");
    let events = it.events.as_deref().unwrap_or_default();
    if events.is_empty() {
        let hint = "say of what: `[\"s3:ObjectCreated:*\"]`";
        // A field that is not there has no place of its own.
        let at = if it.events.is_some() { at.as_str() } else { at.trim_end_matches("/events") };
        problems.push(Problem::at(at, "it has no events").hint(hint));
    }
    for (place, event) in events.iter().enumerate() {
        if let Event::Other(word) = event {
            let near = crate::finding::did_you_mean(word, Event::KNOWN.iter().copied());
            let hint = near.map_or_else(
                || "the page of the settings lists them".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            problems.push(Problem::at(format!("{at}/{place}"), format!("`{word}` is not an event of S3")).hint(hint));
        }
    }
}

fn filter(at: &str, it: &Notification, problems: &mut Vec<Problem>) {
    let Some(filter) = &it.filter else { return };
    for (word, said) in [("prefix", &filter.prefix), ("suffix", &filter.suffix)] {
        let Some(said) = said else { continue };
        let at = format!("{at}/filter/{word}");
        if said.len() > LONGEST_KEY {
            let hint = format!("keys of objects have at most {LONGEST_KEY}");
            problems.push(Problem::at(&at, format!("the {word} has {} bytes", said.len())).hint(hint));
        }
        if said.contains('*') {
            let hint = format!("S3 knows no wildcards here: the {word} is taken letter by letter");
            problems.push(Problem::at(&at, format!("a `*` in the {word}")).hint(hint));
        }
    }
}

/// Whether some event of some key would go to both: S3 refuses that. Both are canonical.
pub(super) fn overlap(one: &Notification, other: &Notification) -> bool {
    let either = |a: &str, b: &str, fits: fn(&str, &str) -> bool| fits(a, b) || fits(b, a);
    let mut events = one.events.iter().flatten();
    let shared = events.any(|a| other.events.iter().flatten().any(|b| either(a.as_str(), b.as_str(), covers)));
    shared
        && either(one.prefix(), other.prefix(), |long, short| long.starts_with(short))
        && either(one.suffix(), other.suffix(), |long, short| long.ends_with(short))
}

/// Whether the first kind of event is the second or, as `s3:ObjectCreated:*`, has it in it.
fn covers(wide: &str, narrow: &str) -> bool {
    wide == narrow || wide.strip_suffix('*').is_some_and(|start| narrow.starts_with(start))
}
