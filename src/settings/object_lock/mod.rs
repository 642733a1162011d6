//! `objectLock`: objects that nobody can delete before their time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::versioning;
use super::words::{listed, words};
use crate::setting::{About, Hindrance, Others, Overlay, Problem, Risk, Setting};

#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The Object Lock configuration (API page PutObjectLockConfiguration).
pub struct ObjectLock;

/// Whether objects can be locked, and for how long new ones are. A spec may write `true` for
/// `{enabled: true}`. A missing bucket is made with it; on one that is there it is switched on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Said", rename_all = "camelCase")]
#[schemars(with = "Said", rename = "objectLock")]
pub struct Value {
    /// Whether objects can be locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How long new objects are locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_retention: Option<Retention>,
}

/// What a spec may write.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "objectLock")]
enum Said {
    /// Whether objects can be locked, and nothing else.
    Word(bool),
    /// S3's own form.
    Lock(Lock),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "objectLockConfiguration")]
struct Lock {
    /// Whether objects can be locked. Once on it stays on for ever, and so does versioning.
    enabled: Option<bool>,
    /// How long objects are locked that arrive without a wish of their own; named whole, or
    /// `absent`. Implies `enabled`.
    default_retention: Option<Retention>,
}

impl From<Said> for Value {
    fn from(said: Said) -> Self {
        match said {
            Said::Word(enabled) => Self { enabled: Some(enabled), default_retention: None },
            Said::Lock(Lock { enabled, default_retention }) => Self { enabled, default_retention },
        }
    }
}

/// How long new objects are locked, or that they are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "objectLockRetention")]
pub enum Retention {
    /// New objects are not locked by themselves.
    Absent(Absent),
    /// They are, so long.
    For(DefaultRetention),
}

/// The word for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "objectLockAbsent")]
pub enum Absent {
    /// S3 shall hold nothing.
    #[serde(rename = "absent")]
    Absent,
}

/// How long new objects are locked: `days` or `years`, an event hold, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "objectLockDefaultRetention")]
pub struct DefaultRetention {
    /// Who may shorten it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// So many days from their arrival, 1 to 36,500; excludes `years`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i32>,
    /// So many years from their arrival, 1 to 100; excludes `days`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<i32>,
    /// New objects are held until an event releases them, and so long after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_event_hold: Option<EventHold>,
}

words! {
    /// Who may delete an object before its time.
    Mode as "objectLockMode" {
        /// Whoever has `s3:BypassGovernanceRetention`.
        Governance = "GOVERNANCE",
        /// Nobody, not even the root user.
        Compliance = "COMPLIANCE",
    }
}

/// How long objects stay locked after the event that they are held for: `days` or `years`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "objectLockEventHold")]
pub struct EventHold {
    /// So many days, 1 to 36,500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i32>,
    /// So many years, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<i32>,
}

/// The longest period (API page EventHoldDuration; User Guide, "Object Lock": 100 years).
const MOST_DAYS: i32 = 36_500;
const MOST_YEARS: i32 = 100;

impl Setting for ObjectLock {
    type Value = Value;

    const NAME: &'static str = "objectLock";
    const ABOUT: About = About {
        what: "Objects that cannot be deleted before their time.",
        why: "Against ransomware, slips and tampering: a locked version cannot be deleted or overwritten, whoever asks. Training data that results depend on can be kept provably.",
        risk: "Switching it on, on a bucket that is there, waits for an approval: it can never be switched off, nor versioning suspended. Shortening or taking away the default retention, and any that is longer or new under `COMPLIANCE`, wait too.",
        example: "{enabled: true, defaultRetention: {mode: GOVERNANCE, days: 30}}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketObjectLockConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketObjectLockConfiguration"];
    /// S3 locks only what has versions.
    const AFTER: &'static [&'static str] = &["versioning"];

    /// A default retention is there only where the lock is on; an empty one is none.
    fn canonical(value: Value) -> Value {
        let retention = match value.default_retention {
            Some(Retention::For(it)) => Some(it.canonical()).filter(|it| *it != DefaultRetention::default()),
            Some(Retention::Absent(_)) | None => None,
        };
        Value {
            enabled: (value.enabled == Some(true) || retention.is_some()).then_some(true),
            default_retention: retention.map(Retention::For),
        }
    }

    /// A default retention is whole: mode and period belong together. What a policy asks for is
    /// the least; a stronger one stays.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let default_retention = match (&live.default_retention, &want.default_retention, how) {
            (live, None, _) => live.clone(),
            (Some(Retention::For(live)), Some(Retention::For(want)), Overlay::Within) => {
                Some(Retention::For(stronger(live, want)))
            }
            (_, want, _) => want.clone(),
        };
        Value { enabled: want.enabled.or(live.enabled), default_retention }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        match (from.enabled, to.enabled) {
            (Some(true), Some(true)) => {}
            (Some(true), _) => return Risk::Impossible("object lock can never be switched off"),
            (_, Some(true)) => {
                return Risk::Guarded("object lock could never be switched off again, nor versioning suspended");
            }
            _ => return Risk::Safe,
        }
        let none = DefaultRetention::default();
        let (from, to) = (from.retention().unwrap_or(&none), to.retention().unwrap_or(&none));
        if to.days.is_some() && to.years.is_some() {
            return Risk::Impossible("S3 takes `days` or `years` of retention, not both: leave one out");
        }
        if stronger(to, from) != *to {
            return Risk::Guarded("new objects could be deleted sooner than today");
        }
        if to != from && to.mode == Some(Mode::Compliance) {
            return Risk::Guarded("nobody, not even the root user, could delete new objects before their time");
        }
        Risk::Safe
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let Some(retention) = want.retention() else { return problems };
        let at = "/defaultRetention";
        if want.enabled == Some(false) {
            problems.push(
                Problem::at(at, "a default retention without object lock").hint("write `enabled: true` beside it"),
            );
        }
        let mut say = |field: &str, message: String, hint: &str| {
            problems.push(Problem::at(format!("{at}{field}"), message).hint(hint));
        };
        match &retention.mode {
            None => {
                say("", "a default retention without `mode`".to_owned(), "write `mode: GOVERNANCE`, or `COMPLIANCE`")
            }
            Some(Mode::Other(word)) => {
                say("/mode", format!("`{word}` is not a mode of S3"), &format!("use {}", listed(Mode::KNOWN)));
            }
            Some(_) => {}
        }
        let hold = retention.default_event_hold;
        if retention.days.is_none() && retention.years.is_none() && hold.is_none() {
            say("", "a default retention without a period".to_owned(), "write `days` or `years`");
        }
        period("", retention.days, retention.years, &mut say);
        if let Some(hold) = hold {
            if hold == EventHold::default() {
                say("/defaultEventHold", "an event hold without a period".to_owned(), "write `days` or `years`");
            }
            period("/defaultEventHold", hold.days, hold.years, &mut say);
            let longest = about(retention.days, retention.years);
            if longest > 0 && about(hold.days, hold.years) > longest {
                let hint = "make the retention as long, or the hold shorter";
                say("/defaultEventHold", "an event hold longer than the default retention".to_owned(), hint);
            }
        }
        problems
    }

    fn hindrance(to: &Value, others: &Others<'_>) -> Option<Hindrance> {
        (to.enabled == Some(true) && versioning::is_off(others)).then_some(Hindrance {
            why: "S3 locks objects only in a bucket whose versioning is on",
            advice: "let the spec say `versioning: {status: Enabled}`",
        })
    }
}

impl Value {
    /// The default retention, when there is one.
    pub fn retention(&self) -> Option<&DefaultRetention> {
        match &self.default_retention {
            Some(Retention::For(retention)) => Some(retention),
            Some(Retention::Absent(_)) | None => None,
        }
    }
}

impl DefaultRetention {
    /// Other stores answer a zero beside the unit that counts; S3 takes none.
    fn canonical(self) -> Self {
        let some = |number: Option<i32>| number.filter(|number| *number != 0);
        let hold = self.default_event_hold.map(|it| EventHold { days: some(it.days), years: some(it.years) });
        Self {
            mode: self.mode,
            days: some(self.days),
            years: some(self.years),
            default_event_hold: hold.filter(|hold| *hold != EventHold::default()),
        }
    }
}

/// Whether the lock is known to be on.
pub(super) fn is_on(others: &Others<'_>) -> bool {
    others(ObjectLock::NAME).and_then(|doc| doc.parse::<Value>().ok()).is_some_and(|it| it.enabled == Some(true))
}

/// Whether what a spec says of it asks for a bucket that is made with object lock.
pub fn asks_for_it(said: &crate::doc::Doc) -> bool {
    said.parse::<Value>().is_ok_and(|it| ObjectLock::canonical(it).enabled == Some(true))
}

/// How long a period is, in days, near enough to tell the longer of two.
fn about(days: Option<i32>, years: Option<i32>) -> i64 {
    i64::from(days.unwrap_or(0)).max(i64::from(years.unwrap_or(0)) * 365)
}

/// Of two retentions the later to delete: the stricter mode, the longer period, the longer hold.
fn stronger(live: &DefaultRetention, want: &DefaultRetention) -> DefaultRetention {
    let longer = about(want.days, want.years) > about(live.days, live.years);
    let (days, years) = if longer { (want.days, want.years) } else { (live.days, live.years) };
    let length = |hold: Option<EventHold>| hold.map(|it| about(it.days, it.years));
    let held_longer = length(want.default_event_hold) > length(live.default_event_hold);
    DefaultRetention {
        mode: live.mode.clone().max(want.mode.clone()),
        days,
        years,
        default_event_hold: if held_longer { want.default_event_hold } else { live.default_event_hold },
    }
}

fn period(field: &str, days: Option<i32>, years: Option<i32>, say: &mut impl FnMut(&str, String, &str)) {
    if days.is_some() && years.is_some() {
        say(field, "`days` beside `years`".to_owned(), "leave one of the two");
    }
    if let Some(days) = days.filter(|days| !(1..=MOST_DAYS).contains(days)) {
        say(&format!("{field}/days"), format!("{days} days"), "use 1 to 36500");
    }
    if let Some(years) = years.filter(|years| !(1..=MOST_YEARS).contains(years)) {
        say(&format!("{field}/years"), format!("{years} years"), "use 1 to 100");
    }
}
