//! Checks the types of an expression against what it can see. The evaluator alone would find a
//! mistyped field only when it meets it, and `||` would hide even that.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SourceInfo, operators as op};

use super::functions::SIGNATURES;
use super::schema::{Schema, Type};
use super::{Diagnostic, pattern};
use crate::finding::did_you_mean;

/// The observed bucket.
pub(super) const BUCKET: &str = "bucket";
/// The parameters of the policy.
pub(super) const PARAMS: &str = "params";
/// The time of the evaluation.
pub(super) const NOW: &str = "now";

/// The place of a node in the source: line and column, from 1, in characters.
pub(super) fn place(info: &SourceInfo, id: u64) -> (u32, u32) {
    place_at(info, info.offset_for(id).map_or(0, |(start, _)| start as usize))
}

fn place_at(info: &SourceInfo, offset: usize) -> (u32, u32) {
    let before = info.source.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c);
    before.fold((1, 1), |(line, column), c| if c == '\n' { (line + 1, 1) } else { (line, column + 1) })
}

/// The place of the first `.field` after a node, or of the node.
fn place_of_field(info: &SourceInfo, after: u64, field: &str) -> (u32, u32) {
    let start = info.offset_for(after).map_or(0, |(start, _)| start as usize);
    let found = info.source.get(start..).and_then(|rest| rest.find(&format!(".{field}")));
    place_at(info, start + found.unwrap_or(0))
}

/// What is wrong with the types of the expression, in the order of the source.
pub(super) fn check(expression: &IdedExpr, info: &SourceInfo, schema: &Schema, want: &Type) -> Vec<Diagnostic> {
    let mut checker = Checker { info, schema, scope: Vec::new(), problems: Vec::new() };
    let is = checker.check(expression);
    if !is.comparable(want) || is == Type::Null {
        checker.problem(expression.id, format!("the expression gives {is}, not {want}"));
    }
    checker.problems.sort_by_key(|it| (it.line, it.column));
    checker.problems.dedup();
    checker.problems
}

struct Checker<'a> {
    info: &'a SourceInfo,
    schema: &'a Schema,
    /// The variables of the loops around, innermost last.
    scope: Vec<(&'a str, Type)>,
    problems: Vec<Diagnostic>,
}

impl<'a> Checker<'a> {
    fn report(&mut self, id: u64, message: String, hint: Option<String>) -> Type {
        let (line, column) = place(self.info, id);
        self.problems.push(Diagnostic { line, column, message, hint });
        Type::Any
    }

    fn problem(&mut self, id: u64, message: impl Into<String>) -> Type {
        self.report(id, message.into(), None)
    }

    /// Reports `message` with the nearest of the legal words, or all of them when they are few.
    fn unknown(&mut self, id: u64, message: String, word: &str, legal: &[&str]) -> Type {
        let hint = match did_you_mean(word, legal.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if legal.is_empty() => None,
            None => Some(format!("known here: {}", legal.join(", "))),
        };
        self.report(id, message, hint)
    }

    fn check(&mut self, expression: &'a IdedExpr) -> Type {
        match &expression.expr {
            Expr::Ident(name) if name == BUCKET => self.report(
                expression.id,
                "`bucket` stands alone".to_owned(),
                Some("name one of its fields, as in `bucket.tags`; `has(bucket.x)` says whether one is set".to_owned()),
            ),
            Expr::Ident(name) => self.variable(expression.id, name),
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Int,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::String(_) => Type::String,
                LiteralValue::Null => Type::Null,
                LiteralValue::Bytes(_) => self.problem(expression.id, "bytes have no use here"),
            },
            Expr::Select(select) => {
                let on = self.operand(&select.operand);
                let known = self.problems.len();
                let field = self.field(expression.id, &on, &select.field);
                if select.test && self.problems.len() > known {
                    // The macro `has` has taken the place of the selection.
                    let (line, column) = place_of_field(self.info, select.operand.id, &select.field);
                    self.problems[known].line = line;
                    self.problems[known].column = column;
                }
                if select.test { Type::Bool } else { field }
            }
            Expr::List(list) => {
                let types: Vec<Type> = list.elements.iter().map(|it| self.check(it)).collect();
                let first = types.first().cloned().unwrap_or(Type::Any);
                Type::List(Box::new(if types.iter().all(|it| *it == first) { first } else { Type::Any }))
            }
            Expr::Call(call) => self.call(expression.id, call),
            Expr::Comprehension(comprehension) => self.comprehension(expression.id, comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Type::Any,
        }
    }

    /// Like [`check`](Self::check), where something is selected: the one place for `bucket`.
    fn operand(&mut self, expression: &'a IdedExpr) -> Type {
        match &expression.expr {
            Expr::Ident(name) if name == BUCKET => Type::Object(self.schema.bucket.clone()),
            _ => self.check(expression),
        }
    }

    fn variable(&mut self, id: u64, name: &str) -> Type {
        if let Some((_, known)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return known.clone();
        }
        match name {
            PARAMS => Type::Object(self.schema.params.clone()),
            NOW => Type::Timestamp,
            _ => {
                let mut legal = vec![BUCKET, PARAMS, NOW];
                legal.extend(self.scope.iter().map(|(name, _)| *name).filter(|name| !name.starts_with('@')));
                self.unknown(id, format!("unknown variable `{name}`"), name, &legal)
            }
        }
    }

    fn field(&mut self, id: u64, on: &Type, name: &str) -> Type {
        match on {
            Type::Any => Type::Any,
            Type::Map(value) => (**value).clone(),
            Type::Optional(inner) => Type::Optional(Box::new(self.field(id, inner, name))),
            Type::Object(fields) => match fields.get(name) {
                Some(field) => field.clone(),
                None => {
                    let legal: Vec<&str> = fields.keys().map(String::as_str).collect();
                    self.unknown(id, format!("unknown field `{name}`"), name, &legal)
                }
            },
            other => self.problem(id, format!("`.{name}` on {other}")),
        }
    }

    fn comprehension(&mut self, id: u64, it: &'a ComprehensionExpr) -> Type {
        if [BUCKET, PARAMS, NOW].contains(&it.iter_var.as_str()) {
            self.problem(id, format!("`{}` is taken; give the loop's variable another name", it.iter_var));
        }
        let element = match self.check(&it.iter_range) {
            Type::List(element) => *element,
            Type::Map(_) | Type::Object(_) => Type::String,
            Type::Any => Type::Any,
            other => self.problem(it.iter_range.id, format!("a loop over {other}")),
        };
        let collects = matches!(it.accu_init.expr, Expr::List(_));
        let result = match &it.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Type::Bool,
            Expr::Literal(_) => Type::Int,
            _ => Type::List(Box::new(Type::Any)),
        };
        self.scope.push((&it.accu_var, result));
        self.scope.push((&it.iter_var, element));
        self.check(&it.loop_step);
        let kept = if collects {
            // Checked before; this is for its type alone.
            let known = self.problems.len();
            let kept = kept(&it.loop_step).map_or(Type::Any, |it| self.check(it));
            self.problems.truncate(known);
            Type::List(Box::new(kept))
        } else {
            Type::Bool
        };
        self.scope.truncate(self.scope.len() - 2);
        kept
    }

    fn need_bool(&mut self, id: u64, operator: &str, is: &Type) {
        if !matches!(is, Type::Bool | Type::Any) {
            self.problem(id, format!("`{operator}` needs bool, not {is}"));
        }
    }

    fn call(&mut self, id: u64, call: &'a CallExpr) -> Type {
        let name = call.func_name.as_str();
        if let (op::INDEX | op::OPT_INDEX | op::OPT_SELECT, [on, key]) = (name, call.args.as_slice()) {
            return self.index(id, name, on, key);
        }
        let on = call.target.as_ref().map(|target| self.check(target));
        let takes: Vec<Type> = call.args.iter().map(|it| self.check(it)).collect();
        match (name, takes.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, [_, _]) => {
                for (operand, is) in call.args.iter().zip(&takes) {
                    self.need_bool(operand.id, &name[1..3], is);
                }
                Type::Bool
            }
            (op::LOGICAL_NOT, [is]) => {
                self.need_bool(id, "!", is);
                Type::Bool
            }
            (op::NOT_STRICTLY_FALSE, _) => Type::Bool,
            (op::CONDITIONAL, [condition, a, b]) => {
                self.need_bool(call.args[0].id, "?", condition);
                if a == b { a.clone() } else { Type::Any }
            }
            (op::EQUALS | op::NOT_EQUALS | op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [a, b]) => {
                let order = !matches!(name, op::EQUALS | op::NOT_EQUALS);
                let has_order = |it: &Type| !matches!(it, Type::List(_) | Type::Map(_) | Type::Object(_) | Type::Null);
                if !a.comparable(b) || (order && !(has_order(a) && has_order(b))) {
                    self.problem(id, format!("{a} compared with {b}"));
                }
                Type::Bool
            }
            (op::IN, [a, b]) => {
                match b {
                    Type::List(element) if !a.comparable(element) => {
                        self.problem(id, format!("`in` looks for {a} in a list of {element}"));
                    }
                    Type::Map(_) | Type::Object(_) if !a.comparable(&Type::String) => {
                        self.problem(id, format!("`in` looks for {a} among keys, which are strings"));
                    }
                    Type::List(_) | Type::Map(_) | Type::Object(_) | Type::Any => {}
                    other => {
                        self.problem(id, format!("`in` needs a list or a map, not {other}"));
                    }
                }
                Type::Bool
            }
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [a, b]) => {
                self.arithmetic(id, name, a, b)
            }
            (op::NEGATE, [a @ (Type::Int | Type::Double | Type::Any)]) => a.clone(),
            (op::NEGATE, [other]) => self.problem(id, format!("`-` needs a number, not {other}")),
            ("orValue", [otherwise]) => self.or_value(id, on, otherwise),
            ("hasValue", []) if matches!(on, Some(Type::Optional(_) | Type::Any)) => Type::Bool,
            _ => self.function(id, call, on.as_ref(), &takes),
        }
    }

    fn or_value(&mut self, id: u64, on: Option<Type>, otherwise: &Type) -> Type {
        match on {
            Some(Type::Optional(inner)) if inner.comparable(otherwise) => {
                if *inner == Type::Any {
                    otherwise.clone()
                } else {
                    *inner
                }
            }
            Some(Type::Optional(inner)) => self.problem(id, format!("`orValue` gives {otherwise} in place of {inner}")),
            Some(Type::Any) => Type::Any,
            _ => self.problem(id, "`orValue` is for what `.?` and `[?]` give"),
        }
    }

    fn index(&mut self, id: u64, operator: &str, on: &'a IdedExpr, key: &'a IdedExpr) -> Type {
        let literal = match &key.expr {
            Expr::Literal(LiteralValue::String(name)) => Some(name.inner()),
            _ => None,
        };
        // A computed name could ask for any setting, so `bucket` takes literal ones alone.
        let on_type = if literal.is_some() { self.operand(on) } else { self.check(on) };
        let key_type = self.check(key);
        let (inner, optional) = match on_type {
            Type::Optional(inner) => (*inner, true),
            other => (other, operator != op::INDEX),
        };
        let needs = |want: Type| (!key_type.comparable(&want)).then_some(want);
        let wrong = match &inner {
            Type::List(_) => needs(Type::Int),
            Type::Map(_) | Type::Object(_) => needs(Type::String),
            _ => None,
        };
        if let Some(want) = wrong {
            return self.problem(id, format!("a {inner} indexed with {key_type}, not {want}"));
        }
        let found = match (&inner, literal) {
            (Type::List(element), _) => (**element).clone(),
            (Type::Object(_), None) | (Type::Any, _) => Type::Any,
            (_, Some(name)) => self.field(id, &inner, name),
            (Type::Map(value), None) => (**value).clone(),
            (other, None) => self.problem(id, format!("an index into {other}")),
        };
        if optional { Type::Optional(Box::new(found)) } else { found }
    }

    fn arithmetic(&mut self, id: u64, operator: &str, a: &Type, b: &Type) -> Type {
        use Type::{Any, Double, Duration, Int, List, String, Timestamp};
        let sum = operator == op::ADD;
        let difference = operator == op::SUBSTRACT;
        match (a, b) {
            (Any, Any) => Any,
            (Any, it @ (Int | Double)) | (it @ (Int | Double), Any) => it.clone(),
            (Int, Int) => Int,
            (Double, Double) if operator != op::MODULO => Double,
            (String, String | Any) | (Any, String) if sum => String,
            (List(x), List(y)) if sum && x == y => a.clone(),
            (List(_), List(_) | Any) | (Any, List(_)) if sum => List(Box::new(Any)),
            (Timestamp, Duration) | (Duration, Timestamp) if sum => Timestamp,
            (Timestamp, Duration) if difference => Timestamp,
            (Timestamp, Timestamp) if difference => Duration,
            (Duration, Duration) if sum || difference => Duration,
            (Any, Timestamp | Duration) | (Timestamp | Duration, Any) if sum || difference => Any,
            _ => {
                let sign = operator.trim_matches('_');
                self.problem(id, format!("`{sign}` between {a} and {b}"))
            }
        }
    }

    fn function(&mut self, id: u64, call: &'a CallExpr, on: Option<&Type>, takes: &[Type]) -> Type {
        let name = call.func_name.as_str();
        let named: Vec<_> = SIGNATURES.iter().filter(|it| it.name == name && it.on.is_some() == on.is_some()).collect();
        if named.is_empty() {
            let mut legal: Vec<&str> = SIGNATURES.iter().map(|it| it.name).collect();
            legal.extend(["all", "exists", "exists_one", "filter", "has", "map"]);
            legal.dedup();
            let hint = did_you_mean(name, legal).map(|near| format!("did you mean `{near}`?"));
            return self.report(id, format!("unknown function `{name}`"), hint);
        }
        let fits = |is: &Type, want: &Type| match (is, want) {
            (Type::Null | Type::Optional(_), _) => false,
            (is, want) => is.comparable(want),
        };
        let fitting = named.iter().find(|it| {
            it.takes.len() == takes.len()
                && it.takes.iter().zip(takes).all(|(want, is)| fits(is, want))
                && it.on.iter().zip(on).all(|(want, is)| fits(is, want))
        });
        let Some(signature) = fitting else {
            let given: Vec<String> = takes.iter().map(ToString::to_string).collect();
            let on = on.map(|it| format!(" on {it}")).unwrap_or_default();
            return self.problem(id, format!("`{name}({})`{on} is not a function", given.join(", ")));
        };
        if name == "size" && matches!(on.or(takes.first()), Some(it) if !has_size(it)) {
            return self.problem(id, "`size` is for strings, lists and maps");
        }
        if name == "matches" {
            self.pattern(&call.args[0]);
        }
        signature.gives.clone()
    }

    fn pattern(&mut self, argument: &'a IdedExpr) {
        match &argument.expr {
            Expr::Literal(LiteralValue::String(source)) => {
                if let Err(error) = pattern::compile(source.inner()) {
                    self.problem(argument.id, format!("bad pattern: {error}"));
                }
            }
            _ if is_rooted_in_params(argument) => {}
            _ => {
                let hint = "a pattern is written here or comes from `params`".to_owned();
                self.report(argument.id, "a pattern that is made while evaluating".to_owned(), Some(hint));
            }
        }
    }
}

fn has_size(is: &Type) -> bool {
    matches!(is, Type::Any | Type::String | Type::List(_) | Type::Map(_) | Type::Object(_))
}

/// Whether the value is a part of the policy's parameters, whichever.
fn is_rooted_in_params(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Ident(name) => name == PARAMS,
        Expr::Select(select) => !select.test && is_rooted_in_params(&select.operand),
        Expr::Call(call) => call.func_name == op::INDEX && is_rooted_in_params(&call.args[0]),
        _ => false,
    }
}

/// The `x` of a loop's step `@result + [x]`, guarded or not.
fn kept(step: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &step.expr else { return None };
    if call.func_name == op::CONDITIONAL {
        return kept(call.args.get(1)?);
    }
    match &call.args.get(1)?.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}
