//! The small parts that pages are made of.

use std::sync::Arc;

use maud::{Markup, html};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::doc::Change;
use crate::finding::{Place, is_invisible};
use crate::report::BucketReport;
use crate::source::signature::SignatureKind;
use crate::source::{Revision, Signature};
use crate::verdict::{Origin, Verdict};

use super::super::deeper::BUILT_IN;
use super::forge::Forge;

/// The longest text that is shown; the API gives the whole.
const LONGEST: usize = 4000;

/// Text from elsewhere, for the template to escape: what cannot be seen, or turns the direction
/// of writing around, is written out, and what is too long is cut.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (place, c) in text.chars().enumerate() {
        if place == LONGEST {
            let rest = text.chars().count() - LONGEST;
            shown.push_str(&format!("… ({rest} more characters; the API gives them all)"));
            break;
        }
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// A part of a path or of a query, percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The address of a bucket's page.
pub(super) fn bucket_path(report: &BucketReport) -> String {
    format!("/buckets/{}/{}", encoded(report.id.account.as_str()), encoded(report.id.name.as_str()))
}

/// A moment, to the second.
pub(super) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) { (at.format("%Y-%m-%d %H:%M:%S UTC")) } }
}

/// A moment, as people say it: how long ago, or in how long.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) title=(at.format("%Y-%m-%d %H:%M:%S UTC")) { (distance(at, now)) }
    }
}

/// Both.
pub(super) fn moment_and_age(at: Timestamp, now: Timestamp) -> Markup {
    html! { (moment(at)) " (" (relative(at, now)) ")" }
}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now - at).num_seconds();
    let (number, unit) = match seconds.unsigned_abs() {
        0..=1 => return "just now".to_owned(),
        s @ 2..120 => (s, "seconds"),
        s @ 120..7200 => (s / 60, "minutes"),
        s @ 7200..172_800 => (s / 3600, "hours"),
        s => (s / 86400, "days"),
    };
    if seconds < 0 { format!("in {number} {unit}") } else { format!("{number} {unit} ago") }
}

/// How a thing stands, in a colour and in a word.
pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span class=(format!("badge {}", verdict.word())) { (verdict.word()) } }
}

/// A word in the colour of another.
pub(super) fn tag(class: &str, text: &str) -> Markup {
    html! { span class=(format!("badge {class}")) { (plain(text)) } }
}

/// Who asked.
pub(super) fn origins(origins: &[Origin], forge: &Forge) -> Markup {
    html! {
        @for (place, origin) in origins.iter().enumerate() {
            @if place > 0 { ", " }
            @match origin {
                Origin::Spec(at) => (forge.place(at, &at.to_string())),
                Origin::Policy(name) => { "policy " a href=(policy_path(name)) { (plain(name)) } },
            }
        }
    }
}

/// A place in a file of the source.
pub(super) fn at(place: &Place, forge: &Forge) -> Markup {
    forge.place(place, &format!("{}:{}", place.file, place.line))
}

/// A commit: what it is called, who made it and when.
pub(super) fn made(revision: &Revision, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        (forge.id(&revision.id))
        @if !revision.message.is_empty() { " “" (plain(&revision.message)) "”" }
        @if !revision.author.is_empty() { " by " (plain(&revision.author)) }
        @if let Some(at) = revision.committed_at { ", " (relative(at, now)) }
    }
}

/// Behind a place: who last changed what stands there.
pub(super) fn changed_by(found: &Result<Arc<Revision>, Arc<str>>, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        @match found {
            Ok(revision) => { ", last changed by " (made(revision, forge, now)) },
            Err(why) if **why == *BUILT_IN => { ", " (BUILT_IN) },
            Err(why) => { ", its commit is not known: " (plain(why)) },
        }
    }
}

/// A signature that nobody checked.
pub(super) fn signed(signature: Option<&Signature>) -> Markup {
    html! {
        @match signature {
            None => "not signed",
            Some(Signature { kind, key }) => {
                @if *kind == SignatureKind::Other { "signed, in a way that is not known here" }
                @else { (kind.word()) " signature" }
                @match key {
                    Some(key) => { " that names the key " code { (plain(key)) } },
                    None if *kind == SignatureKind::X509 => ", its certificate is not read",
                    None => ", no key can be read in it",
                }
                "; " strong { "not verified" } ": this version checks no signatures, and anybody can name any key"
            },
        }
    }
}

/// The address of a policy's page.
pub(super) fn policy_path(name: &str) -> String {
    format!("/policies/{}", encoded(name))
}

pub(super) fn value(value: Option<&Value>) -> Markup {
    match value {
        None => html! { i { "not set" } },
        Some(Value::String(text)) if text.is_empty() => html! { i { "empty" } },
        Some(Value::String(text)) => html! { (plain(text)) },
        Some(tree @ (Value::Array(_) | Value::Object(_))) => {
            html! { (plain(&serde_json::to_string_pretty(tree).expect("a tree of JSON is JSON"))) }
        }
        Some(other) => html! { (other.to_string()) },
    }
}

/// What changes, field by field.
pub(super) fn changes(changes: &[Change], from: &str, to: &str) -> Markup {
    html! {
        @if !changes.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Changes" {
                table.diff {
                    thead { tr { th scope="col" { "Field" } th scope="col" { (from) } th scope="col" { (to) } } }
                    tbody {
                        @for change in changes {
                            tr {
                                th scope="row" {
                                    @if change.path.is_empty() { "the whole" } @else { code { (plain(&change.path)) } }
                                }
                                td { @if change.from.is_some() { del { (value(change.from.as_ref())) } } @else { (value(None)) } }
                                td { @if change.to.is_some() { ins { (value(change.to.as_ref())) } } @else { (value(None)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `1 bucket`, `2 buckets`.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(plain("a\u{202e}b\u{7}c\nd"), "a\\u{202e}b\\u{7}c\nd");
        let long = plain(&"x".repeat(LONGEST + 5));
        assert!(long.ends_with("x… (5 more characters; the API gives them all)"), "{long}");
    }

    #[test]
    fn a_name_in_an_address_stays_one_part_of_it() {
        assert_eq!(policy_path("a/b?c#\"é"), "/policies/a%2Fb%3Fc%23%22%C3%A9");
    }

    #[test]
    fn a_moment_is_said_as_people_say_it() {
        let now = Timestamp::from_timestamp(1_795_348_800, 0).expect("a moment");
        let say = |seconds| distance(now - chrono::Duration::seconds(seconds), now);
        assert_eq!(say(0), "just now");
        assert_eq!(say(59), "59 seconds ago");
        assert_eq!(say(600), "10 minutes ago");
        assert_eq!(say(90_000), "25 hours ago");
        assert_eq!(say(864_000), "10 days ago");
        assert_eq!(say(-180), "in 3 minutes");
    }
}
