//! What is known of a bucket at the moment, as an expression sees it. Settings are read only when
//! an expression asks for them, so each is known, absent, unread or unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::traits::Indexer;
use cel::common::types::{CelString, MAP_TYPE, Type as CelType};
use cel::common::value::{CowVal, Val};
use cel::{Context, ExecutionError};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::check::{BUCKET, NOW};
use super::functions::ENVIRONMENT;
use super::meter::{self, Missing};
use super::schema::{Schema, Type};
use super::tree::{Node, string, unexpected};

/// What is known of one setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen<'d> {
    /// Its canonical value. One that is an empty object is absent: nothing is set.
    Known(&'d Value),
    /// Nothing is set, or the store has no such setting: `has(bucket.x)` is false.
    Absent,
    /// Nobody has read it yet: asking for it is [`Outcome::Needs`](super::Outcome::Needs).
    Unread,
    /// Reading it was denied or failed: asking for it is
    /// [`Outcome::Unknown`](super::Outcome::Unknown).
    Unknown,
}

/// What is known of a bucket without reading any setting.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'d> {
    /// `bucket.name`.
    pub name: &'d str,
    /// `bucket.arn`.
    pub arn: &'d str,
    /// `bucket.account`, as the agent's configuration names it.
    pub account: &'d str,
    /// `bucket.region`.
    pub region: &'d str,
    /// `bucket.labels`, of its spec.
    pub labels: &'d BTreeMap<String, String>,
}

/// What is known of a bucket. Made once per bucket and shared by all its policies.
pub struct Facts<'d> {
    schema: &'d Schema,
    fields: Arc<BTreeMap<Arc<str>, Field<'d>>>,
    pub(super) context: Context<'d, 'd>,
}

#[derive(Debug, Clone)]
enum Field<'d> {
    Known(Node<'d>),
    Missing(Arc<str>, Missing),
}

impl<'d> Facts<'d> {
    /// A bucket of which no setting has been read.
    pub fn new(schema: &'d Schema, identity: &Identity<'d>, now: DateTime<Utc>) -> Self {
        let Identity { name, arn, account, region, labels } = *identity;
        let mut fields: BTreeMap<Arc<str>, Field<'d>> = BTreeMap::new();
        for (fact, text) in [("name", name), ("arn", arn), ("account", account), ("region", region)] {
            fields.insert(fact.into(), Field::Known(Node::String(CelString::from(text))));
        }
        fields.insert("labels".into(), Field::Known(Node::texts(labels)));
        for setting in &schema.settings {
            fields.insert(Arc::clone(setting), Field::Missing(Arc::clone(setting), Missing::Unread));
        }
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_from_value(NOW, cel::Value::Timestamp(now.fixed_offset()));
        let mut facts = Self { schema, fields: Arc::new(fields), context };
        facts.publish();
        facts
    }

    /// Says what is known of a setting. One that the schema does not list is never asked for.
    pub fn set(&mut self, setting: &str, seen: Seen<'d>) {
        let free_keys = matches!(self.schema.bucket.get(setting), Some(Type::Map(_)));
        let name: Arc<str> = setting.into();
        let field = match seen {
            Seen::Known(value) if free_keys || !is_empty(value) => Some(Field::Known(Node::of(value))),
            Seen::Known(_) | Seen::Absent => free_keys.then(|| Field::Known(Node::nothing())),
            Seen::Unread => Some(Field::Missing(Arc::clone(&name), Missing::Unread)),
            Seen::Unknown => Some(Field::Missing(Arc::clone(&name), Missing::Unknown)),
        };
        // The context's copy would make this one copy everything.
        self.context.add_variable_as_val(BUCKET, Node::nothing().boxed());
        let fields = Arc::make_mut(&mut self.fields);
        match field {
            Some(field) => fields.insert(name, field),
            None => fields.remove(&name),
        };
        self.publish();
    }

    fn publish(&mut self) {
        self.context.add_variable_as_val(BUCKET, Box::new(Bucket(Arc::clone(&self.fields))));
    }
}

/// Whether a value says nothing: the bucket is as if S3 held nothing for the setting.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(Value::is_null),
        _ => false,
    }
}

/// The variable `bucket`. Its fields are selected and nothing else; the check sees to that.
#[derive(Debug, Clone)]
struct Bucket<'d>(Arc<BTreeMap<Arc<str>, Field<'d>>>);

impl Val for Bucket<'_> {
    fn get_type(&self) -> &CelType {
        &MAP_TYPE
    }
    fn cel_type() -> &'static CelType {
        &MAP_TYPE
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Bucket<'_> {
    /// `bucket.x` and `has(bucket.x)` alike: the evaluator takes "no such key" alone for a `false`
    /// of `has`, so a setting that nobody has seen is an error in both.
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = string(index).ok_or_else(|| unexpected(index, "string"))?;
        match self.0.get(name) {
            Some(Field::Known(node)) => Ok(CowVal::Borrowed(node.val())),
            Some(Field::Missing(setting, why)) => Err(meter::miss(setting, *why)),
            None => Err(ExecutionError::no_such_key(name)),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}
