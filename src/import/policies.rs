//! What policies will change of a bucket, as notes for its file. The plan says it: what a person is
//! told is what happens.

use super::{Matter, Note};
use crate::plan::{BucketPlan, Step};
use crate::verdict::{Origin, Verdict};

/// The notes of a plan that was made of a bucket and its own draft.
pub fn notes(plan: &BucketPlan) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for step in &plan.steps {
        let (names, said) = (named(step), changes(step));
        if !names.is_empty() {
            told.extend(policies(step));
            notes.push(note(Some(step.setting), format!("{names} will change it: {said}")));
        }
    }
    for held in &plan.held {
        let Some(step) = &held.step else { continue };
        let (names, said) = (named(step), changes(step));
        if !names.is_empty() {
            told.extend(policies(step));
            let why = held.hold.word();
            notes.push(note(
                Some(held.setting),
                format!("{names} would change it: {said}; held ({why}): {}", held.detail),
            ));
        }
    }
    for verdict in &plan.policies {
        let name = &*verdict.policy;
        let detail = verdict.detail.as_deref().unwrap_or_default();
        match verdict.verdict {
            Verdict::Drifted if !told.contains(&name) => {
                notes.push(note(None, format!("policy `{name}` is not fulfilled: {detail}")));
            }
            // With what was asked, and not how the answer was numbered.
            Verdict::Unknown => notes.push(note(None, format!("policy `{name}` could not be judged"))),
            _ => {}
        }
    }
    notes
}

fn note(setting: Option<&'static str>, text: String) -> Note {
    Note { setting, matter: Matter::Policy, text }
}

fn policies(step: &Step) -> impl Iterator<Item = &str> {
    step.origins.iter().filter_map(|origin| match origin {
        Origin::Policy(name) => Some(&**name),
        Origin::Spec(_) => None,
    })
}

fn named(step: &Step) -> String {
    policies(step).map(|name| format!("policy `{name}`")).collect::<Vec<_>>().join(" and ")
}

fn changes(step: &Step) -> String {
    let all = step.changes();
    let mut said: Vec<String> = all.iter().take(3).map(ToString::to_string).collect();
    if all.len() > said.len() {
        said.push(format!("and {} more", all.len() - said.len()));
    }
    said.join("; ")
}
