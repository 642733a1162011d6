//! What an expression can see and of which type each part is: the bucket's facts and settings,
//! the policy's parameters, the time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::setting::AnySetting;

/// The type of a part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Not known before evaluation; fits everything.
    Any,
    /// Nothing.
    Null,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// A text.
    String,
    /// A point in time.
    Timestamp,
    /// A span of time.
    Duration,
    /// Elements of one type.
    List(Box<Type>),
    /// Free keys, values of one type.
    Map(Box<Type>),
    /// Known fields. Each may be absent.
    Object(BTreeMap<String, Type>),
    /// What `.?field` and `[?key]` give: a value or none.
    Optional(Box<Type>),
}

impl Type {
    /// A type by example: `{"*": x}` is a map with free keys, `[x]` a list, `"string"`, `"int"`,
    /// `"double"`, `"bool"`, `"timestamp"` scalars, everything else any.
    pub fn by_example(example: &Value) -> Self {
        match example {
            Value::String(name) => match name.as_str() {
                "string" => Self::String,
                "int" => Self::Int,
                "double" => Self::Double,
                "bool" => Self::Bool,
                "timestamp" => Self::Timestamp,
                _ => Self::Any,
            },
            Value::Array(list) => Self::List(Box::new(list.first().map_or(Self::Any, Self::by_example))),
            Value::Object(object) => match object.get("*") {
                Some(value) => Self::Map(Box::new(Self::by_example(value))),
                None => Self::Object(object.iter().map(|(key, it)| (key.clone(), Self::by_example(it))).collect()),
            },
            _ => Self::Any,
        }
    }

    /// The type of canonical values that a JSON Schema describes; `root` holds the `$defs`.
    ///
    /// A schema says what a spec may write, and a spec may write short forms (`all` for four
    /// switches, one text for a list of one). Canonical values have the long form, so objects win
    /// over lists, and both over scalars.
    pub fn by_json_schema(schema: &Value, root: &Value) -> Self {
        Self::read_schema(schema, root, &[])
    }

    /// `within` are the definitions around: one that refers to itself is any from there on.
    fn read_schema(schema: &Value, root: &Value, within: &[&str]) -> Self {
        let Some(object) = schema.as_object() else { return Self::Any };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return match target {
                Some(target) if !within.contains(&reference) => {
                    Self::read_schema(target, root, &[within, &[reference]].concat())
                }
                _ => Self::Any,
            };
        }
        let next = |schema: &Value| Self::read_schema(schema, root, within);
        for key in ["anyOf", "oneOf"] {
            if let Some(alternatives) = object.get(key).and_then(Value::as_array) {
                return alternatives.iter().map(next).reduce(Self::or).unwrap_or(Self::Any);
            }
        }
        if let Some([only]) = object.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            return next(only);
        }
        match object.get("type") {
            Some(Value::String(name)) => Self::read_type(name, schema, &next),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(|name| Self::read_type(name, schema, &next))
                .reduce(Self::or)
                .unwrap_or(Self::Any),
            _ => match object.get("const").or_else(|| object.get("enum")?.get(0)) {
                Some(Value::String(_)) => Self::String,
                Some(Value::Bool(_)) => Self::Bool,
                Some(Value::Null) => Self::Null,
                _ if object.contains_key("properties") => Self::read_type("object", schema, &next),
                _ => Self::Any,
            },
        }
    }

    fn read_type(name: &str, schema: &Value, next: &dyn Fn(&Value) -> Self) -> Self {
        match name {
            "string" => Self::String,
            "integer" => Self::Int,
            "number" => Self::Double,
            "boolean" => Self::Bool,
            "null" => Self::Null,
            "array" => Self::List(Box::new(schema.get("items").map_or(Self::Any, next))),
            "object" => match schema.get("properties").and_then(Value::as_object) {
                Some(fields) => Self::Object(fields.iter().map(|(key, it)| (key.clone(), next(it))).collect()),
                None => Self::Map(Box::new(schema.get("additionalProperties").map_or(Self::Any, next))),
            },
            _ => Self::Any,
        }
    }

    /// The type of values that are of one type or the other.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, it) | (it, Self::Null) => it,
            (Self::Object(mut a), Self::Object(b)) => {
                for (key, theirs) in b {
                    let joined = match a.remove(&key) {
                        Some(mine) => mine.or(theirs),
                        None => theirs,
                    };
                    a.insert(key, joined);
                }
                Self::Object(a)
            }
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.or(*b))),
            (Self::Map(a), Self::Map(b)) => Self::Map(Box::new(a.or(*b))),
            (Self::Int, Self::Double) | (Self::Double, Self::Int) => Self::Double,
            (it @ (Self::Object(_) | Self::Map(_)), other) | (other, it @ (Self::Object(_) | Self::Map(_)))
                if !matches!(other, Self::Object(_) | Self::Map(_) | Self::Any) =>
            {
                it
            }
            (it @ Self::List(_), other) | (other, it @ Self::List(_)) if other.is_scalar() => it,
            _ => Self::Any,
        }
    }

    /// The type of a value that is given once and may be replaced by another of its kind: what
    /// stands below the first level is free.
    fn of_parameter(value: &Value) -> Self {
        let common = |values: &mut dyn Iterator<Item = &Value>| {
            Box::new(values.map(Self::of_parameter).reduce(Self::or).unwrap_or(Self::Any))
        };
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Bool,
            Value::Number(it) if it.is_i64() => Self::Int,
            Value::Number(_) => Self::Double,
            Value::String(_) => Self::String,
            Value::Array(list) => Self::List(common(&mut list.iter())),
            Value::Object(object) => Self::Map(common(&mut object.values())),
        }
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Self::Null | Self::Bool | Self::Int | Self::Double | Self::String)
    }

    /// Whether `==` between the two can ever say anything.
    pub(super) fn comparable(&self, other: &Self) -> bool {
        let number = |it: &Self| matches!(it, Self::Int | Self::Double);
        match (self, other) {
            (Self::Any | Self::Null, _) | (_, Self::Any | Self::Null) => true,
            (Self::List(a), Self::List(b)) => a.comparable(b),
            (Self::Map(_) | Self::Object(_), Self::Map(_) | Self::Object(_)) => true,
            (Self::Optional(a), Self::Optional(b)) => a.comparable(b),
            (a, b) => a == b || (number(a) && number(b)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Map(value) => write!(f, "map of {value}"),
            Self::Object(_) => f.write_str("object"),
            Self::Optional(inner) => write!(f, "optional {inner}"),
        }
    }
}

/// What an expression can name.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) bucket: BTreeMap<String, Type>,
    pub(super) params: BTreeMap<String, Type>,
    pub(super) settings: Vec<Arc<str>>,
}

/// The facts that stand beside the settings and are always known.
const FACTS: [&str; 4] = ["account", "arn", "name", "region"];

impl Schema {
    /// The facts of a bucket and the settings given with their types. No parameters.
    pub fn new(settings: impl IntoIterator<Item = (String, Type)>) -> Self {
        let mut bucket: BTreeMap<String, Type> = FACTS.iter().map(|name| ((*name).to_owned(), Type::String)).collect();
        bucket.insert("labels".to_owned(), Type::Map(Box::new(Type::String)));
        let mut names = Vec::new();
        for (name, setting) in settings {
            names.push(Arc::from(name.as_str()));
            bucket.insert(name, setting);
        }
        names.sort();
        Self { bucket, params: BTreeMap::new(), settings: names }
    }

    /// The facts of a bucket and the settings of a table, each with its JSON Schema.
    pub fn of_settings(settings: &[&dyn AnySetting]) -> Self {
        let mut generator = schemars::SchemaGenerator::default();
        let schemas: Vec<_> =
            settings.iter().map(|setting| (setting.name(), setting.schema(&mut generator).to_value())).collect();
        let root = serde_json::json!({ "$defs": generator.take_definitions(true) });
        Self::new(schemas.iter().map(|(name, schema)| {
            let seen =
                canonical_form(name).map_or_else(|| Type::by_json_schema(schema, &root), |it| Type::by_example(&it));
            ((*name).to_owned(), seen)
        }))
    }

    /// The same with the parameters of one policy. Their names are fixed; what is in them may be
    /// replaced by other keys and values of the same kind.
    #[must_use]
    pub fn with_params(&self, params: &Value) -> Self {
        let named = params.as_object().into_iter().flatten();
        Self { params: named.map(|(name, value)| (name.clone(), Type::of_parameter(value))).collect(), ..self.clone() }
    }

    /// The names of the settings, sorted.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|it| &**it)
    }
}

/// The canonical form, by example, of a setting for which a spec writes another form.
fn canonical_form(setting: &str) -> Option<Value> {
    match setting {
        // A spec writes a word for the whole list, or one permission for a list of one.
        "acl" => Some(json!({"grants": [{"grantee": "string", "permissions": ["string"]}]})),
        // A spec writes AWS's own document.
        "policy" => Some(json!({
            "version": "string",
            "id": "string",
            "statements": [{
                "id": "string",
                "sid": "string",
                "effect": "string",
                "public": "bool",
                "principal": {"*": ["string"]},
                "notPrincipal": {"*": ["string"]},
                "actions": ["string"],
                "notActions": ["string"],
                "resources": ["string"],
                "notResources": ["string"],
                "conditions": {"*": {"*": ["string"]}},
            }],
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_the_type_of_its_canonical_value() {
        let schema = Schema::of_settings(crate::settings::SETTINGS);
        let Some(Type::Object(block)) = schema.bucket.get("publicAccessBlock") else { panic!("an object") };
        assert_eq!(block.get("blockPublicAcls"), Some(&Type::Bool), "not the word `all` that a spec may write");
        let Some(Type::Object(encryption)) = schema.bucket.get("encryption") else { panic!("an object") };
        assert_eq!(encryption.get("algorithm"), Some(&Type::String));
        assert_eq!(encryption.get("blockedEncryptionTypes"), Some(&Type::List(Box::new(Type::String))));
        assert_eq!(schema.bucket.get("tags"), Some(&Type::Map(Box::new(Type::String))));
    }

    fn fits(kind: &Type, value: &Value) -> bool {
        match (kind, value) {
            (Type::Any, _) | (_, Value::Null) => true,
            (Type::Object(fields), Value::Object(object)) => {
                object.iter().all(|(key, value)| fields.get(key).is_some_and(|kind| fits(kind, value)))
            }
            (Type::Map(kind), Value::Object(object)) => object.values().all(|value| fits(kind, value)),
            (Type::List(kind), Value::Array(list)) => list.iter().all(|value| fits(kind, value)),
            (Type::String, Value::String(_)) | (Type::Bool, Value::Bool(_)) => true,
            (Type::Int | Type::Double, Value::Number(_)) => true,
            _ => false,
        }
    }

    #[test]
    fn what_a_setting_is_by_default_has_its_type() {
        let schema = Schema::of_settings(crate::settings::SETTINGS);
        for setting in crate::settings::SETTINGS {
            let (kind, default) = (&schema.bucket[setting.name()], setting.default_doc().value());
            assert!(fits(kind, &default), "{}: {default} is no {kind:?}", setting.name());
        }
        assert!(!fits(&schema.bucket["versioning"], &json!({"state": "Enabled"})));
    }

    #[test]
    fn references_and_alternatives_are_followed() {
        let root =
            json!({"$defs": {"rule": {"type": "object", "properties": {"days": {"type": ["integer", "null"]}}}}});
        let schema = json!({"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/rule"}}, {"type": "null"}]});
        let rule = Type::Object([("days".to_owned(), Type::Int)].into());
        assert_eq!(Type::by_json_schema(&schema, &root), Type::List(Box::new(rule)));
        let one_or_many = json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
        assert_eq!(Type::by_json_schema(&one_or_many, &root), Type::List(Box::new(Type::String)));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let root = json!({"$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}});
        let any = Type::List(Box::new(Type::Any));
        assert_eq!(Type::by_json_schema(&json!({"$ref": "#/$defs/a"}), &root), any);
    }

    #[test]
    fn names_of_parameters_are_fixed_and_their_contents_free() {
        let schema = Schema::new([]).with_params(&json!({"required": {"Name": ".+"}, "algorithms": ["AES256"]}));
        assert_eq!(schema.params.get("required"), Some(&Type::Map(Box::new(Type::String))));
        assert_eq!(schema.params.get("algorithms"), Some(&Type::List(Box::new(Type::String))));
    }
}
