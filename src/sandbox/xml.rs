//! Reads the XML of a request into a tree and writes the XML of an answer.
//!
//! What a PUT sent is kept as this tree, so a GET returns the elements that nobody here knows too.

use std::fmt::Write;

use axum::body::Bytes;
use quick_xml::escape::{escape, partial_escape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// The namespace of every answer of S3.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// How deep a document may be nested: the deepest of S3's has seven levels.
const DEEPEST: usize = 24;

/// An element. It has a text or children, never both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// An element with children.
    pub(super) fn of(name: &str, children: Vec<Self>) -> Self {
        Self { name: name.to_owned(), children, ..Self::default() }
    }

    /// An element with a text.
    pub(super) fn leaf(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), ..Self::default() }
    }

    /// Reads a document. `None` when it is not well-formed, or has a document type: S3 takes none.
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        loop {
            let text = match reader.read_event().ok()? {
                Event::Start(start) => {
                    if root.is_some() || open.len() == DEEPEST {
                        return None;
                    }
                    open.push(Self::start(&start)?);
                    continue;
                }
                Event::End(_) => {
                    let mut node = open.pop()?;
                    if !node.children.is_empty() {
                        if !node.text.trim().is_empty() {
                            return None;
                        }
                        node.text.clear();
                    }
                    match open.last_mut() {
                        Some(parent) => parent.children.push(node),
                        None => root = Some(node),
                    }
                    continue;
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => match reference.xml10_content().as_ref() {
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        "amp" => "&".to_owned(),
                        "apos" => "'".to_owned(),
                        "quot" => "\"".to_owned(),
                        _ => return None,
                    },
                },
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof => return if open.is_empty() { root } else { None },
                Event::DocType(_) | Event::Empty(_) => return None,
            };
            match open.last_mut() {
                Some(node) => node.text.push_str(&text),
                None if text.trim_start_matches('\u{feff}').trim().is_empty() => {}
                None => return None,
            }
        }
    }

    fn start(start: &BytesStart<'_>) -> Option<Self> {
        let mut node = Self { name: start.local_name().as_ref().to_owned(), ..Self::default() };
        let legal = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !node.name.starts_with(|c: char| c.is_alphabetic() || c == '_') || !node.name.chars().all(legal) {
            return None;
        }
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let key = attribute.key.0;
            if key != "xmlns" {
                node.attributes
                    .push((key.to_owned(), attribute.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned()));
            }
        }
        Some(node)
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// How many children have this name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// The document of which this is the root, as S3 sends it.
    pub(super) fn document(&self) -> Bytes {
        let mut out = String::with_capacity(256);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.render(&mut out, true);
        out.into()
    }

    fn render(&self, out: &mut String, root: bool) {
        let written = "writing to a string cannot fail";
        write!(out, "<{}", self.name).expect(written);
        if root {
            write!(out, " xmlns=\"{NAMESPACE}\"").expect(written);
        }
        for (key, value) in &self.attributes {
            write!(out, " {key}=\"{}\"", escape(value.as_str())).expect(written);
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        push_escaped(out, &self.text);
        for child in &self.children {
            child.render(out, false);
        }
        write!(out, "</{}>", self.name).expect(written);
    }
}

/// Appends text so that a reader gets it back, carriage returns too.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    let escaped = partial_escape(text);
    if escaped.contains('\r') {
        out.push_str(&escaped.replace('\r', "&#13;"));
    } else {
        out.push_str(&escaped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_again_with_the_namespace() {
        let sent = "<?xml version='1.0'?><a:R xmlns:a='x' xmlns='y'>\n <New k=\"1 &amp; 2\"><In> &lt;&#65;&gt; </In></New>\n <E/>\n</a:R>";
        let node = Node::parse(sent.as_bytes()).expect("well-formed");
        assert_eq!(node.child("New").and_then(|new| new.get("In")), Some(" <A> "));
        let written = node.document();
        assert_eq!(
            std::str::from_utf8(&written).expect("text"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" \
             xmlns:a=\"x\"><New k=\"1 &amp; 2\"><In> &lt;A&gt; </In></New><E/></R>"
        );
        assert_eq!(Node::parse(&written), Some(node));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&unknown;</a>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>",
            "<a>text<b/></a>",
            "<a b></a>",
            "<a b='1' b='2'/>",
            "<1a/>",
            "</a>",
            "<a/>rest",
        ] {
            assert_eq!(Node::parse(bad.as_bytes()), None, "{bad}");
        }
        let deep = format!("{}{}", "<a>".repeat(25), "</a>".repeat(25));
        assert_eq!(Node::parse(deep.as_bytes()), None);
        assert_eq!(Node::parse(b"<a>\xff</a>"), None);
    }

    #[test]
    fn carriage_returns_and_quotes_survive() {
        let node = Node::leaf("a", "1\r\n\"2'&<>");
        assert_eq!(Node::parse(&node.document()), Some(node));
    }
}
