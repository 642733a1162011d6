//! Patience: every request within its account's budget, repeated with growing, jittered waits
//! while its failure may pass, and ended when its time is over.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::budget::{Bounds, Budget, End};
use super::pages::{self, Paged};
use super::{BoxFuture, Cloud, Creation, Illegal, Listed, Observer, Presence, S3Error, S3ErrorKind, Target};
use crate::bucket::{AccountName, BucketId, Region};
use crate::doc::Doc;
use crate::settings;

/// How long to try.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one attempt may take.
    pub attempt: Duration,
    /// How long all attempts of one request may take together, with the pauses between them. Its
    /// turn within the account's budget it waits for besides.
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
    /// Few: what S3 took and nobody has looked at since. Empty is the setting of a bucket's making.
    unproved: Mutex<HashSet<(BucketId, &'static str)>>,
    /// Hardly any: what the last list of an account showed and no spec can name.
    illegal: Mutex<HashMap<AccountName, Vec<Illegal>>>,
}

impl<C: Paged> Patient<C> {
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
        Self {
            cloud,
            patience,
            budgets,
            fallback: Budget::new(Bounds::default()),
            observer,
            stop,
            unproved: Mutex::default(),
            illegal: Mutex::default(),
        }
    }

    /// Asks until there is an answer, the failure is not one that passes, or the deadline is over.
    /// The deadline counts what S3 takes and the pauses between: waiting for one's own turn is no
    /// silence of S3.
    async fn ask<'a, T>(
        &'a self,
        account: &'a AccountName,
        operation: &str,
        object: &str,
        errand: Errand,
        attempt: impl Fn() -> BoxFuture<'a, Result<T, S3Error>>,
    ) -> Result<T, S3Error> {
        let budget = self.budgets.get(account).unwrap_or(&self.fallback);
        let mut spent = Duration::ZERO;
        let mut wait = self.patience.first;
        let mut failed = None;
        // One grace for the turn and the answer together.
        let ending = self.ending();
        tokio::pin!(ending);
        loop {
            let permit = tokio::select! {
                biased;
                permit = budget.enter() => Some(permit),
                () = self.stop.cancelled(), if errand == Errand::New => None,
                () = ending.as_mut() => None,
            };
            let begins = errand == Errand::Proof || !self.stop.is_cancelled();
            let Some(permit) = permit.filter(|_| begins) else {
                return Err(failed.unwrap_or_else(|| not_begun(operation, object)));
            };
            let begun = Instant::now();
            let longest = self.patience.attempt.min(self.patience.deadline.saturating_sub(spent));
            let mut in_time = true;
            let result = tokio::select! {
                result = attempt() => result,
                () = tokio::time::sleep(longest) => {
                    in_time = false;
                    Err(no_answer(operation, object, longest))
                }
                () = ending.as_mut() => Err(no_answer(operation, object, self.patience.grace)),
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
                // What is left of the deadline was too short for an answer: the one before says more.
                Err(_) if !in_time && longest < self.patience.attempt / 10 && failed.is_some() => {
                    return Err(failed.expect("there was one before"));
                }
                Err(error) => error,
            };
            let pause = wait.mul_f64(fastrand::f64().mul_add(0.5, 0.5));
            if !error.kind.is_transient() || spent + begun.elapsed() + pause > self.patience.deadline {
                return Err(error);
            }
            tracing::debug!(operation, object, kind = error.kind.word(), "{error}; once more in {pause:.1?}");
            if self.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(error);
            }
            spent += begun.elapsed();
            failed = Some(error);
            wait = (wait * 2).min(self.patience.longest);
        }
    }

    /// Whether what comes now is to show what a write made: it belongs to that write. `setting` is
    /// empty for the bucket itself.
    fn errand(&self, target: &Target, setting: &'static str) -> Errand {
        let unproved = self.unproved.lock().expect("no holder of the lock panics");
        let proves = !unproved.is_empty() && unproved.contains(&(target.id.clone(), setting));
        if proves { Errand::Proof } else { Errand::New }
    }

    fn made(&self, target: &Target, setting: &'static str) {
        self.unproved.lock().expect("no holder of the lock panics").insert((target.id.clone(), setting));
    }

    fn looked_at(&self, target: &Target, setting: &'static str, errand: Errand) {
        if errand == Errand::Proof {
            self.unproved.lock().expect("no holder of the lock panics").remove(&(target.id.clone(), setting));
        }
    }
}

/// What a request is for, as far as the end of the daemon cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errand {
    /// Something new: it is not begun once the daemon is to end.
    New,
    /// To show what was just written: it is the second half of something begun.
    Proof,
}

fn overtaken(setting: &str, target: &Target) -> S3Error {
    S3Error {
        kind: S3ErrorKind::Other,
        message: "somebody changed it while the write was repeated; it is planned anew".to_owned(),
        ..no_answer(setting, target.id.name.as_str(), Duration::ZERO)
    }
}

/// What may have been stored, and why it was not stored by the attempt after it.
fn lost_and_then(lost: S3Error, error: S3Error) -> S3Error {
    let message = format!("{}; the next attempt was refused: {error}", lost.message);
    S3Error { message, action: error.action.or(lost.action), ..lost }
}

impl<C> Patient<C> {
    /// Over when the daemon was told to end and the grace is gone.
    async fn ending(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(self.patience.grace).await;
    }
}

/// Nothing was sent, and nothing can have happened.
fn not_begun(operation: &str, object: &str) -> S3Error {
    S3Error {
        kind: S3ErrorKind::Forbidden,
        message: "the daemon is to end".to_owned(),
        ..no_answer(operation, object, Duration::ZERO)
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

impl<C: Paged> Cloud for Patient<C> {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        const OPERATION: &str = "ListBuckets";
        Box::pin(async move {
            // Each page is a request like any other, with its own turn, time and repetitions.
            let all = pages::all(OPERATION, account, move |token| {
                let page = move || self.cloud.list_page(account, token.clone());
                Box::pin(self.ask(account, OPERATION, account.as_str(), Errand::New, page))
            });
            let pages::Page { listed, illegal, .. } = all.await?;
            self.illegal.lock().expect("no holder of the lock panics").insert(account.clone(), illegal);
            Ok(listed)
        })
    }

    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        const OPERATION: &str = "ListDirectoryBuckets";
        Box::pin(async move {
            let all = pages::all(OPERATION, account, move |token| {
                let page = move || self.cloud.list_directories_page(account, region, token.clone());
                Box::pin(self.ask(account, OPERATION, account.as_str(), Errand::New, page))
            });
            Ok(all.await?.listed)
        })
    }

    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        Box::pin(async move {
            let errand = self.errand(target, "");
            let (account, name) = (&target.id.account, target.id.name.as_str());
            let answer = self.ask(account, "HeadBucket", name, errand, || self.cloud.head(target)).await;
            self.looked_at(target, "", errand);
            answer
        })
    }

    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            let (account, name) = (&target.id.account, target.id.name.as_str());
            let make = || self.cloud.create(target, creation);
            self.ask(account, "CreateBucket", name, Errand::New, make).await?;
            self.made(target, "");
            Ok(())
        })
    }

    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(async move {
            let errand = self.errand(target, setting);
            let (account, name) = (&target.id.account, target.id.name.as_str());
            let answer = self.ask(account, setting, name, errand, move || self.cloud.read(target, setting)).await;
            self.looked_at(target, setting, errand);
            answer
        })
    }

    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        let first = Arc::new(AtomicBool::new(true));
        // An attempt without an answer may have been stored, whatever a later one is told.
        let lost: Arc<Mutex<Option<S3Error>>> = Arc::default();
        let overtook = Arc::new(AtomicBool::new(false));
        let (noted, seen_anew) = (Arc::clone(&lost), Arc::clone(&overtook));
        let attempt = move || -> BoxFuture<'a, Result<(), S3Error>> {
            let (first, noted) = (first.swap(false, Ordering::Relaxed), Arc::clone(&noted));
            let seen_anew = Arc::clone(&seen_anew);
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
                        seen_anew.store(true, Ordering::Relaxed);
                        return Err(overtaken(setting, target));
                    }
                }
                let note = |error| *noted.lock().expect("no holder of the lock panics") = error;
                let before = noted.lock().expect("no holder of the lock panics").clone();
                // Whoever breaks it off in the middle does not know what became of it.
                let broken_off = || no_answer(setting, target.id.name.as_str(), self.patience.attempt);
                note(Some(before.clone().unwrap_or_else(broken_off)));
                let written = self.cloud.write(target, setting, seen, to).await;
                match &written {
                    Err(error) if matches!(error.kind, S3ErrorKind::Transport | S3ErrorKind::Server) => {
                        note(Some(error.clone()));
                    }
                    _ => note(before),
                }
                written
            })
        };
        Box::pin(async move {
            let name = target.id.name.as_str();
            let asked = self.ask(&target.id.account, setting, name, Errand::New, attempt).await;
            if let Err(error) = asked {
                let lost = lost.lock().expect("no holder of the lock panics").take();
                // One that somebody overtook was looked at; one that is lost itself says so.
                let tells = overtook.load(Ordering::Relaxed)
                    || matches!(error.kind, S3ErrorKind::Transport | S3ErrorKind::Server);
                return Err(match lost.filter(|_| !tells) {
                    Some(lost) => lost_and_then(lost, error),
                    None => error,
                });
            }
            self.made(target, setting);
            Ok(())
        })
    }

    fn found_at(&self, target: &Target) -> Option<Region> {
        self.cloud.found_at(target)
    }

    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.cloud.foreign_fields(target, setting)
    }

    fn illegal(&self, account: &AccountName) -> Vec<Illegal> {
        self.illegal.lock().expect("no holder of the lock panics").get(account).cloned().unwrap_or_default()
    }

    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.cloud.remarks(target, setting)
    }
}

#[cfg(test)]
#[path = "patient_tests.rs"]
mod tests;
