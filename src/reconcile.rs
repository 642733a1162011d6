//! The loop: one sweep looks at every bucket, plans, repairs and tells.

mod fleet;
mod gate;
mod put_off;
mod visit;
mod weigh;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::apply::Proof;
use crate::board::Board;
use crate::bucket::{AccountName, BucketId, BucketName, Region};
use crate::clock::{Clock, Timestamp};
use crate::cloud::{Cloud, Listed, S3Error, S3ErrorKind};
use crate::desired::{Desired, Wish};
use crate::plan::Brakes;
use crate::report::tell::DriftChange;
use crate::report::{Cause, Event, Repair, SweepReport};
use crate::verdict::EXISTENCE;

pub use fleet::{FleetBreaker, FleetLimit};
pub use gate::{Before, Gate, Unweighed};
use visit::Visitor;

/// Told of what the loop does: the history and the metrics.
pub trait Witness: Send + Sync {
    /// Things happened.
    fn events(&self, now: Timestamp, events: Vec<Event>);
    /// Differences were opened or closed.
    fn drift(&self, now: Timestamp, changes: &[DriftChange]);
    /// A write was tried, and took so many seconds.
    fn repaired(&self, bucket: &BucketId, repair: &Repair, to: &crate::doc::Doc, seconds: f64);
    /// A task panicked.
    fn panicked(&self);
}

/// What the loop needs.
pub struct Loop {
    /// S3.
    pub cloud: Arc<dyn Cloud>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where it is told how everything stands.
    pub board: Arc<Board>,
    /// What it remembers of its own writes.
    pub brakes: Arc<dyn Brakes>,
    /// Who is told.
    pub witness: Arc<dyn Witness>,
    /// How much of the fleet one sweep may change.
    pub limit: FleetLimit,
    /// How many buckets are looked at at once.
    pub concurrency: usize,
    /// The accounts of which every request names the owner that it expects, and S3 heeds it: a
    /// bucket that answers is theirs (S3 User Guide, "Verifying bucket ownership with bucket owner
    /// condition").
    pub owners: BTreeSet<AccountName>,
    /// How long to wait for a write to show.
    pub proof: Proof,
    /// Whether the plans that are left are returned: for commands, as the daemon has the board.
    pub keep_plans: bool,
    /// Ends the sweep: no write is begun any more.
    pub stop: CancellationToken,
}

/// Whether a sweep only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// It writes what is to be written.
    Free,
    /// It writes nothing: `plan` and `scan`. Their cloud refuses every write besides.
    Bound,
}

/// What a sweep found, bucket by bucket.
#[derive(Debug)]
#[must_use]
pub struct Swept {
    /// The sweep.
    pub report: SweepReport,
    /// Whether the revision has passed the gate: the sweep came to its end and saw the fleet, and
    /// the revision asks for no more anew than one sweep may change.
    pub passed: bool,
    /// What the revision was not weighed by behind a gate, so that it has not passed with the rest.
    pub unweighed: Unweighed,
    /// The plans that are left, for those who ask for them; empty in the daemon.
    pub plans: Vec<visit::Visited>,
}

pub use visit::Visited;

/// One bucket to look at.
struct Task {
    wish: Arc<Wish>,
    presence: visit::Known,
}

impl Loop {
    /// Makes one sweep. Behind a gate that is not open the whole fleet is planned before anything is
    /// written, so that a revision which would change too much changes nothing.
    pub async fn sweep(self: &Arc<Self>, desired: &Arc<Desired>, cause: Cause, hands: Hands, gate: &Gate) -> Swept {
        let started_at = self.clock.now();
        let begun = tokio::time::Instant::now();
        let tasks = self.stop.run_until_cancelled(self.tasks(desired)).await;
        let (tasks, errors) = tasks.unwrap_or_default();
        let total = tasks.len();
        let seen: HashSet<BucketId> = tasks.iter().map(|task| task.wish.id.clone()).collect();
        self.board.begin_sweep(cause, started_at, total);
        // What nobody may write is no part of what a share of may change.
        let declared = tasks.iter().filter(|task| task.wish.at.is_some()).count();
        let breaker = Arc::new(FleetBreaker::new(self.limit, declared, &desired.approvals, started_at));
        let looks_first = hands == Hands::Free && !matches!(gate, Gate::Open);
        let visitor = Arc::new(Visitor {
            it: Arc::clone(self),
            desired: Arc::clone(desired),
            passed: gate.passed().filter(|_| looks_first).cloned(),
            breaker: Arc::clone(&breaker),
        });

        let mut tally = Tally::default();
        let mut plans = Vec::new();
        let mut waiting = Vec::new();
        let (mut asked, mut in_doubt, mut unweighed) = (0, 0, Unweighed::new());
        let first = if looks_first { visit::Pass::Weigh } else { visit::Pass::of(hands) };
        let mut visits = self.visits(&visitor, tasks, first);
        while let Some((id, visited)) = visits.next().await {
            self.board.advance_sweep(self.clock.now());
            match &visited {
                Some(it) if it.asks_anew => asked += 1,
                Some(it) if !it.is_in_doubt() => {}
                _ => in_doubt += 1,
            }
            // Of a visit that panicked nothing was seen.
            let settings = visited.as_ref().map_or_else(|| BTreeSet::from([EXISTENCE]), Visited::unweighed);
            if looks_first && !settings.is_empty() {
                unweighed.insert(id, settings);
            }
            match visited {
                Some(visited) if looks_first && visited.last.has_work() => waiting.push(visited),
                Some(visited) => {
                    tally.count(&visited);
                    if self.keep_plans {
                        plans.push(visited);
                    }
                }
                None => tally.unvisited += 1,
            }
        }
        drop(visits);
        if !waiting.is_empty() {
            breaker.gate(asked);
            let tasks = waiting
                .into_iter()
                .map(|it| Task { wish: it.wish, presence: visit::Known::Observed(Box::new(it.observed)) });
            let mut visits = self.visits(&visitor, tasks.collect(), visit::Pass::Act);
            while let Some((_, visited)) = visits.next().await {
                self.board.touch_sweep(self.clock.now());
                match visited {
                    Some(visited) => {
                        tally.count(&visited);
                        if self.keep_plans {
                            plans.push(visited);
                        }
                    }
                    None => tally.unvisited += 1,
                }
            }
        }
        if hands == Hands::Free {
            self.board.put_breaker("fleet", breaker.is_open().then_some(crate::verdict::Hold::OverLimit));
        }

        let interrupted = self.stop.is_cancelled();
        if !interrupted && hands == Hands::Free {
            let failed: Vec<&str> = errors.iter().map(|error| error.object.as_str()).collect();
            self.forget_gone(|id| seen.contains(id) || failed.contains(&id.account.as_str()));
        }
        plans.sort_by(|a, b| a.wish.id.cmp(&b.wish.id));
        let report = SweepReport {
            cause,
            started_at,
            seconds: begun.elapsed().as_secs_f64(),
            buckets: total,
            in_sync: tally.in_sync,
            drifted: tally.drifted,
            unknown: tally.unknown + tally.unvisited,
            repaired: tally.repaired,
            failed: tally.failed,
            held: tally.held,
            interrupted,
            errors,
        };
        self.board.put_sweep(report.clone(), self.clock.now());
        Swept { report, passed: !interrupted && breaker.passes(in_doubt), unweighed, plans }
    }

    fn visits<'a>(
        self: &'a Arc<Self>,
        visitor: &Arc<Visitor>,
        tasks: Vec<Task>,
        pass: visit::Pass,
    ) -> impl futures_util::Stream<Item = (BucketId, Option<Visited>)> + Unpin + use<'a> {
        let visitor = Arc::clone(visitor);
        let stream = futures_util::stream::iter(tasks)
            .map(move |task| {
                let visitor = Arc::clone(&visitor);
                // A task of its own: the buckets share the cores, and a panic ends one bucket.
                let id = task.wish.id.clone();
                let span = tracing::info_span!("bucket", bucket.name = %id);
                let visit = async move { visitor.visit(task.wish, task.presence, pass).await };
                let visit = tokio::spawn(visit.instrument(span));
                async move { (id, visit.await) }
            })
            .buffer_unordered(self.concurrency.max(1))
            .map(|(id, joined)| {
                if joined.is_err() {
                    self.witness.panicked();
                }
                (id, joined.ok().flatten())
            });
        Box::pin(stream)
    }

    /// The buckets to look at, from what is declared and what the accounts hold. One listing an
    /// account says which exist, so that no bucket is asked for its existence alone.
    async fn tasks(&self, desired: &Desired) -> (Vec<Task>, Vec<S3Error>) {
        let mut declared: BTreeMap<AccountName, Vec<Arc<Wish>>> = BTreeMap::new();
        let mut tasks = Vec::with_capacity(desired.buckets.len());
        for wish in desired.buckets.values() {
            // An account needs no list of buckets to be there.
            if wish.id.is_account() {
                tasks.push(Task { wish: Arc::clone(wish), presence: visit::Known::Listed(None) });
                continue;
            }
            declared.entry(wish.id.account.clone()).or_default().push(Arc::clone(wish));
        }
        if desired.judges_undeclared() {
            for account in desired.accounts() {
                declared.entry(account.clone()).or_default();
            }
        }
        let mut errors = Vec::new();
        let accounts: Vec<AccountName> = declared.keys().cloned().collect();
        let listings = accounts.into_iter().map(|account| async move {
            let span = tracing::info_span!("list", account = %account);
            let listing = self.cloud.list(&account).instrument(span).await;
            (account, listing)
        });
        let listings: Vec<_> = futures_util::stream::iter(listings).buffer_unordered(8).collect().await;
        self.directory_tasks(&declared, &mut tasks, &mut errors).await;
        for (account, listing) in listings {
            let account = &account;
            let wishes: Vec<&Arc<Wish>> = declared[account].iter().filter(|it| !it.id.name.is_directory()).collect();
            match listing {
                Ok(listed) => {
                    let mut here: HashMap<BucketName, Option<Region>> =
                        listed.into_iter().map(|Listed { name, region }| (name, region)).collect();
                    for wish in wishes {
                        let presence = match here.remove(&wish.id.name) {
                            Some(region) => visit::Known::Listed(region),
                            None => visit::Known::NotListed,
                        };
                        tasks.push(Task { wish: Arc::clone(wish), presence });
                    }
                    // An own store may list such names among its buckets; they are none of ours.
                    here.retain(|name, _| !name.is_directory());
                    let mut others: Vec<_> = here.into_iter().collect();
                    others.sort();
                    for (name, region) in others {
                        let id = BucketId { account: account.clone(), name };
                        let place = region.clone().unwrap_or_else(|| desired.region_of(account));
                        if let Some(wish) = desired.undeclared(&id, &place) {
                            tasks.push(Task { wish: Arc::new(wish), presence: visit::Known::Listed(region) });
                        }
                    }
                }
                // Whoever may not list may still look at each bucket that it was told of.
                Err(error) => {
                    let denied = matches!(error.kind, S3ErrorKind::Denied | S3ErrorKind::Unsupported);
                    for wish in wishes {
                        let presence =
                            if denied { visit::Known::Nothing } else { visit::Known::Failed(Box::new(error.clone())) };
                        tasks.push(Task { wish: Arc::clone(wish), presence });
                    }
                    errors.push(error);
                }
            }
        }
        (tasks, errors)
    }

    /// The directory buckets that specs name, by one listing for each account and region in which
    /// there is one. Where no spec names one, nobody is asked.
    async fn directory_tasks(
        &self,
        declared: &BTreeMap<AccountName, Vec<Arc<Wish>>>,
        tasks: &mut Vec<Task>,
        errors: &mut Vec<S3Error>,
    ) {
        let mut places: BTreeMap<(&AccountName, &Region), Vec<&Arc<Wish>>> = BTreeMap::new();
        for (account, wishes) in declared {
            for wish in wishes.iter().filter(|wish| wish.id.name.is_directory()) {
                places.entry((account, &wish.region)).or_default().push(wish);
            }
        }
        for ((account, region), wishes) in places {
            let span = tracing::info_span!("list", account = %account, region = %region);
            let listing = self.cloud.list_directories(account, region).instrument(span).await;
            for wish in wishes {
                let presence = match &listing {
                    Ok(listed) if listed.iter().any(|it| it.name == wish.id.name) => {
                        visit::Known::Listed(Some(region.clone()))
                    }
                    Ok(_) => visit::Known::NotListed,
                    Err(error) => visit::Known::Failed(Box::new(error.clone())),
                };
                tasks.push(Task { wish: Arc::clone(wish), presence });
            }
            errors.extend(listing.err());
        }
    }

    /// Takes buckets off the board that are neither declared nor there any more, and says so of
    /// those that were declared: they stay as they are, and nobody watches them.
    fn forget_gone(&self, keep: impl Fn(&BucketId) -> bool) {
        let now = self.clock.now();
        let mut left = Vec::new();
        let mut closed = Vec::new();
        for report in self.board.keep_buckets(keep) {
            closed.append(&mut crate::report::tell::closings(&report));
            for (policy, setting, since) in crate::report::tell::open_lines(&report) {
                left.push(Event::DriftClosed { bucket: report.id.clone(), policy, setting, since });
            }
            if report.spec.is_some() {
                left.push(Event::Unmanaged { bucket: report.id.clone() });
            }
        }
        self.witness.drift(now, &closed);
        if !left.is_empty() {
            self.witness.events(now, left);
        }
    }
}

/// What a sweep counts.
#[derive(Default)]
struct Tally {
    in_sync: usize,
    drifted: usize,
    unknown: usize,
    /// Ended by a panic or by the end of the daemon.
    unvisited: usize,
    repaired: usize,
    failed: usize,
    held: usize,
}

impl Tally {
    fn count(&mut self, visited: &Visited) {
        if visited.last.in_sync() {
            self.in_sync += 1;
        } else if visited.last.has_unknown() {
            self.unknown += 1;
        } else {
            self.drifted += 1;
        }
        let applied = visited.repairs.iter().filter(|it| it.result.word() == "applied").count();
        self.repaired += applied;
        self.failed += visited.repairs.len() - applied;
        self.held += visited.last.held.len();
    }
}
