//! The parts of documents that a schema cannot judge: names, regions, dates, globs, digests. Each
//! is read from the nodes, and says nothing where the schema has spoken already.

use super::document::Reading;
use super::schema::{ApprovalPart, SelectorPart, TermsPart};
use super::select::check_glob;
use super::words::{ignore_path, moment};
use super::yaml::{Node, Tree};
use super::{Approved, IgnorePath, PolicySeverity, Selector, Terms};
use crate::bucket::{AccountName, BucketName, IllegalName, Region};
use crate::clock::Timestamp;
use crate::finding::{Finding, did_you_mean};

/// The text at a JSON pointer.
fn text<'a>(root: &'a Node, pointer: &str) -> Option<(&'a Node, &'a str)> {
    let found = root.find(pointer);
    found.node.text().filter(|_| found.exact).map(|text| (found.node, text))
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Reading<'_> {
    fn legal<T>(&mut self, node: &Node, name: Result<T, IllegalName>) -> Option<T> {
        name.map_err(|illegal| self.fault(&node.at, illegal.message, illegal.hint)).ok()
    }

    pub(super) fn bucket_name(&mut self, root: &Node) -> Option<BucketName> {
        let (node, name) = text(root, "/metadata/name").filter(|(_, name)| !name.is_empty())?;
        self.legal(node, BucketName::parse(name))
    }

    /// The names of other documents are metric labels, and parts of addresses of the page.
    pub(super) fn plain_name(&mut self, root: &Node) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some((node, name)) = text(root, "/metadata/name")
            && let Some(bad) = name.chars().find(|c| !legal(*c))
        {
            let message = format!("illegal name `{name}`: `{bad}` is not allowed");
            self.fault(&node.at, message, "use letters, digits, `-`, `_` and `.`");
        }
    }

    pub(super) fn region(&mut self, root: &Node) -> Option<Region> {
        let (node, name) = text(root, "/spec/region")?;
        if let Some(known) = self.context.regions.iter().find(|known| known.as_str() == name) {
            return Some(known.clone());
        }
        self.legal(node, Region::parse_known(name))
    }

    /// The account of a bucket: one that the agent has, and named where it has several.
    pub(super) fn account(&mut self, root: &Node) -> Option<AccountName> {
        let Some((node, name)) = text(root, "/spec/account") else {
            let several = self.context.accounts.as_ref().filter(|known| known.len() > 1)?;
            if !root.find("/spec/account").exact {
                let hint = format!("the agent has several: {}", listed(several.keys().map(AccountName::as_str)));
                self.fault(root.find("/spec").place(), "`account` is missing in `spec`", hint);
            }
            return None;
        };
        self.known_account(node, name)
    }

    /// The account whose own settings a document describes.
    pub(super) fn account_name(&mut self, root: &Node) -> Option<AccountName> {
        let (node, name) = text(root, "/metadata/name").filter(|(_, name)| !name.is_empty())?;
        self.known_account(node, name)
    }

    fn known_account(&mut self, node: &Node, name: &str) -> Option<AccountName> {
        let account = self.legal(node, AccountName::parse(name))?;
        if let Some(known) = self.context.accounts.as_ref().filter(|known| !known.contains_key(&account)) {
            let words = known.keys().map(AccountName::as_str);
            let hint = did_you_mean(name, words.clone()).map_or_else(
                || format!("the agent's accounts: {}", listed(words)),
                |near| format!("did you mean `{near}`?"),
            );
            self.fault(&node.at, format!("unknown account `{name}`"), hint);
            return None;
        }
        Some(account)
    }

    pub(super) fn moment(&mut self, root: &Node, pointer: &str) -> Option<Timestamp> {
        let (node, said) = text(root, pointer)?;
        let moment = moment(said);
        if moment.is_none() {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let hint = "write `2026-12-31` (the end of that day, UTC) or `2026-12-31T18:00:00Z`";
            self.fault(&node.at, format!("`{name}` is no date: `{said}`"), hint);
        }
        moment
    }

    /// Tells of what has no effect any more.
    pub(super) fn past(&mut self, root: &Node, pointer: &str, moment: Option<Timestamp>, what: &str, effect: &str) {
        if let (Some(moment), Some((node, said))) = (moment, text(root, pointer))
            && moment <= self.context.now
        {
            let finding = Finding::warning(node.at.clone(), format!("{what} ({said}): {effect}"));
            self.findings.push(finding.hint("remove it, or name a later date"));
        }
    }

    pub(super) fn ignore(&mut self, root: &Node) -> Vec<IgnorePath> {
        let mut good = Vec::new();
        for node in items(root, "/spec/ignore") {
            match node.text().map(|path| ignore_path(path, node.at.clone())) {
                Some(Ok(path)) => good.push(path),
                Some(Err((message, hint))) => self.fault(&node.at, message, hint),
                None => {}
            }
        }
        good
    }

    pub(super) fn severity(&mut self, root: &Node) -> Option<PolicySeverity> {
        let (node, word) = text(root, "/metadata/annotations/severity")?;
        let known = PolicySeverity::ALL.into_iter().find(|known| known.word() == word);
        if known.is_none() {
            let words = PolicySeverity::ALL.map(PolicySeverity::word);
            let hint = did_you_mean(word, words).map_or_else(
                || format!("allowed: {}", listed(words.into_iter())),
                |near| format!("did you mean `{near}`?"),
            );
            self.fault(&node.at, format!("`severity` cannot be `{word}`"), hint);
        }
        known
    }

    pub(super) fn approved(&mut self, root: &Node, part: &ApprovalPart) -> Option<Approved> {
        let entries = root.find("/spec").node.entries();
        let mut named = entries.iter().filter(|entry| matches!(&*entry.key, "change" | "fleet" | "removals"));
        let Some(first) = named.next() else {
            let hint = "add `change`, `fleet` or `removals`";
            self.fault(root.find("/spec").place(), "the approval approves nothing", hint);
            return None;
        };
        if let Some(second) = named.next() {
            self.fault(&second.at, format!("`{}` beside `{}`", second.key, first.key), "write two approvals");
            return None;
        }
        let ApprovalPart { change, fleet, removals, .. } = part;
        if let Some(digest) = change {
            let legal = digest.len() == 16 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if !legal {
                let hint = "copy the digest that the plan shows: sixteen of `0-9a-f`";
                self.fault(&first.node.at, format!("`{digest}` is no digest of a change"), hint);
            }
            return legal.then(|| Approved::Change(digest.clone()));
        }
        let fleet = fleet.map(|n| Approved::Fleet(n as usize));
        fleet.or(removals.map(|n| Approved::Removals(n as usize)))
    }

    /// Checks every glob of `match` and its `exclude`.
    pub(super) fn check_selector(&mut self, root: &Node) {
        for terms in ["/spec/match", "/spec/match/exclude"] {
            for field in ["buckets", "accounts", "regions", "labels", "tags"] {
                self.globs(root, &format!("{terms}/{field}"));
            }
        }
    }

    /// Checks the globs of a list, or those beside the keys of a mapping.
    pub(super) fn globs(&mut self, root: &Node, pointer: &str) {
        for node in items(root, pointer) {
            let Some(glob) = node.text() else { continue };
            if let Err(said) = check_glob(glob) {
                let hint = "`*` stands for any text, `?` for one character, `{a,b}` for either";
                self.fault(&node.at, format!("bad glob `{glob}`: {said}"), hint);
            }
        }
    }
}

/// The elements of a list, or the values of a mapping.
fn items<'a>(root: &'a Node, pointer: &str) -> Vec<&'a Node> {
    let found = root.find(pointer);
    match &found.node.tree {
        Tree::List(items) if found.exact => items.iter().collect(),
        Tree::Map(entries) if found.exact => entries.iter().map(|entry| &entry.node).collect(),
        _ => Vec::new(),
    }
}

impl From<SelectorPart> for Selector {
    fn from(part: SelectorPart) -> Self {
        let SelectorPart { include, exclude } = part;
        Self { include: include.into(), exclude: exclude.into() }
    }
}

impl From<TermsPart> for Terms {
    fn from(part: TermsPart) -> Self {
        let TermsPart { buckets, accounts, regions, labels, tags } = part;
        Self { buckets, accounts, regions, labels, tags }
    }
}
