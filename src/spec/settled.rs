//! Settings inside documents: values that stand in files of their own or in JSON text are put in
//! their place, and what is asked of each setting is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::{Reading, within};
use super::expr::Expr;
use super::schema::Kind;
use super::select::glob_matches;
use super::yaml::{self, Node, Tree};
use super::{Ask, Asked, Asks};
use crate::bucket::{AccountName, BucketName, Region};
use crate::finding::{Finding, Place, did_you_mean};
use crate::setting::Beside;
use crate::settings::{self, SETTINGS};

/// The word that removes a setting.
pub(super) const ABSENT: &str = "absent";

impl Reading<'_> {
    /// The partial spec with every value in its place: `{file: name}` and JSON text resolved.
    pub(super) fn resolve(&mut self, part: &Node, pointer: &str) -> Node {
        let mut resolved = part.clone();
        for entry in part.entries() {
            if settings::find(&entry.key).is_none() {
                continue;
            }
            let value = match (&entry.node.tree, entry.node.entries()) {
                (Tree::Map(_), [only]) if &*only.key == "file" && only.node.text().is_some() => {
                    self.file(only.node.text().unwrap_or_default(), &only.node.at)
                }
                (Tree::Text(text), _) if text.trim_start().starts_with('{') => self.json(text, &entry.node.at),
                _ => continue,
            };
            match value {
                Some(value) => resolved = resolved.with(&entry.key, value),
                None => self.told.push(format!("{pointer}/{}", entry.key)),
            }
        }
        resolved
    }

    /// The value that stands in another file of the source.
    fn file(&mut self, path: &str, at: &Place) -> Option<Node> {
        let fault = |message: String, hint: &str| Finding::error(at.clone(), message).hint(hint);
        let Some(full) = beside(&at.file, path) else {
            let finding = fault(
                format!("the file `{path}` is outside of the source"),
                "name a file by its path from the folder of this one",
            );
            return self.refuse(finding);
        };
        if full.ends_with(".yaml") || full.ends_with(".yml") {
            let finding = fault(format!("the file `{path}` would be read as a document"), "give it the ending `.json`");
            return self.refuse(finding);
        }
        let Some(bytes) = self.files.get(&full) else {
            let folder = full.rfind('/').map_or("", |end| &full[..=end]);
            let near = did_you_mean(&full, self.files.names().filter(|name| name.starts_with(folder)));
            let hint = near.map_or_else(
                || format!("`{full}` is not in the source"),
                |near| format!("did you mean `{}`?", &near[folder.len()..]),
            );
            let finding = fault(format!("the file `{path}` does not exist"), &hint);
            return self.refuse(finding);
        };
        self.used.insert(full.clone());
        let file: Arc<str> = full.into();
        let text = match yaml::decode(&file, &bytes) {
            Ok(text) => text,
            Err(finding) => return self.refuse(finding),
        };
        self.tree(text, &|line, column| Place { file: file.clone(), line, column })
    }

    /// The value that JSON text holds.
    fn json(&mut self, text: &str, at: &Place) -> Option<Node> {
        let expr =
            if at.file == *self.file { Expr::scalar(text, self.source, at) } else { Expr::new(text, at.clone()) };
        self.tree(text, &|line, column| expr.place(line, column))
    }

    fn tree(&mut self, text: &str, place: &dyn Fn(u32, u32) -> Place) -> Option<Node> {
        if let Err(error) = serde_json::from_str::<Value>(text) {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
            // serde_json counts bytes; lines of JSON before a fault are ASCII as a rule.
            let said = error.to_string();
            let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
            let finding =
                Finding::error(place(number(error.line()), number(error.column())), format!("bad JSON: {said}"))
                    .hint("check commas, quotes and brackets here and just before");
            return self.refuse(finding);
        }
        // JSON is YAML, and the YAML parser knows the places.
        let parsed = yaml::parse(text, place);
        let faulty = !parsed.findings.is_empty();
        self.findings.extend(parsed.findings);
        let document = parsed.documents.into_iter().next();
        document.filter(|_| !faulty)
    }

    fn refuse(&mut self, finding: Finding) -> Option<Node> {
        self.findings.push(finding);
        None
    }

    /// What a partial spec asks of each setting. `pointer` leads from `document` to it.
    pub(super) fn asks(&mut self, document: &Node, json: &Value, pointer: &str) -> Asks {
        let part = document.find(pointer);
        let mut asks = Vec::new();
        if !part.exact {
            return Asks::default();
        }
        let beside = self.beside_of(json);
        for setting in SETTINGS {
            let Some(entry) = part.node.entry(setting.name()) else { continue };
            let what = if entry.node.text() == Some(ABSENT) && setting.removable() {
                Asked::Absent
            } else {
                let inside = format!("{pointer}/{}", setting.name());
                let Some(value) = json.pointer(&inside) else { continue };
                let doc = match setting.parse(value) {
                    Ok(doc) => doc,
                    Err(_) if self.told.iter().any(|told| within(told, &inside)) => continue,
                    Err(error) => {
                        let message = format!("`{}` cannot be read: {error}", setting.name());
                        self.findings.push(Finding::error(entry.node.at.clone(), message));
                        continue;
                    }
                };
                // Without what its schema refused, the rest would be judged wrongly.
                let whole = !self.told.iter().any(|told| within(told, &inside));
                let problems = setting.check(&doc).into_iter().chain(setting.check_beside(&doc, &beside));
                for problem in problems.filter(|_| whole) {
                    let found = entry.node.find(&problem.pointer);
                    let place = if problem.pointer.is_empty() { &entry.at } else { found.place() };
                    self.findings.push(problem.finding(place.clone()));
                }
                Asked::Value(doc)
            };
            asks.push((setting.name(), Ask { what, at: entry.at.clone() }));
        }
        asks.into_iter().collect()
    }

    /// What a document says of its bucket: a policy says nothing of one, defaults only of its region.
    fn beside_of(&self, json: &Value) -> Beside {
        let kind = json["kind"].as_str().and_then(Kind::of);
        let said = |pointer: &str, kinds: &[Kind]| {
            let ours = kind.is_some_and(|kind| kinds.contains(&kind));
            json.pointer(pointer).and_then(Value::as_str).filter(|_| ours)
        };
        Beside {
            bucket: said("/metadata/name", &[Kind::Bucket]).and_then(|name| BucketName::parse(name).ok()),
            region: said("/spec/region", &[Kind::Bucket, Kind::BucketDefaults])
                .and_then(|region| Region::parse(region).ok()),
            own_store: kind.is_some_and(|kind| self.is_of_own_store(kind, json)),
        }
    }

    /// Whether a document is for a store of one's own. Defaults for many accounts are judged once more
    /// for each bucket, so one such store is enough; a policy is not, so it takes all of them.
    fn is_of_own_store(&self, kind: Kind, json: &Value) -> bool {
        let stores = &self.context.own_stores;
        let own = |account: &AccountName| stores.contains(account);
        let known = || self.context.accounts.iter().flat_map(BTreeMap::keys);
        match kind {
            Kind::Bucket => {
                let said = json.pointer("/spec/account").and_then(Value::as_str);
                let only = || known().next().filter(|_| known().nth(1).is_none()).map(AccountName::as_str);
                return said.or_else(only).is_some_and(|name| stores.iter().any(|it| it.as_str() == name));
            }
            Kind::BucketDefaults | Kind::Policy => {}
            Kind::Account | Kind::Exemption | Kind::Approval => return false,
        }
        // What is left out is left out by other terms, too: here it counts as meant.
        let globs: Vec<&str> = texts(json, "/spec/match/accounts").collect();
        let is_meant =
            |name: &&AccountName| globs.is_empty() || globs.iter().any(|glob| glob_matches(glob, name.as_str()));
        let mut accounts = known().filter(is_meant).peekable();
        match kind {
            Kind::Policy => accounts.peek().is_some() && accounts.all(own),
            _ => accounts.any(own),
        }
    }

    /// Tells of `absent` where S3 has no way to hold nothing.
    pub(super) fn irremovable(&mut self, document: &Node, pointer: &str) {
        let part = document.find(pointer).node.entries();
        for entry in part.iter().filter(|entry| entry.node.text() == Some(ABSENT)) {
            if let Some(setting) = settings::find(&entry.key).filter(|setting| !setting.removable()) {
                let message = format!("`{}` cannot be `{ABSENT}`", setting.name());
                let finding = Finding::error(entry.node.at.clone(), message);
                self.findings
                    .push(finding.hint("S3 always holds a value for it: name the one you want, or leave it out"));
                self.told.push(format!("{pointer}/{}", entry.key));
            }
        }
    }
}

/// A list of texts in a document.
fn texts<'a>(json: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    json.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A path from the folder of a file, inside the source.
fn beside(file: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_beside_a_file_stays_in_the_source() {
        assert_eq!(beside("a/b.yaml", "p.json").as_deref(), Some("a/p.json"));
        assert_eq!(beside("a/b.yaml", "../p.json").as_deref(), Some("p.json"));
        assert_eq!(beside("a/b.yaml", "./c//p.json").as_deref(), Some("a/c/p.json"));
        assert_eq!(beside("a/b.yaml", "../../p.json"), None);
        assert_eq!(beside("a/b.yaml", "/etc/passwd"), None);
    }
}
