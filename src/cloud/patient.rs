//! Patience: every request within its account's budget, repeated with growing, jittered waits
//! while its failure may pass, and ended when its time is over.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::budget::{Bounds, Budget, End};
use super::{BoxFuture, Cloud, Creation, Listed, Observer, Presence, S3Error, S3ErrorKind, Target};
use crate::bucket::{AccountName, Region};
use crate::doc::Doc;
use crate::settings;

/// How long to try.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one attempt may take.
    pub attempt: Duration,
    /// How long all attempts together may take.
    pub deadline: Duration,
    /// The first wait between attempts; it doubles up to [`Patience::longest`].
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How long an attempt under way may go on taking when the daemon is to end. Twice it, for a
    /// write and its proof, is less than the half minute that service managers wait.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(20),
            deadline: Duration::from_secs(60),
            first: Duration::from_millis(200),
            longest: Duration::from_secs(10),
            grace: Duration::from_secs(10),
        }
    }
}

/// A cloud that is asked patiently.
pub struct Patient<C> {
    cloud: C,
    patience: Patience,
    budgets: HashMap<AccountName, Arc<Budget>>,
    fallback: Arc<Budget>,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
}

impl<C: Cloud> Patient<C> {
    /// Asks `cloud` patiently, each account within its bounds.
    pub fn new(
        cloud: C,
        patience: Patience,
        bounds: impl IntoIterator<Item = (AccountName, Bounds)>,
        observer: Arc<dyn Observer>,
        stop: CancellationToken,
    ) -> Self {
        let budgets: HashMap<_, _> = bounds.into_iter().map(|(name, bounds)| (name, Budget::new(bounds))).collect();
        for (name, budget) in &budgets {
            observer.concurrency(name, budget.limit());
        }
        Self { cloud, patience, budgets, fallback: Budget::new(Bounds::default()), observer, stop }
    }

    async fn ask<'a, T>(
        &'a self,
        account: &'a AccountName,
        operation: &str,
        object: &str,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, S3Error>>,
    ) -> Result<T, S3Error> {
        let budget = self.budgets.get(account).unwrap_or(&self.fallback);
        let begun = Instant::now();
        let mut wait = self.patience.first;
        loop {
            let permit = budget.enter().await;
            let left = self.patience.deadline.saturating_sub(begun.elapsed());
            let longest = self.patience.attempt.min(left);
            let result = tokio::select! {
                result = attempt() => result,
                () = tokio::time::sleep(longest) => Err(no_answer(operation, object, longest)),
                () = self.ending() => Err(no_answer(operation, object, self.patience.grace)),
            };
            let refused = matches!(&result, Err(error) if error.kind == S3ErrorKind::Throttled);
            let before = budget.limit();
            permit.end(if refused { End::Refused } else { End::Taken });
            let after = budget.limit();
            if before as usize != after as usize {
                self.observer.concurrency(account, after);
            }
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let pause = wait.mul_f64(fastrand::f64().mul_add(0.5, 0.5));
            if !error.kind.is_transient() || begun.elapsed() + pause > self.patience.deadline {
                return Err(error);
            }
            tracing::debug!(operation, object, kind = error.kind.word(), "{error}; once more in {pause:.1?}");
            if self.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(error);
            }
            wait = (wait * 2).min(self.patience.longest);
        }
    }
}

fn overtaken(setting: &str, target: &Target) -> S3Error {
    S3Error {
        kind: S3ErrorKind::Other,
        message: "somebody changed it while the write was repeated; it is planned anew".to_owned(),
        ..no_answer(setting, target.id.name.as_str(), Duration::ZERO)
    }
}

impl<C> Patient<C> {
    /// Over when the daemon was told to end and the grace is gone.
    async fn ending(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(self.patience.grace).await;
    }
}

fn no_answer(operation: &str, object: &str, after: Duration) -> S3Error {
    S3Error {
        operation: operation.to_owned(),
        object: object.to_owned(),
        kind: S3ErrorKind::Transport,
        code: String::new(),
        status: 0,
        request_id: None,
        message: format!("nothing came within {} s", (after.as_secs_f64() * 10.0).round() / 10.0),
        action: None,
    }
}

impl<C: Cloud> Cloud for Patient<C> {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        Box::pin(self.ask(account, "ListBuckets", account.as_str(), || self.cloud.list(account)))
    }

    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        Box::pin(
            self.ask(account, "ListDirectoryBuckets", account.as_str(), || {
                self.cloud.list_directories(account, region)
            }),
        )
    }

    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        Box::pin(self.ask(&target.id.account, "HeadBucket", target.id.name.as_str(), || self.cloud.head(target)))
    }

    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(
            self.ask(&target.id.account, "CreateBucket", target.id.name.as_str(), || {
                self.cloud.create(target, creation)
            }),
        )
    }

    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(
            self.ask(&target.id.account, setting, target.id.name.as_str(), move || self.cloud.read(target, setting)),
        )
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        let first = Arc::new(AtomicBool::new(true));
        Box::pin(self.ask(&target.id.account, setting, target.id.name.as_str(), move || {
            let first = first.swap(false, Ordering::Relaxed);
            Box::pin(async move {
                // A failed attempt may have been stored, and meanwhile somebody may have changed
                // the setting: `seen` is looked at again before it is written over.
                if !first {
                    let found = self.cloud.read(target, setting).await?;
                    let shown = |doc: &Doc| settings::named(setting).shown(doc);
                    if shown(&found) == shown(to) {
                        return Ok(());
                    }
                    if found != *seen {
                        return Err(overtaken(setting, target));
                    }
                }
                self.cloud.write(target, setting, seen, to).await
            })
        }))
    }

    fn found_at(&self, target: &Target) -> Option<Region> {
        self.cloud.found_at(target)
    }

    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.cloud.foreign_fields(target, setting)
    }

    fn illegal(&self, account: &crate::bucket::AccountName) -> Vec<super::Illegal> {
        self.cloud.illegal(account)
    }

    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.cloud.remarks(target, setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{BucketId, BucketName};
    use crate::cloud::Unobserved;
    use crate::cloud::memory::{Effect, Fault, MemoryCloud};

    fn target() -> Target {
        let name = BucketName::parse("ai-data").expect("legal");
        Target { id: BucketId { account: AccountName::default(), name }, region: Region::us_east_1() }
    }

    fn patient(cloud: &MemoryCloud) -> Patient<MemoryCloud> {
        cloud.put(&target().id, "us-east-1", &[]);
        let stop = CancellationToken::new();
        Patient::new(cloud.clone(), Patience::default(), [], Arc::new(Unobserved), stop)
    }

    fn fault(effect: Effect, times: usize) -> Fault {
        Fault { verb: "read", bucket: String::new(), setting: "", times, effect }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_passes_is_waited_out() {
        for kind in [S3ErrorKind::Throttled, S3ErrorKind::Conflict, S3ErrorKind::Server, S3ErrorKind::Transport] {
            let cloud = MemoryCloud::default();
            cloud.fail(fault(Effect::Fail(kind), 3));
            assert!(patient(&cloud).read(&target(), "versioning").await.is_ok(), "{kind:?}");
            assert_eq!(cloud.count("read"), 4);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn access_denied_is_not_asked_again() {
        let cloud = MemoryCloud::default();
        cloud.fail(fault(Effect::Fail(S3ErrorKind::Denied), 9));
        let error = patient(&cloud).read(&target(), "versioning").await.expect_err("denied");
        assert_eq!((error.kind, cloud.count("read")), (S3ErrorKind::Denied, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_not_repeated_over_a_change_of_somebody_else() {
        let doc = |status: &str| Doc::of(&serde_json::json!({ "status": status }));
        let write = |effect| Fault { verb: "write", ..fault(effect, 1) };
        let never = Doc::of(&serde_json::json!({}));
        let cloud = MemoryCloud::default();
        let patient = patient(&cloud);
        cloud.fail(write(Effect::Fail(S3ErrorKind::Server)));
        cloud.fail(fault(Effect::Change(doc("Suspended")), 1));
        let error = patient.write(&target(), "versioning", &never, &doc("Enabled")).await.expect_err("overtaken");
        assert_eq!(
            error.to_string(),
            "versioning on `ai-data` failed: unexpected answer: somebody changed it while the write was repeated; \
             it is planned anew"
        );
        assert_eq!(cloud.get(&target().id, "versioning"), Some(doc("Suspended")));

        // An attempt that was stored and whose answer was lost is not made again.
        let before = cloud.count("write");
        cloud.fail(write(Effect::Fail(S3ErrorKind::Transport)));
        cloud.fail(fault(Effect::Change(doc("Enabled")), 1));
        patient.write(&target(), "versioning", &doc("Suspended"), &doc("Enabled")).await.expect("it is there");
        assert_eq!(cloud.count("write"), before + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_is_to_end_waits_for_no_answer_longer_than_the_grace() {
        let cloud = MemoryCloud::default();
        cloud.fail(fault(Effect::Hang, 99));
        let patient = patient(&cloud);
        patient.stop.cancel();
        let begun = Instant::now();
        let error = patient.read(&target(), "versioning").await.expect_err("hangs");
        assert_eq!(error.to_string(), "versioning on `ai-data` failed: no usable answer: nothing came within 10 s");
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_takes_longer_than_all_attempts_together_may() {
        let cloud = MemoryCloud::default();
        cloud.fail(fault(Effect::Hang, 99));
        let patient = Patient {
            patience: Patience { deadline: Duration::from_secs(2), ..Patience::default() },
            ..patient(&cloud)
        };
        let begun = Instant::now();
        let error = patient.read(&target(), "versioning").await.expect_err("hangs");
        assert_eq!(error.to_string(), "versioning on `ai-data` failed: no usable answer: nothing came within 2 s");
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_at_all_for_a_minute_ends_with_a_failure_that_says_so() {
        let cloud = MemoryCloud::default();
        cloud.fail(fault(Effect::Hang, 99));
        let begun = Instant::now();
        let error = patient(&cloud).read(&target(), "versioning").await.expect_err("hangs").to_string();
        assert!(error.starts_with("versioning on `ai-data` failed: no usable answer: nothing came within "), "{error}");
        assert_eq!(begun.elapsed(), Duration::from_secs(60), "the last attempt takes what is left");
    }
}
