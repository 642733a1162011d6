//! Paths that a spec says to leave alone: honoured by the comparison and by the write alike,
//! because both see the target after this module has put the live values back.

use serde_json::Value;

use crate::doc::Doc;
use crate::settings;
use crate::spec::IgnorePath;

/// Whether the whole setting is ignored.
pub(super) fn whole(paths: &[IgnorePath], setting: &str) -> bool {
    paths.iter().any(|path| path.setting == setting && path.steps.is_empty())
}

/// Puts the live value of every ignored path back into a target.
pub(super) fn restore(paths: &[IgnorePath], setting: &'static str, live: &Doc, to: Doc) -> Doc {
    let mine: Vec<&IgnorePath> = paths.iter().filter(|path| path.setting == setting).collect();
    if mine.is_empty() || *live == to {
        return to;
    }
    if mine.iter().any(|path| path.steps.is_empty()) {
        return live.clone();
    }
    let (from, mut target) = (live.value(), to.value());
    for path in mine {
        put_back(&from, &mut target, &path.steps);
    }
    settings::named(setting).canonical(&Doc::of(&target))
}

fn put_back(from: &Value, target: &mut Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else { return };
    match (from, target) {
        (Value::Object(from), Value::Object(target)) => {
            let keys: Vec<String> =
                from.keys().chain(target.keys()).filter(|key| matches(step, key)).cloned().collect();
            for key in keys {
                match (from.get(&key), rest.is_empty()) {
                    (Some(live), true) => {
                        target.insert(key, live.clone());
                    }
                    (None, true) => {
                        target.remove(&key);
                    }
                    (Some(live), false) => {
                        if let Some(target) = target.get_mut(&key) {
                            put_back(live, target, rest);
                        }
                    }
                    (None, false) => {}
                }
            }
        }
        (Value::Array(from), Value::Array(target)) => {
            let named = |element: &Value| name_of(element).is_some_and(|name| matches(step, &name));
            if rest.is_empty() {
                target.retain(|element| !named(element));
                target.extend(from.iter().filter(|element| named(element)).cloned());
            } else {
                for element in target.iter_mut().filter(|element| named(element)) {
                    let name = name_of(element);
                    if let Some(live) = from.iter().find(|live| name_of(live) == name) {
                        put_back(live, element, rest);
                    }
                }
            }
        }
        _ => {}
    }
}

fn name_of(element: &Value) -> Option<String> {
    match element {
        Value::String(text) => Some(text.clone()),
        other => ["id", "sid", "grantee"].iter().find_map(|key| other.get(key)?.as_str().map(str::to_owned)),
    }
}

/// `*` stands for any part of a name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_part_of_a_name() {
        for (pattern, name, fits) in
            [("a*", "abc", true), ("*c", "abc", true), ("a*c", "ac", true), ("a*b", "abc", false), ("ab", "abc", false)]
        {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn an_ignored_tag_keeps_its_live_value_or_its_absence() {
        let path = |step: &str| IgnorePath {
            setting: "tags",
            steps: vec![step.to_owned()],
            text: String::new(),
            at: crate::finding::Place { file: "a.yaml".into(), line: 1, column: 1 },
        };
        let doc = |json: serde_json::Value| Doc::of(&json);
        let live = doc(serde_json::json!({"Cost": "7", "Name": "old"}));
        let to = doc(serde_json::json!({"Cost": "8", "Name": "new", "team-x": "1"}));
        let kept = restore(&[path("Cost"), path("team-*")], "tags", &live, to);
        assert_eq!(kept, doc(serde_json::json!({"Cost": "7", "Name": "new"})));
    }
}
