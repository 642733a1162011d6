//! From the source to a checked, charged expression. Parsing runs on a thread with a stack that
//! no source within the limit can exhaust: a stack overflow cannot be caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::{Expr, SourceInfo};
use cel::{IdedExpr, ParseError};
use regex::Regex;

use super::check::{self, place};
use super::functions::ENVIRONMENT;
use super::rewrite::{depth, rewrite};
use super::schema::{Schema, Type};
use super::{Diagnostic, Limits};

/// Enough for the deepest tree that 4,096 bytes can make, in a debug build, three times over.
const STACK: usize = 64 << 20;

/// What is left of a source.
pub(super) struct Compiled {
    pub(super) tree: IdedExpr,
    pub(super) patterns: Arc<[Regex]>,
    /// The fields and keys that it names, with their places.
    pub(super) names: Vec<(String, u32, u32)>,
}

/// Parses, bounds, checks and rewrites a source.
///
/// # Errors
/// Everything that is wrong with it, in the order of the source.
pub(super) fn compile(source: &str, schema: &Schema, want: &Type, limits: Limits) -> Result<Compiled, Vec<Diagnostic>> {
    let whole = |message: String| vec![Diagnostic { line: 1, column: 1, message, hint: None }];
    if source.len() > limits.source {
        return Err(whole(format!("the expression has {} bytes; at most {} are allowed", source.len(), limits.source)));
    }
    let work = || {
        catch_unwind(AssertUnwindSafe(|| staged(source, schema, want, limits)))
            .unwrap_or_else(|_| Err(whole("the parser failed on this expression".to_owned())))
    };
    std::thread::scope(|scope| {
        match std::thread::Builder::new().name("expression".to_owned()).stack_size(STACK).spawn_scoped(scope, work) {
            Ok(thread) => {
                thread.join().unwrap_or_else(|_| Err(whole("the parser failed on this expression".to_owned())))
            }
            Err(error) => Err(whole(format!("no thread to parse the expression on: {error}"))),
        }
    })
}

fn staged(source: &str, schema: &Schema, want: &Type, limits: Limits) -> Result<Compiled, Vec<Diagnostic>> {
    let parser = ENVIRONMENT.parser().max_recursion_depth(limits.depth as u16).error_recovery_limit(8);
    let (mut tree, info) = parser
        .parse_with_source_info(source)
        .map_err(|errors| errors.errors.iter().map(syntax_error).collect::<Vec<_>>())?;
    let mut shape = Shape { info: &info, limits, nodes: 0, loops: 0, problems: Vec::new() };
    shape.visit(&tree, 0, 0);
    if !shape.problems.is_empty() {
        return Err(shape.problems);
    }
    let problems = check::check(&tree, &info, schema, want);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut names = Vec::new();
    collect_names(&tree, &info, &mut names);
    let patterns = rewrite(&mut tree);
    if depth(&tree) > limits.descent {
        let message =
            format!("nested too deep: {} steps with the alternatives in it, at most {}", depth(&tree), limits.descent);
        return Err(vec![Diagnostic { line: 1, column: 1, message, hint: None }]);
    }
    Ok(Compiled { tree, patterns, names })
}

fn syntax_error(error: &ParseError) -> Diagnostic {
    let (line, column) = error.pos;
    let text = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let mut message: String = text.chars().take(300).collect();
    if let Some(first) = message.get(..1) {
        message = first.to_lowercase() + &message[1..];
    }
    let at = |place: isize| u32::try_from(place).unwrap_or(1).max(1);
    Diagnostic { line: at(line), column: at(column), message: format!("syntax error: {message}"), hint: None }
}

/// The limits on the form of an expression.
struct Shape<'a> {
    info: &'a SourceInfo,
    limits: Limits,
    nodes: usize,
    loops: usize,
    problems: Vec<Diagnostic>,
}

impl Shape<'_> {
    fn problem(&mut self, id: u64, message: impl Into<String>) {
        let (line, column) = place(self.info, id);
        self.problems.push(Diagnostic { line, column, message: message.into(), hint: None });
    }

    /// Stops descending at each limit, so its own depth is bounded.
    fn visit(&mut self, expression: &IdedExpr, depth: usize, nesting: usize) {
        self.nodes += 1;
        if depth == self.limits.depth {
            return self.problem(expression.id, format!("nested deeper than {}", self.limits.depth));
        }
        if self.nodes == self.limits.nodes {
            return self.problem(expression.id, format!("more than {} parts", self.limits.nodes));
        }
        if self.nodes > self.limits.nodes {
            return;
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Call(call) => {
                for operand in call.target.iter().map(|it| &**it).chain(&call.args) {
                    self.visit(operand, depth, nesting);
                }
            }
            Expr::Comprehension(it) => {
                self.loops += 1;
                if self.loops == self.limits.loops + 1 {
                    self.problem(expression.id, format!("more than {} loops", self.limits.loops));
                }
                if nesting == self.limits.nesting {
                    self.problem(expression.id, format!("loops nested deeper than {}", self.limits.nesting));
                }
                if it.iter_var2.is_some() {
                    self.problem(expression.id, "a loop with two variables");
                }
                self.visit(&it.iter_range, depth, nesting);
                self.visit(&it.loop_step, depth, nesting + 1);
            }
            Expr::List(list) => {
                for element in &list.elements {
                    // `[x, x]` in a loop over its own result would double in every turn.
                    if nesting > 0 && list.elements.len() > 1 && !matches!(element.expr, Expr::Literal(_)) {
                        self.problem(element.id, "in a loop, a list of several elements may hold constants only");
                    }
                    self.visit(element, depth, nesting);
                }
                if !list.optional_indices.is_empty() {
                    self.problem(expression.id, "optional elements of a list");
                }
            }
            Expr::Map(_) | Expr::Struct(_) => self.problem(expression.id, "maps cannot be written here"),
            Expr::Select(select) => self.visit(&select.operand, depth, nesting),
            Expr::Unspecified => self.problem(expression.id, "an empty part"),
            Expr::Ident(_) | Expr::Literal(_) => {}
        }
    }
}

fn collect_names(expression: &IdedExpr, info: &SourceInfo, names: &mut Vec<(String, u32, u32)>) {
    let mut name = |text: &str| {
        let (line, column) = place(info, expression.id);
        names.push((text.to_owned(), line, column));
    };
    match &expression.expr {
        Expr::Select(select) => {
            name(&select.field);
            collect_names(&select.operand, info, names);
        }
        Expr::Literal(cel::common::ast::LiteralValue::String(text)) => name(text.inner()),
        Expr::Call(call) => {
            for operand in call.target.iter().map(|it| &**it).chain(&call.args) {
                collect_names(operand, info, names);
            }
        }
        Expr::Comprehension(it) => {
            collect_names(&it.iter_range, info, names);
            collect_names(&it.loop_step, info, names);
        }
        Expr::List(list) => list.elements.iter().for_each(|it| collect_names(it, info, names)),
        _ => {}
    }
}
