//! `docs/settings.md`, and the limits of expressions in `docs/policies.md`, are written from the
//! code.

use std::fmt::Write;

use driftless::account::ACCOUNT_SETTINGS;
use driftless::expression::Limits;
use driftless::setting::{AnySetting, OnDirectoryBuckets};
use driftless::settings::SETTINGS;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use super::{bless, text};

/// The fields of a value, flat: path and what it says.
struct Fields<'a> {
    definitions: &'a Map<String, Value>,
    rows: Vec<(String, String)>,
}

impl Fields<'_> {
    /// The fields of a setting, and what it is.
    fn of(setting: &dyn AnySetting) -> (Vec<(String, String)>, String) {
        let mut generator = SchemaGenerator::default();
        let schema = setting.schema(&mut generator).to_value();
        let definitions = generator.take_definitions(true);
        let mut fields = Fields { definitions: &definitions, rows: Vec::new() };
        let said = fields.said(&schema);
        fields.walk("", &schema);
        (fields.rows, said)
    }

    fn walk(&mut self, path: &str, node: &Value) {
        let node = self.there(node);
        for key in ["anyOf", "oneOf"] {
            let forms = node[key].as_array().map(Vec::as_slice).unwrap_or_default();
            // One alone stands for a list of one.
            let is_item = |form: &Value| forms.iter().any(|list| list.get("items") == Some(form));
            for form in forms.iter().filter(|form| !is_item(form)) {
                self.walk(path, form);
            }
        }
        if let Some(items) = node.get("items") {
            self.walk(&format!("{path}[]"), items);
        }
        for (name, field) in node["properties"].as_object().into_iter().flatten() {
            let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if self.rows.iter().any(|(known, _)| *known == full) {
                continue;
            }
            let mut said = self.said(field);
            let words = self.words(field);
            if !words.is_empty() && !words.iter().all(|word| said.contains(word.as_str())) {
                let _ = write!(said, " {}.", words.join(", "));
            }
            self.rows.push((full.clone(), said));
            self.walk(&full, field);
        }
    }

    fn there<'n>(&'n self, node: &'n Value) -> Value {
        let name = node["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/"));
        name.and_then(|name| self.definitions.get(name)).unwrap_or(node).clone()
    }

    fn said(&self, field: &Value) -> String {
        let own = field["description"].as_str().map(str::to_owned);
        let said = own.or_else(|| self.there(field)["description"].as_str().map(str::to_owned)).unwrap_or_default();
        said.replace('\n', " ").replace('|', "\\|")
    }

    /// The words that a field may be.
    fn words(&self, field: &Value) -> Vec<String> {
        let node = self.there(field);
        let mut words = Vec::new();
        for form in node["anyOf"].as_array().or(node["oneOf"].as_array()).into_iter().flatten() {
            match form["const"].as_str() {
                Some(word) => words.push(format!("`{word}`")),
                None => words.extend(self.words(form)),
            }
        }
        if let Some(items) = node.get("items") {
            words.extend(self.words(items));
        }
        words
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

const HEAD: &str = "# Settings

One aspect of a bucket that S3 reads and writes on its own is a setting. This page is written by a test from the code that
reads the documents. How a spec is put together stands in [specs.md](specs.md); which store knows which setting, in
[s3-compatible.md](s3-compatible.md).

Where a spec names a list, it is the whole list, unless its field says that others stay; where a policy names one, its
elements must be there and others stay. `configurations` are sets by id: who names an id decides about it, and every
other stays, whoever speaks.
Fields that neither names stay as they are.
";

#[test]
fn the_page_of_settings_is_what_the_code_says() {
    let mut page = HEAD.to_owned();
    page.push_str("\n| Setting | What it is |\n| --- | --- |\n");
    for setting in SETTINGS {
        let what = setting.about().what;
        let _ = writeln!(page, "| [`{0}`](#{1}) | {what} |", setting.name(), setting.name().to_lowercase());
    }
    for setting in SETTINGS {
        let (rows, said) = Fields::of(*setting);
        let about = setting.about();
        let _ = write!(page, "\n## `{}`\n\n{said}\n\n{}\n\n", setting.name(), about.why);
        let _ = write!(page, "```yaml\n{}\n```\n\n", example(*setting));
        let default = setting.default_doc();
        let default = if default.as_str() == "{}" { "nothing".to_owned() } else { format!("`{}`", default.as_str()) };
        let _ = writeln!(page, "- **When S3 holds nothing:** {default}.");
        let _ =
            writeln!(page, "- **Read with** {}; **written with** {}.", list(setting.reads()), list(setting.writes()));
        if !setting.after().is_empty() {
            let _ = writeln!(page, "- **Written after** {}.", list(setting.after()));
        }
        let absent = if setting.removable() { "can be said: it is removed at S3" } else { "cannot be said" };
        let _ = writeln!(page, "- **`absent`** {absent}.");
        let there = match setting.on_directory_buckets() {
            OnDirectoryBuckets::There => "can be set".to_owned(),
            OnDirectoryBuckets::Given => format!("always `{}`", setting.given_on_directory_buckets().as_str()),
            OnDirectoryBuckets::Lacking => "there is none".to_owned(),
        };
        let _ = writeln!(page, "- **On [directory buckets](specs.md#directory-buckets):** {there}.");
        let risk = if about.risk.is_empty() { "Every change repairs itself." } else { about.risk };
        let _ = writeln!(page, "- **Risk:** {risk}");
        if !rows.is_empty() {
            page.push_str("\n| Field | What it says |\n| --- | --- |\n");
            for (path, said) in &rows {
                let _ = writeln!(page, "| `{path}` | {said} |");
            }
        }
    }
    page.push_str("\n# Settings of accounts\n\nWhat S3 also holds for an account as a whole, in a document of its own: [`kind: Account`](specs.md#account).\n");
    page.push_str(
        "The fields, and what S3 holds when it holds nothing, are those of the bucket's setting of the same name.\n",
    );
    for it in ACCOUNT_SETTINGS {
        let _ = write!(page, "\n## `{}` of an account\n\n{}\n\n{}\n\n", it.name, it.about.what, it.about.why);
        let _ = write!(page, "```yaml\n{}: {}\n```\n\n", it.name, it.about.example);
        let _ = writeln!(page, "- **Read with** {}; **written with** {}.", list(it.reads), list(it.writes));
        let _ = writeln!(page, "- **Risk:** {}", it.about.risk);
    }
    bless("docs/settings.md", &page);
}

/// The example as it stands in a spec.
fn example(setting: &dyn AnySetting) -> String {
    let example = setting.about().example;
    if !example.contains('\n') {
        return format!("{}: {example}", setting.name());
    }
    let lines = example.lines().map(|line| format!("\n  {line}"));
    format!("{}:{}", setting.name(), lines.collect::<String>())
}

#[test]
fn the_limits_of_expressions_are_what_the_page_says() {
    let Limits { source, depth, descent: _, nodes, loops, nesting, fuel, output } = Limits::SHIPPED;
    let page = text("docs/policies.md");
    for (what, limit) in [
        ("Bytes of an expression", source as u64),
        ("Depth of what is written", depth as u64),
        ("Parts", nodes as u64),
        ("Loops", loops as u64),
        ("Loops within loops", nesting as u64),
        ("Work of one evaluation", fuel),
        ("Bytes of a text, or elements of a list, that it makes", output),
    ] {
        assert!(page.contains(&format!("| {what} | {limit} |")), "docs/policies.md does not say `{what}`: {limit}");
    }
}
