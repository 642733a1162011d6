//! The built-in policies, and documents in git that change one of them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::PolicySpec;
use super::document::{Document, Draft};
use super::load::{Context, Files, read};
use crate::verdict::SPEC;

/// The built-in policies as they stand in `policies/`.
const BUILTIN: &[(&str, &str)] = &[
    ("built-in/encrypted.yaml", include_str!("../../policies/encrypted.yaml")),
    ("built-in/private.yaml", include_str!("../../policies/private.yaml")),
    ("built-in/tagged.yaml", include_str!("../../policies/tagged.yaml")),
    ("built-in/versioned.yaml", include_str!("../../policies/versioned.yaml")),
];

/// The built-in policies, in the order of their names.
pub fn builtin() -> Vec<PolicySpec> {
    static BUILT: OnceLock<Vec<PolicySpec>> = OnceLock::new();
    BUILT.get_or_init(|| BUILTIN.iter().flat_map(|(file, text)| own(file, text)).collect()).clone()
}

/// The policies of one text that has no faults.
fn own(file: &str, text: &str) -> Vec<PolicySpec> {
    let none = HashMap::new();
    let source = read(&Arc::from(file), text.as_bytes(), &Files::only(&none), &Context::default());
    assert!(source.findings.is_empty(), "the built-in policies have no faults: {:?}", source.findings);
    let documents = source.documents.into_iter();
    documents
        .filter_map(|document| match document {
            Document::Policy(draft) => finish(*draft, &[]),
            _ => None,
        })
        .collect()
}

/// The policy that a document describes. One without a rule of its own changes the built-in
/// policy of its name; `None` when there is none.
pub(super) fn finish(draft: Draft, builtin: &[PolicySpec]) -> Option<PolicySpec> {
    let Draft { name, title, severity, annotations, selector, mode, parameters, rule, written, at, .. } = draft;
    if let Some(rule) = rule {
        return Some(PolicySpec {
            name,
            title,
            severity: severity.unwrap_or_default(),
            annotations,
            selector: selector.unwrap_or_default(),
            mode: mode.unwrap_or_default(),
            parameters,
            rule,
            written: written.into_iter().collect(),
            at,
        });
    }
    let mut policy = builtin.iter().find(|policy| policy.name == name)?.clone();
    policy.title = title.or(policy.title);
    policy.severity = severity.unwrap_or(policy.severity);
    policy.annotations.extend(annotations);
    policy.selector = selector.unwrap_or(policy.selector);
    policy.mode = mode.unwrap_or(policy.mode);
    overlay(&mut policy.parameters, parameters);
    policy.written.splice(0..0, written);
    policy.at = at;
    Some(policy)
}

/// The longest name of a policy: a label of the metrics holds no more of it.
const LONGEST_NAME: usize = 200;

/// Why a policy may not be called so, and what to write instead. Its name is a label of the metrics:
/// two that would look alike there are two series of one name.
pub(super) fn refused_name(name: &str) -> Option<(String, String)> {
    if name == SPEC {
        let hint = "what buckets' own specs say stands under this name in the metrics; give the policy another";
        return Some((format!("`{SPEC}` is no name for a policy"), hint.to_owned()));
    }
    if name.chars().count() > LONGEST_NAME {
        let hint = format!("write {LONGEST_NAME} or fewer");
        return Some((format!("the name of the policy has {} characters", name.chars().count()), hint));
    }
    None
}

/// Overlays parameters: mappings are merged, everything else is replaced, and an empty value
/// takes a key out (as in a JSON merge patch, RFC 7396).
pub(crate) fn overlay(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => overlay(under, over),
            (_, Value::Null) => drop(under.remove(&key)),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_policies_are_four_and_have_no_faults() {
        let names: Vec<Arc<str>> = builtin().into_iter().map(|policy| policy.name).collect();
        assert_eq!(
            names.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["encrypted", "private", "tagged", "versioned"]
        );
        assert!(builtin().iter().all(|policy| policy.at.file.starts_with("built-in/")));
    }
}
