//! The sweeper over S3 in memory: when it sweeps, whatever the clock does, and what it gates.

use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::*;
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::cloud::memory::MemoryCloud;
use crate::desired::resolve;
use crate::past::Limits;
use crate::spec::load::{Context, File, load};

/// A clock that runs with the runtime's paused one, and jumps when it is told to.
struct Jumping {
    begun: Instant,
    jumped: std::sync::Mutex<chrono::Duration>,
}

impl Jumping {
    fn new() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), jumped: std::sync::Mutex::default() })
    }

    fn jump(&self, by: chrono::Duration) {
        *self.jumped.lock().expect("no panic") += by;
    }
}

impl Clock for Jumping {
    /// It begins half an hour before the next full hour.
    fn now(&self) -> Timestamp {
        let begun: Timestamp = "2026-11-22T12:30:00Z".parse().expect("a moment");
        begun
            + chrono::Duration::from_std(self.begun.elapsed()).expect("short")
            + *self.jumped.lock().expect("no panic")
    }
}

/// What a test holds in its hands of a daemon.
struct Bench {
    clock: Arc<Jumping>,
    cloud: MemoryCloud,
    history: Arc<History>,
    wanted: watch::Sender<Option<InForce>>,
    swept: watch::Receiver<()>,
    board: Arc<Board>,
}

fn id(name: &str) -> BucketId {
    BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("a legal name") }
}

fn config(more: &str) -> Config {
    let text = format!(
        "source: {{dir: specs}}\nschedule: {{cron: \"0 * * * *\", jitter: 0s}}\nlimits: {{changedPercent: 0, changedLeast: 1}}\n{more}"
    );
    crate::config::parse("config.yaml", &text, &[]).expect("a good configuration")
}

/// Three buckets with this setting.
fn in_force(revision: &str, setting: &str) -> InForce {
    let spec =
        |n| format!("---\napiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: data-{n}}}\nspec: {{{setting}}}\n");
    let text: String = (0..3).map(spec).collect();
    let moment = "2026-11-22T12:00:00Z".parse().expect("a moment");
    let files = [File { path: "a.yaml", bytes: text.as_bytes() }];
    let mut loaded = load(&files, &(), &Context { now: moment, ..Context::default() });
    loaded.specs.policies.clear();
    let (desired, _) = resolve(&loaded.specs, &config("").agent());
    assert_eq!(desired.buckets.len(), 3);
    InForce {
        desired: Arc::new(desired),
        revision: revision.into(),
        faulty: Arc::default(),
        mark: telemetry::Mark::default(),
    }
}

const VERSIONED: &str = "versioning: {status: Enabled}";
const TAGGED: &str = "versioning: {status: Enabled}, tags: {Name: data}";

fn begin(config: Config, history: Option<Arc<History>>) -> (Sweeper, Bench) {
    let clock = Jumping::new();
    let told: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let cloud = MemoryCloud::default();
    for n in 0..3 {
        cloud.put(&id(&format!("data-{n}")), "us-east-1", &[("versioning", json!({"status": "Enabled"}))]);
    }
    let history = history.unwrap_or_else(|| Arc::new(History::in_memory("a test", Arc::clone(&told)).expect("memory")));
    let board = Arc::new(Board::default());
    let metrics = Arc::new(Metrics::new(Arc::clone(&board), Arc::clone(&told), Default::default()));
    let past = Arc::new(Past::new(Limits::default()));
    let telling = Telling::new(Arc::clone(&history), Arc::clone(&metrics), Arc::clone(&past));
    let (wanted, coming) = watch::channel(None);
    let (sender, swept) = watch::channel(());
    let sweeper = Sweeper {
        capabilities: Arc::new(crate::agent::capabilities(&config)),
        config,
        clock: Arc::clone(&told),
        board: Arc::clone(&board),
        metrics,
        past,
        telling: Arc::new(telling),
        cloud: Arc::new(cloud.clone()),
        heartbeat: Arc::new(Heartbeat::new(told.now())),
        demand: Arc::new(Notify::new()),
        coming,
        history: Arc::clone(&history),
        swept: sender,
        letterbox: None,
        stop: CancellationToken::new(),
    };
    (sweeper, Bench { clock, cloud, history, wanted, swept, board })
}

/// How long the next sweep lets itself be waited for.
async fn next(bench: &mut Bench) -> Duration {
    let begun = Instant::now();
    bench.swept.changed().await.expect("the sweeper runs");
    begun.elapsed()
}

async fn running() -> Bench {
    let (sweeper, mut bench) = begin(config(""), None);
    tokio::spawn(sweeper.run());
    bench.wanted.send_replace(Some(in_force("a", VERSIONED)));
    // That of the start, and the first of the schedule: nothing is left to do after it, so the next
    // one is due already when a test goes on.
    next(&mut bench).await;
    next(&mut bench).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_sweep_comes_when_the_schedule_says() {
    let mut bench = running().await;
    let waited = next(&mut bench).await;
    assert!(waited <= Duration::from_hours(1) + GLANCE && waited >= Duration::from_mins(59), "{waited:?}");
    assert_eq!(bench.board.last_sweep().map(|it| it.cause), Some(Cause::Schedule));
}

/// A machine that slept: no timer ran meanwhile, and only a glance at the clock shows it.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_ahead_by_a_day_makes_a_sweep_due_at_once() {
    let mut bench = running().await;
    bench.clock.jump(chrono::Duration::days(1));
    let waited = next(&mut bench).await;
    assert!(waited <= GLANCE * 2, "{waited:?}");
    // And it goes on by the clock as it is now.
    let waited = next(&mut bench).await;
    assert!(waited <= Duration::from_hours(1) + GLANCE, "{waited:?}");
}

/// The next sweep was due in a year, by the clock as it was before.
#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_back_by_a_year_leaves_no_sweep_in_the_distant_future() {
    let mut bench = running().await;
    bench.clock.jump(-chrono::Duration::days(365));
    let waited = next(&mut bench).await;
    assert!(waited <= Duration::from_hours(1) + GLANCE, "{waited:?}");
    let waited = next(&mut bench).await;
    assert!(waited <= Duration::from_hours(1) + GLANCE, "{waited:?}");
}

/// A revision that arrived after the sweeper had woken for another cause was swept without a gate,
/// and so obeyed bit by bit although it asks too much.
#[tokio::test]
async fn a_revision_is_gated_whatever_the_cause_of_the_sweep_that_finds_it() {
    for cause in [Cause::Schedule, Cause::Demand] {
        let (mut sweeper, bench) = begin(config(""), None);
        let mut passed = Passed::remembered(&sweeper.config, &bench.history).await;
        bench.wanted.send_replace(Some(in_force("a", VERSIONED)));
        assert!(sweeper.obey(&mut passed, &mut None, Cause::Start).await);
        bench.wanted.send_replace(Some(in_force("b", TAGGED)));
        for _ in 0..2 {
            assert!(sweeper.obey(&mut passed, &mut None, cause).await);
            assert_eq!(bench.cloud.count("write"), 0, "{cause:?}");
        }
        // What the one before asks for as well is repaired all the same.
        bench.cloud.set(&id("data-1"), "versioning", &json!({"status": "Suspended"}));
        assert!(sweeper.obey(&mut passed, &mut None, cause).await);
        assert_eq!(bench.cloud.count("write"), 1, "{cause:?}");
        // Back to the one that passed: nothing is held any more.
        bench.wanted.send_replace(Some(in_force("a", VERSIONED)));
        assert!(sweeper.obey(&mut passed, &mut None, Cause::Revision).await);
        assert_eq!(bench.board.breakers(), [], "{cause:?}");
    }
}

/// A daemon that began anew took all drift for the doing of its revision, and held it for ever once
/// it was beyond the limit.
#[tokio::test]
async fn a_revision_that_has_passed_has_passed_after_a_restart_too() {
    let (mut sweeper, bench) = begin(config(""), None);
    let mut passed = Passed::remembered(&sweeper.config, &bench.history).await;
    bench.wanted.send_replace(Some(in_force("a", VERSIONED)));
    sweeper.obey(&mut passed, &mut None, Cause::Start).await;

    let again = |more: &str| begin(config(more), Some(Arc::clone(&bench.history)));
    let drift = |cloud: &MemoryCloud| {
        (0..3).for_each(|n| cloud.set(&id(&format!("data-{n}")), "versioning", &json!({"status": "Suspended"})));
    };
    let (mut sweeper, restarted) = again("");
    let mut passed = Passed::remembered(&sweeper.config, &restarted.history).await;
    restarted.wanted.send_replace(Some(in_force("a", VERSIONED)));
    drift(&restarted.cloud);
    for writes in [1, 2, 3, 3] {
        sweeper.obey(&mut passed, &mut None, Cause::Start).await;
        assert_eq!(restarted.cloud.count("write"), writes);
    }

    // Another revision, and a configuration that asks for something else, have to pass anew.
    for (more, revision) in [("", "b"), ("policies: {builtin: [tagged]}", "a"), ("mode: observe", "a")] {
        let (mut sweeper, restarted) = again(more);
        let mut passed = Passed::remembered(&sweeper.config, &restarted.history).await;
        restarted.wanted.send_replace(Some(in_force(revision, VERSIONED)));
        drift(&restarted.cloud);
        sweeper.obey(&mut passed, &mut None, Cause::Start).await;
        assert_eq!(restarted.cloud.count("write"), 0, "{more} {revision}");
    }
}

fn denied(cloud: &MemoryCloud, setting: &'static str, times: usize) {
    let effect = crate::cloud::memory::Effect::Fail(crate::cloud::S3ErrorKind::Denied);
    cloud.fail(crate::cloud::memory::Fault { verb: "read", bucket: String::new(), setting, times, effect });
}

fn suspend(cloud: &MemoryCloud) {
    (0..3).for_each(|n| cloud.set(&id(&format!("data-{n}")), "versioning", &json!({"status": "Suspended"})));
}

/// A revision passed while nothing could be seen, and was obeyed without a gate as soon as it could.
#[tokio::test]
async fn what_was_denied_when_a_revision_passed_is_gated_when_it_is_seen_after_a_restart_too() {
    let (mut sweeper, bench) = begin(config(""), None);
    let mut passed = Passed::remembered(&sweeper.config, &bench.history).await;
    bench.wanted.send_replace(Some(in_force("a", VERSIONED)));
    suspend(&bench.cloud);
    denied(&bench.cloud, "versioning", 3);
    sweeper.obey(&mut passed, &mut None, Cause::Start).await;
    for _ in 0..2 {
        sweeper.obey(&mut passed, &mut None, Cause::Schedule).await;
        assert_eq!((bench.cloud.count("write"), bench.board.breakers().len()), (0, 1));
    }

    let (mut sweeper, again) = begin(config(""), Some(Arc::clone(&bench.history)));
    let mut passed = Passed::remembered(&sweeper.config, &again.history).await;
    again.wanted.send_replace(Some(in_force("a", VERSIONED)));
    suspend(&again.cloud);
    sweeper.obey(&mut passed, &mut None, Cause::Start).await;
    assert_eq!((again.cloud.count("write"), again.board.breakers().len()), (0, 1));
    // Seen as it shall be, it has passed with the rest; what differs from then on is drift.
    (0..3).for_each(|n| again.cloud.set(&id(&format!("data-{n}")), "versioning", &json!({"status": "Enabled"})));
    sweeper.obey(&mut passed, &mut None, Cause::Schedule).await;
    suspend(&again.cloud);
    for writes in [1, 2, 3] {
        sweeper.obey(&mut passed, &mut None, Cause::Schedule).await;
        assert_eq!(again.cloud.count("write"), writes);
    }
}

/// One setting that the role may never read must not leave a daemon that began anew without a
/// revision that passed.
#[tokio::test]
async fn drift_in_what_was_seen_is_repaired_after_a_restart_while_something_is_denied() {
    let (mut sweeper, bench) = begin(config(""), None);
    let mut passed = Passed::remembered(&sweeper.config, &bench.history).await;
    bench.wanted.send_replace(Some(in_force("a", TAGGED)));
    denied(&bench.cloud, "tags", usize::MAX);
    sweeper.obey(&mut passed, &mut None, Cause::Start).await;

    let (mut sweeper, again) = begin(config(""), Some(Arc::clone(&bench.history)));
    let mut passed = Passed::remembered(&sweeper.config, &again.history).await;
    again.wanted.send_replace(Some(in_force("a", TAGGED)));
    denied(&again.cloud, "tags", usize::MAX);
    suspend(&again.cloud);
    for writes in [1, 2, 3] {
        sweeper.obey(&mut passed, &mut None, Cause::Schedule).await;
        assert_eq!(again.cloud.count("write"), writes);
    }
}
