//! CloudFormation's functions: what can be told from the template and from given parameters is put
//! in, and what cannot says so at its place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::table::Said;

/// Functions in functions; no person nests them so deep.
const MOST_DEPTH: usize = 64;

/// What a template says beside its resources.
pub(super) struct Scope<'a> {
    /// The whole template.
    pub template: &'a Value,
    /// Values of parameters that were given.
    pub given: &'a BTreeMap<String, String>,
}

/// A value, or nothing where `AWS::NoValue` stands.
type Made = Result<Option<Value>, String>;

impl Scope<'_> {
    /// The value with every function in it put in. What cannot be told is listed and left out.
    pub(super) fn resolve(&self, value: &Value, said: &mut Said) -> Value {
        self.walk(value, &mut String::new(), said, 0).unwrap_or(Value::Null)
    }

    fn walk(&self, value: &Value, at: &mut String, said: &mut Said, depth: usize) -> Option<Value> {
        if function(value).is_some() {
            match self.make(value, depth) {
                // What a function gives holds no further ones, but texts that CloudFormation fills in.
                Ok(made) => return made.and_then(|made| self.known(&made, at, said)),
                Err(why) => {
                    said.losses.push((at.clone(), why));
                    return None;
                }
            }
        }
        let length = at.len();
        let nested = |step: &str, inner: &Value, at: &mut String, said: &mut Said| {
            at.push_str(step);
            let made = self.walk(inner, at, said, depth + 1);
            at.truncate(length);
            made
        };
        match value {
            Value::Object(fields) => {
                let mut made = Map::new();
                for (key, inner) in fields {
                    let step = if length == 0 { key.clone() } else { format!(".{key}") };
                    if let Some(inner) = nested(&step, inner, at, said) {
                        made.insert(key.clone(), inner);
                    }
                }
                Some(Value::Object(made))
            }
            Value::Array(items) => {
                let made = items.iter().enumerate().filter_map(|(n, inner)| nested(&format!("[{n}]"), inner, at, said));
                Some(made.collect())
            }
            scalar => self.known(scalar, at, said),
        }
    }

    /// The value, unless a text in it is looked up where the template is deployed.
    fn known(&self, value: &Value, at: &str, said: &mut Said) -> Option<Value> {
        if looked_up(value) {
            said.losses.push((at.to_owned(), "`{{resolve:` is looked up where the template is deployed".to_owned()));
            return None;
        }
        Some(value.clone())
    }

    /// A text that has to be told whole, such as a name.
    pub(super) fn text(&self, value: &Value) -> Result<Option<String>, String> {
        match self.make(value, 0)? {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(scalar @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(scalar.to_string())),
            None => Ok(None),
            Some(_) => Err("it is no text".to_owned()),
        }
    }

    /// Whether a condition of the template holds.
    pub(super) fn holds(&self, name: &str) -> Result<bool, String> {
        self.condition(name, 0)
    }

    fn condition(&self, name: &str, depth: usize) -> Result<bool, String> {
        deep(depth)?;
        let said = self.template.get("Conditions").and_then(|it| it.get(name));
        match self.make(said.ok_or_else(|| format!("there is no condition `{name}`"))?, depth + 1)? {
            Some(Value::Bool(holds)) => Ok(holds),
            _ => Err(format!("the condition `{name}` is neither true nor false")),
        }
    }

    fn make(&self, value: &Value, depth: usize) -> Made {
        deep(depth)?;
        let Some((name, argument)) = function(value) else {
            return match value {
                Value::Object(fields) => {
                    let mut made = Map::new();
                    for (key, inner) in fields {
                        made.extend(self.make(inner, depth + 1)?.map(|inner| (key.clone(), inner)));
                    }
                    Ok(Some(Value::Object(made)))
                }
                Value::Array(items) => {
                    let made: Result<Vec<_>, String> = items.iter().map(|inner| self.make(inner, depth + 1)).collect();
                    Ok(Some(made?.into_iter().flatten().collect()))
                }
                scalar => Ok(Some(scalar.clone())),
            };
        };
        let list = || argument.as_array().ok_or_else(|| format!("`{name}` without a list"));
        let whole = |n: usize| -> Result<Value, String> {
            let inner = list()?.get(n).ok_or_else(|| format!("`{name}` with too few values"))?;
            self.make(inner, depth + 1)?.ok_or_else(|| format!("`{name}` of nothing"))
        };
        match name {
            "Ref" => self.reference(argument.as_str().unwrap_or_default(), depth),
            "Condition" => self.condition(argument.as_str().unwrap_or_default(), depth + 1).map(|it| Some(it.into())),
            "Fn::Sub" => self.substitute(argument, depth).map(|text| Some(text.into())),
            "Fn::GetAtt" => {
                let (resource, attribute) = match argument {
                    Value::String(text) => text.split_once('.').ok_or("`GetAtt` without an attribute")?,
                    list => match (list.get(0).and_then(Value::as_str), list.get(1).and_then(Value::as_str)) {
                        (Some(resource), Some(attribute)) => (resource, attribute),
                        _ => return Err("`GetAtt` of something that cannot be told".to_owned()),
                    },
                };
                self.attribute(resource, attribute, depth).map(|text| Some(text.into()))
            }
            "Fn::Join" => {
                let (by, parts) = (whole(0)?, whole(1)?);
                let parts: Option<Vec<String>> =
                    parts.as_array().map(|all| all.iter().map(plain).collect()).unwrap_or_default();
                let parts = parts.ok_or("`Join` of what is no list of texts")?;
                Ok(Some(parts.join(by.as_str().unwrap_or_default()).into()))
            }
            "Fn::Select" => {
                let place = whole(0)?;
                let place =
                    plain(&place).and_then(|text| text.parse::<usize>().ok()).ok_or("`Select` without a number")?;
                whole(1)?.get(place).cloned().map(Some).ok_or_else(|| "`Select` of what is not there".to_owned())
            }
            "Fn::Split" => {
                let (by, text) = (whole(0)?, whole(1)?);
                let (by, text) = (by.as_str().filter(|by| !by.is_empty()), text.as_str());
                let (by, text) = by.zip(text).ok_or("`Split` of what is no text")?;
                Ok(Some(text.split(by).collect()))
            }
            "Fn::If" => {
                let condition = list()?.first().and_then(Value::as_str).ok_or("`If` without a condition")?;
                let branch = if self.condition(condition, depth + 1)? { 1 } else { 2 };
                let inner = list()?.get(branch).ok_or("`If` without both values")?;
                self.make(inner, depth + 1)
            }
            "Fn::Equals" => {
                let (one, other) = (whole(0)?, whole(1)?);
                // Numbers and their texts are the same; what is neither is compared as it is.
                Ok(Some((one == other || plain(&one).is_some_and(|one| plain(&other) == Some(one))).into()))
            }
            "Fn::Not" => Ok(Some((whole(0)? != Value::Bool(true)).into())),
            "Fn::And" | "Fn::Or" => {
                let all: Result<Vec<Value>, String> = (0..list()?.len()).map(whole).collect();
                let holds = |it: &Value| *it == Value::Bool(true);
                let all = all?;
                Ok(Some(if name == "Fn::And" { all.iter().all(holds) } else { all.iter().any(holds) }.into()))
            }
            "Fn::FindInMap" => {
                let keys = [whole(0)?, whole(1)?, whole(2)?].map(|key| plain(&key).unwrap_or_default());
                let maps = self.template.get("Mappings").ok_or("the template has no mappings")?;
                let found = keys.iter().try_fold(maps, |map, key| map.get(key.as_str()));
                let found = found.ok_or_else(|| format!("the mapping `{}` has no {}.{}", keys[0], keys[1], keys[2]))?;
                self.make(found, depth + 1)
            }
            other => Err(format!("`{}` cannot be told from the template", other.trim_start_matches("Fn::"))),
        }
    }

    fn reference(&self, name: &str, depth: usize) -> Made {
        let parameter = self.template.get("Parameters").and_then(|it| it.get(name));
        let kind = parameter.and_then(|it| it.get("Type")).and_then(Value::as_str).unwrap_or_default();
        // Lists are texts with commas.
        let listed = |text: &str| match kind.contains("List") {
            true => text.split(',').map(str::trim).collect(),
            false => Value::from(text),
        };
        if let Some(value) = self.given.get(name) {
            return Ok(Some(listed(value)));
        }
        match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Partition" => return Ok(Some(self.partition().into())),
            "AWS::URLSuffix" => return Ok(Some("amazonaws.com".into())),
            _ => {}
        }
        if let Some(parameter) = parameter {
            // What stands there for one of Systems Manager is where its value is kept.
            let default = parameter.get("Default").filter(|_| !kind.starts_with("AWS::SSM::Parameter::Value"));
            let default = default.ok_or_else(|| given(name))?;
            return Ok(Some(default.as_str().map_or_else(|| default.clone(), listed)));
        }
        let resource = self.template.get("Resources").and_then(|it| it.get(name));
        match resource.and_then(|it| it.get("Type")).and_then(Value::as_str) {
            Some("AWS::S3::Bucket" | "AWS::S3Express::DirectoryBucket") => {
                self.bucket(name, depth).map(|text| Some(text.into()))
            }
            Some(kind) => Err(format!("the name of `{name}` ({kind}) cannot be told from the template")),
            None => Err(given(name)),
        }
    }

    /// The name of a bucket of the template.
    pub(super) fn bucket(&self, logical: &str, depth: usize) -> Result<String, String> {
        deep(depth)?;
        if let Some(name) = self.given.get(logical) {
            return Ok(name.clone());
        }
        let resource = self.template.get("Resources").and_then(|it| it.get(logical)).unwrap_or(&Value::Null);
        let made_up =
            || format!("CloudFormation made up the name of `{logical}`; say it with --parameter {logical}=NAME");
        let name = resource.pointer("/Properties/BucketName").ok_or_else(made_up)?;
        match self.make(name, depth + 1)? {
            Some(Value::String(name)) => Ok(name),
            _ => Err(made_up()),
        }
    }

    /// Where it is given, or that of the region that is given; else the one of most accounts.
    fn partition(&self) -> &str {
        let region = self.given.get("AWS::Region").map_or("", String::as_str);
        match self.given.get("AWS::Partition") {
            Some(partition) => partition,
            None if region.starts_with("cn-") => "aws-cn",
            None if region.starts_with("us-gov-") => "aws-us-gov",
            None => "aws",
        }
    }

    fn attribute(&self, resource: &str, attribute: &str, depth: usize) -> Result<String, String> {
        if let Some(value) = self.given.get(&format!("{resource}.{attribute}")) {
            return Ok(value.clone());
        }
        let kind = self.template.get("Resources").and_then(|it| it.get(resource)).and_then(|it| it.get("Type"));
        match (kind.and_then(Value::as_str), attribute) {
            (Some("AWS::S3::Bucket"), "Arn") => {
                let partition = self.partition();
                Ok(format!("arn:{partition}:s3:::{}", self.bucket(resource, depth + 1)?))
            }
            _ => Err(given(&format!("{resource}.{attribute}"))),
        }
    }

    fn substitute(&self, argument: &Value, depth: usize) -> Result<String, String> {
        let none = json!({});
        let (text, own) = match argument {
            Value::String(text) => (text.as_str(), &none),
            list => (list.get(0).and_then(Value::as_str).ok_or("`Sub` without a text")?, list.get(1).unwrap_or(&none)),
        };
        let mut made = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            made.push_str(before);
            let (name, after) = after.split_once('}').ok_or("`Sub` with an open `${`")?;
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                made.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let value = match (own.get(name), name.split_once('.')) {
                (Some(own), _) => self.make(own, depth + 1)?,
                (None, Some((resource, attribute))) => Some(self.attribute(resource, attribute, depth + 1)?.into()),
                (None, None) => self.reference(name, depth + 1)?,
            };
            let value = value.and_then(|value| plain(&value)).ok_or_else(|| format!("`{name}` is no text"))?;
            made.push_str(&value);
        }
        made.push_str(rest);
        Ok(made)
    }
}

/// Whether a text in it is a dynamic reference.
fn looked_up(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{resolve:"),
        Value::Array(items) => items.iter().any(looked_up),
        Value::Object(fields) => fields.values().any(looked_up),
        _ => false,
    }
}

fn deep(depth: usize) -> Result<(), String> {
    if depth > MOST_DEPTH { Err("its functions are nested too deep, or name themselves".to_owned()) } else { Ok(()) }
}

fn given(name: &str) -> String {
    format!("`{name}` cannot be told from the template; say it with --parameter {name}=VALUE")
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The function that a value is, with its argument.
fn function(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (name, argument) = fields.iter().next()?;
    // A statement of a policy has a `Condition` too; that one is an object.
    let condition = name == "Condition" && argument.is_string();
    (name == "Ref" || name.starts_with("Fn::") || condition).then_some((name.as_str(), argument))
}

/// YAML with short functions (`!Ref`) as JSON with long ones.
pub(super) fn long(value: serde_yaml::Value) -> Result<Value, String> {
    use serde_yaml::Value as Yaml;
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(on) => on.into(),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(long).collect::<Result<_, _>>()?),
        Yaml::Mapping(fields) => {
            let mut made = Map::new();
            for (key, inner) in fields {
                let key = match key {
                    Yaml::String(text) => text,
                    Yaml::Number(number) => number.to_string(),
                    Yaml::Bool(on) => on.to_string(),
                    _ => return Err("a key that is no text".to_owned()),
                };
                made.insert(key, long(inner)?);
            }
            Value::Object(made)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let argument = long(tagged.value)?;
            let name = if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
            Value::Object(Map::from_iter([(name, argument)]))
        }
    })
}
