//! One document: from a tree of nodes to a typed value, or to what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::check::check;
use super::expr::Expr;
use super::load::{Context, Files};
use super::schema::{
    API_VERSION, ApprovalPart, BucketPart, DefaultsPart, ExemptionPart, Kind, Metadata, PolicyPart, SelectorPart,
    TermsPart,
};
use super::select::check_glob;
use super::words::{ignore_path, moment};
use super::yaml::Node;
use super::{
    ApprovalSpec, Approved, BucketSpec, DefaultsSpec, ExemptionSpec, IgnorePath, Mode, PolicySeverity, Rule, Selector,
    Suspend, Terms,
};
use crate::bucket::{AccountName, BucketName, IllegalName, Region};
use crate::clock::Timestamp;
use crate::finding::{Finding, Place, did_you_mean};
use crate::settings::{self, SETTINGS};

/// A document as a value.
#[derive(Debug, Clone)]
pub(super) enum Document {
    Bucket(BucketSpec),
    // With its tree, in which contradictions find their places.
    Defaults(DefaultsSpec, Node),
    Policy(Box<Draft>),
    // With the place where it names its policy.
    Exemption(ExemptionSpec, Place),
    Approval(ApprovalSpec),
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
    pub at: Place,
    /// Where its name stands, and its parameters.
    pub named: Place,
    pub parameters_at: BTreeMap<String, Node>,
}

/// The reading of the documents of one file.
pub(super) struct Reading<'a> {
    pub file: &'a Arc<str>,
    pub source: &'a str,
    pub files: &'a Files<'a>,
    pub context: &'a Context,
    pub findings: Vec<Finding>,
    /// The names of the buckets of all documents, faulty ones too.
    pub buckets: BTreeSet<BucketName>,
    /// The files beside this one that its documents name.
    pub used: BTreeSet<String>,
    /// Whether a value could not be put in its place.
    pub refused: bool,
}

impl Reading<'_> {
    /// Reads one document; `None` when it is none of ours or has an error.
    pub(super) fn document(&mut self, root: &Node) -> Option<Document> {
        let kind = self.envelope(root)?;
        let name = root.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text);
        if kind == Kind::Bucket
            && let Some(Ok(name)) = name.map(BucketName::parse)
        {
            self.buckets.insert(name);
        }
        let before = self.errors();
        self.refused = false;
        let parts: &[&str] = match kind {
            Kind::Bucket | Kind::BucketDefaults => &["/spec"],
            Kind::Policy => &["/spec/require", "/spec/repair"],
            Kind::Exemption | Kind::Approval => &[],
        };
        let root = self.settle(root, parts);
        let told: Vec<String> = parts.iter().flat_map(|part| self.irremovable(&root, part)).collect();
        // Where a file could not be read, what stands for it would be told a second time.
        let refused = self.refused;
        let json = root.to_json();
        for fitting in check(kind, &root, &json) {
            let of_file = refused && fitting.pointer.split('/').any(|step| settings::find(step).is_some());
            if !of_file && !told.iter().any(|pointer| fitting.pointer.starts_with(pointer)) {
                self.findings.push(fitting.finding);
            }
        }
        if self.errors() > before {
            return None;
        }
        let metadata: Metadata = self.part(&root, "/metadata", &json["metadata"])?;
        let document = self.read(kind, &root, &json, metadata);
        document.filter(|_| self.errors() == before)
    }

    fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == crate::finding::Severity::Error).count()
    }

    /// Puts the values of settings in their place.
    fn settle(&mut self, root: &Node, parts: &[&str]) -> Node {
        let mut root = root.clone();
        for part in parts {
            let found = root.find(part);
            if !found.exact {
                continue;
            }
            let settled = self.resolve(found.node);
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
        let ours =
            version.is_some_and(|version| version.starts_with("driftless")) || (version.is_none() && near.is_some());
        if !ours && kind.is_none() {
            // Other tools keep YAML in the same repository.
            let finding = Finding::warning(root.at.clone(), "this is no document of driftless and is left alone");
            self.findings.push(finding.hint(format!(
                "documents begin with `apiVersion: {API_VERSION}`; let `source.path` name the folder that holds them"
            )));
            return None;
        }
        let at = |key: &str| root.get(key).map_or_else(|| root.at.clone(), |node| node.at.clone());
        match version {
            Some(API_VERSION) => {}
            Some(other) => {
                let finding = Finding::error(at("apiVersion"), format!("unknown apiVersion `{other}`"));
                self.findings.push(finding.hint(format!("write `{API_VERSION}`")));
            }
            None => {
                let finding = Finding::error(at("apiVersion"), "`apiVersion` is missing");
                self.findings.push(finding.hint(format!("add `apiVersion: {API_VERSION}`")));
            }
        }
        if kind.is_none() {
            let known = Kind::ALL.map(|kind| format!("`{}`", kind.word())).join(", ");
            let finding = match (word, near) {
                (Some(word), Some(near)) => {
                    Finding::error(at("kind"), format!("unknown kind `{word}`")).hint(format!("did you mean `{near}`?"))
                }
                (Some(word), None) => {
                    Finding::error(at("kind"), format!("unknown kind `{word}`")).hint(format!("kinds: {known}"))
                }
                (None, _) => Finding::error(at("kind"), "`kind` is missing").hint(format!("kinds: {known}")),
            };
            self.findings.push(finding);
        }
        // The name of a bucket counts even where its version is unknown: it is frozen then.
        kind.filter(|_| version == Some(API_VERSION)).or_else(|| {
            let name = root.find("/metadata/name").node.text();
            self.buckets.extend(name.and_then(|name| BucketName::parse(name).ok()));
            None
        })
    }

    /// The plain fields of a part, which its schema has checked.
    fn part<T: DeserializeOwned>(&mut self, root: &Node, pointer: &str, json: &Value) -> Option<T> {
        let mut json = json.clone();
        if let Some(fields) = json.as_object_mut() {
            SETTINGS.iter().for_each(|setting| drop(fields.remove(setting.name())));
        }
        match serde_json::from_value(json) {
            Ok(part) => Some(part),
            Err(error) => {
                let place = root.find(pointer).place().clone();
                self.findings.push(Finding::error(place, format!("the document cannot be read: {error}")));
                None
            }
        }
    }

    fn read(&mut self, kind: Kind, root: &Node, json: &Value, metadata: Metadata) -> Option<Document> {
        let spec = &json["spec"];
        let at = root.at.clone();
        let name: Arc<str> = metadata.name.as_str().into();
        if kind != Kind::Bucket {
            self.plain_name(root, &name);
        }
        Some(match kind {
            Kind::Bucket => {
                let part: BucketPart = self.part(root, "/spec", spec)?;
                let named = BucketName::parse(&metadata.name);
                let account = part.account.and_then(|name| self.account(root, &name));
                Document::Bucket(BucketSpec {
                    region: part.region.and_then(|name| self.region(root, &name)),
                    account: account.or_else(|| self.only_account(root)),
                    labels: Arc::new(metadata.labels),
                    mode: part.mode,
                    suspend: match part.suspend {
                        None => None,
                        Some(said) => {
                            let until = self.moment(root, "/spec/suspend/until", &said.until)?;
                            self.past(
                                root,
                                "/spec/suspend/until",
                                until,
                                "the suspension ended",
                                "writes are allowed again",
                            );
                            Some(Suspend { reason: said.reason, until })
                        }
                    },
                    ignore: self.ignore(root, &part.ignore),
                    object_lock: part.object_lock,
                    settings: self.asks(root, "/spec"),
                    name: self.legal(root, "/metadata/name", named)?,
                    at,
                })
            }
            Kind::BucketDefaults => {
                let part: DefaultsPart = self.part(root, "/spec", spec)?;
                let defaults = DefaultsSpec {
                    name,
                    selector: self.selector(root, part.selector),
                    region: part.region.and_then(|name| self.region(root, &name)),
                    mode: part.mode,
                    ignore: self.ignore(root, &part.ignore),
                    settings: self.asks(root, "/spec"),
                    at,
                };
                Document::Defaults(defaults, root.clone())
            }
            Kind::Policy => Document::Policy(Box::new(self.policy(root, spec, metadata)?)),
            Kind::Exemption => {
                let part: ExemptionPart = self.part(root, "/spec", spec)?;
                let expires = self.moment(root, "/spec/expires", &part.expires)?;
                self.past(
                    root,
                    "/spec/expires",
                    expires,
                    &format!("the exemption `{name}` expired"),
                    "it has no effect",
                );
                self.globs(root, "/spec/buckets", &part.buckets);
                let exemption = ExemptionSpec {
                    name,
                    policy: part.policy.into(),
                    buckets: part.buckets,
                    reason: part.reason,
                    owner: part.owner,
                    expires,
                    at,
                };
                Document::Exemption(exemption, root.find("/spec/policy").node.at.clone())
            }
            Kind::Approval => {
                let part: ApprovalPart = self.part(root, "/spec", spec)?;
                let expires = self.moment(root, "/spec/expires", &part.expires)?;
                self.past(
                    root,
                    "/spec/expires",
                    expires,
                    &format!("the approval `{name}` expired"),
                    "it has no effect",
                );
                let what = self.approved(root, &part)?;
                Document::Approval(ApprovalSpec { name, what, reason: part.reason, expires, at })
            }
        })
    }

    fn policy(&mut self, root: &Node, spec: &Value, metadata: Metadata) -> Option<Draft> {
        // What a policy requires is read from the nodes; here it only has to be there.
        let mut plain = spec.clone();
        for part in ["require", "repair"] {
            plain.as_object_mut().and_then(|fields| fields.remove(part));
        }
        let part: PolicyPart = self.part(root, "/spec", &plain)?;
        let entry = |field: &str| root.find("/spec").node.entry(field);
        if let (Some(require), Some(assert)) = (entry("require"), entry("assert")) {
            let later = if require.at < assert.at { assert } else { require };
            let finding = Finding::error(later.at.clone(), "a policy has `require` or `assert`, not both");
            self.findings.push(finding.hint("write two policies"));
        }
        for field in ["message", "repair"] {
            if let (Some(entry), None) = (entry(field), entry("assert")) {
                let finding = Finding::error(entry.at.clone(), format!("`{field}` without `assert`"));
                self.findings.push(finding.hint(format!("`require` says and repairs by itself; leave `{field}` out")));
            }
        }
        let expr =
            |field: &str, text: String| Expr::scalar(&text, self.source, &root.find(&format!("/spec/{field}")).node.at);
        let (assert, message) =
            (part.assert.map(|text| expr("assert", text)), part.message.map(|text| expr("message", text)));
        let rule = match assert {
            Some(assert) => Some(Rule::Assert { assert, message, repair: self.asks(root, "/spec/repair") }),
            None if entry("require").is_some() => Some(Rule::Require(self.asks(root, "/spec/require"))),
            None => None,
        };
        let mut annotations = metadata.annotations;
        let severity = match annotations.remove("severity") {
            None => None,
            Some(word) => {
                let known = serde_json::from_value::<PolicySeverity>(Value::String(word.clone())).ok();
                if known.is_none() {
                    let words = ["info", "low", "medium", "high", "critical"];
                    let at = root.find("/metadata/annotations/severity").node.at.clone();
                    let hint = did_you_mean(&word, words).map_or_else(
                        || format!("allowed: {}", words.map(|word| format!("`{word}`")).join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.findings.push(Finding::error(at, format!("`severity` cannot be `{word}`")).hint(hint));
                }
                known
            }
        };
        let parameters = root.find("/spec/parameters").node.entries();
        Some(Draft {
            title: annotations.remove("title"),
            severity,
            annotations,
            selector: part.selector.map(|selector| self.selector(root, selector)),
            mode: part.mode,
            parameters: part.parameters,
            rule,
            at: root.at.clone(),
            named: root.find("/metadata/name").node.at.clone(),
            parameters_at: if entry("parameters").is_some() {
                parameters
                    .iter()
                    .map(|entry| (entry.key.to_string(), Node { at: entry.at.clone(), ..entry.node.clone() }))
                    .collect()
            } else {
                BTreeMap::new()
            },
            name: metadata.name.into(),
        })
    }

    fn approved(&mut self, root: &Node, part: &ApprovalPart) -> Option<Approved> {
        let entries = root.find("/spec").node.entries();
        let mut named = entries.iter().filter(|entry| matches!(&*entry.key, "change" | "fleet" | "removals"));
        let first = named.next();
        if let (Some(first), Some(second)) = (first, named.next()) {
            let message = format!("`{}` beside `{}`", second.key, first.key);
            self.findings.push(Finding::error(second.at.clone(), message).hint("write two approvals"));
            return None;
        }
        match part {
            ApprovalPart { change: Some(digest), .. } => {
                let legal =
                    (12..=64).contains(&digest.len()) && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !legal {
                    let at = root.find("/spec/change").node.at.clone();
                    let finding = Finding::error(at, format!("`{digest}` is no digest of a change"));
                    self.findings.push(finding.hint("copy the digest that the plan shows: 12 to 64 of `0-9a-f`"));
                }
                legal.then(|| Approved::Change(digest.clone()))
            }
            ApprovalPart { fleet: Some(n), .. } => Some(Approved::Fleet(*n as usize)),
            ApprovalPart { removals: Some(n), .. } => Some(Approved::Removals(*n as usize)),
            _ => {
                let at = root.find("/spec").place().clone();
                let finding = Finding::error(at, "the approval approves nothing");
                self.findings.push(finding.hint("add `change`, `fleet` or `removals`"));
                None
            }
        }
    }

    /// The names of other documents are metric labels, and parts of addresses of the page.
    fn plain_name(&mut self, root: &Node, name: &str) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(bad) = name.chars().find(|c| !legal(*c)) {
            let at = root.find("/metadata/name").node.at.clone();
            let finding = Finding::error(at, format!("illegal name `{name}`: `{bad}` is not allowed"));
            self.findings.push(finding.hint("use letters, digits, `-`, `_` and `.`"));
        }
    }

    fn legal<T>(&mut self, root: &Node, pointer: &str, name: Result<T, IllegalName>) -> Option<T> {
        name.map_err(|illegal| {
            let at = root.find(pointer).node.at.clone();
            self.findings.push(Finding::error(at, illegal.message).hint(illegal.hint));
        })
        .ok()
    }

    fn region(&mut self, root: &Node, name: &str) -> Option<Region> {
        if let Some(known) = self.context.regions.iter().find(|known| known.as_str() == name) {
            return Some(known.clone());
        }
        self.legal(root, "/spec/region", Region::parse_known(name))
    }

    fn account(&mut self, root: &Node, name: &str) -> Option<AccountName> {
        let account = self.legal(root, "/spec/account", AccountName::parse(name))?;
        let Some(known) = self.context.accounts.as_ref().filter(|known| !known.contains_key(&account)) else {
            return Some(account);
        };
        let at = root.find("/spec/account").node.at.clone();
        let words = known.keys().map(AccountName::as_str);
        let hint = did_you_mean(name, words.clone()).map_or_else(
            || {
                format!(
                    "the agent's accounts: {}",
                    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        self.findings.push(Finding::error(at, format!("unknown account `{name}`")).hint(hint));
        None
    }

    /// Tells of a bucket that names no account where there are several.
    fn only_account(&mut self, root: &Node) -> Option<AccountName> {
        let known = self.context.accounts.as_ref()?;
        if known.len() > 1 && root.find("/spec/account").exact.then_some(()).is_none() {
            let words = known.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let finding = Finding::error(root.find("/spec").place().clone(), "`account` is missing in `spec`");
            self.findings.push(finding.hint(format!("the agent has several: {words}")));
        }
        None
    }

    fn moment(&mut self, root: &Node, pointer: &str, text: &str) -> Option<Timestamp> {
        let moment = moment(text);
        if moment.is_none() {
            let found = root.find(pointer);
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let finding = Finding::error(found.node.at.clone(), format!("`{name}` is no date: `{text}`"));
            self.findings.push(finding.hint("write `2026-12-31` or `2026-12-31T18:00:00Z`"));
        }
        moment
    }

    fn past(&mut self, root: &Node, pointer: &str, moment: Timestamp, what: &str, effect: &str) {
        if moment <= self.context.now {
            let found = root.find(pointer);
            let said = found.node.text().unwrap_or_default();
            let finding = Finding::warning(found.node.at.clone(), format!("{what} ({said}): {effect}"));
            self.findings.push(finding.hint("remove it, or name a later date"));
        }
    }

    fn ignore(&mut self, root: &Node, paths: &[String]) -> Vec<IgnorePath> {
        let mut good = Vec::new();
        for (n, text) in paths.iter().enumerate() {
            let at = root.find(&format!("/spec/ignore/{n}")).node.at.clone();
            match ignore_path(text, at.clone()) {
                Ok(path) => good.push(path),
                Err((message, hint)) => self.findings.push(Finding::error(at, message).hint(hint)),
            }
        }
        good
    }

    fn selector(&mut self, root: &Node, part: SelectorPart) -> Selector {
        let SelectorPart { include, exclude } = part;
        Selector {
            include: self.terms(root, "/spec/match", include),
            exclude: self.terms(root, "/spec/match/exclude", exclude),
        }
    }

    fn terms(&mut self, root: &Node, pointer: &str, part: TermsPart) -> Terms {
        let TermsPart { buckets, accounts, regions, labels, tags } = part;
        for (field, list) in [("buckets", &buckets), ("accounts", &accounts), ("regions", &regions)] {
            self.globs(root, &format!("{pointer}/{field}"), list);
        }
        for (field, map) in [("labels", &labels), ("tags", &tags)] {
            for (key, text) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                self.glob(root, &format!("{pointer}/{field}/{key}"), text);
            }
        }
        Terms { buckets, accounts, regions, labels, tags }
    }

    fn globs(&mut self, root: &Node, pointer: &str, list: &[String]) {
        for (n, text) in list.iter().enumerate() {
            self.glob(root, &format!("{pointer}/{n}"), text);
        }
    }

    fn glob(&mut self, root: &Node, pointer: &str, text: &str) {
        if let Err(said) = check_glob(text) {
            let at = root.find(pointer).node.at.clone();
            let finding = Finding::error(at, format!("bad glob `{text}`: {said}"));
            self.findings.push(finding.hint("`*` stands for any text, `?` for one character, `{a,b}` for either"));
        }
    }
}
