//! A bucket's settings: live and wanted side by side, line by line.

use maud::{Markup, html};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::report::compared::Setting;
use crate::verdict::{Origin, Verdict};

use super::super::deeper::Depth;
use super::forge::Forge;
use super::parts::{at, badge, changed_by, moment_and_age, plain, policy_path};

/// Lines of a value that are compared one by one; longer ones are shown as they are.
const LINES: usize = 400;

/// Setting by setting; those that are as wanted are folded.
pub(super) fn side_by_side(depth: &Depth, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="compared" {
            h2 #compared { "Live and wanted" }
            @match &depth.compared {
                Err(why) => p { "The live values are not shown: " (plain(why)) "." },
                Ok(compared) => {
                    p.who { "Read " (moment_and_age(compared.read_at, now)) ". Only what a spec or a policy asks about is read." }
                    @for setting in &compared.settings { (one(setting, depth, forge, now)) }
                },
            }
        }
    }
}

fn one(setting: &Setting, depth: &Depth, forge: &Forge, now: Timestamp) -> Markup {
    let who: Vec<Origin> = setting.asked.iter().map(|(origin, _)| origin.clone()).collect();
    let open = setting.verdict != Verdict::Compliant;
    html! {
        details.setting id=(format!("live-{}", setting.name)) open[open] {
            summary {
                code { (setting.name) } " " (badge(setting.verdict))
                @if !who.is_empty() { " " span.who { "asked by " (names(&who)) } }
            }
            div.sides {
                div {
                    h3 { "Live" }
                    @match &setting.live {
                        Err(why) => p { (plain(why)) },
                        Ok(live) => (text(live, setting.wanted.as_ref(), false)),
                    }
                }
                div {
                    h3 { "Wanted" }
                    @if let (Some(wanted), Ok(live)) = (&setting.wanted, &setting.live) {
                        (text(wanted, Some(live), true))
                        @if !who.is_empty() {
                            p.who { "Asked by" }
                            ul.origins { @for origin in &who { li { (asked_by(origin, depth, forge, now)) } } }
                        }
                    } @else {
                        @for (origin, value) in &setting.asked {
                            p.who { (asked_by(origin, depth, forge, now)) }
                            (text(value, None, true))
                        }
                        @if setting.asked.is_empty() { p.who { "Read for a policy that judges by it." } }
                    }
                }
            }
        }
    }
}

/// Who asks, where it is written, and who wrote it.
fn asked_by(origin: &Origin, depth: &Depth, forge: &Forge, now: Timestamp) -> Markup {
    html! {
        @if let Origin::Policy(name) = origin { "policy " a href=(policy_path(name)) { (plain(name)) } " " }
        @if let Some(place) = depth.place(origin) {
            (at(place, forge)) (changed_by(&depth.who_changed(place), forge, now))
        }
    }
}

/// In a summary nothing can be a link, as it opens and closes.
fn names(who: &[Origin]) -> String {
    let name = |it: &Origin| match it {
        Origin::Spec(at) => plain(&format!("{}:{}", at.file, at.line)),
        Origin::Policy(name) => plain(name),
    };
    who.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A value as YAML, with the lines marked that the other has not.
fn text(value: &Value, other: Option<&Value>, is_wanted: bool) -> Markup {
    let lines = yaml(value);
    let marked = other.map_or_else(|| vec![false; lines.len()], |other| unmatched(&lines, &yaml(other)));
    html! {
        pre.value tabindex="0" role="region" aria-label=(if is_wanted { "What is wanted" } else { "What is there" }) {
            @for (line, marked) in lines.iter().zip(marked) {
                @if marked && is_wanted { ins { (plain(line)) } }
                @else if marked { del { (plain(line)) } }
                @else { span { (plain(line)) } }
            }
        }
    }
}

fn yaml(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) if fields.is_empty() => vec!["(nothing is configured)".to_owned()],
        Value::Array(list) if list.is_empty() => vec!["(none)".to_owned()],
        Value::Null => vec!["(nothing is configured)".to_owned()],
        // A text is a document of its own, such as a bucket policy; one without lines is shown as it is.
        Value::String(text) => text.lines().map(ToOwned::to_owned).collect(),
        other => serde_yaml::to_string(other).expect("a tree of JSON is YAML").lines().map(ToOwned::to_owned).collect(),
    }
}

/// Which lines of the first are not in the longest common part of both.
fn unmatched(lines: &[String], other: &[String]) -> Vec<bool> {
    if lines.len() > LINES || other.len() > LINES {
        return vec![false; lines.len()];
    }
    let width = other.len() + 1;
    // The length of the longest common part from each pair of places on.
    let mut common = vec![0_usize; (lines.len() + 1) * width];
    for i in (0..lines.len()).rev() {
        for j in (0..other.len()).rev() {
            common[i * width + j] = if lines[i] == other[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut marked) = (0, 0, Vec::with_capacity(lines.len()));
    while i < lines.len() {
        if j < other.len() && lines[i] == other[j] {
            marked.push(false);
            (i, j) = (i + 1, j + 1);
        } else if j < other.len() && common[i * width + j + 1] > common[(i + 1) * width + j] {
            j += 1;
        } else {
            marked.push(true);
            i += 1;
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(one: &str, other: &str) -> Vec<bool> {
        let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
        unmatched(&lines(one), &lines(other))
    }

    #[test]
    fn only_lines_that_the_other_has_not_are_marked() {
        assert_eq!(marked("a\nb\nc", "a\nx\nc"), [false, true, false]);
        assert_eq!(marked("a\nb", "a\nb"), [false, false]);
        assert_eq!(marked("b", "a\nb\nc"), [false]);
        assert_eq!(marked("a\nb", ""), [true, true]);
    }

    #[test]
    fn a_value_too_long_to_compare_is_shown_unmarked() {
        let long = "x\n".repeat(LINES + 1);
        assert_eq!(marked(&long, "y"), vec![false; LINES + 1]);
    }
}
