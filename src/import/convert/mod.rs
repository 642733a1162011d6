//! The files of other tools as drafts. Each format is a table from what the tool calls an attribute
//! to what a spec calls it. Nothing is lost in silence: an attribute is converted, or is known to say
//! nothing of a bucket's settings, or is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::live::{self, Extent};
use super::{Draft, Matter, Said, form};
use crate::bucket::{AccountId, BucketName, Region};
use crate::setting::{AnySetting, Overlay};
use crate::settings::{self, SETTINGS};

mod ack;
mod cloudformation;
mod intrinsics;
mod shapes;
mod table;
mod terraform;
#[cfg(test)]
mod tests;

/// A format of another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A state of Terraform, version 4, or what `terraform show -json` prints.
    Terraform,
    /// A template of CloudFormation, YAML or JSON.
    CloudFormation,
    /// Manifests of the AWS Controllers for Kubernetes.
    Ack,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Terraform, Self::CloudFormation, Self::Ack];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::CloudFormation => "cloudformation",
            Self::Ack => "ack",
        }
    }

    /// The format of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// What became of a file.
#[derive(Debug, Default)]
pub struct Converted {
    /// The buckets, by name.
    pub drafts: Vec<Draft>,
    /// What could not be converted, in the order of the file.
    pub losses: Vec<Loss>,
    /// What is said of the account itself, setting by setting.
    pub account: BTreeMap<&'static str, Value>,
}

/// Something that was not converted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// The resource, as its tool calls it.
    pub address: String,
    /// The attribute; empty for the whole resource.
    pub attribute: String,
    /// Why: lower case, no full stop.
    pub why: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attribute.as_str() {
            "" => write!(f, "{}: {}", self.address, self.why),
            attribute => write!(f, "{}: `{attribute}`: {}", self.address, self.why),
        }
    }
}

/// What a file does not say itself.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Values of a template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The number of the account that the specs are for, where the configuration says it.
    pub account: Option<AccountId>,
}

/// Converts the text of a file.
///
/// # Errors
/// When the text is not of that format.
pub fn convert(format: Format, text: &str, given: &Given, extent: Extent) -> Result<Converted, String> {
    let mut fleet = Fleet::default();
    match format {
        Format::Terraform => terraform::read(text, given.account.as_ref(), &mut fleet)?,
        Format::CloudFormation => cloudformation::read(text, &given.parameters, &mut fleet)?,
        Format::Ack => ack::read(text, &mut fleet)?,
    }
    Ok(fleet.finish(extent))
}

/// The buckets of a file while it is read.
#[derive(Debug, Default)]
struct Fleet {
    buckets: BTreeMap<BucketName, Bucket>,
    losses: Vec<Loss>,
    account: BTreeMap<&'static str, Part>,
}

#[derive(Debug, Default)]
struct Bucket {
    region: Option<Region>,
    settings: BTreeMap<&'static str, Part>,
    /// Settings that a resource says, and of which a part was lost.
    lost: BTreeMap<&'static str, Rank>,
    /// Whether what is in line was filled in by the tool, which keeps a part of some settings there.
    filled: bool,
}

/// What Terraform's provider keeps in line since 4.0, and what of it has no place there.
const IN_PART: &[(&str, &str)] = &[
    ("lifecycle", "sizes of objects, numbers of versions"),
    ("logging", "grants, formats of keys"),
    ("replication", "changes of replicas, existing objects"),
];

/// What a resource says of a setting.
#[derive(Debug)]
struct Part {
    value: Value,
    address: String,
    rank: Rank,
}

/// How much the word of a resource counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Fields of the bucket's own resource, which newer tools fill in by themselves.
    Inline,
    /// A resource for the setting alone.
    Own,
    /// One of several resources for a setting that is a list.
    OneOfMany,
}

impl Fleet {
    fn lose(&mut self, address: &str, attribute: &str, why: impl Into<String>) {
        self.losses.push(Loss { address: address.to_owned(), attribute: attribute.to_owned(), why: why.into() });
    }

    /// The bucket of that name, when it can be one.
    fn bucket(&mut self, address: &str, attribute: &str, name: &str) -> Option<BucketName> {
        match BucketName::parse(name) {
            Ok(name) => {
                self.buckets.entry(name.clone()).or_default();
                Some(name)
            }
            Err(error) => {
                self.lose(address, attribute, error.message);
                None
            }
        }
    }

    fn put_region(&mut self, name: &BucketName, address: &str, attribute: &str, region: &str) {
        match Region::from_location(region).map(|region| Region::parse_known(region.as_str())) {
            Some(Ok(region)) => self.buckets.entry(name.clone()).or_default().region = Some(region),
            Some(Err(error)) => self.lose(address, attribute, error.message),
            None => self.lose(address, attribute, format!("illegal region `{region}`")),
        }
    }

    /// Takes in what a resource says, setting by setting.
    fn put(&mut self, name: &BucketName, address: &str, rank: Rank, said: table::Said) {
        for (attribute, why) in said.losses {
            self.lose(address, &attribute, why);
        }
        let bucket = self.buckets.entry(name.clone()).or_default();
        for setting in said.left_out {
            // What counts less must not stand in for it: it may be the half that was understood.
            let lost = bucket.lost.entry(setting).or_insert(rank);
            *lost = rank.max(*lost);
            if bucket.settings.get(setting).is_some_and(|known| known.rank < rank) {
                bucket.settings.remove(setting);
            }
        }
        for (setting, value) in said.settings {
            let bucket = self.buckets.entry(name.clone()).or_default();
            if bucket.lost.get(setting).is_some_and(|lost| *lost > rank) {
                continue;
            }
            let part = Part { value, address: address.to_owned(), rank };
            match bucket.settings.get_mut(setting) {
                None => drop(bucket.settings.insert(setting, part)),
                Some(known) if known.rank < rank => *known = part,
                Some(known) if known.rank > rank => {}
                Some(known) if rank == Rank::OneOfMany => append(&mut known.value, part.value),
                Some(known) => {
                    let why = format!("`{setting}` is said by {} already", known.address);
                    self.lose(address, "", why);
                }
            }
        }
    }

    /// Takes in what a resource says of the account itself.
    fn put_account(&mut self, address: &str, said: table::Said) {
        for (attribute, why) in said.losses {
            self.lose(address, &attribute, why);
        }
        for (name, value) in said.settings {
            if crate::account::find(name).is_none() {
                self.lose(address, name, "an account has no such setting");
            } else if let Some(known) = self.account.get(name) {
                let why = format!("`{name}` is said by {} already", known.address);
                self.lose(address, "", why);
            } else {
                self.account.insert(name, Part { value, address: address.to_owned(), rank: Rank::Own });
            }
        }
    }

    fn finish(mut self, extent: Extent) -> Converted {
        let mut drafts = Vec::new();
        for (name, bucket) in std::mem::take(&mut self.buckets) {
            let mut draft = Draft { region: bucket.region, ..Draft::new(name) };
            for setting in SETTINGS {
                let Some(part) = bucket.settings.get(setting.name()) else { continue };
                let mut value = part.value.clone();
                let made_up = if setting.name() == "lifecycle" { name_rules(&mut value) } else { Vec::new() };
                match written(*setting, &value, extent) {
                    Ok(Some(value)) => {
                        if !made_up.is_empty() {
                            draft.note(Some(setting.name()), Matter::Unconverted, nameless(&made_up));
                        }
                        if let Ok(doc) = setting.parse(&value) {
                            live::note_dangling(*setting, &doc, &mut draft);
                        }
                        draft.settings.insert(setting.name(), Said::Value(value));
                        let half = IN_PART.iter().find(|(name, _)| *name == setting.name());
                        if let Some((name, missing)) = half.filter(|_| bucket.filled && part.rank == Rank::Inline) {
                            let text = format!(
                                "`{name}` is taken from `aws_s3_bucket` itself, where the provider has no place for a part \
                                 of it ({missing}): hold it against the live bucket before it is applied"
                            );
                            draft.note(Some(name), Matter::Unconverted, text);
                        }
                    }
                    Ok(None) => {}
                    Err(why) => {
                        let why = format!("for `{}` it is not what a spec may say: {why}", draft.name);
                        self.lose(&part.address, setting.name(), why);
                    }
                }
            }
            drafts.push(draft);
        }
        let mut account = BTreeMap::new();
        for (name, part) in std::mem::take(&mut self.account) {
            let setting = settings::named(name);
            match form::read(setting, &part.value) {
                Ok(_) => drop(account.insert(name, form::short(setting, part.value))),
                Err(why) => self.lose(&part.address, name, format!("it is not what a spec may say: {why}")),
            }
        }
        let mut known = BTreeSet::new();
        self.losses.retain(|loss| known.insert(loss.clone()));
        Converted { drafts, losses: self.losses, account }
    }
}

/// Gives the rules of a lifecycle that have no id one of their own, by their place: S3 made one up when
/// it took them, and no file knows it. What the rules do is the same under any.
fn name_rules(value: &mut Value) -> Vec<String> {
    let Some(rules) = value.get_mut("rules").and_then(Value::as_array_mut) else { return Vec::new() };
    let mut taken: BTreeSet<String> =
        rules.iter().filter_map(|rule| rule.get("id")?.as_str().map(str::to_owned)).collect();
    let mut made_up = Vec::new();
    let nameless = rules.iter_mut().enumerate().filter(|(_, rule)| rule.get("id").is_none());
    for (place, rule) in nameless.filter_map(|(place, rule)| Some((place, rule.as_object_mut()?))) {
        let mut id = format!("rule-{}", place + 1);
        while !taken.insert(id.clone()) {
            id.push('x');
        }
        rule.insert("id".to_owned(), id.as_str().into());
        made_up.push(id);
    }
    made_up
}

/// What is told of rules that were given an id.
fn nameless(made_up: &[String]) -> String {
    let ids: Vec<String> = made_up.iter().map(|id| format!("`{id}`")).collect();
    let (rules, has, the_one) = match made_up {
        [_] => ("a rule", "has", "the id"),
        _ => ("rules", "have", "the ids"),
    };
    format!(
        "{rules} of `lifecycle` {has} no id in the file, where S3 made one up: {} here. The first plan shows another id and \
         writes the same rules once more; with {the_one} that the live bucket has (`driftless import NAME`) it writes nothing",
        ids.join(", ")
    )
}

/// The rules of replication that are for the whole bucket say so: an empty prefix, and a filter in
/// which nothing stands, are how tools say nothing, and S3 needs one of them.
fn whole_buckets(setting: &'static dyn AnySetting, mut value: Value) -> Value {
    let rules = value.get_mut("rules").and_then(Value::as_array_mut).filter(|_| setting.name() == "replication");
    for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
        if !rule.contains_key("filter") && !rule.contains_key("prefix") {
            // A priority, and a word on delete markers, are of the second version of rules; where nobody
            // said one, tools write zero.
            let said = rule.get("priority").is_some_and(|it| *it != 0);
            let second = said || rule.contains_key("deleteMarkerReplication");
            let (key, everything) = if second { ("filter", Value::Object(Map::new())) } else { ("prefix", "".into()) };
            rule.insert(key.to_owned(), everything);
        }
    }
    value
}

/// A value as a spec says it; none when it says nothing.
fn written(setting: &'static dyn AnySetting, value: &Value, extent: Extent) -> Result<Option<Value>, String> {
    let value = &whole_buckets(setting, value.clone());
    let doc = form::read(setting, value)?;
    let whole = setting.merge(&setting.default_doc(), &doc, Overlay::Whole);
    let says_nothing = value.as_object().is_some_and(serde_json::Map::is_empty);
    if says_nothing {
        return Ok(None);
    }
    if extent == Extent::Full {
        return Ok(Some(form::short(setting, value.clone())));
    }
    if whole == setting.default_doc() && whole == setting.fresh_doc() {
        return Ok(None);
    }
    Ok(Some(form::least(setting, &whole).unwrap_or_else(|_| form::short(setting, value.clone()))))
}

/// Adds the elements of lists to those of others, wherever they stand.
fn append(to: &mut Value, more: Value) {
    match (to, more) {
        (Value::Array(to), Value::Array(more)) => to.extend(more),
        (Value::Object(to), Value::Object(more)) => {
            for (key, value) in more {
                match to.get_mut(&key) {
                    Some(known) => append(known, value),
                    None => drop(to.insert(key, value)),
                }
            }
        }
        _ => {}
    }
}

/// The setting of that name, when this version has it.
fn setting(name: &str) -> Option<&'static str> {
    settings::find(name).map(AnySetting::name)
}
