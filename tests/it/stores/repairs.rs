//! For any live value and any partial wish: after one repair there is no drift, nothing undeclared
//! has changed, and a second repair writes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use driftless::bucket::{AccountName, Region};
use driftless::cloud::{BoxFuture, Cloud, Creation, Listed, Presence, S3Error, Target};
use driftless::doc::Doc;
use driftless::reconcile::Swept;
use driftless::report::RepairResult;
use driftless::setting::{AnySetting, Risk};
use driftless::settings::{self, SETTINGS};
use serde_json::{Value, json};

use super::deviations;
use super::server::Server;
use super::{pairs, whole};
use crate::support::looped::{Rig, bucket, desired, document};

/// Pairs of live value and wish, for each setting.
const CASES: usize = 6;

/// Counts writes.
struct Counting(Arc<dyn Cloud>, AtomicUsize);

impl Cloud for Counting {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.0.list(account)
    }
    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.0.list_directories(account, region)
    }
    fn found_at(&self, target: &Target) -> Option<Region> {
        self.0.found_at(target)
    }
    fn illegal(&self, account: &driftless::bucket::AccountName) -> Vec<driftless::cloud::Illegal> {
        self.0.illegal(account)
    }
    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.remarks(target, setting)
    }
    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        self.0.head(target)
    }
    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.create(target, creation)
    }
    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        self.0.read(target, setting)
    }
    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.write(target, setting, seen, to)
    }
    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.foreign_fields(target, setting)
    }
}

/// One repair: as many sweeps as it takes to approve what is held; and how many that were.
async fn repaired(rig: &Rig, name: &str, setting: &str, want: &Value) -> (String, Swept, usize) {
    let mut text = bucket(name, &json!({ setting: want }).to_string());
    for round in 0.. {
        let swept = rig.sweep(&desired(&text)).await;
        let digests: Vec<String> = swept.plans[0].last.held.iter().filter_map(|held| held.digest.clone()).collect();
        if digests.is_empty() || round == 3 {
            return (text, swept, round + 1);
        }
        for digest in digests {
            let spec = format!("{{change: \"{digest}\", reason: tested, expires: 2026-12-01}}");
            text.push_str(&document("Approval", &format!("a{digest}"), &spec));
        }
    }
    unreachable!("the rounds end")
}

#[tokio::test]
async fn one_repair_leaves_no_drift_and_nothing_else_changed_and_a_second_writes_nothing() {
    let server = Server::start().await;
    let (unread, unwritten) = deviations::lacks(&server.name);
    let mut faults = Vec::new();
    let mut repaired = 0;
    for setting in SETTINGS {
        if unread.contains(&setting.name()) || unwritten.contains(&setting.name()) {
            continue;
        }
        for case in 0..CASES {
            match one(&server, *setting, case).await {
                Ok(done) => repaired += usize::from(done),
                Err(fault) => faults.push(format!("{}, case {case}: {fault}", setting.name())),
            }
        }
    }
    assert!(faults.is_empty(), "on {}:\n{}", server.name, faults.join("\n"));
    assert!(repaired >= SETTINGS.len() - unread.len().min(SETTINGS.len() / 2), "{repaired} repairs on {}", server.name);
}

/// Whether there was something to repair, and it was; or what is wrong.
async fn one(server: &Server, setting: &'static dyn AnySetting, case: usize) -> Result<bool, String> {
    let setting_name = setting.name();
    let known = deviations::of(&server.name, setting_name);
    let name = server.bucket(&format!("fix{case}"), setting_name).await;
    let at = Server::target(&name);
    let pairs = pairs(setting_name, &name, CASES);
    let (live, want) = &pairs[case];
    server.make_others(live, &name).await;
    server.make_others(want, &name).await;
    let fail = |what: &str, error: &S3Error| format!("{what}: {error}");

    // What is there, and a tag that nobody declares.
    let other = if matches!(setting_name, "tags" | "abac") { "versioning" } else { "tags" };
    let fresh = server.read(&name, setting_name).await.map_err(|error| fail("a fresh bucket", &error))?;
    let to = whole(setting, &fresh, live);
    let refused = |from: &Doc, to: &Doc| deviations::refused(&known, &from.value(), &to.value()).is_some();
    if fresh != to && !refused(&fresh, &to) {
        server.cloud.write(&at, setting_name, &fresh, &to).await.map_err(|error| fail("the live value", &error))?;
    }
    if other == "tags" {
        let (none, tags) = (settings::named("tags").default_doc(), Doc::of(&json!({"Keep": "me"})));
        server.cloud.write(&at, "tags", &none, &tags).await.map_err(|error| fail("the tag", &error))?;
    }
    let before = server.read(&name, setting_name).await.map_err(|error| fail("before", &error))?;
    let beside = server.read(&name, other).await.map_err(|error| fail("beside", &error))?;

    let expected = whole(setting, &before, want);
    let possible = !matches!(setting.risk(&before, &expected), Risk::Impossible(_));
    // What S3 takes and never answers is no part of what is proved.
    let expected = setting.shown(&expected);
    let counting = Arc::new(Counting(Arc::clone(&server.cloud) as Arc<dyn Cloud>, AtomicUsize::new(0)));
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::clone(&counting) as Arc<dyn Cloud>);
    let (text, swept, sweeps) = repaired(&rig, &name, setting_name, want).await;
    let last = &swept.plans[0].last;
    let kept = deviations::kept(&known, &expected.value()).0;
    let kept = setting.canonical(&Doc::of(&kept));
    let after = server.read(&name, setting_name).await.map_err(|error| fail("after", &error))?;
    let now_beside = server.read(&name, other).await.map_err(|error| fail("beside, after", &error))?;
    if now_beside != beside {
        return Err(format!("`{other}` was {beside:?} and is {now_beside:?}"));
    }
    if before == expected {
        let writes = counting.1.load(Ordering::Relaxed);
        return if writes == 0 { Ok(false) } else { Err(format!("{writes} writes where nothing differed")) };
    }
    if !possible {
        return if after == before { Ok(false) } else { Err(format!("the impossible was done: {after:?}")) };
    }
    if refused(&before, &expected) || kept != expected {
        // It is said, and neither called done nor repeated within a sweep.
        let honest = swept.plans[0].repairs.iter().all(|it| !matches!(it.result, RepairResult::Applied));
        let tried = counting.1.load(Ordering::Relaxed);
        return if honest && (1..=sweeps).contains(&tried) && !last.in_sync() {
            Ok(true)
        } else {
            Err(format!("{tried} writes of what the server does not keep: {:?}", swept.plans[0].repairs))
        };
    }
    if after != expected {
        return Err(format!(
            "{live} with {want} should be {expected:?} and is {after:?}: {:?}",
            swept.plans[0].repairs
        ));
    }
    if last.has_work() || !last.in_sync() {
        return Err(format!("drift is left of {live} with {want}: {last:?}"));
    }
    let writes = counting.1.load(Ordering::Relaxed);
    let again = rig.sweep(&desired(&text)).await;
    let second = counting.1.load(Ordering::Relaxed) - writes;
    if second != 0 || writes == 0 {
        return Err(format!("{writes} writes, then {second}: {:?}", again.plans[0].repairs));
    }
    Ok(true)
}
