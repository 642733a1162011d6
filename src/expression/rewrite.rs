//! Puts the charges into a checked expression, and the marks that tell which settings its
//! result needed.

use std::sync::Arc;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators as op};
use regex::Regex;

use super::check::BUCKET;
use super::{functions, pattern};

/// Rewrites the expression and gives the patterns that it now refers to by number.
pub(super) fn rewrite(expression: &mut IdedExpr) -> Arc<[Regex]> {
    let mut rewriter = Rewriter { patterns: Vec::new() };
    rewriter.visit(expression, None);
    rewriter.patterns.into()
}

struct Rewriter {
    patterns: Vec<Regex>,
}

impl Rewriter {
    /// `inside` is the operator of which the expression is an operand, when it is `||` or `&&`.
    fn visit(&mut self, expression: &mut IdedExpr, inside: Option<&str>) {
        let absorbs = absorbs(expression, inside) && asks_for_a_setting(expression);
        match &mut expression.expr {
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter_mut().for_each(|it| self.visit(it, None)),
            Expr::Select(select) => self.visit(&mut select.operand, None),
            _ => {}
        }
        if absorbs {
            let mark = call_of(expression.id, functions::MARK, Vec::new());
            let value = std::mem::take(expression);
            *expression = call_of(value.id, functions::SETTLE, vec![mark, value]);
        }
    }

    fn call(&mut self, call: &mut CallExpr) {
        let operator =
            matches!(call.func_name.as_str(), op::LOGICAL_OR | op::LOGICAL_AND).then(|| call.func_name.clone());
        let numbered = (call.func_name == "matches").then(|| self.number_of(call)).flatten();
        for operand in call.target.iter_mut().map(|it| &mut **it).chain(&mut call.args) {
            self.visit(operand, operator.as_deref());
        }
        match call.func_name.as_str() {
            op::ADD => call.func_name = functions::ADD.to_owned(),
            op::IN if !is_list_of_scalars(&call.args[1]) => call.func_name = functions::IN.to_owned(),
            // What is compared with a literal costs no more than the literal is long.
            op::EQUALS if !call.args.iter().any(is_scalar) => call.func_name = functions::EQUAL.to_owned(),
            op::NOT_EQUALS if !call.args.iter().any(is_scalar) => call.func_name = functions::UNEQUAL.to_owned(),
            op::OPT_SELECT | op::OPT_INDEX if is_bucket(&call.args[0]) => {
                let name = call.args[1].clone();
                let bucket = std::mem::take(&mut call.args[0]);
                call.args[0] = call_of(bucket.id, functions::SEEN, vec![bucket, name]);
            }
            "split" => {
                take_target(call);
                call.func_name = functions::SPLIT.to_owned();
            }
            "contains" | "indexOf" | "substring" | "lowerAscii" | "upperAscii" | "trim" => {
                if let Some(target) = &mut call.target {
                    wrap(target, functions::WEIGH);
                }
            }
            "join" => {
                take_target(call);
                if call.args.len() == 1 {
                    let id = call.args[0].id;
                    call.args.push(IdedExpr { id, expr: Expr::Literal(LiteralValue::String("".into())) });
                }
                call.func_name = functions::JOIN.to_owned();
            }
            "matches" => {
                take_target(call);
                call.func_name = functions::MATCHES_PARAM.to_owned();
                if let Some(number) = numbered {
                    call.func_name = functions::MATCHES.to_owned();
                    call.args[1].expr = Expr::Literal(LiteralValue::Int(number.into()));
                }
            }
            _ => {}
        }
    }

    /// The number of a literal pattern; `None` for one from the parameters.
    fn number_of(&mut self, call: &CallExpr) -> Option<i64> {
        let Expr::Literal(LiteralValue::String(source)) = &call.args.last()?.expr else { return None };
        // The check has compiled it already.
        let regex = pattern::compile(source.inner()).ok()?;
        let known = self.patterns.iter().position(|it| it.as_str() == regex.as_str());
        let place = known.unwrap_or_else(|| {
            self.patterns.push(regex);
            self.patterns.len() - 1
        });
        i64::try_from(place).ok()
    }

    fn comprehension(&mut self, comprehension: &mut ComprehensionExpr) {
        let cost = nodes(&comprehension.loop_step);
        self.visit(&mut comprehension.iter_range, None);
        if !matches!(comprehension.accu_init.expr, Expr::List(_)) {
            // `all`, `exists`, `exists_one`. An error of the condition leaves the loop at once; one
            // of the step would be kept for later.
            if let Expr::Call(step) = &mut comprehension.loop_step.expr {
                let body = usize::from(step.func_name != op::CONDITIONAL);
                let operator = (body == 1).then(|| step.func_name.clone());
                self.visit(&mut step.args[body], operator.as_deref());
            }
            charged(&mut comprehension.loop_cond, functions::TURN, cost);
            return;
        }
        // `map` and `filter`. The step keeps its form `@result + [x]`, by which the evaluator
        // knows that it may append in place.
        let mut step = &mut comprehension.loop_step;
        if let Expr::Call(call) = &mut step.expr
            && call.func_name == op::CONDITIONAL
        {
            self.visit(&mut call.args[0], None);
            charged(&mut call.args[0], functions::TURN, cost);
        }
        if let Expr::Call(call) = &mut comprehension.loop_step.expr
            && call.func_name == op::CONDITIONAL
        {
            step = &mut call.args[1];
        } else {
            step = &mut comprehension.loop_step;
        }
        if let Expr::Call(append) = &mut step.expr
            && let Expr::List(list) = &mut append.args[1].expr
        {
            for element in &mut list.elements {
                self.visit(element, None);
                charged(element, functions::KEEP, cost);
            }
        }
    }
}

/// Whether the expression can have a value although a part of it has none. A chain of one
/// operator needs its mark only around the whole: what absorbs an error there ends the chain.
fn absorbs(expression: &IdedExpr, inside: Option<&str>) -> bool {
    match &expression.expr {
        Expr::Call(call) => {
            matches!(call.func_name.as_str(), op::LOGICAL_OR | op::LOGICAL_AND)
                && inside != Some(call.func_name.as_str())
        }
        Expr::Comprehension(_) => true,
        _ => false,
    }
}

fn asks_for_a_setting(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Ident(name) => name == BUCKET,
        Expr::Call(call) => {
            call.target.iter().any(|it| asks_for_a_setting(it)) || call.args.iter().any(asks_for_a_setting)
        }
        Expr::Comprehension(it) => asks_for_a_setting(&it.iter_range) || asks_for_a_setting(&it.loop_step),
        Expr::List(list) => list.elements.iter().any(asks_for_a_setting),
        Expr::Select(select) => asks_for_a_setting(&select.operand),
        _ => false,
    }
}

fn is_bucket(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == BUCKET)
}

/// Whether looking into it costs no more than the source is long.
fn is_list_of_scalars(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::List(list) if list.elements.iter().all(is_scalar))
}

fn is_scalar(expression: &IdedExpr) -> bool {
    matches!(expression.expr, Expr::Literal(_))
}

fn take_target(call: &mut CallExpr) {
    if let Some(target) = call.target.take() {
        call.args.insert(0, *target);
    }
}

fn wrap(expression: &mut IdedExpr, function: &str) {
    let inner = std::mem::take(expression);
    *expression = call_of(inner.id, function, vec![inner]);
}

fn charged(expression: &mut IdedExpr, function: &str, cost: i64) {
    let inner = std::mem::take(expression);
    let cost = IdedExpr { id: inner.id, expr: Expr::Literal(LiteralValue::Int(cost.into())) };
    *expression = call_of(inner.id, function, vec![inner, cost]);
}

fn call_of(id: u64, function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }) }
}

fn nodes(expression: &IdedExpr) -> i64 {
    1 + match &expression.expr {
        Expr::Call(call) => {
            call.target.iter().map(|it| nodes(it)).sum::<i64>() + call.args.iter().map(nodes).sum::<i64>()
        }
        Expr::Comprehension(it) => nodes(&it.iter_range) + 4,
        Expr::List(list) => list.elements.iter().map(nodes).sum(),
        Expr::Select(select) => nodes(&select.operand),
        _ => 0,
    }
}

/// How deep the evaluator descends into the expression.
pub(super) fn depth(expression: &IdedExpr) -> usize {
    1 + match &expression.expr {
        Expr::Call(call) => {
            call.target.iter().map(|it| depth(it)).chain(call.args.iter().map(depth)).max().unwrap_or(0)
        }
        Expr::Comprehension(it) => depth(&it.iter_range).max(depth(&it.loop_step)).max(depth(&it.loop_cond)),
        Expr::List(list) => list.elements.iter().map(depth).max().unwrap_or(0),
        Expr::Select(select) => depth(&select.operand),
        _ => 0,
    }
}
