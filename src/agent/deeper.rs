//! Looks into a bucket for the page: its live values, read once for each check of the bucket that
//! somebody looks at, and its past.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::follow::InForce;
use crate::bucket::BucketId;
use crate::clock::{Clock, Timestamp};
use crate::cloud::{Cloud, S3ErrorKind, Target};
use crate::desired::Wish;
use crate::history::{Entry, Filter, History};
use crate::observed::{Existence, Observed, Reading};
use crate::plan::{by_nature, next_reads};
use crate::report::compared::{Compared, compare};
use crate::report::{BucketReport, BucketState};
use crate::serve::deeper::{Deeper, ENTRIES};

/// Answers that are kept. One is good until its bucket is checked again or another revision is in
/// force.
const KEPT: usize = 64;
/// Looks in a minute; whoever comes later is told so.
const A_MINUTE: usize = 60;
/// Looks at once.
const AT_ONCE: usize = 2;
/// How long a page waits for a look.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Looking {
    pub cloud: Arc<dyn Cloud>,
    pub clock: Arc<dyn Clock>,
    pub history: Arc<History>,
    pub in_force: watch::Receiver<Option<InForce>>,
    places: Semaphore,
    past: Semaphore,
    known: Mutex<VecDeque<Known>>,
    begun: Mutex<VecDeque<Instant>>,
}

/// A look that was made.
struct Known {
    id: BucketId,
    checked_at: Timestamp,
    wish: Arc<Wish>,
    compared: Arc<Compared>,
}

impl Looking {
    pub(super) fn new(
        cloud: Arc<dyn Cloud>,
        clock: Arc<dyn Clock>,
        history: Arc<History>,
        in_force: watch::Receiver<Option<InForce>>,
    ) -> Self {
        Self {
            cloud,
            clock,
            history,
            in_force,
            places: Semaphore::new(AT_ONCE),
            past: Semaphore::new(AT_ONCE),
            known: Mutex::default(),
            begun: Mutex::default(),
        }
    }

    /// Reads what the bucket's verdicts need, as a sweep does, and writes nothing.
    async fn look(&self, report: &BucketReport) -> Result<Arc<Compared>, String> {
        let in_force = self.in_force.borrow().clone().ok_or("no revision is in force")?;
        let desired = in_force.desired;
        let declared = desired.buckets.get(&report.id).cloned();
        let wish = declared.or_else(|| desired.undeclared(&report.id, &report.region).map(Arc::new));
        let wish = wish.ok_or("nothing is wanted of it any more")?;
        if let Some(known) = self.known(report, &wish) {
            return Ok(known);
        }
        let _place = self.places.acquire().await.expect("nobody closes the semaphore");
        // Somebody may have looked meanwhile.
        if let Some(known) = self.known(report, &wish) {
            return Ok(known);
        }
        self.admit()?;
        let observed = self.read(&wish, report).await;
        let compared = Arc::new(compare(&wish, &observed, &desired.approvals, self.clock.now()));
        let mut all = self.known.lock().expect("no holder of the lock panics");
        all.retain(|known| known.id != report.id);
        all.truncate(KEPT - 1);
        all.push_front(Known {
            id: report.id.clone(),
            checked_at: report.checked_at,
            wish,
            compared: Arc::clone(&compared),
        });
        Ok(compared)
    }

    fn known(&self, report: &BucketReport, wish: &Arc<Wish>) -> Option<Arc<Compared>> {
        let all = self.known.lock().expect("no holder of the lock panics");
        let known = all.iter().find(|known| known.id == report.id)?;
        // A bucket without a spec gets a wish of its own each time.
        let same = Arc::ptr_eq(&known.wish, wish) || wish.at.is_none();
        (same && known.checked_at == report.checked_at).then(|| Arc::clone(&known.compared))
    }

    /// Counts one more look, unless there were too many.
    fn admit(&self) -> Result<(), String> {
        let now = Instant::now();
        let mut begun = self.begun.lock().expect("no holder of the lock panics");
        while begun.front().is_some_and(|at| now - *at >= Duration::from_mins(1)) {
            begun.pop_front();
        }
        if begun.len() >= A_MINUTE {
            return Err(format!("{A_MINUTE} buckets were read for this page within a minute, and no more are"));
        }
        begun.push_back(now);
        Ok(())
    }

    async fn read(&self, wish: &Wish, report: &BucketReport) -> Observed {
        let now = self.clock.now();
        let target = Target { id: report.id.clone(), region: report.region.clone() };
        let mut observed = Observed::new(Existence::Here(report.region.clone()));
        loop {
            let next = next_reads(wish, &observed, now);
            if next.is_empty() {
                return observed;
            }
            for setting in next {
                let reading = match by_nature(&report.id.name, setting) {
                    Some(reading) => reading,
                    None => match self.cloud.read(&target, setting).await {
                        Ok(doc) => Reading::Known(doc),
                        Err(error) if error.kind == S3ErrorKind::Unsupported => Reading::Unsupported(error),
                        Err(error) => Reading::Unknown(error),
                    },
                };
                observed.note(setting, reading);
            }
        }
    }
}

impl Deeper for Looking {
    fn compared<'a>(&'a self, report: &'a BucketReport) -> BoxFuture<'a, Result<Arc<Compared>, String>> {
        Box::pin(async move {
            if report.state == BucketState::Unreachable {
                return Err("it could not be reached when it was last checked".to_owned());
            }
            let late = || format!("S3 did not answer within {} s", PATIENCE.as_secs());
            timeout(PATIENCE, self.look(report)).await.unwrap_or_else(|_| Err(late()))
        })
    }

    fn past<'a>(&'a self, id: &'a BucketId) -> BoxFuture<'a, Result<Vec<Entry>, String>> {
        Box::pin(async move {
            let _place = self.past.acquire().await.expect("nobody closes the semaphore");
            let filter = Filter {
                bucket: Some(format!("{}/{}", id.account, id.name)),
                limit: Some(ENTRIES),
                ..Filter::default()
            };
            self.history.list(filter).await.map_err(|error| error.to_string())
        })
    }
}
