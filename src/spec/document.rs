//! One document: from a tree of nodes to a typed value, or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::check::check;
use super::expr::Expr;
use super::load::{Context, Files};
use super::policies::refused_name;
use super::schema::{
    API_VERSION, AccountPart, ApprovalPart, BucketPart, DefaultsPart, ExemptionPart, Kind, Metadata, PolicyPart,
};
use super::yaml::Node;
use super::{
    AccountSpec, ApprovalSpec, BucketSpec, DefaultsSpec, ExemptionSpec, Mode, PolicySeverity, Rule, Selector, Suspend,
    Written,
};
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::finding::{Finding, Place, Severity, did_you_mean};
use crate::settings;

/// A document as a value. Boxed, because a fleet has a hundred thousand of the smallest kind.
#[derive(Debug, Clone)]
pub(super) enum Document {
    Bucket(Box<BucketSpec>),
    Account(Box<AccountSpec>),
    // With its tree, in which contradictions find their places.
    Defaults(Box<(DefaultsSpec, Node)>),
    Policy(Box<Draft>),
    // With the place where it names its policy.
    Exemption(Box<(ExemptionSpec, Place)>),
    Approval(Box<ApprovalSpec>),
}

/// A policy before it is known whether it changes a built-in one.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub name: Arc<str>,
    pub title: Option<String>,
    pub severity: Option<PolicySeverity>,
    pub annotations: BTreeMap<String, String>,
    pub selector: Option<Selector>,
    pub mode: Option<Mode>,
    pub parameters: Map<String, Value>,
    pub rule: Option<Rule>,
    pub written: Option<Written>,
    pub at: Place,
    /// Its tree, in which what does not fit finds its place.
    pub root: Node,
}

/// The names that the documents of a file give, faulty ones too, with where they stand.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub buckets: Vec<(BucketId, Place)>,
    pub accounts: Vec<(AccountName, Place)>,
    pub policies: Vec<String>,
}

impl Names {
    /// Whether one of these is given; a bucket is one of its account. The other kinds' names are not kept.
    pub(super) fn has(&self, kind: &str, name: &str, account: Option<&AccountName>) -> bool {
        match kind {
            "bucket" => self.buckets.iter().any(|(it, _)| it.name.as_str() == name && Some(&it.account) == account),
            "account" => self.accounts.iter().any(|(it, _)| it.as_str() == name),
            "policy" => self.policies.iter().any(|it| it == name),
            _ => false,
        }
    }
}

/// The reading of the documents of one file.
pub(super) struct Reading<'a> {
    pub file: &'a Arc<str>,
    pub source: &'a str,
    pub files: &'a Files<'a>,
    pub context: &'a Context,
    pub findings: Vec<Finding>,
    pub names: Names,
    /// The files beside this one that its documents name.
    pub used: BTreeSet<String>,
    /// JSON pointers into the document at hand whose values are told to be wrong.
    pub told: Vec<String>,
}

impl Reading<'_> {
    /// Reads one document; `None` when it is none of ours or has an error.
    pub(super) fn document(&mut self, root: &Node) -> Option<Document> {
        self.name(root);
        let kind = self.envelope(root)?;
        let before = self.errors();
        self.told.clear();
        let parts: &[&str] = match kind {
            Kind::Bucket | Kind::Account | Kind::BucketDefaults => &["/spec"],
            Kind::Policy => &["/spec/require", "/spec/repair"],
            Kind::Exemption | Kind::Approval => &[],
        };
        let root = self.settle(root, parts);
        parts.iter().for_each(|part| self.irremovable(&root, part));
        let mut json = root.to_json();
        let before_schema = self.told.clone();
        let mut wrong = before_schema.clone();
        for fitting in check(kind, &root, &json) {
            if before_schema.iter().any(|pointer| within(&fitting.pointer, pointer)) {
                continue;
            }
            self.findings.push(fitting.finding);
            if fitting.unusable {
                wrong.push(fitting.pointer.clone());
            }
            self.told.push(fitting.pointer);
        }
        // What is left is read all the same, so that one pass tells everything.
        wrong.iter().for_each(|pointer| prune(&mut json, pointer));
        fill(&mut json, kind);
        let document = self.read(kind, &root, &json);
        document.filter(|_| self.errors() == before)
    }

    pub(super) fn name(&mut self, root: &Node) {
        let kind = root.get("kind").and_then(Node::text).and_then(|word| did_you_mean(word, Kind::ALL.map(Kind::word)));
        let Some(name) = root.get("metadata").and_then(|metadata| metadata.get("name")) else { return };
        match (kind.and_then(Kind::of), name.text()) {
            (Some(Kind::Bucket), Some(text)) => {
                if let Ok(bucket) = BucketName::parse(text) {
                    let named = root.get("spec").and_then(|spec| spec.get("account")).and_then(Node::text);
                    let named = named.and_then(|text| AccountName::parse(text).ok());
                    let account = self.context.account_of(named.as_ref());
                    self.names.buckets.push((BucketId { account, name: bucket }, name.at.clone()));
                }
            }
            (Some(Kind::Account), Some(text)) => {
                if let Ok(account) = AccountName::parse(text) {
                    self.names.accounts.push((account, name.at.clone()));
                }
            }
            (Some(Kind::Policy), Some(text)) => self.names.policies.push(text.to_owned()),
            _ => {}
        }
    }

    fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Adds a finding that makes the document ineffective.
    pub(super) fn fault(&mut self, at: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::error(at.clone(), message).hint(hint));
    }

    /// Puts the values of settings in their place.
    fn settle(&mut self, root: &Node, parts: &[&str]) -> Node {
        let mut root = root.clone();
        for part in parts {
            let found = root.find(part);
            if !found.exact {
                continue;
            }
            let settled = self.resolve(found.node, part);
            root = match part.rsplit_once('/') {
                Some(("", spec)) => root.with(spec, settled),
                Some((_, inner)) => {
                    let spec = root.find("/spec").node.with(inner, settled);
                    root.with("spec", spec)
                }
                None => root,
            };
        }
        root
    }

    /// The kind of a document, when it is one of ours.
    fn envelope(&mut self, root: &Node) -> Option<Kind> {
        let version = root.get("apiVersion").and_then(Node::spelling);
        let word = root.get("kind").and_then(Node::spelling);
        let kind = word.and_then(Kind::of);
        let near = word.and_then(|word| did_you_mean(word, Kind::ALL.map(Kind::word)));
        let named = version.is_some_and(|version| version.starts_with("driftless"));
        if !named && kind.is_none() && (version.is_some() || near.is_none()) {
            // Other tools keep YAML in the same repository.
            let finding = Finding::warning(root.at.clone(), "this is no document of driftless and is left alone");
            self.findings.push(finding.hint(format!(
                "documents begin with `apiVersion: {API_VERSION}`; let `source.path` name the folder that holds them"
            )));
            return None;
        }
        let at = |key: &str| root.get(key).map_or(&root.at, |node| &node.at);
        match version {
            Some(API_VERSION) => {}
            Some(other) => {
                self.fault(at("apiVersion"), format!("unknown apiVersion `{other}`"), format!("write `{API_VERSION}`"));
            }
            None => self.fault(at("apiVersion"), "`apiVersion` is missing", format!("add `apiVersion: {API_VERSION}`")),
        }
        if kind.is_none() {
            let known = Kind::ALL.map(|kind| format!("`{}`", kind.word())).join(", ");
            let hint = near.map_or_else(|| format!("kinds: {known}"), |near| format!("did you mean `{near}`?"));
            let message = word.map_or_else(|| "`kind` is missing".to_owned(), |word| format!("unknown kind `{word}`"));
            self.fault(at("kind"), message, hint);
        }
        kind.filter(|_| version == Some(API_VERSION))
    }

    /// The plain fields of a part, which its schema has checked: what fails here was told there.
    /// `apart` names the fields that are read from the nodes, for their places.
    fn part<T: DeserializeOwned>(
        &mut self,
        root: &Node,
        pointer: &str,
        json: &Value,
        apart: fn(&str) -> bool,
    ) -> Option<T> {
        let mut plain = json.pointer(pointer)?.clone();
        if let Some(fields) = plain.as_object_mut() {
            fields.retain(|key, _| !apart(key));
        }
        match serde_json::from_value(plain) {
            Ok(part) => Some(part),
            Err(error) => {
                if self.told.is_empty() {
                    let place = root.find(pointer).place().clone();
                    self.findings.push(Finding::error(place, format!("the document cannot be read: {error}")));
                }
                None
            }
        }
    }

    /// Reads the fields; each is looked at even where another one has an error.
    fn read(&mut self, kind: Kind, root: &Node, json: &Value) -> Option<Document> {
        let metadata: Option<Metadata> = self.part(root, "/metadata", json, |_| false);
        let name: Arc<str> = metadata.as_ref().map_or_else(Arc::default, |metadata| metadata.name.as_str().into());
        if !matches!(kind, Kind::Bucket | Kind::Account) {
            self.plain_name(root);
        }
        let at = root.at.clone();
        match kind {
            Kind::Bucket => {
                let part: Option<BucketPart> = self.part(root, "/spec", json, is_setting);
                let name = self.bucket_name(root);
                let (account, region) = (self.account(root), self.region(root));
                let until = self.moment(root, "/spec/suspend/until");
                self.past(root, "/spec/suspend/until", until, "the suspension ended", "writes are allowed again");
                let (ignore, settings) = (self.ignore(root), self.asks(root, json, "/spec"));
                if let Some(name) = name.as_ref().filter(|name| name.is_directory()) {
                    self.on_directory(root, name, &settings);
                }
                let part = part?;
                let name = name?;
                self.placed(root, &name, account.as_ref(), &part);
                Some(Document::Bucket(Box::new(BucketSpec {
                    name,
                    account,
                    region,
                    labels: Arc::new(metadata?.labels),
                    mode: part.mode,
                    suspend: part.suspend.zip(until).map(|(said, until)| Suspend { reason: said.reason, until }),
                    ignore,
                    namespace: part.namespace,
                    settings,
                    at,
                })))
            }
            Kind::Account => {
                let part: Option<AccountPart> = self.part(root, "/spec", json, is_setting);
                let name = self.account_name(root);
                let until = self.moment(root, "/spec/suspend/until");
                self.past(root, "/spec/suspend/until", until, "the suspension ended", "writes are allowed again");
                let settings = self.asks(root, json, "/spec");
                let part = part?;
                Some(Document::Account(Box::new(AccountSpec {
                    name: name?,
                    labels: Arc::new(metadata?.labels),
                    mode: part.mode,
                    suspend: part.suspend.zip(until).map(|(said, until)| Suspend { reason: said.reason, until }),
                    settings,
                    at,
                })))
            }
            Kind::BucketDefaults => {
                let part: Option<DefaultsPart> = self.part(root, "/spec", json, is_setting);
                self.check_selector(root);
                let (region, ignore) = (self.region(root), self.ignore(root));
                let settings = self.asks(root, json, "/spec");
                let part = part?;
                let (selector, mode) = (part.selector.into(), part.mode);
                let defaults = DefaultsSpec { name, selector, region, mode, ignore, settings, at };
                Some(Document::Defaults(Box::new((defaults, root.clone()))))
            }
            Kind::Policy => self.policy(root, json, metadata).map(|draft| Document::Policy(Box::new(draft))),
            Kind::Exemption => {
                let part: Option<ExemptionPart> = self.part(root, "/spec", json, |_| false);
                let expires = self.moment(root, "/spec/expires");
                self.past(
                    root,
                    "/spec/expires",
                    expires,
                    &format!("the exemption `{name}` expired"),
                    "it has no effect",
                );
                self.globs(root, "/spec/buckets");
                let ExemptionPart { policy, buckets, reason, owner, expires: _ } = part?;
                let policy = policy.into();
                let exemption = ExemptionSpec { name, policy, buckets, reason, owner, expires: expires?, at };
                Some(Document::Exemption(Box::new((exemption, root.find("/spec/policy").node.at.clone()))))
            }
            Kind::Approval => {
                let part: Option<ApprovalPart> = self.part(root, "/spec", json, |_| false);
                let expires = self.moment(root, "/spec/expires");
                self.past(
                    root,
                    "/spec/expires",
                    expires,
                    &format!("the approval `{name}` expired"),
                    "it has no effect",
                );
                let part = part?;
                let what = self.approved(root, &part);
                let (what, expires, reason) = (what?, expires?, part.reason);
                Some(Document::Approval(Box::new(ApprovalSpec { name, what, reason, expires, at })))
            }
        }
    }

    fn policy(&mut self, root: &Node, json: &Value, metadata: Option<Metadata>) -> Option<Draft> {
        let part: Option<PolicyPart> = self.part(root, "/spec", json, |key| matches!(key, "require" | "repair"));
        let entry = |field: &str| root.find("/spec").node.entry(field);
        if let (Some(require), Some(assert)) = (entry("require"), entry("assert")) {
            let later = if require.at < assert.at { assert } else { require };
            self.fault(&later.at, "a policy has `require` or `assert`, not both", "write two policies");
        }
        for field in ["message", "repair"] {
            if let (Some(entry), None) = (entry(field), entry("assert")) {
                let hint = format!("`require` tells and repairs by itself; leave `{field}` out");
                self.fault(&entry.at, format!("`{field}` without `assert`"), hint);
            }
        }
        self.check_selector(root);
        let severity = self.severity(root);
        let require = entry("require").map(|_| self.asks(root, json, "/spec/require"));
        let repair = self.asks(root, json, "/spec/repair");
        let expr =
            |field: &str, text: &str| Expr::scalar(text, self.source, &root.find(&format!("/spec/{field}")).node.at);
        let (part, mut metadata) = (part?, metadata?);
        if let Some((message, hint)) = refused_name(&metadata.name) {
            let at = root.find("/metadata/name").node.at.clone();
            self.fault(&at, message, hint);
        }
        let message = part.message.as_deref().map(|text| expr("message", text));
        let assert = part.assert.as_deref().map(|text| expr("assert", text));
        metadata.annotations.remove("severity");
        Some(Draft {
            name: metadata.name.into(),
            title: metadata.annotations.remove("title"),
            severity,
            annotations: metadata.annotations,
            selector: part.selector.map(Selector::from),
            mode: part.mode,
            parameters: part.parameters,
            rule: assert.map(|assert| Rule::Assert { assert, message, repair }).or(require.map(Rule::Require)),
            written: root.entry("spec").map(|entry| Written::cut(self.source, &entry.at)),
            at: root.at.clone(),
            root: root.clone(),
        })
    }
}

fn is_setting(key: &str) -> bool {
    settings::find(key).is_some()
}

/// Whether a JSON pointer is another or stands inside it.
pub(super) fn within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes a value out; the whole list where it is an element, for the places of the others.
fn prune(json: &mut Value, pointer: &str) {
    let Some((around, key)) = pointer.rsplit_once('/') else { return };
    match json.pointer_mut(around) {
        Some(Value::Object(fields)) => drop(fields.remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(_)) => prune(json, around),
        _ => {}
    }
}

/// Puts something in for the fields that are missing, which was told, so that the others are read.
fn fill(json: &mut Value, kind: Kind) {
    let mut add = |pointer: &str, key: &str, value: Value| {
        if let Some(Value::Object(fields)) = json.pointer_mut(pointer) {
            fields.entry(key).or_insert(value);
        }
    };
    add("", "metadata", json!({}));
    add("", "spec", json!({}));
    add("/metadata", "name", "".into());
    let texts: &[&str] = match kind {
        Kind::Exemption => &["policy", "reason", "owner", "expires"],
        Kind::Approval => &["reason", "expires"],
        _ => &[],
    };
    texts.iter().for_each(|key| add("/spec", key, "".into()));
    if kind == Kind::Exemption {
        add("/spec", "buckets", json!([]));
    }
    ["reason", "until"].into_iter().for_each(|key| add("/spec/suspend", key, "".into()));
}
