//! What is told at the end.

use super::*;
use crate::clock::ManualClock;
use crate::metrics::MetricsOptions;
use crate::notify::sample;
use crate::notify::sink::{Sending, Sink};
use crate::notify::{Happening, State};
use crate::report::{Repair, RepairResult};

/// A receiver that never answers.
struct Dead;

impl Sink for Dead {
    fn service(&self) -> &'static str {
        "dead"
    }

    fn send<'a>(&'a self, _: &'a Notice) -> Sending<'a> {
        Box::pin(std::future::pending())
    }
}

/// What a sweep had repaired before it was broken off by the end of the daemon was never told.
#[tokio::test]
async fn what_was_repaired_before_the_end_waits_for_the_next_start_and_nothing_is_over() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(sample::at(30)));
    let board = Arc::new(Board::default());
    let options = MetricsOptions { process: false, ..MetricsOptions::default() };
    let history = Arc::new(History::in_memory("a test", Arc::clone(&clock)).expect("memory"));
    let (speaker, rules) = (sample::speaker(), sample::rules(""));
    let mut told = Told::default();
    news(&mut told, &sample::picture(1, vec![sample::drift("ai-open")]), &rules, &speaker);
    history.keep_told("it".to_owned(), told.take_changed(), Vec::new()).await.expect("kept");
    let letterbox = Arc::new(Letterbox::default());
    let repair = Repair {
        setting: "versioning",
        at: sample::at(29),
        changes: vec![sample::change("Suspended", "Enabled")],
        origins: Vec::new(),
        to: None,
        result: RepairResult::Applied,
    };
    letterbox.happened(&[Event::Repair { bucket: sample::id("ai-logs"), repair }]);
    let stop = CancellationToken::new();
    stop.cancel();
    let messenger = Messenger {
        places: vec![Place {
            name: "it".into(),
            rules,
            timeout: Duration::from_secs(10),
            give_up_after: Duration::from_secs(3600),
            sink: Arc::new(Dead),
        }],
        speaker,
        interval: Duration::from_secs(60),
        letterbox,
        board: Arc::clone(&board),
        history: Arc::clone(&history),
        metrics: Arc::new(Metrics::new(board, Arc::clone(&clock), options)),
        clock,
        pictures: watch::channel(Arc::default()).0,
        stop,
    };
    messenger.run().await;
    let waiting = history.outbox().await.expect("readable");
    let [it] = &waiting[..] else { panic!("one: {waiting:?}") };
    let notice: Notice = serde_json::from_str(&it.text).expect("a notice");
    assert_eq!((notice.happening, notice.state), (Happening::Repaired, State::Resolved));
    assert_eq!(notice.buckets, [sample::id("ai-logs")]);
    assert_eq!(history.told().await.expect("readable").len(), 1, "what is open stays open");
}
