//! From the events of the parser to nodes: within limits, aliases expanded, merges done.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, ScalarStyle, Tag};
use serde_json::Value;

use super::scalar::core;
use super::{Entry, MOST_DEPTH, MOST_NODES, Node, Parsed, Tree, number};
use crate::finding::{Finding, Place};

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

/// Puts events together to documents.
pub(super) struct Builder<'a> {
    place: &'a dyn Fn(u32, u32) -> Place,
    left: usize,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Built>,
    interned: HashMap<Box<str>, Arc<str>>,
    pub parsed: Parsed,
}

impl<'a> Builder<'a> {
    pub(super) fn new(place: &'a dyn Fn(u32, u32) -> Place) -> Self {
        Self {
            place,
            left: MOST_NODES,
            stack: Vec::new(),
            anchors: HashMap::new(),
            interned: HashMap::new(),
            parsed: Parsed::default(),
        }
    }
}

impl Builder<'_> {
    /// Takes one event. An `Err` ends the file.
    pub(super) fn event(&mut self, event: Event<'_>, mark: &Marker) -> Result<(), Finding> {
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
    pub(super) fn give_up(&mut self) {
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
