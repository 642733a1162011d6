//! The functions that expressions can call, and those that `rewrite.rs` puts into them to
//! charge for what costs.

use std::sync::{Arc, LazyLock};

use cel::common::traits::Sizer;
use cel::common::types::{CelBool, CelInt, CelList, CelString, DYN_TYPE, LIST_TYPE, MAP_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

use super::schema::Type;
use super::{Limits, meter, pattern, tree};

/// One turn of a loop: `(value, cost)`.
pub(super) const TURN: &str = "__turn";
/// An element that a loop keeps: `(value, cost)`. Also charged its deep size, as it is copied.
pub(super) const KEEP: &str = "__keep";
/// An operand whose deep size the work on it grows with: `(value)`.
pub(super) const WEIGH: &str = "__weigh";
/// `a == b`, charged. The language's own lists never equal a document's.
pub(super) const EQUAL: &str = "__equal";
/// `a != b`, likewise.
pub(super) const UNEQUAL: &str = "__unequal";
/// `a in b`, likewise.
pub(super) const IN: &str = "__in";
/// `a + b`, bounded.
pub(super) const ADD: &str = "__add";
/// `list.join(separator)`, bounded.
pub(super) const JOIN: &str = "__join";
/// `text.split(separator)`, bounded.
pub(super) const SPLIT: &str = "__split";
/// A text against the pattern of that number in the expression.
pub(super) const MATCHES: &str = "__matches";
/// A text against a pattern from the parameters.
pub(super) const MATCHES_PARAM: &str = "__matches_param";
/// How many settings were missed so far.
pub(super) const MARK: &str = "__mark";
/// `(mark, value)`: the value is there, so nothing missed since the mark was needed.
pub(super) const SETTLE: &str = "__settle";
/// `(bucket, name)`: the bucket, when that setting can be seen.
pub(super) const SEEN: &str = "__seen";

/// What matching a pattern of the parameters costs besides the text: it may have to be compiled.
const PARAM_PATTERN: u64 = 2_000;

/// Everything is called through this environment; it is the same for all expressions.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let mut add = || {
        env.add_extension(cel::extensions::strings)?;
        let any = || DYN_TYPE;
        env.add_overload(TURN, TURN, vec![any(), any()], turn)?;
        env.add_overload(KEEP, KEEP, vec![any(), any()], keep)?;
        env.add_overload(WEIGH, WEIGH, vec![any()], weigh)?;
        env.add_overload(EQUAL, EQUAL, vec![any(), any()], equal)?;
        env.add_overload(UNEQUAL, UNEQUAL, vec![any(), any()], unequal)?;
        env.add_overload(IN, IN, vec![any(), any()], contained)?;
        env.add_overload(ADD, ADD, vec![any(), any()], add_bounded)?;
        env.add_overload(JOIN, JOIN, vec![any(), any()], join)?;
        env.add_overload(SPLIT, SPLIT, vec![any(), any()], split)?;
        env.add_overload(MATCHES, MATCHES, vec![any(), any()], matches)?;
        env.add_overload(MATCHES_PARAM, MATCHES_PARAM, vec![any(), any()], matches_param)?;
        env.add_overload(MARK, MARK, vec![], mark)?;
        env.add_overload(SETTLE, SETTLE, vec![any(), any()], settle)?;
        env.add_overload(SEEN, SEEN, vec![any(), STRING_TYPE], seen)
    };
    add().expect("no two functions have one name");
    Arc::new(env)
});

/// A function that an expression can call.
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// What it is called on; `None` for `name(…)`.
    pub(super) on: Option<Type>,
    pub(super) takes: Vec<Type>,
    pub(super) gives: Type,
}

/// What an expression can call. Everything else of the language is refused: it has no bound
/// on its cost (`replace`, `format`), or no use over a bucket.
pub(super) static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    use Type::{Any, Bool, Double, Duration, Int, List, String, Timestamp};
    let on = |on, name, takes: &[Type], gives| Signature { name, on: Some(on), takes: takes.to_vec(), gives };
    let call = |name, takes: &[Type], gives| Signature { name, on: None, takes: takes.to_vec(), gives };
    let list = || List(Box::new(Any));
    let mut all = vec![
        on(Any, "size", &[], Int),
        call("size", &[Any], Int),
        on(String, "startsWith", &[String], Bool),
        on(String, "endsWith", &[String], Bool),
        on(String, "contains", &[String], Bool),
        on(String, "matches", &[String], Bool),
        on(String, "lowerAscii", &[], String),
        on(String, "upperAscii", &[], String),
        on(String, "trim", &[], String),
        on(String, "split", &[String], List(Box::new(String))),
        on(String, "substring", &[Int], String),
        on(String, "substring", &[Int, Int], String),
        on(String, "indexOf", &[String], Int),
        on(list(), "join", &[], String),
        on(list(), "join", &[String], String),
        call("string", &[Any], String),
        call("int", &[Any], Int),
        call("double", &[Any], Double),
        call("timestamp", &[String], Timestamp),
        call("duration", &[String], Duration),
    ];
    for name in ["getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours"] {
        all.push(on(Timestamp, name, &[], Int));
    }
    all
});

type Arguments<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn number(value: &dyn Val) -> u64 {
    value.downcast_ref::<CelInt>().and_then(|it| u64::try_from(*it.inner()).ok()).unwrap_or(0)
}

fn turn<'b, 'v>(mut arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    meter::burn(number(arguments[1].as_ref()))?;
    Ok(arguments.swap_remove(0))
}

fn keep<'b, 'v>(mut arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    meter::burn(number(arguments[1].as_ref()))?;
    charge(arguments[0].as_ref())?;
    Ok(arguments.swap_remove(0))
}

fn weigh<'b, 'v>(mut arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    charge(arguments[0].as_ref())?;
    Ok(arguments.swap_remove(0))
}

fn equal<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelBool::from(are_equal(arguments[0].as_ref(), arguments[1].as_ref())?)))
}

fn unequal<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelBool::from(!are_equal(arguments[0].as_ref(), arguments[1].as_ref())?)))
}

/// Whether two values are equal, whoever made them. Takes fuel for what is compared.
fn are_equal(a: &dyn Val, b: &dyn Val) -> Result<bool, ExecutionError> {
    let kind = a.get_type();
    meter::burn(1 + length(a).min(length(b)) / 16)?;
    if kind != b.get_type() || (kind != &LIST_TYPE && kind != &MAP_TYPE) {
        return Ok(a.equals(b));
    }
    let (Some(mine), Some(theirs)) = (a.as_iterable(), b.as_iterable()) else { return Ok(false) };
    if length(a) != length(b) {
        return Ok(false);
    }
    let (mut mine, mut theirs) = (mine.iter(), theirs.iter());
    while let (Some(element), Some(other)) = (mine.next(), theirs.next()) {
        let same = if kind == &LIST_TYPE {
            are_equal(element, other)?
        } else {
            match (a.as_indexer().map(|it| it.get(element)), b.as_indexer().map(|it| it.get(element))) {
                (Some(Ok(value)), Some(Ok(other))) => are_equal(value.as_ref(), other.as_ref())?,
                _ => false,
            }
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contained<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let [value, among] = [arguments[0].as_ref(), arguments[1].as_ref()];
    meter::burn(1)?;
    if among.get_type() != &LIST_TYPE {
        let container = among.as_container().ok_or_else(|| tree::unexpected(among, "list or map"))?;
        return Ok(CowVal::owned(CelBool::from(container.contains(value)?)));
    }
    let mut elements = among.as_iterable().ok_or_else(|| tree::unexpected(among, "list"))?.iter();
    while let Some(element) = elements.next() {
        if are_equal(value, element)? {
            return Ok(CowVal::owned(CelBool::from(true)));
        }
    }
    Ok(CowVal::owned(CelBool::from(false)))
}

/// Takes fuel for the deep size of a value: one for each part, and one for every 16 bytes.
fn charge(value: &dyn Val) -> Result<(), ExecutionError> {
    if let Some(text) = tree::string(value) {
        return meter::burn(1 + text.len() as u64 / 16);
    }
    meter::burn(1)?;
    let Some(iterable) = value.as_iterable() else { return Ok(()) };
    let index = (value.get_type() == &MAP_TYPE).then(|| value.as_indexer()).flatten();
    let mut elements = iterable.iter();
    while let Some(element) = elements.next() {
        charge(element)?;
        if let Some(index) = index {
            charge(index.get(element)?.as_ref())?;
        }
    }
    Ok(())
}

fn length(value: &dyn Val) -> u64 {
    match tree::string(value) {
        Some(text) => text.len() as u64,
        None => value.as_sizer().map_or(1, |sizer| number(&Sizer::size(sizer))),
    }
}

fn add_bounded<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let [left, right] = [arguments[0].as_ref(), arguments[1].as_ref()];
    if left.get_type() == &LIST_TYPE {
        charge(left)?;
        charge(right)?;
    }
    let size = length(left) + length(right);
    meter::burn(1 + size / 64)?;
    if size > Limits::SHIPPED.output {
        return Err(meter::exceeded());
    }
    let adder = left.as_adder().ok_or_else(|| {
        ExecutionError::no_such_overload("_+_", vec![left.get_type().name().into(), right.get_type().name().into()])
    });
    // A document's list is of our own type, which adds nothing: a copy of it is the language's.
    if left.get_type() == &LIST_TYPE && right.get_type() == &LIST_TYPE {
        let elements = [left, right].into_iter().flat_map(elements).collect::<Vec<_>>();
        return Ok(CowVal::owned(CelList::from(elements)));
    }
    Ok(CowVal::Owned(adder?.add(right)?.into_owned()))
}

fn elements<'v>(list: &(dyn Val + 'v)) -> Vec<Box<dyn Val + 'v>> {
    let mut all = Vec::new();
    if let Some(iterable) = list.as_iterable() {
        let mut iterator = iterable.iter();
        while let Some(element) = iterator.next() {
            all.push(element.clone_as_boxed());
        }
    }
    all
}

fn join<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let separator =
        tree::string(arguments[1].as_ref()).ok_or_else(|| tree::unexpected(arguments[1].as_ref(), "string"))?;
    let list = arguments[0].as_ref();
    charge(list)?;
    let iterable = list.as_iterable().ok_or_else(|| tree::unexpected(list, "list"))?;
    let mut joined = String::new();
    let mut first = true;
    let mut elements = iterable.iter();
    while let Some(element) = elements.next() {
        let text = tree::string(element).ok_or_else(|| tree::unexpected(element, "string"))?;
        if !std::mem::take(&mut first) {
            joined.push_str(separator);
        }
        joined.push_str(text);
        if joined.len() as u64 > Limits::SHIPPED.output {
            return Err(meter::exceeded());
        }
    }
    meter::burn(joined.len() as u64 / 64)?;
    Ok(CowVal::owned(CelString::from(joined)))
}

fn split<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let (text, separator) = (text(&arguments[0])?, text(&arguments[1])?);
    meter::burn(1 + text.len() as u64 / 16)?;
    let parts = if separator.is_empty() { text.chars().count() } else { text.matches(separator).count() + 1 } as u64;
    if parts > Limits::SHIPPED.output {
        return Err(meter::exceeded());
    }
    meter::burn(parts)?;
    let part = |text: String| Box::new(CelString::from(text)) as Box<dyn Val>;
    let parts: Vec<Box<dyn Val>> = if separator.is_empty() {
        text.chars().map(|it| part(it.into())).collect()
    } else {
        text.split(separator).map(|it| part(it.to_owned())).collect()
    };
    Ok(CowVal::owned(CelList::from(parts)))
}

fn text<'b>(value: &'b CowVal<'_, '_>) -> Result<&'b str, ExecutionError> {
    tree::string(value.as_ref()).ok_or_else(|| tree::unexpected(value.as_ref(), "string"))
}

fn matches<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let text = text(&arguments[0])?;
    meter::burn(1 + text.len() as u64 / 64)?;
    let place = usize::try_from(number(arguments[1].as_ref())).unwrap_or(usize::MAX);
    let matches =
        meter::matches(text, place).ok_or_else(|| ExecutionError::function_error("matches", "no such pattern"))?;
    Ok(CowVal::owned(CelBool::from(matches)))
}

fn matches_param<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let (text, source) = (text(&arguments[0])?, text(&arguments[1])?);
    meter::burn(PARAM_PATTERN + source.len() as u64 + text.len() as u64 / 64)?;
    let regex = pattern::cached(source)
        .map_err(|error| ExecutionError::function_error("matches", format!("bad pattern `{source}`: {error}")))?;
    Ok(CowVal::owned(CelBool::from(regex.is_match(text))))
}

fn mark<'b, 'v>(_: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelInt::from(i64::try_from(meter::missed()).unwrap_or(i64::MAX))))
}

fn settle<'b, 'v>(mut arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    meter::absolve(usize::try_from(number(arguments[0].as_ref())).unwrap_or(usize::MAX));
    Ok(arguments.swap_remove(1))
}

fn seen<'b, 'v>(mut arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    if let Some(index) = arguments[0].as_indexer() {
        match index.get(arguments[1].as_ref()) {
            Ok(_) | Err(ExecutionError::NoSuchKey(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(arguments.swap_remove(0))
}
