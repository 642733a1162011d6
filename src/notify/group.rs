//! One message for one cause (pure). What is wrong is grouped by why it is wrong; what a sink was
//! told before decides whether that is news.
//!
//! A difference stays in the message in which it was told first, so that a cause that grows is the
//! same cause. It leaves when it is gone, or when it is another difference. What cannot be read
//! now is not gone.

mod revision;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::notice::{Fix, Happening, MOST_BUCKETS, MOST_CHANGES, Notice, State, generic};
use super::picture::{ALL, Item, Picture};
use super::{Rules, words};
use crate::bucket::BucketId;
use crate::doc::Change;

/// What one sink was told and is not over, by the key of the cause.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    causes: BTreeMap<String, Cause>,
    /// Causes that changed since [`Told::take_changed`].
    changed: BTreeSet<String>,
    /// Causes whose last message did not arrive.
    again: BTreeSet<String>,
}

/// One cause, as it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The last message.
    notice: Notice,
    /// Every bucket and setting that belongs to it, with what tells one difference from another.
    members: BTreeMap<String, String>,
    /// Whether its differences differ among each other.
    #[serde(default)]
    various: bool,
    /// Those that were repaired by driftless while it was open.
    #[serde(default)]
    repaired: BTreeSet<String>,
}

impl Told {
    /// What was kept over a restart: keys with the texts of [`Told::take_changed`]. What cannot be
    /// read is left out, which costs a message that was sent before.
    pub fn restore(kept: impl IntoIterator<Item = (String, String)>) -> Self {
        let read = |(key, text): (String, String)| Some((key, serde_json::from_str(&text).ok()?));
        Self { causes: kept.into_iter().filter_map(read).collect(), ..Self::default() }
    }

    /// What is to be kept over a restart, of what changed: `None` for a cause that is over.
    pub fn take_changed(&mut self) -> Vec<(String, Option<String>)> {
        let text = |cause: &Cause| serde_json::to_string(cause).expect("causes are plain data");
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|key| {
                let it = self.causes.get(&key).map(text);
                (key, it)
            })
            .collect()
    }

    /// How many causes are open.
    pub fn len(&self) -> usize {
        self.causes.len()
    }

    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }

    /// A message never arrived: what is still so is told again. A cause of which it said that it is new
    /// was not told at all.
    pub fn forget(&mut self, id: &str) {
        let Some((key, cause)) = self.causes.iter().find(|(_, cause)| cause.notice.id == id) else { return };
        let (key, changed) = (key.clone(), cause.notice.state == State::Changed);
        if changed {
            self.again.insert(key);
        } else {
            self.causes.remove(&key);
            self.changed.insert(key);
        }
    }

    fn put(&mut self, key: &str, cause: Cause) {
        self.causes.insert(key.to_owned(), cause);
        self.changed.insert(key.to_owned());
    }
}

/// Which agent speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Its name in messages: the address of its page, else that of its source.
    pub instance: String,
    /// What tells its causes from those of another agent.
    pub seed: String,
    /// The address of its page, without a slash at the end.
    pub page: Option<String>,
}

/// More causes than these of one kind about one setting become one: what a tool writes may differ
/// from bucket to bucket.
const MOST_ALIKE: usize = 5;

/// One cause as it is now.
struct Group<'a> {
    items: Vec<&'a Item>,
    various: bool,
}

/// What a sink has to be told: what is new in a picture against what it was told before.
pub fn news(told: &mut Told, picture: &Picture, rules: &Rules, speaker: &Speaker) -> Vec<Notice> {
    let mut notices = Vec::new();
    let wanted: Vec<&Item> = picture.open.iter().filter(|item| rules.want(item)).collect();
    let groups = grouped(told, &wanted, speaker);
    for (key, group) in &groups {
        notices.extend(opened(told, key, group, picture, speaker));
    }
    // What belongs to a cause is told with it, and not once more as a repair.
    let known: BTreeSet<String> = told.causes.values().flat_map(|cause| cause.members.keys().cloned()).collect();
    note_repairs(told, picture);
    for key in over(told, picture, &groups) {
        let cause = told.causes.remove(&key).expect("it was just there");
        told.changed.insert(key.clone());
        if rules.resolved {
            let left = left(&cause, picture, rules);
            notices.push(resolved(cause, left, picture, speaker));
        }
    }
    notices.extend(at_once(&known, picture, rules, speaker));
    notices.extend(revision::news(told, picture, rules, speaker));
    if !rules.values {
        let hide = |change: &mut Change| (change.from, change.to) = (None, None);
        for notice in &mut notices {
            notice.changes.iter_mut().for_each(hide);
            if !matches!(notice.happening, Happening::Source | Happening::Unknown | Happening::Revision) {
                notice.detail = None;
            }
        }
    }
    notices
}

/// Sixteen bytes in hexadecimal digits over texts.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

fn member(item: &Item) -> String {
    let bucket = item.bucket.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{bucket} {}", item.setting)
}

fn name(item: &Item) -> &str {
    item.bucket.as_ref().map_or("", |it| it.name.as_str())
}

/// What differs, the same for every bucket for which it is the same.
fn difference(item: &Item) -> String {
    if item.changes.is_empty() {
        let name = name(item);
        return if name.is_empty() { item.detail.clone() } else { item.detail.replace(name, "") };
    }
    let changes: Vec<Change> = item.changes.iter().map(|it| generic(it, name(item))).collect();
    serde_json::to_string(&changes).expect("changes are plain data")
}

/// What tells one difference of a bucket from another.
fn fingerprint(item: &Item) -> String {
    let happening = item.happening.word();
    let what = match item.happening {
        Happening::Source => item.digest.clone().unwrap_or_else(|| item.reason.clone()),
        Happening::Unknown => item.reason.clone(),
        // The reason may be another after each attempt.
        Happening::Failed => item.setting.clone(),
        _ => format!("{} {} {}", item.reason, difference(item), item.digest.as_deref().unwrap_or_default()),
    };
    let mut digest = digest(&[happening, &what]);
    digest.truncate(12);
    digest
}

/// The kinds of differences that are alike.
fn kind(item: &Item, speaker: &Speaker) -> String {
    let reason = if item.happening == Happening::Failed { "" } else { &item.reason };
    digest(&[&speaker.seed, item.happening.word(), reason, &item.setting, &item.policies.join(" ")])
}

/// The cause of a difference that was not told yet.
fn natural(item: &Item, speaker: &Speaker) -> String {
    let seed = speaker.seed.as_str();
    match (item.happening, &item.revision) {
        (Happening::Source | Happening::Breaker, _) => digest(&[seed, item.happening.word(), &item.reason]),
        (Happening::Unknown, _) => {
            let account = item.bucket.as_ref().map(|it| it.account.to_string()).unwrap_or_default();
            digest(&[seed, item.happening.word(), &item.reason, &account])
        }
        (_, Some(revision)) => digest(&[seed, item.happening.word(), &item.reason, "revision", revision]),
        (_, None) => digest(&[&kind(item, speaker), &difference(item)]),
    }
}

/// Every item with its cause.
fn grouped<'a>(told: &Told, items: &[&'a Item], speaker: &Speaker) -> BTreeMap<String, Group<'a>> {
    let mut at: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (key, cause) in &told.causes {
        at.extend(cause.members.iter().map(|(member, print)| ((member.as_str(), print.as_str()), key.as_str())));
    }
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    let mut fresh: BTreeMap<String, BTreeMap<String, Vec<&'a Item>>> = BTreeMap::new();
    for item in items {
        match at.get(&(&*member(item), &*fingerprint(item))) {
            Some(key) => {
                let various = told.causes[*key].various;
                groups.entry((*key).to_owned()).or_insert(Group { items: Vec::new(), various }).items.push(item);
            }
            None => {
                let key = natural(item, speaker);
                fresh.entry(kind(item, speaker)).or_default().entry(key).or_default().push(item);
            }
        }
    }
    for (kind, causes) in fresh {
        let together = digest(&[&kind, "various"]);
        let many = causes.len() > MOST_ALIKE || told.causes.contains_key(&together);
        for (key, items) in causes {
            let various = many && !told.causes.contains_key(&key);
            let key = if various { together.clone() } else { key };
            groups.entry(key).or_insert(Group { items: Vec::new(), various }).items.extend(items);
        }
    }
    groups
}

/// A cause that is new, or became more or worse.
fn opened(told: &mut Told, key: &str, group: &Group<'_>, picture: &Picture, speaker: &Speaker) -> Option<Notice> {
    let members: BTreeMap<String, String> = group.items.iter().map(|it| (member(it), fingerprint(it))).collect();
    let severity = group.items.iter().map(|it| it.severity).max().unwrap_or_default();
    let again = told.again.remove(key);
    let known = told.causes.get(key);
    let more = known.is_none_or(|cause| members.iter().any(|(at, print)| cause.members.get(at) != Some(print)));
    let worse = known.is_some_and(|cause| cause.notice.severity < severity);
    if !more && !worse && !again {
        return None;
    }
    let (state, since, mut all, repaired) = match known {
        None => (State::Open, None, BTreeMap::new(), BTreeSet::new()),
        Some(cause) => (State::Changed, Some(cause.notice.since), cause.members.clone(), cause.repaired.clone()),
    };
    let mut notice = notice(key, group, state, picture, speaker);
    if let Some(since) = since {
        notice.since = notice.since.min(since);
    }
    all.extend(members);
    told.put(key, Cause { notice: notice.clone(), members: all, various: group.various, repaired });
    Some(notice)
}

/// What a message about a cause says.
fn notice(key: &str, group: &Group<'_>, state: State, picture: &Picture, speaker: &Speaker) -> Notice {
    let first = group.items.first().expect("a group is made for an item");
    let buckets: BTreeSet<&BucketId> = group.items.iter().filter_map(|it| it.bucket.as_ref()).collect();
    let settings: BTreeSet<&str> = group.items.iter().map(|it| it.setting.as_str()).collect();
    let policies: BTreeSet<&String> = group.items.iter().flat_map(|it| &it.policies).collect();
    let one = settings.len() == 1 && !group.various && first.revision.as_ref().is_none_or(|_| alike(&group.items));
    let mut changes: Vec<Change> = if one { first.changes.clone() } else { Vec::new() };
    if buckets.len() > 1 {
        changes = changes.iter().map(|it| generic(it, name(first))).collect();
    }
    changes.truncate(MOST_CHANGES);
    let told_alone = buckets.len() <= 1 || matches!(first.happening, Happening::Source | Happening::Unknown);
    let detail = if told_alone || (one && changes.is_empty() && alike(&group.items)) {
        Some(first.detail.clone()).filter(|it| !it.is_empty())
    } else if !one && settings.len() > 1 {
        let names: Vec<&str> = settings.iter().copied().filter(|it| !it.is_empty()).collect();
        Some(format!("settings: {}", names.join(", ")))
    } else {
        None
    };
    let since = group.items.iter().filter_map(|it| it.since).min().unwrap_or(picture.at);
    let at = picture.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    Notice {
        id: format!("driftless-{}", digest(&[key, state.word(), &at])),
        key: format!("driftless-{key}"),
        happening: first.happening,
        state,
        severity: group.items.iter().map(|it| it.severity).max().unwrap_or_default(),
        reason: Some(first.reason.clone()).filter(|it| !it.is_empty()),
        at: picture.at,
        since,
        instance: speaker.instance.clone(),
        title: words::title(first, buckets.len(), state, group.various),
        setting: (settings.len() == 1 && !first.setting.is_empty()).then(|| first.setting.clone()),
        policies: policies.into_iter().cloned().collect(),
        changes,
        detail: detail.map(|it| words::cut(&it, 2000)),
        buckets: buckets.iter().take(MOST_BUCKETS).map(|it| (*it).clone()).collect(),
        bucket_count: buckets.len(),
        fix: fix(first, buckets.len(), speaker),
        url: speaker.page.as_ref().map(|page| format!("{page}{}", path(first, buckets.len()))),
        revision: picture.revision.clone().filter(|it| first.revision.as_ref() == Some(&it.id)),
        standing: None,
    }
}

/// Whether all items differ in the same way.
fn alike(items: &[&Item]) -> bool {
    let first = difference(items[0]);
    items.iter().all(|it| difference(it) == first)
}

/// Where to see more on the page.
fn path(first: &Item, buckets: usize) -> String {
    match (&first.bucket, first.happening) {
        (_, Happening::Source | Happening::Revision) | (None, _) => "/source".to_owned(),
        (_, Happening::Breaker | Happening::Held) if buckets > 1 => "/held".to_owned(),
        (Some(bucket), _) if buckets == 1 => format!("/buckets/{}/{}", bucket.account, bucket.name),
        _ => "/?sort=worst".to_owned(),
    }
}

/// What to do about it.
fn fix(first: &Item, buckets: usize, speaker: &Speaker) -> Option<Fix> {
    let only = |text: &str| Some(Fix { text: text.to_owned(), document: None });
    let page = if speaker.page.is_some() { "the page" } else { "`driftless plan`" };
    match (first.happening, first.reason.as_str()) {
        (Happening::Repaired | Happening::Revision, _) => None,
        (Happening::Held, "needs-approval") if buckets == 1 => Some(Fix {
            text: "to let it happen, say why in this document and commit it to the source".to_owned(),
            document: first.approval.clone(),
        }),
        (Happening::Held, "needs-approval") => only(&format!(
            "each change needs an Approval of its own in the source; {page} shows the documents to commit"
        )),
        (Happening::Held, "fighting") => {
            only("find who writes the other value (CloudTrail tells), and end it there or change the spec")
        }
        (Happening::Held, "impossible") => only("S3 has no such change: correct the spec or the policy"),
        (Happening::Breaker, _) => {
            only("revert the commit, or commit an Approval with `buckets: NUMBER` when so many were meant to change")
        }
        (Happening::Drift, "observe-only") => {
            only("`driftless apply` repairs it, or `mode: enforce` in the configuration, the policy or the spec")
        }
        (Happening::Drift, "no-repair") => only("the policy does not say what to write: set it in the bucket's spec"),
        (Happening::Drift, "suspended") => only("it is repaired when `suspend` ends, or is taken out of the spec"),
        _ => first.hint.as_deref().and_then(only),
    }
}

/// The causes that are over: none of their differences is there any more, nor unknown.
fn over(told: &Told, picture: &Picture, groups: &BTreeMap<String, Group<'_>>) -> Vec<String> {
    let gone = told.causes.iter().filter(|(key, cause)| {
        let looked_at = match cause.notice.happening {
            Happening::Source => picture.source_known,
            // It is over when another one is told.
            Happening::Revision => false,
            _ => picture.swept,
        };
        looked_at && !groups.contains_key(*key) && !is_undecided(cause, picture)
    });
    gone.map(|(key, _)| key.clone()).collect()
}

/// Whether one of a cause's buckets cannot be read now, in what the cause is about. One that could
/// not be read is readable again when all of it is: an error that passes by itself is no item, and
/// no answer either.
fn is_undecided(cause: &Cause, picture: &Picture) -> bool {
    let unknown = cause.notice.happening == Happening::Unknown;
    picture.undecided.iter().any(|(bucket, words)| {
        let prefix = format!("{bucket} ");
        let members = cause.members.range(prefix.clone()..).take_while(|(at, _)| at.starts_with(&prefix));
        members.into_iter().any(|(at, _)| {
            let setting = &at[prefix.len()..];
            unknown
                || words.contains(ALL)
                || words.contains(setting)
                || cause.notice.policies.iter().any(|it| words.contains(it))
        })
    })
}

/// Notes what driftless itself repaired of open causes, so that their end says so.
fn note_repairs(told: &mut Told, picture: &Picture) {
    let repaired: BTreeSet<String> = picture.repaired.iter().map(member).collect();
    if repaired.is_empty() {
        return;
    }
    for (key, cause) in &mut told.causes {
        let of_it: Vec<&String> = repaired.iter().filter(|it| cause.members.contains_key(*it)).collect();
        if !of_it.is_empty() {
            told.changed.insert(key.clone());
        }
        cause.repaired.extend(of_it.into_iter().cloned());
    }
}

/// What is left of a cause that is over: a bucket of it that only moved to another one still differs.
fn left(cause: &Cause, picture: &Picture, rules: &Rules) -> Option<&'static str> {
    let mut moved = picture.open.iter().filter(|item| cause.members.contains_key(&member(item))).peekable();
    moved.peek()?;
    let told = moved.any(|item| rules.want(item));
    Some(if told { "It is told as another trouble now." } else { "It is another trouble now, not told here." })
}

/// The message that a cause is over.
fn resolved(cause: Cause, left: Option<&str>, picture: &Picture, speaker: &Speaker) -> Notice {
    let Cause { notice, members, various, repaired } = cause;
    let key = notice.key.trim_start_matches("driftless-").to_owned();
    let at = picture.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let buckets: BTreeSet<&str> =
        members.keys().filter_map(|it| it.split_once(' ')).map(|(bucket, _)| bucket).collect();
    let count = buckets.iter().filter(|it| !it.is_empty()).count();
    let detail = match (repaired.len(), members.len()) {
        _ if notice.bucket_count == 0 => None,
        _ if left.is_some() => left.map(str::to_owned),
        (0, _) => Some("It agrees again, or nobody asks for it any more.".to_owned()),
        (some, all) if some >= all => Some("driftless repaired it.".to_owned()),
        (some, all) => Some(format!("driftless repaired {some} of {all}.")),
    };
    let first = Item {
        bucket: notice.buckets.first().cloned(),
        setting: notice.setting.clone().unwrap_or_default(),
        policies: notice.policies.clone(),
        ..Item::about(notice.happening, notice.reason.as_deref().unwrap_or_default())
    };
    Notice {
        id: format!("driftless-{}", digest(&[&key, State::Resolved.word(), &at])),
        state: State::Resolved,
        at: picture.at,
        instance: speaker.instance.clone(),
        title: words::title(&first, count, State::Resolved, various),
        bucket_count: count,
        detail,
        fix: None,
        ..notice
    }
}

/// What was repaired in the sweep that found it: told once, as it never stayed. Each has a key of its
/// own, as a later one says nothing of the buckets of an earlier one, which may still wait.
fn at_once(known: &BTreeSet<String>, picture: &Picture, rules: &Rules, speaker: &Speaker) -> Vec<Notice> {
    let fresh: Vec<&Item> =
        picture.repaired.iter().filter(|it| rules.want(it) && !known.contains(&member(it))).collect();
    let groups = grouped(&Told::default(), &fresh, speaker);
    let at = picture.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let told =
        |(key, group): (&String, &Group<'_>)| notice(&digest(&[key, &at]), group, State::Resolved, picture, speaker);
    groups.iter().map(told).collect()
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
