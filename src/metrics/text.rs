//! Writes gauges in Prometheus' text format (version 0.0.4).
//!
//! State goes straight into the text and not through the registry, because a fleet of ten
//! thousand buckets gives a quarter of a million series, and each would be a dozen allocations.

use std::fmt::Write as _;

use prometheus::{Registry, TextEncoder};

use super::names::{Family, named};

/// The longest label value; the rest is cut off.
const LONGEST: usize = 200;

/// How much is written before it is handed on.
const PIECE: usize = 64 * 1024;

/// Takes the exposition piece by piece; `false` when nobody wants more of it.
pub(super) type Sink<'a> = dyn FnMut(String) -> bool + 'a;

/// The exposition while it is written. It is handed on in pieces, as the whole of it may be larger
/// than all that the daemon holds otherwise.
pub(super) struct Exposition<'a> {
    text: String,
    family: Option<&'static Family>,
    sink: &'a mut Sink<'a>,
    wanted: bool,
}

impl<'a> Exposition<'a> {
    /// An empty one.
    pub(super) fn new(sink: &'a mut Sink<'a>) -> Self {
        Self { text: String::new(), family: None, sink, wanted: true }
    }

    /// Whether somebody still wants it.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    fn hand_on(&mut self) {
        let piece = std::mem::replace(&mut self.text, String::with_capacity(PIECE + 1024));
        self.wanted = self.wanted && (self.sink)(piece);
    }

    /// Begins a metric. It must stand in the table.
    pub(super) fn family(&mut self, name: &str) -> &mut Self {
        let family = named(name);
        let _ = writeln!(self.text, "# HELP {} {}", family.name, family.help);
        let _ = writeln!(self.text, "# TYPE {} {}", family.name, family.kind.word());
        self.family = Some(family);
        self
    }

    /// One series of the metric that was begun.
    pub(super) fn series(&mut self, values: &[&str], value: f64) -> &mut Self {
        let family = self.family.expect("a metric is begun before its series");
        debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
        self.text.push_str(family.name);
        for (place, (label, value)) in family.labels.iter().zip(values).enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(&mut self.text, value);
            self.text.push('"');
        }
        if !values.is_empty() {
            self.text.push('}');
        }
        // Rust writes a float as Prometheus reads it: shortest digits that give it back.
        let _ = writeln!(self.text, " {value}");
        if self.text.len() >= PIECE {
            self.hand_on();
        }
        self
    }

    /// Adds what the registry holds, and hands on the rest.
    pub(super) fn finish(mut self, registry: &Registry) {
        TextEncoder::new()
            .encode_utf8(&registry.gather(), &mut self.text)
            .expect("a family of the registry has a name and series");
        self.hand_on();
    }
}

/// Escapes as the format asks for, and leaves out what no label should hold.
fn escape(text: &mut String, value: &str) {
    for c in value.chars().take(LONGEST) {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}

/// A value for a label of the registry, which escapes by itself.
pub(crate) fn bounded(value: &str) -> String {
    value.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_value_can_break_out_of_its_line() {
        let mut text = String::new();
        let mut sink = |piece: String| {
            text += &piece;
            true
        };
        let mut out = Exposition::new(&mut sink);
        out.family("driftless_fights_total").series(&["a\"} 1\nevil{x=\"\\"], 1.0);
        out.finish(&Registry::new());
        assert_eq!(text.lines().last(), Some("driftless_fights_total{policy=\"a\\\"} 1\u{fffd}evil{x=\\\"\\\\\"} 1"));
        assert_eq!(bounded(&"é\n".repeat(300)).chars().count(), LONGEST);
    }
}
