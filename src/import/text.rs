//! Drafts as documents: one order, one form, and the notes as comments where they belong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::place::Layout;
use super::share::Common;
use super::{Draft, Note, Written, yaml};
use crate::bucket::AccountName;
use crate::settings::SETTINGS;
use crate::spec::schema::API_VERSION;

/// The file of a bucket.
pub fn bucket(draft: &Draft, layout: Layout) -> Written {
    let path = layout.bucket(draft.account.as_ref(), &draft.name);
    Written { path, text: document(draft) }
}

/// The document of a bucket.
pub fn document(draft: &Draft) -> String {
    let mut out = head("Bucket", draft.name.as_str());
    let mut spec = String::new();
    notes(&mut spec, draft.notes.iter().filter(|note| note.setting.is_none()));
    if let Some(account) = &draft.account {
        yaml::entry(&mut spec, 2, "account", &json!(account.as_str()));
    }
    if let Some(region) = &draft.region {
        yaml::entry(&mut spec, 2, "region", &json!(region.as_str()));
    }
    for setting in SETTINGS {
        notes(&mut spec, draft.notes.iter().filter(|note| note.setting == Some(setting.name())));
        if let Some(said) = draft.settings.get(setting.name()) {
            yaml::entry(&mut spec, 2, setting.name(), &said.value());
        }
    }
    let nothing = draft.account.is_none() && draft.region.is_none() && draft.settings.is_empty();
    if nothing {
        out.push_str("spec: {}\n");
        out.push_str(&spec);
    } else {
        out.push_str("spec:\n");
        out.push_str(&spec);
    }
    out
}

/// The setting that stands at a line of a document of [`document`]; the first line is 1.
pub fn setting_at(text: &str, line: u32) -> Option<&'static str> {
    let lines: Vec<&str> = text.lines().take(line as usize).collect();
    lines.iter().rev().find_map(|line| {
        // Settings are fields of `spec`, two columns in; what they say stands beside or below them.
        let field = line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#', '-']))?;
        Some(crate::settings::find(field.split(':').next().unwrap_or_default()).map(|it| it.name()))
    })?
}

/// The file of an account's own settings.
pub fn account(name: &AccountName, settings: &BTreeMap<&'static str, Value>) -> Written {
    let mut text = head("Account", name.as_str());
    text.push_str("spec:\n");
    settings.iter().for_each(|(name, value)| yaml::entry(&mut text, 2, name, value));
    Written { path: Layout::account(name), text }
}

/// The file of what drafts have in common.
pub fn defaults(all: &[Common], layout: Layout) -> Option<Written> {
    let documents: Vec<String> = all.iter().map(common).collect();
    let text = documents.join("---\n");
    (!documents.is_empty()).then(|| Written { path: layout.defaults(), text })
}

fn common(common: &Common) -> String {
    let mut out = head("BucketDefaults", &common.name);
    out.push_str("spec:\n");
    let mut terms = serde_json::Map::new();
    if let Some(account) = &common.account {
        terms.insert("accounts".to_owned(), json!([account.as_str()]));
    }
    if !common.except.is_empty() {
        let names: Vec<&str> = common.except.iter().map(|name| name.as_str()).collect();
        terms.insert("exclude".to_owned(), json!({ "buckets": names }));
    }
    if terms.is_empty() {
        terms.insert("buckets".to_owned(), json!(["*"]));
    }
    yaml::entry(&mut out, 2, "match", &Value::Object(terms));
    if let Some(region) = &common.region {
        yaml::entry(&mut out, 2, "region", &json!(region.as_str()));
    }
    for setting in SETTINGS {
        if let Some(said) = common.settings.get(setting.name()) {
            yaml::entry(&mut out, 2, setting.name(), &said.value());
        }
    }
    out
}

fn head(kind: &str, name: &str) -> String {
    let mut out = format!("apiVersion: {API_VERSION}\nkind: {kind}\nmetadata:\n");
    yaml::entry(&mut out, 2, "name", &json!(name));
    out
}

fn notes<'a>(out: &mut String, notes: impl Iterator<Item = &'a Note>) {
    notes.for_each(|note| yaml::comment(out, 2, &note.text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{BucketName, Region};
    use crate::import::{Matter, Said};

    #[test]
    fn a_document_reads_as_people_write_it() {
        let mut draft = Draft::new(BucketName::parse("ai-data").expect("legal"));
        draft.region = Some(Region::us_east_1());
        draft.settings.insert("tags", Said::Value(json!({"team": "ml", "cost center": "0042"})));
        draft.settings.insert("versioning", Said::Value(json!({"status": "Suspended"})));
        draft.settings.insert("website", Said::Absent);
        draft.note(Some("versioning"), Matter::Policy, "policy `versioned` will change it");
        draft.note(None, Matter::Unsupported, "this store does not have `cors`");
        assert_eq!(
            document(&draft),
            "apiVersion: driftless/v1\n\
             kind: Bucket\n\
             metadata:\n  name: ai-data\n\
             spec:\n  # this store does not have `cors`\n  region: us-east-1\n  \
             # policy `versioned` will change it\n  versioning: {status: Suspended}\n  \
             tags: {cost center: \"0042\", team: ml}\n  website: absent\n"
        );
    }

    #[test]
    fn the_setting_at_a_line_is_the_one_above_it() {
        let mut draft = Draft::new(BucketName::parse("ai-data").expect("legal"));
        draft.region = Some(Region::us_east_1());
        let rule = |id: &str| json!({"id": id, "status": "Enabled", "expiration": {"days": 30}});
        draft.settings.insert("tags", Said::Value(json!({"team": "ml"})));
        draft.settings.insert("lifecycle", Said::Value(json!({"rules": [rule("a"), rule("b")]})));
        draft.note(Some("lifecycle"), Matter::Policy, "policy `p` will change it");
        let text = document(&draft);
        let line = |found: &str| text.lines().position(|line| line.contains(found)).expect("a line") as u32 + 1;
        let at = |found: &str| setting_at(&text, line(found));
        assert_eq!((at("team"), at("id: b"), at("lifecycle")), (Some("tags"), Some("lifecycle"), Some("lifecycle")));
        assert_eq!((at("region"), at("kind"), at("ai-data")), (None, None, None));
    }

    #[test]
    fn of_nothing_an_empty_spec_is_left() {
        let draft = Draft::new(BucketName::parse("0123").expect("legal"));
        assert_eq!(document(&draft), "apiVersion: driftless/v1\nkind: Bucket\nmetadata:\n  name: \"0123\"\nspec: {}\n");
    }
}
