//! The tables of settings in `docs/specs.md`, and the limits of expressions in `docs/policies.md`,
//! are written from the code.

use std::fmt::Write;

use driftless::expression::Limits;
use driftless::settings::SETTINGS;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use super::{between, bless, text};

/// The fields of a value, flat: path and what it says.
struct Fields<'a> {
    definitions: &'a Map<String, Value>,
    rows: Vec<(String, String)>,
}

impl Fields<'_> {
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

#[test]
fn the_settings_of_the_page_are_what_the_code_says() {
    let mut tables = String::from("\n");
    for setting in SETTINGS {
        let mut generator = SchemaGenerator::default();
        let schema = setting.schema(&mut generator).to_value();
        let definitions = generator.take_definitions(true);
        let mut fields = Fields { definitions: &definitions, rows: Vec::new() };
        let said = fields.said(&schema);
        fields.walk("", &schema);
        let _ = write!(tables, "\n### `{}`\n\n{said}\n\n", setting.name());
        let _ = write!(tables, "Read with {}; written with {}.", list(setting.reads()), list(setting.writes()));
        if !setting.after().is_empty() {
            let _ = write!(tables, " Written after {}.", list(setting.after()));
        }
        if setting.removable() {
            tables.push_str(" Can be `absent`.");
        }
        tables.push('\n');
        if !fields.rows.is_empty() {
            tables.push_str("\n| Field | What it says |\n| --- | --- |\n");
            for (path, said) in &fields.rows {
                let _ = writeln!(tables, "| `{path}` | {said} |");
            }
        }
    }
    tables.push('\n');
    let page = text("docs/specs.md");
    bless("docs/specs.md", &between(&page, "<!-- settings -->", "<!-- end of settings -->", &tables));
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
