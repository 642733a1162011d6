//! Looks into a bucket for the page: its live values, read once for each check of the bucket that
//! somebody looks at, and its past.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::follow::InForce;
use crate::bucket::BucketId;
use crate::clock::{Clock, Timestamp};
use crate::cloud::read_only::ReadOnly;
use crate::cloud::{Cloud, S3ErrorKind, Target};
use crate::desired::Wish;
use crate::finding::Place;
use crate::history::{Entry, Filter, History};
use crate::observed::{Existence, Observed, Reading};
use crate::plan::{by_nature, next_reads};
use crate::report::compared::{Compared, compare};
use crate::report::{BucketReport, BucketState};
use crate::serve::deeper::{BUILT_IN, Deeper, ENTRIES, WhoChanged};
use crate::source::Ancestry;

/// Answers that are kept. One is good until its bucket is checked again or another revision is in
/// force.
const KEPT: usize = 64;
/// Looks in a minute; whoever comes later is told so.
const A_MINUTE: usize = 60;
/// Looks at once.
const AT_ONCE: usize = 2;
/// How long a page waits for a look.
const PATIENCE: Duration = Duration::from_secs(5);
/// How the names of the files begin that are no files of the source.
const BUILT_IN_FOLDER: &str = "built-in/";

/// Looks for the page.
pub(super) struct Looking {
    cloud: ReadOnly,
    clock: Arc<dyn Clock>,
    history: Arc<History>,
    ancestry: Arc<dyn Ancestry>,
    in_force: watch::Receiver<Option<InForce>>,
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
        ancestry: Arc<dyn Ancestry>,
        in_force: watch::Receiver<Option<InForce>>,
    ) -> Self {
        Self {
            cloud: ReadOnly(cloud),
            clock,
            history,
            ancestry,
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

    /// Who last changed what begins at some places, file by file.
    async fn who_changed(&self, places: &[Place]) -> WhoChanged {
        let Some(in_force) = self.in_force.borrow().clone() else { return WhoChanged::new() };
        let mut lines: BTreeMap<&Arc<str>, Vec<&Place>> = BTreeMap::new();
        for place in places {
            let of_file = lines.entry(&place.file).or_default();
            if !of_file.iter().any(|known| known.line == place.line) {
                of_file.push(place);
            }
        }
        let until = Instant::now() + PATIENCE;
        let mut found = WhoChanged::new();
        for (file, places) in lines {
            let numbers: Vec<usize> = places.iter().map(|place| place.line as usize).collect();
            let why = if file.starts_with(BUILT_IN_FOLDER) {
                Some(BUILT_IN.to_owned())
            } else if in_force.faulty.contains(file) {
                Some("the newest form of the file has a fault, and an older one is in force".to_owned())
            } else {
                None
            };
            let answers = match why {
                Some(why) => numbers.iter().map(|_| Err(why.as_str().into())).collect(),
                None => {
                    let (ancestry, revision) = (Arc::clone(&self.ancestry), Arc::clone(&in_force.revision));
                    let (file, asked) = (Arc::clone(file), numbers.clone());
                    // It goes on when the page does not wait, and the next page finds what it found.
                    let looking = tokio::spawn(async move { ancestry.changed(&revision, &file, &asked).await });
                    let why = match timeout_at(until, looking).await {
                        Ok(Ok(answers)) => Ok(answers),
                        Ok(Err(_)) => Err("the look at the history failed by a fault of driftless itself"),
                        Err(_) => Err("it is still looked up; load the page again"),
                    };
                    why.unwrap_or_else(|why| numbers.iter().map(|_| Err(why.into())).collect())
                }
            };
            found.extend(places.into_iter().map(|place| (Arc::clone(file), place.line)).zip(answers));
        }
        found
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

    fn who_changed<'a>(&'a self, places: &'a [Place]) -> BoxFuture<'a, WhoChanged> {
        Box::pin(self.who_changed(places))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{AccountName, BucketName, Region};
    use crate::clock::ManualClock;
    use crate::cloud::memory::{Effect, Fault, MemoryCloud};
    use crate::desired::{Agent, resolve};
    use crate::source::NoAncestry;
    use crate::spec::load::{Context, File, load};
    use serde_json::json;
    use std::collections::BTreeSet;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_795_348_800 + seconds, 0).expect("a moment")
    }

    fn id(name: &str) -> BucketId {
        BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("a legal name") }
    }

    fn report(name: &str, checked_at: Timestamp) -> BucketReport {
        BucketReport {
            id: id(name),
            region: Region::us_east_1(),
            state: BucketState::Managed,
            spec: None,
            checked_at,
            policies: Arc::new([]),
            settings: Arc::new([]),
            held: Box::new([]),
            repairs: Box::new([]),
            errors: Box::new([]),
            suspended_until: None,
            wish: None,
        }
    }

    /// So many buckets, `data-0` and so on, that shall be versioned and are not.
    fn looking(buckets: usize) -> (Looking, Arc<MemoryCloud>) {
        let cloud = Arc::new(MemoryCloud::default());
        let mut text = String::new();
        for number in 0..buckets {
            text.push_str(&format!(
                "---\napiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: data-{number}}}\n\
                 spec: {{versioning: {{status: Enabled}}}}\n"
            ));
            cloud.put(&id(&format!("data-{number}")), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
        }
        let files = [File { path: "a.yaml", bytes: text.as_bytes() }];
        let mut loaded = load(&files, &(), &Context { now: at(0), ..Context::default() });
        loaded.specs.policies.clear();
        let (desired, _) = resolve(&loaded.specs, &Agent::of_any_account(&loaded.specs));
        assert_eq!(desired.buckets.len(), buckets);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(at(0)));
        let history = History::in_memory("a test", Arc::clone(&clock)).expect("memory");
        let in_force = InForce {
            desired: Arc::new(desired),
            revision: "4f1c2b7".into(),
            faulty: Arc::new(BTreeSet::from(["bad.yaml".into()])),
            mark: Default::default(),
        };
        let (_, in_force) = watch::channel(Some(in_force));
        let ancestry = Arc::new(NoAncestry);
        (Looking::new(Arc::clone(&cloud) as Arc<dyn Cloud>, clock, Arc::new(history), ancestry, in_force), cloud)
    }

    #[tokio::test]
    async fn a_bucket_is_read_once_for_each_check_however_often_it_is_looked_at() {
        let (looking, cloud) = looking(1);
        let first = looking.compared(&report("data-0", at(0))).await.expect("it is read");
        assert_eq!(first.settings[0].name, "versioning");
        assert_eq!(first.settings[0].live.as_ref().expect("it is known")["status"], "Suspended");
        assert_eq!(first.settings[0].wanted.as_ref().expect("it differs")["status"], "Enabled");
        for _ in 0..100 {
            assert_eq!(looking.compared(&report("data-0", at(0))).await.as_ref(), Ok(&first));
        }
        assert_eq!(cloud.count("read"), 1);
        looking.compared(&report("data-0", at(60))).await.expect("it is read");
        assert_eq!((cloud.count("read"), cloud.count("write"), cloud.count("create")), (2, 0, 0));
    }

    #[tokio::test]
    async fn whoever_opens_many_pages_spends_no_more_than_the_minutes_looks() {
        let (looking, cloud) = looking(A_MINUTE + 5);
        let mut refused = Vec::new();
        for number in 0..A_MINUTE + 5 {
            refused.extend(looking.compared(&report(&format!("data-{number}"), at(0))).await.err());
        }
        assert_eq!(cloud.count("read"), A_MINUTE);
        let said = "60 buckets were read for this page within a minute, and no more are";
        assert_eq!(refused, [said; 5]);
        // What is known is told all the same, as long as it is kept.
        assert!(looking.compared(&report("data-59", at(0))).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_holds_up_no_page_for_long() {
        let (looking, cloud) = looking(1);
        let times = 1;
        cloud.fail(Fault { verb: "read", bucket: String::new(), setting: "", times, effect: Effect::Hang });
        let late = looking.compared(&report("data-0", at(0))).await;
        assert_eq!(late, Err("S3 did not answer within 5 s".to_owned()));
        // And its place is free again.
        assert!(looking.compared(&report("data-0", at(0))).await.is_ok());
    }

    #[tokio::test]
    async fn who_changed_a_line_is_told_or_why_it_is_not_known() {
        let (looking, _) = looking(1);
        let place = |file: &str, line| Place { file: file.into(), line, column: 1 };
        let places = [place("a.yaml", 3), place("built-in/private.yaml", 14), place("bad.yaml", 1), place("a.yaml", 3)];
        let found = looking.who_changed(&places).await;
        let said: Vec<(&str, u32, &str)> =
            found.iter().map(|((file, line), why)| (&**file, *line, &**why.as_ref().expect_err("a folder"))).collect();
        assert_eq!(
            said,
            [
                ("a.yaml", 3, "the source is a folder, which has no commits"),
                ("bad.yaml", 1, "the newest form of the file has a fault, and an older one is in force"),
                ("built-in/private.yaml", 14, "which comes with driftless"),
            ]
        );
    }

    /// A history that takes ten seconds to look through, and remembers what it found.
    #[derive(Default)]
    struct Slow(Arc<std::sync::atomic::AtomicBool>);

    impl Ancestry for Slow {
        fn changed<'a>(
            &'a self,
            _: &'a str,
            _: &'a str,
            lines: &'a [usize],
        ) -> BoxFuture<'a, Vec<Result<Arc<crate::source::Revision>, Arc<str>>>> {
            Box::pin(async move {
                if !self.0.load(std::sync::atomic::Ordering::Relaxed) {
                    tokio::time::sleep(PATIENCE * 2).await;
                    self.0.store(true, std::sync::atomic::Ordering::Relaxed);
                }
                lines.iter().map(|_| Err("found".into())).collect()
            })
        }
    }

    /// A look that took longer than the page waits was broken off and begun anew by each page, so that
    /// nobody ever saw its answer.
    #[tokio::test(start_paused = true)]
    async fn a_look_at_a_long_history_goes_on_when_the_page_does_not_wait_for_it() {
        let (mut looking, _) = looking(1);
        let slow = Slow::default();
        let ended = Arc::clone(&slow.0);
        looking.ancestry = Arc::new(slow);
        let places = [Place { file: "a.yaml".into(), line: 3, column: 1 }];
        let said = |found: WhoChanged| found.into_values().next().expect("one").expect_err("no commit").to_string();
        assert_eq!(said(looking.who_changed(&places).await), "it is still looked up; load the page again");
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            tokio::time::advance(Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(said(looking.who_changed(&places).await), "found");
    }

    #[tokio::test]
    async fn a_bucket_that_nothing_is_wanted_of_is_not_read() {
        let (looking, cloud) = looking(1);
        let gone = looking.compared(&report("gone", at(0))).await;
        assert_eq!(gone, Err("nothing is wanted of it any more".to_owned()));
        let unreachable = BucketReport { state: BucketState::Unreachable, ..report("data-0", at(0)) };
        let refused = looking.compared(&unreachable).await;
        assert_eq!(refused, Err("it could not be reached when it was last checked".to_owned()));
        assert_eq!(cloud.asked(), []);
    }
}
