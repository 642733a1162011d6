//! JSON as values of the expression language: lists and maps behind `Arc`, so that a loop's copy
//! of an element costs nothing; maps sorted by key, so that messages never flap.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString, LIST_TYPE, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use serde_json::Value;

/// A document, its strings borrowed.
#[derive(Debug, Clone)]
pub(super) enum Node<'d> {
    Null(CelNull),
    Bool(CelBool),
    Int(CelInt),
    Double(CelDouble),
    String(CelString<'d>),
    List(List<'d>),
    Map(Map<'d>),
}

/// A list of a document.
#[derive(Debug, Clone)]
pub(super) struct List<'d>(Arc<[Node<'d>]>);

/// An object of a document, sorted by key.
#[derive(Debug, Clone)]
pub(super) struct Map<'d>(Arc<[(CelString<'d>, Node<'d>)]>);

impl<'d> Node<'d> {
    /// Converts a value. A field that is `null` is left out, as `has()` would call it there.
    pub(super) fn of(value: &'d Value) -> Self {
        match value {
            Value::Null => Self::Null(CelNull),
            Value::Bool(it) => Self::Bool((*it).into()),
            Value::Number(it) => match it.as_i64() {
                Some(whole) => Self::Int(whole.into()),
                None => Self::Double(it.as_f64().unwrap_or(f64::NAN).into()),
            },
            Value::String(it) => Self::String(CelString::from(it.as_str())),
            Value::Array(it) => Self::List(List(it.iter().map(Node::of).collect())),
            Value::Object(it) => {
                let mut entries: Vec<_> = it
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (CelString::from(key.as_str()), Node::of(value)))
                    .collect();
                entries.sort_by(|a, b| a.0.inner().cmp(b.0.inner()));
                Self::Map(Map(entries.into()))
            }
        }
    }

    /// A map of texts.
    pub(super) fn texts(map: &'d BTreeMap<String, String>) -> Self {
        let entry = |(key, value): (&'d String, &'d String)| {
            (CelString::from(key.as_str()), Self::String(CelString::from(value.as_str())))
        };
        Self::Map(Map(map.iter().map(entry).collect()))
    }

    /// A map without entries.
    pub(super) fn nothing() -> Self {
        Self::Map(Map(Arc::new([])))
    }

    /// The value as the evaluator sees it.
    pub(super) fn val<'b>(&'b self) -> &'b (dyn Val + 'd) {
        match self {
            Self::Null(it) => it,
            Self::Bool(it) => it,
            Self::Int(it) => it,
            Self::Double(it) => it,
            Self::String(it) => it,
            Self::List(it) => it,
            Self::Map(it) => it,
        }
    }

    /// A copy that a context can own.
    pub(super) fn boxed(&self) -> Box<dyn Val + 'd> {
        self.val().clone_as_boxed()
    }
}

pub(super) fn string(value: &dyn Val) -> Option<&str> {
    value.downcast_ref::<CelString>().map(CelString::inner)
}

pub(super) fn unexpected(value: &dyn Val, want: &str) -> ExecutionError {
    ExecutionError::UnexpectedType { got: value.get_type().name().into(), want: want.into() }
}

impl<'d> Map<'d> {
    fn find(&self, key: &str) -> Option<&Node<'d>> {
        let place = self.0.binary_search_by(|entry| entry.0.inner().cmp(key)).ok()?;
        Some(&self.0[place].1)
    }
}

/// Walks a slice and shows of each element what the evaluator wants.
struct Walk<'b, 'd, T>(std::slice::Iter<'b, T>, fn(&'b T) -> &'b (dyn Val + 'd));

// `'d: 'v`: the evaluator asks for a bound shorter than the document's own lifetime.
impl<'b, 'd: 'v, 'v, T> traits::Iterator<'b, 'v> for Walk<'b, 'd, T> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|element| (self.1)(element) as &'b (dyn Val + 'v))
    }
}

macro_rules! collection {
    ($type:ident) => {
        fn get_type(&self) -> &Type {
            &$type
        }
        fn cel_type() -> &'static Type {
            &$type
        }
        fn as_container(&self) -> Option<&dyn Container> {
            Some(self)
        }
        fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
        where
            Self: 'v,
        {
            Some(self)
        }
        fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
        where
            Self: 'v,
        {
            Some(self)
        }
        fn as_sizer(&self) -> Option<&dyn Sizer> {
            Some(self)
        }
        fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
        where
            Self: 'v,
        {
            Box::new(self.clone())
        }
    };
}

impl Val for List<'_> {
    collection!(LIST_TYPE);

    fn equals(&self, other: &dyn Val) -> bool {
        let (Some(elements), Some(size)) = (other.as_iterable(), other.as_sizer()) else { return false };
        if other.get_type() != &LIST_TYPE || usize::try_from(*size.size().inner()) != Ok(self.0.len()) {
            return false;
        }
        let mut elements = elements.iter();
        self.0.iter().all(|mine| elements.next().is_some_and(|other| mine.val().equals(other)))
    }
}

impl Container for List<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|element| element.val().equals(value)))
    }
}

impl Sizer for List<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX).into()
    }
}

impl Indexer for List<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let place = index.downcast_ref::<CelInt>().map(|it| *it.inner()).ok_or_else(|| unexpected(index, "int"))?;
        usize::try_from(place)
            .ok()
            .and_then(|place| self.0.get(place))
            .map(|element| CowVal::Borrowed(element.val()))
            .ok_or(ExecutionError::IndexOutOfBounds(place.into()))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Iterable for List<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Walk(self.0.iter(), Node::val))
    }
}

impl Val for Map<'_> {
    collection!(MAP_TYPE);

    fn equals(&self, other: &dyn Val) -> bool {
        let (Some(index), Some(size)) = (other.as_indexer(), other.as_sizer()) else { return false };
        other.get_type() == &MAP_TYPE
            && usize::try_from(*size.size().inner()) == Ok(self.0.len())
            && self.0.iter().all(|(key, mine)| index.get(key).is_ok_and(|other| mine.val().equals(other.as_ref())))
    }
}

impl Container for Map<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(string(value).is_some_and(|key| self.find(key).is_some()))
    }
}

impl Sizer for Map<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX).into()
    }
}

impl Indexer for Map<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = string(index).ok_or_else(|| unexpected(index, "string"))?;
        self.find(key).map(|it| CowVal::Borrowed(it.val())).ok_or_else(|| ExecutionError::no_such_key(key))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl<'d> Iterable for Map<'d> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Walk(self.0.iter(), |entry: &(CelString<'d>, Node<'d>)| &entry.0 as &(dyn Val + 'd)))
    }
}
