//! YAML text to a tree of nodes, each with its place: keys and values, aliases expanded within
//! limits. Faults become findings; what stands before a fault is kept.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScanError, StrInput};
use serde_json::{Map, Value};

use crate::finding::{Finding, Place};

mod build;
mod scalar;

/// Values inside values: deeper than any document kind, shallow enough for every recursion.
pub const MOST_DEPTH: usize = 64;
/// Values of one file after its aliases are expanded.
pub const MOST_NODES: usize = 200_000;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins; an empty value stands where its key does.
    pub at: Place,
    /// The value.
    pub tree: Tree,
}

/// A value. Lists and mappings are shared, so that an alias costs nothing but its count.
#[derive(Debug, Clone)]
pub enum Tree {
    /// A plain scalar that is no text: nothing, a boolean or a number, with its own spelling.
    Plain(Value, Arc<str>),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Node]>),
    /// A mapping, in the order of the file, without duplicates.
    Map(Arc<[Entry]>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// Where the key stands.
    pub at: Place,
    /// The value.
    pub node: Node,
}

/// What a JSON pointer leads to.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Where the key stands, when it is the value of one.
    pub key: Option<&'a Place>,
    /// The value.
    pub node: &'a Node,
    /// Whether the pointer led all the way; else this is the nearest value around it.
    pub exact: bool,
}

impl Found<'_> {
    /// Where the key stands, else the value.
    pub fn place(&self) -> &Place {
        self.key.unwrap_or(&self.node.at)
    }
}

impl Node {
    /// The value as JSON.
    pub fn to_json(&self) -> Value {
        match &self.tree {
            Tree::Plain(value, _) => value.clone(),
            Tree::Text(text) => Value::String(text.to_string()),
            Tree::List(items) => items.iter().map(Self::to_json).collect(),
            Tree::Map(entries) => {
                let fields: Map<String, Value> =
                    entries.iter().map(|entry| (entry.key.to_string(), entry.node.to_json())).collect();
                Value::Object(fields)
            }
        }
    }

    /// The entries, when it is a mapping.
    pub fn entries(&self) -> &[Entry] {
        if let Tree::Map(entries) = &self.tree { entries } else { &[] }
    }

    /// The entry of that key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The value of that key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The text, when it is text.
    pub fn text(&self) -> Option<&str> {
        if let Tree::Text(text) = &self.tree { Some(text) } else { None }
    }

    /// The spelling of a scalar, quotes apart.
    pub fn spelling(&self) -> Option<&str> {
        match &self.tree {
            Tree::Plain(_, text) | Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a JSON pointer leads to, or the nearest value around it.
    pub fn find(&self, pointer: &str) -> Found<'_> {
        let mut found = Found { key: None, node: self, exact: true };
        for step in pointer.split('/').skip(1) {
            let name = step.replace("~1", "/").replace("~0", "~");
            let next = match &found.node.tree {
                Tree::Map(_) => found.node.entry(&name).map(|entry| (Some(&entry.at), &entry.node)),
                Tree::List(items) => name.parse().ok().and_then(|n: usize| items.get(n)).map(|node| (None, node)),
                _ => None,
            };
            match next {
                Some((key, node)) => found = Found { key, node, exact: true },
                None => return Found { exact: false, ..found },
            }
        }
        found
    }

    /// A mapping with nothing in it.
    pub fn empty(at: Place) -> Self {
        Self { at, tree: Tree::Map(Arc::default()) }
    }

    /// The same tree with the value at a path put in; mappings on the way are made, and a list where
    /// there is nothing yet and the first element is named.
    #[must_use]
    pub fn with_path(&self, path: &[String], value: Self) -> Self {
        let Some((step, rest)) = path.split_first() else { return value };
        if let (Tree::List(items), Ok(index)) = (&self.tree, step.parse::<usize>()) {
            let mut items = items.to_vec();
            match items.get_mut(index) {
                Some(item) => *item = item.with_path(rest, value),
                None => items.push(Self::empty(value.at.clone()).with_path(rest, value)),
            }
            return Self { at: self.at.clone(), tree: Tree::List(items.into()) };
        }
        let mut entries = self.entries().to_vec();
        if entries.is_empty() && step == "0" {
            let item = Self::empty(value.at.clone()).with_path(rest, value);
            return Self { at: self.at.clone(), tree: Tree::List([item].into()) };
        }
        match entries.iter_mut().find(|entry| *entry.key == **step) {
            Some(entry) => entry.node = entry.node.with_path(rest, value),
            None => {
                let at = value.at.clone();
                let node = Self::empty(at.clone()).with_path(rest, value);
                entries.push(Entry { key: step.as_str().into(), at, node });
            }
        }
        Self { at: self.at.clone(), tree: Tree::Map(entries.into()) }
    }

    /// The same tree with some values of this mapping replaced.
    #[must_use]
    pub fn with(&self, key: &str, value: Self) -> Self {
        let replaced = self.entries().iter().map(|entry| {
            let node = if &*entry.key == key { value.clone() } else { entry.node.clone() };
            Entry { node, ..entry.clone() }
        });
        Self { at: self.at.clone(), tree: Tree::Map(replaced.collect()) }
    }
}

/// What parsing gave: the documents that could be read, and every fault.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The documents; empty ones are left out.
    pub documents: Vec<Node>,
    /// What could be read of the document in which a fault ended the reading.
    pub broken: Option<Node>,
    /// The faults.
    pub findings: Vec<Finding>,
}

/// Reads the bytes of a file as text.
///
/// # Errors
/// A finding when they are no UTF-8, or hold control characters. How many there may be is the
/// source's word ([`crate::source::Limits`]).
pub fn decode<'a>(file: &Arc<str>, bytes: &'a [u8]) -> Result<&'a str, Finding> {
    let place = |end: usize| {
        let before = String::from_utf8_lossy(&bytes[..end]);
        let before = before.strip_prefix('\u{feff}').unwrap_or(&before);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: file.clone(), line: number(line), column: number(column) }
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let end = error.valid_up_to();
        Finding::error(place(end), format!("the byte 0x{:02x} is no UTF-8", bytes[end])).hint("save the file as UTF-8")
    })?;
    // The parser takes NUL for the end of the file, which would hide what follows.
    let control = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || *b == 0x7f;
    if let Some(end) = text.bytes().position(|b| control(&b)) {
        let message = format!("the control character U+{:04X} is not allowed in YAML", bytes[end]);
        return Err(Finding::error(place(end), message).hint("remove it"));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Parses a text; `place` says where a line and a column (both from 1) of it stand.
pub fn parse(text: &str, place: &dyn Fn(u32, u32) -> Place) -> Parsed {
    let mut builder = build::Builder::new(place);
    let mut parser = Parser::new(StrInput::new(text));
    while let Some(event) = parser.next_event() {
        let ended = match event {
            Ok((Event::StreamEnd, _)) => Some(None),
            Ok((event, span)) => builder.event(event, &span.start).err().map(Some),
            Err(error) => Some(Some(unreadable(text, &error, place))),
        };
        if let Some(fault) = ended {
            if fault.is_some() {
                builder.give_up();
            }
            builder.parsed.findings.extend(fault);
            break;
        }
    }
    builder.parsed
}

/// The fault that the parser found, with the usual causes as hints.
fn unreadable(text: &str, error: &ScanError, place: &dyn Fn(u32, u32) -> Place) -> Finding {
    let mark = error.marker();
    let line = text.lines().nth(mark.line().saturating_sub(1)).unwrap_or_default();
    if let Some(tab) = line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t') {
        return Finding::error(place(number(mark.line()), number(tab + 1)), "a tab where YAML wants spaces")
            .hint("indent with spaces");
    }
    let said = error.info();
    let at = place(number(mark.line()), number(mark.col() + 1));
    if said.contains("recursion limit") {
        return Finding::error(at, format!("values are nested more than {MOST_DEPTH} deep")).hint("flatten them");
    }
    if said.contains("unknown anchor") {
        return Finding::error(at, "an alias without its anchor").hint("text that begins with `*` stands in quotes");
    }
    let hint = if said.contains("mapping values are not allowed") {
        "text that contains `: ` stands in quotes; else check the indentation"
    } else if said.contains("simple key") || said.contains("expected ':'") {
        "a key ends with `: `"
    } else {
        "check indentation, quotes and brackets on this line and the one before"
    };
    Finding::error(at, format!("the YAML cannot be read: {said}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> (Vec<Value>, Vec<String>) {
        let file: Arc<str> = "a.yaml".into();
        let parsed = parse(text, &|line, column| Place { file: file.clone(), line, column });
        let said = parsed.findings.iter().map(ToString::to_string).collect();
        (parsed.documents.iter().map(Node::to_json).collect(), said)
    }

    fn good(text: &str, documents: &[Value]) {
        assert_eq!(read(text), (documents.to_vec(), Vec::new()), "{text}");
    }

    fn bad(text: &str, says: &str) {
        assert_eq!(read(text).1, [says.to_owned()], "{}", text.get(..80).unwrap_or(text));
    }

    #[test]
    fn documents_follow_each_other_and_empty_ones_are_left_out() {
        good("a: 1\n---\n---\n# nothing\n---\nb: [x, {c: d}]\n", &[json!({"a": 1}), json!({"b": ["x", {"c": "d"}]})]);
        good("", &[]);
    }

    #[test]
    fn aliases_and_merges_are_expanded() {
        good("a: &x {b: 1}\nc: *x\n", &[json!({"a": {"b": 1}, "c": {"b": 1}})]);
        good(
            "a: &x {b: 1, c: 2}\nd: &y {b: 3, e: 4}\nf: {<<: [*x, *y], c: 5}\n",
            &[json!({"a": {"b": 1, "c": 2}, "d": {"b": 3, "e": 4}, "f": {"b": 1, "c": 5, "e": 4}})],
        );
        good("a: !!str 7\nb: ! 7\nc: \"7\"\n", &[json!({"a": "7", "b": "7", "c": "7"})]);
    }

    #[test]
    fn places_are_of_keys_and_values_in_characters() {
        let file: Arc<str> = "a.yaml".into();
        let parsed =
            parse("ü: {ä: ö, list: [x, y]}\nempty:\n", &|line, column| Place { file: file.clone(), line, column });
        let root = &parsed.documents[0];
        let place = |pointer: &str| {
            let found = root.find(pointer);
            (found.place().to_string(), found.node.at.to_string(), found.exact)
        };
        let is = |key: &str, value: &str, exact| (format!("a.yaml:{key}"), format!("a.yaml:{value}"), exact);
        assert_eq!(place("/ü/ä"), is("1:5", "1:8", true));
        assert_eq!(place("/ü/list/1"), is("1:21", "1:21", true));
        assert_eq!(place("/empty"), is("2:1", "2:1", true));
        assert_eq!(place("/ü/none/deeper"), is("1:1", "1:4", false));
    }

    #[test]
    fn an_alias_bomb_is_stopped_at_the_alias() {
        let mut bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..20 {
            let aliases = vec![format!("*l{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("l{n}: &l{n} [{aliases}]\n"));
        }
        bad(
            &bomb,
            "a.yaml:6:10: with this alias expanded the file has more than 200000 values\n\
             hint: split the file, and write values out instead of aliases of aliases",
        );
    }

    #[test]
    fn aliases_cannot_nest_deeper_than_values_can() {
        let mut chain = "l0: &l0 [[[[[[[[[[x]]]]]]]]]]\n".to_owned();
        for n in 1..100 {
            chain.push_str(&format!("l{n}: &l{n} [[[[[[[[[[*l{}]]]]]]]]]]\n", n - 1));
        }
        bad(&chain, "a.yaml:7:19: values are nested more than 64 deep\nhint: flatten them");
        bad(&"[".repeat(100_000), "a.yaml:1:256: values are nested more than 64 deep\nhint: flatten them");
    }

    #[test]
    fn an_alias_of_what_is_around_it_is_refused() {
        bad(
            "a: &a [*a]\n",
            "a.yaml:1:8: the anchor of this alias is around it, or in another document\nhint: write the value out",
        );
        bad(
            "a: &a 1\n---\nb: *a\n",
            "a.yaml:3:4: the anchor of this alias is around it, or in another document\nhint: write the value out",
        );
        bad("a: *b\n", "a.yaml:1:4: an alias without its anchor\nhint: text that begins with `*` stands in quotes");
    }

    #[test]
    fn a_key_twice_is_told_with_the_line_of_the_first() {
        let (documents, said) = read("a: 1\nb: 2\na: 3\n");
        assert_eq!(documents, [json!({"a": 1, "b": 2})]);
        assert_eq!(said, ["a.yaml:3:1: the key `a` stands here twice\nhint: it stands on line 1 already; remove one"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_place() {
        bad("a:\n\tb: 1\n", "a.yaml:2:1: a tab where YAML wants spaces\nhint: indent with spaces");
        bad(
            "a: b: c\n",
            "a.yaml:1:5: the YAML cannot be read: mapping values are not allowed in this context\n\
             hint: text that contains `: ` stands in quotes; else check the indentation",
        );
        bad(
            "{a: b}: c\n",
            "a.yaml:1:1: a key that is a list or a mapping\nhint: keys are text; text that begins with `{` or `[` stands in quotes",
        );
        bad("a: !x b\n", "a.yaml:1:4: the tag `!x` means nothing here\nhint: leave it out");
        bad(
            "a: {<<: 7}\n",
            "a.yaml:1:5: `<<` merges something that is no mapping\nhint: write `<<: *anchor`, where the anchor names a mapping",
        );
    }

    #[test]
    fn what_stands_before_a_fault_is_kept() {
        let (documents, said) = read("a: 1\n---\nb: [\n");
        assert_eq!((documents, said.len()), (vec![json!({"a": 1})], 1));
    }

    #[test]
    fn bytes_that_are_no_text_are_told_by_line_and_column() {
        let file: Arc<str> = "a.yaml".into();
        let say = |bytes: &[u8]| decode(&file, bytes).expect_err("no text").to_string();
        assert_eq!(
            say(b"a: 1\n\xc3\xbc: \xff\n"),
            "a.yaml:2:4: the byte 0xff is no UTF-8\nhint: save the file as UTF-8"
        );
        assert_eq!(
            say(b"a: 1\n# \0\n"),
            "a.yaml:2:3: the control character U+0000 is not allowed in YAML\nhint: remove it"
        );
        assert_eq!(decode(&file, "\u{feff}a: 1".as_bytes()), Ok("a: 1"));
    }
}
