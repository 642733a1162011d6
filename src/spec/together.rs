//! Faults that show only when documents meet: duplicates, contradicting defaults, changes of a
//! built-in policy that do not fit it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Document, Draft};
use super::load::{Context, Source};
use super::select::{CompiledSelector, Facts};
use super::yaml::{Entry, Node};
use super::{Asked, Asks, BucketSpec, DefaultsSpec, PolicySpec};
use crate::bucket::{AccountName, BucketId, Region};
use crate::finding::{Finding, Place, did_you_mean};

/// A document that cannot be in force beside the others.
pub(super) struct Fault {
    pub source: usize,
    pub document: usize,
}

/// What meets badly.
#[derive(Default)]
pub(super) struct Together {
    pub findings: Vec<Finding>,
    pub faults: Vec<Fault>,
    /// Buckets that are affected without standing in the documents themselves.
    pub frozen: BTreeSet<BucketId>,
}

type Found<'a> = (usize, usize, &'a Document);

/// Every fault among the documents.
pub(super) fn faults(sources: &[Source], context: &Context, builtin: &[PolicySpec]) -> Together {
    let all = || {
        sources.iter().enumerate().flat_map(|(source, it)| {
            it.documents.iter().enumerate().map(move |(document, found)| (source, document, found))
        })
    };
    let mut together = Together::default();
    duplicates(sources, all(), context, &mut together);
    for (source, document, found) in all() {
        if let Document::Policy(draft) = found {
            let findings = misfits(draft, builtin);
            if !findings.is_empty() {
                together.faults.push(Fault { source, document });
                if !sources[source].old {
                    together.findings.extend(findings);
                }
            }
        }
    }
    contradictions(sources, all(), context, &mut together);
    together
}

fn account_of(bucket: &BucketSpec, context: &Context) -> AccountName {
    context.account_of(bucket.account.as_ref())
}

fn duplicates<'a>(
    sources: &[Source],
    all: impl Iterator<Item = Found<'a>>,
    context: &Context,
    together: &mut Together,
) {
    type Named<'a> = (&'static str, &'a str, Option<AccountName>);
    let mut by_name: BTreeMap<Named<'_>, Vec<(usize, usize, &Place)>> = BTreeMap::new();
    for (source, document, found) in all {
        let (kind, name, account, at): (_, &str, _, _) = match found {
            Document::Bucket(bucket) => ("bucket", bucket.name.as_str(), Some(account_of(bucket, context)), &bucket.at),
            Document::Account(spec) => ("account", spec.name.as_str(), None, &spec.at),
            Document::Defaults(both) => ("bucket defaults", &both.0.name, None, &both.0.at),
            Document::Policy(draft) => ("policy", &draft.name, None, &draft.at),
            Document::Exemption(both) => ("exemption", &both.0.name, None, &both.0.at),
            Document::Approval(spec) => ("approval", &spec.name, None, &spec.at),
        };
        by_name.entry((kind, name, account)).or_default().push((source, document, at));
    }
    for ((kind, name, account), places) in by_name.into_iter().filter(|(_, places)| places.len() > 1) {
        // What a file said once gives way to what another says now, where its broken form says it no
        // more: it was moved. Where that goes on to say it, the other one is a second.
        type Places<'a> = Vec<&'a (usize, usize, &'a Place)>;
        let (once, now): (Places<'_>, Places<'_>) = places.iter().partition(|(source, ..)| sources[*source].old);
        let goes_on = once.iter().any(|(source, ..)| sources[*source].names.has(kind, name, account.as_ref()));
        let at_fault = match (once.is_empty(), now.is_empty()) {
            (false, false) if goes_on => now,
            (false, false) => once,
            _ => places.iter().collect(),
        };
        for (source, document, at) in at_fault {
            together.faults.push(Fault { source: *source, document: *document });
            if sources[*source].old {
                continue;
            }
            let others: Vec<String> =
                places.iter().filter(|(_, _, other)| other != at).map(|(_, _, other)| other.to_string()).collect();
            let finding = Finding::error((*at).clone(), format!("{kind} `{name}` is described twice"));
            together.findings.push(finding.hint(format!("also in {}; keep one of them", others.join(", "))));
        }
    }
}

/// What does not fit in a document that changes a built-in policy.
fn misfits(draft: &Draft, builtin: &[PolicySpec]) -> Vec<Finding> {
    if draft.rule.is_some() {
        return Vec::new();
    }
    let Some(policy) = builtin.iter().find(|policy| policy.name == draft.name) else {
        let hint = match did_you_mean(&draft.name, builtin.iter().map(|policy| &*policy.name)) {
            Some(near) => format!("to change the built-in policy, name it `{near}`; else add `require` or `assert`"),
            None => "add the settings that buckets must have, or an expression that must be true".to_owned(),
        };
        let message = format!("policy `{}` has neither `require` nor `assert`", draft.name);
        let at = draft.root.find("/metadata/name").node.at.clone();
        return vec![Finding::error(at, message).hint(hint)];
    };
    let mut findings = Vec::new();
    let parameters = draft.root.find("/spec/parameters");
    for Entry { key, at, node } in parameters.node.entries().iter().filter(|_| parameters.exact) {
        let Some(own) = policy.parameters.get(&**key) else {
            let known: Vec<&str> = policy.parameters.keys().map(String::as_str).collect();
            let hint = match did_you_mean(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "it has none; give the policy another name and its own rule".to_owned(),
                None => format!("known parameters: {}", known.join(", ")),
            };
            let message = format!("the built-in policy `{}` has no parameter `{key}`", policy.name);
            findings.push(Finding::error(at.clone(), message).hint(hint));
            continue;
        };
        let said = node.to_json();
        if std::mem::discriminant(own) != std::mem::discriminant(&said) && !own.is_null() {
            let message = format!("parameter `{key}` is {} where {} is wanted", is(&said), is(own));
            findings.push(Finding::error(node.at.clone(), message).hint(format!("the built-in policy says {own}")));
        }
    }
    findings
}

fn is(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// One field that defaults give a value: where it is inside the spec, and the value.
type Leaves = BTreeMap<String, Value>;

fn leaves_of(asks: &Asks, region: Option<&Region>, mode: Option<super::Mode>) -> Leaves {
    let mut leaves = Leaves::new();
    for (setting, ask) in asks.iter() {
        match &ask.what {
            Asked::Value(doc) => flatten(&format!("/{setting}"), doc.value(), &mut leaves),
            Asked::Absent => drop(leaves.insert(format!("/{setting}"), Value::from("absent"))),
        }
    }
    leaves.extend(region.map(|region| ("/region".to_owned(), Value::from(region.as_str()))));
    leaves.extend(mode.map(|mode| ("/mode".to_owned(), Value::from(mode.word()))));
    leaves
}

fn flatten(pointer: &str, value: Value, leaves: &mut Leaves) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                flatten(&format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), value, leaves);
            }
        }
        value => drop(leaves.insert(pointer.to_owned(), value)),
    }
}

/// Whether one pointer is the other or stands around it.
fn meet(a: &str, b: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(a, b) || within(b, a)
}

struct Defaults<'a> {
    source: usize,
    document: usize,
    spec: &'a DefaultsSpec,
    root: &'a Node,
    selector: CompiledSelector,
    leaves: Leaves,
}

impl Defaults<'_> {
    fn place(&self, pointer: &str) -> Place {
        self.root.find(&format!("/spec{pointer}")).place().clone()
    }
}

/// Two fields that cannot both be.
struct Clash {
    first: usize,
    second: usize,
    at: String,
    other: String,
    buckets: Vec<BucketId>,
}

fn contradictions<'a>(
    sources: &[Source],
    all: impl Iterator<Item = Found<'a>>,
    context: &Context,
    together: &mut Together,
) {
    let mut defaults = Vec::new();
    let mut buckets = Vec::new();
    for (source, document, found) in all {
        match found {
            Document::Defaults(both) => {
                let (spec, root) = &**both;
                let selector = CompiledSelector::new(&spec.selector);
                let leaves = leaves_of(&spec.settings, spec.region.as_ref(), spec.mode);
                defaults.push(Defaults { source, document, spec, root, selector, leaves });
            }
            Document::Bucket(bucket) => buckets.push(bucket),
            _ => {}
        }
    }
    let mut clashes = Vec::new();
    for second in 0..defaults.len() {
        // Two of one name are duplicates already.
        for first in (0..second).filter(|first| defaults[*first].spec.name != defaults[second].spec.name) {
            for (at, value) in &defaults[second].leaves {
                for (other, before) in &defaults[first].leaves {
                    if meet(at, other) && (at != other || value != before) {
                        clashes.push(Clash {
                            first,
                            second,
                            at: at.clone(),
                            other: other.clone(),
                            buckets: Vec::new(),
                        });
                    }
                }
            }
        }
    }
    if clashes.is_empty() {
        return;
    }
    for bucket in buckets {
        let facts = Told::of(bucket, context);
        let matches: Vec<bool> = defaults.iter().map(|it| it.selector.matches(&facts.facts(bucket))).collect();
        let mut own: Option<Leaves> = None;
        for clash in clashes.iter_mut().filter(|clash| matches[clash.first] && matches[clash.second]) {
            // What the bucket says itself wins over both.
            let own = own.get_or_insert_with(|| leaves_of(&bucket.settings, bucket.region.as_ref(), bucket.mode));
            if !own.keys().any(|pointer| meet(pointer, &clash.at)) {
                clash.buckets.push(BucketId { account: facts.account.clone(), name: bucket.name.clone() });
            }
        }
    }
    for clash in clashes.iter().filter(|clash| !clash.buckets.is_empty()) {
        let (first, second) = (&defaults[clash.first], &defaults[clash.second]);
        let whose = match clash.buckets.as_slice() {
            [one] => format!("`{}`", one.name),
            [one, rest @ ..] => format!("`{}` and {} more", one.name, rest.len()),
            [] => String::new(),
        };
        for (own, at, other, there) in
            [(second, &clash.at, first, &clash.other), (first, &clash.other, second, &clash.at)]
        {
            together.faults.push(Fault { source: own.source, document: own.document });
            if sources[own.source].old {
                continue;
            }
            let name = at[1..].replace('/', ".");
            let message = format!(
                "`{name}` is `{}` here and `{}` in `{}`, and both are for {whose}",
                plain(&own.leaves[at]),
                plain(&other.leaves[there]),
                other.spec.name
            );
            let finding = Finding::error(own.place(at), message);
            together
                .findings
                .push(finding.hint(format!("the other is {}; narrow `match` of one of them", other.place(there))));
        }
        together.frozen.extend(clash.buckets.iter().cloned());
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a selector may look at of a bucket before its defaults are known.
struct Told {
    account: AccountName,
    region: Region,
    tags: BTreeMap<String, String>,
}

impl Told {
    fn of(bucket: &BucketSpec, context: &Context) -> Self {
        let account = account_of(bucket, context);
        let of_account = context.accounts.as_ref().and_then(|known| known.get(&account));
        let own = bucket.region.clone().or_else(|| bucket.name.region_at(context.own_stores.contains(&account)));
        let region = own.or_else(|| of_account.cloned()).unwrap_or_else(Region::us_east_1);
        let tags = match bucket.settings.get("tags").map(|ask| &ask.what) {
            Some(Asked::Value(doc)) => doc.parse().unwrap_or_default(),
            _ => BTreeMap::new(),
        };
        Self { account, region, tags }
    }

    fn facts<'a>(&'a self, bucket: &'a BucketSpec) -> Facts<'a> {
        let Self { account, region, tags } = self;
        Facts { name: &bucket.name, account, region, labels: &bucket.labels, tags }
    }
}
