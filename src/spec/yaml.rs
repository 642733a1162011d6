//! YAML text to a tree of nodes, each with its place: keys and values, aliases expanded within
//! limits. Faults become findings; what stands before a fault is kept.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::{Map, Number, Value};

use crate::finding::{Finding, Place};

/// Bytes of one file: far above what people write, and it parses in well under a second.
pub const MOST_BYTES: usize = 5_000_000;
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

    /// The same tree with the value at a path put in; mappings on the way are made.
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
/// A finding when there are too many, or they are no UTF-8, or hold control characters.
pub fn decode<'a>(file: &Arc<str>, bytes: &'a [u8]) -> Result<&'a str, Finding> {
    let start = || Place { file: file.clone(), line: 1, column: 1 };
    if bytes.len() > MOST_BYTES {
        let size = bytes.len().div_ceil(100_000);
        return Err(Finding::error(start(), format!("the file has {}.{} MB", size / 10, size % 10))
            .hint(format!("at most {} MB are read; split the file", MOST_BYTES / 1_000_000)));
    }
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
    let mut builder = Builder {
        place,
        left: MOST_NODES,
        stack: Vec::new(),
        anchors: HashMap::new(),
        interned: HashMap::new(),
        parsed: Parsed::default(),
    };
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

/// A finished value with its size and height after expansion.
#[derive(Clone)]
struct Built {
    node: Node,
    size: usize,
    height: usize,
}

enum Frame {
    List {
        at: Place,
        anchor: usize,
        items: Vec<Node>,
        size: usize,
        height: usize,
    },
    Map {
        at: Place,
        anchor: usize,
        entries: Vec<Entry>,
        key: Option<(Arc<str>, Place)>,
        merged: Vec<Node>,
        size: usize,
        height: usize,
    },
}

struct Builder<'a> {
    place: &'a dyn Fn(u32, u32) -> Place,
    left: usize,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Built>,
    interned: HashMap<Box<str>, Arc<str>>,
    parsed: Parsed,
}

impl Builder<'_> {
    /// Takes one event. An `Err` ends the file.
    fn event(&mut self, event: Event<'_>, mark: &Marker) -> Result<(), Finding> {
        let at = (self.place)(number(mark.line()), number(mark.col() + 1));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, &at, "the file has")?;
                let tree = self.scalar(&text, style, tag.as_deref(), &at);
                self.finish(Built { node: Node { at, tree }, size: 1, height: 1 }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(&at, tag.as_deref())?;
                self.stack.push(Frame::List { at, anchor, items: Vec::new(), size: 1, height: 0 });
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                self.open(&at, tag.as_deref())?;
                let (entries, merged) = (Vec::new(), Vec::new());
                self.stack.push(Frame::Map { at, anchor, entries, key: None, merged, size: 1, height: 0 });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let Some(built) = self.anchors.get(&anchor).cloned() else {
                    return Err(Finding::error(at, "the anchor of this alias is around it, or in another document")
                        .hint("write the value out"));
                };
                self.count(built.size, &at, "with this alias expanded the file has")?;
                self.deep(built.height, &at)?;
                self.finish(built, 0)
            }
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::DocumentEnd | Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
        }
    }

    fn open(&mut self, at: &Place, tag: Option<&Tag>) -> Result<(), Finding> {
        self.count(1, at, "the file has")?;
        self.deep(1, at)?;
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            self.foreign(tag, at);
        }
        Ok(())
    }

    fn count(&mut self, size: usize, at: &Place, who: &str) -> Result<(), Finding> {
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Finding::error(at.clone(), format!("{who} more than {MOST_NODES} values"))
                .hint("split the file, and write values out instead of aliases of aliases")),
        }
    }

    fn deep(&self, height: usize, at: &Place) -> Result<(), Finding> {
        if self.stack.len() + height <= MOST_DEPTH {
            return Ok(());
        }
        Err(Finding::error(at.clone(), format!("values are nested more than {MOST_DEPTH} deep")).hint("flatten them"))
    }

    fn foreign(&mut self, tag: &Tag, at: &Place) {
        let finding = Finding::error(at.clone(), format!("the tag `{tag}` means nothing here")).hint("leave it out");
        self.parsed.findings.push(finding);
    }

    fn intern(&mut self, text: &str) -> Arc<str> {
        // Long texts rarely repeat inside one file.
        if text.len() > 64 {
            return text.into();
        }
        if let Some(known) = self.interned.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.interned.insert(text.into(), new.clone());
        new
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: &Place) -> Tree {
        let said = self.intern(text);
        let mut plain = style == ScalarStyle::Plain;
        if let Some(tag) = tag {
            if tag.is_yaml_core_schema() {
                plain = tag.suffix != "str";
            } else if tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty() {
                plain = false;
            } else {
                self.foreign(tag, at);
            }
        }
        match plain.then(|| core(text)).flatten() {
            Some(value) => Tree::Plain(value, said),
            None => Tree::Text(said),
        }
    }

    /// Closes whatever is open, to keep what was read.
    fn give_up(&mut self) {
        let documents = self.parsed.documents.len();
        while !self.stack.is_empty() && self.close().is_ok() {}
        self.parsed.broken = self.parsed.documents.drain(documents..).next();
    }

    fn close(&mut self) -> Result<(), Finding> {
        match self.stack.pop().expect("the parser closes only what it opened") {
            Frame::List { at, anchor, items, size, height } => {
                let node = Node { at, tree: Tree::List(items.into()) };
                self.finish(Built { node, size, height: height + 1 }, anchor)
            }
            Frame::Map { at, anchor, mut entries, merged, size, height, .. } => {
                self.distinct(&mut entries);
                // Keys that stand in the mapping itself win, then those of the first merge.
                for from in &merged {
                    for entry in from.entries() {
                        if !entries.iter().any(|own| own.key == entry.key) {
                            entries.push(entry.clone());
                        }
                    }
                }
                let node = Node { at, tree: Tree::Map(entries.into()) };
                self.finish(Built { node, size, height: height + 1 }, anchor)
            }
        }
    }

    /// Keeps the first of equal keys and tells of the others.
    fn distinct(&mut self, entries: &mut Vec<Entry>) {
        let mut first: HashMap<Arc<str>, Place> = HashMap::with_capacity(entries.len());
        entries.retain(|entry| {
            let Some(known) = first.get(&entry.key) else {
                first.insert(entry.key.clone(), entry.at.clone());
                return true;
            };
            let message = format!("the key `{}` stands here twice", entry.key);
            let hint = format!("it stands on line {} already; remove one", known.line);
            self.parsed.findings.push(Finding::error(entry.at.clone(), message).hint(hint));
            false
        });
    }

    /// Hands a finished value to what stands around it.
    fn finish(&mut self, built: Built, anchor: usize) -> Result<(), Finding> {
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
        }
        let Built { mut node, size: added, height: high } = built;
        match self.stack.last_mut() {
            None => {
                if !matches!(&node.tree, Tree::Plain(Value::Null, _)) {
                    self.parsed.documents.push(node);
                }
            }
            Some(Frame::List { items, size, height, .. }) => {
                *size += added;
                *height = high.max(*height);
                items.push(node);
            }
            Some(Frame::Map { entries, key, merged, size, height, .. }) => {
                *size += added;
                *height = high.max(*height);
                match key.take() {
                    None => {
                        let Some(text) = node.spelling() else {
                            return Err(Finding::error(node.at, "a key that is a list or a mapping")
                                .hint("keys are text; text that begins with `{` or `[` stands in quotes"));
                        };
                        *key = Some((text.into(), node.at.clone()));
                    }
                    Some((text, at)) if &*text == "<<" => match node.tree {
                        Tree::Map(_) => merged.push(node),
                        Tree::List(items) if items.iter().all(|item| matches!(item.tree, Tree::Map(_))) => {
                            merged.extend(items.iter().cloned());
                        }
                        _ => {
                            return Err(Finding::error(at, "`<<` merges something that is no mapping")
                                .hint("write `<<: *anchor`, where the anchor names a mapping"));
                        }
                    },
                    Some((text, at)) => {
                        if matches!(&node.tree, Tree::Plain(Value::Null, said) if said.is_empty()) {
                            node.at = at.clone();
                        }
                        entries.push(Entry { key: text, at, node });
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a plain scalar is in the core schema of YAML 1.2 (section 10.3.2), unless it is text.
/// Infinities and NaN stay text: JSON has none.
fn core(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let radix = |digits: &str, radix| {
        let legal = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        legal.then(|| u64::from_str_radix(digits, radix).ok().map(Value::from)).flatten()
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let positive = text.strip_prefix('+').unwrap_or(text);
        if let Ok(n) = positive.parse::<u64>() {
            return Some(n.into());
        }
        if let Ok(n) = positive.parse::<i64>() {
            return Some(n.into());
        }
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_legal = digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty());
    let exponent_legal = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if !mantissa_legal || !exponent_legal {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}
