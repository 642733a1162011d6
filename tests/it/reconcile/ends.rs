//! The end of the daemon, in the middle of things.

use super::*;

/// S3 in memory that asks for the end of the daemon in the middle of the first write.
struct Ending(MemoryCloud, CancellationToken);

impl Cloud for Ending {
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
    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.foreign_fields(target, setting)
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
        Box::pin(async move {
            self.1.cancel();
            self.0.create(target, creation).await
        })
    }
    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.0.read(target, setting).await
        })
    }
    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            self.1.cancel();
            tokio::task::yield_now().await;
            self.0.write(target, setting, seen, to).await
        })
    }
}

#[tokio::test]
async fn the_end_of_the_daemon_finishes_the_write_under_way_proves_it_and_begins_no_other() {
    let (cloud, _) = two();
    let desired = desired(&bucket("ai-one", "{versioning: {status: Enabled}, tags: {Name: data}}"));
    let mut rig = Rig::over(&cloud);
    rig.wrapped = Some(Arc::new(Ending(cloud.clone(), rig.stop.clone())));
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.repaired, swept.report.interrupted), (1, 1, true));
    assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Enabled")));
    let said = rig.notes.take();
    assert!(said.contains(&"repair ai-one versioning applied".to_owned()), "what was written is told: {said:?}");
}

#[tokio::test]
async fn a_bucket_made_while_the_daemon_ends_is_told() {
    let cloud = MemoryCloud::default();
    let desired = desired(&bucket("ai-new", "{versioning: {status: Enabled}}"));
    let mut rig = Rig::over(&cloud);
    rig.wrapped = Some(Arc::new(Ending(cloud.clone(), rig.stop.clone())));
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("create"), cloud.count("write")), (1, 0));
    assert!(swept.report.interrupted);
    let said = rig.notes.take();
    assert!(said.contains(&"created ai-new".to_owned()), "{said:?}");
}

#[tokio::test]
async fn a_daemon_that_is_to_end_begins_nothing_and_forgets_nobody() {
    let (cloud, desired) = two();
    let rig = Rig::over(&cloud);
    let _ = rig.sweep(&desired).await;
    cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
    cloud.forget_asked();
    rig.stop.cancel();
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.interrupted), (0, true));
    assert_eq!(rig.board.buckets().len(), 2);
    assert!(!rig.notes.take().iter().any(|line| line.starts_with("unmanaged")));
}

/// What was not written any more was told to be held with the revision that is, also where the one
/// before asks for it as well.
#[tokio::test]
async fn what_the_end_of_the_daemon_leaves_of_drift_is_not_told_to_be_held_with_a_revision() {
    let names = ["ai-one", "ai-two", "ai-three"];
    let cloud = MemoryCloud::default();
    let good = [("versioning", json!({"status": "Enabled"})), ("tags", json!({"Name": "data"}))];
    names.iter().for_each(|name| cloud.put(&id(name), "us-east-1", &good));
    cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
    cloud.set(&id("ai-one"), "tags", &json!({}));
    let specs = |more: &str| {
        let spec = format!("{{versioning: {{status: Enabled}}, tags: {{Name: data}}{more}}}");
        desired(&names.map(|name| bucket(name, &spec)).concat())
    };
    let mut rig = Rig::over(&cloud);
    rig.limit = super::limits::FEW;
    rig.wrapped = Some(Arc::new(Ending(cloud.clone(), rig.stop.clone())));
    let swept = rig.gated_since(&specs(""), &specs(", publicAccessBlock: all")).await;
    assert_eq!((cloud.count("write"), swept.report.interrupted), (1, true));
    let said = rig.notes.take();
    assert!(said.iter().any(|it| it.starts_with("repair ai-one ")), "{said:?}");
    let held: Vec<_> = said.iter().filter(|it| it.starts_with("held ai-one ")).collect();
    assert_eq!(held, ["held ai-one publicAccessBlock over-limit"], "{said:?}");
}
