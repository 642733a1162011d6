//! Checks a tree of nodes against the schema of its kind, and says every fault in words, at its
//! place, with what to write instead.

use std::sync::OnceLock;

use jsonschema::error::{TypeKind, ValidationErrorKind as Fault};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use super::schema::{self, Kind};
use super::yaml::{Node, Tree};
use crate::finding::{Finding, did_you_mean};

/// A schema ready to check.
pub(crate) struct Checker {
    schema: Value,
    validator: Validator,
}

impl Checker {
    /// Compiles a schema of ours.
    pub(crate) fn of(schema: Value) -> Self {
        let validator = jsonschema::validator_for(&schema).expect("our own schemas compile");
        Self { schema, validator }
    }

    /// Every fault of a document, in no order. `json` is the document as JSON.
    pub(crate) fn check(&self, document: &Node, json: &Value) -> Vec<Fitting> {
        if self.validator.is_valid(json) {
            return Vec::new();
        }
        let context = Context { document, schema: &self.schema };
        context.say_all(&self.validator.iter_errors(json).collect::<Vec<_>>())
    }
}

/// Every fault of a document of that kind, in no order. `json` is the document as JSON.
pub(super) fn check(kind: Kind, document: &Node, json: &Value) -> Vec<Fitting> {
    static CHECKERS: [OnceLock<Checker>; Kind::ALL.len()] = [const { OnceLock::new() }; Kind::ALL.len()];
    CHECKERS[kind as usize].get_or_init(|| Checker::of(schema::inner(kind))).check(document, json)
}

/// A fault with the JSON pointer of the value that it is about.
pub(crate) struct Fitting {
    pub pointer: String,
    pub finding: Finding,
    /// Whether the value cannot even be read; one that only breaks a limit can.
    pub unusable: bool,
}

struct Context<'a> {
    document: &'a Node,
    schema: &'a Value,
}

impl Context<'_> {
    fn say_all(&self, errors: &[ValidationError<'_>]) -> Vec<Fitting> {
        let mistyped: Vec<&str> = errors
            .iter()
            .filter(|error| matches!(error.kind(), Fault::Type { .. }))
            .map(|error| error.instance_path().as_str())
            .collect();
        errors
            .iter()
            .filter(|error| {
                // A value of the wrong type is none of the allowed ones either; once is enough.
                let again = matches!(error.kind(), Fault::Enum { .. } | Fault::Constant { .. } | Fault::Pattern { .. });
                !(again && mistyped.contains(&error.instance_path().as_str()))
            })
            .flat_map(|error| self.say(error))
            .collect()
    }

    fn say(&self, error: &ValidationError<'_>) -> Vec<Fitting> {
        let pointer = error.instance_path().as_str();
        let found = self.document.find(pointer);
        let name = label(pointer);
        let mut unusable = true;
        let finding = match error.kind() {
            Fault::AdditionalProperties { unexpected } | Fault::UnevaluatedProperties { unexpected } => {
                return unexpected.iter().map(|field| self.unknown(field, error)).collect();
            }
            Fault::AnyOf { context } | Fault::OneOfNotValid { context } => return self.nearest(error, context),
            Fault::Type { kind } => {
                let types = types(kind);
                let example = self.example(error).filter(|_| matches!(found.node.tree, Tree::Plain(..)));
                let hint =
                    example.or_else(|| hint_for_type(found.node, &name, &types)).or_else(|| self.fields_hint(error));
                let finding = Finding::error(found.node.at.clone(), mistyped(found.node, &name, &types));
                hint.map_or(finding.clone(), |hint| finding.hint(hint))
            }
            Fault::Enum { options } => {
                let words: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                wrong_word(found.node, &name, &words, &[])
            }
            Fault::Constant { expected_value } => {
                let words: Vec<&str> = expected_value.as_str().into_iter().collect();
                wrong_word(found.node, &name, &words, &[])
            }
            Fault::Required { property } => {
                let field = property.as_str().unwrap_or_default();
                let inside = if pointer.is_empty() { "the document".to_owned() } else { format!("`{name}`") };
                let told = self.sibling(error).and_then(|part| part["properties"][field]["description"].as_str());
                let told = told.map_or_else(String::new, |told| format!(": {}", first_sentence(told)));
                Finding::error(found.place().clone(), format!("`{field}` is missing in {inside}"))
                    .hint(format!("add `{field}`{told}"))
            }
            other => {
                unusable = false;
                let (message, hint) = limits(other, error.instance(), &name);
                let example = self.example(error).filter(|_| matches!(other, Fault::Pattern { .. }));
                let hint = example.or(hint);
                let finding = Finding::error(found.node.at.clone(), message);
                match hint.or_else(|| self.description(error)) {
                    Some(hint) => finding.hint(hint),
                    None => finding,
                }
            }
        };
        let missing = matches!(error.kind(), Fault::Required { .. });
        vec![Fitting { pointer: pointer.to_owned(), finding, unusable: unusable && !missing }]
    }

    fn unknown(&self, field: &str, error: &ValidationError<'_>) -> Fitting {
        let around = error.instance_path().as_str();
        let pointer = format!("{around}/{}", field.replace('~', "~0").replace('/', "~1"));
        let place = self.document.find(&pointer).place().clone();
        let finding = Finding::error(place, format!("unknown field `{field}`"));
        let known: Vec<&str> = self.known_fields(error);
        let finding = match did_you_mean(field, known.iter().copied()) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => finding.hint("leave it out"),
            None => finding.hint(format!("known fields: {}", words(&known))),
        };
        Fitting { pointer, finding, unusable: true }
    }

    /// The part of the schema in which the rule stands that the error broke.
    fn sibling(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let path = error.schema_path().as_str();
        self.schema.pointer(&path[..path.rfind('/')?])
    }

    /// How such a value looks, where the schema shows some.
    fn example(&self, error: &ValidationError<'_>) -> Option<String> {
        let shown: Vec<&str> = self.sibling(error)?["examples"].as_array()?.iter().filter_map(Value::as_str).collect();
        let (last, rest) = shown.split_last()?;
        let rest = if rest.is_empty() { String::new() } else { format!("{} or ", words(rest)) };
        Some(format!("write for example {rest}`{last}`"))
    }

    fn known_fields(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let part = self.sibling(error).and_then(|part| part["properties"].as_object());
        part.into_iter().flat_map(|properties| properties.keys().map(String::as_str)).collect()
    }

    fn fields_hint(&self, error: &ValidationError<'_>) -> Option<String> {
        let known = self.known_fields(error);
        (!known.is_empty()).then(|| format!("it is a mapping with {}", words(&known)))
    }

    fn description(&self, error: &ValidationError<'_>) -> Option<String> {
        self.sibling(error)?["description"].as_str().map(|told| first_sentence(told).to_owned())
    }

    /// Of several forms, the one that fits best is what was meant; its faults are told.
    fn nearest(&self, error: &ValidationError<'_>, forms: &[Vec<ValidationError<'static>>]) -> Vec<Fitting> {
        let here = error.instance_path().as_str();
        let mut flat: Vec<&[ValidationError<'static>]> = Vec::new();
        flatten(here, forms, &mut flat);
        let best = flat.iter().filter(|form| !misfit(here, form)).min_by_key(|form| badness(form));
        if let Some(best) = best {
            return self.say_all(best);
        }
        let (mut wanted, mut allowed) = (Vec::new(), Vec::new());
        for form in &flat {
            let own: Vec<&Fault> =
                form.iter().filter(|error| error.instance_path().as_str() == here).map(ValidationError::kind).collect();
            for fault in &own {
                match fault {
                    Fault::Constant { expected_value } => allowed.extend(expected_value.as_str()),
                    Fault::Enum { options } => {
                        allowed.extend(options.as_array().into_iter().flatten().filter_map(Value::as_str));
                    }
                    Fault::Type { kind } => wanted.extend(types(kind)),
                    _ => {}
                }
            }
        }
        wanted.sort_by_key(|kind| *kind as u8);
        wanted.dedup();
        allowed.dedup();
        let found = self.document.find(here);
        let finding = wrong_word(found.node, &label(here), &allowed, &wanted);
        vec![Fitting { pointer: here.to_owned(), finding, unusable: true }]
    }
}

/// Forms inside forms are forms.
fn flatten<'a>(here: &str, forms: &'a [Vec<ValidationError<'static>>], flat: &mut Vec<&'a [ValidationError<'static>]>) {
    for form in forms {
        match form.as_slice() {
            [only] if only.instance_path().as_str() == here => match only.kind() {
                Fault::AnyOf { context } | Fault::OneOfNotValid { context } => flatten(here, context, flat),
                _ => flat.push(form),
            },
            _ => flat.push(form),
        }
    }
}

/// Whether the value as a whole is something else than the form wants.
fn misfit(here: &str, form: &[ValidationError<'static>]) -> bool {
    form.iter().any(|error| {
        error.instance_path().as_str() == here
            && matches!(error.kind(), Fault::Type { .. } | Fault::Constant { .. } | Fault::Enum { .. })
    })
}

/// How far a value is from a form. A wrong fixed word says that another form was meant.
fn badness(form: &[ValidationError<'static>]) -> usize {
    form.iter()
        .map(|error| match error.kind() {
            Fault::AdditionalProperties { unexpected } => 2 * unexpected.len(),
            Fault::Constant { .. } => 10,
            _ => 2,
        })
        .sum()
}

fn types(kind: &TypeKind) -> Vec<JsonType> {
    match kind {
        TypeKind::Single(one) => vec![*one],
        TypeKind::Multiple(set) => set.iter().collect(),
    }
}

/// What a value is, in words.
fn is(node: &Node) -> &'static str {
    match &node.tree {
        Tree::Plain(Value::Null, _) => "empty",
        Tree::Plain(Value::Bool(_), _) => "a boolean",
        Tree::Plain(..) => "a number",
        Tree::Text(_) => "text",
        Tree::List(_) => "a list",
        Tree::Map(_) => "a mapping",
    }
}

fn wanted_words(types: &[JsonType]) -> String {
    let word = |kind: &JsonType| match kind {
        JsonType::Null => "nothing",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "text",
        JsonType::Array => "a list",
        JsonType::Object => "a mapping",
    };
    types.iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn mistyped(node: &Node, name: &str, types: &[JsonType]) -> String {
    format!("`{name}` is {} where {} is wanted", is(node), wanted_words(types))
}

fn hint_for_type(node: &Node, name: &str, types: &[JsonType]) -> Option<String> {
    let wants = |kind| types.contains(&kind);
    match &node.tree {
        Tree::Plain(Value::Null, _) => Some(format!("give it a value, or leave `{name}` out")),
        Tree::Plain(_, said) if wants(JsonType::String) => Some(format!("write it in quotes: \"{said}\"")),
        Tree::Text(said) if wants(JsonType::Boolean) => match said.to_lowercase().as_str() {
            "yes" | "on" | "y" | "true" | "enabled" => Some("write `true`".to_owned()),
            "no" | "off" | "n" | "false" | "disabled" => Some("write `false`".to_owned()),
            _ => Some("write `true` or `false`".to_owned()),
        },
        Tree::Text(said) if wants(JsonType::Integer) && said.parse::<i64>().is_ok() => {
            Some(format!("write it without quotes: {said}"))
        }
        Tree::Text(said) if wants(JsonType::Array) && said.len() < 40 => {
            let plain = said.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
            Some(if plain { format!("write a list: [{said}]") } else { format!("write a list: [{said:?}]") })
        }
        _ if wants(JsonType::Array) => Some("write a list: each element on its own line after `- `".to_owned()),
        _ => None,
    }
}

/// A value that is none of the words that are allowed, nor of the types.
fn wrong_word(node: &Node, name: &str, allowed: &[&str], types: &[JsonType]) -> Finding {
    let at = node.at.clone();
    let others: Vec<JsonType> = types.iter().copied().filter(|kind| *kind != JsonType::String).collect();
    let Some(said) = node.text() else {
        let wanted = match (others.as_slice(), allowed) {
            ([], _) => "text".to_owned(),
            (others, []) => wanted_words(others),
            (others, [one]) => format!("{} or `{one}`", wanted_words(others)),
            (others, allowed) => format!("{} or one of {}", wanted_words(others), words(allowed)),
        };
        let finding = Finding::error(at, format!("`{name}` is {} where {wanted} is wanted", is(node)));
        if let (Some(hint), true) = (hint_for_type(node, name, types), allowed.is_empty()) {
            return finding.hint(hint);
        }
        let told = allowed.is_empty() || !others.is_empty();
        return if told { finding } else { finding.hint(format!("allowed: {}", words(allowed))) };
    };
    if let Some(near) = did_you_mean(said, allowed.iter().copied()) {
        return Finding::error(at, format!("`{name}` cannot be `{said}`")).hint(format!("did you mean `{near}`?"));
    }
    if others.is_empty() {
        return Finding::error(at, format!("`{name}` cannot be `{said}`")).hint(format!("allowed: {}", words(allowed)));
    }
    let finding = Finding::error(at, mistyped(node, name, &others));
    match (hint_for_type(node, name, &others), allowed) {
        (_, [_, ..]) => finding.hint(format!("the only words allowed: {}", words(allowed))),
        (Some(hint), []) => finding.hint(hint),
        (None, []) => finding,
    }
}

/// The limits of numbers, texts and lists, in words.
fn limits(fault: &Fault, value: &Value, name: &str) -> (String, Option<String>) {
    let count = |n: usize, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
    let characters = value.as_str().map_or(0, |text| text.chars().count());
    let elements = value.as_array().map_or(0, Vec::len);
    let (message, hint) = match fault {
        Fault::Minimum { limit } => (format!("`{name}` is {value}"), format!("write {limit} or more")),
        Fault::Maximum { limit } => (format!("`{name}` is {value}"), format!("write {limit} or less")),
        Fault::ExclusiveMinimum { limit } => (format!("`{name}` is {value}"), format!("write more than {limit}")),
        Fault::ExclusiveMaximum { limit } => (format!("`{name}` is {value}"), format!("write less than {limit}")),
        Fault::MinLength { .. } if characters == 0 => (format!("`{name}` is empty"), "give it a text".to_owned()),
        Fault::MinLength { limit } => (
            format!("`{name}` has {}", count(characters, "character", "characters")),
            format!("use {limit} characters or more"),
        ),
        Fault::MaxLength { limit } => (
            format!("`{name}` has {}", count(characters, "character", "characters")),
            format!("use at most {limit} characters"),
        ),
        Fault::MinItems { .. } if elements == 0 => {
            (format!("`{name}` is an empty list"), "name one element or more".to_owned())
        }
        Fault::MinItems { limit } => {
            (format!("`{name}` has {}", count(elements, "element", "elements")), format!("name {limit} or more"))
        }
        Fault::MaxItems { limit } => {
            (format!("`{name}` has {}", count(elements, "element", "elements")), format!("name at most {limit}"))
        }
        Fault::UniqueItems => (format!("`{name}` names something twice"), "name each element once".to_owned()),
        Fault::Pattern { pattern } => {
            let said = value.as_str().unwrap_or_default();
            (format!("`{name}` cannot be `{said}`"), format!("it must match the regular expression `{pattern}`"))
        }
        other => return (format!("`{name}` breaks the rule `{}` of its schema", other.keyword()), None),
    };
    (message, Some(hint))
}

/// What people call the value at a JSON pointer: its key, with the place in the list.
fn label(pointer: &str) -> String {
    let mut label = String::new();
    for step in pointer.split('/').skip(1) {
        if !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) && !label.is_empty() {
            label = format!("{label}[{step}]");
        } else {
            label = step.replace("~1", "/").replace("~0", "~");
        }
    }
    label
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn first_sentence(text: &str) -> &str {
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}
