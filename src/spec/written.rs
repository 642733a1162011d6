//! A part of a document as somebody wrote it, for people to read (pure).

use std::sync::Arc;

use serde::Serialize;

use crate::finding::Place;

/// A part of a document as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where it begins.
    pub at: Place,
    /// The lines. Hostile text: from the repository.
    pub text: Arc<str>,
}

impl Written {
    /// What begins at a place of a file.
    pub(super) fn cut(source: &str, at: &Place) -> Self {
        let first = at.line as usize;
        let lines = source.lines().skip(first.saturating_sub(1)).take(extent(source, first) + 1 - first);
        let text: Vec<&str> = lines.collect();
        Self { at: at.clone(), text: text.join("\n").into() }
    }
}

/// The last line (from 1) of what begins on a line: YAML indents what belongs to a key further than
/// the key, but for lists, which may begin below its first letter.
pub fn extent(text: &str, line: usize) -> usize {
    let mut lines = text.lines().skip(line.saturating_sub(1));
    let Some(first) = lines.next() else { return line };
    let (own, is_item) = (indent(first), is_item(first));
    let mut last = line;
    for (number, text) in (line + 1..).zip(lines) {
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        let belongs = indent(text) > own || indent(text) == own && !is_item && self::is_item(text);
        if !belongs {
            break;
        }
        last = number;
    }
    last
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_item(line: &str) -> bool {
    line.trim_start_matches(' ').starts_with("- ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
kind: Bucket
spec:
  versioning: {status: Enabled}
  tags:
    Name: data

    # why
    Purpose: training
  # of the next
  cors:
  - origins:
    - a
  - b
---
kind: Bucket";

    #[test]
    fn what_belongs_to_a_key_goes_on_while_it_is_indented() {
        for (line, last) in [(1, 1), (2, 13), (3, 3), (4, 8), (5, 5), (10, 13), (11, 12), (13, 13), (14, 14), (15, 15)]
        {
            assert_eq!(extent(TEXT, line), last, "line {line}");
        }
    }

    #[test]
    fn a_line_that_is_not_there_stands_alone() {
        assert_eq!((extent(TEXT, 99), extent("", 1), extent("", 0)), (99, 1, 0));
    }

    #[test]
    fn what_is_cut_out_is_what_stands_there() {
        let at = Place { file: "a.yaml".into(), line: 4, column: 3 };
        let cut = Written::cut(TEXT, &at);
        assert_eq!((&*cut.text, cut.at), ("  tags:\n    Name: data\n\n    # why\n    Purpose: training", at));
    }
}
