//! S3 in memory, for tests of the loop: buckets as docs, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::pages::{self, Page, Paged};
use super::{BoxFuture, Cloud, Creation, Listed, Presence, S3Error, S3ErrorKind, Target};
use crate::account;
use crate::bucket::{AccountName, BucketId, BucketName, Region};
use crate::doc::Doc;
use crate::settings;

/// S3 in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryCloud(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<BucketId, Bucket>,
    foreign: Vec<String>,
    faults: VecDeque<Fault>,
    asked: Vec<Ask>,
    strange: Vec<(BucketId, &'static str, String)>,
    moved: Vec<(BucketId, Region)>,
    bare_creations: bool,
    paging: Option<(usize, Duration)>,
}

#[derive(Debug, Clone)]
struct Bucket {
    region: Region,
    settings: BTreeMap<&'static str, Doc>,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// `list`, `list-directories`, `head`, `create`, `read` or `write`.
    pub verb: &'static str,
    /// The bucket; for a list the account, and for its later pages the bucket after which they begin.
    pub object: String,
    /// The setting, empty where there is none.
    pub setting: &'static str,
}

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The verb that it is for.
    pub verb: &'static str,
    /// The bucket; empty for any.
    pub bucket: String,
    /// The setting; empty for any.
    pub setting: &'static str,
    /// How many times.
    pub times: usize,
    /// What happens.
    pub effect: Effect,
}

/// What a fault does.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The request fails.
    Fail(S3ErrorKind),
    /// The write is taken and nothing is stored; a list has nothing of what is there.
    Forget,
    /// What was asked is done, and the answer is lost.
    Lose,
    /// Somebody else changes the setting to this value just before the request.
    Change(Doc),
    /// The request never ends.
    Hang,
    /// The task panics.
    Panic,
}

impl MemoryCloud {
    /// Puts a bucket there, with the values that are given; the rest is the settings' default.
    pub fn put(&self, id: &BucketId, region: &str, docs: &[(&'static str, serde_json::Value)]) {
        let values =
            docs.iter().map(|(name, value)| (*name, settings::named(name).canonical(&Doc::of(value)))).collect();
        let region = Region::parse(region).expect("tests name legal regions");
        self.state().buckets.insert(id.clone(), Bucket { region, settings: values });
    }

    /// Changes one setting behind the loop's back.
    pub fn set(&self, id: &BucketId, setting: &'static str, value: &serde_json::Value) {
        let doc = settings::named(setting).canonical(&Doc::of(value));
        let mut state = self.state();
        state.buckets.get_mut(id).expect("the bucket is there").settings.insert(setting, doc);
    }

    /// The live value of a setting; `None` when the bucket is not there.
    pub fn get(&self, id: &BucketId, setting: &'static str) -> Option<Doc> {
        let state = self.state();
        let Some(bucket) = state.buckets.get(id) else {
            // An account is always there.
            return id.is_account().then(|| settings::named(setting).default_doc());
        };
        Some(bucket.settings.get(setting).cloned().unwrap_or_else(|| settings::named(setting).default_doc()))
    }

    /// Lets reads of a setting answer a field besides that nobody knows; a write removes it.
    pub fn put_strange_field(&self, id: &BucketId, setting: &'static str, field: &str) {
        self.state().strange.push((id.clone(), setting, field.to_owned()));
    }

    /// Lets the account's list name no region for a bucket that lives elsewhere, as stores do: it
    /// is found out by the first request to it.
    pub fn hide_region(&self, id: &BucketId) {
        let mut state = self.state();
        let region = state.buckets.get(id).expect("the bucket is there").region.clone();
        state.moved.push((id.clone(), region));
    }

    /// Lets creations be taken with all that is said and keep none of it, as some stores do.
    pub fn forget_creations(&self) {
        self.state().bare_creations = true;
    }

    /// Lets lists come in pages of so many buckets, each of which takes so long.
    pub fn page_by(&self, size: usize, takes: Duration) {
        self.state().paging = Some((size, takes));
    }

    /// Gives a name to somebody else.
    pub fn put_foreign(&self, name: &str) {
        self.state().foreign.push(name.to_owned());
    }

    /// Lets something go wrong.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Ask> {
        self.state().asked.clone()
    }

    /// How often a verb was used so far.
    pub fn count(&self, verb: &str) -> usize {
        self.state().asked.iter().filter(|ask| ask.verb == verb).count()
    }

    /// Forgets what was asked.
    pub fn forget_asked(&self) {
        self.state().asked.clear();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// `id` is the object with its account, by which a fault may name it as well.
    fn ask(&self, verb: &'static str, object: &str, id: &str, setting: &'static str) -> Option<Effect> {
        let mut state = self.state();
        state.asked.push(Ask { verb, object: object.to_owned(), setting });
        let fault = state.faults.iter_mut().find(|fault| {
            fault.times > 0
                && fault.verb == verb
                && (fault.bucket.is_empty() || fault.bucket == object || (!id.is_empty() && fault.bucket == id))
                && (fault.setting.is_empty() || fault.setting == setting)
        })?;
        fault.times -= 1;
        Some(fault.effect.clone())
    }

    /// One page of what `shown` picks, after the bucket that the token names.
    async fn page(
        &self,
        verb: &'static str,
        account: &AccountName,
        token: Option<String>,
        shown: impl Fn(&State, &BucketId, &Bucket) -> Option<Listed>,
    ) -> Result<Page, S3Error> {
        match self.ask(verb, token.as_deref().unwrap_or(account.as_str()), "", "") {
            Some(Effect::Fail(kind)) => return Err(error(verb, account.as_str(), kind)),
            Some(Effect::Hang) => std::future::pending().await,
            Some(Effect::Forget) => return Ok(Page::default()),
            _ => {}
        }
        let paging = self.state().paging;
        if let Some((_, takes)) = paging {
            tokio::time::sleep(takes).await;
        }
        let state = self.state();
        let after = |id: &BucketId| token.as_deref().is_none_or(|token| id.name.as_str() > token);
        let mine = state.buckets.iter().filter(|(id, _)| id.account == *account && after(id));
        let mut listed: Vec<Listed> = mine.filter_map(|(id, it)| shown(&state, id, it)).collect();
        let mut next = None;
        if let Some((size, _)) = paging.filter(|(size, _)| listed.len() > *size) {
            listed.truncate(size);
            next = listed.last().map(|it| it.name.to_string());
        }
        Ok(Page { listed, next, ..Page::default() })
    }

    async fn meet(
        &self,
        verb: &'static str,
        target: &Target,
        setting: &'static str,
    ) -> Result<Option<Effect>, S3Error> {
        let name = target.id.name.as_str();
        let id = format!("{}/{name}", target.id.account);
        match self.ask(verb, name, &id, setting) {
            Some(Effect::Fail(kind)) => Err(refused(verb, name, setting, kind)),
            Some(Effect::Hang) => std::future::pending().await,
            Some(Effect::Panic) => panic!("a fault that a test asked for"),
            Some(Effect::Change(doc)) => {
                let mut state = self.state();
                if let Some(bucket) = state.buckets.get_mut(&target.id) {
                    bucket.settings.insert(setting, doc);
                }
                Ok(None)
            }
            other => Ok(other),
        }
    }
}

fn answered(effect: Option<&Effect>, verb: &str, target: &Target) -> Result<(), S3Error> {
    match effect {
        Some(Effect::Lose) => Err(error(verb, target.id.name.as_str(), S3ErrorKind::Transport)),
        _ => Ok(()),
    }
}

fn error(verb: &str, object: &str, kind: S3ErrorKind) -> S3Error {
    refused(verb, object, "", kind)
}

/// A failure that names the IAM action, as S3's would.
fn refused(verb: &str, object: &str, setting: &str, kind: S3ErrorKind) -> S3Error {
    let of_account = account::find(setting).filter(|_| object == BucketName::of_account().as_str());
    let action = match (verb, settings::find(setting)) {
        ("read", _) if let Some(it) = of_account => it.reads.first().copied(),
        ("write", _) if let Some(it) = of_account => it.writes.first().copied(),
        ("read", Some(setting)) => setting.reads().first().copied(),
        ("write", Some(setting)) => setting.writes().first().copied(),
        ("list", _) => Some("s3:ListAllMyBuckets"),
        ("list-directories", _) => Some("s3express:ListAllMyDirectoryBuckets"),
        ("head", _) => Some("s3:ListBucket"),
        ("create", _) => Some("s3:CreateBucket"),
        _ => None,
    };
    let operation = action.and_then(|action| action.split_once(':')).map_or(verb, |(_, operation)| operation);
    S3Error {
        operation: operation.to_owned(),
        object: object.to_owned(),
        kind,
        code: String::new(),
        status: 0,
        request_id: None,
        message: "S3 in memory was told to fail".to_owned(),
        action: action.map(str::to_owned),
    }
}

impl Paged for MemoryCloud {
    fn list_page<'a>(
        &'a self,
        account: &'a AccountName,
        token: Option<String>,
    ) -> BoxFuture<'a, Result<Page, S3Error>> {
        Box::pin(self.page("list", account, token, |state, id, bucket| {
            let hidden = state.moved.iter().any(|(moved, _)| moved == id);
            let region = Some(bucket.region.clone()).filter(|_| !hidden);
            (!id.name.is_directory() && !id.is_account()).then(|| Listed { name: id.name.clone(), region })
        }))
    }

    fn list_directories_page<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
        token: Option<String>,
    ) -> BoxFuture<'a, Result<Page, S3Error>> {
        Box::pin(self.page("list-directories", account, token, |_, id, bucket| {
            let is_meant = bucket.region == *region && id.name.is_directory();
            is_meant.then(|| Listed { name: id.name.clone(), region: Some(bucket.region.clone()) })
        }))
    }
}

impl Cloud for MemoryCloud {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        Box::pin(
            async move { Ok(pages::all("ListBuckets", account, |token| self.list_page(account, token)).await?.listed) },
        )
    }

    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        Box::pin(async move {
            let page = |token| self.list_directories_page(account, region, token);
            Ok(pages::all("ListDirectoryBuckets", account, page).await?.listed)
        })
    }

    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        Box::pin(async move {
            self.meet("head", target, "").await?;
            let state = self.state();
            if state.foreign.iter().any(|name| *name == target.id.name.as_str()) {
                return Ok(Presence::Foreign);
            }
            Ok(state.buckets.get(&target.id).map_or(Presence::Missing, |it| Presence::Here(Some(it.region.clone()))))
        })
    }

    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            let effect = self.meet("create", target, "").await?;
            let mut state = self.state();
            if state.foreign.iter().any(|name| *name == target.id.name.as_str()) {
                return Err(error("create", target.id.name.as_str(), S3ErrorKind::Foreign));
            }
            if !matches!(effect, Some(Effect::Forget)) {
                let mut values = BTreeMap::new();
                if creation.object_lock {
                    // Object lock needs versions, so S3 keeps them (API page CreateBucket).
                    values.insert("objectLock", Doc::of(&serde_json::json!({"enabled": true})));
                    values.insert("versioning", Doc::of(&serde_json::json!({"status": "Enabled"})));
                }
                if !state.bare_creations {
                    let mut said =
                        |name: &'static str, doc: Doc| values.insert(name, settings::named(name).canonical(&doc));
                    if !creation.tags.is_empty() {
                        said("tags", Doc::of(&creation.tags));
                    }
                    if let Some(rule) = &creation.object_ownership {
                        said("objectOwnership", Doc::of(&serde_json::json!({ "rule": rule })));
                    }
                }
                let bucket = Bucket { region: target.region.clone(), settings: values };
                state.buckets.entry(target.id.clone()).or_insert(bucket);
            }
            answered(effect.as_ref(), "create", target)
        })
    }

    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(async move {
            self.meet("read", target, setting).await?;
            self.get(&target.id, setting)
                .ok_or_else(|| error("read", target.id.name.as_str(), S3ErrorKind::NoSuchBucket))
        })
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        _seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            let effect = self.meet("write", target, setting).await?;
            let mut state = self.state();
            if target.id.is_account() {
                let nothing = || Bucket { region: target.region.clone(), settings: BTreeMap::new() };
                state.buckets.entry(target.id.clone()).or_insert_with(nothing);
            }
            let bucket = state
                .buckets
                .get_mut(&target.id)
                .ok_or_else(|| error("write", target.id.name.as_str(), S3ErrorKind::NoSuchBucket))?;
            if !matches!(effect, Some(Effect::Forget)) {
                bucket.settings.insert(setting, to.clone());
                state.strange.retain(|(id, known, _)| *id != target.id || *known != setting);
            }
            answered(effect.as_ref(), "write", target)
        })
    }

    fn found_at(&self, target: &Target) -> Option<Region> {
        let state = self.state();
        let asked = state.asked.iter().any(|ask| ask.verb == "read" && ask.object == target.id.name.as_str());
        let moved = state.moved.iter().find(|(id, _)| *id == target.id && asked)?;
        Some(moved.1.clone()).filter(|region| *region != target.region)
    }

    fn illegal(&self, _: &AccountName) -> Vec<super::Illegal> {
        Vec::new()
    }

    fn remarks(&self, _: &Target, _: &'static str) -> Vec<String> {
        Vec::new()
    }

    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        let state = self.state();
        let mine = state.strange.iter().filter(|(id, known, _)| *id == target.id && *known == setting);
        mine.map(|(_, _, field)| field.clone()).collect()
    }
}
