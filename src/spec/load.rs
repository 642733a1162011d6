//! All documents of all files as values. A file with an error stays on its last good form and
//! stops nothing else; every fault of every file is told in one pass.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::document::{Document, Names, Reading};
use super::policies::{self, finish};
use super::together::{Fault, Together, faults};
use super::{Asked, BucketSpec, Loaded, PolicySpec, Specs, yaml};
use crate::bucket::{AccountId, AccountName, BucketId, Region};
use crate::clock::Timestamp;
use crate::doc::Doc;
use crate::finding::{Finding, Place, Severity, did_you_mean};
use crate::source::{Refused, Tree, Unread};

/// A file of the source. Those that end in `.yaml` or `.yml` hold documents; documents may name
/// the others.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Path inside the source, with `/`.
    pub path: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// What the agent knows, and documents are judged by.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The present moment: what ended before it has no effect.
    pub now: Timestamp,
    /// The agent's accounts with the region of each, when they are known; without a configuration
    /// (`validate` in a pull request) every name may be one.
    pub accounts: Option<BTreeMap<AccountName, Region>>,
    /// The numbers of the accounts, as far as the agent's configuration says them.
    pub ids: BTreeMap<AccountName, AccountId>,
    /// Regions that are none of AWS's and look like one.
    pub regions: Vec<Region>,
    /// The accounts on stores of one's own, as far as they are known: what AWS alone refuses is no
    /// fault there.
    pub own_stores: BTreeSet<AccountName>,
}

impl Context {
    /// The account of a bucket that names this one, or none: then the only one, or as long as none
    /// is known the one that is called so by default.
    pub(super) fn account_of(&self, named: Option<&AccountName>) -> AccountName {
        let only = self.accounts.as_ref().filter(|known| known.len() == 1).and_then(|known| known.keys().next());
        named.or(only).cloned().unwrap_or_default()
    }
}

/// Remembers files as they were when they last had no error.
pub trait LastGood: Sync {
    /// The bytes of the file in the last revision in which it was not in [`Loaded::faulty`].
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;

    /// The paths of all files that it remembers.
    fn paths(&self) -> Vec<Arc<str>>;

    /// Whether there could be an earlier form at all: a command that looks once has none of any file.
    fn remembers(&self) -> bool {
        true
    }
}

/// Nothing is remembered.
impl LastGood for () {
    fn bytes(&self, _path: &str) -> Option<Vec<u8>> {
        None
    }

    fn paths(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn remembers(&self) -> bool {
        false
    }
}

/// For tests, and for stores that keep all of it in memory.
impl LastGood for BTreeMap<String, Vec<u8>> {
    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }

    fn paths(&self) -> Vec<Arc<str>> {
        self.keys().map(|path| path.as_str().into()).collect()
    }
}

/// The files that documents may name.
pub(super) struct Files<'a> {
    now: &'a HashMap<&'a str, &'a [u8]>,
    /// Old documents name old files.
    old: Option<&'a dyn LastGood>,
}

impl<'a> Files<'a> {
    /// Nothing but the files of this revision.
    pub(super) fn only(now: &'a HashMap<&'a str, &'a [u8]>) -> Self {
        Self { now, old: None }
    }

    pub(super) fn get(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        let old = self.old.and_then(|old| old.bytes(path)).map(Cow::Owned);
        old.or_else(|| self.now.get(path).map(|bytes| Cow::Borrowed(*bytes)))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.now.keys().copied()
    }
}

/// One file with documents.
pub(super) struct Source {
    pub path: Arc<str>,
    pub documents: Vec<Document>,
    pub findings: Vec<Finding>,
    /// What its newest form names.
    pub names: Names,
    /// The files that it names.
    used: BTreeSet<String>,
    /// Whether it stands on its last good form.
    pub old: bool,
}

impl Source {
    /// A file of which nothing was read.
    fn of(path: &Arc<str>) -> Self {
        Self {
            path: path.clone(),
            documents: Vec::new(),
            findings: Vec::new(),
            names: Names::default(),
            used: BTreeSet::new(),
            old: false,
        }
    }

    fn faulty(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads one file.
pub(super) fn read(path: &Arc<str>, bytes: &[u8], files: &Files<'_>, context: &Context) -> Source {
    let mut source = Source::of(path);
    let text = match yaml::decode(path, bytes) {
        Ok(text) => text,
        Err(finding) => {
            source.findings.push(finding);
            return source;
        }
    };
    let parsed = yaml::parse(text, &|line, column| Place { file: path.clone(), line, column });
    let mut reading = Reading {
        file: path,
        source: text,
        files,
        context,
        findings: parsed.findings,
        names: Names::default(),
        used: BTreeSet::new(),
        told: Vec::new(),
    };
    parsed.broken.iter().for_each(|node| reading.name(node));
    source.documents = parsed.documents.iter().filter_map(|node| reading.document(node)).collect();
    (source.findings, source.names, source.used) = (reading.findings, reading.names, reading.used);
    source.documents.shrink_to_fit();
    source.names.buckets.shrink_to_fit();
    source
}

/// Loads all documents of a revision. What of it is not read is a fault, and stays on its last good
/// form as any other.
pub fn load_tree(tree: &Tree, last_good: &dyn LastGood, context: &Context) -> Loaded {
    let files: Vec<File<'_>> = tree.files.iter().map(|(path, bytes)| File { path, bytes }).collect();
    load_all(&files, &tree.refused, last_good, context)
}

/// Loads all documents. The order of the files does not matter.
pub fn load(files: &[File<'_>], last_good: &dyn LastGood, context: &Context) -> Loaded {
    load_all(files, &[], last_good, context)
}

fn holds_documents(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

fn load_all(files: &[File<'_>], refused: &[Refused], last_good: &dyn LastGood, context: &Context) -> Loaded {
    let by_path: HashMap<&str, &[u8]> = files.iter().map(|file| (file.path, file.bytes)).collect();
    let mut paths: Vec<&str> = by_path.keys().copied().filter(|path| holds_documents(path)).collect();
    paths.sort_unstable();
    let now = Files::only(&by_path);
    let mut sources = in_parallel(&paths, |shared, path| {
        let mut source = read(&Arc::from(path), by_path[path], &now, context);
        for document in &mut source.documents {
            if let Document::Bucket(bucket) = document {
                shared.bucket(bucket);
            }
        }
        source
    });

    let old = Files { now: &by_path, old: Some(last_good) };
    let mut loading = Loading::new(last_good, &old, context, &sources);
    // Documents meet as they are written first, so that every fault is told, then without the
    // faulty files. Stepping back can bring documents that clash with others; each turn takes
    // some away.
    let mut back: BTreeSet<usize> = (0..sources.len()).filter(|n| sources[*n].faulty()).collect();
    for path in loading.unread(refused).into_iter().filter(|path| !by_path.contains_key(&**path)) {
        if holds_documents(&path) {
            back.insert(sources.len());
            sources.push(Source::of(&path));
        }
        loading.loaded.faulty.insert(path);
    }
    loop {
        let Together { findings, faults, frozen } = faults(&sources, context, &loading.builtin);
        loading.loaded.findings.extend(findings);
        loading.loaded.specs.frozen.extend(frozen);
        let mut dropped: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for Fault { source, document } in faults {
            if sources[source].old {
                dropped.entry(source).or_default().insert(document);
            } else {
                back.insert(source);
            }
        }
        if dropped.is_empty() && back.is_empty() {
            return loading.finish(sources);
        }
        for (source, dropped) in dropped {
            drop_documents(&mut sources[source], &dropped);
        }
        for source in std::mem::take(&mut back) {
            loading.step_back(&mut sources[source]);
        }
    }
}

/// Runs a function over all paths on all cores. What one core has seen it shares.
fn in_parallel<T: Send>(paths: &[&str], run: impl Fn(&mut Shared, &str) -> T + Sync) -> Vec<T> {
    // Below that, threads cost more than they give.
    const FEW: usize = 64;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len() / FEW + 1);
    if threads == 1 {
        let mut shared = Shared::default();
        return paths.iter().map(|path| run(&mut shared, path)).collect();
    }
    let next = AtomicUsize::new(0);
    let mut numbered: Vec<(usize, T)> = std::thread::scope(|scope| {
        let work = || {
            let (mut shared, mut done) = (Shared::default(), Vec::new());
            loop {
                let first = next.fetch_add(FEW, Ordering::Relaxed);
                if first >= paths.len() {
                    return done;
                }
                let last = paths.len().min(first + FEW);
                done.extend((first..last).map(|n| (n, run(&mut shared, paths[n]))));
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    numbered.sort_unstable_by_key(|(n, _)| *n);
    numbered.into_iter().map(|(_, read)| read).collect()
}

struct Loading<'a> {
    last_good: &'a dyn LastGood,
    old: &'a Files<'a>,
    context: &'a Context,
    builtin: Vec<PolicySpec>,
    loaded: Loaded,
    /// The buckets of each file that no earlier form of it describes.
    lost: Vec<Vec<(BucketId, Place)>>,
    lost_accounts: Vec<(AccountName, Place)>,
    /// The policies that documents describe, faulty ones too.
    policies: BTreeSet<String>,
    /// The policies that exemptions name.
    exempted: Vec<(Arc<str>, Place)>,
}

impl<'a> Loading<'a> {
    fn new(last_good: &'a dyn LastGood, old: &'a Files<'a>, context: &'a Context, sources: &[Source]) -> Self {
        let documents = sources.iter().flat_map(|source| &source.documents);
        Self {
            last_good,
            old,
            context,
            builtin: policies::builtin(),
            loaded: Loaded::default(),
            lost: Vec::new(),
            lost_accounts: Vec::new(),
            policies: sources.iter().flat_map(|source| source.names.policies.iter().cloned()).collect(),
            exempted: documents
                .filter_map(|document| match document {
                    Document::Exemption(both) => Some((both.0.policy.clone(), both.1.clone())),
                    _ => None,
                })
                .collect(),
        }
    }

    /// Tells what was not read. Gives the files in its place that were good before.
    fn unread(&mut self, refused: &[Refused]) -> Vec<Arc<str>> {
        self.loaded.findings.extend(refused.iter().map(|it| {
            let place = Place { file: it.path.clone(), line: 1, column: 1 };
            Finding::error(place, format!("the file is not read: {}", it.why)).hint(it.hint)
        }));
        if refused.is_empty() {
            return Vec::new();
        }
        let unread = Unread::of(refused);
        self.last_good.paths().into_iter().filter(|path| unread.over(path).is_some()).collect()
    }

    /// Puts a file on its last good form. Its buckets are frozen.
    fn step_back(&mut self, source: &mut Source) {
        source.old = true;
        self.loaded.findings.append(&mut source.findings);
        self.loaded.faulty.insert(source.path.clone());
        self.loaded.faulty.extend(source.used.iter().map(|path| Arc::from(path.as_str())));
        let before = self.last_good.bytes(&source.path).map(|bytes| read(&source.path, &bytes, self.old, self.context));
        let (documents, names, used) =
            before.map(|before| (before.documents, before.names, before.used)).unwrap_or_default();
        // The old form goes on to name what is there, or was.
        self.loaded.faulty.extend(used.iter().map(|path| Arc::from(path.as_str())));
        let frozen = &mut self.loaded.specs.frozen;
        frozen.extend(source.names.buckets.iter().chain(&names.buckets).map(|(id, _)| id.clone()));
        let frozen = &mut self.loaded.specs.frozen_accounts;
        frozen.extend(source.names.accounts.iter().chain(&names.accounts).map(|(name, _)| name.clone()));
        self.lost.push(source.names.buckets.clone());
        self.lost_accounts.extend(source.names.accounts.iter().cloned());
        source.documents = documents;
    }

    fn finish(mut self, sources: Vec<Source>) -> Loaded {
        let mut shared = Shared::default();
        let mut drafts = Vec::new();
        let Specs { buckets, accounts, defaults, policies, exemptions, approvals, .. } = &mut self.loaded.specs;
        for source in sources {
            self.loaded.findings.extend(source.findings);
            for document in source.documents {
                match document {
                    Document::Bucket(mut bucket) => {
                        shared.bucket(&mut bucket);
                        buckets.push(*bucket);
                    }
                    Document::Account(account) => accounts.push(*account),
                    Document::Defaults(both) => defaults.push(both.0),
                    Document::Policy(draft) => drafts.push(draft),
                    Document::Exemption(both) => exemptions.push(both.0),
                    Document::Approval(approval) => approvals.push(*approval),
                }
            }
        }
        let own: BTreeSet<Arc<str>> = drafts.iter().map(|draft| draft.name.clone()).collect();
        policies.extend(drafts.into_iter().filter_map(|draft| finish(*draft, &self.builtin)));
        policies.extend(self.builtin.drain(..).filter(|policy| !own.contains(&policy.name)));
        buckets.sort_by(|a, b| (&a.name, &a.account).cmp(&(&b.name, &b.account)));
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        defaults.sort_by(|a, b| a.name.cmp(&b.name));
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        exemptions.sort_by(|a, b| a.name.cmp(&b.name));
        approvals.sort_by(|a, b| a.name.cmp(&b.name));
        self.warn();
        self.loaded.findings.sort();
        self.loaded.findings.dedup();
        self.loaded
    }

    /// Tells of buckets that nobody manages now, and of exemptions that exempt from nothing.
    fn warn(&mut self) {
        let Loaded { specs, findings, .. } = &mut self.loaded;
        let id =
            |it: &BucketSpec| BucketId { account: self.context.account_of(it.account.as_ref()), name: it.name.clone() };
        // Worked out only where somebody asks.
        let managed: HashSet<BucketId> =
            if self.lost.is_empty() { HashSet::new() } else { specs.buckets.iter().map(id).collect() };
        // Where no earlier form can be, the error says all.
        let told = self.last_good.remembers();
        for lost in self.lost.iter().filter(|_| told) {
            let lost: Vec<_> = lost.iter().filter(|(id, _)| !managed.contains(id)).collect();
            let Some(((BucketId { name, .. }, place), more)) = lost.split_first() else { continue };
            let who = match more.len() {
                0 => format!("bucket `{name}` is"),
                more => format!("bucket `{name}` and {more} more of this file are"),
            };
            let message = format!("{who} not managed: its file has an error and no earlier good form");
            findings.push(Finding::warning((*place).clone(), message));
        }
        for (name, place) in self.lost_accounts.iter().filter(|_| told) {
            if !specs.accounts.iter().any(|account| account.name == *name) {
                let message = format!(
                    "the settings of account `{name}` are not managed: its file has an error and no earlier good form"
                );
                findings.push(Finding::warning(place.clone(), message));
            }
        }
        for (name, at) in &self.exempted {
            let known =
                || specs.policies.iter().map(|policy| &*policy.name).chain(self.policies.iter().map(String::as_str));
            if known().any(|known| known == &**name) {
                continue;
            }
            let hint = did_you_mean(name, known()).map_or_else(
                || format!("policies: {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no policy is named `{name}`: the exemption has no effect");
            findings.push(Finding::warning(at.clone(), message).hint(hint));
        }
    }
}

fn drop_documents(source: &mut Source, dropped: &BTreeSet<usize>) {
    let mut n = 0;
    source.documents.retain(|_| {
        n += 1;
        !dropped.contains(&(n - 1))
    });
}

/// A fleet repeats itself: equal values are kept once.
#[derive(Default)]
struct Shared {
    docs: HashSet<Doc>,
    labels: HashSet<Arc<BTreeMap<String, String>>>,
    regions: HashSet<Region>,
    accounts: HashSet<AccountName>,
}

fn once<T: Clone + Eq + std::hash::Hash>(known: &mut HashSet<T>, value: T) -> T {
    if let Some(same) = known.get(&value) {
        return same.clone();
    }
    known.insert(value.clone());
    value
}

impl Shared {
    fn bucket(&mut self, bucket: &mut BucketSpec) {
        if let Some(account) = &mut bucket.account {
            *account = once(&mut self.accounts, account.clone());
        }
        if let Some(region) = &mut bucket.region {
            *region = once(&mut self.regions, region.clone());
        }
        bucket.labels = once(&mut self.labels, bucket.labels.clone());
        for ask in bucket.settings.each() {
            if let Asked::Value(doc) = &mut ask.what {
                *doc = once(&mut self.docs, doc.clone());
            }
        }
    }
}
