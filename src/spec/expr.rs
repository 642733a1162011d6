//! The text of an expression, and where each of its characters stands in the file.

use std::sync::Arc;

use crate::finding::Place;

/// The text of an expression and the place of its first character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// The text.
    pub text: String,
    /// Where it begins.
    pub at: Place,
    // Empty: the text stands on one line as it is.
    runs: Arc<[Run]>,
}

/// A stretch of characters that stand side by side in the file, up to the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first of them, counted in characters of the text.
    offset: usize,
    /// Its line in the file.
    line: u32,
    /// Its column in the file.
    column: u32,
}

impl Expr {
    /// An expression that stands as it is from `at` on.
    pub fn new(text: impl Into<String>, at: Place) -> Self {
        Self { text: text.into(), at, runs: Arc::default() }
    }

    /// An expression that a scalar of a YAML file holds, which begins at `at`.
    pub(super) fn scalar(text: &str, source: &str, at: &Place) -> Self {
        let runs = runs(text, source, at);
        let at = runs
            .first()
            .map_or_else(|| at.clone(), |run| Place { file: at.file.clone(), line: run.line, column: run.column });
        Self { text: text.to_owned(), at, runs: runs.into() }
    }

    /// Where a line and a column of the text (both from 1, columns in characters) stand in the file.
    pub fn place(&self, line: u32, column: u32) -> Place {
        let mut offset = 0;
        for (number, text) in (1..).zip(self.text.split('\n')) {
            if number == line {
                break;
            }
            offset += text.chars().count() + 1;
        }
        offset += column.saturating_sub(1) as usize;
        let before = self.runs.partition_point(|run| run.offset <= offset);
        match before.checked_sub(1).map(|last| self.runs[last]) {
            Some(run) => {
                let beyond = u32::try_from(offset - run.offset).unwrap_or(u32::MAX);
                Place { file: self.at.file.clone(), line: run.line, column: run.column.saturating_add(beyond) }
            }
            None if line <= 1 => Place { column: self.at.column + column.saturating_sub(1), ..self.at.clone() },
            None => Place { line: self.at.line + line - 1, column, ..self.at.clone() },
        }
    }
}

/// Follows the text of a scalar through the source: folding, indentation and escapes only move
/// white space and backslashes, so that every other character stands there as it is.
fn runs(text: &str, source: &str, at: &Place) -> Vec<Run> {
    let mut lines = source.split('\n');
    let Some(first) = lines.nth(at.line.saturating_sub(1) as usize) else { return Vec::new() };
    let before = at.column.saturating_sub(1) as usize;
    let first = first.char_indices().nth(before).map_or("", |(start, _)| &first[start..]);
    let (mut here, mut line, mut column) = (first.chars(), at.line, at.column);
    // The header of a block scalar, and a quote, stand before the text.
    if first.starts_with(['|', '>']) {
        match lines.next() {
            Some(next) => (here, line, column) = (next.chars(), line + 1, 1),
            None => return Vec::new(),
        }
    } else if first.starts_with(['"', '\'']) {
        here.next();
        column += 1;
    }
    let mut runs: Vec<Run> = Vec::new();
    let mut expected = None;
    for (offset, wanted) in text.chars().enumerate().filter(|(_, c)| !c.is_whitespace()) {
        loop {
            match here.next() {
                Some(found) if found == wanted => break,
                Some(_) => column += 1,
                None => match lines.next() {
                    Some(next) => (here, line, column) = (next.chars(), line + 1, 1),
                    None => return runs,
                },
            }
        }
        // What the run before says of this character; a new run begins where that is wrong.
        if expected.is_none_or(|(at_offset, at_line, at_column)| {
            at_line != line || u32::try_from(offset - at_offset).is_ok_and(|more| at_column + more != column)
        }) {
            runs.push(Run { offset, line, column });
            expected = Some((offset, line, column));
        }
        column += 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, needle: &str) {
        let file: Arc<str> = "p.yaml".into();
        let parsed = super::super::yaml::parse(source, &|line, column| Place { file: file.clone(), line, column });
        let node = parsed.documents[0].get("assert").expect("an expression");
        let expr = Expr::scalar(node.text().expect("text"), source, &node.at);
        let offset = expr.text.find(needle).expect("the needle is in the text");
        let before = &expr.text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = expr.place(u32::try_from(line).unwrap_or(0), u32::try_from(column).unwrap_or(0));
        let (number, text) = source
            .lines()
            .enumerate()
            .find_map(|(number, text)| text.find(needle).map(|at| (number + 1, text[..at].chars().count() + 1)))
            .expect("the needle is in the source");
        assert_eq!((place.line as usize, place.column as usize), (number, text), "{source}");
    }

    #[test]
    fn a_place_in_an_expression_is_a_place_in_the_file() {
        check("assert: a == bad\n", "bad");
        check("assert: 'a == bad'\n", "bad");
        check("assert: \"a == \\\"x\\\" && bad\"\n", "bad");
        check("assert: |\n  a == 1\n    || bad\n", "bad");
        check("assert: |-\n\n  a == 1\n  || bad\n", "bad");
        check("assert: >\n  a == 1\n  || bad\n", "bad");
        check("x: 1\nassert: a == 1\n  && ü && bad\n", "bad");
        check("x: 1\nassert: &e |\n  a == 1\n  && bad\n", "bad");
    }

    #[test]
    fn the_first_character_of_a_block_is_the_place_of_the_expression() {
        let source = "assert: |\n    a == 1\n";
        let at = Place { file: "p.yaml".into(), line: 1, column: 9 };
        let expr = Expr::scalar("a == 1\n", source, &at);
        assert_eq!((expr.at.line, expr.at.column), (2, 5));
    }
}
